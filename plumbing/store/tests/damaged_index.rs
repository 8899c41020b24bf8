//! Whatever happens to sled, commits and questions go on.
#![expect(clippy::unwrap_used, reason = "tests may panic")]

mod common;

use common::{commit, copy, name, new_store, object, open, writer};
use roar_object::Objects;
use roar_store::{Notice, Options, Store, fsck};
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use tempfile::TempDir;

/// A store with commits, as it lies on the disk when no process has it open.
fn store_at_rest() -> (TempDir, Store) {
    let (dir, store) = new_store();
    let mut writing = writer(&store);
    for number in 1..=50 {
        commit(&mut writing, number);
    }
    let copied = tempfile::tempdir().unwrap();
    copy(store.dir(), &copied.path().join(".roar"));
    drop(dir);
    let store = open(&copied);
    (copied, store)
}

/// Commits once more, and returns what the writer had to say.
fn commit_after(store: &Store, damage: impl FnOnce(&Path)) -> Vec<Notice> {
    damage(&store.dir().join("sled"));
    let mut writing = writer(store);
    let mut notices = writing.take_notices();
    let id = commit(&mut writing, 99);
    notices.extend(writing.take_notices());
    drop(writing);
    for number in (1..=50).chain([99]) {
        assert!(store.reader().has(object(number).id()).unwrap());
    }
    assert_eq!(store.reader().reference(&name("main")).unwrap(), Some(id));
    notices
}

fn assert_sound(store: &Store) {
    let report = fsck(store, Options { full: true }).unwrap();
    let bad: Vec<_> = report
        .findings
        .iter()
        .filter(|found| found.id != "kept-aside")
        .collect();
    assert!(bad.is_empty(), "{bad:?}");
}

#[test]
fn a_torn_snapshot_of_sled_is_removed() {
    let (_dir, store) = store_at_rest();
    let notices = commit_after(&store, |sled| {
        std::fs::write(sled.join("snap.0000000000000500.generating"), b"torn").unwrap();
    });
    assert_eq!(notices, []);
    assert_sound(&store);
}

#[test]
fn an_index_that_does_not_open_is_moved_aside() {
    let (_dir, store) = store_at_rest();
    let notices = commit_after(&store, |sled| {
        for entry in std::fs::read_dir(sled).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                std::fs::write(path, b"garbage that is no database").unwrap();
            }
        }
    });
    assert!(
        matches!(notices[..], [Notice::IndexRebuilt { .. }]),
        "{notices:?}"
    );
    assert!(store.dir().join("aside/sled/db").exists());
    assert_sound(&store);
}

#[test]
fn every_sort_of_damage_to_the_database_is_survived() {
    let (_dir, pristine) = store_at_rest();
    for round in 0..12 {
        let copied = tempfile::tempdir().unwrap();
        copy(pristine.dir(), &copied.path().join(".roar"));
        let store = open(&copied);
        commit_after(&store, |sled| {
            let path = sled.join("db");
            let mut bytes = std::fs::read(&path).unwrap();
            let len = bytes.len();
            match round {
                0 => bytes.truncate(len / 2),
                1 => bytes.truncate(0),
                2 => bytes.fill(0),
                3 => bytes[..len / 2].fill(0xff),
                _ => {
                    let step = 97 + round * 13;
                    bytes
                        .iter_mut()
                        .step_by(step)
                        .for_each(|byte| *byte ^= 0x40);
                }
            }
            std::fs::write(&path, bytes).unwrap();
        });
    }
}

#[test]
fn an_index_of_another_store_is_found_out() {
    let (_dir, store) = store_at_rest();
    let (_other_dir, other) = store_at_rest();
    commit_after(&other, |_| {});
    let copied = tempfile::tempdir().unwrap();
    copy(&other.dir().join("sled"), &copied.path().join("sled"));
    let notices = commit_after(&store, |sled| {
        std::fs::remove_dir_all(sled).unwrap();
        std::fs::rename(copied.path().join("sled"), sled).unwrap();
    });
    assert!(
        matches!(notices[..], [Notice::IndexRebuilt { .. }]),
        "{notices:?}"
    );
    assert_sound(&store);
}

