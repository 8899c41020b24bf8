//! A disk whose power fails: what was done to it, and what may be left of that.
//!
//! A file's bytes are safe once it is synced, a name once its directory is. What was done since is kept,
//! dropped or torn as a seed says: bytes each by itself, names of one directory up to some change. sled's
//! files are not in the log; whoever plays a power cut puts there what they like.
#![expect(clippy::unwrap_used, reason = "tests may panic")]

use super::Act;
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Numbers that a seed leads to (SplitMix64, by Sebastiano Vigna).
#[derive(Clone, Debug)]
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    /// Returns a number below `sides`.
    pub(crate) fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % sides.max(1)
    }
}

/// What stands under a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Thing {
    File(usize),
    Dir,
}

/// Something that was done.
#[derive(Clone, Debug)]
enum Entry {
    Put(PathBuf, Thing),
    Rename(PathBuf, PathBuf),
    Remove(PathBuf),
    Write(usize, u64, Vec<u8>),
    Resize(usize, u64),
    Sync(usize),
    SyncDir(PathBuf),
}

/// Everything that was done to a directory, and what was in it before.
#[derive(Debug)]
pub(crate) struct Log {
    root: PathBuf,
    before: Disk,
    /// Which file has which inode.
    inodes: HashMap<u64, usize>,
    files: usize,
    entries: Vec<Entry>,
}

impl Log {
    /// Begins with what is in `root`, which holds a `.roar` and nothing else; all of it is safe, and what
    /// is sled's is left out.
    pub(crate) fn begin(root: &Path) -> Self {
        let mut log = Self {
            root: root.to_owned(),
            before: Disk::default(),
            inodes: HashMap::new(),
            files: 0,
            entries: Vec::new(),
        };
        log.before.dirs.insert(PathBuf::new(), Dir::default());
        log.take_in(root);
        log
    }

    fn take_in(&mut self, dir: &Path) {
        let mut paths: Vec<_> = std::fs::read_dir(dir)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        paths.sort();
        for path in paths {
            let Some(name) = self.name(&path) else {
                continue;
            };
            if path.is_dir() {
                self.before.put_safely(name, Thing::Dir);
                self.take_in(&path);
            } else {
                let file = self.file_of(&std::fs::metadata(&path).unwrap(), true);
                self.before
                    .files
                    .insert(file, Bytes::safe(std::fs::read(&path).unwrap()));
                self.before.put_safely(name, Thing::File(file));
            }
        }
    }

    /// Returns the path inside the root, if it is one that is logged.
    fn name(&self, path: &Path) -> Option<PathBuf> {
        let name = path.strip_prefix(&self.root).ok()?;
        let is_sled = [".roar/sled", ".roar/aside/sled"].map(|sled| name.starts_with(sled));
        (is_sled == [false; 2]).then(|| name.to_owned())
    }

    fn file_of(&mut self, meta: &std::fs::Metadata, is_new: bool) -> usize {
        if is_new {
            self.files += 1;
            self.inodes.insert(meta.ino(), self.files);
        }
        self.inodes.get(&meta.ino()).copied().unwrap_or_default()
    }

    /// Returns how many entries there are, for [`Log::cut`].
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Writes down what was done.
    pub(super) fn note(&mut self, act: &Act<'_>) {
        let entry = self.entry(act);
        self.entries.extend(entry);
    }

    fn entry(&mut self, act: &Act<'_>) -> Option<Entry> {
        Some(match act {
            Act::MakeDir(path) => Entry::Put(self.name(path)?, Thing::Dir),
            Act::Create(path) => {
                let name = self.name(path)?;
                let file = self.file_of(&std::fs::metadata(path).unwrap(), true);
                Entry::Put(name, Thing::File(file))
            }
            Act::Write(file, at, bytes) => Entry::Write(self.open(file), *at, bytes.to_vec()),
            Act::Resize(file, len) => Entry::Resize(self.open(file), *len),
            Act::Sync(file) => Entry::Sync(self.open(file)),
            Act::SyncDir(path) => Entry::SyncDir(self.name(path)?),
            Act::Rename(from, to) => Entry::Rename(self.name(from)?, self.name(to)?),
            Act::Remove(path) | Act::RemoveDir(path) => Entry::Remove(self.name(path)?),
        })
    }

    fn open(&mut self, file: &File) -> usize {
        self.file_of(&file.metadata().unwrap(), false)
    }

    /// Puts into `to` what may be there when the power fails after the first `entries`.
    pub(crate) fn cut(&self, entries: usize, dice: &mut Dice, to: &Path) {
        let mut disk = self.before.clone();
        for entry in &self.entries[..entries] {
            disk.apply(entry);
        }
        disk.write(Path::new(""), dice, to);
    }
}

/// The bytes of a file.
#[derive(Clone, Debug, Default)]
struct Bytes {
    safe: Vec<u8>,
    since: Vec<Change>,
}

