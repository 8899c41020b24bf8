//! Packs and indexes that are damaged: what is found is right, and what is not is told.
#![expect(clippy::unwrap_used, reason = "tests may panic")]

mod kit;

use kit::{object, open, pack, stored, told};
use roar_object::{Kind, Object, ObjectId, Variables};
use roar_pack::{MultiIndex, PackError, PackFile};
use std::fs;

/// Checks that whatever a file finds is what it should find, and returns whether it finds all.
fn is_honest(file: &PackFile, objects: &[Object]) -> bool {
    let found = |object: &Object| match file.find(object.id()) {
        Ok(Some(found)) => {
            assert_eq!(found, *object);
            true
        }
        Ok(None) | Err(_) => false,
    };
    let all = objects.iter().filter(|object| found(object)).count() == objects.len();
    let _ = file.entries().count();
    let _ = file.with_prefix(&"0000".parse().unwrap());
    let _ = file
        .find(ObjectId::from_bytes([7; 32]))
        .map(|found| assert!(found.is_none()));
    let _ = file.each_object(|entry, object| {
        if let Ok(object) = object {
            assert!(object.is_genuine() && object.id() == entry.id);
        }
        std::ops::ControlFlow::Continue(())
    });
    all
}

#[test]
fn a_damaged_index_leads_to_nothing_wrong() {
    let directory = tempfile::tempdir().unwrap();
    let objects: Vec<_> = (0..12).map(object).collect();
    let (bytes, contents) = pack(&objects);
    let index = contents.to_index();
    let path = directory.path().join("it.rpk");
    fs::write(&path, &bytes).unwrap();
    for at in 0..index.len() {
        for change in [0x01, 0x80, 0xff] {
            let mut other = index.clone();
            other[at] ^= change;
            let Ok(file) = PackFile::with_index(&path, other) else {
                continue;
            };
            is_honest(&file, &objects);
            let damage = file.verify().unwrap().damage;
            assert_eq!(damage.len(), 1, "byte {at} of the index");
            assert!(told(&damage[0]).contains("has other bytes than an index of this pack"));
        }
    }
}

#[test]
fn an_index_that_was_cut_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let (bytes, contents) = pack(&[object(1), object(2)]);
    let index = contents.to_index();
    let path = directory.path().join("it.rpk");
    fs::write(&path, &bytes).unwrap();
    for len in 0..index.len() {
        let opened = PackFile::with_index(&path, index[..len].to_vec());
        assert!(opened.is_err(), "{len} bytes");
    }
    let longer = [&index[..], &[0; 8]].concat();
    assert!(open(directory.path(), &bytes, &longer).is_err());
}

#[test]
fn an_index_that_lies_is_found_out() {
    let directory = tempfile::tempdir().unwrap();
    let objects: Vec<_> = (0..30).map(object).collect();
    let (bytes, contents) = pack(&objects);
    let index = contents.to_index();
    let ids = 72 + 1024 + 8;
    let places = ids + 32 * 30;
    let set = |at: usize, new: &[u8]| {
        let mut other = index.clone();
        other[at..at + new.len()].copy_from_slice(new);
        other
    };
    let swapped = {
        let mut other = index.clone();
        let (first, second) = other[places..places + 24].split_at_mut(12);
        first.swap_with_slice(second);
        other
    };
    let lies = [
        ("a fan-out above the count", set(72, &[0xff; 1024])),
        (
            "a fan-out that falls",
            set(72, &[9, 0, 0, 0, 0, 0, 0, 0].repeat(128)),
        ),
        ("an empty fan-out", set(72, &[0; 1024])),
        ("names that do not ascend", set(ids, &[0xff; 32])),
        ("two places that are swapped", swapped),
        ("an unknown kind", set(places + 11, &[0xff])),
        ("another kind", set(places + 11, &[Kind::Job.code() << 1])),
        ("another length", set(places + 8, &[1])),
        ("a length above all", set(places + 8, &[0xff; 3])),
        ("a block that is not there", set(places, &[9, 0, 0, 0])),
        ("a start outside", set(places + 4, &[0xff; 4])),
        (
            "a block before the first",
            set(ids - 8, &[3, 0, 0, 0, 0, 0, 0, 0]),
        ),
        (
            "a block inside another",
            set(ids - 8, &[20, 0, 0, 0, 0, 0, 0, 0]),
        ),
        ("a block after the end", set(ids - 8, &[0xff; 8])),
    ];
    for (what, lie) in lies {
        let file = open(directory.path(), &bytes, &lie).unwrap();
        assert!(!is_honest(&file, &objects), "{what}");
        assert_eq!(file.verify().unwrap().damage.len(), 1, "{what}");
    }
}

