//! A journal that ends before what was acknowledged: told to those who ask, mended by those who write.
#![expect(clippy::unwrap_used, reason = "tests may panic")]

mod common;

use common::{commit, copy, name, new_store, object, open, set, writer};
use roar_object::{Object, ObjectId, Objects, Session};
use roar_store::{Expect, Holder, Notice, Options, Store, Wait, fsck, rebuild};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

fn segment(store: &Store, number: u32) -> PathBuf {
    store.dir().join(format!("journal/{number:08}.rj"))
}

/// Copies a store to where no process has it open.
fn at_rest(store: &Store) -> (TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    copy(store.dir(), &dir.path().join(".roar"));
    let store = open(&dir);
    (dir, store)
}

/// A store with ten commits, and where each ends.
fn store_of_ten() -> (TempDir, Store, Vec<u64>) {
    let (_dir, store) = new_store();
    let mut writing = writer(&store);
    let ends = (1..=10).map(|number| {
        commit(&mut writing, number);
        std::fs::metadata(segment(&store, 1)).unwrap().len()
    });
    let ends = ends.collect();
    let (dir, store) = at_rest(&store);
    (dir, store, ends)
}

fn truncate(path: &Path, len: u64) {
    let file = std::fs::File::options().write(true).open(path).unwrap();
    file.set_len(len).unwrap();
}

fn salvaged(notices: &[Notice]) -> (u64, u64, usize, usize) {
    let found = notices.iter().find_map(|notice| match notice {
        Notice::Salvaged {
            commits_back,
            commits_lost,
            objects_back,
            objects_lost,
            ..
        } => Some((*commits_back, *commits_lost, *objects_back, *objects_lost)),
        _ => None,
    });
    found.unwrap_or_else(|| panic!("{notices:?}"))
}

fn refs_of(store: &Store) -> Vec<(roar_store::RefName, ObjectId)> {
    store.reader().references("").unwrap()
}

/// What is wrong beyond the hole in the journal, which stays.
fn other_findings(store: &Store) -> Vec<&'static str> {
    let report = fsck(store, Options { full: true }).unwrap();
    let ids = report.findings.iter().map(|finding| finding.id);
    ids.filter(|id| !["journal-mended", "kept-aside"].contains(id))
        .collect()
}

#[test]
fn a_reader_tells_that_the_end_is_missing() {
    let (_dir, store, ends) = store_of_ten();
    assert_eq!(store.reader().damage(), None);
    truncate(&segment(&store, 1), ends[6] + 50);
    let damage = Notice::CommitsMissing {
        reached: 7,
        acknowledged: 10,
    };
    let reader = store.reader();
    assert_eq!(reader.damage(), Some(damage));
    assert_eq!(
        reader.reference(&name("main")).unwrap(),
        Some(object(7).id())
    );
}

#[test]
fn a_writer_brings_back_what_the_index_has() {
    for (kept, extra) in [(7, 0), (7, 50), (1, 9), (9, 1)] {
        let (_dir, store, ends) = store_of_ten();
        let before = refs_of(&store);
        truncate(&segment(&store, 1), ends[kept - 1] + extra);
        let cut = std::fs::read(segment(&store, 1)).unwrap();
        let mut writing = writer(&store);
        let notices = writing.take_notices();
        let gone = 10 - kept;
        assert_eq!(salvaged(&notices), (gone as u64, 0, gone, 0), "{notices:?}");
        assert_eq!(
            std::fs::read(store.dir().join("aside/00000001.rj")).unwrap(),
            cut
        );
        assert_eq!(refs_of(&store), before);
        assert_eq!(store.reader().damage(), None);
        assert_eq!(store.reader().sequence().unwrap(), 11);
        for number in 1..=10 {
            let there = writing.find(object(number).id()).unwrap();
            assert_eq!(there, Some(object(number)));
        }
        let eleven = object(11);
        let id = Some(eleven.id());
        let receipt = set(&mut writing, "main", Expect::Any, id, vec![eleven]).unwrap();
        assert_eq!(receipt.sequence, 12);
        drop(writing);
        assert_eq!(writer(&store).take_notices(), []);
        assert_eq!(other_findings(&store), [""; 0]);
    }
}

