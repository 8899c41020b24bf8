//! Which package owns which path: a file that is looked into, never loaded.
//!
//! ```text
//! offset  size         content
//! 0       8            "roarpix1"
//! 8       24           key: three u64, what the index was made from
//! 32      4            owners, o
//! 36      4            entries, e
//! 40      4            length of all owner records, s
//! 44      4            zero
//! 48      4 * 1025     entries whose hash has its top ten bits below 0, 1, … 1024
//! …       4 * (o + 1)  where each owner record begins, and the end of the last
//! …       s            owner records
//! …       12 * e       entries by rising hash: u64 hash of the path, u32 owner
//! ```
//!
//! Integers are little-endian. A path is known by 64 bits of hash only: among
//! 200,000 paths, a stranger is taken for one of them once in 10^14 questions.
//! The file is a cache: one that does not fit its key or its own length is made
//! anew.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

const MAGIC: &[u8; 8] = b"roarpix1";
const HEADER: usize = 48;
const BUCKETS: usize = 1024;
const ENTRY: usize = 12;

/// What an index was made from; another key, another index.
pub(crate) type Key = [u64; 3];

/// Owner records and the paths they own, to be written.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    owners: Vec<Vec<u8>>,
    entries: Vec<(u64, u32)>,
}

impl Contents {
    /// Adds an owner; its fields are kept apart by NUL.
    pub(crate) fn owner(&mut self, fields: &[&str]) -> u32 {
        self.owners.push(fields.join("\0").into_bytes());
        u32::try_from(self.owners.len() - 1).unwrap_or(u32::MAX)
    }

    /// Gives `path` to an owner; the first to come keeps it.
    pub(crate) fn own(&mut self, path: &[u8], owner: u32) {
        self.entries.push((hash(path), owner));
    }

    fn encode(mut self, key: Key) -> Vec<u8> {
        self.entries.sort_by_key(|&(hash, _)| hash);
        self.entries.dedup_by_key(|&mut (hash, _)| hash);
        let strings: usize = self.owners.iter().map(Vec::len).sum();
        let mut bytes = MAGIC.to_vec();
        bytes.extend(key.iter().flat_map(|part| part.to_le_bytes()));
        for count in [self.owners.len(), self.entries.len(), strings, 0] {
            push(&mut bytes, count);
        }
        for bucket in 0..=BUCKETS {
            let below = |&(hash, _): &(u64, u32)| bucket_of(hash) < bucket;
            push(&mut bytes, self.entries.partition_point(below));
        }
        let mut begins = 0;
        push(&mut bytes, begins);
        for owner in &self.owners {
            begins += owner.len();
            push(&mut bytes, begins);
        }
        bytes.extend(self.owners.concat());
        for (hash, owner) in self.entries {
            bytes.extend(hash.to_le_bytes());
            bytes.extend(owner.to_le_bytes());
        }
        bytes
    }
}

/// Counts stay far below 2^32; one that did not would make the index unusable,
/// which its length check notices.
fn push(bytes: &mut Vec<u8>, count: usize) {
    bytes.extend(u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes());
}

/// An index, on disk or, where that cannot be, in memory.
#[derive(Debug)]
pub(crate) struct PathIndex {
    source: Source,
    owners: usize,
    strings: usize,
}

#[derive(Debug)]
enum Source {
    File(File),
    Memory(Vec<u8>),
}

impl PathIndex {
    /// Opens the index at `path` if it was made from `key`, else makes it.
    ///
    /// Writing it is best effort: without it, the next question costs the same.
    pub(crate) fn obtain(path: &Path, key: Key, make: impl FnOnce() -> Contents) -> Self {
        if let Some(index) = File::open(path)
            .ok()
            .and_then(|file| Self::checked(Source::File(file), key))
        {
            return index;
        }
        let bytes = make().encode(key);
        let _ = write(path, &bytes);
        let empty = || Self {
            source: Source::Memory(Vec::new()),
            owners: 0,
            strings: 0,
        };
        Self::checked(Source::Memory(bytes), key).unwrap_or_else(empty)
    }

