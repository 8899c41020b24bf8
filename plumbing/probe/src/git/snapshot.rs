//! The exact state of a work tree, kept as a git tree.
//!
//! A tree is built in a private copy of the index, so the repository's own
//! index, work tree, stash and HEAD stay untouched, and kept reachable as
//! `refs/roar/trees/<tree>`, so that collecting garbage spares it. File contents
//! go in as they lie on disk: no clean filter and no line-ending conversion is
//! applied, since what ran is the bytes in the work tree.
//!
//! A submodule is pinned to the commit checked out in it, or, where files in it
//! differ, to a commit of those files on top of that one, which is kept in the
//! submodule's own repository as `refs/roar/commits/<commit>`.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

use super::discover::stays_inside;
use super::run::{Git, RunError, path_of};
use super::{GitState, Repository, head};

/// Why no snapshot could be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// A git command did not do its part.
    #[error("cannot keep the work tree ('git {command}'): {words}")]
    Git {
        /// The git command, such as `write-tree`.
        command: &'static str,
        /// What git said.
        words: String,
    },
    /// A file of the snapshot, or the private index, could not be handled.
    #[error("cannot read or write '{}' for a snapshot", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A path that is not a file of this work tree.
    #[error("'{}' is not inside the work tree", path.display())]
    Outside {
        /// The path as given.
        path: PathBuf,
    },
    /// A base that is not an object name.
    #[error("'{base}' is not an object name")]
    BadBase {
        /// The base as given.
        base: String,
    },
}

/// Keeps the state of all tracked files and returns the tree's name in hex.
///
/// Files staged but not committed are tracked. Call it for a dirty repository,
/// right after [`super::state`]; on a clean one it returns the commit's tree.
pub fn snapshot_tracked(repository: &Repository) -> Result<String, SnapshotError> {
    let mut scratch = Scratch::new(repository)?;
    scratch.copy_index()?;
    let mut paths = repository.unstaged.clone();
    for sub in repository
        .submodules
        .iter()
        .filter(|sub| sub.dirty == Some(true))
    {
        // One that cannot be kept stays at the commit that is checked out there.
        if let Ok(kept) = keep_submodule(repository, &sub.path) {
            scratch.pin(&sub.path, kept);
            paths.push(sub.path.clone());
        }
    }
    scratch.keep(&paths)
}

fn keep_submodule(repository: &Repository, path: &[u8]) -> Result<String, SnapshotError> {
    let inner = inner(repository, path)?;
    let tree = snapshot_tracked(&inner)?;
    commit(&inner, &tree, inner.commit.as_deref())
}

/// Adds files of the work tree to `base` and returns the new tree's name in hex.
///
/// `base` is a tree or commit in hex, such as what [`snapshot_tracked`] returned,
/// or nothing to begin with an empty tree. `files` are relative to the top
/// level; one that has gone is left out of the tree, and one in a submodule goes
/// into the commit that the tree names for that.
pub fn extend(
    repository: &Repository,
    base: Option<&str>,
    files: &[Vec<u8>],
) -> Result<String, SnapshotError> {
    let mut scratch = Scratch::new(repository)?;
    for file in files {
        scratch.check_inside(file)?;
    }
    if let Some(base) = base {
        let name = head::object_name(base.as_bytes()).ok_or_else(|| SnapshotError::BadBase {
            base: base.to_owned(),
        })?;
        scratch.git("read-tree", &[&name], None)?;
    }
    let (mut paths, inside) = by_submodule(repository, files);
    for (path, files) in inside {
        let inner = inner(repository, &path)?;
        let base = scratch.pinned_at(&path)?.or_else(|| inner.commit.clone());
        let tree = extend(&inner, base.as_deref(), &files)?;
        scratch.pin(&path, commit(&inner, &tree, base.as_deref())?);
        paths.push(path);
    }
    scratch.keep(&paths)
}

/// Files of submodules, relative to each, by its path.
type Inside = BTreeMap<Vec<u8>, Vec<Vec<u8>>>;

/// Divides files into those of the repository itself and those of its submodules.
fn by_submodule(repository: &Repository, files: &[Vec<u8>]) -> (Vec<Vec<u8>>, Inside) {
    let (mut own, mut inside) = (Vec::new(), Inside::new());
    for file in files {
        let holder = repository.submodules.iter().find_map(|sub| {
            let rest = file.strip_prefix(sub.path.as_slice())?;
            Some((&sub.path, rest.strip_prefix(b"/")?))
        });
        match holder {
            Some((path, rest)) => inside.entry(path.clone()).or_default().push(rest.to_vec()),
            None => own.push(file.clone()),
        }
    }
    (own, inside)
}

/// Reads the repository of a submodule.
fn inner(repository: &Repository, path: &[u8]) -> Result<Repository, SnapshotError> {
    let directory = repository.toplevel.join(path_of(path));
    match super::state(&directory) {
        GitState::Repository(inner) if inner.toplevel != repository.toplevel => Ok(*inner),
        _ => Err(SnapshotError::Outside {
            path: path_of(path).to_owned(),
        }),
    }
}

