//! Which directories were read, written or deleted as a whole.
//!
//! A directory counts as one dataset when every file that lies in it now was touched, at any depth; one
//! that is gone counts as read or deleted when every file that the run deleted there was. The outermost
//! such directory is taken. The project's root is never one, nor is a directory above it: what is in the
//! project is recorded apart from what is outside. Nor is a directory with fewer files than the user's
//! setting asks for. Around a single directory nothing is counted but that: `runs/` with one experiment in it is
//! `runs/first/`.
//!
//! Nobody opens a symbolic link to read it, so that one which was not gone through is not missed: where
//! all files were read, it counts as read too, by the text that it holds. The dataset is then the one that
//! the directory makes.

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
    /// Whether a link on disk that was not touched goes with what was.
    pub(crate) goes_with: &'a dyn Fn(&[u8]) -> bool,
    /// Whether directories are looked for that are there, or that are gone, or both.
    pub(crate) wanted: Wanted,
}

/// Which directories are looked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    There,
    Gone,
    Both,
}

/// The touched files, as a tree of directories.
#[derive(Default)]
struct Touched {
    files: BTreeSet<Vec<u8>>,
    directories: BTreeMap<Vec<u8>, Touched>,
}

impl Touched {
    fn of<'p>(paths: impl Iterator<Item = &'p [u8]>) -> Self {
        let mut tree = Self::default();
        for path in paths {
            tree.add(path.strip_prefix(b"/").unwrap_or(path));
        }
        tree
    }

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

    /// Returns whether nothing was touched here but what lies in one directory.
    fn is_wrapper(&self) -> bool {
        self.files.is_empty() && self.directories.len() == 1
    }

    fn count(&self) -> usize {
        self.files.len() + self.directories.values().map(Self::count).sum::<usize>()
    }
}

/// What was found.
pub(crate) struct Found {
    /// Outermost whole directories, sorted.
    pub(crate) directories: Vec<Vec<u8>>,
    /// The links in them that go with what was touched, sorted.
    pub(crate) links: Vec<Vec<u8>>,
}

/// Finds the outermost directories all of whose files are in `touched`; `deleted` are those that the run
/// deleted (absolute paths).
pub(crate) fn whole<'p>(
    touched: impl Iterator<Item = &'p [u8]>,
    deleted: impl Iterator<Item = &'p [u8]>,
    rules: &Rules<'_>,
) -> Found {
    let (touched, deleted) = (Touched::of(touched), Touched::of(deleted));
    let mut survey = Survey {
        rules,
        found: Vec::new(),
        links: Vec::new(),
    };
    for (name, below) in &touched.directories {
        let lost = deleted.directories.get(name);
        survey.judge(&join(b"", name), below, lost);
    }
    let (mut directories, mut links) = (survey.found, survey.links);
    directories.sort();
    links.retain(|link| is_in_one(link, &directories));
    links.sort();
    Found { directories, links }
}

/// Returns whether a path lies in one of the directories, which are sorted.
fn is_in_one(path: &[u8], directories: &[Vec<u8>]) -> bool {
    let above = (1..path.len()).filter(|&at| path[at] == b'/');
    above.map(|at| &path[..at]).any(|directory| {
        directories
            .binary_search_by(|it| it.as_slice().cmp(directory))
            .is_ok()
    })
}

/// What was made of a directory.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Judged {
    Part,
    Whole,
    /// Whole, and no longer there.
    Gone,
}

struct Survey<'r> {
    rules: &'r Rules<'r>,
    found: Vec<Vec<u8>>,
    links: Vec<Vec<u8>>,
}

