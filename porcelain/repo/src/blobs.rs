//! Kept bytes: copies of files, each named by what it holds. `docs/format/blobs.md` has the layout.
//!
//! # Invariants
//!
//! * A blob appears under its name only when it is whole, synced, and hashed in the place where it
//!   lies. It is never changed afterwards.
//! * Nothing is handed out that was not hashed just before.
//! * A blob is a copy (of one extent, where the file system can share those), never another name of
//!   the file: a program that writes to its output in place must not write here.

use crate::door;
use roar_content::{FileError, name_file_itself, reach};
use roar_object::{ContentId, Mode};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

/// How the names of unfinished files begin.
const UNFINISHED: &str = "tmp-";
/// How often a name is tried that somebody may be in the way of.
const TRIES: u32 = 20;

/// Why bytes cannot be kept or had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BlobError {
    /// A file cannot be used.
    #[error("cannot {what} '{}'", .path.display())]
    File {
        /// What was tried.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// A file cannot be hashed.
    #[error(transparent)]
    Name(#[from] FileError),
    /// The file holds other bytes than it is said to.
    #[error("'{}' holds '{found}', not '{expected}'", .path.display())]
    Other {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        expected: ContentId,
        /// What it holds.
        found: ContentId,
    },
}

impl BlobError {
    fn at<'p>(what: &'static str, path: &'p Path) -> impl FnOnce(io::Error) -> Self + use<'p> {
        move |source| Self::File {
            what,
            path: path.to_owned(),
            source,
        }
    }
}

/// One kept file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    /// The name of its bytes, as its file says.
    pub id: ContentId,
    /// How many there are.
    pub bytes: u64,
    /// When it was kept last.
    pub kept: SystemTime,
}

/// What does not belong where it lies, or is not what it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlobFinding {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it, in words.
    pub text: String,
    /// Whether bytes were lost by it.
    pub is_damage: bool,
}

/// The kept bytes of a workspace.
#[derive(Clone, Debug)]
pub struct Blobs {
    directory: PathBuf,
}

impl Blobs {
    /// Returns those kept in this `.roar`; nothing is made before the first is kept.
    pub fn within(dot: &Path) -> Self {
        Self {
            directory: dot.join("blobs"),
        }
    }

    /// Returns where the bytes of that name are, or would be.
    pub fn path(&self, id: ContentId) -> PathBuf {
        let name = id.to_string();
        self.directory.join(&name[..2]).join(name)
    }

    /// Returns whether bytes of that name are kept; they are not looked at.
    pub fn has(&self, id: ContentId) -> bool {
        fs::symlink_metadata(self.path(id)).is_ok_and(|found| found.is_file())
    }

    /// Returns the file that holds the bytes of that name, hashed just now; nothing if they are not
    /// kept.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, or holds something else.
    pub fn verified(&self, id: ContentId) -> Result<Option<PathBuf>, BlobError> {
        let path = self.path(id);
        match name_file_itself(&path) {
            Ok(named) if named.id == id => Ok(Some(path)),
            Ok(named) => Err(BlobError::Other {
                path,
                expected: id,
                found: named.id,
            }),
            Err(err) if err.source.is_missing() => Ok(None),
            Err(err) => Err(err.into()),
        }
    }