/// Makes a commit of a tree, and keeps it.
fn commit(
    repository: &Repository,
    tree: &str,
    parent: Option<&str>,
) -> Result<String, SnapshotError> {
    let scratch = Scratch::new(repository)?;
    let mut arguments = vec![tree, "-m", "what no commit held when roar ran a command"];
    arguments.extend(parent.map(|parent| ["-p", parent]).into_iter().flatten());
    let commit = scratch.git("commit-tree", &arguments, None)?;
    let commit = String::from_utf8_lossy(commit.trim_ascii()).into_owned();
    let name = format!("refs/roar/commits/{commit}");
    scratch.git("update-ref", &[&name, &commit], None)?;
    Ok(commit)
}

/// A private index and the files that feed git, gone when dropped.
struct Scratch<'a> {
    repository: &'a Repository,
    git: Git,
    directory: TempDir,
    /// Commits to name for submodules in place of those that are checked out.
    pinned: BTreeMap<Vec<u8>, String>,
}

/// What one path is to become in the tree.
enum Entry {
    Gone,
    Blob {
        mode: &'static str,
        content: PathBuf,
    },
    Submodule {
        commit: String,
    },
}

impl<'a> Scratch<'a> {
    /// Beside the index, so that a repository that may not be written to says
    /// so here, and nothing lands on another file system.
    fn new(repository: &'a Repository) -> Result<Self, SnapshotError> {
        let directory = tempfile::Builder::new()
            .prefix("roar-snapshot-")
            .tempdir_in(&repository.git_dir)
            .map_err(io_error(&repository.git_dir))?;
        Ok(Self {
            repository,
            git: repository.git.clone(),
            directory,
            pinned: BTreeMap::new(),
        })
    }

    fn pin(&mut self, path: &[u8], commit: String) {
        self.pinned.insert(path.to_owned(), commit);
    }

    /// Returns the commit that the index names for a submodule: `160000 commit 0`, a tab, its path.
    fn pinned_at(&self, path: &[u8]) -> Result<Option<String>, SnapshotError> {
        let line = ["ls-files", "--stage", "-z", "--"].map(OsStr::new);
        let line = [&line[..], &[path_of(path).as_os_str()]].concat();
        let listed = self.run("ls-files", &line, None)?;
        let mut fields = listed.split(|&byte| byte == b' ');
        let is_link = fields.next() == Some(b"160000");
        Ok(fields
            .next()
            .filter(|_| is_link)
            .and_then(head::object_name))
    }

    fn index(&self) -> PathBuf {
        self.directory.path().join("index")
    }

    /// The copy is dated ahead: git re-reads any file it finds as new as its
    /// index, through the filters of the repository, and the status this
    /// snapshot starts from has already judged those.
    fn copy_index(&self) -> Result<(), SnapshotError> {
        let index = self.repository.git_dir.join("index");
        match fs::copy(&index, self.index()) {
            Ok(_) => self.date_ahead().map_err(io_error(&index)),
            Err(err) if err.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(err) => Err(io_error(&index)(err)),
        }
    }

    fn date_ahead(&self) -> io::Result<()> {
        let later = SystemTime::now() + Duration::from_hours(1);
        File::options()
            .write(true)
            .open(self.index())?
            .set_modified(later)
    }

    /// Puts `paths` as they now are into the index, writes the tree, keeps it.
    fn keep(&self, paths: &[Vec<u8>]) -> Result<String, SnapshotError> {
        if !paths.is_empty() {
            let entries = self.entries(paths)?;
            let names = self.write_blobs(&entries)?;
            self.update_index(paths, &entries, names)?;
            self.date_ahead().map_err(io_error(&self.index()))?;
        }
        let tree = self.git("write-tree", &["--missing-ok"], None)?;
        let tree = String::from_utf8_lossy(tree.trim_ascii()).into_owned();
        let name = format!("refs/roar/trees/{tree}");
        self.git("update-ref", &[&name, &tree], None)?;
        Ok(tree)
    }

    fn entries(&self, paths: &[Vec<u8>]) -> Result<Vec<Entry>, SnapshotError> {
        paths.iter().map(|path| self.entry(path)).collect()
    }

    fn entry(&self, path: &[u8]) -> Result<Entry, SnapshotError> {
        if let Some(commit) = self.pinned.get(path).cloned() {
            return Ok(Entry::Submodule { commit });
        }
        let full = self.repository.toplevel.join(path_of(path));
        let meta = match fs::symlink_metadata(&full) {
            Ok(meta) => meta,
            Err(err) if is_absence(&err) => return Ok(Entry::Gone),
            Err(err) => return Err(io_error(&full)(err)),
        };
        if meta.is_symlink() {
            return self.link(&full);
        }
        if meta.is_dir() {
            return Ok(
                match full.join(".git").exists().then(|| head::commit(&full)) {
                    Some(Some(commit)) => Entry::Submodule { commit },
                    _ => Entry::Gone,
                },
            );
        }
        if !meta.is_file() {
            return Ok(Entry::Gone);
        }
        let executable = meta.permissions().mode() & 0o100 != 0;
        let mode = if executable { "100755" } else { "100644" };
        Ok(Entry::Blob {
            mode,
            content: full,
        })
    }

