//! The sources of compiled modules.
//!
//! Python keeps what it has compiled in `__pycache__` and reads that the next time: of the module's source
//! it then asks only when it was changed and how long it is. What runs is the source all the same, so who
//! reads the one has read the other.

use roar_object::{Class, RecordedPath};
use roar_repo::filters::Filters;
use roar_trace::{FileSeen, Seen, State, Version};
use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::File;
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

/// Adds the sources of the compiled modules that were read, where they are code: those of packages are known by
/// their package.
pub(crate) fn add_sources(files: &mut Vec<FileSeen>, root: &[u8], filters: &Filters) {
    let known: HashSet<&[u8]> = files.iter().map(|file| file.path.as_slice()).collect();
    let is_code =
        |path: &[u8]| filters.classify(&RecordedPath::new(root, path), false).0 == Class::Code;
    let read = files.iter().filter(|file| file.read.is_some());
    let mut sources: Vec<FileSeen> = read
        .filter_map(|file| {
            let stems = stems(&file.path).filter(|path| is_code(path));
            let mut found = stems.filter_map(|path| Some((version_of(&path)?, path)));
            let (version, path) = found.next()?;
            (!known.contains(path.as_slice())).then(|| source(path, version, file))
        })
        .collect();
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    sources.dedup_by(|a, b| a.path == b.path);
    files.extend(sources);
}

/// Returns what the source of a compiled module may be called, the longest name first: of
/// `d/__pycache__/m.cpython-311.opt-1.pyc` that is `d/m.py`, but a module may have dots in its name, too, and so may
/// what names the compiler.
fn stems(path: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let start = path.iter().rposition(|&byte| byte == b'/');
    let (directory, name) = path.split_at(start.map_or(0, |at| at + 1));
    let name = name.strip_suffix(b".pyc").unwrap_or_default();
    let dots = (0..name.len()).rev().filter(|&at| name[at] == b'.');
    dots.flat_map(move |at| {
        let stem = &name[..at];
        sources(directory).map(move |directory| [directory, stem, b".py"].concat())
    })
}

/// Returns the directories, each with a slash at its end, that the sources of compiled modules in this one may lie
/// in: the one above `__pycache__`; else, where `PYTHONPYCACHEPREFIX` says another place for all, what follows that.
fn sources(directory: &[u8]) -> impl Iterator<Item = &[u8]> {
    let beside = directory.strip_suffix(b"__pycache__/");
    let slashes = (1..directory.len()).filter(move |&at| beside.is_none() && directory[at] == b'/');
    let elsewhere = slashes.map(|at| &directory[at..]);
    beside.into_iter().chain(elsewhere)
}

fn version_of(path: &[u8]) -> Option<Version> {
    match roar_trace::state_of(path) {
        State::File(version) => Some(version),
        _ => None,
    }
}

fn source(path: Vec<u8>, now: Version, compiled: &FileSeen) -> FileSeen {
    let version = stamp(&compiled.path).map_or(now, |stamp| stamp.of(now));
    FileSeen {
        read: Some(Seen {
            version: Some(version),
            digest: None,
        }),
        opened: true,
        pids: compiled.pids.clone(),
        ..FileSeen::untouched(path, State::File(version))
    }
}

/// What a compiled module says of the source that it was made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    /// When it was changed: seconds since 1970, the lower 32 bits.
    seconds: u32,
    /// Its length in bytes, the lower 32 bits.
    size: u32,
}

impl Stamp {
    /// Returns the version that was compiled: what is there `now`, unless that is another.
    fn of(self, now: Version) -> Version {
        let seconds = now.mtime_ns.div_euclid(1_000_000_000);
        let is_same = (seconds as u32, now.size as u32) == (self.seconds, self.size);
        match is_same {
            true => now,
            false => Version {
                size: self.size.into(),
                mtime_ns: i64::from(self.seconds) * 1_000_000_000,
                ..now
            },
        }
    }
}

/// Reads what a compiled module begins with: four bytes that name the compiler, flags, and if those are 0 when the
/// source was changed and how long it was (PEP 552), each a `u32`, little-endian.
fn stamp(path: &[u8]) -> Option<Stamp> {
    let mut head = [0; 16];
    let mut file = File::open(Path::new(OsStr::from_bytes(path))).ok()?;
    file.read_exact(&mut head).ok()?;
    let word = |at: usize| {
        let bytes = head[at..at + 4].try_into().expect("four bytes");
        u32::from_le_bytes(bytes)
    };
    (word(4) == 0).then(|| Stamp {
        seconds: word(8),
        size: word(12),
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests may panic")]
mod tests {
    use super::*;

    fn named(path: &str) -> Vec<String> {
        stems(path.as_bytes())
            .map(|path| String::from_utf8(path).unwrap())
            .collect()
    }

    #[test]
    fn a_compiled_module_names_its_source() {
        assert_eq!(named("/p/d/__pycache__/m.cpython-311.pyc"), ["/p/d/m.py"]);
        assert_eq!(
            named("/p/__pycache__/t.cpython-311-pytest-8.3.pyc"),
            ["/p/t.cpython-311-pytest-8.py", "/p/t.py"]
        );
        assert_eq!(
            named("/c/pyc/p/d/m.cpython-311.pyc"),
            ["/pyc/p/d/m.py", "/p/d/m.py", "/d/m.py", "/m.py"]
        );
        for other in ["/p/m.pyc", "/p/__pycache__/m.py", "/p/__pycache__/m"] {
            assert!(named(other).is_empty(), "{other}");
        }
    }

    #[test]
    fn a_source_that_was_changed_since_is_not_what_was_compiled() {
        let now = Version {
            dev: 1,
            ino: 2,
            size: 9,
            mtime_ns: 5_000_000_007,
            ctime_ns: 6,
            mode: 0o100_644,
        };
        let compiled = |seconds, size| Stamp { seconds, size }.of(now);
        assert_eq!(compiled(5, 9), now);
        assert!(!compiled(5, 8).same_content(&now));
        assert!(!compiled(4, 9).same_content(&now));
    }
}
