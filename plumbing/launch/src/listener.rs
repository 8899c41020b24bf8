//! The supervisor's end of seccomp user notification (`seccomp_unotify(2)`).
//!
//! # The desk
//!
//! The kernel hands a call over exactly once. If the process that took it is killed before it
//! answers, the caller would wait for ever, although another process still has the listener. So the
//! kernel writes every call into a page that is shared with the janitor: the *desk*. Whatever lies
//! there when the first process dies, the second one answers.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::ptr::{self, NonNull};

use crate::call::Call;
use crate::filter::decode;
use crate::sysio::check;

const PAGE: usize = 4096;

/// `SECCOMP_IOCTL_NOTIF_SET_FLAGS` of `linux/seccomp.h`: `_IOW('!', 4, __u64)`.
const SET_FLAGS: libc::c_ulong = 0x4008_2104;

/// `SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP` of the same.
const SYNC_WAKE_UP: libc::c_ulong = 1;

/// A shared page that holds the call which is being dealt with.
#[derive(Debug)]
struct Desk(NonNull<libc::seccomp_notif>);

impl Desk {
    fn new() -> io::Result<Self> {
        let (access, kind) = (
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_SHARED | libc::MAP_ANONYMOUS,
        );
        // SAFETY: a new mapping at an address of the kernel's choice overlaps nothing.
        let page = unsafe { libc::mmap(ptr::null_mut(), PAGE, access, kind, -1, 0) };
        if page == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let page = NonNull::new(page.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Self(page))
    }

    /// Returns what lies on the desk; all zero when nothing does.
    fn look(&self) -> libc::seccomp_notif {
        // SAFETY: the page is mapped for as long as `self` is, begins zeroed, and only this process
        // or, after its death, the janitor writes to it.
        unsafe { self.0.as_ptr().read_volatile() }
    }

    /// Empties the desk, as the kernel demands before it lays down the next call.
    fn clear(&self) {
        // SAFETY: as for `look`; all fields are plain numbers, for which zero is a value.
        unsafe { ptr::write_bytes(self.0.as_ptr(), 0, 1) };
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        // SAFETY: the page was mapped by `new` with this size and nobody points into it any more.
        unsafe { libc::munmap(self.0.as_ptr().cast(), PAGE) };
    }
}

/// A call that waits for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    id: u64,
    /// The call; `None` when it is of an architecture without a table here.
    pub call: Option<Call>,
}

/// The listener of one filter.
#[derive(Debug)]
pub struct Listener {
    fd: OwnedFd,
    desk: Desk,
}

impl Listener {
    pub(crate) fn new(fd: OwnedFd) -> io::Result<Self> {
        Ok(Self {
            fd,
            desk: Desk::new()?,
        })
    }

    /// Says whether caller and supervisor shall take turns on one processor.
    ///
    /// Where each waits while the other works, that is much quicker than to wake a second processor
    /// for each call. (Linux 6.6; older ones do as they like.)
    pub fn take_turns(&self, yes: bool) {
        let flags = if yes { SYNC_WAKE_UP } else { 0 };
        // SAFETY: the request takes a number and touches no memory.
        unsafe { libc::ioctl(self.fd.as_raw_fd(), SET_FLAGS as _, flags) };
    }

    /// Takes the next call. Does not wait if [`poll`](https://man7.org/linux/man-pages/man2/poll.2.html)
    /// said that there is one.
    ///
    /// `None` when the caller was killed meanwhile, or nobody is left who could call.
    pub fn receive(&self) -> io::Result<Option<Waiting>> {
        self.desk.clear();
        let room = self.desk.0.as_ptr();
        // SAFETY: the call writes one seccomp_notif to the desk, which has room for it.
        let done =
            unsafe { libc::ioctl(self.fd.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_RECV, room) };
        match check(done.into()) {
            Ok(_) => Ok(Some(waiting(&self.desk.look()))),
            Err(error) => match error.raw_os_error() {
                Some(libc::ENOENT | libc::EINTR) => Ok(None),
                _ => Err(error),
            },
        }
    }

    /// Lets a call go on. Returns whether its thread was still there.
    pub fn resume(&self, waiting: Waiting) -> bool {
        resume(self.fd.as_raw_fd(), waiting.id)
    }

    /// Answers what lies on the desk, if anything does: for whoever inherits it.
    pub(crate) fn clean_up(&self) {
        resume(self.fd.as_raw_fd(), self.desk.look().id);
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

fn waiting(notif: &libc::seccomp_notif) -> Waiting {
    let data = &notif.data;
    let tid = i32::try_from(notif.pid).unwrap_or(0);
    let number = data.nr.cast_unsigned();
    let call = decode(data.arch, number);
    let call = call.map(|(arch, number)| Call {
        tid,
        arch,
        number,
        args: data.args,
    });
    Waiting { id: notif.id, call }
}

fn resume(fd: RawFd, id: u64) -> bool {
    let flags = libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE as u32;
    let mut answer = libc::seccomp_notif_resp {
        id,
        val: 0,
        error: 0,
        flags,
    };
    loop {
        // SAFETY: the call reads one seccomp_notif_resp.
        let done = unsafe { libc::ioctl(fd, libc::SECCOMP_IOCTL_NOTIF_SEND, &raw mut answer) };
        match check(done.into()) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            done => return done.is_ok(),
        }
    }
}
