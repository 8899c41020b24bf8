//! The workspace at one moment, for questions.

use crate::rows::Rows;
use crate::workspace::SESSION;
use crate::{RepoError, session};
use roar_graph::{History, Projection, Record};
use roar_object::{Kind, ObjectId, Prefix};
use roar_store::{Reader, RefName, Store};
use std::cell::OnceCell;
use std::path::{Path, PathBuf};

/// The workspace at one moment. Nothing is read before it is asked for.
#[derive(Debug)]
pub struct Snapshot {
    root: PathBuf,
    rows: PathBuf,
    reader: Reader,
    rows_read: OnceCell<Rows>,
}

impl Snapshot {
    pub(crate) fn take(root: &Path, store: &Store) -> Result<Self, RepoError> {
        Ok(Self {
            root: root.to_owned(),
            rows: session::rows_path(store.dir(), SESSION),
            reader: store.reader(),
            rows_read: OnceCell::new(),
        })
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
    pub const fn session(&self) -> &'static str {
        SESSION
    }

    /// Returns the newest link of the session, which is the session's hash; nothing before the first
    /// job.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn head(&self) -> Result<Option<ObjectId>, RepoError> {
        Ok(self.reader.reference(&session::ref_name())?)
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
