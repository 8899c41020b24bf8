//! Whether a command need not be run, because a recorded job did the same on the same.
//!
//! A job serves only if all of it was seen, it succeeded, and nothing that it looked at is otherwise
//! now: every file that it read, of whatever class; every name that it tried to open in vain; the names
//! in every directory that it ran in, that its command names, or that is above a file that it read; every
//! variable, but those that only
//! describe the terminal; what standard input is, and which file of the project standard output is. And
//! what it made must be in place, or kept. When in doubt, the command is run.
//!
//! What no tracer sees cannot be compared: the clock, the network, chance, what a person types, whether a
//! file exists that is asked about and not opened, and which names are in a directory that is listed and
//! is none of those above.
//!
//! Names that recorded jobs have put into a directory since count where the job read a file with the
//! same ending there, or read none of it and listed it; a job would never be served otherwise where all
//! steps share one directory.

use crate::key;
use crate::looked::{self, Directory, Looked, Streams};
use crate::request::Plan;
use crate::run::now_ns;
use crate::setting::Setting;
use crate::variables;
use roar_graph::{Input, Output, Projection, Record, State};
use roar_object::{
    Base, ByteStr, Change, Class, Job, JobKind, ObjectId, Objects as _, RecordedPath, Step,
    StepName, Variables, Verdict,
};
use roar_repo::blobs::Blobs;
use roar_repo::config::ConfigError;
use roar_repo::disk::{Disk, Holds, Version};
use roar_repo::filters::{FilterError, Filters};
use roar_repo::restore::{Finder, RestoreError, Terms, Wanted};
use roar_repo::{AddError, RepoError, Snapshot, Workspace, flatten};
use roar_store::Wait;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

/// Most earlier runs of a command that are looked at.
const MOST: usize = 16;

/// Whether a command need be run.
#[derive(Debug)]
pub enum Cached {
    /// It need not.
    Hit(Hit),
    /// It must, for this reason.
    Miss {
        /// Why the latest run of it does not serve, in words.
        why: String,
    },
}

/// A job that served.
#[derive(Debug)]
pub struct Hit {
    /// The job.
    pub job: ObjectId,
    /// The step that it is recorded as.
    pub step: StepName,
    /// How many files it left.
    pub files: usize,
    /// How many of them were put back.
    pub restored: usize,
    /// Whether the session has it as its latest again, which it was not.
    pub readmitted: bool,
}

