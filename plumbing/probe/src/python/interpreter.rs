//! Which Python ran, without running it.
//!
//! The library directory names the series (`3.11`). The full version stands in
//! a virtual environment's `pyvenv.cfg`, in the header files, in the path of a
//! version manager, or in the program itself, which is searched once and the
//! answer kept.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::path_index::{Contents, PathIndex, key_of, place};

/// A Python interpreter whose standard library was read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Interpreter {
    /// `cpython` or `pypy`.
    pub implementation: &'static str,
    /// Major and minor version: `3.11`.
    pub series: String,
    /// The full version: `3.11.7`; absent if nothing says it.
    pub version: Option<String>,
    /// Where it is installed: the directory that holds its `lib`.
    pub prefix: PathBuf,
    /// The virtual environments of it that were used.
    pub environments: Vec<PathBuf>,
}

/// Returns the interpreters whose library is among `reads`.
pub fn interpreters(reads: &[Vec<u8>], cache: &Path) -> Vec<Interpreter> {
    let found: BTreeSet<_> = reads.iter().filter_map(|read| library(read)).collect();
    let environments: BTreeMap<PathBuf, Settings> =
        reads.iter().filter_map(|read| environment(read)).collect();
    found
        .into_iter()
        .map(|(prefix, implementation, series)| {
            let prefix = Path::new(OsStr::from_bytes(prefix));
            let own = || {
                environments
                    .iter()
                    .filter(|(_, settings)| settings.is_of(prefix))
            };
            let version = own()
                .find_map(|(_, settings)| settings.version.clone())
                .filter(|version| is_of_series(version, series))
                .or_else(|| installed_version(prefix, series, cache));
            Interpreter {
                implementation,
                series: series.to_owned(),
                version,
                prefix: prefix.to_owned(),
                environments: own().map(|(root, _)| root.clone()).collect(),
            }
        })
        .collect()
}

/// Parts `PREFIX/lib/python3.11/os.py`; packages are not the library.
fn library(path: &[u8]) -> Option<(&[u8], &'static str, &str)> {
    let libs = [&b"/lib/"[..], b"/lib64/"];
    libs.iter().find_map(|lib| {
        let at = path.windows(lib.len()).position(|window| window == *lib)?;
        let mut parts = path[at + lib.len()..].splitn(3, |&byte| byte == b'/');
        let (directory, next) = (parts.next()?, parts.next()?);
        let packages = matches!(next, b"site-packages" | b"dist-packages");
        let (implementation, series) = series(std::str::from_utf8(directory).ok()?)?;
        (!packages).then_some((&path[..at], implementation, series))
    })
}

fn series(directory: &str) -> Option<(&'static str, &str)> {
    let cpython = directory
        .strip_prefix("python")
        .map(|rest| ("cpython", rest));
    let (implementation, rest) =
        cpython.or_else(|| directory.strip_prefix("pypy").map(|rest| ("pypy", rest)))?;
    let minor = rest.strip_prefix("3.")?;
    let digits = minor.bytes().take_while(u8::is_ascii_digit).count();
    (digits > 0).then(|| (implementation, &rest[..2 + digits]))
}

/// What a `pyvenv.cfg` says.
struct Settings {
    /// Directory of the program the environment was made from.
    home: PathBuf,
    version: Option<String>,
}

impl Settings {
    fn is_of(&self, prefix: &Path) -> bool {
        self.home.parent() == Some(prefix)
            || fs::canonicalize(&self.home).is_ok_and(|home| home.parent() == Some(prefix))
    }
}

fn environment(read: &[u8]) -> Option<(PathBuf, Settings)> {
    let root = read.strip_suffix(b"/pyvenv.cfg")?;
    let root = PathBuf::from(OsStr::from_bytes(root));
    let text = fs::read_to_string(root.join("pyvenv.cfg")).ok()?;
    let value = |name: &str| {
        text.lines()
            .filter_map(|line| line.split_once('='))
            .find(|(key, _)| key.trim() == name)
            .map(|(_, value)| value.trim().to_owned())
    };
    let home = PathBuf::from(value("home")?);
    let version = value("version").or_else(|| value("version_info"));
    let version = version.map(|version| first_numbers(&version));
    Some((root, Settings { home, version }))
}

/// `3.11.7.final.0` is `3.11.7`.
fn first_numbers(version: &str) -> String {
    version.split('.').take(3).collect::<Vec<_>>().join(".")
}

fn installed_version(prefix: &Path, series: &str, cache: &Path) -> Option<String> {
    header_version(prefix, series)
        .or_else(|| path_version(prefix, series))
        .or_else(|| program_version(prefix, series, cache))
}

