//! Stacks for threads that are about to be started.

use std::sync::{Mutex, PoisonError};
use std::thread::Builder;

/// Has the C library make the stacks of so many threads, which it keeps for those that are started next.
///
/// Starting one of them is then little more than one call of the system.
pub(crate) fn prepare(threads: usize) {
    let gate = Mutex::new(());
    let pass = || drop(gate.lock().unwrap_or_else(PoisonError::into_inner));
    std::thread::scope(|scope| {
        // Each has a stack of its own only while the others have not ended.
        let closed = gate.lock().unwrap_or_else(PoisonError::into_inner);
        for _ in 0..threads {
            // One that cannot be started leaves no stack, and that costs time and nothing else.
            let _ = Builder::new().spawn_scoped(scope, pass);
        }
        drop(closed);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_threads_that_leave_stacks_behind_end() {
        prepare(3);
    }
}
