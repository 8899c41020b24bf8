//! Where callers are woken, and how soon the supervisor is: what parallel commands run at depends on it.

use std::time::Duration;

use nix::sched::sched_getcpu;
use nix::time::{ClockId, clock_gettime};
use roar_launch::{Call, Listener, Slices, Sys, Waiting, meaning};

use crate::seats::Seats;
use crate::turns::{Clocks, Turns};

/// What is known of the callers, and what the kernel has been told.
#[derive(Debug)]
pub(crate) struct Waking {
    turns: Turns,
    seats: Seats,
    slices: Slices,
    /// Whether several work at once.
    crowd: bool,
    /// Whether callers are woken beside the supervisor.
    beside: bool,
}

impl Waking {
    /// Begins with one caller, which is woken beside the supervisor.
    pub(crate) fn begin(listener: &Listener) -> Self {
        listener.take_turns(true);
        Self {
            turns: Turns::default(),
            seats: Seats::default(),
            slices: Slices::of_this_thread(),
            crowd: false,
            beside: true,
        }
    }

    /// Takes note that the supervisor is about to wait for a call.
    pub(crate) fn about_to_wait(&mut self) {
        if self.crowd {
            self.seats.waiting_at(sched_getcpu().ok());
        }
    }

    /// Settles where the thread that waits will be woken.
    pub(crate) fn settle(&mut self, listener: &Listener, waiting: &Waiting) {
        let Some(call) = waiting.call else { return };
        let crowd = self.turns.note(call.tid, clocks);
        if crowd != self.crowd {
            self.crowd = crowd;
            self.slices.shorten(crowd);
        }
        let beside = !crowd || self.seats.is_beside(call.tid, sched_getcpu().ok());
        if starts_a_program(&call) {
            self.seats.forget(call.tid);
        }
        if beside != self.beside {
            self.beside = beside;
            listener.take_turns(beside);
        }
    }
}

fn starts_a_program(call: &Call) -> bool {
    let meaning = meaning(call.arch, call.number);
    matches!(meaning, Some(Sys::Execve | Sys::Execveat))
}

/// A clock that cannot be read stands still.
fn clocks() -> Clocks {
    let read = |clock| clock_gettime(clock).map_or(Duration::ZERO, Duration::from);
    Clocks {
        passed: read(ClockId::CLOCK_MONOTONIC),
        worked: read(ClockId::CLOCK_THREAD_CPUTIME_ID),
    }
}
