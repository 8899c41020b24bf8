//! Whether stored trees are what this crate would have made of the same files.
//!
//! Readers see to it that a tree does not contradict itself on the way that they take. A check goes
//! everywhere, and holds every node against the rule by which directories are cut: two trees of the
//! same files with different roots would be two names for one thing.

use crate::Root;
use crate::node::{MAX_DEPTH, TreeError};
use crate::split::Splitter;
use roar_object::{Entry, Mode, ObjectId, Objects, TreeNode};
use std::collections::HashMap;

/// Most nodes on one way down: those of each directory, one per level.
const LONGEST_WAY: usize = MAX_DEPTH * (TreeNode::MAX_LEVEL as usize + 1);

/// Checks whole trees, and no node twice: a thousand versions of a dataset cost little more than one.
#[derive(Debug)]
pub struct TreeCheck<O> {
    objects: O,
    splitter: Splitter,
    /// Nodes that are known to be right.
    known: HashMap<ObjectId, Summary>,
}

/// What must be known of a node to judge the one above.
#[derive(Clone, Debug)]
struct Summary {
    level: u8,
    entries: usize,
    first: Vec<u8>,
    /// The last name below it at level 0 of its directory.
    last: Vec<u8>,
    bytes: u64,
    files: u64,
    /// Whether it ends where the rule says, and so do the last of the nodes below: only the last
    /// nodes of a directory may be otherwise.
    complete: bool,
}

/// A node that is being looked at.
struct Frame {
    id: ObjectId,
    node: TreeNode,
    /// Entries that are done with.
    done: usize,
}

impl<O: Objects> TreeCheck<O> {
    /// Begins to check trees in `objects`.
    pub fn new(objects: O) -> Self {
        Self {
            objects,
            splitter: Splitter::default(),
            known: HashMap::new(),
        }
    }

    /// Checks the tree of that name, to its last node.
    ///
    /// # Errors
    ///
    /// When a node cannot be had, contradicts another, or is cut elsewhere than the rule says.
    pub fn check(&mut self, root: ObjectId) -> Result<Root, TreeError> {
        let mut way = vec![self.open(root)?];
        while let Some(frame) = way.last_mut() {
            let below = frame.node.entries.get(frame.done).map(Entry::tree_id);
            match below {
                None => {
                    let summary = self.judge(frame)?;
                    self.known.insert(frame.id, summary);
                    way.pop();
                }
                Some(Some(id)) if !self.known.contains_key(&id) => {
                    if way.len() >= LONGEST_WAY {
                        return Err(TreeError::Depth { root });
                    }
                    let frame = self.open(id)?;
                    way.push(frame);
                }
                Some(_) => frame.done += 1,
            }
        }
        let summary = &self.known[&root];
        whole(root, summary)?;
        Ok(Root {
            id: root,
            files: summary.files,
            bytes: summary.bytes,
        })
    }

    /// Returns how many different nodes were looked at.
    pub fn nodes(&self) -> usize {
        self.known.len()
    }

    fn open(&self, id: ObjectId) -> Result<Frame, TreeError> {
        let node = self.objects.read::<TreeNode>(id)?;
        let done = 0;
        Ok(Frame { id, node, done })
    }

    /// Judges a node, all below it being right.
    fn judge(&mut self, frame: &Frame) -> Result<Summary, TreeError> {
        let Frame { id, node, .. } = frame;
        for (at, entry) in node.entries.iter().enumerate() {
            self.judge_entry(*id, node, at, entry)?;
        }
        let ends = self.ends(node, node.entries.len());
        let (first, last) = (node.entries.first(), node.entries.last());
        let name = |entry: Option<&Entry>| entry.map_or(Vec::new(), |entry| entry.name.0.clone());
        let below = last.and_then(|entry| self.node_below(entry));
        Ok(Summary {
            level: node.level,
            entries: node.entries.len(),
            first: name(first),
            last: below.map_or_else(|| name(last), |below| below.last.clone()),
            bytes: node.size(),
            files: node.files(),
            complete: ends && below.is_none_or(|below| below.complete),
        })
    }

    /// Returns whether the rule ends a node after its first `len` entries.
    fn ends(&mut self, node: &TreeNode, len: usize) -> bool {
        let last = len.checked_sub(1).map(|at| &node.entries[at].name);
        last.is_some_and(|name| self.splitter.ends_node(node.level, len, name))
    }

    fn judge_entry(
        &mut self,
        id: ObjectId,
        node: &TreeNode,
        at: usize,
        entry: &Entry,
    ) -> Result<(), TreeError> {
        let is_last = at + 1 == node.entries.len();
        if !is_last && self.ends(node, at + 1) {
            return Err(lie(id, "goes on where its names end it"));
        }
        let Some(below_id) = entry.tree_id() else {
            return Ok(());
        };
        let below = &self.known[&below_id];
        if (below.bytes, below.files) != (entry.size, entry.files) {
            return Err(lie(below_id, "does not hold what it is listed with"));
        }
        if below.entries == 0 {
            return Err(lie(below_id, "is empty inside a tree"));
        }
        if entry.mode == Mode::Directory {
            return whole(below_id, below);
        }
        if below.level + 1 != node.level {
            return Err(lie(below_id, "is not of the level below"));
        }
        if below.first != entry.name.0 {
            let what = "does not begin with the name it is listed under";
            return Err(lie(below_id, what));
        }
        let next = node.entries.get(at + 1);
        if next.is_some_and(|next| next.name.0 <= below.last) {
            return Err(lie(id, "has nodes below it that overlap"));
        }
        if !is_last && !below.complete {
            return Err(lie(below_id, "ends where no name ends it"));
        }
        Ok(())
    }

    fn node_below(&self, entry: &Entry) -> Option<&Summary> {
        let id = entry.tree_id().filter(|_| entry.mode == Mode::Node)?;
        self.known.get(&id)
    }
}

/// Checks what is asked of the topmost node of a directory: that it was needed.
fn whole(id: ObjectId, summary: &Summary) -> Result<(), TreeError> {
    if summary.level > 0 && summary.entries < 2 {
        return Err(lie(id, "stands above a single node"));
    }
    Ok(())
}

fn lie(id: ObjectId, what: &'static str) -> TreeError {
    TreeError::Lie { id, what }
}
