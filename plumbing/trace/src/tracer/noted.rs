//! What programs note themselves: the files that they open for reading.
//!
//! Notes are taken up before any call is looked at, so a call that changes a file finds all noted
//! that was read before it. Between two calls nobody of the run has changed what names mean; so a
//! path that is resolved a little later still leads where it led.

use std::collections::HashSet;
use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

use roar_events::{Access, Record, State, Version};
use roar_launch::Command;
use roar_observe::Threat;
use roar_preload::{ANSWER, Facts, GATE, Noted, Notes, QUESTION};

use super::Tracer;
use super::environ::{self, Environ, Place};
use super::habits::Habits;
use super::program::Image;
use crate::memory;
use crate::place::{self, Caller, Text};
use crate::state::is_hidden;
use crate::walk;

/// How long notes may lie: were this process killed, they would be lost.
const PATIENCE: Duration = Duration::from_secs(1);

/// How many processes are remembered to have an environment without the library before all are forgotten.
const REMEMBERED: usize = 1 << 16;

/// The ring, and the library by which programs come to it.
#[derive(Debug)]
pub(crate) struct Notebook {
    environ: Environ,
    habits: Habits,
    /// Processes that may have an environment in which the library is painted over.
    without: HashSet<u32>,
    /// The process, and the address in its memory, of an environment in which the library is painted over for certain.
    painted: Option<(u32, u64)>,
    notes: Notes,
    /// Whether some program has the ring.
    handed_out: bool,
    /// Whether programs are given it still.
    open: bool,
    /// Whether the run has taken the library from where it lay.
    library_gone: bool,
}

impl Notebook {
    /// Begins a notebook; `None` when there is no memory for it, which costs time and nothing else.
    pub(crate) fn begin(library: &Path) -> Option<Self> {
        Some(Self {
            environ: Environ::new(library.as_os_str().as_bytes()),
            habits: Habits::default(),
            without: HashSet::new(),
            painted: None,
            notes: Notes::begin().ok()?,
            handed_out: false,
            open: true,
            library_gone: false,
        })
    }

    /// Returns `command` with the library in its environment, and the gate open.
    pub(crate) fn equip(&self, command: &Command) -> Command {
        let mut command = command.clone();
        add(&mut command.env, environ::VARIABLE, self.environ.library());
        command.gate = Some(GATE);
        command
    }

    /// Sees to it that a program finds the library, or does not.
    fn offer(&mut self, caller: Caller, parent: Option<u32>, address: u64, wanted: bool) {
        // Who was not seen before has its environment from somebody, and so may anybody's child.
        let painted = parent.is_none_or(|parent| self.without.contains(&parent))
            || self.without.contains(&caller.pid);
        if wanted && !painted {
            return;
        }
        let place = self.environ.name(caller.tid, address, wanted);
        if wanted {
            self.without.remove(&caller.pid);
        } else if place != Place::None {
            if self.without.len() >= REMEMBERED {
                // Who is forgotten goes without the library, and is seen when it calls.
                self.without.clear();
            }
            self.without.insert(caller.pid);
            self.without.extend(parent);
        }
        // A child begins with what its parent has: what was found so before anything was changed is the parent's.
        let found = !wanted && place == Place::AsWanted;
        self.painted = parent.filter(|_| found).map(|parent| (parent, address));
    }

    /// Whether the library is painted over already, in the memory of who started the caller.
    fn is_painted_over(&self, parent: Option<u32>, address: u64) -> bool {
        parent.is_some_and(|parent| self.painted == Some((parent, address)))
    }

    /// How long its owner may be left alone.
    pub(crate) fn patience(&self) -> Option<Duration> {
        self.handed_out.then_some(PATIENCE)
    }
}

/// Adds `value` to the list, separated by colons, that a variable holds.
fn add(env: &mut Vec<CString>, variable: &[u8], value: &[u8]) {
    let at = env
        .iter()
        .position(|it| it.as_bytes().starts_with(variable));
    let before = at.map(|at| env.swap_remove(at).into_bytes());
    let mut words = before.unwrap_or_else(|| variable.to_vec());
    if !words.ends_with(b"=") {
        words.push(b':');
    }
    words.extend_from_slice(value);
    env.extend(CString::new(words));
}

