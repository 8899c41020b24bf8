//! Which of some files no commit and no index holds.

use std::collections::HashSet;

use super::run::RunError;
use super::{Repository, SnapshotError};

/// Up to so many files git is asked for by their names. It compares each with all that it tracks.
const BY_NAME: usize = 64;

/// Returns which of these files git does not track, be they ignored or not; relative to the top level, as those
/// are. Starts one `git` process, if there are any files.
///
/// Of files in submodules, the ones are returned that [`Repository::all_untracked`] lists.
///
/// # Errors
///
/// When git gives no answer.
pub fn untracked_among(
    repository: &Repository,
    files: &[Vec<u8>],
) -> Result<Vec<Vec<u8>>, SnapshotError> {
    let is_inside = |file: &[u8]| {
        let mut submodules = repository.submodules.iter();
        submodules.any(|sub| is_below(file, &sub.path))
    };
    let (inside, own): (Vec<_>, Vec<_>) = files.iter().partition(|file| is_inside(file));
    let tracked = tracked(repository, &own).map_err(|err| SnapshotError::Git {
        command: "ls-files",
        words: err.to_string(),
    })?;
    let tracked: HashSet<&[u8]> = tracked.split(|&byte| byte == 0).collect();
    let listed = inside
        .into_iter()
        .filter(|file| is_listed(repository, file));
    let untracked = own
        .into_iter()
        .filter(|file| !tracked.contains(file.as_slice()));
    Ok(untracked.chain(listed).cloned().collect())
}

/// Returns which of these files git listed as untracked when it was asked for the state of all, which it does not
/// for those that it ignores.
pub fn listed_among(repository: &Repository, files: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let listed = files.iter().filter(|file| is_listed(repository, file));
    listed.cloned().collect()
}

fn tracked(repository: &Repository, files: &[&Vec<u8>]) -> Result<Vec<u8>, RunError> {
    let names: Vec<&[u8]> = match files.len() {
        0 => return Ok(Vec::new()),
        1..=BY_NAME => files.iter().map(|file| file.as_slice()).collect(),
        _ => Vec::new(),
    };
    repository.git.tracked(&repository.toplevel, &names)
}

/// Of a directory without tracked files git lists the name, with a slash.
fn is_listed(repository: &Repository, file: &[u8]) -> bool {
    let mut listed = repository.all_untracked();
    listed.any(|listed| match listed.strip_suffix(b"/") {
        Some(directory) => is_below(file, directory),
        None => file == listed.as_slice(),
    })
}

fn is_below(file: &[u8], directory: &[u8]) -> bool {
    let rest = file.strip_prefix(directory);
    rest.is_some_and(|rest| rest.starts_with(b"/"))
}
