//! From the words of a system call to the one path of a file.
//!
//! A path is resolved as the calling thread would: from its directory or descriptor, below its
//! root, with `/proc/self` meaning itself. Directories are resolved by the kernel (a descriptor
//! with `O_PATH` tells its own canonical path) and remembered; the last part is looked at here,
//! link by link. Each link passed is a file that was read: those on the way to a directory, when the
//! way is gone for the first time.

use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::time::Instant;

use nix::errno::Errno;
use nix::fcntl::{OpenHow, ResolveFlag};
use roar_events::{State, Version};

use crate::long::{self, link_of, open_dir, path_only, read_link};
use crate::recent::{Recent, Sight};
use crate::state::{as_path, is_hidden, is_nameless, look};
use crate::walk::{clean, walk};

/// As many links as the kernel follows before it gives up.
pub(crate) const LINKS: usize = 40;

/// Directories remembered before all are forgotten.
const REMEMBERED: usize = 1 << 16;

/// Calls after which one that moved directories is taken to be done.
const SETTLED: u32 = 256;

/// The longest path that the kernel takes, and the longest part of one.
const PATH_MAX: usize = 4095;
const NAME_MAX: usize = 256;

/// The descriptor number that means the current directory.
pub(crate) const CWD: i32 = libc::AT_FDCWD;

/// Why no file was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Missed {
    /// There is none, for the caller neither.
    Nothing,
    /// There may be one, but it cannot be told which: why, in plain words.
    Lost(&'static str),
}

/// A file found.
#[derive(Debug)]
pub(crate) struct Found {
    /// Its canonical path as this process sees it.
    pub(crate) path: Vec<u8>,
    /// What it is now.
    pub(crate) state: State,
    /// The symbolic links that the path led through as its last part.
    pub(crate) links: Vec<Link>,
}

/// A symbolic link that a path led through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    /// Its canonical path.
    pub(crate) path: Vec<u8>,
    /// Its text.
    pub(crate) target: Vec<u8>,
}

/// Who asks for a path.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caller {
    /// The thread.
    pub(crate) tid: i32,
    /// Its process.
    pub(crate) pid: u32,
}

/// A path to be resolved, absolute in the eyes of `view`.
#[derive(Debug)]
pub(crate) struct Text {
    words: Vec<u8>,
    view: View,
    caller: Caller,
}

impl Text {
    /// Returns the path as the call gave it.
    pub(crate) fn as_given(&self) -> &[u8] {
        &self.words
    }

    /// Returns the path, with the caller in the place of the words that mean itself.
    pub(crate) fn words(&self) -> Vec<u8> {
        own(self.words.clone(), self.caller)
    }

    /// Returns the path if it means the same to this process.
    pub(crate) fn our_words(&self) -> Option<Vec<u8>> {
        matches!(self.view, View::Ours).then(|| self.words())
    }
}

/// The tree of files that a thread sees.
#[derive(Debug)]
enum View {
    /// The one that this process sees.
    Ours,
    /// Another root, in our mount namespace or (`elsewhere`) in another.
    Below { root: OwnedFd, elsewhere: bool },
}

/// A directory: where it is, and a descriptor when its path alone would not lead there.
struct Place {
    canonical: Vec<u8>,
    fd: Option<OwnedFd>,
}

/// Tells whether the run may have changed what a path stands for.
pub(crate) type MayChange<'a> = &'a dyn Fn(&[u8]) -> bool;

/// Resolves paths, and remembers directories.
#[derive(Debug, Default)]
pub(crate) struct Places {
    canonical: HashMap<Box<[u8]>, Box<[u8]>>,
    recent: Recent,
    /// Links to directories that were gone through, and not yet told.
    passed: Vec<Link>,
    /// The thread that is moving directories just now, and for how many calls to wait for it.
    moving: Option<(i32, u32)>,
    /// Whether some thread may have another root or mount namespace.
    foreign: bool,
}

impl Places {
    /// Begins a call of thread `tid`.
    ///
    /// After a thread was let go to move a directory or a link, what is remembered is only certain
    /// when it has come back with another call.
    pub(crate) fn begin(&mut self, tid: i32) {
        let Some((mover, left)) = self.moving else {
            return;
        };
        self.forget_all();
        self.moving = (mover != tid && left > 0).then(|| (mover, left - 1));
    }

