//! Python distributions and interpreters, told by the files a run read.
//!
//! A distribution is used when one of its files was read; which distribution a
//! file belongs to is what its `RECORD` says (the format of the packaging
//! specifications, "Recording installed projects"), or its `top_level.txt`
//! where there is no record, or the source tree of an editable install. Reading
//! metadata alone (`*.dist-info`) is not using.

mod interpreter;
mod site;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::packages::Package;

pub use interpreter::{Interpreter, interpreters};

use site::Site;

/// Returns the distributions that own any of `reads`, by normalised name.
pub fn distributions(reads: &[Vec<u8>], cache: &Path) -> Vec<Package> {
    let mut found = BTreeSet::new();
    let mut sites: BTreeMap<&[u8], Option<Site>> = BTreeMap::new();
    let mut elsewhere = Vec::new();
    for read in reads {
        match site::split(read) {
            Some((directory, inside)) => {
                let site = sites
                    .entry(directory)
                    .or_insert_with(|| Site::open(directory, cache));
                found.extend(site.as_ref().and_then(|site| site.owner(inside)));
            }
            None if is_code(read) => elsewhere.push(read),
            None => {}
        }
    }
    let editable = sites.values().flatten().flat_map(Site::editable);
    for (root, package) in editable {
        let inside = |read: &&Vec<u8>| {
            read.strip_prefix(root.as_bytes())
                .is_some_and(|rest| rest.starts_with(b"/"))
        };
        if elsewhere.iter().any(inside) {
            found.insert(package);
        }
    }
    found.into_iter().collect()
}

/// A project's own data lies beside its code; only code is an import.
fn is_code(path: &[u8]) -> bool {
    [&b".py"[..], b".pyc", b".so", b".pyd"]
        .iter()
        .any(|end| path.ends_with(end))
}

/// Normalises a distribution's name: lower case, runs of `-`, `_`, `.` as `-`
/// (packaging specifications, "Names and normalization").
pub fn normalised(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for c in name.chars() {
        match c {
            '-' | '_' | '.' if out.ends_with('-') => {}
            '-' | '_' | '.' => out.push('-'),
            c => out.extend(c.to_lowercase()),
        }
    }
    out
}

#[cfg(test)]
mod tests;
