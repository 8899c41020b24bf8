//! What goes into packs comes out of them, and is found in one or several.
#![expect(clippy::unwrap_used, reason = "tests may panic")]

mod kit;

use kit::{object, open, pack, read_all, stored, told};
use proptest::prelude::*;
use roar_object::{Environment, Kind, Object, ObjectId, Prefix, Variables};
use roar_pack::{Limits, MultiIndex, PackFile, Writer};
use std::collections::BTreeMap;

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