    /// Notes that thread `tid` is about to change what directories mean.
    pub(crate) fn moves(&mut self, tid: i32) {
        self.forget_all();
        self.moving = Some((tid, SETTLED));
    }

    fn forget_all(&mut self) {
        self.canonical.clear();
        self.recent.clear();
    }

    /// Notes that thread `tid` is about to change what some thread's root or mounts are.
    pub(crate) fn parts(&mut self, tid: i32) {
        self.foreign = true;
        self.moves(tid);
    }

    /// Takes the links to directories that were gone through since this was asked.
    pub(crate) fn take_passed(&mut self) -> Vec<Link> {
        std::mem::take(&mut self.passed)
    }

    /// Whether no thread can have another root or mount namespace than this process.
    pub(crate) fn is_common(&self) -> bool {
        !self.foreign
    }

    /// Whether resolving a path may be put off until its thread has gone on: what the way leads through
    /// is known to be no matter of the thread's.
    pub(crate) fn can_wait(&self, text: &Text) -> bool {
        let (directory, _, _) = split(&text.words);
        !self.foreign && (directory == b"/" || self.canonical.contains_key(directory))
    }

    /// Takes down where `path`, relative to descriptor `base`, leads for the caller.
    ///
    /// Whatever depends on the waiting thread is read now.
    pub(crate) fn text(&self, caller: Caller, base: i32, path: Vec<u8>) -> Result<Text, Missed> {
        let view = if self.foreign {
            view(caller.tid)
        } else {
            View::Ours
        };
        let words = match path.iter().take_while(|byte| **byte == b'/').count() {
            0 => below(&base_of(caller.tid, base, &view)?, &path),
            1 => path,
            slashes => path[slashes - 1..].to_vec(),
        };
        Ok(Text {
            words,
            view,
            caller,
        })
    }

    /// Takes down a path that is resolved as if descriptor `base` were the root.
    pub(crate) fn text_below(
        &self,
        caller: Caller,
        base: i32,
        path: &[u8],
    ) -> Result<Text, Missed> {
        let link = fd_link(caller.tid, base);
        let root = open_dir(&link).map_err(hidden_base)?;
        let view = View::Below {
            root,
            elsewhere: self.foreign,
        };
        Ok(Text {
            words: below(b"", path),
            view,
            caller,
        })
    }

    /// Takes down what descriptor `fd` of the caller is.
    pub(crate) fn text_of_fd(&self, caller: Caller, fd: i32) -> Result<Text, Missed> {
        let words = if fd == CWD {
            base_of(caller.tid, CWD, &View::Ours)?
        } else {
            fd_link(caller.tid, fd)
        };
        Ok(Text {
            words,
            view: View::Ours,
            caller,
        })
    }

    /// Returns the canonical path of a file in state `version` that the caller found at `words`, absolute,
    /// by a name that is no link; on the way there may be links, but none by which the kernel shows
    /// something of a process.
    pub(crate) fn of_file(
        &mut self,
        caller: Caller,
        words: &[u8],
        version: Version,
    ) -> Result<Vec<u8>, Missed> {
        let (directory, name, _) = split(words);
        let (place, for_all) = self.our_place(directory, caller)?;
        let path = below(&place.canonical, name);
        // Somebody may have turned a link at that very moment. Of what the kernel shows nothing is told.
        let same =
            is_hidden(&path) || matches!(look(&path), State::File(now) if now.same_file(&version));
        if same && for_all && !is_dots(name) {
            Ok(path)
        } else {
            Err(Missed::Lost(
                "a link was changed while a program went through it",
            ))
        }
    }

    /// Finds the file that `text` leads to.
    pub(crate) fn find(&mut self, text: Text, follow: bool) -> Result<Found, Missed> {
        self.find_by(text, follow, None)
    }

    /// Finds the file that `text` leads to, which is only read; what it was a moment ago will do, unless
    /// the run itself `may_change` it.
    pub(crate) fn find_to_read(
        &mut self,
        text: Text,
        follow: bool,
        may_change: MayChange<'_>,
    ) -> Result<Found, Missed> {
        let plain = !self.foreign && matches!(text.view, View::Ours);
        self.find_by(text, follow, plain.then_some(may_change))
    }

