//! Trees that somebody else made: reading them ends, in bounded memory, and agrees with itself.

use crate::draw::Draw;
use roar_object::{
    ContentId, Entry, FindError, Kind, MemoryObjects, Mode, Object, ObjectId, Objects, TreeNode,
};
use roar_tree::{Found, Leaf, PathTree, TreeCheck, TreeError, composite, diff, list, lookup};
use std::cell::Cell;
use std::collections::BTreeMap;

/// Most nodes that one reading may ask for.
const PATIENCE: u32 = 2000;

type Nodes = Vec<(ObjectId, TreeNode)>;

pub(super) fn check(data: &[u8]) {
    let (objects, nodes) = forest(&mut Draw::new(data));
    let [.., (right, _), (left, root)] = nodes.as_slice() else {
        return;
    };
    let (left, right) = (*left, *right);
    for missing in [&b""[..], b"a", b"a/a/a", b"/", b"a//a"] {
        drop(lookup(Patient::new(&objects, PATIENCE), left, missing));
    }
    // It reads a tree twice, and looks up what is in it.
    let named = composite(Patient::new(&objects, 4 * PATIENCE), left);
    let checked = TreeCheck::new(Patient::new(&objects, PATIENCE)).check(left);
    if let Ok(there) = walk(&objects, left, false) {
        found_by_path(&objects, left, &there);
    }
    let Ok(files) = walk(&objects, left, true) else {
        drop(differences(&objects, left, right));
        assert!(checked.is_err());
        return;
    };
    assert!(named.is_ok(), "{named:?}");
    assert_eq!(checked.is_ok(), is_canonical(left, &files), "{checked:?}");
    sums(root, &files);
    found_by_path(&objects, left, &files);
    if let Ok(others) = walk(&objects, right, true) {
        leads_over(differences(&objects, left, right), &files, &others);
        leads_over(differences(&objects, right, left), &others, &files);
    }
}

/// Returns whether a tree is the one that its files make.
fn is_canonical(root: ObjectId, files: &[Found]) -> bool {
    let leaves = files.iter().map(|found| {
        let leaf = Leaf::of(&found.entry).expect("a file is a leaf");
        (&found.path, leaf)
    });
    PathTree::build(leaves, &mut ()).is_ok_and(|made| made.id == root)
}

/// Objects that stop answering a reader who does not stop asking.
struct Patient<'a> {
    objects: &'a MemoryObjects,
    left: Cell<u32>,
}

impl<'a> Patient<'a> {
    fn new(objects: &'a MemoryObjects, patience: u32) -> Self {
        let left = Cell::new(patience);
        Self { objects, left }
    }
}

impl Objects for Patient<'_> {
    fn find(&self, id: ObjectId) -> Result<Option<Object>, FindError> {
        match self.left.get().checked_sub(1) {
            Some(left) => self.left.set(left),
            None => return Err(FindError::Store("asked too often".into())),
        }
        self.objects.find(id)
    }
}

fn walk(objects: &MemoryObjects, root: ObjectId, recursive: bool) -> Result<Vec<Found>, TreeError> {
    let mut walk = list(Patient::new(objects, PATIENCE), root, recursive);
    let found: Result<Vec<_>, _> = walk.by_ref().collect();
    assert!(walk.next().is_none());
    if let Ok(found) = &found {
        ascend(found);
    }
    found
}

/// Paths ascend component by component, none twice.
fn ascend(found: &[Found]) {
    let parts = |found: &Found| -> Vec<Vec<u8>> {
        let parts = found.path.split(|&byte| byte == b'/');
        parts.map(<[u8]>::to_vec).collect()
    };
    let ordered = found
        .windows(2)
        .all(|pair| parts(&pair[0]) < parts(&pair[1]));
    assert!(ordered);
}

/// A root says what is below it.
fn sums(root: &TreeNode, files: &[Found]) {
    let size = files
        .iter()
        .fold(0_u64, |sum, file| sum.saturating_add(file.entry.size));
    assert_eq!((root.files(), root.size()), (files.len() as u64, size));
}

fn found_by_path(objects: &MemoryObjects, root: ObjectId, found: &[Found]) {
    for Found { path, entry } in found {
        let again = lookup(objects, root, path).expect("the way there was readable");
        assert_eq!(again.as_ref(), Some(entry));
    }
}

type Change = (Vec<u8>, Option<Entry>, Option<Entry>);

fn differences(
    objects: &MemoryObjects,
    left: ObjectId,
    right: ObjectId,
) -> Result<Vec<Change>, TreeError> {
    let objects = Patient::new(objects, 2 * PATIENCE + 2);
    diff(objects, left, right)
        .map(|found| found.map(|found| (found.path, found.left, found.right)))
        .collect()
}