impl Survey<'_> {
    /// Adds the outermost whole directories at or below `directory`; returns what it is itself.
    fn judge(&mut self, directory: &[u8], touched: &Touched, lost: Option<&Touched>) -> Judged {
        let before = self.found.len();
        let (mut part, mut gone) = (false, false);
        for (name, below) in &touched.directories {
            let lost = lost.and_then(|lost| lost.directories.get(name));
            let judged = self.judge(&join(directory, name), below, lost);
            part |= judged == Judged::Part;
            gone |= judged == Judged::Gone;
        }
        // What holds the project is not whole either, so nothing above the root is.
        if part || directory == self.rules.root {
            return Judged::Part;
        }
        let judged = match list(directory) {
            // Of what was touched there, some is gone, and what is left is something else.
            Ok(_) if gone => Judged::Part,
            Ok(entries) => match self.holds_nothing_else(directory, touched, entries) {
                true => Judged::Whole,
                false => Judged::Part,
            },
            Err(err) if is_absence(&err) && lost_nothing_else(touched, lost) => Judged::Gone,
            Err(_) => Judged::Part,
        };
        let is_one = self.is_wanted(judged) && touched.count() >= self.rules.min_files;
        // A directory around nothing but another one that counts says no more than that, and claims more: `runs/`
        // with the first experiment in it was not read as a whole.
        let is_wrapper = touched.is_wrapper() && self.found.len() > before;
        if is_one && !is_wrapper {
            self.found.truncate(before);
            self.found.push(directory.to_vec());
        }
        judged
    }

    fn is_wanted(&self, judged: Judged) -> bool {
        match judged {
            Judged::Part => false,
            Judged::Whole => self.rules.wanted != Wanted::Gone,
            Judged::Gone => self.rules.wanted != Wanted::There,
        }
    }

    /// Returns whether what lies in `directory` on disk are just the touched files and directories.
    fn holds_nothing_else(
        &mut self,
        directory: &[u8],
        touched: &Touched,
        entries: fs::ReadDir,
    ) -> bool {
        let mut seen = 0;
        for entry in entries {
            let Ok(entry) = entry else { return false };
            let name = entry.file_name().into_vec();
            if touched.files.contains(&name) {
                seen += 1;
            } else if !touched.directories.contains_key(&name)
                && self.counts(&join(directory, &name), &entry)
            {
                return false;
            }
        }
        // A touched file that is gone again makes what is left something else than what was touched.
        seen == touched.files.len()
    }

    /// Returns whether an entry that the run did not touch is a file that belongs to the directory.
    fn counts(&mut self, path: &[u8], entry: &fs::DirEntry) -> bool {
        let Ok(kind) = entry.file_type() else {
            return true;
        };
        if kind.is_dir() {
            let mut inside = path.to_vec();
            // Rules about what lies below a directory are asked about something below it.
            inside.extend_from_slice(b"/.");
            return !(self.rules.beside_the_point)(&inside) && self.holds_files(path);
        }
        if !(kind.is_file() || kind.is_symlink()) || (self.rules.beside_the_point)(path) {
            return false;
        }
        let goes_with = kind.is_symlink() && (self.rules.goes_with)(path);
        if goes_with {
            self.links.push(path.to_vec());
        }
        !goes_with
    }

    /// Returns whether there is any file that counts below an untouched directory.
    fn holds_files(&mut self, directory: &[u8]) -> bool {
        let Ok(mut entries) = list(directory) else {
            return true;
        };
        entries.any(|entry| {
            let Ok(entry) = entry else { return true };
            self.counts(&join(directory, entry.file_name().as_bytes()), &entry)
        })
    }
}

/// Returns whether the run deleted just the touched files of a directory that is gone. It deleted
/// something there: what it only found gone, or what somebody else took away, says nothing.
fn lost_nothing_else(touched: &Touched, lost: Option<&Touched>) -> bool {
    lost.is_some_and(|lost| {
        lost.files == touched.files && lost.directories.keys().eq(touched.directories.keys())
    })
}

