//! Keeping the bytes of what a run wrote.

use crate::sorted::{Item, Sorted};
use roar_object::{Change, RecordedPath};
use roar_repo::Workspace;
use roar_repo::blobs::{BlobError, Blobs, Keeper, Kept as Outcome};
use roar_repo::config::ConfigError;
use roar_repo::disk::Disk;
use std::path::Path;

/// How much is kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Bytes of the largest file that is kept; 0 for none at all.
    pub(crate) size: u64,
    /// Bytes of all that is kept.
    pub(crate) total: u64,
}

impl Limits {
    pub(crate) fn of(workspace: &Workspace) -> Result<Self, ConfigError> {
        Ok(Self {
            size: workspace.config().number("keep.max_size")?,
            total: workspace.config().number("keep.total")?,
        })
    }
}

/// What became of the bytes of a run's outputs.
#[derive(Debug, Default)]
pub struct KeptBytes {
    /// Files whose bytes are kept now.
    pub files: usize,
    /// Bytes of those that were not kept before.
    pub bytes: u64,
    /// Files that are larger than what is kept.
    pub too_large: usize,
    /// Files that there was no room for.
    pub no_room: usize,
    /// Files that could not be kept, and why.
    pub failed: Vec<(RecordedPath, String)>,
}

/// Keeps the outputs of a run, as far as the limits allow; nothing if nothing is to be kept.
pub(crate) fn keep(workspace: &Workspace, sorted: &Sorted, limits: Limits) -> Option<KeptBytes> {
    if limits.size == 0 || workspace.store().is_none() {
        return None;
    }
    let mut kept = KeptBytes::default();
    let blobs = Blobs::within(&workspace.dot());
    if let Err(err) = keep_all(workspace, &blobs, sorted, limits, &mut kept) {
        let everywhere = RecordedPath::inside(".roar/blobs");
        kept.failed
            .push((everywhere, crate::run::with_causes(&err)));
    }
    Some(kept)
}

fn keep_all(
    workspace: &Workspace,
    blobs: &Blobs,
    sorted: &Sorted,
    limits: Limits,
    kept: &mut KeptBytes,
) -> Result<(), BlobError> {
    let cache = roar_content::HashCache::none();
    let disk = Disk::new(workspace.root(), &cache);
    let mut keeper = blobs.keeper()?;
    let mut room = Room::new(blobs, limits.total);
    for item in sorted.writes.iter().filter(|item| is_output(item)) {
        let (size, id) = (item.content.size, item.content.id);
        if size > limits.size {
            kept.too_large += 1;
        } else if !id.is_some_and(|id| blobs.has(id)) && !room.has(size)? {
            kept.no_room += 1;
        } else {
            let place = disk.place(&item.path);
            match keep_one(&mut keeper, &place, item) {
                Ok(outcome) => room.take(kept.add(outcome, size)),
                Err(err) => {
                    let why = crate::run::with_causes(&err);
                    kept.failed.push((item.path.clone(), why));
                }
            }
        }
    }
    keeper.finish()
}

fn is_output(item: &Item) -> bool {
    let remains = item.change != Some(Change::Deleted);
    remains && item.content.id.is_some() && roar_repo::flatten::matters(item.class)
}

fn keep_one(keeper: &mut Keeper<'_>, place: &Path, item: &Item) -> Result<Outcome, BlobError> {
    let id = item
        .content
        .id
        .expect("outputs without a name are left out");
    keeper.keep(place, item.content.mode, id)
}

impl KeptBytes {
    /// Counts a file; returns how many bytes are new.
    fn add(&mut self, outcome: Outcome, size: u64) -> u64 {
        let new = if outcome == Outcome::New { size } else { 0 };
        self.files += 1;
        self.bytes += new;
        new
    }
}

/// How many bytes may still be kept. What is kept already is counted when it first matters.
struct Room<'b> {
    blobs: &'b Blobs,
    total: u64,
    used: Option<u64>,
}

impl<'b> Room<'b> {
    const fn new(blobs: &'b Blobs, total: u64) -> Self {
        Self {
            blobs,
            total,
            used: None,
        }
    }

    fn has(&mut self, size: u64) -> Result<bool, BlobError> {
        let used = match self.used {
            Some(used) => used,
            None => self.blobs.list()?.iter().map(|blob| blob.bytes).sum(),
        };
        self.used = Some(used);
        Ok(used.saturating_add(size) <= self.total)
    }

    fn take(&mut self, size: u64) {
        self.used = self.used.map(|used| used.saturating_add(size));
    }
}
