//! Commands for people.

pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod filter;
pub(crate) mod help;
pub(crate) mod man;
