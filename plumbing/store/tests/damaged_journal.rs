//! A journal that is damaged somewhere, with an index that is whole: nothing is lost by it.
#![expect(clippy::unwrap_used, reason = "tests may panic")]

mod common;

use common::{commit, copy, name, new_store, object, open, set, writer};
use roar_object::{Object, ObjectId, Objects, Session};
use roar_store::{
    Expect, GcOptions, Holder, Notice, Options, Severity, Store, Wait, fsck, gc, rebuild,
};
use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;
use tempfile::TempDir;

const COMMITS: u64 = 5;

fn segment(store: &Store) -> PathBuf {
    store.dir().join("journal/00000001.rj")
}

fn with_wait<T>(work: impl FnOnce(Wait<'_>) -> T) -> T {
    let mut on_wait = |_: &Holder| {};
    work(Wait {
        up_to: Duration::from_secs(9),
        command: "test",
        on_wait: &mut on_wait,
    })
}

fn mend(store: &Store) -> Vec<Notice> {
    with_wait(|wait| rebuild(store, wait)).unwrap()
}

/// A store at rest, each of whose commits brings an object and a ref of its own, and where each is.
fn model() -> (TempDir, Store, Vec<Range<u64>>) {
    let (_dir, store) = new_store();
    let mut writing = writer(&store);
    let len = || std::fs::metadata(segment(&store)).unwrap().len();
    let frames = (1..=COMMITS).map(|number| {
        let start = len();
        let own = object(100 + number);
        let id = Some(own.id());
        let refs = format!("own/{number}");
        set(
            &mut writing,
            &refs,
            Expect::Any,
            id,
            vec![own, object(number)],
        )
        .unwrap();
        start..len()
    });
    let frames = frames.collect();
    let (dir, store) = at_rest(&store);
    (dir, store, frames)
}

/// Copies a store to where no process has it open.
fn at_rest(store: &Store) -> (TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    copy(store.dir(), &dir.path().join(".roar"));
    let store = open(&dir);
    (dir, store)
}

fn damaged(model: &Store, at: usize) -> (TempDir, Store) {
    let (dir, store) = at_rest(model);
    let mut bytes = std::fs::read(segment(&store)).unwrap();
    for byte in bytes.iter_mut().skip(at).take(2) {
        *byte ^= 0x5a;
    }
    std::fs::write(segment(&store), bytes).unwrap();
    (dir, store)
}

fn refs_of(store: &Store) -> Vec<(roar_store::RefName, ObjectId)> {
    store.reader().references("").unwrap()
}

fn assert_all_there(store: &Store, model: &Store, what: &str) {
    assert_eq!(refs_of(store), refs_of(model), "{what}");
    let reader = store.reader();
    for number in (1..=COMMITS).chain(101..=100 + COMMITS) {
        let found = reader.find(object(number).id()).unwrap();
        assert_eq!(found, Some(object(number)), "{what}");
    }
    assert_eq!(reader.damage(), None, "{what}");
    let report = fsck(store, Options { full: true }).unwrap();
    assert!(
        report.worst().is_none_or(|worst| worst < Severity::Error),
        "{what}: {report:?}"
    );
}

#[test]
fn a_rebuild_brings_everything_back_wherever_the_journal_is_damaged() {
    let (_dir, model, frames) = model();
    let len = frames.last().unwrap().end as usize;
    for at in (0..len).step_by(if cfg!(debug_assertions) { 7 } else { 1 }) {
        let (_dir, store) = damaged(&model, at);
        let notices = mend(&store);
        let what = format!("byte {at}: {notices:?}");
        assert_all_there(&store, &model, &what);
        std::fs::remove_file(store.dir().join("refs")).unwrap();
        assert_all_there(&store, &model, &format!("{what}, from the journal alone"));
    }
}

#[test]
fn a_writer_fills_a_hole_and_a_reader_tells_of_it_before() {
    let (_dir, model, frames) = model();
    for (number, frame) in (1..).zip(&frames[..frames.len() - 1]) {
        let (_dir, store) = damaged(&model, frame.start as usize + 50);
        let told = store.reader().damage();
        assert!(
            matches!(told, Some(Notice::JournalDamaged { segment: 1, .. })),
            "{told:?}"
        );
        let before = std::fs::read(segment(&store)).unwrap();
        let mut writing = writer(&store);
        let notices = writing.take_notices();
        let salvaged = Notice::Salvaged {
            commits_back: 1,
            commits_lost: 0,
            objects_back: 2,
            objects_lost: 0,
            aside: Some(store.dir().join("aside/00000001.rj")),
        };
        assert!(notices.contains(&salvaged), "{number}: {notices:?}");
        let kept = std::fs::read(store.dir().join("aside/00000001.rj")).unwrap();
        assert_eq!(kept, before);
        assert!(store.dir().join("aside/sled/db").exists());
        assert_all_there(&store, &model, &format!("commit {number}"));
        commit(&mut writing, 77);
        drop(writing);
        assert_eq!(writer(&store).take_notices(), []);
        let _ = with_wait(|wait| gc(&store, &GcOptions::asked(), wait)).unwrap();
        assert_eq!(
            store.reader().find(object(3).id()).unwrap(),
            Some(object(3))
        );
        assert_eq!(writer(&store).take_notices(), []);
    }
}

#[test]
fn without_the_index_a_hole_stays_as_it_is_until_it_is_given_up() {
    let (_dir, model, frames) = model();
    let (_dir, store) = damaged(&model, frames[1].start as usize + 50);
    std::fs::remove_dir_all(store.dir().join("sled")).unwrap();
    let mut writing = writer(&store);
    let told = writing.take_notices();
    let salvage = told.iter().find(|it| matches!(it, Notice::Salvaged { .. }));
    assert_eq!(salvage, None);
    commit(&mut writing, 77);
    let (_dir, store) = at_rest(&store);
    let before = std::fs::read(segment(&store)).unwrap();
    assert!(store.reader().damage().is_some());
    let notices = mend(&store);
    let lost = notices.iter().any(|it| {
        matches!(
            it,
            Notice::Salvaged {
                commits_lost: 1,
                ..
            }
        )
    });
    assert!(lost, "{notices:?}");
    let kept = std::fs::read(store.dir().join("aside/00000001.rj")).unwrap();
    assert_eq!(kept, before);
    assert_eq!(store.reader().damage(), None);
    assert_eq!(
        store.reader().find(object(77).id()).unwrap(),
        Some(object(77))
    );
}

#[test]
fn an_object_too_long_for_the_index_comes_back_from_a_damaged_commit() {
    let (_dir, store) = new_store();
    let mut writing = writer(&store);
    let long = Object::encode(&Session::begin(&"long ".repeat(2000), 0));
    set(
        &mut writing,
        "long",
        Expect::Any,
        Some(long.id()),
        vec![long.clone()],
    )
    .unwrap();
    commit(&mut writing, 1);
    let (_dir, model) = at_rest(&store);
    let (_dir, store) = damaged(&model, 60);
    let _ = mend(&store);
    assert_eq!(refs_of(&store), refs_of(&model));
    assert_eq!(store.reader().find(long.id()).unwrap(), Some(long));
}

#[test]
fn a_salvage_of_a_hole_that_was_killed_is_done_again_or_is_done() {
    let (_dir, model, frames) = model();
    let (_dir, harmed) = damaged(&model, frames[2].start as usize + 10);
    let (_done_dir, done) = at_rest(&harmed);
    drop(writer(&done));
    let second = done.dir().join("journal/00000002.rj");
    let second = std::fs::read(second).unwrap();
    for written in [5, 32, 60, second.len() - 1, second.len()] {
        let (_dir, store) = at_rest(&harmed);
        let path = store.dir().join("journal/00000002.rj");
        std::fs::write(path, &second[..written]).unwrap();
        let _ = writer(&store).take_notices();
        assert_all_there(&store, &model, &format!("{written} bytes"));
        assert_eq!(writer(&store).take_notices(), [], "{written}");
    }
}

#[test]
fn a_rebuild_keeps_an_index_that_knows_more_than_the_journal() {
    let (_dir, store) = new_store();
    let mut writing = writer(&store);
    commit(&mut writing, 1);
    let (end, old) = (
        std::fs::metadata(segment(&store)).unwrap().len(),
        std::fs::read(store.dir().join("refs")).unwrap(),
    );
    commit(&mut writing, 2);
    let (_dir, store) = at_rest(&store);
    let file = std::fs::File::options()
        .write(true)
        .open(segment(&store))
        .unwrap();
    file.set_len(end).unwrap();
    std::fs::write(store.dir().join("refs"), old).unwrap();
    let _ = mend(&store);
    assert_eq!(
        store.reader().reference(&name("main")).unwrap(),
        Some(object(2).id())
    );
}

#[test]
fn the_index_alone_makes_up_for_several_holes() {
    let (_dir, model, frames) = model();
    for holes in 1..1_usize << frames.len() {
        for mend in [mend, |store: &Store| writer(store).take_notices()] {
            let (_dir, store) = at_rest(&model);
            let mut bytes = std::fs::read(segment(&store)).unwrap();
            let harmed = frames
                .iter()
                .enumerate()
                .filter(|(at, _)| holes >> at & 1 == 1);
            for (_, frame) in harmed {
                bytes[frame.start as usize + 40] ^= 1;
            }
            std::fs::write(segment(&store), bytes).unwrap();
            std::fs::remove_file(store.dir().join("refs")).unwrap();
            let notices = mend(&store);
            let what = format!("{holes:b}: {notices:?}");
            assert_all_there(&store, &model, &what);
            let back = notices.iter().find_map(|it| match it {
                Notice::Salvaged { commits_back, .. } => Some(*commits_back),
                _ => None,
            });
            assert_eq!(back, Some(u64::from(holes.count_ones())), "{what}");
        }
    }
}
