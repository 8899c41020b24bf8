//! Whether callers and supervisor had better share one processor.
//!
//! One caller at a time is best served on the processor that it runs on. Several that compute between
//! their calls would be crowded there. But several that do little else than call are served one after
//! the other anyway, and waking another processor for each of their calls costs more than it gains.

use std::time::Duration;

/// How many calls are looked at before a judgement.
const WINDOW: u32 = 128;

/// How many threads are remembered.
const RECENT: usize = 8;

/// Calls that follow each other more closely than this leave no time for work between them: it is
/// about twice what one takes from caller to supervisor and back.
const CLOSE: Duration = Duration::from_micros(50);

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
    began: Duration,
    /// The judgement so far: several work at once.
    crowd: bool,
}

impl Turns {
    /// Takes note of a call of thread `tid` at the time `now`, since whenever. Returns a judgement
    /// when it has changed: whether several work at once.
    pub(crate) fn note(&mut self, tid: i32, now: Duration) -> Option<bool> {
        if tid != self.last {
            self.changed_to(tid);
        }
        self.calls += 1;
        if self.calls < WINDOW {
            return None;
        }
        let close = now.saturating_sub(self.began) < CLOSE * WINDOW;
        let crowd = self.returns > WINDOW / 4 && !close;
        (self.calls, self.returns, self.began) = (0, 0, now);
        let changed = crowd != self.crowd;
        self.crowd = crowd;
        changed.then_some(crowd)
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

    /// Returns all changed judgements of many calls, with work between them.
    fn judgements(tid: impl Fn(i32) -> i32) -> Vec<bool> {
        judgements_at(CLOSE * 3, tid)
    }

    /// The same of calls that follow each other after `pause`.
    fn judgements_at(pause: Duration, tid: impl Fn(i32) -> i32) -> Vec<bool> {
        let mut turns = Turns::default();
        let mut note = |call| turns.note(tid(call), pause * call.cast_unsigned());
        (0..1000).filter_map(&mut note).collect()
    }

    #[test]
    fn one_after_the_other_is_no_crowd() {
        assert!(judgements(|_| 7).is_empty());
        assert!(judgements(|call| 1 + call / 4).is_empty());
    }

    #[test]
    fn a_maker_between_what_it_makes_is_no_crowd() {
        let maker = |call: i32| if call % 10 == 0 { 1 } else { 2 + call / 10 };
        assert!(judgements(maker).is_empty());
    }

    #[test]
    fn several_at_once_are_a_crowd_while_they_last() {
        assert_eq!(judgements(|call| 1 + call % 3), [true]);
        let until = |call: i32| if call < 500 { 1 + call % 2 } else { 9 };
        assert_eq!(judgements(until), [true, false]);
    }

    #[test]
    fn several_that_only_call_are_no_crowd() {
        assert!(judgements_at(CLOSE / 2, |call| 1 + call % 3).is_empty());
    }
}
