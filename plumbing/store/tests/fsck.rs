//! Each kind of damage is found and named.
#![expect(clippy::unwrap_used, reason = "tests may panic")]

mod common;

use common::{commit, copy, name, new_store, object, open, set, writer};
use roar_object::{FindError, Objects};
use roar_store::{Expect, Holder, Notice, Options, Report, Severity, Store, Wait, fsck, rebuild};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

const FULL: Options = Options { full: true };

/// A store with ten commits that no process has open, and its first segment.
fn store_of_ten() -> (TempDir, Store, PathBuf) {
    let (dir, store) = new_store();
    let mut writing = writer(&store);
    for number in 1..=10 {
        commit(&mut writing, number);
    }
    let copied = tempfile::tempdir().unwrap();
    copy(&dir.path().join(".roar"), &copied.path().join(".roar"));
    let store = open(&copied);
    let segment = store.dir().join("journal/00000001.rj");
    (copied, store, segment)
}

fn ids(report: &Report) -> Vec<&'static str> {
    report.findings.iter().map(|finding| finding.id).collect()
}

fn flip(path: &Path, at: usize) {
    let mut bytes = std::fs::read(path).unwrap();
    bytes[at] ^= 0x10;
    std::fs::write(path, bytes).unwrap();
}

/// Returns where in the journal the body of an object is.
fn body_of(segment: &Path, number: u64) -> usize {
    let bytes = std::fs::read(segment).unwrap();
    let body = object(number).into_body();
    bytes
        .windows(body.len())
        .position(|window| window == body)
        .unwrap()
}

#[test]
fn a_sound_store_has_no_findings() {
    let (_dir, store, _) = store_of_ten();
    let report = fsck(&store, FULL).unwrap();
    assert_eq!(report.findings, []);
    assert_eq!(report.counts.total(), 10);
    let empty = new_store();
    assert_eq!(ids(&fsck(&empty.1, FULL).unwrap()), ["index-missing"]);
}

#[test]
fn a_changed_body_is_found_and_spoils_nothing_else() {
    let (_dir, store, segment) = store_of_ten();
    flip(&segment, body_of(&segment, 4) + 5);
    let report = fsck(&store, FULL).unwrap();
    assert_eq!(ids(&report), ["object-damaged"]);
    assert_eq!(report.findings[0].subject, object(4).id().to_string());
    let reader = store.reader();
    assert!(matches!(
        reader.find(object(4).id()),
        Err(FindError::Decode(_))
    ));
    assert_eq!(reader.find(object(5).id()).unwrap(), Some(object(5)));
}

#[test]
fn a_changed_head_is_found_and_the_frames_after_it_are_read() {
    let (_dir, store, segment) = store_of_ten();
    let at = body_of(&segment, 4) - 20;
    flip(&segment, at);
    let report = fsck(&store, FULL).unwrap();
    let mut found = ids(&report);
    found.retain(|id| !id.starts_with("index"));
    assert_eq!(found, ["journal-damaged", "journal-gap"]);
    assert!(
        report.findings[0]
            .subject
            .starts_with("journal/00000001.rj:")
    );
    let reader = store.reader();
    assert_eq!(reader.find(object(4).id()).unwrap(), None);
    for number in [3, 5, 10] {
        assert_eq!(
            reader.find(object(number).id()).unwrap(),
            Some(object(number))
        );
    }
}

#[test]
fn a_damaged_last_commit_is_not_taken_for_a_torn_one() {
    let (_dir, store, segment) = store_of_ten();
    let at = body_of(&segment, 10) - 20;
    for damage in [at, at - 120] {
        let copied = tempfile::tempdir().unwrap();
        copy(store.dir(), &copied.path().join(".roar"));
        let store = open(&copied);
        let segment = store.dir().join("journal/00000001.rj");
        flip(&segment, damage);
        let before = std::fs::read(&segment).unwrap();
        assert!(ids(&fsck(&store, FULL).unwrap()).contains(&"journal-damaged"));
        let eleven = commit(&mut writer(&store), 11);
        commit(&mut writer(&store), 12);
        let after = std::fs::read(&segment).unwrap();
        assert!(after.starts_with(&before), "nothing was cut off");
        let reader = store.reader();
        assert!(reader.has(eleven).unwrap());
        assert_eq!(
            reader.find(object(10).id()).unwrap(),
            Some(object(10)),
            "the index had it"
        );
        assert_eq!(reader.sequence().unwrap(), 13);
        assert_eq!(
            reader.reference(&name("main")).unwrap(),
            Some(object(12).id())
        );
    }
}

