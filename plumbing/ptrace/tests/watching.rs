//! The common tests, by `ptrace`.

const WATCHER: &str = "ptrace-watch";

/// Whether the command goes on by itself when its supervisor is killed.
const SURVIVES: bool = false;

/// What another supervisor inside is told.
const INSIDE: &str = "Unavailable(Refused";

#[path = "../../notify/tests/common/seeing.rs"]
mod seeing;
#[path = "../../notify/tests/common/suite.rs"]
mod suite;

#[test]
fn it_is_to_be_had_here() {
    assert!(roar_ptrace::available().is_ok());
}
