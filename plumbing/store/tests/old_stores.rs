//! Stores of version 1, as the program of that time left them: they open, are read, go on, and move to
//! packs.
//!
//! `golden/` holds their files. Of sled's `db`, which ends in half a megabyte of zeroes, those are left
//! out.
#![expect(clippy::unwrap_used, reason = "tests may panic")]

mod common;

use common::{commit, copy, name, open, writer};
use roar_object::Kind;
use roar_store::{
    Finding, GcOptions, GcReport, Holder, Options, Severity, Spool, Store, Wait, fsck, gc,
};
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;

const DB: u64 = 524_287;

fn old(which: &str) -> (TempDir, Store) {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let dir = tempfile::tempdir().unwrap();
    copy(&golden.join(which), &dir.path().join(".roar"));
    let runs = dir.path().join(".roar/runs");
    std::fs::create_dir_all(&runs).unwrap();
    let db = dir.path().join(".roar/sled/db");
    if let Ok(file) = std::fs::File::options().write(true).open(db) {
        file.set_len(DB).unwrap();
    }
    let store = open(&dir);
    (dir, store)
}

fn marker(store: &Store) -> String {
    std::fs::read_to_string(store.dir().join("format")).unwrap()
}

fn collect(store: &Store) -> GcReport {
    let mut on_wait = |_: &Holder| {};
    let wait = Wait {
        up_to: Duration::from_secs(10),
        command: "test",
        on_wait: &mut on_wait,
    };
    gc(store, &GcOptions::asked(), wait).unwrap()
}

fn findings(store: &Store) -> Vec<Finding> {
    let mut findings = fsck(store, Options { full: true }).unwrap().findings;
    findings.retain(|finding| finding.severity > Severity::Info);
    findings
}

#[test]
fn what_an_old_store_recorded_is_read() {
    let (_dir, store) = old("recorded");
    let reader = store.reader();
    assert_eq!(reader.sequence().unwrap(), 8);
    let refs = reader.references("").unwrap();
    let names: Vec<_> = refs.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["notes/kept", "sessions/main"]);
    assert_eq!(reader.reflog(&name("notes/best")).unwrap().len(), 2);
    assert_eq!(reader.reflog(&name("sessions/main")).unwrap().len(), 5);
    let counts = reader.count().unwrap();
    assert_eq!((counts.of(Kind::Job), counts.packs), (5, 0));
    assert_eq!(findings(&store), []);
    assert_eq!(marker(&store), "roar store 1\n", "reading changes nothing");
}

#[test]
fn an_old_store_goes_on() {
    for which in ["empty", "recorded"] {
        let (_dir, store) = old(which);
        let before = store.reader().sequence().unwrap();
        let mut writing = writer(&store);
        assert_eq!(writing.take_notices(), [], "{which}");
        commit(&mut writing, 1);
        drop(writing);
        assert_eq!(marker(&store), "roar store 2\n");
        assert_eq!(store.reader().sequence().unwrap(), before + 1);
        assert_eq!(findings(&store), [], "{which}");
    }
}

#[test]
fn an_old_store_moves_to_packs() {
    let (_dir, store) = old("recorded");
    let before = store.reader();
    let (ids, refs) = (before.ids(None).unwrap(), before.references("").unwrap());
    let operations = before.operations().unwrap();
    let report = collect(&store);
    assert_eq!((report.commits, report.objects as usize), (8, ids.len()));
    assert_eq!(marker(&store), "roar store 2\n");
    let reader = open(&_dir).reader();
    assert_eq!(reader.ids(None).unwrap(), ids);
    assert_eq!(reader.references("").unwrap(), refs);
    assert_eq!(reader.operations().unwrap(), operations);
    reader
        .each_object(None, |object| {
            object.unwrap().verify().unwrap();
            ControlFlow::Continue(())
        })
        .unwrap();
    assert_eq!(findings(&store), []);
    let mut writing = writer(&store);
    assert_eq!(writing.take_notices(), []);
    commit(&mut writing, 1);
    drop(writing);
    assert_eq!(findings(&store), []);
}

#[test]
fn a_run_that_an_old_roar_could_not_finish_is_still_there() {
    let (_dir, store) = old("interrupted");
    let left = Spool::pending(&store.runs()).unwrap();
    assert_eq!(left.len(), 1);
    assert!(!left[0].alive);
    let frames = left[0].claim().unwrap().unwrap().read().unwrap();
    assert!(!frames.frames.is_empty() && !frames.torn);
    let report = collect(&store);
    assert!(report.kept.is_some(), "a run waits");
    assert_eq!(findings(&store), []);
}

#[test]
fn damage_of_an_old_store_is_not_hidden_by_moving_it() {
    let (_dir, store) = old("damaged");
    let before = findings(&store);
    let ids: Vec<_> = before.iter().map(|finding| finding.id).collect();
    assert_eq!(ids, ["journal-damaged", "journal-gap", "list-unreadable"]);
    let refs = store.reader().references("").unwrap();
    let report = collect(&store);
    assert_eq!((report.damaged_segment, report.commits), (Some(1), 0));
    let mut after = findings(&store);
    after.retain(|finding| finding.severity == Severity::Error);
    assert_eq!(after, before[..2]);
    assert_eq!(store.reader().references("").unwrap(), refs);
}
