//! What is in a tree: everything, one directory, or one path.

use crate::node::{Directory, Item, MAX_DEPTH, Reader, TreeError};
use roar_object::{Entry, Mode, ObjectId, Objects, TreeNode};

/// Something found in a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its path from the root of the tree.
    pub path: Vec<u8>,
    /// What it is.
    pub entry: Entry,
}

/// Lists a tree in the order of its paths, component by component.
///
/// With `recursive`, everything that is no directory; else what is in the root, directories too.
/// The iterator reads as it goes, and ends after its first error.
pub fn list<O: Objects>(objects: O, root: ObjectId, recursive: bool) -> List<O> {
    List {
        reader: Reader::new(objects, root),
        start: Some(root),
        recursive,
        open: Vec::new(),
        path: Vec::new(),
    }
}

/// The iterator of [`list`].
#[derive(Debug)]
pub struct List<O> {
    reader: Reader<O>,
    start: Option<ObjectId>,
    recursive: bool,
    /// Directories inside each other, each with the length of its path.
    open: Vec<(Directory, usize)>,
    path: Vec<u8>,
}

impl<O: Objects> List<O> {
    fn step(&mut self) -> Result<Option<Found>, TreeError> {
        if let Some(root) = self.start.take() {
            let node = self.reader.top(root)?;
            self.open.push((Directory::of(node), 0));
        }
        while let Some((directory, len)) = self.open.last_mut() {
            self.path.truncate(*len);
            let Some(entry) = directory.next(&mut self.reader)? else {
                self.open.pop();
                continue;
            };
            push_name(&mut self.path, &entry.name);
            if !(self.recursive && entry.mode == Mode::Directory) {
                let path = self.path.clone();
                return Ok(Some(Found { path, entry }));
            }
            self.enter(&entry)?;
        }
        Ok(None)
    }

    fn enter(&mut self, entry: &Entry) -> Result<(), TreeError> {
        if self.open.len() >= MAX_DEPTH {
            return Err(self.reader.depth_error());
        }
        let node = self.reader.directory(entry)?;
        self.open.push((Directory::of(node), self.path.len()));
        Ok(())
    }
}

impl<O: Objects> Iterator for List<O> {
    type Item = Result<Found, TreeError>;

    fn next(&mut self) -> Option<Self::Item> {
        let step = self.step();
        if step.is_err() {
            self.open.clear();
        }
        step.transpose()
    }
}

pub(crate) fn push_name(path: &mut Vec<u8>, name: &[u8]) {
    if !path.is_empty() {
        path.push(b'/');
    }
    path.extend_from_slice(name);
}

/// Finds what is at `path`; the empty path is the root, as a directory without a name.
///
/// # Errors
///
/// When a node on the way cannot be had or contradicts the one above.
pub fn lookup<O: Objects>(
    objects: O,
    root: ObjectId,
    path: &[u8],
) -> Result<Option<Entry>, TreeError> {
    let mut reader = Reader::new(objects, root);
    let mut node = reader.top(root)?;
    let mut names = path.split(|&byte| byte == b'/').peekable();
    if path.is_empty() {
        let (size, files) = (node.size(), node.files());
        return Ok(Some(Entry::tree(b"", Mode::Directory, root, size, files)));
    }
    while let Some(name) = names.next() {
        let Some(entry) = find_in(&mut reader, node, name)? else {
            return Ok(None);
        };
        if names.peek().is_none() {
            return Ok(Some(entry));
        }
        if entry.mode != Mode::Directory {
            return Ok(None);
        }
        node = reader.directory(&entry)?;
    }
    Ok(None)
}

/// Finds a name in one directory, going down the one node per level that can hold it.
fn find_in<O: Objects>(
    reader: &mut Reader<O>,
    mut node: TreeNode,
    name: &[u8],
) -> Result<Option<Entry>, TreeError> {
    loop {
        let level = node.level;
        let found = node
            .entries
            .binary_search_by(|entry| entry.name.0.as_slice().cmp(name));
        let at = match found {
            Ok(at) => at,
            Err(behind) if level > 0 && behind > 0 => behind - 1,
            Err(_) => return Ok(None),
        };
        let entry = node.entries.swap_remove(at);
        if level == 0 {
            return Ok(Some(entry));
        }
        node = reader.node(&Item { entry, level })?;
    }
}
