//! Tidying: what is not needed any more, or never was finished, and what can be made again.
//!
//! Whoever writes does it on the way. All of it can wait for the next, so trouble with it is none.

use crate::base::Base;
use crate::door;
use crate::file::{self, Sync};
use crate::packs::{self, Packs, TEMPORARY};
use crate::segment_index;
use crate::store::Layout;
use std::fs::File;
use std::path::Path;

/// Removes what was sealed, and what nobody finishes; makes indexes of packs that have none. The caller
/// holds the store's lock.
pub(crate) fn tidy(layout: &Layout, base: &Base) {
    remove_sealed(layout, base);
    remove_abandoned(&layout.packs());
    index_packs(layout);
}

/// Removes the segments that are in packs.
pub(crate) fn remove_sealed(layout: &Layout, base: &Base) {
    let journal = layout.journal();
    for segment in crate::segment::list(&journal).unwrap_or_default() {
        if segment.number < base.first_segment() {
            let _ = door::remove(&segment_index::path(&journal, segment.number));
            let _ = door::remove(&segment.path);
        }
    }
}

/// Removes files that were being written by somebody who is gone.
fn remove_abandoned(dir: &Path) {
    let Ok(entries) = std::fs::read_dir(dir) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        if name.as_encoded_bytes().starts_with(TEMPORARY.as_bytes()) {
            remove_unlocked(&entry.path());
        }
    }
}

/// Removes a file while holding its lock, so that whoever is about to take it sees that it is gone.
fn remove_unlocked(path: &Path) {
    let Ok(file) = File::open(path) else {
        return;
    };
    if file.try_lock().is_ok() {
        let _ = door::remove(path);
        let _ = file.unlock();
    }
}

/// Makes the indexes of packs that have none that fits.
fn index_packs(layout: &Layout) {
    let dir = layout.packs();
    let Ok(packs) = Packs::look(layout) else {
        return;
    };
    for opened in packs.all() {
        if opened.damage.is_none() && !opened.is_indexed {
            let name = opened.listed.name;
            if let Ok(bytes) = packs::make_index(&opened.listed.path) {
                let _ = file::replace(&packs::index_path(&dir, name), &bytes, Sync::No);
            }
        }
    }
}
