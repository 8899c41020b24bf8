//! Naming a directory on disk, with every core.
//!
//! A directory is one task: it is opened relative to the directory above, listed and sorted; its
//! directories become tasks of their own, its files are named in batches. Whoever completes the
//! last part of a directory makes its nodes and hands its entry upward, in a loop. So no thread
//! waits for another, no stack grows with the depth of the tree, and a directory is held open only
//! until its parts have been opened.

use crate::build::is_name;
use crate::folder::{Folder, lock};
use crate::handle::{Handle, Handles, open_below, open_top};
use crate::names::{DIRECTORY, Names};
use crate::node::MAX_DEPTH;
use crate::{Candidate, Leaf, Options, Root, Sink, SinkError, SkipReason};
use nix::dir::Type;
use nix::errno::Errno;
use nix::fcntl::{OFlag, openat, readlinkat};
use nix::sys::stat::Mode as Permissions;
use rayon::Scope;
use roar_content::{
    FileError, FileKind, FileVersion, NameError, Named, name_all_cached_at, sharing, threads,
};
use roar_object::Object;
use std::ffi::{CStr, OsString};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Files that one task names; enough that starting a task costs nothing beside them.
const BATCH: usize = 64;

/// Fewest threads. A thread that waits for a disk uses no core: of small files that are not in
/// memory, 16 threads on 2 cores name three times as many as 2; of those that are, as many.
const FEWEST_THREADS: usize = 16;

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

/// Why a directory has no tree.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScanError {
    /// It cannot be read itself.
    #[error(transparent)]
    Directory(#[from] FileError),
    /// A node could not be kept.
    #[error(transparent)]
    Sink(#[from] SinkError),
}

/// Names everything in a directory and gives the nodes to `sink`.
///
/// Links are entries, and never followed, but for `directory` itself. Pipes, sockets and devices
/// are left out and listed. What cannot be read is entered without a name and listed, so that the
/// caller can refuse the whole or accept the rest. What other programs do to the directory meanwhile
/// may be in the tree or not; each file's bytes are those of one moment.
///
/// Runs on threads of its own.
///
/// # Errors
///
/// When `directory` itself cannot be read, or a node cannot be kept.
pub fn scan(
    directory: &Path,
    options: Options<'_>,
    sink: &mut (dyn Sink + Send),
) -> Result<Scan, ScanError> {
    let walk = Walk {
        top: directory,
        options,
        stopped: AtomicBool::new(false),
        handles: Handles::new(),
        out: Mutex::new(Out {
            sink,
            nodes: 0,
            skipped: Vec::new(),
            unreadable: Vec::new(),
            root: None,
        }),
    };
    let listed = open_top(directory).and_then(|fd| Ok((Names::of(&fd)?, fd)));
    let (names, fd) = listed.map_err(|err| walk.error(b"", NameError::Open(err)))?;
    let work = || rayon::scope(|scope| walk.fill(scope, None, Vec::new(), names, fd));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    match threads(cores.max(FEWEST_THREADS)) {
        Some(pool) => pool.install(work),
        // Then those of the process must do, or this one.
        None => sharing(work),
    }
    walk.finish()
}

/// What all tasks share.
struct Walk<'a> {
    top: &'a Path,
    options: Options<'a>,
    /// Whether a node could not be kept, so that nothing is left to be done.
    stopped: AtomicBool,
    handles: Handles,
    out: Mutex<Out<'a>>,
}

/// What comes of it.
struct Out<'a> {
    sink: &'a mut (dyn Sink + Send),
    nodes: u64,
    skipped: Vec<(Vec<u8>, SkipReason)>,
    unreadable: Vec<FileError>,
    root: Option<Result<Root, SinkError>>,
}

/// Places of one folder that one task will look at.
type Batch = Vec<usize>;

