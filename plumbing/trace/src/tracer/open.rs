//! Calls that open files.

use libc::{
    O_ACCMODE, O_APPEND, O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_PATH, O_RDWR, O_TMPFILE,
    O_TRUNC, O_WRONLY,
};
use roar_events::{Access, Record, State};
use roar_launch::{Pause, Sys};
use roar_observe::Threat;

use super::{Name, Tracer};
use crate::memory;
use crate::place::{Caller, Found, Text};
use crate::state::is_readable;

/// `RESOLVE_IN_ROOT` of `openat2`.
const IN_ROOT: u64 = 0x10;

impl Tracer<'_> {
    pub(super) fn open(&mut self, caller: Caller, name: Name, flags: u64, pause: &mut dyn Pause) {
        let flags = flags as u32 as i32;
        if is_no_content(flags) && self.looks.is_none() {
            return;
        }
        let Some(text) = self.text(caller, name) else {
            return;
        };
        if !self.is_for_notes(caller, &text, name.address) {
            self.open_text(caller, text, flags, pause);
        }
    }

    pub(super) fn creat(&mut self, caller: Caller, name: Name, pause: &mut dyn Pause) {
        let flags = O_CREAT | O_WRONLY | O_TRUNC;
        self.open(caller, name, flags as u64, pause);
    }

    /// `openat2`: the flags stand in memory, and the base may be meant as the root.
    pub(super) fn openat2(&mut self, caller: Caller, name: Name, how: u64, pause: &mut dyn Pause) {
        let how = memory::bytes::<24>(caller.tid, how);
        let Some(how) = self.unless_fault(how) else {
            return;
        };
        let word = |at: usize| how[at..at + 8].try_into().map_or(0, u64::from_ne_bytes);
        let (flags, resolve) = (word(0), word(16));
        if resolve & IN_ROOT == 0 {
            return self.open(caller, name, flags, pause);
        }
        if is_no_content(flags as u32 as i32) && self.looks.is_none() {
            return;
        }
        let Some(path) = self.path(caller, name.address) else {
            return;
        };
        let text = self.places.text_below(caller, name.base, &path);
        if let Some(text) = self.unless_missed(text) {
            self.open_text(caller, text, flags as u32 as i32, pause);
        }
    }

    fn open_text(&mut self, caller: Caller, text: Text, flags: i32, pause: &mut dyn Pause) {
        if is_no_content(flags) {
            return self.open_nothing(text, flags);
        }
        let access = access_of(flags);
        // Where it is told what is there, that is asked before the thread can change it.
        let can_wait = self.looks.is_none() && self.places.can_wait(&text);
        if access == Access::READ && can_wait && !pause.resume() {
            return;
        }
        self.take_notes();
        let words = self.words(&text);
        let fresh = flags & O_CREAT != 0 && flags & O_EXCL != 0;
        let follow = !fresh && flags & O_NOFOLLOW == 0;
        let found = match access {
            Access::READ => self.find_to_read(caller, text, follow),
            _ => self.find(caller, text, follow),
        };
        let Some(found) = found else {
            return;
        };
        self.learned(words, flags, &found);
        if found.state == State::Symlink || (fresh && found.state != State::Missing) {
            return;
        }
        if found.state == State::Missing && access.has(Access::CREATE) {
            self.pass(caller, &found.links);
        }
        self.opened(caller.pid, access, &found);
    }

    /// Notes that a file is opened, when that will be let through.
    pub(super) fn opened(&mut self, pid: u32, access: Access, found: &Found) {
        let path = found.path.as_slice();
        if let State::File(version) = found.state {
            if access == Access::READ && !is_readable(path, version) {
                return;
            }
            if access.has(Access::TRUNCATE) {
                self.name_before(path, version, Threat::Away);
            } else if access.has(Access::WRITE) {
                self.name_before(path, version, Threat::InPlace);
            } else {
                self.name_before(path, version, Threat::Reading);
            }
        }
        self.spool.take(&Record::Open {
            pid,
            access,
            path,
            before: found.state,
        });
    }
}

/// Whether a call can change nothing: then its thread need not wait for what others have noted.
pub(super) fn only_reads(sys: Sys, args: &[u64; 6]) -> bool {
    let flags = match sys {
        Sys::Open => args[1],
        Sys::Openat => args[2],
        _ => return false,
    };
    access_of(flags as u32 as i32) == Access::READ
}

/// Returns whether opening with these flags gives no way to any content that has a name.
fn is_no_content(flags: i32) -> bool {
    let nameless = O_TMPFILE & !O_DIRECTORY;
    flags & (O_PATH | O_DIRECTORY | nameless) != 0 || flags & O_ACCMODE == O_ACCMODE
}

/// Returns how a file is used that is opened with these flags.
pub(super) fn access_of(flags: i32) -> Access {
    let mut access = match flags & O_ACCMODE {
        O_WRONLY => Access::WRITE,
        O_RDWR => Access::READ | Access::WRITE,
        _ => Access::READ,
    };
    for (flag, meaning) in [
        (O_TRUNC, Access::TRUNCATE),
        (O_CREAT, Access::CREATE),
        (O_APPEND, Access::APPEND),
    ] {
        if flags & flag != 0 {
            access |= meaning;
        }
    }
    access
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_become_access() {
        assert_eq!(access_of(libc::O_CLOEXEC), Access::READ);
        assert_eq!(
            access_of(O_RDWR | O_APPEND),
            Access::READ | Access::WRITE | Access::APPEND
        );
        let shell = Access::WRITE | Access::CREATE | Access::TRUNCATE;
        assert_eq!(access_of(O_WRONLY | O_CREAT | O_TRUNC), shell);
    }

    #[test]
    fn directories_paths_and_nameless_files_have_no_content_to_see() {
        for flags in [O_PATH, O_DIRECTORY, O_TMPFILE | O_RDWR, O_ACCMODE] {
            assert!(is_no_content(flags));
        }
        assert!(!is_no_content(O_RDWR | O_CREAT));
    }
}
