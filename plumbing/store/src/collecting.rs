//! The lock of those who collect: one at a time moves objects about. Nobody else waits for it.

use crate::door;
use crate::file::{FileError, FileResult};
use crate::store::Layout;
use std::fs::{File, TryLockError};
use std::time::{Duration, Instant};

/// How long a look waits for a collector.
const PATIENCE: Duration = Duration::from_secs(30);
const NAP: Duration = Duration::from_millis(5);

/// The lock, until it is dropped.
#[derive(Debug)]
pub(crate) struct Collecting(File);

impl Drop for Collecting {
    fn drop(&mut self) {
        // As for the store's lock, closing is not enough where another thread forks.
        let _ = self.0.unlock();
    }
}

/// Takes the lock, unless somebody has it.
pub(crate) fn take(layout: &Layout) -> FileResult<Option<Collecting>> {
    let path = layout.collecting();
    let file = door::open_or_create(&path).map_err(FileError::at("open", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(Collecting(file))),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(err)) => Err(FileError::at("lock", &path)(err)),
    }
}

/// As [`take`], and waits for as long as that.
pub(crate) fn wait_for(layout: &Layout, up_to: Duration) -> FileResult<Option<Collecting>> {
    let begun = Instant::now();
    loop {
        if let Some(taken) = take(layout)? {
            return Ok(Some(taken));
        }
        let waited = begun.elapsed();
        if waited >= up_to {
            return Ok(None);
        }
        std::thread::sleep(NAP.min(up_to - waited));
    }
}

/// Waits until nobody collects, and keeps collectors away while the store is looked through. Writes
/// nothing; returns nothing where there is no lock or somebody goes on for too long.
pub(crate) fn watch(layout: &Layout) -> Option<Collecting> {
    let file = File::open(layout.collecting()).ok()?;
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        match file.try_lock_shared() {
            Ok(()) => return Some(Collecting(file)),
            Err(TryLockError::WouldBlock) => std::thread::sleep(NAP),
            Err(TryLockError::Error(_)) => return None,
        }
    }
    None
}
