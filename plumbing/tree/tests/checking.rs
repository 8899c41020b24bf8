//! Proofs of paths, and the check of whole trees: what holds, and what an enemy tries.
#![expect(clippy::unwrap_used, reason = "tests may panic")]

use proptest::prelude::*;
use roar_object::{ContentId, Entry, MemoryObjects, Mode, ObjectId, TreeNode};
use roar_tree::{Leaf, PathTree, Proof, ProofError, Root, TreeCheck, list, lookup};
use std::collections::BTreeMap;

fn leaf(number: u64) -> Leaf {
    Leaf::file(ContentId::of(&number.to_le_bytes()), number, false)
}

/// Files in directories, one of them long.
fn forest() -> (MemoryObjects, Root) {
    let mut objects = MemoryObjects::default();
    let long = (0..2000u64).map(|number| (format!("long/{number:04}"), leaf(number)));
    let few = (0..9u64).map(|number| (format!("d{}/e/{number}", number % 3), leaf(number)));
    let root = PathTree::build(long.chain(few), &mut objects).unwrap();
    (objects, root)
}

fn golden() -> (MemoryObjects, Root) {
    let mut objects = MemoryObjects::default();
    let leaves = [("a/b", leaf(1)), ("c", leaf(2))];
    let root = PathTree::build(leaves, &mut objects).unwrap();
    (objects, root)
}

#[test]
fn what_is_there_and_what_is_not_are_proved_with_a_node_per_level() {
    let (objects, root) = forest();
    for path in [
        "long/0000",
        "long/1999",
        "long/0777",
        "long",
        "d1/e/4",
        "",
        "d1/e",
        "long/077",
        "long/0",
        "long/9",
        "a",
        "z",
        "d1/e/5",
        "d1/e/4/x",
        "d1//e",
        "/",
    ] {
        let found = lookup(&objects, root.id, path.as_bytes()).unwrap();
        let (shown, proof) = Proof::of(&objects, root.id, path.as_bytes()).unwrap();
        assert_eq!(shown, found, "{path}");
        let bytes = proof.to_bytes();
        assert!(bytes.len() < 10_000, "{path}: {}", bytes.len());
        let read = Proof::from_bytes(&bytes).unwrap();
        assert_eq!(read.path(), path.as_bytes());
        assert_eq!(read.check(root.id).unwrap(), found, "{path}");
    }
}

#[test]
fn a_proof_is_of_one_root() {
    let (objects, root) = forest();
    let (_, other) = golden();
    let (_, proof) = Proof::of(&objects, root.id, b"long/0777").unwrap();
    let err = proof.check(other.id).unwrap_err();
    assert!(matches!(err, ProofError::Root { found } if found == root.id));
}

/// Parts of a proof, for making others of them.
fn parts(proof: &Proof) -> (Vec<u8>, Vec<Vec<u8>>) {
    let bytes = proof.to_bytes();
    let mut rest = &bytes[8..bytes.len() - 32];
    let number = |rest: &mut &[u8]| {
        let (number, behind) = rest.split_first_chunk().unwrap();
        *rest = behind;
        u32::from_le_bytes(*number) as usize
    };
    let len = number(&mut rest);
    let path = rest[..len].to_vec();
    rest = &rest[len..];
    let count = number(&mut rest);
    let nodes = (0..count).map(|_| {
        let len = number(&mut rest);
        let (node, behind) = rest.split_at(len);
        rest = behind;
        node.to_vec()
    });
    (path, nodes.collect())
}

fn assembled(path: &[u8], nodes: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = b"roarprf\x01".to_vec();
    let number = |number: usize| u32::try_from(number).unwrap().to_le_bytes();
    bytes.extend(number(path.len()));
    bytes.extend(path);
    bytes.extend(number(nodes.len()));
    for node in nodes {
        bytes.extend(number(node.len()));
        bytes.extend(node);
    }
    let check = ContentId::of(&bytes);
    bytes.extend(check.as_bytes());
    bytes
}

#[test]
fn a_proof_with_another_path_or_other_nodes_proves_nothing() {
    let (objects, root) = forest();
    let (_, proof) = Proof::of(&objects, root.id, b"long/0777").unwrap();
    let (path, nodes) = parts(&proof);
    assert_eq!(assembled(&path, &nodes), proof.to_bytes());
    let refused = |path: &[u8], nodes: &[Vec<u8>]| {
        let forged = Proof::from_bytes(&assembled(path, nodes)).unwrap();
        forged.check(root.id).unwrap_err()
    };
    for other in [&b"long/1999"[..], b"d1/e/4", b"long", b""] {
        refused(other, &nodes);
    }
    for left_out in 0..nodes.len() {
        let mut fewer = nodes.clone();
        fewer.remove(left_out);
        refused(&path, &fewer);
    }
    let (_, other) = Proof::of(&objects, root.id, b"long/1999").unwrap();
    let (_, others) = parts(&other);
    for (at, node) in others.iter().enumerate() {
        let mut more = nodes.clone();
        more.insert(at, node.clone());
        refused(&path, &more);
    }
    let mut more = nodes.clone();
    more.push(others[others.len() - 1].clone());
    assert!(matches!(refused(&path, &more), ProofError::Surplus { .. }));
    let mut swapped = nodes.clone();
    swapped.swap(1, 2);
    refused(&path, &swapped);
    assert!(matches!(
        refused(&path, &[]),
        ProofError::Malformed("it has no nodes")
    ));
}

