//! Names the bytes of files, as fast as `b3sum` and without believing in a file that moves.
//!
//! [`name_file`] and its sisters read a file and return its [`ContentId`](roar_object::ContentId)
//! together with the [`FileVersion`] that the bytes were read from: the file is looked at before
//! and after, and if the two differ it is read again, at most twice, before it is given up as
//! [`NameError::Changed`]. [`HashCache`] remembers what was named, by version, so that a file that
//! did not change is not read again.
//!
//! # How files are read
//!
//! Below [`MAP_FROM`] bytes a file is read into a buffer of the thread and hashed in one go;
//! mapping small files costs more than copying them. Above, a file on a local file system is mapped,
//! and if it is long, hashed by all threads of the current rayon pool. A mapped file that is truncated raises
//! `SIGBUS`; the guard (module `mapping`) answers by putting zeroes under the reader and marking
//! the mapping, so that the worst that happens is a file that is reported as changed.
//!
//! # Invariants
//!
//! * Only regular files are read; a FIFO, socket, device or directory is a typed error, and opening
//!   one never blocks.
//! * A path may be longer than the system takes in one piece: see [`reach()`].
//! * The offset of an open file is neither used nor moved.
//! * The cache never answers for a version that it has not seen, and never fails its caller.
//!   Deleting its file loses nothing.
//!
//! # The cache's file, version 2
//!
//! All numbers are 64-bit little-endian unless said; times are signed nanoseconds since 1970.
//!
//! ```text
//! offset  size  header
//!      0     8  "roarhash"
//!      8     4  version, 32 bits: 2
//!     12     4  bytes in a slot, 32 bits: 64
//!     16     8  number of slots, n
//!     24     8  slots in use, roughly: writers do not wait for each other
//!     32    32  zero
//!     64  64*n  slots; the file ends with the last
//!
//! offset  size  slot; all zero when it is free
//!      0     8  file: mix(device, inode)
//!      8     8  time of last change
//!     16     8  version: a mix of inode, size, time of last modification, device
//!     24    32  BLAKE3 of the bytes
//!     56     8  check: a mix of the seven numbers before it
//! ```
//!
//! A slot is one line of a processor's cache, and what a look-up costs is fetching it; so a million
//! files are looked up in batches, whose lines are fetched together ([`HashCache::get_all`]). The
//! time of last change, which no program can set, stands there as it is; what could be taken for
//! another version would have to agree with it in that, to the nanosecond, and in 128 mixed bits.
//!
//! A file's slot is searched from slot `mix(device, inode) * n / 2^64` onward, at most 64 of them,
//! up to the first free one. Any number of processes write at once through shared maps without
//! locks: of two that write one slot together either one wins, or the check is wrong and the slot
//! counts as free. A table that is two thirds full is copied into a new file, twice as large,
//! which then takes the old one's name; what others write into the old one meanwhile is forgotten.
//!
//! # The racy rule
//!
//! A file that is written twice within one tick of the file system's clock can have two contents
//! and one version. So an entry is made only when both stamps of the file are older, by a slack,
//! than the moment when it was looked at: 20 ms where stamps come from this kernel's clock at full
//! resolution (ext4, xfs, btrfs, tmpfs), 2 s elsewhere, and never on network file systems, whose
//! inode numbers and clocks are another machine's. See [`FileSystem::slack_ns`].
//!
//! # What is not here
//!
//! No directory is listed (`roar-tree`), and nothing is decided about which files matter. A process
//! that changes a file through a map that it has already written through can do so without a new
//! time stamp until the kernel writes back; the observer, which knows of such maps, has to deal
//! with it.

mod cache;
mod file_system;
mod mapped;
mod mapping;
mod name;
mod reach;
mod slot;
mod table;
mod threads;
mod version;

pub use cache::HashCache;
pub use file_system::FileSystem;
pub use mapped::Mapped;
pub use name::{
    Checked, FileError, MAP_FROM, NameError, Named, name_all_cached_at, name_cached,
    name_cached_at, name_file, name_file_at, name_file_itself, name_link, name_open_file,
    name_open_file_cached, name_reader,
};
pub use reach::{Reached, reach};
pub use threads::{sharing, threads};
pub use version::{FileKind, FileVersion};
