//! Files and directories as the store makes them: private, and replaced whole.

use crate::door;
use std::fs::{File, Permissions};
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// A file or directory that would not do what was asked of it.
#[derive(Debug, thiserror::Error)]
#[error("cannot {what} '{path}'", path = .path.display())]
pub struct FileError {
    /// What was tried: a verb, such as `read`.
    pub what: &'static str,
    /// On what.
    pub path: PathBuf,
    /// What the system said.
    #[source]
    pub source: io::Error,
}

impl FileError {
    /// Returns a function that puts an [`io::Error`] in its place.
    pub(crate) fn at(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self { what, path, source }
    }
}

/// Result of what is done to a file.
pub(crate) type FileResult<T> = Result<T, FileError>;

/// Makes a directory that only its owner may enter; one that is there is left as it is.
pub(crate) fn make_private_dir(path: &Path) -> FileResult<()> {
    match door::make_dir(path) {
        Err(err) if err.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        made => made.map_err(FileError::at("create", path)),
    }
}

/// As [`make_private_dir`] inside the store, and what is put in it later does not go with a power cut.
pub(crate) fn make_lasting_dir(path: &Path) -> FileResult<()> {
    if path.is_dir() {
        return Ok(());
    }
    make_private_dir(path)?;
    path.parent().map_or(Ok(()), sync_dir)
}

/// Makes names in a directory durable.
pub(crate) fn sync_dir(path: &Path) -> FileResult<()> {
    door::sync_dir(path).map_err(FileError::at("sync", path))
}

/// Whether [`replace`] waits for the disk.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sync {
    /// It does: what is written cannot be made again.
    Yes,
    /// It does not: what is written can.
    No,
}

/// Writes a file beside `path` and renames it there, so that readers see the old bytes or the new.
///
/// Callers hold the store's lock: the name beside is the same for all.
pub(crate) fn replace(path: &Path, bytes: &[u8], sync: Sync) -> FileResult<()> {
    let beside = path.with_added_extension("new");
    let write = || -> io::Result<()> {
        let file = door::create(&beside)?;
        door::write_at(&file, bytes, 0)?;
        if sync == Sync::Yes {
            door::sync(&file)?;
        }
        make_way(path)?;
        door::rename(&beside, path)
    };
    write().map_err(|err| {
        // A full disk leaves a torn file there, which would only take up more of it.
        let _ = door::remove(&beside);
        FileError::at("write", path)(err)
    })?;
    match (sync, path.parent()) {
        (Sync::Yes, Some(dir)) => sync_dir(dir),
        _ => Ok(()),
    }
}

/// More than any file has that is read whole; one that is larger was not written by this program.
const LARGEST: u64 = 1 << 30;

/// Opens a file for reading. What is none is refused rather than waited for, such as a pipe.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    open_with_len(path).map(|(file, _)| file)
}

fn open_with_len(path: &Path) -> io::Result<(File, u64)> {
    let file = File::options()
        .read(true)
        .custom_flags(nix::fcntl::OFlag::O_NONBLOCK.bits())
        .open(path)?;
    let meta = file.metadata()?;
    match meta.is_file() {
        true => Ok((file, meta.len())),
        false => Err(io::Error::new(io::ErrorKind::InvalidData, "it is no file")),
    }
}

/// As [`open`], or returns nothing if there is none, or something else.
pub(crate) fn open_if_file(path: &Path) -> io::Result<Option<File>> {
    match open(path) {
        Err(err) if err.kind() == io::ErrorKind::InvalidData => Ok(None),
        opened => if_there(opened),
    }
}

/// Reads a whole file, or returns nothing if there is none. What cannot be a file of this program, a
/// directory for one, reads as if it were empty: it is as wrong as that, and no reason to stop.
pub(crate) fn read_if_there(path: &Path) -> FileResult<Option<Vec<u8>>> {
    let read = match read_whole(path) {
        Err(err) if err.kind() == io::ErrorKind::InvalidData => Ok(Vec::new()),
        read => read,
    };
    if_there(read).map_err(FileError::at("read", path))
}

/// Reads a whole file of a `.roar` directory.
///
/// # Errors
///
/// When there is none, or what is there cannot be one: with [`io::ErrorKind::InvalidData`], and without
/// waiting for it to end, if it is a pipe, a device, a directory, or larger than 1 GiB.
pub fn read_whole(path: &Path) -> io::Result<Vec<u8>> {
    let (file, len) = open_with_len(path)?;
    if len > LARGEST {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "it is too large",
        ));
    }
    // Room for its end to be met in the same place. To read a file as such would ask for its length again.
    let mut bytes = Vec::with_capacity(len as usize + 32);
    file.take(u64::MAX).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Moves a directory away that lies where a file is to be written.
fn make_way(path: &Path) -> io::Result<()> {
    let is_directory = path.symlink_metadata().is_ok_and(|meta| meta.is_dir());
    if !is_directory {
        return Ok(());
    }
    let names = (0..).map(|number: u32| path.with_added_extension(format!("aside.{number}")));
    let mut free = names.filter(|name| name.symlink_metadata().is_err());
    let aside = free.next().expect("names do not run out");
    door::rename(path, &aside)
}

/// Turns "not found" into nothing.
pub(crate) fn if_there<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(err) if err.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(err) => Err(err),
    }
}

/// Reads `len` bytes at `offset`, or nothing if the file ends before.
pub(crate) fn read_exactly(file: &File, offset: u64, len: usize) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = vec![0; len];
    match file.read_exact_at(&mut bytes, offset) {
        Ok(()) => Ok(Some(bytes)),
        Err(err) if err.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(err) => Err(err),
    }
}

/// Takes a file's permissions for others away.
pub(crate) fn make_private(path: &Path) -> io::Result<()> {
    let mode = std::fs::metadata(path)?.permissions().mode();
    if mode & 0o077 == 0 {
        return Ok(());
    }
    std::fs::set_permissions(path, Permissions::from_mode(mode & 0o700))
}

/// Lets a directory's owner look into it and move it; trouble with that shows when it is done.
pub(crate) fn make_usable(path: &Path) {
    let is_directory = path.symlink_metadata().is_ok_and(|meta| meta.is_dir());
    if is_directory {
        let _ = std::fs::set_permissions(path, Permissions::from_mode(0o700));
    }
}

/// Returns the sum of the sizes of the files in a directory, which may be missing.
pub(crate) fn bytes_in(dir: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(dir) else {
        return 0;
    };
    let sizes = entries.flatten().filter_map(|entry| entry.metadata().ok());
    sizes
        .filter(std::fs::Metadata::is_file)
        .map(|meta| meta.len())
        .sum()
}
