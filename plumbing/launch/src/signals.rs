//! Signals while a command runs: the command's own, with roar looking on.
//!
//! The rules, which make roar invisible to job control:
//!
//! - What the terminal sends goes to the whole process group, the command included; roar only
//!   survives it.
//! - What somebody sends to roar alone is handed on to the command. A process *of the command* that
//!   signals its whole group (`kill 0`) means itself: that is not handed on, or it would come back.
//! - When the command stops, roar stops in the same manner, so that the shell which waits for roar
//!   sees a stopped job; when roar is continued, so is the command.
//!
//! All signals are blocked while this lasts, and taken one by one. Threads that are started
//! meanwhile inherit that; a thread that already runs with signals unblocked would get them
//! instead, so a caller starts no threads before.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use crate::sysio::{self, SignalSet, Taken};

/// Signals that mean that the command should end.
const ENDING: [i32; 4] = [libc::SIGINT, libc::SIGTERM, libc::SIGHUP, libc::SIGQUIT];

/// What became known by a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// A child changed its state.
    Child,
    /// Somebody wants an end, by this signal.
    Ending(i32),
    /// Something that is dealt with already.
    Other,
}

/// Keeps the signals that mean an end from ending this process, until it is dropped.
///
/// For what must be finished once it has begun. The signals wait meanwhile; a [`Signals`] that is
/// held in between takes them and does as ever. Those that are waiting still when this is dropped
/// are forgotten. Works on this thread and those that it starts: other threads get the signals.
#[derive(Debug)]
#[must_use = "it lasts only until it is dropped"]
pub struct Uninterrupted {
    mask_before: SignalSet,
}

impl Uninterrupted {
    /// Begins.
    pub fn begin() -> Self {
        let mask_before = sysio::blocked();
        sysio::change_mask(libc::SIG_BLOCK, ending());
        Self { mask_before }
    }
}

impl Drop for Uninterrupted {
    fn drop(&mut self) {
        // What was blocked before is not ours to forget.
        let ours = SignalSet::from_bits(ending().bits() & !self.mask_before.bits());
        while sysio::take_signal(ours, Duration::ZERO).is_some() {}
        sysio::change_mask(libc::SIG_SETMASK, self.mask_before);
    }
}

fn ending() -> SignalSet {
    let bits = |bits, signal: &i32| bits | SignalSet::only(*signal).bits();
    SignalSet::from_bits(ENDING.iter().fold(0, bits))
}

/// Holds all signals of this process until it is dropped.
#[derive(Debug)]
pub struct Signals {
    fd: OwnedFd,
    mask_before: SignalSet,
    sigchld_ignored: bool,
    /// Signals that were ignored when this began: the command ignores them too.
    ignored: SignalSet,
    command: Option<i32>,
    janitor: i32,
    interrupted: Option<i32>,
}

impl Signals {
    /// Blocks all signals and begins to take them.
    pub fn hold() -> io::Result<Self> {
        let fd = sysio::signal_fd(SignalSet::ALL)?;
        let mask_before = sysio::blocked();
        sysio::change_mask(libc::SIG_SETMASK, SignalSet::ALL);
        let held = Self {
            fd,
            mask_before,
            sigchld_ignored: sysio::is_ignored(libc::SIGCHLD),
            ignored: ignored_now(),
            command: None,
            janitor: 0,
            interrupted: None,
        };
        // Where the end of children is ignored, they vanish without leaving a status.
        sysio::set_ignored(libc::SIGCHLD, false)?;
        Ok(held)
    }

    /// Begins to hand signals on to process `command`, a child that is not reaped yet.
    pub fn serve(&mut self, command: i32) {
        self.command = Some(command);
    }

    /// Names a helper whose signals are not for the command.
    pub fn set_janitor(&mut self, janitor: i32) {
        self.janitor = janitor;
    }

    /// Stops handing signals on: the command has ended and is reaped.
    pub fn ended(&mut self) {
        self.command = None;
    }

    /// Returns the last signal to end that came while the command ran.
    pub fn interrupted(&self) -> Option<i32> {
        self.interrupted
    }

    pub(crate) fn sigchld_ignored(&self) -> bool {
        self.sigchld_ignored
    }

    /// Takes one signal and does with it what the rules say, waiting for one at most `timeout`.
    pub fn take(&mut self, timeout: Duration) -> Option<News> {
        let taken = sysio::take_signal(SignalSet::ALL, timeout)?;
        if taken.signal == libc::SIGCHLD && !is_sent(taken) {
            return Some(News::Child);
        }
        Some(self.judge(taken))
    }

