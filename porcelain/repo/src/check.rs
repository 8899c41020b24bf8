//! Checking what the store cannot judge: whether trees are those that their files make.

use crate::{RepoError, Workspace};
use roar_object::{Kind, ObjectId};
use roar_store::{OpenError, Reader, links};
use roar_tree::{TreeCheck, TreeError};
use std::collections::BTreeSet;
use std::ops::ControlFlow;

/// A tree that its files do not make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeFinding {
    /// The node at which it shows.
    pub node: ObjectId,
    /// The tree that it was met in first.
    pub root: ObjectId,
    /// What is wrong with it, in words.
    pub text: String,
}

impl Workspace {
    /// Holds every tree that a step, a job, or a ref names against the rule by which trees are made: that
    /// sums and levels are right, and that each node begins and ends where the names say. Nodes that are
    /// missing or cannot be read are not told of, as the store's own check does that.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn check_trees(&self) -> Result<Vec<TreeFinding>, RepoError> {
        let store = self
            .store()
            .ok_or_else(|| RepoError::from(OpenError::NotAStore { path: self.dot() }))?;
        let reader = store.reader();
        let mut check = TreeCheck::new(&reader);
        let (mut findings, mut told) = (Vec::new(), BTreeSet::new());
        for root in trees(&reader)? {
            let finding = match check.check(root) {
                Ok(_) | Err(TreeError::Find(_)) => continue,
                Err(err) => finding(root, &err),
            };
            if told.insert((finding.node, finding.text.clone())) {
                findings.push(finding);
            }
        }
        Ok(findings)
    }
}

fn finding(root: ObjectId, err: &TreeError) -> TreeFinding {
    let (node, text) = match err {
        TreeError::Lie { id, what } => (*id, (*what).to_owned()),
        other => (root, other.to_string()),
    };
    TreeFinding { node, root, text }
}

/// Returns the trees that are named as a whole. A node of a directory that is cut into several cannot be
/// told from one by itself.
fn trees(reader: &Reader) -> Result<BTreeSet<ObjectId>, RepoError> {
    let mut named: BTreeSet<_> = reader
        .references("")?
        .into_iter()
        .map(|(_, id)| id)
        .collect();
    for kind in [Kind::Step, Kind::Job] {
        reader.each_object(Some(kind), |found| {
            // What cannot be read is for the store's own check to tell.
            let links = found.ok().and_then(|object| links(&object).ok());
            named.extend(links.into_iter().flatten().map(|link| link.to));
            ControlFlow::Continue(())
        })?;
    }
    let mut trees = BTreeSet::new();
    for id in named {
        if matches!(reader.describe(id)?, Some((Kind::Tree, _))) {
            trees.insert(id);
        }
    }
    Ok(trees)
}
