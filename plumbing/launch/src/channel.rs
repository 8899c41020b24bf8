//! What the new process tells its starter before it becomes the command.
//!
//! Messages of eight bytes over a socket pair that keeps their borders. When the socket closes
//! without an error message, the command's program has been executed: the socket is close-on-exec.

use std::io;
use std::mem::{MaybeUninit, size_of};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::ptr;

use crate::sysio::{check, own};

/// How far the new process has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// All is prepared; a listener comes with it, if there is one.
    Ready,
    /// The directory could not be entered.
    Directory,
    /// The filter could not be installed.
    Filter,
    /// The program could not be executed.
    Exec,
}

const STAGES: [Stage; 4] = [Stage::Ready, Stage::Directory, Stage::Filter, Stage::Exec];

/// A message, with the error number that belongs to it.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) stage: Stage,
    pub(crate) errno: i32,
    pub(crate) listener: Option<OwnedFd>,
}

/// Makes the two ends, both close-on-exec.
pub(crate) fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut ends = [-1_i32; 2];
    let kind = libc::SOCK_SEQPACKET | libc::SOCK_CLOEXEC;
    // SAFETY: the call writes two ints to `ends`.
    check(unsafe { libc::socketpair(libc::AF_UNIX, kind, 0, ends.as_mut_ptr()) }.into())?;
    Ok((own(ends[0].into()), own(ends[1].into())))
}

/// Room for one descriptor in a control message, aligned as its header must be.
#[repr(C)]
union Control {
    header: libc::cmsghdr,
    bytes: [u8; 64],
}

const FD_SIZE: u32 = size_of::<RawFd>() as u32;

/// Sends a message. Async-signal-safe.
pub(crate) fn send(socket: RawFd, stage: Stage, errno: i32, fd: Option<RawFd>) -> io::Result<()> {
    let mut body = encode(stage, errno);
    let mut part = iovec(&mut body);
    let mut control = Control { bytes: [0; 64] };
    let mut header = header(&mut part);
    if let Some(fd) = fd {
        attach(&mut header, &mut control, fd);
    }
    // SAFETY: the header points to `part`, `body` and `control`, which outlive the call.
    check(unsafe { libc::sendmsg(socket, &raw const header, libc::MSG_NOSIGNAL) } as libc::c_long)
        .map(drop)
}

/// Receives a message; `None` when the other end is closed. `flags` are those of `recv`.
pub(crate) fn receive(socket: &OwnedFd, flags: i32) -> io::Result<Option<Message>> {
    let mut body = [0_u8; 8];
    let mut part = iovec(&mut body);
    let mut control = Control { bytes: [0; 64] };
    let mut header = header(&mut part);
    header.msg_control = (&raw mut control).cast();
    header.msg_controllen = size_of::<Control>();
    let length = loop {
        // SAFETY: the header points to `part`, `body` and `control`, which outlive the call and
        // are as long as it says.
        let length = unsafe {
            libc::recvmsg(
                socket.as_raw_fd(),
                &raw mut header,
                flags | libc::MSG_CMSG_CLOEXEC,
            )
        };
        match check(length as libc::c_long) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => break other?,
        }
    };
    Ok((length == 8).then(|| decode(body, attached(&header))))
}

fn encode(stage: Stage, errno: i32) -> [u8; 8] {
    let mut body = [0; 8];
    body[0] = stage as u8;
    body[4..].copy_from_slice(&errno.to_ne_bytes());
    body
}

fn decode(body: [u8; 8], listener: Option<OwnedFd>) -> Message {
    let stage = STAGES[usize::from(body[0]) % STAGES.len()];
    let errno = i32::from_ne_bytes([body[4], body[5], body[6], body[7]]);
    Message {
        stage,
        errno,
        listener,
    }
}

fn iovec(body: &mut [u8; 8]) -> libc::iovec {
    libc::iovec {
        iov_base: body.as_mut_ptr().cast(),
        iov_len: body.len(),
    }
}

fn header(part: &mut libc::iovec) -> libc::msghdr {
    // SAFETY: all-zero bytes are a msghdr: nothing to send, nobody to send it to.
    let mut header: libc::msghdr = unsafe { MaybeUninit::zeroed().assume_init() };
    header.msg_iov = ptr::from_mut(part);
    header.msg_iovlen = 1;
    header
}

fn attach(header: &mut libc::msghdr, control: &mut Control, fd: RawFd) {
    header.msg_control = ptr::from_mut(control).cast();
    // SAFETY: CMSG_SPACE only computes.
    header.msg_controllen = unsafe { libc::CMSG_SPACE(FD_SIZE) } as usize;
    // SAFETY: CMSG_LEN only computes.
    let length = unsafe { libc::CMSG_LEN(FD_SIZE) } as usize;
    control.header = libc::cmsghdr {
        cmsg_len: length,
        cmsg_level: libc::SOL_SOCKET,
        cmsg_type: libc::SCM_RIGHTS,
    };
    let at: *mut Control = control;
    // SAFETY: `at` is a whole control buffer that begins with a header, and the data of the first
    // header lies within its 64 bytes.
    let data = unsafe { libc::CMSG_DATA(at.cast()) };
    // SAFETY: `data` has room for four bytes, of any alignment.
    unsafe { data.cast::<RawFd>().write_unaligned(fd) };
}

/// Takes the descriptor that came with a received header, if one did.
fn attached(header: &libc::msghdr) -> Option<OwnedFd> {
    // SAFETY: the kernel filled the header and set its control length to what it wrote.
    let first = unsafe { libc::CMSG_FIRSTHDR(header) };
    if first.is_null() {
        return None;
    }
    // SAFETY: not null, so a whole control header lies there.
    let found = unsafe { first.read_unaligned() };
    if (found.cmsg_level, found.cmsg_type) != (libc::SOL_SOCKET, libc::SCM_RIGHTS) {
        return None;
    }
    // SAFETY: the data of a control header follows it.
    let data = unsafe { libc::CMSG_DATA(first) };
    // SAFETY: a message of rights holds at least one descriptor of four bytes.
    let fd = unsafe { data.cast::<RawFd>().read_unaligned() };
    Some(own(fd.into()))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests may panic")]
mod tests {
    use super::*;

    #[test]
    fn a_message_arrives_with_its_error_and_its_descriptor() {
        let (ours, theirs) = pair().unwrap();
        send(
            theirs.as_raw_fd(),
            Stage::Exec,
            libc::ENOENT,
            Some(theirs.as_raw_fd()),
        )
        .unwrap();
        let message = receive(&ours, 0).unwrap().unwrap();
        assert_eq!((message.stage, message.errno), (Stage::Exec, libc::ENOENT));
        assert_ne!(message.listener.unwrap().as_raw_fd(), theirs.as_raw_fd());
    }

    #[test]
    fn a_closed_end_is_no_message() {
        let (ours, theirs) = pair().unwrap();
        drop(theirs);
        assert!(receive(&ours, 0).unwrap().is_none());
    }
}
