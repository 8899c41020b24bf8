//! Making few packs of many.

use super::{GcError, GcReport, sound};
use crate::base::Base;
use crate::door;
use crate::file::{FileError, FileResult};
use crate::lock::Lock;
use crate::new_pack;
use crate::packs::{self, Listed, Packs};
use crate::store::Layout;
use crate::{Store, Wait};
use roar_pack::{PackFile, PackName};
use std::fs::File;
use std::time::SystemTime;

/// Packs that are to be replaced by others.
#[derive(Debug, Default)]
pub(super) struct Replaced {
    pub(super) old: Vec<Listed>,
    pub(super) new: Vec<PackName>,
}

/// Returns the packs that are better merged: the small ones, as many as there are before one that is
/// more than twice as large as all of them together. So a pack that grows is written again as often as
/// its size doubles.
pub(super) fn chosen(all: &[Listed]) -> Vec<PackName> {
    let mut by_size: Vec<_> = all.iter().collect();
    by_size.sort_by_key(|pack| (pack.bytes, pack.name));
    let (mut sum, mut count) = (0, 0);
    for (at, pack) in by_size.iter().enumerate() {
        if pack.bytes <= 2 * sum {
            count = at + 1;
        }
        sum += pack.bytes;
    }
    by_size[..count].iter().map(|pack| pack.name).collect()
}

/// Merges the packs that are better merged, and keeps all that is in them.
pub(super) fn merge(
    store: &Store,
    wait: &mut Wait<'_>,
    report: &mut GcReport,
) -> Result<(), GcError> {
    let layout = store.layout();
    let packs = Packs::look(layout)?;
    let mut chosen = chosen(&packs::list(&layout.packs())?);
    sound::keep(&packs, &mut chosen);
    let sources = readable(&packs, &chosen);
    if sources.len() > 1 {
        let mut replaced = Replaced {
            old: sources
                .iter()
                .map(|(listed, _)| (*listed).clone())
                .collect(),
            new: Vec::new(),
        };
        replaced
            .new
            .extend(rewrite(layout, &sources, &|_, _| true)?);
        check(layout, &replaced, &sources, &|_, _| true)?;
        replace(store, wait, &replaced, &mut |_| Ok(true))?;
        report.merged = replaced.old.iter().map(|pack| pack.name).collect();
    }
    Ok(())
}

/// Returns the packs of those names in which nothing is seen to be wrong.
pub(super) fn readable<'p>(
    packs: &'p Packs,
    names: &[PackName],
) -> Vec<(&'p Listed, &'p PackFile)> {
    let chosen = packs
        .all()
        .filter(|opened| names.contains(&opened.listed.name));
    chosen
        .filter(|opened| opened.damage.is_none())
        .filter_map(|opened| Some((&opened.listed, opened.pack.as_ref()?)))
        .collect()
}

/// Writes what is wanted of some packs to a new one, which is as old as the youngest of them. `is_wanted`
/// is asked with the number of a pack and the rank of an object in it.
pub(super) fn rewrite(
    layout: &Layout,
    sources: &[(&Listed, &PackFile)],
    is_wanted: &dyn Fn(usize, u32) -> bool,
) -> Result<Option<PackName>, GcError> {
    let packs: Vec<_> = sources.iter().map(|(_, pack)| *pack).collect();
    let name = new_pack::copy(layout, &packs, is_wanted)?;
    let used = sources.iter().map(|(listed, _)| listed.used).max();
    if let (Some(name), Some(used)) = (name, used) {
        let is_source = sources.iter().any(|(listed, _)| listed.name == name);
        if !is_source {
            set_used(&packs::path(&layout.packs(), name), used)?;
        }
    }
    Ok(name)
}

fn set_used(path: &std::path::Path, used: SystemTime) -> FileResult<()> {
    let set = || door::open(path)?.set_modified(used);
    set().map_err(FileError::at("date", path))
}

/// Lets new packs take the place of old ones, if nobody has come to rely on an old one and `is_due` says
/// so under the locks; returns whether that was done. If not, the new ones go.
pub(super) fn replace(
    store: &Store,
    wait: &mut Wait<'_>,
    replaced: &Replaced,
    is_due: &mut dyn FnMut(&Base) -> Result<bool, GcError>,
) -> Result<bool, GcError> {
    let layout = store.layout();
    let _lock = Lock::take(&layout.lock(), wait.again())?;
    let dir = layout.packs();
    let relied_on = File::open(&dir).and_then(|dir| dir.lock().map(|()| dir));
    let _relied_on = relied_on.map_err(FileError::at("lock", &dir))?;
    let mut base = Base::read(layout)?;
    let old = replaced.old.iter();
    let is_unused = |pack: &Listed| {
        let used = std::fs::metadata(&pack.path).and_then(|meta| meta.modified());
        used.is_ok_and(|used| used == pack.used)
    };
    let is_unused = old.clone().all(is_unused);
    if !is_unused || !is_due(&base)? {
        discard(layout, replaced);
        return Ok(false);
    }
    let old: Vec<_> = old.map(|pack| pack.name).collect();
    base.packs.retain(|name| !old.contains(name));
    for name in &replaced.new {
        base.hold(Some(*name));
    }
    base.generation += 1;
    base.write(layout)?;
    remove(
        layout,
        old.iter().filter(|name| !replaced.new.contains(name)),
    );
    Ok(true)
}

/// Makes sure that all that is wanted of some packs is in the new ones as they are on the disk; if not, the
/// new ones go. `is_wanted` is that of [`rewrite`].
pub(super) fn check(
    layout: &Layout,
    replaced: &Replaced,
    sources: &[(&Listed, &PackFile)],
    is_wanted: &dyn Fn(usize, u32) -> bool,
) -> Result<(), GcError> {
    let checked = sound::check_new(layout, &replaced.new, sources, is_wanted);
    if checked.is_err() {
        discard(layout, replaced);
    }
    checked
}

fn discard(layout: &Layout, replaced: &Replaced) {
    let is_old = |name: &&PackName| replaced.old.iter().any(|pack| pack.name == **name);
    remove(layout, replaced.new.iter().filter(|name| !is_old(name)));
}

/// Removes packs. What stays is there twice, which the next collection mends.
fn remove<'n>(layout: &Layout, names: impl Iterator<Item = &'n PackName>) {
    let dir = layout.packs();
    for name in names {
        let _ = door::remove(&packs::path(&dir, *name));
        let _ = door::remove(&packs::index_path(&dir, *name));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(bytes: u64) -> Listed {
        Listed {
            name: PackName::from_bytes([bytes as u8; 32]),
            path: "p".into(),
            used: SystemTime::UNIX_EPOCH,
            bytes,
        }
    }

    fn sizes(all: &[u64]) -> usize {
        chosen(&all.iter().copied().map(listed).collect::<Vec<_>>()).len()
    }

    #[test]
    fn small_packs_are_merged_and_a_large_one_is_left_alone() {
        assert_eq!(sizes(&[]), 0);
        assert_eq!(sizes(&[10]), 0);
        assert_eq!(sizes(&[10, 10]), 2);
        assert_eq!(sizes(&[10, 10, 10, 100]), 3);
        assert_eq!(
            sizes(&[1, 3, 10, 31, 100]),
            0,
            "each is much larger than all before"
        );
        assert_eq!(sizes(&[100, 5, 5, 20]), 3, "20 is not more than twice 10");
        assert_eq!(sizes(&[1, 10, 11]), 3);
    }
}
