//! Finding objects in packs, by indexes that are right, damaged, cut, or another pack's.
#![expect(clippy::unwrap_used, reason = "tests may panic")]

mod kit;

use kit::{object, open, pack, read_all, told};
use proptest::prelude::*;
use roar_object::{Environment, Kind, Object, ObjectId, Prefix, Variables};
use roar_pack::{Limits, MultiIndex, PackError, PackFile, Writer};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Objects of very different sizes, some of them more than once.
fn objects() -> impl Strategy<Value = Vec<Object>> {
    let small = (0..40u32).prop_map(object);
    let environment = "[a-z]{0,40}".prop_map(|fact| {
        let facts = vec![("fact".to_owned(), fact)];
        Object::encode(&Environment::new(facts, Vec::new()))
    });
    let large = (1..400_000usize, any::<u8>()).prop_map(|(len, seed)| {
        let tag: Vec<u8> = (0..len).map(|at| ((at * at) >> 5) as u8 ^ seed).collect();
        Object::encode(&Variables::new(vec![("LARGE".into(), tag.into())]))
    });
    prop::collection::vec(prop_oneof![8 => small, 8 => environment, 1 => large], 0..60)
}

/// Returns the objects, each where it came first.
fn firsts(objects: &[Object]) -> Vec<Object> {
    let mut seen = std::collections::HashSet::new();
    let firsts = objects.iter().filter(|object| seen.insert(object.id()));
    firsts.cloned().collect()
}

fn by_name(objects: &[Object]) -> BTreeMap<ObjectId, &Object> {
    objects.iter().map(|object| (object.id(), object)).collect()
}

