//! Starting `git` so that nothing a repository configures can act.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// Settings that override whatever a repository says.
///
/// A file system monitor and every hook are programs a repository can name;
/// a reflog would ask who is committing.
const OVERRIDES: [&str; 8] = [
    "-c",
    "core.fsmonitor=false",
    "-c",
    "core.hooksPath=/dev/null",
    "-c",
    "core.splitIndex=false",
    "-c",
    "core.logAllRefUpdates=false",
];

/// Variables that would point git somewhere other than the directory asked about.
const MISLEADING: [&str; 8] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_COMMON_DIR",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
];

const STATUS: [&str; 6] = [
    "status",
    "--porcelain=v2",
    "-z",
    "--no-renames",
    "--no-ahead-behind",
    "--ignore-submodules=dirty",
];

/// The git program, by name or path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Git {
    program: OsString,
    /// Git directory and work tree, where it is not to find them itself.
    told: Option<(PathBuf, Option<PathBuf>)>,
}

/// Why git gave no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum RunError {
    #[error("git is not installed")]
    NotInstalled,
    #[error("cannot run 'git': {0}")]
    Spawn(io::Error),
    #[error("{0}")]
    Refused(String),
}

impl Git {
    /// The `git` found on the search path.
    pub(super) fn installed() -> Self {
        Self::at("git")
    }

    pub(super) fn at(program: impl Into<OsString>) -> Self {
        Self {
            program: program.into(),
            told: None,
        }
    }

    /// The same, for the repository at `git_dir` with its work tree at `work_tree`, else where git itself
    /// takes it to be.
    pub(super) fn told(&self, git_dir: &Path, work_tree: Option<&Path>) -> Self {
        Self {
            told: Some((git_dir.to_owned(), work_tree.map(Path::to_owned))),
            ..self.clone()
        }
    }

    /// The same, for the repository that holds the directory it is started in.
    pub(super) fn untold(&self) -> Self {
        Self {
            told: None,
            ..self.clone()
        }
    }

    /// Returns the raw status of the repository that holds `directory`.
    pub(super) fn status(&self, directory: &Path) -> Result<Vec<u8>, RunError> {
        let mut command = self.command(directory);
        command
            .args(STATUS)
            .args(["--branch", "--untracked-files=normal"]);
        finish(&mut command)
    }

    /// Returns those of `files`, relative to `directory`, that the index has, each followed by a zero; all that it has
    /// below `directory` if no files are given.
    pub(super) fn tracked(&self, directory: &Path, files: &[&[u8]]) -> Result<Vec<u8>, RunError> {
        let mut command = self.command(directory);
        command.args(["ls-files", "-z", "--cached", "--"]);
        command.args(files.iter().map(|file| path_of(file)));
        finish(&mut command)
    }

    /// Returns all configuration as `key\nvalue\0`, includes followed.
    pub(super) fn config(&self, directory: &Path) -> Result<Vec<u8>, RunError> {
        let mut command = self.command(directory);
        command.args(["config", "--list", "--null", "--includes"]);
        finish(&mut command)
    }

    /// Runs one plumbing command over a private index, fed from `input`.
    pub(super) fn with_index(
        &self,
        directory: &Path,
        index: &Path,
        arguments: &[&OsStr],
        input: Option<File>,
    ) -> Result<Vec<u8>, RunError> {
        let mut command = self.command(directory);
        command.args(arguments).env("GIT_INDEX_FILE", index);
        // The same tree on the same commit is then the same commit, whoever asks and whenever.
        for person in ["AUTHOR", "COMMITTER"] {
            command
                .env(format!("GIT_{person}_NAME"), "roar")
                .env(format!("GIT_{person}_EMAIL"), "roar@localhost")
                .env(format!("GIT_{person}_DATE"), "@0 +0000");
        }
        if let Some(file) = input {
            command.stdin(file);
        }
        finish(&mut command)
    }

    fn command(&self, directory: &Path) -> Command {
        let mut command = Command::new(&self.program);
        command.args(OVERRIDES).current_dir(directory);
        for name in MISLEADING {
            command.env_remove(name);
        }
        if let Some((git_dir, work_tree)) = &self.told {
            let work_tree = work_tree.iter().map(|path| ("GIT_WORK_TREE", path));
            command.env("GIT_DIR", git_dir).envs(work_tree);
        }
        command
            .env("GIT_OPTIONAL_LOCKS", "0")
            .env("GIT_NO_LAZY_FETCH", "1")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_LITERAL_PATHSPECS", "1")
            .env("LC_ALL", "C")
            .stdin(Stdio::null());
        command
    }
}

fn finish(command: &mut Command) -> Result<Vec<u8>, RunError> {
    match command.output() {
        Ok(output) if output.status.success() => Ok(output.stdout),
        Ok(output) => Err(RunError::Refused(first_words(&output))),
        Err(err) if err.kind() == io::ErrorKind::NotFound => Err(RunError::NotInstalled),
        Err(err) => Err(RunError::Spawn(err)),
    }
}

/// The first line git said, without its `fatal:`; the rest is advice.
fn first_words(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    let line = text.lines().find(|line| !line.trim().is_empty());
    match line {
        Some(line) => line
            .trim_start_matches("fatal: ")
            .trim_start_matches("error: ")
            .trim()
            .to_owned(),
        None => format!("git ended with {}", output.status),
    }
}

/// Views path bytes as a path.
pub(super) fn path_of(bytes: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(bytes))
}
