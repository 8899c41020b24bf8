//! The packages a run used, of every kind this crate knows.

use std::collections::BTreeMap;
use std::path::Path;

use crate::python::Interpreter;
use crate::{conda, debian, named, node, python};

/// One package.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Package {
    /// Its name, in the spelling its ecosystem compares by.
    pub name: String,
    /// Its version; absent if its own files do not say.
    pub version: Option<String>,
    /// Where it came from when that is not the usual index: a URL, the channel,
    /// or the directory of an editable install.
    pub origin: Option<String>,
}

/// The packages a run used, each list sorted and without repeats.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Packages {
    /// Python distributions with a file among the reads.
    pub python: Vec<Package>,
    /// Python interpreters whose library was read.
    pub interpreters: Vec<Interpreter>,
    /// Debian packages of programs and libraries; `origin` is the architecture.
    pub debian: Vec<Package>,
    /// Conda packages.
    pub conda: Vec<Package>,
    /// Packages from `node_modules`.
    pub node: Vec<Package>,
    /// Packages whose path names them, by ecosystem: `cargo`, `gem`, `go`, `r`.
    pub named: BTreeMap<&'static str, Vec<Package>>,
    /// What could not be found out, and why.
    pub unknown: BTreeMap<&'static str, String>,
}

/// Finds the packages that own what a run touched.
///
/// `reads` are all files read, absolute, in any order; `loaded` the executed
/// programs and mapped libraries among them, the only ones asked about at
/// Debian. `cache` is a directory for indexes, made when missing.
pub fn of(reads: &[Vec<u8>], loaded: &[Vec<u8>], cache: &Path) -> Packages {
    let mut unknown = BTreeMap::new();
    let debian = match debian::Debian::open(cache) {
        Ok(debian) => debian.packages(loaded),
        Err(err) => {
            unknown.insert("debian", err.to_string());
            Vec::new()
        }
    };
    Packages {
        python: python::distributions(reads, cache),
        interpreters: python::interpreters(reads, cache),
        debian,
        conda: conda::packages(reads, cache),
        node: node::packages(reads),
        named: named::packages(reads),
        unknown,
    }
}
