//! What an enemy would send.
#![allow(clippy::unwrap_used, reason = "tests may panic")]

mod common;

use common::{bundle, renamed, take};
use roar_bundle::{BundleError, Limits, Manifest, Taker as _, Tip, read};
use roar_object::{ContentId, ObjectId};

const HEADER: usize = 16;

/// Where the sections of a bundle begin, and how long their bodies are.
fn sections(bytes: &[u8]) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut at = HEADER;
    loop {
        let length = u64::from_le_bytes(bytes[at + 8..at + 16].try_into().unwrap()) as usize;
        found.push((at, length));
        if bytes[at] == 5 {
            return found;
        }
        at += 16 + length;
    }
}

/// Puts a bundle together from sections of another, in any order.
fn arranged(bytes: &[u8], order: &[usize]) -> Vec<u8> {
    let sections = sections(bytes);
    let mut out = bytes[..HEADER].to_vec();
    for &section in order {
        let (at, length) = sections[section];
        out.extend_from_slice(&bytes[at..at + 16 + length]);
    }
    out.extend_from_slice(&[0; 32]);
    renamed(out)
}

fn whole() -> Vec<u8> {
    bundle(&[b"one", b"two"], Some(b"code"))
}

#[test]
fn what_was_written_is_read() {
    let (summary, kept) = take(&whole()).unwrap();
    assert_eq!(
        (summary.objects, summary.files, summary.file_bytes),
        (1, 2, 6)
    );
    assert_eq!(kept.manifest.unwrap(), common::manifest());
    assert_eq!(kept.objects, [common::begin()]);
    assert!(
        kept.files
            .iter()
            .all(|(id, bytes)| *id == ContentId::of(bytes))
    );
    assert_eq!(
        (kept.code.as_slice(), summary.code_bytes),
        (&b"code"[..], 4)
    );
    assert_eq!(summary.bytes, whole().len() as u64);
}

#[test]
fn every_cut_and_every_changed_bit_is_found() {
    let bytes = whole();
    for end in 0..bytes.len() {
        assert!(take(&bytes[..end]).is_err(), "cut at {end}");
    }
    for at in 0..bytes.len() * 8 {
        let mut changed = bytes.clone();
        changed[at / 8] ^= 1 << (at % 8);
        assert!(take(&changed).is_err(), "bit {at}");
    }
    let longer = [&bytes[..], b"x"].concat();
    assert!(matches!(take(&longer), Err(BundleError::Trailing)));
}

#[test]
fn with_a_right_name_every_changed_bit_of_the_frame_is_still_found() {
    let bytes = whole();
    for at in 0..bytes.len() - 32 {
        for bit in 0..8 {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << bit;
            let changed = renamed(changed);
            // What another manifest or other code says is not for this room to judge.
            if let Ok((_, kept)) = take(&changed) {
                let other = kept.manifest.unwrap() != common::manifest() || kept.code != b"code";
                assert!(other, "byte {at}, bit {bit}");
            }
        }
    }
}

#[test]
fn sections_come_in_their_order_and_once() {
    // 0 manifest, 1 pack, 2 and 3 files, 4 code, 5 end.
    for order in [
        &[1, 0, 2, 3, 4, 5][..],
        &[0, 0, 1, 5],
        &[0, 1, 1, 5],
        &[0, 2, 1, 5],
        &[0, 1, 3, 2, 5],
        &[0, 1, 2, 2, 5],
        &[0, 1, 4, 2, 5],
        &[0, 1, 4, 4, 5],
        &[0, 5],
        &[5],
        &[1, 5],
    ] {
        let refused = take(&arranged(&whole(), order)).map(|_| ());
        assert!(
            matches!(refused, Err(BundleError::Order { .. })),
            "{order:?}: {refused:?}"
        );
    }
    assert!(take(&arranged(&whole(), &[0, 1, 5])).is_ok());
    assert!(take(&arranged(&whole(), &[0, 1, 3, 4, 5])).is_ok());
}

