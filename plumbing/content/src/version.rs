//! What a file looks like from outside: enough to tell that it is still the same.

use crate::reach;
use nix::fcntl::{AT_FDCWD, AtFlags};
use nix::sys::stat::{FileStat, SFlag, fstat, fstatat};
use std::ffi::CStr;
use std::fmt;
use std::io;
use std::os::fd::AsFd;
use std::path::Path;

/// What sort of thing bears a name in a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FileKind {
    /// A file with bytes.
    Regular,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A named pipe.
    Fifo,
    /// A socket.
    Socket,
    /// A device that is read byte by byte.
    CharacterDevice,
    /// A device that is read block by block.
    BlockDevice,
    /// Something that this program has no word for.
    Unknown,
}

impl FileKind {
    /// Returns the kind that a `st_mode` tells of.
    pub const fn of_mode(mode: u32) -> Self {
        match SFlag::from_bits_truncate(mode & SFlag::S_IFMT.bits()) {
            SFlag::S_IFREG => Self::Regular,
            SFlag::S_IFDIR => Self::Directory,
            SFlag::S_IFLNK => Self::Symlink,
            SFlag::S_IFIFO => Self::Fifo,
            SFlag::S_IFSOCK => Self::Socket,
            SFlag::S_IFCHR => Self::CharacterDevice,
            SFlag::S_IFBLK => Self::BlockDevice,
            _ => Self::Unknown,
        }
    }

    /// Returns the word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Regular => "regular file",
            Self::Directory => "directory",
            Self::Symlink => "symbolic link",
            Self::Fifo => "named pipe",
            Self::Socket => "socket",
            Self::CharacterDevice => "character device",
            Self::BlockDevice => "block device",
            Self::Unknown => "file of unknown kind",
        }
    }
}

impl fmt::Display for FileKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One state of one file: equal versions hold equal bytes, but for the racy rule (crate docs).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FileVersion {
    /// The device that holds the file.
    pub dev: u64,
    /// The file's number on the device.
    pub ino: u64,
    /// Length in bytes.
    pub size: u64,
    /// Time of last modification, in nanoseconds since 1970.
    pub mtime_ns: i64,
    /// Time of last change of bytes, name count or mode, which no program can set.
    pub ctime_ns: i64,
    /// Kind and permissions, as `st_mode`.
    pub mode: u32,
}

impl FileVersion {
    /// Looks at an open file.
    ///
    /// # Errors
    ///
    /// Those of `fstat`.
    pub fn of_fd(fd: impl AsFd) -> io::Result<Self> {
        Ok(Self::from(&fstat(fd)?))
    }

    /// Looks at what `path` leads to, through links.
    ///
    /// # Errors
    ///
    /// Those of `stat`.
    pub fn of_path(path: &Path) -> io::Result<Self> {
        let stat = fstatat(AT_FDCWD, reach(path)?.as_ref(), AtFlags::empty())?;
        Ok(Self::from(&stat))
    }

    /// Looks at `path` itself, which may be a link.
    ///
    /// # Errors
    ///
    /// Those of `lstat`.
    pub fn of_path_itself(path: &Path) -> io::Result<Self> {
        let flags = AtFlags::AT_SYMLINK_NOFOLLOW;
        let stat = fstatat(AT_FDCWD, reach(path)?.as_ref(), flags)?;
        Ok(Self::from(&stat))
    }

    /// Looks at `name` in an open directory, itself and not what it may link to.
    ///
    /// # Errors
    ///
    /// Those of `fstatat`.
    pub fn at(directory: impl AsFd, name: &CStr) -> io::Result<Self> {
        let stat = fstatat(directory, name, AtFlags::AT_SYMLINK_NOFOLLOW)?;
        Ok(Self::from(&stat))
    }

    /// Returns what sort of file it is.
    pub const fn kind(&self) -> FileKind {
        FileKind::of_mode(self.mode)
    }

    /// Returns whether the owner may execute it.
    pub const fn is_executable(&self) -> bool {
        self.mode & 0o100 != 0
    }
}

#[allow(
    clippy::unnecessary_cast,
    clippy::useless_conversion,
    reason = "the widths of `stat` vary with the architecture"
)]
impl From<&FileStat> for FileVersion {
    fn from(stat: &FileStat) -> Self {
        Self {
            dev: stat.st_dev as u64,
            ino: stat.st_ino as u64,
            size: u64::try_from(stat.st_size).unwrap_or(0),
            mtime_ns: nanoseconds(stat.st_mtime as i64, stat.st_mtime_nsec as i64),
            ctime_ns: nanoseconds(stat.st_ctime as i64, stat.st_ctime_nsec as i64),
            mode: stat.st_mode as u32,
        }
    }
}

/// Joins seconds and nanoseconds; times beyond the year 2262 are all the same.
const fn nanoseconds(seconds: i64, nanoseconds: i64) -> i64 {
    seconds
        .saturating_mul(1_000_000_000)
        .saturating_add(nanoseconds)
}
