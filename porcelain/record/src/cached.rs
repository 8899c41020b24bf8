//! Whether a command need not be run, because a recorded job did the same on the same.
//!
//! A job serves only if all of it was seen, it succeeded, and nothing that it looked at is otherwise
//! now: every file that it read, of whatever class; every answer to what it asked of a name; the names in
//! every directory that it opened; where the links lead that it went through; every variable, but those
//! that only describe the terminal; which program its name stands for; what standard input is, and which
//! file of the project standard output is. And what it made must be in place, or kept. When in doubt, the
//! command is run.
//!
//! Where a command looks is told only by runs that were asked to ([`Request::looks`](crate::Request)): no
//! other job serves.
//!
//! What no tracer sees cannot be compared: the clock, the network, chance, what a person types.

use crate::key;
use crate::looked::{Looked, Rules};
use crate::request::Plan;
use crate::run::now_ns;
use crate::scrub;
use crate::setting::Setting;
use crate::streams::Streams;
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
use std::os::unix::ffi::OsStrExt as _;

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
    let setting = Setting::new(workspace, key::load(&workspace.dot())).knowing(plan.environment());
    let Some(asked) = Asked::of(workspace, plan, &setting)? else {
        return Ok(miss(
            "an argument has a secret in it, which is not recorded",
        ));
    };
    let cache = roar_repo::rerun::cache_of(workspace)?;
    let filters = Filters::load(workspace.config())?.in_project(workspace.root());
    let projection = snapshot.projection()?;
    let checker = Checker {
        snapshot: &snapshot,
        disk: Disk::new(workspace.root(), &cache),
        rules: Rules {
            root: workspace.root().as_os_str().as_bytes(),
            filters: &filters,
        },
        dot: workspace.dot(),
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
    let readmitted = is_to_be_readmitted(&projection, record);
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

/// Returns whether the session would be told something new by having the job once more. A job that is
/// stale by what it left in place only would be so again.
fn is_to_be_readmitted(projection: &Projection<'_>, record: usize) -> bool {
    match projection.state(record) {
        State::Current => false,
        State::Stale => {
            let mut reasons = projection.reasons(record).iter();
            reasons.any(|reason| reason.reader() == Some(record))
        }
        State::Superseded | State::Failed => true,
    }
}

fn miss(why: &str) -> Cached {
    Cached::Miss {
        why: why.to_owned(),
    }
}

/// What is to be run, as it would be recorded.
struct Asked {
    argv: Vec<ByteStr>,
    program: ByteStr,
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
        let (argv, scrubbed) = scrub::argv(&argv, setting.secrets());
        if scrubbed > 0 {
            return Ok(None);
        }
        let more = workspace.config().words("environment.variables")?;
        let environment = plan.environment();
        let divided = variables::divide(environment, &more, setting.secrets(), setting.key());
        let root = workspace.root().as_os_str().as_bytes();
        Ok(Some(Self {
            argv,
            program: plan.program().as_os_str().as_bytes().to_vec().into(),
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

struct Checker<'a> {
    snapshot: &'a Snapshot,
    disk: Disk<'a>,
    rules: Rules<'a>,
    dot: std::path::PathBuf,
    asked: &'a Asked,
}

impl Checker<'_> {
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
            .and_then(|()| self.same_program(&looked))
            .and_then(|()| self.same_reads(&reads, record))
            .and_then(|()| looked.is_as_it_was(&self.rules))
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

    fn same_program(&self, looked: &Looked) -> Result<(), Why> {
        match looked.program == self.asked.program {
            true => Ok(()),
            false => Err("its name stands for another program now".to_owned()),
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
            Holds::OtherMode => Some(format!(
                "who may execute input '{}' changed",
                shown(&read.path)
            )),
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
        own.is_ok_and(|at| self.disk.holds(output_version(&record.writes[at])).bytes())
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
}