fn is_absence(err: &io::Error) -> bool {
    matches!(
        err.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
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
        let looked_for = (touched, &[][..], Wanted::There);
        found_among(project, files, &[], looked_for, min_files).0
    }

    /// Looks for what was touched, where something was deleted; returns also the links that go with it.
    fn found_among(
        project: &str,
        files: &[&str],
        links: &[&str],
        (touched, deleted, wanted): (&[&str], &[&str], Wanted),
        min_files: usize,
    ) -> (Vec<String>, Vec<String>) {
        let root = tempfile::tempdir().unwrap();
        let top = root.path().canonicalize().unwrap();
        for link in links {
            fs::create_dir_all(top.join(link).parent().unwrap()).unwrap();
            std::os::unix::fs::symlink("nowhere", top.join(link)).unwrap();
        }
        for file in files {
            fs::create_dir_all(top.join(file).parent().unwrap()).unwrap();
            fs::write(top.join(file), file).unwrap();
        }
        let absolute = |files: &[&str]| -> Vec<_> {
            let files = files.iter();
            files
                .map(|file| top.join(file).into_os_string().into_vec())
                .collect()
        };
        let (touched, deleted) = (absolute(touched), absolute(deleted));
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
            goes_with: &|path| !path.ends_with(b"made"),
            wanted,
        };
        let found = whole(
            touched.iter().map(Vec::as_slice),
            deleted.iter().map(Vec::as_slice),
            &rules,
        );
        let relative = |path: &Vec<u8>| {
            Path::new(OsStr::from_bytes(path))
                .strip_prefix(&top)
                .unwrap()
                .display()
                .to_string()
        };
        (
            found.directories.iter().map(relative).collect(),
            found.links.iter().map(relative).collect(),
        )
    }

    #[test]
    fn around_a_single_directory_nothing_counts_but_that() {
        let first = ["runs/first/a", "runs/first/b"];
        assert_eq!(found(&first, &first, 2), ["runs/first"]);
        let both = ["runs/first/a", "runs/first/b", "runs/second/a"];
        assert_eq!(found(&both, &both, 2), ["runs"]);
        // No directory in it has enough files by itself.
        let few = ["d/e/a", "d/f/b"];
        assert_eq!(found(&few, &few, 2), ["d"]);
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

    #[test]
    fn links_that_nobody_went_through_are_not_missed() {
        let all = |links: &[&str], touched: &[&str]| {
            let files = ["d/a/1", "d/a/2", "d/b/1", "d/b/2"];
            found_among("", &files, links, (touched, &[], Wanted::Both), 2)
        };
        let files = ["d/a/1", "d/a/2", "d/b/1", "d/b/2"];
        let strings = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(
            all(&["d/x/l", "d/b/m", "other"], &files),
            (strings(&["d"]), strings(&["d/b/m", "d/x/l"]))
        );
        assert_eq!(
            all(&["d/l", "d/a/m"], &files[..2]),
            (strings(&["d/a"]), strings(&["d/a/m"])),
            "those beside what was read do not go with it"
        );
        assert_eq!(
            all(&["d/made"], &files),
            (strings(&["d/a", "d/b"]), strings(&[]))
        );
    }

    #[test]
    fn a_directory_that_is_gone_was_whole_if_all_that_was_deleted_there_was_touched() {
        let gone = ["d/a", "d/x/b"];
        let found = |files: &[&str], touched: &[&str], deleted: &[&str], wanted| {
            found_among("", files, &[], (touched, deleted, wanted), 2).0
        };
        assert_eq!(found(&["e"], &gone, &gone, Wanted::Gone), ["d"]);
        assert_eq!(found(&["e"], &gone, &gone, Wanted::Both), ["d"]);
        assert_eq!(found(&["e"], &gone, &gone, Wanted::There), [""; 0]);
        let more = ["d/a", "d/c", "d/x/b"];
        assert_eq!(found(&["e"], &gone, &more, Wanted::Both), [""; 0]);
        assert_eq!(found(&["e"], &gone, &[], Wanted::Both), [""; 0]);
        assert_eq!(
            found(&["d/left"], &gone, &gone, Wanted::Both),
            [""; 0],
            "a directory that is still there, with something in it"
        );
        let deep = ["d/x/1", "d/x/2"];
        assert_eq!(found(&["d/left"], &deep, &deep, Wanted::Gone), ["d/x"]);
        assert_eq!(
            found(
                &["d/left"],
                &["d/left", "d/x/1", "d/x/2"],
                &deep,
                Wanted::Both
            ),
            ["d/x"]
        );
    }
}
