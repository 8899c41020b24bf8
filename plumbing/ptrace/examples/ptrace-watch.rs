//! Watches a command by `ptrace` and logs its calls: `ptrace-watch LOG GRACE_MS COMMAND…`.

use std::process::ExitCode;

#[path = "../../notify/tests/common/recorder.rs"]
mod recorder;

fn main() -> ExitCode {
    recorder::main(|command, handler, grace| {
        roar_ptrace::run(command, handler, roar_ptrace::Options { grace })
    })
}
