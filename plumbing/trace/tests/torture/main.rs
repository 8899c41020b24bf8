//! The same peculiar programs under every backend: what they read and wrote must be told exactly.
//!
//! Each case is a shell script with one watched command. It runs twice, in two equal directories:
//! as it is, and watched by the example `observe`. Standard output and exit code must be the same,
//! and the files told must be those that the case lists.
#![expect(clippy::unwrap_used, reason = "tests may panic")]

mod cases;
mod flood;
mod habits;
mod keeping;
mod stage;

use cases::{CASES, Case};
use roar_trace::Backend;
use stage::{Outcome, Stage};

#[test]
fn everything_is_told_under_notification() {
    torture(Backend::Notify, "notify");
}

#[test]
fn everything_is_told_under_ptrace() {
    torture(Backend::Ptrace, "ptrace");
}

#[test]
fn everything_is_told_under_notification_when_programs_take_notes() {
    torture(Backend::Notify, "notify+notes");
}

#[test]
fn everything_is_told_under_ptrace_when_programs_take_notes() {
    torture(Backend::Ptrace, "ptrace+notes");
}

/// What only one tracer at a time can do, and what a machine may lack.
fn is_left_out(case: &Case, backend: Backend) -> bool {
    let only = std::env::var("CASE").ok();
    let tool = case
        .script
        .strip_prefix("$ROAR ")
        .and_then(|rest| rest.split(' ').next());
    let missing = tool.is_some_and(|tool| !Stage::has(tool));
    only.is_some_and(|only| only != case.name)
        || missing
        || (backend == Backend::Ptrace && case.name == "strace_inside")
}

/// Plays all cases, watched in a `way` that `observe` understands, by `backend`.
fn torture(backend: Backend, way: &str) {
    if let Err(error) = roar_trace::preflight(roar_trace::Choice::Only(backend)) {
        panic!("{error}");
    }
    let stage = Stage::new();
    let mut wrong = Vec::new();
    for case in CASES.iter().filter(|case| !is_left_out(case, backend)) {
        let plain = stage.run(case, None);
        if plain.code == Some(77) {
            continue;
        }
        let watched = stage.run(case, Some(way));
        wrong.extend(differences(case, &plain, &watched));
    }
    assert!(
        wrong.is_empty(),
        "{} wrong under {way}:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

fn differences(case: &Case, plain: &Outcome, watched: &Outcome) -> Option<String> {
    let mut wrong = Vec::new();
    if plain.code != watched.code {
        let errors = String::from_utf8_lossy(&watched.errors);
        wrong.push(format!(
            "exit {:?}, not {:?}: {errors}",
            watched.code, plain.code
        ));
    }
    if plain.output != watched.output {
        wrong.push(format!(
            "wrote '{}'",
            String::from_utf8_lossy(&watched.output)
        ));
    }
    let told = watched.told();
    for line in told.iter().filter(|line| !is_expected(case, line)) {
        wrong.push(format!("told '{line}'"));
    }
    for line in case.expect.iter().filter(|line| !line.starts_with('?')) {
        if !told.iter().any(|told| fits(line, told)) {
            wrong.push(format!("did not tell '{line}'"));
        }
    }
    let (verdict, reasons) = watched.coverage();
    let as_it_should = match case.partial {
        Some(reason) => verdict == "partial" && reasons.contains(reason),
        None => verdict == "complete",
    };
    if !as_it_should {
        wrong.push(format!("coverage {verdict}: {reasons}"));
    }
    (!wrong.is_empty()).then(|| format!("  {}: {}", case.name, wrong.join("; ")))
}

fn is_expected(case: &Case, line: &str) -> bool {
    case.expect
        .iter()
        .any(|expected| fits(expected.strip_prefix('?').unwrap_or(expected), line))
}

/// Compares marks and path, each of which may end in `*`.
fn fits(expected: &str, line: &str) -> bool {
    let (marks, path) = expected.split_once(' ').unwrap();
    let (told_marks, told_path) = line.split_once(' ').unwrap();
    let like = |pattern: &str, text: &str| match pattern.strip_suffix('*') {
        Some(start) => text.starts_with(start),
        None => text == pattern,
    };
    like(marks, told_marks) && like(path, told_path)
}
