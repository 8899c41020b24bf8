//! Where a run looks: what it asks of names, and what it is answered.
//!
//! A run does not depend on the files alone that it opens. It asks whether there are others, how large
//! and how old they are, which names are in a directory, where a link leads. Who wants to know whether a
//! run would go the same way again asks the same *questions*, by the same words, and compares the
//! answers. What is asked of a file that the run has made or changed itself is no such question.
//!
//! Three things are kept, each once:
//!
//! * A [`Question`]: what was at a path, as it was given (made absolute), with its links followed or not.
//! * A [`Way`]: a directory whose canonical path is not its words, because links lead to it. Files that are
//!   opened are known by canonical paths, and would be others if the links led elsewhere.
//! * A [`Listing`]: which names were in a directory when it was first opened.
//!
//! All is compared once more when the run is over: what has changed by then without the run's doing is not
//! known, and [`Looks::unknown`] says so.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{FileTypeExt, MetadataExt};

use roar_events::State;
use roar_observe::Fold;

use crate::place::{Found, below};
use crate::state::{as_path, is_nameless, version_of};

/// Most questions, and most names, that are kept of one run.
const MOST: usize = 1 << 18;

/// The longest path that can be asked about.
const PATH_MAX: usize = 4095;

/// Where a run looked, beside the files that it opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Looks {
    /// What it asked of names, in order.
    pub questions: Vec<Question>,
    /// How it came to directories through links, by the words it used.
    pub ways: Vec<Way>,
    /// The directories that it opened, by path.
    pub listings: Vec<Listing>,
    /// Why this is not all of it, if it is not.
    pub unknown: Option<String>,
}

/// A question and its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// What was asked about: absolute, as the run gave it.
    pub words: Vec<u8>,
    /// Whether a link at its end was followed.
    pub follow: bool,
    /// Whether size and time were asked for, too.
    pub stamped: bool,
    /// The answer.
    pub answer: Answer,
    /// The canonical path; empty if there was nothing on the way.
    pub path: Vec<u8>,
}

/// A directory that links lead to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    /// How the run came to it.
    pub words: Vec<u8>,
    /// Its canonical path.
    pub path: Vec<u8>,
}

/// A directory that was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// Its canonical path.
    pub path: Vec<u8>,
    /// The names in it that the run had not made, sorted.
    pub names: Vec<Vec<u8>>,
    /// The names that the run has made in it since, or that were its own, sorted.
    pub made: Vec<Vec<u8>>,
}

/// What is at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Nothing, or nothing that can be looked at.
    Nothing,
    /// A regular file.
    File {
        /// Its `st_mode`.
        mode: u32,
        /// Its length in bytes.
        size: u64,
        /// When it was last changed, nanoseconds since 1970.
        mtime_ns: i64,
    },
    /// A directory.
    Directory {
        /// Its `st_mode`.
        mode: u32,
    },
    /// A symbolic link, not followed.
    Link {
        /// Where it leads.
        target: Vec<u8>,
    },
    /// A pipe, a socket, a device.
    Other,
}

impl Answer {
    /// Asks what is at `path` now.
    pub fn now(path: &[u8], follow: bool) -> Self {
        let path = as_path(path);
        let found = if follow {
            path.metadata()
        } else {
            path.symlink_metadata()
        };
        let Ok(found) = found else {
            return Self::Nothing;
        };
        let kind = found.file_type();
        if kind.is_file() {
            Self::File {
                mode: found.mode(),
                size: found.size(),
                mtime_ns: version_of(&found).mtime_ns,
            }
        } else if kind.is_dir() {
            Self::Directory { mode: found.mode() }
        } else if kind.is_symlink() {
            path.read_link().map_or(Self::Nothing, |target| Self::Link {
                target: target.into_os_string().into_vec(),
            })
        } else {
            debug_assert!(
                kind.is_fifo()
                    || kind.is_socket()
                    || kind.is_char_device()
                    || kind.is_block_device()
            );
            Self::Other
        }
    }

    /// Returns whether another answer tells the same to who asked for size and time, or (not
    /// `stamped`) did not.
    pub fn is_same(&self, other: &Self, stamped: bool) -> bool {
        match (self, other) {
            (Self::File { mode: one, .. }, Self::File { mode: two, .. }) if !stamped => one == two,
            _ => self == other,
        }
    }
}

impl Question {
    /// Asks again.
    pub fn now(&self) -> Answer {
        Answer::now(&self.words, self.follow)
    }
}

/// Returns the names in a directory, sorted; nothing if they cannot be read.
pub fn names_in(directory: &[u8]) -> Option<Vec<Vec<u8>>> {
    let entries = as_path(directory).read_dir().ok()?;
    let names = entries.map(|entry| entry.map(|entry| entry.file_name().into_vec()));
    let mut names: Vec<_> = names.collect::<Result<_, _>>().ok()?;
    names.sort();
    Some(names)
}

