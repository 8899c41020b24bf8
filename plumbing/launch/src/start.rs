//! From a [`Command`] to a process that is about to execute it, under the filter if there is to be
//! one.
//!
//! Between `fork` and `exec` the new process may not allocate or take a lock. So all that it needs
//! is made before ([`Prepared`]), and what it does ([`become_command`]) is raw system calls only.

use std::ffi::{CStr, CString, OsStr};
use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::ptr;

use crate::call::Command;
use crate::channel::{self, Message, Stage};
use crate::error::{LaunchError, Unavailable};
use crate::filter::{Action, Instruction, program};
use crate::listener::Listener;
use crate::origin;
use crate::signals::Signals;
use crate::sysio::{self, check};

const SHELL: &CStr = c"/bin/sh";

/// A list of C strings as `execve` takes it: pointers that end with a null.
struct Pointers(Vec<*const libc::c_char>);

impl Pointers {
    /// The strings must outlive the pointers.
    fn to(strings: &[CString]) -> Self {
        let pointers = strings.iter().map(|string| string.as_ptr());
        Self(pointers.chain([ptr::null()]).collect())
    }
}

/// All that the new process needs, as the kernel takes it.
struct Prepared<'a> {
    program: CString,
    directory: Option<CString>,
    argv: Pointers,
    /// How a shell would be called on the program, should it be a script without a `#!` line.
    shell_argv: Pointers,
    env: Pointers,
    filter: Option<(Vec<Instruction>, Action)>,
    signals: &'a Signals,
}

/// A process that executes the command, or has tried to.
#[derive(Debug)]
pub struct Started {
    pid: i32,
    socket: OwnedFd,
    listener: Option<Listener>,
}

impl Started {
    /// Returns the process id.
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// Takes the listener, which is there under [`Action::Notify`], once.
    pub fn take_listener(&mut self) -> Option<Listener> {
        self.listener.take()
    }

    /// Ends a process that has not executed the command yet.
    pub fn abandon(&self) {
        let _ = sysio::kill(self.pid, libc::SIGKILL);
        sysio::reap(self.pid, libc::__WALL);
    }

    /// Tells, once the process has ended, whether the command's program was ever executed.
    pub fn was_executed(&self, command: &Command) -> Result<(), LaunchError> {
        match channel::receive(&self.socket, libc::MSG_DONTWAIT) {
            Ok(Some(message)) => Err(failure(&message, command)),
            // Closed by executing; or left to be read by nobody.
            Ok(None) | Err(_) => Ok(()),
        }
    }
}

/// Starts a process that installs the filter, if there is an action for it, and executes the command.
///
/// `attach` is called with its id before the filter is there; the process waits for it to return.
pub fn start(
    command: &Command,
    action: Option<Action>,
    signals: &Signals,
    attach: impl FnOnce(i32) -> io::Result<()>,
) -> Result<Started, LaunchError> {
    let shell_args = shell_args(command)?;
    let prepared = prepare(command, &shell_args, action, signals)?;
    let (ours, theirs) = channel::pair().map_err(LaunchError::io("make a pair of sockets"))?;
    // SAFETY: the copy goes straight to `become_command`, which is async-signal-safe.
    let pid = match unsafe { sysio::fork() }.map_err(LaunchError::io("start a process"))? {
        0 => become_command(&prepared, [ours.as_raw_fd(), theirs.as_raw_fd()]),
        pid => pid,
    };
    drop(theirs);
    let mut started = Started {
        pid,
        socket: ours,
        listener: None,
    };
    match shake_hands(&mut started, command, attach) {
        Ok(()) => Ok(started),
        Err(error) => {
            started.abandon();
            Err(error)
        }
    }
}

fn shake_hands(
    started: &mut Started,
    command: &Command,
    attach: impl FnOnce(i32) -> io::Result<()>,
) -> Result<(), LaunchError> {
    attach(started.pid).map_err(|source| Unavailable::Refused {
        what: "tracing",
        source,
    })?;
    channel::send(started.socket.as_raw_fd(), Stage::Ready, 0, None)
        .map_err(LaunchError::io("reach the new process"))?;
    let answer = channel::receive(&started.socket, 0);
    let answer = answer.map_err(LaunchError::io("hear from the new process"))?;
    // Without an answer it was killed; its wait status tells by what.
    let Some(mut message) = answer else {
        return Ok(());
    };
    if message.stage != Stage::Ready {
        return Err(failure(&message, command));
    }
    let listener = message.listener.take().map(Listener::new).transpose();
    started.listener = listener.map_err(LaunchError::io("map a page"))?;
    Ok(())
}

