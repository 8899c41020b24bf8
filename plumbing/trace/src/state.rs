//! What a path stands for now.

use std::ffi::OsStr;
use std::fs::Metadata;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::unistd::AccessFlags;
use roar_events::{State, Version};

use crate::long;

/// Returns what `path` is now, without following it if it is a symbolic link.
///
/// What cannot be looked at counts as missing; entries of `/proc` and `/sys` are no files.
pub fn state_of(path: &[u8]) -> State {
    if is_hidden(path) {
        State::Other
    } else {
        look(path)
    }
}

/// Returns the version that `meta` tells of.
pub fn version_of(meta: &Metadata) -> Version {
    Version {
        dev: meta.dev(),
        ino: meta.ino(),
        size: meta.size(),
        mtime_ns: nanoseconds(meta.mtime(), meta.mtime_nsec()),
        ctime_ns: nanoseconds(meta.ctime(), meta.ctime_nsec()),
        mode: meta.mode(),
    }
}

/// Returns whether `path` lies where the kernel shows itself in the form of files.
pub(crate) fn is_hidden(path: &[u8]) -> bool {
    path.starts_with(b"/proc/") || path.starts_with(b"/sys/")
}

/// Returns whether `path` lies where names come and go: where the kernel shows itself, or among devices.
/// Shared memory is a place for files like any other.
pub fn is_nameless(path: &[u8]) -> bool {
    is_hidden(path) || (path.starts_with(b"/dev/") && !path.starts_with(b"/dev/shm/"))
}

/// Returns what `path` is now, wherever it lies.
pub(crate) fn look(path: &[u8]) -> State {
    let reach = long::reach(path);
    let path = reach.as_ref().map_or(path, |reach| &reach.path);
    as_path(path)
        .symlink_metadata()
        .map_or(State::Missing, |meta| state(&meta))
}

/// Returns what `path` leads to now.
pub(crate) fn look_through(path: &[u8]) -> State {
    as_path(path)
        .metadata()
        .map_or(State::Missing, |meta| state(&meta))
}

pub(crate) fn as_path(path: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(path))
}

/// Returns whether opening `path`, a file in state `version`, for reading would be let through.
///
/// Nearly all files may be read by all, and then the kernel is not asked.
pub(crate) fn is_readable(path: &[u8], version: Version) -> bool {
    version.mode & 0o444 == 0o444 || is_allowed(path, AccessFlags::R_OK)
}

/// Returns whether opening `path` for writing would be let through.
pub(crate) fn is_writable(path: &[u8]) -> bool {
    is_allowed(path, AccessFlags::W_OK)
}

fn is_allowed(path: &[u8], how: AccessFlags) -> bool {
    nix::unistd::access(as_path(path), how).is_ok()
}

fn state(meta: &Metadata) -> State {
    let kind = meta.file_type();
    if kind.is_file() {
        State::File(version_of(meta))
    } else if kind.is_dir() {
        State::Directory
    } else if kind.is_symlink() {
        State::Symlink
    } else {
        State::Other
    }
}

fn nanoseconds(seconds: i64, rest: i64) -> i64 {
    seconds.saturating_mul(1_000_000_000).saturating_add(rest)
}
