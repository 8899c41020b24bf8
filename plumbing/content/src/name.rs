//! Naming the bytes of a file that may be changing.

use crate::mapping::Mapping;
use crate::threads::sharing;
use crate::{FileKind, FileSystem, FileVersion, HashCache, reach};
use nix::fcntl::{AT_FDCWD, OFlag, openat};
use nix::sys::stat::Mode;
use roar_object::ContentId;
use std::cell::RefCell;
use std::ffi::CStr;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// Files of this many bytes and more are mapped where that is safe; smaller ones are read. Measured:
/// mapping 4 KiB files costs twice what reading them does, and from here on it is the cheaper.
pub const MAP_FROM: u64 = 128 << 10;

/// From this length on a file is worth the threads of the whole pool.
const SHARE_FROM: usize = 16 << 20;

/// Bytes that are hashed between two looks at whether the map still holds.
const STRIDE: usize = 1 << 30;

/// Bytes that are read at once: room for any file that is not mapped, and fewer than the nearer
/// caches hold.
const BUFFER: usize = 256 << 10;

/// How often a file is read before it is given up as changing.
const ATTEMPTS: u32 = 3;

/// Why a file's bytes have no name.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// It is something else than a regular file.
    #[error("it is a {0}")]
    Kind(FileKind),
    /// It cannot be opened or looked at.
    #[error("it cannot be opened")]
    Open(#[source] io::Error),
    /// It cannot be read.
    #[error("it cannot be read")]
    Read(#[source] io::Error),
    /// It was written to each time it was read.
    #[error("it changes while it is read")]
    Changed,
}

impl NameError {
    /// Returns whether there was no such file.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Open(err) if err.kind() == io::ErrorKind::NotFound)
    }
}

/// Which file's bytes have no name, and why.
#[derive(Debug, thiserror::Error)]
#[error("cannot hash '{}'", .path.display())]
pub struct FileError {
    /// The file.
    pub path: PathBuf,
    /// What is in the way.
    #[source]
    pub source: NameError,
}

/// When a file was looked at before it was read, and what its stamps are worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checked {
    /// The moment, in nanoseconds since 1970, by the clock that stamps local files.
    pub at_ns: i64,
    /// Where the file lies.
    pub file_system: FileSystem,
}

impl Checked {
    /// Returns whether `version`, seen at this moment, can only ever mean the same bytes.
    pub fn settles(&self, version: &FileVersion) -> bool {
        let newest = version.mtime_ns.max(version.ctime_ns);
        let slack = self.file_system.slack_ns();
        slack.is_some_and(|slack| newest < self.at_ns.saturating_sub(slack))
    }
}

/// A file's bytes by name, and the file as it was while they were read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Named {
    /// The name of the bytes.
    pub id: ContentId,
    /// How many there were: the version's size, except for files that the kernel makes up.
    pub size: u64,
    /// The file as it was before and after.
    pub version: FileVersion,
}

impl Named {
    /// Returns whether the owner may execute the file.
    pub const fn executable(&self) -> bool {
        self.version.is_executable()
    }
}

/// Names the bytes of the file that `path` leads to, through links.
///
/// # Errors
///
/// When it is no regular file, cannot be read, or changes all the time.
pub fn name_file(path: &Path) -> Result<Named, FileError> {
    name_path(&HashCache::none(), path, OFlag::empty()).map_err(|source| at(path, source))
}

/// Names the bytes of the file `path`, which must not be a link.
///
/// # Errors
///
/// As [`name_file`]; a link is a [`NameError::Kind`].
pub fn name_file_itself(path: &Path) -> Result<Named, FileError> {
    name_path(&HashCache::none(), path, OFlag::O_NOFOLLOW).map_err(|source| at(path, source))
}

/// Names the bytes of the file that `path` leads to, from the cache if it knows.
///
/// # Errors
///
/// As [`name_file`].
pub fn name_cached(cache: &HashCache, path: &Path) -> Result<Named, FileError> {
    name_path(cache, path, OFlag::empty()).map_err(|source| at(path, source))
}

/// Names the bytes of `name` in an open directory, which must not be a link.
///
/// # Errors
///
/// As [`name_file`].
pub fn name_file_at(directory: impl AsFd, name: &CStr) -> Result<Named, NameError> {
    let file = open(directory, name, OFlag::O_NOFOLLOW)?;
    name_open(&file).map(|(named, _)| named)
}

