//! The tree of processes.

use std::collections::HashMap;

/// One process of the run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessSeen {
    /// Its id (thread group).
    pub pid: u32,
    /// Who started it; 0 when not known.
    pub parent: u32,
    /// The files it executed, in order; none when it only ever ran its parent's program.
    pub programs: Vec<Vec<u8>>,
}

/// The processes seen so far, in order of first sight.
#[derive(Clone, Debug, Default)]
pub(crate) struct Processes {
    seen: Vec<ProcessSeen>,
    index: HashMap<u32, usize>,
}

impl Processes {
    /// Takes note of a process; returns whether there was anything new.
    pub(crate) fn note(&mut self, pid: u32, parent: u32, program: &[u8]) -> bool {
        let fresh = !self.index.contains_key(&pid);
        let at = *self.index.entry(pid).or_insert(self.seen.len());
        if fresh {
            self.seen.push(ProcessSeen {
                pid,
                parent,
                programs: Vec::new(),
            });
        }
        let process = &mut self.seen[at];
        if process.parent == 0 {
            process.parent = parent;
        }
        if !program.is_empty() {
            process.programs.push(program.to_vec());
        }
        fresh || !program.is_empty()
    }

    pub(crate) fn list(&self) -> Vec<ProcessSeen> {
        self.seen.clone()
    }
}
