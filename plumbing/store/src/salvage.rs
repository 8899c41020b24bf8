//! Getting back what the journal has lost and sled still holds.
//!
//! A journal that ends before a commit that was acknowledged was cut by somebody else: a bad disk, a
//! copy that was not finished. sled has small objects whole and remembers every change of a ref, so most
//! of what is gone can be put in the journal again, as one new commit.

use crate::base::Base;
use crate::checkpoint::Checkpoint;
use crate::closure;
use crate::file::{FileError, FileResult};
use crate::index::{Held, Index, Row};
use crate::journal::{self, Found};
use crate::notice::explain;
use crate::places::Places;
use crate::reader::ReflogEntry;
use crate::recover::is_index_there;
use crate::segment_index::Listed;
use crate::shelf::Shelf;
use crate::sled_fence::SledError;
use crate::snapshot::{Refs, Snapshot};
use crate::state::State;
use crate::store::Layout;
use crate::{Expect, Notice, Reader, RefChange, RefName, Transaction};
use roar_object::{Object, ObjectId};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::PathBuf;

/// What the commit that brings things back says in reflogs.
pub(crate) const NOTE: &str = "salvage";

/// What can be brought back.
#[derive(Debug)]
pub(crate) struct Salvage {
    /// The newest commit that was acknowledged.
    pub(crate) acknowledged: u64,
    pub(crate) transaction: Transaction,
    pub(crate) loss: Loss,
}

/// How much came back, and how much did not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Loss {
    commits_back: u64,
    commits_lost: u64,
    objects_back: usize,
    objects_lost: usize,
}

impl Loss {
    /// Nothing of it came back.
    pub(crate) const fn of_all(self) -> Self {
        Self {
            commits_back: 0,
            commits_lost: self.commits_lost + self.commits_back,
            objects_back: 0,
            objects_lost: self.objects_lost + self.objects_back,
        }
    }

    pub(crate) fn notice(self, aside: Option<PathBuf>) -> Notice {
        Notice::Salvaged {
            commits_back: self.commits_back,
            commits_lost: self.commits_lost,
            objects_back: self.objects_back,
            objects_lost: self.objects_lost,
            aside,
        }
    }
}

/// Returns what can be brought back, if the journal ends before what was acknowledged. The caller holds
/// the lock.
///
/// A journal that has what the `refs` file vouches for costs a look at one frame.
pub(crate) fn gather(layout: &Layout) -> FileResult<Option<Salvage>> {
    let journal = layout.journal();
    let base = Base::read(layout)?;
    // One that is older than where the journal begins says nothing of its end.
    let claim = Snapshot::load(&layout.refs())?
        .filter(|claim| claim.checkpoint.sequence >= base.checkpoint.sequence);
    if let Some(claim) = &claim
        && claim.checkpoint.is_in(&journal, &base)?
    {
        return Ok(None);
    }
    let index = match open_index(layout) {
        // Who goes on without it would never come back to it.
        Err(err) if claim.is_some() && err.is_outer() => return Err(unusable(layout, &err)),
        index => index.ok().flatten(),
    };
    let applied = index.as_ref().map_or(Checkpoint::ZERO, |(_, it)| *it);
    if claim.is_none() && (applied == Checkpoint::ZERO || applied.is_in(&journal, &base)?) {
        return Ok(None);
    }
    let state = State::read_from(None, base, layout, 0)?;
    let reached = state.tail.last;
    let index = index.filter(|(index, applied)| {
        applied.sequence > reached.sequence
            && is_of_this_store(index, *applied, &claim, &state.base, layout)
    });
    let applied = index.as_ref().map_or(0, |(_, applied)| applied.sequence);
    let claimed = claim.as_ref().map_or(0, |claim| claim.checkpoint.sequence);
    let acknowledged = claimed.max(applied);
    if acknowledged <= reached.sequence {
        return Ok(None);
    }
    let search = Search {
        reader: Reader::new(layout.clone()),
        shelf: Shelf::read(layout)?,
        places: Places::read(layout, &state.base, 0)?,
        state,
        claim: claim.filter(|_| claimed >= applied),
        index: index.map(|(index, _)| index),
        applied,
    };
    Ok(Some(search.run(acknowledged)))
}

