//! Trees that a word on the command line means: stored ones, and directories on disk.

use crate::context::{Context, snapshot_of};
use crate::error::{CommandError, Fault, fault_below};
use crate::progress::Watch;
use crate::ui::Ui;
use roar_content::{FileError, NameError};
use roar_object::{
    ContentId, Entry, FindError, Kind, MemoryObjects, Mode, Object, ObjectId, Objects, RecordedPath,
};
use roar_repo::{Snapshot, Target};
use roar_tree::{Found, Options, Progress, Scan, ScanError, Sink};
use std::ffi::OsStr;
use std::path::Path;

/// A place to find the nodes of trees in: what was just scanned, then the store, if there is one.
pub(crate) struct Forest {
    scanned: MemoryObjects,
    stored: Option<Snapshot>,
}

impl Objects for Forest {
    fn find(&self, id: ObjectId) -> Result<Option<Object>, FindError> {
        if let Some(object) = self.scanned.find(id)? {
            return Ok(Some(object));
        }
        match &self.stored {
            Some(snapshot) => snapshot.objects().find(id),
            None => Ok(None),
        }
    }
}

impl Forest {
    /// Returns a forest of what was scanned alone.
    pub(crate) fn of(scanned: MemoryObjects) -> Self {
        Self {
            scanned,
            stored: None,
        }
    }

    /// Returns a forest of what is stored alone.
    pub(crate) fn stored(snapshot: Snapshot) -> Self {
        Self {
            scanned: MemoryObjects::default(),
            stored: Some(snapshot),
        }
    }

    /// Returns the files that a job wrote and left, or read, in the order of their paths: relative
    /// below the project, others absolute.
    pub(crate) fn files(&self, record: usize, reads: bool) -> Result<Vec<Found>, CommandError> {
        let Some(snapshot) = &self.stored else {
            return Ok(Vec::new());
        };
        let record = &snapshot.records()?[record];
        let mut files: Vec<_> = if reads {
            let files = record.reads.iter();
            files
                .map(|file| found(&file.path, file.mode, file.id, file.size))
                .collect()
        } else {
            let files = record.writes.iter().filter(|file| file.remains());
            files
                .map(|file| found(&file.path, file.mode, file.id, file.size))
                .collect()
        };
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(files)
    }
}

/// Returns a file of a job as one of a tree.
fn found(path: &RecordedPath, mode: Mode, id: Option<ContentId>, size: u64) -> Found {
    let path = path.shown();
    let name = path.rsplit(|&byte| byte == b'/').next().unwrap_or(&path);
    let entry = match id {
        Some(id) if mode.is_content() => Entry::content(name, mode, id, size),
        _ => Entry::unnamed(name, size),
    };
    Found { path, entry }
}

/// What a word means where trees are wanted.
pub(crate) enum Side {
    /// A tree.
    Tree(ObjectId),
    /// A recorded job, by its place in the session.
    Job(usize),
}

/// Words being turned into trees.
pub(crate) struct Finder<'a> {
    context: &'a Context,
    forest: Forest,
}

impl<'a> Finder<'a> {
    /// Begins; a workspace is no condition.
    pub(crate) fn new(ui: &Ui, context: &'a Context) -> Result<Self, CommandError> {
        let stored = match context.find_workspace()? {
            Some(workspace) => Some(snapshot_of(ui, &workspace)?),
            None => None,
        };
        let scanned = MemoryObjects::default();
        Ok(Self {
            context,
            forest: Forest { scanned, stored },
        })
    }

