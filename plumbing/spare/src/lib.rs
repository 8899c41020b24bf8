//! What is left of the memory that this process may have.
//!
//! Whoever asks for memory in earnest and does not get it ends the process without a word; a library that
//! cannot start its threads may panic. So who is about to need much looks beforehand whether it is there.
//!
//! # What is not here
//!
//! Nothing is held: what was there a moment ago may be gone. How many threads there can be is known only to
//! who starts them.
#![forbid(unsafe_code)]

use memmap2::MmapMut;
use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit};

/// What the C library sets apart for the small pieces of memory of a thread, in addresses alone.
const ARENA: usize = 64 << 20;

/// For how many threads the C library does so for certain.
const ARENAS: usize = 16;

/// Returns whether there are so many bytes of memory to be had.
///
/// The system is asked, and not the C library's allocator: that would take what it is given back for a sign
/// that pieces of this size are usual, and from then on fill with zeros by hand what the system would have.
pub fn has_room(bytes: usize) -> bool {
    bytes == 0 || MmapMut::map_anon(bytes).is_ok()
}

/// Returns how many bytes so many threads take up of what the process may have, `each` and what the C library
/// sets apart for them: only where addresses are counted is that anything.
pub fn room_of_threads(threads: usize, each: usize) -> usize {
    let limit = getrlimit(Resource::RLIMIT_AS).map_or(RLIM_INFINITY, |(limit, _)| limit);
    let arenas = match limit {
        RLIM_INFINITY => 0,
        _ => threads.min(ARENAS) * ARENA,
    };
    threads.saturating_mul(each).saturating_add(arenas)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_room_for_little_and_none_for_more_than_can_be() {
        assert!(has_room(1 << 20));
        assert!(!has_room(isize::MAX.unsigned_abs()));
        assert!(!has_room(usize::MAX));
    }

    #[test]
    fn every_thread_takes_up_what_it_is_given_at_least() {
        let one = room_of_threads(1, 1 << 20);
        assert!(one == 1 << 20 || one == (1 << 20) + ARENA);
        assert!(room_of_threads(8, 1 << 20) >= 8 * one.min(1 << 20));
        assert_eq!(room_of_threads(0, 1 << 20), 0);
        assert_eq!(room_of_threads(2, usize::MAX), usize::MAX);
    }
}
