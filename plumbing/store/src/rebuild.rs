//! Making everything again that is derived from journal and packs, and putting aside what is damaged.

mod heal;
mod packs;

use crate::base::{Base, FoundBase, Source};
use crate::collecting::{self, Collecting};
use crate::file::{self, FileResult};
use crate::gc::seal;
use crate::lock::Lock;
use crate::salvage::Salvage;
use crate::snapshot::Snapshot;
use crate::store::Layout;
use crate::{Holder, LockError, Notice, Store, Wait};
use crate::{multi, recover, salvage, segment, writer};
use std::time::Duration;

/// Makes the indexes, the `refs` file and the lists of segments again, from the journal and the packs
/// alone. Of packs that are damaged, what is whole goes to a new one, and they go to `aside/`.
///
/// # Errors
///
/// When a lock is not free in time, or files cannot be read, written or removed. Doing it again goes on
/// with it.
pub fn rebuild(store: &Store, wait: Wait<'_>) -> Result<Vec<Notice>, LockError> {
    let layout = store.layout();
    let _collecting = keep_collectors_away(layout, wait.up_to)?;
    let lock = Lock::take(&layout.lock(), wait)?;
    let mut notices = match layout.packs().is_dir() {
        true => packs::mend(layout)?,
        false => Vec::new(),
    };
    notices.extend(heal::heal(layout)?);
    // The old `refs` file stays until the end: it may be all that tells how far the journal went.
    let mut writer = match gather(layout)? {
        Some(salvage) => recover::open_with(salvage, layout, lock)?,
        None => {
            remove_index(layout, &notices)?;
            let (base, snapshot) = find_base(layout)?;
            recover::open_from(snapshot, base, layout, lock)?
        }
    };
    multi::renew(layout)?;
    notices.extend(writer.take_notices());
    notices.retain(|notice| *notice != Notice::IndexMade);
    list_closed_segments(layout)?;
    Ok(notices)
}

/// Returns what the journal lacks and can be had. Where it is not known for certain at which commit it
/// begins, only its end is looked at.
fn gather(layout: &Layout) -> FileResult<Option<Salvage>> {
    match Base::find(layout)?.source {
        Source::Logs | Source::SomeLogs => salvage::gather(layout),
        _ => salvage::gather_all(layout),
    }
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

/// Takes the lock of those who collect, once there are packs or there should be some.
fn keep_collectors_away(layout: &Layout, up_to: Duration) -> Result<Option<Collecting>, LockError> {
    if !layout.packs().is_dir() {
        if Base::read(layout)?.packs.is_empty() {
            return Ok(None);
        }
        file::make_lasting_dir(&layout.packs())?;
    }
    let taken = collecting::wait_for(layout, up_to)?;
    let holder = Holder::default();
    taken.map(Some).ok_or(LockError::Busy { holder })
}

fn remove_index(layout: &Layout, notices: &[Notice]) -> FileResult<()> {
    if !recover::is_index_there(layout) {
        return Ok(());
    }
    // It may have what the journal lost.
    let is_lossy = |notice: &Notice| matches!(notice, Notice::ObjectsHealed { .. });
    if notices.iter().any(is_lossy) || !salvage::is_index_needless(layout) {
        return recover::move_index_aside(layout).map(drop);
    }
    recover::remove_index(layout)
}

fn list_closed_segments(layout: &Layout) -> FileResult<()> {
    let segments = segment::list(&layout.journal())?;
    let mut closed = segments.iter().rev().skip(1);
    closed.try_for_each(|segment| writer::write_segment_index(&layout.journal(), segment.number))
}
