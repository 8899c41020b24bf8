//! The current DAG: what of a history still stands.
//!
//! * The *world* maps each path to the last thing that a recorded job did there.
//! * A job is *superseded* if a later run of its step replaced it, if it found its step done, or if each of its products was
//!   overwritten or deleted by a job that had not read that version. An update in place read it, so
//!   it keeps the producer that it started from, as long as what it made of it stands.
//! * A job is *stale* if something that it read is no longer what the world holds at that path (unless the
//!   reader itself was the next to write there), because a recorded job made it, or has written there
//!   since; or if who made it is stale or superseded with no identical content in its place by now. It is stale too if it read a
//!   directory as a whole and a later job put a file there that it had neither read nor written.
//! * A job *failed* if its command said so, and no later run that found its products in place went well.
//!   What it left behind counts like anything else.
//! * All others are *current*.
//!
//! A run that leaves a file as it was has not written it. So a run also stands for the files that
//! the run it replaced had left and that were still in place: they are its products too.
//!
//! So do the *inputs* that they were made from: those of a record are what it read, and what was read for
//! the files that it stands for (see [`inherit`](crate::inherit)); each in the version that a later run of
//! the very same command has seen, if one has (see [`again`](crate::again)).
//!
//! A run that has no products at all replaces none that has: what it left in place was made by the
//! earlier run, from what that one had read. If it is the same whole command, some of those products
//! still stand, and it read no path that the earlier one had not, it is a further run of that step,
//! which *found* it done: history, superseded from the start. So is one that failed, whatever it read.

use crate::again::Again;
use crate::growth::{Growth, growth, scans_of};
use crate::history::{ContentCode, DELETED, PathCode, Version};
use crate::inherit::Inheritance;
use crate::replace::Replacements;
use crate::{History, Input, Producer, Read, Record, Scan, Written};
use roar_object::{ContentId, RecordedPath};
use std::collections::HashSet;

/// What a job is in the current DAG.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It ran on what is there now, and its products stand.
    Current,
    /// What it ran on has changed since.
    Stale,
    /// A later run took its place, or its products are gone, or it had nothing to do.
    Superseded,
    /// Its command failed, and did not go well later on the same products.
    Failed,
}

impl State {
    /// Returns the word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Stale => "stale",
            Self::Superseded => "superseded",
            Self::Failed => "failed",
        }
    }
}

/// What is wrong with one input of a stale job, or with a directory that it read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reason {
    /// Who read it: the record, or one that made what the record stands for; none where a directory has
    /// grown.
    pub input: Option<Read>,
    /// What happened.
    pub why: Why,
}

impl Reason {
    const fn of(input: Read, why: Why) -> Self {
        let input = Some(input);
        Self { input, why }
    }

    /// Returns who read it: the record, or one that read it for what the record stands for.
    pub fn reader(&self) -> Option<usize> {
        match self.why {
            Why::Grown { scan, .. } => Some(scan.record),
            _ => self.input.map(|read| read.record),
        }
    }
}

/// Why an input, or a directory, makes its reader stale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// A record wrote something else there.
    Overwritten {
        /// The write.
        by: Written,
        /// What is there now, unless nobody could name it.
        now: Option<ContentId>,
    },
    /// A record deleted it.
    Deleted {
        /// The write.
        by: Written,
    },
    /// The record that made it is stale itself.
    StaleProducer {
        /// That record.
        record: usize,
    },
    /// The record that made it is superseded, and nothing made the same again.
    GoneProducer {
        /// That record.
        record: usize,
    },
    /// A record put a file into a directory that was read as a whole.
    Grown {
        /// The reading.
        scan: Scan,
        /// The write; the last one, if there are more.
        by: Written,
    },
}

/// What the world holds at a path.
pub type Held = Written;

/// A history with a judgement on each of its records.
pub struct Projection<'r> {
    history: History<'r>,
    replacements: Replacements,
    inheritance: Inheritance,
    again: Again,
    /// Of each write: whether it, or an update in place of it, is what the world holds.
    standing: Vec<bool>,
    failed: Vec<bool>,
    superseded: Vec<bool>,
    stale: Vec<bool>,
    reasons: Vec<Vec<Reason>>,
}

