//! Where a run looked, beside the files that it read: kept so that `--cached` can tell whether it would
//! be answered the same again.
//!
//! One file a job, `.roar/looked/<2 digits>/<64 digits of the job>`: the nine bytes `ROARLOOK2`, the
//! BLAKE3 of the rest, and a MessagePack array of what [`Looked`] holds. It is derived from a run that is
//! over and cannot be made again, and losing it means only that the job never saves anybody a run.
//!
//! Of a run that was not watched for where it looks, only its standard input and output are kept.

use crate::sorted::Sorted;
use crate::spooled::Head;
use crate::streams::Streams;
use roar_object::{Base, ByteStr, Change, ObjectId, RecordedPath};
use roar_repo::filters::Filters;
use roar_repo::flatten;
use roar_trace::{Answer, Listing, Looks, Question, is_nameless};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{self, DirBuilder};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

const MAGIC: &[u8; 9] = b"ROARLOOK2";

/// Most names in one directory that are kept one by one.
const KEPT_NAMES: usize = 512;

/// What was answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Told {
    Nothing,
    File(u32, u64, i64),
    Directory(u32),
    Link(ByteStr),
    Other,
}

impl From<&Answer> for Told {
    fn from(answer: &Answer) -> Self {
        match answer {
            Answer::Nothing => Self::Nothing,
            Answer::File {
                mode,
                size,
                mtime_ns,
            } => Self::File(*mode, *size, *mtime_ns),
            Answer::Directory { mode } => Self::Directory(*mode),
            Answer::Link { target } => Self::Link(target.clone().into()),
            Answer::Other => Self::Other,
        }
    }
}

impl Told {
    fn answer(&self) -> Answer {
        match self {
            Self::Nothing => Answer::Nothing,
            Self::File(mode, size, mtime_ns) => Answer::File {
                mode: *mode,
                size: *size,
                mtime_ns: *mtime_ns,
            },
            Self::Directory(mode) => Answer::Directory { mode: *mode },
            Self::Link(target) => Answer::Link {
                target: target.to_vec(),
            },
            Self::Other => Answer::Other,
        }
    }
}

/// What was asked of a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Asked {
    /// Absolute, as the run gave it.
    words: ByteStr,
    follow: bool,
    /// Whether size and time count.
    stamped: bool,
    told: Told,
}

impl Asked {
    /// Asks again. Returns how the answer differs, in words.
    fn differs(&self) -> Option<&'static str> {
        let (then, now) = (self.told.answer(), Answer::now(&self.words, self.follow));
        if now.is_same(&then, self.stamped) {
            return None;
        }
        Some(match (then, now) {
            (Answer::Nothing, _) => "is there now",
            (_, Answer::Nothing) => "is gone",
            _ => "changed",
        })
    }
}

/// A directory that was opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Directory {
    /// Absolute.
    path: ByteStr,
    /// The names that it found there and that count, sorted; nothing if there are too many.
    names: Vec<ByteStr>,
    /// The BLAKE3 of too many names; empty if there are few.
    many: ByteStr,
    /// The names that are its own doing: they do not count. Sorted.
    own: Vec<ByteStr>,
}

impl Directory {
    fn of(listing: Listing, writes: &BTreeSet<Vec<u8>>, rules: &Rules<'_>) -> Self {
        let Listing { path, names, made } = listing;
        let is_written = |name: &Vec<u8>| writes.contains(&join(&path, name));
        let (mut own, mut names): (Vec<_>, Vec<_>) = names.into_iter().partition(is_written);
        own.extend(made);
        own.sort();
        names.retain(|name| rules.counts(&path, name));
        let many = summed(&names);
        let names = if many.is_empty() { names } else { Vec::new() };
        let list = |names: Vec<Vec<u8>>| names.into_iter().map(ByteStr).collect();
        Self {
            path: path.into(),
            names: list(names),
            many,
            own: list(own),
        }
    }

