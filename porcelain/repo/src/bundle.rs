//! Carrying lineage to a machine that cannot be reached, and taking it in.
//!
//! What leaves is a frozen copy: the jobs of a lineage, in the order in which the session had them, as a
//! chain of their own, and all that they need. What comes is checked as a whole before any of it is
//! admitted, and gets refs of its own: the session that one works in is not touched.

mod examine;
mod gather;
mod git;

pub use examine::{Examined, ImportError, Imported, Terms, examine, import};
pub use gather::{BundleFailed, Goal, Made, Parts, gather, write};
pub use git::{GitError, states};

/// The name of the tip that is a session's link.
pub const SESSION_TIP: &str = "session";

/// Where imported bundles are among the refs.
pub const REFS: &str = "bundles/";