/// Projects the records of a session, given in its order.
pub fn project(records: &[Record]) -> Projection<'_> {
    Projection::of(History::new(records))
}

impl<'r> Projection<'r> {
    /// Judges every record of a history.
    pub fn of(history: History<'r>) -> Self {
        let replacements = Replacements::of(&history);
        let standing = standing(&history);
        let inheritance = Inheritance::of(&history, &replacements, &standing);
        let mut projection = Self {
            inheritance,
            again: Again::of(&history, &replacements),
            failed: failed(&history, &replacements),
            superseded: Vec::new(),
            stale: vec![false; history.records().len()],
            reasons: vec![Vec::new(); history.records().len()],
            history,
            replacements,
            standing,
        };
        let records = 0..projection.history.records().len();
        projection.superseded = records
            .map(|record| projection.is_superseded(record))
            .collect();
        projection.find_stale();
        projection
    }

    /// Returns the history that was judged.
    pub const fn history(&self) -> &History<'r> {
        &self.history
    }

    /// Returns what a record is.
    pub fn state(&self, record: usize) -> State {
        if self.failed[record] {
            State::Failed
        } else if self.superseded[record] {
            State::Superseded
        } else if self.stale[record] {
            State::Stale
        } else {
            State::Current
        }
    }

    /// Returns the run that took the record's place, if one did.
    pub fn replaced_by(&self, record: usize) -> Option<usize> {
        self.replacements.by[record]
    }

    /// Returns the earlier run whose products the record, which made none, found in place.
    pub fn found(&self, record: usize) -> Option<usize> {
        self.replacements.found[record]
    }

    /// Returns the run that has the record's place now, or that of the one whose products it found:
    /// itself, if nothing replaced it.
    pub fn stands_for(&self, record: usize) -> usize {
        self.replacements.stands_for(record)
    }

    /// Returns whether the world still holds something that the record made.
    pub fn holds(&self, record: usize) -> bool {
        let mut lasting = self.lasting(record);
        lasting.any(|write| self.standing[write])
    }

    /// Returns why the record is stale; nothing if it is not.
    pub fn reasons(&self, record: usize) -> &[Reason] {
        &self.reasons[record]
    }

    /// Returns the files that runs which the record replaced had left, and that are still there.
    pub fn kept(&self, record: usize) -> Vec<Written> {
        let inherited = self.replacements.inherited[record].iter();
        inherited
            .filter(|&&place| self.history.writes[place].next.is_none())
            .map(|&place| self.written(place))
            .collect()
    }

    /// Returns what was read for the files that the record stands for and did not make itself, none of it at
    /// a path that it has read itself. If another has its place now, that is told by the other.
    pub fn inherited_reads(&self, record: usize) -> &[Read] {
        self.inheritance.reads(record)
    }

    /// Returns the directories that were read as a whole for such files.
    pub fn inherited_scans(&self, record: usize) -> &[Scan] {
        self.inheritance.scans(record)
    }

    /// Returns what the record read, and then what was read for the files that it stands for; without the files
    /// of its own step, but for those that it has updated itself.
    pub fn reads(&self, record: usize) -> impl Iterator<Item = (Read, &'r Input)> {
        let records = self.history.records();
        let own = 0..records[record].reads.len();
        let own = own.map(move |input| Read { record, input });
        let all = own.chain(self.inherited_reads(record).iter().copied());
        let all = all.filter(move |&read| !self.is_of_own_step(record, read));
        let mut seen = HashSet::new();
        let has_word = self.word_on(record).is_some();
        let all = all
            .filter_map(move |read| self.again.read(&self.history, record, read))
            .filter(move |&read| !has_word || seen.insert(read));
        all.map(|read| (read, &records[read.record].reads[read.input]))
    }

    fn is_of_own_step(&self, record: usize, read: Read) -> bool {
        let producer = self.history.producer(read.record, read.input);
        let is_own = |it: Producer| !it.elsewhere && self.stands_for(it.record) == record;
        let updates = || read.record == record && self.writes(record, self.version(read).path);
        producer.is_some_and(is_own) && !updates()
    }

    /// Returns those of them that count as inputs: data, and code that a job made.
    pub fn inputs(&self, record: usize) -> impl Iterator<Item = (Read, &'r Input)> {
        self.reads(record)
            .filter(|(read, _)| self.history.is_input(read.record, read.input))
    }

    /// Returns those of them that recorded jobs made, and who made them.
    pub(crate) fn made_inputs(&self, record: usize) -> impl Iterator<Item = (Read, Producer)> {
        self.reads(record).filter_map(|(read, _)| {
            let producer = self.history.producer(read.record, read.input)?;
            Some((read, producer))
        })
    }

    /// Returns the directories that the record read as a whole, and those that were for the files that it
    /// stands for.
    pub fn scans(&self, record: usize) -> impl Iterator<Item = Scan> {
        let own = scans_of(&self.history, record);
        let all = own.chain(self.inherited_scans(record).iter().copied());
        all.map(move |scan| self.again.scan(&self.history, record, scan))
    }

    /// Returns the later run of the very same command whose word on the record's step counts, if there is
    /// one: the latest that went well and has written or found any of the step's files, or was to repeat
    /// it. Where it has read what the record read, that counts in the record's stead; where it has written,
    /// nothing does.
    pub fn word_on(&self, record: usize) -> Option<usize> {
        self.again.word_on(record)
    }

    /// Returns the latest of them that has written some of the step's files: to run that again is to run the
    /// step again.
    pub fn rewritten_by(&self, record: usize) -> Option<usize> {
        self.again.rewritten_by(record)
    }

    /// Returns whether something that was read for a record has been updated since by the record itself, or by
    /// who has the last word on it.
    pub fn updates(&self, record: usize, read: Read) -> bool {
        let path = self.version(read).path;
        let later = self.word_on(record);
        self.writes(read.record, path) || later.is_some_and(|later| self.writes(later, path))
    }

    /// Returns the files that the record made and that others have updated in place since.
    pub fn updated(&self, record: usize) -> Vec<Written> {
        let lasting = self.lasting(record);
        let lives_on = |&place: &usize| {
            let write = &self.history.writes[place];
            write.content != DELETED && write.next.is_some() && self.standing[place]
        };
        lasting
            .filter(lives_on)
            .map(|place| self.written(place))
            .collect()
    }

    /// Returns what the record wrote in place, having read what was there, and what somebody put there anew since
    /// instead of going on from it.
    pub fn cut_off(&self, record: usize) -> Vec<(Written, Held)> {
        let places = self.history.writes_of(record);
        let updates = places.filter(|&place| self.history.writes[place].started_from.is_some());
        let cut_off = updates.filter_map(|place| {
            let anew = self.anew_after(place)?;
            Some((self.written(place), self.written(anew)))
        });
        cut_off.collect()
    }

    /// Finds the last write after this one, at its path, that did not start from what was there.
    fn anew_after(&self, place: usize) -> Option<usize> {
        let writes = &self.history.writes;
        let later = std::iter::successors(Some(place), |&at| writes[at].next);
        let pairs = later.clone().zip(later.skip(1));
        let goes_on = |&(before, at): &(usize, usize)| {
            writes[at].started_from == Some(writes[before].content)
        };
        pairs
            .filter(|pair| !goes_on(pair))
            .last()
            .map(|pair| pair.1)
    }

    /// Returns the last thing that a recorded job did at a path.
    pub fn at(&self, path: &RecordedPath) -> Option<Held> {
        self.history.latest_write(path)
    }

    /// Returns the last thing that a recorded job did where something was read.
    pub fn at_input(&self, read: Read) -> Option<Held> {
        let (_, place) = self.held(self.version(read).path)?;
        Some(self.written(place))
    }

    /// Returns every path that a recorded job wrote, sorted, and the last thing done there.
    pub fn world(&self) -> Vec<(&'r RecordedPath, Held)> {
        let records = self.history.records();
        let last = self.history.last.iter().flatten();
        let mut world: Vec<_> = last
            .map(|&place| &self.history.writes[place])
            .map(|write| {
                let (record, output) = (write.record, write.output);
                let path = &records[record].writes[output].path;
                (path, Held { record, output })
            })
            .collect();
        world.sort_unstable();
        world
    }

    /// Returns the record that makes now what was read: the one that the world has it from, or the one
    /// that has its producer's place.
    pub(crate) fn standing_producer(&self, read: Read, producer: Producer) -> usize {
        let heir = self.stands_for(producer.record);
        let holder = self.holder(self.place(read, producer), read);
        holder.filter(|_| self.superseded[heir]).unwrap_or(heir)
    }

    /// Returns whether the world holds something else where the input was read.
    pub(crate) fn is_outdated(&self, read: Read) -> bool {
        let version = self.version(read);
        self.held(version.path)
            .is_some_and(|(content, _)| content != version.content)
    }

    /// Returns the writes that decide whether the record's products stand: files, or if it has left
    /// none, deletions.
    fn lasting(&self, record: usize) -> impl Iterator<Item = usize> {
        let outputs = &self.history.records()[record].writes;
        let own = self.history.writes_of(record);
        let products = own.filter(|&place| outputs[self.history.writes[place].output].is_product());
        let all = products.chain(self.replacements.inherited[record].iter().copied());
        let remains = |&place: &usize| self.history.writes[place].content != DELETED;
        let leaves_files = all.clone().any(|place| remains(&place));
        all.filter(move |place| !leaves_files || remains(place))
    }

    fn is_superseded(&self, record: usize) -> bool {
        let replaced = self.replaced_by(record).or(self.found(record)).is_some();
        let mut lasting = self.lasting(record).peekable();
        replaced || lasting.peek().is_some() && !lasting.any(|write| self.standing[write])
    }

    fn version(&self, read: Read) -> Version {
        self.history.reads[self.history.reads_of(read.record)][read.input]
    }

    /// Returns the path that the producer wrote.
    fn place(&self, read: Read, producer: Producer) -> PathCode {
        if producer.elsewhere {
            self.history.writes[self.history.writes_of(producer.record)][producer.output].path
        } else {
            self.version(read).path
        }
    }

    fn held(&self, path: PathCode) -> Option<(ContentCode, usize)> {
        let place = self.history.last[path as usize]?;
        Some((self.history.writes[place].content, place))
    }

    /// Returns who the world has the content of an input from, if it holds it at the path.
    fn holder(&self, path: PathCode, read: Read) -> Option<usize> {
        let (content, place) = self.held(path)?;
        let same = content == self.version(read).content;
        same.then(|| self.stands_for(self.history.writes[place].record))
    }

    /// Finds what is stale by itself, then whatever rests on something stale, until nothing is
    /// added.
    fn find_stale(&mut self) {
        let records = self.history.records().len();
        let mut rests_on: Vec<Vec<(usize, Read)>> = vec![Vec::new(); records];
        let mut open = Vec::new();
        self.find_grown();
        for reader in 0..records {
            let mut bad = Vec::new();
            for (read, _) in self.reads(reader) {
                match self.verdict(reader, read) {
                    Verdict::Good => {}
                    Verdict::Bad(why) => bad.push(Reason::of(read, why)),
                    Verdict::As(other) => rests_on[other].push((reader, read)),
                }
            }
            self.reasons[reader].append(&mut bad);
            if !self.reasons[reader].is_empty() {
                self.stale[reader] = true;
                open.push(reader);
            }
        }
        while let Some(record) = open.pop() {
            // Who rests on what it does itself is not stale for that.
            for &(reader, read) in rests_on[record].iter().filter(|(it, _)| *it != record) {
                let why = Why::StaleProducer { record };
                self.reasons[reader].push(Reason::of(read, why));
                if !std::mem::replace(&mut self.stale[reader], true) {
                    open.push(reader);
                }
            }
        }
        for (record, reasons) in self.reasons.iter_mut().enumerate() {
            let own_first = |read: Read| (read.record != record, read);
            reasons.sort_by_key(|reason| (reason.input.is_none(), reason.input.map(own_first)));
        }
    }

    fn find_grown(&mut self) {
        let grown = growth(&self.history, &self.inheritance, &self.again);
        for Growth {
            reader,
            scan,
            write,
        } in grown
        {
            let by = self.written(write);
            let why = Why::Grown { scan, by };
            self.reasons[reader].push(Reason { input: None, why });
        }
    }

    /// Judges what the reader, or a run whose work it stands for, has read.
    fn verdict(&self, reader: usize, read: Read) -> Verdict {
        let version = self.version(read);
        let is_theirs = |later: usize| self.writes(later, version.path);
        if self.word_on(reader).is_some_and(is_theirs) {
            return Verdict::Good;
        }
        let producer = self.history.producer(read.record, read.input);
        if let Some((content, place)) = self.held(version.path)
            && content != version.content
            && !self.writes(read.record, version.path)
            // What came from outside may have been newer than what recorded jobs had made.
            && (producer.is_some() || self.history.writes[place].record > read.record)
        {
            return Verdict::Bad(self.changed(content, place));
        }
        let Some(producer) = producer else {
            return Verdict::Good;
        };
        let heir = self.stands_for(producer.record);
        match self.holder(self.place(read, producer), read) {
            // What a reader wrote back itself says nothing about what it started from.
            Some(holder) if holder != reader => Verdict::As(holder),
            // What a step has gone on from was its own, or lives on in what it made of that.
            None if heir != reader
                && self.superseded[producer.record]
                && !self.has_standing(read.record, version.path) =>
            {
                Verdict::Bad(Why::GoneProducer {
                    record: producer.record,
                })
            }
            Some(_) | None => Verdict::As(heir),
        }
    }

    fn changed(&self, content: ContentCode, place: usize) -> Why {
        let by = self.written(place);
        if content == DELETED {
            return Why::Deleted { by };
        }
        let now = self.history.records()[by.record].writes[by.output].id;
        Why::Overwritten { by, now }
    }

    fn written(&self, place: usize) -> Written {
        let write = &self.history.writes[place];
        Written {
            record: write.record,
            output: write.output,
        }
    }

    fn writes(&self, record: usize, path: PathCode) -> bool {
        let mut own = self.history.writes_of(record);
        own.any(|place| self.history.writes[place].path == path)
    }

    /// Returns whether what the record wrote at a path is there, or lives on in updates in place.
    fn has_standing(&self, record: usize, path: PathCode) -> bool {
        let mut own = self.history.writes_of(record);
        own.any(|place| self.history.writes[place].path == path && self.standing[place])
    }
}

/// How an input bears on its reader.
enum Verdict {
    /// The reader is not stale for it.
    Good,
    /// The reader is stale.
    Bad(Why),
    /// The reader is stale if that record is.
    As(usize),
}

/// Tells of each record whether its command failed, and still did when its products were found in place.
fn failed(history: &History<'_>, replacements: &Replacements) -> Vec<bool> {
    let records = history.records();
    let mut failed: Vec<_> = records.iter().map(|record| !record.succeeded()).collect();
    for (later, earlier) in replacements.found.iter().enumerate() {
        if let Some(earlier) = *earlier {
            failed[earlier] &= !records[later].succeeded();
        }
    }
    failed
}

/// Tells of each write whether it, or an update in place of it, is what the world holds.
fn standing(history: &History<'_>) -> Vec<bool> {
    let mut standing = vec![true; history.writes.len()];
    for (place, write) in history.writes.iter().enumerate().rev() {
        if let Some(next) = write.next {
            let updated = history.writes[next].started_from == Some(write.content);
            standing[place] = updated && standing[next];
        }
    }
    standing
}
