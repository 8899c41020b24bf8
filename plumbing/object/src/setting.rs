//! What jobs ran in: machine and packages, the state of the code, hidden variables.
//!
//! Each is an object of its own, so that the jobs that ran in it share it. Nothing in here may vary
//! from one run to the next on a machine that did not change: no free memory, no process ids.

use crate::canonical::ascends;
use crate::code::Version1;
use crate::{Body, ByteStr, Kind};
use serde::{Deserialize, Serialize};

/// One installed package that a run used.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Package {
    /// Who installed it: `python`, `debian`, `conda`, `npm`.
    pub manager: String,
    /// Its name.
    pub name: String,
    /// Its version; empty when it is not known.
    pub version: String,
}

/// The machine and the packages that jobs ran with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Environment {
    version: Version1,
    /// Facts by name, sorted: `os`, `kernel`, `cpu.model`, `gpu.0`, `python` …
    pub facts: Vec<(String, String)>,
    /// Packages used, sorted.
    pub packages: Vec<Package>,
}

impl Environment {
    /// Makes an environment, sorting what it is given.
    pub fn new(mut facts: Vec<(String, String)>, mut packages: Vec<Package>) -> Self {
        facts.sort();
        facts.dedup_by(|later, earlier| later.0 == earlier.0);
        packages.sort();
        packages.dedup();
        Self {
            version: Version1,
            facts,
            packages,
        }
    }

    /// Returns a fact by name.
    pub fn fact(&self, name: &str) -> Option<&str> {
        let found = self
            .facts
            .binary_search_by(|(key, _)| key.as_str().cmp(name));
        found.ok().map(|at| self.facts[at].1.as_str())
    }
}

impl Body for Environment {
    const KIND: Kind = Kind::Environment;

    fn check(&self) -> Result<(), String> {
        let sorted = ascends(&self.facts, |(name, _)| name.as_str())
            && self.packages.windows(2).all(|pair| pair[0] < pair[1]);
        if sorted {
            Ok(())
        } else {
            Err("its lists are not in order".to_owned())
        }
    }
}

/// The state of the code when a job began.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The layout of the body.
    pub version: Version1,
    /// The commit; absent before the first.
    pub commit: Option<String>,
    /// The branch; absent when none is checked out.
    pub branch: Option<String>,
    /// Where the repository can be had, without secrets.
    pub remote: Option<String>,
    /// Whether there were changes that no commit holds.
    pub dirty: bool,
    /// The git tree that holds the exact state, when it was kept.
    pub tree: Option<String>,
    /// The project's place in the repository; empty at its top.
    pub prefix: ByteStr,
    /// Why git could not be asked, if it could not.
    pub broken: Option<String>,
}

impl Body for Source {
    const KIND: Kind = Kind::Source;
}

/// Environment variables whose values are not kept: names, and tags that only tell same from other.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variables {
    version: Version1,
    /// Name and keyed tag, sorted by name.
    pub list: Vec<(ByteStr, ByteStr)>,
}

impl Variables {
    /// Makes a list, sorting what it is given.
    pub fn new(mut list: Vec<(ByteStr, ByteStr)>) -> Self {
        list.sort();
        list.dedup_by(|later, earlier| later.0 == earlier.0);
        Self {
            version: Version1,
            list,
        }
    }
}

impl Body for Variables {
    const KIND: Kind = Kind::Variables;

    fn check(&self) -> Result<(), String> {
        if ascends(&self.list, |(name, _)| name.0.as_slice()) {
            Ok(())
        } else {
            Err("its names are not in order".to_owned())
        }
    }
}