    fn find_by(
        &mut self,
        text: Text,
        follow: bool,
        may_change: Option<MayChange<'_>>,
    ) -> Result<Found, Missed> {
        let Text {
            mut words,
            view,
            caller,
        } = text;
        let mut links = Vec::new();
        for _ in 0..LINKS {
            words = own(words, caller);
            let (directory, name, slash) = split(&words);
            let on_the_way = if is_dots(name) { &words } else { directory };
            let place = self.place(&view, on_the_way, caller)?;
            if is_dots(name) {
                let (path, state) = (place.canonical, State::Directory);
                return Ok(Found { path, state, links });
            }
            let path = below(&place.canonical, name);
            let access = place.access(name);
            let goes_on = follow || slash;
            let sight = self.look(&path, access.as_deref(), goes_on, may_change)?;
            let Some(target) = sight.target.filter(|_| goes_on) else {
                let state = sight.state;
                return certain(Found { path, state, links }, &view, slash);
            };
            words = through(directory, &target);
            if !is_nameless(&path) {
                links.push(Link { path, target });
            }
        }
        Err(Missed::Nothing)
    }

    /// Looks at `path`, by way of `access` if that is not the plain one; at a link also where it leads,
    /// if the path `goes_on` there.
    fn look(
        &mut self,
        path: &[u8],
        access: Option<&[u8]>,
        goes_on: bool,
        may_change: Option<MayChange<'_>>,
    ) -> Result<Sight, Missed> {
        let may_change = may_change.filter(|_| access.is_none());
        if may_change.is_none() {
            self.recent.forget(path);
        } else if let Some(sight) = self.recent.get(path) {
            return Ok(sight);
        }
        let when = Instant::now();
        let sight = sight(access.unwrap_or(path), goes_on)?;
        if may_change.is_some_and(|may_change| !may_change(path)) {
            self.recent.keep(path, when, &sight);
        }
        Ok(sight)
    }

    fn place(&mut self, view: &View, directory: &[u8], caller: Caller) -> Result<Place, Missed> {
        match view {
            View::Ours => Ok(self.our_place(directory, caller)?.0),
            View::Below { root, .. } => their_place(root, directory),
        }
    }

    /// Finds a directory; tells also whether it is the same for all, at all times.
    fn our_place(&mut self, directory: &[u8], caller: Caller) -> Result<(Place, bool), Missed> {
        let plain = |canonical: &[u8]| Place {
            canonical: canonical.to_vec(),
            fd: None,
        };
        if directory.is_empty() || directory == b"/" {
            return Ok((plain(b""), true));
        }
        if let Some(canonical) = self.canonical.get(directory) {
            return Ok((plain(canonical), true));
        }
        let fd = match long::open_dir_for_all(directory) {
            Err(Errno::ELOOP) => return Ok((plain(&self.walk(directory, caller)?), false)),
            fd => fd.map_err(missed)?,
        };
        let canonical = canonical(&fd)?;
        if clean(directory) != canonical {
            // The kernel has been there. If a link was turned since, which way it went is not known.
            let _ = self.walk(directory, caller);
        }
        if canonical.len() + NAME_MAX > PATH_MAX {
            let fd = Some(fd);
            return Ok((Place { canonical, fd }, true));
        }
        if self.canonical.len() >= REMEMBERED {
            self.canonical.clear();
        }
        let place = plain(&canonical);
        self.canonical.insert(directory.into(), canonical.into());
        Ok((place, true))
    }

    /// Goes the way to a directory, and notes the links on it.
    fn walk(&mut self, directory: &[u8], caller: Caller) -> Result<Vec<u8>, Missed> {
        let walked = walk(directory, caller)?;
        self.passed.extend(walked.links);
        Ok(walked.end)
    }
}

impl Place {
    /// Returns the path by which this process can look at `name` in here, if not the plain one.
    fn access(&self, name: &[u8]) -> Option<Vec<u8>> {
        self.fd.as_ref().map(|fd| below(&link_of(fd), name))
    }
}

/// Returns a file as found, if this process finds the same one by that name.
fn certain(found: Found, view: &View, slash: bool) -> Result<Found, Missed> {
    if slash && !matches!(found.state, State::Directory | State::Missing) {
        return Err(Missed::Nothing);
    }
    if is_hidden(&found.path) {
        return Ok(Found {
            state: State::Other,
            ..found
        });
    }
    let elsewhere = matches!(
        view,
        View::Below {
            elsewhere: true,
            ..
        }
    );
    if elsewhere && look(&found.path) != found.state {
        return Err(Missed::Lost(
            "a file was used that only another mount namespace shows",
        ));
    }
    Ok(found)
}

