//! Which programs the library is worth what it costs: those that open files to read.
//!
//! To load the library costs a program about as much as a few calls that are held. Many programs
//! of a build or a script open fewer files than that; so what a program did the first times
//! decides how it is started from then on. Now and then it is tried again: who does something else
//! today may have been given other work.

use std::collections::HashMap;

use roar_events::Version;

/// How often a program has the library before it is judged.
const TRIALS: u32 = 4;

/// How many files it must have opened to read, at the mean.
const WORTH: u32 = 4;

/// Every how many times one that is not worth it is tried again.
const AGAIN: u32 = 32;

/// After how many times with the library what lies long ago counts half.
const MEMORY: u32 = 64;

/// How many programs and processes are remembered before all are forgotten.
const REMEMBERED: usize = 1 << 12;

/// What distinguishes a program's file from others, and from itself when it is changed.
type Key = (u64, u64, i64, i64);

/// What programs did.
#[derive(Debug, Default)]
pub(super) struct Habits {
    of: HashMap<Key, Habit>,
    running: HashMap<u32, Key>,
}

/// What one program did.
#[derive(Clone, Copy, Debug, Default)]
struct Habit {
    /// How often it was started with the library, and how many files it noted.
    with: u32,
    noted: u32,
    /// How often it was started without.
    without: u32,
}

impl Habits {
    /// A process is about to execute a program; tells whether it is worth the library.
    pub(super) fn begin(&mut self, pid: u32, program: Version) -> bool {
        if self.of.len().max(self.running.len()) >= REMEMBERED {
            self.of.clear();
            self.running.clear();
        }
        let key = (program.dev, program.ino, program.mtime_ns, program.ctime_ns);
        self.running.insert(pid, key);
        self.of.entry(key).or_default().decide()
    }

    /// A process noted a file.
    pub(super) fn noted(&mut self, pid: u32) {
        let key = self.running.get(&pid);
        if let Some(habit) = key.and_then(|key| self.of.get_mut(key)) {
            habit.noted = habit.noted.saturating_add(1);
        }
    }
}

impl Habit {
    fn decide(&mut self) -> bool {
        let worth = self.with < TRIALS || self.noted >= WORTH.saturating_mul(self.with);
        if !worth {
            self.without += 1;
        }
        let with = worth || self.without.is_multiple_of(AGAIN);
        if with {
            self.count();
        }
        with
    }

    fn count(&mut self) {
        if self.with >= MEMORY {
            self.with /= 2;
            self.noted /= 2;
        }
        self.with += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(ino: u64) -> Version {
        Version {
            dev: 1,
            ino,
            size: 2,
            mtime_ns: 3,
            ctime_ns: 4,
            mode: 0o755,
        }
    }

    /// Starts a program `times` times, each noting as many files as `noted` says; returns how often
    /// it was given the library.
    fn start(habits: &mut Habits, ino: u64, times: u32, noted: u32) -> usize {
        let starts = (0..times).filter(|pid| {
            let with = habits.begin(*pid, program(ino));
            for _ in 0..if with { noted } else { 0 } {
                habits.noted(*pid);
            }
            with
        });
        starts.count()
    }

    #[test]
    fn who_opens_little_is_soon_without_the_library_but_for_a_trial() {
        let mut habits = Habits::default();
        assert_eq!(start(&mut habits, 7, TRIALS, 0), TRIALS as usize);
        assert_eq!(start(&mut habits, 7, AGAIN - 1, 0), 0);
        assert_eq!(start(&mut habits, 7, 1, 0), 1);
        assert_eq!(start(&mut habits, 7, 10 * AGAIN, 1), 10);
    }

    #[test]
    fn who_opens_much_has_it_always() {
        let mut habits = Habits::default();
        assert_eq!(start(&mut habits, 7, 1000, WORTH), 1000);
        assert_eq!(
            start(&mut habits, 8, 1, 0),
            1,
            "each program has its own habit"
        );
    }

    #[test]
    fn who_opens_more_than_before_has_it_again() {
        let mut habits = Habits::default();
        start(&mut habits, 7, 10, 0);
        start(&mut habits, 7, 2 * AGAIN, 1000);
        assert_eq!(start(&mut habits, 7, 100, 1000), 100);
    }

    #[test]
    fn who_opens_less_than_before_loses_it() {
        let mut habits = Habits::default();
        start(&mut habits, 7, 10 * MEMORY, 1000);
        start(&mut habits, 7, 20 * MEMORY, 0);
        assert!(start(&mut habits, 7, 100, 0) < 10);
    }

    #[test]
    fn notes_of_strangers_are_nobodys() {
        let mut habits = Habits::default();
        habits.noted(1);
        assert!(habits.begin(1, program(7)));
    }
}
