//! Trees made of paths: one set of paths has one tree, and the tree holds just that set.

use crate::draw::Draw;
use roar_object::MemoryObjects;
use roar_tree::{BuildError, Leaf, PathTree, Root, list, lookup};
use std::collections::BTreeMap;

pub(super) fn check(data: &[u8]) {
    let leaves = leaves(&mut Draw::new(data));
    let mut objects = MemoryObjects::default();
    let root = build(&leaves, &mut objects);
    let mut backwards = leaves.clone();
    backwards.reverse();
    match (root, build(&backwards, &mut MemoryObjects::default())) {
        (Ok(root), Ok(again)) => {
            assert_eq!(root, again);
            holds(&objects, root, leaves);
        }
        (root, again) => assert_eq!(root.is_err(), again.is_err()),
    }
}

type Leaves = Vec<(Vec<u8>, Leaf)>;

fn build(leaves: &Leaves, objects: &mut MemoryObjects) -> Result<Root, BuildError> {
    PathTree::build(leaves.iter().map(|(path, leaf)| (path, *leaf)), objects)
}

fn holds(objects: &MemoryObjects, root: Root, leaves: Leaves) {
    let mut meant: BTreeMap<_, _> = leaves.into_iter().collect();
    assert_eq!(root.files, meant.len() as u64);
    for found in list(objects, root.id, true) {
        let found = found.expect("the tree was just made");
        assert_eq!(meant.remove(&found.path), Leaf::of(&found.entry));
        let entry = lookup(objects, root.id, &found.path);
        assert_eq!(entry.expect("the tree was just made"), Some(found.entry));
    }
    assert!(meant.is_empty());
}

/// Paths of few names, or of any bytes.
fn leaves(draw: &mut Draw<'_>) -> Leaves {
    let mut leaves = Leaves::new();
    while !draw.is_empty() && leaves.len() < 600 {
        let path = match draw.byte() {
            255 => draw.bytes().to_vec(),
            bits => format!(
                "{}/{:02x}",
                ["d", "e", "d/f", "."][usize::from(bits >> 6)],
                draw.byte()
            )
            .into(),
        };
        let leaf = if draw.below(5) == 0 {
            Leaf::Unnamed {
                size: draw.number(),
            }
        } else {
            Leaf::file(draw.content(), 1, draw.flag())
        };
        leaves.push((path, leaf));
    }
    leaves
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let spread = |count: u32, factor: u32| -> Vec<u8> {
        let leaf = |at: u32| {
            [
                (at * factor % 192) as u8,
                (at * factor) as u8,
                1,
                at as u8,
                0,
            ]
        };
        (0..count).flat_map(leaf).collect()
    };
    vec![
        spread(3, 1),
        spread(250, 1),
        spread(400, 3),
        b"\xff\x03a/b\x01\x01\x00".to_vec(),
    ]
}
