//! Where a run looked, beside the files that it read: kept so that `--cached` can tell whether it would
//! look in vain, or at the same names, again.
//!
//! One file a job, `.roar/looked/<2 digits>/<64 digits of the job>`: the nine bytes `ROARLOOK1`, the
//! BLAKE3 of the rest, and a MessagePack array of standard input, standard output, the paths that were
//! not there, and the directories with the names in them. It is derived from a run that is over and
//! cannot be made again, and losing it means only that the job never saves anybody a run.
//!
//! A run that looked at more than can be kept has no such file.

use crate::run::NAMELESS;
use crate::sorted::Sorted;
use crate::spooled::Head;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use roar_object::{Base, ByteStr, Class, ObjectId, RecordedPath};
use roar_repo::filters::Filters;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs::{self, DirBuilder};
use std::io::{self, IsTerminal as _};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::{DirBuilderExt as _, FileTypeExt as _};
use std::path::{Path, PathBuf};

const MAGIC: &[u8; 9] = b"ROARLOOK1";

/// Most names in one directory that are kept one by one.
const KEPT_NAMES: usize = 512;
/// Most names in one directory that are read.
const MOST_NAMES: usize = 10_000;

/// What the command's standard input and output are, as far as that matters to what it does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Streams {
    /// `empty`, `terminal`, `file`, or `other`: something that nobody can look into beforehand.
    pub(crate) input: String,
    /// The file and the place in it, of `file`.
    pub(crate) input_file: ByteStr,
    /// The file of the project that standard output goes to; empty if it goes elsewhere.
    pub(crate) output_file: ByteStr,
    /// Whether that file is added to.
    pub(crate) output_adds: bool,
}

/// Where a recorded run had its standard input and output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirected {
    /// Its standard input.
    pub input: Input,
    /// The file of the project that its standard output went to, and whether it was added to.
    pub output: Option<(PathBuf, bool)>,
}

/// What a recorded run had on standard input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Nothing.
    Nothing,
    /// A terminal.
    Terminal,
    /// A file, from its beginning.
    File(PathBuf),
    /// Something that cannot be had again, such as a pipe.
    Lost,
}

/// Returns where a recorded run had its standard input and output, if that is known.
pub fn redirected(dot: &Path, job: ObjectId) -> Option<Redirected> {
    let Streams {
        input,
        input_file,
        output_file,
        output_adds,
    } = Looked::load(dot, job)?.streams;
    let path = |bytes: &[u8]| PathBuf::from(OsStr::from_bytes(bytes));
    let input = match input.as_str() {
        "empty" => Input::Nothing,
        "terminal" => Input::Terminal,
        "file" => match input_file.strip_suffix(b"\npos:\t0") {
            Some(file) => Input::File(path(file)),
            None => Input::Lost,
        },
        _ => Input::Lost,
    };
    let output = (!output_file.is_empty()).then(|| (path(&output_file), output_adds));
    Some(Redirected { input, output })
}

/// A directory that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Directory {
    /// Absolute.
    pub(crate) path: ByteStr,
    /// Whether the run opened it; else it only used files in it.
    pub(crate) listed: bool,
    /// What was in it when the run was over, sorted; nothing if that were too many to be kept.
    pub(crate) names: Vec<ByteStr>,
    /// The BLAKE3 of too many names; empty if there are few.
    pub(crate) many: ByteStr,
}

impl Directory {
    /// Keeps the names that are in a directory now; nothing if they cannot be read.
    fn now(path: Vec<u8>, listed: bool) -> Option<Self> {
        let names = names(Path::new(OsStr::from_bytes(&path)))?;
        let many = summed(&names);
        Some(Self {
            path: path.into(),
            listed,
            names: if many.is_empty() { names } else { Vec::new() },
            many,
        })
    }
}

/// Returns the BLAKE3 of names if they are too many to be kept for every run, else nothing.
pub(crate) fn summed(names: &[ByteStr]) -> ByteStr {
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
    /// What was not there, and is not there after the run; absolute.
    pub(crate) absent: Vec<ByteStr>,
    pub(crate) directories: Vec<Directory>,
}

