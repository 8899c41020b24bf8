//! The session's jobs, flattened and kept in one file so that a question need not walk the chain.
//!
//! `.roar/index/<session>.rows` is derived: each row holds a link of the session's chain and the
//! [`Record`] made of it. The rows are right as far as their last link is on the chain; what is
//! missing is made from the objects, and a file that does not fit is written anew. Losing it costs
//! milliseconds.
//!
//! ```text
//! header  8 bytes   "ROARROW1"
//! row     u32 LE    length of the body
//!         8 bytes   first bytes of the body's BLAKE3
//!         body      MessagePack array: link, its sequence, record, whether its files are left out
//! ```
//!
//! A row that lists more than [`INLINE_FILES`] files leaves them out: they are in the job's trees.

use roar_graph::Record;
use roar_object::ObjectId;
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

const MAGIC: &[u8; 8] = b"ROARROW1";
const HEAD: usize = 12;

/// Most files that a row holds itself.
pub(crate) const INLINE_FILES: usize = 512;

/// One job of the session, with the link that added it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) link: ObjectId,
    /// How many links came before this one.
    pub(crate) sequence: u64,
    pub(crate) record: Record,
    /// Whether `record` lacks its lists of files, which are in the job's trees.
    pub(crate) bare: bool,
}

impl Row {
    /// Makes the row to be kept: without lists of files that are too long.
    pub(crate) fn of(link: ObjectId, sequence: u64, record: &Record) -> Self {
        let mut record = record.clone();
        let bare = record.reads.len() + record.writes.len() > INLINE_FILES;
        if bare {
            record.reads.clear();
            record.writes.clear();
        }
        Self {
            link,
            sequence,
            record,
            bare,
        }
    }
}

/// Reads the rows up to the first that is damaged; a file that is not there has none.
pub(crate) fn read(path: &Path) -> Vec<Row> {
    let Ok(bytes) = fs::read(path) else {
        return Vec::new();
    };
    let Some(mut rest) = bytes.strip_prefix(MAGIC) else {
        return Vec::new();
    };
    let mut rows = Vec::new();
    while let Some((body, after)) = next_body(rest) {
        let Ok(row) = rmp_serde::from_slice(body) else {
            break;
        };
        rows.push(row);
        rest = after;
    }
    rows
}

fn next_body(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (head, rest) = bytes.split_first_chunk::<HEAD>()?;
    let len = u32::from_le_bytes(*head.first_chunk()?) as usize;
    let (body, after) = rest.split_at_checked(len)?;
    (head[4..] == check(body)).then_some((body, after))
}

fn check(body: &[u8]) -> [u8; 8] {
    *blake3::hash(body)
        .as_bytes()
        .first_chunk()
        .expect("a hash has 32 bytes")
}

fn frame(row: &Row) -> Vec<u8> {
    let body = rmp_serde::to_vec(row).expect("a record is made of integers, bytes and arrays");
    let len = u32::try_from(body.len()).expect("a row without long lists is far below 4 GiB");
    [&len.to_le_bytes()[..], &check(&body), &body].concat()
}

/// Adds rows at the end of a file whose rows are all good.
pub(crate) fn append(path: &Path, rows: &[Row]) -> io::Result<()> {
    let bytes: Vec<u8> = rows.iter().flat_map(frame).collect();
    fs::OpenOptions::new()
        .append(true)
        .open(path)?
        .write_all(&bytes)
}

/// Writes the file anew.
pub(crate) fn replace(path: &Path, rows: &[Row]) -> io::Result<()> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    let beside = path.with_extension(format!("{}.new", std::process::id()));
    let bytes: Vec<u8> = MAGIC
        .iter()
        .copied()
        .chain(rows.iter().flat_map(frame))
        .collect();
    fs::write(&beside, bytes)
        .and_then(|()| fs::rename(&beside, path))
        .inspect_err(|_| {
            // A leftover would only take room; the error that matters is returned.
            let _ = fs::remove_file(&beside);
        })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests may panic")]
mod tests {
    use super::*;
    use roar_object::{JobKind, Outcome, RecordedPath, StepName, Verdict};

    fn row(number: u32) -> Row {
        let record = Record {
            job: ObjectId::from_bytes([7; 32]),
            step: StepName::new(JobKind::Run, number),
            kind: JobKind::Run,
            argv: vec![b"true".to_vec().into()],
            directory: RecordedPath::inside(""),
            name: None,
            outcome: Outcome::Exited(0),
            interrupted: false,
            started_ns: -1,
            duration_ns: 1,
            verdict: Verdict::Complete,
            reads: Vec::new(),
            writes: Vec::new(),
            datasets: Vec::new(),
        };
        Row::of(
            ObjectId::from_bytes([u8::try_from(number).unwrap(); 32]),
            u64::from(number),
            &record,
        )
    }

    #[test]
    fn rows_are_read_up_to_the_first_that_is_damaged() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("index/main.rows");
        assert_eq!(read(&path), []);
        replace(&path, &[row(1)]).unwrap();
        append(&path, &[row(2), row(3)]).unwrap();
        assert_eq!(read(&path), [row(1), row(2), row(3)]);
        let mut bytes = fs::read(&path).unwrap();
        let end = bytes.len() - 1;
        bytes[end] ^= 1;
        fs::write(&path, &bytes).unwrap();
        assert_eq!(read(&path), [row(1), row(2)]);
        fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
        assert_eq!(read(&path), [row(1)]);
        fs::write(&path, b"something else").unwrap();
        assert_eq!(read(&path), []);
    }
}
