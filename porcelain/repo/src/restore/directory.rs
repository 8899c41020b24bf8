//! What recorded jobs left in a directory, in the version of each file that is the last one.

use super::{RestoreError, Wanted};
use crate::Snapshot;
use roar_graph::{Input, Output, Record};
use roar_object::{Class, ContentId, Mode, RecordedPath};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::mem;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

/// The files of a directory, each to be put where it was, or below another directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Below {
    /// The files, by path.
    pub files: Vec<Wanted>,
    /// Whether recorded jobs deleted all of them: they are what was there before that.
    pub gone: bool,
}

/// A file as it was left, or found.
#[derive(Clone, Copy)]
struct Version {
    id: Option<ContentId>,
    mode: Mode,
    size: u64,
}

/// The files of a directory, while the jobs are gone through one by one.
#[derive(Default)]
struct Files<'r> {
    now: BTreeMap<&'r RecordedPath, Version>,
    /// What there was before a job deleted the last of them.
    before: BTreeMap<&'r RecordedPath, Version>,
}

impl<'r> Files<'r> {
    /// Takes in what a job found; what a job wrote counts more.
    fn find(&mut self, record: &'r Record, directory: &RecordedPath) {
        // A dataset is data.
        let inside = |file: &&Input| file.class == Class::Data && file.path.is_under(directory);
        for file in record.reads.iter().filter(inside) {
            self.now.entry(&file.path).or_insert(Version {
                id: file.id,
                mode: file.mode,
                size: file.size,
            });
        }
    }

    /// Takes in what a job wrote and deleted.
    fn write(&mut self, record: &'r Record, directory: &RecordedPath) {
        let inside = |file: &&Output| file.is_product() && file.path.is_under(directory);
        let written = || record.writes.iter().filter(inside);
        if self.would_be_empty(written()) {
            self.before = mem::take(&mut self.now);
            return;
        }
        for file in written() {
            let version = Version {
                id: file.id,
                mode: file.mode,
                size: file.size,
            };
            match file.remains() {
                true => drop(self.now.insert(&file.path, version)),
                false => drop(self.now.remove(&file.path)),
            }
        }
    }

    fn would_be_empty(&self, mut written: impl Iterator<Item = &'r Output> + Clone) -> bool {
        if self.now.is_empty() || written.clone().any(Output::remains) {
            return false;
        }
        // Both are sorted.
        let is_deleted = |path: &RecordedPath| written.any(|file| file.path == *path);
        self.now.keys().copied().all(is_deleted)
    }
}

impl Snapshot {
    /// Returns the files that recorded jobs left in a directory, to be put where they were, or below
    /// `other`. What a job deleted stays away, unless all were deleted: then the last that were there are
    /// meant.
    ///
    /// Where no job wrote the directory as a whole, `reader` is one that has read it so: what it found
    /// and nobody wrote belongs to it, too.
    ///
    /// # Errors
    ///
    /// When the session cannot be read, or one of the files was outside of the project.
    pub fn files_below(
        &self,
        directory: &RecordedPath,
        reader: Option<usize>,
        other: Option<&Path>,
    ) -> Result<Below, RestoreError> {
        let mut files = Files::default();
        for (at, record) in self.records()?.iter().enumerate() {
            if reader == Some(at) {
                files.find(record, directory);
            }
            files.write(record, directory);
        }
        let gone = files.now.is_empty();
        let left = match gone {
            true => files.before,
            false => files.now,
        };
        let skipped = directory.path.len() + usize::from(!directory.path.is_empty());
        let wanted = left.into_iter().map(|(path, version)| {
            Ok(Wanted {
                place: match other {
                    Some(other) => other.join(OsStr::from_bytes(&path.path[skipped..])),
                    None => self.place_of(path)?,
                },
                id: version.id,
                mode: version.mode,
                size: version.size,
            })
        });
        let files = wanted.collect::<Result<_, RestoreError>>()?;
        Ok(Below { files, gone })
    }
}
