//! The store's one lock: whoever holds it writes.
//!
//! It is a `flock` on `.roar/lock`, which the system gives back when its holder dies: it cannot be
//! stale. What stands in the file tells people who holds it, and decides nothing.

use crate::door;
use crate::file::FileError;
use std::fs::{File, TryLockError};
use std::path::Path;
use std::time::{Duration, Instant};

/// Longest time between two tries.
const LONGEST_NAP: Duration = Duration::from_millis(20);
/// How long a wait goes unmentioned.
const UNMENTIONED: Duration = Duration::from_millis(200);

/// Who holds the lock, as far as is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holder {
    /// Its process.
    pub pid: Option<u32>,
    /// What it is doing; empty if it has not said yet.
    pub command: String,
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.pid, self.command.as_str()) {
            (None, _) => f.write_str("another process"),
            (Some(pid), "") => write!(f, "process {pid}"),
            (Some(pid), command) => write!(f, "'{command}' (process {pid})"),
        }
    }
}

/// How to wait for the lock.
pub struct Wait<'w> {
    /// How long at most; zero to try once.
    pub up_to: Duration,
    /// What this process is doing, such as `roar run`: told to others that wait. No arguments, which
    /// may hold secrets.
    pub command: &'w str,
    /// Called when the wait becomes noticeable, and again for every other holder.
    pub on_wait: &'w mut dyn FnMut(&Holder),
}

/// Why the lock was not had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LockError {
    /// Somebody else has it, and kept it for as long as was waited.
    #[error("the store is locked by {holder}")]
    Busy {
        /// Who.
        holder: Holder,
    },
    /// The lock file cannot be used, as on a read-only disk.
    #[error(transparent)]
    Io(#[from] FileError),
}

/// The lock, held until dropped.
#[derive(Debug)]
pub(crate) struct Lock {
    file: File,
}

impl Lock {
    /// Waits for the lock at `path` and takes it.
    pub(crate) fn take(path: &Path, mut wait: Wait<'_>) -> Result<Self, LockError> {
        let file = door::open_or_create(path).map_err(FileError::at("open", path))?;
        wait_for(&file, path, &mut wait)?;
        Ok(Self { file })
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // A name that outlives its holder misleads nobody but is untidy.
        let _ = door::resize(&self.file, 0);
        // Closing would do, were it not for children of another thread that are forked and have not
        // executed their program yet: they hold the same lock until then.
        let _ = self.file.unlock();
    }
}

fn wait_for(file: &File, path: &Path, wait: &mut Wait<'_>) -> Result<(), LockError> {
    let begun = Instant::now();
    let mut nap = Duration::from_millis(1);
    let mut told = None;
    loop {
        match file.try_lock() {
            Ok(()) => {
                sign(file, wait.command);
                return Ok(());
            }
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(err)) => return Err(FileError::at("lock", path)(err).into()),
        }
        let waited = begun.elapsed();
        if waited >= wait.up_to {
            return Err(LockError::Busy {
                holder: holder(path),
            });
        }
        if waited >= UNMENTIONED {
            mention(holder(path), &mut told, wait.on_wait);
        }
        std::thread::sleep(nap.min(wait.up_to - waited));
        nap = (nap * 2).min(LONGEST_NAP);
    }
}

fn mention(holder: Holder, told: &mut Option<Holder>, on_wait: &mut dyn FnMut(&Holder)) {
    if told.as_ref() != Some(&holder) {
        on_wait(&holder);
        *told = Some(holder);
    }
}

/// Writes who has the lock into it. A full disk does not matter: the lock is held all the same.
fn sign(file: &File, command: &str) {
    let _ = door::resize(file, 0);
    let line = format!("{} {command}\n", std::process::id());
    let _ = door::write_at(file, line.as_bytes(), 0);
}

/// Returns who has signed the lock.
pub(crate) fn holder(path: &Path) -> Holder {
    let text = crate::file::read_whole(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let (pid, command) = text
        .trim_end()
        .split_once(' ')
        .unwrap_or((text.trim_end(), ""));
    Holder {
        pid: pid.parse().ok(),
        command: command.to_owned(),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests may panic")]
mod tests {
    use super::*;

    fn try_once<'w>(on_wait: &'w mut dyn FnMut(&Holder), up_to: u64) -> Wait<'w> {
        Wait {
            up_to: Duration::from_millis(up_to),
            command: "roar test",
            on_wait,
        }
    }

    #[test]
    fn the_second_is_told_who_has_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let first = Lock::take(&path, try_once(&mut |_| {}, 0)).unwrap();
        let mut told = Vec::new();
        let refused = Lock::take(&path, try_once(&mut |who| told.push(who.clone()), 250));
        let Err(LockError::Busy { holder }) = refused else {
            panic!("{refused:?}");
        };
        assert_eq!(holder.command, "roar test");
        assert_eq!(holder.pid, Some(std::process::id()));
        assert_eq!(told, [holder]);
        drop(first);
        assert!(Lock::take(&path, try_once(&mut |_| {}, 0)).is_ok());
    }

    #[test]
    fn a_lock_whose_holder_died_is_free() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        std::fs::write(&path, "1 roar of the dead\n").unwrap();
        assert!(Lock::take(&path, try_once(&mut |_| {}, 0)).is_ok());
    }
}
