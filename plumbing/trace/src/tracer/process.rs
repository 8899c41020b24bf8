//! Which process a thread belongs to, and who started it.

use std::collections::HashMap;

use roar_events::Record;

use super::Tracer;

/// The threads seen so far.
#[derive(Debug, Default)]
pub(crate) struct Processes {
    of: HashMap<i32, u32>,
}

impl Processes {
    /// Whether a thread was seen.
    pub(super) fn knows(&self, tid: i32) -> bool {
        self.of.contains_key(&tid)
    }

    /// Forgets a process that ended: its number may come again.
    pub(crate) fn forget(&mut self, pid: i32) {
        self.of.retain(|_, process| *process != pid as u32);
    }
}

impl Tracer<'_> {
    /// Returns the process that thread `tid` belongs to.
    pub(super) fn process_of(&mut self, tid: i32) -> u32 {
        if let Some(pid) = self.processes.of.get(&tid) {
            return *pid;
        }
        let (pid, parent) = status(tid).unwrap_or((tid as u32, 0));
        self.processes.of.insert(tid, pid);
        if pid == tid as u32 || !self.processes.of.contains_key(&(pid as i32)) {
            self.processes.of.insert(pid as i32, pid);
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
        self.spool.take(&Record::Process {
            pid,
            parent,
            program: b"",
        });
    }
}

/// Returns the process of a thread and that process's parent, as `/proc` tells.
fn status(tid: i32) -> Option<(u32, u32)> {
    let status = roar_launch::read_proc(&format!("/proc/{tid}/status")).ok()?;
    Some((field(&status, b"Tgid:")?, field(&status, b"PPid:")?))
}

/// Returns the number after `label` at the beginning of a line.
pub(super) fn field(text: &[u8], label: &[u8]) -> Option<u32> {
    let line = text
        .split(|byte| *byte == b'\n')
        .find_map(|line| line.strip_prefix(label))?;
    std::str::from_utf8(line).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_of_this_thread_is_this_process() {
        let tid = nix::unistd::gettid().as_raw();
        let parent = nix::unistd::getppid().as_raw() as u32;
        assert_eq!(status(tid), Some((std::process::id(), parent)));
    }

    #[test]
    fn a_field_is_found_at_the_beginning_of_a_line_only() {
        assert_eq!(field(b"Name:\tPPid: 3\nPPid:\t12\n", b"PPid:"), Some(12));
        assert_eq!(field(b"Name:\tx\n", b"PPid:"), None);
    }
}
