//! A directory that is being named by many tasks at once.

use crate::build::{Builder, is_name};
use crate::names::Names;
use crate::sink::{Sink, SinkError};
use crate::{Leaf, Root};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A directory, and what is known of what is in it.
pub(crate) struct Folder {
    /// The directory that it is in, and its place there; nothing for the root.
    pub(crate) parent: Option<(Arc<Folder>, usize)>,
    /// Its path from the root.
    pub(crate) path: Vec<u8>,
    pub(crate) depth: usize,
    pub(crate) names: Names,
    /// What there is under each name; nothing as long as it is not known, or if it is left out.
    leaves: Mutex<Vec<Option<Leaf>>>,
    /// Tasks that are not done with it.
    left: AtomicUsize,
}

impl Folder {
    /// Makes a folder with one task at work.
    pub(crate) fn new(parent: Option<(Arc<Self>, usize)>, path: Vec<u8>, names: Names) -> Self {
        let depth = parent.as_ref().map_or(0, |(parent, _)| parent.depth + 1);
        Self {
            parent,
            path,
            depth,
            leaves: Mutex::new(vec![None; names.len()]),
            names,
            left: AtomicUsize::new(1),
        }
    }

    /// Returns the path of what is at a place, from the root.
    pub(crate) fn path_of(&self, place: usize) -> Vec<u8> {
        let mut path = self.path.clone();
        crate::listing::push_name(&mut path, self.names.bytes(place));
        path
    }

    /// Notes what there is at some places.
    pub(crate) fn note(&self, found: impl IntoIterator<Item = (usize, Option<Leaf>)>) {
        let mut leaves = lock(&self.leaves);
        for (place, leaf) in found {
            leaves[place] = leaf;
        }
    }

    /// Counts one more task at work.
    pub(crate) fn begin_task(&self) {
        self.left.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts one less, and returns whether it was the last: then everything is known.
    pub(crate) fn end_task(&self) -> bool {
        self.left.fetch_sub(1, Ordering::AcqRel) == 1
    }

    /// Returns whether there is nothing in it, now that everything is known.
    pub(crate) fn is_empty(&self) -> bool {
        lock(&self.leaves).iter().all(Option::is_none)
    }

    /// Makes the tree of the folder.
    pub(crate) fn write(&self, sink: &mut dyn Sink) -> Result<Root, SinkError> {
        let leaves = std::mem::take(&mut *lock(&self.leaves));
        let mut builder = Builder::default();
        for (place, leaf) in leaves.into_iter().enumerate() {
            let Some(leaf) = leaf else { continue };
            let name = self.names.bytes(place);
            debug_assert!(is_name(name));
            builder.add_sorted(name, leaf, sink)?;
        }
        builder.finish(sink)
    }
}

pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
