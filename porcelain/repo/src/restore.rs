//! Putting recorded files back: from kept bytes, or from wherever on disk the same bytes still are.
//!
//! Everything is looked at before anything is written. A file is written beside its place, hashed
//! there, and renamed.

mod directory;

pub use directory::Below;

use crate::blobs::{BlobError, Blobs};
use crate::disk::{Disk, Version};
use crate::door;
use crate::{RepoError, Snapshot};
use roar_content::{FileError, name_file, name_file_itself, name_link, reach};
use roar_graph::{History, Written};
use roar_object::{Base, ContentId, FindError, Mode, ObjectId, RecordedPath};
use roar_tree::TreeError;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// Why files are not put back.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RestoreError {
    /// Nobody kept the bytes, and no file has them.
    #[error("the bytes of '{}' were not kept", .path.display())]
    NotKept {
        /// The file.
        path: PathBuf,
        /// Its bytes.
        id: ContentId,
    },
    /// The record does not know which bytes they were.
    #[error("the bytes of '{}' are not known", .path.display())]
    Unnamed {
        /// The file.
        path: PathBuf,
    },
    /// Something else is there.
    #[error("'{}' is there and differs", .path.display())]
    Differs {
        /// The file.
        path: PathBuf,
    },
    /// It would be written outside of the project.
    #[error("'{}' is outside of the project", .path.display())]
    Outside {
        /// The file.
        path: PathBuf,
    },
    /// It is where only git or roar itself may write.
    #[error("'{}' is not a place for files of the project", .path.display())]
    Reserved {
        /// The file.
        path: PathBuf,
    },
    /// A kept file cannot be had.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// A file cannot be hashed.
    #[error(transparent)]
    Name(#[from] FileError),
    /// A file cannot be written.
    #[error("cannot write '{}'", .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The workspace cannot be read.
    #[error(transparent)]
    Repo(#[from] RepoError),
    /// A dataset cannot be read.
    #[error(transparent)]
    Tree(#[from] TreeError),
}

/// A file to be put back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Where to.
    pub place: PathBuf,
    /// Its bytes.
    pub id: Option<ContentId>,
    /// What sort of file.
    pub mode: Mode,
    /// How many bytes.
    pub size: u64,
}

/// What became of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// Where it is.
    pub place: PathBuf,
    /// Its bytes.
    pub id: ContentId,
    /// Whether it was written; else it was there already.
    pub written: bool,
}

/// Whether what is in the way may be replaced, and what may be written to.
#[derive(Clone, Copy, Debug)]
pub struct Terms<'a> {
    /// Files that differ are replaced.
    pub force: bool,
    /// Nothing is written outside of this directory.
    pub within: Option<&'a Path>,
}

/// Finds bytes by their name.
#[derive(Clone, Copy)]
pub struct Finder<'a, 'r> {
    blobs: &'a Blobs,
    disk: Disk<'a>,
    history: &'a History<'r>,
}

impl<'a, 'r> Finder<'a, 'r> {
    /// Looks among kept bytes, and where the history says that such bytes were.
    pub const fn new(blobs: &'a Blobs, disk: Disk<'a>, history: &'a History<'r>) -> Self {
        Self {
            blobs,
            disk,
            history,
        }
    }

    /// Returns a file that holds the bytes of that name, looked at just now.
    ///
    /// # Errors
    ///
    /// When they are kept, the kept file is damaged or cannot be read, and no other file has them.
    pub fn find(&self, id: ContentId) -> Result<Option<PathBuf>, BlobError> {
        match self.blobs.verified(id) {
            Ok(Some(kept)) => Ok(Some(kept)),
            Ok(None) => Ok(self.elsewhere(id)),
            Err(err) => self.elsewhere(id).map(Some).ok_or(err),
        }
    }

