//! Opening for writing: the journal's end is put in order, the index brought up to date, and whatever
//! does not fit the journal moved out of the way.

use crate::base::Base;
use crate::checkpoint::Checkpoint;
use crate::door;
use crate::file::{self, FileError, FileResult};
use crate::frame;
use crate::index::Index;
use crate::journal::{self, Appender, Found, Tail};
use crate::lock::Lock;
use crate::notice::explain;
use crate::salvage::{self, Salvage};
use crate::scan::FrameAt;
use crate::segment;
use crate::shelf::Shelf;
use crate::sled_fence::{self, SledError};
use crate::snapshot::Snapshot;
use crate::state::State;
use crate::store::Layout;
use crate::{Notice, Reader, Writer};
use crate::{sweep, writer};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// What is the matter with an index that was filled from another journal, or from more of this one.
const AHEAD: SledError =
    SledError::Contradiction("that a commit is there which the journal does not have");

/// Opens a store for writing: cuts off what was never acknowledged, and brings the index up to date.
pub(crate) fn open(layout: &Layout, lock: Lock) -> FileResult<Writer> {
    if let Some(salvage) = salvage::gather(layout)? {
        return open_with(salvage, layout, lock);
    }
    let base = Base::settle(layout)?;
    let snapshot = Snapshot::read(layout, &base)?;
    let shelf = Shelf::read(layout)?;
    if let Some(salvage) = holes_to_fill(&shelf, &snapshot, layout) {
        return open_with(salvage, layout, lock);
    }
    let mut writer = open_from(snapshot, base, layout, lock)?;
    writer.use_shelf(shelf);
    Ok(writer)
}

/// Returns what sled still has of what is missing in the journal, if part of that is seen to be damaged.
///
/// All that a commit reads is looked at, and nothing else; so what is seen stays on the shelf. Without sled
/// there is nothing to be had, and all stays as it is for somebody to look at.
fn holes_to_fill(shelf: &Shelf, snapshot: &Option<Snapshot>, layout: &Layout) -> Option<Salvage> {
    let synced = snapshot.as_ref();
    let trusted = synced.map_or(0, |snapshot| snapshot.checkpoint.sequence);
    shelf.places(layout, trusted).ok()??.damage()?;
    // Whatever is in the way of this is in the way of opening, too, or else nothing is lost by waiting.
    let salvage = salvage::gather_all(layout).ok()??;
    salvage.has_index.then_some(salvage)
}

/// As [`open`], without looking at the index: for whoever changes no refs and adds no objects.
pub(crate) fn open_plainly(layout: &Layout, lock: Lock) -> FileResult<Writer> {
    if let Some(salvage) = salvage::gather(layout)? {
        return open_with(salvage, layout, lock);
    }
    let base = Base::settle(layout)?;
    let snapshot = Snapshot::read(layout, &base)?;
    if let Some(salvage) = holes_to_fill(&Shelf::read(layout)?, &snapshot, layout) {
        return open_with(salvage, layout, lock);
    }
    open_at(snapshot, base, None, Vec::new(), layout, lock)
}

/// Opens a store whose journal has lost something, and puts what can be brought back in a commit of its own.
///
/// Killed at any moment, this leaves a store for which it is done again or is done: the index and the
/// `refs` file stay what they are until that commit is on the disk.
pub(crate) fn open_with(salvage: Salvage, layout: &Layout, lock: Lock) -> FileResult<Writer> {
    let base = Base::read(layout)?;
    let mut state = State::read_from(None, base, layout, salvage.trusted)?;
    let aside = keep_segments(layout, &salvage.segments)?;
    let last = state.tail.segment;
    let acknowledged = salvage.acknowledged.max(begun_after(layout, &state.tail)?);
    // The notice of the salvage says more than those that this makes.
    let first = state.base.first_segment();
    let appender = put_in_order(
        layout,
        &mut state.tail,
        first,
        acknowledged,
        &mut Vec::new(),
    )?;
    let reader = Reader::of_writer(layout.clone(), state, None);
    let next = acknowledged + 1;
    let mut writer = Writer::new(layout.clone(), reader, appender, next, Vec::new(), lock);
    writer.bring_back(salvage, aside)?;
    // Not before: whoever begins again must see what is damaged. It can be made again, so trouble with
    // it is none.
    let _ = writer::write_segment_index(&layout.journal(), last);
    writer.write_snapshot();
    writer.renew_index();
    Ok(writer)
}