/// Names the bytes of `name` in an open directory, from the cache if it knows.
///
/// # Errors
///
/// As [`name_file`].
pub fn name_cached_at(
    cache: &HashCache,
    directory: impl AsFd,
    name: &CStr,
) -> Result<Named, NameError> {
    if cache.is_none() {
        return name_file_at(directory, name);
    }
    let version = FileVersion::at(&directory, name).map_err(NameError::Open)?;
    known(cache, version).map_or_else(|| name_unknown_at(cache, &directory, name, &version), Ok)
}

/// Names what has been looked at and is not in the cache. Only a regular file is opened: opening a
/// device can do things.
fn name_unknown_at(
    cache: &HashCache,
    directory: impl AsFd,
    name: &CStr,
    version: &FileVersion,
) -> Result<Named, NameError> {
    require_regular(version)?;
    name_and_keep(cache, &open(directory, name, OFlag::O_NOFOLLOW)?)
}

/// Names the bytes of many files of an open directory, as [`name_cached_at`] does one by one, with
/// what the cache costs shared among them. `each` is told the place in `names` and what came of it,
/// in any order.
pub fn name_all_cached_at(
    cache: &HashCache,
    directory: impl AsFd,
    names: &[&CStr],
    mut each: impl FnMut(usize, Result<Named, NameError>),
) {
    if cache.is_none() {
        for (at, name) in names.iter().enumerate() {
            each(at, name_file_at(&directory, name));
        }
        return;
    }
    let mut versions = Vec::with_capacity(names.len());
    let mut places = Vec::with_capacity(names.len());
    for (at, name) in names.iter().enumerate() {
        match FileVersion::at(&directory, name) {
            Ok(version) => {
                versions.push(version);
                places.push(at);
            }
            Err(err) => each(at, Err(NameError::Open(err))),
        }
    }
    let known = cache.get_all(&versions);
    for ((at, version), id) in places.into_iter().zip(versions).zip(known) {
        let unknown = || name_unknown_at(cache, &directory, names[at], &version);
        each(at, id.map_or_else(unknown, |id| Ok(named(id, version))));
    }
}

/// Names the bytes of a file that is open for reading; its offset stays where it is.
///
/// # Errors
///
/// As [`name_file`].
pub fn name_open_file(file: &File) -> Result<Named, NameError> {
    name_open(file).map(|(named, _)| named)
}

/// Names the bytes of a file that is open for reading, from the cache if it knows.
///
/// # Errors
///
/// As [`name_file`].
pub fn name_open_file_cached(cache: &HashCache, file: &File) -> Result<Named, NameError> {
    let version = FileVersion::of_fd(file).map_err(NameError::Open)?;
    known(cache, version).map_or_else(|| name_and_keep(cache, file), Ok)
}

/// Names the bytes that a reader yields until its end, and counts them.
///
/// # Errors
///
/// Those of the reader.
pub fn name_reader(reader: impl Read) -> io::Result<(ContentId, u64)> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(reader)?;
    Ok((
        ContentId::from_bytes(hasher.finalize().into()),
        hasher.count(),
    ))
}

/// Names a symbolic link by the text of its target.
pub fn name_link(target: &[u8]) -> ContentId {
    ContentId::of(target)
}

fn at(path: &Path, source: NameError) -> FileError {
    let path = path.to_owned();
    FileError { path, source }
}

/// Looks before it opens: opening a device can do things.
fn name_path(cache: &HashCache, path: &Path, flags: OFlag) -> Result<Named, NameError> {
    let look = if flags.contains(OFlag::O_NOFOLLOW) {
        FileVersion::of_path_itself
    } else {
        FileVersion::of_path
    };
    let near = reach(path).map_err(NameError::Open)?;
    let path = near.as_ref();
    let version = look(path).map_err(NameError::Open)?;
    require_regular(&version)?;
    known(cache, version).map_or_else(|| name_and_keep(cache, &open(AT_FDCWD, path, flags)?), Ok)
}

fn open<P: nix::NixPath + ?Sized>(
    directory: impl AsFd,
    path: &P,
    flags: OFlag,
) -> Result<File, NameError> {
    let flags = flags | OFlag::O_RDONLY | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
    match openat(directory, path, flags, Mode::empty()) {
        Ok(fd) => Ok(File::from(fd)),
        Err(nix::Error::ELOOP) if flags.contains(OFlag::O_NOFOLLOW) => {
            Err(NameError::Kind(FileKind::Symlink))
        }
        Err(nix::Error::ENXIO) => Err(NameError::Kind(FileKind::Socket)),
        Err(err) => Err(NameError::Open(err.into())),
    }
}

