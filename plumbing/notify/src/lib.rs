//! Watches a command by seccomp user notification: the fast way, which needs no privilege.
//!
//! The filter holds a thread at the entry of an interesting call until this process answers. Only
//! the answer *go on* is ever given: the command does what it would have done. Nothing here stops a
//! thread for a signal or at a birth; debuggers work inside, and signals are the command's own.
//!
//! Invariants:
//! - Every call that is received is answered, also when the handler panics or this process is
//!   killed: then by the janitor of `roar-launch`.
//! - A call is given to the handler before its thread goes on, in the order of arrival.
//!
//! This source does not learn of births, and of no death but the command's.
//!
//! Not here: the filter, the listener and the start (`roar-launch`).
#![forbid(unsafe_code)]

mod seats;
mod supervise;
mod turns;
mod waking;

pub use supervise::{Options, available, run};