impl Streams {
    /// Looks at this process's own, which the command has too.
    pub(crate) fn now(root: &[u8]) -> Self {
        let (input, input_file) = input();
        let output = crate::run::target(1).filter(|path| is_project_file(path, root));
        Self {
            input: input.to_owned(),
            input_file: input_file.into(),
            output_adds: output.is_some() && crate::run::appends(1),
            output_file: output.unwrap_or_default().into(),
        }
    }
}

fn is_project_file(path: &[u8], root: &[u8]) -> bool {
    let inside = RecordedPath::new(root, path).base == Base::Project;
    inside && fs::metadata(OsStr::from_bytes(path)).is_ok_and(|found| found.is_file())
}

fn input() -> (&'static str, Vec<u8>) {
    let Ok(found) = fs::metadata("/proc/self/fd/0") else {
        return ("empty", Vec::new());
    };
    let kind = found.file_type();
    if kind.is_file() {
        let place = fs::read_to_string("/proc/self/fdinfo/0").unwrap_or_default();
        let place = place.lines().next().unwrap_or_default().as_bytes().to_vec();
        let path = crate::run::target(0).unwrap_or_default();
        return ("file", [path, place].join(&b'\n'));
    }
    let is_null = || crate::run::target(0).is_some_and(|path| path == b"/dev/null");
    match () {
        () if io::stdin().is_terminal() => ("terminal", Vec::new()),
        () if is_null() || (kind.is_fifo() && is_at_end()) => ("empty", Vec::new()),
        () => ("other", Vec::new()),
    }
}

/// Returns whether nothing is in the pipe and nobody can write to it any more.
fn is_at_end() -> bool {
    let stdin = io::stdin();
    let mut polled = [PollFd::new(
        std::os::fd::AsFd::as_fd(&stdin),
        PollFlags::POLLIN,
    )];
    let answered = poll(&mut polled, PollTimeout::ZERO).is_ok();
    let flags = polled[0].revents().unwrap_or(PollFlags::POLLIN);
    answered && flags.contains(PollFlags::POLLHUP) && !flags.contains(PollFlags::POLLIN)
}

