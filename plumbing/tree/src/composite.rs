//! The digest that `roar-cli 0.4.7` and GLaaS know a dataset by, byte for byte.
//!
//! A *leaf* is a file by path and digest. What the peer takes for boilerplate of a format is left
//! out, and a directory that holds several datasets of formats that declare themselves is a
//! composite of their composites. The digest is the BLAKE3 of
//!
//! ```text
//! "roar:blake3-tree:v1\n"  then for each leaf, sorted by the bytes of its path:
//! path  00  "blake3:" or "composite-blake3:"  64 lower-case hex digits  0A
//! ```
//!
//! The rules below are the peer's `detect.py`, `canonical.py` and `composite_builder.py`, as they
//! act on a directory that the user has declared a dataset.

use crate::listing::list;
use crate::node::TreeError;
use roar_object::{ContentId, Hex, ObjectId, Objects};
use std::collections::{BTreeMap, BTreeSet};

/// What is never part of a dataset, by its last name.
const BOILERPLATE: [&str; 5] = [
    ".gitattributes",
    ".gitignore",
    "README.md",
    "LICENSE",
    ".DS_Store",
];

const DOMAIN: &[u8] = b"roar:blake3-tree:v1\n";

/// A dataset as the peer names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Composite {
    /// The digest, of the algorithm that the peer calls `composite-blake3`.
    pub digest: [u8; 32],
    /// How many files it is made of.
    pub components: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Composite {
    /// Returns the digest in hex.
    pub fn hex(&self) -> Hex {
        Hex::of(&self.digest)
    }
}

/// Computes the peer's digest of a tree; nothing when the peer has none for it: fewer than two
/// files that count, a path that is not UTF-8 or that the peer refuses, a file without a name.
///
/// # Errors
///
/// When the tree cannot be read.
pub fn composite<O: Objects>(objects: O, root: ObjectId) -> Result<Option<Composite>, TreeError> {
    let mut leaves = Vec::new();
    for found in list(objects, root, true) {
        let found = found?;
        let Some(id) = found.entry.content_id() else {
            return Ok(None);
        };
        let Ok(path) = String::from_utf8(found.path) else {
            return Ok(None);
        };
        let path = key(path);
        // The peer passes over a path that comes to nothing.
        if !path.is_empty() {
            let size = found.entry.size;
            leaves.push(Leaf { path, id, size });
        }
    }
    Ok(of_leaves(&leaves))
}

/// One file.
#[derive(Clone, Debug)]
struct Leaf {
    path: String,
    id: ContentId,
    size: u64,
}

/// Writes a path as the peer's collector does.
fn key(path: String) -> String {
    let path = if path.contains('\\') {
        path.replace('\\', "/")
    } else {
        path
    };
    let path = path.trim_start_matches('/');
    path.strip_prefix("./").unwrap_or(path).to_owned()
}

fn of_leaves(leaves: &[Leaf]) -> Option<Composite> {
    let paths: Vec<_> = leaves.iter().map(|leaf| leaf.path.as_str()).collect();
    let nested = nested_datasets(&paths);
    if nested.len() >= 2 {
        return of_nested(leaves, &nested);
    }
    let counted = counted(leaves.iter().map(|leaf| (leaf.path.as_str(), leaf)));
    if counted.len() < 2 {
        None
    } else {
        flat(&counted)
    }
}

/// Combines the composites of the datasets that are directories of this one.
fn of_nested(leaves: &[Leaf], nested: &BTreeSet<&str>) -> Option<Composite> {
    let mut children = Vec::new();
    for name in nested {
        let inside = leaves.iter().filter_map(|leaf| {
            let path = leaf.path.strip_prefix(name)?.strip_prefix('/')?;
            Some((path, leaf))
        });
        let child = flat(&counted(inside))?;
        children.push((*name, child));
    }
    let lines = children
        .iter()
        .map(|(name, child)| (*name, "composite-blake3", child.hex()));
    Some(Composite {
        digest: combine(lines)?,
        components: total(children.iter().map(|(_, child)| child.components)),
        bytes: total(children.iter().map(|(_, child)| child.bytes)),
    })
}

fn flat(leaves: &[(&str, &Leaf)]) -> Option<Composite> {
    let lines = leaves
        .iter()
        .map(|(path, leaf)| (*path, "blake3", Hex::of(leaf.id.as_bytes())));
    Some(Composite {
        digest: combine(lines)?,
        components: leaves.len() as u64,
        bytes: total(leaves.iter().map(|(_, leaf)| leaf.size)),
    })
}

/// Adds up; a tree that claims more than there can be is no reason to fall over.
fn total(numbers: impl Iterator<Item = u64>) -> u64 {
    numbers.fold(0, u64::saturating_add)
}