/// Opens sled as it is; whether it fits is for the caller to say.
fn open_index(layout: &Layout) -> Result<Option<(Index, Checkpoint)>, SledError> {
    // Opening one that is not there would make it.
    if !is_index_there(layout) {
        return Ok(None);
    }
    let index = Index::open(&layout.sled())?;
    let applied = index.applied()?;
    Ok(Some((index, applied)))
}

fn unusable(layout: &Layout, err: &SledError) -> FileError {
    FileError::at("mend the journal from", &layout.sled())(std::io::Error::other(explain(err)))
}

/// Returns whether sled was filled from this journal: it ends with the very commit that the `refs` file
/// names, or remembers the changes of refs that the journal still has.
fn is_of_this_store(
    index: &Index,
    applied: Checkpoint,
    claim: &Option<Snapshot>,
    base: &Base,
    layout: &Layout,
) -> bool {
    if claim
        .as_ref()
        .is_some_and(|claim| claim.checkpoint == applied)
    {
        return true;
    }
    let mut agrees = true;
    let walked = journal::walk(&layout.journal(), base.checkpoint, 0, &mut |found| {
        if let Found::Frame(frame, head, _) = found {
            let sequence = frame.header.sequence;
            agrees = agrees
                && head
                    .refs()
                    .all(|change| remembers(index, &change.name, sequence, change.new));
        }
        Ok(())
    });
    agrees && walked.is_ok()
}

fn remembers(index: &Index, name: &RefName, sequence: u64, new: Option<ObjectId>) -> bool {
    let entry = index.logged(name, sequence).ok().flatten();
    entry.is_some_and(|entry| entry.new == new)
}

/// What is looked through for what is gone.
struct Search {
    reader: Reader,
    /// Objects that the journal has.
    places: Places,
    /// Objects that have left it.
    shelf: Shelf,
    /// What the journal says.
    state: State,
    /// The `refs` file, where it is newer than sled or as new.
    claim: Option<Snapshot>,
    index: Option<Index>,
    /// Up to which commit sled knows.
    applied: u64,
}

/// Objects that the journal does not have.
#[derive(Default)]
struct Objects {
    back: Vec<Object>,
    lost: usize,
    /// Those of `back` that lead to nothing that is gone.
    closed: HashSet<ObjectId>,
}

impl Search {
    fn run(self, acknowledged: u64) -> Salvage {
        // What sled cannot say any more is lost; the rest is still worth having.
        let mut objects = self.objects().unwrap_or_default();
        objects.closed = self.closed(&objects.back);
        let logs = self.logs().unwrap_or_default();
        let transaction_refs = self.refs(&logs, &objects.closed);
        let commits_back = self.commits_back(&logs, &objects);
        let commits = acknowledged - self.state.tail.last.sequence;
        Salvage {
            acknowledged,
            loss: Loss {
                commits_back,
                commits_lost: commits - commits_back,
                objects_back: objects.back.len(),
                objects_lost: objects.lost,
            },
            transaction: Transaction {
                objects: objects.back,
                refs: transaction_refs,
                note: NOTE.to_owned(),
                at_ns: newest(&logs),
            },
        }
    }

    /// Takes what the journal does not have out of sled, each object checked by its name.
    fn objects(&self) -> Result<Objects, SledError> {
        let mut objects = Objects::default();
        let Some(index) = &self.index else {
            return Ok(objects);
        };
        index.each(&mut |row| match row {
            Row::Object(id, held) if !self.is_stored(id) => match self.taken_out(id, held) {
                Some(object) => objects.back.push(object),
                None => objects.lost += 1,
            },
            _ => {}
        })?;
        Ok(objects)
    }

    fn taken_out(&self, id: ObjectId, held: Held) -> Option<Object> {
        match held {
            Held::Inline(kind, body) => {
                let object = Object::from_parts(id, kind, body);
                object.is_genuine().then_some(object)
            }
            // The frame is gone, and this part of it may be there.
            Held::At {
                kind,
                segment,
                offset,
                len,
            } => {
                let at = Listed {
                    id,
                    kind,
                    offset,
                    len,
                };
                self.reader.object_at(segment, &at).ok().flatten()
            }
        }
    }

