//! The lock of those who collect: one at a time moves objects about. Only another collector waits for it.

use crate::file::FileResult;
use crate::lock::Lock;
use crate::store::Layout;
use crate::{Holder, LockError, Wait};
use std::fs::{File, TryLockError};
use std::time::{Duration, Instant};

/// How long a look waits for a collector.
const PATIENCE: Duration = Duration::from_secs(30);
const NAP: Duration = Duration::from_millis(5);

/// The lock, until it is dropped.
pub(crate) type Collecting = Lock;

/// Takes the lock, and signs it.
pub(crate) fn take(layout: &Layout, wait: Wait<'_>) -> Result<Collecting, LockError> {
    Lock::take(&layout.collecting(), wait)
}

/// As [`take`], and waits for as long as that; returns nothing if somebody has it for longer.
pub(crate) fn wait_for(layout: &Layout, up_to: Duration) -> FileResult<Option<Collecting>> {
    let wait = Wait {
        up_to,
        command: "roar fsck --rebuild",
        on_wait: &mut |_: &Holder| {},
    };
    match take(layout, wait) {
        Ok(taken) => Ok(Some(taken)),
        Err(LockError::Busy { .. }) => Ok(None),
        Err(LockError::Io(err)) => Err(err),
    }
}

/// Keeps collectors away, until it is dropped.
#[derive(Debug)]
pub(crate) struct Watch(File);

impl Drop for Watch {
    fn drop(&mut self) {
        // As for the store's lock, closing is not enough where another thread forks.
        let _ = self.0.unlock();
    }
}

/// Waits until nobody collects, and keeps collectors away while the store is looked through. Writes
/// nothing; returns nothing where there is no lock or somebody goes on for too long.
pub(crate) fn watch(layout: &Layout) -> Option<Watch> {
    let file = File::open(layout.collecting()).ok()?;
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        match file.try_lock_shared() {
            Ok(()) => return Some(Watch(file)),
            Err(TryLockError::WouldBlock) => std::thread::sleep(NAP),
            Err(TryLockError::Error(_)) => return None,
        }
    }
    None
}
