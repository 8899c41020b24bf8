//! Reading nodes without believing them.

use roar_object::{Entry, FindError, Mode, ObjectId, Objects, TreeNode};

/// Most directories inside each other.
pub const MAX_DEPTH: usize = 1024;

/// Most nodes that one walk reads, so that a tree in which one directory stands for many cannot
/// keep its reader busy for ever.
pub const MAX_NODES: u64 = 1 << 26;

/// Why a tree cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TreeError {
    /// A node cannot be had.
    #[error(transparent)]
    Find(#[from] FindError),
    /// A node is not what the node above says it is.
    #[error("tree node '{id}' {what}")]
    Lie {
        /// The node.
        id: ObjectId,
        /// In what they differ.
        what: &'static str,
    },
    /// More directories inside each other than [`MAX_DEPTH`].
    #[error("tree '{root}' is nested deeper than {MAX_DEPTH} directories")]
    Depth {
        /// The tree.
        root: ObjectId,
    },
    /// More nodes than [`MAX_NODES`] were read.
    #[error("tree '{root}' has more nodes than one walk may read")]
    Nodes {
        /// The tree.
        root: ObjectId,
    },
}

/// An entry, and the level of the node that it was found in.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) entry: Entry,
    pub(crate) level: u8,
}

impl Item {
    /// Returns whether it stands for a node of the same directory.
    pub(crate) const fn is_node(&self) -> bool {
        self.level > 0
    }
}

/// Reads nodes, and counts how many.
#[derive(Debug)]
pub(crate) struct Reader<O> {
    objects: O,
    root: ObjectId,
    left: u64,
}

impl<O: Objects> Reader<O> {
    pub(crate) const fn new(objects: O, root: ObjectId) -> Self {
        let left = MAX_NODES;
        Self {
            objects,
            root,
            left,
        }
    }

    /// Reads the node at the top of a whole tree.
    pub(crate) fn top(&mut self, id: ObjectId) -> Result<TreeNode, TreeError> {
        self.left = self
            .left
            .checked_sub(1)
            .ok_or(TreeError::Nodes { root: self.root })?;
        Ok(self.objects.read::<TreeNode>(id)?)
    }

    /// Reads the tree of an entry that is a directory.
    pub(crate) fn directory(&mut self, entry: &Entry) -> Result<TreeNode, TreeError> {
        let (id, node) = self.below(entry)?;
        if entry.mode != Mode::Directory {
            let what = "is not the tree of a directory";
            return Err(TreeError::Lie { id, what });
        }
        Ok(node)
    }

    /// Reads the node of an entry above level 0. Its names begin with the entry's.
    pub(crate) fn node(&mut self, item: &Item) -> Result<TreeNode, TreeError> {
        let (id, node) = self.below(&item.entry)?;
        let lie = |what| Err(TreeError::Lie { id, what });
        if node.level + 1 != item.level {
            return lie("is not of the level below");
        }
        if node.entries.first().map(|entry| &entry.name) != Some(&item.entry.name) {
            return lie("does not begin with the name it is listed under");
        }
        Ok(node)
    }

    fn below(&mut self, entry: &Entry) -> Result<(ObjectId, TreeNode), TreeError> {
        let Some(id) = entry.tree_id() else {
            let id = ObjectId::from_bytes(*entry.raw_id());
            let what = "stands where a tree should";
            return Err(TreeError::Lie { id, what });
        };
        let node = self.top(id)?;
        let lie = |what| Err(TreeError::Lie { id, what });
        if node.entries.is_empty() {
            return lie("is empty inside a tree");
        }
        if (node.size(), node.files()) != (entry.size, entry.files) {
            return lie("does not hold what it is listed with");
        }
        Ok((id, node))
    }
}

/// What is left to look at in one directory: a stack whose top is the first in order.
///
/// It holds at most one opened node per level, so its size is bounded.
#[derive(Debug, Default)]
pub(crate) struct Directory {
    stack: Vec<Item>,
    /// The last name of level 0 that was taken, which the next must follow.
    last: Option<Vec<u8>>,
}

impl Directory {
    pub(crate) fn of(node: TreeNode) -> Self {
        let mut directory = Self::default();
        directory.fill(node);
        directory
    }

    fn fill(&mut self, node: TreeNode) {
        let level = node.level;
        let items = node.entries.into_iter().rev();
        self.stack.extend(items.map(|entry| Item { entry, level }));
    }

    pub(crate) fn peek(&self) -> Option<&Item> {
        self.stack.last()
    }

    /// Takes what is first, without opening it.
    pub(crate) fn skip(&mut self) {
        self.stack.pop();
    }

    /// Puts the node that is first in place of its entry.
    pub(crate) fn open<O: Objects>(&mut self, reader: &mut Reader<O>) -> Result<(), TreeError> {
        if let Some(item) = self.stack.pop() {
            let node = reader.node(&item)?;
            self.fill(node);
        }
        Ok(())
    }

    /// Takes what is first, which is no node.
    pub(crate) fn take<O>(&mut self, reader: &Reader<O>) -> Result<Option<Entry>, TreeError> {
        let Some(item) = self.stack.pop() else {
            return Ok(None);
        };
        let name = &item.entry.name.0;
        if self.last.as_ref().is_some_and(|last| last >= name) {
            // Nodes are in order inside, so this is between nodes.
            let what = "has nodes below it that overlap";
            return Err(TreeError::Lie {
                id: reader.root,
                what,
            });
        }
        self.last = Some(name.clone());
        Ok(Some(item.entry))
    }

    /// Opens nodes until what is first is none, and takes it.
    pub(crate) fn next<O: Objects>(
        &mut self,
        reader: &mut Reader<O>,
    ) -> Result<Option<Entry>, TreeError> {
        while self.peek().is_some_and(Item::is_node) {
            self.open(reader)?;
        }
        self.take(reader)
    }
}

impl<O> Reader<O> {
    pub(crate) const fn depth_error(&self) -> TreeError {
        TreeError::Depth { root: self.root }
    }
}