    /// Returns a file that holds the bytes, where the history says that such bytes were.
    fn elsewhere(&self, id: ContentId) -> Option<PathBuf> {
        let records = self.history.records();
        let written = self.history.writers(id).into_iter();
        let written = written.map(|Written { record, output }| {
            let file = &records[record].writes[output];
            (&file.path, file.mode, file.size)
        });
        let read = self.history.readers(id).into_iter().map(|(record, read)| {
            let file = &records[record].reads[read];
            (&file.path, file.mode, file.size)
        });
        let holds = |(path, mode, size): &(&RecordedPath, Mode, u64)| {
            let version = Version {
                path,
                id: Some(id),
                mode: *mode,
                size: *size,
            };
            *mode != Mode::Symlink && self.disk.holds(version).bytes()
        };
        let found = written.chain(read).find(holds);
        let found = found.map(|(path, ..)| self.disk.place(path));
        // The cache may be trusted for a comparison; what is handed out is hashed.
        found.filter(|path| name_file(path).is_ok_and(|named| named.id == id))
    }

    /// Puts files back, all of them or, when one cannot be had or is in the way, none.
    ///
    /// # Errors
    ///
    /// When bytes are not to be had, something else is in the way, or a file cannot be written.
    pub fn restore(
        &self,
        wanted: &[Wanted],
        terms: Terms<'_>,
    ) -> Result<Vec<Restored>, RestoreError> {
        let mut sources = Vec::new();
        for file in wanted {
            sources.push(self.source(file, terms)?);
        }
        let each = wanted.iter().zip(sources);
        each.map(|(file, source)| put(file, source.as_deref()))
            .collect()
    }

    /// Returns where to take a file from; nothing if it is in its place already.
    fn source(&self, file: &Wanted, terms: Terms<'_>) -> Result<Option<PathBuf>, RestoreError> {
        let path = file.place.clone();
        let Some(id) = file.id else {
            return Err(RestoreError::Unnamed { path });
        };
        if let Some(root) = terms.within {
            require_inside(root, &file.place)?;
        }
        if is_there(file, id)? {
            return Ok(None);
        }
        match reach(&file.place).and_then(fs::symlink_metadata) {
            Ok(found) if found.is_dir() || !terms.force => {
                return Err(RestoreError::Differs { path });
            }
            _ => {}
        }
        match self.find(id)? {
            Some(source) => Ok(Some(source)),
            None => Err(RestoreError::NotKept { path, id }),
        }
    }
}

/// A directory above the file may be a link that leads elsewhere.
fn require_inside(root: &Path, place: &Path) -> Result<(), RestoreError> {
    let leads_inside = |above: &Path| match above.canonicalize() {
        Ok(above) => Some(above.starts_with(root)),
        // It is too long to be asked about at once.
        Err(err) if err.kind() == io::ErrorKind::InvalidFilename => Some(is_straight(root, above)),
        Err(_) => None,
    };
    match place.ancestors().skip(1).find_map(leads_inside) {
        Some(true) => Ok(()),
        _ => Err(RestoreError::Outside {
            path: place.to_owned(),
        }),
    }
}

/// Returns whether a directory is below another, and no link is on the way from there.
fn is_straight(root: &Path, directory: &Path) -> bool {
    let is_link = |path: &Path| {
        let found = reach(path).and_then(fs::symlink_metadata);
        found.is_ok_and(|found| found.is_symlink())
    };
    let mut below = directory.ancestors().take_while(|&above| above != root);
    directory.starts_with(root) && !below.any(is_link)
}

/// Returns whether the very file lies at its place.
fn is_there(file: &Wanted, id: ContentId) -> Result<bool, RestoreError> {
    let Ok(found) = reach(&file.place).and_then(fs::symlink_metadata) else {
        return Ok(false);
    };
    if file.mode == Mode::Symlink {
        let target = reach(&file.place).and_then(fs::read_link);
        return Ok(target.is_ok_and(|to| name_link(to.as_os_str().as_bytes()) == id));
    }
    if !found.is_file() || found.len() != file.size {
        return Ok(false);
    }
    let named = name_file_itself(&file.place)?;
    let executable = file.mode == Mode::Executable;
    Ok(named.id == id && named.executable() == executable)
}

fn put(file: &Wanted, source: Option<&Path>) -> Result<Restored, RestoreError> {
    let id = file.id.ok_or_else(|| RestoreError::Unnamed {
        path: file.place.clone(),
    })?;
    if let Some(source) = source {
        write(file, id, source)?;
    }
    Ok(Restored {
        place: file.place.clone(),
        id,
        written: source.is_some(),
    })
}