    fn judge(&mut self, taken: Taken) -> News {
        if self.is_own(taken) || self.ignores(taken.signal) {
            return News::Other;
        }
        if is_sent(taken) {
            self.hand_on(taken);
        }
        if !ENDING.contains(&taken.signal) {
            return News::Other;
        }
        if self.command.is_some() {
            self.interrupted = Some(taken.signal);
        }
        News::Ending(taken.signal)
    }

    /// Whether this process, or its helper, caused the signal.
    fn is_own(&self, taken: Taken) -> bool {
        let own = i32::try_from(std::process::id()).unwrap_or(0);
        is_sent(taken) && (taken.sender == own || (taken.sender == self.janitor && own != 0))
    }

    fn ignores(&self, signal: i32) -> bool {
        self.ignored.bits() & SignalSet::only(signal).bits() != 0
    }

    fn hand_on(&self, taken: Taken) {
        let Some(command) = self.command else { return };
        if !is_below(taken.sender, command) {
            // It may have ended by now, and then nobody needs the signal.
            let _ = sysio::kill(command, taken.signal);
        }
    }

    /// Stops this process as the command was stopped, and lets the command go on afterwards.
    ///
    /// Returns when somebody has continued this process.
    pub fn stop_like(&mut self, signal: i32) {
        let Some(command) = self.command else { return };
        if same_group(command) && signal != libc::SIGSTOP && !sysio::is_ignored(signal) {
            stop_by(signal);
        } else {
            stop_by(libc::SIGSTOP);
        }
        while sysio::take_signal(SignalSet::only(libc::SIGCONT), Duration::ZERO).is_some() {}
        if !sysio::has_news(command) {
            let _ = sysio::kill(command, libc::SIGCONT);
        }
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        // A signal cannot be refused to be ignored, except where `signal` is no signal.
        let _ = sysio::set_ignored(libc::SIGCHLD, self.sigchld_ignored);
        sysio::change_mask(libc::SIG_SETMASK, self.mask_before);
    }
}

/// Whether a process sent the signal, rather than the kernel on behalf of a terminal or a timer.
fn is_sent(taken: Taken) -> bool {
    matches!(taken.code, libc::SI_USER | libc::SI_TKILL | libc::SI_QUEUE)
}

fn ignored_now() -> SignalSet {
    let bits = (1..=64)
        // Rust's runtime ignores it, not whoever started us; and nobody signals it to roar.
        .filter(|signal| *signal != libc::SIGPIPE && *signal != libc::SIGCHLD)
        .filter(|signal| sysio::is_ignored(*signal))
        .fold(0, |bits, signal| bits | SignalSet::only(signal).bits());
    SignalSet::from_bits(bits)
}

/// Whether process `pid` is `top` or descends from it.
fn is_below(mut pid: i32, top: i32) -> bool {
    let own = i32::try_from(std::process::id()).unwrap_or(0);
    while pid > 1 && pid != own {
        if pid == top {
            return true;
        }
        pid = parent_of(pid).unwrap_or(0);
    }
    false
}

/// Reads the parent of a process; `None` when the process is gone.
///
/// It is the second field after the name, which is in parentheses and may hold anything
/// (`proc_pid_stat(5)`).
pub fn parent_of(pid: i32) -> Option<i32> {
    let stat = sysio::read_proc(&format!("/proc/{pid}/stat")).ok()?;
    let after_name = stat.iter().rposition(|byte| *byte == b')')?;
    let rest = std::str::from_utf8(&stat[after_name + 1..]).ok()?;
    rest.split_ascii_whitespace().nth(1)?.parse().ok()
}

fn same_group(pid: i32) -> bool {
    let group = nix::unistd::getpgid(Some(nix::unistd::Pid::from_raw(pid)));
    group.is_ok_and(|group| group == nix::unistd::getpgrp())
}

/// Stops this process by `signal`, whose action is the default one. Returns once it is continued.
fn stop_by(signal: i32) {
    let set = SignalSet::only(signal);
    // The terminal may have sent it to us too: one is enough.
    while sysio::take_signal(set, Duration::ZERO).is_some() {}
    sysio::raise(signal);
    sysio::change_mask(libc::SIG_UNBLOCK, set);
    sysio::change_mask(libc::SIG_BLOCK, set);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_interrupted_forgets_who_tried() {
        let before = sysio::blocked();
        let uninterrupted = Uninterrupted::begin();
        ENDING.into_iter().for_each(sysio::raise);
        drop(uninterrupted);
        assert_eq!(sysio::blocked(), before);
    }

    #[test]
    fn a_process_is_below_itself_and_its_parent() {
        let own = i32::try_from(std::process::id()).unwrap_or(0);
        assert_eq!(parent_of(own), Some(nix::unistd::getppid().as_raw()));
        assert!(!is_below(own, 1), "the search ends at this process");
        assert!(!is_below(0, own));
    }
}
