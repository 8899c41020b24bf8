use super::*;
use crate::Expect;
use proptest::prelude::*;

/// The worked example of `docs/format/store.md`.
fn example() -> Vec<u8> {
    let object = Object::from_body(Kind::Session, b"hi".to_vec());
    let name = RefName::new("a").unwrap();
    let change = RefMove {
        name,
        expect: Expect::Absent,
        new: Some(object.id()),
    };
    encode(1, 1, "init", &[change], &[&object]).unwrap()
}

#[test]
fn frames_never_change() {
    let hex: String = example().iter().map(|byte| format!("{byte:02x}")).collect();
    let doc = include_str!("../../../../docs/format/store.md");
    let drawn = doc
        .split("```text\n")
        .nth(1)
        .unwrap()
        .split("```")
        .next()
        .unwrap();
    let drawn: String = drawn
        .lines()
        .flat_map(|line| line[..48.min(line.len())].split(' '))
        .collect();
    assert_eq!(hex, drawn);
    assert_eq!(hex, GOLDEN);
}

const GOLDEN: &str = "f0726f617266720a010000000000000001000000000000005700000002000000000000002983161f\
    c4d5a858a9f1e0584d4bab43944a8f9853e08ede6926f5c51d8409ef0400696e6974010000000161\
    0001243b8c532781f0bf703b2b68960730f8229fb201cfc3bfd34dd008437ed058d201000000243b\
    8c532781f0bf703b2b68960730f8229fb201cfc3bfd34dd008437ed058d204020000006869";

fn is_journal_frame(bytes: &[u8]) -> bool {
    let Some(header) = Header::parse(bytes) else {
        return false;
    };
    header.sequence > 0
        && header.frame_len() == Some(bytes.len() as u64)
        && header.vouches_for(&bytes[..HEADER + header.head_len])
        && Head::parse(&header, &bytes[HEADER..HEADER + header.head_len])
            .is_ok_and(|head| decode_objects(&head, &bytes[HEADER + header.head_len..]).is_ok())
}

#[test]
fn every_byte_of_a_frame_is_checked() {
    let frame = example();
    assert!(is_journal_frame(&frame));
    for at in 0..frame.len() {
        let mut changed = frame.clone();
        changed[at] ^= 1;
        assert!(!is_journal_frame(&changed), "byte {at}");
    }
    for len in 0..frame.len() {
        assert!(!is_journal_frame(&frame[..len]), "{len} bytes");
    }
}

/// Gives a frame whose head was changed the checksum that fits.
fn resealed(mut bytes: Vec<u8>, head_len: usize) -> Vec<u8> {
    bytes[24..28].copy_from_slice(&(head_len as u32).to_le_bytes());
    let sum = CHECKSUMS.checksum(&[&bytes[..CHECKED], &bytes[HEADER..HEADER + head_len]]);
    bytes[CHECKED..HEADER].copy_from_slice(&sum);
    bytes
}

#[test]
fn a_right_checksum_does_not_excuse_nonsense() {
    let transaction = Transaction {
        objects: vec![Object::from_body(Kind::Tree, b"x".to_vec())],
        refs: vec![RefChange {
            name: RefName::new("a").unwrap(),
            expect: Expect::Any,
            new: None,
        }],
        note: "n".to_owned(),
        at_ns: 0,
    };
    let bytes = transaction.to_bytes().unwrap();
    let head_len = bytes.len() - HEADER - 1;
    assert_eq!(resealed(bytes.clone(), head_len), bytes);
    // The note's text, the ref's name, its two tags, the object's kind and length.
    for (at, value) in [(2, 0xff), (8, b'/'), (9, 3), (10, 2), (47, 0), (48, 2)] {
        let mut changed = bytes.clone();
        changed[HEADER + at] = value;
        let changed = resealed(changed, head_len);
        assert!(Transaction::from_bytes(&changed).is_err(), "byte {at}");
    }
    let mut longer = bytes.clone();
    longer.insert(HEADER + head_len, 0);
    assert!(Transaction::from_bytes(&resealed(longer, head_len + 1)).is_err());
}

#[test]
fn what_is_not_what_it_says_is_not_written() {
    let object = Object::from_parts(ObjectId::from_bytes([1; 32]), Kind::Tree, Vec::new());
    let forged = Transaction {
        objects: vec![object.clone()],
        ..Transaction::default()
    };
    assert_eq!(forged.to_bytes(), Err(FrameError::NotGenuine(object.id())));
    let name = RefName::new("a").unwrap();
    let change = RefChange {
        name: name.clone(),
        expect: Expect::Any,
        new: None,
    };
    let twice = Transaction {
        refs: vec![change.clone(), change],
        ..Transaction::default()
    };
    assert_eq!(twice.to_bytes(), Err(FrameError::Twice(name)));
}

prop_compose! {
    fn objects()(bodies in proptest::collection::btree_set(any::<Vec<u8>>(), 0..5), kind in 1u8..=7) -> Vec<Object> {
        let kind = Kind::from_code(kind).unwrap();
        bodies.into_iter().map(|body| Object::from_body(kind, body)).collect()
    }
}

prop_compose! {
    fn change()(name in "[a-z]{1,9}(/[a-z]{1,9}){0,2}", expect in 0usize..3, old: [u8; 32], new: Option<[u8; 32]>) -> RefChange {
        let old = ObjectId::from_bytes(old);
        let expect = [Expect::Any, Expect::Absent, Expect::Is(old)][expect];
        RefChange { name: RefName::new(name).unwrap(), expect, new: new.map(ObjectId::from_bytes) }
    }
}

proptest! {
    #[test]
    fn a_transaction_survives_its_bytes(
        objects in objects(),
        mut refs in proptest::collection::vec(change(), 0..4),
        note: String,
        at_ns: i64,
    ) {
        refs.sort_by(|one, other| one.name.cmp(&other.name));
        refs.dedup_by(|one, other| one.name == other.name);
        let transaction = Transaction { objects, refs, note, at_ns };
        let bytes = transaction.to_bytes().unwrap();
        let read = Transaction::from_bytes(&bytes).unwrap();
        prop_assert_eq!(&read, &transaction);
        prop_assert_eq!(read.to_bytes().unwrap(), bytes);
    }

    #[test]
    fn no_bytes_make_the_decoder_panic(bytes: Vec<u8>, front in 0usize..=180) {
        let mut all = example();
        all.truncate(front);
        all.extend(bytes);
        let taken = Transaction::from_bytes(&all);
        prop_assert!(taken.is_err());
        is_journal_frame(&all);
    }
}
