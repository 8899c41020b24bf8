//! A workspace: finding it, its settings, its session, and the names that things go by.
//!
//! # What is not here
//!
//! Nothing runs a command (`roar-record`), nothing decides how things are shown (`roar-view`), and
//! no environment variable is read: the binary hands over what it finds there.
#![forbid(unsafe_code)]

pub mod config;
pub mod filters;
pub mod place;
