//! Mending kept bytes: a file that holds something else than its name says is moved out of the way, and
//! its bytes are kept anew where a recorded file still has them.

use crate::blobs::{BlobError, Blobs};
use crate::disk::Disk;
use crate::restore::Finder;
use crate::{PruneError, RepoError, Workspace};
use roar_content::HashCache;
use roar_graph::History;
use roar_object::{ContentId, Mode};
use roar_store::{OpenError, Wait};
use std::path::PathBuf;

/// A kept file that held something else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MendedBlob {
    /// What it should hold.
    pub id: ContentId,
    /// Where it is now.
    pub aside: PathBuf,
    /// The file that its bytes were kept from anew; nothing if they are not to be had any more.
    pub from: Option<PathBuf>,
}

impl Workspace {
    /// Hashes all kept files, and mends those that hold something else. Files that cannot be read stay as
    /// they are.
    ///
    /// # Errors
    ///
    /// When the store cannot be had in time, or a file cannot be moved or written.
    pub fn mend_blobs(&self, wait: Wait<'_>) -> Result<Vec<MendedBlob>, PruneError> {
        let blobs = Blobs::within(&self.dot());
        if blobs.damaged()?.is_empty() {
            return Ok(Vec::new());
        }
        let store = self
            .store()
            .ok_or_else(|| RepoError::from(OpenError::NotAStore { path: self.dot() }))?;
        // Whoever keeps bytes for what is about to be recorded holds the lock meanwhile.
        let _writer = store.writer(wait)?;
        let snapshot = self.snapshot()?;
        // Where the session cannot be read, nobody knows where to look.
        let history = snapshot.history().unwrap_or_else(|_| History::new(&[]));
        let cache = HashCache::none();
        let finder = Finder::new(&blobs, Disk::new(self.root(), &cache), &history);
        Ok(mend(&blobs, &finder)?)
    }
}

fn mend(blobs: &Blobs, finder: &Finder<'_, '_>) -> Result<Vec<MendedBlob>, BlobError> {
    let mut mended = Vec::new();
    let mut keeper = blobs.keeper()?;
    for id in blobs.damaged()? {
        let aside = blobs.set_aside(id)?;
        let from = finder.find(id)?;
        if let Some(from) = &from {
            keeper.keep(from, Mode::File, id)?;
        }
        mended.push(MendedBlob { id, aside, from });
    }
    keeper.finish()?;
    Ok(mended)
}
