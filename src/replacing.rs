//! Files that appear whole or not at all.

use crate::error::{CommandError, io_error};
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// A file that takes its name when all of it is on the disk.
pub(crate) struct Replacing {
    out: BufWriter<File>,
    beside: PathBuf,
    path: PathBuf,
    is_done: bool,
}

impl Replacing {
    /// Begins a file in the directory where it will be.
    pub(crate) fn create(path: &Path) -> Result<Self, CommandError> {
        let beside = path.with_added_extension(format!("tmp-{}", std::process::id()));
        let file = File::create(&beside).map_err(|err| cannot_write(path, err))?;
        Ok(Self {
            out: BufWriter::with_capacity(1 << 18, file),
            beside,
            path: path.to_owned(),
            is_done: false,
        })
    }

    /// Syncs the file and gives it its name.
    pub(crate) fn finish(mut self) -> Result<(), CommandError> {
        let mut finish = || -> io::Result<()> {
            self.out.flush()?;
            self.out.get_ref().sync_all()?;
            fs::rename(&self.beside, &self.path)
        };
        finish().map_err(|err| cannot_write(&self.path, err))?;
        self.is_done = true;
        Ok(())
    }
}

impl Write for Replacing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl Drop for Replacing {
    fn drop(&mut self) {
        if !self.is_done {
            // Half a file is of no use to anybody.
            let _ = fs::remove_file(&self.beside);
        }
    }
}

/// Judges why a file cannot be written.
pub(crate) fn cannot_write(path: &Path, err: io::Error) -> CommandError {
    io_error(format!("cannot write '{}'", path.display()), err)
}
