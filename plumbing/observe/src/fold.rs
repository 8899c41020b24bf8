//! Taking records, one after the other.

use std::collections::HashMap;
use std::sync::Arc;

use roar_events::{Access, Digest, Record, State, Version};

use crate::entry::{Deeds, Entry, Holds, Index, Read};
use crate::observation::{Observation, judge};
use crate::process::Processes;

/// What is about to happen to content that might have to be named first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Threat {
    /// It is read. That is a threat where the run has moved it: nobody will look for it there.
    Reading,
    /// Parts of it may be overwritten.
    InPlace,
    /// The name loses it: truncation, replacement, removal, a move.
    Away,
}

/// The records of a run so far, digested.
#[derive(Clone, Debug, Default)]
pub struct Fold {
    names: HashMap<Arc<[u8]>, Index>,
    entries: Vec<Entry>,
    processes: Processes,
    gaps: Vec<String>,
    /// Whether content first found at one name may be at another.
    moved: bool,
}

impl Fold {
    /// Returns a fold that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next record; returns whether it taught anything.
    ///
    /// A record that taught nothing need not be kept: leaving it out gives the same observation.
    pub fn take(&mut self, record: &Record<'_>) -> bool {
        match *record {
            Record::Process {
                pid,
                parent,
                program,
            } => self.processes.note(pid, parent, program),
            Record::Exec { pid, path, before } => self.exec(pid, path, before),
            Record::Open {
                pid,
                access,
                path,
                before,
            } => self.open(pid, access, path, before),
            Record::Rename {
                pid,
                exchange,
                from,
                moved,
                to,
                replaced,
            } => self.rename(pid, exchange, (from, moved), (to, replaced)),
            Record::Link {
                pid,
                from,
                linked,
                to,
            } => self.link(pid, (from, linked), to),
            Record::Symlink { pid, path } => self.make(pid, path),
            Record::Unlink { pid, path, before } => self.unlink(pid, path, before),
            Record::Truncate {
                pid,
                length,
                path,
                before,
            } => {
                let how = if length == 0 {
                    Access::TRUNCATE
                } else {
                    Access::WRITE
                };
                self.open(pid, how, path, before)
            }
            Record::Named {
                path,
                version,
                digest,
            } => self.name(path, version, digest),
            Record::Gap { why } => self.gap(why),
            Record::Target { path, target } => self.lead(path, target),
        }
    }

    /// Returns whether the content at `path`, now in state `seen`, must be named before this
    /// happens to it.
    pub fn must_name(&self, path: &[u8], seen: Version, threat: Threat) -> bool {
        if threat == Threat::Reading && !self.moved {
            return false;
        }
        let Some(at) = self.names.get(path).copied() else {
            return threat == Threat::InPlace;
        };
        let Holds::First(origin) = self.reconcile_file(at, seen) else {
            return false;
        };
        let first = &self.entries[origin as usize];
        let at_stake = match threat {
            Threat::Reading => origin != at && first.read == Read::No,
            Threat::InPlace => true,
            Threat::Away => first.read != Read::No,
        };
        at_stake && first.named.is_none()
    }

    /// Returns whether any file has been seen yet.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns whether the run has given a name other content than was found there, or taken it away.
    pub fn has_replaced(&self, path: &[u8]) -> bool {
        self.deeds(path).has(Deeds::REPLACED)
    }

    /// Returns whether the run may have changed what a name has.
    pub fn has_changed(&self, path: &[u8]) -> bool {
        let deeds = self.deeds(path);
        deeds.has(Deeds::REPLACED) || deeds.has(Deeds::TOUCHED) || deeds.has(Deeds::TRUNCATED)
    }

    fn deeds(&self, path: &[u8]) -> Deeds {
        let at = self.names.get(path);
        at.map_or(Deeds::default(), |at| self.entries[*at as usize].deeds)
    }

    /// Judges every file by what it is now, as `now` tells for each path.
    pub fn observe(&self, now: impl FnMut(&[u8]) -> State) -> Observation {
        let files = judge(&self.entries, now);
        Observation {
            files,
            processes: self.processes.list(),
            gaps: self.gaps.clone(),
        }
    }

