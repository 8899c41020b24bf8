//! The tests of a command's behaviour, without any source.

const WATCHER: &str = "unwatched";

#[path = "../../notify/tests/common/suite.rs"]
mod suite;