    /// Returns what is otherwise now, in words.
    fn differs(&self, rules: &Rules<'_>) -> Option<String> {
        let Some(mut now) = roar_trace::names_in(&self.path) else {
            return Some(format!("'{}' cannot be listed", rules.shown(&self.path)));
        };
        let is_own = |name: &Vec<u8>| self.own.binary_search_by(|own| own.0.cmp(name)).is_ok();
        now.retain(|name| !is_own(name) && rules.counts(&self.path, name));
        if !self.many.is_empty() || now.len() > KEPT_NAMES {
            let same = summed(&now) == self.many;
            return (!same)
                .then(|| format!("the names in '{}' are others", rules.shown(&self.path)));
        }
        let is_new = |name: &&Vec<u8>| {
            self.names
                .binary_search_by(|known| known.0.cmp(name))
                .is_err()
        };
        let is_gone = |name: &&ByteStr| now.binary_search(&name.0).is_err();
        let shown = |name: &[u8]| rules.shown(&join(&self.path, name));
        let new = now.iter().find(is_new);
        let gone = self.names.iter().find(is_gone);
        new.map(|name| format!("'{}' is new", shown(name)))
            .or_else(|| gone.map(|name| format!("'{}' is gone", shown(name))))
    }
}

/// Which names matter, and how they are told of.
pub(crate) struct Rules<'a> {
    pub(crate) root: &'a [u8],
    pub(crate) filters: &'a Filters,
}

impl Rules<'_> {
    /// Returns whether a name in a directory could have changed what a run did: in the project, not
    /// what belongs to roar and git, and not what the user's rules keep apart.
    fn counts(&self, directory: &[u8], name: &[u8]) -> bool {
        let path = RecordedPath::new(self.root, &join(directory, name));
        if path.base != Base::Project {
            return true;
        }
        let reserved = matches!(name, b".roar" | b".git");
        !reserved && flatten::matters(self.filters.classify(&path, false).0)
    }

    /// Returns whether a path is roar's own, which changes with every run.
    fn is_ours(&self, path: &[u8]) -> bool {
        let ours = RecordedPath::inside(roar_repo::place::DOT_ROAR);
        let path = RecordedPath::new(self.root, path);
        path == ours || path.is_under(&ours)
    }

    fn shown(&self, path: &[u8]) -> String {
        let path = RecordedPath::new(self.root, path);
        let text = String::from_utf8_lossy(&path.shown()).into_owned();
        text.escape_debug().to_string()
    }
}

fn join(directory: &[u8], name: &[u8]) -> Vec<u8> {
    let directory = directory.strip_suffix(b"/").unwrap_or(directory);
    [directory, b"/", name].concat()
}

/// Returns the BLAKE3 of names if they are too many to be kept for every run, else nothing.
fn summed(names: &[Vec<u8>]) -> ByteStr {
    if names.len() <= KEPT_NAMES {
        return ByteStr::default();
    }
    let mut hasher = blake3::Hasher::new();
    for name in names {
        // No name holds a NUL.
        hasher.update(name).update(&[0]);
    }
    ByteStr(hasher.finalize().as_bytes().to_vec())
}

/// Where a run looked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Looked {
    pub(crate) streams: Streams,
    /// The file that its command's name led to.
    pub(crate) program: ByteStr,
    /// Why what follows is not known, in words; empty if it is.
    unknown: String,
    asked: Vec<Asked>,
    /// Paths, and the canonical ones that links on them led to.
    ways: Vec<(ByteStr, ByteStr)>,
    directories: Vec<Directory>,
}

impl Looked {
    /// Keeps of what a run asked what did not depend on itself.
    pub(crate) fn after(
        program: &Path,
        looks: Option<Looks>,
        sorted: &Sorted,
        head: &Head,
        filters: &Filters,
    ) -> Self {
        let rules = Rules {
            root: &head.root,
            filters,
        };
        let mut looked = Self {
            streams: head.streams.clone().unwrap_or_default(),
            program: program.as_os_str().as_bytes().to_vec().into(),
            unknown: String::new(),
            asked: Vec::new(),
            ways: Vec::new(),
            directories: Vec::new(),
        };
        match looks {
            None => looked.unknown = UNWATCHED.to_owned(),
            Some(Looks {
                unknown: Some(why), ..
            }) => looked.unknown = why,
            Some(looks) => looked.take(looks, sorted, &rules),
        }
        looked
    }

