//! Questions: answered from the journal and the `refs` file, without lock and without sled.

use crate::checkpoint::Checkpoint;
use crate::file::{FileError, FileResult, read_exactly};
use crate::frame::{Head, RefMove};
use crate::index::{Held, Index, value_of};
use crate::journal::{self, Found, Tail};
use crate::places::Places;
use crate::scan::FrameAt;
use crate::segment::{self, Segment};
use crate::segment_index::{Listed, SegmentIndex};
use crate::snapshot::{Refs, Snapshot};
use crate::store::Layout;
use crate::{Notice, RefName};
use roar_object::{DecodeError, FindError, Kind, Object, ObjectId, Objects, Prefix};
use std::collections::HashMap;
use std::fs::File;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Why a question cannot be answered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// A file of the store cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
}

impl From<ReadError> for FindError {
    fn from(err: ReadError) -> Self {
        Self::Store(Box::new(err))
    }
}

/// One change of a ref.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReflogEntry {
    /// The commit that changed it.
    pub sequence: u64,
    /// When, as that commit said.
    pub at_ns: i64,
    /// What it named before.
    pub old: Option<ObjectId>,
    /// What it named after.
    pub new: Option<ObjectId>,
    /// Which operation it was.
    pub note: String,
}

/// One commit, as far as refs go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// Its number.
    pub sequence: u64,
    /// When, as it said.
    pub at_ns: i64,
    /// Which operation it was.
    pub note: String,
    /// The refs that it changed.
    pub refs: Vec<RefMoved>,
}

/// A ref, and what it named before and after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefMoved {
    /// The ref.
    pub name: RefName,
    /// What it named before.
    pub old: Option<ObjectId>,
    /// What it named after.
    pub new: Option<ObjectId>,
}

/// The store as it was at some moment after the reader was made, or later.
///
/// Refs are those of one moment; every object that they lead to is found. Objects that arrive later may
/// be found too. Nothing is read before it is asked for.
#[derive(Debug)]
pub struct Reader {
    layout: Layout,
    state: OnceLock<State>,
    objects: OnceLock<Places>,
    files: Mutex<HashMap<u32, Arc<File>>>,
    /// The index of the writer that this reader belongs to, up to date with the journal.
    hot: Option<Index>,
}

/// What is known without looking at objects.
#[derive(Clone, Debug)]
pub(crate) struct State {
    /// Frames up to this one were synced.
    pub(crate) trusted: u64,
    /// Up to which commit the `refs` file says that the journal goes.
    pub(crate) claimed: u64,
    /// Where the journal ends.
    pub(crate) tail: Tail,
    pub(crate) refs: Refs,
    /// Whether the `refs` file says all of this.
    pub(crate) is_snapshot: bool,
}

impl Reader {
    /// Makes a reader that has looked at nothing yet.
    pub(crate) fn new(layout: Layout) -> Self {
        Self {
            layout,
            state: OnceLock::new(),
            objects: OnceLock::new(),
            files: Mutex::default(),
            hot: None,
        }
    }

    /// Makes the reader of a writer, which knows the state and perhaps has the index.
    pub(crate) fn of_writer(layout: Layout, state: State, hot: Option<Index>) -> Self {
        Self {
            state: state.into(),
            hot,
            ..Self::new(layout)
        }
    }

    /// Returns what the ref of that name names.
    ///
    /// # Errors
    ///
    /// When the journal cannot be read.
    pub fn reference(&self, name: &RefName) -> Result<Option<ObjectId>, ReadError> {
        Ok(self.state()?.refs.get(name).copied())
    }

    /// Returns the refs whose names begin with `prefix`, sorted by name.
    ///
    /// # Errors
    ///
    /// As [`Reader::reference`].
    pub fn references(&self, prefix: &str) -> Result<Vec<(RefName, ObjectId)>, ReadError> {
        let refs = &self.state()?.refs;
        let from = refs.range::<str, _>((
            std::ops::Bound::Included(prefix),
            std::ops::Bound::Unbounded,
        ));
        let with_prefix = from.take_while(|(name, _)| name.as_str().starts_with(prefix));
        Ok(with_prefix.map(|(name, id)| (name.clone(), *id)).collect())
    }