/// Why it cannot be told.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CachedError {
    /// A setting has a value that it does not take.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A filter is wrong.
    #[error(transparent)]
    Filter(#[from] FilterError),
    /// The workspace cannot be read.
    #[error(transparent)]
    Repo(#[from] RepoError),
    /// What was kept could not be put back.
    #[error(transparent)]
    Restore(#[from] RestoreError),
    /// The session could not be told.
    #[error(transparent)]
    Add(#[from] AddError),
}

/// Looks for a job that did what the plan would do, and puts back what it left.
///
/// # Errors
///
/// When the workspace cannot be read or written. The command can still be run.
pub fn cached(workspace: &Workspace, plan: &Plan, wait: Wait<'_>) -> Result<Cached, CachedError> {
    if workspace.store().is_none() {
        return Ok(miss("there is no store here"));
    }
    let snapshot = workspace.snapshot()?;
    let setting = Setting::new(workspace, key::load(&workspace.dot()));
    let Some(asked) = Asked::of(workspace, plan, &setting)? else {
        return Ok(miss(
            "an argument has a secret in it, which is not recorded",
        ));
    };
    let cache = roar_repo::rerun::cache_of(workspace)?;
    let filters = Filters::load(workspace.config())?;
    let projection = snapshot.projection()?;
    let checker = Checker {
        snapshot: &snapshot,
        projection: &projection,
        disk: Disk::new(workspace.root(), &cache),
        root: workspace.root().as_os_str().as_bytes(),
        dot: workspace.dot(),
        filters: &filters,
        asked: &asked,
    };
    let (found, later) = checker.find()?;
    let Some((record, files)) = found else {
        let why = later.unwrap_or_else(|| "this command was not run here before".to_owned());
        return Ok(Cached::Miss { why });
    };
    let blobs = Blobs::within(&workspace.dot());
    let finder = Finder::new(&blobs, checker.disk, projection.history());
    let terms = Terms {
        force: true,
        within: Some(workspace.root()),
    };
    let restored = match finder.restore(&files, terms) {
        Ok(restored) => restored,
        Err(RestoreError::NotKept { path, .. }) => {
            let path = shown(&snapshot.recorded(&path));
            let why = format!("output '{path}' is not as it was, and was not kept");
            // If a later run was passed over, what is wrong with that one says more.
            let why = later.unwrap_or(why);
            return Ok(Cached::Miss { why });
        }
        Err(err) => return Err(err.into()),
    };
    let served = &snapshot.records()?[record];
    let readmitted = projection.state(record) != State::Current;
    let mut step = served.step;
    if readmitted {
        let added = workspace.readmit(served.clone(), "cached", now_ns(), wait)?;
        step = added.steps.first().copied().unwrap_or(step);
    }
    Ok(Cached::Hit(Hit {
        job: served.job,
        step,
        files: restored.len(),
        restored: restored.iter().filter(|file| file.written).count(),
        readmitted,
    }))
}

fn miss(why: &str) -> Cached {
    Cached::Miss {
        why: why.to_owned(),
    }
}

/// What is to be run, as it would be recorded.
struct Asked {
    argv: Vec<ByteStr>,
    directory: RecordedPath,
    kept: Vec<(ByteStr, ByteStr)>,
    hidden: Variables,
    streams: Streams,
    kind: JobKind,
}

impl Asked {
    /// Returns nothing where an argument has a secret in it: two of them look the same afterwards.
    fn of(
        workspace: &Workspace,
        plan: &Plan,
        setting: &Setting,
    ) -> Result<Option<Self>, CachedError> {
        let request = &plan.request;
        let argv: Vec<Vec<u8>> = request
            .argv
            .iter()
            .map(|word| word.as_bytes().to_vec())
            .collect();
        let (argv, findings) = setting.secrets().scrub_argv(&argv);
        if !findings.is_empty() {
            return Ok(None);
        }
        let more = workspace.config().words("environment.variables")?;
        let environment = plan.command.env.iter().map(std::ffi::CString::as_bytes);
        let divided = variables::divide(environment, &more, setting.secrets(), setting.key());
        let root = workspace.root().as_os_str().as_bytes();
        Ok(Some(Self {
            argv: argv.into_iter().map(ByteStr).collect(),
            directory: RecordedPath::new(root, request.directory.as_os_str().as_bytes()),
            kept: divided.kept,
            hidden: Variables::new(divided.hidden),
            streams: Streams::now(root),
            kind: request.kind,
        }))
    }
}

/// Why a job does not serve, in words.
type Why = String;

/// A job by its place in the session, and the files that it left.
type Served = (usize, Vec<Wanted>);

struct Checker<'a, 'r> {
    snapshot: &'a Snapshot,
    projection: &'a Projection<'r>,
    disk: Disk<'a>,
    root: &'a [u8],
    dot: std::path::PathBuf,
    filters: &'a Filters,
    asked: &'a Asked,
}

impl Checker<'_, '_> {
    /// Returns the latest job that serves, with the files that it left; and why the latest run of the
    /// command does not, if it is another.
    fn find(&self) -> Result<(Option<Served>, Option<Why>), CachedError> {
        if self.asked.streams.input == "other" {
            let why = "what comes through standard input is not known beforehand";
            return Ok((None, Some(why.to_owned())));
        }
        let records = self.snapshot.records()?;
        let same = |&at: &usize| {
            let record = &records[at];
            record.argv == self.asked.argv
                && record.directory == self.asked.directory
                && record.kind == self.asked.kind
        };
        let mut later = None;
        for at in (0..records.len()).rev().filter(same).take(MOST) {
            match self.serves(&records[at])? {
                Ok(files) => return Ok((Some((at, files)), later)),
                Err(why) => later = later.or(Some(why)),
            }
        }
        Ok((None, later))
    }

    fn serves(&self, record: &Record) -> Result<Result<Vec<Wanted>, Why>, CachedError> {
        if !record.succeeded() || record.interrupted {
            return Ok(Err("the last run of it failed".to_owned()));
        }
        if record.verdict != Verdict::Complete {
            return Ok(Err(
                "not everything was seen of the last run of it".to_owned()
            ));
        }
        let Some(looked) = Looked::load(&self.dot, record.job) else {
            return Ok(Err(
                "it is not known where the last run of it looked".to_owned()
            ));
        };
        let objects = self.snapshot.objects();
        let job: Job = objects.read(record.job).map_err(RepoError::from)?;
        let step: Step = objects.read(job.step).map_err(RepoError::from)?;
        let hidden = match job.variables {
            Some(id) => objects.read(id).map_err(RepoError::from)?,
            None => Variables::default(),
        };
        let reads = flatten::reads(objects, &step, |_| true).map_err(RepoError::from)?;
        Ok(self
            .same_streams(&looked)
            .and_then(|()| same_variables(&self.asked.kept, &step.variables))
            .and_then(|()| same_variables(&steady(&self.asked.hidden), &steady(&hidden)))
            .and_then(|()| nothing_new(&looked))
            .and_then(|()| self.same_reads(&reads, record))
            .and_then(|()| self.same_directories(&looked, &reads, record))
            .and_then(|()| self.outputs(record)))
    }

    fn same_streams(&self, looked: &Looked) -> Result<(), Why> {
        let (now, then) = (&self.asked.streams, &looked.streams);
        if now.input != then.input || now.input_file != then.input_file {
            return Err("standard input is another".to_owned());
        }
        match now.output_file == then.output_file && !now.output_adds {
            true => Ok(()),
            false => Err("standard output goes elsewhere".to_owned()),
        }
    }

    fn same_reads(&self, reads: &[Input], record: &Record) -> Result<(), Why> {
        let wrong = |read: &Input| match self.disk.holds(version(read)) {
            Holds::Same if read.id.is_none() && read.class != Class::System => {
                Some(format!("what '{}' held is not known", shown(&read.path)))
            }
            Holds::Same => None,
            _ if self.is_own_cache(read, record) => None,
            Holds::Nothing => Some(format!("input '{}' is gone", shown(&read.path))),
            Holds::Other => Some(format!("input '{}' changed", shown(&read.path))),
        };
        reads.iter().find_map(wrong).map_or(Ok(()), Err)
    }

    /// Returns whether a file is one that programs keep for themselves, and the job itself wrote it.
    fn is_own_cache(&self, read: &Input, record: &Record) -> bool {
        if flatten::matters(read.class) {
            return false;
        }
        let own = record
            .writes
            .binary_search_by(|write| write.path.cmp(&read.path));
        own.is_ok_and(|at| self.disk.holds(output_version(&record.writes[at])) == Holds::Same)
    }

    fn same_directories(
        &self,
        looked: &Looked,
        reads: &[Input],
        record: &Record,
    ) -> Result<(), Why> {
        let endings = endings(reads);
        let own: BTreeSet<&RecordedPath> = record.writes.iter().map(|write| &write.path).collect();
        for directory in &looked.directories {
            let place = Path::new(OsStr::from_bytes(&directory.path));
            let path = RecordedPath::new(self.root, &directory.path);
            let now = looked::names(place)
                .ok_or_else(|| format!("'{}' cannot be listed", shown(&path)))?;
            if !directory.many.is_empty() {
                match looked::summed(&now) == directory.many {
                    true => continue,
                    false => return Err(format!("the names in '{}' are others", shown(&path))),
                }
            }
            let read = endings.get(&path);
            for name in added(&now, &directory.names) {
                let file = path.join(name);
                if !own.contains(&file) && self.counts(&file, name, directory, read) {
                    return Err(format!("'{}' is new", shown(&file)));
                }
            }
            let gone = added(&directory.names, &now).find(|name| !own.contains(&path.join(name)));
            if let Some(name) = gone.filter(|_| directory.listed) {
                return Err(format!("'{}' is gone", shown(&path.join(name))));
            }
        }
        Ok(())
    }

    /// Returns whether a new name in a directory could have changed what the job did.
    fn counts(
        &self,
        file: &RecordedPath,
        name: &[u8],
        directory: &Directory,
        read: Option<&BTreeSet<Vec<u8>>>,
    ) -> bool {
        let (class, _) = self.filters.classify(file, false);
        if !flatten::matters(class) || (file.base == Base::Project && is_reserved(name)) {
            return false;
        }
        if !self.is_recorded(file) {
            return true;
        }
        match read {
            Some(endings) => endings.contains(ending(name)),
            None => directory.listed,
        }
    }

    /// Returns whether recorded jobs made a file, or all that is known of a directory.
    fn is_recorded(&self, path: &RecordedPath) -> bool {
        if self.projection.at(path).is_some() {
            return true;
        }
        // Few directories are new, and the world is large.
        let is_directory = self.disk.place(path).is_dir();
        let mut world = is_directory
            .then(|| self.projection.world())
            .into_iter()
            .flatten();
        world.any(|(file, _)| file.is_under(path))
    }

    /// Returns the files that the job left, to be put back where they are not.
    fn outputs(&self, record: &Record) -> Result<Vec<Wanted>, Why> {
        let mut wanted = Vec::new();
        for output in record.writes.iter().filter(|output| output.is_product()) {
            let holds = self.disk.holds(output_version(output));
            let path = shown(&output.path);
            if output.change == Change::Deleted {
                if holds != Holds::Nothing {
                    return Err(format!("'{path}', which it deleted, is there again"));
                }
                continue;
            }
            if output.id.is_none() {
                return Err(format!("what it wrote to '{path}' is not known"));
            }
            if holds != Holds::Same && output.path.base != Base::Project {
                return Err(format!("output '{path}' is not as it was"));
            }
            if output.path.base == Base::Project {
                wanted.push(Wanted {
                    place: self.disk.place(&output.path),
                    id: output.id,
                    mode: output.mode,
                    size: output.size,
                });
            }
        }
        match wanted.is_empty() {
            true => Err("it left no files, and what it printed is not kept".to_owned()),
            false => Ok(wanted),
        }
    }
}

fn is_reserved(name: &[u8]) -> bool {
    matches!(name, b".roar" | b".git")
}

fn version(read: &Input) -> Version<'_> {
    Version {
        path: &read.path,
        id: read.id,
        mode: read.mode,
        size: read.size,
    }
}

fn output_version(output: &Output) -> Version<'_> {
    Version {
        path: &output.path,
        id: output.id,
        mode: output.mode,
        size: output.size,
    }
}

/// Returns, for each directory that files of the project were read from, how their names end.
fn endings(reads: &[Input]) -> BTreeMap<RecordedPath, BTreeSet<Vec<u8>>> {
    let mut endings: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for read in reads.iter().filter(|read| flatten::matters(read.class)) {
        let Some(directory) = read.path.parent() else {
            continue;
        };
        let name = read.path.path.rsplit(|&byte| byte == b'/').next();
        let name = name.unwrap_or_default();
        endings
            .entry(directory)
            .or_default()
            .insert(ending(name).to_vec());
    }
    endings
}

/// Returns what comes after the last dot of a name; nothing if there is none.
fn ending(name: &[u8]) -> &[u8] {
    let dot = name.iter().rposition(|&byte| byte == b'.');
    dot.map_or(b"", |dot| &name[dot + 1..])
}

/// Returns what a sorted list has and another has not.
fn added<'n>(now: &'n [ByteStr], then: &'n [ByteStr]) -> impl Iterator<Item = &'n [u8]> {
    let is_new = |name: &&ByteStr| then.binary_search(name).is_err();
    now.iter().filter(is_new).map(|name| &*name.0)
}

fn nothing_new(looked: &Looked) -> Result<(), Why> {
    match looked.absent.iter().find(|path| looked::is_there(path)) {
        Some(path) => {
            let path = String::from_utf8_lossy(path);
            Err(format!("'{}' is there now", path.escape_debug()))
        }
        None => Ok(()),
    }
}

/// Names of variables that tell of the terminal, the shell or the login, and steer no computation. A
/// trailing `*` stands for any ending.
const PASSING: &[&str] = &[
    "_",
    "ALACRITTY_*",
    "COLORTERM",
    "COLUMNS",
    "DBUS_SESSION_BUS_ADDRESS",
    "DISPLAY",
    "GPG_TTY",
    "HISTFILE",
    "INVOCATION_ID",
    "ITERM_*",
    "JOURNAL_STREAM",
    "KITTY_*",
    "KONSOLE_*",
    "LINES",
    "LS_COLORS",
    "OLDPWD",
    "PS1",
    "PWD",
    "ROAR_*",
    "SHLVL",
    "SSH_*",
    "STY",
    "TERM",
    "TERM_*",
    "TMUX*",
    "VSCODE_*",
    "VTE_VERSION",
    "WAYLAND_DISPLAY",
    "WEZTERM_*",
    "WINDOWID",
    "XDG_RUNTIME_DIR",
    "XDG_SESSION_*",
];

/// Returns the variables that count.
fn steady(variables: &Variables) -> Vec<(ByteStr, ByteStr)> {
    let passes = |name: &[u8]| {
        PASSING
            .iter()
            .any(|pattern| match pattern.strip_suffix('*') {
                Some(beginning) => name.starts_with(beginning.as_bytes()),
                None => name == pattern.as_bytes(),
            })
    };
    let list = variables.list.iter();
    list.filter(|(name, _)| !passes(name)).cloned().collect()
}

fn same_variables(now: &[(ByteStr, ByteStr)], then: &[(ByteStr, ByteStr)]) -> Result<(), Why> {
    let other = |a: &[(ByteStr, ByteStr)], b: &[(ByteStr, ByteStr)]| {
        let missing = a.iter().find(|variable| !b.contains(variable));
        missing.map(|(name, _)| name.clone())
    };
    match other(now, then).or_else(|| other(then, now)) {
        Some(name) => {
            let name = String::from_utf8_lossy(&name).into_owned();
            Err(format!("variable {} changed", name.escape_debug()))
        }
        None => Ok(()),
    }
}

fn shown(path: &RecordedPath) -> String {
    String::from_utf8_lossy(&path.shown())
        .escape_debug()
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(pairs: &[(&str, &str)]) -> Vec<(ByteStr, ByteStr)> {
        let bytes = |text: &str| ByteStr(text.as_bytes().to_vec());
        pairs
            .iter()
            .map(|(name, value)| (bytes(name), bytes(value)))
            .collect()
    }

    #[test]
    fn a_variable_that_came_went_or_changed_is_named() {
        let then = list(&[("A", "1"), ("B", "2")]);
        assert_eq!(same_variables(&then, &then), Ok(()));
        for (now, name) in [
            (list(&[("A", "1")]), "B"),
            (list(&[("A", "1"), ("B", "3")]), "B"),
            (list(&[("A", "1"), ("B", "2"), ("C", "")]), "C"),
        ] {
            assert_eq!(
                same_variables(&now, &then),
                Err(format!("variable {name} changed"))
            );
        }
        let passing = Variables::new(list(&[("SHLVL", "2"), ("SSH_TTY", "x"), ("MODE", "y")]));
        assert_eq!(steady(&passing), list(&[("MODE", "y")]));
    }

    #[test]
    fn an_ending_is_what_comes_after_the_last_dot() {
        for (name, expected) in [
            ("a.csv", "csv"),
            ("a.b.gz", "gz"),
            ("README", ""),
            (".x", "x"),
        ] {
            assert_eq!(ending(name.as_bytes()), expected.as_bytes());
        }
    }
}
