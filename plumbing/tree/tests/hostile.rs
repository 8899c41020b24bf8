//! Trees that lie, and lists that are no trees.
#![expect(clippy::unwrap_used, reason = "tests may panic")]

use roar_object::{ContentId, Entry, MemoryObjects, Mode, ObjectId, TreeNode};
use roar_tree::{
    BuildError, Builder, Leaf, MAX_DEPTH, PathTree, Proof, TreeCheck, TreeError, composite, diff,
    list, lookup, write_directory,
};

fn file(name: &str) -> Entry {
    Entry::content(name, Mode::File, ContentId::of(b"x"), 1)
}

fn empty(objects: &mut MemoryObjects) -> ObjectId {
    objects.put(&TreeNode::new(0, Vec::new()))
}

/// Every reader meets the lie, and none of them panics or goes on.
fn everybody_refuses(objects: &MemoryObjects, root: ObjectId, path: &[u8]) {
    let nothing = empty(&mut objects.clone());
    let mut with_empty = objects.clone();
    empty(&mut with_empty);
    assert!(list(objects, root, true).any(|found| found.is_err()));
    assert!(diff(&with_empty, root, nothing).any(|found| found.is_err()));
    assert!(diff(&with_empty, nothing, root).any(|found| found.is_err()));
    assert!(composite(objects, root).is_err());
    assert!(lookup(objects, root, path).is_err());
    assert!(Proof::of(objects, root, path).is_err());
    assert!(TreeCheck::new(objects).check(root).is_err());
}

fn directory_entry(id: ObjectId, size: u64, files: u64) -> Entry {
    Entry::tree("d", Mode::Directory, id, size, files)
}

#[test]
fn a_directory_that_holds_something_else_than_it_is_listed_with_is_refused() {
    for (size, files) in [(2, 1), (1, 2), (0, 0)] {
        let mut objects = MemoryObjects::default();
        let below = objects.put(&TreeNode::new(0, vec![file("a")]));
        let root = objects.put(&TreeNode::new(0, vec![directory_entry(below, size, files)]));
        everybody_refuses(&objects, root, b"d/a");
    }
}

#[test]
fn an_empty_directory_inside_a_tree_is_refused() {
    let mut objects = MemoryObjects::default();
    let below = empty(&mut objects);
    let root = objects.put(&TreeNode::new(0, vec![directory_entry(below, 0, 0)]));
    everybody_refuses(&objects, root, b"d/a");
}

#[test]
fn a_missing_node_is_named() {
    let mut objects = MemoryObjects::default();
    let gone = ObjectId::from_bytes([7; 32]);
    let root = objects.put(&TreeNode::new(0, vec![directory_entry(gone, 1, 1)]));
    everybody_refuses(&objects, root, b"d/a");
    let err = lookup(&objects, root, b"d/a").unwrap_err();
    assert_eq!(err.to_string(), format!("there is no object '{gone}'"));
}

#[test]
fn levels_must_fall_one_by_one() {
    let mut objects = MemoryObjects::default();
    let low = objects.put(&TreeNode::new(0, vec![file("a")]));
    let entry = Entry::tree("a", Mode::Node, low, 1, 1);
    let root = objects.put(&TreeNode::new(2, vec![entry]));
    everybody_refuses(&objects, root, b"a");
}

#[test]
fn a_node_must_begin_with_the_name_it_is_listed_under() {
    let mut objects = MemoryObjects::default();
    let low = objects.put(&TreeNode::new(0, vec![file("b")]));
    let entry = Entry::tree("a", Mode::Node, low, 1, 1);
    let root = objects.put(&TreeNode::new(1, vec![entry]));
    everybody_refuses(&objects, root, b"b");
}

#[test]
fn nodes_must_not_overlap() {
    let mut objects = MemoryObjects::default();
    let first = objects.put(&TreeNode::new(0, vec![file("a"), file("z")]));
    let second = objects.put(&TreeNode::new(0, vec![file("b")]));
    let entries = vec![
        Entry::tree("a", Mode::Node, first, 2, 2),
        Entry::tree("b", Mode::Node, second, 1, 1),
    ];
    let root = objects.put(&TreeNode::new(1, entries));
    let listed: Result<Vec<_>, _> = list(&objects, root, true).collect();
    assert!(matches!(listed, Err(TreeError::Lie { .. })));
}

#[test]
fn a_directory_is_not_a_node_of_a_long_one() {
    let mut objects = MemoryObjects::default();
    let low = objects.put(&TreeNode::new(0, vec![file("a")]));
    let high = objects.put(&TreeNode::new(
        1,
        vec![Entry::tree("a", Mode::Node, low, 1, 1)],
    ));
    // A tree of one node with a needless one above reads as what it holds.
    assert_eq!(list(&objects, high, true).map(Result::unwrap).count(), 1);
    let wrong = objects.put(&roar_object::Environment::default());
    let root = objects.put(&TreeNode::new(0, vec![directory_entry(wrong, 1, 1)]));
    everybody_refuses(&objects, root, b"d/a");
}

