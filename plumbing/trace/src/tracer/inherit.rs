//! Files that a program has without opening them: inherited, or taken from another process.

use std::os::unix::ffi::OsStrExt;

use libc::{O_ACCMODE, O_CLOEXEC, O_RDONLY, O_WRONLY};
use roar_events::{Access, Record, State};
use roar_launch::proc_number;

use super::Tracer;
use super::open::access_of;
use crate::long::read_link;
use crate::place::{Caller, Found};
use crate::state::state_of;

/// A file that the command began with.
#[derive(Debug)]
pub(crate) struct Inherited {
    fd: i32,
    position: u64,
    path: Vec<u8>,
    before: State,
    pid: u32,
}

/// What the kernel tells of a descriptor.
struct Info {
    flags: i32,
    position: u64,
}

impl Tracer<'_> {
    /// Takes note of the files that the command begins with.
    ///
    /// Standard input is taken to be read: it was given to be read, and mapping it would not show.
    /// Others are read if their position has moved in the end; those that can be written are
    /// judged like any other.
    pub(super) fn take_inherited(&mut self, caller: Caller) {
        for fd in descriptors(caller.tid) {
            let Some(found) = regular(caller.tid, fd) else {
                continue;
            };
            let Some(info) = info(caller.tid, fd).filter(|info| info.flags & O_CLOEXEC == 0) else {
                continue;
            };
            let mode = info.flags & O_ACCMODE;
            if mode != O_WRONLY {
                let (path, pid) = (found.path.clone(), caller.pid);
                let (before, position) = (found.state, info.position);
                self.inherited.push(Inherited {
                    fd,
                    position,
                    path,
                    before,
                    pid,
                });
            }
            if mode != O_RDONLY {
                self.opened(caller.pid, Access::WRITE, &found);
            } else if fd == 0 {
                self.opened(caller.pid, Access::READ, &found);
            }
        }
    }

    /// Finds out which inherited files were read: their positions are shared with this process.
    pub(super) fn settle_inherited(&mut self) {
        for inherited in std::mem::take(&mut self.inherited) {
            let now = info(std::process::id() as i32, inherited.fd);
            if now.is_some_and(|now| now.position != inherited.position) {
                let Inherited {
                    path, before, pid, ..
                } = inherited;
                let (access, path) = (Access::READ, path.as_slice());
                self.spool.take(&Record::Open {
                    pid,
                    access,
                    path,
                    before,
                });
            }
        }
    }

    /// `pidfd_getfd`: a descriptor of another process, which may not be one of ours.
    pub(super) fn take_descriptor(&mut self, caller: Caller, pidfd: u64, fd: u64) {
        let link = format!("/proc/{}/fdinfo/{}", caller.tid, pidfd as u32 as i32);
        let owner = roar_launch::read_proc(&link)
            .ok()
            .and_then(|text| proc_number(&text, b"Pid:"));
        let Some(owner) = owner.and_then(|owner| i32::try_from(owner).ok()) else {
            return;
        };
        let fd = fd as u32 as i32;
        let (Some(info), Some(found)) = (info(owner, fd), regular(owner, fd)) else {
            return;
        };
        let access = access_of(info.flags & O_ACCMODE);
        self.opened(caller.pid, access, &found);
    }
}

/// Returns the open descriptors of a process, in order.
fn descriptors(pid: i32) -> Vec<i32> {
    let Ok(entries) = std::fs::read_dir(format!("/proc/{pid}/fd")) else {
        return Vec::new();
    };
    let number = |name: &std::ffi::OsStr| std::str::from_utf8(name.as_bytes()).ok()?.parse().ok();
    let mut fds: Vec<i32> = entries
        .flatten()
        .filter_map(|entry| number(&entry.file_name()))
        .collect();
    fds.sort_unstable();
    fds
}

/// Returns the regular file behind a descriptor, if it is one that still has its name.
fn regular(pid: i32, fd: i32) -> Option<Found> {
    let path = read_link(format!("/proc/{pid}/fd/{fd}").as_bytes()).ok()?;
    let state = if path.starts_with(b"/") {
        state_of(&path)
    } else {
        State::Other
    };
    matches!(state, State::File(_)).then_some(Found {
        path,
        state,
        links: Vec::new(),
    })
}

fn info(pid: i32, fd: i32) -> Option<Info> {
    let text = roar_launch::read_proc(&format!("/proc/{pid}/fdinfo/{fd}")).ok()?;
    let text = std::str::from_utf8(&text).ok()?;
    let value = |label: &str| {
        text.lines()
            .find_map(|line| line.strip_prefix(label))
            .map(str::trim)
    };
    Some(Info {
        flags: i32::from_str_radix(value("flags:")?, 8).ok()?,
        position: value("pos:")?.parse().ok()?,
    })
}
