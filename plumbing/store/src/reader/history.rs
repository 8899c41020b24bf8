//! What commits did to refs: from the logs, and from the journal.

use super::{ReadError, Reader};
use crate::RefName;
use crate::base::Base;
use crate::journal::{self, Found};
use crate::ref_log::{self, Commit, LostLog};
use crate::shelf::settled;
use roar_object::ObjectId;

/// One change of a ref.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReflogEntry {
    /// The commit that changed it.
    pub sequence: u64,
    /// When, as that commit said.
    pub at_ns: i64,
    /// What it named before.
    pub old: Option<ObjectId>,
    /// What it named after.
    pub new: Option<ObjectId>,
    /// Which operation it was.
    pub note: String,
}

/// One commit, as far as refs go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// Its number.
    pub sequence: u64,
    /// When, as it said.
    pub at_ns: i64,
    /// Which operation it was.
    pub note: String,
    /// The refs that it changed.
    pub refs: Vec<RefMoved>,
}

/// A ref, and what it named before and after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefMoved {
    /// The ref.
    pub name: RefName,
    /// What it named before.
    pub old: Option<ObjectId>,
    /// What it named after.
    pub new: Option<ObjectId>,
}

impl Reader {
    /// Returns how a ref changed, oldest change first; a deleted ref keeps its log.
    ///
    /// # Errors
    ///
    /// As [`Reader::reference`].
    pub fn reflog(&self, name: &RefName) -> Result<Vec<ReflogEntry>, ReadError> {
        if let Some(Ok(mut entries)) = self.hot.as_ref().map(|index| index.reflog(name)) {
            let mut sealed = Vec::new();
            self.state()?.base.each_log(&self.layout, &mut |log| {
                sealed.extend(log.commits.iter().filter_map(|commit| commit.entry(name)));
            })?;
            sealed.append(&mut entries);
            return Ok(sealed);
        }
        self.history(|commit| commit.entry(name))
    }

    /// Returns every commit with the refs that it changed, oldest first.
    ///
    /// # Errors
    ///
    /// As [`Reader::reference`].
    pub fn operations(&self) -> Result<Vec<Operation>, ReadError> {
        self.history(|commit| Some(commit.operation()))
    }

    /// Returns the first log of ref changes that is damaged or missing. What it told of is left out by
    /// [`Reader::reflog`] and [`Reader::operations`].
    ///
    /// # Errors
    ///
    /// As [`Reader::reference`].
    pub fn lost_log(&self) -> Result<Option<LostLog>, ReadError> {
        Ok(ref_log::first_lost(&self.layout, &self.state()?.base)?)
    }

    /// Returns what is wanted of every commit, oldest first: of those in the logs, and of those in the
    /// journal.
    pub(crate) fn history<T>(
        &self,
        wanted: impl Fn(&Commit) -> Option<T>,
    ) -> Result<Vec<T>, ReadError> {
        let trusted = self.state()?.trusted;
        let all = settled(&self.layout, |_| {
            let base = Base::read(&self.layout)?;
            let mut all = Vec::new();
            base.each_log(&self.layout, &mut |log| {
                all.extend(log.commits.iter().filter_map(&wanted));
            })?;
            let journal = self.layout.journal();
            journal::walk(&journal, base.checkpoint, trusted, &mut |found| {
                if let Found::Frame(frame, head, _) = found {
                    all.extend(wanted(&Commit::of(frame, &head)));
                }
                Ok(())
            })?;
            Ok(Some(all))
        })?;
        Ok(all)
    }
}
