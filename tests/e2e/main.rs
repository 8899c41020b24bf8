//! What a person sees, end to end: one module per command, each in a sandbox.
#![expect(clippy::unwrap_used, reason = "tests may panic")]

mod architecture;
mod ask;
mod bundle;
mod cached;
mod code_state;
mod command_reference;
mod completions;
mod config;
mod crash;
mod damage;
mod datasets;
mod demo;
mod doctor;
mod filter;
mod gc;
mod hash;
mod help;
mod hostile;
mod init;
mod keep;
mod links;
mod man;
mod objects;
mod output;
mod packs;
mod record_job;
mod refs;
mod rerun;
mod run;
mod secrets;
mod trace;
mod trees;
mod undo;
mod verify_member;

use roar_testkit::Sandbox;

/// Makes a sandbox for the program that was just built.
fn sandbox() -> Sandbox {
    Sandbox::new(env!("CARGO_BIN_EXE_roar"))
}
