//! Operations: what each commit did to the refs, and taking one back.
//!
//! Every commit that changed a ref is an operation: a run, a job that was described, a leftover that
//! was taken in, `update-ref`, an import, taking back another. Objects are never removed by taking
//! back: a ref names again what it named before, and what it does not lead to any more is still found
//! by its hash.

use crate::{RepoError, Snapshot, Workspace};
use roar_object::{FindError, ObjectId, Objects, Session, StepName};
use roar_store::{
    CommitError, Expect, LockError, Notice, OpenError, Operation, Reader, RefChange, RefMoved,
    RefName, Transaction, Wait,
};
use std::collections::HashMap;

/// How the note of an operation that takes another back begins.
const UNDO: &str = "undo ";

/// Where sessions are among the refs.
const SESSIONS: &str = "sessions/";

/// What taking an operation back came to.
#[derive(Clone, Debug)]
pub struct Undone {
    /// The operation that was taken back.
    pub operation: Operation,
    /// The number of the operation that did it; nothing if it was only planned.
    pub sequence: Option<u64>,
    /// What the refs named before and name now.
    pub refs: Vec<RefMoved>,
    /// What else happened in the store.
    pub notices: Vec<Notice>,
}

/// Which operation is to be taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// The last one that stands and took back nothing itself: again and again, this goes through the
    /// history backwards.
    Last,
    /// The last taking back that stands: what it took back is there again.
    LastUndo,
    /// The one with this number.
    Number(u64),
}

/// Why an operation is not taken back. Nothing was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UndoError {
    /// No operation that changed a ref stands.
    #[error("there is nothing to undo")]
    Nothing,
    /// Nothing was taken back, or all of it is there again.
    #[error("there is nothing to redo")]
    NothingUndone,
    /// Something else was done since the last taking back that stands.
    #[error(
        "there is nothing to redo: more was done since operation {number}, the last undo that stands"
    )]
    Overtaken {
        /// The number of that taking back.
        number: u64,
    },
    /// There is no operation of that number.
    #[error("there is no operation {number}")]
    Unknown {
        /// The number.
        number: u64,
    },
    /// It changed no ref.
    #[error("operation {number} changed no ref")]
    NoChange {
        /// The number.
        number: u64,
    },
    /// A later operation changed the same ref.
    #[error("operation {number} cannot be undone: '{name}' was changed since, by operation {by}")]
    Moved {
        /// The number.
        number: u64,
        /// The ref.
        name: RefName,
        /// The last operation that changed it.
        by: u64,
    },
    /// Somebody else writes, and did so for as long as was waited; or the lock cannot be used.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The store did not take it.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// The workspace cannot be used.
    #[error(transparent)]
    Repo(#[from] RepoError),
}

/// Returns the number of the operation that this one takes back, if it does that.
pub fn undoes(operation: &Operation) -> Option<u64> {
    operation.note.strip_prefix(UNDO)?.parse().ok()
}

/// Returns for each operation that does not stand the one that took it back.
pub fn undone(operations: &[Operation]) -> HashMap<u64, u64> {
    let mut undone = HashMap::new();
    let number = |operation: &Operation| Some((operation.sequence, undoes(operation)?));
    // An operation that was itself taken back took nothing back.
    for (sequence, of) in operations.iter().rev().filter_map(number) {
        if !undone.contains_key(&sequence) {
            undone.entry(of).or_insert(sequence);
        }
    }
    undone
}

/// A job that came into a session or left it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JobMoved {
    /// The step that it is recorded as.
    pub step: StepName,
    /// The job.
    pub job: ObjectId,
}

/// The jobs that a session gained and lost, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobsMoved {
    /// Those that it has now and had not.
    pub added: Vec<JobMoved>,
    /// Those that it had and has not.
    pub removed: Vec<JobMoved>,
}

impl Snapshot {
    /// Returns the operations that changed refs, oldest first.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn operations(&self) -> Result<Vec<Operation>, RepoError> {
        let mut operations = self.objects().operations()?;
        operations.retain(|operation| !operation.refs.is_empty());
        Ok(operations)
    }

    /// Returns what the move of a ref did to the session that it names; of any other ref, nothing.
    ///
    /// # Errors
    ///
    /// When a link of the session is missing or damaged.
    pub fn jobs_moved(&self, moved: &RefMoved) -> Result<JobsMoved, FindError> {
        if !moved.name.as_str().starts_with(SESSIONS) {
            return Ok(JobsMoved::default());
        }
        fork(self.objects(), moved.old, moved.new)
    }
}

