//! Making one directory: entries in, nodes out, level upon level.

use crate::Leaf;
use crate::sink::{Sink, SinkError};
use crate::split::Splitter;
use roar_object::{Entry, Mode, Object, ObjectId, TreeNode};

/// A whole tree by name, and how much is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Root {
    /// The root node.
    pub id: ObjectId,
    /// Files, links and unnamed files below.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Root {
    /// Returns the entry of this tree as a directory in another.
    pub fn entry(&self, name: impl Into<roar_object::ByteStr>) -> Entry {
        Entry::tree(name, Mode::Directory, self.id, self.bytes, self.files)
    }
}

/// Why entries do not make a tree.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A node could not be kept.
    #[error(transparent)]
    Sink(#[from] SinkError),
    /// A name is there twice, or a file and a directory share one.
    #[error("'{}' is there twice", .path.escape_ascii())]
    Twice {
        /// The name or path.
        path: Vec<u8>,
    },
    /// A name comes after one that sorts behind it.
    #[error("'{}' is out of order", .path.escape_ascii())]
    Order {
        /// The name or path.
        path: Vec<u8>,
    },
    /// Empty, `.`, `..`, too long, or with a slash or NUL in it.
    #[error("'{}' has a name in it that no directory can hold", .path.escape_ascii())]
    Name {
        /// The name or path.
        path: Vec<u8>,
    },
    /// More directories inside each other than a tree may have.
    #[error("'{}' is nested too deep", .path.escape_ascii())]
    Depth {
        /// The path.
        path: Vec<u8>,
    },
    /// A node of a tree where a file or directory belongs.
    #[error("'{}' is no file and no directory", .path.escape_ascii())]
    Mode {
        /// The name.
        path: Vec<u8>,
    },
}

/// Makes the tree of one directory from entries that come in the order of their names.
#[derive(Debug, Default)]
pub struct Builder {
    /// For each level, the entries of the node that is not yet complete. A node that a name has
    /// ended waits for its successor, for it may turn out to be the root.
    open: Vec<Vec<Entry>>,
    splitter: Splitter,
    /// Memory of names whose nodes are made: a million files should not ask for a million pieces.
    spare: Vec<Vec<u8>>,
}

impl Builder {
    /// Returns whether nothing has been added.
    pub const fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// Adds the next entry. A directory without files in it is left out.
    ///
    /// # Errors
    ///
    /// When the name is not one, or does not come after the one before, or a node cannot be kept.
    pub fn push(&mut self, entry: Entry, sink: &mut dyn Sink) -> Result<(), BuildError> {
        if entry.mode == Mode::Directory && entry.files == 0 {
            return Ok(());
        }
        self.check(&entry)?;
        Ok(self.add(0, entry, sink)?)
    }

    /// Adds what is known to be lawful and the next in order; a leaf that a scan has found is.
    pub(crate) fn add_sorted(
        &mut self,
        name: &[u8],
        leaf: Leaf,
        sink: &mut dyn Sink,
    ) -> Result<(), SinkError> {
        let mut owned = self.spare.pop().unwrap_or_default();
        owned.clear();
        owned.extend_from_slice(name);
        let entry = leaf.entry(owned).expect("a scan finds no nodes");
        debug_assert!(self.check(&entry).is_ok(), "out of order");
        self.add(0, entry, sink)
    }

    fn check(&self, entry: &Entry) -> Result<(), BuildError> {
        let path = || entry.name.0.clone();
        if !is_name(&entry.name) {
            return Err(BuildError::Name { path: path() });
        }
        if entry.mode == Mode::Node {
            return Err(BuildError::Mode { path: path() });
        }
        let before = self.open.first().and_then(|entries| entries.last());
        match before.map(|before| before.name.cmp(&entry.name)) {
            None | Some(std::cmp::Ordering::Less) => Ok(()),
            Some(std::cmp::Ordering::Equal) => Err(BuildError::Twice { path: path() }),
            Some(std::cmp::Ordering::Greater) => Err(BuildError::Order { path: path() }),
        }
    }

    fn add(&mut self, level: u8, entry: Entry, sink: &mut dyn Sink) -> Result<(), SinkError> {
        let at = usize::from(level);
        if self.open.len() == at {
            self.open
                .push(Vec::with_capacity(TreeNode::MAX_ENTRIES / 2));
        }
        let Self { open, splitter, .. } = self;
        let open = &open[at];
        let complete = open
            .last()
            .is_some_and(|last| splitter.ends_node(level, open.len(), &last.name));
        if complete {
            let node = self.close(level, sink)?;
            self.add(level + 1, node, sink)?;
        }
        self.open[at].push(entry);
        Ok(())
    }

    /// Makes a node of what is open at `level`, and returns its entry in the level above.
    fn close(&mut self, level: u8, sink: &mut dyn Sink) -> Result<Entry, SinkError> {
        let entries = std::mem::take(&mut self.open[usize::from(level)]);
        let name = entries.first().map(|entry| entry.name.clone());
        let (root, mut entries) = put_node(level, entries, sink)?;
        self.spare
            .extend(entries.drain(..).map(|entry| entry.name.0));
        self.open[usize::from(level)] = entries;
        let name = name.unwrap_or_default();
        Ok(Entry::tree(
            name,
            Mode::Node,
            root.id,
            root.bytes,
            root.files,
        ))
    }

    /// Completes the tree.
    ///
    /// # Errors
    ///
    /// When a node cannot be kept.
    pub fn finish(mut self, sink: &mut dyn Sink) -> Result<Root, SinkError> {
        if self.open.is_empty() {
            return Ok(put_node(0, Vec::new(), sink)?.0);
        }
        let mut level = 0;
        loop {
            let at = usize::from(level);
            let entry = self.close(level, sink)?;
            // Nothing above: this node is the only one of its level.
            if self.open.len() == at + 1 {
                return Ok(Root {
                    id: entry.tree_id().expect("the entry of a node"),
                    files: entry.files,
                    bytes: entry.size,
                });
            }
            level += 1;
            self.add(level, entry, sink)?;
        }
    }
}

/// Makes the tree of one directory from entries in any order.
///
/// # Errors
///
/// When a name is not one, or is there twice, or a node cannot be kept.
pub fn write_directory(mut entries: Vec<Entry>, sink: &mut dyn Sink) -> Result<Root, BuildError> {
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    let mut builder = Builder::default();
    for entry in entries {
        builder.push(entry, sink)?;
    }
    Ok(builder.finish(sink)?)
}

/// Makes a node, and gives the entries back.
fn put_node(
    level: u8,
    entries: Vec<Entry>,
    sink: &mut dyn Sink,
) -> Result<(Root, Vec<Entry>), SinkError> {
    let node = TreeNode::new(level, entries);
    let object = Object::encode(&node);
    let root = Root {
        id: object.id(),
        files: node.files(),
        bytes: node.size(),
    };
    sink.put(object)?;
    Ok((root, node.entries))
}

/// Returns whether a directory can hold `name`.
pub(crate) fn is_name(name: &[u8]) -> bool {
    !matches!(name, b"" | b"." | b"..")
        && name.len() <= TreeNode::MAX_NAME
        && !name.iter().any(|&byte| byte == b'/' || byte == 0)
}
