//! Files that appear whole or not at all.

use crate::error::{CommandError, io_error};
use std::fs::{self, File, Metadata};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// A file that takes its name when all of it is on the disk. A pipe or a device is written to as it is.
pub(crate) struct Replacing {
    out: BufWriter<File>,
    /// The name that it has until then; nothing for what cannot be replaced.
    beside: Option<PathBuf>,
    path: PathBuf,
    is_done: bool,
}

impl Replacing {
    /// Begins a file in the directory where it will be.
    pub(crate) fn create(path: &Path) -> Result<Self, CommandError> {
        // A link stays, and leads to the new file.
        let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let is_stream = |found: Metadata| !found.is_file() && !found.is_dir();
        let beside = match fs::metadata(&path).is_ok_and(is_stream) {
            true => None,
            false => Some(path.with_added_extension(format!("tmp-{}", std::process::id()))),
        };
        let file = match &beside {
            Some(beside) => File::create(beside),
            None => File::options().write(true).open(&path),
        };
        let file = file.map_err(|err| cannot_write(&path, err))?;
        Ok(Self {
            out: BufWriter::with_capacity(1 << 18, file),
            beside,
            path,
            is_done: false,
        })
    }

    /// Syncs the file and gives it its name.
    pub(crate) fn finish(mut self) -> Result<(), CommandError> {
        let mut finish = || -> io::Result<()> {
            self.out.flush()?;
            let Some(beside) = &self.beside else {
                return Ok(());
            };
            self.out.get_ref().sync_all()?;
            fs::rename(beside, &self.path)
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
        if let Some(beside) = self.beside.as_ref().filter(|_| !self.is_done) {
            // Half a file is of no use to anybody.
            let _ = fs::remove_file(beside);
        }
    }
}

/// Judges why a file cannot be written.
pub(crate) fn cannot_write(path: &Path, err: io::Error) -> CommandError {
    io_error(format!("cannot write '{}'", path.display()), err)
}
