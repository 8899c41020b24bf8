//! `ptrace` and `waitpid`, one safe function per request that is used.
//!
//! Linux answers a request for a thread that is not ours or not stopped with `ESRCH`; nothing here
//! can harm this process, whatever thread is named. That the right one is named is what the types
//! in [`stop`](crate::stop) are for.

use std::io;
use std::mem::MaybeUninit;
use std::ptr;

use roar_launch::{Call, decode};

/// What the tracer is told of, beside signals. Programs that start are no part of it: see
/// [`report_exec`].
const OPTIONS: i32 = libc::PTRACE_O_TRACESECCOMP
    | libc::PTRACE_O_TRACEFORK
    | libc::PTRACE_O_TRACEVFORK
    | libc::PTRACE_O_TRACECLONE;

/// A raw request: its number, the thread, and two words.
fn request(what: libc::c_uint, tid: i32, address: usize, data: usize) -> io::Result<libc::c_long> {
    let address = ptr::without_provenance_mut::<libc::c_void>(address);
    let data = ptr::without_provenance_mut::<libc::c_void>(data);
    // SAFETY: only called below, with requests for which both words are numbers; none makes the
    // kernel touch memory of this process.
    let answer = unsafe { libc::ptrace(what, tid, address, data) };
    if answer == -1 {
        Err(io::Error::last_os_error())
    } else {
        Ok(answer)
    }
}

/// Begins to trace a thread that runs or is stopped, without disturbing it. If this process is
/// killed, so is the thread.
pub(crate) fn seize(tid: i32) -> io::Result<()> {
    seize_with(tid, OPTIONS | libc::PTRACE_O_EXITKILL)
}

/// As [`seize`], but the thread does not die with this process.
pub(crate) fn seize_mildly(tid: i32) -> io::Result<()> {
    seize_with(tid, OPTIONS)
}

fn seize_with(tid: i32, options: i32) -> io::Result<()> {
    request(libc::PTRACE_SEIZE, tid, 0, options.unsigned_abs() as usize).map(drop)
}

/// Makes a stopped thread of ours, that is seized and not mildly, report when it has executed a
/// program, or not any more.
pub(crate) fn report_exec(tid: i32, report: bool) -> io::Result<()> {
    let usual = OPTIONS | libc::PTRACE_O_EXITKILL;
    let options = if report {
        usual | libc::PTRACE_O_TRACEEXEC
    } else {
        usual
    };
    let options = options.unsigned_abs() as usize;
    request(libc::PTRACE_SETOPTIONS, tid, 0, options).map(drop)
}

/// Lets a stopped thread go on, delivering `signal` unless it is 0.
pub(crate) fn go_on(tid: i32, signal: i32) -> io::Result<()> {
    request(libc::PTRACE_CONT, tid, 0, signal.unsigned_abs() as usize).map(drop)
}

/// Leaves a thread in its group-stop, to be told when that ends.
pub(crate) fn listen(tid: i32) -> io::Result<()> {
    request(libc::PTRACE_LISTEN, tid, 0, 0).map(drop)
}

/// Makes a thread that listens report once more.
pub(crate) fn interrupt(tid: i32) {
    // One that is gone will be told of as such.
    let _ = request(libc::PTRACE_INTERRUPT, tid, 0, 0);
}

/// Stops tracing a stopped thread.
pub(crate) fn detach(tid: i32) -> io::Result<()> {
    request(libc::PTRACE_DETACH, tid, 0, 0).map(drop)
}

/// Returns the number that belongs to the event at which the thread is stopped.
pub(crate) fn event_message(tid: i32) -> io::Result<i32> {
    let mut message: libc::c_ulong = 0;
    // SAFETY: the request writes one unsigned long to `message`.
    let answer = unsafe {
        libc::ptrace(
            libc::PTRACE_GETEVENTMSG,
            tid,
            ptr::null_mut::<libc::c_void>(),
            &raw mut message,
        )
    };
    if answer == -1 {
        return Err(io::Error::last_os_error());
    }
    i32::try_from(message).map_err(|_| io::ErrorKind::InvalidData.into())
}

/// Reads the call at whose entry the filter stopped the thread.
///
/// `None` when it is of a table that is not known here, or the thread is gone.
pub(crate) fn call(tid: i32) -> Option<Call> {
    let mut info = MaybeUninit::<libc::ptrace_syscall_info>::zeroed();
    let size = ptr::without_provenance_mut::<libc::c_void>(size_of::<libc::ptrace_syscall_info>());
    // SAFETY: the request writes at most `size` bytes to `info`.
    let written =
        unsafe { libc::ptrace(libc::PTRACE_GET_SYSCALL_INFO, tid, size, info.as_mut_ptr()) };
    // SAFETY: a structure of numbers, for which all-zero bytes are a value.
    let info = unsafe { info.assume_init() };
    if written <= 0 || info.op != libc::PTRACE_SYSCALL_INFO_SECCOMP {
        return None;
    }
    // SAFETY: the kernel says that it filled this member.
    let entry = unsafe { info.u.seccomp };
    let (arch, number) = decode(info.arch, u32::try_from(entry.nr & 0xffff_ffff).ok()?)?;
    Some(Call {
        tid,
        arch,
        number,
        args: entry.args,
    })
}

/// Takes the next change of any tracee or child without waiting: its thread id and raw status.
pub(crate) fn wait() -> Option<(i32, i32)> {
    let mut status = 0;
    // SAFETY: the call writes one int.
    let tid = unsafe { libc::waitpid(-1, &raw mut status, libc::__WALL | libc::WNOHANG) };
    (tid > 0).then_some((tid, status))
}

/// Waits for the next change of a tracee or child, any for -1. `None` when there are none left.
pub(crate) fn wait_long(tid: i32) -> Option<(i32, i32)> {
    let mut status = 0;
    // SAFETY: the call writes one int.
    let tid = unsafe { libc::waitpid(tid, &raw mut status, libc::__WALL) };
    (tid > 0).then_some((tid, status))
}

/// Whether there is any tracee or child.
pub(crate) fn any_left() -> bool {
    let options = libc::WEXITED | libc::WSTOPPED | libc::WNOHANG | libc::WNOWAIT | libc::__WALL;
    let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
    // SAFETY: the call writes at most one siginfo_t to `info`.
    unsafe { libc::waitid(libc::P_ALL, 0, info.as_mut_ptr(), options) != -1 }
}

/// Sends `signal` to a process that is traced, whose id therefore cannot have passed on.
pub(crate) fn kill(pid: i32, signal: i32) {
    // SAFETY: kill touches no memory.
    unsafe { libc::kill(pid, signal) };
}

/// Whether a thread is known to be the first of its process. Sends no signal.
pub(crate) fn is_first(tid: i32) -> bool {
    // SAFETY: tgkill touches no memory, and with signal 0 it does nothing but look.
    unsafe { libc::syscall(libc::SYS_tgkill, tid, tid, 0) == 0 }
}

/// Waits for the end of a child, traced or not.
pub(crate) fn reap(pid: i32) {
    let mut status = 0;
    // SAFETY: the call writes one int.
    unsafe { libc::waitpid(pid, &raw mut status, libc::__WALL) };
}
