//! Making everything again that is derived from the journal.

use crate::base::{Base, FoundBase, Source};
use crate::door;
use crate::file::{FileError, FileResult, if_there};
use crate::gc::seal;
use crate::lock::Lock;
use crate::snapshot::Snapshot;
use crate::store::Layout;
use crate::{LockError, Notice, Reader, Store, Wait};
use crate::{multi, packs, recover, salvage, segment, writer};

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
            remove_pack_indexes(layout)?;
            let (base, snapshot) = find_base(layout)?;
            recover::open_from(snapshot, base, layout, lock)?
        }
    };
    multi::renew(layout)?;
    let mut notices = writer.take_notices();
    notices.retain(|notice| *notice != Notice::IndexMade);
    list_closed_segments(layout)?;
    Ok(notices)
}

/// Returns where the journal begins, and writes it down again if the file is lost. Where commits between
/// the logs and the journal are lost, the `refs` file may be all that knows what they did.
fn find_base(layout: &Layout) -> FileResult<(Base, Option<Snapshot>)> {
    let FoundBase { mut base, source } = Base::find(layout)?;
    if !seal::is_whole(layout, &base)? {
        let snapshot = Snapshot::read(layout, &base)?;
        return Ok((base, snapshot));
    }
    if matches!(source, Source::Logs | Source::SomeLogs) {
        base.write_again(layout)?;
    }
    Ok((base, None))
}

/// Removes the indexes of packs, which the one that opens the store for writing makes again.
fn remove_pack_indexes(layout: &Layout) -> FileResult<()> {
    for pack in packs::list(&layout.packs())? {
        let path = pack.path.with_extension("rix");
        if_there(door::remove(&path)).map_err(FileError::at("remove", &path))?;
    }
    Ok(())
}

fn remove_index(layout: &Layout) -> FileResult<()> {
    if !recover::is_index_there(layout) {
        return Ok(());
    }
    // It may have what the journal lost.
    if Reader::new(layout.clone()).damage().is_some() {
        return recover::move_index_aside(layout).map(drop);
    }
    recover::remove_index(layout)
}

fn list_closed_segments(layout: &Layout) -> FileResult<()> {
    let segments = segment::list(&layout.journal())?;
    let mut closed = segments.iter().rev().skip(1);
    closed.try_for_each(|segment| writer::write_segment_index(&layout.journal(), segment.number))
}
