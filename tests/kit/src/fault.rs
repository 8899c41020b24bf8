//! What goes wrong when a crate changes the disk.
//!
//! A crate that has all its changes go through one door asks there, in its own tests, whether what is about
//! to be done may be done ([`met`]); a test says which act of its thread goes wrong, and how ([`watch`]).

use std::cell::Cell;
use std::io;

/// Which of the acts of this thread goes wrong, and how.
#[derive(Clone, Copy, Debug)]
pub struct Fault {
    /// Counts from 0.
    pub at: usize,
    /// Whether all that follow go wrong too, as with a process that was killed, or on a disk that stays
    /// full.
    pub is_final: bool,
    /// Whether half of what was to be written is.
    pub is_torn: bool,
    /// What the caller is told: an `errno`.
    pub errno: i32,
}

const EIO: i32 = 5;
const ENOSPC: i32 = 28;

/// How acts go wrong, in words and from the first act on.
pub const WAYS: [(&str, Fault); 4] = [
    ("killed", way(EIO, true, true)),
    ("full from then on", way(ENOSPC, true, true)),
    ("full once", way(ENOSPC, false, true)),
    ("failed once", way(EIO, false, false)),
];

const fn way(errno: i32, is_final: bool, is_torn: bool) -> Fault {
    Fault {
        at: 0,
        is_final,
        is_torn,
        errno,
    }
}

impl Fault {
    /// Returns what whoever tries such an act is told.
    pub fn error(&self) -> io::Error {
        io::Error::from_raw_os_error(self.errno)
    }
}

thread_local! {
    static FAULT: Cell<Option<Fault>> = const { Cell::new(None) };
    static TRIED: Cell<usize> = const { Cell::new(0) };
}

/// Does something and lets one act of it go wrong; returns what came of it, and how many acts were tried.
pub fn watch<T>(fault: Fault, work: impl FnOnce() -> T) -> (T, usize) {
    FAULT.set(Some(fault));
    TRIED.set(0);
    let outcome = work();
    FAULT.set(None);
    (outcome, tried())
}

/// Returns how many acts this thread has tried since the last [`watch`] began.
pub fn tried() -> usize {
    TRIED.get()
}

/// Counts an act, and returns what goes wrong with it. Only the act at which it happens is torn.
pub fn met() -> Option<Fault> {
    let fault = FAULT.get()?;
    let number = TRIED.get();
    TRIED.set(number + 1);
    let is_torn = fault.is_torn && number == fault.at;
    let is_met = number == fault.at || (fault.is_final && number > fault.at);
    is_met.then_some(Fault { is_torn, ..fault })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn three(fault: Fault) -> [Option<bool>; 3] {
        let (told, tried) = watch(fault, || [(); 3].map(|()| met().map(|met| met.is_torn)));
        assert_eq!(tried, 3);
        told
    }

    #[test]
    fn one_act_goes_wrong_or_all_from_it_on() {
        let [(_, killed), _, (_, full), (_, failed)] = WAYS;
        assert_eq!(
            three(Fault { at: 1, ..killed }),
            [None, Some(true), Some(false)]
        );
        assert_eq!(three(Fault { at: 1, ..full }), [None, Some(true), None]);
        assert_eq!(three(failed), [Some(false), None, None]);
        assert!(met().is_none());
    }
}
