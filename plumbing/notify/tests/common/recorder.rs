//! A small supervisor that writes down what a source tells it: the program that the tests of both
//! sources run, because a test binary has threads and a supervisor must not.

use std::ffi::{CString, OsStr, OsString};
use std::fs::File;
use std::io::Write;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use roar_launch::{
    Call, Command, Exit, Finished, Handler, LaunchError, Pause, Sys, meaning, resolve,
};

#[path = "tracee.rs"]
mod tracee;

/// One line per call, written at once.
struct Recorder(File);

impl Recorder {
    fn note(&mut self, line: &str) {
        self.0
            .write_all(line.as_bytes())
            .expect("the log can be written");
    }
}

impl Handler for Recorder {
    fn call(&mut self, call: &Call, _pause: &mut dyn Pause) {
        let Some(sys) = meaning(call.arch, call.number) else {
            return;
        };
        let path = path_of(sys, call).map(OsString::from_vec);
        let hold = path.is_some() && path == std::env::var_os("WATCH_HOLD");
        self.note(&format!(
            "call {sys:?} {:?} {:?}\n",
            path.unwrap_or_default(),
            call.arch
        ));
        if hold {
            loop {
                std::thread::park();
            }
        }
    }

    fn born(&mut self, pid: i32, parent: i32) {
        self.note(&format!("born {pid} {parent}\n"));
    }

    fn died(&mut self, pid: i32, status: i32) {
        self.note(&format!("died {pid} {status}\n"));
    }

    fn idle(&mut self) {
        self.note("idle\n");
    }
}

fn path_of(sys: Sys, call: &Call) -> Option<Vec<u8>> {
    let argument = match sys {
        Sys::Openat | Sys::Openat2 | Sys::Unlinkat | Sys::Renameat2 | Sys::Execveat => 1,
        Sys::IoUringSetup | Sys::PidfdGetfd | Sys::Unshare | Sys::Setns => return None,
        _ => 0,
    };
    read_path(call.tid, call.args[argument])
}

/// Reads a C string from another process, byte after byte: it may end with its page.
fn read_path(tid: i32, address: u64) -> Option<Vec<u8>> {
    let memory = File::open(format!("/proc/{tid}/mem")).ok()?;
    let mut path = Vec::new();
    let mut byte = [0];
    while memory
        .read_exact_at(&mut byte, address + path.len() as u64)
        .is_ok()
        && byte[0] != 0
    {
        path.push(byte[0]);
    }
    Some(path)
}

/// `WATCHER LOG GRACE_MS COMMAND [ARG…]`: runs the command and exits as a shell would.
pub(crate) fn main(
    run: impl FnOnce(&Command, &mut dyn Handler, Duration) -> Result<Finished, LaunchError>,
) -> ExitCode {
    let words: Vec<OsString> = std::env::args_os().skip(1).collect();
    if let [tracee, kind, args @ ..] = &words[..]
        && tracee == "--tracee"
    {
        return tracee::main(&kind.to_string_lossy(), args);
    }
    watch(run, words.into_iter())
}

fn watch(
    run: impl FnOnce(&Command, &mut dyn Handler, Duration) -> Result<Finished, LaunchError>,
    mut args: impl Iterator<Item = OsString>,
) -> ExitCode {
    let log = File::options()
        .create(true)
        .append(true)
        .open(args.next().expect("a log"));
    let grace = args
        .next()
        .and_then(|ms| ms.to_str()?.parse().ok())
        .expect("a grace in ms");
    let words: Vec<OsString> = args.collect();
    let mut recorder = Recorder(log.expect("the log can be opened"));
    match command(&words).map(|command| run(&command, &mut recorder, Duration::from_millis(grace)))
    {
        Ok(Ok(finished)) => {
            recorder.note(&format!("{finished:?}\n"));
            code(finished.exit)
        }
        Ok(Err(error)) => {
            recorder.note(&format!("{error:?}\n"));
            ExitCode::from(error.exit_code().map_or(125, low_byte))
        }
        Err(code) => ExitCode::from(low_byte(code)),
    }
}

fn code(exit: Exit) -> ExitCode {
    match exit {
        Exit::Code(code) => ExitCode::from(low_byte(code)),
        Exit::Signal(signal) => ExitCode::from(low_byte(128 + signal)),
    }
}

fn low_byte(code: i32) -> u8 {
    code.to_le_bytes()[0]
}

fn command(words: &[OsString]) -> Result<Command, i32> {
    let path = std::env::var_os("PATH");
    let program = resolve(&words[0], path.as_deref(), Path::new(".")).map_err(|e| e.exit_code())?;
    let text = |word: &OsStr| CString::new(word.as_bytes()).expect("arguments hold no NUL");
    Ok(Command {
        program,
        argv: words.iter().map(|word| text(word)).collect(),
        env: std::env::vars_os()
            .map(|(name, value)| pair(&name, &value))
            .collect(),
        directory: std::env::var_os("WATCH_DIRECTORY").map(Into::into),
        looks: false,
        gate: None,
    })
}

fn pair(name: &OsStr, value: &OsStr) -> CString {
    let whole = [name.as_bytes(), b"=", value.as_bytes()].concat();
    CString::new(whole).expect("the environment holds no NUL")
}