#[test]
fn an_index_of_another_kind_or_pack_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let (bytes, contents) = pack(&[object(1)]);
    let index = contents.to_index();
    let (same_length, other) = pack(&[object(2)]);
    assert_eq!(bytes.len(), same_length.len());
    let refused = |bytes: &[u8], index: &[u8]| {
        let text = told(&open(directory.path(), bytes, index).unwrap_err());
        text.rsplit_once("': ").unwrap().1.to_owned()
    };
    assert_eq!(
        refused(&bytes, &other.to_index()),
        "the index does not fit the pack: it is that of another pack"
    );
    let longer = [&bytes[..], b"x"].concat();
    assert_eq!(
        refused(&longer, &index),
        "the index does not fit the pack: they speak of different lengths"
    );
    assert_eq!(refused(&bytes, b""), "this is no index");
    assert_eq!(refused(&bytes, &bytes), "this is no index");
    let later = [&index[..8], &[2], &index[9..]].concat();
    assert_eq!(
        refused(&bytes, &later),
        "this index has version 2, and versions above 1 are not known"
    );
}

#[test]
fn a_damaged_pack_still_gives_what_is_whole() {
    let directory = tempfile::tempdir().unwrap();
    let objects = noise();
    let (bytes, contents) = pack(&objects);
    let mut damaged = bytes.clone();
    damaged[100_000] ^= 1;
    let file = open(directory.path(), &damaged, &contents.to_index()).unwrap();
    let lost: Vec<_> = objects
        .iter()
        .filter(|object| file.find(object.id()).is_err())
        .collect();
    assert_eq!(lost.len(), 1);
    let damage = file.verify().unwrap().damage;
    let texts: Vec<_> = damage.iter().map(|err| told(err)).collect();
    assert_eq!(texts.len(), 2, "{texts:?}");
    assert!(
        texts[0].ends_with("its bytes do not fit its checksum"),
        "{texts:?}"
    );
    assert!(texts[1].contains(&lost[0].id().to_string()), "{texts:?}");
    assert!(matches!(damage[1].bare(), PackError::NotGenuine { id, .. } if *id == lost[0].id()));
}

#[test]
fn every_flipped_byte_of_a_pack_on_the_disk_is_found() {
    let directory = tempfile::tempdir().unwrap();
    let objects: Vec<_> = (0..12).map(object).collect();
    let (bytes, contents) = pack(&objects);
    for at in 0..bytes.len() {
        let mut other = bytes.clone();
        other[at] ^= 0x10;
        if let Ok(file) = open(directory.path(), &other, &contents.to_index()) {
            is_honest(&file, &objects);
            assert!(!file.verify().unwrap().damage.is_empty(), "byte {at}");
        }
    }
}

#[test]
fn a_pack_that_is_cut_under_a_reader_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let objects: Vec<_> = (0..20_000).map(object).collect();
    let file = stored(directory.path(), &objects);
    assert!(file.find(objects[0].id()).unwrap().is_some());
    for path in ["it.rpk", "it.rix"] {
        let file = fs::OpenOptions::new()
            .write(true)
            .open(directory.path().join(path));
        file.unwrap().set_len(2000).unwrap();
    }
    assert!(
        objects[1..]
            .iter()
            .all(|object| !matches!(file.find(object.id()), Ok(Some(_)))
                || file.find(object.id()).unwrap().as_ref() == Some(object))
    );
    assert!(file.find(objects[19_999].id()).is_err());
    assert!(file.entries().any(|entry| entry.is_err()));
}

