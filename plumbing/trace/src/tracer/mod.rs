//! The one handler for all event sources: from calls to records.
//!
//! Each call is understood from its arguments and from what the files it names are at that moment.
//! Whether it will succeed is guessed; the fold corrects wrong guesses by what it is told later.
//! Calls that can only read are let go before the file is looked at. Calls that can change
//! something wait until what must be named has been named.

mod environ;
mod exec;
mod habits;
mod inherit;
mod look;
mod names;
mod noted;
mod open;
mod process;
mod program;

use std::collections::BTreeMap;
use std::time::Duration;

use roar_events::{Digest, Record, State, Version};
use roar_launch::{Call, Handler, Pause, Sys, meaning};
use roar_observe::Threat;

use crate::Namer;
use crate::long;
use crate::looks::Gathered;
use crate::memory::{self, Fault};
use crate::place::{CWD, Caller, Found, Link, Missed, Places, Text};
use crate::spool::Spool;
use crate::state::{as_path, is_writable};

use inherit::Inherited;
use look::How;
pub(crate) use noted::Notebook;
use process::Processes;
use program::Programs;

/// Watches one run.
pub(crate) struct Tracer<'a> {
    pub(crate) spool: Spool<'a>,
    namer: &'a mut dyn Namer,
    places: Places,
    processes: Processes,
    inherited: Vec<Inherited>,
    programs: Programs,
    /// Where the run looks, if that is of interest.
    pub(crate) looks: Option<Gathered>,
    /// What programs note themselves, if they are given the means.
    notebook: Option<Notebook>,
    /// Whether the command was seen to execute.
    pub(crate) started: bool,
    /// How often something was not seen, by reason.
    pub(crate) missed: BTreeMap<&'static str, u64>,
}

/// A path as a call gives it.
#[derive(Clone, Copy, Debug)]
struct Name {
    base: i32,
    address: u64,
    /// Whether an empty path means the descriptor itself.
    empty: bool,
}

impl Name {
    fn at(base: u64, address: u64) -> Self {
        // Descriptors are C ints: the upper half of the register is noise.
        Self {
            base: base as u32 as i32,
            address,
            empty: false,
        }
    }

    fn here(address: u64) -> Self {
        Self {
            base: CWD,
            address,
            empty: false,
        }
    }

    fn or_empty(self, empty: bool) -> Self {
        Self { empty, ..self }
    }
}

impl<'a> Tracer<'a> {
    pub(crate) fn new(
        namer: &'a mut dyn Namer,
        sink: &'a mut dyn crate::Sink,
        looks: bool,
        notebook: Option<Notebook>,
    ) -> Self {
        Self {
            spool: Spool::new(sink),
            namer,
            places: Places::default(),
            processes: Processes::default(),
            inherited: Vec::new(),
            programs: Programs::default(),
            looks: looks.then(Gathered::default),
            notebook,
            started: false,
            missed: BTreeMap::new(),
        }
    }

    /// Ends the run: what was inherited is looked at again, and all is written out.
    pub(crate) fn finish(&mut self) {
        self.take_last_notes();
        self.settle_inherited();
        self.spool.flush();
    }

