//! Packs on their way into the store: made here, or received from elsewhere.
//!
//! A pack is written under a name that does not count, synced, and renamed. Its writer keeps the file
//! locked, so that one whose writer is gone can be told, and removed. The store's lock is not needed.

use crate::door;
use crate::file::{self, FileError, FileResult};
use crate::lock::{Lock, LockError, Wait};
use crate::packs::{self, TEMPORARY};
use crate::reader::ReadError;
use crate::store::{Layout, Store, update_marker};
use crate::{Holder, Reader};
use roar_object::{Kind, Object, ObjectId};
use roar_pack::{Contents, Limits, NotTaken, PackError, PackFile, PackName};
use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How often a name is tried that somebody may be in the way of.
const TRIES: u32 = 20;
/// How much is written at once.
const BUFFER: usize = 256 << 10;
/// How long making a pack waits for the lock, in the one case in which it needs it.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why a pack did not come into the store. Nothing of it is there then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PackingError {
    /// A file would not do what was asked.
    #[error(transparent)]
    Io(#[from] FileError),
    /// What the store has cannot be told.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A store that an earlier version made is in use.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The pack is not right, or an object that was to go into one.
    #[error("the pack cannot be taken")]
    Pack(#[source] PackError),
}

/// A file that is written through the door.
#[derive(Debug)]
struct Stream {
    file: File,
    end: u64,
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = door::append(&self.file, bytes, self.end)?;
        self.end += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A file in `packs/` that does not count yet; it goes when this is dropped.
#[derive(Debug)]
struct Unnamed {
    layout: Layout,
    path: PathBuf,
    file: File,
    is_kept: bool,
}

impl Drop for Unnamed {
    fn drop(&mut self) {
        if !self.is_kept {
            let _ = door::remove(&self.path);
        }
        // As for the store's lock, closing is not enough where another thread forks.
        let _ = self.file.unlock();
    }
}

impl Unnamed {
    fn create(layout: &Layout) -> FileResult<Self> {
        let dir = layout.packs();
        file::make_lasting_dir(&dir)?;
        for _ in 0..TRIES {
            let path = dir.join(temporary_name());
            let at = || FileError::at("create", &path);
            let file = door::create_new(&path).map_err(at())?;
            file.lock().map_err(at())?;
            // Somebody who tidied up may have taken it for an abandoned one.
            if file.metadata().map_err(at())?.nlink() > 0 {
                let layout = layout.clone();
                return Ok(Self {
                    layout,
                    path,
                    file,
                    is_kept: false,
                });
            }
        }
        let taken = io::Error::from(io::ErrorKind::AlreadyExists);
        Err(FileError::at("create a pack in", &dir)(taken))
    }

    fn stream(&self) -> FileResult<BufWriter<Stream>> {
        let file = self.file.try_clone();
        let file = file.map_err(FileError::at("write", &self.path))?;
        Ok(BufWriter::with_capacity(BUFFER, Stream { file, end: 0 }))
    }

    /// Lets the pack count.
    fn admit(self, contents: &Contents) -> FileResult<PackName> {
        self.admit_as(contents.name(), |out| contents.write_index(out))
    }

    /// Lets the pack count, with its index. The index comes first: a pack without one has to be read
    /// whole by whoever opens it.
    fn admit_as(
        mut self,
        name: PackName,
        index: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> FileResult<PackName> {
        let dir = self.layout.packs();
        door::sync(&self.file).map_err(FileError::at("sync", &self.path))?;
        // It can be made again, so it need not be synced. A pack counts without one too, and the next
        // writer makes it.
        let _ = write_through(&self.layout, &packs::index_path(&dir, name), index);
        let path = packs::path(&dir, name);
        door::rename(&self.path, &path).map_err(FileError::at("name", &path))?;
        self.is_kept = true;
        file::sync_dir(&dir)?;
        Ok(name)
    }
}

/// Writes a file in `packs/` that can be made again, under a name that does not count until it is whole.
pub(crate) fn write_through(
    layout: &Layout,
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> FileResult<()> {
    let mut unnamed = Unnamed::create(layout)?;
    let mut out = unnamed.stream()?;
    let written = write(&mut out).and_then(|()| out.flush());
    written
        .and_then(|()| door::rename(&unnamed.path, path))
        .map_err(FileError::at("write", path))?;
    unnamed.is_kept = true;
    Ok(())
}

/// Returns a name that nobody else has.
fn temporary_name() -> String {
    static COUNTER: AtomicU32 = AtomicU32::new(0);
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let since = since.unwrap_or(Duration::ZERO).as_nanos() as u64;
    let count = COUNTER.fetch_add(1, Ordering::Relaxed);
    format!(
        "{TEMPORARY}{since:016x}-{:08x}-{count:x}",
        std::process::id()
    )
}

impl Store {
    /// Begins a pack, for objects that are too many for a transaction.
    ///
    /// # Errors
    ///
    /// When the file cannot be made.
    pub fn new_pack(&self) -> Result<PackSink, PackingError> {
        self.be_fit_for_packs()?;
        Ok(PackSink {
            reader: self.reader(),
            pack: PackWriter::create(self.layout())?,
            relied_on: HashSet::new(),
        })
    }

    /// Takes a pack in from elsewhere, believing nothing; every object is shown to `each`. It does not
    /// count before it is [admitted](Received::admit).
    ///
    /// # Errors
    ///
    /// When `input` is not a pack that is right in every respect and within `limits`, `each` does not
    /// take an object, or a file cannot be written.
    pub fn receive_pack(
        &self,
        input: impl Read,
        limits: &Limits,
        each: &mut dyn FnMut(Object) -> Result<(), NotTaken>,
    ) -> Result<Received, PackingError> {
        self.be_fit_for_packs()?;
        let unnamed = Unnamed::create(self.layout())?;
        let mut copied = Copied {
            input,
            out: unnamed.stream()?,
            refused: None,
        };
        let read = roar_pack::read(&mut copied, limits, each);
        if let Some(err) = copied.refused.take() {
            return Err(FileError::at("write", &unnamed.path)(err).into());
        }
        let contents = read.map_err(PackingError::Pack)?;
        let flushed = copied.out.flush();
        flushed.map_err(FileError::at("write", &unnamed.path))?;
        Ok(Received { unnamed, contents })
    }

    /// Sees to it that programs that know nothing of packs refuse the store.
    pub(crate) fn be_fit_for_packs(&self) -> Result<(), PackingError> {
        if self.is_of_this_version() {
            return Ok(());
        }
        let mut on_wait = |_: &Holder| {};
        let wait = Wait {
            up_to: PATIENCE,
            command: "roar",
            on_wait: &mut on_wait,
        };
        let _lock = Lock::take(&self.layout().lock(), wait)?;
        Ok(update_marker(self.layout())?)
    }
}

/// A pack that is being made; it counts once it is [finished](PackSink::finish).
///
/// It takes about 55 bytes of memory for each object, and a few hundred KiB. What objects lead to should
/// be added before them, and what belongs together one after the other.
#[derive(Debug)]
pub struct PackSink {
    reader: Reader,
    pack: PackWriter,
    /// Packs that have something that was not written again.
    relied_on: HashSet<PackName>,
}

impl PackSink {
    /// Adds an object, unless the store has it; returns whether it was added.
    ///
    /// # Errors
    ///
    /// When the store cannot be asked, or the disk does not take the bytes; the pack is lost then.
    pub fn add(&mut self, object: &Object) -> Result<bool, PackingError> {
        let id = object.id();
        if self.pack.has(id) || self.is_stored(id)? {
            return Ok(false);
        }
        Ok(self.pack.add_body(object.kind(), id, object.body())?)
    }

    /// Returns how many objects were added.
    pub fn objects(&self) -> u64 {
        self.pack.objects()
    }

    /// Returns whether the store has an object, and keeps it from being collected if nothing leads to it
    /// yet.
    fn is_stored(&mut self, id: ObjectId) -> Result<bool, ReadError> {
        let shelf = self.reader.shelf()?;
        let Some(pack) = shelf.packs.holder(id) else {
            // A damaged one is as good as none: this one takes its place.
            return self.reader.is_written_whole(id);
        };
        if self.relied_on.contains(&pack.name()) {
            return Ok(true);
        }
        let is_kept = rely_on(&self.pack.unnamed.layout, pack);
        if is_kept {
            self.relied_on.insert(pack.name());
        }
        Ok(is_kept)
    }

    /// Ends the pack and lets it count; returns its name, or nothing if nothing was added.
    ///
    /// # Errors
    ///
    /// When the disk does not take it; the pack is lost then.
    pub fn finish(self) -> Result<Option<PackName>, PackingError> {
        Ok(self.pack.finish()?)
    }
}

/// Makes a pack as young as if it had been made now; returns whether it is still there. A collector that
/// is about to remove it sees that, or is done already.
fn rely_on(layout: &Layout, pack: &PackFile) -> bool {
    let Ok(dir) = File::open(layout.packs()) else {
        return false;
    };
    if dir.lock_shared().is_err() {
        return false;
    }
    let file = File::options().write(true).open(pack.path());
    file.is_ok_and(|file| file.set_modified(SystemTime::now()).is_ok())
}

/// A pack that came from elsewhere and is right; it goes when this is dropped.
#[derive(Debug)]
pub struct Received {
    unnamed: Unnamed,
    contents: Contents,
}

impl Received {
    /// Returns what the pack holds.
    pub const fn contents(&self) -> &Contents {
        &self.contents
    }

    /// Lets the pack count.
    ///
    /// # Errors
    ///
    /// When the disk does not take it.
    pub fn admit(self) -> Result<PackName, PackingError> {
        Ok(self.count()?)
    }

    /// As [`Received::admit`].
    pub(crate) fn count(self) -> FileResult<PackName> {
        self.unnamed.admit(&self.contents)
    }
}

/// A pack that is being made of what the store has already.
#[derive(Debug)]
pub(crate) struct PackWriter {
    unnamed: Unnamed,
    writer: roar_pack::Writer<BufWriter<Stream>>,
}

impl PackWriter {
    pub(crate) fn create(layout: &Layout) -> FileResult<Self> {
        let unnamed = Unnamed::create(layout)?;
        let out = unnamed.stream()?;
        let writer = roar_pack::Writer::new(out);
        let writer = writer.map_err(FileError::at("write", &unnamed.path))?;
        Ok(Self { unnamed, writer })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.unnamed.path
    }

    /// Adds an object; an error of kind `InvalidData` says that it is damaged.
    pub(crate) fn add_body(&mut self, kind: Kind, id: ObjectId, body: &[u8]) -> FileResult<bool> {
        let added = self.writer.add_body(kind, id, body);
        added.map_err(FileError::at("write", &self.unnamed.path))
    }

    pub(crate) fn has(&self, id: ObjectId) -> bool {
        self.writer.has(&id)
    }

    pub(crate) fn objects(&self) -> u64 {
        self.writer.objects()
    }

    /// Ends the pack and lets it count; returns its name, or nothing if it is empty.
    pub(crate) fn finish(self) -> FileResult<Option<PackName>> {
        let ended = self.end()?;
        ended.map(Received::count).transpose()
    }

    /// Ends the pack, which does not count yet; returns nothing if it is empty.
    pub(crate) fn end(self) -> FileResult<Option<Received>> {
        let finished = self.writer.finish();
        let (_, contents) = finished.map_err(FileError::at("write", &self.unnamed.path))?;
        let unnamed = self.unnamed;
        Ok((contents.objects() > 0).then_some(Received { unnamed, contents }))
    }
}

/// Makes a pack of what is wanted of others, as [`roar_pack::copy`] does; returns its name, or nothing if
/// it would be empty.
pub(crate) fn copy(
    layout: &Layout,
    packs: &[&PackFile],
    wanted: &dyn Fn(usize, u32) -> bool,
) -> Result<Option<PackName>, PackingError> {
    let unnamed = Unnamed::create(layout)?;
    let copied = match roar_pack::copy(packs, wanted, unnamed.stream()?) {
        Err(PackError::Write(err)) => {
            return Err(FileError::at("write", &unnamed.path)(err).into());
        }
        copied => copied.map_err(PackingError::Pack)?,
    };
    if copied.objects() == 0 {
        return Ok(None);
    }
    let index = |out: &mut dyn Write| copied.write_index(out).map_err(io_error);
    Ok(Some(unnamed.admit_as(copied.name(), index)?))
}

/// Returns the system's own error, where it is that.
pub(crate) fn io_error(err: PackError) -> io::Error {
    match err {
        PackError::Write(err) => err,
        err => io::Error::other(err),
    }
}

/// Input that is written down as it is read.
struct Copied<R> {
    input: R,
    out: BufWriter<Stream>,
    /// Why the disk does not take it: who reads would take it for trouble with reading.
    refused: Option<io::Error>,
}

impl<R: Read> Read for Copied<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let len = self.input.read(bytes)?;
        self.out.write_all(&bytes[..len]).map_err(|err| {
            let kind = err.kind();
            self.refused = Some(err);
            io::Error::from(kind)
        })?;
        Ok(len)
    }
}
