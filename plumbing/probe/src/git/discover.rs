//! Where a repository's top level and git directory are, from files alone.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::run::path_of;

/// What lies above a directory.
#[derive(Debug)]
pub(super) enum Found {
    Nothing,
    Broken(String),
    Layout(Layout),
}

/// The directories that make up a repository.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) toplevel: PathBuf,
    pub(super) git_dir: PathBuf,
    /// Where objects, refs and configuration are; differs in a linked work tree.
    pub(super) common_dir: PathBuf,
    pub(super) linked: bool,
}

/// Walks up from `directory` to the first `.git`.
pub(super) fn discover(directory: &Path) -> Found {
    let start = match fs::canonicalize(directory) {
        Ok(path) => path,
        Err(err) => {
            let shown = directory.display();
            return Found::Broken(format!("cannot find directory '{shown}': {err}"));
        }
    };
    start
        .ancestors()
        .map(look_at)
        .find(|found| !matches!(found, Found::Nothing))
        .unwrap_or(Found::Nothing)
}

/// Takes the repository that `GIT_DIR` names, seen from `directory`, which is the top of its work tree
/// then unless something else says where that is.
pub(super) fn at(directory: &Path, git_dir: &Path) -> Found {
    let toplevel = fs::canonicalize(directory).unwrap_or_else(|_| directory.to_owned());
    let named = toplevel.join(git_dir);
    match fs::canonicalize(&named) {
        Ok(found) if found.is_file() => {
            pointed_at(found.parent().unwrap_or(&toplevel), &found).with_toplevel(toplevel)
        }
        Ok(found) if is_git_dir(&found) || found.join("commondir").is_file() => {
            layout(&toplevel, found)
        }
        Ok(found) => Found::Broken(format!("'{}' is not a git directory", found.display())),
        Err(err) => Found::Broken(format!("cannot find '{}': {err}", named.display())),
    }
}

impl Found {
    fn with_toplevel(self, toplevel: PathBuf) -> Self {
        match self {
            Self::Layout(layout) => Self::Layout(Layout { toplevel, ..layout }),
            other => other,
        }
    }
}

fn look_at(directory: &Path) -> Found {
    let dot_git = directory.join(".git");
    match fs::metadata(&dot_git) {
        Ok(meta) if meta.is_dir() => plain(directory, dot_git),
        Ok(_) => pointed_at(directory, &dot_git),
        Err(_) if is_git_dir(directory) => Found::Broken(format!(
            "'{}' is a git directory without a work tree",
            directory.display()
        )),
        Err(_) => Found::Nothing,
    }
}

fn is_git_dir(directory: &Path) -> bool {
    fs::symlink_metadata(directory.join("HEAD")).is_ok()
        && directory.join("objects").is_dir()
        && directory.join("refs").is_dir()
}

/// A `.git` with neither HEAD nor objects is no repository: git walks past it.
fn plain(toplevel: &Path, git_dir: PathBuf) -> Found {
    let head = fs::symlink_metadata(git_dir.join("HEAD")).is_ok();
    let objects = git_dir.join("objects").is_dir();
    match (head, objects) {
        (true, true) => layout(toplevel, git_dir),
        (false, false) => Found::Nothing,
        (false, true) => Found::Broken(format!("'{}' has no HEAD", git_dir.display())),
        (true, false) => Found::Broken(format!("'{}' has no objects", git_dir.display())),
    }
}

fn pointed_at(toplevel: &Path, dot_git: &Path) -> Found {
    let text = fs::read(dot_git).unwrap_or_default();
    let Some(target) = text.strip_prefix(b"gitdir:") else {
        return Found::Broken(format!("'{}' is not a git pointer file", dot_git.display()));
    };
    let git_dir = toplevel.join(path_of(target.trim_ascii()));
    match fs::canonicalize(&git_dir) {
        Ok(git_dir) if fs::symlink_metadata(git_dir.join("HEAD")).is_ok() => {
            layout(toplevel, git_dir)
        }
        Ok(git_dir) => Found::Broken(format!("'{}' has no HEAD", git_dir.display())),
        Err(err) => Found::Broken(format!("cannot find '{}': {err}", git_dir.display())),
    }
}

fn layout(toplevel: &Path, git_dir: PathBuf) -> Found {
    let common = fs::read(git_dir.join("commondir")).ok();
    let common_dir = match &common {
        Some(text) => {
            let joined = git_dir.join(path_of(text.trim_ascii()));
            fs::canonicalize(&joined).unwrap_or(joined)
        }
        None => git_dir.clone(),
    };
    Found::Layout(Layout {
        toplevel: toplevel.to_owned(),
        linked: common.is_some(),
        common_dir,
        git_dir,
    })
}

/// Names the operation that waits to be finished, if one does.
pub(super) fn in_progress(git_dir: &Path) -> Option<&'static str> {
    const MARKS: [(&str, &str); 6] = [
        ("MERGE_HEAD", "merge"),
        ("rebase-merge", "rebase"),
        ("rebase-apply", "rebase"),
        ("CHERRY_PICK_HEAD", "cherry-pick"),
        ("REVERT_HEAD", "revert"),
        ("BISECT_LOG", "bisect"),
    ];
    MARKS
        .iter()
        .find(|(mark, _)| git_dir.join(mark).exists())
        .map(|&(_, name)| name)
}

/// Tells whether `path`, relative to a work tree, names a file inside it:
/// no `..`, nothing absolute, nothing in a `.git`.
pub(super) fn stays_inside(path: &[u8]) -> bool {
    !path.is_empty()
        && path
            .split(|&byte| byte == b'/')
            .all(|part| !matches!(part, b"" | b"." | b"..") && !part.eq_ignore_ascii_case(b".git"))
        && path_of(path).as_os_str().as_bytes() == path
}
