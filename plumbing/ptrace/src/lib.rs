//! Watches a command by `ptrace`, stopping only where the seccomp filter says so: the way for where
//! user notification is refused.
//!
//! # The one rule
//!
//! Most of `ptrace(2)` is only defined for a thread that is *stopped* and that *we* trace. Here that
//! rule is a type. A [`Stopped`](stop::Stopped) comes only out of a wait; it is neither `Clone` nor
//! `Copy`; and going on consumes it.
//!
//! Invariants:
//! - One stop per interesting call, before it; none for the others.
//! - Signals are delivered as they came, and a stopped process stays stopped (`PTRACE_LISTEN`).
//! - A thread never runs filtered and untraced, where its calls would fail: what outlives the
//!   watching is handed to a [keeper](keeper), and if this process is killed, the command is too.
//!
//! What a command can notice: it cannot be debugged, and programs that refuse to be traced refuse.
//!
//! Not here: the filter and the start (`roar-launch`).
#![expect(unsafe_code, reason = "the fence: ptrace has no safe interface")]

mod keeper;
mod preflight;
mod request;
mod stop;
mod supervise;
mod tree;

pub use preflight::available;
pub use supervise::{Options, run};
