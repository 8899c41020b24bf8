//! What differs between two trees, in time proportional to it.
//!
//! Both trees are walked in the order of their names. Where both sides stand before a node, and it
//! is the same node, both step over it; since nodes are cut by names alone, two long directories
//! that differ in a few files meet again at the next cut, and all that follows is stepped over at
//! the highest level at which it is equal.

use crate::listing::push_name;
use crate::node::{Directory, Item, MAX_DEPTH, Reader, TreeError};
use roar_object::{Entry, Mode, ObjectId, Objects};
use std::cmp::Ordering;

/// A path that is not the same in two trees. Directories do not occur: their files do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The path from the roots.
    pub path: Vec<u8>,
    /// What the left tree has there.
    pub left: Option<Entry>,
    /// What the right tree has there.
    pub right: Option<Entry>,
}

/// Compares two trees, and yields what differs in the order of the paths, component by component.
///
/// A path that is a file on one side and a directory on the other yields the file first, alone, and
/// then the files of the directory. The iterator reads as it goes, and ends after its first error.
pub fn diff<O: Objects>(objects: O, left: ObjectId, right: ObjectId) -> Diff<O> {
    Diff {
        reader: Reader::new(objects, left),
        start: (left != right).then_some((left, right)),
        open: Vec::new(),
        path: Vec::new(),
    }
}

/// The iterator of [`diff`].
#[derive(Debug)]
pub struct Diff<O> {
    reader: Reader<O>,
    start: Option<(ObjectId, ObjectId)>,
    /// Pairs of directories inside each other.
    open: Vec<Pair>,
    path: Vec<u8>,
}

/// One directory on both sides; a side that has none is empty.
#[derive(Debug)]
struct Pair {
    left: Directory,
    right: Directory,
    /// The length of its path.
    len: usize,
}

/// What to do next in a pair.
enum Step {
    /// Both stand before the same: step over it.
    Skip,
    /// Open the node on the left, the right, or both.
    Open { left: bool, right: bool },
    /// Take the entry on the left, the right, or both, which have one name.
    Take { left: bool, right: bool },
    /// Nothing is left.
    Done,
}

impl Pair {
    fn step(&self) -> Step {
        match (self.left.peek(), self.right.peek()) {
            (None, None) => Step::Done,
            (Some(item), None) => one_side(item, true),
            (None, Some(item)) => one_side(item, false),
            (Some(left), Some(right)) => two_sides(left, right),
        }
    }
}

fn one_side(item: &Item, left: bool) -> Step {
    let right = !left;
    if item.is_node() {
        Step::Open { left, right }
    } else {
        Step::Take { left, right }
    }
}

fn two_sides(left: &Item, right: &Item) -> Step {
    if left.level == right.level && left.entry == right.entry {
        return Step::Skip;
    }
    let order = left.entry.name.cmp(&right.entry.name);
    if left.level == 0 && right.level == 0 {
        return Step::Take {
            left: order.is_le(),
            right: order.is_ge(),
        };
    }
    // An entry before all names of the other side's node stands alone.
    if left.level == 0 && order.is_lt() {
        return one_side(left, true);
    }
    if right.level == 0 && order.is_gt() {
        return one_side(right, false);
    }
    // The higher node first: its parts may be what the other side stands before.
    match left.level.cmp(&right.level) {
        Ordering::Greater => one_side(left, true),
        Ordering::Less => one_side(right, false),
        Ordering::Equal => Step::Open {
            left: order.is_le(),
            right: order.is_ge(),
        },
    }
}

impl<O: Objects> Diff<O> {
    fn step(&mut self) -> Result<Option<Difference>, TreeError> {
        if let Some((left, right)) = self.start.take() {
            self.open.push(Pair {
                left: Directory::of(self.reader.top(left)?),
                right: Directory::of(self.reader.top(right)?),
                len: 0,
            });
        }
        while let Some(pair) = self.open.last_mut() {
            match pair.step() {
                Step::Done => {
                    self.open.pop();
                }
                Step::Skip => {
                    pair.left.skip();
                    pair.right.skip();
                }
                Step::Open { left, right } => open(pair, left, right, &mut self.reader)?,
                Step::Take { left, right } => {
                    if let Some(found) = self.take(left, right)? {
                        return Ok(Some(found));
                    }
                }
            }
        }
        Ok(None)
    }

    /// Takes one name from one side or both: goes into directories, and returns the rest.
    fn take(&mut self, left: bool, right: bool) -> Result<Option<Difference>, TreeError> {
        let pair = self.open.last_mut().expect("a pair is being compared");
        self.path.truncate(pair.len);
        let left = take_if(left, &mut pair.left, &self.reader)?;
        let right = take_if(right, &mut pair.right, &self.reader)?;
        if let Some(entry) = left.as_ref().or(right.as_ref()) {
            push_name(&mut self.path, &entry.name);
        }
        let (left_below, left) = apart(left);
        let (right_below, right) = apart(right);
        if left_below.is_some() || right_below.is_some() {
            self.enter(left_below.as_ref(), right_below.as_ref())?;
        }
        let differs = left.is_some() || right.is_some();
        let path = || self.path.clone();
        Ok(differs.then(|| Difference {
            path: path(),
            left,
            right,
        }))
    }

    fn enter(&mut self, left: Option<&Entry>, right: Option<&Entry>) -> Result<(), TreeError> {
        if self.open.len() >= MAX_DEPTH {
            return Err(self.reader.depth_error());
        }
        let mut side = |entry: Option<&Entry>| match entry {
            Some(entry) => self.reader.directory(entry).map(Directory::of),
            None => Ok(Directory::default()),
        };
        let (left, right) = (side(left)?, side(right)?);
        let len = self.path.len();
        self.open.push(Pair { left, right, len });
        Ok(())
    }
}

fn open<O: Objects>(
    pair: &mut Pair,
    left: bool,
    right: bool,
    reader: &mut Reader<O>,
) -> Result<(), TreeError> {
    if left {
        pair.left.open(reader)?;
    }
    if right {
        pair.right.open(reader)?;
    }
    Ok(())
}

fn take_if<O>(
    wanted: bool,
    side: &mut Directory,
    reader: &Reader<O>,
) -> Result<Option<Entry>, TreeError> {
    if wanted { side.take(reader) } else { Ok(None) }
}

/// Tells directories, which are gone into, from what is a difference by itself.
fn apart(entry: Option<Entry>) -> (Option<Entry>, Option<Entry>) {
    match entry {
        Some(entry) if entry.mode == Mode::Directory => (Some(entry), None),
        other => (None, other),
    }
}

impl<O: Objects> Iterator for Diff<O> {
    type Item = Result<Difference, TreeError>;

    fn next(&mut self) -> Option<Self::Item> {
        let step = self.step();
        if step.is_err() {
            self.open.clear();
        }
        step.transpose()
    }
}
