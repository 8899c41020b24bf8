//! Paths longer than the kernel takes in one call.
//!
//! Such files are made by going step by step, and so they must be reached: a directory is opened
//! in pieces, and a file in it is looked at below that descriptor. The kernel does not tell the
//! path of so deep a directory either; it is then put together on the way up.

use std::fs::Metadata;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{DirEntryExt, MetadataExt};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, OpenHow, ResolveFlag};
use nix::sys::stat::Mode;

use crate::place::below;
use crate::state::as_path;

/// The longest path the kernel takes, without its terminating NUL.
const PATH_MAX: usize = 4095;

/// How far up a directory is followed.
const LEVELS: usize = 1 << 14;

/// A way to a file by a path that is short enough.
#[derive(Debug)]
pub(crate) struct Reach {
    /// The directory that the path goes through while this is alive.
    _directory: OwnedFd,
    /// The path.
    pub(crate) path: Vec<u8>,
}

/// Returns a short way to the file at `path`, `None` when the path is short or leads nowhere.
pub(crate) fn reach(path: &[u8]) -> Option<Reach> {
    if path.len() <= PATH_MAX {
        return None;
    }
    let slash = path.iter().rposition(|byte| *byte == b'/')?;
    let directory = open_dir(&path[..slash]).ok()?;
    let path = below(&link_of(&directory), &path[slash..]);
    Some(Reach {
        _directory: directory,
        path,
    })
}

/// Opens a directory, only to have it.
pub(crate) fn open_dir(path: &[u8]) -> Result<OwnedFd, Errno> {
    let mut at: Option<OwnedFd> = None;
    for piece in pieces(path) {
        let from = at.as_ref().map_or(AT_FDCWD, AsFd::as_fd);
        at = Some(nix::fcntl::openat(
            from,
            as_path(piece),
            path_only(),
            Mode::empty(),
        )?);
    }
    at.ok_or(Errno::ENOENT)
}

/// Opens a directory, only to have it, if its path means the same to every process: `ELOOP` if the way
/// leads through a link by which the kernel shows something of the process that asks.
pub(crate) fn open_dir_for_all(path: &[u8]) -> Result<OwnedFd, Errno> {
    if path.len() > PATH_MAX {
        return open_dir(path);
    }
    let how = OpenHow::new()
        .flags(path_only())
        .resolve(ResolveFlag::RESOLVE_NO_MAGICLINKS);
    match nix::fcntl::openat2(AT_FDCWD, as_path(path), how) {
        // Before Linux 5.6, and where a container's filter does not know the call.
        Err(Errno::ENOSYS | Errno::EPERM) => open_dir(path),
        opened => opened,
    }
}

/// Returns the canonical path of an open directory, without the slash of the root.
pub(crate) fn canonical(directory: &OwnedFd) -> Result<Vec<u8>, Errno> {
    let mut names = Vec::new();
    let mut here = directory.try_clone().map_err(|_| Errno::EMFILE)?;
    for _ in 0..LEVELS {
        match read_link(&link_of(&here)) {
            Ok(top) => return Ok(together(&top, &names)),
            Err(Errno::ENAMETOOLONG) => {}
            Err(error) => return Err(error),
        }
        let up = nix::fcntl::openat(&here, "..", path_only(), Mode::empty())?;
        names.push(name_in(&up, &here)?);
        here = up;
    }
    Err(Errno::ENAMETOOLONG)
}

pub(crate) fn read_link(link: &[u8]) -> Result<Vec<u8>, Errno> {
    nix::fcntl::readlink(as_path(link)).map(OsStringExt::into_vec)
}

/// Returns the path below which an open directory can be reached by this process.
pub(crate) fn link_of(directory: &OwnedFd) -> Vec<u8> {
    format!("/proc/self/fd/{}", directory.as_raw_fd()).into_bytes()
}

pub(crate) fn path_only() -> OFlag {
    OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC
}

/// Cuts a path into pieces that the kernel takes, each relative to the one before.
fn pieces(path: &[u8]) -> Vec<&[u8]> {
    let mut pieces = Vec::new();
    let mut rest = path;
    while rest.len() > PATH_MAX {
        let Some(slash) = rest[..PATH_MAX].iter().rposition(|byte| *byte == b'/') else {
            break;
        };
        pieces.push(&rest[..=slash]);
        let next = rest[slash..].iter().position(|byte| *byte != b'/');
        rest = next.map_or(&[], |next| &rest[slash + next..]);
    }
    if !rest.is_empty() {
        pieces.push(rest);
    }
    pieces
}

fn together(top: &[u8], names: &[Vec<u8>]) -> Vec<u8> {
    let mut path = top.strip_suffix(b"/").unwrap_or(top).to_vec();
    for name in names.iter().rev() {
        path.push(b'/');
        path.extend_from_slice(name);
    }
    path
}

/// Returns the name that directory `child` has in `parent`.
fn name_in(parent: &OwnedFd, child: &OwnedFd) -> Result<Vec<u8>, Errno> {
    let link = link_of(parent);
    let child = metadata(&link_of(child))?;
    let entries: Vec<_> = as_path(&link)
        .read_dir()
        .map_err(|error| errno(&error))?
        .flatten()
        .collect();
    // What is mounted has another number than the place it is mounted on, so all are tried then.
    let likely = entries.iter().filter(|entry| entry.ino() == child.ino());
    let name = likely
        .chain(&entries)
        .map(std::fs::DirEntry::file_name)
        .find(|name| {
            metadata(&below(&link, name.as_bytes()))
                .is_ok_and(|meta| (meta.dev(), meta.ino()) == (child.dev(), child.ino()))
        });
    name.map(OsStringExt::into_vec).ok_or(Errno::ENOENT)
}

fn metadata(path: &[u8]) -> Result<Metadata, Errno> {
    as_path(path).metadata().map_err(|error| errno(&error))
}

fn errno(error: &std::io::Error) -> Errno {
    Errno::from_raw(error.raw_os_error().unwrap_or(libc::EIO))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests may panic")]
mod tests {
    use super::*;

    /// Makes a directory far too deep, and returns its path.
    fn deep(top: &std::path::Path) -> Vec<u8> {
        let mut path = top.canonicalize().unwrap().into_os_string().into_vec();
        let mut here = open_dir(&path).unwrap();
        for _ in 0..30 {
            let name = "d".repeat(200);
            nix::sys::stat::mkdirat(&here, name.as_str(), Mode::S_IRWXU).unwrap();
            here = nix::fcntl::openat(&here, name.as_str(), path_only(), Mode::empty()).unwrap();
            path = below(&path, name.as_bytes());
        }
        path
    }

    #[test]
    fn a_deep_directory_is_opened_and_tells_its_path() {
        let top = tempfile::tempdir().unwrap();
        let path = deep(top.path());
        let open = open_dir(&path).unwrap();
        assert_eq!(canonical(&open).unwrap(), path);
    }

    #[test]
    fn a_file_in_a_deep_directory_is_reached() {
        let top = tempfile::tempdir().unwrap();
        let path = below(&deep(top.path()), b"file");
        let reach = reach(&path).unwrap();
        std::fs::write(as_path(&reach.path), "x").unwrap();
        assert!(matches!(crate::state_of(&path), roar_events::State::File(file) if file.size == 1));
    }

    #[test]
    fn a_short_path_needs_no_other_way() {
        assert!(reach(b"/etc/passwd").is_none());
        assert_eq!(canonical(&open_dir(b"/").unwrap()).unwrap(), b"");
    }
}
