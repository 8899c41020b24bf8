//! Which threads are traced, and whose they are.

use std::collections::{BTreeMap, BTreeSet};

use roar_launch::Kinship;

use crate::request;

/// The traced threads, by thread id, with the process (thread group) of each.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    process_of: BTreeMap<i32, i32>,
    /// Threads that are in a group-stop and listen for its end.
    listening: BTreeSet<i32>,
    /// Threads that told of themselves before their makers did. They may have ended by the time
    /// their makers do, and must not come back to life then.
    early: BTreeSet<i32>,
}

impl Tree {
    /// Adds a thread; the first of its process when both ids are the same.
    pub(crate) fn add(&mut self, tid: i32, process: i32) {
        self.process_of.insert(tid, process);
    }

    /// Adds a thread that tells of itself. Returns its process when it is new, and the first there.
    pub(crate) fn add_early(&mut self, tid: i32) -> Option<i32> {
        if self.knows(tid) {
            return None;
        }
        self.early.insert(tid);
        self.add_new(tid)
    }

    /// Adds a thread that its maker tells of. Returns its process when it is new, and the first
    /// there.
    pub(crate) fn add_made(&mut self, tid: i32) -> Option<i32> {
        if self.early.remove(&tid) || self.knows(tid) {
            return None;
        }
        self.add_new(tid)
    }

    fn add_new(&mut self, tid: i32) -> Option<i32> {
        let process = ask_process_of(tid);
        self.add(tid, process);
        (tid == process).then_some(process)
    }

    /// Takes note of the end of a thread that nobody has told of yet.
    pub(crate) fn ended_early(&mut self, tid: i32) {
        self.early.insert(tid);
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    pub(crate) fn remove(&mut self, tid: i32) {
        self.process_of.remove(&tid);
        self.listening.remove(&tid);
    }

    pub(crate) fn knows(&self, tid: i32) -> bool {
        self.process_of.contains_key(&tid)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.process_of.is_empty()
    }

    /// Returns the process of a thread, asking the system about one that is not known yet.
    pub(crate) fn process_of(&self, tid: i32) -> i32 {
        self.process_of
            .get(&tid)
            .copied()
            .unwrap_or_else(|| ask_process_of(tid))
    }

    /// Takes note that the thread which was `former` has become `process` by executing a program:
    /// the kernel ends all other threads of the process and gives it the id of the first.
    pub(crate) fn executed(&mut self, former: i32, process: i32) {
        self.remove(former);
        self.add(process, process);
    }

    pub(crate) fn set_listening(&mut self, tid: i32, listening: bool) {
        if listening {
            self.listening.insert(tid);
        } else {
            self.listening.remove(&tid);
        }
    }

    pub(crate) fn listening(&self) -> impl Iterator<Item = i32> {
        self.listening.iter().copied()
    }

    pub(crate) fn threads(&self) -> impl Iterator<Item = i32> {
        self.process_of.keys().copied()
    }

    pub(crate) fn processes(&self) -> BTreeSet<i32> {
        self.process_of.values().copied().collect()
    }

    /// The processes that are stopped, by one of their threads.
    pub(crate) fn stopped_processes(&self) -> BTreeSet<i32> {
        self.listening
            .iter()
            .map(|tid| self.process_of(*tid))
            .collect()
    }
}

/// Asks for the thread group of a thread; the thread itself when it is gone.
///
/// Most are the first of their group, and that is asked quickly.
fn ask_process_of(tid: i32) -> i32 {
    if request::is_first(tid) {
        return tid;
    }
    Kinship::default()
        .of(tid)
        .map_or(tid, |kin| kin.process.cast_signed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_executes_becomes_the_first_of_its_process() {
        let mut tree = Tree::default();
        tree.add(10, 10);
        tree.add(11, 10);
        tree.executed(11, 10);
        assert_eq!(tree.threads().collect::<Vec<_>>(), [10]);
    }

    #[test]
    fn a_thread_that_ended_before_its_maker_told_of_it_stays_ended() {
        let mut tree = Tree::default();
        let own = std::process::id().cast_signed();
        assert_eq!(tree.add_early(own), Some(own));
        tree.remove(own);
        assert_eq!(tree.add_made(own), None);
        assert!(tree.is_empty());
        assert_eq!(tree.add_made(own), Some(own));
    }

    #[test]
    fn a_thread_that_is_not_known_is_asked_about() {
        let own = std::process::id().cast_signed();
        assert_eq!(Tree::default().process_of(own), own);
        let second = std::thread::spawn(|| ask_process_of(nix::unistd::gettid().as_raw()));
        assert_eq!(second.join().ok(), Some(own));
    }
}
