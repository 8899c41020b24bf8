//! Progress, for those who wait: on a terminal only, and only for what takes more than a second.

use crate::ui::{Ui, Verbosity};
use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressStyle};
use roar_tree::Progress;
use std::io::{self, IsTerminal as _};
use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

/// How long nothing is shown.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often what is shown changes.
const TICK: Duration = Duration::from_millis(100);

/// Shows how far a scan is.
pub(crate) struct Watch;

impl Watch {
    /// Does `work`, and shows meanwhile what `progress` says of it.
    pub(crate) fn over<T>(ui: &Ui, progress: &Progress, work: impl FnOnce() -> T) -> T {
        if !io::stderr().is_terminal() || ui.verbosity() == Verbosity::Quiet {
            return work();
        }
        thread::scope(|scope| {
            let (done, told) = mpsc::channel();
            scope.spawn(move || show(progress, &told));
            let result = work();
            // The other side may be gone already; then it shows nothing.
            let _ = done.send(());
            result
        })
    }
}

/// Shows a line until told that the work is done.
fn show(progress: &Progress, done: &mpsc::Receiver<()>) {
    if done.recv_timeout(PATIENCE) != Err(RecvTimeoutError::Timeout) {
        return;
    }
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed}") {
        bar.set_style(style);
    }
    loop {
        let files = HumanCount(progress.files.load(Ordering::Relaxed));
        let bytes = HumanBytes(progress.bytes.load(Ordering::Relaxed));
        bar.set_message(format!("named {files} files, {bytes}"));
        bar.tick();
        if done.recv_timeout(TICK) != Err(RecvTimeoutError::Timeout) {
            bar.finish_and_clear();
            return;
        }
    }
}
