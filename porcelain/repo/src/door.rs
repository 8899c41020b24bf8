//! The door to the disk for bytes: everything that kept files, restored files and bundles change there goes
//! through.
//!
//! So a test can count what passes, refuse the n-th, or stop at it as a killed process does. Outside of
//! tests these are the calls of `std` by other names. The store has a door of its own.

#[cfg(test)]
pub(crate) mod fault;

use roar_content::reach;
use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

/// Does what is about to be done, if nothing stands in its way.
#[cfg(not(test))]
fn pass<T>(work: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    work()
}

/// As [`pass`], of what is written to `file`, part of which may stay.
#[cfg(not(test))]
fn pass_bytes<T>(_: &File, work: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    work()
}

#[cfg(test)]
use fault::{pass, pass_bytes};

/// Makes a directory that only its owner may enter; one that is there is left as it is.
pub(crate) fn make_private_dir(path: &Path) -> io::Result<()> {
    match pass(|| DirBuilder::new().mode(0o700).create(path)) {
        Err(err) if err.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made,
    }
}

/// Makes a directory of the user's, and those above it.
pub(crate) fn make_dirs(path: &Path) -> io::Result<()> {
    pass(|| match std::fs::create_dir_all(path) {
        // The path may be too long to be taken at once.
        Err(err) if err.kind() == io::ErrorKind::InvalidFilename => make_each_dir(path),
        made => made,
    })
}

fn make_each_dir(path: &Path) -> io::Result<()> {
    let mut all: Vec<_> = path.ancestors().collect();
    all.reverse();
    for directory in all {
        let made = reach(directory).and_then(std::fs::create_dir);
        if made.is_err() && !reach(directory)?.as_ref().is_dir() {
            return made;
        }
    }
    Ok(())
}

/// Makes a file that must not be there yet, to write to and to read.
pub(crate) fn create_new(path: &Path, mode: u32) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true).mode(mode);
    pass(|| options.open(path))
}

/// Makes a link that must not be there yet.
pub(crate) fn link(target: &Path, path: &Path) -> io::Result<()> {
    pass(|| std::os::unix::fs::symlink(target, path))
}

/// Copies a file; the kernel shares the extents where it can.
pub(crate) fn copy(mut from: &File, mut to: &File) -> io::Result<()> {
    pass_bytes(to, || io::copy(&mut from, &mut to).map(drop))
}

/// Writes all that a reader yields.
pub(crate) fn copy_from(from: &mut dyn Read, mut to: &File) -> io::Result<()> {
    pass_bytes(to, || io::copy(from, &mut to).map(drop))
}

/// Takes the right to write to a file away.
pub(crate) fn protect(file: &File) -> io::Result<()> {
    pass(|| file.set_permissions(Permissions::from_mode(0o400)))
}

/// Waits until a file is on the disk.
pub(crate) fn sync(file: &File) -> io::Result<()> {
    pass(|| file.sync_all())
}

/// Waits until the names in a directory are on the disk.
pub(crate) fn sync_dir(path: &Path) -> io::Result<()> {
    // What is made in the working directory has a parent without a name.
    let here = Path::new(".");
    let path = if path.as_os_str().is_empty() {
        here
    } else {
        path
    };
    pass(|| File::open(path)?.sync_all())
}

/// Gives a file another name; what had that name before is gone.
pub(crate) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    pass(|| std::fs::rename(from, to))
}

/// Removes what was not finished. The error that matters is another, so trouble with this is none.
pub(crate) fn clear_away(path: &Path) {
    let _ = pass(|| std::fs::remove_file(path));
}

/// A file that is written piece by piece.
#[derive(Debug)]
pub(crate) struct Out(pub(crate) File);

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut file = &self.0;
        pass_bytes(&self.0, || file.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
