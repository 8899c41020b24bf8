//! How this process was when it began, before Rust's runtime changed it.
//!
//! The runtime ignores `SIGPIPE` and opens `/dev/null` in place of closed standard streams, both
//! before `main`. A command must not inherit that, so this module notes the truth earlier still: in
//! a function that the loader calls from `.init_array`.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};

use crate::sysio::{self, SignalSet};

static SIGPIPE_IGNORED: AtomicBool = AtomicBool::new(false);
static SIGXFSZ_IGNORED: AtomicBool = AtomicBool::new(false);
static BLOCKED: AtomicU64 = AtomicU64::new(0);
/// Bit n is set when descriptor n (0, 1, 2) was closed.
static CLOSED: AtomicU8 = AtomicU8::new(0);

#[used]
// SAFETY: the section holds addresses of functions to call at start. `note` has the type that the
// loader expects (it passes arguments, which a C function may leave unread).
#[unsafe(link_section = ".init_array")]
static NOTE: extern "C" fn() = note;

extern "C" fn note() {
    SIGPIPE_IGNORED.store(sysio::is_ignored(libc::SIGPIPE), Ordering::Relaxed);
    SIGXFSZ_IGNORED.store(sysio::is_ignored(libc::SIGXFSZ), Ordering::Relaxed);
    BLOCKED.store(sysio::blocked().bits(), Ordering::Relaxed);
    let closed = (0..3)
        .filter(|fd| !sysio::is_open(*fd))
        .fold(0, |bits, fd| bits | 1_u8 << fd);
    CLOSED.store(closed, Ordering::Relaxed);
}

/// Whether `SIGPIPE` was ignored when this process began.
pub(crate) fn sigpipe_ignored() -> bool {
    SIGPIPE_IGNORED.load(Ordering::Relaxed)
}

/// Whether `SIGXFSZ` was ignored when this process began.
pub(crate) fn sigxfsz_ignored() -> bool {
    SIGXFSZ_IGNORED.load(Ordering::Relaxed)
}

/// The signals that were blocked when this process began.
pub(crate) fn blocked() -> SignalSet {
    SignalSet::from_bits(BLOCKED.load(Ordering::Relaxed))
}

/// Whether descriptor `fd` was closed when this process began; only the first three are known.
pub(crate) fn was_closed(fd: i32) -> bool {
    CLOSED.load(Ordering::Relaxed) & 1_u8.checked_shl(fd.unsigned_abs()).unwrap_or(0) != 0
}

/// Gives `SIGPIPE` back the disposition that this process began with.
///
/// For a program that wants to end quietly when nobody reads its output, as others do.
pub fn restore_sigpipe() -> io::Result<()> {
    sysio::set_ignored(libc::SIGPIPE, sigpipe_ignored())
}

/// Makes writing more to a file than a limit allows an error like any other, instead of an end.
///
/// The limit is meant for the command, which starts with the disposition that this process began
/// with.
pub fn outlive_file_limits() -> io::Result<()> {
    sysio::set_ignored(libc::SIGXFSZ, true)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests may panic")]
mod tests {
    use super::*;

    /// Its runtime had `SIGPIPE` ignored before `main`, whatever it was before.
    #[test]
    fn what_was_before_the_runtime_comes_back() {
        restore_sigpipe().unwrap();
        assert_eq!(sysio::is_ignored(libc::SIGPIPE), sigpipe_ignored());
        // Leave the test process as the runtime wants it.
        sysio::set_ignored(libc::SIGPIPE, true).unwrap();
        assert!((0..3).all(|fd| was_closed(fd) || sysio::is_open(fd)));
    }
}
