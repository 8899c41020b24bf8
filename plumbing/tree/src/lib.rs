//! Merkle trees of files: made from directories and lists, compared, searched, and listed.
//!
//! A directory, a dataset, and the set of files that a job read are one thing: a tree of
//! [`TreeNode`](roar_object::TreeNode)s whose root names all that is below. Where a long directory
//! is cut into nodes depends on the names in it and on nothing else (module `split`, and
//! `docs/format/tree.md`), so a tree has one shape whatever order it was made in, a changed file
//! changes one node per level, and two trees are compared by reading only the nodes that differ.
//!
//! * [`scan`] names a directory on disk, with every core and a cache of known files.
//! * [`PathTree`] makes a tree of any set of paths; [`Builder`] makes one directory.
//! * [`diff`], [`list`], [`lookup`] read trees from any [`Objects`](roar_object::Objects).
//! * [`Proof`] shows that a path is in a tree, or is not, to who knows no more than its root;
//!   [`TreeCheck`] tells whether a stored tree is the one that its files make.
//! * [`composite`] computes the digest that `roar-cli 0.4.7` and GLaaS give a dataset.
//!
//! # Invariants
//!
//! * One set of files, one root: empty directories leave no trace below a root, entries ascend, and
//!   no node is cut elsewhere than the rule says.
//! * Reading believes nothing: a node whose level, names or sums contradict its parent's entry is
//!   an error that names it. Memory is bounded by depth, not by what a tree claims to hold.
//! * Scanning reads, and changes nothing.
//!
//! # What is not here
//!
//! No store: nodes go to a [`Sink`] and come from `Objects`. Bytes are named by `roar-content`.
#![forbid(unsafe_code)]

mod build;
mod by_path;
mod check;
mod composite;
mod diff;
mod folder;
mod handle;
mod listing;
mod names;
mod node;
mod options;
mod paths;
mod proof;
mod scan;
mod sink;
mod split;

pub use build::{BuildError, Builder, Root, write_directory};
pub use check::TreeCheck;
pub use composite::{Composite, composite};
pub use diff::{Diff, Difference, diff};
pub use listing::{Found, List, list, lookup};
pub use node::{MAX_DEPTH, MAX_NODES, TreeError};
pub use options::{Candidate, Options, Progress, SkipReason, skip_roar};
pub use paths::{Leaf, PathTree};
pub use proof::{Proof, ProofError};
pub use scan::{Scan, ScanError, scan};
pub use sink::{Sink, SinkError};
