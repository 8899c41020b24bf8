//! Finding a workspace, and making one.
//!
//! A workspace is a directory with a `.roar` in it. It is looked for upward, like `.git`, but not
//! beyond the top of the git repository that one is in: a repository inside another project is a
//! project of its own. A new one is made at the top of the repository, else in the directory itself.

use crate::RepoError;
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// The directory inside a project that roar keeps its things in.
pub const DOT_ROAR: &str = ".roar";

/// Returns the nearest directory from `start` upward that holds a store.
///
/// `is_store` tells whether a `.roar` directory is one: a directory of that name that somebody else
/// made is passed over.
pub fn find(start: &Path, mut is_store: impl FnMut(&Path) -> bool) -> Option<PathBuf> {
    for directory in start.ancestors() {
        if is_store(&directory.join(DOT_ROAR)) {
            return Some(directory.to_owned());
        }
        if is_git_top(directory) {
            return None;
        }
    }
    None
}

/// Returns where a new workspace for work in `start` belongs.
pub fn choose(start: &Path) -> PathBuf {
    let top = start.ancestors().find(|directory| is_git_top(directory));
    top.unwrap_or(start).to_owned()
}

/// A linked worktree and a submodule have a `.git` file instead of a directory.
fn is_git_top(directory: &Path) -> bool {
    directory.join(".git").exists()
}

/// Makes `.roar` under `root` with all that `fill` puts in it, at once: nobody sees it without. Returns whether
/// that was done; it is not where something of that name is there, even if somebody else made it just now.
///
/// # Errors
///
/// When it cannot be made, or not be filled.
pub(crate) fn begin(
    root: &Path,
    fill: impl FnOnce(&Path) -> Result<(), RepoError>,
) -> Result<bool, RepoError> {
    let dot = root.join(DOT_ROAR);
    if dot.symlink_metadata().is_ok() {
        return Ok(false);
    }
    let new = tempfile::Builder::new()
        .prefix(".roar-new-")
        .tempdir_in(root)
        .map_err(RepoError::at(root))?;
    fill(new.path())?;
    match rename_to_nothing(new.path(), &dot) {
        Ok(()) => {
            // It is not at its former name any more, so there is nothing to remove.
            let _ = new.keep();
            File::open(root)
                .and_then(|directory| directory.sync_all())
                .map_err(RepoError::at(root))?;
            Ok(true)
        }
        Err(err) if err.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(err) => Err(RepoError::at(root)(err)),
    }
}

/// Gives something another name, if nobody has that.
fn rename_to_nothing(from: &Path, to: &Path) -> io::Result<()> {
    let flags = RenameFlags::RENAME_NOREPLACE;
    match renameat2(AT_FDCWD, from, AT_FDCWD, to, flags) {
        // Not every file system can. Then a directory replaces an empty one at most.
        Err(Errno::EINVAL | Errno::ENOSYS) => fs::rename(from, to),
        renamed => Ok(renamed?),
    }
}

/// Makes `.roar` under `root`, with what keeps it out of git.
///
/// # Errors
///
/// When the directory cannot be made or written to.
pub fn prepare(root: &Path) -> io::Result<PathBuf> {
    use std::os::unix::fs::DirBuilderExt as _;
    let dot = root.join(DOT_ROAR);
    if !dot.is_dir() {
        fs::DirBuilder::new().mode(0o700).create(&dot)?;
    }
    let ignore = dot.join(".gitignore");
    if !ignore.exists() {
        fs::write(ignore, "*\n")?;
    }
    Ok(dot)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests may panic")]
mod tests {
    use super::*;

    #[test]
    fn a_workspace_is_found_upward_but_not_beyond_the_repository() {
        let outer = tempfile::tempdir().unwrap();
        let root = outer.path();
        fs::create_dir_all(root.join("inner/.git")).unwrap();
        fs::create_dir_all(root.join("inner/deep")).unwrap();
        fs::create_dir_all(root.join("plain/deep")).unwrap();
        prepare(root).unwrap();
        let is_store = |dot: &Path| dot.is_dir();
        assert_eq!(
            find(&root.join("plain/deep"), is_store),
            Some(root.to_owned())
        );
        assert_eq!(find(&root.join("inner/deep"), is_store), None);
        assert_eq!(choose(&root.join("inner/deep")), root.join("inner"));
        assert_eq!(
            fs::read_to_string(root.join(".roar/.gitignore")).unwrap(),
            "*\n"
        );
    }
}