/// What is gathered while a run lasts.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    questions: Vec<Question>,
    /// Where each question is.
    asked: HashMap<(Box<[u8]>, bool), usize>,
    ways: BTreeMap<Vec<u8>, Vec<u8>>,
    listings: BTreeMap<Vec<u8>, Listing>,
    /// Names that the run has made or removed, and that are no files.
    own: HashSet<Vec<u8>>,
    kept: usize,
    unknown: Option<String>,
}

impl Gathered {
    /// Notes that something is not known.
    pub(crate) fn give_up(&mut self, why: &str) {
        self.unknown.get_or_insert_with(|| why.to_owned());
    }

    /// Takes note of a question; `found` is what was found by the `words`, if anything was.
    pub(crate) fn ask(
        &mut self,
        words: Vec<u8>,
        (follow, stamped): (bool, bool),
        found: Option<&Found>,
        fold: &Fold,
    ) {
        if is_nameless(&words) || found.is_some_and(|found| is_nameless(&found.path)) {
            return;
        }
        if let Some(&at) = self.asked.get(&(words.as_slice().into(), follow)) {
            self.questions[at].stamped |= stamped;
            return;
        }
        let path = found.map_or(Vec::new(), |found| found.path.clone());
        if self.is_own(&path, fold) || !self.has_room(1) {
            return;
        }
        if words.len() > PATH_MAX {
            return self.give_up("it asked about a path that is too long to be asked about again");
        }
        let at = self.questions.len();
        self.asked.insert((words.as_slice().into(), follow), at);
        let answer = Answer::now(&words, follow);
        self.questions.push(Question {
            words,
            follow,
            stamped,
            answer,
            path,
        });
    }

    /// Takes note of the links that `words` led through to what was `found`.
    pub(crate) fn came(&mut self, words: &[u8], found: &Found) {
        if is_nameless(words) || is_nameless(&found.path) {
            return;
        }
        let (above, name) = cut(words);
        let (directory, found_name) = cut(&found.path);
        if found.links.is_empty() && name == found_name && !name.is_empty() {
            self.lead(above, directory);
        } else if found.state != State::Missing {
            self.lead(words, &found.path);
        }
    }

    fn lead(&mut self, words: &[u8], path: &[u8]) {
        let known = words == path || words.is_empty() || self.ways.contains_key(words);
        if !known && self.has_room(1) {
            self.ways.insert(words.to_vec(), path.to_vec());
        }
    }

    /// Takes note that the directory at a canonical path is about to be listed.
    pub(crate) fn list(&mut self, path: &[u8], fold: &Fold) {
        if is_nameless(path) || self.listings.contains_key(path) || self.is_own(path, fold) {
            return;
        }
        // Who may not read it learns nothing.
        let Some(names) = names_in(path) else { return };
        if !self.has_room(names.len() + 1) {
            return;
        }
        let own = |name: &Vec<u8>| self.is_own(&below(path, name), fold);
        let (made, names) = names.into_iter().partition(own);
        let listing = Listing {
            path: path.to_vec(),
            names,
            made,
        };
        self.listings.insert(path.to_vec(), listing);
    }

    /// Takes note that the run makes, moves or removes something that is no file.
    pub(crate) fn changes(&mut self, path: &[u8]) {
        self.own.insert(path.to_vec());
    }

    fn has_room(&mut self, more: usize) -> bool {
        self.kept += more;
        if self.kept > MOST {
            self.give_up("it looked at more than is kept");
        }
        self.kept <= MOST
    }

    /// Returns whether what is at a path now is the run's own doing.
    fn is_own(&self, path: &[u8], fold: &Fold) -> bool {
        fold.has_replaced(path) || self.is_below_own(path)
    }

    fn is_below_own(&self, path: &[u8]) -> bool {
        let mut paths = std::iter::successors(Some(path), cut_off);
        !self.own.is_empty() && paths.any(|path| self.own.contains(path))
    }

    /// Returns whether the run had a hand in what has become of a path.
    fn has_changed(&self, path: &[u8], fold: &Fold) -> bool {
        fold.has_changed(path) || self.is_below_own(path)
    }

    /// Looks again, now that the run is over, and keeps what the next run would see as this one did.
    pub(crate) fn settle(mut self, fold: &Fold) -> Looks {
        let questions = std::mem::take(&mut self.questions);
        let questions = questions
            .into_iter()
            .filter(|question| self.settle_question(question, fold))
            .collect();
        let ways = std::mem::take(&mut self.ways).into_iter();
        let ways = ways.filter_map(|(words, path)| self.settle_way(words, path));
        let ways = ways.collect::<Vec<_>>();
        let listings = std::mem::take(&mut self.listings).into_values();
        let listings = listings
            .map(|listing| self.settle_listing(listing, fold))
            .collect();
        Looks {
            questions,
            ways,
            listings,
            unknown: self.unknown,
        }
    }

