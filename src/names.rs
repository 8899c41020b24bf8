//! Names that users gave to steps, and the recorded name nearest to one that was mistyped.

use crate::nearest::nearest;
use roar_graph::State;
use roar_repo::{RepoError, Snapshot};
use std::collections::BTreeSet;
use std::ffi::OsStr;

/// Longest name of a step, in bytes.
const LONGEST_NAME: usize = 200;

/// Judges what is to be the name of a step; returns what is wrong with it, if anything is.
pub(crate) fn fault_of_step_name(word: &str) -> Option<String> {
    let printable = !word.chars().any(char::is_control);
    if word.trim().is_empty() || word.len() > LONGEST_NAME || !printable {
        return Some(format!(
            "a name has 1 to {LONGEST_NAME} bytes, and all of them can be printed"
        ));
    }
    // The number of a step would always be meant instead.
    word.starts_with('@')
        .then(|| "a name does not begin with '@', as the numbers of steps do".to_owned())
}

/// Returns the last run that counts of the step that was called so, else the last run at all.
pub(crate) fn step_called(snapshot: &Snapshot, word: &OsStr) -> Result<Option<usize>, RepoError> {
    let records = snapshot.records()?;
    let called = |&at: &usize| {
        let name = records[at].name.as_deref();
        name.is_some_and(|name| word == name)
    };
    let all = || (0..records.len()).rev().filter(called);
    if all().next().is_none() {
        return Ok(None);
    }
    let projection = snapshot.projection()?;
    let counts = |&at: &usize| matches!(projection.state(at), State::Current | State::Stale);
    Ok(all().find(counts).or_else(|| all().next()))
}

/// Returns the name of a step, or the path that a job read or wrote, nearest to a word.
pub(crate) fn nearest_to(snapshot: &Snapshot, word: &OsStr) -> Result<Option<String>, RepoError> {
    /// More names than this are not compared: nobody waits for a guess.
    const MOST: usize = 20_000;
    let Some(word) = word.to_str() else {
        return Ok(None);
    };
    let mut known = BTreeSet::new();
    for record in snapshot.records()?.iter().rev() {
        known.extend(record.name.clone());
        let reads = record.reads.iter().map(|file| &file.path);
        let paths = reads.chain(record.writes.iter().map(|file| &file.path));
        known.extend(paths.filter_map(|path| String::from_utf8(path.shown()).ok()));
        if known.len() > MOST {
            break;
        }
    }
    let meant = nearest(word, known.iter().map(String::as_str));
    Ok(meant.map(str::to_owned))
}