/// Answers from the cache.
fn known(cache: &HashCache, version: FileVersion) -> Option<Named> {
    cache.get(&version).map(|id| named(id, version))
}

const fn named(id: ContentId, version: FileVersion) -> Named {
    let size = version.size;
    Named { id, size, version }
}

fn name_and_keep(cache: &HashCache, file: &File) -> Result<Named, NameError> {
    let (named, checked) = name_open(file)?;
    cache.put(&named.version, checked, named.id);
    Ok(named)
}

fn require_regular(version: &FileVersion) -> Result<(), NameError> {
    match version.kind() {
        FileKind::Regular => Ok(()),
        kind => Err(NameError::Kind(kind)),
    }
}

/// Reads until the file looks the same before and after.
fn name_open(file: &File) -> Result<(Named, Checked), NameError> {
    let mut at_ns = now_ns();
    let mut before = FileVersion::of_fd(file).map_err(NameError::Open)?;
    require_regular(&before)?;
    let file_system = FileSystem::of_device(before.dev, file);
    for attempt in 0..ATTEMPTS {
        let map = attempt == 0 && file_system.maps_well();
        let (id, size) = hash_once(file, before.size, map).map_err(NameError::Read)?;
        let after_ns = now_ns();
        let version = FileVersion::of_fd(file).map_err(NameError::Read)?;
        let whole = size == version.size || file_system == FileSystem::Pseudo;
        if version == before && whole {
            let checked = Checked { at_ns, file_system };
            return Ok((Named { id, size, version }, checked));
        }
        (at_ns, before) = (after_ns, version);
    }
    Err(NameError::Changed)
}

/// Reads the clock that stamps files; the kernel's coarse one, which it really takes, lags by less
/// than the smallest slack.
fn now_ns() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
    })
}

/// Hashes what is there, and counts it. `size` is what the file claims.
fn hash_once(file: &File, size: u64, map: bool) -> io::Result<(ContentId, u64)> {
    if size < MAP_FROM {
        return hash_small(file, size);
    }
    match usize::try_from(size) {
        Ok(len) if map => hash_mapped(file, len).map_or_else(|| hash_stream(file), Ok),
        _ => hash_stream(file),
    }
}

thread_local! {
    static SPACE: RefCell<Vec<u8>> = RefCell::new(vec![0; BUFFER]);
}

fn hash_small(file: &File, size: u64) -> io::Result<(ContentId, u64)> {
    let small = SPACE.with_borrow_mut(|space| {
        let len = fill(file, space, 0, size)?;
        // A full buffer is a file that has outgrown it.
        Ok::<_, io::Error>((len < space.len()).then(|| (ContentId::of(&space[..len]), len as u64)))
    })?;
    small.map_or_else(|| hash_stream(file), Ok)
}

/// Reads into `space` from `offset` until the file ends, `space` is full, or the `expected` bytes
/// are there: asking once more only to hear that this was all costs a tenth of a small file.
fn fill(file: &File, space: &mut [u8], offset: u64, expected: u64) -> io::Result<usize> {
    let mut len = 0;
    loop {
        match file.read_at(&mut space[len..], offset + len as u64) {
            Ok(0) => return Ok(len),
            Ok(more) => len += more,
            Err(err) if err.kind() == io::ErrorKind::Interrupted => {}
            Err(err) => return Err(err),
        }
        if len == space.len() || len as u64 == expected {
            return Ok(len);
        }
    }
}

/// Hashes a map, a large one with every thread of the pool; nothing if the file cannot be mapped or is cut short.
fn hash_mapped(file: &File, len: usize) -> Option<(ContentId, u64)> {
    let map = Mapping::for_reading(file, len).ok()?;
    let mut hasher = blake3::Hasher::new();
    for part in map.bytes().chunks(STRIDE) {
        if len < SHARE_FROM {
            hasher.update(part);
        } else {
            sharing(|| hasher.update_rayon(part));
        }
        if map.has_faulted() {
            return None;
        }
    }
    Some((ContentId::from_bytes(hasher.finalize().into()), len as u64))
}

fn hash_stream(file: &File) -> io::Result<(ContentId, u64)> {
    SPACE.with_borrow_mut(|space| {
        let mut hasher = blake3::Hasher::new();
        loop {
            let len = fill(file, space, hasher.count(), 0)?;
            hasher.update(&space[..len]);
            if len < space.len() {
                return Ok((
                    ContentId::from_bytes(hasher.finalize().into()),
                    hasher.count(),
                ));
            }
        }
    })
}