    fn checked(source: Source, key: Key) -> Option<Self> {
        let header = source.read(0, HEADER)?;
        let mut wanted = MAGIC.to_vec();
        wanted.extend(key.iter().flat_map(|part| part.to_le_bytes()));
        let count = |at: usize| u32_at(&header, at);
        let (owners, entries, strings) = (count(32)?, count(36)?, count(40)?);
        let index = Self {
            source,
            owners,
            strings,
        };
        let length = index.entries_at() + ENTRY * entries;
        (header[..32] == wanted && index.source.length()? == length as u64).then_some(index)
    }

    /// Returns the fields of the owner of `path`.
    pub(crate) fn lookup(&self, path: &[u8]) -> Option<Vec<String>> {
        let hash = hash(path);
        let fanout = self.source.read(HEADER + 4 * bucket_of(hash), 8)?;
        let (first, end) = (u32_at(&fanout, 0)?, u32_at(&fanout, 4)?);
        let bucket = self.source.read(
            self.entries_at() + ENTRY * first,
            ENTRY * end.checked_sub(first)?,
        )?;
        let entry = bucket
            .chunks_exact(ENTRY)
            .find(|entry| entry[..8] == hash.to_le_bytes())?;
        self.owner(u32_at(entry, 8)?)
    }

    fn owner(&self, number: usize) -> Option<Vec<String>> {
        let table = HEADER + 4 * (BUCKETS + 1);
        let bounds = self.source.read(table + 4 * number, 8)?;
        let (begin, end) = (u32_at(&bounds, 0)?, u32_at(&bounds, 4)?);
        let strings = table + 4 * (self.owners + 1);
        let record = self.source.read(strings + begin, end.checked_sub(begin)?)?;
        let text = String::from_utf8_lossy(&record);
        Some(text.split('\0').map(str::to_owned).collect())
    }

    fn entries_at(&self) -> usize {
        HEADER + 4 * (BUCKETS + 1) + 4 * (self.owners + 1) + self.strings
    }
}

impl Source {
    fn read(&self, at: usize, length: usize) -> Option<Vec<u8>> {
        match self {
            Self::Memory(bytes) => bytes.get(at..at.checked_add(length)?).map(<[u8]>::to_vec),
            Self::File(file) => {
                // A damaged count must not ask for more memory than the file has.
                let fits = at.checked_add(length)? as u64 <= self.length()?;
                let mut bytes = vec![0; if fits { length } else { 0 }];
                file.read_exact_at(&mut bytes, at as u64).ok()?;
                fits.then_some(bytes)
            }
        }
    }

    fn length(&self) -> Option<u64> {
        match self {
            Self::Memory(bytes) => Some(bytes.len() as u64),
            Self::File(file) => file.metadata().ok().map(|meta| meta.len()),
        }
    }
}

fn u32_at(bytes: &[u8], at: usize) -> Option<usize> {
    let four = bytes.get(at..at + 4)?.try_into().ok()?;
    Some(u32::from_le_bytes(four) as usize)
}

fn bucket_of(hash: u64) -> usize {
    (hash >> 54) as usize
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(directory)?;
    let mut file = tempfile::NamedTempFile::new_in(directory)?;
    file.write_all(bytes)?;
    file.persist(path)?;
    Ok(())
}

