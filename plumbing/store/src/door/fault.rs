//! What a test lets happen at the door.

use super::Act;
use super::power::Log;
use roar_testkit::fault::{met, tried};
use std::cell::RefCell;
use std::io;
use std::os::unix::fs::FileExt;

thread_local! {
    /// Where this thread's acts are written down.
    static LOG: RefCell<Option<Log>> = const { RefCell::new(None) };
}

/// Does something and writes down what it does to the disk; `log` knows what is there before.
pub(crate) fn record<T>(log: Log, work: impl FnOnce() -> T) -> (T, Log) {
    LOG.set(Some(log));
    let outcome = work();
    let log = LOG.take().expect("nobody else takes it");
    (outcome, log)
}

/// Returns how many acts of this thread were written down since [`record`] began, or else how many it has
/// tried while it was watched.
pub(crate) fn count() -> usize {
    LOG.with_borrow(|log| log.as_ref().map_or_else(tried, Log::len))
}

pub(super) fn pass<T>(act: Act<'_>, work: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    if let Some(fault) = met() {
        if let (true, Act::Write(file, at, bytes)) = (fault.is_torn, act) {
            // Appending files put it at their end, wherever that is.
            let _ = file.write_all_at(&bytes[..bytes.len() / 2], at);
        }
        return Err(fault.error());
    }
    let done = work();
    LOG.with_borrow_mut(|log| {
        if let (Some(log), Ok(_)) = (log, &done) {
            log.note(&act);
        }
    });
    done
}
