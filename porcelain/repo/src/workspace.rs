//! An opened workspace: the project's root, its store and its settings.

use crate::config::{Config, ConfigError, Sources, files_for};
use crate::{Snapshot, place};
use roar_object::FindError;
use roar_store::{FileError, OpenError, ReadError, Store};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// Why a workspace cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RepoError {
    /// The directory for `.roar` cannot be made or found.
    #[error("cannot use '{}'", .path.display())]
    Place {
        /// The directory.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// There is a store, and it cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The store cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A file of the store cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// An object is missing or damaged.
    #[error(transparent)]
    Find(#[from] FindError),
    /// A setting or its file is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
}

impl RepoError {
    /// Says where a `.roar` could not be made.
    pub(crate) fn at(root: &Path) -> impl Fn(io::Error) -> Self {
        let path = root.join(place::DOT_ROAR);
        move |source| Self::Place {
            path: path.clone(),
            source,
        }
    }
}

/// What a workspace needs to know of the world around it.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// The user's configuration directory, such as `~/.config`.
    pub user_config: Option<PathBuf>,
    /// Where runs are kept that cannot be kept in the workspace, such as `~/.local/state/roar`.
    pub state: Option<PathBuf>,
    /// Where what can be found out again is kept for all workspaces, such as `~/.cache/roar`.
    pub cache: Option<PathBuf>,
    /// Environment variables that begin with `ROAR_`.
    pub environment: BTreeMap<String, String>,
    /// Settings from the command line.
    pub flags: BTreeMap<String, String>,
}

impl Surroundings {
    /// Returns the settings in force for a project at `root`, or outside any.
    ///
    /// # Errors
    ///
    /// When a configuration file cannot be read or is not TOML.
    pub fn config(&self, root: Option<&Path>) -> Result<Config, ConfigError> {
        Config::load(Sources {
            files: files_for(root, self.user_config.as_deref()),
            environment: self.environment.clone(),
            flags: self.flags.clone(),
        })
    }

    /// Returns the directory for the runs of workspaces that cannot be written to.
    pub fn away(&self) -> Option<PathBuf> {
        self.state.as_ref().map(|state| state.join("runs"))
    }
}

/// How a workspace came to be usable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// It was there.
    Found,
    /// It was made.
    Made,
    /// Its directory was there, without a store in it, and has a new one now.
    Refilled,
}

/// The name of the session that jobs are recorded in.
pub const SESSION: &str = "main";

/// An opened workspace.
#[derive(Clone, Debug)]
pub struct Workspace {
    root: PathBuf,
    store: Option<Store>,
    config: Config,
    away: Option<PathBuf>,
    cache: Option<PathBuf>,
}

impl Workspace {
    /// Opens the workspace that `start` is in, if it is in one.
    ///
    /// # Errors
    ///
    /// When there is one and it cannot be used.
    pub fn discover(start: &Path, around: &Surroundings) -> Result<Option<Self>, RepoError> {
        let start = standing(start)?;
        let mut store = None;
        let own = place::choose(&start);
        let root = place::find(&start, |dot| {
            store = store_in(dot).filter(|found| !is_anothers(dot, found, &own));
            store.is_some()
        });
        let (Some(root), Some(store)) = (root, store) else {
            return Ok(None);
        };
        Self::assemble(root, Some(store?), around).map(Some)
    }

    /// Opens the workspace that `start` is in, or makes one; returns how it came to be.
    ///
    /// # Errors
    ///
    /// When it cannot be made or used.
    pub fn open_or_create(
        start: &Path,
        around: &Surroundings,
    ) -> Result<(Self, Opening), RepoError> {
        match Self::discover(start, around)? {
            Some(workspace) => Ok((workspace, Opening::Found)),
            None => Self::begin_at(&place::choose(&standing(start)?), around),
        }
    }

    /// Makes a workspace in `root`, or opens the one that is there.
    ///
    /// # Errors
    ///
    /// When it cannot be made.
    pub fn create_at(root: &Path, around: &Surroundings) -> Result<Self, RepoError> {
        Self::begin_at(root, around).map(|(workspace, _)| workspace)
    }

    fn begin_at(root: &Path, around: &Surroundings) -> Result<(Self, Opening), RepoError> {
        let root = canonical(root)?;
        let fill = |dot: &Path| Ok(Store::create(dot).map(drop)?);
        let made = place::begin(&root, fill)?;
        let dot = place::prepare(&root).map_err(RepoError::at(&root))?;
        let opening = match made {
            true => Opening::Made,
            // Another process may have made it just now.
            false if is_store(&dot) => Opening::Found,
            false => Opening::Refilled,
        };
        let store = Store::create(&dot)?;
        Ok((Self::assemble(root, Some(store), around)?, opening))
    }

