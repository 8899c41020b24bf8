//! Packs, their indexes, the base and the logs, each damaged in every way: it is found, what is whole is
//! read, nothing wrong ever is, and what can be made again is.
#![expect(clippy::unwrap_used, reason = "tests may panic")]

mod common;

use common::{commit, copy, name, new_store, object, open, writer};
use roar_object::Objects;
use roar_store::{
    GcOptions, GcReport, Holder, Kept, Notice, Options, Severity, Store, Wait, fsck, gc, rebuild,
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
        assert_eq!(report.pruned, 0, "{told}");
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

/// Rebuilds, and checks that nothing is left to be found but what is lost, and nothing more was lost.
fn mended(store: &Store, told: &str) -> (Vec<Notice>, u64) {
    let before = right(store);
    let notices = rebuild(store, wait(&mut |_| {})).unwrap();
    let lost: Vec<_> = ["object-missing", "ref-dangling"]
        .map(|id| (Severity::Error, id))
        .into();
    let rest: Vec<_> = found(store)
        .into_iter()
        .filter(|found| !lost.contains(found))
        .collect();
    assert_eq!(rest, [], "{told}");
    let after = right(store);
    assert!(after >= before, "{told}: {before} were right, now {after}");
    assert_eq!(store.reader().damage(), None, "{told}");
    (notices, after)
}

/// Returns how many objects were told to be lost, if that was known of all packs.
fn told_lost(notices: &[Notice]) -> Option<usize> {
    let lost = notices.iter().map(|notice| match notice {
        Notice::PackMended { lost, .. } | Notice::PackGone { lost, .. } => {
            lost.as_ref().map(Vec::len)
        }
        _ => Some(0),
    });
    lost.sum()
}

#[test]
fn a_damaged_pack_is_mended_and_kept_and_what_is_lost_is_told() {
    for_each_damage("rpk", |store, told| {
        let names = files(store, "rpk");
        let damaged: Vec<_> = names
            .iter()
            .map(|path| std::fs::read(path).unwrap())
            .collect();
        let (notices, after) = mended(store, told);
        let lost = told_lost(&notices).unwrap_or_else(|| panic!("{told}: {notices:?}"));
        assert_eq!(lost as u64, OBJECTS - after, "{told}: {notices:?}");
        match &notices[..] {
            [Notice::PackMended { aside, .. }] => {
                let kept = std::fs::read(aside).unwrap();
                assert!(damaged.contains(&kept), "{told}: kept as it was");
            }
            [Notice::PackGone { .. }] => {}
            other => panic!("{told}: {other:?}"),
        }
        let (again, _) = mended(store, told);
        assert_eq!(again, [], "{told}: nothing is left to do");
        commit(&mut writer(store), 100);
        let report = collect(store, &GcOptions::asked());
        assert_eq!(report.pruned, 0, "{told}");
        assert_eq!(right(store), after, "{told}");
    });
}

#[test]
fn a_pack_without_index_is_mended_too_and_it_is_said_that_nobody_knows_what_was_in_it() {
    for_each_damage("rpk", |store, told| {
        for index in files(store, "rix") {
            put(&index, None);
        }
        let (notices, _) = mended(store, told);
        assert_eq!(told_lost(&notices), None, "{told}: {notices:?}");
    });
}

#[test]
fn packs_are_mended_where_the_base_is_damaged_too() {
    for_each_damage("rpk", |store, told| {
        put(&store.dir().join("base"), Some(b"nonsense".to_vec()));
        mended(store, told);
    });
}

#[test]
fn packs_that_were_swapped_are_mended_without_loss() {
    let (_dir, store) = packed();
    let packs = files(&store, "rpk");
    let aside = store.dir().join("aside.tmp");
    std::fs::rename(&packs[0], &aside).unwrap();
    std::fs::rename(&packs[1], &packs[0]).unwrap();
    std::fs::rename(&aside, &packs[1]).unwrap();
    let (notices, after) = mended(&store, "swapped");
    assert_eq!((notices.len(), told_lost(&notices)), (2, Some(0)));
    assert_eq!(after, OBJECTS);
}

#[test]
fn one_flipped_bit_costs_one_object_and_what_needs_it_is_told() {
    let (_dir, store) = new_store();
    // Too many bytes to be like one another, so that they are stored as they are.
    let notes = |number: u64| -> String {
        let names = (0..200)
            .map(|at| roar_object::ObjectId::of(roar_object::Kind::Job, &[number as u8, at]));
        names.map(|id| id.to_string()).collect()
    };
    let mut parent: Option<roar_object::Object> = None;
    let mut writing = writer(&store);
    for number in 0..20 {
        let link = match &parent {
            None => roar_object::Session::begin(&notes(number), 1),
            Some(parent) => {
                roar_object::Session::ran(parent.id(), 1, 1, parent.id(), "@1".parse().unwrap())
            }
        };
        let link = roar_object::Object::encode(&link);
        let id = link.id();
        common::set(
            &mut writing,
            "main",
            roar_store::Expect::Any,
            Some(id),
            vec![link.clone()],
        )
        .unwrap();
        parent = Some(link);
    }
    drop(writing);
    collect(&store, &GcOptions::automatic());
    let path = &files(&store, "rpk")[0];
    let mut bytes = std::fs::read(path).unwrap();
    let at = bytes.len() / 2;
    bytes[at] ^= 4;
    std::fs::write(path, bytes).unwrap();
    let (notices, _) = mended(&store, "one bit");
    let [
        Notice::PackMended {
            whole,
            lost: Some(lost),
            ..
        },
    ] = &notices[..]
    else {
        panic!("{notices:?}");
    };
    assert_eq!((*whole, lost.len()), (19, 1), "{notices:?}");
    let report = fsck(&store, Options { full: true }).unwrap();
    let missing: Vec<_> = report
        .findings
        .iter()
        .filter(|found| found.id == "object-missing")
        .collect();
    assert_eq!(missing.len(), 1);
    assert_eq!(missing[0].subject, lost[0].to_string());
    let kept = collect(
        &store,
        &GcOptions {
            prune: true,
            grace: Duration::ZERO,
            reflog: Duration::ZERO,
            ..GcOptions::asked()
        },
    );
    assert!(
        matches!(kept.kept, Some(Kept::Damaged { .. })),
        "what it led to is not known: {kept:?}"
    );
}

#[test]
fn of_a_pack_with_many_blocks_only_those_are_lost_that_were_overwritten() {
    let (_dir, store) = new_store();
    let mut sink = store.new_pack().unwrap();
    let stored: Vec<_> = (0..60u8)
        .map(|number| {
            let names = (0..100u8)
                .map(|at| roar_object::ObjectId::of(roar_object::Kind::Job, &[number, at]));
            let note: String = names.map(|id| id.to_string()).collect();
            let link = roar_object::Session::begin(&note, i64::from(number));
            let object = roar_object::Object::encode(&link);
            sink.add(&object).unwrap();
            object
        })
        .collect();
    let pack = sink.finish().unwrap().unwrap();
    commit(&mut writer(&store), 0);
    let path = store.dir().join(format!("packs/{pack}.rpk"));
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 4096].fill(0);
    std::fs::write(&path, &bytes).unwrap();
    let notices = rebuild(&store, wait(&mut |_| {})).unwrap();
    let [
        Notice::PackMended {
            whole,
            lost: Some(lost),
            ..
        },
    ] = &notices[..]
    else {
        panic!("{notices:?}");
    };
    assert_eq!(*whole + lost.len() as u64, 60);
    assert!((1..=40).contains(&lost.len()), "{} are lost", lost.len());
    assert_eq!(found(&store), [], "nothing needed them");
    let reader = store.reader();
    for object in &stored {
        let expected = (!lost.contains(&object.id())).then_some(object);
        assert_eq!(reader.find(object.id()).unwrap().as_ref(), expected);
    }
}
