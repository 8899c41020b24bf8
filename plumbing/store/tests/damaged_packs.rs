//! Packs, their indexes, the base and the logs, each damaged in every way: it is found, what is whole is
//! read, nothing wrong ever is, and what can be made again is.
#![expect(clippy::unwrap_used, reason = "tests may panic")]

mod common;

use common::{commit, copy, name, new_store, object, open, writer};
use roar_object::Objects;
use roar_store::{
    GcOptions, GcReport, Holder, Kept, Options, Severity, Store, Wait, fsck, gc, rebuild,
};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

fn collect(store: &Store, options: &GcOptions) -> GcReport {
    gc(store, options, wait(&mut |_| {})).unwrap()
}

fn wait<'w>(on_wait: &'w mut dyn FnMut(&Holder)) -> Wait<'w> {
    Wait {
        up_to: Duration::from_secs(10),
        command: "test",
        on_wait,
    }
}

const OBJECTS: u64 = 60;

/// A store with three packs: objects are numbered from 0, and `main` names the last.
fn packed() -> (TempDir, Store) {
    let (dir, store) = new_store();
    let sizes: [u64; 3] = [40, 15, 5];
    let mut next = 0;
    for count in sizes {
        let mut writing = writer(&store);
        for number in next..next + count {
            commit(&mut writing, number);
        }
        drop(writing);
        collect(&store, &GcOptions::automatic());
        next += count;
    }
    (dir, store)
}

fn files(store: &Store, extension: &str) -> Vec<PathBuf> {
    let dirs = [
        store.dir().to_owned(),
        store.dir().join("packs"),
        store.dir().join("reflog"),
    ];
    let entries = dirs.iter().flat_map(|dir| std::fs::read_dir(dir).unwrap());
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut found: Vec<_> = paths
        .filter(|path| path.extension().is_some_and(|it| it == extension))
        .collect();
    found.sort();
    found
}

/// Ways to damage a file.
fn damaged(bytes: &[u8], way: usize) -> Option<Vec<u8>> {
    let middle = bytes.len() / 2;
    let mut changed = bytes.to_vec();
    match way {
        0 => return None,
        1 => changed.clear(),
        2 => changed.truncate(middle),
        3 => changed.truncate(bytes.len() - 1),
        4 => changed[0] ^= 1,
        5 => changed[middle] ^= 0x10,
        6 => *changed.last_mut().unwrap() ^= 0x80,
        7 => changed.fill(0),
        8 => changed[middle..].fill(0),
        9 => changed.extend_from_slice(b"more"),
        _ => unreachable!("there are ten ways"),
    }
    Some(changed)
}

const WAYS: usize = 10;

fn put(path: &Path, bytes: Option<Vec<u8>>) {
    match bytes {
        Some(bytes) => std::fs::write(path, bytes).unwrap(),
        None => std::fs::remove_file(path).unwrap(),
    }
}

/// What is found, at least as bad as a warning.
fn found(store: &Store) -> Vec<(Severity, &'static str)> {
    let report = fsck(store, Options { full: true }).unwrap();
    let findings = report.findings.iter();
    findings
        .filter(|finding| finding.severity > Severity::Info)
        .map(|finding| (finding.severity, finding.id))
        .collect()
}

/// Returns how many objects are there, each of which is right.
fn right(store: &Store) -> u64 {
    let reader = store.reader();
    let is_there = |number: &u64| {
        let found = reader.find(object(*number).id());
        assert!(
            matches!(&found, Ok(None) | Err(_))
                || found.as_ref().unwrap() == &Some(object(*number))
        );
        matches!(found, Ok(Some(_)))
    };
    (0..OBJECTS).filter(is_there).count() as u64
}

/// Damages every file of a kind in every way, each in a copy of the store.
fn for_each_damage(extension: &str, mut judge: impl FnMut(&Store, &str)) {
    let (_dir, store) = packed();
    let count = files(&store, extension).len();
    assert!(count > 0, "{extension}");
    for at in 0..count {
        for way in 0..WAYS {
            let copied = tempfile::tempdir().unwrap();
            copy(store.dir(), &copied.path().join(".roar"));
            let store = open(&copied);
            let path = &files(&store, extension)[at];
            let bytes = std::fs::read(path).unwrap();
            put(path, damaged(&bytes, way));
            judge(&store, &format!("{}, way {way}", path.display()));
        }
    }
}

