//! Whose a thread is: the process that it belongs to, and that process's parent.
//!
//! Every process that a command starts is asked about once. A descriptor of the process (`pidfd_open(2)`
//! and `PIDFD_GET_INFO` of `linux/pidfd.h`, Linux 6.13) tells it in a third of the time that
//! `/proc/TID/status` takes, where the kernel first has to make files that it unmakes when the process
//! ends, and to write down what nobody reads.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use crate::sysio::{self, check, read_proc};

/// The process of a thread, and who started it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kin {
    /// The process (thread group).
    pub process: u32,
    /// Its parent; 0 when that cannot be seen from here.
    pub parent: u32,
}

/// Tells the kin of threads, and remembers which way of asking works here.
#[derive(Debug)]
pub struct Kinship {
    by_descriptor: bool,
}

impl Default for Kinship {
    fn default() -> Self {
        Self {
            by_descriptor: true,
        }
    }
}

impl Kinship {
    /// Returns the kin of thread `tid`; `None` when it is gone.
    pub fn of(&mut self, tid: i32) -> Option<Kin> {
        if self.by_descriptor {
            match by_descriptor(tid) {
                Ok(kin) => return Some(kin),
                Err(error) if error.raw_os_error() == Some(libc::ESRCH) => return None,
                // An older kernel, or a container that refuses this.
                Err(_) => self.by_descriptor = false,
            }
        }
        by_file(tid)
    }
}

fn by_descriptor(tid: i32) -> io::Result<Kin> {
    let thread = open(tid)?;
    // SAFETY: all fields are plain numbers, for which zero is a value.
    let mut info = unsafe { std::mem::zeroed::<libc::pidfd_info>() };
    info.mask = libc::PIDFD_INFO_PID.into();
    let request = libc::PIDFD_GET_INFO as _;
    // SAFETY: the call writes at most one pidfd_info, whose size is part of the request.
    let done = unsafe { libc::ioctl(thread.as_raw_fd(), request, &raw mut info) };
    check(done.into())?;
    Ok(Kin {
        process: info.tgid,
        parent: info.ppid,
    })
}

/// Opens a descriptor of a thread, the first of its process or not.
fn open(tid: i32) -> io::Result<OwnedFd> {
    // SAFETY: the call takes two numbers and makes a new descriptor.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, tid, libc::PIDFD_THREAD) };
    check(fd).map(sysio::own)
}

fn by_file(tid: i32) -> Option<Kin> {
    let status = read_proc(&format!("/proc/{tid}/status")).ok()?;
    Some(Kin {
        process: proc_number(&status, b"Tgid:")?,
        parent: proc_number(&status, b"PPid:")?,
    })
}

/// Returns the number after `label` at the beginning of a line in a file of `/proc`.
pub fn proc_number(text: &[u8], label: &[u8]) -> Option<u32> {
    let mut lines = text.split(|byte| *byte == b'\n');
    let number = lines.find_map(|line| line.strip_prefix(label))?;
    std::str::from_utf8(number).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn here() -> (i32, Kin) {
        let kin = Kin {
            process: std::process::id(),
            parent: nix::unistd::getppid().as_raw().cast_unsigned(),
        };
        (nix::unistd::gettid().as_raw(), kin)
    }

    #[test]
    fn every_thread_belongs_to_its_process() {
        let second = std::thread::spawn(|| {
            let (tid, kin) = here();
            assert_ne!(tid.cast_unsigned(), kin.process);
            assert_eq!(Kinship::default().of(tid), Some(kin));
        });
        assert!(second.join().is_ok());
    }

    #[test]
    fn both_ways_of_asking_tell_the_same() {
        let (tid, kin) = here();
        assert_eq!(by_file(tid), Some(kin));
        if let Ok(answer) = by_descriptor(tid) {
            assert_eq!(answer, kin);
        }
    }

    #[test]
    fn who_is_gone_has_no_kin() {
        // Above the highest number that Linux gives.
        let mut kinship = Kinship::default();
        assert_eq!(kinship.of(i32::MAX), None);
        kinship.by_descriptor = false;
        assert_eq!(kinship.of(i32::MAX), None);
    }

    #[test]
    fn a_number_is_found_at_the_beginning_of_a_line_only() {
        let status = b"Name:\tPPid: 3\nPPid:\t12\n";
        assert_eq!(proc_number(status, b"PPid:"), Some(12));
        assert_eq!(proc_number(b"Name:\tx\n", b"PPid:"), None);
    }
}
