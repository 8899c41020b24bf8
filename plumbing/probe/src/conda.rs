//! Conda packages, from the records in an environment's `conda-meta`.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use serde::Deserialize;

use crate::packages::Package;
use crate::path_index::{Contents, PathIndex, key_of, place};

/// Directories at the top of an environment that files are read from.
const TOPS: [&[u8]; 4] = [b"/lib/", b"/bin/", b"/share/", b"/etc/"];

#[derive(Deserialize)]
struct Record {
    name: String,
    version: String,
    #[serde(default)]
    build: String,
    #[serde(default)]
    channel: String,
    #[serde(default)]
    files: Vec<String>,
}

/// Returns the conda packages that own any of `reads`; `origin` is channel and
/// build.
pub fn packages(reads: &[Vec<u8>], cache: &Path) -> Vec<Package> {
    let mut environments: BTreeMap<&[u8], Option<PathIndex>> = BTreeMap::new();
    let mut found = BTreeSet::new();
    for read in reads {
        for prefix in prefixes(read) {
            let index = environments
                .entry(prefix)
                .or_insert_with(|| index(prefix, cache));
            let owner = index
                .as_ref()
                .and_then(|index| index.lookup(&read[prefix.len() + 1..]));
            found.extend(owner.and_then(package));
        }
    }
    found.into_iter().collect()
}

/// What could be an environment: whatever stands before a `lib` or the like.
fn prefixes(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    TOPS.iter().filter_map(move |top| {
        let at = path.windows(top.len()).position(|window| window == *top)?;
        Some(&path[..at])
    })
}

fn index(prefix: &[u8], cache: &Path) -> Option<PathIndex> {
    let meta = Path::new(OsStr::from_bytes(prefix)).join("conda-meta");
    let key = key_of(&meta, 0).ok()?;
    Some(PathIndex::obtain(
        &place(cache, "conda", prefix),
        key,
        || contents(&meta),
    ))
}

fn contents(meta: &Path) -> Contents {
    let mut contents = Contents::default();
    for entry in fs::read_dir(meta).into_iter().flatten().flatten() {
        let Ok(text) = fs::read(entry.path()) else {
            continue;
        };
        // `history` and other files beside the records are not JSON objects.
        let Ok(record) = serde_json::from_slice::<Record>(&text) else {
            continue;
        };
        let origin = format!("{} {}", record.channel, record.build);
        let owner = contents.owner(&[&record.name, &record.version, origin.trim()]);
        for file in &record.files {
            contents.own(file.as_bytes(), owner);
        }
    }
    contents
}

fn package(fields: Vec<String>) -> Option<Package> {
    let [name, version, origin] = <[String; 3]>::try_from(fields).ok()?;
    Some(Package {
        name,
        version: Some(version),
        origin: (!origin.is_empty()).then_some(origin),
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests may panic")]

    use super::*;

    #[test]
    fn an_environment_says_which_package_a_file_is_of() {
        let (root, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let meta = root.path().join("conda-meta");
        fs::create_dir_all(&meta).unwrap();
        fs::write(meta.join("history"), "==> now <==").unwrap();
        fs::write(
            meta.join("zlib-1.2-h1.json"),
            r#"{"name":"zlib","version":"1.2","build":"h1","channel":"main","files":["lib/libz.so"]}"#,
        )
        .unwrap();
        let read = |name: &str| root.path().join(name).into_os_string().into_encoded_bytes();
        for _ in 0..2 {
            let found = packages(
                &[read("lib/libz.so"), read("lib/other.so"), read("data")],
                cache.path(),
            );
            assert_eq!(found.len(), 1);
            assert_eq!(found[0].version.as_deref(), Some("1.2"));
            assert_eq!(found[0].origin.as_deref(), Some("main h1"));
        }
    }
}
