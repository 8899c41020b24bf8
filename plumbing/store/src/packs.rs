//! The packs of a store, open.

use crate::file::{FileError, FileResult, if_there};
use crate::notice::explain;
use crate::store::Layout;
use roar_object::{DecodeError, FindError, Kind, Object, ObjectId, Prefix};
use roar_pack::{
    Contents, Covered, Entry, Found, Limits, MultiIndex, PackError, PackFile, PackName,
};
use std::fs::File;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

/// How a file is called that is being written.
pub(crate) const TEMPORARY: &str = "tmp-";

/// What the system says of a sector that cannot be read.
const EIO: i32 = 5;

/// How much of a pack is read at once.
const READ: usize = 1 << 18;

/// A pack as the directory lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) name: PackName,
    pub(crate) path: PathBuf,
    /// When it was made, or last relied upon.
    pub(crate) used: SystemTime,
    pub(crate) bytes: u64,
}

/// A pack, as far as it can be read.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) listed: Listed,
    /// Nothing if not even part of it can be read.
    pub(crate) pack: Option<PackFile>,
    /// What is wrong with it, if that shows when it is opened.
    pub(crate) damage: Option<PackError>,
    /// Whether its index file is what it should be.
    pub(crate) is_indexed: bool,
}

impl Opened {
    /// Returns why the pack cannot be read now, if it is neither damaged nor gone.
    pub(crate) fn out_of_reach(&self) -> Option<FileError> {
        let err = self.damage.as_ref()?;
        match err.bare() {
            PackError::Read(cause) if !is_damage(err) && !is_gone(err) => {
                let cause = cause.raw_os_error().map_or_else(
                    || io::Error::new(cause.kind(), explain(cause)),
                    io::Error::from_raw_os_error,
                );
                Some(FileError::at("read", &self.listed.path)(cause))
            }
            _ => None,
        }
    }
}

/// Returns the file of a pack.
pub(crate) fn path(dir: &Path, name: PackName) -> PathBuf {
    dir.join(format!("{name}.rpk"))
}

/// Returns the file of a pack's index.
pub(crate) fn index_path(dir: &Path, name: PackName) -> PathBuf {
    dir.join(format!("{name}.rix"))
}

/// Returns the packs there are, oldest first.
pub(crate) fn list(dir: &Path) -> FileResult<Vec<Listed>> {
    let read = || -> io::Result<Vec<Listed>> {
        let mut packs = Vec::new();
        for entry in if_there(std::fs::read_dir(dir))?.into_iter().flatten() {
            packs.extend(look(&entry?.path())?);
        }
        packs.sort_by_key(|pack| (pack.used, pack.name));
        Ok(packs)
    };
    read().map_err(FileError::at("read", dir))
}

fn look(path: &Path) -> io::Result<Option<Listed>> {
    let name = path.file_name().and_then(std::ffi::OsStr::to_str);
    let digits = name.and_then(|name| name.strip_suffix(".rpk"));
    let Some(name) = digits.and_then(|digits| digits.parse().ok()) else {
        return Ok(None);
    };
    let Some(meta) = if_there(std::fs::metadata(path))? else {
        return Ok(None);
    };
    Ok(Some(Listed {
        name,
        path: path.to_owned(),
        used: meta.modified()?,
        bytes: meta.len(),
    }))
}

/// The packs of a store, oldest first. Each is opened when it is needed.
#[derive(Debug)]
pub(crate) struct Packs {
    all: Vec<Slot>,
    multi: Option<Multi>,
    /// Whether one was gone when it was to be opened.
    is_moved: AtomicBool,
}

#[derive(Debug)]
struct Slot {
    listed: Listed,
    opened: OnceLock<Opened>,
}

/// The index over several packs, and which they are.
#[derive(Debug)]
struct Multi {
    index: MultiIndex,
    slots: Vec<usize>,
}

impl Packs {
    /// Looks which packs there are.
    pub(crate) fn look(layout: &Layout) -> FileResult<Self> {
        let slot = |listed| Slot {
            listed,
            opened: OnceLock::new(),
        };
        let all: Vec<_> = list(&layout.packs())?.into_iter().map(slot).collect();
        Ok(Self {
            multi: Multi::open(layout, &all),
            all,
            is_moved: AtomicBool::new(false),
        })
    }

