//! The laws of trees, on trees that chance has made.
#![expect(clippy::unwrap_used, reason = "tests may panic")]

use proptest::prelude::*;
use roar_object::{
    ContentId, Entry, FindError, MemoryObjects, Mode, Object, ObjectId, Objects, TreeNode,
};
use roar_tree::{Leaf, PathTree, Sink, SinkError, diff, list, lookup, write_directory};
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

/// Counts what goes through.
#[derive(Default)]
struct Counting {
    objects: MemoryObjects,
    finds: Cell<usize>,
    fresh: usize,
}

impl Sink for Counting {
    fn put(&mut self, object: Object) -> Result<(), SinkError> {
        let before = self.objects.len();
        self.objects.insert(object);
        self.fresh += self.objects.len() - before;
        Ok(())
    }
}

impl Objects for Counting {
    fn find(&self, id: ObjectId) -> Result<Option<Object>, FindError> {
        self.finds.set(self.finds.get() + 1);
        self.objects.find(id)
    }
}

fn leaf(number: u64) -> Leaf {
    Leaf::file(ContentId::of(&number.to_le_bytes()), number, false)
}

type Model = BTreeMap<Vec<u8>, u64>;

fn build(model: &Model, sink: &mut dyn Sink) -> ObjectId {
    let leaves = model.iter().map(|(path, number)| (path, leaf(*number)));
    PathTree::build(leaves, sink).unwrap().id
}

/// Short names of few bytes, so that paths share directories, with bytes around the slash.
fn name() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![
        Just(b'a'),
        Just(b'b'),
        Just(b'.'),
        Just(b'0'),
        Just(0xff),
        Just(1)
    ];
    prop::collection::vec(byte, 1..4).prop_filter("a name", |name| name != b"." && name != b"..")
}

fn path() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(name(), 1..4).prop_map(|names| names.join(&b'/'))
}

/// Without paths that are files and directories at once.
fn sound(paths: Model) -> Model {
    let directories: BTreeSet<Vec<u8>> = paths
        .keys()
        .flat_map(|path| {
            let slashes = path.iter().enumerate().filter(|(_, byte)| **byte == b'/');
            slashes
                .map(|(at, _)| path[..at].to_vec())
                .collect::<Vec<_>>()
        })
        .collect();
    paths
        .into_iter()
        .filter(|(path, _)| !directories.contains(path))
        .collect()
}

fn model() -> impl Strategy<Value = Model> {
    prop::collection::btree_map(path(), 0u64..4, 0..300).prop_map(sound)
}

fn number_of(entry: &Entry) -> u64 {
    entry.size
}

fn differences(a: &Model, b: &Model) -> Vec<(Vec<u8>, Option<u64>, Option<u64>)> {
    let paths: BTreeSet<_> = a.keys().chain(b.keys()).collect();
    let mut found: Vec<_> = paths
        .into_iter()
        .map(|path| (path.clone(), a.get(path).copied(), b.get(path).copied()))
        .filter(|(_, left, right)| left != right)
        .collect();
    found.sort_by_key(|(path, ..)| {
        path.split(|&byte| byte == b'/')
            .map(<[u8]>::to_vec)
            .collect::<Vec<_>>()
    });
    found
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_root_does_not_depend_on_the_order(model in model(), seed: u64) {
        let mut leaves: Vec<_> = model.iter().map(|(path, number)| (path.clone(), leaf(*number))).collect();
        let sorted = PathTree::build(leaves.clone(), &mut MemoryObjects::default()).unwrap();
        leaves.sort_by_key(|(path, _)| ContentId::of(&[path.as_slice(), &seed.to_le_bytes()].concat()));
        let shuffled = PathTree::build(leaves, &mut MemoryObjects::default()).unwrap();
        prop_assert_eq!(sorted, shuffled);
        prop_assert_eq!(sorted.files, model.len() as u64);
        prop_assert_eq!(sorted.bytes, model.values().sum::<u64>());
    }

    #[test]
    fn a_tree_lists_what_it_was_made_of(model in model()) {
        let mut objects = MemoryObjects::default();
        let root = build(&model, &mut objects);
        let found: Vec<_> = list(&objects, root, true).map(Result::unwrap).collect();
        let listed: Model = found.iter().map(|found| (found.path.clone(), number_of(&found.entry))).collect();
        prop_assert_eq!(found.len(), model.len());
        prop_assert_eq!(&listed, &model);
        for (path, number) in &model {
            let entry = lookup(&objects, root, path).unwrap().unwrap();
            prop_assert_eq!(number_of(&entry), *number);
        }
    }

    #[test]
    fn a_path_that_is_not_there_is_not_found(model in model(), path in path()) {
        let mut objects = MemoryObjects::default();
        let root = build(&model, &mut objects);
        let below = [path.as_slice(), b"/"].concat();
        let is_directory = model.keys().any(|known| known.starts_with(&below));
        let found = lookup(&objects, root, &path).unwrap();
        prop_assert_eq!(found.is_some(), is_directory || model.contains_key(&path));
        prop_assert_eq!(found.is_some_and(|entry| entry.mode == Mode::Directory), is_directory);
    }

    #[test]
    fn trees_differ_as_their_lists_do(a in model(), b in model()) {
        let mut objects = MemoryObjects::default();
        let (left, right) = (build(&a, &mut objects), build(&b, &mut objects));
        let found: Vec<_> = diff(&objects, left, right)
            .map(Result::unwrap)
            .map(|found| (found.path, found.left.as_ref().map(number_of), found.right.as_ref().map(number_of)))
            .collect();
        prop_assert_eq!(found, differences(&a, &b));
    }

    #[test]
    fn every_node_made_is_lawful_and_the_same_set_has_the_same_nodes(model in model()) {
        let mut objects = MemoryObjects::default();
        let root = build(&model, &mut objects);
        let mut again = MemoryObjects::default();
        prop_assert_eq!(build(&model, &mut again), root);
        for object in objects.into_sorted() {
            prop_assert!(object.verify().is_ok());
        }
    }
}

