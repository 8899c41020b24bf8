//! Threads to share work among, as many as can be had.
//!
//! rayon panics where its threads cannot be started: the system allows a process or a user only so many,
//! and each wants room for its stack. So whoever uses rayon does it inside [`sharing`].

use rayon::{ThreadPool, ThreadPoolBuilder};
use roar_spare::{has_room, room_of_threads};
use std::cell::OnceCell;
use std::sync::OnceLock;

/// What a thread may take up, with its stack.
const ROOM: usize = 4 << 20;

thread_local! {
    /// A pool that has no thread but this one.
    static ALONE: OnceCell<Option<ThreadPool>> = const { OnceCell::new() };
}

/// Does work that rayon is asked to share: among the threads of the pool that this thread belongs to, else
/// among those of the process, else, where there are none to be had, on this thread alone.
pub fn sharing<T>(work: impl FnOnce() -> T) -> T {
    if rayon::current_thread_index().is_none() && !has_threads() {
        stay_alone();
    }
    work()
}

/// Starts so many threads for work of one sort; returns nothing if there are not so many to be had, or no room
/// for what they read.
pub fn threads(number: usize) -> Option<ThreadPool> {
    // The stacks of threads that have ended are kept, and would leave less room.
    if !has_room_for(number) {
        return None;
    }
    ThreadPoolBuilder::new().num_threads(number).build().ok()
}

/// Starts the threads of the process, once; returns whether there are any.
fn has_threads() -> bool {
    static STARTED: OnceLock<bool> = OnceLock::new();
    *STARTED.get_or_init(|| {
        let number = std::thread::available_parallelism().map_or(1, usize::from);
        has_room_for(number) && ThreadPoolBuilder::new().build_global().is_ok()
    })
}

fn has_room_for(threads: usize) -> bool {
    has_room(room_of_threads(threads, ROOM))
}

/// Makes this thread its own pool, for as long as it lives.
fn stay_alone() {
    ALONE.with(|pool| {
        pool.get_or_init(|| {
            let alone = ThreadPoolBuilder::new().num_threads(1).use_current_thread();
            alone.build().ok()
        });
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use rayon::prelude::*;

    #[test]
    fn one_thread_does_everything_itself_if_it_must() {
        let sums = std::thread::spawn(|| {
            stay_alone();
            let here = std::thread::current().id();
            let is_here = |_| std::thread::current().id() == here;
            let numbers = 0..1000_u32;
            let all_here = numbers.into_par_iter().map(is_here).all(|it| it);
            let (a, b) = rayon::join(|| 1, || 2);
            let mut c = 0;
            rayon::scope(|scope| scope.spawn(|_| c = 3));
            (all_here, a, b, c)
        });
        assert!(matches!(sums.join(), Ok((true, 1, 2, 3))));
    }

    #[test]
    fn work_is_done_inside_and_outside_of_pools() {
        let sum = || sharing(|| (0..1000_u32).into_par_iter().sum::<u32>());
        assert_eq!(sum(), 499_500);
        let pool = ThreadPoolBuilder::new().num_threads(2).build();
        assert!(pool.is_ok_and(|pool| pool.install(sum) == 499_500));
    }
}
