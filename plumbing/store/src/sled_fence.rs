//! A fence around sled: one handle a process, no panic, no words on the terminal.

use crate::file::{self, FileError, FileResult, if_there};
use crate::stacks;
use std::any::Any;
use std::cell::Cell;
use std::os::unix::fs::MetadataExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, Once, OnceLock, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// What the system says of a disk that does not answer; `std` has no name for it.
const EIO: i32 = 5;

/// sled's cache, in bytes.
const CACHE: u64 = 64 << 20;

/// Why sled did not do what it should.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SledError {
    /// Another process has it open.
    #[error("another process has the index open")]
    Busy,
    /// It says so itself.
    #[error("the index does not answer")]
    Sled(#[source] sled::Error),
    /// It panicked.
    #[error("the index gave up: {0}")]
    Panic(String),
    /// A file of it would not do what was asked.
    #[error(transparent)]
    File(#[from] FileError),
    /// The threads or the memory that it works with cannot be had. It would wait for its threads for ever, and
    /// end the process for want of memory.
    #[error("there are not enough threads or memory for it")]
    Threads(#[source] std::io::Error),
    /// It counts the time since 1970, and panics if there is none.
    #[error("the clock stands before 1970")]
    Clock,
    /// A file or a link stands in its place.
    #[error("the index is not a directory of the store's own")]
    Foreign,
    /// It is of the journal before that was sealed.
    #[error("the index is of a journal that has been sealed since")]
    Outdated,
    /// What it says does not fit the journal.
    #[error("the index says {0}")]
    Contradiction(&'static str),
}

impl SledError {
    /// Returns whether the disk or another process is to blame, and not what is in sled's place.
    pub(crate) fn is_outer(&self) -> bool {
        match self {
            Self::Busy | Self::Threads(_) | Self::Clock => true,
            // The disk did not answer the store itself; that says nothing of what is in sled.
            Self::File(err) => is_outer(&err.source) || err.source.raw_os_error() == Some(EIO),
            Self::Sled(sled::Error::Io(err)) => is_outer(err),
            Self::Sled(_)
            | Self::Panic(_)
            | Self::Foreign
            | Self::Outdated
            | Self::Contradiction(_) => false,
        }
    }
}

fn is_outer(err: &std::io::Error) -> bool {
    use std::io::ErrorKind as Kind;
    matches!(
        err.kind(),
        Kind::StorageFull
            | Kind::FileTooLarge
            | Kind::ReadOnlyFilesystem
            | Kind::QuotaExceeded
            | Kind::OutOfMemory
            | Kind::Interrupted
    )
}

impl From<sled::Error> for SledError {
    fn from(err: sled::Error) -> Self {
        // sled tells that another process holds its lock by text alone.
        match &err {
            sled::Error::Io(io) if io.to_string().contains("could not acquire lock") => Self::Busy,
            _ => Self::Sled(err),
        }
    }
}

/// A database that this process has open, and which directory entry it was.
struct OpenDb {
    device: u64,
    inode: u64,
    db: sled::Db,
}

/// What this process has open. sled gives its lock back at no known moment, so a database that was opened
/// stays here, to be used again; being static, it is never dropped, which would cost a sync and the
/// joining of threads at exit.
static OPEN: Mutex<Vec<OpenDb>> = Mutex::new(Vec::new());

/// Opens the database in `dir`, or returns the handle that this process has.
///
/// The caller holds the store's lock.
pub(crate) fn open(dir: &Path) -> Result<sled::Db, SledError> {
    if dir.symlink_metadata().is_ok_and(|meta| !meta.is_dir()) {
        return Err(SledError::Foreign);
    }
    let mut handles = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((device, inode)) = identity(dir)? {
        let same = |handle: &&OpenDb| (handle.device, handle.inode) == (device, inode);
        if let Some(handle) = handles.iter().find(same) {
            return Ok(handle.db.clone());
        }
    }
    file::make_private_dir(dir)?;
    if is_mostly_a_hole(dir) {
        return Err(SledError::Contradiction(
            "that it has a length that was never written",
        ));
    }
    remove_torn_snapshots(dir)?;
    if SystemTime::now() < UNIX_EPOCH {
        return Err(SledError::Clock);
    }
    let config = sled::Config::new()
        .path(dir)
        .cache_capacity(CACHE)
        .flush_every_ms(None);
    have_threads()?;
    let db = fenced(|| config.open())?;
    make_files_private(dir);
    if let Some((device, inode)) = identity(dir)? {
        handles.push(OpenDb {
            device,
            inode,
            db: db.clone(),
        });
    }
    Ok(db)
}

/// How many threads sled starts with the first thing that it has to do in a process.
const SLED_THREADS: usize = 7;

/// How many bytes sled should find. It takes a few MiB at once, some without a look at whether it got them.
const SLED_ROOM: usize = 32 << 20;

/// Sees to it that sled can start its threads, which it does once in a process, and that there is memory. If
/// it got no thread, it would wait for its work to be done for ever; any that it cannot start later, it does
/// without.
///
/// Each of sled's threads asks for the queue of its work over and over, without a pause, until the last
/// one has been started. On few processors that keeps the one who starts them from doing so, and would take
/// more time than all the rest of a commit: they had better be started fast.
fn have_threads() -> Result<(), SledError> {
    static READY: OnceLock<()> = OnceLock::new();
    if READY.get().is_none() {
        stacks::prepare(SLED_THREADS, SLED_ROOM).map_err(SledError::Threads)?;
        READY.get_or_init(|| ());
    }
    Ok(())
}

/// Lets go of the database in `dir`; sled's lock is free some time later.
pub(crate) fn close(dir: &Path) {
    let mut handles = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Ok(Some((device, inode))) = identity(dir) {
        handles.retain(|handle| (handle.device, handle.inode) != (device, inode));
    }
}

fn identity(dir: &Path) -> FileResult<Option<(u64, u64)>> {
    let path = dir.join("db");
    let found = if_there(std::fs::metadata(&path)).map_err(FileError::at("read", &path))?;
    Ok(found.map(|meta| (meta.dev(), meta.ino())))
}

/// Removes snapshots whose writer was killed: sled would refuse to open for ever.
fn remove_torn_snapshots(dir: &Path) -> FileResult<()> {
    for path in files(dir).map_err(FileError::at("read", dir))? {
        let name = path.file_name().unwrap_or_default().as_encoded_bytes();
        if name.starts_with(b"snap.") && name.ends_with(b".generating") {
            std::fs::remove_file(&path).map_err(FileError::at("remove", &path))?;
        }
    }
    Ok(())
}

fn files(dir: &Path) -> std::io::Result<Vec<PathBuf>> {
    std::fs::read_dir(dir)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect()
}

/// Returns whether the database has a length of which next to nothing was written. sled would fill the
/// hole, and the disk with it.
fn is_mostly_a_hole(dir: &Path) -> bool {
    const LARGE: u64 = 64 << 20;
    let meta = std::fs::metadata(dir.join("db"));
    meta.is_ok_and(|meta| meta.len() > LARGE && meta.blocks() * 512 < meta.len() / 16)
}

/// Takes sled's files from others. The directory keeps them out already, so trouble here is none.
fn make_files_private(dir: &Path) {
    for path in files(dir).unwrap_or_default() {
        let _ = file::make_private(&path);
    }
}

thread_local! {
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// Does something with sled, and turns a panic into an error.
pub(crate) fn fenced<T>(work: impl FnOnce() -> sled::Result<T>) -> Result<T, SledError> {
    quiet_panics();
    INSIDE.set(true);
    let outcome = catch_unwind(AssertUnwindSafe(work));
    INSIDE.set(false);
    match outcome {
        Ok(result) => Ok(result?),
        Err(payload) => Err(SledError::Panic(words(payload.as_ref()))),
    }
}

fn words(payload: &(dyn Any + Send)) -> String {
    let text = payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned());
    let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "no reason given".to_owned())
}

/// Keeps sled's panics, which [`fenced`] catches, off the terminal; other panics go where they went.
fn quiet_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let of_sled = info
                .location()
                .is_some_and(|at| at.file().contains("sled-0.34"));
            if !INSIDE.get() && !of_sled {
                before(info);
            }
        }));
    });
}
