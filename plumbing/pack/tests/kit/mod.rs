//! Packs made by hand, after `docs/format/pack.md` and not after the code, so that each rule can be
//! broken alone.
#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each test file uses its part, and tests may panic"
)]

use roar_object::{Object, Variables};
use roar_pack::{Contents, Limits, PackError, PackFile, Writer, read};
use std::fs;
use std::path::Path;

/// Returns one of any number of small objects.
pub(crate) fn object(number: u32) -> Object {
    let tag = number.to_le_bytes().repeat(3);
    Object::encode(&Variables::new(vec![("NAME".into(), tag.into())]))
}

/// Returns a pack of some objects.
pub(crate) fn pack<'a>(objects: impl IntoIterator<Item = &'a Object>) -> (Vec<u8>, Contents) {
    let mut writer = Writer::new(Vec::new()).unwrap();
    for object in objects {
        writer.add(object).unwrap();
    }
    writer.finish().unwrap()
}

/// Reads a pack, and returns what came, in the order in which it came.
pub(crate) fn read_all(
    bytes: &[u8],
    limits: &Limits,
) -> Result<(Vec<Object>, Contents), PackError> {
    let mut objects = Vec::new();
    let contents = read(bytes, limits, &mut |object| {
        objects.push(object);
        Ok(())
    })?;
    Ok((objects, contents))
}

/// Puts a pack and an index on the disk and opens them.
pub(crate) fn open(directory: &Path, bytes: &[u8], index: &[u8]) -> Result<PackFile, PackError> {
    let pack = directory.join("it.rpk");
    let index_path = directory.join("it.rix");
    fs::write(&pack, bytes).unwrap();
    fs::write(&index_path, index).unwrap();
    PackFile::open(&pack, &index_path)
}

/// Puts a pack of some objects on the disk and opens it.
pub(crate) fn stored(directory: &Path, objects: &[Object]) -> PackFile {
    let (bytes, contents) = pack(objects);
    open(directory, &bytes, &contents.to_index()).unwrap()
}

/// Returns an error and its causes, in one line.
pub(crate) fn told(err: &dyn std::error::Error) -> String {
    let mut line = err.to_string();
    let mut cause = err.source();
    while let Some(err) = cause {
        line = format!("{line}: {err}");
        cause = err.source();
    }
    line
}

/// One block, as whoever forges it likes it.
#[derive(Clone)]
pub(crate) struct Block {
    pub(crate) kind: u8,
    pub(crate) codec: u8,
    pub(crate) objects: u16,
    pub(crate) raw: u32,
    pub(crate) stored: u32,
    pub(crate) payload: Vec<u8>,
    pub(crate) check: Option<[u8; 8]>,
}

impl Block {
    /// Returns a right block of raw bytes.
    pub(crate) fn raw(objects: u16, payload: Vec<u8>) -> Self {
        let len = u32::try_from(payload.len()).unwrap();
        Self {
            kind: 1,
            codec: 0,
            objects,
            raw: len,
            stored: len,
            payload,
            check: None,
        }
    }

    /// Returns a right block of one object.
    pub(crate) fn of(kind: u8, body: &[u8]) -> Self {
        Self::raw(1, packed(kind, body))
    }

    /// Returns a block with a frame that claims to be `raw` bytes.
    pub(crate) fn zstd(objects: u16, raw: usize, frame: Vec<u8>) -> Self {
        Self {
            codec: 1,
            raw: u32::try_from(raw).unwrap(),
            ..Self::raw(objects, frame)
        }
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![self.kind, self.codec];
        bytes.extend(self.objects.to_le_bytes());
        bytes.extend(self.raw.to_le_bytes());
        bytes.extend(self.stored.to_le_bytes());
        let mut hasher = blake3::Hasher::new_derive_key("roar 2026 pack block v1");
        hasher.update(&bytes).update(&self.payload);
        let check = hasher.finalize().as_bytes()[..8].try_into().unwrap();
        bytes.extend(self.check.unwrap_or(check));
        bytes.extend(&self.payload);
        bytes
    }
}

/// Returns kind, length and body.
pub(crate) fn packed(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![kind];
    let mut len = body.len();
    while len >= 0x80 {
        bytes.push((len & 0x7f) as u8 | 0x80);
        len >>= 7;
    }
    bytes.push(len as u8);
    bytes.extend(body);
    bytes
}

/// Returns kind, length and body of an object.
pub(crate) fn packed_object(object: &Object) -> Vec<u8> {
    packed(object.kind().code(), object.body())
}

pub(crate) const HEADER: &[u8; 16] = b"ROARPK1\n\x01\0\0\0\0\0\0\0";

/// Returns a pack of these blocks, with right totals and name.
pub(crate) fn forged(blocks: &[Block]) -> Vec<u8> {
    let objects: u64 = blocks.iter().map(|block| u64::from(block.objects)).sum();
    let raw = blocks.iter().map(bodies).sum();
    with_end(blocks, [objects, blocks.len() as u64, raw])
}

/// Returns the length of the bodies in a right block of raw bytes.
fn bodies(block: &Block) -> u64 {
    let mut rest = &block.payload[..];
    let mut sum = 0;
    for _ in 0..block.objects {
        let Some((_, after)) = rest.split_first() else {
            break;
        };
        let (mut len, mut shift, mut used) = (0usize, 0, 0);
        for byte in after.iter().take(4) {
            len |= usize::from(byte & 0x7f) << shift;
            (shift, used) = (shift + 7, used + 1);
            if byte & 0x80 == 0 {
                break;
            }
        }
        rest = after.get(used + len..).unwrap_or_default();
        sum += len as u64;
    }
    sum
}

pub(crate) fn with_end(blocks: &[Block], totals: [u64; 3]) -> Vec<u8> {
    let mut bytes = HEADER.to_vec();
    for block in blocks {
        bytes.extend(block.to_bytes());
    }
    bytes.extend([2, 0, 0, 0, 0, 0, 0, 0]);
    bytes.extend(totals.iter().flat_map(|number| number.to_le_bytes()));
    named(bytes)
}

/// Puts the right name after bytes.
pub(crate) fn named(mut bytes: Vec<u8>) -> Vec<u8> {
    let name = blake3::hash(&bytes);
    bytes.extend(name.as_bytes());
    bytes
}

/// Changes a pack and gives it its right name again.
pub(crate) fn renamed(pack: &[u8], change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut bytes = pack[..pack.len() - 32].to_vec();
    change(&mut bytes);
    named(bytes)
}