    /// Returns how a ref changed, oldest change first; a deleted ref keeps its log.
    ///
    /// # Errors
    ///
    /// As [`Reader::reference`].
    pub fn reflog(&self, name: &RefName) -> Result<Vec<ReflogEntry>, ReadError> {
        if let Some(Ok(entries)) = self.hot.as_ref().map(|index| index.reflog(name)) {
            return Ok(entries);
        }
        let mut entries = Vec::new();
        self.each_frame(&mut |frame, head| {
            let changes = head.refs().filter(|change| change.name == *name);
            entries.extend(changes.map(|change| reflog_entry(frame, head, &change)));
        })?;
        Ok(entries)
    }

    /// Returns every commit with the refs that it changed, oldest first.
    ///
    /// # Errors
    ///
    /// As [`Reader::reference`].
    pub fn operations(&self) -> Result<Vec<Operation>, ReadError> {
        let mut operations = Vec::new();
        self.each_frame(&mut |frame, head| operations.push(operation(frame, head)))?;
        Ok(operations)
    }

    /// Returns the number of the last commit; 0 before the first.
    ///
    /// # Errors
    ///
    /// As [`Reader::reference`].
    pub fn sequence(&self) -> Result<u64, ReadError> {
        Ok(self.state()?.tail.last.sequence)
    }

    /// Returns what the journal is seen to have lost, if that can be told at a glance: the end, or a
    /// closed segment or part of one.
    ///
    /// A question is answered from what is left all the same, and its answer may lack something. No frame
    /// is read for this that is not read for any question; [`fsck`](crate::fsck) looks at everything.
    pub fn damage(&self) -> Option<Notice> {
        let state = self.state().ok()?;
        let (reached, acknowledged) = (state.tail.last.sequence, state.claimed);
        if acknowledged > reached {
            return Some(Notice::CommitsMissing {
                reached,
                acknowledged,
            });
        }
        let missing = missing_segment(&self.layout.journal()).ok()??;
        Some(Notice::SegmentMissing { segment: missing })
    }

    /// Returns the objects whose names begin like this, sorted by name.
    ///
    /// # Errors
    ///
    /// As [`Reader::reference`].
    pub fn find_prefix(&self, prefix: &Prefix) -> Result<Vec<(ObjectId, Kind)>, ReadError> {
        let objects = self.objects()?;
        let mut found: Vec<_> = objects
            .with_prefix(prefix)
            .map(|at| (at.id, at.kind))
            .collect();
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }

    /// Visits every object, of one kind if that is given, in the order in which they were stored.
    ///
    /// # Errors
    ///
    /// As [`Reader::reference`]. An object that cannot be read is handed to `visit` as an error.
    pub fn each_object(
        &self,
        kind: Option<Kind>,
        mut visit: impl FnMut(Result<Object, FindError>) -> ControlFlow<()>,
    ) -> Result<(), ReadError> {
        for (segment, listed) in self.listed(kind)? {
            if visit(self.object_at(segment, &listed)).is_break() {
                break;
            }
        }
        Ok(())
    }

    /// Returns the name and kind of every object, of one kind if that is given, in the order in which
    /// they were stored.
    ///
    /// # Errors
    ///
    /// As [`Reader::reference`].
    pub fn ids(&self, kind: Option<Kind>) -> Result<Vec<(ObjectId, Kind)>, ReadError> {
        let listed = self.listed(kind)?;
        Ok(listed
            .into_iter()
            .map(|(_, listed)| (listed.id, listed.kind))
            .collect())
    }

    /// Returns the kind and the length in bytes of an object, without reading it.
    ///
    /// # Errors
    ///
    /// As [`Reader::reference`].
    pub fn describe(&self, id: ObjectId) -> Result<Option<(Kind, u32)>, ReadError> {
        let place = self.objects()?.find(id);
        Ok(place.map(|(_, listed)| (listed.kind, listed.len)))
    }