/// Says what a message of failure means.
fn failure(message: &Message, command: &Command) -> LaunchError {
    let source = io::Error::from_raw_os_error(message.errno);
    let program = command.program.clone();
    match (message.stage, message.errno) {
        (Stage::Directory, _) => LaunchError::Directory {
            directory: command.directory.clone().unwrap_or_default(),
            source,
        },
        (Stage::Filter, libc::EBUSY) => Unavailable::ListenerExists.into(),
        (Stage::Filter, _) => Unavailable::Refused {
            what: "a seccomp filter",
            source,
        }
        .into(),
        (_, libc::ENOENT) if is_there(command) => LaunchError::NoInterpreter {
            interpreter: interpreter(command),
            program,
        },
        (_, libc::ENOENT) => LaunchError::NotFound { program },
        (_, libc::ENOSYS) => LaunchError::Io {
            what: "watch the command",
            source,
        },
        _ => LaunchError::NotExecutable { program, source },
    }
}

fn is_there(command: &Command) -> bool {
    file_of(command).exists()
}

fn file_of(command: &Command) -> PathBuf {
    let directory = command.directory.as_deref().unwrap_or(Path::new(""));
    directory.join(&command.program)
}

/// Returns what a script says that it is executed by.
fn interpreter(command: &Command) -> Option<PathBuf> {
    /// As much of a first line as the kernel reads.
    const LINE: u64 = 256;
    let mut line = Vec::new();
    let file = File::open(file_of(command)).ok()?;
    file.take(LINE).read_to_end(&mut line).ok()?;
    let named = line
        .strip_prefix(b"#!")?
        .split(|&byte| byte == b'\n')
        .next()?;
    let mut words = named.split(|byte| b" \t".contains(byte));
    let first = words.find(|word| !word.is_empty())?;
    Some(PathBuf::from(OsStr::from_bytes(first)))
}

fn prepare<'a>(
    command: &Command,
    shell_args: &[CString],
    action: Option<Action>,
    signals: &'a Signals,
) -> Result<Prepared<'a>, LaunchError> {
    Ok(Prepared {
        program: c_path(&command.program)?,
        directory: command.directory.as_deref().map(c_path).transpose()?,
        argv: Pointers::to(&command.argv),
        shell_argv: Pointers::to(shell_args),
        env: Pointers::to(&command.env),
        filter: action.map(|action| (program(action, command.looks, command.gate), action)),
        signals,
    })
}

fn shell_args(command: &Command) -> Result<Vec<CString>, LaunchError> {
    let mut args = vec![SHELL.to_owned(), c_path(&command.program)?];
    args.extend(command.argv.iter().skip(1).cloned());
    Ok(args)
}

fn c_path(path: &Path) -> Result<CString, LaunchError> {
    let bytes = path.as_os_str().as_bytes();
    CString::new(bytes).map_err(|_| LaunchError::Nul {
        path: path.to_owned(),
    })
}

/// The new process's way to the command. Only raw system calls from here on.
///
/// The starter's end of the sockets is closed first, and the listener as soon as it is sent: were the
/// starter killed now, whatever else held either would leave this process waiting for an answer for ever.
fn become_command(prepared: &Prepared<'_>, [starters, socket]: [RawFd; 2]) -> ! {
    sysio::close(starters);
    let (stage, error) = match try_to_become(prepared, socket) {
        Ok(never) => match never {},
        Err(failure) => failure,
    };
    let _ = channel::send(socket, stage, error.raw_os_error().unwrap_or(0), None);
    sysio::exit_now(127)
}

/// What cannot be: a return from a successful `exec`.
enum Never {}

fn try_to_become(prepared: &Prepared<'_>, socket: RawFd) -> Result<Never, (Stage, io::Error)> {
    let at = |stage| move |error| (stage, error);
    await_word(socket).map_err(at(Stage::Filter))?;
    restore_origin(prepared.signals).map_err(at(Stage::Exec))?;
    if let Some(directory) = &prepared.directory {
        enter(directory).map_err(at(Stage::Directory))?;
    }
    let listener = match &prepared.filter {
        Some((filter, action)) => install(filter, *action).map_err(at(Stage::Filter))?,
        None => None,
    };
    channel::send(socket, Stage::Ready, 0, listener).map_err(at(Stage::Filter))?;
    if let Some(listener) = listener {
        sysio::close(listener);
    }
    sysio::change_mask(libc::SIG_SETMASK, origin::blocked());
    Err((Stage::Exec, execute(prepared)))
}

