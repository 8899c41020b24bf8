//! What a test lets happen at the door.

use super::Act;
use super::power::Log;
use std::cell::RefCell;
use std::io;
use std::os::unix::fs::FileExt;

/// Which of the acts of this thread goes wrong, and how.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fault {
    /// Counts from 0.
    pub(crate) at: usize,
    /// Whether all that follow go wrong too. A process that was killed is one for which nothing works
    /// any more.
    pub(crate) is_final: bool,
    /// Whether half of what was to be written is.
    pub(crate) is_torn: bool,
    /// What the caller is told: an `errno`.
    pub(crate) errno: i32,
}

/// What this thread's acts meet.
#[derive(Debug, Default)]
struct Guard {
    count: usize,
    fault: Option<Fault>,
    log: Option<Log>,
}

thread_local! {
    static GUARD: RefCell<Option<Guard>> = const { RefCell::new(None) };
}

/// Does something and lets one act of it go wrong; returns how many acts were tried.
pub(crate) fn watch(fault: Fault, work: impl FnOnce()) -> usize {
    let guard = Guard {
        fault: Some(fault),
        ..Guard::default()
    };
    let ((), guard) = guarded(guard, work);
    guard.count
}

/// Does something and writes down what it does to the disk; `log` knows what is there before.
pub(crate) fn record<T>(log: Log, work: impl FnOnce() -> T) -> (T, Log) {
    let guard = Guard {
        log: Some(log),
        ..Guard::default()
    };
    let (outcome, guard) = guarded(guard, work);
    (outcome, guard.log.expect("it was put there"))
}

/// Returns how many acts this thread has tried since [`watch`] began, or how many [`record`] wrote down.
pub(crate) fn count() -> usize {
    GUARD.with_borrow(|guard| {
        let logged = guard.as_ref().and_then(|guard| guard.log.as_ref());
        let tried = guard.as_ref().map_or(0, |guard| guard.count);
        logged.map_or(tried, Log::len)
    })
}

fn guarded<T>(guard: Guard, work: impl FnOnce() -> T) -> (T, Guard) {
    GUARD.set(Some(guard));
    let outcome = work();
    let guard = GUARD.take().expect("nobody else takes it");
    (outcome, guard)
}

pub(super) fn pass<T>(act: Act<'_>, work: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    if let Some(fault) = met() {
        if let (true, Act::Write(file, at, bytes)) = (fault.is_torn, act) {
            // Appending files put it at their end, wherever that is.
            let _ = file.write_all_at(&bytes[..bytes.len() / 2], at);
        }
        return Err(io::Error::from_raw_os_error(fault.errno));
    }
    let done = work();
    GUARD.with_borrow_mut(|guard| {
        let log = guard.as_mut().and_then(|guard| guard.log.as_mut());
        if let (Some(log), Ok(_)) = (log, &done) {
            log.note(&act);
        }
    });
    done
}

/// Counts an act, and returns what goes wrong with it. Only the act at which it happens is torn.
fn met() -> Option<Fault> {
    GUARD.with_borrow_mut(|guard| {
        let guard = guard.as_mut()?;
        let number = guard.count;
        guard.count += 1;
        let fault = guard.fault?;
        let is_torn = fault.is_torn && number == fault.at;
        let is_met = number == fault.at || (fault.is_final && number > fault.at);
        is_met.then_some(Fault { is_torn, ..fault })
    })
}
