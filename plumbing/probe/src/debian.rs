//! Which Debian package a file belongs to.
//!
//! `/var/lib/dpkg/info/PACKAGE.list` names the files of each package and
//! `/var/lib/dpkg/status` their versions; both are read once and kept as an
//! index until the status file changes. Diversions are not followed: a diverted
//! file is owned by the package that lists its path.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::packages::Package;
use crate::path_index::{Contents, PathIndex, key_of, place};

/// Top directories that a merged system keeps under `/usr`.
const MERGED: [&str; 6] = ["bin", "sbin", "lib", "lib32", "lib64", "libx32"];

/// Why nothing is known of Debian packages.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DebianError {
    /// The system keeps no dpkg database.
    #[error("no dpkg database on this system")]
    NotDebian,
    /// The database is there and cannot be looked at.
    #[error("cannot read '{}'", path.display())]
    Unreadable {
        /// The status file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// The package that owns a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// Name without architecture.
    pub package: String,
    /// Installed version.
    pub version: String,
    /// `amd64`, `all`, …
    pub architecture: String,
}

/// The package database of this system.
#[derive(Debug)]
pub struct Debian {
    index: PathIndex,
    /// Those of [`MERGED`] that are links into `/usr` here.
    merged: Vec<&'static str>,
}

impl Debian {
    /// Opens the database, making the index in `cache` if it is not current.
    pub fn open(cache: &Path) -> Result<Self, DebianError> {
        Self::open_under(Path::new("/"), cache)
    }

    /// Opens the database of the system whose root is `root`.
    pub fn open_under(root: &Path, cache: &Path) -> Result<Self, DebianError> {
        let dpkg = root.join("var/lib/dpkg");
        let status = dpkg.join("status");
        let key = key_of(&status, 0).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => DebianError::NotDebian,
            _ => DebianError::Unreadable {
                path: status.clone(),
                source,
            },
        })?;
        let merged: Vec<_> = MERGED
            .into_iter()
            .filter(|top| is_merged(root, top))
            .collect();
        let path = place(cache, "dpkg", dpkg.as_os_str().as_bytes());
        let index = PathIndex::obtain(&path, key, || contents(&dpkg, &merged));
        Ok(Self { index, merged })
    }

    /// Returns the owner of an absolute path; links are followed if the path
    /// itself has none.
    pub fn owner(&self, path: &[u8]) -> Option<Owner> {
        let listed = |path: &[u8]| self.index.lookup(&under_usr(path, &self.merged));
        let fields = listed(path).or_else(|| {
            let real = fs::canonicalize(Path::new(std::ffi::OsStr::from_bytes(path))).ok()?;
            listed(real.as_os_str().as_bytes())
        })?;
        let mut fields = fields.into_iter();
        Some(Owner {
            package: fields.next()?,
            version: fields.next()?,
            architecture: fields.next()?,
        })
    }

    /// Returns the packages that own any of `paths`.
    pub fn packages(&self, paths: &[Vec<u8>]) -> Vec<Package> {
        let found: BTreeSet<Package> = paths
            .iter()
            .filter_map(|path| self.owner(path))
            .map(|owner| Package {
                name: owner.package,
                version: Some(owner.version),
                origin: Some(owner.architecture),
            })
            .collect();
        found.into_iter().collect()
    }
}

fn is_merged(root: &Path, top: &str) -> bool {
    fs::read_link(root.join(top)).is_ok_and(|target| target.ends_with(Path::new("usr").join(top)))
}

/// `/lib/x` is `/usr/lib/x` on a merged system; packages list either.
fn under_usr(path: &[u8], merged: &[&str]) -> Vec<u8> {
    let top = path
        .get(1..)
        .and_then(|rest| rest.split(|&byte| byte == b'/').next());
    if merged.iter().any(|name| top == Some(name.as_bytes())) {
        return [b"/usr", path].concat();
    }
    path.to_owned()
}

fn contents(dpkg: &Path, merged: &[&str]) -> Contents {
    let status = fs::read(dpkg.join("status")).unwrap_or_default();
    let installed = installed(&status);
    let mut contents = Contents::default();
    for entry in fs::read_dir(dpkg.join("info"))
        .into_iter()
        .flatten()
        .flatten()
    {
        let name = entry.file_name();
        let Some(name) = name.to_str().and_then(|name| name.strip_suffix(".list")) else {
            continue;
        };
        let Some(owner) = owner_of(name, &installed) else {
            continue;
        };
        let number = contents.owner(&owner);
        let list = fs::read(entry.path()).unwrap_or_default();
        for path in leaves(&list) {
            contents.own(&under_usr(path, merged), number);
        }
    }
    contents
}

/// A list names directories before what is in them, and many packages name the
/// same ones: only what has nothing beneath it is owned.
fn leaves(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut lines = list.split(|&byte| byte == b'\n').peekable();
    std::iter::from_fn(move || {
        loop {
            let path = lines.next()?;
            let beneath = |next: &&[u8]| {
                next.strip_prefix(path)
                    .is_some_and(|rest| rest.starts_with(b"/"))
            };
            if !path.is_empty() && !lines.peek().is_some_and(beneath) {
                return Some(path);
            }
        }
    })
}

