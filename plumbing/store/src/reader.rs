//! Questions: answered from packs, the journal and the `refs` file, without lock and without sled.

mod history;
mod lookup;
mod walk;

pub use history::{Operation, RefMoved, ReflogEntry};

use crate::base::Base;
use crate::file::{FileError, FileResult};
use crate::frame::Head;
use crate::gc::seal::is_whole;
use crate::index::Index;
use crate::journal;
use crate::scan::FrameAt;
use crate::segment::{self, Segment};
use crate::segment_index::SegmentIndex;
use crate::shelf::{Shelf, settled};
use crate::state::State;
use crate::store::Layout;
use crate::{Notice, RefName};
use roar_object::{FindError, ObjectId};
use std::collections::HashMap;
use std::fs::File;
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

    /// Returns the number of the last commit; 0 before the first.
    ///
    /// # Errors
    ///
    /// As [`Reader::reference`].
    pub fn sequence(&self) -> Result<u64, ReadError> {
        Ok(self.state()?.tail.last.sequence)
    }

    /// Returns what the journal is seen to have lost, if that can be told at a glance: the end, a closed
    /// segment or part of one, or a part of a segment that objects are looked for in.
    ///
    /// A question is answered from what is left all the same, and its answer may lack something. No frame
    /// is read for this that is not read to look for an object; [`fsck`](crate::fsck) looks at everything.
    pub fn damage(&self) -> Option<Notice> {
        let state = self.state().ok()?;
        let (reached, acknowledged) = (state.tail.last.sequence, state.claimed);
        if acknowledged > reached {
            return Some(Notice::CommitsMissing {
                reached,
                acknowledged,
            });
        }
        self.hole()
            .or_else(|| self.on_packs(Shelf::lost_pack).ok()?)
    }

    /// Returns what is missing before the journal's end, unless a salvage has made up for it.
    fn hole(&self) -> Option<Notice> {
        let seen = self.missing_segment().or_else(|| self.damaged_part())?;
        let layout = &self.layout;
        let whole = settled(layout, |_| is_whole(layout, &Base::read(layout)?).map(Some));
        (!whole.ok()?).then_some(seen)
    }

    fn damaged_part(&self) -> Option<Notice> {
        let damage = self.shelf().ok()?.damage(&self.layout).ok()??;
        Some(Notice::JournalDamaged {
            segment: damage.segment,
            start: damage.start,
            end: damage.end,
        })
    }

    fn missing_segment(&self) -> Option<Notice> {
        let journal = self.layout.journal();
        // Somebody may have moved it on since the state was read.
        let missing = settled(&self.layout, |_| {
            missing_segment(&journal, &Base::read(&self.layout)?).map(Some)
        });
        let segment = missing.ok()??;
        Some(Notice::SegmentMissing { segment })
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

    /// Goes on with a journal that begins after another commit now.
    pub(crate) fn begin_after(&mut self, base: &Base) {
        if let Some(state) = self.state.get_mut() {
            state.base = base.clone();
            // Whoever writes next counts again.
            state.objects = None;
            let _ = state.count(&self.layout);
        }
    }

    /// Goes on with what is known of where objects are.
    pub(crate) fn use_shelf(&mut self, shelf: Shelf) {
        self.shelf = Mutex::new(Some(Arc::new(shelf)));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_can_be_shared_by_threads() {
        fn shared<T: Send + Sync>() {}
        shared::<Reader>();
    }
}
