//! Packs from an enemy: each breaks one rule, is refused for that, and gets nothing in.
#![expect(clippy::unwrap_used, reason = "tests may panic")]

mod kit;

use kit::{Block, HEADER, forged, named, object, pack, packed, packed_object, read_all, renamed};
use kit::{told, with_end};
use roar_object::Kind;
use roar_pack::Limits;

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

fn good() -> Vec<u8> {
    let both = [packed_object(&object(1)), packed_object(&object(2))];
    forged(&[Block::raw(2, both.concat())])
}

/// A block that holds one good object, with something about it changed.
fn block(change: impl FnOnce(&mut Block)) -> Vec<u8> {
    let mut block = Block::raw(1, packed_object(&object(1)));
    change(&mut block);
    with_end(&[block], [1, 1, object(1).body().len() as u64])
}

fn frame(raw: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(raw, 3).unwrap()
}

/// A block with one frame that should stand for `raw` bytes.
fn packed_frame(raw: usize, frame: Vec<u8>) -> Vec<u8> {
    forged(&[Block::zstd(1, raw, frame)])
}

#[test]
fn what_the_kit_makes_is_taken_if_no_rule_is_broken() {
    let several: Vec<_> = (0..50).map(object).collect();
    let raw: Vec<u8> = several.iter().flat_map(packed_object).collect();
    let right = [
        Block::raw(50, raw.clone()),
        Block::zstd(50, raw.len(), frame(&raw)),
    ];
    for block in right {
        let totals = [50, 1, 50 * object(1).body().len() as u64];
        let taken = read_all(&with_end(&[block], totals), &Limits::default());
        assert_eq!(taken.unwrap().0, several);
    }
    assert!(read_all(&forged(&[]), &Limits::default()).is_ok());
    assert!(read_all(&good(), &Limits::default()).is_ok());
}

#[test]
fn a_pack_with_wrong_front_or_end_is_refused() {
    let good = good();
    let object_blocks = [Block::raw(1, packed_object(&object(1)))];
    let len = object(1).body().len() as u64;
    let front = |at: usize, byte: u8| renamed(&good, |bytes| bytes[at] = byte);
    are_refused(vec![
        (
            "an empty file",
            vec![],
            "the pack ends in the middle of the header, after 0 bytes",
        ),
        (
            "another file",
            named(b"#!/bin/sh\nexit 0".to_vec()),
            "this is no pack",
        ),
        (
            "a git pack",
            named(b"PACK\0\0\0\x02\0\0\0\0\0\0\0\0".to_vec()),
            "this is no pack",
        ),
        (
            "version 2",
            front(8, 2),
            "this pack has version 2, and versions above 1 are not known",
        ),
        (
            "version 0",
            front(8, 0),
            "this pack has version 0, and versions above 1 are not known",
        ),
        (
            "version 257",
            front(9, 1),
            "this pack has version 257, and versions above 1 are not known",
        ),
        (
            "a flag",
            front(10, 1),
            "what is reserved in the header is not zero",
        ),
        (
            "a reserved byte",
            front(15, 1),
            "what is reserved in the header is not zero",
        ),
        (
            "only a header",
            HEADER.to_vec(),
            "the pack ends in the middle of the head of a block, after 16 bytes",
        ),
        (
            "no end",
            good[..good.len() - 64].to_vec(),
            "the pack ends in the middle of the head of a block, after 88 bytes",
        ),
        (
            "half a name",
            good[..good.len() - 16].to_vec(),
            "the pack ends in the middle of its name, after 136 bytes",
        ),
        (
            "too many objects said",
            with_end(&object_blocks, [2, 1, len]),
            "the end speaks of 2 objects, and there are 1",
        ),
        (
            "too few objects said",
            with_end(&object_blocks, [0, 1, len]),
            "the end speaks of 0 objects, and there are 1",
        ),
        (
            "too many blocks said",
            with_end(&object_blocks, [1, 2, len]),
            "the end speaks of 2 blocks, and there are 1",
        ),
        (
            "too many bytes said",
            with_end(&object_blocks, [1, 1, u64::MAX]),
            "the end speaks of 18446744073709551615 bytes, and there are 24",
        ),
        (
            "a reserved byte in the end",
            renamed(&good, |bytes| {
                let at = bytes.len() - 28;
                bytes[at] = 1;
            }),
            "what is reserved in the end is not zero",
        ),
        (
            "a trailing byte",
            [&good[..], b"x"].concat(),
            "something follows after the end of the pack",
        ),
        (
            "two packs",
            good.repeat(2),
            "something follows after the end of the pack",
        ),
    ]);
}

