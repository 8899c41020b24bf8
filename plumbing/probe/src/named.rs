//! Packages whose directory names them: crates, gems, Go modules, R packages.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::packages::Package;

/// Returns the packages that own any of `reads`, by ecosystem.
pub fn packages(reads: &[Vec<u8>]) -> BTreeMap<&'static str, Vec<Package>> {
    let mut found: BTreeMap<&'static str, BTreeSet<Package>> = BTreeMap::new();
    let mut libraries = BTreeSet::new();
    for path in reads
        .iter()
        .filter_map(|path| std::str::from_utf8(path).ok())
    {
        if let Some((ecosystem, package)) = by_path(path) {
            found.entry(ecosystem).or_default().insert(package);
        }
        libraries.extend(r_directory(path));
    }
    for package in libraries.into_iter().filter_map(r_package) {
        found.entry("r").or_default().insert(package);
    }
    let sorted =
        |(ecosystem, packages): (_, BTreeSet<_>)| (ecosystem, packages.into_iter().collect());
    found.into_iter().map(sorted).collect()
}

fn by_path(path: &str) -> Option<(&'static str, Package)> {
    cargo(path)
        .map(|package| ("cargo", package))
        .or_else(|| gem(path).map(|package| ("gem", package)))
        .or_else(|| go(path).map(|package| ("go", package)))
}

/// `…/registry/src/INDEX/NAME-VERSION/…`
fn cargo(path: &str) -> Option<Package> {
    let (_, rest) = path.split_once("/registry/src/")?;
    let mut parts = rest.split('/');
    parts.next()?;
    named(parts.next()?)
}

/// `…/gems/NAME-VERSION/…`
fn gem(path: &str) -> Option<Package> {
    let (_, rest) = path.rsplit_once("/gems/")?;
    named(rest.split('/').next()?)
}

/// `…/pkg/mod/MODULE@VERSION/…`, capitals written `!c`.
fn go(path: &str) -> Option<Package> {
    let (_, rest) = path.split_once("/pkg/mod/")?;
    let (module, rest) = rest.split_once('@')?;
    let version = rest.split('/').next()?;
    let inside = !module.starts_with("cache/");
    inside.then(|| package(&unescaped(module), version))
}

fn unescaped(module: &str) -> String {
    let mut parts = module.split('!');
    let mut name = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let first = part.len().min(1);
        name.push_str(&part.get(..first).unwrap_or_default().to_ascii_uppercase());
        name.push_str(part.get(first..).unwrap_or(part));
    }
    name
}

/// Parts `NAME-VERSION` at the first dash before a digit.
fn named(directory: &str) -> Option<Package> {
    let digit_follows = |&(at, _): &(usize, &str)| {
        directory
            .as_bytes()
            .get(at + 1)
            .is_some_and(u8::is_ascii_digit)
    };
    let (at, _) = directory.match_indices('-').find(digit_follows)?;
    Some(package(&directory[..at], &directory[at + 1..]))
}

fn package(name: &str, version: &str) -> Package {
    Package {
        name: name.to_owned(),
        version: Some(version.to_owned()),
        origin: None,
    }
}

/// `…/library/NAME/R/…`: R code, or what R keeps of it, was loaded.
fn r_directory(path: &str) -> Option<&Path> {
    let at = path.find("/R/").or_else(|| path.find("/Meta/"))?;
    let directory = Path::new(path.get(..at)?);
    let parent = directory.parent()?.file_name()?.to_str()?;
    let library = matches!(parent, "library" | "site-library") || parent.starts_with("R-");
    library.then_some(directory)
}

fn r_package(directory: &Path) -> Option<Package> {
    let text = fs::read(directory.join("DESCRIPTION")).ok()?;
    let text = String::from_utf8_lossy(&text);
    let field = |name: &str| {
        text.lines()
            .find_map(|line| line.strip_prefix(name))
            .map(str::trim)
    };
    Some(package(field("Package:")?, field("Version:")?))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests may panic")]

    use super::*;

    #[test]
    fn a_path_names_its_package() {
        let reads = [
            "/c/registry/src/index-1/serde_json-1.0.2/src/lib.rs",
            "/c/registry/src/index-1/sha-1-0.10.1/src/lib.rs",
            "/usr/lib/ruby/gems/3.1.0/gems/rake-13.0.6/lib/rake.rb",
            "/go/pkg/mod/github.com/!burnt!sushi/toml@v1.2.0/lex.go",
            "/go/pkg/mod/cache/download/x/@v/list",
            "/data/registry/plain.csv",
        ]
        .map(|path| path.as_bytes().to_vec());
        let found = packages(&reads);
        let all: Vec<String> = found
            .iter()
            .flat_map(|(kind, list)| {
                list.iter()
                    .map(move |p| format!("{kind} {} {}", p.name, p.version.as_deref().unwrap()))
            })
            .collect();
        assert_eq!(
            all,
            [
                "cargo serde_json 1.0.2",
                "cargo sha 1-0.10.1",
                "gem rake 13.0.6",
                "go github.com/BurntSushi/toml v1.2.0"
            ]
        );
    }

    #[test]
    fn an_r_package_says_its_version_itself() {
        let root = tempfile::tempdir().unwrap();
        let package = root.path().join("site-library/dplyr");
        fs::create_dir_all(package.join("R")).unwrap();
        fs::write(
            package.join("DESCRIPTION"),
            "Package: dplyr\nVersion: 1.1.4\nTitle: x\n",
        )
        .unwrap();
        let read = package
            .join("R/dplyr.rdb")
            .into_os_string()
            .into_encoded_bytes();
        let found = packages(&[read]);
        assert_eq!(found["r"][0].version.as_deref(), Some("1.1.4"));
    }
}