fn stored(directory: &Path, objects: &[Object]) -> PackFile {
    let (bytes, contents) = pack(objects);
    open(directory, &bytes, &contents.to_index()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn what_goes_into_a_pack_comes_out_of_it(objects in objects()) {
        let directory = tempfile::tempdir().unwrap();
        let (bytes, contents) = pack(&objects);
        let firsts = firsts(&objects);
        let (read, found) = read_all(&bytes, &Limits::default()).unwrap();
        prop_assert_eq!(&read, &firsts);
        prop_assert_eq!(&found, &contents);
        prop_assert_eq!(contents.bytes(), bytes.len() as u64);

        let file = open(directory.path(), &bytes, &contents.to_index()).unwrap();
        prop_assert_eq!(file.len() as usize, firsts.len());
        for object in &firsts {
            prop_assert_eq!(file.find(object.id()).unwrap(), Some(object.clone()));
            let len = u32::try_from(object.body().len()).unwrap();
            prop_assert_eq!(file.describe(object.id()).unwrap(), Some((object.kind(), len)));
        }
        let names: Vec<_> = file.entries().map(|entry| entry.unwrap().id).collect();
        prop_assert!(names.iter().eq(by_name(&firsts).keys()));
        let in_order: Vec<_> = file.entries_by_place().unwrap();
        prop_assert!(in_order.iter().map(|it| it.id).eq(firsts.iter().map(Object::id)));
        let report = file.verify().unwrap();
        prop_assert!(report.damage.is_empty(), "{:?}", report.damage);
        prop_assert_eq!((report.objects, report.raw), (contents.objects(), contents.raw()));
    }

    #[test]
    fn what_is_not_in_a_pack_is_not_found(objects in objects(), other: [u8; 32]) {
        let directory = tempfile::tempdir().unwrap();
        let file = stored(directory.path(), &objects);
        prop_assert_eq!(file.find(ObjectId::from_bytes(other)).unwrap(), None);
        prop_assert_eq!(file.find(ObjectId::from_bytes([0; 32])).unwrap(), None);
        prop_assert_eq!(file.find(ObjectId::from_bytes([0xff; 32])).unwrap(), None);
    }

    #[test]
    fn several_packs_are_looked_through_at_once(parts in prop::collection::vec(objects(), 0..4)) {
        let directories: Vec<_> = parts.iter().map(|_| tempfile::tempdir().unwrap()).collect();
        let files: Vec<_> = parts
            .iter()
            .zip(&directories)
            .map(|(part, directory)| stored(directory.path(), part))
            .collect();
        let files: Vec<&PackFile> = files.iter().collect();
        let mut written = Vec::new();
        MultiIndex::write(&files, &mut written).unwrap();
        let multi = MultiIndex::from_bytes(written).unwrap();
        multi.verify(&files).unwrap();
        let flat = parts.concat();
        let all = by_name(&flat);
        prop_assert_eq!(multi.len() as usize, all.len());
        prop_assert!(multi.entries().map(|it| it.unwrap().id).eq(all.keys().copied()));
        for (id, object) in all {
            let found = multi.find(id).unwrap().unwrap();
            let first = parts.iter().position(|part| part.iter().any(|it| it.id() == id));
            prop_assert_eq!(Some(found.pack), first);
            let file = files[found.pack];
            prop_assert_eq!(multi.packs()[found.pack].name, file.name());
            let entry = file.entry_found(&found).unwrap();
            prop_assert_eq!(&file.object(&entry).unwrap(), object);
        }
    }
}

#[test]
fn names_are_found_by_their_first_digits() {
    let directory = tempfile::tempdir().unwrap();
    let objects: Vec<_> = (0..70_000).map(object).collect();
    let file = stored(directory.path(), &objects);
    let mut multi = Vec::new();
    MultiIndex::write(&[&file], &mut multi).unwrap();
    let multi = MultiIndex::from_bytes(multi).unwrap();
    for object in objects.iter().step_by(700) {
        for digits in [4, 5, 8, 64] {
            let prefix: Prefix = object.id().to_string()[..digits].parse().unwrap();
            let mut expected: Vec<_> = objects
                .iter()
                .map(Object::id)
                .filter(|id| prefix.matches(id.as_bytes()))
                .collect();
            expected.sort();
            let found = file.with_prefix(&prefix).unwrap();
            assert!(found.iter().map(|it| it.id).eq(expected.iter().copied()));
            let found = multi.with_prefix(&prefix).unwrap();
            assert!(found.iter().map(|it| it.id).eq(expected.iter().copied()));
        }
    }
    for prefix in ["0000", "ffff"] {
        let prefix: Prefix = prefix.parse().unwrap();
        let count = objects
            .iter()
            .filter(|object| prefix.matches(object.id().as_bytes()))
            .count();
        assert_eq!(file.with_prefix(&prefix).unwrap().len(), count);
    }
    assert!(file.find(objects[69_999].id()).unwrap().is_some());
}

#[test]
fn a_pack_can_be_used_by_several_threads() {
    let directory = tempfile::tempdir().unwrap();
    let objects: Vec<_> = (0..20_000).map(object).collect();
    let file = stored(directory.path(), &objects);
    std::thread::scope(|scope| {
        for start in 0..4 {
            let (file, objects) = (&file, &objects);
            scope.spawn(move || {
                for object in objects.iter().skip(start).step_by(97) {
                    assert_eq!(file.find(object.id()).unwrap().as_ref(), Some(object));
                }
            });
        }
    });
}

#[test]
fn the_writer_keeps_wrong_names_out_and_goes_on() {
    let mut writer = Writer::new(Vec::new()).unwrap();
    let err = writer.add_body(Kind::Job, object(1).id(), object(1).body());
    assert_eq!(err.unwrap_err().kind(), std::io::ErrorKind::InvalidData);
    writer.add(&object(1)).unwrap();
    let (bytes, _) = writer.finish().unwrap();
    assert_eq!(read_all(&bytes, &Limits::default()).unwrap().0, [object(1)]);
}

#[test]
fn the_writer_says_that_the_disk_is_full() {
    struct Full(usize);
    impl std::io::Write for Full {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 = self
                .0
                .checked_sub(bytes.len())
                .ok_or(std::io::ErrorKind::StorageFull)?;
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    for room in 0..pack(&[object(1)]).0.len() {
        let written = Writer::new(Full(room)).and_then(|mut writer| {
            writer.add(&object(1))?;
            writer.finish()
        });
        let Err(err) = written else {
            panic!("{room} bytes are not enough")
        };
        assert_eq!(err.kind(), std::io::ErrorKind::StorageFull);
    }
}

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

#[test]
fn a_multi_pack_index_knows_which_packs_it_is_over() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let files = [
        stored(one.path(), &[object(1)]),
        stored(two.path(), &[object(2)]),
    ];
    let mut index = Vec::new();
    MultiIndex::write(&[&files[0]], &mut index).unwrap();
    let multi = MultiIndex::from_bytes(index).unwrap();
    let names: Vec<_> = multi.packs().iter().map(|pack| pack.name).collect();
    assert_eq!(names, [files[0].name()]);
    assert!(multi.verify(&[&files[1]]).is_err());
    let found = multi.find(object(1).id()).unwrap().unwrap();
    let text = told(&files[1].entry_found(&found).unwrap_err());
    assert!(
        text.ends_with("the multi-pack index has another object there"),
        "{text}"
    );
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