/// `#define PY_VERSION "3.11.7"` in the headers.
fn header_version(prefix: &Path, series: &str) -> Option<String> {
    let header = prefix.join(format!("include/python{series}/patchlevel.h"));
    let text = fs::read_to_string(header).ok()?;
    let line = text
        .lines()
        .find(|line| line.starts_with("#define PY_VERSION "))?;
    let version = line.split('"').nth(1)?;
    is_of_series(version, series).then(|| version.to_owned())
}

/// Version managers install under `…/3.11.7/` or `…/cpython-3.11.7-linux…/`.
fn path_version(prefix: &Path, series: &str) -> Option<String> {
    let parts = prefix.iter().rev().filter_map(OsStr::to_str);
    parts
        .flat_map(|part| part.split('-'))
        .find(|word| is_of_series(word, series))
        .map(str::to_owned)
}

fn is_of_series(version: &str, series: &str) -> bool {
    version
        .strip_prefix(series)
        .and_then(|rest| rest.strip_prefix('.'))
        .is_some_and(|patch| patch.starts_with(|c: char| c.is_ascii_digit()))
}

/// The program, or its library, holds its version as a string of its own.
fn program_version(prefix: &Path, series: &str, cache: &Path) -> Option<String> {
    let candidates = [
        format!("lib/libpython{series}.so.1.0"),
        format!("bin/python{series}"),
    ];
    candidates
        .iter()
        .map(|name| prefix.join(name))
        .find_map(|program| searched(&program, series, cache))
}

fn searched(program: &Path, series: &str, cache: &Path) -> Option<String> {
    const VERSION: &[u8] = b"version";
    let key = key_of(program, 0).ok()?;
    let place = place(cache, "interpreter", program.as_os_str().as_bytes());
    let index = PathIndex::obtain(&place, key, || {
        let mut contents = Contents::default();
        let bytes = fs::read(program).unwrap_or_default();
        if let Some(version) = version_in(&bytes, series) {
            let owner = contents.owner(&[&version]);
            contents.own(VERSION, owner);
        }
        contents
    });
    index.lookup(VERSION)?.into_iter().next()
}

/// Finds `3.11.7` between two NULs; two different ones are no answer.
fn version_in(bytes: &[u8], series: &str) -> Option<String> {
    let versions: BTreeSet<&str> = bytes
        .split(|&byte| byte == 0)
        .filter(|text| (5..=12).contains(&text.len()))
        .filter_map(|text| std::str::from_utf8(text).ok())
        .filter(|text| is_of_series(text, series) && text.bytes().all(is_version_byte))
        .collect();
    let mut versions = versions.into_iter();
    let only = versions.next()?;
    versions.next().is_none().then(|| only.to_owned())
}

fn is_version_byte(byte: u8) -> bool {
    byte.is_ascii_digit() || matches!(byte, b'.' | b'a' | b'b' | b'r' | b'c' | b'+')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_path_names_the_series() {
        let of =
            |path: &'static str| library(path.as_bytes()).map(|(_, kind, series)| (kind, series));
        assert_eq!(of("/usr/lib/python3.11/os.py"), Some(("cpython", "3.11")));
        assert_eq!(of("/x/lib/pypy3.10/os.py"), Some(("pypy", "3.10")));
        assert_eq!(of("/x/lib/python3.13t/os.py"), Some(("cpython", "3.13")));
        assert_eq!(of("/x/lib/python3.11/site-packages/os.py"), None);
        assert_eq!(of("/usr/lib/python3/dist-packages/x.py"), None);
        assert_eq!(of("/usr/lib/python3.11"), None);
    }

    #[test]
    fn a_version_in_a_program_must_be_the_only_one() {
        assert_eq!(
            version_in(b"x\x003.11.7\0y\x003.11.7\0", "3.11").as_deref(),
            Some("3.11.7")
        );
        assert_eq!(version_in(b"\x003.11.7\x003.11.8\0", "3.11"), None);
        assert_eq!(
            version_in(b"\x003.11.7rc1+\0", "3.11").as_deref(),
            Some("3.11.7rc1+")
        );
        assert_eq!(version_in(b"\x003.1.7\0", "3.11"), None);
    }

    #[test]
    fn a_version_manager_puts_it_in_the_path() {
        let of = |path: &str| path_version(Path::new(path), "3.12");
        assert_eq!(of("/h/.pyenv/versions/3.12.4").as_deref(), Some("3.12.4"));
        assert_eq!(
            of("/h/uv/python/cpython-3.12.4-linux-x86_64-gnu").as_deref(),
            Some("3.12.4")
        );
        assert_eq!(of("/usr"), None);
    }
}
