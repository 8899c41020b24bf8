//! The check of a backend finds that it works, or says why not; trouble is an error.
//!
//! Event sources take the signals of the whole process, so these tests run one after the other in
//! the only thread there is, without the usual harness.
#![expect(clippy::unwrap_used, reason = "tests may panic")]

use std::ffi::CString;
use std::path::PathBuf;
use std::time::Duration;

use roar_trace::{
    Backend, Choice, Command, Exit, Options, Trace, TraceError, Unread, Verdict, check, replay,
    run, state_of,
};

fn shell(script: &str) -> Command {
    let word = |word: &str| CString::new(word).unwrap();
    Command {
        program: PathBuf::from("/bin/sh"),
        argv: vec![word("sh"), word("-c"), word(script)],
        env: vec![word("PATH=/usr/bin:/bin")],
        directory: None,
        looks: false,
        gate: None,
    }
}

fn options(backend: Backend, sink: &mut Vec<u8>) -> Options<'_> {
    // A namer that reads nothing has no state, so one for all runs does.
    Options {
        choice: Choice::Only(backend),
        grace: Duration::from_millis(50),
        namer: Box::leak(Box::new(Unread)),
        sink,
        library: None,
    }
}

fn watch(backend: Backend, script: &str) -> (Trace, Vec<u8>) {
    let mut stream = Vec::new();
    let trace = run(&shell(script), options(backend, &mut stream)).unwrap();
    (trace, stream)
}

fn a_backend_that_works_is_found_to_work() {
    for backend in Backend::ALL {
        let scratch = tempfile::tempdir().unwrap();
        let report = check(backend, scratch.path()).unwrap();
        assert!(report.is_good(), "{report:?}");
        assert!(report.reasons.is_empty(), "{report:?}");
        assert!(
            check(backend, scratch.path()).unwrap().is_good(),
            "twice in one place"
        );
    }
}

fn a_scratch_directory_that_is_not_there_is_an_error() {
    let error = check(Backend::Notify, std::path::Path::new("/nonexistent")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot make a file in '/nonexistent' to try with"
    );
}

fn a_command_that_is_not_there_is_an_error_and_not_a_run() {
    for backend in Backend::ALL {
        let mut stream = Vec::new();
        let command = Command {
            program: "/nonexistent".into(),
            ..shell("")
        };
        let error = run(&command, options(backend, &mut stream)).unwrap_err();
        assert!(
            matches!(&error, TraceError::Launch(error) if error.exit_code() == Some(127)),
            "{error:?}"
        );
    }
}

fn the_end_of_the_command_is_told_as_it_was() {
    for backend in Backend::ALL {
        assert_eq!(watch(backend, "exit 7").0.finished.exit, Exit::Code(7));
        assert_eq!(
            watch(backend, "kill -9 $$").0.finished.exit,
            Exit::Signal(9)
        );
    }
}

fn a_process_that_outlives_the_run_makes_it_partial() {
    for backend in Backend::ALL {
        let (trace, _) = watch(backend, "sleep 3 >/dev/null 2>&1 &");
        assert_eq!(trace.coverage.verdict, Verdict::Partial);
        let reasons = trace.coverage.reasons.join(" ");
        assert!(reasons.contains("still running"), "{reasons}");
    }
}

fn content_that_cannot_be_named_before_it_changes_makes_a_run_partial() {
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("file");
    for backend in Backend::ALL {
        std::fs::write(&file, "old").unwrap();
        let script = format!("echo new >>{}", file.display());
        let mut stream = Vec::new();
        let blind_to_content = Options {
            namer: &mut (),
            ..options(backend, &mut stream)
        };
        let trace = run(&shell(&script), blind_to_content).unwrap();
        assert_eq!(trace.coverage.verdict, Verdict::Partial);
        assert!(trace.coverage.reasons[0].contains("could not be named"));
    }
}

fn every_process_is_told_with_its_parent_and_programs() {
    for backend in Backend::ALL {
        let (trace, _) = watch(backend, "(exec /bin/true); /bin/echo >/dev/null; :");
        let processes = trace.observation.processes;
        let named = |end: &str| {
            let by_name = |program: &Vec<u8>| program.ends_with(end.as_bytes());
            processes
                .iter()
                .find(|process| process.programs.iter().any(by_name))
                .unwrap()
        };
        let shell = &processes[0];
        assert_eq!(named("/true").parent, shell.pid);
        assert_eq!(named("/echo").parent, shell.pid);
        assert_eq!(shell.programs.len(), 1);
    }
}

/// As after a kill: whatever part of the stream was written out tells a part of the run.
fn a_stream_cut_anywhere_tells_the_run_up_to_there() {
    let scratch = tempfile::tempdir().unwrap();
    let script = format!("cd {}; echo x >a; cat a >b; rm a", scratch.path().display());
    let (trace, stream) = watch(Backend::Notify, &script);
    let mut most = 0;
    for end in (0..stream.len()).step_by(97).chain([stream.len()]) {
        let replay = replay(&stream[..end], state_of);
        assert!(replay.reasons.len() <= 1, "{:?}", replay.reasons);
        most = replay.observation.files.len();
    }
    assert_eq!(most, trace.observation.files.len());
    assert_eq!(replay(&stream, state_of).observation, trace.observation);
}

fn main() {
    a_backend_that_works_is_found_to_work();
    a_scratch_directory_that_is_not_there_is_an_error();
    a_command_that_is_not_there_is_an_error_and_not_a_run();
    the_end_of_the_command_is_told_as_it_was();
    a_process_that_outlives_the_run_makes_it_partial();
    content_that_cannot_be_named_before_it_changes_makes_a_run_partial();
    every_process_is_told_with_its_parent_and_programs();
    a_stream_cut_anywhere_tells_the_run_up_to_there();
}
