//! Making everything again that is derived from the journal.

use crate::door;
use crate::file::{self, FileError, FileResult};
use crate::lock::Lock;
use crate::store::Layout;
use crate::{LockError, Notice, Reader, Store, Wait};
use crate::{recover, salvage, segment, sled_fence, writer};

/// Makes the index, the `refs` file and the lists of segments again, from the journal alone.
///
/// # Errors
///
/// When the lock is not free in time, or files cannot be read or removed.
pub fn rebuild(store: &Store, wait: Wait<'_>) -> Result<Vec<Notice>, LockError> {
    let layout = store.layout();
    let lock = Lock::take(&layout.lock(), wait)?;
    // The old `refs` file stays until the end: it may be all that tells how far the journal went.
    let mut writer = match salvage::gather(layout)? {
        Some(salvage) => recover::open_with(salvage, layout, lock)?,
        None => {
            remove_index(layout)?;
            recover::open_from(None, layout, lock)?
        }
    };
    let mut notices = writer.take_notices();
    notices.retain(|notice| *notice != Notice::IndexMade);
    list_closed_segments(layout)?;
    Ok(notices)
}

fn remove_index(layout: &Layout) -> FileResult<()> {
    if !recover::is_index_there(layout) {
        return Ok(());
    }
    // It may have what the journal lost.
    if Reader::new(layout.clone()).damage().is_some() {
        return recover::move_index_aside(layout).map(drop);
    }
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

fn list_closed_segments(layout: &Layout) -> FileResult<()> {
    let segments = segment::list(&layout.journal())?;
    let mut closed = segments.iter().rev().skip(1);
    closed.try_for_each(|segment| writer::write_segment_index(&layout.journal(), segment.number))
}
