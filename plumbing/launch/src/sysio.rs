//! The few raw calls that signals, descriptors and processes need, each with a safe face.
//!
//! Everything here allocates nothing and takes no lock, so that it may be used between `fork` and
//! `exec`. Sets of signals are the kernel's own 64 bits: the C library's functions refuse two of
//! them, and a mask must come back as it was.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::RawFd;
use std::ptr;
use std::time::Duration;

/// A set of signals; bit `n - 1` stands for signal `n`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SignalSet(u64);

impl SignalSet {
    /// Everything but the two signals that the C library keeps for its threads, and those that a
    /// thread raises by its own doing: blocked, a fault kills without asking the handler that a
    /// mapped file has for being truncated. (`SIGKILL` and `SIGSTOP` cannot be blocked; the kernel
    /// leaves them out by itself.)
    pub(crate) const ALL: Self = Self(!(1 << 31 | 1 << 32 | Self::FAULTS));

    /// Illegal instruction, trap, bus error, bad arithmetic, bad address, bad system call.
    const FAULTS: u64 = bit(libc::SIGILL)
        | bit(libc::SIGTRAP)
        | bit(libc::SIGBUS)
        | bit(libc::SIGFPE)
        | bit(libc::SIGSEGV)
        | bit(libc::SIGSYS);

    pub(crate) fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    pub(crate) fn bits(self) -> u64 {
        self.0
    }

    pub(crate) fn only(signal: i32) -> Self {
        Self(1 << ((signal - 1) & 63))
    }
}

const SET_SIZE: usize = size_of::<u64>();

/// Turns a C answer into a result.
pub(crate) fn check(answer: libc::c_long) -> io::Result<libc::c_long> {
    if answer == -1 {
        Err(io::Error::last_os_error())
    } else {
        Ok(answer)
    }
}

/// Tells which signals this thread blocks.
pub(crate) fn blocked() -> SignalSet {
    let mut old = 0_u64;
    // SAFETY: with no new set the call only writes the 8 bytes of `old`.
    unsafe {
        libc::syscall(
            libc::SYS_rt_sigprocmask,
            0,
            ptr::null::<u64>(),
            &raw mut old,
            SET_SIZE,
        )
    };
    SignalSet(old)
}

/// Changes which signals this thread blocks: `how` is `SIG_BLOCK`, `SIG_UNBLOCK` or `SIG_SETMASK`.
pub(crate) fn change_mask(how: i32, set: SignalSet) {
    // SAFETY: the call reads the 8 bytes of `set` and writes nothing. It cannot fail with a right
    // `how` and size.
    unsafe {
        libc::syscall(
            libc::SYS_rt_sigprocmask,
            how,
            &raw const set.0,
            ptr::null::<u64>(),
            SET_SIZE,
        )
    };
}

/// One signal that was taken from the queue.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Taken {
    pub(crate) signal: i32,
    /// Where it came from: `SI_KERNEL`, `SI_USER` …
    pub(crate) code: i32,
    /// The sending process, when there is one.
    pub(crate) sender: i32,
}

/// Takes a pending signal of `set`, which must be blocked, waiting for one at most `timeout`.
pub(crate) fn take_signal(set: SignalSet, timeout: Duration) -> Option<Taken> {
    let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
    let limit = timespec(timeout);
    // SAFETY: the call reads `set` and `limit` and writes at most one siginfo_t to `info`.
    let signal = unsafe {
        libc::syscall(
            libc::SYS_rt_sigtimedwait,
            &raw const set.0,
            info.as_mut_ptr(),
            &raw const limit,
            SET_SIZE,
        )
    };
    if signal <= 0 {
        return None;
    }
    // SAFETY: siginfo_t is plain data for which all-zero bytes are a value.
    let info = unsafe { info.assume_init() };
    // SAFETY: the field of the sender is read as a number whatever the kind of signal; it is only
    // believed where `code` says that a process sent it.
    let sender = unsafe { info.si_pid() };
    Some(Taken {
        signal: info.si_signo,
        code: info.si_code,
        sender,
    })
}

fn timespec(duration: Duration) -> libc::timespec {
    libc::timespec {
        tv_sec: libc::time_t::try_from(duration.as_secs()).unwrap_or(libc::time_t::MAX),
        tv_nsec: duration.subsec_nanos().into(),
    }
}

/// Opens a descriptor that is readable while a signal of `set` is pending.
pub(crate) fn signal_fd(set: SignalSet) -> io::Result<std::os::fd::OwnedFd> {
    let flags = libc::SFD_CLOEXEC | libc::SFD_NONBLOCK;
    // SAFETY: the call reads the 8 bytes of `set` and makes a new descriptor.
    let fd = check(unsafe {
        libc::syscall(libc::SYS_signalfd4, -1, &raw const set.0, SET_SIZE, flags)
    })?;
    Ok(own(fd))
}