#[test]
fn bytes_that_are_no_proof_are_refused() {
    let (objects, root) = forest();
    let (_, proof) = Proof::of(&objects, root.id, b"d1/e/4").unwrap();
    let bytes = proof.to_bytes();
    for len in 0..bytes.len() {
        assert!(Proof::from_bytes(&bytes[..len]).is_err(), "{len} bytes");
    }
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(Proof::from_bytes(&flipped).is_err(), "bit {bit}");
    }
    let sealed = |content: &[u8]| {
        let check = ContentId::of(content);
        Proof::from_bytes(&[content, check.as_bytes()].concat())
    };
    let content = &bytes[..bytes.len() - 32];
    assert_eq!(sealed(content).unwrap(), proof);
    assert!(sealed(&[content, b"x"].concat()).is_err());
    for at in [8, 18] {
        let mut long = content.to_vec();
        long[at..at + 4].copy_from_slice(&[0xff; 4]);
        assert!(sealed(&long).is_err(), "length at {at}");
    }
    let mut newer = content.to_vec();
    newer[7] = 2;
    assert!(sealed(&newer).is_err());
}

type Model = BTreeMap<String, u64>;

fn model() -> impl Strategy<Value = Model> {
    prop::collection::btree_map("[a-c]/[a-c]{1,3}", 0u64..4, 0..200)
}

fn built(model: &Model, objects: &mut MemoryObjects) -> Root {
    let leaves = model.iter().map(|(path, number)| (path, leaf(*number)));
    PathTree::build(leaves, objects).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_proof_says_what_a_search_says(model in model(), path in "[a-c]/[a-c]{1,3}|[a-d]") {
        let mut objects = MemoryObjects::default();
        let root = built(&model, &mut objects);
        let (_, proof) = Proof::of(&objects, root.id, path.as_bytes()).unwrap();
        let proof = Proof::from_bytes(&proof.to_bytes()).unwrap();
        let found = proof.check(root.id).unwrap();
        prop_assert_eq!(&found, &lookup(&objects, root.id, path.as_bytes()).unwrap());
        if path.contains('/') {
            prop_assert_eq!(found.map(|entry| entry.size), model.get(&path).copied());
        }
    }

    #[test]
    fn what_is_built_passes_every_check(model in model()) {
        let mut objects = MemoryObjects::default();
        let root = built(&model, &mut objects);
        let mut check = TreeCheck::new(&objects);
        prop_assert_eq!(check.check(root.id).unwrap(), root);
        prop_assert_eq!(check.nodes(), objects.len());
    }

    /// However the entries of a directory are cut: if it is not as the rule says, it is found out.
    #[test]
    fn a_directory_that_is_cut_elsewhere_is_found_out(count in 2usize..200, cuts in prop::collection::btree_set(1usize..200, 0..12)) {
        let mut objects = MemoryObjects::default();
        let leaves = (0..count).map(|number| (format!("{number:03}"), leaf(number as u64)));
        let root = PathTree::build(leaves, &mut objects).unwrap();
        let entries: Vec<_> = list(&objects, root.id, false).map(|found| found.unwrap().entry).collect();
        let forged = cut(&entries, &cuts.into_iter().filter(|cut| *cut < count).collect::<Vec<_>>(), &mut objects);
        let Some(forged) = forged else { return Ok(()) };
        let checked = TreeCheck::new(&objects).check(forged);
        prop_assert_eq!(checked.is_ok(), forged == root.id, "{:?}", checked);
    }
}

/// Makes a directory of two levels, cut where the caller says; nothing if a node would be too long.
fn cut(entries: &[Entry], cuts: &[usize], objects: &mut MemoryObjects) -> Option<ObjectId> {
    let mut nodes = Vec::new();
    let ends = cuts.iter().copied().chain([entries.len()]);
    let mut start = 0;
    for end in ends {
        let part = entries[start..end].to_vec();
        if part.len() > TreeNode::MAX_ENTRIES {
            return None;
        }
        let node = TreeNode::new(0, part);
        let (name, size, files) = (node.entries[0].name.clone(), node.size(), node.files());
        let id = objects.put(&node);
        nodes.push(Entry::tree(name, Mode::Node, id, size, files));
        start = end;
    }
    match &nodes[..] {
        [only] => only.tree_id(),
        _ => Some(objects.put(&TreeNode::new(1, nodes))),
    }
}

#[test]
fn a_node_above_a_single_one_is_found_out() {
    let mut objects = MemoryObjects::default();
    let leaves = (0..3u64).map(|number| (number.to_string(), leaf(number)));
    let root = PathTree::build(leaves, &mut objects).unwrap();
    let above = Entry::tree("0", Mode::Node, root.id, root.bytes, root.files);
    let forged = objects.put(&TreeNode::new(1, vec![above]));
    let err = TreeCheck::new(&objects).check(forged).unwrap_err();
    let expected = format!("tree node '{forged}' stands above a single node");
    assert_eq!(err.to_string(), expected);
}

#[test]
fn two_versions_of_a_tree_are_checked_at_the_price_of_what_differs() {
    let (mut objects, root) = forest();
    let changed = (0..2000u64).map(|number| {
        let content = if number == 1234 { 0 } else { number };
        (format!("long/{number:04}"), leaf(content))
    });
    let next = PathTree::build(changed, &mut objects).unwrap();
    let mut check = TreeCheck::new(&objects);
    check.check(root.id).unwrap();
    let before = check.nodes();
    check.check(next.id).unwrap();
    assert!(
        check.nodes() - before <= 5,
        "{} more",
        check.nodes() - before
    );
    assert_eq!(check.nodes(), objects.len());
}
