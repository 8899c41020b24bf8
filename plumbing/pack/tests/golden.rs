//! The files whose bytes are written down in `docs/format/pack.md`.
//!
//! A pack that can no longer be read is lineage lost. If a test here fails, either the change is wrong
//! or the version in the header has to move, and the old form be read for ever.
#![expect(clippy::unwrap_used, reason = "tests may panic")]

use roar_object::{Kind, Object, Source, Variables};
use roar_pack::{Contents, Limits, MultiIndex, PackFile, Writer, read};
use std::fs;

const DOCUMENT: &str = include_str!("../../../docs/format/pack.md");

/// Reads a worked example: its bytes line by line, each line beginning with its offset.
fn example(what: &str) -> Vec<u8> {
    let (_, rest) = DOCUMENT
        .split_once(&format!("\n### Example: {what}\n"))
        .unwrap_or_else(|| panic!("no example '{what}'"));
    let (_, rest) = rest.split_once("```text\n").unwrap();
    let (dump, _) = rest.split_once("```").unwrap();
    let mut bytes = Vec::new();
    for line in dump.lines() {
        let line = line.split('|').next().unwrap();
        let mut words = line.split_whitespace();
        let offset = usize::from_str_radix(words.next().unwrap(), 16).unwrap();
        assert_eq!(offset, bytes.len(), "offset of '{line}'");
        let words: Vec<_> = words.collect();
        let (digits, times) = match words[..] {
            [ref digits @ .., "x", times] => (digits, times.parse().unwrap()),
            _ => (&words[..], 1),
        };
        let digits: Vec<_> = digits
            .iter()
            .map(|digits| u8::from_str_radix(digits, 16).unwrap())
            .collect();
        bytes.extend(digits.repeat(times));
    }
    bytes
}

fn hex(bytes: &[u8]) -> String {
    let lines = bytes.chunks(16).map(|line| {
        let digits: Vec<_> = line.iter().map(|byte| format!("{byte:02x}")).collect();
        digits.join(" ")
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn objects() -> [Object; 2] {
    let variables = Variables::new(vec![("TOKEN".into(), vec![0xde, 0xad].into())]);
    [
        Object::encode(&variables),
        Object::encode(&Source::default()),
    ]
}

fn pack() -> (Vec<u8>, Contents) {
    let mut writer = Writer::new(Vec::new()).unwrap();
    for object in objects() {
        assert!(writer.add(&object).unwrap());
        assert!(!writer.add(&object).unwrap(), "once is enough");
    }
    writer.finish().unwrap()
}

#[test]
fn a_pack_never_changes() {
    let (bytes, _) = pack();
    assert_eq!(hex(&bytes), hex(&example("pack")));
}

/// Writes a pack and its index into a directory, and opens them.
fn stored(directory: &tempfile::TempDir, bytes: &[u8], contents: &Contents) -> PackFile {
    let pack = directory.path().join(format!("{}.rpk", contents.name()));
    let index = pack.with_extension("rix");
    fs::write(&pack, bytes).unwrap();
    fs::write(&index, contents.to_index()).unwrap();
    PackFile::open(&pack, &index).unwrap()
}

#[test]
fn an_index_never_changes() {
    let (bytes, contents) = pack();
    assert_eq!(hex(&contents.to_index()), hex(&example("index")));
    let directory = tempfile::tempdir().unwrap();
    let file = stored(&directory, &bytes, &contents);
    for object in objects() {
        assert_eq!(file.find(object.id()).unwrap(), Some(object));
    }
}

#[test]
fn an_index_over_several_packs_never_changes() {
    let directory = tempfile::tempdir().unwrap();
    let mut writer = Writer::new(Vec::new()).unwrap();
    writer.add(&objects()[1]).unwrap();
    let (bytes, contents) = writer.finish().unwrap();
    let small = stored(&directory, &bytes, &contents);
    let (bytes, contents) = pack();
    let both = stored(&directory, &bytes, &contents);
    let mut written = Vec::new();
    MultiIndex::write(&[&small, &both], &mut written).unwrap();
    assert_eq!(hex(&written), hex(&example("multi-pack index")));
    let multi = MultiIndex::from_bytes(written).unwrap();
    multi.verify(&[&small, &both]).unwrap();
    for (object, pack) in objects().iter().zip([1, 0]) {
        let found = multi.find(object.id()).unwrap().unwrap();
        assert_eq!((found.pack, found.rank), (pack, 0));
        let file = [&small, &both][pack];
        let entry = file.entry_found(&found).unwrap();
        assert_eq!(file.object(&entry).unwrap(), *object);
    }
}

/// What `zstd` makes of a block may differ from version to version, what it means may not.
#[test]
fn a_compressed_block_is_read_for_ever() {
    let bytes = example("compressed pack");
    let mut found = Vec::new();
    let contents = read(&bytes[..], &Limits::default(), &mut |object| {
        found.push(object);
        Ok(())
    });
    assert_eq!(contents.unwrap().objects(), 1);
    let list = (0..9u8).map(|at| (vec![b'A', b'0' + at].into(), b"value".to_vec().into()));
    assert_eq!(found, [Object::encode(&Variables::new(list.collect()))]);
    assert_eq!(found[0].kind(), Kind::Variables);
}