    /// Returns whether somebody has removed packs since: what was not found may be in others.
    pub(crate) fn is_moved(&self) -> bool {
        self.is_moved.load(Ordering::Relaxed)
    }

    fn opened<'s>(&self, slot: &'s Slot) -> &'s Opened {
        slot.opened.get_or_init(|| {
            let opened = open(slot.listed.clone());
            if opened.damage.as_ref().is_some_and(is_gone) {
                self.is_moved.store(true, Ordering::Relaxed);
            }
            opened
        })
    }

    /// Returns all packs, opened.
    pub(crate) fn all(&self) -> impl DoubleEndedIterator<Item = &Opened> {
        self.all.iter().map(|slot| self.opened(slot))
    }

    /// Makes sure that what cannot be read now is damaged or gone: if not, another time it may be read.
    pub(crate) fn within_reach(&self) -> FileResult<()> {
        self.all()
            .find_map(Opened::out_of_reach)
            .map_or(Ok(()), Err)
    }

    /// Returns the packs that can be read, in part at least, oldest first.
    pub(crate) fn readable(&self) -> impl DoubleEndedIterator<Item = &PackFile> {
        self.all().filter_map(|opened| opened.pack.as_ref())
    }

    /// Reads an object from the one pack that the index over several names. That index is a short cut:
    /// what it does not know is looked for in each pack.
    fn find_at_once(&self, id: ObjectId) -> Option<Object> {
        let (pack, found) = self.named(id)?;
        let entry = pack.entry_found(&found).ok()?;
        pack.object(&entry).ok()
    }

    fn named(&self, id: ObjectId) -> Option<(&PackFile, Found)> {
        let multi = self.multi.as_ref()?;
        let found = multi.index.find(id).ok()??;
        let slot = self.all.get(*multi.slots.get(found.pack)?)?;
        Some((self.opened(slot).pack.as_ref()?, found))
    }

    /// Reads an object. One that is damaged in one pack may be whole in another.
    pub(crate) fn find(&self, id: ObjectId) -> Result<Option<Object>, FindError> {
        if let Some(object) = self.find_at_once(id) {
            return Ok(Some(object));
        }
        let mut wrong = None;
        for pack in self.readable().rev() {
            match pack.find(id) {
                Ok(None) => {}
                Ok(found) => return Ok(found),
                Err(err) => wrong = Some(damaged(pack, id, err)),
            }
        }
        wrong.map_or(Ok(None), Err)
    }

    /// Returns the kind and the length of an object.
    pub(crate) fn describe(&self, id: ObjectId) -> Option<(Kind, u32)> {
        self.holder(id)?.describe(id).ok()?
    }

    pub(crate) fn has(&self, id: ObjectId) -> bool {
        self.holder(id).is_some()
    }

    /// Returns a pack that has an object.
    pub(crate) fn holder(&self, id: ObjectId) -> Option<&PackFile> {
        let has = |pack: &&PackFile| pack.has(id).unwrap_or(false);
        let named = self.named(id).map(|(pack, _)| pack);
        named
            .filter(has)
            .or_else(|| self.readable().rev().find(has))
    }

    /// Returns how many objects each pack has, as far as it can be read.
    pub(crate) fn lens(&self) -> Vec<u32> {
        let len = |opened: &Opened| opened.pack.as_ref().map_or(0, PackFile::len);
        self.all().map(len).collect()
    }

    /// Returns in which of the packs an object is, and its rank there; always the same for the same.
    pub(crate) fn position(&self, id: ObjectId) -> Option<(usize, u32)> {
        self.all.iter().enumerate().rev().find_map(|(at, slot)| {
            let rank = self.opened(slot).pack.as_ref()?.rank(id).ok()??;
            Some((at, rank))
        })
    }

    pub(crate) fn with_prefix(&self, prefix: &Prefix) -> impl Iterator<Item = (ObjectId, Kind)> {
        let found = self
            .readable()
            .filter_map(move |pack| pack.with_prefix(prefix).ok());
        found.flatten().map(|entry| (entry.id, entry.place.kind()))
    }

    /// Visits the entries of every pack in the order in which they lie in it, those that an earlier pack
    /// has left out, and those of some packs: 44 bytes of memory for each entry of the largest pack.
    pub(crate) fn each_entry(&self, beside: &[PackName], visit: &mut dyn FnMut(&PackFile, &Entry)) {
        let packs: Vec<_> = self.readable().collect();
        for (at, pack) in packs.iter().enumerate() {
            if beside.contains(&pack.name()) {
                continue;
            }
            for entry in pack.entries_by_place().unwrap_or_default() {
                if is_new(&packs[..at], entry.id) {
                    visit(pack, &entry);
                }
            }
        }
    }

    /// As [`Packs::each_entry`], of all packs, sorted by name in each, and without that memory.
    pub(crate) fn each_listed(&self, visit: &mut dyn FnMut(&Entry)) {
        let packs: Vec<_> = self.readable().collect();
        for (at, pack) in packs.iter().enumerate() {
            for entry in pack.entries().flatten() {
                if is_new(&packs[..at], entry.id) {
                    visit(&entry);
                }
            }
        }
    }
}