    fn understand(&mut self, caller: Caller, call: &Call, sys: Sys, pause: &mut dyn Pause) {
        let a = call.args;
        match sys {
            Sys::Open => self.open(caller, Name::here(a[0]), a[1], pause),
            Sys::Openat => self.open(caller, Name::at(a[0], a[1]), a[2], pause),
            Sys::Openat2 => self.openat2(caller, Name::at(a[0], a[1]), a[2], pause),
            Sys::Creat => self.creat(caller, Name::here(a[0]), pause),
            Sys::Execve => self.exec(caller, Name::here(a[0]), a[2], 0, pause),
            Sys::Execveat => self.exec(caller, Name::at(a[0], a[1]), a[3], a[4], pause),
            Sys::Rename => self.rename(caller, Name::here(a[0]), Name::here(a[1]), 0),
            Sys::Renameat => self.rename(caller, Name::at(a[0], a[1]), Name::at(a[2], a[3]), 0),
            Sys::Renameat2 => {
                self.rename(caller, Name::at(a[0], a[1]), Name::at(a[2], a[3]), a[4]);
            }
            Sys::Link => self.link(caller, Name::here(a[0]), Name::here(a[1]), 0),
            Sys::Linkat => self.link(caller, Name::at(a[0], a[1]), Name::at(a[2], a[3]), a[4]),
            Sys::Symlink => self.symlink(caller, Name::here(a[1])),
            Sys::Symlinkat => self.symlink(caller, Name::at(a[1], a[2])),
            Sys::Unlink => self.unlink(caller, Name::here(a[0]), 0),
            Sys::Unlinkat => self.unlink(caller, Name::at(a[0], a[1]), a[2]),
            Sys::Truncate => self.truncate(caller, Name::here(a[0]), a[1]),
            Sys::Truncate64 => {
                let length = (a[2] << 32) | (a[1] & 0xffff_ffff);
                self.truncate(caller, Name::here(a[0]), length);
            }
            Sys::Utime => self.set_times(caller, Name::here(a[0]), 0),
            Sys::Futimesat => self.set_times(caller, Name::at(a[0], a[1]), 0),
            Sys::Utimensat => self.set_times(caller, Name::at(a[0], a[1]), a[3]),
            Sys::OpenByHandleAt => self.miss("a file was opened by a handle, not by a name"),
            Sys::IoUringSetup => {
                self.miss("a program used io_uring, whose file accesses are not seen");
            }
            Sys::Chdir => self.chdir(caller, Name::here(a[0])),
            Sys::PidfdGetfd => self.take_descriptor(caller, a[0], a[1]),
            Sys::Chroot
            | Sys::PivotRoot
            | Sys::Unshare
            | Sys::Setns
            | Sys::Mount
            | Sys::MoveMount
            | Sys::Umount => self.part(caller),
            // The other operations of `seccomp` only ask.
            Sys::Seccomp if a[0] > u64::from(libc::SECCOMP_SET_MODE_FILTER) => {}
            Sys::Seccomp | Sys::Prctl => self.end_notes(),
            _ => self.understand_look(caller, a, sys),
        }
    }

    /// Takes note that some thread's root or mounts will not be those of this process any more. Who has
    /// its own view of names cannot note names.
    fn part(&mut self, caller: Caller) {
        self.places.parts(caller.tid);
        self.end_notes();
    }

    /// Understands a call that is told only where it is of interest where a run looks.
    fn understand_look(&mut self, caller: Caller, a: [u64; 6], sys: Sys) {
        let (here, at) = (Name::here(a[0]), Name::at(a[0], a[1]));
        match sys {
            Sys::Stat => self.look(caller, here, How::ALL),
            Sys::Lstat => self.look(caller, here, How::ALL.itself()),
            Sys::Fstatat => self.look(caller, at, How::ALL.with(a[3])),
            Sys::Statx => self.look(caller, at, How::ALL.with(a[2])),
            Sys::Access => self.look(caller, here, How::IS_THERE),
            Sys::Faccessat => self.look(caller, at, How::IS_THERE),
            Sys::Faccessat2 => self.look(caller, at, How::IS_THERE.with(a[3])),
            Sys::Readlink => self.look(caller, here, How::IS_THERE.itself()),
            Sys::Readlinkat => self.look(caller, at, How::IS_THERE.itself()),
            Sys::Mkdir | Sys::Mknod => self.make(caller, here),
            Sys::Mkdirat | Sys::Mknodat => self.make(caller, at),
            Sys::Rmdir => self.rmdir(caller, here),
            _ => {}
        }
    }

    /// Reads the path of a call while its thread waits; `None` when it names nothing.
    fn text(&mut self, caller: Caller, name: Name) -> Option<Text> {
        let path = self.path(caller, name.address)?;
        let text = if !path.is_empty() {
            self.places.text(caller, name.base, path)
        } else if name.empty {
            self.places.text_of_fd(caller, name.base)
        } else {
            Err(Missed::Nothing)
        };
        self.unless_missed(text)
    }

    fn path(&mut self, caller: Caller, address: u64) -> Option<Vec<u8>> {
        let path = memory::path(caller.tid, address);
        self.unless_fault(path)
    }

    fn unless_fault<T>(&mut self, result: Result<T, Fault>) -> Option<T> {
        if matches!(result, Err(Fault::Denied)) {
            self.miss("the memory of a process could not be read");
        }
        result.ok()
    }

    /// Finds the file of a path, and notes the links that it led through.
    fn find(&mut self, caller: Caller, text: Text, follow: bool) -> Option<Found> {
        let words = self.words(&text);
        let found = self.places.find(text, follow);
        self.settle(caller, words, found)
    }

