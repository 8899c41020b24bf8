//! Which directories were read or written as a whole.
//!
//! A directory counts as one dataset when every file that lies in it now was touched, at any depth.
//! The outermost such directory is taken. The project's root is never one, nor is a directory above
//! it: what is in the project is recorded apart from what is outside. Nor is a directory with fewer
//! files than the user's setting asks for.

use roar_content::reach;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::Path;

/// What is asked of a directory to count.
pub(crate) struct Rules<'a> {
    /// The project's root, absolute.
    pub(crate) root: &'a [u8],
    /// Fewest files.
    pub(crate) min_files: usize,
    /// Whether a file on disk is beside the point: caches, what git keeps, what the user filtered.
    pub(crate) beside_the_point: &'a dyn Fn(&[u8]) -> bool,
}

/// The touched files, as a tree of directories.
#[derive(Default)]
struct Touched {
    files: BTreeSet<Vec<u8>>,
    directories: BTreeMap<Vec<u8>, Touched>,
}

impl Touched {
    fn add(&mut self, path: &[u8]) {
        match path.iter().position(|&byte| byte == b'/') {
            Some(slash) => {
                self.directories
                    .entry(path[..slash].to_vec())
                    .or_default()
                    .add(&path[slash + 1..]);
            }
            None => drop(self.files.insert(path.to_vec())),
        }
    }

    fn count(&self) -> usize {
        self.files.len() + self.directories.values().map(Self::count).sum::<usize>()
    }
}

/// Returns the outermost directories all of whose files are in `touched` (absolute paths), sorted.
pub(crate) fn whole<'p>(
    touched: impl Iterator<Item = &'p [u8]>,
    rules: &Rules<'_>,
) -> Vec<Vec<u8>> {
    let mut tree = Touched::default();
    for path in touched {
        tree.add(path.strip_prefix(b"/").unwrap_or(path));
    }
    let mut found = Vec::new();
    for (name, below) in &tree.directories {
        survey(&[b"/", name.as_slice()].concat(), below, rules, &mut found);
    }
    found.sort();
    found
}

/// Adds the outermost whole directories at or below `directory`; returns whether it is whole itself.
fn survey(
    directory: &[u8],
    touched: &Touched,
    rules: &Rules<'_>,
    found: &mut Vec<Vec<u8>>,
) -> bool {
    let before = found.len();
    let mut whole = true;
    for (name, below) in &touched.directories {
        whole &= survey(&join(directory, name), below, rules, found);
    }
    // What holds the project is not whole either, so nothing above the root is.
    whole = whole && directory != rules.root && holds_nothing_else(directory, touched, rules);
    if whole && touched.count() >= rules.min_files {
        found.truncate(before);
        found.push(directory.to_vec());
    }
    whole
}

/// Returns whether what lies in `directory` on disk are just the touched files and directories.
fn holds_nothing_else(directory: &[u8], touched: &Touched, rules: &Rules<'_>) -> bool {
    let Ok(entries) = list(directory) else {
        return false;
    };
    let mut seen = 0;
    for entry in entries {
        let Ok(entry) = entry else { return false };
        let name = entry.file_name().into_vec();
        if touched.files.contains(&name) {
            seen += 1;
        } else if !touched.directories.contains_key(&name)
            && counts(&join(directory, &name), &entry, rules)
        {
            return false;
        }
    }
    // A touched file that is gone again makes what is left something else than what was touched.
    seen == touched.files.len()
}

/// Returns whether an entry that the run did not touch is a file that belongs to the directory.
fn counts(path: &[u8], entry: &fs::DirEntry, rules: &Rules<'_>) -> bool {
    let Ok(kind) = entry.file_type() else {
        return true;
    };
    if kind.is_dir() {
        let mut inside = path.to_vec();
        // Rules about what lies below a directory are asked about something below it.
        inside.extend_from_slice(b"/.");
        return !(rules.beside_the_point)(&inside) && holds_files(path, rules);
    }
    (kind.is_file() || kind.is_symlink()) && !(rules.beside_the_point)(path)
}

/// Returns whether there is any file that counts below an untouched directory.
fn holds_files(directory: &[u8], rules: &Rules<'_>) -> bool {
    let Ok(mut entries) = list(directory) else {
        return true;
    };
    entries.any(|entry| {
        let Ok(entry) = entry else { return true };
        counts(
            &join(directory, entry.file_name().as_bytes()),
            &entry,
            rules,
        )
    })
}

