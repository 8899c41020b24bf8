//! Damaged stores: an answer is right or an error, never wrong, and a store can be written again.

use crate::draw::Draw;
use crate::scratch;
use roar_object::{Object, ObjectId, Objects, Prefix, Session};
use roar_store::{
    Expect, GcOptions, Holder, RefChange, RefName, Store, Transaction, Wait, Writer, gc,
};
use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

/// What was committed: files and their bytes, and everything that an answer may be made of.
pub(super) struct Sound {
    pub(super) files: BTreeMap<PathBuf, Vec<u8>>,
    pub(super) objects: HashSet<ObjectId>,
}

pub(super) fn check(data: &[u8]) {
    let sound = if data.len() % 2 == 0 {
        sound()
    } else {
        packed()
    };
    scratch::within(|dir| {
        let dot = dir.join(".roar");
        drop(fs::remove_dir_all(&dot));
        let mut draw = Draw::new(data);
        let write_too = draw.below(8) == 0;
        lay_out(&damaged(&sound.files, &mut draw), &dot);
        let Ok(store) = Store::open(&dot) else {
            return;
        };
        let known = &sound.objects;
        answers(&store, Some(known), known);
        if write_too {
            written_again(&store, Some(known), known);
        }
    });
}

/// Asks for everything. `named` is all that a ref may name, if that is known.
pub(super) fn answers(store: &Store, named: Option<&HashSet<ObjectId>>, known: &HashSet<ObjectId>) {
    let reader = store.reader();
    for (id, kind) in reader.ids(None).unwrap_or_default() {
        // What is left of a damaged pack may hold an object that was changed: it has another name then, and
        // is that of nothing that was stored.
        if let Ok(Some(object)) = reader.find(id) {
            assert!(object.is_genuine() && object.id() == id && object.kind() == kind);
        }
        let prefix: Prefix = id.to_string().parse().expect("a whole name");
        assert!(reader.find_prefix(&prefix).unwrap_or_default().len() <= 1);
    }
    let mut all = known.iter();
    assert!(all.all(|&id| {
        reader
            .find(id)
            .ok()
            .flatten()
            .is_none_or(|object| object.id() == id)
    }));
    for (name, id) in reader.references("").unwrap_or_default() {
        assert!(named.is_none_or(|named| named.contains(&id)));
        drop(reader.reflog(&name));
    }
    drop((reader.sequence(), reader.count()));
    for full in [false, true] {
        drop(roar_store::fsck(store, roar_store::Options { full }));
    }
}

/// What a writer acknowledges is there.
pub(super) fn written_again(
    store: &Store,
    named: Option<&HashSet<ObjectId>>,
    known: &HashSet<ObjectId>,
) {
    let Some(mut writer) = writer(store) else {
        return;
    };
    let (transaction, id) = commit(99);
    if writer.commit(&transaction).is_err() {
        return;
    }
    writer.close();
    let reader = store.reader();
    let found = reader.find(id).expect("it was just committed");
    assert_eq!(found, Some(transaction.objects[0].clone()));
    assert_eq!(reader.reference(&name()).ok().flatten(), Some(id));
    let mut known = known.clone();
    known.insert(id);
    answers(store, named.map(|_| &known), &known);
}

fn writer(store: &Store) -> Option<Writer> {
    let mut on_wait = |_: &Holder| {};
    let up_to = Duration::from_secs(10);
    store
        .writer(Wait {
            up_to,
            command: "fuzz",
            on_wait: &mut on_wait,
        })
        .ok()
}

fn name() -> RefName {
    RefName::new("sessions/main").expect("a legal name")
}

fn commit(number: i64) -> (Transaction, ObjectId) {
    let object = Object::encode(&Session::begin(&format!("session {number}"), number));
    let id = object.id();
    let change = RefChange {
        name: name(),
        expect: Expect::Any,
        new: Some(id),
    };
    let transaction = Transaction {
        objects: vec![object],
        refs: vec![change],
        note: "test".into(),
        at_ns: number,
    };
    (transaction, id)
}