/// Moves the index aside, which knows commits that the journal does not have, and makes it anew.
pub(crate) fn renew_index(
    layout: &Layout,
    state: &State,
    notices: &mut Vec<Notice>,
) -> Option<Index> {
    if is_index_there(layout) {
        let moved = set_index_aside(layout, &AHEAD);
        let is_moved = matches!(moved, Notice::IndexRebuilt { .. });
        notices.push(moved);
        if !is_moved {
            return None;
        }
    }
    let (index, applied) = reopen(layout, &state.base, notices)?;
    bring_up_to_date(layout, index, applied, state, notices)
}

/// As [`open`] where the journal is what it was, taking the refs from a snapshot, or all from the journal
/// if there is none.
pub(crate) fn open_from(
    snapshot: Option<Snapshot>,
    base: Base,
    layout: &Layout,
    lock: Lock,
) -> FileResult<Writer> {
    let mut notices = Vec::new();
    sweep::tidy(layout, &base);
    let index = open_index(layout, &base, &mut notices);
    open_at(snapshot, base, index, notices, layout, lock)
}

fn open_at(
    snapshot: Option<Snapshot>,
    base: Base,
    index: Option<(Index, Checkpoint)>,
    mut notices: Vec<Notice>,
    layout: &Layout,
    lock: Lock,
) -> FileResult<Writer> {
    let claimed = claimed_sequence(layout, &base)?;
    let trusted = index.as_ref().map_or(0, |(_, applied)| applied.sequence);
    let mut state = State::read_from(snapshot, base, layout, trusted)?;
    let claimed = claimed.max(trusted).max(begun_after(layout, &state.tail)?);
    let next = claimed.max(state.tail.last.sequence) + 1;
    let first = state.base.first_segment();
    let last = state.tail.segment;
    let appender = put_in_order(layout, &mut state.tail, first, claimed, &mut notices)?;
    if appender.is_beyond(last) {
        // It can be made again, so trouble with it is none.
        let _ = writer::write_segment_index(&layout.journal(), last);
    }
    let index = index.and_then(|(index, applied)| {
        bring_up_to_date(layout, index, applied, &state, &mut notices)
    });
    let is_snapshot = state.is_snapshot && state.objects.is_some();
    if state.objects.is_none() {
        state.count(layout)?;
    }
    let reader = Reader::of_writer(layout.clone(), state, index);
    let mut writer = Writer::new(layout.clone(), reader, appender, next, notices, lock);
    if !is_snapshot && next > 1 {
        writer.write_snapshot();
    }
    Ok(writer)
}

/// Returns up to which commit the `refs` file says that the journal goes, even if it does not.
pub(crate) fn claimed_sequence(layout: &Layout, base: &Base) -> FileResult<u64> {
    let snapshot = Snapshot::load(&layout.refs())?;
    let claimed = snapshot.map_or(0, |snapshot| snapshot.checkpoint.sequence);
    Ok(claimed.max(base.checkpoint.sequence))
}

/// Returns which commit the newest segment says that it was begun after.
fn begun_after(layout: &Layout, tail: &Tail) -> FileResult<u64> {
    let path = segment::path(&layout.journal(), tail.segment);
    let read = || -> std::io::Result<Option<u64>> {
        let Some(file) = file::open_if_file(&path)? else {
            return Ok(None);
        };
        let header = file::read_exactly(&file, 0, segment::HEADER as usize)?;
        Ok(header.and_then(|header| segment::parse_header(tail.segment, &header)))
    };
    let first = read().map_err(FileError::at("read", &path))?;
    Ok(first.map_or(0, |first| first.saturating_sub(1)))
}