fn list(directory: &[u8]) -> io::Result<fs::ReadDir> {
    reach(Path::new(OsStr::from_bytes(directory))).and_then(fs::read_dir)
}

fn join(directory: &[u8], name: &[u8]) -> Vec<u8> {
    [directory, b"/", name].concat()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests may panic")]
mod tests {
    use super::*;

    fn found(files: &[&str], touched: &[&str], min_files: usize) -> Vec<String> {
        found_by("", files, touched, min_files)
    }

    /// Looks for datasets of the project in the directory `project`, relative to it all.
    fn found_by(project: &str, files: &[&str], touched: &[&str], min_files: usize) -> Vec<String> {
        let root = tempfile::tempdir().unwrap();
        let top = root.path().canonicalize().unwrap();
        for file in files {
            fs::create_dir_all(top.join(file).parent().unwrap()).unwrap();
            fs::write(top.join(file), file).unwrap();
        }
        let absolute: Vec<_> = touched
            .iter()
            .map(|file| top.join(file).into_os_string().into_vec())
            .collect();
        let beside = |path: &[u8]| {
            path.ends_with(b".pyc") || path.windows(11).any(|part| part == b"__pycache__")
        };
        let project = match project {
            "" => top.clone(),
            below => top.join(below),
        };
        let rules = Rules {
            root: project.as_os_str().as_bytes(),
            min_files,
            beside_the_point: &beside,
        };
        let found = whole(absolute.iter().map(Vec::as_slice), &rules);
        let relative = |path: &Vec<u8>| {
            Path::new(OsStr::from_bytes(path))
                .strip_prefix(&top)
                .unwrap()
                .display()
                .to_string()
        };
        found.iter().map(relative).collect()
    }

    #[test]
    fn a_directory_is_whole_when_nothing_in_it_was_left_out() {
        let files = ["d/a", "d/b", "d/x/c", "e/a", "e/b", "top"];
        assert_eq!(
            found(&files, &["d/a", "d/b", "d/x/c", "e/a", "top"], 2),
            ["d"]
        );
        assert_eq!(
            found(&files, &["d/a", "d/x/c", "e/a", "e/b"], 1),
            ["d/x", "e"]
        );
        assert_eq!(found(&files, &["d/x/c"], 2), [""; 0]);
    }

    #[test]
    fn the_root_is_never_a_dataset() {
        assert_eq!(found(&["a", "b"], &["a", "b"], 2), [""; 0]);
        assert_eq!(
            found(
                &["d/a", "d/b", "e/a", "e/b"],
                &["d/a", "d/b", "e/a", "e/b"],
                2
            ),
            ["d", "e"]
        );
    }

    #[test]
    fn a_directory_that_holds_the_project_is_never_a_dataset() {
        let alone = ["g/p/a", "g/p/b"];
        assert_eq!(found_by("g/p", &alone, &alone, 1), [""; 0]);
        assert_eq!(found_by("g/p/q", &["g/p/q/a"], &["g/p/q/a"], 0), [""; 0]);
        let others = ["g/p/a", "g/p/d/1", "g/p/d/2", "g/other/1", "g/other/2"];
        assert_eq!(
            found_by("g/p", &others, &others, 2),
            ["g/other", "g/p/d"],
            "what is beside it is one, and so is what is in it"
        );
        assert_eq!(found_by("g/p", &others, &others[3..], 2), ["g/other"]);
    }

    #[test]
    fn single_files_in_directories_make_their_parent_whole() {
        assert_eq!(found(&["d/1/a", "d/2/a"], &["d/1/a", "d/2/a"], 2), ["d"]);
    }

    #[test]
    fn what_is_beside_the_point_is_not_missed() {
        let files = ["d/a", "d/b", "d/__pycache__/a.pyc"];
        assert_eq!(found(&files, &["d/a", "d/b"], 2), ["d"]);
    }

    #[test]
    fn a_file_that_is_gone_breaks_the_whole() {
        assert_eq!(
            found(&["d/a", "d/b"], &["d/a", "d/b", "d/gone"], 2),
            [""; 0]
        );
    }
}