    /// Finds a file that is only read: what it was a moment ago will do.
    fn find_to_read(&mut self, caller: Caller, text: Text, follow: bool) -> Option<Found> {
        if self.looks.is_some() {
            return self.find(caller, text, follow);
        }
        let fold = &self.spool.fold;
        let may_change = |path: &[u8]| fold.has_changed(path);
        let found = self.places.find_to_read(text, follow, &may_change);
        self.settle(caller, None, found)
    }

    fn settle(
        &mut self,
        caller: Caller,
        words: Option<Vec<u8>>,
        found: Result<Found, Missed>,
    ) -> Option<Found> {
        // What the way led through was read before what the call does.
        self.tell_ways(caller);
        match &found {
            Ok(found) => self.came(words, Ok(found)),
            missed => self.asked(words, How::IS_THERE, missed.as_ref()),
        }
        let found = self.unless_missed(found)?;
        if found.state != State::Missing {
            self.pass(caller, &found.links);
        }
        Some(found)
    }

    /// Notes the links on the ways to directories that were gone for the first time.
    fn tell_ways(&mut self, caller: Caller) {
        let links = self.places.take_passed();
        self.pass(caller, &links);
    }

    fn pass(&mut self, caller: Caller, links: &[Link]) {
        for Link { path, target } in links {
            self.spool.take(&Record::Open {
                pid: caller.pid,
                access: roar_events::Access::READ,
                path,
                before: State::Symlink,
            });
            self.spool.take(&Record::Target { path, target });
        }
    }

    fn find_name(&mut self, caller: Caller, name: Name, follow: bool) -> Option<Found> {
        let text = self.text(caller, name)?;
        let words = self.words(&text);
        let found = self.find(caller, text, follow)?;
        self.asked(words, How::IS_THERE.following(follow), Ok(&found));
        Some(found)
    }

    fn unless_missed<T>(&mut self, result: Result<T, Missed>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(Missed::Nothing) => None,
            Err(Missed::Lost(why)) => {
                self.miss(why);
                None
            }
        }
    }

    /// Notes that something was not seen.
    pub(crate) fn miss(&mut self, why: &'static str) {
        *self.missed.entry(why).or_default() += 1;
        self.spool.take(&Record::Gap {
            why: why.as_bytes(),
        });
    }

    /// Names the content of a file before it is lost, if that will be needed.
    fn name_before(&mut self, path: &[u8], version: Version, threat: Threat) {
        if !self.spool.fold.must_name(path, version, threat) {
            return;
        }
        if threat == Threat::InPlace && !is_writable(path) {
            return;
        }
        let reach = long::reach(path);
        let way = reach.as_ref().map_or(path, |reach| &reach.path);
        match self.namer.name(as_path(way)) {
            Some((digest, named)) if named.same_content(&version) => {
                self.named(path, named, digest);
            }
            _ => self.miss("a file's content could not be named before it was changed"),
        }
    }

    fn named(&mut self, path: &[u8], version: Version, digest: Digest) {
        self.spool.take(&Record::Named {
            path,
            version,
            digest,
        });
    }

    /// Names what is lost when a name loses what it has.
    fn name_before_loss(&mut self, path: &[u8], state: State) {
        if let State::File(version) = state {
            self.name_before(path, version, Threat::Away);
        }
    }
}

impl Handler for Tracer<'_> {
    fn call(&mut self, call: &Call, pause: &mut dyn Pause) {
        let Some(sys) = meaning(call.arch, call.number) else {
            return;
        };
        let caller = Caller {
            tid: call.tid,
            pid: self.process_of(call.tid),
        };
        if !open::only_reads(sys, &call.args) {
            // What was noted before this call may be changed by it.
            self.take_notes();
        }
        self.places.begin(call.tid);
        self.understand(caller, call, sys, pause);
        self.tell_ways(caller);
    }

    fn born(&mut self, pid: i32, parent: i32) {
        self.note_birth(pid, parent);
    }

    fn died(&mut self, pid: i32, _status: i32) {
        self.processes.forget(pid);
    }

    fn idle(&mut self) {
        self.take_notes();
        self.spool.flush();
    }

    fn patience(&self) -> Option<Duration> {
        self.notebook.as_ref()?.patience()
    }
}
