//! The session's jobs, flattened and kept in one file so that a question need not walk the chain.
//!
//! `.roar/index/<session>.rows` is derived: each row holds a link of the session's chain and the
//! [`Record`] made of it. The rows are right as far as their last link is on the chain; what is
//! missing is made from the objects, and a file that does not fit is written anew. Losing it costs
//! milliseconds.
//!
//! ```text
//! header  8 bytes   "ROARROW3"
//! row     u32 LE    length of the body
//!         u64 LE    check of the body
//!         body      as in `rows/body.rs`
//! ```
//!
//! The check tells a torn or a changed row, not a forged one: who can write here can write anything.

mod body;

use body::{Decoder, Encoder};
use roar_graph::{Codes, Record};
use roar_object::ObjectId;
use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

const MAGIC: &[u8; 8] = b"ROARROW3";
const HEAD: usize = 12;

/// A link of the session's chain that added a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) id: ObjectId,
    /// How many links came before this one.
    pub(crate) sequence: u64,
}

/// Jobs of the session, each with the link that added it.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    pub(crate) links: Vec<Link>,
    /// As many as links.
    pub(crate) records: Vec<Record>,
    /// The numbers that the file has for the names in the records; empty once these are others.
    pub(crate) codes: Codes,
}

impl Rows {
    pub(crate) fn len(&self) -> usize {
        self.links.len()
    }

    pub(crate) fn push(&mut self, link: Link, record: Record) {
        self.codes = Codes::default();
        self.links.push(link);
        self.records.push(record);
    }

    pub(crate) fn extend(&mut self, more: Self) {
        self.codes = Codes::default();
        self.links.extend(more.links);
        self.records.extend(more.records);
    }

    pub(crate) fn truncate(&mut self, len: usize) {
        if len < self.len() {
            self.codes = Codes::default();
        }
        self.links.truncate(len);
        self.records.truncate(len);
    }

    /// Returns the rows from `from` on as they are in the file.
    fn encoded(&self, from: usize) -> Vec<u8> {
        let mut encoder = Encoder::default();
        let mut bytes = Vec::new();
        for (at, (link, record)) in self.links.iter().zip(&self.records).enumerate() {
            // Those before are gone through for the names that they have.
            let body = encoder.row(link, record);
            if at >= from {
                let len = u32::try_from(body.len()).expect("a row is far below 4 GiB");
                bytes.extend_from_slice(&len.to_le_bytes());
                bytes.extend_from_slice(&check(body).to_le_bytes());
                bytes.extend_from_slice(body);
            }
        }
        bytes
    }
}

/// Reads the rows up to the first that is damaged, and whether that is the end of the file; a file
/// that is not there has none.
pub(crate) fn read(path: &Path) -> (Rows, bool) {
    let Ok(bytes) = roar_store::read_whole(path) else {
        return Default::default();
    };
    let Some(mut rest) = bytes.strip_prefix(MAGIC) else {
        return Default::default();
    };
    let count = bodies(rest).count();
    let mut rows = Rows {
        links: Vec::with_capacity(count),
        records: Vec::with_capacity(count),
        codes: Codes::default(),
    };
    let mut decoder = Decoder::default();
    for (sum, body) in bodies(rest) {
        let row = (check(body) == sum).then(|| decoder.row(body)).flatten();
        let Some((link, record)) = row else { break };
        rows.push(link, record);
        rest = &rest[HEAD + body.len()..];
    }
    rows.codes = decoder.codes();
    (rows, rest.is_empty())
}

/// Returns the bodies that are there as a whole, each with its check.
fn bodies(mut bytes: &[u8]) -> impl Iterator<Item = (u64, &[u8])> {
    std::iter::from_fn(move || {
        let (len, rest) = bytes.split_first_chunk()?;
        let (sum, rest) = rest.split_first_chunk()?;
        let len = usize::try_from(u32::from_le_bytes(*len)).ok()?;
        let (body, rest) = rest.split_at_checked(len)?;
        bytes = rest;
        Some((u64::from_le_bytes(*sum), body))
    })
}

/// Sums up a body in the way of FNV-1a, by words of eight bytes.
///
/// Each step maps different sums to different sums, so no change of a single word goes unseen.
fn check(body: &[u8]) -> u64 {
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
    let (words, last) = body.as_chunks();
    let step = |sum: u64, word: u64| (sum ^ word).wrapping_mul(PRIME).rotate_left(23);
    let sum = words
        .iter()
        .fold(BASIS, |sum, word| step(sum, u64::from_le_bytes(*word)));
    let mut word = [0; 8];
    word[..last.len()].copy_from_slice(last);
    step(step(sum, u64::from_le_bytes(word)), body.len() as u64)
}

/// Adds the rows from `from` on at the end of a file that has those before and nothing behind them.
pub(crate) fn append(path: &Path, rows: &Rows, from: usize) -> io::Result<()> {
    fs::OpenOptions::new()
        .append(true)
        .open(path)?
        .write_all(&rows.encoded(from))
}

