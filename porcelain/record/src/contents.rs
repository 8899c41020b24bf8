//! Naming the contents of the files that a run touched.
//!
//! What was named while the command ran is taken as it is. A file that was only read, and still is
//! in the version that was read, is named now; one that is not can no longer be named. What was
//! written is named as it is now. Files are hashed by all cores at once.

use rayon::prelude::*;
use roar_content::{FileVersion, HashCache, name_cached, name_link, reach, sharing};
use roar_object::{ContentId, Mode};
use roar_trace::{Change, Digest, FileSeen, Namer, State, Version};
use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

/// Names contents before they change, for the tracer.
pub(crate) struct CacheNamer<'c>(pub(crate) &'c HashCache);

impl Namer for CacheNamer<'_> {
    fn name(&mut self, path: &Path) -> Option<(Digest, Version)> {
        let named = name_cached(self.0, path).ok()?;
        Some((*named.id.as_bytes(), version(&named.version)))
    }
}

fn version(version: &FileVersion) -> Version {
    Version {
        dev: version.dev,
        ino: version.ino,
        size: version.size,
        mtime_ns: version.mtime_ns,
        ctime_ns: version.ctime_ns,
        mode: version.mode,
    }
}

/// One file on one side of a job: what is known of its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Content {
    pub(crate) id: Option<ContentId>,
    pub(crate) mode: Mode,
    pub(crate) size: u64,
}

impl Content {
    const fn unnamed(size: u64) -> Self {
        Self {
            id: None,
            mode: Mode::Unnamed,
            size,
        }
    }

    fn of_version(version: &Version, digest: Digest) -> Self {
        let mode = if version.mode & 0o100 == 0 {
            Mode::File
        } else {
            Mode::Executable
        };
        Self {
            id: Some(ContentId::from_bytes(digest)),
            mode,
            size: version.size,
        }
    }
}

/// A file that a run had to do with, its contents named.
#[derive(Clone, Debug)]
pub(crate) struct Settled {
    pub(crate) seen: FileSeen,
    /// What was read, if the file was.
    pub(crate) read: Option<Content>,
    /// What became of it, and what it holds since; of a deleted file, what it held.
    pub(crate) written: Option<(Change, Content)>,
    /// Why something of it could not be named.
    pub(crate) trouble: Option<String>,
}

/// Names the contents of all `files`; those that turn out not to have been touched are left out.
pub(crate) fn settle(files: Vec<FileSeen>, cache: &HashCache) -> Vec<Settled> {
    let mut settled = if files.len() < WORTH_SHARING {
        files
            .into_iter()
            .filter_map(|file| settle_one(file, cache))
            .collect()
    } else {
        let settled = || {
            let files = files.into_par_iter();
            files.filter_map(|file| settle_one(file, cache)).collect()
        };
        sharing(settled)
    };
    read_origins(&mut settled);
    settled
}

/// Below this number of files, starting threads costs more than they save.
const WORTH_SHARING: usize = 256;

fn settle_one(mut seen: FileSeen, cache: &HashCache) -> Option<Settled> {
    let now = now(&seen, cache);
    let digest = now
        .as_ref()
        .ok()
        .and_then(|now| now.content.id)
        .map(|id| *id.as_bytes());
    if !seen.settle(digest) {
        return None;
    }
    let read = seen
        .read
        .map(|read| read_content(&seen, read.version, &now));
    let written = seen
        .change
        .map(|change| (change, written_content(&seen, change, &now)));
    let missing = |content: Option<Content>| content.is_some_and(|content| content.id.is_none());
    let lost_output = missing(
        written
            .filter(|(change, _)| *change != Change::Deleted)
            .map(|(_, content)| content),
    );
    let trouble = (missing(read) || lost_output).then(|| {
        now.as_ref()
            .err()
            .cloned()
            .unwrap_or_else(|| CHANGED.to_owned())
    });
    Some(Settled {
        seen,
        read,
        written,
        trouble,
    })
}

/// What is said of a file that somebody else changed after the run had read it.
const CHANGED: &str = "it was changed by something outside the run";