impl Tracer<'_> {
    /// Takes up what programs have noted since the last time.
    pub(super) fn take_notes(&mut self) {
        while let Some(noted) = self.next_note() {
            self.take_note(&noted);
        }
        if let Some(notebook) = &mut self.notebook
            && notebook.notes.is_stuck()
        {
            notebook.notes.give_up_on(is_alive);
        }
    }

    fn next_note(&mut self) -> Option<Noted> {
        self.notebook.as_mut()?.notes.take()
    }

    /// Takes up what there is at the end, and says so if some of it cannot be understood.
    pub(super) fn take_last_notes(&mut self) {
        self.take_notes();
        self.end_notes();
        if self
            .notebook
            .as_ref()
            .is_some_and(|it| it.notes.nonsense() > 0)
        {
            self.miss("what a program noted of the files that it opened was damaged");
        }
    }

    /// From now on no program notes anything: each is seen when it calls.
    pub(super) fn end_notes(&mut self) {
        if let Some(notebook) = &mut self.notebook {
            notebook.open = false;
            notebook.notes.close();
        }
    }

    /// Whether a file is opened for the notes' sake: then it is none of the run's doing.
    pub(super) fn is_for_notes(&mut self, caller: Caller, text: &Text, address: u64) -> bool {
        let Some(notebook) = &mut self.notebook else {
            return false;
        };
        if text.as_given() == QUESTION {
            hand_out(notebook, caller, address);
            return true;
        }
        text.as_given() == notebook.environ.library()
    }

    /// Takes note that the name `path` is about to go, in case the library goes with it. Returns whether it is
    /// the library, which is none of the run's files.
    pub(super) fn takes_library(&mut self, path: &[u8]) -> bool {
        let Some(notebook) = &mut self.notebook else {
            return false;
        };
        let rest = notebook.environ.library().strip_prefix(path);
        notebook.library_gone |= rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"));
        rest == Some(b"")
    }

    /// Gives the library to a program that is about to be executed with the environment at `address`, or keeps
    /// it from it: where it would complain, or not be worth what it costs.
    pub(super) fn offer_library(&mut self, caller: Caller, image: Image, address: u64) {
        let parent = self.processes.parent_of(caller.pid);
        let finds_it = self.places.is_common() || place::sees_the_same(caller.tid);
        if let Some(notebook) = &mut self.notebook {
            let can = notebook.open && finds_it && !notebook.library_gone && !image.alone;
            let wanted = can && notebook.habits.begin(caller.pid, image.file);
            if wanted || !can || !notebook.is_painted_over(parent, address) {
                notebook.offer(caller, parent, address, wanted);
            }
        }
    }

    fn take_note(&mut self, noted: &Noted) {
        let caller = self.noted_by(noted);
        if let Some(notebook) = &mut self.notebook {
            notebook.habits.noted(caller.pid);
        }
        self.places.begin(caller.tid);
        let version = version_of(&noted.facts);
        let path = self.noted_path(caller, noted);
        self.tell_ways(caller);
        let Some(path) = path else {
            return;
        };
        let own = self
            .notebook
            .as_ref()
            .is_some_and(|it| it.environ.library() == path);
        if own || is_hidden(&path) {
            return;
        }
        self.name_before(&path, version, Threat::Reading);
        self.spool.take(&Record::Open {
            pid: caller.pid,
            access: Access::READ,
            path: &path,
            before: State::File(version),
        });
    }

    fn noted_path(&mut self, caller: Caller, noted: &Noted) -> Option<Vec<u8>> {
        if noted.facts.linked {
            let path = self
                .places
                .of_file(caller, noted.path(), version_of(&noted.facts));
            self.unless_missed(path)
        } else {
            Some(walk::clean(noted.path()))
        }
    }

    fn noted_by(&mut self, noted: &Noted) -> Caller {
        let tid = noted.pid.cast_signed();
        if noted.facts.parent != 0 && !self.processes.knows(tid) {
            self.note_birth(tid, noted.facts.parent.cast_signed());
        }
        Caller {
            tid,
            pid: self.process_of(tid),
        }
    }
}

/// Tells a program where the ring is, if it sees names as this process does.
fn hand_out(notebook: &mut Notebook, caller: Caller, address: u64) {
    let mut answer = notebook.notes.path().into_bytes();
    answer.push(0);
    if notebook.open && answer.len() <= ANSWER && place::sees_the_same(caller.tid) {
        notebook.handed_out |= memory::write(caller.tid, address, &answer);
    }
}

fn version_of(facts: &Facts) -> Version {
    Version {
        dev: facts.dev,
        ino: facts.ino,
        size: facts.size,
        mtime_ns: facts.mtime_ns,
        ctime_ns: facts.ctime_ns,
        mode: facts.mode,
    }
}

/// Whether a process runs still, as `/proc` tells; one that only waits to be reaped does not.
fn is_alive(pid: u32) -> bool {
    let stat = roar_launch::read_proc(&format!("/proc/{pid}/stat")).unwrap_or_default();
    // The state stands behind the name, which is in parentheses and may hold any.
    let state = stat.iter().rposition(|byte| *byte == b')');
    let state = state.and_then(|end| stat.get(end + 2));
    !matches!(state, None | Some(b'Z' | b'X'))
}
