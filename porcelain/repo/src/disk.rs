//! What lies on disk, beside what was recorded there.

use roar_content::{HashCache, name_cached, name_link};
use roar_object::{Base, ContentId, Mode, RecordedPath};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// What lies at a path, beside what is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// The very bytes, or something where nobody knows which bytes were there.
    Same,
    /// Something else.
    Other,
    /// Nothing.
    Nothing,
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

    /// Compares a path with a version. A file of another length is not read for that.
    pub fn holds(&self, version: Version<'_>) -> Holds {
        let place = self.place(version.path);
        let Ok(found) = fs::symlink_metadata(&place) else {
            return Holds::Nothing;
        };
        let Some(id) = version.id else {
            return Holds::Same;
        };
        let same = if version.mode == Mode::Symlink {
            fs::read_link(&place).is_ok_and(|to| name_link(to.as_os_str().as_bytes()) == id)
        } else {
            // What was read through a link is what the link leads to.
            let Ok(found) = fs::metadata(&place).or_else(|err| match found.is_symlink() {
                true => Err(err),
                false => Ok(found),
            }) else {
                return Holds::Nothing;
            };
            found.len() == version.size
                && name_cached(self.cache, &place).is_ok_and(|named| named.id == id)
        };
        if same { Holds::Same } else { Holds::Other }
    }
}
