//! Stacks for threads that are about to be started.

use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit};
use std::io;
use std::sync::{Mutex, PoisonError};
use std::thread::{self, Builder};
use std::time::{Duration, Instant};

/// What the stack of a thread takes up.
const STACK: usize = 2 << 20;

/// What the C library sets apart for the small pieces of memory of a thread, in addresses alone.
const ARENA: usize = 64 << 20;

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
    look_for_room(room.saturating_add(threads.saturating_mul(STACK + arena())))?;
    let before = running();
    let gate = Mutex::new(());
    let pass = || drop(gate.lock().unwrap_or_else(PoisonError::into_inner));
    thread::scope(|scope| {
        // Each has a stack of its own only while the others have not ended.
        let _closed = gate.lock().unwrap_or_else(PoisonError::into_inner);
        (0..threads).try_for_each(|_| Builder::new().spawn_scoped(scope, pass).map(drop))?;
        look_for_room(room.saturating_add(threads.saturating_mul(arena())))
    })?;
    wait_until_gone(before);
    Ok(())
}

/// Returns what a thread's arena takes up of what a process may have: nothing, where addresses are not counted.
fn arena() -> usize {
    let limit = getrlimit(Resource::RLIMIT_AS).map_or(RLIM_INFINITY, |(limit, _)| limit);
    if limit == RLIM_INFINITY { 0 } else { ARENA }
}

/// Asks for memory, which nothing is put in, and gives it back.
fn look_for_room(bytes: usize) -> io::Result<()> {
    let mut room = Vec::<u8>::new();
    let asked = room.try_reserve_exact(bytes);
    asked.map_err(|_| io::ErrorKind::OutOfMemory.into())
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
