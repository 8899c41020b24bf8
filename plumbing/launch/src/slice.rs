//! How promptly this thread gets its turn on a processor that others compute on.
//!
//! A supervisor that is woken waits for the end of another's time slice, milliseconds, and its caller
//! waits with it. One that asks for short slices has the earlier deadline and goes first; in sum it
//! gets no more than its share. (Linux 6.12; before, what is asked for here changes nothing.)
//! Source: `sched_setattr(2)`, and "Complete EEVDF" in the kernel's `Documentation/scheduler/sched-eevdf.rst`.

use std::io;
use std::mem::MaybeUninit;

use crate::sysio::check;

/// The shortest slice that the kernel gives, in nanoseconds.
const SHORTEST: u64 = 100_000;

/// The time slices of the thread that asked first.
#[derive(Debug)]
pub struct Slices {
    usual: Option<libc::sched_attr>,
    short: bool,
}

impl Slices {
    /// Learns what this thread's slices are. Where that cannot be learned, they stay as they are.
    pub fn of_this_thread() -> Self {
        let usual = attributes().ok().filter(is_fair);
        Self {
            usual,
            short: false,
        }
    }

    /// Asks for the shortest slices, or for the usual ones again. Must be called by the same thread.
    pub fn shorten(&mut self, short: bool) {
        if let Some(usual) = self.usual
            && short != self.short
        {
            let runtime = if short { SHORTEST } else { usual.sched_runtime };
            let wanted = libc::sched_attr {
                sched_runtime: runtime.min(usual.sched_runtime),
                ..usual
            };
            // What is refused stays as it was: the thread is served less promptly.
            let _ = set_attributes(&wanted);
            self.short = short;
        }
    }
}

/// Whether slices mean something: not to real-time, deadline or idle threads.
fn is_fair(attributes: &libc::sched_attr) -> bool {
    let policy = attributes.sched_policy.cast_signed();
    matches!(policy, libc::SCHED_OTHER | libc::SCHED_BATCH)
}

fn attributes() -> io::Result<libc::sched_attr> {
    let mut answer = MaybeUninit::<libc::sched_attr>::zeroed();
    let size = size_of::<libc::sched_attr>();
    // SAFETY: the call writes at most `size` bytes to `answer`, which has that room; thread 0 is this.
    let done = unsafe { libc::syscall(libc::SYS_sched_getattr, 0, answer.as_mut_ptr(), size, 0) };
    check(done)?;
    // SAFETY: all fields are plain numbers, for which zero, too, is a value.
    Ok(unsafe { answer.assume_init() })
}

fn set_attributes(wanted: &libc::sched_attr) -> io::Result<()> {
    // SAFETY: the call reads as many bytes of `wanted` as its first field says; thread 0 is this.
    let done = unsafe { libc::syscall(libc::SYS_sched_setattr, 0, wanted, 0) };
    check(done).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_become_short_and_usual_again() {
        let mut slices = Slices::of_this_thread();
        let usual = attributes().map(|is| (is.sched_policy, is.sched_nice, is.sched_runtime));
        slices.shorten(true);
        let short = attributes().map(|is| (is.sched_policy, is.sched_nice, is.sched_runtime));
        slices.shorten(false);
        let again = attributes().map(|is| (is.sched_policy, is.sched_nice, is.sched_runtime));
        // A kernel without slices of one's own tells 0, or the same, each time.
        if let (Ok(usual), Ok(short), Ok(again)) = (usual, short, again) {
            assert_eq!(usual, again);
            assert_eq!((short.0, short.1), (usual.0, usual.1));
            assert!(short.2 <= usual.2);
        }
    }
}
