//! From what a tracer saw to which files a run read and wrote.
//!
//! A [`Fold`] takes trace records (`roar-events`) in order, answers the questions that the tracer
//! has on the way, and in the end, told what each file is now, gives an [`Observation`]. The same
//! records and the same final states always give the same observation, whether they come from a
//! tracer at work or from the spool of one that was killed.
//!
//! # How it judges
//!
//! Records say what was *about to happen*. Whether a file was changed is decided by comparing what
//! it was when first seen with what it is at the end; so a call that failed after all leaves no
//! trace, and no descriptor has to be followed.
//!
//! Each name has the *content first found there*, if there was a file. That content moves with
//! renames and is shared by hard links, until it is truncated, replaced or removed; what the run
//! puts in its place is the run's *own*. In these terms:
//!
//! * A file is **read** when content first found there is opened for reading or executed, under
//!   whatever name it has by then. Reading the run's own content is not reading.
//! * Content opened for writing without truncation (*touched*) and different at the end was
//!   **modified**, and also read in its version before, unless that was empty. The same bytes may
//!   have been written again: [`FileSeen::settle`] takes the final digest and decides.
//! * Content that was touched and is unchanged was not written. If it was opened for writing only
//!   it was not read either.
//! * A name whose content was truncated, replaced (rename, link, creation after removal) is
//!   **created** when nothing was there before, else **modified**, whatever the bytes; it was not
//!   read unless it was read before. A name moved away and back is unchanged.
//! * A name that had a file and ends without one through the run's doing is **deleted**. A name
//!   that begins and ends without a file is not mentioned.
//! * A symbolic link is a file of its own: read when a path leads through it, created when made. What it leads to is a file beside it.
//! * Directories, pipes, sockets, devices and the entries of `/proc` and `/sys` are no files, and not
//!   mentioned, nor are names that led nowhere.
//! * A file that the run only read is not looked at again: whoever names it then must compare
//!   versions anyway, and [`FileSeen::digest_read`] does. What an outsider changed meanwhile keeps
//!   the version that was read, with no name.
//!
//! # Naming before changing
//!
//! Content can be named only while it exists. Before a call that may change a file, the tracer
//! asks [`Fold::must_name`]: yes before the first write in place to content that the run found,
//! before the first truncation, replacement or removal of content that it has read, and before
//! content is read that the run has moved to another name.
//!
//! Two names that were hard links of each other before the run count as two files.
//!
//! # What is not here
//!
//! No file is opened, no clock is read, and what a file means (data, code, noise) is not asked.
#![forbid(unsafe_code)]

mod entry;
mod fold;
mod observation;
mod process;

pub use fold::{Fold, Threat};
pub use observation::{Change, FileSeen, Observation, Seen};
pub use process::ProcessSeen;