fn long_directory(files: u64) -> BTreeMap<Vec<u8>, Entry> {
    let entry = |number: u64| {
        let name = format!("file-{number:06}").into_bytes();
        let id = ContentId::of(&number.to_le_bytes());
        (name.clone(), Entry::content(name, Mode::File, id, number))
    };
    (0..files).map(entry).collect()
}

fn write(entries: &BTreeMap<Vec<u8>, Entry>, sink: &mut dyn Sink) -> ObjectId {
    write_directory(entries.values().cloned().collect(), sink)
        .unwrap()
        .id
}

/// One change, one insertion and one deletion in 50,000 names: each rewrites a node per level,
/// and is found by reading two per level and side.
#[test]
fn a_small_change_of_a_long_directory_stays_small() {
    let mut objects = Counting::default();
    let base = long_directory(50_000);
    let before = write(&base, &mut objects);
    let levels = usize::from(objects.read::<TreeNode>(before).unwrap().level) + 1;
    assert!((3..=5).contains(&levels), "{levels} levels");

    let changed = |name: &[u8], number: u64| {
        let id = ContentId::of(&number.to_be_bytes());
        Entry::content(name.to_vec(), Mode::File, id, number)
    };
    let mut one = base.clone();
    one.insert(b"file-012345".to_vec(), changed(b"file-012345", 1));
    let mut more = base.clone();
    more.insert(b"file-012345x".to_vec(), changed(b"file-012345x", 1));
    let mut fewer = base.clone();
    fewer.remove(b"file-012345".as_slice());

    for (directory, slack) in [(one, 0), (more, levels), (fewer, levels)] {
        objects.fresh = 0;
        let after = write(&directory, &mut objects);
        assert!(
            objects.fresh <= levels + slack,
            "{} new nodes",
            objects.fresh
        );
        objects.finds.set(0);
        let found: Vec<_> = diff(&objects, before, after).map(Result::unwrap).collect();
        assert_eq!(found.len(), 1);
        assert!(found[0].path.starts_with(b"file-012345"));
        assert!(
            objects.finds.get() <= 4 * levels,
            "{} nodes read",
            objects.finds.get()
        );
    }
}

#[test]
fn nodes_are_small_and_not_too_small() {
    let mut objects = MemoryObjects::default();
    write(&long_directory(50_000), &mut objects);
    let nodes = objects.len();
    assert!((50_000 / 48..50_000 / 20).contains(&nodes), "{nodes} nodes");
    for object in objects.into_sorted() {
        object.verify().unwrap();
        assert!(object.body().len() < 8192);
    }
}

/// Names that each end a node at level 0, as an enemy would choose them.
#[test]
fn names_that_are_chosen_to_split_everywhere_still_come_to_one_root() {
    let mut objects = MemoryObjects::default();
    let alone = |name: &[u8]| {
        let mut probe = MemoryObjects::default();
        let pair = [name, b"~~~~~~~~"].map(|name| Entry::unnamed(name.to_vec(), 0));
        write_directory(pair.to_vec(), &mut probe).unwrap();
        probe.len() > 1
    };
    let chosen: Vec<_> = (0..40_000u32)
        .map(|number| format!("{number:05}").into_bytes())
        .filter(|name| alone(name))
        .map(|name| Entry::unnamed(name, 0))
        .collect();
    assert!(chosen.len() > 1000);
    let count = chosen.len();
    let root = write_directory(chosen, &mut objects).unwrap();
    assert_eq!(root.files, count as u64);
    assert_eq!(
        list(&objects, root.id, true).map(Result::unwrap).count(),
        count
    );
}