#[test]
fn a_pack_with_another_name_is_refused() {
    let mut other = good();
    let at = other.len() - 1;
    other[at] ^= 1;
    let err = read_all(&other, &Limits::default()).unwrap_err();
    assert!(told(&err).starts_with("the pack calls itself '"), "{err}");
}

#[test]
fn a_block_that_lies_about_itself_is_refused() {
    let several = |raw: usize| Block::raw(2, vec![0; raw]);
    are_refused(vec![
        (
            "type 0",
            block(|it| it.kind = 0),
            "block 0 is wrong: type 0 is not known",
        ),
        (
            "type 3",
            block(|it| it.kind = 3),
            "block 0 is wrong: type 3 is not known",
        ),
        (
            "codec 2",
            block(|it| it.codec = 2),
            "block 0 is wrong: codec 2 is not known",
        ),
        (
            "no objects",
            block(|it| it.objects = 0),
            "block 0 is wrong: it holds nothing",
        ),
        (
            "a count bomb",
            block(|it| it.objects = 65535),
            "block 0 is wrong: object 1 is not whole",
        ),
        (
            "a length bomb",
            block(|it| it.raw = u32::MAX),
            "block 0 is wrong: 1 objects of 4294967295 bytes together are more than a block may hold",
        ),
        (
            "a stored length bomb",
            block(|it| it.stored = u32::MAX),
            "block 0 is wrong: 4294967295 stored bytes cannot stand for 26",
        ),
        (
            "a length bomb of both",
            block(|it| (it.raw, it.stored) = (16 << 20, 16 << 20)),
            "the pack ends in the middle of a block, after 126 bytes",
        ),
        (
            "a large block of several",
            forged(&[several((256 << 10) + 1)]),
            "block 0 is wrong: 2 objects of 262145 bytes together are more than a block may hold",
        ),
        (
            "a raw block that is longer unpacked",
            block(|it| it.raw += 1),
            "block 0 is wrong: 26 stored bytes cannot stand for 27",
        ),
        (
            "a frame as long as what it stands for",
            block(|it| it.codec = 1),
            "block 0 is wrong: 26 stored bytes cannot stand for 26",
        ),
        (
            "nothing stored",
            block(|it| {
                it.codec = 1;
                it.stored = 0;
                it.payload.clear();
            }),
            "block 0 is wrong: 0 stored bytes that stand for 26 are packed tighter than 1000 to 1",
        ),
        (
            "a wrong check",
            block(|it| it.check = Some([0; 8])),
            "block 0 is wrong: its bytes do not fit its checksum",
        ),
    ]);
}