#[test]
fn lengths_that_lie_are_held_against_limits() {
    let bytes = whole();
    for (section, length) in [(0, 1 << 21), (0, u64::MAX), (2, 31), (5, 1), (1, u64::MAX)] {
        let mut lying = bytes.clone();
        let (at, _) = sections(&bytes)[section];
        lying[at + 8..at + 16].copy_from_slice(&u64::to_le_bytes(length));
        let refused = take(&renamed(lying)).map(|_| ());
        let right = matches!(
            refused,
            Err(BundleError::Length { .. } | BundleError::TooMuch { .. })
        );
        assert!(right, "{section} {length}: {refused:?}");
    }
    let few = Limits {
        files: 1,
        ..Limits::default()
    };
    let refused = read(bytes.as_slice(), &few, &mut common::Kept::default());
    assert!(matches!(
        refused,
        Err(BundleError::TooMuch { what: "files", .. })
    ));
    let small = Limits {
        bytes: 200,
        ..Limits::default()
    };
    let refused = read(bytes.as_slice(), &small, &mut common::Kept::default());
    assert!(matches!(
        refused,
        Err(BundleError::TooMuch { what: "bytes", .. })
    ));
}

#[test]
fn other_versions_types_and_reserved_bits_are_refused() {
    let with = |at: usize, byte: u8| {
        let mut bytes = whole();
        bytes[at] = byte;
        take(&renamed(bytes)).map(|_| ())
    };
    assert!(matches!(with(8, 2), Err(BundleError::Version { found: 2 })));
    assert!(matches!(
        with(9, 1),
        Err(BundleError::Version { found: 257 })
    ));
    assert!(matches!(with(0, b'r'), Err(BundleError::NotOne)));
    assert!(matches!(with(12, 1), Err(BundleError::Reserved { .. })));
    assert!(matches!(
        with(HEADER, 9),
        Err(BundleError::Type { found: 9 })
    ));
    assert!(matches!(
        with(HEADER + 3, 1),
        Err(BundleError::Reserved { .. })
    ));
}

#[test]
fn a_file_that_is_another_than_its_name_says_is_refused() {
    let mut bytes = whole();
    let (at, length) = sections(&bytes)[2];
    bytes[at + 16 + length - 1] ^= 1;
    assert!(matches!(
        take(&renamed(bytes)),
        Err(BundleError::File { .. })
    ));
}

#[test]
fn what_a_taker_does_not_take_ends_it() {
    struct Refuses;
    impl roar_bundle::Taker for Refuses {
        fn manifest(&mut self, _: &Manifest) -> roar_bundle::Taken {
            Ok(())
        }
        fn object(&mut self, _: roar_object::Object) -> roar_bundle::Taken {
            Ok(())
        }
        fn file(&mut self, _: ContentId, _: u64, _: &mut dyn std::io::Read) -> roar_bundle::Taken {
            Err("no".into())
        }
        fn code(&mut self, _: u64, _: &mut dyn std::io::Read) -> roar_bundle::Taken {
            Ok(())
        }
    }
    let refused = read(whole().as_slice(), &Limits::default(), &mut Refuses);
    assert!(matches!(refused, Err(BundleError::NotTaken(_))));
    assert!(Refuses.code(0, &mut std::io::empty()).is_ok());
}

#[test]
fn names_of_tips_are_plain() {
    let tip = |name: &str| Tip {
        name: name.to_owned(),
        id: ObjectId::from_bytes([1; 32]),
    };
    let long = "a".repeat(65);
    for name in [
        "",
        "A",
        "a/b",
        "..",
        "a.lock",
        "a b",
        "ä",
        "a\0",
        long.as_str(),
    ] {
        assert!(
            Manifest::new(0, vec![tip(name)], vec![]).is_err(),
            "{name:?}"
        );
    }
    assert!(Manifest::new(0, vec![], vec![]).is_err());
    assert!(Manifest::new(0, vec![tip("a"), tip("a")], vec![]).is_err());
    let many = (0..=roar_bundle::MAX_TIPS).map(|at| tip(&format!("t{at}")));
    assert!(Manifest::new(0, many.collect(), vec![]).is_err());
}

#[test]
fn a_writer_keeps_the_order() {
    let mut writer = roar_bundle::Writer::new(Vec::new(), &common::manifest()).unwrap();
    assert!(writer.code(1, &mut &b"x"[..]).is_err());
    let pack = common::pack();
    writer
        .pack(pack.len() as u64, &mut pack.as_slice())
        .unwrap();
    assert!(
        writer
            .pack(pack.len() as u64, &mut pack.as_slice())
            .is_err()
    );
    assert!(writer.file(ContentId::of(b"y"), 1, &mut &b"x"[..]).is_err());
    let early = roar_bundle::Writer::new(Vec::new(), &common::manifest()).unwrap();
    assert!(early.finish().is_err());
}
