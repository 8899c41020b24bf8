//! A run inside another leaves the watching to the outer one, and says so.
//!
//! This program is the outer run, and with words it is the inner one: the same program, as roar
//! inside roar is. It has one thread only, so there is no harness.
#![expect(clippy::unwrap_used, reason = "tests may panic")]

use std::ffi::CString;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use roar_trace::{
    Backend, Choice, Command, Exit, FileSeen, Options, Trace, Unread, Verdict, preflight, run,
    run_unwatched,
};

const WATCHED: &str = "another roar is already watching";

fn command(program: &Path, words: &[&str]) -> Command {
    let words = words.iter().map(|word| word.as_bytes());
    let words = std::iter::once(program.as_os_str().as_bytes()).chain(words);
    Command {
        program: program.to_owned(),
        argv: words.map(|word| CString::new(word).unwrap()).collect(),
        env: vec![CString::new("PATH=/usr/bin:/bin").unwrap()],
        directory: None,
        looks: false,
        gate: None,
    }
}

/// The inner run: writes down what each choice finds, and runs a command as it then must.
fn inner(directory: &Path) {
    let verdict = |choice| match preflight(choice) {
        Ok(backend) => backend.name().to_owned(),
        Err(error) => {
            let cause = std::error::Error::source(&error);
            cause.map_or(error.to_string(), |cause| format!("{error}: {cause}"))
        }
    };
    let choices = Backend::ALL.map(Choice::Only);
    let lines: Vec<String> = choices
        .into_iter()
        .chain([Choice::Auto])
        .map(verdict)
        .collect();
    fs::write(directory.join("verdicts"), lines.join("\n")).unwrap();
    let script = format!("cd {}; cat in > out; exit 3", directory.display());
    let command = command(Path::new("/bin/sh"), &["-c", &script]);
    let trace = run_unwatched(&command, lines[2].clone()).unwrap();
    assert_eq!(trace.finished.exit, Exit::Code(3));
    assert_eq!(trace.coverage.verdict, Verdict::Blind);
    assert_eq!(trace.coverage.reasons, [lines[2].as_str()]);
    assert!(trace.observation.files.is_empty());
}

/// The outer run, of `program` as the inner one. Returns what was seen, and the inner verdicts.
fn nest(backend: Backend, program: &Path, directory: &Path) -> (Trace, Vec<String>) {
    fs::write(directory.join("in"), "x").unwrap();
    let options = Options {
        choice: Choice::Only(backend),
        grace: Duration::ZERO,
        namer: &mut Unread,
        sink: &mut (),
        library: None,
    };
    let inner = command(program, &[directory.to_str().unwrap()]);
    let trace = run(&inner, options).unwrap();
    assert_eq!(trace.finished.exit, Exit::Code(0));
    let verdicts = fs::read_to_string(directory.join("verdicts")).unwrap();
    (trace, verdicts.lines().map(str::to_owned).collect())
}

fn the_inner_run_does_not_watch_and_the_outer_sees_all() {
    for backend in Backend::ALL {
        let directory = tempfile::tempdir().unwrap();
        let directory = directory.path().canonicalize().unwrap();
        let own = std::env::current_exe().unwrap();
        let (trace, verdicts) = nest(backend, &own, &directory);
        let refused = |backend| format!("the {backend} backend does not work here: {WATCHED}");
        assert_eq!(
            verdicts,
            [refused("notify"), refused("ptrace"), WATCHED.to_owned()]
        );
        assert_eq!(
            (trace.coverage.verdict, trace.coverage.reasons.as_slice()),
            (Verdict::Complete, [].as_slice())
        );
        assert!(seen(&trace, &directory.join("in")).read.is_some());
        assert!(seen(&trace, &directory.join("out")).change.is_some());
    }
}

fn seen<'a>(trace: &'a Trace, path: &Path) -> &'a FileSeen {
    let mut files = trace.observation.files.iter();
    let path = path.as_os_str().as_bytes();
    files.find(|file| file.path == path).unwrap()
}

/// A program of another name stands for another tracer, as strace is one.
fn inside_of_strangers_the_reasons_are_told() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path().canonicalize().unwrap();
    let stranger: PathBuf = directory.join("stranger");
    fs::copy(std::env::current_exe().unwrap(), &stranger).unwrap();
    let (_, verdicts) = nest(Backend::Notify, &stranger, &directory);
    let listener = "the system calls of this process already have another listener";
    assert_eq!(
        verdicts,
        [
            format!("the notify backend does not work here: {listener}"),
            format!("the ptrace backend does not work here: {listener}"),
            format!("no backend works here: notify ({listener}), ptrace ({listener})"),
        ]
    );
    let (_, verdicts) = nest(Backend::Ptrace, &stranger, &directory);
    assert_eq!(
        verdicts,
        [
            "notify",
            "the ptrace backend does not work here: tracing is refused",
            "notify"
        ]
    );
}

fn main() {
    match std::env::args_os().nth(1) {
        Some(directory) if Path::new(&directory).is_dir() => inner(Path::new(&directory)),
        _ => {
            the_inner_run_does_not_watch_and_the_outer_sees_all();
            inside_of_strangers_the_reasons_are_told();
        }
    }
}
