//! Runs a command without watching it and logs how it ended: `unwatched LOG GRACE_MS COMMAND…`.

use std::process::ExitCode;

#[path = "../../notify/tests/common/recorder.rs"]
mod recorder;

fn main() -> ExitCode {
    recorder::main(|command, _, _| roar_launch::run_unwatched(command))
}
