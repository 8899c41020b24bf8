//! Where objects and refs are kept, and what keeps them through a kill, a power cut and a full disk.
//!
//! A [`Store`] is the directory `.roar/`. A [`Writer`] adds to it, one [`Transaction`] at a time, and
//! holds the store's one lock while it lives; a [`Reader`] answers questions and needs neither lock,
//! nor index, nor permission to write. A [`Spool`] is the private file in which a run keeps what it saw
//! until it can be committed.
//!
//! # Invariants
//!
//! * *Journal and packs are the truth.* [`Writer::commit`] returns once its frame is synced, a
//!   [`PackSink`] once its pack is; all else (`sled/`, the `refs` file, lists and indexes) is derived,
//!   checked against them, and made again when it does not fit.
//! * *What moves is there twice before it is there once.* [`gc`] takes what is old from the journal to
//!   packs; whoever reads meanwhile sees it in the one place or the other.
//! * *Objects and the refs that name them arrive together*, or not at all.
//! * *Nothing is believed for being there.* Heads of frames carry a checksum, and an object is hashed
//!   whenever it is read.
//! * *sled stays inside.* Its errors, its panics and its lock end in a [`Notice`], never in a lost
//!   commit. Quieting its panics takes a process-wide hook, which lets all other panics through.
//!
//! The layout is written down in `docs/format/store.md`.
//!
//! # What is not here
//!
//! What an object means (`roar-object`), how one leads to the next (`roar-graph`), which ref is a
//! session (`roar-repo`), what a run's spool says (`roar-record`), what the bytes of a pack mean
//! (`roar-pack`).
#![forbid(unsafe_code)]

mod base;
mod checkpoint;
mod closure;
mod collecting;
mod counts;
mod door;
mod envelope;
mod file;
mod frame;
mod fsck;
mod gc;
mod held;
mod holes;
mod index;
mod journal;
mod lock;
mod multi;
mod name;
mod new_pack;
mod notice;
mod packs;
mod places;
mod reader;
mod rebuild;
mod recover;
mod ref_log;
mod salvage;
mod scan;
mod segment;
mod segment_index;
mod shelf;
mod sled_fence;
mod snapshot;
mod spool;
mod stacks;
mod state;
mod store;
mod sweep;
#[cfg(test)]
mod sweeps;
mod transaction;
mod writer;

pub use closure::{Link, links};
pub use counts::Counts;
pub use file::{FileError, read_whole};
pub use frame::FrameError;
pub use fsck::{Finding, Options, Report, Severity, fsck};
pub use gc::{GcError, GcOptions, GcReport, Kept, gc, gc_naming, plan_gc, wants_gc};
pub use lock::{Holder, LockError, Wait};
pub use name::{RefName, RefNameError};
pub use new_pack::{PackSink, PackingError, Received};
pub use notice::Notice;
pub use reader::{Operation, ReadError, Reader, RefMoved, ReflogEntry};
pub use rebuild::rebuild;
pub use ref_log::LostLog;
pub use spool::{Claimed, Pending, Spool, SpoolFrame, SpoolFrames};
pub use store::{OpenError, Store};
pub use transaction::{Expect, RefChange, Transaction};
pub use writer::{CommitError, Receipt, Writer};
