//! The common tests, by user notification.

const WATCHER: &str = "notify-watch";

/// Whether the command goes on by itself when its supervisor is killed.
const SURVIVES: bool = true;

/// What another supervisor inside is told.
const INSIDE: &str = "Unavailable(ListenerExists)";

#[path = "common/seeing.rs"]
mod seeing;
#[path = "common/suite.rs"]
mod suite;

#[test]
fn it_is_to_be_had_here() {
    assert!(roar_notify::available().is_ok());
}
