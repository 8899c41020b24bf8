//! Spool files: what a run saw, on disk before it can be committed.
//!
//! Each run has a file of its own, so that runs never wait for each other. Its owner keeps it locked; a
//! file that nobody has locked is what a killed roar left behind.

use crate::door;
use crate::file::{self, FileError, FileResult};
use roar_pack::bytes::{Context, Fields};
use std::fs::{File, TryLockError};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

static CHECKSUMS: Context = Context::new("roar 2026 spool frame v1");

const MAGIC: [u8; 8] = *b"roarrun\n";
/// From how many bytes on an append reaches the file without being asked to.
const BUFFER: usize = 64 << 10;
/// Bytes of the checksum at the end of a frame.
const CHECKSUM: usize = 8;
/// How often a claim tries while somebody else only looks.
const TRIES: u32 = 20;

/// A run's own file, locked while this lives.
#[derive(Debug)]
pub struct Spool {
    file: File,
    path: PathBuf,
    offset: u64,
    buffer: Vec<u8>,
    /// Whether its name survives a power cut.
    is_named: bool,
}

impl Spool {
    /// Makes a spool file in `dir`, which is made if it is missing (its parent is not).
    ///
    /// # Errors
    ///
    /// When the file cannot be made.
    pub fn create(dir: &Path) -> FileResult<Self> {
        file::make_private_dir(dir)?;
        for _ in 0..TRIES {
            let path = dir.join(new_name());
            let hidden = path.with_extension("new");
            if let Some(file) = make_locked(&hidden, &path)? {
                let mut spool = Self {
                    file,
                    path,
                    offset: 0,
                    buffer: Vec::new(),
                    is_named: false,
                };
                spool.buffer.extend_from_slice(&MAGIC);
                spool.flush()?;
                return Ok(spool);
            }
        }
        let taken = std::io::Error::from(std::io::ErrorKind::AlreadyExists);
        Err(FileError::at("create a spool file in", dir)(taken))
    }

    /// Returns the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Adds a frame. It survives this process once it is flushed, which happens by itself from
    /// time to time; and the machine once it is synced.
    ///
    /// # Errors
    ///
    /// When the buffer was full and could not be written.
    pub fn append(&mut self, kind: u8, body: &[u8]) -> FileResult<()> {
        let at = self.offset + self.buffer.len() as u64;
        let len = u32::try_from(body.len()).map_err(|_| {
            let large = std::io::Error::from(std::io::ErrorKind::InvalidInput);
            FileError::at("write", &self.path)(large)
        })?;
        let front = frame_front(kind, len);
        let checksum = CHECKSUMS.short(&[&at.to_le_bytes(), &front, body]);
        self.buffer.extend_from_slice(&front);
        self.buffer.extend_from_slice(body);
        self.buffer.extend_from_slice(&checksum);
        if self.buffer.len() >= BUFFER {
            self.flush()
        } else {
            Ok(())
        }
    }

    /// Hands everything to the system.
    ///
    /// # Errors
    ///
    /// When it does not take it; what it did not take stays, to be tried again.
    pub fn flush(&mut self) -> FileResult<()> {
        while !self.buffer.is_empty() {
            let written = match door::append(&self.file, &self.buffer, self.offset) {
                Ok(0) => Err(std::io::ErrorKind::WriteZero.into()),
                Err(err) if err.kind() == std::io::ErrorKind::Interrupted => continue,
                written => written,
            };
            let written = written.map_err(FileError::at("write", &self.path))?;
            self.buffer.drain(..written);
            self.offset += written as u64;
        }
        Ok(())
    }

    /// Waits until everything is on the disk.
    ///
    /// # Errors
    ///
    /// When it does not get there.
    pub fn sync(&mut self) -> FileResult<()> {
        self.flush()?;
        door::sync(&self.file).map_err(FileError::at("sync", &self.path))?;
        match self.path.parent() {
            Some(dir) if !self.is_named => file::sync_dir(dir)?,
            _ => {}
        }
        self.is_named = true;
        Ok(())
    }

    /// Removes the file: what it said is in the store.
    ///
    /// # Errors
    ///
    /// When it cannot be removed; it will be found as a leftover then.
    pub fn finish(self) -> FileResult<()> {
        door::remove(&self.path).map_err(FileError::at("remove", &self.path))
    }

    /// Returns the spool files in `dir`, oldest first; none if there is no such directory.
    ///
    /// # Errors
    ///
    /// When the directory cannot be read.
    pub fn pending(dir: &Path) -> FileResult<Vec<Pending>> {
        let entries = file::if_there(std::fs::read_dir(dir)).map_err(FileError::at("read", dir))?;
        let mut pending = Vec::new();
        for entry in entries.into_iter().flatten() {
            let path = entry.map_err(FileError::at("read", dir))?.path();
            match path.extension().map(std::ffi::OsStr::as_encoded_bytes) {
                Some(b"run") => pending.extend(Pending::look(path)),
                Some(b"new") => remove_abandoned(&path),
                _ => {}
            }
        }
        pending.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(pending)
    }
}

/// Returns a name that no other spool file has, and that sorts after the earlier ones.
fn new_name() -> String {
    static COUNTER: AtomicU8 = AtomicU8::new(0);
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or(Duration::ZERO);
    let count = COUNTER.fetch_add(1, Ordering::Relaxed);
    format!(
        "{:016x}-{:08x}-{count:02x}.run",
        since.as_nanos() as u64,
        std::process::id()
    )
}

