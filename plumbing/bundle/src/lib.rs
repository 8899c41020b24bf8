//! Bundles: lineage as one file, for machines that cannot reach each other.
//!
//! A [`Writer`] makes one of a [`Manifest`], a pack, files and the state of the code; [`read`] takes one
//! from anywhere, believes nothing that it says, and hands each part to a [`Taker`] as it comes.
//!
//! # Invariants
//!
//! * One form: what is read and written again from the same parts has the same bytes.
//! * Lengths are held against limits before anything is asked for; memory is bounded by
//!   [`Limits`], whatever a bundle says.
//! * Every object and every file that a taker was handed had the name that it was handed under, if
//!   [`read`] returns without an error. Before that, nothing may be admitted.
//!
//! The format is written down in `docs/format/bundle.md`.
//!
//! # What is not here
//!
//! Which objects belong in a bundle, and what becomes of them (`roar-repo`). No file is opened, and what
//! objects lead to is not looked at.
#![forbid(unsafe_code)]

mod error;
mod head;
mod manifest;
mod read;
mod write;

pub use error::BundleError;
pub use manifest::{Asked, MAX_TIPS, Manifest, Tip};
pub use read::{Limits, Summary, Taken, Taker, read};
pub use write::Writer;

use std::fmt;

/// The name of a bundle: the BLAKE3 of its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BundleName(pub [u8; 32]);

impl fmt::Display for BundleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
