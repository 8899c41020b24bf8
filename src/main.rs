//! The `roar` command: the only code here that talks to a person.
//!
//! Turns words into calls and results into words. The work is in the crates under `plumbing/` and
//! `porcelain/`; a command's file under `commands/` holds its arguments, its help, and the glue.
//!
//! # Invariants
//!
//! * Data goes to standard output, everything else to standard error (`ui`).
//! * Only `error` knows what to advise, and only it chooses an exit code for an error.
//! * `roar run` passes the command's own exit code on.
#![forbid(unsafe_code)]

mod asked;
mod cli;
mod collector;
mod commands;
mod context;
mod error;
mod examples;
mod json;
mod leftovers;
mod names;
mod nearest;
mod progress;
mod replacing;
mod strays;
mod trees;
mod ui;
mod zone;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main(std::env::args_os())
}
