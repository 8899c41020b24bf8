//! An object that was come by while going through all of them.

use crate::segment_index::Listed;
use roar_object::{Kind, ObjectId};
use roar_pack::PackFile;

/// An object, and where it is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Held<'h> {
    /// In a pack.
    Packed(&'h PackFile, &'h roar_pack::Entry),
    /// In a segment of the journal.
    Written(u32, &'h Listed),
}

impl Held<'_> {
    pub(crate) const fn id(&self) -> ObjectId {
        match self {
            Self::Packed(_, entry) => entry.id,
            Self::Written(_, listed) => listed.id,
        }
    }

    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::Packed(_, entry) => entry.place.kind(),
            Self::Written(_, listed) => listed.kind,
        }
    }
}
