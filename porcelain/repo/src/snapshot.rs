//! The workspace at one moment, for questions.

use crate::operations;
use crate::rows::Rows;
use crate::workspace::SESSION;
use crate::{RepoError, flatten, session};
use roar_graph::{History, Projection, Record};
use roar_object::{ContentId, Job, Kind, ObjectId, Objects as _, Prefix, RecordedPath, Step};
use roar_store::{Reader, RefName, Store};
use std::cell::OnceCell;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// The workspace at one moment. Nothing is read before it is asked for.
#[derive(Debug)]
pub struct Snapshot {
    root: PathBuf,
    rows: PathBuf,
    store: Store,
    reader: Reader,
    session: String,
    /// The head of a session that is not the workspace's own, or not as that is now.
    other_head: Option<ObjectId>,
    rows_read: OnceCell<Rows>,
}

impl Snapshot {
    pub(crate) fn take(root: &Path, store: &Store) -> Result<Self, RepoError> {
        Ok(Self {
            root: root.to_owned(),
            rows: session::rows_path(store.dir(), SESSION),
            store: store.clone(),
            reader: store.reader(),
            session: SESSION.to_owned(),
            other_head: None,
            rows_read: OnceCell::new(),
        })
    }

    /// Returns another session of the same store: one that came in a bundle, or an earlier state of
    /// the workspace's own.
    pub fn of_session(&self, name: &str, head: ObjectId) -> Self {
        Self {
            root: self.root.clone(),
            rows: self.rows.clone(),
            store: self.store.clone(),
            reader: self.store.reader(),
            session: name.to_owned(),
            other_head: Some(head),
            rows_read: OnceCell::new(),
        }
    }

    /// Returns the records of the jobs that read these bytes at this path as a file of a package or the system,
    /// which records do not list.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn readers_beside(
        &self,
        path: &RecordedPath,
        id: ContentId,
    ) -> Result<Vec<usize>, RepoError> {
        let objects = self.objects();
        let (mut readers, mut known) = (Vec::new(), HashMap::new());
        for (at, record) in self.records()?.iter().enumerate() {
            let job: Job = objects.read(record.job)?;
            let step: Step = objects.read(job.step)?;
            if flatten::reads_beside(objects, &step, (path, id), &mut known)? {
                readers.push(at);
            }
        }
        Ok(readers)
    }

    /// Returns the other sessions that the store remembers, with a name for each: those that refs
    /// name, then what the session was before something was taken back, latest first.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn others(&self) -> Result<Vec<(String, ObjectId)>, RepoError> {
        let own = session::ref_name();
        let mut others = Vec::new();
        for (name, id) in self.reader.references("")? {
            if name != own && self.kind_of(id)? == Some(Kind::Session) {
                others.push((name.to_string(), id));
            }
        }
        let log = self.reader.operations()?;
        let undone = log
            .iter()
            .rev()
            .filter(|it| operations::undoes(it).is_some());
        for operation in undone {
            let moved = operation.refs.iter().find(|moved| moved.name == own);
            let head = moved.and_then(|moved| moved.old);
            others.extend(head.map(|head| (format!("before {}", operation.note), head)));
        }
        Ok(others)
    }

    /// Returns the project's root.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Returns the store's objects and refs.
    pub const fn objects(&self) -> &Reader {
        &self.reader
    }

    /// Returns the name of the session.
    pub fn session(&self) -> &str {
        &self.session
    }

    /// Returns whether this is the workspace's own session as it is now.
    pub const fn is_own(&self) -> bool {
        self.other_head.is_none()
    }

    /// Returns the newest link of the session, which is the session's hash; nothing before the first
    /// job.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn head(&self) -> Result<Option<ObjectId>, RepoError> {
        match self.other_head {
            Some(head) => Ok(Some(head)),
            None => Ok(self.reader.reference(&session::ref_name())?),
        }
    }

    /// Returns the session's jobs, in order.
    ///
    /// # Errors
    ///
    /// When the store cannot be read, or is damaged.
    pub fn records(&self) -> Result<&[Record], RepoError> {
        Ok(&self.rows_read()?.records)
    }

    fn rows_read(&self) -> Result<&Rows, RepoError> {
        if let Some(rows) = self.rows_read.get() {
            return Ok(rows);
        }
        let chain = session::load(&self.reader, &self.rows, self.head()?)?;
        Ok(self.rows_read.get_or_init(|| chain.rows))
    }

    /// Returns the session's jobs as a history that questions can be asked of.
    ///
    /// # Errors
    ///
    /// As [`Snapshot::records`].
    pub fn history(&self) -> Result<History<'_>, RepoError> {
        let rows = self.rows_read()?;
        Ok(History::with_codes(&rows.records, &rows.codes))
    }

    /// Returns what is true now.
    ///
    /// # Errors
    ///
    /// As [`Snapshot::records`].
    pub fn projection(&self) -> Result<Projection<'_>, RepoError> {
        Ok(Projection::of(self.history()?))
    }

    /// Returns what a ref names, if `name` is the name of a ref.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn reference(&self, name: &str) -> Result<Option<ObjectId>, RepoError> {
        match RefName::new(name) {
            Ok(name) => Ok(self.reader.reference(&name)?),
            Err(_) => Ok(None),
        }
    }

    /// Returns what an object is.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn kind_of(&self, id: ObjectId) -> Result<Option<Kind>, RepoError> {
        Ok(self.reader.describe(id)?.map(|(kind, _)| kind))
    }

    pub(crate) fn objects_like(&self, prefix: &Prefix) -> Result<Vec<(ObjectId, Kind)>, RepoError> {
        Ok(self.reader.find_prefix(prefix)?)
    }
}
