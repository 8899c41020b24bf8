//! The one that writes: journal first, everything else after it.

use crate::base::Base;
use crate::checkpoint::Checkpoint;
use crate::file::{FileError, FileResult};
use crate::frame::{self, Head, Header, RefMove};
use crate::journal::{self, Appender, Found};
use crate::lock::Lock;
use crate::notice::explain;
use crate::reader::ReadError;
use crate::recover::{self, set_index_aside};
use crate::salvage::Salvage;
use crate::scan::FrameAt;
use crate::segment;
use crate::segment_index::{Listed, SegmentIndex};
use crate::shelf::Shelf;
use crate::sled_fence;
use crate::store::Layout;
use crate::{Expect, FrameError, Notice, Reader, RefChange, RefName, Transaction};
use roar_object::{FindError, Object, ObjectId, Objects};
use std::ops::Deref;
use std::path::{Path, PathBuf};

const MADE_WITH_STATE: &str = "a writer's reader is made with its state";

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
    /// Makes the writer of a store that has been put in order.
    pub(crate) fn new(
        layout: Layout,
        reader: Reader,
        appender: Appender,
        next: u64,
        notices: Vec<Notice>,
        lock: Lock,
    ) -> Self {
        Self {
            layout,
            reader,
            appender,
            next,
            notices,
            uncertain: false,
            _lock: lock,
        }
    }

    /// Puts a transaction in the store: all of it, durably, or nothing.
    ///
    /// # Errors
    ///
    /// When a ref is not what was expected, the transaction is malformed, or the journal cannot be
    /// written. Trouble with anything else ends as a [`Notice`].
    pub fn commit(&mut self, transaction: &Transaction) -> Result<Receipt, CommitError> {
        let objects = self
            .new_objects(&transaction.objects)
            .map_err(CommitError::Find)?;
        self.put(transaction, &objects, false)
    }

    /// Commits a transaction with these of its objects; `always` even if it changes nothing.
    fn put(
        &mut self,
        transaction: &Transaction,
        objects: &[&Object],
        always: bool,
    ) -> Result<Receipt, CommitError> {
        if self.uncertain {
            return Err(CommitError::Uncertain);
        }
        let moves = self.resolve(&transaction.refs)?;
        if moves.is_empty() && objects.is_empty() && !always {
            return Ok(self.receipt(self.next - 1, 0));
        }
        let Transaction { note, at_ns, .. } = transaction;
        let bytes = frame::encode(self.next, *at_ns, note, &moves, objects)?;
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

    /// Begins a new segment, unless the newest has nothing in it.
    pub(crate) fn close_segment(&mut self) -> FileResult<()> {
        let journal = self.layout.journal();
        if let Some(number) = self.appender.begun() {
            // It can be made again, so trouble with it is none.
            let _ = write_segment_index(&journal, number);
            self.appender = Appender::begin(&journal, number + 1, self.next)?;
        }
        Ok(())
    }

    /// Commits what was salvaged; `aside` is a copy of the first segment that was damaged.
    pub(crate) fn bring_back(
        &mut self,
        salvage: Salvage,
        aside: Option<PathBuf>,
    ) -> FileResult<()> {
        let Salvage {
            transaction,
            loss,
            has_holes,
            ..
        } = salvage;
        // The list of a segment may tell of objects that are in no frame any more: all are written.
        let objects = frame::distinct(&transaction.objects);
        let loss = match self.put(&transaction, &objects, has_holes) {
            Ok(receipt) => {
                self.notices.extend(receipt.notices);
                loss
            }
            // More than a commit can hold: it stays in the index, which is kept.
            Err(CommitError::Frame(_)) => loss.of_all(),
            Err(CommitError::Io(err)) => return Err(err),
            Err(err) => {
                let err = std::io::Error::other(explain(&err));
                return Err(FileError::at("mend", &self.layout.journal())(err));
            }
        };
        self.notices.push(loss.notice(aside));
        Ok(())
    }

    /// Goes on with what is known of where objects are.
    pub(crate) fn use_shelf(&mut self, shelf: Shelf) {
        self.reader.use_shelf(shelf);
    }

    /// Goes on with an index that is made from the journal as it is now.
    pub(crate) fn renew_index(&mut self) {
        let state = self.state().expect(MADE_WITH_STATE).clone();
        let index = recover::renew_index(&self.layout, &state, &mut self.notices);
        self.reader.use_index(index);
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
            let found = self.reference(&change.name)?;
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

    /// Goes on with a journal that begins after another commit now.
    pub(crate) fn begin_after(&mut self, base: &Base) {
        self.reader.begin_after(base);
        self.write_snapshot();
    }

    /// Replaces the `refs` file.
    pub(crate) fn write_snapshot(&mut self) {
        let state = self.reader.state().expect(MADE_WITH_STATE);
        if let Err(err) = state.snapshot().write(&self.layout.refs()) {
            let notice = Notice::SnapshotNotWritten { why: explain(&err) };
            // Each commit tries again; that it failed once more is no news.
            if !self.notices.contains(&notice) {
                self.notices.push(notice);
            }
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

impl From<ReadError> for CommitError {
    fn from(err: ReadError) -> Self {
        Self::Find(err.into())
    }
}