/// Takes ownership of a descriptor that the kernel has just made.
pub(crate) fn own(fd: libc::c_long) -> std::os::fd::OwnedFd {
    use std::os::fd::FromRawFd;
    let fd = i32::try_from(fd).expect("a descriptor is a small number");
    // SAFETY: callers pass a descriptor fresh from the kernel, which nobody else owns.
    unsafe { std::os::fd::OwnedFd::from_raw_fd(fd) }
}

/// Closes a descriptor, in a new process that owns all of its copies. Async-signal-safe.
pub(crate) fn close(fd: RawFd) {
    // SAFETY: only called between fork and exec, where no owner of the descriptor runs any more.
    unsafe { libc::close(fd) };
}

/// Whether `signal` is ignored by this process.
pub(crate) fn is_ignored(signal: i32) -> bool {
    let mut old = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: with no new action the call only writes `old`.
    unsafe { libc::sigaction(signal, ptr::null(), old.as_mut_ptr()) };
    // SAFETY: all-zero bytes are a sigaction too (the default), should the call have failed.
    unsafe { old.assume_init() }.sa_sigaction == libc::SIG_IGN
}

/// Sets `signal` to be ignored, or to its default.
pub(crate) fn set_ignored(signal: i32, ignored: bool) -> io::Result<()> {
    // SAFETY: all-zero bytes are a sigaction: the default action, no flags, empty mask.
    let mut action = unsafe { MaybeUninit::<libc::sigaction>::zeroed().assume_init() };
    action.sa_sigaction = if ignored {
        libc::SIG_IGN
    } else {
        libc::SIG_DFL
    };
    // SAFETY: the call reads `action`, which names no function of ours.
    check(unsafe { libc::sigaction(signal, &raw const action, ptr::null_mut()) }.into()).map(drop)
}

/// Whether `fd` is an open descriptor.
pub(crate) fn is_open(fd: i32) -> bool {
    // SAFETY: F_GETFD reads a number and touches no memory.
    unsafe { libc::fcntl(fd, libc::F_GETFD) != -1 }
}

/// Sends `signal` to process `pid`, which must be a child that is not reaped yet, or this process.
pub(crate) fn kill(pid: i32, signal: i32) -> io::Result<()> {
    // SAFETY: kill touches no memory.
    check(unsafe { libc::kill(pid, signal) }.into()).map(drop)
}

/// Reaps one child in any state that is news, without waiting.
///
/// Returns its id and wait status; `None` when there is none now, or no child at all.
pub(crate) fn reap(pid: i32, options: i32) -> Option<(i32, i32)> {
    let mut status = 0;
    // SAFETY: the call writes one int.
    let answer = unsafe { libc::waitpid(pid, &raw mut status, options) };
    (answer > 0).then_some((answer, status))
}

/// Ends this process at once, running nothing on the way.
pub(crate) fn exit_now(code: i32) -> ! {
    // SAFETY: _exit does not return and runs no code of ours.
    unsafe { libc::_exit(code) }
}

/// Makes a process that is a copy of this one. Returns 0 in the copy.
///
/// # Safety
///
/// Where there may be other threads, the copy must restrict itself to async-signal-safe calls until
/// it executes a program or ends: locks that other threads held stay locked in it.
pub(crate) unsafe fn fork() -> io::Result<i32> {
    // SAFETY: what fork demands is handed on to our caller.
    let pid = unsafe { libc::fork() };
    check(pid.into())?;
    Ok(pid)
}

/// Whether a child has changed its state without anybody having asked yet. Asks nothing away.
pub(crate) fn has_news(pid: i32) -> bool {
    let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
    let options = libc::WEXITED | libc::WSTOPPED | libc::WCONTINUED | libc::WNOHANG | libc::WNOWAIT;
    // SAFETY: the call writes at most one siginfo_t to `info`.
    unsafe {
        libc::waitid(
            libc::P_PID,
            pid.unsigned_abs(),
            info.as_mut_ptr(),
            options | libc::__WALL,
        )
    };
    // SAFETY: all-zero bytes are a siginfo_t, should nothing have been written.
    unsafe { info.assume_init() }.si_signo == libc::SIGCHLD
}

/// Returns the bit of a signal in a set.
const fn bit(signal: i32) -> u64 {
    1 << (signal - 1)
}

/// Whether this process has any child, ended or not.
pub(crate) fn has_children() -> bool {
    let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
    let options = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT | libc::__WALL;
    // SAFETY: the call writes at most one siginfo_t to `info`.
    unsafe { libc::waitid(libc::P_ALL, 0, info.as_mut_ptr(), options) != -1 }
}