    /// Git hashes what a link leads to, so its target is put in a file.
    fn link(&self, full: &Path) -> Result<Entry, SnapshotError> {
        let target = fs::read_link(full).map_err(io_error(full))?;
        let mut file = tempfile::Builder::new()
            .prefix("link-")
            .tempfile_in(self.directory.path())
            .map_err(io_error(full))?;
        file.write_all(target.as_os_str().as_bytes())
            .map_err(io_error(full))?;
        let (_, content) = file.keep().map_err(|err| io_error(full)(err.error))?;
        Ok(Entry::Blob {
            mode: "120000",
            content,
        })
    }

    /// Stores every blob with one process; returns their names in order.
    fn write_blobs(&self, entries: &[Entry]) -> Result<Vec<String>, SnapshotError> {
        let mut paths = Vec::new();
        for entry in entries {
            if let Entry::Blob { content, .. } = entry {
                push_quoted(&mut paths, content.as_os_str().as_bytes());
            }
        }
        if paths.is_empty() {
            return Ok(Vec::new());
        }
        let input = self.input("paths", &paths)?;
        let arguments = ["-w", "--no-filters", "--stdin-paths"];
        let output = self.git("hash-object", &arguments, Some(input))?;
        Ok(String::from_utf8_lossy(&output)
            .lines()
            .map(str::to_owned)
            .collect())
    }

    fn update_index(
        &self,
        paths: &[Vec<u8>],
        entries: &[Entry],
        names: Vec<String>,
    ) -> Result<(), SnapshotError> {
        let mut names = names.into_iter();
        let nothing = "0".repeat(self.repository.name_digits);
        let mut lines = Vec::new();
        for (path, entry) in paths.iter().zip(entries) {
            let (mode, name) = match entry {
                Entry::Gone => ("0", nothing.clone()),
                Entry::Blob { mode, .. } => (*mode, names.next().unwrap_or_default()),
                Entry::Submodule { commit } => ("160000", commit.clone()),
            };
            lines.extend_from_slice(format!("{mode} {name}\t").as_bytes());
            lines.extend_from_slice(path);
            lines.push(0);
        }
        let input = self.input("entries", &lines)?;
        self.git("update-index", &["-z", "--index-info"], Some(input))?;
        Ok(())
    }

    /// Input goes through a file: over a pipe, git could wait for us to read
    /// while we wait for it to.
    fn input(&self, name: &str, bytes: &[u8]) -> Result<File, SnapshotError> {
        let path = self.directory.path().join(name);
        fs::write(&path, bytes).map_err(io_error(&path))?;
        File::open(&path).map_err(io_error(&path))
    }

    fn git(
        &self,
        command: &'static str,
        arguments: &[&str],
        input: Option<File>,
    ) -> Result<Vec<u8>, SnapshotError> {
        let line: Vec<&OsStr> = std::iter::once(command)
            .chain(arguments.iter().copied())
            .map(OsStr::new)
            .collect();
        self.run(command, &line, input)
    }

    fn run(
        &self,
        command: &'static str,
        line: &[&OsStr],
        input: Option<File>,
    ) -> Result<Vec<u8>, SnapshotError> {
        self.git
            .with_index(&self.repository.toplevel, &self.index(), line, input)
            .map_err(|err: RunError| SnapshotError::Git {
                command,
                words: err.to_string(),
            })
    }

    /// A path through a symbolic link names a file elsewhere, and in a tree it
    /// would take the link's place.
    fn check_inside(&self, path: &[u8]) -> Result<(), SnapshotError> {
        let full = self.repository.toplevel.join(path_of(path));
        let direct = full
            .parent()
            .is_some_and(|parent| fs::canonicalize(parent).map_or(true, |real| real == parent));
        if stays_inside(path) && direct {
            return Ok(());
        }
        Err(SnapshotError::Outside {
            path: path_of(path).to_owned(),
        })
    }
}

fn is_absence(err: &io::Error) -> bool {
    matches!(
        err.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

fn io_error(path: &Path) -> impl FnOnce(io::Error) -> SnapshotError + use<> {
    let path = path.to_owned();
    move |source| SnapshotError::Io { path, source }
}

/// Writes one line of `--stdin-paths`, in C quotes where git would misread it.
fn push_quoted(lines: &mut Vec<u8>, path: &[u8]) {
    let plain = path.first() != Some(&b'"') && path.iter().all(|&byte| byte >= b' ');
    if plain {
        lines.extend_from_slice(path);
    } else {
        lines.push(b'"');
        for &byte in path {
            lines.extend_from_slice(format!("\\{byte:03o}").as_bytes());
        }
        lines.push(b'"');
    }
    lines.push(b'\n');
}