/// Undoes what Rust's runtime and [`Signals`] have changed, but for the mask.
fn restore_origin(signals: &Signals) -> io::Result<()> {
    sysio::set_ignored(libc::SIGPIPE, origin::sigpipe_ignored())?;
    sysio::set_ignored(libc::SIGXFSZ, origin::sigxfsz_ignored())?;
    sysio::set_ignored(libc::SIGCHLD, signals.sigchld_ignored())?;
    for fd in (0..3).filter(|fd| origin::was_closed(*fd)) {
        // What lies at this number is the runtime's stand-in.
        sysio::close(fd);
    }
    Ok(())
}

fn enter(directory: &CStr) -> io::Result<()> {
    // SAFETY: chdir reads the path up to its zero.
    check(unsafe { libc::chdir(directory.as_ptr()) }.into()).map(drop)
}

/// Waits until the starter has done its part.
fn await_word(socket: RawFd) -> io::Result<()> {
    let mut word = [0; 8];
    if sysio::read(socket, &mut word) == 0 {
        return Err(io::Error::from_raw_os_error(libc::EPIPE));
    }
    Ok(())
}

/// Installs the filter for this process and all that come from it.
///
/// Without the privilege to do so it gives up the right to gain privileges by executing set-user-id
/// programs, which is what the kernel asks of everybody else.
pub(crate) fn install(filter: &[Instruction], action: Action) -> io::Result<Option<RawFd>> {
    match install_plain(filter, action) {
        Err(error) if error.raw_os_error() == Some(libc::EACCES) => {
            // SAFETY: prctl with these arguments touches no memory.
            check(unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) }.into())?;
            install_plain(filter, action)
        }
        done => done,
    }
}

/// Installs the filter with the best flags that this kernel knows.
fn install_plain(filter: &[Instruction], action: Action) -> io::Result<Option<RawFd>> {
    let speculate = libc::SECCOMP_FILTER_FLAG_SPEC_ALLOW;
    if action == Action::Trace {
        return set_filter(filter, speculate).map(|_| None);
    }
    let listen = speculate | libc::SECCOMP_FILTER_FLAG_NEW_LISTENER;
    match set_filter(
        filter,
        listen | libc::SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
    ) {
        // Older than Linux 5.19.
        Err(error) if error.raw_os_error() == Some(libc::EINVAL) => set_filter(filter, listen),
        done => done,
    }
    .map(Some)
}

pub(crate) fn set_filter(filter: &[Instruction], flags: libc::c_ulong) -> io::Result<RawFd> {
    let len = u16::try_from(filter.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    let program = libc::sock_fprog {
        len,
        filter: filter.as_ptr().cast_mut(),
    };
    let mode = libc::SECCOMP_SET_MODE_FILTER;
    // SAFETY: the call reads `program` and the instructions that it points to, and writes nothing.
    let fd = check(unsafe { libc::syscall(libc::SYS_seccomp, mode, flags, &raw const program) })?;
    i32::try_from(fd).map_err(|_| io::ErrorKind::InvalidData.into())
}

/// Executes the program, or a shell on it if it is a script that does not say for whom.
fn execute(prepared: &Prepared<'_>) -> io::Error {
    let error = exec(&prepared.program, &prepared.argv, &prepared.env);
    if error.raw_os_error() == Some(libc::ENOEXEC) && is_text(&prepared.program) {
        return exec(SHELL, &prepared.shell_argv, &prepared.env);
    }
    error
}

fn exec(program: &CStr, argv: &Pointers, env: &Pointers) -> io::Error {
    // SAFETY: the program is a C string; both lists end with a null and point to C strings that
    // the caller of `start` keeps.
    unsafe { libc::execve(program.as_ptr(), argv.0.as_ptr(), env.0.as_ptr()) };
    io::Error::last_os_error()
}

/// Whether a file can be a script, as a shell decides it: it does not begin as programs do, and has no zero byte in
/// the first of its lines, nor in its first 80 bytes.
fn is_text(program: &CStr) -> bool {
    let mut start = [0; 80];
    let length = sysio::read_file(program.to_bytes_with_nul(), &mut start);
    let start = &start[..length];
    let mut line = start.iter().take_while(|byte| **byte != b'\n');
    !start.starts_with(b"\x7fELF") && line.all(|byte| *byte != 0)
}