/// Writes the file anew.
pub(crate) fn replace(path: &Path, rows: &Rows) -> io::Result<()> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    let beside = path.with_extension(format!("{}.new", std::process::id()));
    let bytes = [&MAGIC[..], &rows.encoded(0)].concat();
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
    use roar_graph::{History, Input, Output};
    use roar_object::{
        Change, Class, ContentId, DatasetAt, JobKind, Mode, Outcome, RecordedPath, Role, StepName,
        Verdict,
    };

    fn rows(numbers: std::ops::RangeInclusive<u8>) -> Rows {
        let mut rows = Rows::default();
        for number in numbers {
            let link = Link {
                id: ObjectId::from_bytes([number; 32]),
                sequence: u64::from(number) << 40,
            };
            rows.push(link, record(number));
        }
        rows
    }

    /// Reads what the job before wrote.
    fn record(number: u8) -> Record {
        let content = |number| Some(ContentId::from_bytes([number; 32]));
        Record {
            job: ObjectId::from_bytes([number + 100; 32]),
            step: StepName::new(JobKind::Build, number.into()),
            kind: JobKind::Build,
            argv: vec![b"make".to_vec().into(), b"\xff".to_vec().into()],
            directory: RecordedPath::inside(""),
            name: (number == 2).then(|| "größte".to_owned()),
            repeats: (number > 2).then(|| ObjectId::from_bytes([number + 99; 32])),
            outcome: Outcome::Killed(number.into()),
            interrupted: number == 1,
            started_ns: -i64::from(number),
            duration_ns: u64::MAX,
            verdict: Verdict::Partial,
            reads: vec![Input {
                path: RecordedPath::inside([number - 1]),
                id: content(number - 1),
                mode: Mode::Executable,
                size: 300,
                class: Class::Code,
            }],
            writes: vec![
                Output {
                    path: RecordedPath::inside([number]),
                    change: Change::Created,
                    id: content(number),
                    mode: Mode::File,
                    size: 300,
                    class: Class::Data,
                },
                Output {
                    path: RecordedPath::new(b"/p", b"/elsewhere"),
                    change: Change::Deleted,
                    id: None,
                    mode: Mode::Symlink,
                    size: 0,
                    class: Class::System,
                },
            ],
            datasets: vec![DatasetAt {
                role: Role::Read,
                path: RecordedPath::inside([number]),
                tree: ObjectId::from_bytes([1; 32]),
                files: 1 << 33,
                bytes: 1 << 60,
            }],
        }
    }

    impl PartialEq for Rows {
        fn eq(&self, other: &Self) -> bool {
            self.links == other.links && self.records == other.records
        }
    }

    #[test]
    fn the_numbers_of_the_file_say_the_same_as_the_names() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("main.rows");
        replace(&path, &rows(1..=4)).unwrap();
        let (mut read, _) = read(&path);
        assert_eq!((read.codes.reads.len(), read.codes.writes.len()), (4, 8));
        let named = roar_graph::project(&read.records);
        let coded = History::with_codes(&read.records, &read.codes);
        let coded = roar_graph::Projection::of(coded);
        assert_eq!(coded.world(), named.world());
        for at in 0..4 {
            let (a, b) = (coded.history(), named.history());
            assert_eq!(a.producer(at, 0), b.producer(at, 0));
            assert_eq!(coded.state(at), named.state(at));
            let path = &read.records[at].writes[0].path;
            assert_eq!(a.latest_write(path), b.latest_write(path));
            let id = read.records[at].writes[0].id.unwrap();
            assert_eq!(a.writers(id), b.writers(id));
            assert_eq!(a.readers(id), b.readers(id));
        }
        read.truncate(2);
        assert_eq!(read.codes, Codes::default());
    }

    #[test]
    fn rows_are_read_up_to_the_first_that_is_damaged() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("index/main.rows");
        assert_eq!(read(&path), Default::default());
        replace(&path, &rows(1..=1)).unwrap();
        append(&path, &rows(1..=3), 1).unwrap();
        assert_eq!(read(&path), (rows(1..=3), true));
        let mut bytes = fs::read(&path).unwrap();
        let end = bytes.len() - 1;
        bytes[end] ^= 1;
        fs::write(&path, &bytes).unwrap();
        assert_eq!(read(&path), (rows(1..=2), false));
        fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
        assert_eq!(read(&path), (rows(1..=1), false));
        fs::write(&path, b"something else").unwrap();
        assert_eq!(read(&path), Default::default());
    }

    #[test]
    fn a_row_has_these_bytes() {
        let mut record = record(1);
        record.writes.truncate(1);
        record.repeats = Some(ObjectId::from_bytes([7; 32]));
        let link = Link {
            id: ObjectId::from_bytes([0xaa; 32]),
            sequence: 1,
        };
        let body = Encoder::default().row(&link, &record).to_vec();
        let name = |byte| [byte; 32];
        let expected = [
            &name(0xaa)[..],
            &[1],
            &name(101),
            &[1, 1, 2, 2, 4, b'm', b'a', b'k', b'e', 1, 0xff],
            &[0, 0, 0, 0, 1],
            &name(7),
            &[2, 2, 1, 1],
            &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2],
            &[1, 0, 0, 1, 0, 1],
            &name(0),
            &[0xac, 2, 0x22],
            &[1, 0, 0, 1, 1, 1],
            &name(1),
            &[0xac, 2, 0x11, 1],
            &[1, 1, 3],
            &name(1),
            &[0x80, 0x80, 0x80, 0x80, 0x20],
            &[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10],
        ];
        assert_eq!(body, expected.concat());
    }

    #[test]
    fn a_row_that_is_cut_or_names_what_was_not_there_is_no_row() {
        let rows = rows(1..=2);
        let mut encoder = Encoder::default();
        encoder.row(&rows.links[0], &rows.records[0]);
        let second = encoder.row(&rows.links[1], &rows.records[1]).to_vec();
        assert_eq!(Decoder::default().row(&second), None);
        let first = Encoder::default()
            .row(&rows.links[0], &rows.records[0])
            .to_vec();
        for end in 0..first.len() {
            assert_eq!(Decoder::default().row(&first[..end]), None);
        }
        assert!(Decoder::default().row(&first).is_some());
    }
}
