//! The bytes of trace records, written out, and the laws their decoder keeps.
#![expect(clippy::unwrap_used, reason = "tests may panic")]

use proptest::prelude::*;
use roar_events::{Access, Corrupt, HEADER, Record, Records, State, Version};

const VERSION: Version = Version {
    dev: 1,
    ino: 2,
    size: 3,
    mtime_ns: 4,
    ctime_ns: -1,
    mode: 0o100_644,
};

fn encoded(record: &Record<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    record.encode(&mut bytes);
    bytes
}

fn stream(records: &[Record<'_>]) -> Vec<u8> {
    let mut bytes = HEADER.to_vec();
    for record in records {
        record.encode(&mut bytes);
    }
    bytes
}

fn hex(text: &str) -> Vec<u8> {
    let lines = text.lines().map(|line| line.split('#').next().unwrap());
    let digits: Vec<u8> = lines
        .flat_map(str::bytes)
        .filter(u8::is_ascii_hexdigit)
        .collect();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

#[test]
fn the_worked_example_of_the_crate_docs_is_true() {
    let expected = hex("0a000000 06 07000000 02000000 2f61 7888e5e1");
    assert_eq!(
        encoded(&Record::Symlink {
            pid: 7,
            path: b"/a"
        }),
        expected
    );
}

#[test]
fn bytes_never_change() {
    let open = Record::Open {
        pid: 0x0102,
        access: Access::READ | Access::WRITE | Access::CREATE,
        path: b"/\xff\n",
        before: State::File(VERSION),
    };
    let expected = hex("39000000          # 57 bytes of body
        03                # open
        02010000          # pid
        0b                # read, write, create
        03000000 2fff0a   # path
        01                # a regular file
        0100000000000000  # device
        0200000000000000  # inode
        0300000000000000  # size
        0400000000000000  # mtime
        ffffffffffffffff  # ctime
        a4810000          # mode
        ");
    let bytes = encoded(&open);
    assert_eq!(bytes[..bytes.len() - 4], expected);
}

/// Every kind at once: if this digest moves, old spools can no longer be read.
#[test]
fn the_bytes_of_every_kind_never_change() {
    let bytes = stream(&every_kind());
    let check = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    assert_eq!((bytes.len(), format!("{check:016x}").as_str()), GOLDEN);
}

const GOLDEN: (usize, &str) = (468, "5cf00265df20f54b");

fn every_kind() -> Vec<Record<'static>> {
    let file = State::File(VERSION);
    vec![
        Record::Process {
            pid: 1,
            parent: 0,
            program: b"/bin/true",
        },
        Record::Exec {
            pid: 1,
            path: b"/bin/true",
            before: file,
        },
        Record::Open {
            pid: 1,
            access: Access::APPEND,
            path: b"/a",
            before: State::Missing,
        },
        Record::Rename {
            pid: 1,
            exchange: true,
            from: b"/a",
            moved: State::Directory,
            to: b"/b",
            replaced: State::Symlink,
        },
        Record::Link {
            pid: 1,
            from: b"",
            linked: file,
            to: b"/c",
        },
        Record::Symlink {
            pid: 1,
            path: b"/d",
        },
        Record::Unlink {
            pid: 1,
            path: b"/d",
            before: State::Other,
        },
        Record::Truncate {
            pid: 1,
            length: 9,
            path: b"/e",
            before: file,
        },
        Record::Named {
            path: b"/e",
            version: VERSION,
            digest: [7; 32],
        },
        Record::Gap { why: b"lost" },
        Record::Target {
            path: b"/d",
            target: b"../e",
        },
    ]
}

#[test]
fn a_torn_tail_loses_only_the_last_record() {
    let records = every_kind();
    let bytes = stream(&records);
    for end in 0..=bytes.len() {
        let read: Vec<_> = Records::new(&bytes[..end]).map(Result::unwrap).collect();
        assert_eq!(read, records[..read.len()]);
        assert!(end < bytes.len() || read.len() == records.len());
    }
}

#[test]
fn a_damaged_record_is_told_with_its_place_and_ends_the_stream() {
    let mut bytes = stream(&every_kind());
    let first = HEADER.len() + encoded(&every_kind()[0]).len();
    bytes[first + 7] ^= 1;
    let mut records = Records::new(&bytes);
    assert!(records.next().unwrap().is_ok());
    assert_eq!(records.next(), Some(Err(Corrupt { offset: first })));
    assert_eq!(records.next(), None);
}

#[test]
fn a_stream_of_something_else_is_refused() {
    assert_eq!(
        Records::new(b"#!/bin/sh").next(),
        Some(Err(Corrupt { offset: 0 }))
    );
    assert_eq!(Records::new(b"").next(), None);
}

fn version() -> impl Strategy<Value = Version> {
    any::<(u64, u64, u64, i64, i64, u32)>().prop_map(
        |(dev, ino, size, mtime_ns, ctime_ns, mode)| Version {
            dev,
            ino,
            size,
            mtime_ns,
            ctime_ns,
            mode,
        },
    )
}

fn state() -> impl Strategy<Value = State> {
    prop_oneof![
        Just(State::Missing),
        Just(State::Directory),
        Just(State::Symlink),
        Just(State::Other),
        version().prop_map(State::File),
    ]
}

/// Everything a record can be made of.
type Parts = (
    u8,
    u32,
    u32,
    u64,
    Vec<u8>,
    Vec<u8>,
    State,
    State,
    Version,
    [u8; 32],
);

fn parts() -> impl Strategy<Value = Parts> {
    let path = || proptest::collection::vec(any::<u8>(), 0..40);
    (
        any::<u8>(),
        any::<u32>(),
        any::<u32>(),
        any::<u64>(),
        path(),
        path(),
        state(),
        state(),
        version(),
        any::<[u8; 32]>(),
    )
}

fn record(parts: &Parts) -> Record<'_> {
    let (kind, pid, parent, length, path, to, before, replaced, version, digest) = parts;
    let (pid, before) = (*pid, *before);
    match kind % 11 {
        0 => Record::Process {
            pid,
            parent: *parent,
            program: path,
        },
        1 => Record::Exec { pid, path, before },
        2 => {
            let access = Access::from_bits(kind % 32).unwrap();
            Record::Open {
                pid,
                access,
                path,
                before,
            }
        }
        3 => Record::Rename {
            pid,
            exchange: kind & 16 == 0,
            from: path,
            moved: before,
            to,
            replaced: *replaced,
        },
        4 => Record::Link {
            pid,
            from: path,
            linked: before,
            to,
        },
        5 => Record::Symlink { pid, path },
        6 => Record::Unlink { pid, path, before },
        7 => Record::Truncate {
            pid,
            length: *length,
            path,
            before,
        },
        8 => Record::Named {
            path,
            version: *version,
            digest: *digest,
        },
        9 => Record::Gap { why: path },
        _ => Record::Target { path, target: to },
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read(parts in proptest::collection::vec(parts(), 0..8)) {
        let records: Vec<_> = parts.iter().map(record).collect();
        let bytes = stream(&records);
        let read: Vec<_> = Records::new(&bytes).map(Result::unwrap).collect();
        prop_assert_eq!(read, records);
    }

    #[test]
    fn what_is_read_is_what_would_be_written(
        noise in proptest::collection::vec(any::<u8>(), 0..200),
        parts in parts(),
        at in any::<prop::sample::Index>(),
        flip in 1..=255u8,
    ) {
        let mut bytes = stream(&[record(&parts)]);
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        bytes.extend(noise);
        let mut records = Records::new(&bytes);
        let read: Vec<_> = records.by_ref().map_while(Result::ok).collect();
        if records.offset() > 0 {
            prop_assert_eq!(&stream(&read), &bytes[..records.offset()]);
        }
    }
}
