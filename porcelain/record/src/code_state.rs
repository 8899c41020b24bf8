//! The state of the code a job runs from: read before the command starts, completed after it ended.
//!
//! What is committed is named by its commit. What is not is kept as a git tree under `refs/roar/`:
//! changed tracked files as they were before the command started, and afterwards the untracked code
//! that the command turned out to use. So is what no commit holds of submodules.

use crate::scrub;
use roar_object::Source;
use roar_probe::git::{self, GitState, Repository, Told};
use roar_secrets::Rules;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// What git said before the command started.
#[derive(Debug)]
pub(crate) struct CodeState {
    git: GitState,
    /// The git tree of the changed tracked files.
    tree: Option<String>,
    prefix: Vec<u8>,
}

/// Asks git about `directory`, as a command with these variables would, and keeps what no commit holds.
pub(crate) fn before(
    directory: &Path,
    root: &Path,
    environment: &[(OsString, OsString)],
) -> CodeState {
    let git = git::state_told(directory, &told(environment));
    let tree = match &git {
        GitState::Repository(repository) if repository.dirty => {
            // A state that cannot be kept is still told to be dirty.
            git::snapshot_tracked(repository).ok()
        }
        _ => None,
    };
    let prefix = match &git {
        GitState::Repository(repository) => below(&repository.toplevel, root),
        _ => Vec::new(),
    };
    CodeState { git, tree, prefix }
}

/// Finds what the environment says of where the repository is; git takes an empty word for none.
fn told(environment: &[(OsString, OsString)]) -> Told {
    let value = |wanted: &str| {
        let found = environment.iter().find(|(name, _)| name == wanted);
        let value = found.map(|(_, value)| PathBuf::from(value));
        value.filter(|value| !value.as_os_str().is_empty())
    };
    Told {
        git_dir: value("GIT_DIR"),
        work_tree: value("GIT_WORK_TREE"),
    }
}

fn below(top: &Path, root: &Path) -> Vec<u8> {
    root.strip_prefix(top)
        .map(|rest| rest.as_os_str().as_bytes().to_vec())
        .unwrap_or_default()
}

impl CodeState {
    fn repository(&self) -> Option<&Repository> {
        match &self.git {
            GitState::Repository(repository) => Some(repository),
            _ => None,
        }
    }

    /// Returns how many tracked files have changes that no commit holds, if any has.
    pub(crate) fn dirty_files(&self) -> Option<usize> {
        self.repository()
            .map(|repository| repository.all_changed().count())
            .filter(|&count| count > 0)
    }

    /// Returns the repository and some of what is not committed there, if anything is.
    pub(crate) fn changes(&self) -> Option<(PathBuf, Vec<Vec<u8>>)> {
        let repository = self.repository().filter(|repository| repository.dirty)?;
        let files = repository
            .all_changed()
            .chain(repository.all_untracked())
            .cloned()
            .collect();
        Some((repository.toplevel.clone(), files))
    }

    /// Returns the source object, for a run that read the code files `code` (absolute paths).
    pub(crate) fn after<'p>(
        &self,
        code: impl Iterator<Item = &'p [u8]>,
        secrets: &Rules,
    ) -> Option<Source> {
        let source = match &self.git {
            GitState::None => return None,
            GitState::Broken { why } => Source {
                broken: Some(why.clone()),
                ..Source::default()
            },
            GitState::Repository(repository) => {
                let untracked = untracked_code(repository, code);
                let tree = self.whole_tree(repository, &untracked);
                Source {
                    commit: repository.commit.clone(),
                    branch: repository.branch.clone(),
                    remote: repository.remote.clone(),
                    dirty: repository.dirty || !untracked.is_empty(),
                    tree,
                    prefix: self.prefix.clone().into(),
                    ..Source::default()
                }
            }
        };
        Some(scrub::source(source, secrets))
    }

    /// Adds untracked code to the kept tree.
    fn whole_tree(&self, repository: &Repository, untracked: &[Vec<u8>]) -> Option<String> {
        if untracked.is_empty() {
            return self.tree.clone();
        }
        let base = self.tree.as_deref().or(repository.commit.as_deref());
        let whole = git::extend(repository, base, untracked);
        // Where one file cannot be added, what is tracked is kept all the same.
        whole.ok().or_else(|| self.tree.clone())
    }
}

/// The size of the largest file that is taken for source, in bytes.
const LARGEST_SOURCE: u64 = 4 << 20;

/// Returns which of the code files that were read git does not track, relative to the top: ignored ones, too, for
/// they ran all the same. What was executed and is no source, as a compiled program, is named among the
/// files of the job and not kept.
fn untracked_code<'p>(
    repository: &Repository,
    code: impl Iterator<Item = &'p [u8]>,
) -> Vec<Vec<u8>> {
    let top = repository.toplevel.as_path();
    let code = code
        .map(|path| Path::new(OsStr::from_bytes(path)))
        .filter(|path| is_source(path));
    let relative = code.filter_map(|path| path.strip_prefix(top).ok());
    let mut files: Vec<_> = relative
        .map(|path| path.as_os_str().as_bytes().to_vec())
        .collect();
    files.sort();
    files.dedup();
    let listed = || git::listed_among(repository, &files);
    git::untracked_among(repository, &files).unwrap_or_else(|_| listed())
}

/// Returns whether a file can be source: a text of no great length.
fn is_source(path: &Path) -> bool {
    const HEAD: usize = 512;
    let mut head = Vec::with_capacity(HEAD);
    let read = File::open(path).and_then(|file| {
        let size = file.metadata()?.len();
        file.take(HEAD as u64).read_to_end(&mut head)?;
        Ok(size)
    });
    read.is_ok_and(|size| size <= LARGEST_SOURCE) && !head.contains(&0)
}