impl Looked {
    /// Looks again at the places where a run looked, now that it is over; nothing if there were too
    /// many, or names cannot be read.
    pub(crate) fn after(
        streams: Streams,
        seen: &roar_trace::Looked,
        sorted: &Sorted,
        head: &Head,
        filters: &Filters,
    ) -> Option<Self> {
        let root = &*head.root;
        if seen.more {
            return None;
        }
        let still = |path: &&Vec<u8>| !is_there(path) && !is_nameless(path);
        let absent = seen.absent.iter().filter(still);
        let mut directories: BTreeMap<Vec<u8>, bool> = BTreeMap::new();
        for place in used(sorted, &head.directory) {
            directories.insert(place.absolute(root), false);
        }
        for path in seen.listed.iter().cloned().chain(named(head)) {
            if matters(&path, root, filters) {
                directories.insert(path, true);
            }
        }
        Some(Self {
            streams,
            absent: absent.cloned().map(ByteStr).collect(),
            directories: directories
                .into_iter()
                .map(|(path, listed)| Directory::now(path, listed))
                .collect::<Option<_>>()?,
        })
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
        let bytes = fs::read(place(dot, job)).ok()?;
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

/// Returns the directories of the project that a run had to do with: where it ran, and all that are
/// above the files that it read.
fn used(sorted: &Sorted, directory: &RecordedPath) -> BTreeSet<RecordedPath> {
    let read = sorted.reads.iter();
    let read = read.filter(|item| roar_repo::flatten::matters(item.class));
    let mut used = BTreeSet::from([directory.clone()]);
    for item in read {
        let mut above = std::iter::successors(item.path.parent(), RecordedPath::parent);
        // What is above one that is known is known.
        while let Some(path) = above.next().filter(|path| !used.contains(path)) {
            used.insert(path);
        }
    }
    used.retain(|path| path.base == Base::Project);
    used
}

/// Returns the directories that the command names, or patterns of files in them: those it may well
/// have listed.
fn named(head: &Head) -> Vec<Vec<u8>> {
    let from = head.directory.absolute(&head.root);
    let from = Path::new(OsStr::from_bytes(&from));
    let words = head
        .argv
        .iter()
        .flat_map(|word| word.split(|byte| is_between(*byte)));
    let place = |word: &[u8]| {
        let pattern = word.iter().position(|byte| b"*?[{".contains(byte));
        let word = match pattern {
            Some(at) => {
                let slash = word[..at].iter().rposition(|&byte| byte == b'/');
                slash.map_or(&b"."[..], |slash| &word[..=slash])
            }
            None => word,
        };
        let path = from.join(OsStr::from_bytes(word));
        let is_directory = !word.is_empty() && path.is_dir();
        is_directory.then(|| path.canonicalize().ok()).flatten()
    };
    let named: BTreeSet<_> = words.filter_map(place).collect();
    named
        .into_iter()
        .map(|path| path.into_os_string().into_vec())
        .collect()
}

/// Returns whether a byte ends a word in a shell, or in what programs take for options.
fn is_between(byte: u8) -> bool {
    byte.is_ascii_whitespace() || b"'\"`=,;:|&<>()$".contains(&byte)
}

/// Returns whether what is in a directory can matter: the system's own do not.
fn matters(path: &[u8], root: &[u8], filters: &Filters) -> bool {
    let recorded = RecordedPath::new(root, path);
    let is_ours = recorded.is_under(&RecordedPath::inside(roar_repo::place::DOT_ROAR));
    let is_project = recorded.base == Base::Project && !is_ours;
    let (class, _) = filters.classify(&recorded.join(b"file"), false);
    !is_nameless(path) && !is_ours && (is_project || class != Class::System)
}

pub(crate) fn is_there(path: &[u8]) -> bool {
    fs::symlink_metadata(OsStr::from_bytes(path)).is_ok()
}

/// Returns whether a path is the kernel's, where names come and go.
fn is_nameless(path: &[u8]) -> bool {
    NAMELESS.iter().any(|place| path.starts_with(place))
}

/// Returns the names in a directory, sorted; nothing if there are too many, or they cannot be read.
/// What is no longer there has none.
pub(crate) fn names(directory: &Path) -> Option<Vec<ByteStr>> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(err) if err.kind() == io::ErrorKind::NotFound => return Some(Vec::new()),
        Err(_) => return None,
    };
    let mut names = Vec::new();
    for entry in entries {
        if names.len() == MOST_NAMES {
            return None;
        }
        names.push(ByteStr(entry.ok()?.file_name().into_vec()));
    }
    names.sort();
    Some(names)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests may panic")]
mod tests {
    use super::*;

    #[test]
    fn few_names_are_kept_and_many_summed_up() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().as_os_str().as_bytes().to_vec();
        let add = |number: usize| fs::write(directory.path().join(number.to_string()), "").unwrap();
        (0..KEPT_NAMES).for_each(add);
        let few = Directory::now(path.clone(), true).unwrap();
        assert_eq!((few.names.len(), few.many.len()), (KEPT_NAMES, 0));
        add(KEPT_NAMES);
        let many = Directory::now(path.clone(), true).unwrap();
        assert_eq!((many.names.len(), many.many.len()), (0, 32));
        assert_eq!(Directory::now(path.clone(), true).unwrap(), many);
        fs::rename(directory.path().join("0"), directory.path().join("x")).unwrap();
        assert_ne!(Directory::now(path, true).unwrap(), many);
    }

    #[test]
    fn what_is_damaged_is_not_believed() {
        let dot = tempfile::tempdir().unwrap();
        let job = ObjectId::from_bytes([7; 32]);
        let looked = Looked {
            streams: Streams::now(b"/nowhere"),
            absent: vec![b"/a".to_vec().into()],
            directories: vec![Directory {
                path: b"/d".to_vec().into(),
                listed: true,
                names: vec![b"x".to_vec().into()],
                many: ByteStr::default(),
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