#[test]
fn a_journal_of_which_nothing_is_left_comes_back() {
    for len in [0, 31, 32] {
        let (_dir, store, _) = store_of_ten();
        let before = refs_of(&store);
        truncate(&segment(&store, 1), len);
        let notices = writer(&store).take_notices();
        assert_eq!(salvaged(&notices), (10, 0, 10, 0));
        assert_eq!(refs_of(&store), before);
        assert_eq!(store.reader().sequence().unwrap(), 11);
    }
}

#[test]
fn a_journal_whose_directory_is_gone_comes_back() {
    let (_dir, store, _) = store_of_ten();
    let before = refs_of(&store);
    std::fs::remove_dir_all(store.dir().join("journal")).unwrap();
    let notices = writer(&store).take_notices();
    assert_eq!(salvaged(&notices), (10, 0, 10, 0));
    assert_eq!(refs_of(&store), before);
    assert_eq!(other_findings(&store), [""; 0]);
}

#[test]
fn the_index_alone_is_enough() {
    let (_dir, store, ends) = store_of_ten();
    let before = refs_of(&store);
    std::fs::remove_file(store.dir().join("refs")).unwrap();
    truncate(&segment(&store, 1), ends[4]);
    let notices = writer(&store).take_notices();
    assert_eq!(salvaged(&notices), (5, 0, 5, 0));
    assert_eq!(refs_of(&store), before);
}

#[test]
fn without_the_index_numbers_are_still_not_used_again() {
    let (_dir, store, ends) = store_of_ten();
    std::fs::remove_dir_all(store.dir().join("sled")).unwrap();
    truncate(&segment(&store, 1), ends[4] + 3);
    for round in 0..3 {
        let mut writing = writer(&store);
        let notices = writing.take_notices();
        if round == 0 {
            assert_eq!(salvaged(&notices), (0, 5, 0, 0));
        } else {
            assert_eq!(notices, [], "it is told once");
        }
        assert!(!segment(&store, 3).exists());
    }
    let main = Some(object(5).id());
    assert_eq!(store.reader().reference(&name("main")).unwrap(), main);
    let twelve = object(12);
    let id = Some(twelve.id());
    let receipt = set(&mut writer(&store), "main", Expect::Any, id, vec![twelve]).unwrap();
    assert_eq!(receipt.sequence, 11);
}

/// A link of a session whose command line is too long for the index.
fn long(number: u64) -> Object {
    let text = "long ".repeat(2000);
    Object::encode(&Session::begin(&format!("{text}{number}"), 0))
}

fn child_of(parent: ObjectId) -> Object {
    let step = "@1".parse().unwrap();
    Object::encode(&Session::ran(parent, 1, 0, object(1).id(), step))
}

#[test]
fn a_ref_goes_to_the_newest_value_of_which_everything_is_there() {
    let (_dir, store) = new_store();
    let mut writing = writer(&store);
    commit(&mut writing, 1);
    let end = std::fs::metadata(segment(&store, 1)).unwrap().len();
    let (whole, lost) = (child_of(object(1).id()), long(3));
    let broken = child_of(lost.id());
    for objects in [vec![whole.clone()], vec![lost, broken]] {
        let id = objects.last().map(Object::id);
        set(&mut writing, "main", Expect::Any, id, objects).unwrap();
    }
    let other = Some(object(1).id());
    set(&mut writing, "other", Expect::Any, other, vec![]).unwrap();
    let (_dir, store) = at_rest(&store);
    truncate(&segment(&store, 1), end);
    let notices = writer(&store).take_notices();
    assert_eq!(salvaged(&notices), (2, 1, 2, 1));
    let reader = store.reader();
    assert_eq!(reader.reference(&name("main")).unwrap(), Some(whole.id()));
    assert_eq!(reader.reference(&name("other")).unwrap(), other);
    assert_eq!(other_findings(&store), [""; 0]);
}

#[test]
fn a_ref_that_was_deleted_stays_deleted() {
    let (_dir, store) = new_store();
    let mut writing = writer(&store);
    let one = commit(&mut writing, 1);
    let end = std::fs::metadata(segment(&store, 1)).unwrap().len();
    set(&mut writing, "main", Expect::Is(one), None, vec![]).unwrap();
    let (_dir, store) = at_rest(&store);
    truncate(&segment(&store, 1), end);
    assert_eq!(salvaged(&writer(&store).take_notices()), (1, 0, 0, 0));
    assert_eq!(refs_of(&store), []);
}

