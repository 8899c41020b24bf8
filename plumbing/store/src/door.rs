//! The door to the disk: everything that the store changes there, sled's own files aside, goes through.
//!
//! So a test can count what passes, refuse the n-th, stop at it as a killed process does, or write all
//! of it down and play a power cut. Outside of tests these are the calls of `std` by other names.

#[cfg(test)]
pub(crate) mod fault;
#[cfg(test)]
pub(crate) mod power;

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::Path;

/// Something that is about to be done to the disk.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(
    not(test),
    expect(dead_code, reason = "only tests look at what passes")
)]
pub(crate) enum Act<'a> {
    MakeDir(&'a Path),
    /// A file that was not there.
    Create(&'a Path),
    Write(&'a File, u64, &'a [u8]),
    Resize(&'a File, u64),
    Sync(&'a File),
    SyncDir(&'a Path),
    Rename(&'a Path, &'a Path),
    Remove(&'a Path),
    RemoveDir(&'a Path),
}

/// Does what is about to be done, if nothing stands in its way.
#[cfg(not(test))]
#[inline]
fn pass<T>(_: Act<'_>, work: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    work()
}

#[cfg(test)]
use fault::pass;

/// Makes a directory that only its owner may enter.
pub(crate) fn make_dir(path: &Path) -> io::Result<()> {
    pass(Act::MakeDir(path), || {
        DirBuilder::new().mode(0o700).create(path)
    })
}

/// Opens an empty file that only its owner may read; one that is there is emptied.
pub(crate) fn create(path: &Path) -> io::Result<File> {
    let file = open_or_create(path)?;
    if file.metadata()?.len() > 0 {
        resize(&file, 0)?;
    }
    Ok(file)
}

/// Opens a file for writing, and makes it if it is not there.
pub(crate) fn open_or_create(path: &Path) -> io::Result<File> {
    let mut options = private();
    options.write(true).read(true);
    match options.open(path) {
        Err(err) if err.kind() == io::ErrorKind::NotFound => {}
        opened => return opened,
    }
    pass(Act::Create(path), || options.create(true).open(path))
}

/// Makes a file that must not be there yet, to append to.
pub(crate) fn create_new(path: &Path) -> io::Result<File> {
    let mut options = private();
    options.append(true).read(true).create_new(true);
    pass(Act::Create(path), || options.open(path))
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}

/// Opens a file that is there for writing.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    File::options().write(true).open(path)
}

/// Writes all of `bytes` at `at`.
pub(crate) fn write_at(file: &File, bytes: &[u8], at: u64) -> io::Result<()> {
    pass(Act::Write(file, at, bytes), || file.write_all_at(bytes, at))
}

/// Appends some of `bytes`; returns how many. `end` is the file's length, as far as is known.
pub(crate) fn append(mut file: &File, bytes: &[u8], end: u64) -> io::Result<usize> {
    pass(Act::Write(file, end, bytes), || file.write(bytes))
}

/// Makes a file as long as that.
pub(crate) fn resize(file: &File, len: u64) -> io::Result<()> {
    pass(Act::Resize(file, len), || file.set_len(len))
}

/// Waits until a file's bytes and its length are on the disk.
pub(crate) fn sync(file: &File) -> io::Result<()> {
    pass(Act::Sync(file), || file.sync_data())
}

/// Waits until the names in a directory are on the disk.
pub(crate) fn sync_dir(path: &Path) -> io::Result<()> {
    pass(Act::SyncDir(path), || File::open(path)?.sync_all())
}

/// Gives a file or directory another name; what had that name before is gone.
pub(crate) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    pass(Act::Rename(from, to), || std::fs::rename(from, to))
}

/// Removes a file.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    pass(Act::Remove(path), || std::fs::remove_file(path))
}

/// Removes a directory and all that is in it.
pub(crate) fn remove_dir(path: &Path) -> io::Result<()> {
    pass(Act::RemoveDir(path), || std::fs::remove_dir_all(path))
}
