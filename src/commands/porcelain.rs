//! Commands for people.

pub(crate) mod build;
pub(crate) mod bundle;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod dag;
pub(crate) mod demo;
pub(crate) mod doctor;
pub(crate) mod filter;
pub(crate) mod gc;
pub(crate) mod help;
pub(crate) mod init;
pub(crate) mod inputs;
pub(crate) mod lineage;
pub(crate) mod log;
pub(crate) mod man;
pub(crate) mod op;
pub(crate) mod redo;
pub(crate) mod rerun;
pub(crate) mod restore;
pub(crate) mod run;
pub(crate) mod show;
pub(crate) mod status;
pub(crate) mod undo;
pub(crate) mod why;

mod running;
