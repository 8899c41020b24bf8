//! Which process a thread belongs to, and who started it.

use std::collections::HashMap;

use roar_events::Record;
use roar_launch::{Kin, Kinship};

use super::Tracer;

/// The threads seen so far.
#[derive(Debug, Default)]
pub(crate) struct Processes {
    of: HashMap<i32, u32>,
    parents: HashMap<u32, u32>,
    kinship: Kinship,
}

impl Processes {
    /// Asks for the kin of a thread. One that is gone is taken for a process of its own.
    fn ask(&mut self, tid: i32) -> Kin {
        let alone = Kin {
            process: tid as u32,
            parent: 0,
        };
        self.kinship.of(tid).unwrap_or(alone)
    }

    /// Whether a thread was seen.
    pub(super) fn knows(&self, tid: i32) -> bool {
        self.of.contains_key(&tid)
    }

    /// Returns who started a process, if that was seen.
    pub(super) fn parent_of(&self, pid: u32) -> Option<u32> {
        self.parents.get(&pid).copied()
    }

    /// Forgets a process that ended: its number may come again.
    pub(crate) fn forget(&mut self, pid: i32) {
        self.of.retain(|_, process| *process != pid as u32);
        self.parents.remove(&(pid as u32));
    }
}

impl Tracer<'_> {
    /// Returns the process that thread `tid` belongs to.
    pub(super) fn process_of(&mut self, tid: i32) -> u32 {
        if let Some(pid) = self.processes.of.get(&tid) {
            return *pid;
        }
        let Kin {
            process: pid,
            parent,
        } = self.processes.ask(tid);
        self.processes.of.insert(tid, pid);
        if pid == tid as u32 || !self.processes.of.contains_key(&(pid as i32)) {
            self.processes.of.insert(pid as i32, pid);
            self.processes.parents.insert(pid, parent);
            self.spool.take(&Record::Process {
                pid,
                parent,
                program: b"",
            });
        }
        pid
    }

    pub(super) fn note_birth(&mut self, pid: i32, parent: i32) {
        self.processes.of.insert(pid, pid as u32);
        let (pid, parent) = (pid as u32, parent as u32);
        self.processes.parents.insert(pid, parent);
        self.spool.take(&Record::Process {
            pid,
            parent,
            program: b"",
        });
    }
}