    /// What is known of a run whose end nobody saw: what it had for standard input and output.
    pub(crate) fn only_begun(streams: Streams) -> Self {
        Self {
            streams,
            program: ByteStr::default(),
            unknown: "nobody saw its end".to_owned(),
            asked: Vec::new(),
            ways: Vec::new(),
            directories: Vec::new(),
        }
    }

    fn take(&mut self, looks: Looks, sorted: &Sorted, rules: &Rules<'_>) {
        let absolute = |path: &RecordedPath| path.absolute(rules.root);
        let read: BTreeSet<_> = sorted
            .reads
            .iter()
            .map(|item| absolute(&item.path))
            .collect();
        let kept = sorted.writes.iter();
        let kept = kept.filter(|item| item.change != Some(Change::Deleted));
        let written: BTreeSet<_> = kept.map(|item| absolute(&item.path)).collect();
        let above = |path: &[u8]| is_above(path, &written);
        let matters = |question: &Question| {
            let ours = rules.is_ours(&question.words) || rules.is_ours(&question.path);
            // Where it wrote, there is a directory when its files are in place.
            let made = matches!(question.answer, Answer::Directory { .. }) && above(&question.path);
            !ours && !made
        };
        let questions = looks.questions.into_iter().filter(matters);
        self.asked = questions
            .map(|question| Asked {
                follow: question.follow,
                // Of what was read, the bytes are compared.
                stamped: question.stamped && !read.contains(&question.path),
                told: Told::from(&question.answer),
                words: question.words.into(),
            })
            .collect();
        let ways = looks.ways.into_iter();
        self.ways = ways
            .map(|way| (way.words.into(), way.path.into()))
            .collect();
        let listings = looks.listings.into_iter();
        self.directories = listings
            .filter(|listing| !rules.is_ours(&listing.path) && !is_nameless(&listing.path))
            .map(|listing| Directory::of(listing, &written, rules))
            .collect();
    }

    /// Looks at the same places again.
    ///
    /// # Errors
    ///
    /// What is otherwise now, or why that cannot be told, in words.
    pub(crate) fn is_as_it_was(&self, rules: &Rules<'_>) -> Result<(), String> {
        if !self.unknown.is_empty() {
            return Err(self.unknown.clone());
        }
        if let Some((words, _)) = self.ways.iter().find(|way| !leads(&way.0, &way.1)) {
            return Err(format!("'{}' leads elsewhere", rules.shown(words)));
        }
        for asked in &self.asked {
            if let Some(how) = asked.differs() {
                return Err(format!("'{}' {how}", rules.shown(&asked.words)));
            }
        }
        let mut directories = self.directories.iter();
        let why = directories.find_map(|directory| directory.differs(rules));
        why.map_or(Ok(()), Err)
    }

    /// Keeps this as the job's. What cannot be kept is not worth a word: nothing is lost by it.
    pub(crate) fn save(&self, dot: &Path, job: ObjectId) {
        let body = crate::spooled::encode(self);
        let sum = *blake3::hash(&body).as_bytes();
        let bytes = [&MAGIC[..], &sum, &body].concat();
        let path = place(dot, job);
        let Some(directory) = path.parent() else {
            return;
        };
        let made = DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory);
        let beside = path.with_extension(std::process::id().to_string());
        let written = made.and_then(|()| fs::write(&beside, bytes));
        if written.and_then(|()| fs::rename(&beside, &path)).is_err() {
            let _ = fs::remove_file(&beside);
        }
    }

    /// Returns the job's; nothing if there is none, or it is damaged.
    pub(crate) fn load(dot: &Path, job: ObjectId) -> Option<Self> {
        let bytes = roar_store::read_whole(&place(dot, job)).ok()?;
        let (sum, body) = bytes.strip_prefix(MAGIC)?.split_first_chunk::<32>()?;
        (blake3::hash(body).as_bytes() == sum)
            .then(|| crate::spooled::decode(body))
            .flatten()
    }
}

