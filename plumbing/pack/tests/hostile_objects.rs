//! Packs from an enemy whose blocks are right, and whose objects are not.
#![expect(clippy::unwrap_used, reason = "tests may panic")]

mod kit;

use kit::{Block, forged, object, pack, packed, packed_object, read_all, told};
use roar_object::{Kind, MAX_BODY, Mode};
use roar_pack::Limits;

const TREE: u8 = Kind::Tree.code();
const VARIABLES: u8 = Kind::Variables.code();

/// A kind of bad pack: what it is, its bytes, and what is said of it.
type Case = (&'static str, Vec<u8>, &'static str);

#[track_caller]
fn are_refused(cases: Vec<Case>) {
    let limits = Limits::default();
    for (what, bytes, expected) in cases {
        match read_all(&bytes, &limits) {
            Ok(_) => panic!("{what} is taken"),
            // How long a frame is, is for zstd to say.
            Err(err) => assert!(told(&err).ends_with(expected), "{what}: {}", told(&err)),
        }
    }
}

fn one(kind: u8, body: &[u8]) -> Vec<u8> {
    forged(&[Block::of(kind, body)])
}

#[test]
fn objects_that_do_not_fit_their_block_are_refused() {
    let body = object(1).body().to_vec();
    let raw = |payload: Vec<u8>| forged(&[Block::raw(1, payload)]);
    let two = |payload: Vec<u8>| forged(&[Block::raw(2, payload)]);
    let first = packed_object(&object(1));
    are_refused(vec![
        (
            "kind 0",
            one(0, &body),
            "block 0 is wrong: object 0 is of kind 0, which is not known",
        ),
        (
            "kind 8",
            one(8, &body),
            "block 0 is wrong: object 0 is of kind 8, which is not known",
        ),
        (
            "kind 255",
            two([&first[..], &packed(255, &body)].concat()),
            "block 0 is wrong: object 1 is of kind 255, which is not known",
        ),
        (
            "no length",
            raw(vec![VARIABLES]),
            "block 0 is wrong: object 0 is not whole",
        ),
        (
            "half a length",
            raw(vec![VARIABLES, 0x80]),
            "block 0 is wrong: object 0 is not whole",
        ),
        (
            "a longer length",
            raw(vec![VARIABLES, 0x83, 0x00, 0x92, 0x01, 0x90]),
            "block 0 is wrong: object 0 is not whole",
        ),
        (
            "a length that overflows",
            raw(vec![VARIABLES, 0xff, 0xff, 0xff, 0xff, 0x7f]),
            "block 0 is wrong: object 0 is not whole",
        ),
        (
            "a length without end",
            raw(vec![0xff; 64]
                .into_iter()
                .enumerate()
                .map(|(at, byte)| if at == 0 { VARIABLES } else { byte })
                .collect()),
            "block 0 is wrong: object 0 is not whole",
        ),
        (
            "a body beyond the block",
            raw([&first[..], b""].concat()[..first.len() - 1].to_vec()),
            "block 0 is wrong: object 0 is not whole",
        ),
        (
            "a body above all bodies",
            raw(vec![VARIABLES, 0x81, 0x80, 0x80, 0x08]),
            "block 0 is wrong: object 0 has 16777217 bytes, more than an object may",
        ),
        (
            "bytes left over",
            raw([&first[..], b"xyz"].concat()),
            "block 0 is wrong: 3 bytes are left over after its last object",
        ),
        (
            "an object that nobody counted",
            raw([&first[..], &packed_object(&object(2))].concat()),
            "block 0 is wrong: 26 bytes are left over after its last object",
        ),
        (
            "an object too few",
            two(first),
            "block 0 is wrong: object 1 is not whole",
        ),
    ]);
}

/// One entry of a tree node: name, mode, 32 bytes of id, size, files.
fn entry(name: &[u8], mode: u8) -> Vec<u8> {
    let name_len = u8::try_from(name.len()).unwrap();
    [
        &[0x95, 0xc4, name_len],
        name,
        &[mode, 0xc4, 32],
        &[7; 32],
        &[1, 1],
    ]
    .concat()
}

fn tree(level: u8, entries: &[Vec<u8>]) -> Vec<u8> {
    let count = u16::try_from(entries.len()).unwrap();
    let len = match count {
        0..16 => vec![0x90 | count as u8],
        _ => [&[0xdc][..], &count.to_be_bytes()].concat(),
    };
    [&[0x93, 1, level][..], &len, &entries.concat()].concat()
}

