//! What lies on disk, beside what was recorded there.

use roar_content::{HashCache, name_cached, name_link, reach};
use roar_object::{Base, ContentId, Mode, RecordedPath};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// What lies at a path, beside what is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// The very bytes, or something where nobody knows which bytes were there.
    Same,
    /// The very bytes, in a file that may be executed now and could not be then, or the other way round.
    OtherMode,
    /// Something else.
    Other,
    /// Nothing.
    Nothing,
}

impl Holds {
    /// Returns whether the bytes are there, whoever may do what with them.
    pub const fn bytes(self) -> bool {
        matches!(self, Self::Same | Self::OtherMode)
    }
}

/// What was found at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// How it compares.
    pub holds: Holds,
    /// The name of its bytes, if it was made out.
    pub id: Option<ContentId>,
}

impl Found {
    const NOTHING: Self = Self {
        holds: Holds::Nothing,
        id: None,
    };

    const UNREAD: Self = Self {
        holds: Holds::Other,
        id: None,
    };

    fn of(id: ContentId, executable: Option<bool>, version: Version<'_>) -> Self {
        let other_mode = match version.mode {
            Mode::File => executable == Some(true),
            Mode::Executable => executable == Some(false),
            _ => false,
        };
        let holds = match version.id == Some(id) {
            true if other_mode => Holds::OtherMode,
            true => Holds::Same,
            false => Holds::Other,
        };
        let id = Some(id);
        Self { holds, id }
    }
}

/// A file as it was recorded.
#[derive(Clone, Copy, Debug)]
pub struct Version<'r> {
    /// Where.
    pub path: &'r RecordedPath,
    /// Its bytes, where known.
    pub id: Option<ContentId>,
    /// What sort of file.
    pub mode: Mode,
    /// How many bytes.
    pub size: u64,
}

/// The files of a project on disk.
#[derive(Clone, Copy, Debug)]
pub struct Disk<'a> {
    root: &'a Path,
    cache: &'a HashCache,
}

impl<'a> Disk<'a> {
    /// Looks at the disk from a project's root.
    pub const fn new(root: &'a Path, cache: &'a HashCache) -> Self {
        Self { root, cache }
    }

    /// Returns where a recorded path is.
    pub fn place(&self, path: &RecordedPath) -> PathBuf {
        let absolute = path.absolute(self.root.as_os_str().as_bytes());
        PathBuf::from(OsStr::from_bytes(&absolute))
    }

    /// Returns whether a recorded directory is one that the project lies in.
    pub(crate) fn is_above_project(&self, directory: &RecordedPath) -> bool {
        directory.base == Base::Root && self.root.starts_with(self.place(directory))
    }

    /// Returns whether there is a directory at a recorded path.
    pub fn is_directory(&self, path: &RecordedPath) -> bool {
        let found = reach(&self.place(path)).and_then(fs::metadata);
        found.is_ok_and(|found| found.is_dir())
    }

    /// Returns whether no link is on the way to a path: recorded paths have none, so that what is found by way of one
    /// lies somewhere else.
    pub fn is_direct(&self, path: &RecordedPath) -> bool {
        let place = self.place(path);
        let Some(above) = place.parent() else {
            return true;
        };
        fs::canonicalize(above).is_ok_and(|real| real == above)
    }

    /// Returns when what lies at a path last changed in any way, or where nothing does, the directory that it
    /// would lie in: nanoseconds since 1970.
    pub(crate) fn changed_ns(&self, path: &RecordedPath) -> Option<i64> {
        let place = self.place(path);
        let changed = |place: &Path| {
            let found = reach(place).and_then(fs::symlink_metadata).ok()?;
            let seconds = found.ctime().checked_mul(1_000_000_000)?;
            seconds.checked_add(found.ctime_nsec())
        };
        place.ancestors().find_map(changed)
    }

    /// Compares a path with a version. A file of another length is not read for that. Where nobody knows which bytes
    /// there were, any file will do, and a directory is none.
    pub fn holds(&self, version: Version<'_>) -> Holds {
        self.find(version).holds
    }

    /// As [`Disk::holds`], and tells which bytes there are if it had to read them.
    pub fn find(&self, version: Version<'_>) -> Found {
        let place = self.place(version.path);
        match reach(&place) {
            Ok(place) => self.find_at(place.as_ref(), version),
            Err(_) => Found::NOTHING,
        }
    }

    fn find_at(&self, place: &Path, version: Version<'_>) -> Found {
        let found = match fs::symlink_metadata(place) {
            Err(_) => return Found::NOTHING,
            // A directory is no version of a file.
            Ok(found) if found.is_dir() && version.id.is_none() => return Found::NOTHING,
            Ok(found) if found.is_dir() => return Found::UNREAD,
            Ok(found) => found,
        };
        if version.id.is_none() {
            let (holds, id) = (Holds::Same, None);
            return Found { holds, id };
        }
        if version.mode == Mode::Symlink {
            return match fs::read_link(place) {
                Ok(to) => Found::of(name_link(to.as_os_str().as_bytes()), None, version),
                Err(_) => Found::UNREAD,
            };
        }
        // What was read through a link is what the link leads to.
        let found = match found.is_symlink() {
            true => fs::metadata(place),
            false => Ok(found),
        };
        match found {
            Err(_) => Found::NOTHING,
            Ok(found) if found.len() != version.size => Found::UNREAD,
            Ok(_) => match name_cached(self.cache, place) {
                Ok(named) => Found::of(named.id, Some(named.executable()), version),
                Err(_) => Found::UNREAD,
            },
        }
    }
}