impl Workspace {
    /// Returns what taking back an operation would do.
    ///
    /// # Errors
    ///
    /// When that cannot be taken back, or the store cannot be read.
    pub fn plan_undo(&self, which: Which) -> Result<Undone, UndoError> {
        let store = self.store().ok_or_else(|| self.no_store())?;
        plan(&store.reader(), which)
    }

    /// Takes an operation back: each ref that it changed names again what it named before, all of them
    /// or none.
    ///
    /// # Errors
    ///
    /// When that cannot be taken back, or the store cannot be had, read or written in time.
    pub fn undo(&self, which: Which, at_ns: i64, wait: Wait<'_>) -> Result<Undone, UndoError> {
        let store = self.store().ok_or_else(|| self.no_store())?;
        let mut writer = store.writer(wait)?;
        let mut done = plan(&writer, which)?;
        let transaction = Transaction {
            refs: done.refs.iter().map(change).collect(),
            note: format!("{UNDO}{}", done.operation.sequence),
            at_ns,
            ..Transaction::default()
        };
        let receipt = writer.commit(&transaction)?;
        done.sequence = Some(receipt.sequence);
        done.notices = receipt.notices;
        Ok(done)
    }

    fn no_store(&self) -> RepoError {
        OpenError::NotAStore { path: self.dot() }.into()
    }
}

fn change(moved: &RefMoved) -> RefChange {
    RefChange {
        name: moved.name.clone(),
        expect: moved.old.map_or(Expect::Absent, Expect::Is),
        new: moved.new,
    }
}

fn plan(reader: &Reader, which: Which) -> Result<Undone, UndoError> {
    let operations = reader.operations().map_err(RepoError::from)?;
    let operation = pick(&operations, which)?.clone();
    refuse_if_moved(&operations, &operation).map_err(|err| match (which, err) {
        (Which::LastUndo, UndoError::Moved { number, .. }) => UndoError::Overtaken { number },
        (_, err) => err,
    })?;
    let back = |moved: &RefMoved| RefMoved {
        name: moved.name.clone(),
        old: moved.new,
        new: moved.old,
    };
    Ok(Undone {
        refs: operation.refs.iter().map(back).collect(),
        operation,
        sequence: None,
        notices: Vec::new(),
    })
}

fn pick(operations: &[Operation], which: Which) -> Result<&Operation, UndoError> {
    let undone = undone(operations);
    let stands = |it: &&Operation| !it.refs.is_empty() && !undone.contains_key(&it.sequence);
    let mut standing = operations.iter().rev().filter(stands);
    match which {
        Which::Last => standing
            .find(|it| undoes(it).is_none())
            .ok_or(UndoError::Nothing),
        Which::LastUndo => standing
            .find(|it| takes_away(operations, it))
            .ok_or(UndoError::NothingUndone),
        Which::Number(number) => numbered(operations, number),
    }
}

/// Returns whether an operation takes back what added something: not one that takes back a taking
/// back, which brings something again.
fn takes_away(operations: &[Operation], operation: &Operation) -> bool {
    let (mut at, mut away) = (operation, false);
    while let Some(number) = undoes(at) {
        away = !away;
        let earlier = |it: &&Operation| it.sequence == number && number < at.sequence;
        match operations.iter().find(earlier) {
            Some(target) => at = target,
            None => break,
        }
    }
    away
}

fn numbered(operations: &[Operation], number: u64) -> Result<&Operation, UndoError> {
    let named = operations
        .iter()
        .find(|operation| operation.sequence == number)
        .ok_or(UndoError::Unknown { number })?;
    match named.refs.is_empty() {
        true => Err(UndoError::NoChange { number }),
        false => Ok(named),
    }
}

