//! The files of a tree in the order of the bytes of their paths, in which a slash is a byte like any
//! other: `a.b` comes before `a/b`, though `a` comes before `a.b`.

use crate::listing::{Found, push_name};
use crate::node::{Directory, MAX_DEPTH, Reader, TreeError};
use roar_object::{Entry, Mode, ObjectId, Objects};
use std::cmp::Ordering;

/// Lists everything in a tree that is no directory. Ends after the first error.
pub(crate) fn by_path<O: Objects>(objects: O, root: ObjectId) -> ByPath<O> {
    ByPath {
        reader: Reader::new(objects, root),
        start: Some(root),
        open: Vec::new(),
        path: Vec::new(),
    }
}

/// The iterator of [`by_path`].
pub(crate) struct ByPath<O> {
    reader: Reader<O>,
    start: Option<ObjectId>,
    /// Directories inside each other.
    open: Vec<Place>,
    path: Vec<u8>,
}

/// Where the list stands in one directory.
struct Place {
    directory: Directory,
    /// What comes next by name, if it has been taken.
    next: Option<Entry>,
    /// Directories before it by name whose files come after it: `a` waits for `a.b`. Each begins with
    /// the one before, so there are never more than a name is long.
    waiting: Vec<Entry>,
    /// The length of its path.
    len: usize,
}

impl Place {
    const fn new(directory: Directory, len: usize) -> Self {
        Self {
            directory,
            next: None,
            waiting: Vec::new(),
            len,
        }
    }

    /// Takes what is next by the bytes of its path.
    fn take<O: Objects>(&mut self, reader: &mut Reader<O>) -> Result<Option<Entry>, TreeError> {
        loop {
            if self.next.is_none() {
                self.next = self.directory.next(reader)?;
            }
            // The last that began to wait has the least path: it goes on from the others' names.
            let waited = self.waiting.last();
            let Some(next) = &self.next else {
                return Ok(self.waiting.pop());
            };
            if waited.is_some_and(|waited| path_order(waited, next).is_lt()) {
                return Ok(self.waiting.pop());
            }
            match self.next.take() {
                Some(next) if next.mode == Mode::Directory => self.waiting.push(next),
                other => return Ok(other),
            }
        }
    }
}

/// Compares the beginnings of two entries' paths; those of a directory go on with a slash.
fn path_order(a: &Entry, b: &Entry) -> Ordering {
    let slash = |entry: &Entry| (entry.mode == Mode::Directory).then_some(&b'/');
    let (a, b) = ((&a.name.0, slash(a)), (&b.name.0, slash(b)));
    a.0.iter().chain(a.1).cmp(b.0.iter().chain(b.1))
}

impl<O: Objects> ByPath<O> {
    fn step(&mut self) -> Result<Option<Found>, TreeError> {
        if let Some(root) = self.start.take() {
            let node = self.reader.top(root)?;
            self.open.push(Place::new(Directory::of(node), 0));
        }
        while let Some(place) = self.open.last_mut() {
            self.path.truncate(place.len);
            let Some(entry) = place.take(&mut self.reader)? else {
                self.open.pop();
                continue;
            };
            push_name(&mut self.path, &entry.name);
            if entry.mode != Mode::Directory {
                let path = self.path.clone();
                return Ok(Some(Found { path, entry }));
            }
            if self.open.len() >= MAX_DEPTH {
                return Err(self.reader.depth_error());
            }
            let node = self.reader.directory(&entry)?;
            self.open
                .push(Place::new(Directory::of(node), self.path.len()));
        }
        Ok(None)
    }
}

impl<O: Objects> Iterator for ByPath<O> {
    type Item = Result<Found, TreeError>;

    fn next(&mut self) -> Option<Self::Item> {
        let step = self.step();
        if step.is_err() {
            self.open.clear();
        }
        step.transpose()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests may panic")]
mod tests {
    use super::*;
    use crate::{Leaf, PathTree};
    use proptest::prelude::*;
    use roar_object::MemoryObjects;
    use std::collections::{BTreeMap, BTreeSet};

    proptest! {
        #[test]
        fn files_come_in_the_order_of_the_bytes_of_their_paths(
            paths in prop::collection::btree_set("[-a0!]{1,3}(/[-a0!]{1,3}){0,2}", 0..120)
        ) {
            let is_above = |path: &String| paths.iter().any(|other| other.starts_with(&format!("{path}/")));
            let files: BTreeSet<_> = paths.iter().filter(|path| !is_above(path)).cloned().collect();
            let leaves: BTreeMap<_, _> = files.iter().map(|path| (path, Leaf::Unnamed { size: 1 })).collect();
            let mut objects = MemoryObjects::default();
            let root = PathTree::build(leaves, &mut objects).unwrap();
            let found: Vec<_> = by_path(&objects, root.id)
                .map(|found| String::from_utf8(found.unwrap().path).unwrap())
                .collect();
            prop_assert_eq!(found, files.into_iter().collect::<Vec<_>>());
        }
    }
}
