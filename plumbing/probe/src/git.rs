//! The state of the git repository a command runs in, and snapshots of it.
//!
//! The layout (where the top level and the git directory are) and the remote are
//! read from files; everything about content is asked of one `git status`. Git's
//! own refusals, such as a repository owned by somebody else, are kept in its
//! words as [`GitState::Broken`].
//!
//! What no commit holds of a submodule is kept in its own repository, as a commit on the one that is
//! checked out there, and the tree of its parent names that commit.

mod config;
mod discover;
mod head;
mod run;
mod snapshot;
mod status;
mod untracked;

use std::path::{Path, PathBuf};

use config::Config;
use discover::{Found, Layout};
use run::Git;
use status::Status;

pub use snapshot::{SnapshotError, extend, snapshot_tracked};
pub use untracked::{listed_among, untracked_among};

/// Untracked names that are listed; beyond this they are only counted.
pub const UNTRACKED_LISTED: usize = 256;

/// What version control says about a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GitState {
    /// No repository holds this directory.
    None,
    /// There is a repository, and it cannot be read.
    Broken {
        /// What stands in the way, in git's words where git said it.
        why: String,
    },
    /// A repository with a work tree.
    Repository(Box<Repository>),
}

/// A git repository as it was when it was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    /// Top directory of the work tree, absolute, symbolic links resolved.
    pub toplevel: PathBuf,
    /// This work tree's git directory, absolute.
    pub git_dir: PathBuf,
    /// The commit checked out, in hex; absent before the first commit.
    pub commit: Option<String>,
    /// The branch checked out, without `refs/heads/`; absent when detached.
    pub branch: Option<String>,
    /// URL of `origin`, else of the branch's remote, else of the only remote.
    ///
    /// As configured, credentials and all: scrub before keeping it.
    pub remote: Option<String>,
    /// Whether any tracked file, or a submodule's, differs from the commit.
    pub dirty: bool,
    /// Tracked files that differ from the commit, relative to `toplevel`.
    pub changed: Vec<Vec<u8>>,
    /// Files git neither tracks nor ignores.
    pub untracked: Untracked,
    /// Whether this is a linked work tree (`git worktree add`).
    pub worktree: bool,
    /// An unfinished `merge`, `rebase`, `cherry-pick`, `revert`, or `bisect`.
    pub in_progress: Option<&'static str>,
    /// Submodules that `.gitmodules` names, initialised or not.
    pub submodules: Vec<Submodule>,
    /// Paths whose work tree content is not what the index holds.
    unstaged: Vec<Vec<u8>>,
    /// The git that knows where this is.
    git: Git,
    /// Hex digits in an object name here: 40, or 64 in a SHA-256 repository.
    name_digits: usize,
}

/// Files that git neither tracks nor ignores.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Untracked {
    /// How many entries; a wholly untracked directory is one.
    pub count: usize,
    /// The first [`UNTRACKED_LISTED`], relative to the top level; a directory
    /// ends in `/`.
    pub listed: Vec<Vec<u8>>,
}

/// A submodule of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submodule {
    /// Where it is, relative to the top level.
    pub path: Vec<u8>,
    /// The commit checked out in it; absent if it is not initialised.
    pub commit: Option<String>,
    /// Whether its tracked files, or those of submodules in it, differ from that commit; absent if unknown.
    pub dirty: Option<bool>,
    /// Those files, relative to the top level of the repository that was asked about.
    pub changed: Vec<Vec<u8>>,
    /// Files in it that git neither tracks nor ignores, relative to that too.
    pub untracked: Untracked,
}

impl Submodule {
    /// Counts what changed in a submodule of this one as changed here.
    fn take_in(&mut self, nested: Self) {
        self.dirty = self.dirty.map(|dirty| dirty || nested.dirty == Some(true));
        self.changed.extend(nested.changed);
        self.untracked.count += nested.untracked.count;
        self.untracked.listed.extend(nested.untracked.listed);
    }

    /// Says the same as seen from the repository that has this at `path`.
    fn at(mut self, path: Vec<u8>) -> Self {
        for file in self.changed.iter_mut().chain(&mut self.untracked.listed) {
            *file = [&path, &b"/"[..], file].concat();
        }
        self.path = path;
        self
    }
}

impl Repository {
    /// Returns the files that differ from what is checked out, those of submodules among them, relative
    /// to `toplevel`.
    pub fn all_changed(&self) -> impl Iterator<Item = &Vec<u8>> {
        let inside = self.submodules.iter().flat_map(|sub| &sub.changed);
        self.changed.iter().chain(inside)
    }

    /// Returns the untracked files that are listed, those of submodules among them, relative to
    /// `toplevel`; a directory ends in `/`.
    pub fn all_untracked(&self) -> impl Iterator<Item = &Vec<u8>> {
        let inside = self.submodules.iter().flat_map(|sub| &sub.untracked.listed);
        self.untracked.listed.iter().chain(inside)
    }
}