impl Multi {
    /// Opens the index over several packs, if all of them are there.
    fn open(layout: &Layout, all: &[Slot]) -> Option<Self> {
        let index = MultiIndex::open(&layout.multi_index()).ok()?;
        let slot_of = |covered: &Covered| {
            all.iter().position(|slot| {
                let Listed { name, bytes, .. } = slot.listed;
                (name, bytes) == (covered.name, covered.bytes)
            })
        };
        let slots: Option<Vec<_>> = index.packs().iter().map(slot_of).collect();
        Some(Self {
            slots: slots?,
            index,
        })
    }
}

/// Returns whether an object is in none of these packs.
fn is_new(earlier: &[&PackFile], id: ObjectId) -> bool {
    !earlier.iter().any(|pack| pack.has(id).unwrap_or(false))
}

fn open(listed: Listed) -> Opened {
    let index = listed.path.with_extension("rix");
    match PackFile::open(&listed.path, &index) {
        Ok(pack) => Opened {
            listed,
            pack: Some(pack),
            damage: None,
            is_indexed: true,
        },
        Err(_) => open_unindexed(listed),
    }
}

/// Opens a pack whose index is missing or not right, or which is damaged itself.
fn open_unindexed(listed: Listed) -> Opened {
    let path = &listed.path;
    let opened = make_index(path).and_then(|index| PackFile::with_index(path, index));
    let (pack, damage) = match opened {
        Ok(pack) => (Some(pack), None),
        Err(err) => (PackFile::salvage(path, listed.name).ok(), Some(err)),
    };
    Opened {
        listed,
        pack,
        damage,
        is_indexed: false,
    }
}

/// Makes the index of a pack, which is read for that and checked.
pub(crate) fn make_index(path: &Path) -> Result<Vec<u8>, PackError> {
    Ok(contents_of(path)?.to_index())
}

/// Reads a whole pack, and checks it.
pub(crate) fn contents_of(path: &Path) -> Result<Contents, PackError> {
    let input = BufReader::with_capacity(READ, File::open(path)?);
    roar_pack::read(input, &Limits::own(), &mut |_| Ok(()))
}

/// Returns whether it is the pack that is wrong, and not that it may not be read, or not now.
pub(crate) fn is_damage(err: &PackError) -> bool {
    match err.bare() {
        PackError::Read(err) => {
            let kinds = [io::ErrorKind::UnexpectedEof, io::ErrorKind::IsADirectory];
            err.raw_os_error() == Some(EIO) || kinds.contains(&err.kind())
        }
        _ => true,
    }
}

/// Returns whether a pack is not there any more.
fn is_gone(err: &PackError) -> bool {
    matches!(err.bare(), PackError::Read(err) if err.kind() == io::ErrorKind::NotFound)
}

/// Says of an object that a pack should have and has not that it is damaged.
fn damaged(pack: &PackFile, id: ObjectId, err: PackError) -> FindError {
    match pack.describe(id) {
        Ok(Some((kind, _))) if !matches!(err.bare(), PackError::Read(_)) => {
            let why = explain(&err);
            FindError::Decode(DecodeError::Invalid { id, kind, why })
        }
        _ => err.into(),
    }
}
