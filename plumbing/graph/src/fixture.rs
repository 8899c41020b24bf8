//! Short ways to write records, for tests.

use crate::{Input, Output, Record, next_step};
use roar_object::{
    ByteStr, Change, Class, ContentId, DatasetAt, JobKind, Kind, Mode, ObjectId, Outcome,
    RecordedPath, Role, StepName, Verdict,
};

/// Makes a record of `command`, its words parted by spaces.
pub(crate) fn job(command: &str) -> Record {
    Record {
        job: ObjectId::of(Kind::Job, command.as_bytes()),
        step: StepName::new(JobKind::Run, 1),
        kind: JobKind::Run,
        argv: command.split(' ').map(ByteStr::from).collect(),
        directory: RecordedPath::inside(""),
        name: None,
        repeats: None,
        outcome: Outcome::Exited(0),
        interrupted: false,
        started_ns: 0,
        duration_ns: 0,
        verdict: Verdict::Complete,
        reads: Vec::new(),
        writes: Vec::new(),
        datasets: Vec::new(),
    }
}

impl Record {
    /// Adds reads, each a path and a word for its content, as in `a=1`.
    pub(crate) fn reads(mut self, files: &str) -> Self {
        for (path, content) in pairs(files) {
            self.reads.push(Input {
                path: RecordedPath::inside(path),
                id: id(content),
                mode: Mode::File,
                size: content.len() as u64,
                class: Class::Data,
            });
        }
        self.reads.sort_by(|a, b| a.path.cmp(&b.path));
        self
    }

    /// Adds writes as [`Record::reads`] does; without a content the file is deleted.
    pub(crate) fn writes(mut self, files: &str) -> Self {
        for (path, content) in pairs(files) {
            let deleted = content.is_empty();
            self.writes.push(Output {
                path: RecordedPath::inside(path),
                change: if deleted {
                    Change::Deleted
                } else {
                    Change::Created
                },
                id: id(content).filter(|_| !deleted),
                mode: Mode::File,
                size: content.len() as u64,
                class: Class::Data,
            });
        }
        self.writes.sort_by(|a, b| a.path.cmp(&b.path));
        self
    }

    /// Adds a directory that was read as a whole.
    pub(crate) fn scans(mut self, directory: &str) -> Self {
        self.datasets.push(DatasetAt {
            role: Role::Read,
            path: RecordedPath::inside(directory),
            tree: ObjectId::of(Kind::Tree, directory.as_bytes()),
            files: 0,
            bytes: 0,
        });
        self
    }

    /// Makes it a run that was asked for by naming an earlier one.
    pub(crate) fn repeats(mut self, earlier: &Self) -> Self {
        self.repeats = Some(earlier.job);
        self
    }

    pub(crate) fn fails(mut self) -> Self {
        self.outcome = Outcome::Exited(1);
        self
    }
}

/// Names a content; a question mark is one that nobody could name.
fn id(content: &str) -> Option<ContentId> {
    (content != "?").then(|| ContentId::of(content.as_bytes()))
}

fn pairs(files: &str) -> impl Iterator<Item = (&str, &str)> {
    files
        .split(' ')
        .filter(|file| !file.is_empty())
        .map(|file| file.split_once('=').unwrap_or((file, "")))
}

/// Gives each record the step that it is a run of.
pub(crate) fn session(jobs: impl IntoIterator<Item = Record>) -> Vec<Record> {
    let mut records = Vec::new();
    for mut job in jobs {
        job.step = next_step(&records, &job);
        records.push(job);
    }
    records
}
