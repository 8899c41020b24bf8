//! Watches a command by user notification and logs its calls: `notify-watch LOG GRACE_MS COMMAND…`.

use std::process::ExitCode;

#[path = "../tests/common/recorder.rs"]
mod recorder;

fn main() -> ExitCode {
    recorder::main(|command, handler, grace| {
        roar_notify::run(command, handler, roar_notify::Options { grace })
    })
}
