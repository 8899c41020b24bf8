//! Reading records, strictly.

use core::fmt;

use crate::encode::{HEAD, kind};
use crate::{Access, Digest, HEADER, Record, State, Version, check};

/// The bytes after a record's body.
const TAIL: usize = 4;

/// A stream is not what a tracer wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Corrupt {
    /// Where the first record that cannot be read begins.
    pub offset: usize,
}

impl fmt::Display for Corrupt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no trace record can be read at byte {}", self.offset)
    }
}

impl core::error::Error for Corrupt {}

/// The records of a stream, in order.
///
/// Ends after the last whole record, or after the first [`Corrupt`].
#[derive(Clone, Debug)]
pub struct Records<'a> {
    stream: &'a [u8],
    offset: usize,
    stopped: bool,
}

impl<'a> Records<'a> {
    /// Reads `stream`, which begins with [`HEADER`].
    pub fn new(stream: &'a [u8]) -> Self {
        Self {
            stream,
            offset: 0,
            stopped: false,
        }
    }

    /// Returns how much of the stream was read as whole records (and header).
    ///
    /// Less than the stream's length, once the iterator has ended, means that the tail is torn or
    /// corrupt.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// Moves past the header; `None` when the stream ends within it.
    fn header(&mut self) -> Option<Result<(), Corrupt>> {
        let seen = &self.stream[..self.stream.len().min(HEADER.len())];
        if !HEADER.starts_with(seen) {
            return Some(Err(Corrupt { offset: 0 }));
        }
        if seen.len() < HEADER.len() {
            return None;
        }
        self.offset = HEADER.len();
        Some(Ok(()))
    }

    /// Returns the next whole record; `None` when the stream ends before it does.
    fn record(&mut self) -> Option<Result<Record<'a>, Corrupt>> {
        let rest = &self.stream[self.offset..];
        let (length, _) = rest.split_first_chunk::<4>()?;
        let length = u32::from_le_bytes(*length) as usize;
        let end = HEAD.checked_add(length)?;
        let body = rest.get(HEAD..end)?;
        let tail = rest.get(end..end.checked_add(TAIL)?)?;
        let intact = tail == check([&rest[4..HEAD], body]).to_le_bytes();
        let record = if intact { whole(rest[4], body) } else { None };
        let corrupt = Corrupt {
            offset: self.offset,
        };
        if record.is_some() {
            self.offset += end + TAIL;
        }
        Some(record.ok_or(corrupt))
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<Record<'a>, Corrupt>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.stopped {
            return None;
        }
        let header = if self.offset == 0 {
            self.header()
        } else {
            Some(Ok(()))
        };
        let next = match header {
            Some(Ok(())) => self.record(),
            Some(Err(corrupt)) => Some(Err(corrupt)),
            None => None,
        };
        self.stopped = !matches!(next, Some(Ok(_)));
        next
    }
}

/// Reads a body that must be used up to its last byte.
fn whole(kind: u8, body: &[u8]) -> Option<Record<'_>> {
    let mut body = Body(body);
    let record = body.record(kind)?;
    body.0.is_empty().then_some(record)
}

/// What is left of a body.
struct Body<'a>(&'a [u8]);

impl<'a> Body<'a> {
    fn record(&mut self, kind: u8) -> Option<Record<'a>> {
        Some(match kind {
            kind::PROCESS => Record::Process {
                pid: self.number()?,
                parent: self.number()?,
                program: self.bytes()?,
            },
            kind::EXEC => Record::Exec {
                pid: self.number()?,
                path: self.bytes()?,
                before: self.state()?,
            },
            kind::OPEN => Record::Open {
                pid: self.number()?,
                access: Access::from_bits(self.byte()?)?,
                path: self.bytes()?,
                before: self.state()?,
            },
            kind::RENAME => Record::Rename {
                pid: self.number()?,
                exchange: self.flag()?,
                from: self.bytes()?,
                moved: self.state()?,
                to: self.bytes()?,
                replaced: self.state()?,
            },
            kind::LINK => Record::Link {
                pid: self.number()?,
                from: self.bytes()?,
                linked: self.state()?,
                to: self.bytes()?,
            },
            kind::SYMLINK => Record::Symlink {
                pid: self.number()?,
                path: self.bytes()?,
            },
            kind::UNLINK => Record::Unlink {
                pid: self.number()?,
                path: self.bytes()?,
                before: self.state()?,
            },
            kind::TRUNCATE => Record::Truncate {
                pid: self.number()?,
                length: u64::from_le_bytes(self.array()?),
                path: self.bytes()?,
                before: self.state()?,
            },
            kind::NAMED => Record::Named {
                path: self.bytes()?,
                version: self.version()?,
                digest: self.array::<{ size_of::<Digest>() }>()?,
            },
            kind::GAP => Record::Gap { why: self.bytes()? },
            kind::TARGET => Record::Target {
                path: self.bytes()?,
                target: self.bytes()?,
            },
            _ => return None,
        })
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*array)
    }

    fn byte(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    fn flag(&mut self) -> Option<bool> {
        match self.byte()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    fn number(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = self.number()? as usize;
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(bytes)
    }

    fn state(&mut self) -> Option<State> {
        Some(match self.byte()? {
            0 => State::Missing,
            1 => State::File(self.version()?),
            2 => State::Directory,
            3 => State::Symlink,
            4 => State::Other,
            _ => return None,
        })
    }

    fn version(&mut self) -> Option<Version> {
        Some(Version {
            dev: u64::from_le_bytes(self.array()?),
            ino: u64::from_le_bytes(self.array()?),
            size: u64::from_le_bytes(self.array()?),
            mtime_ns: i64::from_le_bytes(self.array()?),
            ctime_ns: i64::from_le_bytes(self.array()?),
            mode: self.number()?,
        })
    }
}