#[derive(Clone, Debug)]
enum Change {
    Write(u64, Vec<u8>),
    Resize(u64),
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Resize(len) => bytes.resize(*len as usize, 0),
            Self::Write(at, new) => {
                let end = *at as usize + new.len();
                bytes.resize(bytes.len().max(end), 0);
                bytes[*at as usize..end].copy_from_slice(new);
            }
        }
    }

    /// Returns what is left of a change that was under way.
    fn torn(&self, dice: &mut Dice) -> Self {
        match self {
            Self::Resize(len) => Self::Resize(*len),
            Self::Write(at, new) => {
                let len = dice.roll(new.len() as u64 + 1) as usize;
                Self::Write(*at, new[..len].to_vec())
            }
        }
    }
}

impl Bytes {
    fn safe(safe: Vec<u8>) -> Self {
        Self {
            safe,
            since: Vec::new(),
        }
    }

    fn sync(&mut self) {
        for change in self.since.drain(..) {
            change.apply(&mut self.safe);
        }
    }

    fn after_cut(&self, dice: &mut Dice) -> Vec<u8> {
        let mut bytes = self.safe.clone();
        let mood = dice.roll(4);
        for change in &self.since {
            match (mood, dice.roll(3)) {
                (0, _) | (3, 0) => {}
                (1, _) | (3, 1) => change.apply(&mut bytes),
                _ => change.torn(dice).apply(&mut bytes),
            }
        }
        bytes
    }
}

/// The names in a directory.
#[derive(Clone, Debug, Default)]
struct Dir {
    safe: BTreeMap<PathBuf, Thing>,
    now: BTreeMap<PathBuf, Thing>,
    since: Vec<NameChange>,
}

#[derive(Clone, Debug)]
enum NameChange {
    Put(PathBuf, Thing),
    Remove(PathBuf),
    /// Both at once.
    Rename(PathBuf, PathBuf, Thing),
}

impl NameChange {
    fn apply(&self, names: &mut BTreeMap<PathBuf, Thing>) {
        match self {
            Self::Put(name, thing) => {
                names.insert(name.clone(), *thing);
            }
            Self::Remove(name) => {
                names.remove(name);
            }
            Self::Rename(from, to, thing) => {
                names.remove(from);
                names.insert(to.clone(), *thing);
            }
        }
    }
}

impl Dir {
    fn change(&mut self, change: NameChange) {
        change.apply(&mut self.now);
        self.since.push(change);
    }

    fn after_cut(&self, dice: &mut Dice) -> BTreeMap<PathBuf, Thing> {
        let mut names = self.safe.clone();
        let kept = match dice.roll(3) {
            0 => 0,
            1 => self.since.len(),
            _ => dice.roll(self.since.len() as u64 + 1) as usize,
        };
        for change in &self.since[..kept] {
            change.apply(&mut names);
        }
        names
    }
}

#[derive(Clone, Debug, Default)]
struct Disk {
    files: HashMap<usize, Bytes>,
    dirs: BTreeMap<PathBuf, Dir>,
}

fn parent(name: &Path) -> &Path {
    name.parent().expect("the root is never changed")
}

impl Disk {
    fn put_safely(&mut self, name: PathBuf, thing: Thing) {
        let dir = self.dir(parent(&name));
        dir.safe.insert(name.clone(), thing);
        dir.now.insert(name, thing);
    }

    fn dir(&mut self, name: &Path) -> &mut Dir {
        self.dirs.entry(name.to_owned()).or_default()
    }

    fn apply(&mut self, entry: &Entry) {
        match entry {
            Entry::Put(name, thing) => {
                let change = NameChange::Put(name.clone(), *thing);
                self.dir(parent(name)).change(change);
            }
            Entry::Remove(name) => {
                self.dir(parent(name))
                    .change(NameChange::Remove(name.clone()));
            }
            Entry::Rename(from, to) => self.rename(from, to),
            Entry::Write(file, at, bytes) => {
                self.file(*file)
                    .since
                    .push(Change::Write(*at, bytes.clone()));
            }
            Entry::Resize(file, len) => self.file(*file).since.push(Change::Resize(*len)),
            Entry::Sync(file) => self.file(*file).sync(),
            Entry::SyncDir(name) => {
                let dir = self.dir(name);
                dir.safe = dir.now.clone();
                dir.since.clear();
            }
        }
    }

    fn rename(&mut self, from: &Path, to: &Path) {
        let dir = self.dir(parent(from));
        let Some(thing) = dir.now.get(from).copied() else {
            return;
        };
        if parent(from) == parent(to) {
            dir.change(NameChange::Rename(from.into(), to.into(), thing));
        } else {
            dir.change(NameChange::Remove(from.into()));
            self.dir(parent(to))
                .change(NameChange::Put(to.into(), thing));
        }
    }

    fn file(&mut self, file: usize) -> &mut Bytes {
        self.files.entry(file).or_default()
    }

    fn write(&self, dir: &Path, dice: &mut Dice, to: &Path) {
        std::fs::create_dir_all(to.join(dir)).unwrap();
        let Some(names) = self.dirs.get(dir) else {
            return;
        };
        for (name, thing) in names.after_cut(dice) {
            match thing {
                Thing::Dir => self.write(&name, dice, to),
                Thing::File(file) => {
                    let bytes = self.files.get(&file).map(|bytes| bytes.after_cut(dice));
                    std::fs::write(to.join(&name), bytes.unwrap_or_default()).unwrap();
                }
            }
        }
    }
}