/// Makes a store of two segments, once.
fn sound() -> &'static Sound {
    static SOUND: OnceLock<Sound> = OnceLock::new();
    SOUND.get_or_init(|| {
        let dir = tempfile::tempdir().expect("there is room");
        let dot = dir.path().join(".roar");
        let store = Store::create(&dot).expect("an empty directory");
        let mut objects = filled(&store, 0..4);
        // A damaged end makes the next writer begin another segment.
        let journal = dot.join("journal/00000001.rj");
        let mut bytes = fs::read(&journal).expect("there is a journal");
        let last = bytes.len() - 120;
        bytes[last] ^= 1;
        fs::write(&journal, bytes).expect("the journal is writable");
        objects.extend(filled(&store, 4..8));
        let mut files = BTreeMap::new();
        gather(&dot, Path::new(""), &mut files);
        Sound { files, objects }
    })
}

/// Makes a store with two packs and a little journal, once.
pub(super) fn packed() -> &'static Sound {
    static PACKED: OnceLock<Sound> = OnceLock::new();
    PACKED.get_or_init(|| {
        let dir = tempfile::tempdir().expect("there is room");
        let dot = dir.path().join(".roar");
        let store = Store::create(&dot).expect("an empty directory");
        let mut objects = HashSet::new();
        for numbers in [0..3, 3..6] {
            objects.extend(filled(&store, numbers));
            let mut on_wait = |_: &Holder| {};
            let wait = Wait {
                up_to: Duration::from_secs(10),
                command: "fuzz",
                on_wait: &mut on_wait,
            };
            gc(&store, &GcOptions::automatic(), wait).expect("there is room");
        }
        objects.extend(filled(&store, 6..8));
        let mut files = BTreeMap::new();
        gather(&dot, Path::new(""), &mut files);
        Sound { files, objects }
    })
}

fn filled(store: &Store, numbers: std::ops::Range<i64>) -> HashSet<ObjectId> {
    let mut writer = writer(store).expect("nobody else writes");
    let mut ids = HashSet::new();
    for number in numbers {
        let (transaction, id) = commit(number);
        writer.commit(&transaction).expect("there is room");
        ids.insert(id);
    }
    writer.close();
    ids
}

/// Reads every file but the index, which nobody trusts.
fn gather(top: &Path, below: &Path, files: &mut BTreeMap<PathBuf, Vec<u8>>) {
    for entry in fs::read_dir(top.join(below))
        .expect("a directory")
        .flatten()
    {
        let path = below.join(entry.file_name());
        if entry.file_name() == "sled" {
            continue;
        }
        if top.join(&path).is_dir() {
            gather(top, &path, files);
        } else {
            files.insert(path.clone(), fs::read(top.join(&path)).expect("a file"));
        }
    }
}

fn damaged(files: &BTreeMap<PathBuf, Vec<u8>>, draw: &mut Draw<'_>) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = files.clone();
    let names: Vec<PathBuf> = files.keys().cloned().collect();
    for _ in 0..8 {
        if draw.is_empty() {
            break;
        }
        let name = &names[draw.below(names.len())];
        let [a, b] = draw.array();
        let Some(bytes) = files.get_mut(name) else {
            continue;
        };
        let at = usize::from(u16::from_le_bytes([a, b])) % (bytes.len() + 1);
        match draw.below(6) {
            0 => drop(files.remove(name)),
            1 => bytes.truncate(at),
            2 => drop(bytes.splice(at..at, draw.bytes().to_vec())),
            3 => drop(bytes.drain(at..bytes.len().min(at + draw.below(64)))),
            _ => flip(bytes, at, draw.byte()),
        }
    }
    files
}

fn flip(bytes: &mut [u8], at: usize, mask: u8) {
    if let Some(byte) = bytes.get_mut(at) {
        *byte ^= mask | 1;
    }
}

pub(super) fn lay_out(files: &BTreeMap<PathBuf, Vec<u8>>, dot: &Path) {
    for (path, bytes) in files {
        let path = dot.join(path);
        let parent = path.parent().expect("it lies in the store");
        fs::create_dir_all(parent).expect("the scratch directory is writable");
        fs::write(path, bytes).expect("the scratch directory is writable");
    }
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let spread = |factor: u32| (0..48_u32).map(|at| (at * factor % 253) as u8).collect();
    let mut seeds: Vec<Vec<u8>> = (1..24).map(|factor| spread(factor * 11)).collect();
    seeds.extend([vec![8], vec![1]]);
    seeds
}
