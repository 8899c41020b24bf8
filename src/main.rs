//! The `roar` command.
fn main() {}