#[test]
fn a_torn_tail_is_cut_by_the_next_writer() {
    let (_dir, store, segment) = store_of_ten();
    let whole = std::fs::read(&segment).unwrap();
    for extra in [1, 8, 68, 100, 300] {
        let torn = [&whole[..], &whole[32..32 + extra.min(250)]].concat();
        std::fs::write(&segment, &torn[..whole.len() + extra.min(120)]).unwrap();
        let report = fsck(&store, FULL).unwrap();
        assert!(
            ids(&report).contains(&"journal-torn"),
            "{extra}: {report:?}"
        );
        assert_eq!(store.reader().sequence().unwrap(), 10);
        let mut writing = writer(&store);
        let cut = Notice::TailCut {
            segment: 1,
            aside: None,
        };
        assert_eq!(writing.take_notices(), [cut]);
        assert_eq!(std::fs::read(&segment).unwrap(), whole);
    }
}

#[test]
fn a_tail_that_nothing_vouches_for_is_kept_aside() {
    let (_dir, store, segment) = store_of_ten();
    std::fs::remove_file(store.dir().join("refs")).unwrap();
    std::fs::remove_dir_all(store.dir().join("sled")).unwrap();
    let whole = std::fs::read(&segment).unwrap();
    let cut = whole.len() - 3;
    std::fs::write(&segment, &whole[..cut]).unwrap();
    let mut writing = writer(&store);
    let notices = writing.take_notices();
    let [
        Notice::TailCut {
            aside: Some(aside), ..
        },
    ] = &notices[..]
    else {
        panic!("{notices:?}");
    };
    assert!(whole[..cut].ends_with(&std::fs::read(aside).unwrap()));
    assert_eq!(writing.sequence().unwrap(), 9);
}

#[test]
fn what_is_derived_is_checked_and_made_again() {
    for file in ["refs", "sled/db"] {
        let (_dir, store, _) = store_of_ten();
        let path = store.dir().join(file);
        let len = std::fs::read(&path).unwrap().len();
        std::fs::write(&path, vec![0x55; len]).unwrap();
        let report = fsck(&store, FULL).unwrap();
        assert!(!report.findings.is_empty(), "{file}");
        assert!(
            report.worst() <= Some(Severity::Warning),
            "{file}: {report:?}"
        );
        assert_eq!(store.reader().sequence().unwrap(), 10);
        let mut on_wait = |_: &Holder| {};
        let wait = Wait {
            up_to: Duration::from_secs(9),
            command: "test",
            on_wait: &mut on_wait,
        };
        rebuild(&store, wait).unwrap();
        assert_eq!(fsck(&store, FULL).unwrap().findings, [], "{file}");
    }
}

#[test]
fn a_ref_and_a_link_that_lead_nowhere_are_found() {
    let (_dir, store) = new_store();
    let mut writing = writer(&store);
    let nowhere = object(1).id();
    set(&mut writing, "bad", Expect::Any, Some(nowhere), vec![]).unwrap();
    let child = roar_object::Object::encode(&roar_object::Session::ran(
        object(2).id(),
        1,
        0,
        object(3).id(),
        "@1".parse().unwrap(),
    ));
    set(
        &mut writing,
        "child",
        Expect::Any,
        Some(child.id()),
        vec![child.clone()],
    )
    .unwrap();
    drop(writing);
    let report = fsck(&store, Options::default()).unwrap();
    assert_eq!(
        ids(&report),
        ["ref-dangling", "object-missing", "object-missing"]
    );
    assert_eq!(report.worst(), Some(Severity::Error));
}

#[test]
fn a_missing_segment_is_found() {
    let (_dir, store, segment) = store_of_ten();
    let third = store.dir().join("journal/00000003.rj");
    std::fs::rename(&segment, &third).unwrap();
    let report = fsck(&store, FULL).unwrap();
    assert_eq!(report.worst(), Some(Severity::Error), "{report:?}");
    assert!(
        ids(&report).contains(&"journal-damaged"),
        "another segment's header is no header"
    );
    assert!(
        store.reader().has(object(7).id()).unwrap(),
        "its frames are right"
    );
}