/// Where variables say that the repository is, wherever one stands; nothing where they say nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Told {
    /// `GIT_DIR`: the repository.
    pub git_dir: Option<PathBuf>,
    /// `GIT_WORK_TREE`: the top of the work tree.
    pub work_tree: Option<PathBuf>,
}

/// Reads the state of the repository that holds `directory`.
///
/// Starts one `git` process inside a repository, one more for each initialised
/// submodule, and none outside.
pub fn state(directory: &Path) -> GitState {
    state_by(&Git::installed(), directory, &Told::default())
}

/// Reads the state of the repository that a `git` started in `directory` with these variables would find.
pub fn state_told(directory: &Path, told: &Told) -> GitState {
    state_by(&Git::installed(), directory, told)
}

fn state_by(git: &Git, directory: &Path, told: &Told) -> GitState {
    let found = match &told.git_dir {
        Some(git_dir) => discover::at(directory, git_dir),
        None => discover::discover(directory),
    };
    match found {
        Found::Nothing => GitState::None,
        Found::Broken(why) => GitState::Broken { why },
        Found::Layout(layout) => read(git, directory, layout, told),
    }
}

fn read(git: &Git, directory: &Path, mut layout: Layout, told: &Told) -> GitState {
    let work_tree = match told.work_tree.as_ref().map(|top| find(directory, top)) {
        Some(Err(why)) => return GitState::Broken { why },
        Some(Ok(work_tree)) => Some(work_tree),
        None => None,
    };
    let is_told = *told != Told::default();
    let git = match is_told {
        true => git.told(&layout.git_dir, work_tree.as_deref()),
        false => git.clone(),
    };
    let output = match git.status(directory) {
        Ok(output) => output,
        Err(why) => {
            let why = why.to_string();
            return GitState::Broken { why };
        }
    };
    let config = Config::of_repository(&git, &layout);
    layout.toplevel = work_tree.unwrap_or_else(|| config.work_tree(&layout));
    let git = match is_told {
        true => git.told(&layout.git_dir, Some(&layout.toplevel)),
        false => git,
    };
    GitState::Repository(Box::new(assemble(git, &config, layout, &output)))
}

fn find(directory: &Path, work_tree: &Path) -> Result<PathBuf, String> {
    let shown = work_tree.display();
    std::fs::canonicalize(directory.join(work_tree))
        .map_err(|err| format!("cannot find the work tree '{shown}': {err}"))
}

fn assemble(git: Git, config: &Config, layout: Layout, output: &[u8]) -> Repository {
    let status = Status::parse(output);
    let submodules = submodules(&git.untold(), &layout.toplevel);
    let sub_dirty = submodules.iter().any(|sub| sub.dirty == Some(true));
    Repository {
        remote: config.remote(status.branch.as_deref()),
        name_digits: config.name_digits(),
        dirty: !status.changed.is_empty() || sub_dirty,
        in_progress: discover::in_progress(&layout.git_dir),
        worktree: layout.linked,
        git_dir: layout.git_dir,
        toplevel: layout.toplevel,
        submodules,
        commit: status.commit,
        branch: status.branch,
        changed: status.changed,
        unstaged: status.unstaged,
        untracked: status.untracked,
        git,
    }
}

/// Git would look into submodules itself, but with their own configuration,
/// monitors included, so each is asked with ours.
fn submodules(git: &Git, toplevel: &Path) -> Vec<Submodule> {
    let Ok(text) = std::fs::read(toplevel.join(".gitmodules")) else {
        return Vec::new();
    };
    Config::parse(&text)
        .submodule_paths()
        .map(|path| submodule(git, toplevel, path))
        .collect()
}

fn submodule(git: &Git, toplevel: &Path, path: Vec<u8>) -> Submodule {
    let directory = toplevel.join(run::path_of(&path));
    // Through links one could come to the same submodules again and again.
    let is_here = std::fs::canonicalize(&directory).is_ok_and(|real| real == directory);
    let initialised = is_here && directory.join(".git").exists();
    let output = initialised.then(|| git.status(&directory).ok()).flatten();
    let known = output.is_some();
    let status = Status::parse(&output.unwrap_or_default());
    let mut found = Submodule {
        commit: initialised.then(|| head::commit(&directory)).flatten(),
        dirty: known.then_some(!status.changed.is_empty()),
        changed: status.changed,
        untracked: status.untracked,
        path: Vec::new(),
    };
    if known {
        submodules(git, &directory)
            .into_iter()
            .for_each(|nested| found.take_in(nested));
    }
    found.at(path)
}

#[cfg(test)]
mod tests;
