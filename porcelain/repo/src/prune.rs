//! Letting go of kept bytes that no recorded job wrote or read any more.
//!
//! What any stored tree names stays: whether something leads to the tree is for the store to judge, which
//! has let go of those that nothing does. A blob that was kept lately stays too, and all stays while a run
//! goes on, or part of the store is seen to be missing.

use crate::blobs::{Blob, BlobError, BlobFinding, Blobs};
use crate::{RepoError, Workspace};
use roar_object::{ContentId, Entry, Kind, TreeNode};
use roar_store::{LockError, OpenError, Reader, Spool, Wait};
use std::collections::HashSet;
use std::ops::ControlFlow;
use std::time::{Duration, SystemTime};

/// Why kept bytes are not tidied up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PruneError {
    /// They cannot be listed or removed.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// The store cannot be read.
    #[error(transparent)]
    Repo(#[from] RepoError),
    /// Somebody else writes, and did so for as long as was waited; or the lock cannot be used.
    #[error(transparent)]
    Lock(#[from] LockError),
}

impl Workspace {
    /// Returns the kept files that nothing names, and that were last kept `grace` ago or more.
    ///
    /// # Errors
    ///
    /// When the store or the kept files cannot be read.
    pub fn unused_blobs(&self, grace: Duration) -> Result<Vec<Blob>, PruneError> {
        let store = self
            .store()
            .ok_or_else(|| RepoError::from(OpenError::NotAStore { path: self.dot() }))?;
        unused(self, &store.reader(), grace)
    }

    /// Removes what [`Workspace::unused_blobs`] returns, and returns it.
    ///
    /// # Errors
    ///
    /// When the store cannot be had in time, or a file cannot be removed.
    pub fn prune_blobs(&self, grace: Duration, wait: Wait<'_>) -> Result<Vec<Blob>, PruneError> {
        let store = self
            .store()
            .ok_or_else(|| RepoError::from(OpenError::NotAStore { path: self.dot() }))?;
        if unused(self, &store.reader(), grace)?.is_empty() {
            return Ok(Vec::new());
        }
        // Whoever keeps bytes for what is about to be recorded holds the lock meanwhile.
        let writer = store.writer(wait)?;
        let unused = unused(self, &writer, grace)?;
        let blobs = Blobs::within(&self.dot());
        for blob in &unused {
            blobs.remove(blob.id)?;
        }
        Ok(unused)
    }

    /// Looks for kept files that are not what they should be; with `full`, hashes them all.
    ///
    /// # Errors
    ///
    /// When they cannot be listed.
    pub fn check_blobs(&self, full: bool) -> Result<Vec<BlobFinding>, BlobError> {
        Blobs::within(&self.dot()).check(full)
    }
}

fn unused(
    workspace: &Workspace,
    reader: &Reader,
    grace: Duration,
) -> Result<Vec<Blob>, PruneError> {
    let blobs = Blobs::within(&workspace.dot());
    // What names them may be in what is seen to be missing.
    if blobs.list()?.is_empty() || is_running(workspace)? || reader.damage().is_some() {
        return Ok(Vec::new());
    }
    let named = named(reader)?;
    let now = SystemTime::now();
    // A time that lies ahead is no age.
    let is_young = |blob: &Blob| now.duration_since(blob.kept).is_ok_and(|age| age < grace);
    let mut unused = blobs.unreferenced(|id| named.contains(&id))?;
    unused.retain(|blob| !is_young(blob));
    Ok(unused)
}

/// Returns whether a run goes on, which may be about to name what it keeps.
fn is_running(workspace: &Workspace) -> Result<bool, RepoError> {
    let Some(store) = workspace.store() else {
        return Ok(false);
    };
    Ok(Spool::pending(&store.runs())?.iter().any(|run| run.alive))
}

/// Returns the contents that any stored tree names.
fn named(reader: &Reader) -> Result<HashSet<ContentId>, RepoError> {
    let mut named = HashSet::new();
    let mut trouble = None;
    reader.each_object(Some(Kind::Tree), |found| {
        let node = found.and_then(|object| Ok(object.decode::<TreeNode>()?));
        match node {
            Ok(node) => {
                named.extend(node.entries.iter().filter_map(Entry::content_id));
                ControlFlow::Continue(())
            }
            Err(err) => {
                trouble = Some(err);
                ControlFlow::Break(())
            }
        }
    })?;
    match trouble {
        // What a damaged tree names cannot be told, so nothing may go.
        Some(err) => Err(RepoError::Find(err)),
        None => Ok(named),
    }
}
