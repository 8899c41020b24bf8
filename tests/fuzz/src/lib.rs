//! Hostile bytes for every decoder of roar, and what must hold whatever they are.
//!
//! A [`Target`] takes any bytes and panics when a promise is broken. Two drivers feed it: libFuzzer
//! (`./fuzz TARGET`), and plain `cargo test`, which runs the corpus and a fixed number of
//! [`mutate`]d seeds, the same ones every time. See `README.md` for the list of promises.
//!
//! # What is not here
//!
//! Nothing that needs a terminal, a process to watch, or another machine.
#![deny(unsafe_code)]

mod draw;
pub mod meter;
pub mod mutate;
mod scratch;
mod seal;
mod targets;

pub use targets::{TARGETS, Target, find};