/// Hashes the sorted lines; nothing if a path is refused or there twice.
fn combine<'a>(lines: impl Iterator<Item = (&'a str, &'static str, Hex)>) -> Option<[u8; 32]> {
    let mut sorted = BTreeMap::new();
    for (path, algorithm, digest) in lines {
        if sorted.insert(normal(path)?, (algorithm, digest)).is_some() {
            return None;
        }
    }
    let mut hasher = blake3::Hasher::new();
    hasher.update(DOMAIN);
    for (path, (algorithm, digest)) in sorted {
        let (algorithm, digest) = (algorithm.as_bytes(), digest.as_str().as_bytes());
        for part in [path.as_bytes(), b"\0", algorithm, b":", digest, b"\n"] {
            hasher.update(part);
        }
    }
    Some(hasher.finalize().into())
}

/// Writes a path as the peer's canonical form does.
fn normal(path: &str) -> Option<&str> {
    let mut path = path;
    while let Some(rest) = path.strip_prefix("./") {
        path = rest;
    }
    let path = path.trim_start_matches('/');
    let lawful = !path.is_empty() && path.split('/').all(|name| name != "..");
    lawful.then_some(path)
}

/// Returns the leaves that count, by the rules of the format that they are in.
fn counted<'a>(leaves: impl Iterator<Item = (&'a str, &'a Leaf)>) -> Vec<(&'a str, &'a Leaf)> {
    let leaves: Vec<_> = leaves.collect();
    let paths: Vec<_> = leaves.iter().map(|(path, _)| *path).collect();
    let format = Format::of(&paths);
    leaves
        .into_iter()
        .filter(|(path, _)| format.counts(path))
        .collect()
}

/// Returns the top directories that are datasets of formats that declare themselves.
fn nested_datasets<'a>(paths: &[&'a str]) -> BTreeSet<&'a str> {
    let mut tops: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for path in paths.iter().filter(|path| !is_boilerplate(path)) {
        if let Some((top, rest)) = path.split_once('/') {
            tops.entry(top).or_default().push(rest);
        }
    }
    let declared = |paths: &Vec<&str>| Format::of(paths).is_declared();
    tops.into_iter()
        .filter(|(_, inside)| declared(inside))
        .map(|(top, _)| top)
        .collect()
}

/// The formats that the peer tells apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    LeRobot,
    Zarr,
    Lance,
    Rlds,
    WebDataset,
    ParquetShards,
    Unstructured,
}

impl Format {
    fn of(paths: &[&str]) -> Self {
        let paths: Vec<_> = paths
            .iter()
            .copied()
            .filter(|path| !is_boilerplate(path))
            .collect();
        let any = |test: &dyn Fn(&str) -> bool| paths.iter().any(|path| test(path));
        let all_end = |end: &str| paths.iter().all(|path| path.ends_with(end));
        let count_end = |end: &str| paths.iter().filter(|path| path.ends_with(end)).count();
        if any(&|path| ends_with_path(path, "meta/info.json"))
            && any(&|path| path.starts_with("data/chunk-"))
        {
            Self::LeRobot
        } else if any(&|path| matches!(last_name(path), ".zarray" | ".zgroup" | "zarr.json")) {
            Self::Zarr
        } else if any(&is_lance) {
            Self::Lance
        } else if any(&|path| ends_with_path(path, "dataset_info.json"))
            && any(&|path| ends_with_path(path, "features.json"))
        {
            Self::Rlds
        } else if paths.len() >= 2 && all_end(".tar") {
            Self::WebDataset
        } else if count_end(".parquet") >= 2 {
            Self::ParquetShards
        } else {
            Self::Unstructured
        }
    }

    /// Returns whether a directory of this format is a dataset wherever it lies.
    const fn is_declared(self) -> bool {
        matches!(self, Self::LeRobot | Self::Zarr | Self::Lance | Self::Rlds)
    }

    /// Returns whether a file is part of the dataset.
    fn counts(self, path: &str) -> bool {
        let format_counts = match self {
            Self::LeRobot => ["meta/", "data/", "videos/"]
                .iter()
                .any(|top| path.starts_with(top)),
            Self::ParquetShards => path.ends_with(".parquet"),
            _ => true,
        };
        format_counts && !is_boilerplate(path)
    }
}

fn is_lance(path: &str) -> bool {
    path.ends_with(".lance") || path.contains(".lance/") || ends_with_path(path, "_versions")
}

fn last_name(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

fn is_boilerplate(path: &str) -> bool {
    BOILERPLATE.contains(&last_name(path))
}

/// Returns whether `path` is `end`, or ends with it after a slash.
fn ends_with_path(path: &str, end: &str) -> bool {
    path.strip_suffix(end)
        .is_some_and(|before| before.is_empty() || before.ends_with('/'))
}
