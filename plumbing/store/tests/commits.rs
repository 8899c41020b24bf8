//! What a commit promises and what a reader sees of it.
#![expect(clippy::unwrap_used, reason = "tests may panic")]

mod common;

use common::{commit, name, new_store, object, open, set, writer};
use roar_object::{Kind, Objects};
use roar_store::{CommitError, Expect, Notice, OpenError, Store};
use std::os::unix::fs::PermissionsExt;

#[test]
fn what_is_committed_is_read() {
    let (dir, store) = new_store();
    let mut writing = writer(&store);
    let ids: Vec<_> = (0..20).map(|number| commit(&mut writing, number)).collect();
    assert_eq!(writing.sequence().unwrap(), 20);
    for reader in [&*writing, &open(&dir).reader()] {
        for (number, id) in ids.iter().enumerate() {
            assert_eq!(reader.find(*id).unwrap(), Some(object(number as u64)));
            assert!(reader.has(*id).unwrap());
        }
        assert_eq!(reader.find(object(99).id()).unwrap(), None);
        assert_eq!(
            reader.reference(&name("main")).unwrap(),
            ids.last().copied()
        );
        assert_eq!(reader.reflog(&name("main")).unwrap().len(), 20);
        assert_eq!(reader.sequence().unwrap(), 20);
        assert_eq!(reader.count().unwrap().of(Kind::Session), 20);
        let prefix = ids[3].to_string()[..20].parse().unwrap();
        assert_eq!(
            reader.find_prefix(&prefix).unwrap(),
            [(ids[3], Kind::Session)]
        );
        let stored: Vec<_> = reader
            .ids(None)
            .unwrap()
            .into_iter()
            .map(|(id, _)| id)
            .collect();
        assert_eq!(stored, ids);
        assert_eq!(reader.ids(Some(Kind::Tree)).unwrap(), []);
    }
}

#[test]
fn the_reflog_tells_before_and_after() {
    let (_dir, store) = new_store();
    let mut writing = writer(&store);
    let (one, two) = (commit(&mut writing, 1), commit(&mut writing, 2));
    set(&mut writing, "main", Expect::Is(two), None, vec![]).unwrap();
    for reader in [&*writing, &store.reader()] {
        let log = reader.reflog(&name("main")).unwrap();
        let values: Vec<_> = log
            .iter()
            .map(|entry| (entry.sequence, entry.old, entry.new))
            .collect();
        assert_eq!(
            values,
            [
                (1, None, Some(one)),
                (2, Some(one), Some(two)),
                (3, Some(two), None)
            ]
        );
        assert_eq!((log[0].note.as_str(), log[0].at_ns), ("set main", 5));
        assert_eq!(reader.reference(&name("main")).unwrap(), None);
    }
}

#[test]
fn a_ref_moves_only_from_what_was_expected() {
    let (_dir, store) = new_store();
    let mut writing = writer(&store);
    let one = commit(&mut writing, 1);
    let other = object(2).id();
    for expect in [Expect::Absent, Expect::Is(other)] {
        let refused = set(&mut writing, "main", expect, Some(other), vec![object(2)]);
        let Err(CommitError::Conflict {
            name: conflicting,
            found,
        }) = refused
        else {
            panic!("{refused:?}");
        };
        assert_eq!((conflicting, found), (name("main"), Some(one)));
    }
    assert!(
        !store.reader().has(other).unwrap(),
        "nothing of a refused transaction is stored"
    );
    set(
        &mut writing,
        "main",
        Expect::Is(one),
        Some(other),
        vec![object(2)],
    )
    .unwrap();
    set(&mut writing, "new", Expect::Absent, Some(other), vec![]).unwrap();
    let all = store.reader().references("").unwrap();
    assert_eq!(all, [(name("main"), other), (name("new"), other)]);
    assert_eq!(
        store.reader().references("ne").unwrap(),
        [(name("new"), other)]
    );
}

#[test]
fn what_is_there_is_not_written_again() {
    let (_dir, store) = new_store();
    let mut writing = writer(&store);
    commit(&mut writing, 1);
    let before = store.reader().count().unwrap();
    let receipt = set(
        &mut writing,
        "main",
        Expect::Any,
        Some(object(1).id()),
        vec![object(1)],
    )
    .unwrap();
    assert_eq!((receipt.sequence, receipt.objects), (1, 0));
    assert_eq!(
        store.reader().count().unwrap().journal_bytes,
        before.journal_bytes
    );
}

