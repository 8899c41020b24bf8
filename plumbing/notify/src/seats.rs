//! On which processor each caller runs, as far as that can be known for nothing.
//!
//! The kernel wakes a supervisor on the processor of its caller, if it can, and then a caller is best
//! woken there again. But a supervisor that the scheduler has not let go of yet is woken where it was
//! last, and a call may have come while it was busy with another. Who woke such a caller beside itself
//! would draw it over: soon all would sit on one processor, and the others would idle. So a caller's
//! seat counts as known only after a wake-up that moved the supervisor to it.

/// How many callers are remembered; one that is forgotten is found again.
const SEATS: usize = 256;

/// What is known of where callers run.
#[derive(Debug)]
pub(crate) struct Seats {
    seats: [Seat; SEATS],
    /// Where the supervisor was when it last began to wait.
    waited_at: Option<usize>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Seat {
    tid: i32,
    /// `None`: not known.
    processor: Option<usize>,
}

impl Default for Seats {
    fn default() -> Self {
        Self {
            seats: [Seat::default(); SEATS],
            waited_at: None,
        }
    }
}

impl Seats {
    /// Takes note that the supervisor is about to wait, on this processor.
    pub(crate) fn waiting_at(&mut self, processor: Option<usize>) {
        self.waited_at = processor;
    }

    /// Takes note that thread `tid` called, and the supervisor is on `processor` now. Returns whether
    /// the caller is known to sit there as well.
    pub(crate) fn is_beside(&mut self, tid: i32, processor: Option<usize>) -> bool {
        let moved = self
            .waited_at
            .is_some_and(|before| Some(before) != processor);
        let seat = self.seat(tid);
        if moved {
            seat.processor = processor;
        }
        processor.is_some() && seat.processor == processor
    }

    /// Forgets where a thread sits: a program that starts is given the idlest processor.
    pub(crate) fn forget(&mut self, tid: i32) {
        self.seat(tid).processor = None;
    }

    fn seat(&mut self, tid: i32) -> &mut Seat {
        let place = tid.cast_unsigned() as usize % SEATS;
        let seat = &mut self.seats[place];
        if seat.tid != tid {
            *seat = Seat {
                tid,
                processor: None,
            };
        }
        seat
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Waits on one processor and hears of a call on another.
    fn call(seats: &mut Seats, tid: i32, waited: usize, woken: usize) -> bool {
        seats.waiting_at(Some(waited));
        seats.is_beside(tid, Some(woken))
    }

    #[test]
    fn who_moves_the_supervisor_sits_beside_it() {
        let mut seats = Seats::default();
        assert!(call(&mut seats, 7, 0, 1));
        assert!(call(&mut seats, 7, 1, 1));
    }

    #[test]
    fn who_finds_the_supervisor_in_place_may_be_anywhere() {
        let mut seats = Seats::default();
        assert!(!call(&mut seats, 7, 0, 0));
        assert!(call(&mut seats, 8, 0, 1));
        assert!(!call(&mut seats, 8, 0, 0), "8 sits at 1");
    }

    #[test]
    fn a_new_program_and_a_new_thread_may_be_anywhere() {
        let mut seats = Seats::default();
        assert!(call(&mut seats, 7, 0, 1));
        seats.forget(7);
        assert!(!call(&mut seats, 7, 1, 1));
        assert!(call(&mut seats, 7, 0, 1));
        let same_place = 7 + i32::try_from(SEATS).unwrap_or(0);
        assert!(!call(&mut seats, same_place, 1, 1));
        assert!(!call(&mut seats, 7, 1, 1));
    }

    #[test]
    fn an_unknown_processor_is_beside_nobody() {
        let mut seats = Seats::default();
        seats.waiting_at(None);
        assert!(!seats.is_beside(7, None));
    }
}
