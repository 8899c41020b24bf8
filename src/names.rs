//! Names that users gave to steps, and the recorded name nearest to one that was mistyped.

use crate::nearest::nearest;
use roar_graph::State;
use roar_object::{Base, RecordedPath};
use roar_repo::{RepoError, Snapshot};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

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

/// Returns the name of a step, or the path that a job read or wrote, nearest to a word: as it is called in
/// the directory `here`.
pub(crate) fn nearest_to(
    snapshot: &Snapshot,
    word: &OsStr,
    here: &Path,
) -> Result<Option<String>, RepoError> {
    /// More names than this are not compared: nobody waits for a guess.
    const MOST: usize = 20_000;
    let Some(word) = word.to_str() else {
        return Ok(None);
    };
    let here = here.strip_prefix(snapshot.root()).unwrap_or(Path::new(""));
    let mut known = BTreeMap::new();
    for record in snapshot.records()?.iter().rev() {
        let name = record.name.iter();
        known.extend(name.map(|name| (name.clone(), name.clone())));
        let reads = record.reads.iter().map(|file| &file.path);
        for path in reads.chain(record.writes.iter().map(|file| &file.path)) {
            let (Ok(shown), Some(relative)) = (String::from_utf8(path.shown()), seen(path, here))
            else {
                continue;
            };
            known.insert(relative.clone(), relative.clone());
            // It may have been typed as it is shown.
            known.entry(shown).or_insert(relative);
        }
        if known.len() > MOST {
            break;
        }
    }
    let meant = nearest(word, known.keys().map(String::as_str));
    let meant = meant.and_then(|name| known.get(name)).cloned();
    // What was typed itself says nothing, though something of that name was recorded.
    Ok(meant.filter(|name| name != word))
}

/// Returns a path as it is called in a directory of the project.
fn seen(path: &RecordedPath, here: &Path) -> Option<String> {
    let shown = String::from_utf8(path.shown()).ok()?;
    if path.base == Base::Root {
        return Some(shown);
    }
    let (mut up, mut down) = (here, Path::new(&shown));
    while let (Some(first), Some(same)) = (up.iter().next(), down.iter().next()) {
        if first != same {
            break;
        }
        (up, down) = (up.strip_prefix(first).ok()?, down.strip_prefix(same).ok()?);
    }
    let ups = up.iter().map(|_| "..");
    let path: PathBuf = ups.map(OsStr::new).chain(down.iter()).collect();
    path.into_os_string().into_string().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_called_as_it_is_seen_from_where_one_is() {
        let seen = |path: &str, here: &str| {
            let path = RecordedPath::new(b"/p", path.as_bytes());
            seen(&path, Path::new(here))
        };
        for (path, here, name) in [
            ("/p/final", "", "final"),
            ("/p/final", "sub/deep", "../../final"),
            ("/p/sub/a", "sub", "a"),
            ("/p/sub/a", "sub/deep", "../a"),
            ("/p/subs/a", "sub", "../subs/a"),
            ("/mnt/a", "sub", "/mnt/a"),
        ] {
            assert_eq!(seen(path, here).as_deref(), Some(name));
        }
    }
}
