//! The loop: wait for a signal, see what has changed, deal with it, wait again.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use roar_launch::{
    Action, Call, Command, Course, Finished, Handler, LaunchError, Pause, Started, Sys, meaning,
};

use crate::keeper;
use crate::request;
use crate::stop::{Change, Reason, Stopped};
use crate::tree::Tree;

/// How long nothing must have happened before the handler is told so.
const IDLE: Duration = Duration::from_millis(20);

/// How long to wait when there is nothing to wait for in particular.
const LONG: Duration = Duration::from_secs(3600);

/// How long all that outlives the command may take to stop for the keeper.
const FREEZE: Duration = Duration::from_secs(1);

/// What a caller may choose.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How long processes that outlive the command are watched still.
    pub grace: Duration,
}

/// Runs `command` to its end and tells `handler` of every interesting call below it, and of every
/// process that begins or ends.
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
    let started = roar_launch::start(
        command,
        Some(Action::Trace),
        &course.signals,
        request::seize,
    )?;
    course.signals.serve(started.pid());
    handler.born(started.pid(), std::process::id().cast_signed());
    let mut watch = Watch::new(&started, course);
    watch.go_on_until(handler, Watch::is_over);
    let outlived = !watch.tree.is_empty() && watch.leave_to_keeper(handler);
    watch.note_blindness();
    watch.course.finish(outlived, &started, command)
}

/// A command that is being watched.
struct Watch {
    pid: i32,
    tree: Tree,
    course: Course,
    /// Whether the handler has been given something since it was last told of idleness.
    dirty: bool,
    /// Whether any call was ever seen.
    seen: bool,
    /// The signal by which the command has stopped, until this process has stopped too.
    stop_wish: Option<i32>,
    /// Stopped threads that are kept so, for the keeper; `None` while all may run.
    frozen: Option<Vec<Stopped>>,
}

impl Watch {
    fn new(started: &Started, course: Course) -> Self {
        let mut tree = Tree::default();
        tree.add(started.pid(), started.pid());
        let pid = started.pid();
        Self {
            pid,
            tree,
            course,
            dirty: false,
            seen: false,
            stop_wish: None,
            frozen: None,
        }
    }

    fn go_on_until(&mut self, handler: &mut dyn Handler, over: fn(&Self) -> bool) {
        while !over(self) {
            self.turn(handler);
        }
    }

    /// Waits for one signal (every change sends one) and deals with all that has changed.
    fn turn(&mut self, handler: &mut dyn Handler) {
        match self.course.signals.take(self.timeout(handler.patience())) {
            Some(news) => drop(self.course.heed(news)),
            None => self.be_quiet(handler),
        }
        while let Some(change) = Change::next() {
            self.take_change(change, handler);
        }
    }

    fn is_over(&self) -> bool {
        self.course
            .time_left()
            .is_some_and(|left| left.is_zero() || self.tree.is_empty())
    }

    fn is_empty(&self) -> bool {
        self.tree.is_empty()
    }

    fn timeout(&self, patience: Option<Duration>) -> Duration {
        let soon = self.dirty || self.stop_wish.is_some() || self.course.has_ended();
        let idle = if soon { IDLE } else { patience.unwrap_or(LONG) };
        self.course
            .time_left()
            .filter(|left| !left.is_zero())
            .map_or(idle, |left| left.min(idle))
    }

    /// Nothing has happened for a moment.
    fn be_quiet(&mut self, handler: &mut dyn Handler) {
        // Stopping waits for this moment, so that all who stop with the command have done so.
        if let Some(signal) = self.stop_wish.take() {
            self.course.signals.stop_like(signal);
        } else if self.dirty || handler.patience().is_some() {
            self.dirty = false;
            handler.idle();
        }
        // Whatever was missed on the way: where there is no tracee, there is none to wait for.
        if self.course.has_ended() && !request::any_left() {
            self.tree.clear();
        }
    }

    fn take_change(&mut self, change: Change, handler: &mut dyn Handler) {
        match change {
            Change::Stopped(stopped, reason) => {
                self.get_to_know(stopped.tid(), handler);
                self.take_stop(stopped, reason, handler);
            }
            Change::Ended(tid, status) if self.tree.knows(tid) => {
                self.take_end(tid, status, handler);
            }
            Change::Ended(tid, _) => self.tree.ended_early(tid),
        }
    }

    /// Adds a thread that was not known: one whose first stop comes before its maker's.
    fn get_to_know(&mut self, tid: i32, handler: &mut dyn Handler) {
        if let Some(process) = self.tree.add_early(tid) {
            handler.born(process, roar_launch::parent_of(process).unwrap_or(0));
        }
    }

    fn take_stop(&mut self, stopped: Stopped, reason: Reason, handler: &mut dyn Handler) {
        match reason {
            Reason::Call => self.take_call(stopped, handler),
            Reason::Birth => self.take_birth(stopped, handler),
            Reason::Exec => self.take_exec(stopped),
            Reason::GroupStop(signal) => self.take_group_stop(stopped, signal),
            Reason::Signal(signal) => stopped.deliver(signal),
            Reason::Passing => self.take_passing(stopped),
        }
    }

