//! The process that keeps a command going when roar is no more.
//!
//! A filtered process whose listener is gone gets `ENOSYS` for every interesting call. So a tiny
//! process of its own session holds the listener too. It sleeps on a pipe from roar; when that
//! closes without a good-bye it lets every call go on until no filtered process is left.
//!
//! It does a second thing, which a stopped roar cannot do for itself: when the command is continued
//! by somebody who does not know of roar, it continues roar.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::pipe2;

use crate::listener::Listener;
use crate::sysio;

/// Nothing filtered is left: end.
const GOOD_BYE: u8 = b'q';
/// Roar is about to stop: watch the command.
const STOPPING: u8 = b's';
/// Roar goes on: no need to watch.
const GOING_ON: u8 = b'g';

/// How often a stopped command is looked at, in milliseconds.
const LOOK_MS: u16 = 20;

/// Roar's side of the janitor. Dropping it makes the janitor take over.
#[derive(Debug)]
pub struct Janitor {
    pid: i32,
    pipe: OwnedFd,
}

impl Janitor {
    /// Starts the janitor, for `command` and everything that `listener` hears.
    pub fn start(listener: &Listener, command: i32) -> io::Result<Self> {
        let (theirs, ours) = pipe2(nix::fcntl::OFlag::O_CLOEXEC)?;
        let keep = [theirs.as_raw_fd(), listener.as_fd().as_raw_fd()];
        // SAFETY: `work` makes raw system calls on memory that it has already, and nothing else.
        let pid = unsafe {
            sysio::start_helper(c"roar-janitor", keep, || work(&theirs, listener, command))
        }?;
        Ok(Self { pid, pipe: ours })
    }

    /// Returns the process id.
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// Ends the janitor: no filtered process is left.
    pub fn dismiss(self) {
        self.tell(GOOD_BYE);
        sysio::reap(self.pid, 0);
    }

    /// Runs `stop`, which stops this process, with the janitor watching for the command to go on.
    pub fn watch_while(&self, stop: impl FnOnce()) {
        self.tell(STOPPING);
        stop();
        self.tell(GOING_ON);
    }

    fn tell(&self, word: u8) {
        // Only a dead janitor does not listen, and then there is nobody to tell. SIGPIPE is held.
        let _ = nix::unistd::write(&self.pipe, &[word]);
    }
}

/// The janitor's whole life.
fn work(pipe: &OwnedFd, listener: &Listener, command: i32) {
    let roar = sysio::parent();
    let mut watching = false;
    loop {
        let timeout = if watching {
            PollTimeout::from(LOOK_MS)
        } else {
            PollTimeout::NONE
        };
        if !wait_for(pipe.as_fd(), PollFlags::POLLIN, timeout).is_empty() {
            match read_byte(pipe.as_raw_fd()) {
                Some(GOOD_BYE) => return,
                Some(word) => watching = word == STOPPING,
                None => break,
            }
        } else if watching && !is_stopped(command) && sysio::parent() == roar {
            watching = false;
            let _ = sysio::kill(roar, libc::SIGCONT);
        }
    }
    take_over(listener);
}

/// Lets every call go on until nobody is left.
fn take_over(listener: &Listener) {
    listener.clean_up();
    loop {
        let ready = wait_for(listener.as_fd(), PollFlags::POLLIN, PollTimeout::NONE);
        if ready.contains(PollFlags::POLLIN) {
            if let Ok(Some(waiting)) = listener.receive() {
                listener.resume(waiting);
            }
        } else if !ready.is_empty() {
            return;
        }
    }
}

fn wait_for(fd: BorrowedFd<'_>, events: PollFlags, timeout: PollTimeout) -> PollFlags {
    let mut set = [PollFd::new(fd, events)];
    match poll(&mut set, timeout) {
        Ok(_) => set[0].revents().unwrap_or(PollFlags::empty()),
        Err(_) => PollFlags::empty(),
    }
}

fn read_byte(fd: RawFd) -> Option<u8> {
    let mut byte = [0];
    (sysio::read(fd, &mut byte) == 1).then_some(byte[0])
}

/// Whether a process is stopped, by the letter after its name in `/proc/PID/stat`.
///
/// Allocates nothing: it runs in the copy of a process that may have had threads.
fn is_stopped(pid: i32) -> bool {
    let mut path = [0; 32];
    write_stat_path(&mut path, pid);
    let mut stat = [0; 512];
    let length = sysio::read_file(&path, &mut stat);
    let name_end = stat[..length].iter().rposition(|byte| *byte == b')');
    name_end
        .and_then(|at| stat.get(at + 2))
        .is_some_and(|state| matches!(state, b'T' | b't'))
}

fn write_stat_path(path: &mut [u8; 32], pid: i32) {
    use io::Write;
    // The longest number leaves room to spare, and the rest stays zero: a C string.
    let _ = write!(&mut path[..31], "/proc/{pid}/stat");
}