    /// Returns whether a question is to be asked again.
    fn settle_question(&mut self, question: &Question, fold: &Fold) -> bool {
        let now = question.now();
        let was_there = question.answer != Answer::Nothing;
        let is_there = now != Answer::Nothing;
        let path = match canonical(&question.words, question.follow) {
            Some(path) if is_there => path,
            _ => question.path.clone(),
        };
        let own = self.has_changed(&path, fold) || self.has_changed(&question.path, fold);
        match (was_there, is_there) {
            (false, false) => true,
            // What the run has removed was there for it, and would not be there for the next.
            (true, false) if own => true,
            _ if own => false,
            _ if now.is_same(&question.answer, question.stamped) => true,
            _ => {
                self.give_up(&changed(&question.words));
                false
            }
        }
    }

    /// Shortens a way by what is no longer there: a directory of the run's own.
    fn settle_way(&mut self, mut words: Vec<u8>, mut path: Vec<u8>) -> Option<Way> {
        while canonical(&words, true).as_ref() != Some(&path) {
            let gone = as_path(&path).symlink_metadata().is_err();
            let ((above, name), (directory, same)) = (cut(&words), cut(&path));
            if !gone || name != same || name.is_empty() {
                self.give_up(&changed(&words));
                return None;
            }
            (words, path) = (above.to_vec(), directory.to_vec());
        }
        (words != path && !words.is_empty()).then_some(Way { words, path })
    }

    /// Adds the names that the run has made.
    fn settle_listing(&mut self, mut listing: Listing, fold: &Fold) -> Listing {
        for name in names_in(&listing.path).unwrap_or_default() {
            if listing.names.binary_search(&name).is_ok() || listing.made.contains(&name) {
                continue;
            }
            let file = below(&listing.path, &name);
            if !self.has_changed(&file, fold) {
                self.give_up(&changed(&file));
            }
            listing.made.push(name);
        }
        listing.made.sort();
        listing
    }
}

fn changed(path: &[u8]) -> String {
    let path = String::from_utf8_lossy(path);
    format!("'{}' changed while it ran", path.escape_debug())
}

fn canonical(words: &[u8], follow: bool) -> Option<Vec<u8>> {
    let (above, name) = cut(words);
    if follow || matches!(name, b"" | b"." | b"..") {
        let path = as_path(words).canonicalize().ok()?;
        return Some(path.into_os_string().into_vec());
    }
    let above = as_path(if above.is_empty() { b"/" } else { above })
        .canonicalize()
        .ok()?;
    Some(below(above.as_os_str().as_bytes(), name))
}

/// Splits a path into its directory, without the slash at its end, and its last part.
fn cut(path: &[u8]) -> (&[u8], &[u8]) {
    let at = path.iter().rposition(|byte| *byte == b'/');
    at.map_or((b"", path), |at| (&path[..at], &path[at + 1..]))
}

/// Returns the directory of a path, if it is not the root.
fn cut_off<'p>(path: &&'p [u8]) -> Option<&'p [u8]> {
    let above = cut(path).0;
    (!above.is_empty()).then_some(above)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests may panic")]
mod tests {
    use super::*;
    use std::fs;

    fn answer(path: &std::path::Path, follow: bool) -> Answer {
        Answer::now(path.as_os_str().as_bytes(), follow)
    }

    #[test]
    fn an_answer_tells_what_is_there() {
        let top = tempfile::tempdir().unwrap();
        let (file, link) = (top.path().join("file"), top.path().join("link"));
        fs::write(&file, "four").unwrap();
        std::os::unix::fs::symlink("file", &link).unwrap();
        assert!(matches!(answer(&file, false), Answer::File { size: 4, .. }));
        assert_eq!(answer(&link, true), answer(&file, true));
        let target = b"file".to_vec();
        assert_eq!(answer(&link, false), Answer::Link { target });
        assert!(matches!(answer(top.path(), true), Answer::Directory { .. }));
        assert_eq!(answer(&top.path().join("none"), true), Answer::Nothing);
        assert_eq!(answer(&file.join("below"), true), Answer::Nothing);
        assert_eq!(Answer::now(b"/dev/null", true), Answer::Other);
    }

    #[test]
    fn size_and_time_count_for_who_asked_for_them() {
        let file = |mtime_ns| Answer::File {
            mode: 0o100_644,
            size: 1,
            mtime_ns,
        };
        assert!(file(1).is_same(&file(2), false));
        assert!(!file(1).is_same(&file(2), true));
        assert!(!file(1).is_same(&Answer::Nothing, false));
        assert!(!file(1).is_same(&Answer::Other, false));
    }

    #[test]
    fn a_path_without_links_is_its_own_canonical_path() {
        assert_eq!(canonical(b"/", true), Some(b"/".to_vec()));
        assert_eq!(canonical(b"/none", false), Some(b"/none".to_vec()));
        assert_eq!(canonical(b"/none/none", false), None);
        assert_eq!(cut(b"/a/b"), (&b"/a"[..], &b"b"[..]));
        assert_eq!(cut(b"/a"), (&b""[..], &b"a"[..]));
        assert_eq!(cut_off(&&b"/a"[..]), None);
    }
}