    fn exec(&mut self, pid: u32, path: &[u8], before: State) -> bool {
        if !matches!(before, State::File(_)) {
            return false;
        }
        let (at, news) = self.see(pid, path, before);
        let read = self.read(at, before);
        self.entries[at as usize].deeds.add(Deeds::EXECUTED) | read | news
    }

    fn open(&mut self, pid: u32, access: Access, path: &[u8], before: State) -> bool {
        match before {
            State::Missing if access.has(Access::CREATE) => self.make(pid, path),
            State::Missing | State::Directory | State::Other => false,
            State::Symlink => {
                let (at, news) = self.see(pid, path, before);
                self.read(at, before) | news
            }
            State::File(_) => {
                let (at, news) = self.see(pid, path, before);
                self.open_file(at, access, before) | news
            }
        }
    }

    fn open_file(&mut self, at: Index, access: Access, before: State) -> bool {
        if access.has(Access::TRUNCATE) {
            return self.empty(at);
        }
        let read = access.has(Access::READ) && self.read(at, before);
        let touched = access.has(Access::WRITE) && self.touch(at);
        read | touched
    }

    /// The content of a name is cut to nothing, under every name that it has.
    fn empty(&mut self, at: Index) -> bool {
        if let Holds::First(origin) = self.holds(at)
            && self.entries[origin as usize].deeds.has(Deeds::LINKED)
        {
            let others = self.names_of(origin).into_iter();
            return others.fold(false, |news, other| self.empty_one(other) | news);
        }
        self.empty_one(at)
    }

    fn empty_one(&mut self, at: Index) -> bool {
        let news = self.hold(at, Holds::Own);
        self.entries[at as usize].deeds.add(Deeds::TRUNCATED) | news
    }

    /// Returns the names that have the content first found at `origin`.
    fn names_of(&self, origin: Index) -> Vec<Index> {
        let all = 0..self.entries.len() as Index;
        all.filter(|at| self.holds(*at) == Holds::First(origin))
            .collect()
    }

    /// A name gets content of the run's own.
    fn make(&mut self, pid: u32, path: &[u8]) -> bool {
        let (at, news) = self.see(pid, path, State::Missing);
        self.hold(at, Holds::Own) | news
    }

    fn unlink(&mut self, pid: u32, path: &[u8], before: State) -> bool {
        if !is_file(before) {
            return false;
        }
        let (at, news) = self.see(pid, path, before);
        self.hold(at, Holds::Nothing) | news
    }

    fn rename(
        &mut self,
        pid: u32,
        exchange: bool,
        (from, moved): (&[u8], State),
        (to, replaced): (&[u8], State),
    ) -> bool {
        // Two names of one inode: the kernel does nothing.
        let one = matches!((moved, replaced), (State::File(a), State::File(b)) if a.same_file(&b));
        if !is_file(moved) || one || (exchange && !is_file(replaced)) {
            return false;
        }
        let (from, _) = self.see(pid, from, moved);
        let (to, _) = self.see(pid, to, replaced);
        let (moved, replaced) = (self.holds(from), self.holds(to));
        self.hold(from, if exchange { replaced } else { Holds::Nothing });
        self.hold(to, moved);
        true
    }

    fn link(&mut self, pid: u32, (from, linked): (&[u8], State), to: &[u8]) -> bool {
        if !is_file(linked) {
            return false;
        }
        let holds = if from.is_empty() {
            Holds::Own
        } else {
            let (from, _) = self.see(pid, from, linked);
            self.mark_linked(from)
        };
        let (to, _) = self.see(pid, to, State::Missing);
        self.hold(to, holds);
        true
    }

    /// Notes that what a name has gets another name, and returns what that is.
    fn mark_linked(&mut self, at: Index) -> Holds {
        let holds = self.holds(at);
        if let Holds::First(origin) = holds {
            self.entries[origin as usize].deeds.add(Deeds::LINKED);
        }
        holds
    }