    /// Begins to keep files.
    ///
    /// # Errors
    ///
    /// When the directory cannot be made.
    pub fn keeper(&self) -> Result<Keeper<'_>, BlobError> {
        make_directory(&self.directory)?;
        Ok(Keeper {
            blobs: self,
            made_in: BTreeSet::new(),
        })
    }

    /// Returns every blob, sorted by name. Files that are no blobs are passed over.
    ///
    /// # Errors
    ///
    /// When a directory cannot be read.
    pub fn list(&self) -> Result<Vec<Blob>, BlobError> {
        let mut blobs = Vec::new();
        for path in self.files()? {
            let Some(id) = id_of(&path) else { continue };
            let found = fs::symlink_metadata(&path).map_err(BlobError::at("look at", &path))?;
            if found.is_file() {
                let kept = found.modified().unwrap_or(SystemTime::UNIX_EPOCH);
                blobs.push(Blob {
                    id,
                    bytes: found.len(),
                    kept,
                });
            }
        }
        blobs.sort_by_key(|blob| blob.id);
        Ok(blobs)
    }

    /// Returns the blobs that are not needed: those that `is_live` does not vouch for.
    ///
    /// What was kept lately may belong to a run that is not recorded yet: whoever collects leaves young
    /// ones alone ([`Blob::kept`]).
    ///
    /// # Errors
    ///
    /// As [`Blobs::list`].
    pub fn unreferenced(
        &self,
        is_live: impl Fn(ContentId) -> bool,
    ) -> Result<Vec<Blob>, BlobError> {
        let mut blobs = self.list()?;
        blobs.retain(|blob| !is_live(blob.id));
        Ok(blobs)
    }

    /// Removes a blob; one that is not there is no error.
    ///
    /// # Errors
    ///
    /// When it cannot be removed.
    pub fn remove(&self, id: ContentId) -> Result<(), BlobError> {
        let path = self.path(id);
        match fs::remove_file(&path) {
            Err(err) if err.kind() != io::ErrorKind::NotFound => {
                Err(BlobError::at("remove", &path)(err))
            }
            _ => Ok(()),
        }
    }

    /// Removes files that were being written by somebody who is gone; returns how many.
    ///
    /// # Errors
    ///
    /// As [`Blobs::list`].
    pub fn remove_unfinished(&self) -> Result<usize, BlobError> {
        let mut files = entries(&self.directory)?;
        files.retain(|path| is_unfinished(path) && !path.is_dir() && remove_unlocked(path));
        Ok(files.len())
    }

    /// Looks for what does not belong here, and with `full` hashes every blob.
    ///
    /// # Errors
    ///
    /// When a directory cannot be read.
    pub fn check(&self, full: bool) -> Result<Vec<BlobFinding>, BlobError> {
        let mut findings = Vec::new();
        for path in self.files()? {
            let found = match id_of(&path) {
                Some(id) if full => wrong_content(&path, id),
                Some(_) => None,
                None if is_unfinished(&path) => Some(("was left unfinished".to_owned(), false)),
                None => Some(("is no kept file".to_owned(), false)),
            };
            findings.extend(found.map(|(text, is_damage)| BlobFinding {
                path,
                text,
                is_damage,
            }));
        }
        Ok(findings)
    }

    /// Returns the names of the blobs that hold something else, by hashing every one. Those that cannot be
    /// read are not told of.
    ///
    /// # Errors
    ///
    /// As [`Blobs::list`].
    pub fn damaged(&self) -> Result<Vec<ContentId>, BlobError> {
        let mut blobs = self.list()?;
        blobs.retain(|blob| matches!(self.verified(blob.id), Err(BlobError::Other { .. })));
        Ok(blobs.into_iter().map(|blob| blob.id).collect())
    }

    /// Moves a blob to where the store keeps what was damaged; returns its place there.
    ///
    /// # Errors
    ///
    /// When it cannot be moved.
    pub fn set_aside(&self, id: ContentId) -> Result<PathBuf, BlobError> {
        let path = self.path(id);
        let dot = self.directory.parent().unwrap_or(&self.directory);
        let directory = dot.join("aside");
        make_directory(&directory)?;
        let called = |number: u32| match number {
            0 => directory.join(id.to_string()),
            _ => directory.join(format!("{id}.{number}")),
        };
        let mut places = (0..).map(called);
        let is_free = |place: &PathBuf| fs::symlink_metadata(place).is_err();
        let aside = places.find(is_free).expect("names do not run out");
        door::rename(&path, &aside).map_err(BlobError::at("move", &path))?;
        door::sync_dir(&directory).map_err(BlobError::at("sync", &directory))?;
        Ok(aside)
    }

    /// Returns every file.
    fn files(&self) -> Result<Vec<PathBuf>, BlobError> {
        let mut files = Vec::new();
        for entry in entries(&self.directory)? {
            match entry.is_dir() {
                true => files.extend(entries(&entry)?),
                false => files.push(entry),
            }
        }
        Ok(files)
    }
}

