//! Starts a command under observation, and speaks of its system calls.
//!
//! (opened next)
mod call;
mod sys;

pub use call::{Arch, Call, Command, Exit, Finished, Handler, Pause};
pub use sys::{Sys, meaning};