/// FNV-1a (Fowler, Noll, Vo), 64 bits, with the finisher of MurmurHash3 so that
/// the top bits are as good as the others.
pub(crate) fn hash(bytes: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for &byte in bytes {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
    }
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

/// Makes a key of a file or directory: it changes when its content does.
pub(crate) fn key_of(path: &Path, also: u64) -> io::Result<Key> {
    let meta = fs::metadata(path)?;
    let changed = meta
        .mtime()
        .wrapping_mul(1_000_000_000)
        .wrapping_add(meta.mtime_nsec());
    let identity = meta.ino() ^ meta.dev().rotate_left(40) ^ meta.size().rotate_left(20);
    Ok([changed as u64, identity, also])
}

/// Returns where in `cache` the index over `subject` is kept.
pub(crate) fn place(cache: &Path, what: &str, subject: &[u8]) -> PathBuf {
    cache.join(format!("{what}-{:016x}", hash(subject)))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests may panic")]

    use super::*;

    fn contents() -> Contents {
        let mut contents = Contents::default();
        let libc = contents.owner(&["libc6", "2.36"]);
        let zlib = contents.owner(&["zlib1g", "1.2"]);
        contents.own(b"/lib/libc.so", libc);
        contents.own(b"/lib/libz.so", zlib);
        contents.own(b"/lib/libz.so", libc);
        contents
    }

    fn never() -> Contents {
        panic!("the index was there")
    }

    #[test]
    fn the_bytes_never_change() {
        let bytes = contents().encode([1, 2, 3]);
        assert_eq!(&bytes[..8], MAGIC);
        assert_eq!(
            bytes[8..40],
            [
                [1, 0, 0, 0, 0, 0, 0, 0],
                [2, 0, 0, 0, 0, 0, 0, 0],
                [3, 0, 0, 0, 0, 0, 0, 0],
                [2, 0, 0, 0, 2, 0, 0, 0]
            ]
            .concat()
        );
        assert_eq!(
            &bytes[48 + 4100 + 12..][..20],
            b"libc6\x002.36zlib1g\x001.2"
        );
        assert_eq!(bytes.len(), 48 + 4100 + 12 + 20 + 24);
        assert_eq!(hash(b"/lib/libc.so"), 0xb273_5bd9_9960_1753);
    }

    #[test]
    fn an_index_is_made_once_and_then_opened() {
        let cache = tempfile::tempdir().unwrap();
        let path = cache.path().join("deep/index");
        let made = PathIndex::obtain(&path, [1, 2, 3], contents);
        let opened = PathIndex::obtain(&path, [1, 2, 3], never);
        for index in [made, opened] {
            assert_eq!(index.lookup(b"/lib/libc.so").unwrap(), ["libc6", "2.36"]);
            assert_eq!(index.lookup(b"/lib/libz.so").unwrap(), ["zlib1g", "1.2"]);
            assert_eq!(index.lookup(b"/lib/other.so"), None);
        }
    }

    #[test]
    fn another_key_or_any_cut_makes_it_anew() {
        let cache = tempfile::tempdir().unwrap();
        let path = cache.path().join("index");
        PathIndex::obtain(&path, [1, 2, 3], contents);
        let empty = PathIndex::obtain(&path, [1, 2, 4], Contents::default);
        assert_eq!(empty.lookup(b"/lib/libc.so"), None);
        let bytes = contents().encode([1, 2, 3]);
        for cut in (0..bytes.len()).step_by(97) {
            fs::write(&path, &bytes[..cut]).unwrap();
            let index = PathIndex::obtain(&path, [1, 2, 3], contents);
            assert!(index.lookup(b"/lib/libc.so").is_some(), "cut at {cut}");
        }
    }

    #[test]
    fn damaged_counts_never_panic() {
        let cache = tempfile::tempdir().unwrap();
        let path = cache.path().join("index");
        let bytes = contents().encode([1, 2, 3]);
        for at in 32..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0xff;
            fs::write(&path, &damaged).unwrap();
            let index = PathIndex::obtain(&path, [1, 2, 3], contents);
            let _ = (index.lookup(b"/lib/libc.so"), index.lookup(b"/x"));
        }
    }

    #[test]
    fn where_nothing_can_be_written_it_still_answers() {
        let index = PathIndex::obtain(Path::new("/proc/no/such"), [1, 2, 3], contents);
        assert!(index.lookup(b"/lib/libc.so").is_some());
    }
}