/// Looks at a path; at a link also where it leads, if the path `goes_on` there.
fn sight(path: &[u8], goes_on: bool) -> Result<Sight, Missed> {
    let state = look(path);
    let leads = goes_on && state == State::Symlink;
    let target = leads.then(|| read_link(path).map_err(missed)).transpose()?;
    Ok(Sight { state, target })
}

/// Returns the words that go on behind a link to `target`, which lies in `directory`.
fn through(directory: &[u8], target: &[u8]) -> Vec<u8> {
    if target.starts_with(b"/") {
        target.to_vec()
    } else {
        below(directory, target)
    }
}

/// Whether thread `tid` sees the same files and processes as this process does, under the same names.
pub(crate) fn sees_the_same(tid: i32) -> bool {
    let same = |what: &str| {
        let theirs = read_link(format!("/proc/{tid}/{what}").as_bytes());
        theirs.is_ok() && theirs == read_link(format!("/proc/self/{what}").as_bytes())
    };
    same("ns/mnt") && same("ns/pid") && same("root")
}

/// Finds out which tree of files a thread sees.
fn view(tid: i32) -> View {
    let elsewhere = namespace(tid) != namespace(0);
    let link = format!("/proc/{tid}/root");
    let moved = read_link(link.as_bytes()).is_ok_and(|root| root != b"/");
    match open_dir(link.as_bytes()) {
        Ok(root) if elsewhere || moved => View::Below { root, elsewhere },
        _ => View::Ours,
    }
}

/// Returns the name of a thread's mount namespace; of our own for 0.
fn namespace(tid: i32) -> Option<Vec<u8>> {
    let link = if tid == 0 {
        "/proc/self/ns/mnt".into()
    } else {
        format!("/proc/{tid}/ns/mnt")
    };
    read_link(link.as_bytes()).ok()
}

/// Returns the directory that relative paths start from, as `view` shows it.
fn base_of(tid: i32, base: i32, view: &View) -> Result<Vec<u8>, Missed> {
    let link = if base == CWD {
        format!("/proc/{tid}/cwd").into_bytes()
    } else {
        fd_link(tid, base)
    };
    let directory = match read_link(&link) {
        Err(Errno::ENAMETOOLONG) => canonical(&open_dir(&link).map_err(hidden_base)?)?,
        directory => directory.map_err(hidden_base)?,
    };
    let View::Below { root, .. } = view else {
        return Ok(directory);
    };
    let root = canonical(root)?;
    Ok(directory
        .strip_prefix(root.as_slice())
        .map_or(directory.clone(), <[u8]>::to_vec))
}

fn fd_link(tid: i32, fd: i32) -> Vec<u8> {
    format!("/proc/{tid}/fd/{fd}").into_bytes()
}

fn their_place(root: &OwnedFd, directory: &[u8]) -> Result<Place, Missed> {
    let how = OpenHow::new()
        .flags(path_only())
        .resolve(ResolveFlag::RESOLVE_IN_ROOT);
    let directory = if directory.is_empty() {
        b"/"
    } else {
        directory
    };
    let fd = nix::fcntl::openat2(root, as_path(directory), how).map_err(missed)?;
    Ok(Place {
        canonical: canonical(&fd)?,
        fd: Some(fd),
    })
}

/// Returns the canonical path of an open directory, without the slash of the root.
fn canonical(fd: &OwnedFd) -> Result<Vec<u8>, Missed> {
    long::canonical(fd).map_err(missed)
}

/// Tells whether an error on the way to a file means that there is none, or that it cannot be told.
///
/// Where an ordinary user may not look, no process of that user may: the call fails. Root is kept
/// out only by file systems that know users of their own, and then another user may get through.
pub(crate) fn missed(error: Errno) -> Missed {
    match error {
        Errno::EACCES | Errno::EPERM if nix::unistd::geteuid().is_root() => {
            Missed::Lost("a path led through a place that may not be looked into")
        }
        Errno::EMFILE | Errno::ENFILE | Errno::ENOMEM => {
            Missed::Lost("too little room was left to follow a path")
        }
        _ => Missed::Nothing,
    }
}

/// Tells the same of an error in looking at where a thread is.
fn hidden_base(error: Errno) -> Missed {
    match error {
        Errno::EACCES | Errno::EPERM => Missed::Lost("where a process was could not be looked at"),
        error => missed(error),
    }
}

