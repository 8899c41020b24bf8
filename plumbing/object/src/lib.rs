//! What lineage is made of, and the bytes it is named by.
//!
//! A file is its bytes: its name is the plain BLAKE3 of them, a [`ContentId`], the same that
//! `b3sum` prints. Everything else that roar remembers is an *object*: a [`TreeNode`] (a directory,
//! a dataset, the set of files that a step read), a [`Step`] (what was run on what), a [`Job`] (one
//! run of a step and what came of it), a [`Session`] link, an [`Environment`], a [`Source`] (the
//! state of the code), a [`Variables`] list. An object has exactly one byte form, its *canonical
//! body*, and its name, an [`ObjectId`], is a hash of kind and body, so two machines that saw the
//! same thing agree on what to call it.
//!
//! # Invariants
//!
//! * One encoder per kind, no second spelling: [`Object::decode`] refuses a body that does not
//!   encode back to itself.
//! * No floats, no lossy text: times are integer nanoseconds, paths are bytes.
//! * Names never change. The golden tests hold the bytes.
//!
//! The format is written down in `docs/format/object.md` and `docs/format/tree.md`.
//!
//! # What is not here
//!
//! No file is opened and no clock is read. Storage is `roar-store`; walking from one object to the
//! next is `roar-graph`; building trees is `roar-tree`.
#![forbid(unsafe_code)]

mod bytes;
mod canonical;
mod code;
mod find;
mod id;
mod job;
mod kind;
mod path;
mod session;
mod setting;
mod step;
mod tree;

pub use bytes::ByteStr;
pub use canonical::{Body, DecodeError, MAX_BODY, Object};
pub use code::Version1;
pub use find::{FindError, MemoryObjects, Objects};
pub use id::{ContentId, Hex, IdError, ObjectId, Prefix};
pub use job::{
    Change, Coverage, DatasetAt, Job, Outcome, Process, Processes, Role, Verdict, WrittenSet,
};
pub use kind::Kind;
pub use path::{Base, RecordedPath};
pub use session::{Session, SessionEvent, StepName, StepNameError};
pub use setting::{Environment, Package, Source, Variables};
pub use step::{Class, FileSet, JobKind, Step};
pub use tree::{Entry, Mode, TreeNode, TreeShapeError};
