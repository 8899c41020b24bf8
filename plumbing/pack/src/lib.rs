//! Packs: many objects in one immutable file, and the indexes that find them in it.
//!
//! A [`Writer`] makes a pack of the objects it is given; [`read`] takes one in from anywhere and
//! believes nothing that it says; [`PackFile`] looks objects up in one that lies on the disk, by an
//! index that is mapped; a [`MultiIndex`] tells which of many packs has an object; [`copy`] makes one pack
//! of several. What their formats are written in, [`bytes`], serves the room above too.
//!
//! # Invariants
//!
//! * A pack is named by its bytes and never changes. It holds no names of objects: whoever wants
//!   them hashes, so none can be wrong.
//! * An index is made of a pack, and can always be made again, byte for byte.
//! * Lengths are held against limits before memory is asked for, and bounds before they are used:
//!   no bytes lead to a panic, a read elsewhere, or more memory than [`Limits`] allows.
//! * An object that is handed out was hashed on the way.
//!
//! The formats are written down in `docs/format/pack.md`.
//!
//! # What is not here
//!
//! No directory is listed, nothing is renamed or synced, and no lock is taken: where packs lie, and
//! which of them count, is `roar-store`'s to say. What objects lead to is not looked at; a pack may
//! hold half a tree.
#![forbid(unsafe_code)]

mod bits;
mod block;
mod blocks;
pub mod bytes;
mod cache;
mod codec;
mod contents;
mod copy;
mod error;
mod file;
mod index;
mod index_writer;
mod layout;
mod limits;
mod multi;
mod name;
mod order;
mod place;
mod read;
mod rows;
mod salvage;
mod table;
mod union;
mod writer;

pub use bits::Bits;
pub use contents::Contents;
pub use copy::{Copied, copy};
pub use error::{BlockError, PackError};
pub use file::{PackFile, Report};
pub use limits::{Limits, MAX_BLOCK, MAX_WINDOW};
pub use multi::{Covered, Found, MAX_PACKS, MultiIndex};
pub use name::PackName;
pub use place::{Entry, Place};
pub use read::{NotTaken, read};
pub use union::{Met, Union};
pub use writer::Writer;