fn wrong_content(path: &Path, id: ContentId) -> Option<(String, bool)> {
    match name_file_itself(path) {
        Ok(named) if named.id == id => None,
        Ok(named) => Some((format!("holds '{}'", named.id), true)),
        Err(err) => Some((format!("cannot be read: {}", err.source), true)),
    }
}

/// Returns what is in a directory; nothing if it is not there.
fn entries(directory: &Path) -> Result<Vec<PathBuf>, BlobError> {
    let listed = match fs::read_dir(directory) {
        Ok(listed) => listed,
        Err(err) if err.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(err) => return Err(BlobError::at("list", directory)(err)),
    };
    let entries: io::Result<Vec<_>> = listed.map(|entry| Ok(entry?.path())).collect();
    entries.map_err(BlobError::at("list", directory))
}

/// Returns what a file's place says that it holds.
fn id_of(path: &Path) -> Option<ContentId> {
    let name = path.file_name()?.to_str()?;
    let id: ContentId = name.parse().ok()?;
    let shard = path.parent()?.file_name()?;
    (id.to_string() == name && shard == &name[..2]).then_some(id)
}

fn is_unfinished(path: &Path) -> bool {
    let name = path
        .file_name()
        .map(std::os::unix::ffi::OsStrExt::as_bytes)
        .unwrap_or_default();
    name.starts_with(UNFINISHED.as_bytes())
}

/// Removes a file while holding its lock, so that whoever is about to take it sees that it is gone.
fn remove_unlocked(path: &Path) -> bool {
    let Ok(file) = File::open(path) else {
        return false;
    };
    file.try_lock().is_ok() && fs::remove_file(path).is_ok()
}

fn make_directory(path: &Path) -> Result<(), BlobError> {
    door::make_private_dir(path).map_err(BlobError::at("make", path))
}

/// What became of bytes that were to be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// They were copied.
    New,
    /// They were there already.
    There,
}

/// Keeps files. What was kept survives a power cut once [`Keeper::finish`] has returned.
#[derive(Debug)]
pub struct Keeper<'b> {
    blobs: &'b Blobs,
    made_in: BTreeSet<PathBuf>,
}

impl Keeper<'_> {
    /// Keeps the bytes of the file or link at `path`, which are called `id`.
    ///
    /// # Errors
    ///
    /// When it cannot be copied, or holds something else by now.
    pub fn keep(&mut self, path: &Path, mode: Mode, id: ContentId) -> Result<Kept, BlobError> {
        if self.is_there(id) {
            // Whoever kept it may have been killed before its name was on the disk.
            self.made_in.insert(self.shard(id));
            return Ok(Kept::There);
        }
        self.write(id, |out| match mode {
            Mode::Symlink => {
                let target = reach(path)
                    .and_then(fs::read_link)
                    .map_err(BlobError::at("read", path))?;
                door::copy_from(&mut target.as_os_str().as_bytes(), out)
                    .map_err(BlobError::at("copy", path))
            }
            _ => {
                let file = reach(path)
                    .and_then(File::open)
                    .map_err(BlobError::at("read", path))?;
                door::copy(&file, out).map_err(BlobError::at("copy", path))
            }
        })
    }

    /// Keeps what a reader yields, which is called `id`.
    ///
    /// # Errors
    ///
    /// When it cannot be read or written, or is something else.
    pub fn keep_from(
        &mut self,
        source: &mut dyn io::Read,
        id: ContentId,
    ) -> Result<Kept, BlobError> {
        let path = self.blobs.path(id);
        self.write(id, |out| {
            door::copy_from(source, out).map_err(BlobError::at("write", &path))
        })
    }

    /// Sees to it that all that was kept stays.
    ///
    /// # Errors
    ///
    /// When the disk refuses.
    pub fn finish(self) -> Result<(), BlobError> {
        let all = self.made_in.iter().map(PathBuf::as_path);
        let above = self.blobs.directory.ancestors().take(2);
        for directory in all.chain(above) {
            door::sync_dir(directory).map_err(BlobError::at("sync", directory))?;
        }
        Ok(())
    }

    /// Returns whether the bytes are kept already, hashed just now; if so, they count as kept now, so that
    /// nobody who collects takes them for old. What is damaged is kept anew.
    fn is_there(&self, id: ContentId) -> bool {
        let now = SystemTime::now();
        let Ok(Some(path)) = self.blobs.verified(id) else {
            return false;
        };
        File::open(path)
            .and_then(|file| file.set_modified(now))
            .is_ok()
    }

    fn shard(&self, id: ContentId) -> PathBuf {
        let path = self.blobs.path(id);
        path.parent().unwrap_or(&self.blobs.directory).to_owned()
    }

    fn write(
        &mut self,
        id: ContentId,
        fill: impl FnOnce(&File) -> Result<(), BlobError>,
    ) -> Result<Kept, BlobError> {
        let path = self.blobs.path(id);
        let shard = self.shard(id);
        make_directory(&shard)?;
        let (beside, file) = begin(&self.blobs.directory)?;
        let written = written(&file, &beside, id, fill).and_then(|()| {
            door::rename(&beside, &path).map_err(BlobError::at("put in place", &path))
        });
        if let Err(err) = written {
            door::clear_away(&beside);
            return Err(err);
        }
        self.made_in.insert(shard);
        Ok(Kept::New)
    }
}