#[test]
fn objects_that_are_no_objects_are_refused() {
    let file = Mode::File.code();
    let long_name = vec![b'x'; 255];
    let cases: Vec<(&str, u8, Vec<u8>)> = vec![
        ("no body", VARIABLES, vec![]),
        ("a longer integer", VARIABLES, vec![0x92, 0xcc, 0x01, 0x90]),
        (
            "a longer list",
            VARIABLES,
            vec![0x92, 0x01, 0xdc, 0x00, 0x00],
        ),
        ("a later version", VARIABLES, vec![0x92, 0x02, 0x90]),
        ("a field too many", VARIABLES, vec![0x93, 0x01, 0x90, 0x90]),
        ("a field too few", VARIABLES, vec![0x91, 0x01]),
        (
            "a byte after the body",
            VARIABLES,
            vec![0x92, 0x01, 0x90, 0xc0],
        ),
        ("a map", VARIABLES, vec![0x82, 0x01, 0x01, 0x02, 0x90]),
        (
            "a list bomb",
            VARIABLES,
            vec![0x92, 0x01, 0xdd, 0xff, 0xff, 0xff, 0xff],
        ),
        (
            "a byte string bomb",
            VARIABLES,
            vec![0x92, 0x01, 0x91, 0x92, 0xc6, 0xff, 0xff, 0xff, 0xff],
        ),
        ("nesting without end", VARIABLES, vec![0x91; 100_000]),
        ("another kind's body", TREE, object(1).body().to_vec()),
        (
            "names that do not ascend",
            TREE,
            tree(0, &[entry(b"b", file), entry(b"a", file)]),
        ),
        (
            "a name twice",
            TREE,
            tree(0, &[entry(b"a", file), entry(b"a", file)]),
        ),
        ("the directory above", TREE, tree(0, &[entry(b"..", file)])),
        ("the directory itself", TREE, tree(0, &[entry(b".", file)])),
        (
            "a path for a name",
            TREE,
            tree(0, &[entry(b"../etc/passwd", file)]),
        ),
        ("an absolute path", TREE, tree(0, &[entry(b"/etc", file)])),
        ("a NUL in a name", TREE, tree(0, &[entry(b"a\0b", file)])),
        ("an empty name", TREE, tree(0, &[entry(b"", file)])),
        ("an unknown mode", TREE, tree(0, &[entry(b"a", 9)])),
        ("a node in a directory", TREE, tree(0, &[entry(b"a", 6)])),
        ("a file above", TREE, tree(1, &[entry(b"a", file)])),
        ("a level above all", TREE, tree(17, &[entry(b"a", 6)])),
        (
            "a node too large",
            TREE,
            tree(
                0,
                &(0..97u8)
                    .map(|at| entry(&[b'a' + at / 10, b'0' + at % 10], file))
                    .collect::<Vec<_>>(),
            ),
        ),
    ];
    read_all(
        &one(TREE, &tree(0, &[entry(&long_name, file)])),
        &Limits::default(),
    )
    .unwrap();
    for (what, kind, body) in cases {
        let good = packed_object(&object(5));
        let bytes = forged(&[Block::raw(1, good), Block::of(kind, &body)]);
        let name = roar_object::ObjectId::of(Kind::from_code(kind).unwrap(), &body);
        let mut taken = 0;
        let done = roar_pack::read(&bytes[..], &Limits::default(), &mut |_| {
            taken += 1;
            Ok(())
        });
        let text = told(&done.expect_err(what));
        assert!(
            text.starts_with("object 0 in block 1 is not valid: "),
            "{what}: {text}"
        );
        assert!(text.contains(&name.to_string()), "{what}: {text}");
        assert_eq!(taken, 1, "{what}: only the good object is handed on");
    }
}

#[test]
fn an_object_that_comes_twice_is_refused() {
    let first = packed_object(&object(1));
    let message = |block| {
        let id = object(1).id();
        format!("'{id}' is in the pack twice, the second time in block {block}")
    };
    let together = forged(&[Block::raw(2, first.repeat(2))]);
    let apart = forged(&[Block::raw(1, first.clone()), Block::raw(1, first)]);
    for (bytes, block) in [(together, 0), (apart, 1)] {
        let err = read_all(&bytes, &Limits::default()).unwrap_err();
        assert_eq!(told(&err), message(block));
    }
}

#[test]
fn a_body_as_long_as_bodies_may_be_is_taken_and_a_longer_one_is_not() {
    let body = |len: usize| {
        // One variable with one long tag.
        let tag = len - 15;
        let mut body = vec![0x92, 0x01, 0x91, 0x92, 0xc4, 0x04];
        body.extend(b"NAME");
        body.push(0xc6);
        body.extend(u32::try_from(tag).unwrap().to_be_bytes());
        body.extend((0..tag).map(|at| ((at * at) >> 7) as u8));
        body
    };
    let largest = body(MAX_BODY);
    let (objects, _) = read_all(&one(VARIABLES, &largest), &Limits::default()).unwrap();
    assert_eq!(objects[0].body(), largest);
    let (bytes, _) = pack(&objects);
    assert_eq!(read_all(&bytes, &Limits::default()).unwrap().0, objects);
    let err = read_all(&one(VARIABLES, &body(MAX_BODY + 1)), &Limits::default()).unwrap_err();
    assert_eq!(
        told(&err),
        "block 0 is wrong: 1 objects of 16777222 bytes together are more than a block may hold"
    );
}
