//! Paths that are longer than the system takes in one piece.
//!
//! A program that goes down directory by directory can make and use files whose whole path is longer than
//! `PATH_MAX`, and such a file has only that path to be recorded by. To get at it again, one goes down in
//! pieces, too: see [`reach`].

use nix::fcntl::{AT_FDCWD, OFlag, openat};
use nix::sys::stat::Mode;
use std::borrow::Cow;
use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Bytes of a path that any system takes.
const FITS: usize = 4095;

/// Bytes of a path that are gone down at once: with the name of a directory before them, they still fit.
const PIECE: usize = 4000;

/// A path that leads where another does and that the system takes, for as long as this lives.
#[derive(Debug)]
pub struct Reached<'p> {
    path: Cow<'p, Path>,
    /// The directory by which the path begins.
    _directory: Option<OwnedFd>,
}

impl AsRef<Path> for Reached<'_> {
    fn as_ref(&self) -> &Path {
        &self.path
    }
}

/// What a directory on the way down is opened for.
const DOWN: OFlag = OFlag::O_PATH
    .union(OFlag::O_DIRECTORY)
    .union(OFlag::O_CLOEXEC);

/// Returns a path for `path` that the system takes. One that it takes as it is costs nothing.
///
/// Whether there is anything is not asked, but for the directories on the way down a long path.
///
/// # Errors
///
/// Those of opening a directory on the way.
pub fn reach(path: &Path) -> io::Result<Reached<'_>> {
    let mut rest = path.as_os_str().as_bytes();
    if rest.len() <= FITS {
        return Ok(Reached {
            path: Cow::Borrowed(path),
            _directory: None,
        });
    }
    let mut directory: Option<OwnedFd> = None;
    // A name that is no name is refused by whoever uses the path.
    while let Some(end) = end_of_piece(rest) {
        let piece = Path::new(OsStr::from_bytes(&rest[..end]));
        directory = Some(match &directory {
            None => openat(AT_FDCWD, piece, DOWN, Mode::empty())?,
            Some(above) => openat(above, piece, DOWN, Mode::empty())?,
        });
        rest = &rest[end..];
    }
    Ok(Reached {
        path: Cow::Owned(below(directory.as_ref(), rest)),
        _directory: directory,
    })
}

/// Returns where the next piece of a path ends, behind its slashes; nothing if the rest fits.
fn end_of_piece(rest: &[u8]) -> Option<usize> {
    if rest.len() <= PIECE {
        return None;
    }
    let end = rest[..PIECE].iter().rposition(|&byte| byte == b'/')? + 1;
    let slashes = rest[end..].iter().take_while(|&&byte| byte == b'/').count();
    (end + slashes < rest.len()).then_some(end + slashes)
}

fn below(directory: Option<&OwnedFd>, rest: &[u8]) -> PathBuf {
    let rest = OsStr::from_bytes(rest);
    match directory {
        Some(directory) => {
            let above = format!("/proc/self/fd/{}", directory.as_raw_fd());
            Path::new(&above).join(rest)
        }
        None => PathBuf::from(rest),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests may panic")]
mod tests {
    use super::*;
    use crate::{FileVersion, name_file, name_file_itself};
    use nix::sys::stat::mkdirat;
    use std::fs::{self, File};
    use std::io::Write as _;

    /// Makes directories one in the other until the path is that long, and a file in the last.
    fn deep(top: &Path, length: usize) -> PathBuf {
        let name = "d".repeat(200);
        let mut path = top.to_owned();
        let mut directory: OwnedFd = File::open(top).unwrap().into();
        while path.as_os_str().len() < length {
            mkdirat(&directory, name.as_str(), Mode::S_IRWXU).unwrap();
            directory = openat(&directory, name.as_str(), DOWN, Mode::empty()).unwrap();
            path.push(&name);
        }
        let flags = OFlag::O_CREAT | OFlag::O_WRONLY;
        let file = openat(&directory, "file", flags, Mode::S_IRWXU).unwrap();
        File::from(file).write_all(b"deep").unwrap();
        nix::unistd::symlinkat("file", &directory, "link").unwrap();
        path.join("file")
    }

    #[test]
    fn files_are_reached_however_long_their_paths_are() {
        let top = tempfile::tempdir().unwrap();
        for length in [100, 3900, 4100, 9000, 20_000] {
            let below = top.path().join(length.to_string());
            fs::create_dir(&below).unwrap();
            let path = deep(&below, length);
            assert_eq!(
                fs::read(reach(&path).unwrap()).unwrap(),
                b"deep",
                "{length}"
            );
            let named = name_file(&path).unwrap();
            assert_eq!(named.id, roar_object::ContentId::of(b"deep"));
            assert_eq!(FileVersion::of_path(&path).unwrap(), named.version);
            let link = path.with_file_name("link");
            assert_eq!(name_file(&link).unwrap().id, named.id);
            assert!(name_file_itself(&link).is_err());
            let target = fs::read_link(reach(&link).unwrap()).unwrap();
            assert_eq!(target, Path::new("file"));
            let names = fs::read_dir(reach(path.parent().unwrap()).unwrap()).unwrap();
            assert_eq!(names.count(), 2);
            let missing = path.with_file_name("missing");
            assert!(name_file(&missing).unwrap_err().source.is_missing());
        }
    }

    #[test]
    fn a_directory_that_is_missing_on_the_way_is_said_to_be() {
        let path = PathBuf::from("/nowhere/at/all").join("x/".repeat(4000));
        let err = reach(&path).map(drop).map_err(|err| err.kind());
        assert_eq!(err, Err(io::ErrorKind::NotFound));
        assert!(name_file(&path).unwrap_err().source.is_missing());
    }

    #[test]
    fn what_is_no_path_is_left_as_it_is() {
        for path in ["x".repeat(9000), "/".repeat(9000)] {
            assert!(fs::metadata(reach(Path::new(&path)).unwrap()).is_err());
        }
    }
}
