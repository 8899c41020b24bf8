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

use crate::by_path::by_path;
use crate::listing::{Found, list, lookup};
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
/// Reads the tree twice instead of holding its files: once for what they say of the format, once in
/// the order in which the peer hashes them.
///
/// # Errors
///
/// When the tree cannot be read.
pub fn composite<O: Objects>(objects: O, root: ObjectId) -> Result<Option<Composite>, TreeError> {
    match survey(&objects, root)? {
        Survey::Nameless => Ok(None),
        Survey::Rewritten => Ok(of_leaves(&collect(&objects, root)?)),
        Survey::Plain { whole, nested } if nested.len() < 2 => {
            let composite = hash_in_order(&objects, root, whole)?;
            Ok(composite.filter(|found| found.components >= 2))
        }
        Survey::Plain { nested, .. } => {
            let mut children = Vec::new();
            for (name, format) in nested {
                let inside = lookup(&objects, root, name.as_bytes())?;
                let Some(tree) = inside.and_then(|entry| entry.tree_id()) else {
                    return Ok(None);
                };
                let child = hash_in_order(&objects, tree, format)?;
                children.extend(child.map(|child| (name, child)));
            }
            Ok(of_children(&children))
        }
    }
}

/// What the files of a tree are, before they are hashed.
enum Survey {
    /// A file has no name, or its path is no text.
    Nameless,
    /// There are paths that the peer writes otherwise than they are, and so sorts elsewhere.
    Rewritten,
    /// Paths are as they are.
    Plain {
        /// The format of the whole.
        whole: Format,
        /// The top directories that are datasets of formats that declare themselves.
        nested: Vec<(String, Format)>,
    },
}

fn survey<O: Objects>(objects: O, root: ObjectId) -> Result<Survey, TreeError> {
    let (mut whole, mut rewritten) = (Signs::default(), false);
    let mut nested = Vec::new();
    let mut top: (String, Signs) = Default::default();
    for found in list(objects, root, true) {
        let found = found?;
        let Some(path) = text(&found) else {
            return Ok(Survey::Nameless);
        };
        rewritten |= path.contains('\\');
        whole.see(path);
        let (name, inside) = path.split_once('/').unwrap_or_default();
        if name != top.0 {
            // Files of one directory are listed together.
            nested.extend(declared(std::mem::take(&mut top)));
            name.clone_into(&mut top.0);
        }
        top.1.see(inside);
    }
    nested.extend(declared(top));
    let whole = whole.format();
    Ok(match rewritten {
        true => Survey::Rewritten,
        false => Survey::Plain { whole, nested },
    })
}

fn declared((name, signs): (String, Signs)) -> Option<(String, Format)> {
    let format = signs.format();
    (!name.is_empty() && format.is_declared()).then_some((name, format))
}

/// Returns the path of a file that has a name, as text.
fn text(found: &Found) -> Option<&str> {
    found.entry.content_id()?;
    std::str::from_utf8(&found.path).ok()
}

/// Hashes the files of a tree that count, which are listed as the peer sorts them.
fn hash_in_order<O: Objects>(
    objects: O,
    root: ObjectId,
    format: Format,
) -> Result<Option<Composite>, TreeError> {
    let mut hasher = LineHasher::default();
    let (mut components, mut bytes) = (0, 0u64);
    for found in by_path(objects, root) {
        let found = found?;
        let (Some(path), Some(id)) = (text(&found), found.entry.content_id()) else {
            return Ok(None);
        };
        if format.counts(path) {
            hasher.add(path, "blake3", &Hex::of(id.as_bytes()));
            components += 1;
            bytes = bytes.saturating_add(found.entry.size);
        }
    }
    Ok(Some(Composite {
        digest: hasher.finish(),
        components,
        bytes,
    }))
}

/// Takes all files into memory, with the paths that the peer gives them.
fn collect<O: Objects>(objects: O, root: ObjectId) -> Result<Vec<Leaf>, TreeError> {
    let mut leaves = Vec::new();
    for found in list(objects, root, true) {
        let found = found?;
        let (Some(path), Some(id)) = (text(&found), found.entry.content_id()) else {
            continue;
        };
        let path = key(path.to_owned());
        // The peer passes over a path that comes to nothing.
        if !path.is_empty() {
            let size = found.entry.size;
            leaves.push(Leaf { path, id, size });
        }
    }
    Ok(leaves)
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
        children.push(((*name).to_owned(), child));
    }
    of_children(&children)
}