/// What lies at a file's place after the run.
struct Now {
    content: Content,
    /// The version that has these bytes; nothing for a link.
    version: Option<Version>,
}

fn now(seen: &FileSeen, cache: &HashCache) -> Result<Now, String> {
    let path = Path::new(OsStr::from_bytes(&seen.path));
    match seen.after {
        State::File(_) => match name_cached(cache, path) {
            Ok(named) => {
                let version = version(&named.version);
                Ok(Now {
                    content: Content::of_version(&version, *named.id.as_bytes()),
                    version: Some(version),
                })
            }
            Err(err) => Err(err.source.to_string()),
        },
        State::Symlink => match link_at(&seen.path) {
            Ok(content) => Ok(Now {
                content,
                version: None,
            }),
            Err(err) => Err(err.to_string()),
        },
        State::Missing => Err("it is gone".to_owned()),
        State::Directory | State::Other => Err("it is no longer a file".to_owned()),
    }
}

/// Names the link that lies at a path.
pub(crate) fn link_at(path: &[u8]) -> io::Result<Content> {
    let target = reach(Path::new(OsStr::from_bytes(path))).and_then(fs::read_link)?;
    Ok(link_content(target.as_os_str().as_bytes()))
}

fn link_content(target: &[u8]) -> Content {
    Content {
        id: Some(name_link(target)),
        mode: Mode::Symlink,
        size: target.len() as u64,
    }
}

/// Returns what a link that the run went through was then.
fn link_before(seen: &FileSeen) -> Option<Content> {
    seen.target_before.as_deref().map(link_content)
}

/// Returns what was read: as named during the run, or as it is now if it is still the same.
fn read_content(seen: &FileSeen, version: Option<Version>, now: &Result<Now, String>) -> Content {
    let now = now.as_ref().ok();
    let Some(version) = version else {
        let link = || now.filter(|_| seen.change.is_none());
        return link_before(seen)
            .or_else(|| link().map(|now| now.content))
            .unwrap_or(Content::unnamed(0));
    };
    let after = now.and_then(|now| Some((*now.content.id?.as_bytes(), now.version?)));
    match seen.digest_read(after) {
        Some(digest) => Content::of_version(&version, digest),
        None => Content::unnamed(version.size),
    }
}

fn written_content(seen: &FileSeen, change: Change, now: &Result<Now, String>) -> Content {
    match (change, now) {
        (Change::Deleted, _) => match (seen.before, seen.digest_before) {
            (State::File(version), Some(digest)) => Content::of_version(&version, digest),
            (State::File(version), None) => Content::unnamed(version.size),
            _ => link_before(seen).unwrap_or(Content::unnamed(0)),
        },
        (_, Ok(now)) => now.content,
        (_, Err(_)) => match seen.after {
            State::File(version) => Content::unnamed(version.size),
            _ => Content::unnamed(0),
        },
    }
}

/// Counts what was moved or linked to another name as read where it was.
///
/// Nothing opened it, and yet what is at the new name came from there.
fn read_origins(settled: &mut Vec<Settled>) {
    let moved: Vec<(Vec<u8>, Content)> = settled
        .iter()
        .filter_map(|file| Some((file.seen.origin.clone()?, file.written?.1)))
        .filter(|(_, content)| content.id.is_some())
        .collect();
    if moved.is_empty() {
        return;
    }
    let places: HashMap<Vec<u8>, usize> = settled
        .iter()
        .enumerate()
        .map(|(at, file)| (file.seen.path.clone(), at))
        .collect();
    for (origin, content) in moved {
        match places.get(&origin) {
            Some(&at) => {
                let file = &mut settled[at];
                file.read = file.read.or(Some(content));
                if let Some((Change::Deleted, lost)) = &mut file.written
                    && lost.id.is_none()
                {
                    *lost = content;
                }
            }
            None => settled.push(linked(origin, content)),
        }
    }
}

/// A file that was given another name, and that nothing else was done to.
fn linked(path: Vec<u8>, content: Content) -> Settled {
    Settled {
        seen: FileSeen::untouched(path, State::Other),
        read: Some(content),
        written: None,
        trouble: None,
    }
}
