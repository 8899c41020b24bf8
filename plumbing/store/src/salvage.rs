//! Getting back what the journal has lost and sled still holds.
//!
//! A journal that ends before a commit that was acknowledged, or lacks one between others, was harmed by
//! somebody else: a bad disk, a copy that was not finished. sled has small objects whole and remembers
//! every change of a ref, so most of what is gone can be put in the journal again, as one new commit.

mod claimed;

use crate::checkpoint::Checkpoint;
use crate::closure;
use crate::file::{FileError, FileResult};
use crate::frame::Head;
use crate::holes::Holes;
use crate::index::{Held, Index, Row};
use crate::journal::{self, Found};
use crate::notice::explain;
use crate::places::Places;
use crate::reader::ReflogEntry;
use crate::recover::is_index_there;
use crate::segment;
use crate::segment_index::{Listed, SegmentIndex};
use crate::shelf::Shelf;
use crate::sled_fence::SledError;
use crate::snapshot::{Refs, Snapshot};
use crate::state::State;
use crate::store::Layout;
use crate::{Expect, Notice, Reader, RefChange, RefName, Transaction};
use claimed::Claimed;
use roar_object::{Object, ObjectId, Objects as _};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::PathBuf;

/// What the commit that brings things back says in reflogs.
pub(crate) const NOTE: &str = "salvage";

/// Returns whether a commit that comes after commit `last` made up for all that was lost before it: its
/// number is one that no other commit would have there.
pub(crate) fn is_salvage(head: &Head<'_>, sequence: u64, last: u64) -> bool {
    head.note == NOTE && sequence > last + 1
}

/// What can be brought back.
#[derive(Debug)]
pub(crate) struct Salvage {
    /// The newest number that no commit may have any more.
    pub(crate) acknowledged: u64,
    /// Frames up to this one were synced.
    pub(crate) trusted: u64,
    /// The segments that something is missing in, or after.
    pub(crate) segments: BTreeSet<u32>,
    /// Whether something is missing before the journal's end, which only a commit can make good.
    pub(crate) has_holes: bool,
    /// Whether sled was there to take things from.
    pub(crate) has_index: bool,
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
    let claimed = Claimed::read(layout)?;
    if claimed.is_there {
        return Ok(None);
    }
    let index = match open_index(layout) {
        // Who goes on without it would never come back to it.
        Err(err) if claimed.claim.is_some() && err.is_outer() => {
            return Err(unusable(layout, &err));
        }
        index => index.ok().flatten(),
    };
    let applied = index.as_ref().map_or(Checkpoint::ZERO, |(_, it)| *it);
    let is_known = applied == Checkpoint::ZERO || applied.is_in(&journal, &claimed.base)?;
    if claimed.claim.is_none() && is_known {
        return Ok(None);
    }
    let holes = claimed.holes(layout)?;
    look(layout, &claimed, holes, index)
}

/// As [`gather`], and if something is missing anywhere in the journal. All of it is gone through.
pub(crate) fn gather_all(layout: &Layout) -> FileResult<Option<Salvage>> {
    let claimed = Claimed::read(layout)?;
    let holes = claimed.holes(layout)?;
    let index = match open_index(layout) {
        Err(err) if !holes.is_empty() && err.is_outer() => return Err(unusable(layout, &err)),
        index => index.ok().flatten(),
    };
    look(layout, &claimed, holes, index)
}

