//! The one that writes: journal first, everything else after it.

use crate::checkpoint::Checkpoint;
use crate::file::{self, FileError, FileResult};
use crate::frame::{self, Head, Header, RefMove};
use crate::index::Index;
use crate::journal::{self, Appender, Found, Tail};
use crate::lock::Lock;
use crate::reader::{ReadError, State};
use crate::scan::FrameAt;
use crate::segment;
use crate::segment_index::{Listed, SegmentIndex};
use crate::sled_fence::{self, SledError};
use crate::snapshot::Snapshot;
use crate::store::Layout;
use crate::{Expect, FrameError, Notice, Reader, RefChange, RefName, Transaction};
use roar_object::{FindError, Object, ObjectId, Objects};
use std::ops::Deref;
use std::path::{Path, PathBuf};

/// Why a transaction was not committed. Nothing of it is in the store then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommitError {
    /// A ref does not name what was expected.
    #[error("ref '{name}' has been changed meanwhile")]
    Conflict {
        /// Which ref.
        name: RefName,
        /// What it names.
        found: Option<ObjectId>,
    },
    /// The transaction cannot be written down.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// The store cannot be asked what it has.
    #[error("cannot tell what the store has")]
    Find(#[source] FindError),
    /// The journal cannot be written.
    #[error(transparent)]
    Io(#[from] FileError),
    /// An earlier commit of this writer did not reach the disk; what is there is uncertain until the
    /// store is opened for writing again.
    #[error("an earlier commit did not reach the disk")]
    Uncertain,
}

/// What a commit came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Receipt {
    /// The number of the commit; of the last one, if there was nothing new to write.
    pub sequence: u64,
    /// How many objects were new.
    pub objects: usize,
    /// What else happened.
    pub notices: Vec<Notice>,
}

/// The one process that writes to a store, as long as this lives.
///
/// It is a [`Reader`] too, and sees its own commits. Never keep it while a user's command runs; a process
/// that goes on for long afterwards gives the index back with [`Writer::close`].
#[derive(Debug)]
pub struct Writer {
    layout: Layout,
    reader: Reader,
    appender: Appender,
    next: u64,
    notices: Vec<Notice>,
    uncertain: bool,
    _lock: Lock,
}

impl Deref for Writer {
    type Target = Reader;

    fn deref(&self) -> &Reader {
        &self.reader
    }
}

impl Writer {
    /// Puts a transaction in the store: all of it, durably, or nothing.
    ///
    /// # Errors
    ///
    /// When a ref is not what was expected, the transaction is malformed, or the journal cannot be
    /// written. Trouble with anything else ends as a [`Notice`].
    pub fn commit(&mut self, transaction: &Transaction) -> Result<Receipt, CommitError> {
        if self.uncertain {
            return Err(CommitError::Uncertain);
        }
        let moves = self.resolve(&transaction.refs)?;
        let objects = self
            .new_objects(&transaction.objects)
            .map_err(CommitError::Find)?;
        if moves.is_empty() && objects.is_empty() {
            return Ok(self.receipt(self.next - 1, 0));
        }
        let Transaction { note, at_ns, .. } = transaction;
        let bytes = frame::encode(self.next, *at_ns, note, &moves, &objects)?;
        self.close_full_segment();
        let (segment, start) = self.append(&bytes)?;
        self.derive(segment, start, &bytes);
        Ok(self.receipt(self.next - 1, objects.len()))
    }

