//! The judgement at the end.

use std::collections::HashSet;

use roar_events::{Digest, State, Version};

use crate::entry::{Deeds, Entry, Holds, Index, Read};
use crate::fold::is_file;
use crate::process::ProcessSeen;

/// What a run did, as far as its records tell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observation {
    /// The files it read or changed, in order of first sight.
    pub files: Vec<FileSeen>,
    /// Its processes, in order of first sight.
    pub processes: Vec<ProcessSeen>,
    /// What was not seen, in plain words, each once.
    pub gaps: Vec<String>,
}

/// A version of a file that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The version; `None` for a symbolic link.
    pub version: Option<Version>,
    /// Its content, when that was named during the run.
    ///
    /// When it was not, and the file still is in that version, hashing it now names what was read.
    /// Otherwise what was read can no longer be named.
    pub digest: Option<Digest>,
}

/// What became of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Change {
    /// It was not there before.
    Created,
    /// It was there before and is there now, changed in place or put there anew: with the same bytes, perhaps,
    /// which [`FileSeen::settle`] tells of a file that was changed in place.
    Modified,
    /// It is no longer there.
    Deleted,
}

/// One file that a run read or changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileSeen {
    /// Where it is: absolute, free of symbolic links but for its last part.
    pub path: Vec<u8>,
    /// The version that was read, if any was.
    pub read: Option<Seen>,
    /// Whether the file was opened for reading or executed.
    ///
    /// When false and `read` is there, the file was read only in so far as what was not
    /// overwritten remained.
    pub opened: bool,
    /// What became of it, if anything.
    pub change: Option<Change>,
    /// What it was before the run first had to do with it.
    pub before: State,
    /// What it is after the run; of a file that the run did nothing to, what it was when read.
    pub after: State,
    /// Its content before, when that was named during the run.
    pub digest_before: Option<Digest>,
    /// Whether it was executed, as a program or as an interpreter.
    pub executed: bool,
    /// Whether its content was changed where it was, rather than replaced.
    pub in_place: bool,
    /// Whether it was cut to nothing during the run.
    pub truncated: bool,
    /// Whether it is, or was, a symbolic link.
    pub link: bool,
    /// Where it led when the run first went through it, if it was a symbolic link then.
    pub target_before: Option<Vec<u8>>,
    /// Where the content it has now was found by the run, when the run moved or linked it here.
    pub origin: Option<Vec<u8>>,
    /// The processes that had to do with it, at most 16.
    pub pids: Vec<u32>,
}

impl FileSeen {
    /// Returns a file that is in this state and that nothing is known to have been done to.
    pub const fn untouched(path: Vec<u8>, state: State) -> Self {
        Self {
            path,
            read: None,
            opened: false,
            change: None,
            before: state,
            after: state,
            digest_before: None,
            executed: false,
            in_place: false,
            truncated: false,
            link: false,
            target_before: None,
            origin: None,
            pids: Vec::new(),
        }
    }

    /// Returns the content that was read, given the file's content as named after the run.
    ///
    /// `None` when that cannot be told any more: the run did not name it, and since then the file
    /// has changed.
    pub fn digest_read(&self, after: Option<(Digest, Version)>) -> Option<Digest> {
        let read = self.read?;
        let fits = |(_, named): &(Digest, Version)| {
            read.version
                .is_some_and(|version| version.same_content(named))
        };
        read.digest.or(after.filter(fits).map(|(digest, _)| digest))
    }

    /// Takes the file's content as named after the run, and drops a change that is none.
    ///
    /// A file changed in place may have got the bytes it had. Then it was not written, and if it
    /// was not opened for reading either, it was not read: with neither left, the file need not be
    /// mentioned and this returns false.
    pub fn settle(&mut self, digest_after: Option<Digest>) -> bool {
        let same = self.digest_before.is_some() && self.digest_before == digest_after;
        if self.change == Some(Change::Modified) && self.in_place && same {
            self.change = None;
            if !self.opened {
                self.read = None;
            }
        }
        self.read.is_some() || self.change.is_some()
    }
}

/// Judges all entries by what their names are `now`.
pub(crate) fn judge(entries: &[Entry], mut now: impl FnMut(&[u8]) -> State) -> Vec<FileSeen> {
    let mut after: Vec<State> = entries
        .iter()
        .map(|entry| unchanged(entry).unwrap_or_else(|| now(&entry.path)))
        .collect();
    leave_directories(entries, &mut after);
    let mut consumed = vec![false; entries.len()];
    for (at, entry) in entries.iter().enumerate() {
        if let Some(origin) = changed_in_place(entries, entry, after[at]) {
            consumed[origin as usize] = true;
        }
    }
    // Of most something is told: so the room is taken at once, and nothing is moved later.
    let mut seen = Vec::with_capacity(entries.len());
    seen.extend((0..entries.len()).filter_map(|at| file(entries, at, after[at], consumed[at])));
    seen
}