#[test]
fn a_segment_that_is_full_is_closed_and_listed() {
    let (dir, store) = new_store();
    let mut writing = writer(&store);
    let large: Vec<_> = (0..5).map(|number| large_object(number, 4 << 20)).collect();
    for object in &large {
        set(
            &mut writing,
            "large",
            Expect::Any,
            Some(object.id()),
            vec![object.clone()],
        )
        .unwrap();
    }
    let small = commit(&mut writing, 7);
    let journal = dir.path().join(".roar/journal");
    for file in [
        "00000001.rj",
        "00000001.rx",
        "00000002.rj",
        "00000002.rx",
        "00000003.rj",
    ] {
        assert!(journal.join(file).exists(), "{file}");
    }
    let readers = [store.reader(), store.reader()];
    std::fs::remove_file(journal.join("00000001.rx")).unwrap();
    for reader in [&*writing, &readers[0], &store.reader()] {
        assert_eq!(reader.find(large[0].id()).unwrap().unwrap(), large[0]);
        assert_eq!(reader.find(large[4].id()).unwrap().unwrap(), large[4]);
        assert!(reader.has(small).unwrap());
        assert_eq!(reader.count().unwrap().total(), 6);
        assert_eq!(reader.ids(None).unwrap().len(), 6);
    }
}

fn large_object(number: u8, len: usize) -> roar_object::Object {
    let text = String::from(char::from(b'a' + number)).repeat(len);
    roar_object::Object::encode(&roar_object::Session::begin(&text, 0))
}

#[test]
fn it_is_told_apart_whether_there_was_a_store() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(".roar");
    assert!(matches!(
        Store::open(&path),
        Err(OpenError::NotAStore { .. })
    ));
    Store::create(&path).unwrap();
    Store::create(&path).unwrap();
    std::fs::write(path.join("format"), "roar store 3\n").unwrap();
    assert!(matches!(
        Store::open(&path),
        Err(OpenError::Newer {
            found: 3,
            known: 2,
            ..
        })
    ));
    for marker in [
        "",
        "roar store 1",
        "roar store x\n",
        "roar store 01\n",
        "roar store 1\n\n",
    ] {
        std::fs::write(path.join("format"), marker).unwrap();
        assert!(Store::open(&path).is_ok(), "{marker:?}");
    }
    std::fs::write(path.join("format"), "roar store 1\n").unwrap();
    std::fs::remove_dir_all(path.join("journal")).unwrap();
    assert!(matches!(Store::open(&path), Err(OpenError::Missing { .. })));
    assert!(matches!(
        Store::create(&path),
        Err(OpenError::Missing { .. })
    ));
}

#[test]
fn everything_is_private() {
    let (dir, store) = new_store();
    commit(&mut writer(&store), 1);
    drop(roar_store::Spool::create(&store.runs()).unwrap());
    assert_private(&dir.path().join(".roar"));
}

fn assert_private(path: &std::path::Path) {
    let meta = std::fs::symlink_metadata(path).unwrap();
    assert_eq!(meta.permissions().mode() & 0o077, 0, "{}", path.display());
    if meta.is_dir() {
        for entry in std::fs::read_dir(path).unwrap() {
            assert_private(&entry.unwrap().path());
        }
    }
}

#[test]
fn the_work_tree_stays_clean() {
    let (dir, _store) = new_store();
    assert_eq!(
        std::fs::read(dir.path().join(".roar/.gitignore")).unwrap(),
        b"*\n"
    );
}

#[test]
fn a_store_without_index_gets_one() {
    let (dir, store) = new_store();
    commit(&mut writer(&store), 1);
    let copied = tempfile::tempdir().unwrap();
    common::copy(&dir.path().join(".roar"), &copied.path().join(".roar"));
    std::fs::remove_dir_all(copied.path().join(".roar/sled")).unwrap();
    let store = open(&copied);
    let mut writing = writer(&store);
    assert_eq!(writing.take_notices(), [Notice::IndexMade]);
    assert!(writing.has(object(1).id()).unwrap());
}
