//! What a word on the command line names: a step, an object, an artifact, a path.

use crate::{RepoError, Snapshot};
use roar_content::reach;
use roar_graph::{State, Written};
use roar_object::{ContentId, IdError, Kind, ObjectId, Prefix, RecordedPath, Role, StepName};
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path, PathBuf};

/// What a word names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A recorded job, by its place in the session.
    Job {
        /// Index into [`Snapshot::records`].
        record: usize,
    },
    /// The bytes of a file.
    Artifact {
        /// Their name.
        id: ContentId,
        /// The path they were asked for by.
        path: Option<RecordedPath>,
        /// The job that wrote them there, or wrote them at all, if one did.
        written: Option<Written>,
    },
    /// A directory that a job read or wrote as a whole.
    Dataset {
        /// The root of its tree.
        id: ObjectId,
        /// Where it was.
        path: RecordedPath,
        /// The last job that wrote it, else the last that read it; index into the records.
        record: usize,
    },
    /// Any other object.
    Object {
        /// Its name.
        id: ObjectId,
        /// What it is.
        kind: Kind,
    },
}

/// One of several things that a word could name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The whole name.
    pub name: String,
    /// What it is.
    pub what: &'static str,
}

/// Why a word does not lead to one thing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ResolveError {
    /// Nothing goes by that name.
    #[error("nothing here is called '{name}'")]
    Unknown {
        /// The word.
        name: String,
    },
    /// There is no such step.
    #[error("this session has no step {step}")]
    NoStep {
        /// The step.
        step: StepName,
        /// How many steps of that sort there are.
        count: u32,
    },
    /// It looks like a step and is none.
    #[error(transparent)]
    Step(#[from] roar_object::StepNameError),
    /// Several things begin like that.
    #[error("'{name}' could be any of {} things", .candidates.len())]
    Ambiguous {
        /// The word.
        name: String,
        /// The things.
        candidates: Vec<Candidate>,
    },
    /// The path exists, and no job had to do with it.
    #[error("no recorded job had to do with '{path}'")]
    Untracked {
        /// The path.
        path: String,
    },
    /// The workspace cannot be read.
    #[error(transparent)]
    Repo(#[from] RepoError),
}

impl Snapshot {
    /// Finds what `word` names, seen from the directory `cwd`.
    ///
    /// `name_file` names the bytes of a file that lies at a path now, or returns nothing.
    ///
    /// # Errors
    ///
    /// When nothing or more than one thing goes by that name, or the store cannot be read.
    pub fn resolve(
        &self,
        word: &OsStr,
        cwd: &Path,
        name_file: impl Fn(&Path) -> Option<ContentId>,
    ) -> Result<Target, ResolveError> {
        if let Some(text) = word.to_str().filter(|text| text.starts_with('@')) {
            return self.step(text.parse()?);
        }
        if let Some(target) = self.by_whole_name(word)? {
            return Ok(target);
        }
        let absolute = absolute(cwd, Path::new(word));
        if reach(&absolute).and_then(fs::symlink_metadata).is_ok() && !word.is_empty() {
            return self.existing(cwd, word, &absolute, name_file);
        }
        let by_name = match word.to_str() {
            Some(text) => self.by_ref_or_prefix(text)?,
            None => None,
        };
        match by_name {
            Some(target) => Ok(target),
            None => self
                .past(&self.recorded(&absolute))
                .ok_or_else(|| unknown(word)),
        }
    }

    /// The last run of a step that still counts, else the last run.
    fn step(&self, step: StepName) -> Result<Target, ResolveError> {
        let records = self.records()?;
        let of_step = |at: &usize| records[*at].step == step;
        let mut all = (0..records.len()).rev().filter(of_step);
        let last = all.next();
        let found = match all.next() {
            Some(_) => self.counting(step)?.or(self.made_by(last)?),
            None => last,
        };
        let count = || {
            records
                .iter()
                .filter(|record| record.step.build == step.build)
                .map(|record| record.step.number)
                .max()
        };
        found
            .map(|record| Target::Job { record })
            .ok_or_else(|| ResolveError::NoStep {
                step,
                count: count().unwrap_or(0),
            })
    }

    /// The run itself; for one that found its work done, the run that had done it.
    fn made_by(&self, run: Option<usize>) -> Result<Option<usize>, RepoError> {
        let projection = self.projection()?;
        let done = |run: usize| match projection.state(run) {
            State::Failed => run,
            _ => projection.found(run).unwrap_or(run),
        };
        Ok(run.map(done))
    }

    /// The last run of a step that still counts.
    fn counting(&self, step: StepName) -> Result<Option<usize>, RepoError> {
        let projection = self.projection()?;
        let records = self.records()?;
        let counts = |at: &usize| matches!(projection.state(*at), State::Current | State::Stale);
        let all = (0..records.len()).rev();
        Ok(all.filter(|at| records[*at].step == step).find(counts))
    }

    fn existing(
        &self,
        cwd: &Path,
        word: &OsStr,
        absolute: &Path,
        name_file: impl Fn(&Path) -> Option<ContentId>,
    ) -> Result<Target, ResolveError> {
        let path = self.recorded(absolute);
        if reach(absolute)
            .and_then(fs::metadata)
            .is_ok_and(|found| found.is_dir())
        {
            return self
                .dataset_at(&path)
                .or_else(|| self.link_at(&link_itself(cwd, word)?))
                .ok_or_else(|| ResolveError::Untracked { path: shown(word) });
        }
        let Some(id) = name_file(absolute) else {
            return self
                .past(&path)
                .ok_or_else(|| ResolveError::Untracked { path: shown(word) });
        };
        let written = self.written_at(&path, id);
        Ok(Target::Artifact {
            id,
            path: Some(path),
            written,
        })
    }

    /// A link to a directory that jobs had to do with as a link.
    fn link_at(&self, link: &Path) -> Option<Target> {
        let (path, history) = (self.recorded(link), self.history().ok()?);
        if history.latest_write(&path).is_none() && history.latest_read(&path).is_none() {
            return None;
        }
        let text = reach(link).and_then(fs::read_link).ok()?;
        let id = roar_content::name_link(text.as_os_str().as_bytes());
        let written = self.written_at(&path, id);
        Some(Target::Artifact {
            id,
            path: Some(path),
            written,
        })
    }

    /// What was last recorded at a path that is not there now.
    fn past(&self, path: &RecordedPath) -> Option<Target> {
        let history = self.history().ok()?;
        if let Some(dataset) = self.dataset_at(path) {
            return Some(dataset);
        }
        let records = history.records();
        let written = history.latest_left(path);
        let of_output = |written: &Written| records[written.record].writes[written.output].id;
        if let Some(id) = written.as_ref().and_then(of_output) {
            return Some(Target::Artifact {
                id,
                path: Some(path.clone()),
                written,
            });
        }
        let (record, read) = history.latest_read(path)?;
        records[record].reads[read].id.map(|id| Target::Artifact {
            id,
            path: Some(path.clone()),
            written: None,
        })
    }

    fn dataset_at(&self, path: &RecordedPath) -> Option<Target> {
        let records = self.records().ok()?;
        let of_role = |role: Role| {
            records.iter().enumerate().rev().find_map(|(record, job)| {
                let found = job
                    .datasets
                    .iter()
                    .find(|set| set.role == role && set.path == *path)?;
                Some(Target::Dataset {
                    id: found.tree,
                    path: path.clone(),
                    record,
                })
            })
        };
        of_role(Role::Written).or_else(|| of_role(Role::Read))
    }

    /// The last job that wrote these bytes, at this path before anywhere else.
    fn written_at(&self, path: &RecordedPath, id: ContentId) -> Option<Written> {
        let history = self.history().ok()?;
        let writers = history.writers(id);
        let here = |written: &&Written| {
            history.records()[written.record].writes[written.output].path == *path
        };
        writers
            .iter()
            .rev()
            .find(here)
            .or_else(|| writers.last())
            .copied()
    }

    /// A name of which no digit is missing means what it names, whatever files are called.
    fn by_whole_name(&self, word: &OsStr) -> Result<Option<Target>, ResolveError> {
        let Some(text) = word.to_str() else {
            return Ok(None);
        };
        match text.parse::<Prefix>() {
            Ok(prefix) if prefix.whole().is_some() => self.by_prefix(text, &prefix),
            _ => Ok(None),
        }
    }

    fn by_ref_or_prefix(&self, text: &str) -> Result<Option<Target>, ResolveError> {
        match text.parse::<Prefix>() {
            Ok(prefix) => match self.by_prefix(text, &prefix)? {
                Some(target) => Ok(Some(target)),
                None => self.by_ref(text),
            },
            Err(IdError::Length | IdError::Digit | _) => self.by_ref(text),
        }
    }

    fn by_ref(&self, text: &str) -> Result<Option<Target>, ResolveError> {
        let found = self.reference(text)?;
        match found {
            Some(id) => Ok(self.kind_of(id)?.map(|kind| Target::Object { id, kind })),
            None => Ok(None),
        }
    }

    fn by_prefix(&self, text: &str, prefix: &Prefix) -> Result<Option<Target>, ResolveError> {
        let mut found: BTreeMap<String, (&'static str, Target)> = BTreeMap::new();
        for (id, kind) in self.objects_like(prefix)? {
            let target = self.object_target(id, kind)?;
            found.insert(id.to_string(), (kind.name(), target));
        }
        for (id, path, written) in self.artifacts_like(prefix)? {
            let target = Target::Artifact {
                id,
                path: Some(path),
                written,
            };
            found.insert(id.to_string(), ("artifact", target));
        }
        if found.len() > 1 {
            let candidates = found
                .into_iter()
                .map(|(name, (what, _))| Candidate { name, what })
                .collect();
            return Err(ResolveError::Ambiguous {
                name: text.to_owned(),
                candidates,
            });
        }
        Ok(found.into_values().next().map(|(_, target)| target))
    }

    fn object_target(&self, id: ObjectId, kind: Kind) -> Result<Target, RepoError> {
        let records = self.records()?;
        if kind == Kind::Job
            && let Some(record) = records.iter().rposition(|record| record.job == id)
        {
            return Ok(Target::Job { record });
        }
        Ok(Target::Object { id, kind })
    }

    /// Every artifact whose name begins so, once, with a path it was at and who wrote it last.
    fn artifacts_like(
        &self,
        prefix: &Prefix,
    ) -> Result<Vec<(ContentId, RecordedPath, Option<Written>)>, RepoError> {
        let records = self.records()?;
        let fits = |id: &Option<ContentId>| id.filter(|id| prefix.matches(id.as_bytes()));
        let mut found = BTreeMap::new();
        for (record, job) in records.iter().enumerate() {
            for read in &job.reads {
                if let Some(id) = fits(&read.id) {
                    found.entry(id).or_insert((read.path.clone(), None));
                }
            }
            for (output, wrote) in job.writes.iter().enumerate() {
                if let Some(id) = fits(&wrote.id) {
                    found.insert(id, (wrote.path.clone(), Some(Written { record, output })));
                }
            }
        }
        Ok(found
            .into_iter()
            .map(|(id, (path, written))| (id, path, written))
            .collect())
    }

    /// Returns an absolute path as it would be recorded.
    pub fn recorded(&self, absolute: &Path) -> RecordedPath {
        RecordedPath::new(
            self.root().as_os_str().as_bytes(),
            absolute.as_os_str().as_bytes(),
        )
    }
}

/// Returns where a path leads, without links where it exists.
pub fn absolute(cwd: &Path, path: &Path) -> PathBuf {
    Places::default().absolute(cwd, path)
}

/// Returns where a link lies that a word names, if it names the link and not what lies behind it.
fn link_itself(cwd: &Path, word: &OsStr) -> Option<PathBuf> {
    let path = Path::new(word);
    if word.as_bytes().ends_with(b"/") {
        return None;
    }
    let above = absolute(cwd, path.parent().unwrap_or(Path::new("")));
    Some(above.join(path.file_name()?))
}

/// Finds out where paths lead, and asks for each directory once.
#[derive(Debug, Default)]
pub struct Places {
    /// Directories without links; nothing for those that are not there.
    directories: RefCell<HashMap<PathBuf, Option<PathBuf>>>,
}

impl Places {
    /// Returns where a path leads, as [`absolute`].
    pub fn absolute(&self, cwd: &Path, path: &Path) -> PathBuf {
        let joined = cwd.join(path);
        let (Some(parent), Some(name)) = (joined.parent(), joined.file_name()) else {
            return joined.canonicalize().unwrap_or_else(|_| lexical(&joined));
        };
        // The last part may be gone, or be a link that is itself asked about; its directory counts.
        let Some(parent) = self.directory(parent) else {
            return lexical(&joined);
        };
        let place = parent.join(name);
        match reach(&place).and_then(fs::symlink_metadata) {
            Ok(found) if found.is_symlink() => place.canonicalize().unwrap_or(place),
            _ => place,
        }
    }

    fn directory(&self, directory: &Path) -> Option<PathBuf> {
        let mut known = self.directories.borrow_mut();
        if let Some(found) = known.get(directory) {
            return found.clone();
        }
        let found = directory.canonicalize().ok();
        known.insert(directory.to_owned(), found.clone());
        found
    }
}

/// Takes `.` and `..` out of a path that does not exist.
fn lexical(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => drop(clean.pop()),
            Component::CurDir => {}
            other => clean.push(other),
        }
    }
    clean
}

fn shown(word: &OsStr) -> String {
    word.to_string_lossy().into_owned()
}

fn unknown(word: &OsStr) -> ResolveError {
    ResolveError::Unknown { name: shown(word) }
}
