//! A new process whose starter is no more.

#![expect(clippy::unwrap_used, reason = "tests may panic")]

use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::Pid;
use roar_launch::{Action, Command, LaunchError, Signals};

/// A starter that is killed takes its listener with it. Whoever kept another would wait for ever for
/// an answer to the first call; without one, that call fails, and the process says so and ends.
#[test]
fn a_process_whose_listener_is_gone_ends() {
    let command = Command {
        program: "/bin/true".into(),
        argv: vec![c"true".to_owned()],
        env: Vec::new(),
        directory: None,
        looks: false,
        gate: None,
    };
    let signals = Signals::hold().unwrap();
    let mut started =
        roar_launch::start(&command, Some(Action::Notify), &signals, |_| Ok(())).unwrap();
    drop(started.take_listener().unwrap());
    let pid = Pid::from_raw(started.pid());
    assert_eq!(waitpid(pid, None).unwrap(), WaitStatus::Exited(pid, 127));
    assert!(matches!(
        started.was_executed(&command),
        Err(LaunchError::Io { .. })
    ));
}
