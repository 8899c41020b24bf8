//! Making everything again that is derived from the journal.

use crate::file::{FileError, FileResult, if_there};
use crate::lock::Lock;
use crate::store::Layout;
use crate::{LockError, Notice, Store, Wait, recover, segment, sled_fence, writer};

/// Makes the index, the `refs` file and the lists of segments again, from the journal alone.
///
/// # Errors
///
/// When the lock is not free in time, or files cannot be read or removed.
pub fn rebuild(store: &Store, wait: Wait<'_>) -> Result<Vec<Notice>, LockError> {
    let layout = store.layout();
    let lock = Lock::take(&layout.lock(), wait)?;
    remove_index(layout)?;
    // The old `refs` file stays until then: it may be all that tells how far the journal went.
    let mut writer = recover::open_from(None, layout, lock)?;
    let mut notices = writer.take_notices();
    notices.retain(|notice| *notice != Notice::IndexMade);
    list_closed_segments(layout)?;
    Ok(notices)
}

fn remove_index(layout: &Layout) -> FileResult<()> {
    let dir = layout.sled();
    sled_fence::close(&dir);
    if_there(std::fs::remove_dir_all(&dir))
        .map_err(FileError::at("remove", &dir))
        .map(drop)
}

fn list_closed_segments(layout: &Layout) -> FileResult<()> {
    let segments = segment::list(&layout.journal())?;
    let mut closed = segments.iter().rev().skip(1);
    closed.try_for_each(|segment| writer::write_segment_index(&layout.journal(), segment.number))
}
