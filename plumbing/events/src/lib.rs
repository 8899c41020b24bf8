//! What a tracer saw, as bytes.
//!
//! While a command runs, its tracer appends one *record* for each thing that mattered: a file about
//! to be opened, a name about to move, content named before it changes. Whoever reads the records
//! in order knows as much as the tracer did, so a run whose tracer was killed can still be judged.
//! Records tell what was *about to happen*: whether it did is found out by looking at the files
//! afterwards (`roar-observe`).
//!
//! # Format, version 1
//!
//! A stream is [`HEADER`] (8 bytes) and then records. All integers are little-endian and of fixed
//! width. There is one encoding of each record.
//!
//! | offset | size | what |
//! |---|---|---|
//! | 0 | 4 | `n`, the length of the body in bytes |
//! | 4 | 1 | kind |
//! | 5 | `n` | body |
//! | 5 + n | 4 | check: FNV-1a (32 bits) over kind and body |
//!
//! A body is its fields one after the other. A *path* is a `u32` length and that many bytes,
//! absolute and free of symbolic links unless said otherwise. A *state* is one byte, 0 missing, 1
//! file, 2 directory, 3 symbolic link, 4 anything else; after a 1 follows a *version*: `dev u64`,
//! `ino u64`, `size u64`, `mtime_ns i64`, `ctime_ns i64`, `mode u32` (44 bytes).
//!
//! | kind | name | body |
//! |---|---|---|
//! | 1 | process | `pid u32`, `parent u32`, program path (empty: not known) |
//! | 2 | exec | `pid u32`, path, state |
//! | 3 | open | `pid u32`, access `u8` ([`Access`]), path, state |
//! | 4 | rename | `pid u32`, exchange `u8` (0 or 1), from path, its state, to path, its state |
//! | 5 | link | `pid u32`, from path (empty: a file without a name), its state, to path |
//! | 6 | symlink | `pid u32`, path |
//! | 7 | unlink | `pid u32`, path, state |
//! | 8 | truncate | `pid u32`, length `u64`, path, state |
//! | 9 | named | path, version, BLAKE3 digest (32 bytes) |
//! | 10 | gap | text, as a path is written |
//! | 11 | target | path of a symbolic link, and its text, as a path is written |
//!
//! # Worked example
//!
//! Process 7 makes the symbolic link `/a`:
//!
//! ```text
//! 0a 00 00 00   ten bytes of body
//! 06            symlink
//! 07 00 00 00   pid 7
//! 02 00 00 00   a path of two bytes
//! 2f 61         "/a"
//! 78 88 e5 e1   FNV-1a of the eleven bytes above, from 06 on
//! ```
//!
//! # Reading
//!
//! [`Records`] accepts exactly what [`Record::encode`] writes. A stream may end in the middle of a
//! record, because its writer may have been killed there: that is a *torn tail* and no error. Any
//! other difference is [`Corrupt`].
//!
//! # What is not here
//!
//! No file is opened and nothing is judged. The crate needs `alloc` and nothing else.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod decode;
mod encode;
mod record;

pub use decode::{Corrupt, Records};
pub use record::{Access, Digest, Record, State, Version};

/// The first bytes of every stream of records.
pub const HEADER: [u8; 8] = *b"roarev1\n";

/// Returns the FNV-1a hash (32 bits) of `parts`, one after the other.
///
/// Fowler, Noll and Vo's function, as in draft-eastlake-fnv. It guards against blocks that a crash
/// left half-written, not against people.
fn check(parts: [&[u8]; 2]) -> u32 {
    let bytes = parts.into_iter().flatten();
    bytes.fold(0x811c_9dc5, |hash, byte| {
        (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
    })
}