fn unfinished(directory: &Path) -> PathBuf {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    directory.join(format!("{UNFINISHED}{}-{number}", std::process::id()))
}

/// Makes a file to write to. It is locked, so that one whose writer is gone can be told.
fn begin(directory: &Path) -> Result<(PathBuf, File), BlobError> {
    for _ in 0..TRIES {
        let path = unfinished(directory);
        let begun = door::create_new(&path, 0o600).and_then(|file| {
            // Where there are no locks, nobody tidies up either.
            let _ = file.lock();
            // Somebody who tidied up may have taken it for an abandoned one.
            let is_there = file.metadata()?.nlink() > 0;
            Ok((file, is_there))
        });
        match begun {
            Ok((file, true)) => return Ok((path, file)),
            Ok((_, false)) => {}
            // Of an earlier process with this number.
            Err(err) if err.kind() == io::ErrorKind::AlreadyExists => {}
            Err(err) => return Err(BlobError::at("make", &path)(err)),
        }
    }
    let taken = io::Error::from(io::ErrorKind::AlreadyExists);
    Err(BlobError::at("make a file in", directory)(taken))
}

/// Fills a file, syncs it, takes away the right to write it, and hashes what is there.
fn written(
    file: &File,
    path: &Path,
    id: ContentId,
    fill: impl FnOnce(&File) -> Result<(), BlobError>,
) -> Result<(), BlobError> {
    fill(file)?;
    door::sync(file).map_err(BlobError::at("sync", path))?;
    door::protect(file).map_err(BlobError::at("protect", path))?;
    let named = name_file_itself(path)?;
    if named.id != id {
        return Err(BlobError::Other {
            path: path.to_owned(),
            expected: id,
            found: named.id,
        });
    }
    Ok(())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests may panic")]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn blobs() -> (tempfile::TempDir, Blobs) {
        let directory = tempfile::tempdir().unwrap();
        let blobs = Blobs::within(directory.path());
        (directory, blobs)
    }

    #[test]
    fn what_is_kept_is_there_once_and_cannot_be_written() {
        let (directory, blobs) = blobs();
        let file = directory.path().join("file");
        fs::write(&file, "hello data\n").unwrap();
        let id = ContentId::of(b"hello data\n");
        let mut keeper = blobs.keeper().unwrap();
        assert_eq!(keeper.keep(&file, Mode::File, id).unwrap(), Kept::New);
        assert_eq!(keeper.keep(&file, Mode::File, id).unwrap(), Kept::There);
        keeper.finish().unwrap();
        let path = blobs.verified(id).unwrap().unwrap();
        assert_eq!(path, directory.path().join(format!("blobs/61/{id}")));
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o400
        );
        fs::write(&file, "other").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"hello data\n");
        assert_eq!(blobs.list().unwrap().len(), 1);
        assert!(blobs.unreferenced(|it| it == id).unwrap().is_empty());
        assert_eq!(blobs.unreferenced(|_| false).unwrap()[0].id, id);
        blobs.remove(id).unwrap();
        blobs.remove(id).unwrap();
        assert_eq!(blobs.verified(id).unwrap(), None);
    }

    #[test]
    fn bytes_that_are_not_what_they_are_called_are_not_kept() {
        let (directory, blobs) = blobs();
        let file = directory.path().join("file");
        fs::write(&file, "changed since").unwrap();
        let id = ContentId::of(b"as it was");
        let mut keeper = blobs.keeper().unwrap();
        let refused = keeper.keep(&file, Mode::File, id);
        assert!(
            matches!(refused, Err(BlobError::Other { .. })),
            "{refused:?}"
        );
        assert!(!blobs.has(id));
        assert!(
            blobs.check(true).unwrap().is_empty(),
            "nothing is left over"
        );
    }

    #[test]
    fn damage_is_found_and_never_handed_out() {
        let (directory, blobs) = blobs();
        let mut keeper = blobs.keeper().unwrap();
        let ids = [b"one", b"two"].map(|bytes: &[u8; 3]| {
            let id = ContentId::of(bytes);
            keeper.keep_from(&mut bytes.as_slice(), id).unwrap();
            id
        });
        let path = blobs.path(ids[0]);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, "0ne").unwrap();
        fs::write(directory.path().join("blobs/tmp-1-1"), "half").unwrap();
        fs::write(directory.path().join("blobs/stray"), "").unwrap();
        assert!(matches!(
            blobs.verified(ids[0]),
            Err(BlobError::Other { .. })
        ));
        assert!(blobs.verified(ids[1]).unwrap().is_some());
        assert_eq!(blobs.check(false).unwrap().len(), 2);
        let full = blobs.check(true).unwrap();
        let damaged: Vec<_> = full.iter().filter(|found| found.is_damage).collect();
        assert_eq!((full.len(), damaged.len()), (3, 1));
        assert_eq!(damaged[0].path, path);
        assert_eq!(blobs.damaged().unwrap(), [ids[0]]);
        let aside = blobs.set_aside(ids[0]).unwrap();
        assert_eq!(fs::read(aside).unwrap(), b"0ne");
        assert!(!blobs.has(ids[0]));
    }

    #[test]
    fn what_was_damaged_is_kept_anew() {
        let (directory, blobs) = blobs();
        let file = directory.path().join("file");
        fs::write(&file, "one").unwrap();
        let id = ContentId::of(b"one");
        let mut keeper = blobs.keeper().unwrap();
        keeper.keep(&file, Mode::File, id).unwrap();
        let path = blobs.path(id);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, "0ne").unwrap();
        assert_eq!(keeper.keep(&file, Mode::File, id).unwrap(), Kept::New);
        assert_eq!(keeper.keep(&file, Mode::File, id).unwrap(), Kept::There);
        assert_eq!(blobs.verified(id).unwrap(), Some(path));
    }

    #[test]
    fn what_nobody_finishes_goes_and_what_somebody_writes_stays() {
        let (_directory, blobs) = blobs();
        drop(blobs.keeper().unwrap());
        fs::write(blobs.directory.join("tmp-1-1"), "half").unwrap();
        let (path, file) = begin(&blobs.directory).unwrap();
        assert_eq!(blobs.remove_unfinished().unwrap(), 1);
        assert!(path.exists());
        drop(file);
        assert_eq!(blobs.remove_unfinished().unwrap(), 1);
        assert!(blobs.check(false).unwrap().is_empty());
    }

    #[test]
    fn a_link_is_kept_by_the_text_of_its_target() {
        let (directory, blobs) = blobs();
        let link = directory.path().join("link");
        std::os::unix::fs::symlink("where/to", &link).unwrap();
        let id = roar_content::name_link(b"where/to");
        let mut keeper = blobs.keeper().unwrap();
        keeper.keep(&link, Mode::Symlink, id).unwrap();
        assert_eq!(fs::read(blobs.path(id)).unwrap(), b"where/to");
    }
}
