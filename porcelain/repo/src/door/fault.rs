//! What a test lets happen at the door.

use std::cell::Cell;
use std::fs::File;
use std::io;

/// Which of the acts of this thread goes wrong, and how.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fault {
    /// Counts from 0.
    pub(crate) at: usize,
    /// Whether all that follow go wrong too, as with a process that was killed, or on a disk that stays
    /// full.
    pub(crate) is_final: bool,
    /// Whether half of what was to be written is.
    pub(crate) is_torn: bool,
    /// What the caller is told: an `errno`.
    pub(crate) errno: i32,
}

pub(crate) const EIO: i32 = 5;
pub(crate) const ENOSPC: i32 = 28;

/// How acts go wrong: killed, full from then on, full once, failed once.
pub(crate) const WAYS: [Fault; 4] = [
    way(EIO, true, true),
    way(ENOSPC, true, true),
    way(ENOSPC, false, true),
    way(EIO, false, false),
];

const fn way(errno: i32, is_final: bool, is_torn: bool) -> Fault {
    Fault {
        at: 0,
        is_final,
        is_torn,
        errno,
    }
}

thread_local! {
    static FAULT: Cell<Option<Fault>> = const { Cell::new(None) };
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

/// Does something and lets one act of it go wrong; returns what came of it, and how many acts were tried.
pub(crate) fn watch<T>(fault: Fault, work: impl FnOnce() -> T) -> (T, usize) {
    FAULT.set(Some(fault));
    COUNT.set(0);
    let outcome = work();
    FAULT.set(None);
    (outcome, COUNT.get())
}

/// Sets a stage and does something on it, again and again, each time with one act more before one goes
/// wrong, in every way; `judge` is told which and what came of it. Returns how many were tried.
pub(crate) fn sweep<S, T>(
    set: impl Fn() -> S,
    work: impl Fn(&S) -> T,
    judge: impl Fn(Fault, &S, T),
) -> usize {
    let mut tried = 0;
    for way in WAYS {
        for at in 0.. {
            let (stage, fault) = (set(), Fault { at, ..way });
            let (outcome, acts) = watch(fault, || work(&stage));
            judge(fault, &stage, outcome);
            if acts <= at {
                break;
            }
            tried += 1;
        }
    }
    tried
}

pub(super) fn pass<T>(work: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    match met() {
        Some(fault) => Err(io::Error::from_raw_os_error(fault.errno)),
        None => work(),
    }
}

pub(super) fn pass_bytes<T>(file: &File, work: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    let Some(fault) = met() else {
        return work();
    };
    let before = file.metadata()?.len();
    if fault.is_torn && work().is_ok() {
        let after = file.metadata()?.len();
        file.set_len(before + (after - before) / 2)?;
    }
    Err(io::Error::from_raw_os_error(fault.errno))
}

/// Counts an act, and returns what goes wrong with it. Only the act at which it happens is torn.
fn met() -> Option<Fault> {
    let fault = FAULT.get()?;
    let number = COUNT.get();
    COUNT.set(number + 1);
    let is_torn = fault.is_torn && number == fault.at;
    let is_met = number == fault.at || (fault.is_final && number > fault.at);
    is_met.then_some(Fault { is_torn, ..fault })
}