    /// Returns every object with the segment that it is in, by place.
    pub(crate) fn listed(&self, kind: Option<Kind>) -> Result<Vec<(u32, Listed)>, ReadError> {
        let objects = self.objects()?;
        let wanted = objects
            .all()
            .filter(|(_, at)| kind.is_none_or(|kind| at.kind == kind));
        let mut listed: Vec<_> = wanted.collect();
        listed.sort_unstable_by_key(|(segment, at)| (*segment, at.offset));
        Ok(listed)
    }

    pub(crate) fn layout(&self) -> &Layout {
        &self.layout
    }

    pub(crate) fn state(&self) -> Result<&State, ReadError> {
        if let Some(state) = self.state.get() {
            return Ok(state);
        }
        let state = State::read(&self.layout, 0)?;
        Ok(self.state.get_or_init(|| state))
    }

    fn objects(&self) -> Result<&Places, ReadError> {
        if let Some(objects) = self.objects.get() {
            return Ok(objects);
        }
        let objects = Places::read(&self.layout, self.state()?.trusted)?;
        Ok(self.objects.get_or_init(|| objects))
    }

    /// Visits the head of every commit, oldest first.
    pub(crate) fn each_frame(
        &self,
        visit: &mut dyn FnMut(&FrameAt, &Head<'_>),
    ) -> Result<(), ReadError> {
        let trusted = self.state()?.trusted;
        journal::walk(
            &self.layout.journal(),
            Checkpoint::ZERO,
            trusted,
            &mut |found| {
                if let Found::Frame(frame, head, _) = found {
                    visit(frame, &head);
                }
                Ok(())
            },
        )?;
        Ok(())
    }

    /// Reads an object from its place in the journal, and hashes it.
    pub(crate) fn object_at(&self, segment: u32, at: &Listed) -> Result<Object, FindError> {
        let path = segment::path(&self.layout.journal(), segment);
        let file = self.file(segment)?;
        let body = read_exactly(&file, at.offset, at.len as usize);
        let body = body
            .map_err(FileError::at("read", &path))
            .map_err(ReadError::File)?;
        genuine(at.id, at.kind, body.unwrap_or_default())
    }

    fn file(&self, segment: u32) -> Result<Arc<File>, ReadError> {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = files.get(&segment) {
            return Ok(Arc::clone(file));
        }
        let path = segment::path(&self.layout.journal(), segment);
        let file = Arc::new(File::open(&path).map_err(FileError::at("open", &path))?);
        files.insert(segment, Arc::clone(&file));
        Ok(file)
    }

    /// Asks the writer's index. What it does not have is looked for in the journal all the same: an
    /// index that lost something costs time then, and nothing else.
    fn ask_index(&self, id: ObjectId) -> Option<Object> {
        match self.hot.as_ref()?.object(id).ok()?? {
            Held::Inline(kind, body) => genuine(id, kind, body).ok(),
            Held::At {
                kind,
                segment,
                offset,
                len,
            } => self
                .object_at(
                    segment,
                    &Listed {
                        id,
                        kind,
                        offset,
                        len,
                    },
                )
                .ok(),
        }
    }

    /// Adds a commit of the writer's own.
    pub(crate) fn add(&mut self, frame: &FrameAt, head: &Head<'_>) {
        if let Some(state) = self.state.get_mut() {
            state.add(frame, head);
            state.trusted = frame.header.sequence;
        }
        if let Some(objects) = self.objects.get_mut() {
            objects.add(frame, head);
        }
    }

    /// Goes on with an index that is up to date.
    pub(crate) fn use_index(&mut self, index: Option<Index>) {
        self.hot = index;
    }

    /// Goes on without the index.
    pub(crate) fn forget_index(&mut self) {
        self.hot = None;
    }

    pub(crate) fn index(&self) -> Option<&Index> {
        self.hot.as_ref()
    }
}

impl Objects for Reader {
    fn find(&self, id: ObjectId) -> Result<Option<Object>, FindError> {
        if let Some(object) = self.ask_index(id) {
            return Ok(Some(object));
        }
        match self.objects()?.find(id) {
            Some((segment, listed)) => self.object_at(segment, &listed).map(Some),
            None => Ok(None),
        }
    }