    /// Returns those objects of which everything that they need is there.
    fn closed(&self, back: &[Object]) -> HashSet<ObjectId> {
        let names: HashSet<_> = back.iter().map(Object::id).collect();
        let mut users: HashMap<ObjectId, Vec<ObjectId>> = HashMap::new();
        let mut open = Vec::new();
        for object in back {
            let Ok(links) = closure::links(object) else {
                open.push(object.id());
                continue;
            };
            for link in links.iter().filter(|link| !link.optional) {
                if names.contains(&link.to) {
                    users.entry(link.to).or_default().push(object.id());
                } else if !self.is_stored(link.to) {
                    open.push(object.id());
                }
            }
        }
        let mut closed = names;
        while let Some(id) = open.pop() {
            if closed.remove(&id) {
                open.extend(users.remove(&id).into_iter().flatten());
            }
        }
        closed
    }

    /// A commit brought with it all that its objects need.
    fn is_stored(&self, id: ObjectId) -> bool {
        self.places.find(id).is_some() || self.shelf.packs.has(id)
    }

    fn is_whole(&self, id: ObjectId, closed: &HashSet<ObjectId>) -> bool {
        closed.contains(&id) || self.is_stored(id)
    }

    /// Returns what the lost commits did to each ref, oldest change first.
    fn logs(&self) -> Result<HashMap<RefName, Vec<ReflogEntry>>, SledError> {
        let mut logs = HashMap::new();
        let Some(index) = &self.index else {
            return Ok(logs);
        };
        let reached = self.state.tail.last.sequence;
        for name in index.logged_names()? {
            let mut log = index.reflog(&name)?;
            log.retain(|entry| entry.sequence > reached);
            if !log.is_empty() {
                logs.insert(name, log);
            }
        }
        Ok(logs)
    }

    /// Returns the changes that take every ref to where it was, or as near as everything needed is there.
    fn refs(
        &self,
        logs: &HashMap<RefName, Vec<ReflogEntry>>,
        closed: &HashSet<ObjectId>,
    ) -> Vec<RefChange> {
        let claimed = self.claim.as_ref().map(|claim| &claim.refs);
        let mut names: BTreeSet<_> = logs.keys().collect();
        if let Some(claimed) = claimed {
            names.extend(claimed.keys().chain(self.state.refs.keys()));
        }
        let changes = names.into_iter().filter_map(|name| {
            let log = logs.get(name).map_or(&[][..], Vec::as_slice);
            let new = self.newest_whole(name, claimed, log, closed)?;
            let now = self.state.refs.get(name).copied();
            (new != now).then(|| RefChange {
                name: name.clone(),
                expect: Expect::Any,
                new,
            })
        });
        changes.collect()
    }

    /// Returns the newest value of a ref that can be had, if that is newer than what the journal says.
    fn newest_whole(
        &self,
        name: &RefName,
        claimed: Option<&Refs>,
        log: &[ReflogEntry],
        closed: &HashSet<ObjectId>,
    ) -> Option<Option<ObjectId>> {
        let claimed = claimed.map(|refs| refs.get(name).copied());
        let mut values = claimed
            .into_iter()
            .chain(log.iter().rev().map(|entry| entry.new));
        values.find(|value| value.is_none_or(|id| self.is_whole(id, closed)))
    }

    /// Counts the lost commits all of whose changes can be made again.
    fn commits_back(&self, logs: &HashMap<RefName, Vec<ReflogEntry>>, objects: &Objects) -> u64 {
        let mut told = HashMap::new();
        for entry in logs.values().flatten() {
            let is_back = entry
                .new
                .is_none_or(|id| self.is_whole(id, &objects.closed));
            *told.entry(entry.sequence).or_insert(true) &= is_back;
        }
        let known = self.applied.saturating_sub(self.state.tail.last.sequence);
        // A commit that changed no ref is known by its objects alone, and which they were is not.
        let untold = if objects.lost == 0 {
            known.saturating_sub(told.len() as u64)
        } else {
            0
        };
        told.values().filter(|is_back| **is_back).count() as u64 + untold
    }
}

/// Returns when the last of the lost commits was, as it said itself.
fn newest(logs: &HashMap<RefName, Vec<ReflogEntry>>) -> i64 {
    let times = logs.values().flatten().map(|entry| entry.at_ns);
    times.max().unwrap_or_default()
}
