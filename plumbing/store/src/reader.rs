//! Questions: answered from packs, the journal and the `refs` file, without lock and without sled.

use crate::base::Base;
use crate::file::{FileError, FileResult, if_there, read_exactly};
use crate::frame::Head;
use crate::held::Held;
use crate::index::{Held as Indexed, Index};
use crate::journal::{self, Found};
use crate::places::Places;
use crate::ref_log::Commit;
use crate::scan::FrameAt;
use crate::segment::{self, Segment};
use crate::segment_index::{Listed, SegmentIndex};
use crate::shelf::{LOOKS, Shelf, restless, settled};
use crate::state::State;
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
    shelf: Mutex<Option<Arc<Shelf>>>,
    files: Mutex<HashMap<u32, Arc<File>>>,
    /// The index of the writer that this reader belongs to, up to date with the journal.
    hot: Option<Index>,
}

impl Reader {
    /// Makes a reader that has looked at nothing yet.
    pub(crate) fn new(layout: Layout) -> Self {
        Self {
            layout,
            state: OnceLock::new(),
            shelf: Mutex::default(),
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
        if let Some(Ok(mut entries)) = self.hot.as_ref().map(|index| index.reflog(name)) {
            let mut sealed = Vec::new();
            self.state()?.base.each_log(&self.layout, &mut |log| {
                sealed.extend(log.commits.iter().filter_map(|commit| commit.entry(name)));
            })?;
            sealed.append(&mut entries);
            return Ok(sealed);
        }
        self.history(|commit| commit.entry(name))
    }

    /// Returns every commit with the refs that it changed, oldest first.
    ///
    /// # Errors
    ///
    /// As [`Reader::reference`].
    pub fn operations(&self) -> Result<Vec<Operation>, ReadError> {
        self.history(|commit| Some(commit.operation()))
    }

    /// Returns what is wanted of every commit, oldest first: of those in the logs, and of those in the
    /// journal.
    pub(crate) fn history<T>(
        &self,
        wanted: impl Fn(&Commit) -> Option<T>,
    ) -> Result<Vec<T>, ReadError> {
        let trusted = self.state()?.trusted;
        let all = settled(&self.layout, |_| {
            let base = Base::read(&self.layout)?;
            let mut all = Vec::new();
            base.each_log(&self.layout, &mut |log| {
                all.extend(log.commits.iter().filter_map(&wanted));
            })?;
            let journal = self.layout.journal();
            journal::walk(&journal, base.checkpoint, trusted, &mut |found| {
                if let Found::Frame(frame, head, _) = found {
                    all.extend(wanted(&Commit::of(frame, &head)));
                }
                Ok(())
            })?;
            Ok(Some(all))
        })?;
        Ok(all)
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
        let journal = self.layout.journal();
        // Somebody may have moved it on since the state was read.
        let missing = settled(&self.layout, |_| {
            missing_segment(&journal, &Base::read(&self.layout)?).map(Some)
        });
        if let Some(segment) = missing.ok()? {
            return Some(Notice::SegmentMissing { segment });
        }
        self.on_packs(Shelf::lost_pack).ok()?
    }

    /// Returns the objects whose names begin like this, sorted by name.
    ///
    /// # Errors
    ///
    /// As [`Reader::reference`].
    pub fn find_prefix(&self, prefix: &Prefix) -> Result<Vec<(ObjectId, Kind)>, ReadError> {
        let mut found = self.on_shelf(|shelf, places| {
            let written = places.with_prefix(prefix).map(|at| (at.id, at.kind));
            shelf
                .packs
                .with_prefix(prefix)
                .chain(written)
                .collect::<Vec<_>>()
        })?;
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
        let mut is_over = false;
        self.each_held(&mut |held| {
            if !is_over && kind.is_none_or(|kind| kind == held.kind()) {
                is_over = visit(self.object_of(&held)).is_break();
            }
        })
    }

    /// Returns the name and kind of every object, of one kind if that is given, in the order in which
    /// they were stored.
    ///
    /// # Errors
    ///
    /// As [`Reader::reference`].
    pub fn ids(&self, kind: Option<Kind>) -> Result<Vec<(ObjectId, Kind)>, ReadError> {
        let mut ids = Vec::new();
        self.each_held(&mut |held| {
            if kind.is_none_or(|kind| kind == held.kind()) {
                ids.push((held.id(), held.kind()));
            }
        })?;
        Ok(ids)
    }

    /// Returns the kind and the length in bytes of an object, without reading it.
    ///
    /// # Errors
    ///
    /// As [`Reader::reference`].
    pub fn describe(&self, id: ObjectId) -> Result<Option<(Kind, u32)>, ReadError> {
        if let Some(found) = self.on_packs(|shelf| shelf.packs.describe(id))? {
            return Ok(Some(found));
        }
        let place = self.on_shelf(|_, places| places.find(id))?;
        Ok(place.map(|(_, listed)| (listed.kind, listed.len)))
    }

    /// Visits every object once, in the order in which they were stored.
    pub(crate) fn each_held(&self, visit: &mut dyn FnMut(Held<'_>)) -> Result<(), ReadError> {
        let mut written = self.on_shelf(|shelf, places| {
            // Opens all of them, which then stay.
            shelf.packs.readable().for_each(drop);
            places.all().collect::<Vec<_>>()
        })?;
        let shelf = self.shelf()?;
        shelf
            .packs
            .each_entry(&mut |pack, entry| visit(Held::Packed(pack, entry)));
        written.sort_unstable_by_key(|(segment, at)| (*segment, at.offset));
        for (segment, listed) in &written {
            if !shelf.packs.has(listed.id) {
                visit(Held::Written(*segment, listed));
            }
        }
        Ok(())
    }

    /// Reads an object that [`Reader::each_held`] came by; from elsewhere if it has been moved since, or
    /// is damaged there.
    pub(crate) fn object_of(&self, held: &Held<'_>) -> Result<Object, FindError> {
        let read = match held {
            Held::Packed(pack, entry) => pack.object(entry).ok(),
            Held::Written(segment, listed) => self.object_at(*segment, listed).ok().flatten(),
        };
        let id = held.id();
        match read {
            Some(object) => Ok(object),
            None => self.find(id)?.ok_or(FindError::Missing { id }),
        }
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

    pub(crate) fn shelf(&self) -> Result<Arc<Shelf>, ReadError> {
        let mut place = self.shelf.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(shelf) = &*place {
            return Ok(Arc::clone(shelf));
        }
        let shelf = Arc::new(Shelf::read(&self.layout)?);
        *place = Some(Arc::clone(&shelf));
        Ok(shelf)
    }

    /// Forgets where objects are: somebody has moved them.
    fn look_again(&self) {
        *self.shelf.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.files
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }

    /// Asks the packs and the places in the journal, once they are of one moment.
    fn on_shelf<T>(&self, ask: impl Fn(&Shelf, &Places) -> T) -> Result<T, ReadError> {
        for _ in 0..LOOKS {
            let shelf = self.shelf()?;
            if let Some(places) = shelf.places(&self.layout, self.state()?.trusted)? {
                let answer = ask(&shelf, places);
                if !shelf.packs.is_moved() {
                    return Ok(answer);
                }
            }
            self.look_again();
        }
        Err(restless(&self.layout).into())
    }

    /// Asks the packs, without a look at the journal.
    fn on_packs<T>(&self, ask: impl Fn(&Shelf) -> T) -> Result<T, ReadError> {
        for _ in 0..LOOKS {
            let shelf = self.shelf()?;
            let answer = ask(&shelf);
            if !shelf.packs.is_moved() {
                return Ok(answer);
            }
            self.look_again();
        }
        Err(restless(&self.layout).into())
    }

    /// Returns whether the journal has an object.
    pub(crate) fn is_written(&self, id: ObjectId) -> Result<bool, ReadError> {
        self.on_shelf(|_, places| places.find(id).is_some())
    }

    /// Looks an object up; returns nothing if what was known of where it is does not hold any more.
    fn seek(&self, id: ObjectId) -> Result<Option<Option<Object>>, FindError> {
        let shelf = self.shelf()?;
        let packed = shelf.packs.find(id);
        if let Ok(Some(object)) = packed {
            return Ok(Some(Some(object)));
        }
        if shelf.packs.is_moved() {
            return Ok(None);
        }
        let trusted = self.state()?.trusted;
        let places = shelf
            .places(&self.layout, trusted)
            .map_err(ReadError::File)?;
        let Some(places) = places else {
            return Ok(None);
        };
        match places.find(id) {
            Some((segment, listed)) => Ok(self.object_at(segment, &listed)?.map(Some)),
            None => packed.map(Some),
        }
    }

    /// Reads an object from its place in the journal, and hashes it; returns nothing if the segment has
    /// gone.
    pub(crate) fn object_at(&self, segment: u32, at: &Listed) -> Result<Option<Object>, FindError> {
        let path = segment::path(&self.layout.journal(), segment);
        let Some(file) = self.file(segment)? else {
            return Ok(None);
        };
        let body = read_exactly(&file, at.offset, at.len as usize);
        let body = body
            .map_err(FileError::at("read", &path))
            .map_err(ReadError::File)?;
        genuine(at.id, at.kind, body.unwrap_or_default()).map(Some)
    }

    fn file(&self, segment: u32) -> Result<Option<Arc<File>>, ReadError> {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = files.get(&segment) {
            return Ok(Some(Arc::clone(file)));
        }
        let path = segment::path(&self.layout.journal(), segment);
        let file = if_there(File::open(&path)).map_err(FileError::at("open", &path))?;
        let file = file.map(Arc::new);
        files.extend(file.clone().map(|file| (segment, file)));
        Ok(file)
    }

    /// Asks the writer's index. What it does not have is looked for in the journal all the same: an
    /// index that lost something costs time then, and nothing else.
    fn ask_index(&self, id: ObjectId) -> Option<Object> {
        match self.hot.as_ref()?.object(id).ok()?? {
            Indexed::Inline(kind, body) => genuine(id, kind, body).ok(),
            Indexed::At {
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
                .ok()
                .flatten(),
        }
    }

    /// Adds a commit of the writer's own.
    pub(crate) fn add(&mut self, frame: &FrameAt, head: &Head<'_>) {
        if let Some(state) = self.state.get_mut() {
            state.add(frame, head);
            state.trusted = frame.header.sequence;
        }
        let shelf = self.shelf.get_mut().unwrap_or_else(PoisonError::into_inner);
        match shelf.as_mut().map(Arc::get_mut) {
            Some(Some(shelf)) => shelf.add(frame, head),
            // Somebody still looks at it.
            _ => *shelf = None,
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
        for _ in 0..LOOKS {
            if let Some(found) = self.seek(id)? {
                return Ok(found);
            }
            self.look_again();
        }
        Err(ReadError::from(restless(&self.layout)).into())
    }

    fn has(&self, id: ObjectId) -> Result<bool, FindError> {
        let indexed = self.hot.as_ref().map(|index| index.has(id));
        if matches!(indexed, Some(Ok(true))) || self.on_packs(|shelf| shelf.packs.has(id))? {
            return Ok(true);
        }
        match indexed {
            Some(Ok(answer)) => Ok(answer),
            _ => Ok(self.is_written(id)?),
        }
    }
}

/// Returns the first closed segment that is not there, or not as long as its list says.
fn missing_segment(journal: &Path, base: &Base) -> FileResult<Option<u32>> {
    let mut segments = segment::list(journal)?;
    segments.retain(|segment| segment.number >= base.first_segment());
    let newest = journal::newest(&segments);
    for (number, segment) in (base.first_segment()..newest).zip(&segments) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_can_be_shared_by_threads() {
        fn shared<T: Send + Sync>() {}
        shared::<Reader>();
    }
}
