//! Whose a thread is: the process that it belongs to, and that process's parent.
//!
//! Every process that a command starts is asked about once. A descriptor of the process (`pidfd_open(2)`
//! and `PIDFD_GET_INFO` of `linux/pidfd.h`, Linux 6.13) tells it in a third of the time that
//! `/proc/TID/status` takes, where the kernel first has to make files that it unmakes when the process
//! ends, and to write down what nobody reads.
//!
//! Who has started one process may soon start the next, as shells and `make` do. So the list of its children
//! (`/proc/TID/task/TID/children`) is kept open, and read first: nothing has to be made for that at all.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::FileExt;

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
    /// Who started the process that was asked about last.
    parent: u32,
    family: Option<Family>,
    /// Whose list did not have a child: one with several threads, or with very many children.
    unlisted: u32,
}

/// A thread that has started several processes.
#[derive(Debug)]
struct Family {
    parent: u32,
    children: File,
}

/// How much of a list of children is read, in bytes: who has more is not worth the time.
const CHILDREN: usize = 512;

impl Default for Kinship {
    fn default() -> Self {
        Self {
            by_descriptor: true,
            parent: 0,
            family: None,
            unlisted: 0,
        }
    }
}

impl Kinship {
    /// Returns the kin of thread `tid`; `None` when it is gone.
    pub fn of(&mut self, tid: i32) -> Option<Kin> {
        if let Some(family) = &self.family
            && family.has(tid)
        {
            return Some(Kin {
                process: tid.cast_unsigned(),
                parent: family.parent,
            });
        }
        let kin = self.ask(tid)?;
        self.remember(kin.parent);
        Some(kin)
    }

    fn ask(&mut self, tid: i32) -> Option<Kin> {
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

    /// Keeps the family of whoever has started two processes one after the other.
    fn remember(&mut self, parent: u32) {
        let family = self.family.take();
        if family.is_some_and(|family| family.parent == parent) {
            self.unlisted = parent;
        }
        if parent == self.parent && parent != self.unlisted {
            self.family = Family::of(parent);
        }
        self.parent = parent;
    }
}

impl Family {
    /// Opens the list of a process's children; `None` where the kernel keeps none.
    fn of(parent: u32) -> Option<Self> {
        let children = File::open(format!("/proc/{parent}/task/{parent}/children")).ok()?;
        Some(Self { parent, children })
    }

    /// Whether a process is a child of this family's.
    fn has(&self, pid: i32) -> bool {
        let mut list = [0; CHILDREN];
        let read = self.children.read_at(&mut list, 0).unwrap_or(0);
        let list = &list[..read];
        // Where it was cut off, the last number may be, too.
        let whole = if read < CHILDREN {
            list
        } else {
            let end = list.iter().rposition(|byte| *byte == b' ');
            &list[..end.unwrap_or(0)]
        };
        let mut numbers = whole.split(|byte| *byte == b' ');
        let sought = pid.to_string();
        numbers.any(|number| number == sought.as_bytes())
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

    /// Children that do nothing until they are killed.
    struct Children(Vec<std::process::Child>);

    impl Children {
        fn start(count: usize) -> Self {
            let start = |_| std::process::Command::new("sleep").arg("1000").spawn().ok();
            Self((0..count).filter_map(start).collect())
        }

        fn pids(&self) -> Vec<i32> {
            self.0.iter().map(|it| it.id().cast_signed()).collect()
        }
    }

    impl Drop for Children {
        fn drop(&mut self) {
            for child in &mut self.0 {
                let _ = child.kill();
                let _ = child.wait();
            }
        }
    }

    #[test]
    fn a_thread_has_the_children_that_it_started_and_no_others() -> io::Result<()> {
        let children = Children::start(200);
        let (tid, Kin { process, .. }) = here();
        let list = format!("/proc/{process}/task/{tid}/children");
        let Ok(list) = File::open(list) else {
            // A kernel that keeps none.
            return Ok(());
        };
        let family = Family {
            parent: process,
            children: list,
        };
        let pids = children.pids();
        assert_eq!(pids.len(), 200);
        // Each number takes several bytes, so they do not all fit.
        assert!(family.has(pids[0]));
        assert!(!family.has(pids[199]));
        assert!(!family.has(tid) && !family.has(1));
        let first = pids[0].to_string();
        let part = first[..first.len() - 1].parse().unwrap_or(0);
        assert!(!family.has(part), "{part} is part of {first}");
        drop(children);
        assert!(!family.has(pids[0]));
        Ok(())
    }

    #[test]
    fn kin_are_told_alike_however_many_are_asked_for() {
        let children = Children::start(8);
        let mut kinship = Kinship::default();
        let parent = std::process::id();
        for pid in children.pids().into_iter().chain(children.pids()) {
            let process = pid.cast_unsigned();
            assert_eq!(kinship.of(pid), Some(Kin { process, parent }));
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