impl Walk<'_> {
    /// Starts the tasks of a directory that has been listed.
    fn fill<'s>(
        &'s self,
        scope: &Scope<'s>,
        parent: Option<(Arc<Folder>, usize)>,
        path: Vec<u8>,
        names: Names,
        fd: OwnedFd,
    ) {
        let folder = Arc::new(Folder::new(parent, path, names));
        let fd = Arc::new(self.handles.take(fd));
        let mut batch = Batch::new();
        for place in 0..folder.names.len() {
            if self.leaves_out(&folder, place, &fd) || self.is_no_name(&folder, place) {
                continue;
            }
            if folder.names.kind(place) == Some(Type::Directory) {
                self.start_directory(scope, &folder, place, &fd);
                continue;
            }
            batch.push(place);
            if batch.len() == BATCH {
                self.start_batch(scope, &folder, std::mem::take(&mut batch), &fd);
            }
        }
        self.name_batch(scope, &folder, &batch, &fd);
        drop(fd);
        self.done(folder);
    }

    fn leaves_out(&self, folder: &Folder, place: usize, fd: &Handle) -> bool {
        let name = folder.names.bytes(place);
        let kind = folder.names.kind(place);
        let kind = kind.or_else(|| kind_of(fd, folder.names.get(place)));
        let is_directory = kind == Some(Type::Directory);
        (self.options.skip)(Candidate {
            directory: &folder.path,
            name,
            is_directory,
        })
    }

    /// Tells of names that are longer than a tree can hold, which some file systems have.
    fn is_no_name(&self, folder: &Folder, place: usize) -> bool {
        let lawful = is_name(folder.names.bytes(place));
        if !lawful {
            let err = NameError::Open(Errno::ENAMETOOLONG.into());
            let err = self.error(&folder.path_of(place), err);
            lock(&self.out).unreadable.push(err);
        }
        !lawful
    }

    fn start_batch<'s>(
        &'s self,
        scope: &Scope<'s>,
        folder: &Arc<Folder>,
        batch: Batch,
        fd: &Arc<Handle>,
    ) {
        folder.begin_task();
        let (folder, fd) = (Arc::clone(folder), Arc::clone(fd));
        scope.spawn(move |scope| {
            self.name_batch(scope, &folder, &batch, &fd);
            drop(fd);
            self.done(folder);
        });
    }

    fn start_directory<'s>(
        &'s self,
        scope: &Scope<'s>,
        folder: &Arc<Folder>,
        place: usize,
        fd: &Arc<Handle>,
    ) {
        folder.begin_task();
        let folder = Arc::clone(folder);
        // In a deep tree, directories on the way down wait for their other parts.
        let fd = (!self.handles.are_scarce()).then(|| Arc::clone(fd));
        scope.spawn(move |scope| self.enter(scope, folder, place, fd));
    }

    /// Opens and lists a directory. The one that it is in is opened again if it had to be closed.
    fn enter<'s>(
        &'s self,
        scope: &Scope<'s>,
        parent: Arc<Folder>,
        place: usize,
        parent_fd: Option<Arc<Handle>>,
    ) {
        let opened = match parent_fd {
            Some(fd) => Ok(fd),
            None => open_below(self.top, &parent.path).map(|fd| Arc::new(self.handles.take(fd))),
        };
        let left = opened.and_then(|fd| self.enter_from(scope, &parent, place, &fd));
        if let Err(err) = left {
            let leaf = self.explain(&parent, place, 0, NameError::Open(err));
            parent.note([(place, leaf)]);
        }
        self.done(parent);
    }

    fn enter_from<'s>(
        &'s self,
        scope: &Scope<'s>,
        parent: &Arc<Folder>,
        place: usize,
        parent_fd: &Arc<Handle>,
    ) -> io::Result<()> {
        if self.stopped.load(Ordering::Relaxed) {
            return Ok(());
        }
        if parent.depth + 1 >= MAX_DEPTH {
            return Err(Errno::ENAMETOOLONG.into());
        }
        match open_directory(parent_fd, parent.names.get(place)) {
            Ok((names, fd)) => {
                parent.begin_task();
                let path = parent.path_of(place);
                self.fill(scope, Some((Arc::clone(parent), place)), path, names, fd);
                Ok(())
            }
            // It was a directory when it was listed, and is something else now.
            Err(Errno::ENOTDIR | Errno::ELOOP) => {
                self.name_anew(scope, parent, place, parent_fd);
                Ok(())
            }
            Err(err) => Err(err.into()),
        }
    }

    /// Names what is in a batch; what turns out to be a directory becomes a task.
    fn name_batch<'s>(
        &'s self,
        scope: &Scope<'s>,
        folder: &Arc<Folder>,
        batch: &[usize],
        fd: &Arc<Handle>,
    ) {
        if self.stopped.load(Ordering::Relaxed) {
            return;
        }
        let (mut files, mut others) = (Batch::with_capacity(batch.len()), Batch::new());
        for &place in batch {
            match folder.names.kind(place) {
                Some(Type::File) => files.push(place),
                _ => others.push(place),
            }
        }
        self.name_files(scope, folder, &files, fd);
        for place in others {
            let name = folder.names.get(place);
            let kind = folder.names.kind(place).or_else(|| kind_of(fd, name));
            self.name_as(scope, folder, place, kind, fd);
        }
    }

    fn name_files<'s>(
        &'s self,
        scope: &Scope<'s>,
        folder: &Arc<Folder>,
        places: &[usize],
        fd: &Arc<Handle>,
    ) {
        let names: Vec<_> = places
            .iter()
            .map(|&place| folder.names.get(place))
            .collect();
        let (mut found, mut others) = (Vec::with_capacity(places.len()), Batch::new());
        name_all_cached_at(self.options.cache, &**fd, &names, |at, named| {
            let place = places[at];
            match named {
                Ok(named) => found.push((place, Some(leaf(&named)))),
                Err(NameError::Kind(_)) => others.push(place),
                Err(err) => found.push((place, self.cannot_name(folder, place, fd, err))),
            }
        });
        self.count(&found);
        folder.note(found);
        for place in others {
            self.name_anew(scope, folder, place, fd);
        }
    }

    /// Names something that was replaced by a thing of another kind since it was listed.
    fn name_anew<'s>(
        &'s self,
        scope: &Scope<'s>,
        folder: &Arc<Folder>,
        place: usize,
        fd: &Arc<Handle>,
    ) {
        match kind_of(fd, folder.names.get(place)) {
            // Directories and files by turns: whoever does that waits for us to give up.
            Some(Type::File | Type::Directory) => {
                let leaf = self.explain(folder, place, 0, NameError::Changed);
                folder.note([(place, leaf)]);
            }
            kind => self.name_as(scope, folder, place, kind, fd),
        }
    }

    /// Names one thing whose kind is known, or cannot be.
    fn name_as<'s>(
        &'s self,
        scope: &Scope<'s>,
        folder: &Arc<Folder>,
        place: usize,
        kind: Option<Type>,
        fd: &Arc<Handle>,
    ) {
        let skip = |reason| {
            let skipped = (folder.path_of(place), reason);
            lock(&self.out).skipped.push(skipped);
        };
        match kind {
            Some(Type::Directory) => self.start_directory(scope, folder, place, fd),
            Some(Type::Symlink) => folder.note([(place, self.name_link(folder, place, fd))]),
            Some(Type::Fifo) => skip(SkipReason::Fifo),
            Some(Type::Socket) => skip(SkipReason::Socket),
            Some(Type::CharacterDevice | Type::BlockDevice) => skip(SkipReason::Device),
            Some(Type::File) => self.name_files(scope, folder, &[place], fd),
            // What cannot be looked at is asked once more, for the error that it gives.
            None => folder.note([(place, self.why_not(folder, place, fd))]),
        }
    }

    fn why_not(&self, folder: &Folder, place: usize, fd: &Handle) -> Option<Leaf> {
        let err = match FileVersion::at(fd, folder.names.get(place)) {
            Ok(version) if version.kind() == FileKind::Unknown => NameError::Kind(version.kind()),
            Ok(_) => NameError::Changed,
            Err(err) => NameError::Open(err),
        };
        self.explain(folder, place, 0, err)
    }

    fn name_link(&self, folder: &Folder, place: usize, fd: &Handle) -> Option<Leaf> {
        match readlinkat(fd, folder.names.get(place)) {
            Ok(target) => {
                if let Some(progress) = self.options.progress {
                    progress.files.fetch_add(1, Ordering::Relaxed);
                }
                Some(Leaf::link(target.as_bytes()))
            }
            Err(err) => {
                let err = match err {
                    Errno::ENOENT => NameError::Open(err.into()),
                    // It is no link any more.
                    Errno::EINVAL => NameError::Changed,
                    _ => NameError::Read(err.into()),
                };
                self.explain(folder, place, 0, err)
            }
        }
    }

    fn count(&self, found: &[(usize, Option<Leaf>)]) {
        if let Some(progress) = self.options.progress {
            let sizes = found.iter().filter_map(|(_, leaf)| match leaf {
                Some(Leaf::Content { size, .. }) => Some(size),
                _ => None,
            });
            let (files, bytes) =
                sizes.fold((0, 0), |(files, bytes), size| (files + 1, bytes + size));
            progress.files.fetch_add(files, Ordering::Relaxed);
            progress.bytes.fetch_add(bytes, Ordering::Relaxed);
        }
    }

    fn cannot_name(
        &self,
        folder: &Folder,
        place: usize,
        fd: &Handle,
        err: NameError,
    ) -> Option<Leaf> {
        let version = FileVersion::at(fd, folder.names.get(place));
        let size = version.map_or(0, |version| version.size);
        self.explain(folder, place, size, err)
    }

    /// Notes why something has no name, and returns its leaf if it gets one all the same.
    fn explain(&self, folder: &Folder, place: usize, size: u64, err: NameError) -> Option<Leaf> {
        let path = folder.path_of(place);
        if err.is_missing() {
            lock(&self.out).skipped.push((path, SkipReason::Gone));
            return None;
        }
        let err = self.error(&path, err);
        lock(&self.out).unreadable.push(err);
        Some(Leaf::Unnamed { size })
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
        while folder.end_task() {
            let Some((parent, place)) = folder.parent.as_ref() else {
                self.complete(&folder, |root| lock(&self.out).root = Some(Ok(root)));
                return;
            };
            // A directory without files leaves no trace, not even a node.
            if !folder.is_empty() {
                self.complete(&folder, |root| {
                    parent.note([(*place, Some(Leaf::Tree(root)))]);
                });
            }
            folder = Arc::clone(parent);
        }
    }

    /// Makes the tree of a folder, and hands it on.
    fn complete(&self, folder: &Folder, hand_on: impl FnOnce(Root)) {
        if self.stopped.load(Ordering::Relaxed) {
            return;
        }
        match folder.write(&mut Shared(&self.out)) {
            Ok(root) => hand_on(root),
            Err(err) => {
                self.stopped.store(true, Ordering::Relaxed);
                lock(&self.out).root.get_or_insert(Err(err));
            }
        }
    }

    fn finish(self) -> Result<Scan, ScanError> {
        let out = self
            .out
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        let root = out.root.expect("every task has ended, or one has failed")?;
        let (mut skipped, mut unreadable) = (out.skipped, out.unreadable);
        skipped.sort();
        unreadable.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(Scan {
            root,
            nodes: out.nodes,
            skipped,
            unreadable,
        })
    }
}

/// The sink as every task sees it: held for a node at a time, and not while one is being made.
struct Shared<'a, 'b>(&'a Mutex<Out<'b>>);

impl Sink for Shared<'_, '_> {
    fn put(&mut self, object: Object) -> Result<(), SinkError> {
        let mut out = lock(self.0);
        out.nodes += 1;
        out.sink.put(object)
    }
}

fn leaf(named: &Named) -> Leaf {
    Leaf::file(named.id, named.size, named.executable())
}

fn open_directory(parent: &Handle, name: &CStr) -> nix::Result<(Names, OwnedFd)> {
    let fd = openat(
        parent,
        name,
        DIRECTORY | OFlag::O_NOFOLLOW,
        Permissions::empty(),
    )?;
    Ok((Names::of(&fd)?, fd))
}

fn kind_of(fd: &Handle, name: &CStr) -> Option<Type> {
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