/// Makes the end of the journal fit to be appended to.
fn put_in_order(
    layout: &Layout,
    tail: &mut Tail,
    first: u32,
    claimed: u64,
    notices: &mut Vec<Notice>,
) -> FileResult<Appender> {
    let journal = layout.journal();
    let is_torn = tail.end < tail.len;
    let is_fresh = tail.end == segment::HEADER && begun_after(layout, tail)? == claimed;
    if claimed > tail.last.sequence && !is_fresh {
        // A commit that was acknowledged is damaged or gone. What is left of it stays for a repair.
        let (segment, start, end) = (tail.segment, tail.end, tail.len);
        notices.push(Notice::JournalDamaged {
            segment,
            start,
            end,
        });
        return Appender::begin(&journal, (segment + 1).max(first), claimed + 1);
    }
    if is_torn {
        let is_certain = claimed == tail.last.sequence && claimed > 0;
        let aside = if is_certain {
            None
        } else {
            keep_tail(layout, tail)?
        };
        notices.push(Notice::TailCut {
            segment: tail.segment,
            aside,
        });
    }
    if tail.end < segment::HEADER {
        // The writer that began this segment was killed before its header was whole.
        return Appender::begin(&journal, tail.segment.max(first), claimed + 1);
    }
    if is_torn {
        journal::cut(&journal, tail)?;
        tail.len = tail.end;
    }
    Ok(Appender::at(&journal, tail))
}

/// Copies the segments that something is missing in, as far as they are there; returns the first copy.
fn keep_segments(layout: &Layout, numbers: &BTreeSet<u32>) -> FileResult<Option<PathBuf>> {
    let mut first = None;
    for number in numbers {
        let aside = keep_segment(layout, *number)?;
        first = first.or(aside);
    }
    Ok(first)
}

fn keep_segment(layout: &Layout, number: u32) -> FileResult<Option<PathBuf>> {
    let path = segment::path(&layout.journal(), number);
    if !path.is_file() {
        return Ok(None);
    }
    let aside = free_name(layout, &format!("{number:08}.rj"))?;
    let copy = || -> std::io::Result<()> {
        let copy = door::create(&aside)?;
        door::write_at(&copy, &std::fs::read(&path)?, 0)?;
        door::sync(&copy)
    };
    copy().map_err(|err| {
        // On a full disk, what there is of the copy would only take up more of it.
        let _ = door::remove(&aside);
        FileError::at("copy", &path)(err)
    })?;
    file::sync_dir(&layout.aside())?;
    Ok(Some(aside))
}

/// Copies what will be cut off.
fn keep_tail(layout: &Layout, tail: &Tail) -> FileResult<Option<PathBuf>> {
    let path = segment::path(&layout.journal(), tail.segment);
    let bytes = std::fs::read(&path).map_err(FileError::at("read", &path))?;
    let Some(torn) = bytes
        .get(tail.end as usize..)
        .filter(|torn| !torn.is_empty())
    else {
        return Ok(None);
    };
    let aside = free_name(layout, &format!("tail-{:08}-{}", tail.segment, tail.end))?;
    file::replace(&aside, torn, file::Sync::Yes)?;
    Ok(Some(aside))
}

/// Returns a path in `aside/` that is not taken.
pub(crate) fn free_name(layout: &Layout, name: &str) -> FileResult<PathBuf> {
    let dir = layout.aside();
    file::make_lasting_dir(&dir)?;
    let names = (0..).map(|number: u32| match number {
        0 => dir.join(name),
        _ => dir.join(format!("{name}.{number}")),
    });
    let mut free = names.filter(|path| path.symlink_metadata().is_err());
    Ok(free.next().expect("names do not run out"))
}

/// Opens the index; one that is damaged is moved aside and made anew.
fn open_index(
    layout: &Layout,
    base: &Base,
    notices: &mut Vec<Notice>,
) -> Option<(Index, Checkpoint)> {
    // Where it was emptied on purpose, there is a directory.
    let was_there = layout.sled().symlink_metadata().is_ok();
    let opened = match try_open(layout, base) {
        Err(SledError::Outdated) => renew_outdated(layout, base),
        opened => opened,
    };
    match opened {
        Ok((index, applied)) => {
            if !was_there && layout.refs().exists() {
                notices.push(Notice::IndexMade);
            }
            Some((index, applied))
        }
        Err(err) => {
            notices.push(set_index_aside(layout, &err));
            if err.is_outer() {
                None
            } else {
                reopen(layout, base, notices)
            }
        }
    }
}

/// Returns whether something is there that is an index or stands in the way of one.
pub(crate) fn is_index_there(layout: &Layout) -> bool {
    let sled = layout.sled();
    let is_missing = |path: &Path| {
        let meta = path.symlink_metadata();
        meta.is_err_and(|err| err.kind() == std::io::ErrorKind::NotFound)
    };
    let is_directory = sled.symlink_metadata().is_ok_and(|meta| meta.is_dir());
    let is_empty = is_directory && is_missing(&sled.join("db"));
    !is_empty && !is_missing(&sled)
}