#[test]
fn a_damaged_multi_pack_index_leads_to_nothing_wrong() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let objects: Vec<_> = (0..12).map(object).collect();
    let files = [
        stored(one.path(), &objects[..7]),
        stored(two.path(), &objects[5..]),
    ];
    let files = [&files[0], &files[1]];
    let mut index = Vec::new();
    MultiIndex::write(&files, &mut index).unwrap();
    for at in 0..index.len() {
        for change in [0x01, 0xff] {
            let mut other = index.clone();
            other[at] ^= change;
            let Ok(multi) = MultiIndex::from_bytes(other) else {
                continue;
            };
            // Making it anew takes its time.
            if at % 16 == 0 {
                assert!(multi.verify(&files).is_err(), "byte {at}");
            }
            for object in &objects {
                if let Ok(Some(found)) = multi.find(object.id()) {
                    let entry = files[found.pack].entry_found(&found);
                    let read = entry.and_then(|entry| files[found.pack].object(&entry));
                    assert!(read.is_err() || read.unwrap() == *object);
                }
            }
            let _ = multi.entries().count();
            let _ = multi.with_prefix(&"ffff".parse().unwrap());
        }
    }
    for len in 0..index.len() {
        assert!(MultiIndex::from_bytes(index[..len].to_vec()).is_err());
    }
}

/// Objects that fill several blocks, stored as they are.
fn noise() -> Vec<Object> {
    let hash = |number: u32| *blake3::hash(&number.to_le_bytes()).as_bytes();
    let noise = |number: u32| {
        let [name, tag @ ..] = [0, 1, 2, 3].map(|part| hash(4 * number + part));
        let list = vec![(name.to_vec().into(), tag.as_flattened().to_vec().into())];
        Object::encode(&Variables::new(list))
    };
    (0..3000).map(noise).collect()
}

/// Returns how many of the objects are lost when a pack is changed, and opened without its index.
fn lost(change: impl FnOnce(&mut Vec<u8>)) -> usize {
    let directory = tempfile::tempdir().unwrap();
    let objects = noise();
    let (mut bytes, contents) = pack(&objects);
    change(&mut bytes);
    let path = directory.path().join("it.rpk");
    fs::write(&path, &bytes).unwrap();
    let file = PackFile::salvage(&path, contents.name()).unwrap();
    assert_eq!(file.name(), contents.name());
    let found = |object: &&Object| match file.find(object.id()).unwrap() {
        Some(found) => found == **object,
        None => false,
    };
    let found = objects.iter().filter(found).count();
    // What was changed and is canonical all the same has another name.
    assert!(found <= file.len() as usize);
    if found < objects.len() {
        assert!(!file.verify().unwrap().damage.is_empty());
    }
    objects.len() - found
}

#[test]
fn what_is_whole_of_a_damaged_pack_is_found_without_its_index() {
    // Blocks have some 490 objects of 134 bytes.
    assert_eq!(lost(|_| ()), 0, "nothing is wrong");
    assert_eq!(lost(|bytes| bytes[3] = 0), 0, "the header");
    assert_eq!(lost(|bytes| bytes[100_000] ^= 1), 1, "one object");
    assert!(
        lost(|bytes| bytes[16] = 9) <= 500,
        "the type of the first block"
    );
    assert!(lost(|bytes| bytes[24] ^= 7) <= 500, "a length");
    assert!(
        lost(|bytes| bytes[200_000..210_000].fill(0)) <= 500,
        "zeroes inside a block"
    );
    assert!(
        lost(|bytes| bytes[200_000..300_000].fill(0)) <= 1500,
        "zeroes across blocks"
    );
    assert!(lost(|bytes| bytes.truncate(300_000)) <= 1300, "a cut");
    assert!(lost(|bytes| bytes[..20_000].fill(0xff)) <= 500, "the front");
    assert!(
        lost(|bytes| drop(bytes.drain(100_000..100_100))) <= 500,
        "bytes taken out"
    );
    assert_eq!(lost(|bytes| bytes.truncate(bytes.len() - 1)), 0, "the name");
    assert_eq!(lost(Vec::clear), 3000, "everything");
}

#[test]
fn no_damage_makes_salvage_panic_or_err() {
    let directory = tempfile::tempdir().unwrap();
    let objects: Vec<_> = (0..12).map(object).collect();
    let (bytes, contents) = pack(&objects);
    let path = directory.path().join("it.rpk");
    for at in 0..bytes.len() {
        let mut other = bytes.clone();
        other[at] ^= 0x41;
        for bytes in [&other[..], &bytes[..at]] {
            fs::write(&path, bytes).unwrap();
            is_honest(
                &PackFile::salvage(&path, contents.name()).unwrap(),
                &objects,
            );
        }
    }
}
