//! Whether several threads work at once, or one after the other.
//!
//! One caller at a time is best served on the processor that it runs on, always. Several that compute
//! between their calls would be crowded there: then it matters who sits where. But several that do
//! little else than call are served one after the other anyway, and waking another processor for each
//! of their calls costs more than it gains.

use std::time::Duration;

/// How many calls are looked at before a judgement.
const WINDOW: u32 = 128;

/// How many threads are remembered.
const RECENT: usize = 8;

/// What a judgement needs to know of the time: how much has passed since whenever, and for how much of it
/// the supervisor worked.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Clocks {
    pub(crate) passed: Duration,
    pub(crate) worked: Duration,
}

impl Clocks {
    /// Whether the supervisor worked for most of the time since `before`: then callers wait for it, and
    /// have no work of their own.
    fn was_busy_since(self, before: Self) -> bool {
        let passed = self.passed.saturating_sub(before.passed);
        self.worked.saturating_sub(before.worked) * 2 > passed
    }
}

/// Judges by how often a thread calls again after another has called: those that run one after the
/// other, or wait for each other, seldom do.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    recent: [i32; RECENT],
    next: usize,
    last: i32,
    calls: u32,
    returns: u32,
    /// When the window began.
    began: Clocks,
    /// The judgement so far: several work at once.
    crowd: bool,
}

impl Turns {
    /// Takes note of a call of thread `tid`. Returns the judgement so far: whether several work at once.
    /// Asks for the time now and then.
    pub(crate) fn note(&mut self, tid: i32, clocks: impl FnOnce() -> Clocks) -> bool {
        if tid != self.last {
            self.changed_to(tid);
        }
        self.calls += 1;
        if self.calls == WINDOW {
            let now = clocks();
            self.crowd = self.returns > WINDOW / 4 && !now.was_busy_since(self.began);
            (self.calls, self.returns, self.began) = (0, 0, now);
        }
        self.crowd
    }

    fn changed_to(&mut self, tid: i32) {
        self.last = tid;
        if self.recent.contains(&tid) {
            self.returns += 1;
        } else {
            self.recent[self.next] = tid;
            self.next = (self.next + 1) % RECENT;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns all changed judgements of many calls, each of which takes a third of the time.
    fn judgements(tid: impl Fn(i32) -> i32) -> Vec<bool> {
        judgements_at(3, tid)
    }

    /// The same where there is a call every `pause` times as long as one takes.
    fn judgements_at(pause: u32, tid: impl Fn(i32) -> i32) -> Vec<bool> {
        let takes = Duration::from_micros(10);
        let mut turns = Turns::default();
        let mut note = |call: i32| {
            let worked = takes * call.cast_unsigned();
            let passed = worked * pause;
            turns.note(tid(call), || Clocks { passed, worked })
        };
        let mut all: Vec<_> = (0..1000).map(&mut note).collect();
        all.dedup();
        all
    }

    #[test]
    fn one_after_the_other_is_no_crowd() {
        assert_eq!(judgements(|_| 7), [false]);
        assert_eq!(judgements(|call| 1 + call / 4), [false]);
    }

    #[test]
    fn a_maker_between_what_it_makes_is_no_crowd() {
        let maker = |call: i32| if call % 10 == 0 { 1 } else { 2 + call / 10 };
        assert_eq!(judgements(maker), [false]);
    }

    #[test]
    fn several_at_once_are_a_crowd_while_they_last() {
        assert_eq!(judgements(|call| 1 + call % 3), [false, true]);
        let until = |call: i32| if call < 500 { 1 + call % 2 } else { 9 };
        assert_eq!(judgements(until), [false, true, false]);
    }

    #[test]
    fn several_that_only_call_are_no_crowd() {
        assert_eq!(judgements_at(1, |call| 1 + call % 3), [false]);
    }
}
