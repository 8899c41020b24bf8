//! What programs note themselves: the files that they open for reading.
//!
//! Notes are taken up before any call is looked at, so a call that changes a file finds all noted
//! that was read before it. Between two calls nobody of the run has changed what names mean; so a
//! path that is resolved a little later still leads where it led.

use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

use roar_events::{Access, Record, State, Version};
use roar_launch::Command;
use roar_observe::Threat;
use roar_preload::{ANSWER, Facts, GATE, Noted, Notes, QUESTION};

use super::Tracer;
use crate::memory;
use crate::place::{self, Caller, Text};
use crate::state::is_hidden;
use crate::walk;

/// How long notes may lie: were this process killed, they would be lost.
const PATIENCE: Duration = Duration::from_secs(1);

/// What the loader reads; programs find the library there.
const PRELOAD: &[u8] = b"LD_PRELOAD=";

/// How many variables are looked at in an environment.
const MOST_VARIABLES: u64 = 1 << 16;

/// The ring, and the library by which programs come to it.
#[derive(Debug)]
pub(crate) struct Notebook {
    library: Vec<u8>,
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
            library: library.as_os_str().as_bytes().to_vec(),
            notes: Notes::begin().ok()?,
            handed_out: false,
            open: true,
            library_gone: false,
        })
    }

    /// Returns `command` with the library in its environment, and the gate open.
    pub(crate) fn equip(&self, command: &Command) -> Command {
        let mut command = command.clone();
        add(&mut command.env, PRELOAD, &self.library);
        command.gate = Some(GATE);
        command
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
        text.as_given() == notebook.library
    }

    /// Takes note that the name `path` is about to go, in case the library goes with it. Returns whether it is
    /// the library, which is none of the run's files.
    pub(super) fn takes_library(&mut self, path: &[u8]) -> bool {
        let Some(notebook) = &mut self.notebook else {
            return false;
        };
        let rest = notebook.library.strip_prefix(path);
        notebook.library_gone |= rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"));
        rest == Some(b"")
    }

    /// Whether what the caller executes now would not find the library.
    pub(super) fn is_without_library(&self, caller: Caller) -> bool {
        let gone = self.notebook.as_ref().is_some_and(|it| it.library_gone);
        gone || !self.places.is_common() && !place::sees_the_same(caller.tid)
    }

    /// Takes the library out of the environment at `address` of a program that would complain of it.
    ///
    /// That is the caller's memory; its next program starts without the library, too, and is seen as any.
    pub(super) fn keep_from_loading(&mut self, caller: Caller, address: u64) {
        if let Some(notebook) = &self.notebook {
            blank(caller.tid, address, &notebook.library);
        }
    }

    fn take_note(&mut self, noted: &Noted) {
        let caller = self.noted_by(noted);
        self.places.begin(caller.tid);
        let version = version_of(&noted.facts);
        let Some(path) = self.noted_path(caller, noted) else {
            return;
        };
        let own = self.notebook.as_ref().is_some_and(|it| it.library == path);
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

/// Puts spaces over `library` wherever it stands in the environment at `address` of a 64-bit thread. The
/// loader takes them for nothing.
fn blank(tid: i32, address: u64, library: &[u8]) {
    for at in (0..MOST_VARIABLES).map(|number| address.wrapping_add(8 * number)) {
        let Ok(variable) = memory::bytes::<8>(tid, at).map(u64::from_ne_bytes) else {
            return;
        };
        if variable == 0 {
            return;
        }
        let words = memory::path(tid, variable).unwrap_or_default();
        if words.starts_with(PRELOAD)
            && let Some(start) = words
                .windows(library.len())
                .position(|part| part == library)
        {
            memory::write(tid, variable + start as u64, &vec![b' '; library.len()]);
        }
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