    fn has(&self, id: ObjectId) -> Result<bool, FindError> {
        if let Some(Ok(answer)) = self.hot.as_ref().map(|index| index.has(id)) {
            return Ok(answer);
        }
        Ok(self.objects()?.find(id).is_some())
    }
}

/// Returns the first closed segment that is not there, or not as long as its list says.
fn missing_segment(journal: &Path) -> FileResult<Option<u32>> {
    let segments = segment::list(journal)?;
    let newest = journal::newest(&segments);
    for (number, segment) in (1..newest).zip(&segments) {
        if segment.number != number || is_cut_short(journal, segment)? {
            return Ok(Some(number));
        }
    }
    Ok(None)
}

fn is_cut_short(journal: &Path, segment: &Segment) -> FileResult<bool> {
    let meta = std::fs::metadata(&segment.path).map_err(FileError::at("read", &segment.path))?;
    SegmentIndex::was_longer(journal, segment.number, meta.len())
}

/// Puts an object together, unless its bytes have changed since they were named.
fn genuine(id: ObjectId, kind: Kind, body: Vec<u8>) -> Result<Object, FindError> {
    let object = Object::from_parts(id, kind, body);
    if object.is_genuine() {
        return Ok(object);
    }
    let why = "its bytes have changed since it was stored".to_owned();
    Err(FindError::Decode(DecodeError::Invalid { id, kind, why }))
}

fn operation(frame: &FrameAt, head: &Head<'_>) -> Operation {
    let moved = head.refs().map(|change| RefMoved {
        old: value_of(change.expect),
        new: change.new,
        name: change.name,
    });
    Operation {
        sequence: frame.header.sequence,
        at_ns: frame.header.at_ns,
        note: head.note.to_owned(),
        refs: moved.collect(),
    }
}

fn reflog_entry(frame: &FrameAt, head: &Head<'_>, change: &RefMove) -> ReflogEntry {
    ReflogEntry {
        sequence: frame.header.sequence,
        at_ns: frame.header.at_ns,
        old: value_of(change.expect),
        new: change.new,
        note: head.note.to_owned(),
    }
}

impl State {
    /// Reads the `refs` file and the frames after it. Frames up to `trusted` are known to be synced.
    pub(crate) fn read(layout: &Layout, trusted: u64) -> Result<Self, FileError> {
        // Before the journal, which then has all that the file says, whoever writes meanwhile.
        let claim = Snapshot::load(&layout.refs())?;
        let claimed = claim.as_ref().map_or(0, |claim| claim.checkpoint.sequence);
        let snapshot = match claim {
            Some(claim) if claim.checkpoint.is_in(&layout.journal())? => Some(claim),
            _ => None,
        };
        let state = Self::read_from(snapshot, layout, trusted)?;
        Ok(Self { claimed, ..state })
    }

    /// Reads the frames after a snapshot, or all of them if there is none.
    pub(crate) fn read_from(
        snapshot: Option<Snapshot>,
        layout: &Layout,
        trusted: u64,
    ) -> Result<Self, FileError> {
        let is_snapshot = snapshot.is_some();
        let Snapshot {
            checkpoint,
            mut refs,
        } = snapshot.unwrap_or_else(Snapshot::empty);
        let trusted = trusted.max(checkpoint.sequence);
        let mut is_behind = false;
        let tail = journal::walk(&layout.journal(), checkpoint, trusted, &mut |found| {
            if let Found::Frame(_, head, _) = found {
                apply(&mut refs, head.refs());
                is_behind = true;
            }
            Ok(())
        })?;
        Ok(Self {
            trusted,
            claimed: checkpoint.sequence,
            tail,
            refs,
            is_snapshot: is_snapshot && !is_behind,
        })
    }

    fn add(&mut self, frame: &FrameAt, head: &Head<'_>) {
        apply(&mut self.refs, head.refs());
        let last = journal::checkpoint_of(frame);
        self.tail = Tail {
            segment: frame.segment,
            end: last.end,
            len: last.end,
            last,
        };
    }
}

fn apply(refs: &mut Refs, moves: impl Iterator<Item = RefMove>) {
    for change in moves {
        match change.new {
            Some(id) => refs.insert(change.name, id),
            None => refs.remove(&change.name),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_can_be_shared_by_threads() {
        fn shared<T: Send + Sync>() {}
        shared::<Reader>();
    }
}
