//! Naming a directory on disk, with every core.
//!
//! A directory is one task: it is opened relative to the directory above, listed and sorted; its
//! directories become tasks of their own, its files are named in batches. Whoever completes the
//! last part of a directory makes its nodes and hands its entry upward, in a loop. So no thread
//! waits for another, no stack grows with the depth of the tree, and a directory is held open only
//! until its parts have been opened.

use crate::build::is_name;
use crate::listing::push_name;
use crate::node::MAX_DEPTH;
use crate::{Candidate, Options, Root, Sink, SkipReason, write_directory};
use nix::dir::{Dir, Type};
use nix::errno::Errno;
use nix::fcntl::{OFlag, open, openat, readlinkat};
use nix::sys::stat::Mode as Permissions;
use rayon::Scope;
use roar_content::{FileError, FileKind, FileVersion, NameError, Named, name_cached_at, name_link};
use roar_object::{Entry, Mode, Object};
use std::ffi::{CStr, CString, OsString};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Files that one task names; enough that starting a task costs nothing beside them.
const BATCH: usize = 32;

/// What a directory holds.
#[derive(Debug)]
pub struct Scan {
    /// Its tree.
    pub root: Root,
    /// Nodes that were made, counting twice what is there twice; never less than one.
    pub nodes: u64,
    /// What is no part of the tree, by path from the root, sorted.
    pub skipped: Vec<(Vec<u8>, SkipReason)>,
    /// What could not be read, sorted by path, which begins with the directory that was scanned; in
    /// the tree as files without a name.
    pub unreadable: Vec<FileError>,
}

/// Names everything in a directory and gives the nodes to `sink`.
///
/// Links are entries, and never followed, but for `directory` itself. Pipes, sockets and devices
/// are left out and listed. What cannot be read is entered without a name and listed, so that the
/// caller can refuse the whole or accept the rest.
///
/// Runs on the current rayon pool.
///
/// # Errors
///
/// When `directory` itself cannot be read.
pub fn scan(
    directory: &Path,
    options: Options<'_>,
    sink: &mut (dyn Sink + Send),
) -> Result<Scan, FileError> {
    let walk = Walk {
        top: directory,
        options,
        out: Mutex::new(Out {
            sink,
            nodes: 0,
            skipped: Vec::new(),
            unreadable: Vec::new(),
            root: None,
        }),
    };
    let fd = open(directory, DIRECTORY, Permissions::empty());
    let listed = fd.and_then(|fd| Ok((list_directory(&fd)?, fd)));
    let (names, fd) = listed.map_err(|err| walk.error(b"", NameError::Open(err.into())))?;
    rayon::scope(|scope| walk.fill(scope, None, Vec::new(), names, fd));
    Ok(walk.finish())
}

const DIRECTORY: OFlag = OFlag::O_RDONLY
    .union(OFlag::O_DIRECTORY)
    .union(OFlag::O_CLOEXEC)
    .union(OFlag::O_NONBLOCK);

/// A name in a directory, and what the directory says it is; nothing on file systems that do not.
type Name = (CString, Option<Type>);

/// What all tasks share.
struct Walk<'a> {
    top: &'a Path,
    options: Options<'a>,
    out: Mutex<Out<'a>>,
}

/// What comes of it.
struct Out<'a> {
    sink: &'a mut (dyn Sink + Send),
    nodes: u64,
    skipped: Vec<(Vec<u8>, SkipReason)>,
    unreadable: Vec<FileError>,
    root: Option<Root>,
}

/// A directory that is being named.
struct Folder {
    /// The directory that it is in, and its place there; nothing for the root.
    parent: Option<(Arc<Folder>, usize)>,
    /// Its path from the root.
    path: Vec<u8>,
    depth: usize,
    /// What is known of its entries, in the order of their names.
    entries: Mutex<Vec<Option<Entry>>>,
    /// Tasks that are not done with it.
    left: AtomicUsize,
}

impl Folder {
    fn name(&self) -> &[u8] {
        let start = self.path.iter().rposition(|&byte| byte == b'/');
        &self.path[start.map_or(0, |slash| slash + 1)..]
    }
}

/// Names of one folder that one task will look at, with their places.
type Batch = Vec<(usize, CString, Option<Type>)>;

