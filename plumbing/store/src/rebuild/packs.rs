//! Mending packs: what is whole of damaged ones goes to a new one, and they are moved out of the way.
//!
//! The new pack counts before any old one is moved. So whoever is killed here leaves every whole object in
//! an old pack or in the new one, or in both, and whoever does it again goes on with it.

use crate::base::{Base, FoundBase, Source};
use crate::door;
use crate::file::{self, FileError, FileResult};
use crate::new_pack::{PackWriter, Received, write_through};
use crate::notice::explain;
use crate::packs::{self, Listed};
use crate::recover::free_name;
use crate::store::Layout;
use crate::{Notice, Reader};
use roar_object::ObjectId;
use roar_pack::{PackFile, PackName};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// How much of a pack is copied at once.
const CHUNK: usize = 1 << 20;

/// A pack that is not what its name says, or is not there.
#[derive(Debug)]
struct Broken {
    name: PackName,
    /// What is wrong with it; nothing if it is not there.
    why: Option<String>,
    /// What was in it, if its index is left.
    held: Option<Vec<ObjectId>>,
    /// How many objects of it are whole.
    whole: u64,
    /// Where it is kept.
    aside: Option<PathBuf>,
}

/// Reads every pack, makes the indexes anew that do not fit, and puts packs aside that are damaged, once
/// what is whole of them is in another. The caller holds the store's lock, and that of collectors.
pub(super) fn mend(layout: &Layout) -> FileResult<Vec<Notice>> {
    let (whole, mut broken) = sort_out(layout)?;
    if broken.is_empty() {
        return Ok(Vec::new());
    }
    let new = bring_over(layout, &whole, &mut broken)?;
    if let Some(new) = &new {
        keep_copy(layout, new.contents().name(), &mut broken)?;
    }
    let new = new.map(Received::count).transpose()?;
    // As whoever removes packs: somebody may be about to rely on one.
    let dir = layout.packs();
    let relied_on = File::open(&dir).and_then(|dir| dir.lock().map(|()| dir));
    let _relied_on = relied_on.map_err(FileError::at("lock", &dir))?;
    update_base(layout, &broken, new)?;
    put_aside(layout, &mut broken)?;
    tell(layout, broken)
}

/// Tells packs that are what their names say from those that are not.
fn sort_out(layout: &Layout) -> FileResult<(Vec<PackFile>, Vec<Broken>)> {
    let (mut whole, mut broken) = (Vec::new(), Vec::new());
    let listed = packs::list(&layout.packs())?;
    for pack in &listed {
        match look(layout, pack)? {
            Ok(pack) => whole.push(pack),
            Err(why) => broken.push(Broken::new(layout, pack.name, Some(why))),
        }
    }
    let is_there = |name: &PackName| listed.iter().any(|pack| pack.name == *name);
    let gone = Base::read(layout)?.packs.into_iter();
    let gone = gone.filter(|name| !is_there(name));
    broken.extend(gone.map(|name| Broken::new(layout, name, None)));
    Ok((whole, broken))
}

/// Reads a whole pack; returns it, with an index that is right, or what is wrong with it.
fn look(layout: &Layout, listed: &Listed) -> FileResult<Result<PackFile, String>> {
    let path = &listed.path;
    let contents = match packs::contents_of(path) {
        Ok(contents) if contents.name() == listed.name => contents,
        Ok(other) => return Ok(Err(format!("it is pack '{}'", other.name()))),
        Err(err) if packs::is_damage(&err) => return Ok(Err(explain(err.bare()))),
        Err(err) => return Err(FileError::at("read", path)(io::Error::other(err))),
    };
    let index = packs::index_path(&layout.packs(), listed.name);
    let is_right = |pack: &PackFile| pack.has_index_of(&contents);
    if let Some(pack) = PackFile::open(path, &index).ok().filter(is_right) {
        return Ok(Ok(pack));
    }
    write_through(layout, &index, |out| contents.write_index(out))?;
    let opened = PackFile::open(path, &index);
    Ok(Ok(opened.map_err(|err| {
        FileError::at("open", path)(io::Error::other(err))
    })?))
}

/// Writes what is whole of broken packs, and in no whole one, to a pack that does not count yet.
fn bring_over(
    layout: &Layout,
    whole: &[PackFile],
    broken: &mut [Broken],
) -> FileResult<Option<Received>> {
    let mut writer = PackWriter::create(layout)?;
    for broken in broken.iter_mut().filter(|broken| broken.why.is_some()) {
        broken.bring_over(layout, whole, &mut writer)?;
    }
    writer.end()
}

impl Broken {
    fn new(layout: &Layout, name: PackName, why: Option<String>) -> Self {
        let held = PackFile::listed(&packs::index_path(&layout.packs(), name));
        let held = held.ok().filter(|(said, _)| *said == name);
        Self {
            name,
            why,
            held: held.map(|(_, entries)| entries.iter().map(|entry| entry.id).collect()),
            whole: 0,
            aside: None,
        }
    }

    fn path(&self, layout: &Layout) -> PathBuf {
        packs::path(&layout.packs(), self.name)
    }

