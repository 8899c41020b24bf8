//! The hash cache: what files were named, so that they are not read again.

use crate::slot::Slot;
use crate::table::{FEWEST, MOST, Table};
use crate::{Checked, FileVersion};
use nix::fcntl::{Flock, FlockArg};
use roar_object::ContentId;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock};

/// Names of files by version, in a file that any number of processes share.
///
/// Nothing that goes wrong with the file is reported: a cache that cannot be read is empty, one
/// that cannot be written forgets. See the crate docs for its format and for the rule by which
/// entries are made.
#[derive(Debug)]
pub struct HashCache {
    path: Option<PathBuf>,
    table: RwLock<Option<Table>>,
    /// Whether making room has failed; then it is not tried again.
    stuck: AtomicBool,
}

impl HashCache {
    /// Opens the cache at `path`; if there is none it is made when there is something to keep.
    pub fn open(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        let table = open_table(&path);
        let read_only = table.as_ref().is_some_and(|table| !table.is_writable());
        Self {
            path: Some(path),
            table: RwLock::new(table),
            stuck: AtomicBool::new(read_only),
        }
    }

    /// Returns a cache that knows and keeps nothing.
    pub const fn none() -> Self {
        Self {
            path: None,
            table: RwLock::new(None),
            stuck: AtomicBool::new(true),
        }
    }

    /// Returns whether this is a cache that keeps nothing: there is no need to look at a file just
    /// to ask it.
    pub const fn is_none(&self) -> bool {
        self.path.is_none()
    }

    /// Returns the name of a file's bytes, if the file was named in this very version.
    pub fn get(&self, version: &FileVersion) -> Option<ContentId> {
        let table = self.table.read().unwrap_or_else(PoisonError::into_inner);
        table.as_ref()?.get(version)
    }

    /// Returns the names of many files' bytes, as [`HashCache::get`] does one by one, and faster.
    pub fn get_all(&self, versions: &[FileVersion]) -> Vec<Option<ContentId>> {
        let table = self.table.read().unwrap_or_else(PoisonError::into_inner);
        let Some(table) = table.as_ref() else {
            return vec![None; versions.len()];
        };
        table.fetch(versions);
        versions.iter().map(|version| table.get(version)).collect()
    }

    /// Keeps the name of a file's bytes, unless the version might come to mean other bytes.
    pub fn put(&self, version: &FileVersion, checked: Checked, id: ContentId) {
        if self.is_none() || !checked.settles(version) {
            return;
        }
        self.make_room();
        let table = self.table.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(table) = table.as_ref().filter(|table| table.is_writable()) {
            table.put(version, &Slot::new(version, id));
        }
    }

    /// Makes the table, or a larger one, when that is due.
    fn make_room(&self) {
        if self.stuck.load(Ordering::Relaxed) || !self.needs_room() {
            return;
        }
        let mut table = self.table.write().unwrap_or_else(PoisonError::into_inner);
        if !table.as_ref().is_none_or(needs_room) {
            return; // Another thread was quicker.
        }
        let larger = self.path.as_deref().and_then(|path| {
            let old = table.as_ref();
            // Another process may have been quicker, before or just now.
            adopt(path, old)
                .or_else(|| grow(path, old).ok())
                .or_else(|| adopt(path, old))
        });
        match larger {
            Some(larger) => *table = Some(larger),
            None => self.stuck.store(true, Ordering::Relaxed),
        }
    }

    fn needs_room(&self) -> bool {
        let table = self.table.read().unwrap_or_else(PoisonError::into_inner);
        table.as_ref().is_none_or(needs_room)
    }
}

fn needs_room(table: &Table) -> bool {
    table.slots() < MOST && table.is_crowded()
}

/// Opens for writing, else for reading, else not at all.
fn open_table(path: &Path) -> Option<Table> {
    let open = |writable| {
        let flags = libc::O_CLOEXEC | libc::O_NONBLOCK;
        let file = OpenOptions::new()
            .read(true)
            .write(writable)
            .custom_flags(flags)
            .open(path)
            .ok()?;
        Table::open(&file, writable)
    };
    open(true).or_else(|| open(false))
}

/// Opens the table that another process has put in the place of `old`, if it has.
fn adopt(path: &Path, old: Option<&Table>) -> Option<Table> {
    let fewest = old.map_or(0, Table::slots);
    open_table(path).filter(|found| found.is_writable() && found.slots() > fewest)
}

/// Replaces the file at `path` by a table twice as large with the same content.
///
/// The new file is built under the name `<path>.new`, locked, so that of several growers one goes
/// ahead; what one that was killed left behind is used again.
fn grow(path: &Path, old: Option<&Table>) -> io::Result<Table> {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let name = PathBuf::from(name);
    let file = lock_new(&name)?;
    file.set_len(0)?;
    let slots = old.map_or(FEWEST, |old| old.slots() * 2).min(MOST);
    let table = Table::create(&file, slots).inspect_err(|_| {
        // A file of no use should not keep the disk full.
        let _ = std::fs::remove_file(&name);
    })?;
    if let Some(old) = old {
        old.copy_into(&table);
    }
    std::fs::rename(&name, path)?;
    Ok(table)
}

/// Opens and locks the file that a new table is built in.
fn lock_new(name: &Path) -> io::Result<Flock<File>> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o644)
        .custom_flags(libc::O_CLOEXEC | libc::O_NOFOLLOW)
        .open(name)?;
    let file = Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|(_, err)| err)?;
    // Between opening and locking, the file may have been finished by another and have become the
    // table itself.
    let still_there = FileVersion::of_path_itself(name)?;
    let locked = FileVersion::of_fd(&*file)?;
    if (still_there.dev, still_there.ino) == (locked.dev, locked.ino) {
        Ok(file)
    } else {
        Err(io::ErrorKind::ResourceBusy.into())
    }
}
