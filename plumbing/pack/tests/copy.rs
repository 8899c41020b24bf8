//! One pack of several is the same as one that is written object by object.
#![expect(clippy::unwrap_used, reason = "tests may panic")]

mod kit;

use kit::{object, open, pack, stored};
use proptest::prelude::*;
use roar_object::Object;
use roar_pack::{PackError, PackFile, copy};
use std::collections::HashSet;
use std::ops::ControlFlow;

/// Returns what a copy is, and its index.
fn copied(packs: &[&PackFile], wanted: &dyn Fn(usize, u32) -> bool) -> (Vec<u8>, Vec<u8>) {
    let (mut bytes, mut index) = (Vec::new(), Vec::new());
    let copied = copy(packs, wanted, &mut bytes).unwrap();
    copied.write_index(&mut index).unwrap();
    assert_eq!(bytes[bytes.len() - 32..], copied.name().as_bytes()[..]);
    (bytes, index)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn a_copy_has_what_is_wanted_where_it_came_first(
        parts in prop::collection::vec(prop::collection::vec(0..60u32, 0..40), 0..4),
        unwanted in prop::collection::hash_set(0..60u32, 0..60),
    ) {
        let directories: Vec<_> = parts.iter().map(|_| tempfile::tempdir().unwrap()).collect();
        let files: Vec<_> = parts
            .iter()
            .zip(&directories)
            .map(|(part, directory)| {
                let objects: Vec<_> = part.iter().copied().map(object).collect();
                stored(directory.path(), &objects)
            })
            .collect();
        let unwanted: HashSet<_> = unwanted.into_iter().map(|it| object(it).id()).collect();
        let packs: Vec<&PackFile> = files.iter().collect();
        let wanted = |pack: usize, rank| !unwanted.contains(&packs[pack].entry(rank).unwrap().id);
        let all: Vec<_> = parts.concat().into_iter().map(object).collect();
        let (expected, contents) = pack(all.iter().filter(|it| !unwanted.contains(&it.id())));
        let (bytes, index) = copied(&packs, &wanted);
        prop_assert_eq!(bytes, expected);
        prop_assert_eq!(index, contents.to_index());
    }
}

#[test]
fn a_pack_in_several_parts_is_gone_through_as_it_lies() {
    let directory = tempfile::tempdir().unwrap();
    let objects: Vec<_> = (0..150_000).map(object).collect();
    let (bytes, contents) = pack(&objects);
    let file = open(directory.path(), &bytes, &contents.to_index()).unwrap();
    let mut at = 0;
    let gone_through = file.each_by_place(
        |_, _| true,
        |rank, entry| {
            assert_eq!(entry.id, objects[at].id());
            assert_eq!(file.rank(entry.id).unwrap(), Some(rank));
            at += 1;
            match at {
                149_000 => ControlFlow::Break(at),
                _ => ControlFlow::Continue(()),
            }
        },
    );
    assert_eq!(gone_through.unwrap(), ControlFlow::Break(149_000));
    let (copy, index) = copied(&[&file], &|_, _| true);
    assert_eq!((copy, index), (bytes, contents.to_index()));
}

#[test]
fn an_object_that_was_changed_is_not_copied() {
    let directory = tempfile::tempdir().unwrap();
    let objects: Vec<Object> = (0..10).map(object).collect();
    let (mut bytes, contents) = pack(&objects);
    bytes[60] ^= 1;
    let file = open(directory.path(), &bytes, &contents.to_index()).unwrap();
    assert!(copy(&[&file], &|_, _| true, Vec::new()).is_err());
}

#[test]
fn names_that_do_not_ascend_are_seen() {
    let directory = tempfile::tempdir().unwrap();
    let objects: Vec<Object> = (0..10).map(object).collect();
    let (bytes, contents) = pack(&objects);
    let mut index = contents.to_index();
    let first = 72 + 4 * 256 + 8;
    let (one, two) = index[first..first + 64].split_at_mut(32);
    one.swap_with_slice(two);
    let file = open(directory.path(), &bytes, &index).unwrap();
    assert!(file.ids().any(|id| id.is_err()));
    let err = copy(&[&file], &|_, _| true, Vec::new()).unwrap_err();
    assert!(matches!(err.bare(), PackError::Index { .. }), "{err}");
}