/// Sends `signal` to this very thread.
pub(crate) fn raise(signal: i32) {
    // SAFETY: raise touches no memory; what the signal does is the caller's wish.
    unsafe { libc::raise(signal) };
}

/// Tells who this process's parent is now.
pub(crate) fn parent() -> i32 {
    // SAFETY: getppid touches no memory.
    unsafe { libc::getppid() }
}

/// Starts a helper: a copy of this process that turns into a stranger to it, does `work` and ends.
///
/// The stranger has another name and session, the root directory, and no descriptors but those in
/// `keep`; signals stay blocked as they are. Returns its process id.
///
/// # Safety
///
/// Where there may be other threads, `work` must restrict itself to async-signal-safe calls: locks
/// that other threads held stay locked in the copy. (glibc makes an exception for its allocator.)
pub unsafe fn start_helper<const N: usize>(
    name: &std::ffi::CStr,
    keep: [i32; N],
    work: impl FnOnce(),
) -> io::Result<i32> {
    // SAFETY: up to `work` only raw system calls are made; `work` is our caller's promise.
    let pid = unsafe { fork() }?;
    if pid == 0 {
        leave_everything(name, keep);
        work();
        exit_now(0);
    }
    Ok(pid)
}

/// Makes this process a stranger to the one it was copied from: another name and session, the root
/// directory, and no descriptors but those in `keep`. All signals stay blocked, as they are.
fn leave_everything<const N: usize>(name: &std::ffi::CStr, mut keep: [i32; N]) {
    // SAFETY: prctl reads the name, at most 16 bytes up to its zero.
    unsafe { libc::prctl(libc::PR_SET_NAME, name.as_ptr()) };
    // SAFETY: setsid touches no memory.
    unsafe { libc::setsid() };
    // SAFETY: chdir reads the path up to its zero.
    unsafe { libc::chdir(c"/".as_ptr()) };
    keep.sort_unstable();
    let mut from = 0_u32;
    for fd in keep {
        close_between(from, fd.unsigned_abs());
        from = fd.unsigned_abs() + 1;
    }
    close_between(from, u32::MAX);
}

/// Closes descriptors from `first` up to, not including, `end`.
fn close_between(first: u32, end: u32) {
    if first >= end {
        return;
    }
    // SAFETY: callers are processes that use none of these descriptors again.
    if unsafe { libc::syscall(libc::SYS_close_range, first, end - 1, 0) } == -1 {
        // Older than Linux 5.9.
        for fd in first..end.min(4096) {
            // SAFETY: as above.
            unsafe { libc::close(fd.cast_signed()) };
        }
    }
}

/// Reads once. Returns 0 at the end and on any error.
pub(crate) fn read(fd: i32, room: &mut [u8]) -> usize {
    // SAFETY: the call writes at most `room.len()` bytes to `room`.
    let length = unsafe { libc::read(fd, room.as_mut_ptr().cast(), room.len()) };
    usize::try_from(length).unwrap_or(0)
}

/// Reads the beginning of the file at `path`, a C string. Returns 0 on any error.
pub(crate) fn read_file(path: &[u8], room: &mut [u8]) -> usize {
    let Ok(path) = std::ffi::CStr::from_bytes_until_nul(path) else {
        return 0;
    };
    // SAFETY: open reads the path up to its zero.
    let fd = unsafe { libc::open(path.as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC) };
    if fd == -1 {
        return 0;
    }
    let length = read(fd, room);
    // SAFETY: the descriptor was opened above.
    unsafe { libc::close(fd) };
    length
}

/// Reads the beginning of a file of `/proc` about a process, at most 4 KiB.
///
/// Those tell all at once, and do not tell their size: growing a buffer step by step would take
/// many calls.
pub fn read_proc(path: &str) -> io::Result<Vec<u8>> {
    use std::io::Read;
    let mut text = vec![0; 4096];
    let length = std::fs::File::open(path)?.read(&mut text)?;
    text.truncate(length);
    Ok(text)
}

/// Whether this process adopts orphaned descendants.
pub(crate) fn is_subreaper() -> io::Result<bool> {
    let mut answer = 0_i32;
    // SAFETY: the call writes one int.
    check(unsafe { libc::prctl(libc::PR_GET_CHILD_SUBREAPER, &raw mut answer) }.into())?;
    Ok(answer != 0)
}

/// Makes this process adopt orphaned descendants, or not.
pub(crate) fn set_subreaper(yes: bool) -> io::Result<()> {
    // SAFETY: prctl with these arguments touches no memory.
    check(unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, libc::c_ulong::from(yes)) }.into())
        .map(drop)
}