/// Versions by package name, with the architecture of each.
type Installed<'a> = HashMap<&'a str, Vec<(&'a str, &'a str)>>;

/// `libc6:amd64` where several architectures can be, else `bash`.
fn owner_of<'a>(name: &'a str, installed: &Installed<'a>) -> Option<[&'a str; 3]> {
    let (package, wanted) = match name.split_once(':') {
        Some((package, architecture)) => (package, Some(architecture)),
        None => (name, None),
    };
    let versions = installed.get(package)?;
    let &(architecture, version) = versions
        .iter()
        .find(|(architecture, _)| wanted.is_none_or(|wanted| wanted == *architecture))?;
    Some([package, version, architecture])
}

fn installed(status: &[u8]) -> Installed<'_> {
    let mut installed: Installed<'_> = HashMap::new();
    let text = std::str::from_utf8(status).unwrap_or_else(|err| {
        // Descriptions may hold anything; what comes before is still good.
        std::str::from_utf8(&status[..err.valid_up_to()]).unwrap_or_default()
    });
    for paragraph in text.split("\n\n") {
        if let Some((package, architecture, version)) = stanza(paragraph) {
            installed
                .entry(package)
                .or_default()
                .push((architecture, version));
        }
    }
    installed
}

fn stanza(paragraph: &str) -> Option<(&str, &str, &str)> {
    let field = |name: &str| {
        paragraph
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    };
    Some((field("Package")?, field("Architecture")?, field("Version")?))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests may panic")]

    use super::*;

    const STATUS: &str = "Package: libz\nStatus: install ok installed\nArchitecture: amd64\nMulti-Arch: same\nVersion: 1.2\nDescription: x\n y\n\nPackage: libz\nStatus: install ok installed\nArchitecture: i386\nVersion: 1.1\n\nPackage: tool\nArchitecture: all\nVersion: 3\n";

    fn system() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        let info = root.path().join("var/lib/dpkg/info");
        fs::create_dir_all(&info).unwrap();
        fs::create_dir_all(root.path().join("usr/lib")).unwrap();
        std::os::unix::fs::symlink("usr/lib", root.path().join("lib")).unwrap();
        fs::write(root.path().join("var/lib/dpkg/status"), STATUS).unwrap();
        fs::write(info.join("libz:amd64.list"), "/.\n/lib\n/lib/libz.so\n").unwrap();
        fs::write(info.join("libz:i386.list"), "/.\n/usr/lib/i386/libz.so\n").unwrap();
        fs::write(
            info.join("tool.list"),
            "/.\n/usr\n/usr/bin\n/usr/bin/tool\n/usr/share/tool\n",
        )
        .unwrap();
        root
    }

    #[test]
    fn a_file_is_found_under_either_name_of_a_merged_directory() {
        let (root, cache) = (system(), tempfile::tempdir().unwrap());
        let debian = Debian::open_under(root.path(), cache.path()).unwrap();
        let owner = debian.owner(b"/usr/lib/libz.so").unwrap();
        assert_eq!(debian.owner(b"/lib/libz.so"), Some(owner.clone()));
        assert_eq!(
            (owner.package.as_str(), owner.version.as_str()),
            ("libz", "1.2")
        );
        assert_eq!(
            debian.owner(b"/usr/lib/i386/libz.so").unwrap().version,
            "1.1"
        );
        assert_eq!(debian.owner(b"/usr/bin/tool").unwrap().architecture, "all");
        assert_eq!(debian.owner(b"/usr/bin"), None);
        assert_eq!(debian.owner(b"relative"), None);
    }

    #[test]
    fn a_changed_status_makes_a_new_index() {
        let (root, cache) = (system(), tempfile::tempdir().unwrap());
        Debian::open_under(root.path(), cache.path()).unwrap();
        let status = root.path().join("var/lib/dpkg/status");
        fs::write(&status, STATUS.replace("Version: 3", "Version: 3.1")).unwrap();
        let debian = Debian::open_under(root.path(), cache.path()).unwrap();
        assert_eq!(debian.owner(b"/usr/bin/tool").unwrap().version, "3.1");
    }

    #[test]
    fn another_system_says_that_it_is_one() {
        let (root, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let err = Debian::open_under(root.path(), cache.path()).unwrap_err();
        assert!(matches!(err, DebianError::NotDebian));
    }

    #[test]
    fn the_packages_of_this_system_are_found() {
        if !Path::new("/var/lib/dpkg/status").exists() {
            return;
        }
        let cache = tempfile::tempdir().unwrap();
        let debian = Debian::open(cache.path()).unwrap();
        let real = fs::canonicalize("/bin/ls").unwrap();
        let owner = debian.owner(real.as_os_str().as_bytes()).unwrap();
        assert_eq!(owner.package, "coreutils");
        assert_eq!(debian.owner(b"/bin/ls"), Some(owner));
        assert_eq!(debian.owner(b"/no/such/file"), None);
    }
}
