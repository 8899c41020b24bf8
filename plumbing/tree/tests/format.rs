//! The examples of `docs/format/tree.md`, made anew and compared.
#![expect(clippy::unwrap_used, reason = "tests may panic")]

use roar_object::{ContentId, MemoryObjects, ObjectId, Objects, TreeNode};
use roar_tree::{Leaf, PathTree, Proof, Root};

const DOCUMENT: &str = include_str!("../../../docs/format/tree.md");

/// Returns the name in the headline of an example, and what follows it.
fn example(title: &str) -> (ObjectId, &'static str) {
    let (_, rest) = DOCUMENT
        .split_once(&format!("\n### Example: {title} `"))
        .unwrap();
    let (id, rest) = rest.split_once('`').unwrap();
    (id.parse().unwrap(), rest)
}

/// Reads the bytes of an example, line by line, each line beginning with its offset.
fn bytes(rest: &str) -> Vec<u8> {
    let (_, rest) = rest.split_once("```text\n").unwrap();
    let (dump, _) = rest.split_once("```").unwrap();
    let mut bytes = Vec::new();
    for line in dump.lines() {
        let mut words = line.split('|').next().unwrap().split_whitespace();
        let offset = usize::from_str_radix(words.next().unwrap(), 16).unwrap();
        assert_eq!(offset, bytes.len(), "offset of '{line}'");
        bytes.extend(words.map(|digits| u8::from_str_radix(digits, 16).unwrap()));
    }
    bytes
}

fn build<'a>(leaves: impl IntoIterator<Item = (String, &'a [u8])>) -> (Root, MemoryObjects) {
    let mut objects = MemoryObjects::default();
    let leaves = leaves.into_iter().map(|(path, bytes)| {
        let executable = path.ends_with("tool");
        let leaf = Leaf::file(ContentId::of(bytes), bytes.len() as u64, executable);
        let leaf = if path.ends_with("link") {
            Leaf::link(bytes)
        } else {
            leaf
        };
        (path, leaf)
    });
    let root = PathTree::build(leaves, &mut objects).unwrap();
    (root, objects)
}

fn worked_example() -> (Root, MemoryObjects) {
    let files: [(&str, &[u8]); 3] = [
        ("hello.txt", b"hello data\n"),
        ("sub/tool", b"#!/bin/sh\n"),
        ("sub/link", b"../hello.txt"),
    ];
    build(files.map(|(path, bytes)| (path.to_owned(), bytes)))
}

#[test]
fn the_proof_in_the_document_is_what_the_code_makes() {
    let (root, objects) = worked_example();
    let (found, proof) = Proof::of(&objects, root.id, b"sub/tool").unwrap();
    let (id, rest) = example("proof");
    assert_eq!(id, root.id);
    let shown = bytes(rest);
    assert_eq!(proof.to_bytes(), shown);
    let read = Proof::from_bytes(&shown).unwrap();
    assert_eq!(read.check(id).unwrap(), found);
}

#[test]
fn the_worked_example_is_what_the_code_makes() {
    let (root, objects) = worked_example();
    let expected = Root {
        id: example("root").0,
        files: 3,
        bytes: 33,
    };
    assert_eq!(root, expected);
    for title in ["root", "sub"] {
        let (id, rest) = example(title);
        let object = objects.find(id).unwrap().unwrap();
        assert_eq!(object.body(), bytes(rest), "{title}");
    }
}

#[test]
fn a_long_directory_is_cut_where_the_document_says() {
    let names = (0..1000).map(|number| (format!("file-{number}"), &b""[..]));
    let (root, objects) = build(names);
    let (id, rest) = example("long");
    assert_eq!(root.id, id);
    let levels = objects.read::<TreeNode>(id).unwrap().level + 1;
    let sentence = format!("is {} nodes on {levels} levels.", objects.len());
    assert!(rest.contains(&sentence), "{sentence}");
}
