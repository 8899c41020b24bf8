//! How a program comes to the ring: it asks for a file that does not exist, and the watcher, who sees
//! every such call, puts the right path in the place of the question.

use core::ptr;
use core::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

use crate::gate;
use crate::ring::{ANSWER, QUESTION, Ring, SIZE};
use crate::sys::{self, AT_FDCWD, MMAP, MUNMAP, O_CLOEXEC, O_RDWR};

/// The question, with room for the answer.
const ASKING: [u8; ANSWER] = {
    let (mut asking, mut at) = ([0; ANSWER], 0);
    while at < QUESTION.len() {
        asking[at] = QUESTION[at];
        at += 1;
    }
    asking
};

static RING: AtomicPtr<u8> = AtomicPtr::new(ptr::null_mut());

/// Whether the ring has been asked for: that is done once, whatever the answer is.
static ASKED: AtomicBool = AtomicBool::new(false);

/// Returns the ring, if this program has one.
#[inline(always)]
pub(crate) fn ring() -> Option<Ring> {
    let base = RING.load(Ordering::Acquire);
    if base.is_null() {
        return ask();
    }
    // SAFETY: it was mapped, and is never unmapped.
    let ring = unsafe { Ring::at(base) };
    (!ring.is_closed()).then_some(ring)
}

/// Returns whether this program has the ring already, and may use it.
pub(crate) fn has_ring() -> bool {
    let base = RING.load(Ordering::Acquire);
    // SAFETY: it was mapped, and is never unmapped.
    !base.is_null() && !unsafe { Ring::at(base) }.is_closed()
}

/// Does without the ring from now on.
pub(crate) fn leave() {
    RING.store(ptr::null_mut(), Ordering::Release);
}

#[cold]
fn ask() -> Option<Ring> {
    // Other threads go the ordinary way meanwhile, and so does a signal handler that comes between.
    if ASKED.swap(true, Ordering::Relaxed) {
        return None;
    }
    let base = map()?;
    // SAFETY: it was mapped just now.
    let ring = unsafe { Ring::at(base) };
    if !ring.is_one() || !gate::build() {
        // SAFETY: nobody else knows of the map.
        unsafe { sys::call(MUNMAP, [base as usize, SIZE, 0, 0, 0, 0]) };
        return None;
    }
    RING.store(base, Ordering::Release);
    Some(ring)
}

/// Asks for the ring and maps it.
fn map() -> Option<*mut u8> {
    const READ_WRITE: usize = 3;
    const SHARED: usize = 1;
    let mut question = ASKING;
    // SAFETY: the path ends with a zero, and so does the watcher's answer, for which there is room.
    let fd = unsafe {
        sys::open(
            AT_FDCWD,
            question.as_mut_ptr().cast(),
            O_RDWR | O_CLOEXEC,
            0,
        )
    };
    if fd < 0 {
        return None;
    }
    // SAFETY: it asks for new memory.
    let base = unsafe { sys::call(MMAP, [0, SIZE, READ_WRITE, SHARED, fd as usize, 0]) };
    sys::close(fd as i32);
    (base > 0).then_some(base as *mut u8)
}
