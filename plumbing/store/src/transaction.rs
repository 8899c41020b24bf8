//! What is to be committed in one step.

use crate::RefName;
use crate::frame::{self, FrameError, RefMove};
use roar_object::{Object, ObjectId};

/// What a ref must name for a change of it to go through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// Whatever it names.
    Any,
    /// Nothing: it does not exist.
    Absent,
    /// This.
    Is(ObjectId),
}

impl Expect {
    /// Returns whether `found` is what is expected.
    pub fn admits(self, found: Option<ObjectId>) -> bool {
        match self {
            Self::Any => true,
            Self::Absent => found.is_none(),
            Self::Is(id) => found == Some(id),
        }
    }
}

/// A ref that is made, moved or (with no new value) deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefChange {
    /// Which ref.
    pub name: RefName,
    /// What it must name before.
    pub expect: Expect,
    /// What it names after.
    pub new: Option<ObjectId>,
}

/// Objects and ref changes that become visible together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transaction {
    /// Objects; those that the store has are not written again.
    pub objects: Vec<Object>,
    /// Refs; no two of the same name.
    pub refs: Vec<RefChange>,
    /// Which operation this is, for the reflog; at most 65,535 bytes count.
    pub note: String,
    /// When: nanoseconds since 1970. Says nothing about order.
    pub at_ns: i64,
}

impl Transaction {
    /// Writes the transaction down, as a journal frame with sequence number 0.
    ///
    /// # Errors
    ///
    /// When a ref is changed twice, an object is not what its name says, or it is too large.
    pub fn to_bytes(&self) -> Result<Vec<u8>, FrameError> {
        let moves: Vec<_> = self.refs.iter().map(RefMove::from).collect();
        let objects = frame::distinct(&self.objects);
        frame::encode(0, self.at_ns, &self.note, &moves, &objects)
    }

    /// Reads a transaction that [`Transaction::to_bytes`] wrote.
    ///
    /// # Errors
    ///
    /// When the bytes are anything else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, FrameError> {
        frame::decode_transaction(bytes)
    }
}

impl From<&RefChange> for RefMove {
    fn from(change: &RefChange) -> Self {
        Self {
            name: change.name.clone(),
            expect: change.expect,
            new: change.new,
        }
    }
}