    fn take_call(&mut self, stopped: Stopped, handler: &mut dyn Handler) {
        (self.dirty, self.seen) = (true, true);
        let call = stopped.call();
        if call.is_some_and(|call| self.changes_ids(&call)) {
            stopped.report_exec(true);
        }
        let mut held = Held {
            stopped: Some(stopped),
            was_there: true,
        };
        if let Some(call) = call {
            handler.call(&call, &mut held);
        }
    }

    /// Whether the thread, if its call succeeds, goes on under another id.
    ///
    /// Most programs are executed by the first thread of a process, which keeps its id: to be told
    /// that it is done would be one more stop for nothing.
    fn changes_ids(&self, call: &Call) -> bool {
        let meaning = meaning(call.arch, call.number);
        let executes = matches!(meaning, Some(Sys::Execve | Sys::Execveat));
        executes && self.tree.process_of(call.tid) != call.tid
    }

    fn take_birth(&mut self, stopped: Stopped, handler: &mut dyn Handler) {
        let parent = self.tree.process_of(stopped.tid());
        // Without an answer the maker was killed; the child will tell of itself.
        if let Some(process) = stopped
            .event_message()
            .ok()
            .and_then(|tid| self.tree.add_made(tid))
        {
            handler.born(process, parent);
        }
        stopped.go_on();
    }

    fn take_exec(&mut self, stopped: Stopped) {
        if let Ok(former) = stopped.event_message() {
            self.tree.executed(former, stopped.tid());
        }
        stopped.report_exec(false);
        stopped.go_on();
    }

    fn take_group_stop(&mut self, stopped: Stopped, signal: i32) {
        let tid = stopped.tid();
        if let Some(frozen) = &mut self.frozen {
            frozen.push(stopped);
            return;
        }
        // A bare SIGSTOP comes from somebody who minds the command alone and will continue it
        // alone; this process could not serve it then, had it stopped too.
        if tid == self.pid && signal != libc::SIGSTOP {
            self.stop_wish = Some(signal);
        }
        self.tree.set_listening(tid, true);
        stopped.listen();
    }

    fn take_passing(&mut self, stopped: Stopped) {
        if stopped.tid() == self.pid {
            self.stop_wish = None;
        }
        self.tree.set_listening(stopped.tid(), false);
        stopped.go_on();
    }

    fn take_end(&mut self, tid: i32, status: i32, handler: &mut dyn Handler) {
        let process = self.tree.process_of(tid);
        self.tree.remove(tid);
        if tid == self.pid {
            self.course.command_ended(status);
        }
        if tid == process {
            handler.died(tid, status);
        }
    }

    /// Leaves what outlives the command to a keeper. Returns whether that was done; where it is
    /// refused, the rest is watched to its end.
    fn leave_to_keeper(&mut self, handler: &mut dyn Handler) -> bool {
        let stopped_before = self.tree.stopped_processes();
        let stopped_by_us = self.freeze(&stopped_before, handler);
        let all = self.count_frozen() == self.tree.threads().count();
        let frozen = self.frozen.take().unwrap_or_default();
        if !all {
            self.thaw(frozen, &stopped_by_us);
        } else if !self.tree.is_empty() && keeper::hand_over(frozen, &stopped_by_us).is_ok() {
            return true;
        }
        self.go_on_until(handler, Self::is_empty);
        false
    }

    /// Stops every thread for the keeper. Returns the processes that this has stopped.
    fn freeze(&mut self, stopped_before: &BTreeSet<i32>, handler: &mut dyn Handler) -> Vec<i32> {
        self.frozen = Some(Vec::new());
        self.tree.listening().for_each(request::interrupt);
        let deadline = Instant::now() + FREEZE;
        let mut asked = BTreeSet::new();
        while self.count_frozen() < self.tree.threads().count() && Instant::now() < deadline {
            for process in self.tree.processes().difference(stopped_before) {
                if asked.insert(*process) {
                    request::kill(*process, libc::SIGSTOP);
                }
            }
            self.turn(handler);
        }
        asked.into_iter().collect()
    }

    /// How many of the living threads are frozen.
    fn count_frozen(&self) -> usize {
        let frozen = self.frozen.iter().flatten();
        frozen
            .filter(|stopped| self.tree.knows(stopped.tid()))
            .count()
    }

    /// Undoes [`freeze`](Self::freeze).
    fn thaw(&mut self, frozen: Vec<Stopped>, stopped_by_us: &[i32]) {
        for stopped in frozen {
            self.tree.set_listening(stopped.tid(), true);
            stopped.listen();
        }
        for process in stopped_by_us {
            request::kill(*process, libc::SIGCONT);
        }
    }

    /// The command itself executes a program: that was a call. If none came, nothing was seen.
    fn note_blindness(&mut self) {
        if !self.seen {
            self.course
                .note_gap("no system call was seen: another listener takes them".to_owned());
        }
    }
}

/// A thread that waits for us. Dropping it, by a panic too, lets it go on.
struct Held {
    stopped: Option<Stopped>,
    was_there: bool,
}

impl Pause for Held {
    fn resume(&mut self) -> bool {
        if let Some(stopped) = self.stopped.take() {
            self.was_there = stopped.go_on();
        }
        self.was_there
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.resume();
    }
}