    /// Returns a workspace that has no store: where a new one belongs, or the old one would be, but
    /// nothing can be read or written. A command can still be run, and kept elsewhere.
    ///
    /// # Errors
    ///
    /// When a configuration file is wrong.
    pub fn without_store(start: &Path, around: &Surroundings) -> Result<Self, RepoError> {
        let start = standing(start)?;
        let own = place::choose(&start);
        let is_ours = |dot: &Path| store_in(dot).is_some_and(|it| !is_anothers(dot, &it, &own));
        let root = place::find(&start, is_ours).unwrap_or_else(|| own.clone());
        Self::assemble(root.clone(), None, around)
            .or_else(|_| Self::with_config(root, None, around.config(None)?, around))
    }

    fn assemble(
        root: PathBuf,
        store: Option<Store>,
        around: &Surroundings,
    ) -> Result<Self, RepoError> {
        let config = around.config(Some(&root))?;
        Self::with_config(root, store, config, around)
    }

    fn with_config(
        root: PathBuf,
        store: Option<Store>,
        config: Config,
        around: &Surroundings,
    ) -> Result<Self, RepoError> {
        Ok(Self {
            root,
            store,
            config,
            away: around.away(),
            cache: around.cache.clone(),
        })
    }

    /// Returns the project's root: absolute, without links.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Returns the directory that roar keeps its things in.
    pub fn dot(&self) -> PathBuf {
        self.root.join(place::DOT_ROAR)
    }

    /// Returns the settings.
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// Returns the settings, to be changed.
    pub const fn config_mut(&mut self) -> &mut Config {
        &mut self.config
    }

    /// Returns the store, unless this workspace has to do without.
    pub const fn store(&self) -> Option<&Store> {
        self.store.as_ref()
    }

    /// Returns the directory for runs that cannot be kept in the store, if the user has one.
    pub fn away(&self) -> Option<&Path> {
        self.away.as_deref()
    }

    /// Returns where to keep what can be found out again about this machine.
    pub fn machine_cache(&self) -> PathBuf {
        self.cache
            .clone()
            .unwrap_or_else(|| self.dot().join("cache"))
    }

    /// Returns where the hash cache is kept.
    pub fn hash_cache(&self) -> PathBuf {
        self.dot().join("hashes")
    }

    /// Returns the workspace as it is now, for questions. Takes no lock.
    ///
    /// # Errors
    ///
    /// When there is no store, or it cannot be read.
    pub fn snapshot(&self) -> Result<Snapshot, RepoError> {
        let store = self
            .store
            .as_ref()
            .ok_or_else(|| OpenError::NotAStore { path: self.dot() })?;
        Snapshot::take(&self.root, store)
    }
}

/// Opens the store of ours that a directory is, usable or not; returns nothing if it is none.
fn store_in(dot: &Path) -> Option<Result<Store, OpenError>> {
    let opened = dot.is_dir().then(|| Store::open(dot))?;
    (!matches!(opened, Err(OpenError::NotAStore { .. }))).then_some(opened)
}

/// Returns whether a store is one that somebody else keeps to himself, above the place where we would have ours.
fn is_anothers(dot: &Path, store: &Result<Store, OpenError>, own: &Path) -> bool {
    let denied = |err: &FileError| err.source.kind() == io::ErrorKind::PermissionDenied;
    let is_closed = matches!(store, Err(OpenError::Io(err)) if denied(err));
    let me = nix::unistd::geteuid().as_raw();
    // One of our own is only locked by mistake.
    let is_ours = || fs::metadata(dot).is_ok_and(|found| found.uid() == me);
    is_closed && dot.parent() != Some(own) && !is_ours()
}

fn is_store(dot: &Path) -> bool {
    store_in(dot).is_some()
}

/// Returns where work in a directory stands, even after the directory was removed: a shell may still be
/// in it, and the project around it is still there.
fn standing(start: &Path) -> Result<PathBuf, RepoError> {
    let is_there = |above: &&Path| fs::symlink_metadata(above).is_ok();
    match start.ancestors().find(is_there) {
        Some(above) if above != start => {
            let rest = start
                .strip_prefix(above)
                .expect("it is one of its ancestors");
            Ok(canonical(above)?.join(rest))
        }
        _ => canonical(start),
    }
}

fn canonical(path: &Path) -> Result<PathBuf, RepoError> {
    fs::canonicalize(path).map_err(|source| RepoError::Place {
        path: path.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_that_somebody_keeps_to_himself_is_passed_over_above_ones_own_place() {
        let found = |kind: io::ErrorKind| -> Result<Store, OpenError> {
            Err(OpenError::Io(FileError {
                what: "read",
                path: PathBuf::from("/top/.roar/format"),
                source: kind.into(),
            }))
        };
        let denied = found(io::ErrorKind::PermissionDenied);
        let (dot, top, below) = (
            Path::new("/top/.roar"),
            Path::new("/top"),
            Path::new("/top/me"),
        );
        assert!(is_anothers(dot, &denied, below));
        // None can be made beside it, so what is wrong is told.
        assert!(!is_anothers(dot, &denied, top));
        assert!(!is_anothers(dot, &found(io::ErrorKind::StorageFull), below));
    }
}
