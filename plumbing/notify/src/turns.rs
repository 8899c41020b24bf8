//! Whether one thread at a time makes calls, or several do at once.
//!
//! One at a time is best served on the processor that it runs on; several would be crowded there.

/// How many calls are looked at before a judgement.
const WINDOW: u32 = 128;

/// How many threads are remembered.
const RECENT: usize = 8;

/// Judges by how often a thread calls again after another has called: those that run one after the
/// other, or wait for each other, seldom do.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    recent: [i32; RECENT],
    next: usize,
    last: i32,
    calls: u32,
    returns: u32,
    /// The judgement so far: several at once.
    crowd: bool,
}

impl Turns {
    /// Takes note of a call of thread `tid`. Returns a judgement when it has changed: whether
    /// several call at once.
    pub(crate) fn note(&mut self, tid: i32) -> Option<bool> {
        if tid != self.last {
            self.changed_to(tid);
        }
        self.calls += 1;
        if self.calls < WINDOW {
            return None;
        }
        let crowd = self.returns > WINDOW / 4;
        (self.calls, self.returns) = (0, 0);
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

    /// Returns all changed judgements of many calls.
    fn judgements(tid: impl Fn(i32) -> i32) -> Vec<bool> {
        let mut turns = Turns::default();
        (0..1000).filter_map(|call| turns.note(tid(call))).collect()
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
}