    /// Adds what is whole: what is found by going through the file, and then what only the index leads to.
    fn bring_over(
        &mut self,
        layout: &Layout,
        whole: &[PackFile],
        writer: &mut PackWriter,
    ) -> FileResult<()> {
        let path = self.path(layout);
        let found = PackFile::salvage(&path, self.name).ok();
        let indexed = PackFile::open(&path, &packs::index_path(&layout.packs(), self.name)).ok();
        if let Some(found) = &found {
            self.whole += copy_whole(found, &|_| true, whole, writer)?;
        }
        if let Some(indexed) = indexed {
            let is_new = |id| found.as_ref().is_none_or(|found| !has(found, id));
            self.whole += copy_whole(&indexed, &is_new, whole, writer)?;
        }
        Ok(())
    }
}

fn has(pack: &PackFile, id: ObjectId) -> bool {
    pack.has(id).unwrap_or(false)
}

/// Adds the wanted objects of a pack that can be read, unless a whole pack has them; returns how many can.
fn copy_whole(
    from: &PackFile,
    is_wanted: &dyn Fn(ObjectId) -> bool,
    whole: &[PackFile],
    writer: &mut PackWriter,
) -> FileResult<u64> {
    let mut count = 0;
    for entry in from.entries_by_place().unwrap_or_default() {
        let Some(object) = is_wanted(entry.id)
            .then(|| from.object(&entry).ok())
            .flatten()
        else {
            continue;
        };
        let id = object.id();
        let is_stored = writer.has(id) || whole.iter().any(|pack| has(pack, id));
        let added = match is_stored {
            true => Ok(true),
            false => writer.add_body(object.kind(), id, object.body()),
        };
        match added {
            Ok(_) => count += 1,
            // It has its name, and is no canonical body all the same.
            Err(err) if err.source.kind() == io::ErrorKind::InvalidData => {}
            Err(err) => return Err(err),
        }
    }
    Ok(count)
}

/// Copies the damaged pack whose name the new one has: all objects of it are whole.
fn keep_copy(layout: &Layout, new: PackName, broken: &mut [Broken]) -> FileResult<()> {
    let here = |broken: &&mut Broken| broken.name == new && broken.why.is_some();
    let Some(broken) = broken.iter_mut().find(here) else {
        return Ok(());
    };
    let path = broken.path(layout);
    let aside = free_name(layout, &format!("{new}.rpk"))?;
    copy(&path, &aside).map_err(|err| {
        // On a full disk, what there is of the copy would only take up more of it.
        let _ = door::remove(&aside);
        FileError::at("copy", &path)(err)
    })?;
    file::sync_dir(&layout.aside())?;
    broken.aside = Some(aside);
    Ok(())
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let (mut from, to) = (File::open(from)?, door::create(to)?);
    let (mut chunk, mut at) = (vec![0; CHUNK], 0);
    loop {
        let len = from.read(&mut chunk)?;
        if len == 0 {
            return door::sync(&to);
        }
        door::write_at(&to, &chunk[..len], at)?;
        at += len as u64;
    }
}

/// Lets the store need the new pack, and no longer the broken ones. Without its file, the base is made of
/// what lies there.
fn update_base(layout: &Layout, broken: &[Broken], new: Option<PackName>) -> FileResult<()> {
    let FoundBase { mut base, source } = Base::find(layout)?;
    let is_broken = |name: &PackName| broken.iter().any(|broken| broken.name == *name);
    if source != Source::File || !base.packs.iter().any(is_broken) {
        return Ok(());
    }
    base.packs.retain(|name| !is_broken(name));
    base.hold(new);
    base.generation += 1;
    base.write(layout)
}

/// Moves the broken packs to `aside/`, save the one that was copied there. Their indexes go: there is
/// nothing any more that they are of.
fn put_aside(layout: &Layout, broken: &mut [Broken]) -> FileResult<()> {
    let dir = layout.packs();
    for broken in broken.iter_mut().filter(|broken| broken.aside.is_none()) {
        if broken.why.is_some() {
            let from = broken.path(layout);
            let aside = free_name(layout, &format!("{}.rpk", broken.name))?;
            door::rename(&from, &aside).map_err(FileError::at("move", &from))?;
            broken.aside = Some(aside);
        }
        let index = packs::index_path(&dir, broken.name);
        file::if_there(door::remove(&index)).map_err(FileError::at("remove", &index))?;
    }
    if layout.aside().is_dir() {
        file::sync_dir(&layout.aside())?;
    }
    file::sync_dir(&dir)
}

/// Tells what became of the broken packs and of what was in them.
fn tell(layout: &Layout, broken: Vec<Broken>) -> FileResult<Vec<Notice>> {
    let reader = Reader::new(layout.clone());
    let notice = |broken: Broken| {
        let lost = broken.held.map(|held| lost(&reader, held)).transpose()?;
        let pack = broken.name.to_string();
        Ok(match (broken.why, broken.aside) {
            (Some(why), Some(aside)) => Notice::PackMended {
                pack,
                why,
                whole: broken.whole,
                lost,
                aside,
            },
            _ => Notice::PackGone { pack, lost },
        })
    };
    broken.into_iter().map(notice).collect()
}

/// Returns those that are nowhere else.
fn lost(reader: &Reader, held: Vec<ObjectId>) -> FileResult<Vec<ObjectId>> {
    let mut lost = Vec::new();
    for id in held {
        let crate::ReadError::File(err) = match reader.describe(id) {
            Ok(Some(_)) => continue,
            Ok(None) => {
                lost.push(id);
                continue;
            }
            Err(err) => err,
        };
        return Err(err);
    }
    Ok(lost)
}