fn place(dot: &Path, job: ObjectId) -> PathBuf {
    let name = job.to_string();
    dot.join("looked").join(&name[..2]).join(name)
}

/// Why it is not known where a run looked that was not asked to tell.
const UNWATCHED: &str = "the last run of it was without --cached, so where it looked is not known";

/// Returns whether one of the paths lies below a directory.
fn is_above(directory: &[u8], paths: &BTreeSet<Vec<u8>>) -> bool {
    let below = join(directory, b"");
    let mut from = paths.range(below.clone()..);
    from.next().is_some_and(|path| path.starts_with(&below))
}

/// Returns whether a path still leads to this directory or file.
fn leads(words: &[u8], path: &[u8]) -> bool {
    let now = Path::new(OsStr::from_bytes(words)).canonicalize();
    now.is_ok_and(|now| now.as_os_str().as_bytes() == path)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests may panic")]
mod tests {
    use super::*;

    #[test]
    fn few_names_are_kept_and_many_summed_up() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().as_os_str().as_bytes().to_vec();
        let filters = Filters::default();
        let rules = Rules {
            root: b"/nowhere",
            filters: &filters,
        };
        let add = |number: usize| fs::write(directory.path().join(number.to_string()), "").unwrap();
        let now = || {
            let listing = Listing {
                path: path.clone(),
                names: roar_trace::names_in(&path).unwrap(),
                made: Vec::new(),
            };
            Directory::of(listing, &BTreeSet::new(), &rules)
        };
        (0..KEPT_NAMES).for_each(add);
        let few = now();
        assert_eq!((few.names.len(), few.many.len()), (KEPT_NAMES, 0));
        assert_eq!(few.differs(&rules), None);
        add(KEPT_NAMES);
        assert!(few.differs(&rules).unwrap().contains("are others"));
        let many = now();
        assert_eq!((many.names.len(), many.many.len()), (0, 32));
        assert_eq!(many.differs(&rules), None);
        fs::rename(directory.path().join("0"), directory.path().join("x")).unwrap();
        assert!(many.differs(&rules).unwrap().contains("are others"));
    }

    #[test]
    fn a_directory_is_above_what_is_in_it() {
        let paths = BTreeSet::from([b"/a/b/c".to_vec(), b"/ab/x".to_vec()]);
        for (directory, expected) in [
            ("/a", true),
            ("/a/b", true),
            ("/", true),
            ("/a/b/c", false),
            ("/b", false),
        ] {
            assert_eq!(
                is_above(directory.as_bytes(), &paths),
                expected,
                "{directory}"
            );
        }
    }

    #[test]
    fn what_is_damaged_is_not_believed() {
        let dot = tempfile::tempdir().unwrap();
        let job = ObjectId::from_bytes([7; 32]);
        let looked = Looked {
            streams: Streams::now(b"/nowhere"),
            program: b"/bin/true".to_vec().into(),
            unknown: String::new(),
            asked: [Answer::Nothing, Answer::now(b"/", true), Answer::Other]
                .iter()
                .map(|answer| Asked {
                    words: b"/a".to_vec().into(),
                    follow: true,
                    stamped: false,
                    told: Told::from(answer),
                })
                .collect(),
            ways: vec![(b"/w".to_vec().into(), b"/v".to_vec().into())],
            directories: vec![Directory {
                path: b"/d".to_vec().into(),
                names: vec![b"x".to_vec().into()],
                many: ByteStr::default(),
                own: Vec::new(),
            }],
        };
        assert_eq!(Looked::load(dot.path(), job), None);
        looked.save(dot.path(), job);
        assert_eq!(Looked::load(dot.path(), job), Some(looked));
        let path = place(dot.path(), job);
        let mut bytes = fs::read(&path).unwrap();
        for at in [0, 20, bytes.len() - 1] {
            bytes[at] ^= 1;
            fs::write(&path, &bytes).unwrap();
            assert_eq!(Looked::load(dot.path(), job), None, "{at}");
            bytes[at] ^= 1;
        }
        fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
        assert_eq!(Looked::load(dot.path(), job), None);
    }
}