#[test]
fn an_index_that_another_process_holds_is_done_without() {
    let (_dir, store) = store_at_rest();
    let db = std::fs::File::open(store.dir().join("sled/db")).unwrap();
    db.lock().unwrap();
    let notices = commit_after(&store, |_| {});
    assert!(
        matches!(notices[..], [Notice::IndexUnused { .. }]),
        "{notices:?}"
    );
    drop(db);
    let mut writing = writer(&store);
    assert_eq!(writing.take_notices(), []);
    assert!(writing.has(object(99).id()).unwrap());
    drop(writing);
    assert_sound(&store);
}

#[test]
fn an_index_that_is_behind_catches_up() {
    let (_dir, store) = store_at_rest();
    let old = tempfile::tempdir().unwrap();
    copy(&store.dir().join("sled"), &old.path().join("sled"));
    commit_after(&store, |_| {});
    let copied = tempfile::tempdir().unwrap();
    copy(store.dir(), &copied.path().join(".roar"));
    let store = open(&copied);
    std::fs::remove_dir_all(store.dir().join("sled")).unwrap();
    copy(&old.path().join("sled"), &store.dir().join("sled"));
    let mut writing = writer(&store);
    assert_eq!(writing.take_notices(), []);
    assert!(writing.has(object(99).id()).unwrap());
    assert_eq!(writing.reflog(&name("main")).unwrap().len(), 51);
    drop(writing);
    assert_sound(&store);
}

#[test]
fn a_closed_writer_leaves_the_index_to_others() {
    let (_dir, store) = store_at_rest();
    let mut writing = writer(&store);
    commit(&mut writing, 60);
    writing.close();
    let notices = commit_after(&store, |_| {});
    assert!(
        notices.is_empty() || matches!(notices[..], [Notice::IndexUnused { .. }]),
        "{notices:?}"
    );
}

/// What stands in the index's place is moved aside, once.
fn assert_healed(store: &Store, damage: impl FnOnce(&Path)) {
    let notices = commit_after(store, damage);
    assert!(
        matches!(notices[..], [Notice::IndexRebuilt { .. }]),
        "{notices:?}"
    );
    assert!(store.dir().join("aside/sled").symlink_metadata().is_ok());
    assert_eq!(writer(store).take_notices(), []);
    assert_sound(store);
}

#[test]
fn a_file_in_the_place_of_the_index_is_moved_aside() {
    let (_dir, store) = store_at_rest();
    let put = |sled: &Path| {
        std::fs::remove_dir_all(sled).unwrap();
        std::fs::write(sled, "no directory").unwrap();
    };
    let report = |store: &Store| fsck(store, Options::default()).unwrap();
    put(&store.dir().join("sled"));
    assert_eq!(report(&store).findings[0].id, "index-damaged");
    assert_healed(&store, |_| {});
}

#[test]
fn a_link_in_the_place_of_the_index_is_moved_aside() {
    for target in ["nowhere", "/", "elsewhere"] {
        let (_dir, store) = store_at_rest();
        let elsewhere = store.dir().join("elsewhere");
        std::fs::create_dir(&elsewhere).unwrap();
        assert_healed(&store, |sled| {
            std::fs::remove_dir_all(sled).unwrap();
            std::os::unix::fs::symlink(target, sled).unwrap();
        });
        assert_eq!(std::fs::read_dir(&elsewhere).unwrap().count(), 0);
    }
}

#[test]
fn a_database_with_a_vast_hole_is_moved_aside_and_not_filled() {
    let (_dir, store) = store_at_rest();
    assert_healed(&store, |sled| {
        let db = std::fs::File::options()
            .write(true)
            .open(sled.join("db"))
            .unwrap();
        db.set_len(20 << 30).unwrap();
    });
}

#[test]
fn an_index_that_may_not_be_read_is_moved_aside() {
    for inner in ["", "db"] {
        let (_dir, store) = store_at_rest();
        let path = store.dir().join("sled").join(inner);
        std::fs::set_permissions(&path, Permissions::from_mode(0o000)).unwrap();
        if std::fs::File::open(&path).is_ok() {
            // Whoever may read everything has nothing to heal.
            return;
        }
        assert_healed(&store, |_| {});
    }
}
