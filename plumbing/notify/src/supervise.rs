//! The loop: wait for a call or a signal, deal with it, wait again.

use std::os::fd::AsFd;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use roar_launch::{
    Action, Command, Course, Finished, Handler, Janitor, LaunchError, Listener, Pause, Started,
    Unavailable, Wait, Waiting,
};

use crate::waking::Waking;

/// How long nothing must have waited before the handler is told so.
const IDLE: Duration = Duration::from_millis(20);

/// What a caller may choose.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How long processes that outlive the command are watched still.
    pub grace: Duration,
}

/// Tells whether this way of watching is to be had here, and if not, why.
pub fn available() -> Result<(), Unavailable> {
    roar_launch::can(Action::Notify)
}

/// Runs `command` to its end and tells `handler` of every interesting call below it.
///
/// Signals of this process are held meanwhile, and the end of any child of this process is taken:
/// a caller has no other children, and no other threads that signals could go to. An error means
/// that the command's program was not executed.
pub fn run(
    command: &Command,
    handler: &mut dyn Handler,
    options: Options,
) -> Result<Finished, LaunchError> {
    let mut course = Course::begin(options.grace)?;
    let mut started =
        roar_launch::start(command, Some(Action::Notify), &course.signals, |_| Ok(()))?;
    let ears = listen(&mut started, &mut course).inspect_err(|_| started.abandon())?;
    course.signals.serve(started.pid());
    handler.born(started.pid(), std::process::id().cast_signed());
    let mut watch = Watch {
        pid: started.pid(),
        ears,
        course,
        dirty: false,
    };
    watch.watch_until_over(handler);
    let outlived = watch.ears.is_some();
    watch.course.finish(outlived, &started, command)
}

/// Takes the listener and starts the janitor. No listener: the process was killed at once.
fn listen(started: &mut Started, course: &mut Course) -> Result<Option<Ears>, LaunchError> {
    let Some(listener) = started.take_listener() else {
        return Ok(None);
    };
    let janitor = Janitor::start(&listener, started.pid());
    let janitor = janitor.map_err(LaunchError::io("start the janitor"))?;
    course.signals.set_janitor(janitor.pid());
    Ok(Some(Ears {
        waking: Waking::begin(&listener),
        listener,
        janitor,
    }))
}

/// Where calls are heard. Dropping it leaves them to the janitor.
struct Ears {
    listener: Listener,
    janitor: Janitor,
    waking: Waking,
}

/// A command that is being watched.
struct Watch {
    pid: i32,
    /// `None` when nobody is left who could call, or calls cannot be heard any more.
    ears: Option<Ears>,
    course: Course,
    /// Whether the handler has been given something since it was last told of idleness.
    dirty: bool,
}

/// What there is to do.
#[derive(Clone, Copy, Default)]
struct Ready {
    call: bool,
    nobody_left: bool,
    signal: bool,
}

impl Watch {
    /// Goes on until the command has ended, and nobody is left or the grace is over.
    fn watch_until_over(&mut self, handler: &mut dyn Handler) {
        while !self.is_over() {
            let ready = self.wait(handler.patience());
            if ready.signal && self.course.take_signals() {
                self.look_after_children(handler);
            }
            if ready.call {
                self.take_call(handler);
            } else if (self.dirty || handler.patience().is_some()) && !ready.signal {
                self.dirty = false;
                handler.idle();
            }
            if ready.nobody_left {
                self.send_janitor_home();
            }
        }
    }

    fn is_over(&self) -> bool {
        self.course
            .time_left()
            .is_some_and(|left| left.is_zero() || self.ears.is_none())
    }

    fn wait(&mut self, patience: Option<Duration>) -> Ready {
        let timeout = self.timeout(patience);
        let signals = PollFd::new(self.course.signals.as_fd(), PollFlags::POLLIN);
        // An interrupted poll leaves the answers empty: nothing is ready.
        let Some(ears) = &mut self.ears else {
            let mut set = [signals];
            let _ = poll(&mut set, timeout);
            return Ready {
                signal: has(&set[0], PollFlags::POLLIN),
                ..Ready::default()
            };
        };
        let mut set = [
            signals,
            PollFd::new(ears.listener.as_fd(), PollFlags::POLLIN),
        ];
        ears.waking.about_to_wait();
        let _ = poll(&mut set, timeout);
        let call = has(&set[1], PollFlags::POLLIN);
        Ready {
            signal: has(&set[0], PollFlags::POLLIN),
            call,
            nobody_left: !call && has(&set[1], PollFlags::POLLHUP | PollFlags::POLLERR),
        }
    }

    /// How long to wait: for idleness to be told, for the end of the grace, or without a limit.
    fn timeout(&self, patience: Option<Duration>) -> PollTimeout {
        let idle = if self.dirty { Some(IDLE) } else { patience };
        let wait = idle.into_iter().chain(self.course.time_left()).min();
        // Up to the next millisecond, lest the last one is spent turning in circles.
        let wait = wait.map(|wait| wait + Duration::from_micros(999));
        wait.map_or(PollTimeout::NONE, |wait| {
            wait.try_into().unwrap_or(PollTimeout::MAX)
        })
    }

    fn take_call(&mut self, handler: &mut dyn Handler) {
        let Some(ears) = &mut self.ears else { return };
        match ears.listener.receive() {
            Ok(Some(waiting)) => {
                self.dirty = true;
                ears.waking.settle(&ears.listener, &waiting);
                deliver(&ears.listener, waiting, handler);
            }
            Ok(None) => {}
            Err(error) => {
                self.course
                    .note_gap(format!("system calls could not be heard any more: {error}"));
                self.ears = None;
            }
        }
    }

    fn look_after_children(&mut self, handler: &mut dyn Handler) {
        while let Some(wait) = self.course.reaper.next() {
            if wait.pid == self.pid && !self.course.has_ended() {
                self.command_changed(wait, handler);
            }
        }
    }

    fn command_changed(&mut self, wait: Wait, handler: &mut dyn Handler) {
        if let Some(signal) = wait.stopped_by() {
            self.stop_too(signal);
        } else if wait.has_ended() {
            self.course.command_ended(wait.status);
            handler.died(wait.pid, wait.status);
        }
    }

    fn stop_too(&mut self, signal: i32) {
        let signals = &mut self.course.signals;
        match &self.ears {
            Some(ears) => ears.janitor.watch_while(|| signals.stop_like(signal)),
            None => signals.stop_like(signal),
        }
    }

    fn send_janitor_home(&mut self) {
        if let Some(ears) = self.ears.take() {
            ears.janitor.dismiss();
        }
    }
}

fn has(fd: &PollFd<'_>, flags: PollFlags) -> bool {
    fd.revents()
        .is_some_and(|revents| revents.intersects(flags))
}

fn deliver(listener: &Listener, waiting: Waiting, handler: &mut dyn Handler) {
    let mut held = Held {
        listener,
        waiting,
        was_there: None,
    };
    if let Some(call) = waiting.call {
        handler.call(&call, &mut held);
    }
}

/// A thread that waits for our answer. Dropping it, by a panic too, lets it go on.
struct Held<'a> {
    listener: &'a Listener,
    waiting: Waiting,
    was_there: Option<bool>,
}

impl Pause for Held<'_> {
    fn resume(&mut self) -> bool {
        *self
            .was_there
            .get_or_insert_with(|| self.listener.resume(self.waiting))
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.resume();
    }
}