    fn name(&mut self, path: &[u8], version: Version, digest: Digest) -> bool {
        let (at, news) = self.see(0, path, State::File(version));
        let named = match self.holds(at) {
            Holds::First(origin) => self.entries[origin as usize].name(version, digest),
            Holds::Own | Holds::Nothing => false,
        };
        named | news
    }

    fn lead(&mut self, path: &[u8], target: &[u8]) -> bool {
        let (at, news) = self.see(0, path, State::Symlink);
        let kept = match self.holds(at) {
            Holds::First(origin) => self.entries[origin as usize].lead(target),
            Holds::Own | Holds::Nothing => false,
        };
        kept | news
    }

    fn gap(&mut self, why: &[u8]) -> bool {
        let why = String::from_utf8_lossy(why);
        let fresh = !self.gaps.iter().any(|known| *known == why);
        if fresh {
            self.gaps.push(why.into_owned());
        }
        fresh
    }

    /// Finds the entry of a path that is now in state `seen`, and whether that is news.
    fn see(&mut self, pid: u32, path: &[u8], seen: State) -> (Index, bool) {
        if let Some(at) = self.names.get(path).copied() {
            let news = self.reconcile(at, seen);
            return (at, self.entries[at as usize].by(pid) | news);
        }
        let at = self.entries.len() as Index;
        let path: Arc<[u8]> = path.into();
        self.names.insert(Arc::clone(&path), at);
        let mut entry = Entry::new(path, at, seen);
        entry.by(pid);
        self.entries.push(entry);
        (at, true)
    }

    /// Corrects what a name is believed to have by what was seen there.
    ///
    /// The difference is a call that failed, or one that nobody saw. What was believed stays on
    /// the list of deeds, so that the end decides.
    fn reconcile(&mut self, at: Index, seen: State) -> bool {
        let holds = match seen {
            State::Missing | State::Directory | State::Other => Holds::Nothing,
            State::Symlink if self.holds(at) == Holds::Nothing => Holds::Own,
            State::Symlink => self.holds(at),
            State::File(seen) => self.reconcile_file(at, seen),
        };
        let entry = &mut self.entries[at as usize];
        let news = entry.holds != holds;
        entry.holds = holds;
        news
    }

    fn reconcile_file(&self, at: Index, seen: Version) -> Holds {
        let entry = &self.entries[at as usize];
        if matches!(entry.first, State::File(first) if first.untouched(&seen)) {
            return Holds::First(at);
        }
        match entry.holds {
            Holds::Nothing => Holds::Own,
            // A move that did not happen, or something that nobody saw: the content is another.
            Holds::First(origin) if entry.deeds.has(Deeds::REPLACED) => {
                let first = self.entries[origin as usize].first;
                let same = matches!(first, State::File(first) if first.same_file(&seen));
                if same { entry.holds } else { Holds::Own }
            }
            holds => holds,
        }
    }

    fn holds(&self, at: Index) -> Holds {
        self.entries[at as usize].holds
    }

    /// Gives a name other content.
    fn hold(&mut self, at: Index, holds: Holds) -> bool {
        self.moved |= matches!(holds, Holds::First(origin) if origin != at);
        let entry = &mut self.entries[at as usize];
        let news = entry.deeds.add(Deeds::REPLACED) | (entry.holds != holds);
        entry.holds = holds;
        news
    }

    /// Notes that what a name has now is read.
    fn read(&mut self, at: Index, seen: State) -> bool {
        match self.holds(at) {
            Holds::First(origin) => self.entries[origin as usize].mark_read(seen),
            Holds::Own | Holds::Nothing => false,
        }
    }

    /// Notes that what a name has now may be changed in place.
    fn touch(&mut self, at: Index) -> bool {
        match self.holds(at) {
            Holds::First(origin) => self.entries[origin as usize].deeds.add(Deeds::TOUCHED),
            Holds::Own | Holds::Nothing => false,
        }
    }
}

/// Returns whether a state is one that is reported on.
pub(crate) fn is_file(state: State) -> bool {
    matches!(state, State::File(_) | State::Symlink)
}
