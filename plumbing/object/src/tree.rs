//! Nodes of Merkle trees: directories, datasets, and the file sets of jobs.
//!
//! A directory is a sorted list of entries, cut into nodes of bounded size where the *names* say so
//! (see `roar-tree`, which builds and compares), and nodes above them until one node is left. So a
//! node is of level 0 and lists what is in the directory, or of a higher level and lists nodes of
//! the level below, each under the first name that it holds. An entry carries the bytes and the
//! files below it, so a directory's size is known from its root.

use crate::canonical::ascends;
use crate::code::{Version1, coded};
use crate::{Body, ByteStr, ContentId, Kind, ObjectId};
use serde::{Deserialize, Serialize};

coded! {
    /// What an entry stands for.
    pub enum Mode {
        /// A regular file; the id is its [`ContentId`].
        File = 1,
        /// A regular file that its owner may execute.
        Executable = 2,
        /// A symbolic link; the id is the BLAKE3 of the target's text, the size its length.
        Symlink = 3,
        /// A directory; the id is the root node of its tree.
        Directory = 4,
        /// A file whose bytes nobody could name (unreadable, gone, changing); the id is all zeroes.
        Unnamed = 5,
        /// A node of the level below; only in nodes above level 0.
        Node = 6,
    }
}

impl Mode {
    /// Returns whether the entry is a leaf whose id names bytes.
    pub const fn is_content(self) -> bool {
        matches!(self, Self::File | Self::Executable | Self::Symlink)
    }

    /// Returns whether the entry's id names another tree node.
    pub const fn is_tree(self) -> bool {
        matches!(self, Self::Directory | Self::Node)
    }
}

/// One line of a tree node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The name in the directory, or the first name in a node of the level below.
    pub name: ByteStr,
    /// What the entry stands for.
    pub mode: Mode,
    /// A [`ContentId`] or an [`ObjectId`], as `mode` says.
    id: ByteId,
    /// Bytes of the file, or of all files below.
    pub size: u64,
    /// Files below: 1 for a leaf.
    pub files: u64,
}

/// 32 bytes that are one sort of name or the other.
type ByteId = ObjectId;

impl Entry {
    /// Makes the entry of a file or a link.
    pub fn content(name: impl Into<ByteStr>, mode: Mode, id: ContentId, size: u64) -> Self {
        debug_assert!(mode.is_content());
        Self {
            name: name.into(),
            mode,
            id: ObjectId::from_bytes(*id.as_bytes()),
            size,
            files: 1,
        }
    }

    /// Makes the entry of a file whose bytes are not known.
    pub fn unnamed(name: impl Into<ByteStr>, size: u64) -> Self {
        let id = ObjectId::from_bytes([0; 32]);
        Self {
            name: name.into(),
            mode: Mode::Unnamed,
            id,
            size,
            files: 1,
        }
    }

    /// Makes the entry of a directory or a node.
    pub fn tree(name: impl Into<ByteStr>, mode: Mode, id: ObjectId, size: u64, files: u64) -> Self {
        debug_assert!(mode.is_tree());
        Self {
            name: name.into(),
            mode,
            id,
            size,
            files,
        }
    }

    /// Returns the name of the bytes, if the entry is a leaf and they are known.
    pub fn content_id(&self) -> Option<ContentId> {
        self.mode
            .is_content()
            .then(|| ContentId::from_bytes(*self.id.as_bytes()))
    }

    /// Returns the tree below, if the entry is a directory or a node.
    pub fn tree_id(&self) -> Option<ObjectId> {
        self.mode.is_tree().then_some(self.id)
    }

    /// Returns the 32 bytes of the id, whatever they name.
    pub const fn raw_id(&self) -> &[u8; 32] {
        self.id.as_bytes()
    }
}

/// What is wrong with the shape of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TreeShapeError {
    /// Names must ascend by their bytes, none twice.
    #[error("its names do not ascend")]
    Order,
    /// `.`, `..`, empty, longer than 255 bytes, or with a slash or NUL in it.
    #[error("it holds a name that no directory can")]
    Name,
    /// Level 0 lists no nodes, and the levels above list nothing else.
    #[error("it mixes levels")]
    Level,
    /// A leaf counts as one file; an unnamed one has an id of zeroes.
    #[error("an entry contradicts itself")]
    Entry,
    /// Too many entries for a node, or too many levels.
    #[error("it is larger than a node may be")]
    Size,
}

/// One node of a tree.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TreeNode {
    version: Version1,
    /// 0 for a list of what is in a directory.
    pub level: u8,
    /// Sorted by name.
    pub entries: Vec<Entry>,
}

impl TreeNode {
    /// Most entries in a node.
    pub const MAX_ENTRIES: usize = 96;
    /// Longest name in bytes, as Linux has it.
    pub const MAX_NAME: usize = 255;
    /// Highest level: enough for any number of entries that fits a disk.
    pub const MAX_LEVEL: u8 = 16;

    /// Makes a node; [`Body::check`] tells whether it is a lawful one.
    pub fn new(level: u8, entries: Vec<Entry>) -> Self {
        Self {
            version: Version1,
            level,
            entries,
        }
    }

    /// Returns the bytes of all files below.
    pub fn size(&self) -> u64 {
        self.entries
            .iter()
            .fold(0, |sum, entry| sum.saturating_add(entry.size))
    }

    /// Returns how many files are below.
    pub fn files(&self) -> u64 {
        self.entries
            .iter()
            .fold(0, |sum, entry| sum.saturating_add(entry.files))
    }

    /// Checks order, names, levels and counts.
    ///
    /// # Errors
    ///
    /// The first rule that is broken.
    pub fn shape(&self) -> Result<(), TreeShapeError> {
        if self.entries.len() > Self::MAX_ENTRIES || self.level > Self::MAX_LEVEL {
            return Err(TreeShapeError::Size);
        }
        if !ascends(&self.entries, |entry| entry.name.0.as_slice()) {
            return Err(TreeShapeError::Order);
        }
        self.entries
            .iter()
            .try_for_each(|entry| self.entry_shape(entry))
    }

    fn entry_shape(&self, entry: &Entry) -> Result<(), TreeShapeError> {
        if !is_name(&entry.name) {
            return Err(TreeShapeError::Name);
        }
        if (entry.mode == Mode::Node) != (self.level > 0) {
            return Err(TreeShapeError::Level);
        }
        let leaf_counts_one = entry.mode.is_tree() || entry.files == 1;
        let unnamed_is_zero = (entry.mode != Mode::Unnamed) || entry.raw_id() == &[0; 32];
        if leaf_counts_one && unnamed_is_zero {
            Ok(())
        } else {
            Err(TreeShapeError::Entry)
        }
    }
}

fn is_name(name: &[u8]) -> bool {
    !matches!(name, b"" | b"." | b"..")
        && name.len() <= TreeNode::MAX_NAME
        && !name.iter().any(|&byte| byte == b'/' || byte == 0)
}

impl Body for TreeNode {
    const KIND: Kind = Kind::Tree;

    fn check(&self) -> Result<(), String> {
        self.shape().map_err(|err| err.to_string())
    }
}
