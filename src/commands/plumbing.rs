//! Commands for scripts.

pub(crate) mod command_reference;
