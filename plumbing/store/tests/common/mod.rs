//! What the tests of the store share.
#![expect(clippy::unwrap_used, reason = "tests may panic")]
#![allow(dead_code, reason = "no test file uses all of it")]

use roar_object::{Object, ObjectId, Session};
use roar_store::{
    CommitError, Expect, Holder, Receipt, RefChange, RefName, Store, Transaction, Wait, Writer,
};
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;

/// A store in a directory that goes away.
pub(crate) fn new_store() -> (TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::create(&dir.path().join(".roar")).unwrap();
    (dir, store)
}

pub(crate) fn open(dir: &TempDir) -> Store {
    Store::open(&dir.path().join(".roar")).unwrap()
}

pub(crate) fn writer(store: &Store) -> Writer {
    let mut on_wait = |_: &Holder| {};
    let wait = Wait {
        up_to: Duration::from_secs(60),
        command: "test",
        on_wait: &mut on_wait,
    };
    store.writer(wait).unwrap()
}

/// An object like no other with another number.
pub(crate) fn object(number: u64) -> Object {
    Object::encode(&Session::begin(&format!("session {number}"), number as i64))
}

pub(crate) fn name(name: &str) -> RefName {
    RefName::new(name).unwrap()
}

/// Stores object `number` and lets the ref `main` name it.
pub(crate) fn commit(writer: &mut Writer, number: u64) -> ObjectId {
    let object = object(number);
    let id = object.id();
    set(writer, "main", Expect::Any, Some(id), vec![object]).unwrap();
    id
}

pub(crate) fn set(
    writer: &mut Writer,
    ref_name: &str,
    expect: Expect,
    new: Option<ObjectId>,
    objects: Vec<Object>,
) -> Result<Receipt, CommitError> {
    let refs = vec![RefChange {
        name: name(ref_name),
        expect,
        new,
    }];
    writer.commit(&Transaction {
        objects,
        refs,
        note: format!("set {ref_name}"),
        at_ns: 5,
    })
}

/// Copies a directory as a killed machine leaves it.
pub(crate) fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
