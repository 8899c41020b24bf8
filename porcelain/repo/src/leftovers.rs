//! Letting go of what is of use to nobody: files that nobody finishes, and notes on jobs that are gone.

use crate::blobs::Blobs;
use crate::{PruneError, Workspace};
use roar_object::{ObjectId, Objects as _};
use roar_store::Reader;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// How old a note on a job must be: its run may be about to be recorded.
const GRACE: Duration = Duration::from_secs(24 * 60 * 60);

impl Workspace {
    /// Removes kept files whose writers are gone before they were whole, and what `.roar/looked` has of
    /// jobs that are not stored any more; returns how many files. Nothing recorded or kept is lost.
    ///
    /// # Errors
    ///
    /// When they cannot be listed or removed, or the store cannot be read.
    pub fn remove_leftovers(&self) -> Result<usize, PruneError> {
        let unfinished = Blobs::within(&self.dot()).remove_unfinished()?;
        let Some(store) = self.store() else {
            return Ok(unfinished);
        };
        let reader = store.reader();
        // Of a damaged store it is not known which jobs it has.
        if reader.damage().is_some() {
            return Ok(unfinished);
        }
        Ok(unfinished + self.forget_looked(&reader)?)
    }

    fn forget_looked(&self, reader: &Reader) -> Result<usize, PruneError> {
        let mut count = 0;
        for path in files(&self.dot().join("looked"))? {
            if is_old(&path) && !is_of_job(&path, reader)? {
                count += usize::from(remove(&path)?);
            }
        }
        Ok(count)
    }
}

/// Returns whether a file is named after a job that is stored. One with another ending was not finished.
fn is_of_job(path: &Path, reader: &Reader) -> Result<bool, PruneError> {
    let name = path.file_name().and_then(std::ffi::OsStr::to_str);
    let Some(job) = name.and_then(|name| name.parse::<ObjectId>().ok()) else {
        return Ok(false);
    };
    Ok(reader.has(job).map_err(crate::RepoError::from)?)
}

fn is_old(path: &Path) -> bool {
    let modified = fs::symlink_metadata(path).and_then(|found| found.modified());
    // A time that lies ahead is no age.
    let age = modified.map(|time| SystemTime::now().duration_since(time));
    age.is_ok_and(|age| age.is_ok_and(|age| age >= GRACE))
}

/// Returns the files in the directories of a directory; nothing if it is not there.
fn files(directory: &Path) -> Result<Vec<PathBuf>, PruneError> {
    let list = |directory: &Path| -> io::Result<Vec<PathBuf>> {
        match fs::read_dir(directory) {
            Ok(listed) => listed.map(|entry| Ok(entry?.path())).collect(),
            Err(err) if err.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(err) => Err(err),
        }
    };
    let shards = list(directory).map_err(trouble("list", directory))?;
    let mut files = Vec::new();
    for shard in shards.into_iter().filter(|shard| shard.is_dir()) {
        files.extend(list(&shard).map_err(trouble("list", &shard))?);
    }
    Ok(files)
}

/// Removes a file; returns whether it was there.
fn remove(path: &Path) -> Result<bool, PruneError> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(err) if err.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(err) => Err(trouble("remove", path)(err)),
    }
}

fn trouble(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> PruneError {
    let path = path.to_owned();
    move |source| PruneError::Blob(crate::blobs::BlobError::File { what, path, source })
}