/// Looks for what is missing.
fn look(
    layout: &Layout,
    claimed: &Claimed,
    mut holes: Holes,
    index: Option<(Index, Checkpoint)>,
) -> FileResult<Option<Salvage>> {
    let trusted = claimed.trusted();
    let state = State::read_from(None, claimed.base.clone(), layout, trusted)?;
    let reached = state.tail.last.sequence;
    let has_holes = !holes.is_empty();
    let index = index.filter(|(index, applied)| {
        (has_holes || applied.sequence > reached)
            && is_of_this_store(index, *applied, claimed, layout)
    });
    let applied = index.as_ref().map_or(0, |(_, applied)| applied.sequence);
    let acknowledged = claimed.sequence().max(applied).max(reached);
    if acknowledged == reached && !has_holes {
        return Ok(None);
    }
    if acknowledged > reached {
        holes.segments.insert(state.tail.segment);
        holes.miss(reached + 1..=acknowledged);
    }
    let search = Search {
        reader: Reader::new(layout.clone()),
        shelf: Shelf::read(layout)?,
        places: Places::walk(layout, &state.base, trusted)?,
        claimed: claimed.refs(layout, reached)?,
        state,
        has_holes,
        holes,
        index: index.map(|(index, _)| index),
        applied,
    };
    Ok(Some(search.run(acknowledged.max(reached + 1), trusted)))
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

/// Returns whether everything that sled holds is in the journal or in packs. One that cannot be read may
/// hold anything.
pub(crate) fn is_index_needless(layout: &Layout) -> bool {
    let reader = Reader::new(layout.clone());
    let mut is_needless = reader.damage().is_none();
    let Ok(Some((index, applied))) = open_index(layout) else {
        return false;
    };
    let visited = index.each(&mut |row| {
        if let Row::Object(id, _) = row {
            is_needless = is_needless && matches!(reader.has(id), Ok(true));
        }
    });
    let is_behind = reader.sequence().is_ok_and(|last| applied.sequence <= last);
    visited.is_ok() && is_needless && is_behind
}

fn unusable(layout: &Layout, err: &SledError) -> FileError {
    FileError::at("mend the journal from", &layout.sled())(std::io::Error::other(explain(err)))
}

/// Returns whether sled was filled from this journal: it ends with the very commit that the `refs` file
/// names, or with one that the journal has, or remembers the changes of refs that the journal still has.
fn is_of_this_store(
    index: &Index,
    applied: Checkpoint,
    claimed: &Claimed,
    layout: &Layout,
) -> bool {
    let is_applied = |claim: &Snapshot| claim.checkpoint == applied;
    let journal = layout.journal();
    if claimed.claim.as_ref().is_some_and(is_applied)
        || matches!(applied.is_in(&journal, &claimed.base), Ok(true))
    {
        return true;
    }
    let mut agrees = true;
    let walked = journal::walk(&journal, claimed.base.checkpoint, 0, &mut |found| {
        if let Found::Frame(frame, head, _) = found {
            let sequence = frame.header.sequence;
            agrees = agrees
                && (sequence > applied.sequence
                    || head
                        .refs()
                        .all(|change| remembers(index, &change.name, sequence, change.new)));
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
    /// What the `refs` file says that every ref named, and up to which commit it knows.
    claimed: Option<(Refs, u64)>,
    /// Whether something is missing before the journal's end.
    has_holes: bool,
    /// What is missing there, and at the end.
    holes: Holes,
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
    fn run(self, acknowledged: u64, trusted: u64) -> Salvage {
        // What sled cannot say any more is lost; the rest is still worth having.
        let mut objects = self.objects().unwrap_or_default();
        objects.closed = self.closed(&objects.back);
        let logs = self.logs().unwrap_or_default();
        let transaction_refs = self.refs(&logs, &objects.closed);
        let commits_back = self.commits_back(&logs, &objects);
        Salvage {
            acknowledged,
            trusted,
            has_holes: self.has_holes,
            has_index: self.index.is_some(),
            loss: Loss {
                commits_back,
                commits_lost: self.holes.count() - commits_back,
                objects_back: objects.back.len(),
                objects_lost: objects.lost,
            },
            transaction: Transaction {
                objects: objects.back,
                refs: transaction_refs,
                note: NOTE.to_owned(),
                at_ns: newest(&logs),
            },
            segments: self.holes.segments,
        }
    }

    /// Takes what the journal does not have out of sled, and from where the lists of its segments say
    /// that it was. Each object is checked by its name.
    fn objects(&self) -> Result<Objects, SledError> {
        let mut found = BTreeMap::new();
        if let Some(index) = &self.index {
            index.each(&mut |row| {
                if let Row::Object(id, held) = row
                    && !self.is_stored(id)
                {
                    found.insert(id, self.taken_out(id, held));
                }
            })?;
        }
        self.take_listed(&mut found)?;
        let all = found.len();
        let back: Vec<_> = found.into_values().flatten().collect();
        Ok(Objects {
            lost: all - back.len(),
            back,
            ..Objects::default()
        })
    }

    /// Adds what the lists of segments know.
    fn take_listed(&self, found: &mut BTreeMap<ObjectId, Option<Object>>) -> FileResult<()> {
        let journal = self.reader.layout().journal();
        for segment in segment::list(&journal)? {
            if segment.number < self.state.base.first_segment() {
                continue;
            }
            let list = SegmentIndex::read_any(&journal, segment.number)?;
            for listed in list.iter().flat_map(SegmentIndex::objects) {
                let place = found.get(&listed.id);
                if !matches!(place, Some(Some(_))) && !self.is_stored(listed.id) {
                    let object = self.reader.object_at(segment.number, &listed);
                    found.insert(listed.id, object.ok().flatten());
                }
            }
        }
        Ok(())
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
        for name in index.logged_names()? {
            let mut log = index.reflog(&name)?;
            log.retain(|entry| self.holes.has(entry.sequence));
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
        let claimed = self.claimed.as_ref().map(|(refs, _)| refs);
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
        let known = self.claimed.as_ref().map_or(0, |(_, known)| *known);
        let claimed = claimed.map(|refs| refs.get(name).copied()).into_iter();
        let newer = log.iter().rev();
        let newer = newer.filter(|entry| self.holes.is_newer(name, entry.sequence));
        let newer = newer.map(|entry| entry.new);
        let values: Vec<_> = if known > self.applied {
            claimed.chain(newer).collect()
        } else {
            newer.chain(claimed).collect()
        };
        values
            .into_iter()
            .find(|value| value.is_none_or(|id| self.is_whole(id, closed)))
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
        let reached = self.state.tail.last.sequence;
        let known = self.applied.saturating_sub(reached);
        let after = told.keys().filter(|sequence| **sequence > reached).count();
        // A commit that changed no ref is known by its objects alone, and which they were is not.
        let untold = if objects.lost == 0 {
            known.saturating_sub(after as u64)
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
