//! Commands for people.

pub(crate) mod build;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod filter;
pub(crate) mod help;
pub(crate) mod init;
pub(crate) mod man;
pub(crate) mod run;
mod running;