fn of_children(children: &[(String, Composite)]) -> Option<Composite> {
    let lines = children
        .iter()
        .map(|(name, child)| (name.as_str(), "composite-blake3", child.hex()));
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
    let mut hasher = LineHasher::default();
    for (path, (algorithm, digest)) in sorted {
        hasher.add(path, algorithm, &digest);
    }
    Some(hasher.finish())
}

/// Hashes lines that are sorted.
struct LineHasher(blake3::Hasher);

impl Default for LineHasher {
    fn default() -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(DOMAIN);
        Self(hasher)
    }
}

impl LineHasher {
    fn add(&mut self, path: &str, algorithm: &str, digest: &Hex) {
        let (algorithm, digest) = (algorithm.as_bytes(), digest.as_str().as_bytes());
        for part in [path.as_bytes(), b"\0", algorithm, b":", digest, b"\n"] {
            self.0.update(part);
        }
    }

    fn finish(self) -> [u8; 32] {
        self.0.finalize().into()
    }
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
        let mut signs = Signs::default();
        paths.iter().for_each(|path| signs.see(path));
        signs.format()
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

/// What the paths of a dataset say of its format.
#[derive(Default)]
struct Signs {
    /// Files that are not boilerplate.
    files: u64,
    tars: u64,
    parquets: u64,
    robot_description: bool,
    robot_data: bool,
    zarr: bool,
    lance: bool,
    rlds_description: bool,
    rlds_features: bool,
}

impl Signs {
    /// Takes note of one path.
    fn see(&mut self, path: &str) {
        if is_boilerplate(path) {
            return;
        }
        self.files += 1;
        self.tars += u64::from(path.ends_with(".tar"));
        self.parquets += u64::from(path.ends_with(".parquet"));
        self.robot_description |= ends_with_path(path, "meta/info.json");
        self.robot_data |= path.starts_with("data/chunk-");
        self.zarr |= matches!(last_name(path), ".zarray" | ".zgroup" | "zarr.json");
        self.lance |= is_lance(path);
        self.rlds_description |= ends_with_path(path, "dataset_info.json");
        self.rlds_features |= ends_with_path(path, "features.json");
    }

    const fn format(&self) -> Format {
        if self.robot_description && self.robot_data {
            Format::LeRobot
        } else if self.zarr {
            Format::Zarr
        } else if self.lance {
            Format::Lance
        } else if self.rlds_description && self.rlds_features {
            Format::Rlds
        } else if self.files >= 2 && self.tars == self.files {
            Format::WebDataset
        } else if self.parquets >= 2 {
            Format::ParquetShards
        } else {
            Format::Unstructured
        }
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

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests may panic")]
mod tests {
    use super::*;
    use crate::PathTree;
    use proptest::prelude::*;
    use roar_object::MemoryObjects;

    /// Names that formats are told by, and some that sort around a slash.
    const NAMES: [&str; 14] = [
        "meta",
        "info.json",
        "data",
        "chunk-0",
        "zarr.json",
        "README.md",
        "a",
        "a-b",
        "a.parquet",
        "b.tar",
        "dataset_info.json",
        "features.json",
        "x.lance",
        "b",
    ];

    fn path() -> impl Strategy<Value = String> {
        let name = (0..NAMES.len()).prop_map(|at| NAMES[at]);
        prop::collection::vec(name, 1..4).prop_map(|names| names.join("/"))
    }

    proptest! {
        #[test]
        fn a_tree_that_is_read_twice_has_the_digest_of_one_that_is_held(
            paths in prop::collection::btree_set(path(), 0..40)
        ) {
            let is_above = |path: &String| paths.iter().any(|other| other.starts_with(&format!("{path}/")));
            let files = paths.iter().filter(|path| !is_above(path));
            let leaves = files.map(|path| {
                let bytes = path.as_bytes();
                (path, crate::Leaf::file(ContentId::of(bytes), bytes.len() as u64, false))
            });
            let mut objects = MemoryObjects::default();
            let root = PathTree::build(leaves, &mut objects).unwrap().id;
            let held = of_leaves(&collect(&objects, root).unwrap());
            prop_assert_eq!(composite(&objects, root).unwrap(), held);
        }
    }
}