/// Makes a file that has its final name only once it is locked, so that nobody takes it for a leftover.
/// Returns nothing if somebody was in the way.
fn make_locked(hidden: &Path, path: &Path) -> FileResult<Option<File>> {
    let make = || -> std::io::Result<Option<File>> {
        let file = door::create_new(hidden)?;
        file.lock()?;
        if path.exists() {
            door::remove(hidden)?;
            return Ok(None);
        }
        // Somebody who tidied up may have taken the hidden name for an abandoned one.
        Ok(file::if_there(door::rename(hidden, path))?.map(|()| file))
    };
    match make() {
        Err(err) if err.kind() == std::io::ErrorKind::AlreadyExists => Ok(None),
        made => made.map_err(FileError::at("create", path)),
    }
}

/// Removes a file whose maker was killed before it got its name.
fn remove_abandoned(hidden: &Path) {
    let is_abandoned = File::open(hidden).is_ok_and(|file| file.try_lock().is_ok());
    if is_abandoned {
        let _ = door::remove(hidden);
    }
}

fn frame_front(kind: u8, len: u32) -> [u8; 5] {
    let [a, b, c, d] = len.to_le_bytes();
    [kind, a, b, c, d]
}

/// A spool file that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// The file.
    pub path: PathBuf,
    /// Whether its owner lives: the run goes on, and the file is not to be touched.
    pub alive: bool,
}

impl Pending {
    fn look(path: PathBuf) -> Option<Self> {
        let file = file::open(&path).ok()?;
        let alive = matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock));
        Some(Self { path, alive })
    }

    /// Reads what is in the file so far, whoever owns it.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    pub fn read(&self) -> FileResult<SpoolFrames> {
        let bytes = std::fs::read(&self.path).map_err(FileError::at("read", &self.path))?;
        Ok(SpoolFrames::decode(&bytes))
    }

    /// Takes a leftover over, so that nobody else does; returns nothing if somebody has it, or it
    /// is done with.
    ///
    /// # Errors
    ///
    /// When it cannot be opened or locked.
    pub fn claim(&self) -> FileResult<Option<Claimed>> {
        let Some(file) = self.open()? else {
            return Ok(None);
        };
        for _ in 0..TRIES {
            match file.try_lock() {
                Ok(()) => return Ok(is_linked(&file).then(|| self.claimed(file))),
                Err(TryLockError::Error(err)) => {
                    return Err(FileError::at("lock", &self.path)(err));
                }
                // Perhaps its owner, perhaps somebody who only looks whether it has one.
                Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(1)),
            }
        }
        Ok(None)
    }

    fn open(&self) -> FileResult<Option<File>> {
        file::if_there(file::open(&self.path)).map_err(FileError::at("open", &self.path))
    }

    fn claimed(&self, file: File) -> Claimed {
        Claimed {
            path: self.path.clone(),
            file,
        }
    }
}

/// Returns whether a file still has a name: its adopter removes it.
fn is_linked(file: &File) -> bool {
    file.metadata().is_ok_and(|meta| meta.nlink() > 0)
}

/// A leftover that this process has taken over, until it drops this.
#[derive(Debug)]
pub struct Claimed {
    path: PathBuf,
    file: File,
}

impl Drop for Claimed {
    fn drop(&mut self) {
        // As for the store's lock, closing is not enough where another thread forks.
        let _ = self.file.unlock();
    }
}

impl Claimed {
    /// Returns the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads what is in the file.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    pub fn read(&self) -> FileResult<SpoolFrames> {
        let bytes = std::fs::read(&self.path).map_err(FileError::at("read", &self.path))?;
        Ok(SpoolFrames::decode(&bytes))
    }

    /// Removes the file: what it said is in the store.
    ///
    /// # Errors
    ///
    /// When it cannot be removed.
    pub fn finish(self) -> FileResult<()> {
        door::remove(&self.path).map_err(FileError::at("remove", &self.path))
    }
}

/// One frame of a spool file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpoolFrame {
    /// What it is, by the recorder's numbers.
    pub kind: u8,
    /// What it says.
    pub body: Vec<u8>,
}

/// The frames of a spool file, as far as they are whole and right.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SpoolFrames {
    /// The frames.
    pub frames: Vec<SpoolFrame>,
    /// Whether something came after them that is no frame: the owner was killed while it wrote.
    pub torn: bool,
    /// Whether that is a frame as long as it says, and not what was written: so somebody else changed it.
    pub damaged: bool,
}

impl SpoolFrames {
    /// Reads a spool file's bytes.
    pub fn decode(bytes: &[u8]) -> Self {
        let mut fields = Fields(bytes);
        if fields.array() != Some(MAGIC) {
            return Self {
                torn: true,
                ..Self::default()
            };
        }
        let mut frames = Vec::new();
        while !fields.is_empty() {
            let at = (bytes.len() - fields.0.len()) as u64;
            match decode_frame(at, &mut fields) {
                Some(frame) => frames.push(frame),
                None => {
                    return Self {
                        frames,
                        torn: true,
                        damaged: is_all_there(&bytes[at as usize..]),
                    };
                }
            }
        }
        Self {
            frames,
            ..Self::default()
        }
    }
}

/// Returns whether a frame that is not right has all of its bytes.
fn is_all_there(bytes: &[u8]) -> bool {
    let mut fields = Fields(bytes);
    let front = fields.u8().and_then(|_| fields.u32());
    front.is_some_and(|len| fields.take(len as usize + CHECKSUM).is_some())
}

fn decode_frame(at: u64, fields: &mut Fields<'_>) -> Option<SpoolFrame> {
    let (kind, len) = (fields.u8()?, fields.u32()?);
    let body = fields.take(len as usize)?;
    let checksum = CHECKSUMS.short(&[&at.to_le_bytes(), &frame_front(kind, len), body]);
    (fields.array()? == checksum).then(|| SpoolFrame {
        kind,
        body: body.to_vec(),
    })
}