    /// Returns what happened on opening, once.
    pub fn take_notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.notices)
    }

    /// Lets go of lock and index, for a process that goes on for long.
    ///
    /// Dropping a writer gives the lock back but keeps sled open until the process ends, which is
    /// cheaper; other writers meanwhile do without the index.
    pub fn close(mut self) {
        self.reader.forget_index();
        sled_fence::close(&self.layout.sled());
    }

    fn receipt(&mut self, sequence: u64, objects: usize) -> Receipt {
        Receipt {
            sequence,
            objects,
            notices: self.take_notices(),
        }
    }

    /// Checks expectations, and returns the changes that change something.
    fn resolve(&self, changes: &[RefChange]) -> Result<Vec<RefMove>, CommitError> {
        let mut moves = Vec::with_capacity(changes.len());
        for change in changes {
            let found = self
                .reference(&change.name)
                .map_err(|err| CommitError::Find(err.into()))?;
            if !change.expect.admits(found) {
                return Err(CommitError::Conflict {
                    name: change.name.clone(),
                    found,
                });
            }
            if found != change.new {
                let expect = found.map_or(Expect::Absent, Expect::Is);
                moves.push(RefMove {
                    name: change.name.clone(),
                    expect,
                    new: change.new,
                });
            }
        }
        Ok(moves)
    }

    fn new_objects<'o>(&self, objects: &'o [Object]) -> Result<Vec<&'o Object>, FindError> {
        let mut new = Vec::with_capacity(objects.len());
        for object in frame::distinct(objects) {
            if !self.has(object.id())? {
                new.push(object);
            }
        }
        Ok(new)
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(u32, u64), CommitError> {
        let place = self.appender.append(self.next, bytes);
        self.uncertain = place.is_err();
        let place = place?;
        self.next += 1;
        Ok(place)
    }

    /// Brings what is derived from the journal up to a frame that was appended.
    fn derive(&mut self, segment: u32, start: u64, bytes: &[u8]) {
        let header = Header::parse(bytes).expect("this frame was encoded a moment ago");
        let (front, bodies) = bytes.split_at(frame::HEADER + header.head_len);
        let head = Head::parse(&header, &front[frame::HEADER..])
            .expect("this frame was encoded a moment ago");
        let frame = FrameAt {
            header,
            segment,
            start,
        };
        self.reader.add(&frame, &head);
        self.apply_to_index(&frame, &head, bodies);
        self.write_snapshot();
    }

    fn apply_to_index(&mut self, frame: &FrameAt, head: &Head<'_>, bodies: &[u8]) {
        let Some(index) = self.reader.index() else {
            return;
        };
        let body = |entry: &frame::Entry, at: u64| {
            let at = at as usize;
            Ok(bodies[at..at + entry.len as usize].to_vec())
        };
        let applied = index.apply(frame, head, body).and_then(|()| index.flush());
        if let Err(err) = applied {
            self.reader.forget_index();
            self.notices.push(set_index_aside(&self.layout, &err));
        }
    }

    fn write_snapshot(&mut self) {
        let state = self
            .reader
            .state()
            .expect("a writer's reader is made with its state");
        let snapshot = Snapshot {
            checkpoint: state.tail.last,
            refs: state.refs.clone(),
        };
        if let Err(err) = snapshot.write(&self.layout.refs()) {
            self.notices
                .push(Notice::SnapshotNotWritten { why: explain(&err) });
        }
    }

    /// Writes the list of the segment that the next frame closes. It can be made again, so trouble with
    /// it is none.
    fn close_full_segment(&self) {
        if let Some(number) = self.appender.about_to_close() {
            let _ = write_segment_index(&self.layout.journal(), number);
        }
    }
}

/// Makes the list of a closed segment.
pub(crate) fn write_segment_index(journal: &Path, number: u32) -> FileResult<()> {
    let segment = segment::Segment {
        number,
        path: segment::path(journal, number),
    };
    let mut objects = Vec::new();
    let tail = journal::walk_segments(&[segment], 0, Checkpoint::ZERO, u64::MAX, &mut |found| {
        if let Found::Frame(frame, head, _) = found {
            objects.extend(listed(frame, &head));
        }
        Ok(())
    })?;
    let bytes = SegmentIndex::encode(number, tail.len, objects);
    SegmentIndex::write(journal, number, &bytes)
}

/// Returns the objects of a frame with their places.
pub(crate) fn listed(frame: &FrameAt, head: &Head<'_>) -> impl Iterator<Item = Listed> {
    let bodies = frame.bodies();
    head.entries().map(move |(entry, at)| Listed {
        id: entry.id,
        kind: entry.kind,
        offset: bodies + at,
        len: entry.len,
    })
}

/// Opens a store for writing: cuts off what was never acknowledged, and brings the index up to date.
pub(crate) fn open(layout: &Layout, lock: Lock) -> FileResult<Writer> {
    let snapshot = Snapshot::read(&layout.refs(), &layout.journal())?;
    open_from(snapshot, layout, lock)
}

/// As [`open`], taking the refs from a snapshot, or all from the journal if there is none.
pub(crate) fn open_from(
    snapshot: Option<Snapshot>,
    layout: &Layout,
    lock: Lock,
) -> FileResult<Writer> {
    let mut notices = Vec::new();
    let claimed = claimed_sequence(layout)?;
    let index = open_index(layout, &mut notices);
    let trusted = index.as_ref().map_or(0, |(_, applied)| applied.sequence);
    let mut state = State::read_from(snapshot, layout, trusted)?;
    let claimed = claimed.max(trusted).max(begun_after(layout, &state.tail)?);
    let next = claimed.max(state.tail.last.sequence) + 1;
    let appender = put_in_order(layout, &mut state.tail, claimed, &mut notices)?;
    let index = index.and_then(|(index, applied)| {
        bring_up_to_date(layout, index, applied, &state, &mut notices)
    });
    let is_snapshot = state.is_snapshot;
    let reader = Reader::of_writer(layout.clone(), state, index);
    let layout = layout.clone();
    let mut writer = Writer {
        layout,
        reader,
        appender,
        next,
        notices,
        uncertain: false,
        _lock: lock,
    };
    if !is_snapshot && next > 1 {
        writer.write_snapshot();
    }
    Ok(writer)
}

