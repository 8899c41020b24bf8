//! Making sure that nothing goes that was not seen whole: what refs named, the journal, every pack and
//! every index are read from front to back before a pack goes, and the new ones after they were written.

use super::GcError;
use super::numbers::Unreadable;
use crate::base::Base;
use crate::file::FileResult;
use crate::new_pack::{PackingError, write_through};
use crate::notice::explain;
use crate::packs::{self, Listed, Opened, Packs};
use crate::ref_log;
use crate::store::Layout;
use roar_pack::{PackError, PackFile, PackName, Union};

/// Makes the indexes anew that are not what they were written as; returns of which packs. One that cannot be
/// made stays as it is, and so does then all that might go.
pub(super) fn mend_indexes(layout: &Layout) -> FileResult<Vec<PackName>> {
    let packs = Packs::look(layout)?;
    let wrong = packs.all().filter(|opened| {
        let indexed = opened.pack.as_ref().filter(|_| opened.is_indexed);
        indexed.is_some_and(|pack| !pack.is_index_sound())
    });
    let mended = wrong.filter(|opened| mend_index(layout, &opened.listed));
    Ok(mended.map(|opened| opened.listed.name).collect())
}

fn mend_index(layout: &Layout, listed: &Listed) -> bool {
    let contents = packs::contents_of(&listed.path);
    let contents = contents.ok().filter(|it| it.name() == listed.name);
    let index = packs::index_path(&layout.packs(), listed.name);
    contents.is_some_and(|it| write_through(layout, &index, |out| it.write_index(out)).is_ok())
}

/// Returns what is missing or damaged of all that tells what is needed.
pub(super) fn damage(
    layout: &Layout,
    base: &Base,
    packs: &Packs,
) -> FileResult<Option<Unreadable>> {
    if let Some(lost) = ref_log::first_lost(layout, base)? {
        return Ok(Some(lost.to_string()));
    }
    if !super::seal::is_whole(layout, base)? {
        return Ok(Some("part of the journal is damaged or missing".to_owned()));
    }
    Ok(packs.all().find_map(|opened| check(opened).err()))
}

/// Leaves out the packs in which a byte is not what it should be.
pub(super) fn keep(packs: &Packs, names: &mut Vec<PackName>) {
    let is_chosen = |opened: &&Opened| names.contains(&opened.listed.name);
    let sound = packs.all().filter(is_chosen);
    let sound = sound.filter(|opened| check(opened).is_ok());
    *names = sound.map(|opened| opened.listed.name).collect();
}

/// Checks every byte of a pack and its index.
fn check(opened: &Opened) -> Result<(), Unreadable> {
    let name = opened.listed.name;
    match (&opened.damage, &opened.pack) {
        (Some(err), _) => Err(explain(err)),
        (None, None) => Err(format!("pack '{name}' cannot be read")),
        (None, Some(pack)) if pack.name() != name => {
            Err(format!("what is called '{name}' is pack '{}'", pack.name()))
        }
        (None, Some(pack)) => pack.check_bytes().map_err(|err| explain(&err)),
    }
}

/// Checks that new packs are what they are called, as they are on the disk, and have all that is wanted of
/// their sources.
pub(super) fn check_new(
    layout: &Layout,
    new: &[PackName],
    sources: &[(&Listed, &PackFile)],
    is_wanted: &dyn Fn(usize, u32) -> bool,
) -> Result<(), GcError> {
    let packs = Packs::look(layout)?;
    packs.within_reach()?;
    let of = |name: &PackName| packs.all().find(|opened| opened.listed.name == *name);
    let opened: Vec<&Opened> = new.iter().filter_map(of).collect();
    for opened in &opened {
        check(opened).map_err(|why| GcError::Damaged { why })?;
    }
    let written = opened.iter().filter_map(|opened| opened.pack.as_ref());
    let written: Vec<&PackFile> = written.collect();
    let missing = first_missing(&written, sources, is_wanted);
    match missing.map_err(PackingError::Pack)? {
        Some(why) => Err(GcError::Damaged { why }),
        None => Ok(()),
    }
}

/// Returns what is wanted of some packs and in none of the others.
fn first_missing(
    written: &[&PackFile],
    sources: &[(&Listed, &PackFile)],
    is_wanted: &dyn Fn(usize, u32) -> bool,
) -> Result<Option<Unreadable>, PackError> {
    let sources = sources.iter().map(|(_, pack)| *pack);
    let all = written.iter().copied().chain(sources);
    let names = all.map(|pack| pack.ids().map(|id| id.map(|id| (id, ()))));
    for met in Union::new(names.collect())? {
        let met = met?;
        let source = met.list.checked_sub(written.len());
        // What a new pack has is met there first.
        if let (true, Some(source)) = (met.is_first, source)
            && is_wanted(source, met.rank)
        {
            return Ok(Some(format!("'{}' is missing in the new pack", met.id)));
        }
    }
    Ok(None)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests may panic")]
mod tests {
    use super::*;
    use crate::Store;
    use roar_object::{Object, Session};

    /// Returns a store with two packs, of ten objects each.
    fn two_packs() -> (tempfile::TempDir, Store, [PackName; 2]) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::create(&dir.path().join(".roar")).unwrap();
        let names = [0, 10].map(|first| {
            let mut sink = store.new_pack().unwrap();
            for number in first..first + 10 {
                let session = Session::begin(&format!("session {number}"), number);
                sink.add(&Object::encode(&session)).unwrap();
            }
            sink.finish().unwrap().unwrap()
        });
        (dir, store, names)
    }

    fn checked(store: &Store, new: PackName, old: PackName, wanted: u32) -> Result<(), GcError> {
        let packs = Packs::look(store.layout()).unwrap();
        let old = packs
            .all()
            .find(|opened| opened.listed.name == old)
            .unwrap();
        let sources = [(&old.listed, old.pack.as_ref().unwrap())];
        check_new(store.layout(), &[new], &sources, &|_, rank| rank < wanted)
    }

    #[test]
    fn a_pack_without_what_is_to_stay_takes_the_place_of_none() {
        let (_dir, store, [one, other]) = two_packs();
        checked(&store, one, one, 10).unwrap();
        checked(&store, one, other, 0).unwrap();
        let missing = checked(&store, one, other, 1).unwrap_err();
        let told = missing.to_string();
        assert!(told.ends_with("is missing in the new pack"), "{told}");
    }

    #[test]
    fn a_pack_that_is_not_on_the_disk_as_it_was_made_takes_the_place_of_none() {
        let (_dir, store, [one, other]) = two_packs();
        let path = packs::path(&store.layout().packs(), one);
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[40] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        let damaged = checked(&store, one, other, 0).unwrap_err();
        assert!(matches!(damaged, GcError::Damaged { .. }), "{damaged}");
    }

    #[test]
    fn only_packs_that_are_right_to_the_last_byte_are_merged() {
        let (_dir, store, names) = two_packs();
        let dir = store.layout().packs();
        let kept = || {
            let mut kept = names.to_vec();
            keep(&Packs::look(store.layout()).unwrap(), &mut kept);
            kept
        };
        assert_eq!(kept().len(), 2);
        let path = packs::index_path(&dir, names[0]);
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[72 + 1024 + 8 + 3] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        assert_eq!(kept(), [names[1]]);
        assert_eq!(mend_indexes(store.layout()).unwrap(), [names[0]]);
        assert_eq!(kept().len(), 2);
    }
}
