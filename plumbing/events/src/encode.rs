//! Writing records.

use alloc::vec::Vec;

use crate::{Record, State, Version, check};

/// The bytes before a record's body: its length and its kind.
pub(crate) const HEAD: usize = 5;

pub(crate) mod kind {
    //! The byte that tells one record from another.
    pub(crate) const PROCESS: u8 = 1;
    pub(crate) const EXEC: u8 = 2;
    pub(crate) const OPEN: u8 = 3;
    pub(crate) const RENAME: u8 = 4;
    pub(crate) const LINK: u8 = 5;
    pub(crate) const SYMLINK: u8 = 6;
    pub(crate) const UNLINK: u8 = 7;
    pub(crate) const TRUNCATE: u8 = 8;
    pub(crate) const NAMED: u8 = 9;
    pub(crate) const GAP: u8 = 10;
    pub(crate) const TARGET: u8 = 11;
}

impl Record<'_> {
    /// Appends the record to `out`.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&[0, 0, 0, 0, self.kind()]);
        self.body(out);
        let length = (out.len() - start - HEAD) as u32;
        out[start..start + 4].copy_from_slice(&length.to_le_bytes());
        let check = check([&out[start + 4..], &[]]);
        out.extend_from_slice(&check.to_le_bytes());
    }

    fn kind(&self) -> u8 {
        match self {
            Record::Process { .. } => kind::PROCESS,
            Record::Exec { .. } => kind::EXEC,
            Record::Open { .. } => kind::OPEN,
            Record::Rename { .. } => kind::RENAME,
            Record::Link { .. } => kind::LINK,
            Record::Symlink { .. } => kind::SYMLINK,
            Record::Unlink { .. } => kind::UNLINK,
            Record::Truncate { .. } => kind::TRUNCATE,
            Record::Named { .. } => kind::NAMED,
            Record::Gap { .. } => kind::GAP,
            Record::Target { .. } => kind::TARGET,
        }
    }

    fn body(&self, out: &mut Vec<u8>) {
        match *self {
            Record::Process {
                pid,
                parent,
                program,
            } => {
                number(out, pid);
                number(out, parent);
                bytes(out, program);
            }
            Record::Exec { pid, path, before } | Record::Unlink { pid, path, before } => {
                number(out, pid);
                bytes(out, path);
                state(out, before);
            }
            Record::Open {
                pid,
                access,
                path,
                before,
            } => {
                number(out, pid);
                out.push(access.bits());
                bytes(out, path);
                state(out, before);
            }
            Record::Rename {
                pid,
                exchange,
                from,
                moved,
                to,
                replaced,
            } => {
                number(out, pid);
                out.push(u8::from(exchange));
                bytes(out, from);
                state(out, moved);
                bytes(out, to);
                state(out, replaced);
            }
            Record::Link {
                pid,
                from,
                linked,
                to,
            } => {
                number(out, pid);
                bytes(out, from);
                state(out, linked);
                bytes(out, to);
            }
            Record::Symlink { pid, path } => {
                number(out, pid);
                bytes(out, path);
            }
            Record::Truncate {
                pid,
                length,
                path,
                before,
            } => {
                number(out, pid);
                out.extend_from_slice(&length.to_le_bytes());
                bytes(out, path);
                state(out, before);
            }
            Record::Named {
                path,
                version: at,
                digest,
            } => {
                bytes(out, path);
                version(out, at);
                out.extend_from_slice(&digest);
            }
            Record::Gap { why } => bytes(out, why),
            Record::Target { path, target } => {
                bytes(out, path);
                bytes(out, target);
            }
        }
    }
}

fn number(out: &mut Vec<u8>, number: u32) {
    out.extend_from_slice(&number.to_le_bytes());
}

fn bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    number(out, bytes.len() as u32);
    out.extend_from_slice(bytes);
}

fn state(out: &mut Vec<u8>, state: State) {
    let tag = match state {
        State::Missing => 0,
        State::File(_) => 1,
        State::Directory => 2,
        State::Symlink => 3,
        State::Other => 4,
    };
    out.push(tag);
    if let State::File(at) = state {
        version(out, at);
    }
}

fn version(out: &mut Vec<u8>, at: Version) {
    out.extend_from_slice(&at.dev.to_le_bytes());
    out.extend_from_slice(&at.ino.to_le_bytes());
    out.extend_from_slice(&at.size.to_le_bytes());
    out.extend_from_slice(&at.mtime_ns.to_le_bytes());
    out.extend_from_slice(&at.ctime_ns.to_le_bytes());
    out.extend_from_slice(&at.mode.to_le_bytes());
}