/// A hundred directories that each hold the next one 96 times: more files than there are atoms.
/// Reading is lazy and its memory is bounded, so the first files come at once.
#[test]
fn a_tree_that_multiplies_is_read_without_being_unfolded() {
    let mut objects = MemoryObjects::default();
    let mut id = objects.put(&TreeNode::new(0, vec![file("a")]));
    let (mut size, mut files) = (1u64, 1u64);
    for _ in 0..100 {
        let entries: Vec<_> = (0..96)
            .map(|number| Entry::tree(format!("{number:02}"), Mode::Directory, id, size, files))
            .collect();
        let node = TreeNode::new(0, entries);
        (size, files) = (node.size(), node.files());
        id = objects.put(&node);
    }
    let found: Vec<_> = list(&objects, id, true)
        .take(1000)
        .map(Result::unwrap)
        .collect();
    assert_eq!(found.len(), 1000);
    assert!(diff(&objects, id, id).next().is_none());
}

#[test]
fn a_tree_that_is_too_deep_is_refused() {
    let mut objects = MemoryObjects::default();
    let mut id = objects.put(&TreeNode::new(0, vec![file("a")]));
    for _ in 0..=MAX_DEPTH {
        id = objects.put(&TreeNode::new(0, vec![directory_entry(id, 1, 1)]));
    }
    let listed: Result<Vec<_>, _> = list(&objects, id, true).collect();
    assert!(matches!(listed, Err(TreeError::Depth { .. })));
    let nothing = empty(&mut objects);
    let differs: Result<Vec<_>, _> = diff(&objects, id, nothing).collect();
    assert!(matches!(differs, Err(TreeError::Depth { .. })));
}

#[test]
fn an_iterator_that_has_failed_is_over() {
    let mut objects = MemoryObjects::default();
    let gone = ObjectId::from_bytes([7; 32]);
    let root = objects.put(&TreeNode::new(
        0,
        vec![directory_entry(gone, 1, 1), file("z")],
    ));
    let mut listed = list(&objects, root, true);
    assert!(listed.next().unwrap().is_err());
    assert!(listed.next().is_none());
}

fn tree_of(paths: &[&str]) -> Result<u64, BuildError> {
    let leaves = paths.iter().map(|path| (path, Leaf::Unnamed { size: 1 }));
    PathTree::build(leaves, &mut MemoryObjects::default()).map(|root| root.files)
}

/// The number of files, or what is wrong, in words.
fn build(paths: &[&str]) -> Result<u64, String> {
    tree_of(paths).map_err(|err| err.to_string())
}

#[test]
fn paths_that_no_tree_can_hold_are_refused() {
    for path in [
        "", "/", "/a", "a/", "a//b", ".", "..", "a/../b", "a/./b", "a\0b",
    ] {
        let expected = BuildError::Name { path: path.into() };
        assert_eq!(build(&[path]), Err(expected.to_string()), "{path:?}");
    }
    assert!(matches!(
        tree_of(&[&"x".repeat(256)]),
        Err(BuildError::Name { .. })
    ));
    assert_eq!(build(&[&"x".repeat(255)]), Ok(1));
    let deep = vec!["d"; MAX_DEPTH + 1].join("/");
    assert!(matches!(tree_of(&[&deep]), Err(BuildError::Depth { .. })));
    assert_eq!(build(&[&deep[2..]]), Ok(1));
}

#[test]
fn a_path_is_there_once_and_as_one_thing() {
    let twice = |path: &str| Err(BuildError::Twice { path: path.into() }.to_string());
    assert_eq!(build(&["a", "b", "a"]), twice("a"));
    assert_eq!(build(&["a/x", "a", "a.b"]), twice("a"));
    assert_eq!(build(&["a.b", "a/x", "a0"]), Ok(3));
    assert_eq!(build(&[]), Ok(0));
}

#[test]
fn entries_are_taken_in_order_only() {
    let mut sink = MemoryObjects::default();
    let mut builder = Builder::default();
    builder.push(file("b"), &mut sink).unwrap();
    let refused = builder.push(file("a"), &mut sink);
    assert!(matches!(refused, Err(BuildError::Order { path }) if path == b"a"));
    let node = Entry::tree("c", Mode::Node, ObjectId::from_bytes([1; 32]), 1, 1);
    assert!(matches!(
        builder.push(node, &mut sink),
        Err(BuildError::Mode { .. })
    ));
    assert_eq!(builder.finish(&mut sink).unwrap().files, 1);
}

#[test]
fn empty_directories_leave_no_trace() {
    let mut sink = MemoryObjects::default();
    let nothing = write_directory(Vec::new(), &mut sink).unwrap();
    let with = write_directory(vec![file("a"), nothing.entry("b")], &mut sink).unwrap();
    let without = write_directory(vec![file("a")], &mut sink).unwrap();
    assert_eq!(with, without);
    let leaves = [("a/b", Leaf::Tree(nothing))];
    assert_eq!(PathTree::build(leaves, &mut sink).unwrap(), nothing);
}

#[test]
fn a_tree_can_be_hung_into_another() {
    let mut sink = MemoryObjects::default();
    let leaf = Leaf::file(ContentId::of(b"x"), 1, true);
    let inner = PathTree::build([("b", leaf)], &mut sink).unwrap();
    let hung = PathTree::build([("a", Leaf::Tree(inner))], &mut sink).unwrap();
    let whole = PathTree::build([("a/b", leaf)], &mut sink).unwrap();
    assert_eq!(hung, whole);
    let entry = lookup(&sink, whole.id, b"a").unwrap().unwrap();
    assert_eq!(Leaf::of(&entry), Some(Leaf::Tree(inner)));
    let root = lookup(&sink, whole.id, b"").unwrap().unwrap();
    assert_eq!((root.tree_id(), root.files), (Some(whole.id), 1));
    assert_eq!(lookup(&sink, whole.id, b"a/b/c").unwrap(), None);
}
