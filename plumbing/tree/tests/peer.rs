//! The digest that the peer gives, on vectors that `roar-cli 0.4.7` computed.
#![expect(clippy::unwrap_used, reason = "tests may panic")]

use roar_object::{ContentId, MemoryObjects};
use roar_tree::{Composite, Leaf, PathTree, composite};

fn of(files: &[(&str, &str)]) -> Option<Composite> {
    let leaf = |bytes: &str| Leaf::file(ContentId::of(bytes.as_bytes()), bytes.len() as u64, false);
    with(
        &files
            .iter()
            .map(|(path, bytes)| (path.as_bytes(), leaf(bytes)))
            .collect::<Vec<_>>(),
    )
}

fn with(leaves: &[(&[u8], Leaf)]) -> Option<Composite> {
    let mut objects = MemoryObjects::default();
    let leaves = leaves.iter().map(|(path, leaf)| (*path, *leaf));
    let root = PathTree::build(leaves, &mut objects).unwrap();
    composite(&objects, root.id).unwrap()
}

#[track_caller]
fn expect(files: &[(&str, &str)], components: u64, digest: &str) {
    let found = of(files).unwrap();
    assert_eq!(
        (found.hex().as_str(), found.components),
        (digest, components)
    );
}

const SHARDS: [(&str, &str); 3] = [
    ("a.parquet", "alpha\n"),
    ("b.parquet", "beta\n"),
    ("sub/c.parquet", "gamma\n"),
];
const SHARDS_DIGEST: &str = "9bda8a8776c0598d1afeb3de93813fab1f1281365ef5f23c0a05bb24dd410813";

#[test]
fn shards() {
    expect(&SHARDS, 3, SHARDS_DIGEST);
    assert_eq!(of(&SHARDS).unwrap().bytes, 17);
}

#[test]
fn boilerplate_and_what_is_beside_shards_does_not_count() {
    let mut files = SHARDS.to_vec();
    files.extend([
        ("README.md", "x"),
        ("sub/.DS_Store", "x"),
        ("notes.txt", "x"),
    ]);
    expect(&files, 3, SHARDS_DIGEST);
}

#[test]
fn paths_sort_by_their_bytes_whatever_they_mean() {
    expect(
        &[("é.txt", "1"), ("z.txt", "2"), ("a b.txt", "")],
        3,
        "d3d319fbe63ef4a64cad320dd6faa94dfc89f1c06575efb5914feccd42faf9b6",
    );
}

#[test]
fn a_store_of_arrays() {
    expect(
        &[(".zgroup", "{}"), ("0", "x")],
        2,
        "1f9848cd6b516c0668d12ca6185a9009db822ab0e73725a6f8ab51d0014bb80b",
    );
}

#[test]
fn a_directory_of_datasets_is_combined_from_theirs() {
    expect(
        &[
            ("a.zarr/.zgroup", "{}"),
            ("a.zarr/0", "x"),
            ("b.zarr/.zgroup", "{}"),
            ("b.zarr/0", "y"),
        ],
        4,
        "ada242f9cf403ac15172a3af440025e398a52e6b72368c427aa5cdc2a494e35a",
    );
}

#[test]
fn a_robot_dataset_is_its_data_its_videos_and_its_description() {
    expect(
        &[
            ("meta/info.json", "{}"),
            ("data/chunk-000/e.parquet", "1"),
            ("videos/v.mp4", "2"),
            ("notes.txt", "3"),
            ("README.md", "4"),
        ],
        3,
        "7a7e2afff497da8470331c89ba24520a729d71ba05c69a6cd76e8a8d774ded5b",
    );
}

#[test]
fn a_versioned_table() {
    expect(
        &[
            ("x.lance/_versions/1", "a"),
            ("x.lance/data/0", "b"),
            ("LICENSE", "c"),
        ],
        2,
        "96affb355b8c9369e25512d8817eef1145d30755994d203f09e99eacbfba9fde",
    );
}

#[test]
fn a_set_of_records() {
    expect(
        &[
            ("dataset_info.json", "{}"),
            ("features.json", "{}"),
            ("t.tfrecord-0", "r"),
            (".gitattributes", "g"),
        ],
        3,
        "a51ce7262c0475545fdd7fb32621fdafb7498b172dbe40ed1f8b546534ef2aba",
    );
}

#[test]
fn a_set_of_archives() {
    expect(
        &[("0.tar", "a"), ("1.tar", "b"), ("README.md", "r")],
        2,
        "247f4655e9a69ed51124f3bc6559ca0ba7ac6240f96f7fd1bcd0fde7dfa4a921",
    );
}

#[test]
fn files_without_structure_count_when_the_user_says_so() {
    expect(
        &[
            ("b/x.csv", "1"),
            ("a.csv", "2"),
            ("a/x.csv", "3"),
            ("a\\y", "4"),
        ],
        4,
        "67ddb876c18a54d3ad7ceebcce001e491e2731d448d6912ef30007c7a9dafe18",
    );
}

#[test]
fn partitions_are_one_dataset() {
    expect(
        &[
            ("d=1/p.parquet", "1"),
            ("d=2/p.parquet", "2"),
            ("d=2/.gitignore", "2"),
        ],
        2,
        "be6b938b382cde498d6c11d9bbef530eb846075bfdcf93800ac4d8e6a774846e",
    );
}

#[test]
fn loose_files_beside_nested_datasets_do_not_count() {
    expect(
        &[
            ("r1/meta/info.json", "{}"),
            ("r1/data/chunk-000/e", "1"),
            ("r1/junk", "x"),
            ("r2/dataset_info.json", "{}"),
            ("r2/features.json", "{}"),
            ("loose", "z"),
            ("r3/plain", "p"),
        ],
        4,
        "05fbe40caaec9fcad19c26c6ecd525d7c6c4f653c760788d1ff0e8846545d45f",
    );
}

#[test]
fn there_is_none_where_the_peer_has_none() {
    assert_eq!(of(&[]), None);
    assert_eq!(of(&[("only", "x")]), None);
    assert_eq!(of(&[("only", "x"), ("LICENSE", "y")]), None);
    let leaf = Leaf::file(ContentId::of(b"x"), 1, false);
    assert_eq!(with(&[(b"a", leaf), (b"b\xff", leaf)]), None);
    assert_eq!(
        with(&[(b"a", leaf), (b"b", Leaf::Unnamed { size: 1 })]),
        None
    );
    // Backslashes are slashes to the peer, which then refuses a way up and a path twice.
    assert_eq!(of(&[("a", "x"), ("..\\b", "y")]), None);
    assert_eq!(of(&[("a\\b", "x"), ("a/b", "y")]), None);
    assert!(of(&[("a\\b", "x"), ("c", "y")]).is_some());
}
