//! What the jobs of a session say together: what made what, what is current, what is stale.
//!
//! A [`Record`] is one job flattened, and a session is a list of them in the order of its
//! sequence. From such a list alone this crate answers:
//!
//! * [`project`]: the *current DAG*: which jobs were replaced by later runs of the same step, which
//!   are superseded or stale and why, and what the *world* (the files that recorded jobs left
//!   behind) looks like;
//! * [`History`]: producers, ancestors, descendants, lineage, root inputs, writers of some bytes;
//! * [`next_step`]: which step a new job is a run of;
//! * [`Dag`]: what of all this is shown, in an order that can be drawn.
//!
//! # Invariants
//!
//! * Order is the place in the list, never the wall clock.
//! * A producer comes before its reader, so the graph of producers has no cycles; every walk is
//!   iterative, and no depth is too great for it.
//! * The same list always gives the same answer.
//!
//! The rules are tested against a second, slow model that is written down straight from their
//! definition.
//!
//! # What is not here
//!
//! No object is looked up and no file opened: `roar-repo` makes records of jobs. Wording and
//! drawing are `roar-view`.
#![forbid(unsafe_code)]

mod again;
mod candidates;
mod codes;
mod dag;
#[cfg(test)]
mod fixture;
mod growth;
mod history;
mod inherit;
#[cfg(test)]
mod law;
mod lineage;
#[cfg(test)]
mod model;
mod program;
mod project;
mod record;
mod replace;
#[cfg(test)]
mod tests;

pub use dag::{Dag, Edge, Hidden, Node, Show};
pub use history::{Codes, History, Producer, Version};
pub use lineage::{Artifact, Lineage, Read, Scan, Written};
pub use program::program;
pub use project::{Held, Projection, Reason, State, Why, project};
pub use record::{Input, Output, Record};
pub use replace::{next_step, next_steps};