/// Returns up to which commit the `refs` file says that the journal goes, even if it does not.
pub(crate) fn claimed_sequence(layout: &Layout) -> FileResult<u64> {
    let bytes = file::read_if_there(&layout.refs())?;
    let snapshot = bytes.and_then(|bytes| Snapshot::decode(&bytes));
    Ok(snapshot.map_or(0, |snapshot| snapshot.checkpoint.sequence))
}

/// Returns which commit the newest segment says that it was begun after.
fn begun_after(layout: &Layout, tail: &Tail) -> FileResult<u64> {
    let path = segment::path(&layout.journal(), tail.segment);
    let read = || -> std::io::Result<Option<u64>> {
        let Some(file) = file::if_there(std::fs::File::open(&path))? else {
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
    claimed: u64,
    notices: &mut Vec<Notice>,
) -> FileResult<Appender> {
    let journal = layout.journal();
    let is_torn = tail.end < tail.len;
    if claimed > tail.last.sequence {
        // A commit that was acknowledged is damaged or gone. What is left of it stays for a repair.
        let (segment, start, end) = (tail.segment, tail.end, tail.len);
        notices.push(Notice::JournalDamaged {
            segment,
            start,
            end,
        });
        return Appender::begin(&journal, segment + 1, claimed + 1);
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
        return Appender::begin(&journal, tail.segment.max(1), claimed + 1);
    }
    if is_torn {
        journal::cut(&journal, tail)?;
        tail.len = tail.end;
    }
    Ok(Appender::at(&journal, tail))
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
fn free_name(layout: &Layout, name: &str) -> FileResult<PathBuf> {
    let dir = layout.aside();
    file::make_private_dir(&dir)?;
    let names = (0..).map(|number: u32| match number {
        0 => dir.join(name),
        _ => dir.join(format!("{name}.{number}")),
    });
    let mut free = names.filter(|path| !path.exists());
    Ok(free.next().expect("names do not run out"))
}

/// Opens the index; one that is damaged is moved aside and made anew.
fn open_index(layout: &Layout, notices: &mut Vec<Notice>) -> Option<(Index, Checkpoint)> {
    let was_there = layout.sled().join("db").exists();
    let opened = try_open(layout);
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
                reopen(layout, notices)
            }
        }
    }
}

pub(crate) fn try_open(layout: &Layout) -> Result<(Index, Checkpoint), SledError> {
    let index = Index::open(&layout.sled())?;
    let applied = index.applied()?;
    if !applied.is_in(&layout.journal())? {
        return Err(SledError::Contradiction(
            "that a commit is there which the journal does not have",
        ));
    }
    Ok((index, applied))
}

fn reopen(layout: &Layout, notices: &mut Vec<Notice>) -> Option<(Index, Checkpoint)> {
    match try_open(layout) {
        Ok(opened) => Some(opened),
        Err(err) => {
            notices.push(Notice::IndexUnused { why: explain(&err) });
            None
        }
    }
}

/// Moves an index that is damaged out of the way, and says what became of it.
fn set_index_aside(layout: &Layout, err: &SledError) -> Notice {
    let why = explain(err);
    if err.is_outer() {
        return Notice::IndexUnused { why };
    }
    sled_fence::close(&layout.sled());
    let moved = free_name(layout, "sled").and_then(|aside| {
        let from = layout.sled();
        std::fs::rename(&from, &aside).map_err(FileError::at("move", &from))?;
        Ok(aside)
    });
    match moved {
        Ok(aside) => Notice::IndexRebuilt { why, aside },
        Err(_) => Notice::IndexUnused { why },
    }
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
    let (index, applied) = reopen(layout, notices)?;
    match catch_up(layout, &index, applied, state) {
        Ok(()) => Some(index),
        Err(err) => {
            notices.push(Notice::IndexUnused { why: explain(&err) });
            None
        }
    }
}

/// Applies the frames after `applied`, none of which is a torn tail: that has been cut off.
pub(crate) fn catch_up(
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

/// Returns an error's words with those of its causes.
pub(crate) fn explain(err: &dyn std::error::Error) -> String {
    let mut text = err.to_string();
    let mut cause = err.source();
    while let Some(err) = cause {
        text.push_str(": ");
        text.push_str(&err.to_string());
        cause = err.source();
    }
    text
}

impl From<ReadError> for CommitError {
    fn from(err: ReadError) -> Self {
        Self::Find(err.into())
    }
}