#[test]
fn a_damaged_pack_is_found_and_what_is_whole_of_it_is_read() {
    let mut whole = 0;
    for_each_damage("rpk", |store, told| {
        let found = found(store);
        assert!(
            found
                .iter()
                .any(|(severity, _)| *severity == Severity::Error),
            "{told}: {found:?}"
        );
        let readable = right(store);
        assert!(readable >= 20, "{told}: the other packs have {readable}");
        whole += u64::from(readable == OBJECTS);
        assert!(store.reader().reference(&name("main")).unwrap().is_some());
        let report = collect(store, &GcOptions::asked());
        assert!(report.pruned.is_empty(), "{told}");
        let is_seen = report
            .kept
            .as_ref()
            .is_some_and(|kept| matches!(kept, Kept::Damaged { .. }));
        assert!(is_seen || report.merged.is_empty(), "{told}: {report:?}");
        assert!(
            right(store) >= readable,
            "{told}: collecting makes it no worse"
        );
        commit(&mut writer(store), 100);
        assert!(store.reader().has(object(100).id()).unwrap());
    });
    assert!(whole > 0, "damage to the name at the end costs nothing");
}

#[test]
fn a_damaged_index_is_found_and_made_again() {
    for_each_damage("rix", |store, told| {
        let before = found(store);
        assert!(
            before.iter().any(|(_, id)| id.starts_with("pack-index")),
            "{told}: {before:?}"
        );
        right(store);
        rebuild(store, wait(&mut |_| {})).unwrap();
        assert_eq!(found(store), [], "{told}");
        assert_eq!(right(store), OBJECTS, "{told}");
    });
}

#[test]
fn a_damaged_index_over_all_packs_is_made_again_and_costs_nothing() {
    let (_dir, store) = packed();
    if files(&store, "rmx").is_empty() {
        panic!("three packs have one");
    }
    for_each_damage("rmx", |store, told| {
        assert_eq!(right(store), OBJECTS, "{told}");
        rebuild(store, wait(&mut |_| {})).unwrap();
        assert_eq!(found(store), [], "{told}");
    });
}

#[test]
fn a_damaged_log_is_found_and_costs_only_what_it_told() {
    for_each_damage("rl", |store, told| {
        let found = found(store);
        assert!(
            found.contains(&(Severity::Error, "log-damaged")),
            "{told}: {found:?}"
        );
        assert_eq!(right(store), OBJECTS, "{told}");
        let reader = store.reader();
        assert!(reader.reflog(&name("main")).unwrap().len() < OBJECTS as usize);
        assert_eq!(
            reader.reference(&name("main")).unwrap(),
            Some(object(OBJECTS - 1).id())
        );
        commit(&mut writer(store), 100);
    });
}

#[test]
fn a_damaged_base_and_a_damaged_log_still_lose_no_ref() {
    let (_dir, store) = packed();
    put(&store.dir().join("base"), Some(b"nonsense".to_vec()));
    put(&files(&store, "rl")[1], None);
    assert_eq!(
        store.reader().reference(&name("main")).unwrap(),
        Some(object(OBJECTS - 1).id())
    );
    assert_eq!(right(&store), OBJECTS);
    let before = found(&store);
    assert!(
        before
            .iter()
            .any(|(severity, _)| *severity == Severity::Error),
        "{before:?}"
    );
    rebuild(&store, wait(&mut |_| {})).unwrap();
    assert_eq!(
        store.reader().reference(&name("main")).unwrap(),
        Some(object(OBJECTS - 1).id())
    );
    commit(&mut writer(&store), 100);
    assert_eq!(
        store.reader().reference(&name("main")).unwrap(),
        Some(object(100).id())
    );
    assert_eq!(right(&store), OBJECTS);
}

#[test]
fn packs_that_were_swapped_are_found() {
    let (_dir, store) = packed();
    let packs = files(&store, "rpk");
    let aside = store.dir().join("aside.tmp");
    std::fs::rename(&packs[0], &aside).unwrap();
    std::fs::rename(&packs[1], &packs[0]).unwrap();
    std::fs::rename(&aside, &packs[1]).unwrap();
    let found = found(&store);
    assert!(
        found.contains(&(Severity::Error, "pack-damaged")),
        "{found:?}"
    );
    right(&store);
}
