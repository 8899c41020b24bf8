//! Proofs that somebody else made: what passes is what a search of the same nodes finds.

use crate::draw::Draw;
use roar_object::{ContentId, MemoryObjects, ObjectId};
use roar_tree::{Leaf, PathTree, Proof, Root, lookup};

pub(super) fn check(data: &[u8]) {
    judge(data);
    let sealed = [data, blake3::hash(data).as_bytes()].concat();
    judge(&sealed);
    let (objects, root) = tree();
    let mut draw = Draw::new(data);
    let mut content = content(&objects, root, PATHS[draw.below(PATHS.len())]);
    while !draw.is_empty() {
        let at = usize::from(u16::from_le_bytes(draw.array())) % content.len();
        content[at] ^= draw.byte();
    }
    let sealed = [&content[..], blake3::hash(&content).as_bytes()].concat();
    if let Some(found) = judge(&sealed) {
        let honest = lookup(&objects, root.id, &found.0).expect("the tree was just made");
        // Under this root nothing but the truth can be proved.
        match found.1.check(root.id) {
            Ok(proved) => assert_eq!(proved, honest),
            Err(_) => drop(honest),
        }
    }
}

const PATHS: [&[u8]; 6] = [b"a/17", b"a/99", b"b", b"", b"b/c", b"a"];

/// Reads a proof, and holds it against itself.
fn judge(bytes: &[u8]) -> Option<(Vec<u8>, Proof)> {
    let proof = Proof::from_bytes(bytes).ok()?;
    assert_eq!(proof.to_bytes(), bytes);
    drop(proof.check(ObjectId::from_bytes([7; 32])));
    Some((proof.path().to_vec(), proof))
}

fn tree() -> (MemoryObjects, Root) {
    let mut objects = MemoryObjects::default();
    let file = |number: u32| Leaf::file(ContentId::of(&number.to_le_bytes()), 4, false);
    let many = (0..60).map(|number| (format!("a/{number}"), file(number)));
    let leaves = many.chain([("b".to_owned(), file(1))]);
    let root = PathTree::build(leaves, &mut objects).expect("these are lawful");
    (objects, root)
}

/// Returns the bytes of a proof without the checksum.
fn content(objects: &MemoryObjects, root: Root, path: &[u8]) -> Vec<u8> {
    let (_, proof) = Proof::of(objects, root.id, path).expect("the tree was just made");
    let mut bytes = proof.to_bytes();
    bytes.truncate(bytes.len() - 32);
    bytes
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let (objects, root) = tree();
    let proofs = PATHS.map(|path| content(&objects, root, path));
    let edits = [vec![0], vec![1, 9, 0, 1], vec![2, 0, 1, 255, 40, 0, 3]];
    proofs.into_iter().chain(edits).collect()
}
