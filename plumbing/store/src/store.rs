//! The directory `.roar/`: made, recognised, opened.

use crate::file::{self, FileError, Sync};
use crate::journal::begin_segment;
use crate::lock::Lock;
use crate::segment;
use crate::{Holder, LockError, Reader, Wait, Writer, recover};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// The version of the layout that this program writes, and the highest that it reads. Version 1 is the
/// same without packs; it becomes this one when it is first written to.
const VERSION: u32 = 2;

/// How long making a store waits for somebody who makes it at the same moment.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why there is no store to work with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// There never was one there.
    #[error("'{path}' is not a store", path = .path.display())]
    NotAStore {
        /// Where.
        path: PathBuf,
    },
    /// There was one, and its journal is gone.
    #[error("the store in '{path}' is missing, though there was one", path = .path.display())]
    Missing {
        /// Where.
        path: PathBuf,
    },
    /// A later program made it.
    #[error("the store in '{path}' has version {found}, and this program knows up to {known}", path = .path.display())]
    Newer {
        /// Where.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// The highest known one.
        known: u32,
    },
    /// It cannot be made, because somebody holds its lock.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// A file of it would not do what was asked.
    #[error(transparent)]
    Io(#[from] FileError),
}

/// Where the parts of a store lie.
#[derive(Clone, Debug)]
pub(crate) struct Layout(Arc<Path>);

impl Layout {
    pub(crate) fn dir(&self) -> &Path {
        &self.0
    }

    pub(crate) fn marker(&self) -> PathBuf {
        self.0.join("format")
    }

    pub(crate) fn lock(&self) -> PathBuf {
        self.0.join("lock")
    }

    pub(crate) fn journal(&self) -> PathBuf {
        self.0.join("journal")
    }

    pub(crate) fn base(&self) -> PathBuf {
        self.0.join("base")
    }

    pub(crate) fn packs(&self) -> PathBuf {
        self.0.join("packs")
    }

    pub(crate) fn multi_index(&self) -> PathBuf {
        self.packs().join("multi.rmx")
    }

    pub(crate) fn collecting(&self) -> PathBuf {
        self.packs().join("lock")
    }

    pub(crate) fn ref_logs(&self) -> PathBuf {
        self.0.join("reflog")
    }

    pub(crate) fn refs(&self) -> PathBuf {
        self.0.join("refs")
    }

    pub(crate) fn sled(&self) -> PathBuf {
        self.0.join("sled")
    }

    pub(crate) fn runs(&self) -> PathBuf {
        self.0.join("runs")
    }

    pub(crate) fn aside(&self) -> PathBuf {
        self.0.join("aside")
    }
}

/// A store: the directory `.roar/`.
#[derive(Clone, Debug)]
pub struct Store {
    layout: Layout,
}

impl Store {
    /// Makes a store in `dir` (the `.roar` itself, whose parent exists), or opens the one that is there.
    ///
    /// Two processes may do this at once. What is missing of a store whose making was cut short is added.
    ///
    /// # Errors
    ///
    /// As [`Store::open`], and when a file or directory cannot be made.
    pub fn create(dir: &Path) -> Result<Self, OpenError> {
        match Self::open(dir) {
            Err(OpenError::NotAStore { .. }) => {}
            Ok(store) if !store.layout.marker().exists() => {}
            opened => return opened,
        }
        file::make_private_dir(dir)?;
        let layout = Layout(dir.into());
        let mut on_wait = |_: &Holder| {};
        let wait = Wait {
            up_to: PATIENCE,
            command: "roar init",
            on_wait: &mut on_wait,
        };
        let _lock = Lock::take(&layout.lock(), wait)?;
        if !layout.marker().exists() {
            furnish(&layout)?;
        }
        Self::open(dir)
    }

