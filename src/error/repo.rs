//! What to advise when a workspace or a name does not answer.

use super::{CommandError, Fault, fault_below};
use roar_repo::{AddError, Candidate, RepoError, ResolveError};
use std::path::Path;

impl From<RepoError> for CommandError {
    fn from(err: RepoError) -> Self {
        match err {
            RepoError::Open(err) => err.into(),
            RepoError::Read(err) => err.into(),
            RepoError::File(err) => err.into(),
            RepoError::Find(err) => err.into(),
            RepoError::Config(err) => err.into(),
            other => Self::new(fault_below(&other), other),
        }
    }
}

impl From<AddError> for CommandError {
    fn from(err: AddError) -> Self {
        match err {
            AddError::Lock(err) => err.into(),
            AddError::Commit(err) => err.into(),
            AddError::Find(err) => err.into(),
            AddError::Repo(err) => err.into(),
            other => Self::refused(other),
        }
    }
}

impl From<ResolveError> for CommandError {
    fn from(err: ResolveError) -> Self {
        match err {
            ResolveError::Unknown { .. } => Self::not_found(err)
                .hint("`roar log` lists what was run here; `roar help references` tells how things are named"),
            ResolveError::NoStep { count: 0, .. } => {
                Self::not_found(err).hint("`roar log` lists what was run here")
            }
            ResolveError::NoStep { step, count } => {
                let last = if step.build { format!("@B{count}") } else { format!("@{count}") };
                Self::not_found(err).hint(format!("the last one is {last}; `roar log` lists them all"))
            }
            ResolveError::Step(_) => Self::usage(err).hint("steps are called @1, @2, … and @B1, @B2, …"),
            ResolveError::Ambiguous { ref candidates, .. } => {
                let hints = listed(candidates);
                hints.into_iter().fold(Self::usage(err), Self::hint)
            }
            ResolveError::Untracked { ref path } if Path::new(path).is_dir() => Self::not_found(err)
                .hint("a directory is known if a job read or wrote all of it; name a file in it, or a step"),
            ResolveError::Untracked { .. } => {
                Self::not_found(err).hint("`roar why FILE` looks for its bytes wherever they were")
            }
            ResolveError::Repo(err) => err.into(),
            other => Self::new(Fault::NotFound, other),
        }
    }
}

/// One line for each thing that could be meant, up to a screenful.
fn listed(candidates: &[Candidate]) -> Vec<String> {
    const MOST: usize = 12;
    let line = |it: &Candidate| format!("{} ({})", it.name, it.what);
    let mut lines: Vec<String> = candidates.iter().take(MOST).map(line).collect();
    if candidates.len() > MOST {
        lines.push(format!("and {} more", candidates.len() - MOST));
    }
    lines
}
