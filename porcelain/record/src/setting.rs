//! What a job ran in: the machine, and the packages that it used.

use crate::contents::Settled;
use roar_object::{Environment, Package};
use roar_probe::packages::{self, Packages};
use roar_probe::{host, python};
use roar_repo::Workspace;
use roar_secrets::Rules;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

/// What is the same for every job that this process records.
pub(crate) struct Setting {
    key: [u8; 32],
    secrets: Rules,
    cache: PathBuf,
    /// Directories in which roar keeps its own things.
    ours: Vec<Vec<u8>>,
}

impl Setting {
    pub(crate) fn new(workspace: &Workspace, key: [u8; 32]) -> Self {
        let cache = workspace.machine_cache();
        let away = workspace.away().map(Path::to_owned);
        let own = [Some(workspace.dot()), Some(cache.clone()), away]
            .into_iter()
            .flatten();
        Self {
            key,
            secrets: Rules::standard(key),
            ours: own.map(|path| path.into_os_string().into_vec()).collect(),
            cache,
        }
    }

    /// Makes also those values secret that the environment of a command says are (`NAME=value` each).
    pub(crate) fn knowing<'v>(self, environment: impl Iterator<Item = &'v [u8]>) -> Self {
        Self {
            secrets: self.secrets.with_variables(environment),
            ..self
        }
    }

    /// Returns whether a path is one of roar's own: its store, its caches, its left runs.
    pub(crate) fn is_ours(&self, path: &[u8]) -> bool {
        let below = |own: &Vec<u8>| {
            path.strip_prefix(own.as_slice())
                .is_some_and(|rest| rest.starts_with(b"/"))
        };
        self.ours.iter().any(below)
    }

    pub(crate) const fn key(&self) -> &[u8; 32] {
        &self.key
    }

    pub(crate) const fn secrets(&self) -> &Rules {
        &self.secrets
    }

    /// Returns the machine and the packages that a run used, by the files that it read.
    pub(crate) fn environment(&self, settled: &[Settled]) -> Environment {
        let read = || settled.iter().filter(|file| file.read.is_some());
        let reads: Vec<_> = read().map(|file| file.seen.path.clone()).collect();
        let loaded: Vec<_> = read()
            .filter(|file| is_loaded(file))
            .map(|file| file.seen.path.clone())
            .collect();
        let used = packages::of(&reads, &loaded, &self.cache);
        let mut facts: Vec<_> = host::facts().facts.into_iter().collect();
        facts.extend(used.interpreters.iter().enumerate().map(interpreter));
        facts.extend(
            used.unknown
                .iter()
                .map(|(what, why)| (format!("unknown.{what}"), why.clone())),
        );
        Environment::new(facts, listed(used))
    }
}

/// Programs that were executed and shared libraries.
fn is_loaded(file: &Settled) -> bool {
    let path = &file.seen.path;
    let name = path.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
    file.seen.executed || name.windows(3).any(|part| part == b".so")
}

fn interpreter((at, interpreter): (usize, &python::Interpreter)) -> (String, String) {
    let name = if at == 0 {
        "python".to_owned()
    } else {
        format!("python.{at}")
    };
    (name, interpreter.version.clone().unwrap_or_default())
}

fn listed(used: Packages) -> Vec<Package> {
    let own = [
        ("python", used.python),
        ("debian", used.debian),
        ("conda", used.conda),
        ("npm", used.node),
    ];
    let of = |(manager, packages): (&str, Vec<packages::Package>)| {
        let manager = manager.to_owned();
        packages.into_iter().map(move |package| Package {
            manager: manager.clone(),
            name: package.name,
            version: package.version.unwrap_or_default(),
        })
    };
    own.into_iter().chain(used.named).flat_map(of).collect()
}
