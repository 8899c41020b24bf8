//! One file per command: its arguments, its help, and the glue.
//!
//! Porcelain is for people, and its output may improve. Plumbing is for scripts, and its output is
//! a contract, written down in `docs/plumbing.md`.

#![expect(
    clippy::needless_pass_by_value,
    reason = "every command has the same signature, whether it takes its arguments apart or not"
)]

pub(crate) mod plumbing;
pub(crate) mod porcelain;