    /// Opens the store in `dir`, the `.roar` itself. Nothing is written, and nothing is read but the
    /// marker.
    ///
    /// # Errors
    ///
    /// When there is none, its data is gone, it is newer than this program, or it cannot be read.
    pub fn open(dir: &Path) -> Result<Self, OpenError> {
        let layout = Layout(dir.into());
        let path = || dir.to_owned();
        let marker = file::read_if_there(&layout.marker())?;
        let is_marked = marker.is_some();
        if let Some(found) = marker.and_then(|marker| parse_marker(&marker))
            && found > VERSION
        {
            return Err(OpenError::Newer {
                path: path(),
                found,
                known: VERSION,
            });
        }
        // One whose marker is wrong is read all the same: every other file says what it is, too.
        match has_history(&layout)? {
            true => Ok(Self { layout }),
            false if is_marked => Err(OpenError::Missing { path: path() }),
            false => Err(OpenError::NotAStore { path: path() }),
        }
    }

    /// Returns the directory of the store, as it was given.
    pub fn dir(&self) -> &Path {
        self.layout.dir()
    }

    /// Returns the directory of the spool files.
    pub fn runs(&self) -> PathBuf {
        self.layout.runs()
    }

    /// Returns a reader of the store as it is now.
    pub fn reader(&self) -> Reader {
        Reader::new(self.layout.clone())
    }

    /// Takes the lock, brings the index up to date, and returns the one that may write.
    ///
    /// # Errors
    ///
    /// When the lock is not free in time, or the journal cannot be read or put in order.
    pub fn writer(&self, wait: Wait<'_>) -> Result<Writer, LockError> {
        let lock = Lock::take(&self.layout.lock(), wait)?;
        update_marker(&self.layout)?;
        Ok(recover::open(&self.layout, lock)?)
    }

    /// Returns whether the store is marked as one of this version.
    pub(crate) fn is_of_this_version(&self) -> bool {
        matches!(version(&self.layout), Ok(Some(VERSION)))
    }

    pub(crate) fn layout(&self) -> &Layout {
        &self.layout
    }
}

/// Makes everything in a store, the marker last. The caller holds the lock.
fn furnish(layout: &Layout) -> Result<(), FileError> {
    file::replace(&layout.dir().join(".gitignore"), b"*\n", Sync::No)?;
    for dir in [layout.journal(), layout.runs()] {
        file::make_private_dir(&dir)?;
    }
    if !has_history(layout)? {
        begin_segment(&segment::path(&layout.journal(), 1), 1, 1)?;
        file::sync_dir(&layout.journal())?;
    }
    file::replace(&layout.marker(), marker().as_bytes(), Sync::Yes)?;
    layout.dir().parent().map_or(Ok(()), |parent| {
        file::sync_dir(if parent.as_os_str().is_empty() {
            Path::new(".")
        } else {
            parent
        })
    })
}

/// Returns whether there is anything that commits could be read from or brought back from.
fn has_history(layout: &Layout) -> Result<bool, FileError> {
    let is_there = |path: PathBuf| path.symlink_metadata().is_ok();
    Ok(!segment::list(&layout.journal())?.is_empty()
        || is_there(layout.base())
        || is_there(layout.refs()))
}

/// Marks a store as one of this version that an earlier version made, or whose marker is damaged or lost.
/// The caller holds the lock.
pub(crate) fn update_marker(layout: &Layout) -> Result<(), FileError> {
    match version(layout)? {
        Some(VERSION..) => Ok(()),
        _ => file::replace(&layout.marker(), marker().as_bytes(), Sync::Yes),
    }
}

/// Returns what the marker says, if it says anything.
pub(crate) fn version(layout: &Layout) -> Result<Option<u32>, FileError> {
    let marker = file::read_if_there(&layout.marker())?;
    Ok(marker.and_then(|marker| parse_marker(&marker)))
}

fn marker() -> String {
    format!("roar store {VERSION}\n")
}

fn parse_marker(text: &[u8]) -> Option<u32> {
    let digits = text.strip_prefix(b"roar store ")?.strip_suffix(b"\n")?;
    let plain = digits.iter().all(u8::is_ascii_digit) && digits.first() != Some(&b'0');
    std::str::from_utf8(digits)
        .ok()?
        .parse()
        .ok()
        .filter(|_| plain)
}