fn write(file: &Wanted, id: ContentId, source: &Path) -> Result<(), RestoreError> {
    let failed = |source| RestoreError::Write {
        path: file.place.clone(),
        source,
    };
    let directory = file.place.parent().unwrap_or(Path::new("/"));
    door::make_dirs(directory).map_err(failed)?;
    let place = reach(&file.place).map_err(failed)?;
    let place = place.as_ref();
    let beside = beside(place);
    // Of an earlier process with this number, which was killed.
    let _ = fs::remove_file(&beside);
    let made = match file.mode {
        Mode::Symlink => make_link(source, &beside).map_err(failed),
        mode => make_copy(source, &beside, mode == Mode::Executable)
            .map_err(failed)
            .and_then(|()| require(&beside, id)),
    };
    let made = made.and_then(|()| door::rename(&beside, place).map_err(failed));
    if made.is_err() {
        door::clear_away(&beside);
    }
    made
}

fn beside(place: &Path) -> PathBuf {
    let mut name = OsStr::new(".").to_owned();
    // A name may be as long as the kernel permits, and this one is longer.
    let end: Vec<u8> = place
        .file_name()
        .map_or_else(Vec::new, |name| name.as_bytes().to_vec());
    name.push(OsStr::from_bytes(&end[..end.len().min(200)]));
    name.push(format!(".roar-{}", std::process::id()));
    place.with_file_name(name)
}

fn make_link(source: &Path, place: &Path) -> io::Result<()> {
    let target = reach(source).and_then(fs::read)?;
    door::link(Path::new(OsStr::from_bytes(&target)), place)
}

fn make_copy(source: &Path, place: &Path, executable: bool) -> io::Result<()> {
    let mode = if executable { 0o777 } else { 0o666 };
    let from = reach(source).and_then(File::open)?;
    let to = door::create_new(place, mode)?;
    door::copy(&from, &to)?;
    door::sync(&to)
}

fn require(path: &Path, id: ContentId) -> Result<(), RestoreError> {
    let found = name_file_itself(path)?.id;
    if found == id {
        return Ok(());
    }
    Err(BlobError::Other {
        path: path.to_owned(),
        expected: id,
        found,
    }
    .into())
}

impl Snapshot {
    /// Returns the files of a dataset, to be put below `place`.
    ///
    /// # Errors
    ///
    /// When the dataset cannot be read.
    pub fn files_of(&self, tree: ObjectId, place: &Path) -> Result<Vec<Wanted>, TreeError> {
        let files = roar_tree::list(self.objects(), tree, true);
        files
            .map(|found| {
                let found = found?;
                Ok(Wanted {
                    place: place.join(OsStr::from_bytes(&found.path)),
                    id: found.entry.content_id(),
                    mode: found.entry.mode,
                    size: found.entry.size,
                })
            })
            .collect()
    }

    /// Returns the files that a job left, each to be put where it was.
    ///
    /// # Errors
    ///
    /// When the session cannot be read, or one of the files was outside of the project.
    pub fn files_left_by(&self, record: usize) -> Result<Vec<Wanted>, RestoreError> {
        let job = &self.records()?[record];
        let left = job
            .writes
            .iter()
            .filter(|file| file.remains() && file.is_product());
        left.map(|file| {
            Ok(Wanted {
                place: self.place_of(&file.path)?,
                id: file.id,
                mode: file.mode,
                size: file.size,
            })
        })
        .collect()
    }

    /// Returns where a recorded path is, if that is in the project.
    ///
    /// # Errors
    ///
    /// When it is not.
    pub fn place_of(&self, path: &RecordedPath) -> Result<PathBuf, RestoreError> {
        let absolute = path.absolute(self.root().as_os_str().as_bytes());
        let place = PathBuf::from(OsStr::from_bytes(&absolute));
        // A record may come from elsewhere, and hooks and settings make programs run.
        let mut names = path.path.split(|&byte| byte == b'/');
        if names.any(|name| name == b".git" || name == b".roar") {
            return Err(RestoreError::Reserved { path: place });
        }
        match path.base {
            Base::Project => Ok(place),
            Base::Root => Err(RestoreError::Outside { path: place }),
        }
    }
}

impl From<FindError> for RestoreError {
    fn from(err: FindError) -> Self {
        Self::Repo(err.into())
    }
}
