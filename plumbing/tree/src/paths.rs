//! Making a tree of any set of paths.

use crate::build::is_name;
use crate::node::MAX_DEPTH;
use crate::{BuildError, Builder, Root, Sink};
use roar_object::{ByteStr, ContentId, Entry, Mode};
use std::cmp::Ordering;

/// What is at the end of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leaf {
    /// A file or link whose bytes have a name.
    Content {
        /// [`Mode::File`], [`Mode::Executable`] or [`Mode::Symlink`].
        mode: Mode,
        /// The name of the bytes.
        id: ContentId,
        /// How many there are.
        size: u64,
    },
    /// A file whose bytes nobody could name.
    Unnamed {
        /// How many there are, or 0.
        size: u64,
    },
    /// A whole tree; an empty one leaves no trace.
    Tree(Root),
}

impl Leaf {
    /// Returns a regular file.
    pub const fn file(id: ContentId, size: u64, executable: bool) -> Self {
        let mode = if executable {
            Mode::Executable
        } else {
            Mode::File
        };
        Self::Content { mode, id, size }
    }

    /// Returns a symbolic link to `target`.
    pub fn link(target: &[u8]) -> Self {
        Self::Content {
            mode: Mode::Symlink,
            id: roar_content::name_link(target),
            size: target.len() as u64,
        }
    }

    /// Returns the leaf of an entry, which is what [`crate::list`] finds.
    pub fn of(entry: &Entry) -> Option<Self> {
        match (entry.content_id(), entry.tree_id(), entry.mode) {
            (Some(id), _, mode) => Some(Self::Content {
                mode,
                id,
                size: entry.size,
            }),
            (_, Some(id), Mode::Directory) => Some(Self::Tree(Root {
                id,
                files: entry.files,
                bytes: entry.size,
            })),
            (_, _, Mode::Unnamed) => Some(Self::Unnamed { size: entry.size }),
            _ => None,
        }
    }

    pub(crate) fn entry(self, name: impl Into<ByteStr>) -> Option<Entry> {
        match self {
            Self::Content { mode, id, size } if mode.is_content() => {
                Some(Entry::content(name, mode, id, size))
            }
            Self::Content { .. } => None,
            Self::Unnamed { size } => Some(Entry::unnamed(name, size)),
            Self::Tree(root) => Some(root.entry(name)),
        }
    }
}

/// Makes trees of paths such as a job's file sets.
#[derive(Debug, Default)]
pub struct PathTree {
    /// The directories that are being filled, each inside the one before; the first is the root.
    open: Vec<Builder>,
    /// The names of all of them but the root.
    names: Vec<Vec<u8>>,
}

impl PathTree {
    /// Makes the tree of `leaves`, which are relative paths without `.`, `..` or empty components,
    /// in any order.
    ///
    /// # Errors
    ///
    /// When a path is not such a one, is there twice, or is a file to one leaf and a directory to
    /// another, or a node cannot be kept.
    pub fn build<P: AsRef<[u8]>>(
        leaves: impl IntoIterator<Item = (P, Leaf)>,
        sink: &mut dyn Sink,
    ) -> Result<Root, BuildError> {
        let mut leaves: Vec<_> = leaves.into_iter().collect();
        leaves.sort_by(|(a, _), (b, _)| compare_paths(a.as_ref(), b.as_ref()));
        let mut tree = Self {
            open: vec![Builder::default()],
            names: Vec::new(),
        };
        for (path, leaf) in &leaves {
            tree.add(path.as_ref(), *leaf, sink)?;
        }
        tree.finish(sink)
    }

    fn add(&mut self, path: &[u8], leaf: Leaf, sink: &mut dyn Sink) -> Result<(), BuildError> {
        let mut names: Vec<_> = path.split(|&byte| byte == b'/').collect();
        if names.len() > MAX_DEPTH {
            return Err(BuildError::Depth {
                path: path.to_vec(),
            });
        }
        if !names.iter().all(|name| is_name(name)) {
            return Err(BuildError::Name {
                path: path.to_vec(),
            });
        }
        let name = names.pop().unwrap_or_default();
        self.enter(&names, sink)?;
        let entry = leaf.entry(name).ok_or_else(|| BuildError::Mode {
            path: path.to_vec(),
        })?;
        self.push(entry, path, sink)
    }

    /// Leaves the directories that `names` is not in and enters those that it is.
    fn enter(&mut self, names: &[&[u8]], sink: &mut dyn Sink) -> Result<(), BuildError> {
        let common = self
            .names
            .iter()
            .zip(names)
            .take_while(|(open, name)| open.as_slice() == **name)
            .count();
        while self.names.len() > common {
            self.leave(sink)?;
        }
        for name in &names[common..] {
            self.names.push(name.to_vec());
            self.open.push(Builder::default());
        }
        Ok(())
    }

    fn leave(&mut self, sink: &mut dyn Sink) -> Result<(), BuildError> {
        let path = self.names.join(&b'/');
        let (Some(builder), Some(name)) = (self.open.pop(), self.names.pop()) else {
            return Ok(());
        };
        if builder.is_empty() {
            return Ok(());
        }
        let root = builder.finish(sink)?;
        self.push(root.entry(name), &path, sink)
    }

    fn push(&mut self, entry: Entry, path: &[u8], sink: &mut dyn Sink) -> Result<(), BuildError> {
        let builder = self.open.last_mut().expect("the root stays open");
        // Paths are sorted, so what does not ascend is there twice.
        builder.push(entry, sink).map_err(|err| match err {
            BuildError::Sink(err) => BuildError::Sink(err),
            _ => BuildError::Twice {
                path: path.to_vec(),
            },
        })
    }

    fn finish(mut self, sink: &mut dyn Sink) -> Result<Root, BuildError> {
        while !self.names.is_empty() {
            self.leave(sink)?;
        }
        let root = self.open.pop().expect("the root stays open");
        Ok(root.finish(sink)?)
    }
}

/// Compares paths component by component: a slash sorts before every byte of a name.
pub(crate) fn compare_paths(a: &[u8], b: &[u8]) -> Ordering {
    let rank = |&byte: &u8| if byte == b'/' { 0 } else { byte };
    a.iter().map(rank).cmp(b.iter().map(rank))
}