/// The differences are true, and all of them lead from one tree to the other.
fn leads_over(differences: Result<Vec<Change>, TreeError>, from: &[Found], to: &[Found]) {
    let map = |found: &[Found]| -> BTreeMap<Vec<u8>, Entry> {
        let pairs = found
            .iter()
            .map(|found| (found.path.clone(), found.entry.clone()));
        pairs.collect()
    };
    let (mut from, to) = (map(from), map(to));
    for (path, left, right) in differences.expect("both trees are readable") {
        assert_ne!(left, right);
        if left.is_some() {
            assert_eq!(from.remove(&path), left);
        }
        if let Some(right) = right {
            assert!(from.insert(path, right).is_none());
        }
    }
    assert_eq!(from, to);
}

/// Makes nodes that name earlier ones, mostly with right sums, so that readers go in.
fn forest(draw: &mut Draw<'_>) -> (MemoryObjects, Nodes) {
    let (mut objects, mut nodes) = (MemoryObjects::default(), Vec::new());
    while !draw.is_empty() && nodes.len() < 48 {
        let object = match draw.below(16) {
            0 => Object::from_body(Kind::Tree, draw.bytes().to_vec()),
            1 => Object::from_parts(draw.object(), Kind::Tree, draw.bytes().to_vec()),
            _ => Object::encode(&node(draw, &nodes)),
        };
        if let Ok(node) = object.decode() {
            nodes.push((object.id(), node));
        }
        objects.insert(object);
    }
    (objects, nodes)
}

fn node(draw: &mut Draw<'_>, nodes: &Nodes) -> TreeNode {
    let level = if draw.below(4) == 0 {
        draw.byte() % 4
    } else {
        0
    };
    let mut entries = BTreeMap::new();
    for _ in 0..draw.below(7) {
        let entry = if level > 0 {
            part(draw, nodes, level)
        } else {
            Some(member(draw, nodes))
        };
        entries.extend(entry.map(|entry| (entry.name.clone(), entry)));
    }
    TreeNode::new(level, entries.into_values().collect())
}

fn name(draw: &mut Draw<'_>) -> Vec<u8> {
    let known: [&[u8]; 14] = [
        b"a",
        b"b",
        b"c",
        b"d",
        b"e",
        b"a.b",
        b"\xff",
        b"\\",
        b".\\x",
        b"meta",
        b"info.json",
        b".zarray",
        b"x.parquet",
        b"README.md",
    ];
    match draw.below(known.len() + 1) {
        at if at < known.len() => known[at].to_vec(),
        _ => {
            let free: Vec<u8> = draw
                .bytes()
                .iter()
                .copied()
                .filter(|byte| !b"/\0".contains(byte))
                .collect();
            if matches!(free.as_slice(), b"" | b"." | b"..") {
                b"z".to_vec()
            } else {
                free
            }
        }
    }
}

/// A file, or a directory made of an earlier node.
fn member(draw: &mut Draw<'_>, nodes: &Nodes) -> Entry {
    let name = name(draw);
    match draw.below(6) {
        0 => Entry::unnamed(name, draw.number()),
        1 => Entry::content(name, Mode::Executable, draw.content(), draw.number()),
        2 => Entry::content(name, Mode::Symlink, draw.content(), 1),
        3 | 4 => below(draw, nodes, Mode::Directory, name),
        _ => Entry::content(name, Mode::File, ContentId::of(b"x"), 1),
    }
}

fn below(draw: &mut Draw<'_>, nodes: &Nodes, mode: Mode, name: Vec<u8>) -> Entry {
    let back = draw.byte();
    match nodes.iter().rev().nth(usize::from(back & 15)) {
        Some((id, node)) if back < 240 => Entry::tree(name, mode, *id, node.size(), node.files()),
        _ => Entry::tree(name, mode, draw.object(), draw.number(), draw.number()),
    }
}

/// A node of the level below, or of another, under its first name, or under another.
fn part(draw: &mut Draw<'_>, nodes: &Nodes, level: u8) -> Option<Entry> {
    let fitting: Vec<_> = nodes
        .iter()
        .filter(|(_, node)| node.level + 1 == level)
        .collect();
    let back = draw.byte();
    let (id, node) = match fitting.len() {
        0 => nodes.last()?,
        count => fitting[usize::from(back) % count],
    };
    let first = node.entries.first().map(|entry| entry.name.0.clone());
    let name = first.filter(|_| back < 240).unwrap_or_else(|| name(draw));
    Some(Entry::tree(
        name,
        Mode::Node,
        *id,
        node.size(),
        node.files(),
    ))
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let patterns: [&[u8]; 5] = [
        &[2, 1, 3, 0, 5, 1, 5, 2, 5],
        &[2, 1, 2, 0, 5, 1, 3, 0],
        &[2, 0, 1, 2, 0, 1],
        &[9, 3, 4, 4, 3, 0, 2, 3, 1],
        &[5, 1, 6, 5, 5, 6, 5, 7, 5, 8, 5, 9, 5, 10, 5],
    ];
    let mut seeds: Vec<_> = patterns.iter().map(|pattern| pattern.repeat(12)).collect();
    seeds.push((0..400_u32).map(|at| (at * 7 % 251) as u8).collect());
    seeds.push(patterns.concat().repeat(3));
    // Two files of all the bytes there can be.
    seeds.push([2, 1, 2, 0, 1, 0, 255, 1, 1, 0, 255].repeat(2));
    seeds
}