#[test]
fn a_frame_that_is_not_as_it_should_be_is_refused() {
    let noise: Vec<u8> = (0..40u8)
        .flat_map(|at| *blake3::hash(&[at]).as_bytes())
        .collect();
    let text = packed(VARIABLES, &noise.repeat(4));
    let right = frame(&text);
    let len = text.len();
    let streamed = {
        let mut encoder = zstd::stream::Encoder::new(Vec::new(), 3).unwrap();
        std::io::Write::write_all(&mut encoder, &text).unwrap();
        encoder.finish().unwrap()
    };
    let with_dictionary = {
        let mut bytes = right.clone();
        bytes[4] |= 1;
        bytes
    };
    let skippable = [
        &[0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 1, 2, 3, 4],
        &right[..],
    ]
    .concat();
    are_refused(vec![
        (
            "garbage",
            packed_frame(len, vec![7; 50]),
            "block 0 is wrong: its zstd frame has no right header",
        ),
        (
            "half a frame",
            packed_frame(len, right[..right.len() / 2].to_vec()),
            "block 0 is wrong: its zstd frame is not whole",
        ),
        (
            "half a header",
            packed_frame(len, right[..6].to_vec()),
            "block 0 is wrong: its zstd frame has no right header",
        ),
        (
            "two frames",
            packed_frame(len, right.repeat(2)),
            "block 0 is wrong: its zstd frame is followed by something",
        ),
        (
            "a frame and more",
            packed_frame(len, [&right[..], b"x"].concat()),
            "block 0 is wrong: its zstd frame is followed by something",
        ),
        (
            "a frame to be skipped",
            packed_frame(len, skippable),
            "block 0 is wrong: its zstd frame has no right header",
        ),
        (
            "a frame of unknown length",
            packed_frame(len, streamed),
            "block 0 is wrong: its zstd frame has another length than the block",
        ),
        (
            "a frame that needs a dictionary",
            packed_frame(len, with_dictionary),
            "block 0 is wrong: its zstd frame needs a dictionary",
        ),
        (
            "a shorter frame",
            packed_frame(len + 1, right.clone()),
            "block 0 is wrong: its zstd frame has another length than the block",
        ),
        (
            "a longer frame",
            packed_frame(len - 1, right.clone()),
            "block 0 is wrong: its zstd frame has another length than the block",
        ),
        (
            "a bomb in a small block",
            packed_frame(len, frame(&vec![0; 8 << 20])),
            "block 0 is wrong: its zstd frame has another length than the block",
        ),
        (
            "a bomb",
            packed_frame(8 << 20, frame(&vec![0; 8 << 20])),
            " stored bytes that stand for 8388608 are packed tighter than 1000 to 1",
        ),
        (
            "a bomb of bombs",
            packed_frame(16 << 20, frame(&frame(&vec![0; 16 << 20]))),
            " stored bytes that stand for 16777216 are packed tighter than 1000 to 1",
        ),
    ]);
}

#[test]
fn a_frame_with_a_large_window_is_refused() {
    let mut compressor = zstd::bulk::Compressor::new(1).unwrap();
    compressor.window_log(24).unwrap();
    let raw: Vec<u8> = (0..3_000_000u32).flat_map(u32::to_le_bytes).collect();
    let bytes = packed_frame(raw.len(), compressor.compress(&raw).unwrap());
    let err = read_all(&bytes, &Limits::default()).unwrap_err();
    assert_eq!(
        told(&err),
        "block 0 is wrong: its zstd frame needs too large a window"
    );
}

#[test]
fn more_than_the_receiver_takes_is_refused() {
    let objects: Vec<_> = (0..200).map(object).collect();
    let (bytes, contents) = pack(&objects);
    let all = Limits {
        objects: 200,
        raw: 200 * 26,
        ratio: 1000,
    };
    assert_eq!(contents.raw(), 200 * 24);
    read_all(&bytes, &all).unwrap();
    let refused = |limits| told(&read_all(&bytes, &limits).unwrap_err());
    assert_eq!(
        refused(Limits {
            objects: 199,
            ..all
        }),
        "the pack holds more than 199 objects"
    );
    assert_eq!(
        refused(Limits { raw: 5199, ..all }),
        "the pack unpacks to more than 5199 bytes"
    );
    assert!(refused(Limits { ratio: 2, ..all }).ends_with("are packed tighter than 2 to 1"));
}

#[test]
fn what_the_receiver_does_not_take_ends_the_reading() {
    let mut seen = 0;
    let err = roar_pack::read(&good()[..], &Limits::default(), &mut |_| {
        seen += 1;
        Err("the disk is full".into())
    });
    let text = told(&err.unwrap_err());
    assert_eq!(
        text,
        format!("'{}' was not taken: the disk is full", object(1).id())
    );
    assert_eq!(seen, 1);
}

#[test]
fn every_flipped_bit_is_found() {
    let objects: Vec<_> = (0..40).map(object).collect();
    for bytes in [good(), pack(&objects).0] {
        for bit in 0..8 * bytes.len() {
            let mut other = bytes.clone();
            other[bit / 8] ^= 1 << (bit % 8);
            assert!(read_all(&other, &Limits::own()).is_err(), "bit {bit}");
        }
    }
}

#[test]
fn every_cut_is_found() {
    let objects: Vec<_> = (0..40).map(object).collect();
    for bytes in [good(), pack(&objects).0] {
        for len in 0..bytes.len() {
            assert!(
                read_all(&bytes[..len], &Limits::own()).is_err(),
                "{len} bytes"
            );
        }
    }
}