    /// Finds what `word` means: a directory as it is now, else what is recorded under that name.
    pub(crate) fn find(&mut self, ui: &Ui, word: &OsStr) -> Result<Side, CommandError> {
        let path = self.context.directory().join(word);
        if !word.is_empty() && path.is_dir() && !self.is_stored(word)? {
            let scan = scan(ui, self.context, &path, &mut self.forest.scanned)?;
            return Ok(Side::Tree(scan.root.id));
        }
        let Some(snapshot) = &self.forest.stored else {
            return Err(no_directory(word));
        };
        match self.context.resolve(snapshot, word)? {
            Target::Dataset { id, .. }
            | Target::Object {
                id,
                kind: Kind::Tree,
            } => Ok(Side::Tree(id)),
            Target::Job { record } => Ok(Side::Job(record)),
            Target::Artifact { .. } => Err(no_tree(word, "file")),
            Target::Object { kind, .. } => Err(no_tree(word, kind.name())),
        }
    }

    /// Returns whether a word is the whole name of a stored object, which means that, whatever directories
    /// are called.
    fn is_stored(&self, word: &OsStr) -> Result<bool, CommandError> {
        let id = word.to_str().and_then(|word| word.parse().ok());
        match (id, &self.forest.stored) {
            (Some(id), Some(snapshot)) => Ok(snapshot.objects().has(id)?),
            _ => Ok(false),
        }
    }

    /// Finds a tree; a job is none.
    pub(crate) fn tree(&mut self, ui: &Ui, word: &OsStr) -> Result<ObjectId, CommandError> {
        match self.find(ui, word)? {
            Side::Tree(root) => Ok(root),
            Side::Job(_) => Err(no_tree(word, "job")
                .hint("`roar ls-tree` and `roar show` list what a job read and wrote")),
        }
    }

    /// Ends; returns where the trees are.
    pub(crate) fn finish(self) -> Forest {
        self.forest
    }
}

/// Tells that what a job read was asked of something that is none.
pub(crate) fn reads_nothing(words: &[&OsStr]) -> CommandError {
    let shown: Vec<_> = words
        .iter()
        .map(|word| format!("'{}'", word.display()))
        .collect();
    let are = if words.len() == 1 {
        "is no job"
    } else {
        "are no jobs"
    };
    CommandError::usage(format!(
        "{} {are}, and only jobs have `--reads`",
        shown.join(" and ")
    ))
}

fn no_directory(word: &OsStr) -> CommandError {
    CommandError::not_found(format!("there is no directory '{}'", word.display()))
        .hint("outside a workspace only directories can be looked at")
}

fn no_tree(word: &OsStr, kind: &str) -> CommandError {
    CommandError::usage(format!("'{}' is a {kind}, not a dataset", word.display()))
}

/// Names a directory with all that is in it. What cannot be read is an error.
pub(crate) fn scan(
    ui: &Ui,
    context: &Context,
    directory: &Path,
    sink: &mut (dyn Sink + Send),
) -> Result<Scan, CommandError> {
    let cache = context.cache_for(directory);
    let progress = Progress::default();
    let mut options = Options::new(&cache);
    options.progress = Some(&progress);
    let scan = Watch::over(ui, &progress, || roar_tree::scan(directory, options, sink));
    let scan = scan.map_err(no_tree_of_it)?;
    for (path, reason) in &scan.skipped {
        let path = crate::ui::escape(path);
        ui.note(format_args!("left out: '{path}', {}", reason.name()));
    }
    refuse_unreadable(scan)
}

fn refuse_unreadable(mut scan: Scan) -> Result<Scan, CommandError> {
    if scan.unreadable.is_empty() {
        return Ok(scan);
    }
    let count = scan.unreadable.len();
    let error = unreadable(scan.unreadable.swap_remove(0));
    Err(match count {
        1 => error,
        _ => error.hint(format!("{} more cannot be read either", count - 1)),
    })
}

fn no_tree_of_it(err: ScanError) -> CommandError {
    match err {
        ScanError::Directory(err) => unreadable(err),
        other => CommandError::new(fault_below(&other), other),
    }
}

fn unreadable(err: FileError) -> CommandError {
    let fault = match &err.source {
        NameError::Kind(_) => Fault::Usage,
        _ => fault_below(&err),
    };
    CommandError::new(fault, err)
}
