//! Colour, streams, and readers that go away.

use crate::sandbox;

const COLORED: &str = "\x1b[";

#[test]
fn colour_is_for_those_who_want_it() {
    let wrong = ["confg"];
    let err = |sandbox: roar_testkit::Sandbox| sandbox.roar(wrong).err();
    assert!(!err(sandbox()).contains(COLORED));
    assert!(err(sandbox().with("CLICOLOR_FORCE", "1")).contains(COLORED));
    assert!(!err(sandbox().with("CLICOLOR_FORCE", "1").with("NO_COLOR", "1")).contains(COLORED));
    let always = sandbox().roar(["--color=always", "config", "get", "no.such"]);
    assert!(always.err().contains(COLORED));
    let never = sandbox()
        .with("CLICOLOR_FORCE", "1")
        .roar(["--color=never", "config", "get", "x"]);
    assert!(!never.err().contains(COLORED));
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let seen = sandbox().sh("roar config list | true; roar help | head -n 1");
    assert_eq!(seen.code, 0);
    assert_eq!(seen.err(), "");
    let ignoring = sandbox().sh("trap '' PIPE; (sleep 0.2; roar config list; echo $? >&2) | true");
    assert_eq!(ignoring.err(), "141");
}

#[test]
fn output_that_cannot_be_written_is_an_error() {
    let seen = sandbox().sh("roar config list > /dev/full");
    assert_eq!(seen.code, 1);
    assert!(
        seen.err().contains("cannot write to standard output"),
        "{seen}"
    );
}

#[test]
fn bytes_from_elsewhere_do_not_reach_the_terminal_as_they_are() {
    let seen = sandbox().roar(["config", "get", "a\x1b[2J\nb"]);
    assert!(seen.err().contains("a\\x1b[2J\\nb"), "{seen}");
}

#[test]
fn another_directory_can_be_started_in() {
    let sandbox = sandbox();
    let _ = sandbox.roar(["init", "inner"]).success();
    sandbox.write("inner/.roarconfig", "[run]\ndirty = 'refuse'\n");
    let there = sandbox.roar(["-C", "inner", "config", "get", "run.dirty"]);
    assert_eq!(there.success().out(), "refuse");
    let nowhere = sandbox.roar(["-C", "nowhere", "config", "list"]);
    assert_eq!(nowhere.code, 3, "{nowhere}");
}