/// Takes out what is found only by way of a link that the run has put in the place of a directory: it is somewhere
/// else.
fn leave_directories(entries: &[Entry], after: &mut [State]) {
    let linked = entries
        .iter()
        .zip(after.iter())
        .filter(|(entry, after)| **after == State::Symlink && entry.deeds.has(Deeds::REPLACED));
    let links: HashSet<&[u8]> = linked.map(|(entry, _)| &*entry.path).collect();
    if links.is_empty() {
        return;
    }
    for (entry, after) in entries.iter().zip(after) {
        let slashes = (1..entry.path.len()).filter(|&at| entry.path[at] == b'/');
        if slashes
            .map(|at| &entry.path[..at])
            .any(|above| links.contains(above))
        {
            *after = State::Missing;
        }
    }
}

/// Returns what a name is that the run did nothing to: then there is no need to look.
fn unchanged(entry: &Entry) -> Option<State> {
    let alone = !entry.deeds.has(Deeds::TOUCHED) && !entry.deeds.has(Deeds::REPLACED);
    alone.then(|| entry.version_read().map_or(entry.first, State::File))
}

/// Returns whose first content was changed in place and is now, changed, at `entry`.
fn changed_in_place(entries: &[Entry], entry: &Entry, after: State) -> Option<Index> {
    let Holds::First(origin) = entry.holds else {
        return None;
    };
    let first = &entries[origin as usize];
    let (State::File(before), State::File(after)) = (first.first, after) else {
        return None;
    };
    let at_home = std::ptr::eq(first, entry) && !entry.deeds.has(Deeds::REPLACED);
    let same = if at_home {
        before.untouched(&after)
    } else {
        before.same_content(&after)
    };
    let touched = first.deeds.has(Deeds::TOUCHED) && before.same_file(&after);
    (touched && !same && before.size > 0).then_some(origin)
}

fn file(entries: &[Entry], at: usize, after: State, consumed: bool) -> Option<FileSeen> {
    let entry = &entries[at];
    let change = change(entry, at as Index, after);
    let opened = entry.read != Read::No && is_file(entry.first);
    let read = (opened || consumed).then(|| seen(entry));
    if read.is_none() && change.is_none() {
        return None;
    }
    let version = first_version(entry);
    Some(FileSeen {
        path: entry.path.to_vec(),
        read,
        opened,
        change,
        before: entry.first,
        after,
        digest_before: version.and_then(|version| entry.digest_of(version)),
        executed: entry.deeds.has(Deeds::EXECUTED),
        in_place: entry.deeds.has(Deeds::TOUCHED) && entry.holds == Holds::First(at as Index),
        truncated: entry.deeds.has(Deeds::TRUNCATED),
        link: entry.first == State::Symlink || after == State::Symlink,
        target_before: entry.target.as_deref().map(<[u8]>::to_vec),
        origin: origin(entries, at),
        pids: entry.pids.list().to_vec(),
    })
}

fn seen(entry: &Entry) -> Seen {
    let version = entry.version_read();
    Seen {
        version,
        digest: version.and_then(|version| entry.digest_of(version)),
    }
}

fn first_version(entry: &Entry) -> Option<Version> {
    match entry.first {
        State::File(version) => Some(version),
        _ => None,
    }
}

fn origin(entries: &[Entry], at: usize) -> Option<Vec<u8>> {
    match entries[at].holds {
        Holds::First(origin) if origin as usize != at => {
            Some(entries[origin as usize].path.to_vec())
        }
        _ => None,
    }
}

fn change(entry: &Entry, at: Index, after: State) -> Option<Change> {
    let replaced = entry.deeds.has(Deeds::REPLACED);
    match (is_file(entry.first), is_file(after)) {
        (false, true) => replaced.then_some(Change::Created),
        (true, false) => replaced.then_some(Change::Deleted),
        (true, true) => is_modified(entry, at, after).then_some(Change::Modified),
        (false, false) => None,
    }
}

/// Returns whether a name that had a file and has one was given other content by the run.
fn is_modified(entry: &Entry, at: Index, after: State) -> bool {
    let home = entry.holds == Holds::First(at);
    let replaced = entry.deeds.has(Deeds::REPLACED);
    let touched = entry.deeds.has(Deeds::TOUCHED) && home;
    match (entry.first, after) {
        (State::File(before), State::File(after)) if before.untouched(&after) => false,
        (State::File(before), State::File(after)) if home && before.same_content(&after) => {
            touched && !replaced
        }
        _ => touched || (replaced && !(home && entry.first == State::Symlink)),
    }
}