#[test]
fn a_salvage_that_was_killed_is_done_again_or_is_done() {
    let (_dir, store, ends) = store_of_ten();
    let before = refs_of(&store);
    truncate(&segment(&store, 1), ends[4] + 7);
    let (_done_dir, done) = at_rest(&store);
    drop(writer(&done));
    let second = std::fs::read(segment(&done, 2)).unwrap();
    for written in [5, 32, 60, second.len() - 1, second.len()] {
        let (_dir, store) = at_rest(&store);
        std::fs::write(segment(&store, 2), &second[..written]).unwrap();
        let notices = writer(&store).take_notices();
        if written < second.len() {
            assert_eq!(salvaged(&notices), (5, 0, 5, 0), "{written}");
        }
        assert_eq!(refs_of(&store), before, "{written}");
        assert_eq!(store.reader().damage(), None, "{written}");
        assert!(store.reader().sequence().unwrap() >= 11, "{written}");
        assert_eq!(writer(&store).take_notices(), [], "{written}");
    }
}

#[test]
fn a_rebuild_brings_back_before_it_removes_the_index() {
    let (_dir, store, ends) = store_of_ten();
    let before = refs_of(&store);
    truncate(&segment(&store, 1), ends[2]);
    let mut on_wait = |_: &Holder| {};
    let wait = Wait {
        up_to: Duration::from_secs(9),
        command: "test",
        on_wait: &mut on_wait,
    };
    assert_eq!(salvaged(&rebuild(&store, wait).unwrap()), (7, 0, 7, 0));
    assert_eq!(refs_of(&store), before);
}

#[test]
fn a_closed_segment_that_is_missing_or_cut_short_is_told() {
    let (_dir, store) = new_store();
    let mut writing = writer(&store);
    for number in 0..3 {
        let text = number.to_string().repeat(8 << 20);
        let large = Object::encode(&Session::begin(&text, 0));
        let id = Some(large.id());
        set(&mut writing, "main", Expect::Any, id, vec![large]).unwrap();
    }
    assert_eq!(store.reader().damage(), None);
    let missing = Some(Notice::SegmentMissing { segment: 2 });
    truncate(&segment(&store, 2), 5000);
    assert_eq!(store.reader().damage(), missing);
    std::fs::remove_file(segment(&store, 2)).unwrap();
    assert_eq!(store.reader().damage(), missing);
}

#[test]
fn commits_that_the_index_does_not_know_are_lost_and_told() {
    let (_dir, store, ends) = store_of_ten();
    let mut writing = writer(&store);
    let old = tempfile::tempdir().unwrap();
    copy(&store.dir().join("sled"), &old.path().join("sled"));
    for number in 11..=13 {
        commit(&mut writing, number);
    }
    let (_dir, store) = at_rest(&store);
    std::fs::remove_dir_all(store.dir().join("sled")).unwrap();
    copy(&old.path().join("sled"), &store.dir().join("sled"));
    truncate(&segment(&store, 1), ends[5]);
    let mut writing = writer(&store);
    assert_eq!(salvaged(&writing.take_notices()), (4, 3, 4, 0));
    let main = Some(object(10).id());
    assert_eq!(store.reader().reference(&name("main")).unwrap(), main);
    assert_eq!(writing.sequence().unwrap(), 14);
    drop(writing);
    assert_eq!(other_findings(&store), [""; 0]);
}

#[test]
fn the_index_of_another_store_is_not_salvaged_from() {
    let (_dir, store, ends) = store_of_ten();
    let (_other_dir, other) = new_store();
    let mut writing = writer(&other);
    for number in 101..=120 {
        commit(&mut writing, number);
    }
    std::fs::remove_dir_all(store.dir().join("sled")).unwrap();
    copy(&other.dir().join("sled"), &store.dir().join("sled"));
    truncate(&segment(&store, 1), ends[4]);
    assert_eq!(salvaged(&writer(&store).take_notices()), (0, 5, 0, 0));
    let main = Some(object(5).id());
    assert_eq!(store.reader().reference(&name("main")).unwrap(), main);
    assert!(!store.reader().has(object(120).id()).unwrap());
}