impl Walk<'_> {
    /// Starts the tasks of a directory that has been listed.
    fn fill<'s>(
        &'s self,
        scope: &Scope<'s>,
        parent: Option<(Arc<Folder>, usize)>,
        path: Vec<u8>,
        names: Vec<Name>,
        fd: OwnedFd,
    ) {
        let depth = parent.as_ref().map_or(0, |(parent, _)| parent.depth + 1);
        let folder = Arc::new(Folder {
            parent,
            path,
            depth,
            entries: Mutex::new(vec![None; names.len()]),
            // One for this very task, so that none of the others completes the folder too early.
            left: AtomicUsize::new(1),
        });
        let fd = Arc::new(fd);
        let mut batch = Batch::new();
        for (place, (name, kind)) in names.into_iter().enumerate() {
            if self.leaves_out(&folder, &name, &fd, kind) {
                continue;
            }
            if !is_name(name.to_bytes()) {
                let err = NameError::Open(Errno::ENAMETOOLONG.into());
                self.explain(path_in(&folder, &name), name.to_bytes(), 0, err);
                continue;
            }
            if kind == Some(Type::Directory) {
                self.start_directory(scope, &folder, place, name, &fd);
                continue;
            }
            batch.push((place, name, kind));
            if batch.len() == BATCH {
                self.start_batch(scope, &folder, std::mem::take(&mut batch), &fd);
            }
        }
        self.name_batch(scope, &folder, batch, &fd);
        drop(fd);
        self.done(folder);
    }

    fn leaves_out(&self, folder: &Folder, name: &CStr, fd: &OwnedFd, kind: Option<Type>) -> bool {
        let is_directory = match kind {
            Some(kind) => kind == Type::Directory,
            None => {
                FileVersion::at(fd, name).is_ok_and(|found| found.kind() == FileKind::Directory)
            }
        };
        (self.options.skip)(Candidate {
            directory: &folder.path,
            name: name.to_bytes(),
            is_directory,
        })
    }

    fn start_batch<'s>(
        &'s self,
        scope: &Scope<'s>,
        folder: &Arc<Folder>,
        batch: Batch,
        fd: &Arc<OwnedFd>,
    ) {
        folder.left.fetch_add(1, Ordering::Relaxed);
        let (folder, fd) = (Arc::clone(folder), Arc::clone(fd));
        scope.spawn(move |scope| {
            self.name_batch(scope, &folder, batch, &fd);
            drop(fd);
            self.done(folder);
        });
    }

    fn start_directory<'s>(
        &'s self,
        scope: &Scope<'s>,
        folder: &Arc<Folder>,
        place: usize,
        name: CString,
        fd: &Arc<OwnedFd>,
    ) {
        folder.left.fetch_add(1, Ordering::Relaxed);
        let (folder, fd) = (Arc::clone(folder), Arc::clone(fd));
        scope.spawn(move |scope| self.enter(scope, folder, place, &name, fd));
    }

    /// Opens and lists a directory.
    fn enter<'s>(
        &'s self,
        scope: &Scope<'s>,
        parent: Arc<Folder>,
        place: usize,
        name: &CStr,
        parent_fd: Arc<OwnedFd>,
    ) {
        let opened = if parent.depth + 1 >= MAX_DEPTH {
            Err(Errno::ENAMETOOLONG)
        } else {
            let flags = DIRECTORY | OFlag::O_NOFOLLOW;
            openat(&*parent_fd, name, flags, Permissions::empty())
                .and_then(|fd| Ok((list_directory(&fd)?, fd)))
        };
        drop(parent_fd);
        let mut path = parent.path.clone();
        push_name(&mut path, name.to_bytes());
        match opened {
            Ok((names, fd)) => self.fill(scope, Some((parent, place)), path, names, fd),
            Err(err) => {
                let entry = self.explain(path, name.to_bytes(), 0, NameError::Open(err.into()));
                lock(&parent.entries)[place] = entry;
                self.done(parent);
            }
        }
    }

    /// Names the files of a batch; what turns out to be a directory becomes a task.
    fn name_batch<'s>(
        &'s self,
        scope: &Scope<'s>,
        folder: &Arc<Folder>,
        batch: Batch,
        fd: &Arc<OwnedFd>,
    ) {
        let mut found = Vec::with_capacity(batch.len());
        for (place, name, kind) in batch {
            match kind.or_else(|| kind_of(fd, &name)) {
                Some(Type::Directory) => self.start_directory(scope, folder, place, name, fd),
                kind => found.push((place, self.name_one(folder, name, kind, fd))),
            }
        }
        let mut entries = lock(&folder.entries);
        for (place, entry) in found {
            entries[place] = entry;
        }
    }

    /// Names one thing that is no directory.
    fn name_one(
        &self,
        folder: &Folder,
        name: CString,
        kind: Option<Type>,
        fd: &OwnedFd,
    ) -> Option<Entry> {
        let skip = |reason| {
            lock(&self.out)
                .skipped
                .push((path_in(folder, &name), reason));
            None
        };
        match kind {
            Some(Type::Symlink) => self.name_link(folder, name, fd),
            Some(Type::Fifo) => skip(SkipReason::Fifo),
            Some(Type::Socket) => skip(SkipReason::Socket),
            Some(Type::CharacterDevice | Type::BlockDevice) => skip(SkipReason::Device),
            // What cannot be looked at is tried, for the error that it gives.
            Some(Type::File | Type::Directory) | None => self.name_file(folder, name, fd),
        }
    }

    fn name_file(&self, folder: &Folder, name: CString, fd: &OwnedFd) -> Option<Entry> {
        match name_cached_at(self.options.cache, fd, &name) {
            Ok(named) => {
                self.count(named.size);
                Some(file_entry(name, &named))
            }
            Err(err) => {
                let size = FileVersion::at(fd, &name).map_or(0, |version| version.size);
                self.explain(path_in(folder, &name), name.to_bytes(), size, err)
            }
        }
    }

    fn name_link(&self, folder: &Folder, name: CString, fd: &OwnedFd) -> Option<Entry> {
        match readlinkat(fd, name.as_c_str()) {
            Ok(target) => {
                let target = target.as_bytes();
                self.count(0);
                let (id, size) = (name_link(target), target.len() as u64);
                Some(Entry::content(name.into_bytes(), Mode::Symlink, id, size))
            }
            Err(err) => {
                let err = NameError::Read(err.into());
                self.explain(path_in(folder, &name), name.to_bytes(), 0, err)
            }
        }
    }

    fn count(&self, bytes: u64) {
        if let Some(progress) = self.options.progress {
            progress.files.fetch_add(1, Ordering::Relaxed);
            progress.bytes.fetch_add(bytes, Ordering::Relaxed);
        }
    }

    /// Notes why something has no name, and returns its entry if it gets one all the same.
    fn explain(&self, path: Vec<u8>, name: &[u8], size: u64, err: NameError) -> Option<Entry> {
        if err.is_missing() {
            lock(&self.out).skipped.push((path, SkipReason::Gone));
            return None;
        }
        let err = self.error(&path, err);
        lock(&self.out).unreadable.push(err);
        // Some file systems have names that are longer than a tree can hold.
        is_name(name).then(|| Entry::unnamed(name, size))
    }

    fn error(&self, path: &[u8], source: NameError) -> FileError {
        let path = if path.is_empty() {
            self.top.to_owned()
        } else {
            self.top.join(OsString::from_vec(path.to_vec()))
        };
        FileError { path, source }
    }

    /// Ends one task of a folder; with the last one the folder is complete, and so perhaps is the
    /// one that it is in, and so on.
    fn done(&self, mut folder: Arc<Folder>) {
        while folder.left.fetch_sub(1, Ordering::AcqRel) == 1 {
            let entries = std::mem::take(&mut *lock(&folder.entries));
            let entries: Vec<_> = entries.into_iter().flatten().collect();
            let Some((parent, place)) = folder.parent.as_ref() else {
                let root = self.write(entries);
                lock(&self.out).root = Some(root);
                return;
            };
            if !entries.is_empty() {
                let root = self.write(entries);
                lock(&parent.entries)[*place] = Some(root.entry(folder.name()));
            }
            folder = Arc::clone(parent);
        }
    }

    fn write(&self, entries: Vec<Entry>) -> Root {
        write_directory(entries, &mut Shared(&self.out)).expect("a directory has no name twice")
    }

    fn finish(self) -> Scan {
        let out = self
            .out
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        let (mut skipped, mut unreadable) = (out.skipped, out.unreadable);
        skipped.sort();
        unreadable.sort_by(|a, b| a.path.cmp(&b.path));
        Scan {
            root: out.root.expect("every task of the root has ended"),
            nodes: out.nodes,
            skipped,
            unreadable,
        }
    }
}

