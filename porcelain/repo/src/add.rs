//! Adding jobs to the session.

use crate::rows::{self, Link, Rows};
use crate::session::{self, Chain};
use crate::workspace::SESSION;
use crate::{RepoError, Workspace};
use roar_graph::Record;
use roar_object::{FindError, Object, ObjectId, Outcome, Session, StepName};
use roar_store::{
    CommitError, Expect, LockError, Notice, OpenError, RefChange, Transaction, Wait, Writer,
};
use std::collections::{HashMap, HashSet};
use std::path::Path;

/// A job that is ready to be added.
#[derive(Clone, Debug)]
pub struct NewJob {
    /// The job and everything it names that may be new.
    pub objects: Vec<Object>,
    /// The job, flattened; its step is decided here.
    pub record: Record,
}

/// What adding came to.
#[derive(Clone, Debug, Default)]
pub struct Added {
    /// For each job, the step that it was recorded as.
    pub steps: Vec<StepName>,
    /// How many of them the session did not have.
    pub new: usize,
    /// What else happened in the store.
    pub notices: Vec<Notice>,
}

/// Why jobs were not added. None of them was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AddError {
    /// Somebody else writes, and did so for as long as was waited; or the lock cannot be used.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The store did not take them.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// The session so far cannot be read.
    #[error(transparent)]
    Find(#[from] FindError),
    /// The workspace cannot be used.
    #[error(transparent)]
    Repo(#[from] RepoError),
}

impl Workspace {
    /// Adds jobs to the session, in order, in one commit. A job that is in the session is not added
    /// again, nor is one whose end was not seen if the session has the run with its end.
    ///
    /// # Errors
    ///
    /// When the store cannot be had, read or written in time. Nothing is added then.
    pub fn add(
        &self,
        jobs: Vec<NewJob>,
        note: &str,
        at_ns: i64,
        wait: Wait<'_>,
    ) -> Result<Added, AddError> {
        self.add_all(jobs, Known::Stay, note, at_ns, wait)
    }

    /// Adds a job that is in the session once more: what it left is there again.
    ///
    /// # Errors
    ///
    /// As [`Workspace::add`].
    pub fn readmit(
        &self,
        record: Record,
        note: &str,
        at_ns: i64,
        wait: Wait<'_>,
    ) -> Result<Added, AddError> {
        let job = NewJob {
            objects: Vec::new(),
            record,
        };
        self.add_all(vec![job], Known::Again, note, at_ns, wait)
    }

    fn add_all(
        &self,
        jobs: Vec<NewJob>,
        known: Known,
        note: &str,
        at_ns: i64,
        wait: Wait<'_>,
    ) -> Result<Added, AddError> {
        let store = self
            .store()
            .ok_or_else(|| RepoError::from(OpenError::NotAStore { path: self.dot() }))?;
        let mut writer = store.writer(wait)?;
        let path = session::rows_path(store.dir(), SESSION);
        let head = writer
            .reference(&session::ref_name())
            .map_err(RepoError::from)?;
        let chain = session::load(&*writer, &path, head)?;
        let (new, steps) = number(&chain.rows.records, jobs, known);
        let mut batch = Batch {
            at_ns,
            tip: head,
            links: chain.links,
            objects: Vec::new(),
            rows: Rows::default(),
        };
        let count = new.len();
        if count > 0 {
            batch.begin();
        }
        new.into_iter().for_each(|job| batch.add(job));
        let notices = batch.commit(&mut writer, head, note)?;
        // The rows are derived: when they cannot be written, the next reader makes them again.
        let _ = keep_rows(&path, chain, batch.rows);
        Ok(Added {
            steps,
            new: count,
            notices,
        })
    }
}

/// What becomes of a job that the session has.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Known {
    /// It stays where it is.
    Stay,
    /// It is added again.
    Again,
}

/// Decides the steps of jobs; returns those that the session does not have, and the steps of all.
fn number(known: &[Record], jobs: Vec<NewJob>, then: Known) -> (Vec<NewJob>, Vec<StepName>) {
    let mut places: HashMap<_, _> = known
        .iter()
        .map(|record| (record.job, record.step))
        .collect();
    let ids: Vec<_> = jobs.iter().map(|job| job.record.job).collect();
    let ended = jobs
        .iter()
        .filter_map(|job| Some((job.record.job, ended(known, &job.record)?.step)));
    places.extend(ended.collect::<Vec<_>>());
    let mut seen = HashSet::new();
    let is_new = |job: &NewJob| {
        let is_known = then == Known::Stay && places.contains_key(&job.record.job);
        !is_known && seen.insert(job.record.job)
    };
    let mut new: Vec<_> = jobs.into_iter().filter(is_new).collect();
    let records: Vec<_> = new.iter().map(|job| job.record.clone()).collect();
    for (job, step) in new.iter_mut().zip(roar_graph::next_steps(known, &records)) {
        job.record.step = step;
        places.insert(job.record.job, step);
    }
    let steps = ids.iter().map(|id| places[id]).collect();
    (new, steps)
}

/// Finds the record of a run with its end, if what is to be added is that run without: roar may have been killed
/// when it had recorded the run and not yet removed what it had begun with.
fn ended<'r>(known: &'r [Record], job: &Record) -> Option<&'r Record> {
    let run = |record: &Record| (record.kind, record.started_ns);
    let is_same = |record: &&Record| {
        run(record) == run(job) && record.argv == job.argv && record.directory == job.directory
    };
    let mut latest = known.iter().rev();
    (job.outcome == Outcome::Unknown).then(|| latest.find(is_same))?
}

/// Jobs on their way into the session.
struct Batch {
    at_ns: i64,
    tip: Option<ObjectId>,
    links: u64,
    objects: Vec<Object>,
    rows: Rows,
}

impl Batch {
    /// Begins the session, if this is its first job.
    fn begin(&mut self) {
        if self.tip.is_none() {
            self.link(&Session::begin(SESSION, self.at_ns));
        }
    }

    fn link(&mut self, link: &Session) -> ObjectId {
        let object = Object::encode(link);
        let id = object.id();
        self.objects.push(object);
        self.tip = Some(id);
        self.links += 1;
        id
    }

    fn add(&mut self, job: NewJob) {
        let record = job.record;
        let parent = self
            .tip
            .expect("a session has a first link before it has a job");
        let sequence = self.links;
        let link = self.link(&Session::ran(
            parent,
            sequence,
            self.at_ns,
            record.job,
            record.step,
        ));
        self.objects.extend(job.objects);
        self.rows.push(Link { id: link, sequence }, record);
    }

    fn commit(
        &mut self,
        writer: &mut Writer,
        head: Option<ObjectId>,
        note: &str,
    ) -> Result<Vec<Notice>, CommitError> {
        if self.rows.len() == 0 {
            return Ok(writer.take_notices());
        }
        let expect = head.map_or(Expect::Absent, Expect::Is);
        let change = RefChange {
            name: session::ref_name(),
            expect,
            new: self.tip,
        };
        let transaction = Transaction {
            objects: std::mem::take(&mut self.objects),
            refs: vec![change],
            note: note.to_owned(),
            at_ns: self.at_ns,
        };
        Ok(writer.commit(&transaction)?.notices)
    }
}

/// Brings the file of rows up to date.
fn keep_rows(path: &Path, chain: Chain, new: Rows) -> std::io::Result<()> {
    let mut rows = chain.rows;
    rows.extend(new);
    if chain.intact {
        return rows::append(path, &rows, chain.kept);
    }
    rows::replace(path, &rows)
}