/// A ref that names something newer has something that stands on the operation.
fn refuse_if_moved(operations: &[Operation], operation: &Operation) -> Result<(), UndoError> {
    for moved in &operation.refs {
        let changes = |other: &&Operation| other.refs.iter().any(|it| it.name == moved.name);
        let last = operations.iter().rev().find(changes).unwrap_or(operation);
        let names = |it: &&RefMoved| it.name == moved.name;
        let now = last.refs.iter().find(names).and_then(|it| it.new);
        // What later operations did and took back again is no obstacle.
        if now != moved.new {
            return Err(UndoError::Moved {
                number: operation.sequence,
                name: moved.name.clone(),
                by: last.sequence,
            });
        }
    }
    Ok(())
}

/// Walks back from two heads of a session to where they meet.
fn fork(
    objects: &impl Objects,
    old: Option<ObjectId>,
    new: Option<ObjectId>,
) -> Result<JobsMoved, FindError> {
    let mut moved = JobsMoved::default();
    let (mut old, mut new) = (Head::at(objects, old)?, Head::at(objects, new)?);
    while old.id != new.id {
        if old.height() > new.height() {
            moved.removed.extend(old.step_back(objects)?);
        } else {
            moved.added.extend(new.step_back(objects)?);
        }
    }
    moved.added.reverse();
    moved.removed.reverse();
    Ok(moved)
}

/// A place on a session's chain; before its first link if there is none.
struct Head {
    id: Option<ObjectId>,
    link: Option<Session>,
}

impl Head {
    fn at(objects: &impl Objects, id: Option<ObjectId>) -> Result<Self, FindError> {
        let link = id.map(|id| objects.read(id)).transpose()?;
        Ok(Self { id, link })
    }

    fn height(&self) -> u64 {
        self.link.as_ref().map_or(0, |link| link.sequence + 1)
    }

    /// Goes to the link before; returns the job that the link added.
    fn step_back(&mut self, objects: &impl Objects) -> Result<Option<JobMoved>, FindError> {
        let Some(link) = self.link.take() else {
            self.id = None;
            return Ok(None);
        };
        let (job, step) = (link.job, link.step);
        *self = Self::at(objects, link.parent)?;
        Ok(job.zip(step).map(|(job, step)| JobMoved { step, job }))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests may panic")]
mod tests {
    use super::*;
    use roar_object::{JobKind, MemoryObjects};

    fn operation(sequence: u64, note: &str) -> Operation {
        Operation {
            sequence,
            at_ns: 0,
            note: note.to_owned(),
            refs: Vec::new(),
        }
    }

    #[test]
    fn what_was_taken_back_and_forth_stands_again() {
        let operations = [
            operation(1, "run"),
            operation(2, "undo 1"),
            operation(3, "undo 2"),
            operation(4, "run"),
            operation(5, "undo 4"),
        ];
        assert_eq!(undone(&operations), HashMap::from([(2, 3), (4, 5)]));
        assert_eq!(undone(&operations[..2]), HashMap::from([(1, 2)]));
        assert_eq!(undoes(&operation(1, "undo")), None);
    }

    #[test]
    fn two_heads_are_compared_from_where_they_part() {
        let mut objects = MemoryObjects::default();
        let begin = objects.put(&Session::begin("main", 0));
        let mut ran = |parent, sequence, number: u8| {
            let job = ObjectId::from_bytes([number; 32]);
            let step = StepName::new(JobKind::Run, number.into());
            objects.put(&Session::ran(parent, sequence, 0, job, step))
        };
        let first = ran(begin, 1, 1);
        let second = ran(first, 2, 2);
        let other = ran(first, 2, 3);
        let third = ran(second, 3, 4);
        let numbers = |old, new| {
            let moved = fork(&objects, old, new).unwrap();
            let list =
                |jobs: Vec<JobMoved>| jobs.iter().map(|job| job.step.number).collect::<Vec<_>>();
            (list(moved.added), list(moved.removed))
        };
        assert_eq!(numbers(None, Some(second)), (vec![1, 2], vec![]));
        assert_eq!(numbers(Some(third), Some(first)), (vec![], vec![2, 4]));
        assert_eq!(numbers(Some(third), Some(other)), (vec![3], vec![2, 4]));
        assert_eq!(numbers(Some(first), None), (vec![], vec![1]));
        assert_eq!(numbers(None, None), (vec![], vec![]));
    }
}
