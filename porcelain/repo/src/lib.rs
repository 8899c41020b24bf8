//! A workspace: finding it, its settings, its session, and the names that things go by.
//!
//! # What is not here
//!
//! Nothing runs a command (`roar-record`), nothing decides how things are shown (`roar-view`), and
//! no environment variable is read: the binary hands over what it finds there.
#![forbid(unsafe_code)]

mod add;
pub mod blobs;
pub mod bundle;
mod check;
pub mod config;
pub mod disk;
mod door;
pub mod filters;
pub mod flatten;
mod leftovers;
mod mend;
pub mod names;
pub mod operations;
pub mod place;
mod prune;
pub mod rerun;
pub mod restore;
mod rows;
mod session;
mod snapshot;
#[cfg(test)]
mod sweeps;
pub mod unmade;
mod workspace;

pub use add::{AddError, Added, NewJob};
pub use check::TreeFinding;
pub use mend::MendedBlob;
pub use names::{Candidate, ResolveError, Target};
pub use prune::PruneError;
pub use snapshot::Snapshot;
pub use workspace::{Opening, RepoError, SESSION, Surroundings, Workspace};
