//! Packages read from `node_modules`.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use serde::Deserialize;

use crate::packages::Package;

const MODULES: &[u8] = b"/node_modules/";

/// The two fields of a `package.json` that matter; the rest is skipped unread.
#[derive(Deserialize)]
struct Manifest {
    name: Option<String>,
    version: Option<String>,
}

/// Returns the packages that own any of `reads`.
///
/// The innermost `node_modules` decides; a package without a readable
/// `package.json` goes by its directory and has no version.
pub fn packages(reads: &[Vec<u8>]) -> Vec<Package> {
    let roots: BTreeSet<&[u8]> = reads.iter().filter_map(|path| root(path)).collect();
    let found: BTreeSet<Package> = roots.into_iter().map(package).collect();
    found.into_iter().collect()
}

/// The directory of a package: one step into `node_modules`, two with a scope.
fn root(path: &[u8]) -> Option<&[u8]> {
    let at = path
        .windows(MODULES.len())
        .rposition(|window| window == MODULES)?;
    let inside = at + MODULES.len();
    let steps = if path.get(inside) == Some(&b'@') {
        2
    } else {
        1
    };
    let hidden = path.get(inside) == Some(&b'.');
    let slash = path
        .iter()
        .enumerate()
        .skip(inside)
        .filter(|&(_, &byte)| byte == b'/')
        .nth(steps - 1)?
        .0;
    (!hidden).then(|| &path[..slash])
}

fn package(root: &[u8]) -> Package {
    let manifest: Option<Manifest> =
        fs::read(Path::new(OsStr::from_bytes(root)).join("package.json"))
            .ok()
            .and_then(|text| serde_json::from_slice(&text).ok());
    let (name, version) = manifest.map_or((None, None), |found| (found.name, found.version));
    Package {
        name: name.unwrap_or_else(|| directory_name(root)),
        version,
        origin: None,
    }
}

fn directory_name(root: &[u8]) -> String {
    let at = root
        .windows(MODULES.len())
        .rposition(|window| window == MODULES)
        .map_or(0, |at| at + MODULES.len());
    String::from_utf8_lossy(&root[at..]).into_owned()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests may panic")]

    use super::*;

    #[test]
    fn the_innermost_package_of_each_read_is_found_once() {
        let root = tempfile::tempdir().unwrap();
        let package = |path: &str, text: &str| {
            let directory = root.path().join("node_modules").join(path);
            fs::create_dir_all(&directory).unwrap();
            fs::write(directory.join("package.json"), text).unwrap();
        };
        package("a", r#"{"name": "a", "version": "1.0.0", "x": [1]}"#);
        package(
            "a/node_modules/@s/b",
            r#"{"name": "@s/b", "version": "2.0.0"}"#,
        );
        package("broken", "{");
        let read = |path: &str| {
            root.path()
                .join("node_modules")
                .join(path)
                .into_os_string()
                .into_encoded_bytes()
        };
        let reads = [
            "a/index.js",
            "a/lib/x.js",
            "a/node_modules/@s/b/i.js",
            "broken/i.js",
            ".package-lock.json",
        ]
        .map(read);
        let found = packages(&reads);
        let names: Vec<_> = found
            .iter()
            .map(|package| (package.name.as_str(), package.version.as_deref()))
            .collect();
        assert_eq!(
            names,
            [
                ("@s/b", Some("2.0.0")),
                ("a", Some("1.0.0")),
                ("broken", None)
            ]
        );
    }
}