/// The sink as every task sees it: held for a node at a time, and not while one is being made.
struct Shared<'a, 'b>(&'a Mutex<Out<'b>>);

impl Sink for Shared<'_, '_> {
    fn put(&mut self, object: Object) {
        let mut out = lock(self.0);
        out.nodes += 1;
        out.sink.put(object);
    }
}

fn file_entry(name: CString, named: &Named) -> Entry {
    let mode = if named.executable() {
        Mode::Executable
    } else {
        Mode::File
    };
    Entry::content(name.into_bytes(), mode, named.id, named.size)
}

fn path_in(folder: &Folder, name: &CStr) -> Vec<u8> {
    let mut path = folder.path.clone();
    push_name(&mut path, name.to_bytes());
    path
}

fn kind_of(fd: &OwnedFd, name: &CStr) -> Option<Type> {
    Some(match FileVersion::at(fd, name).ok()?.kind() {
        FileKind::Regular => Type::File,
        FileKind::Directory => Type::Directory,
        FileKind::Symlink => Type::Symlink,
        FileKind::Fifo => Type::Fifo,
        FileKind::Socket => Type::Socket,
        FileKind::CharacterDevice => Type::CharacterDevice,
        FileKind::BlockDevice => Type::BlockDevice,
        FileKind::Unknown => return None,
    })
}

/// Lists a directory, sorted by name. The descriptor is left to open what was found.
fn list_directory(fd: &OwnedFd) -> nix::Result<Vec<Name>> {
    // A second description of the directory, because reading one to its end closes it here.
    let mut dir = Dir::openat(fd, c".", DIRECTORY, Permissions::empty())?;
    let mut names = Vec::new();
    for item in dir.iter() {
        let item = item?;
        let name = item.file_name();
        if !matches!(name.to_bytes(), b"." | b"..") {
            names.push((name.to_owned(), item.file_type()));
        }
    }
    names.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
    // A directory that changes while it is listed may show one name twice.
    names.dedup_by(|(a, _), (b, _)| a == b);
    Ok(names)
}

fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