/// Makes an index anew that is of the journal as it was before the last sealing: all of it is in packs.
fn renew_outdated(layout: &Layout, base: &Base) -> Result<(Index, Checkpoint), SledError> {
    remove_index(layout)?;
    try_open(layout, base)
}

/// Removes the index, or what stands in its place.
pub(crate) fn remove_index(layout: &Layout) -> FileResult<()> {
    let dir = layout.sled();
    sled_fence::close(&dir);
    file::make_usable(&dir);
    let is_directory = dir.symlink_metadata().is_ok_and(|meta| meta.is_dir());
    let removed = if is_directory {
        door::remove_dir(&dir)
    } else {
        door::remove(&dir)
    };
    removed.map_err(FileError::at("remove", &dir))
}

pub(crate) fn try_open(layout: &Layout, base: &Base) -> Result<(Index, Checkpoint), SledError> {
    let index = Index::open(&layout.sled())?;
    index.begin(base)?;
    let applied = match index.applied()? {
        // Nothing was, of this journal.
        Checkpoint::ZERO => base.checkpoint,
        applied => applied,
    };
    if !applied.is_in(&layout.journal(), base)? {
        return Err(AHEAD);
    }
    Ok((index, applied))
}

fn reopen(layout: &Layout, base: &Base, notices: &mut Vec<Notice>) -> Option<(Index, Checkpoint)> {
    match try_open(layout, base) {
        Ok(opened) => Some(opened),
        Err(err) => {
            notices.push(Notice::IndexUnused { why: explain(&err) });
            None
        }
    }
}

/// Moves an index that is damaged out of the way, and says what became of it.
pub(crate) fn set_index_aside(layout: &Layout, err: &SledError) -> Notice {
    let why = explain(err);
    if err.is_outer() {
        return Notice::IndexUnused { why };
    }
    match move_index_aside(layout) {
        Ok(aside) => Notice::IndexRebuilt { why, aside },
        Err(_) => Notice::IndexUnused { why },
    }
}

/// Moves the index, or what stands in its place, to `aside/`.
pub(crate) fn move_index_aside(layout: &Layout) -> FileResult<PathBuf> {
    let from = layout.sled();
    sled_fence::close(&from);
    let aside = free_name(layout, "sled")?;
    file::make_usable(&from);
    door::rename(&from, &aside).map_err(FileError::at("move", &from))?;
    Ok(aside)
}

/// Applies the frames that the index has not seen; tries once more from the beginning if it breaks.
fn bring_up_to_date(
    layout: &Layout,
    index: Index,
    applied: Checkpoint,
    state: &State,
    notices: &mut Vec<Notice>,
) -> Option<Index> {
    let Err(err) = catch_up(layout, &index, applied, state) else {
        return Some(index);
    };
    drop(index);
    notices.push(set_index_aside(layout, &err));
    if err.is_outer() {
        return None;
    }
    let (index, applied) = reopen(layout, &state.base, notices)?;
    match catch_up(layout, &index, applied, state) {
        Ok(()) => Some(index),
        Err(err) => {
            notices.push(Notice::IndexUnused { why: explain(&err) });
            None
        }
    }
}

/// Applies the frames after `applied`, none of which is a torn tail: that has been cut off.
fn catch_up(
    layout: &Layout,
    index: &Index,
    applied: Checkpoint,
    state: &State,
) -> Result<(), SledError> {
    if applied == state.tail.last {
        return Ok(());
    }
    let mut outcome = Ok(());
    journal::walk(&layout.journal(), applied, u64::MAX, &mut |found| {
        if let (Found::Frame(frame, head, file), Ok(())) = (found, &outcome) {
            outcome = index.apply(frame, &head, |entry, at| read_body(file, frame, entry, at));
        }
        Ok(())
    })?;
    outcome?;
    index.flush()
}

fn read_body(
    file: &std::fs::File,
    frame: &FrameAt,
    entry: &frame::Entry,
    at: u64,
) -> Result<Vec<u8>, SledError> {
    let body = file::read_exactly(file, frame.bodies() + at, entry.len as usize);
    let body = body.map_err(|err| SledError::Sled(sled::Error::Io(err)))?;
    Ok(body.unwrap_or_default())
}
