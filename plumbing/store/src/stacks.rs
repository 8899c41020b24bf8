//! Stacks for threads that are about to be started.

use roar_spare::{has_room, room_of_threads};
use std::io;
use std::sync::{Mutex, PoisonError};
use std::thread::{self, Builder};
use std::time::{Duration, Instant};

/// What the stack of a thread takes up.
const STACK: usize = 2 << 20;

/// How long threads that have ended may take to be gone.
const PATIENCE: Duration = Duration::from_secs(1);

/// Has the C library make the stacks of so many threads, which it keeps for those that are started next.
///
/// Starting one of them is then little more than one call of the system, and it is known that so many can
/// be started, and that there is room in memory for so many bytes beside them.
///
/// # Errors
///
/// When one cannot be started, as the system allows no more, or there is no room.
pub(crate) fn prepare(threads: usize, room: usize) -> io::Result<()> {
    // Those that have ended keep their stacks, and would leave less room.
    look_for_room(room.saturating_add(room_of_threads(threads, STACK)))?;
    let before = running();
    let gate = Mutex::new(());
    let pass = || drop(gate.lock().unwrap_or_else(PoisonError::into_inner));
    thread::scope(|scope| {
        // Each has a stack of its own only while the others have not ended.
        let _closed = gate.lock().unwrap_or_else(PoisonError::into_inner);
        (0..threads).try_for_each(|_| Builder::new().spawn_scoped(scope, pass).map(drop))?;
        look_for_room(room.saturating_add(room_of_threads(threads, 0)))
    })?;
    wait_until_gone(before);
    Ok(())
}

fn look_for_room(bytes: usize) -> io::Result<()> {
    match has_room(bytes) {
        true => Ok(()),
        false => Err(io::ErrorKind::OutOfMemory.into()),
    }
}

/// A thread that has ended counts against the limit for a moment more.
fn wait_until_gone(before: Option<usize>) {
    let since = Instant::now();
    while running() > before && since.elapsed() < PATIENCE {
        thread::yield_now();
    }
}

/// Returns how many threads this process has; nothing if the system does not say.
fn running() -> Option<usize> {
    Some(std::fs::read_dir("/proc/self/task").ok()?.count())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_threads_that_leave_stacks_behind_end() {
        assert!(prepare(3, 1 << 20).is_ok());
    }

    #[test]
    fn too_little_room_is_an_error() {
        let err = prepare(1, isize::MAX as usize).map_err(|err| err.kind());
        assert_eq!(err, Err(io::ErrorKind::OutOfMemory));
    }
}