/// Joins a directory without its last slash, and what lies below it.
pub(crate) fn below(directory: &[u8], path: &[u8]) -> Vec<u8> {
    let directory = directory.strip_suffix(b"/").unwrap_or(directory);
    let path = path.strip_prefix(b"/").unwrap_or(path);
    let mut joined = Vec::with_capacity(directory.len() + path.len() + 1);
    joined.extend_from_slice(directory);
    joined.push(b'/');
    joined.extend_from_slice(path);
    joined
}

/// Splits a path into directory, last part, and whether a slash followed that.
fn split(path: &[u8]) -> (&[u8], &[u8], bool) {
    let end = path
        .iter()
        .rposition(|byte| *byte != b'/')
        .map_or(0, |at| at + 1);
    let start = path[..end]
        .iter()
        .rposition(|byte| *byte == b'/')
        .map_or(0, |at| at + 1);
    (&path[..start], &path[start..end], end < path.len())
}

fn is_dots(name: &[u8]) -> bool {
    matches!(name, b"" | b"." | b"..")
}

/// Puts the caller in the place of the words that mean "myself" in `/proc` and `/dev`.
pub(crate) fn own(words: Vec<u8>, Caller { tid, pid }: Caller) -> Vec<u8> {
    let rest = |prefix: &[u8]| {
        let rest = words.strip_prefix(prefix)?;
        (rest.is_empty() || rest.starts_with(b"/")).then_some(rest)
    };
    if !(words.starts_with(b"/proc/") || words.starts_with(b"/dev/")) {
        return words;
    }
    let process = format!("/proc/{pid}");
    let replaced = if let Some(rest) = rest(b"/proc/self") {
        Some((process, rest))
    } else if let Some(rest) = rest(b"/proc/thread-self") {
        Some((format!("{process}/task/{tid}"), rest))
    } else if let Some(rest) = rest(b"/dev/fd") {
        Some((format!("{process}/fd"), rest))
    } else {
        let streams: [(&[u8], u8); 3] =
            [(b"/dev/stdin", 0), (b"/dev/stdout", 1), (b"/dev/stderr", 2)];
        let stream = streams.into_iter().find(|(name, _)| words == *name);
        stream.map(|(_, fd)| (format!("{process}/fd/{fd}"), &b""[..]))
    };
    match replaced {
        Some((start, rest)) => [start.as_bytes(), rest].concat(),
        None => words,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests may panic")]
mod tests {
    use std::os::unix::ffi::OsStrExt;
    use std::path::Path;

    use super::*;

    fn read(places: &mut Places, path: &Path, may_change: bool) -> State {
        let text = text(places, path);
        places
            .find_to_read(text, true, &|_| may_change)
            .unwrap()
            .state
    }

    fn text(places: &Places, path: &Path) -> Text {
        let caller = Caller {
            tid: nix::unistd::gettid().as_raw(),
            pid: std::process::id(),
        };
        let words = path.as_os_str().as_bytes().to_vec();
        places.text(caller, CWD, words).unwrap()
    }

    #[test]
    fn what_the_run_may_change_is_looked_at_every_time() {
        let top = tempfile::tempdir().unwrap();
        let file = top.path().join("file");
        let mut places = Places::default();
        for content in ["a", "ab", "abc"] {
            std::fs::write(&file, content).unwrap();
            let state = read(&mut places, &file, true);
            assert!(
                matches!(state, State::File(version) if version.size == content.len() as u64),
                "{state:?}"
            );
        }
    }

    #[test]
    fn what_was_looked_at_to_be_changed_is_looked_at_again_to_be_read() {
        let top = tempfile::tempdir().unwrap();
        let file = top.path().join("file");
        let mut places = Places::default();
        std::fs::write(&file, "a").unwrap();
        read(&mut places, &file, false);
        let text = text(&places, &file);
        places.find(text, true).unwrap();
        std::fs::remove_file(&file).unwrap();
        assert_eq!(read(&mut places, &file, false), State::Missing);
    }

    #[test]
    fn what_a_thread_that_moves_directories_may_have_moved_is_looked_at_again() {
        let top = tempfile::tempdir().unwrap();
        let file = top.path().join("file");
        let mut places = Places::default();
        std::fs::write(&file, "a").unwrap();
        read(&mut places, &file, false);
        places.moves(1);
        std::fs::remove_file(&file).unwrap();
        assert_eq!(read(&mut places, &file, false), State::Missing);
    }
}
