//! The session's chain, brought into rows.

use crate::flatten;
use crate::rows::{self, Link, Rows};
use crate::workspace::SESSION;
use roar_object::{FindError, ObjectId, Objects, Session};
use roar_store::RefName;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// The ref that names the head of the session.
pub(crate) fn ref_name() -> RefName {
    RefName::new(format!("sessions/{SESSION}")).expect("the session's name is a legal one")
}

/// The file of rows of a session.
pub(crate) fn rows_path(dot: &Path, session: &str) -> PathBuf {
    dot.join("index").join(format!("{session}.rows"))
}

/// Rows that reach to the head of the chain, and how many of them the file has right.
#[derive(Default)]
pub(crate) struct Chain {
    pub(crate) rows: Rows,
    /// How many rows came from the file.
    pub(crate) kept: usize,
    /// Whether the file holds those rows and nothing behind them.
    pub(crate) intact: bool,
    /// How many links the chain has, the first included.
    pub(crate) links: u64,
}

/// Brings the rows of a session up to its `head`.
pub(crate) fn load(
    objects: &impl Objects,
    path: &Path,
    head: Option<ObjectId>,
) -> Result<Chain, FindError> {
    let Some(head) = head else {
        return Ok(Chain::default());
    };
    let (mut rows, whole) = rows::read(path);
    let in_file = rows.len();
    let (passed, kept) = walk_back(objects, head, &rows.links)?;
    rows.truncate(kept);
    let links = passed.first().map_or_else(
        || rows.links.last().map_or(0, |link| link.sequence),
        |(_, link)| link.sequence,
    ) + 1;
    for (id, link) in passed.into_iter().rev() {
        if let Some(record) = flatten::link(objects, &link)? {
            let sequence = link.sequence;
            rows.push(Link { id, sequence }, record);
        }
    }
    Ok(Chain {
        rows,
        kept,
        intact: whole && kept == in_file && kept > 0,
        links,
    })
}

/// Walks from `head` to the newest link that has a row; returns the links passed, newest first, and
/// how many rows are on the chain.
fn walk_back(
    objects: &impl Objects,
    head: ObjectId,
    rows: &[Link],
) -> Result<(Vec<(ObjectId, Session)>, usize), FindError> {
    if rows.last().is_some_and(|row| row.id == head) {
        return Ok((Vec::new(), rows.len()));
    }
    let places: HashMap<_, _> = rows
        .iter()
        .enumerate()
        .map(|(at, row)| (row.id, at))
        .collect();
    let mut passed = Vec::new();
    let mut at = Some(head);
    while let Some(id) = at {
        if let Some(place) = places.get(&id) {
            return Ok((passed, place + 1));
        }
        let link: Session = objects.read(id)?;
        at = link.parent;
        passed.push((id, link));
    }
    Ok((passed, 0))
}
