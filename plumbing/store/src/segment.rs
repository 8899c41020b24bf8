//! Segments: the files of the journal, and their names and headers.

use crate::file::{FileError, FileResult, if_there};
use roar_pack::bytes::{Context, Fields};
use std::path::{Path, PathBuf};

static CHECKSUMS: Context = Context::new("roar 2026 journal segment v1");

const MAGIC: [u8; 8] = *b"roarjrn\n";
const VERSION: u16 = 1;

/// Bytes before the first frame.
pub(crate) const HEADER: u64 = 32;

/// From how many bytes on the next frame begins a new segment. The tests inside this room try what happens
/// then at every step, and would rather not write so much.
pub(crate) const FULL: u64 = if cfg!(test) { 2 << 10 } else { 8 << 20 };

/// A segment as the directory lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) number: u32,
    pub(crate) path: PathBuf,
}

/// Returns the file of a segment.
pub(crate) fn path(journal: &Path, number: u32) -> PathBuf {
    journal.join(format!("{number:08}.rj"))
}

/// Returns the segments there are, oldest first.
pub(crate) fn list(journal: &Path) -> FileResult<Vec<Segment>> {
    let read = || -> std::io::Result<Vec<Segment>> {
        let mut segments = Vec::new();
        let Some(entries) = if_there(std::fs::read_dir(journal))? else {
            return Ok(segments);
        };
        for entry in entries {
            let path = entry?.path();
            if let Some(number) = number_of(&path) {
                segments.push(Segment { number, path });
            }
        }
        segments.sort_by_key(|segment| segment.number);
        Ok(segments)
    };
    read().map_err(FileError::at("read", journal))
}

fn number_of(path: &Path) -> Option<u32> {
    let name = path.file_name()?.to_str()?;
    let digits = name.strip_suffix(".rj")?;
    let plain = digits.len() >= 8 && digits.bytes().all(|digit| digit.is_ascii_digit());
    digits.parse().ok().filter(|&number| plain && number > 0)
}

/// Writes the header of a segment whose first frame will have this sequence number.
pub(crate) fn encode_header(number: u32, first: u64) -> Vec<u8> {
    let mut header = Vec::with_capacity(HEADER as usize);
    header.extend_from_slice(&MAGIC);
    header.extend_from_slice(&VERSION.to_le_bytes());
    header.extend_from_slice(&[0, 0]);
    header.extend_from_slice(&number.to_le_bytes());
    header.extend_from_slice(&first.to_le_bytes());
    let checksum = CHECKSUMS.short(&[&header]);
    header.extend_from_slice(&checksum);
    header
}

/// Reads the header of segment `number`; returns the sequence number of its first frame.
pub(crate) fn parse_header(number: u32, bytes: &[u8]) -> Option<u64> {
    let mut fields = Fields(bytes);
    fields.take(16)?;
    let first = fields.u64()?;
    (bytes == encode_header(number, first)).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_never_change() {
        let mut expected = b"roarjrn\n\x01\0\0\0\x07\0\0\0\x2a\0\0\0\0\0\0\0".to_vec();
        expected.extend_from_slice(&[0; 8]);
        let header = encode_header(7, 42);
        assert_eq!(header[..24], expected[..24]);
        assert_eq!(parse_header(7, &header), Some(42));
    }

    #[test]
    fn another_segments_header_is_refused() {
        let header = encode_header(7, 42);
        assert_eq!(parse_header(8, &header), None);
        for at in 0..header.len() {
            let mut changed = header.clone();
            changed[at] ^= 1;
            assert_eq!(parse_header(7, &changed), None, "byte {at}");
        }
        assert_eq!(parse_header(7, &header[..31]), None);
    }

    #[test]
    fn only_segments_are_listed() {
        assert_eq!(number_of(Path::new("/j/00000012.rj")), Some(12));
        for name in [
            "00000012.rx",
            "12.rj",
            "0000001x.rj",
            "00000000.rj",
            "+0000001.rj",
        ] {
            assert_eq!(number_of(Path::new(name)), None, "{name}");
        }
    }
}
