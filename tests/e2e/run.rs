//! `roar run` and `roar build`, as far as the command line goes.

use crate::sandbox;
use insta::assert_snapshot;
use serde_json::Value;

#[test]
fn the_command_has_its_own_output_and_exit_code() {
    let sandbox = sandbox();
    let seen = sandbox.roar(["run", "sh", "-c", "echo out; echo err >&2; exit 7"]);
    assert_eq!((seen.code, seen.out().as_str()), (7, "out"));
    assert!(seen.err().starts_with("err\n"), "{seen}");
    assert_eq!(sandbox.roar(["run", "sh", "-c", "kill -TERM $$"]).code, 143);
    assert_eq!(sandbox.roar(["run", "no-such-program"]).code, 127);
    sandbox.write("plain", "");
    assert_eq!(sandbox.roar(["run", "./plain"]).code, 126);
}

#[test]
fn options_before_the_command_are_ours_and_those_after_it_are_its_own() {
    let sandbox = sandbox();
    assert_snapshot!(sandbox.roar(["run", "--bogus", "true"]), @r#"
    --- stderr
    error: there is no option '--bogus' here
    hint: `roar help run` shows how it is used
    [exit 2]
    "#);
    assert_snapshot!(sandbox.roar(["run"]), @r#"
    --- stderr
    error: COMMAND is missing
    hint: `roar help run` shows how it is used
    [exit 2]
    "#);
    let echoed = sandbox
        .roar(["-q", "run", "echo", "-q", "--help", "--", "-x"])
        .success();
    assert_eq!(
        (echoed.out().as_str(), echoed.err().as_str()),
        ("-q --help -- -x", "")
    );
    assert_eq!(
        sandbox
            .roar(["-q", "run", "--", "echo", "--"])
            .success()
            .out(),
        "--"
    );
}

#[test]
fn little_is_said_and_that_on_standard_error() {
    let sandbox = sandbox();
    sandbox.write("in", "x");
    let first = sandbox.roar(["run", "sh", "-c", "cat in > out"]).success();
    assert_eq!(first.stdout, b"");
    assert!(first.err().lines().count() <= 3, "{first}");
    assert_eq!(sandbox.roar(["run", "-q", "true"]).success().err(), "");
    let verbose = sandbox
        .roar(["run", "-v", "sh", "-c", "cat in > out2"])
        .success()
        .err();
    assert!(verbose.contains("out2"), "{verbose}");
}

#[test]
fn a_step_is_run_again_with_other_arguments() {
    let sandbox = sandbox();
    sandbox.write("make.sh", "echo \"$*\" > made");
    let first = ["run", "-n", "make", "sh", "make.sh", "--rate=1", "--keep"];
    let _ = sandbox.roar(first).success();
    let _ = sandbox.roar(["run", "@1", "--rate=2", "--new=3"]).success();
    assert_eq!(sandbox.read("made"), b"--rate=2 --keep --new=3\n");
    let shown = sandbox.roar(["show", "--json", "@1"]).success();
    let shown: Value = serde_json::from_slice(&shown.stdout).unwrap();
    assert_eq!(
        (&shown["name"], &shown["step"]),
        (&"make".into(), &"@1".into())
    );
    assert_eq!(sandbox.roar(["run", "@1", "stray"]).code, 2);
    assert_eq!(sandbox.roar(["run", "@7"]).code, 3);
    let before = sandbox.roar(["rev-list"]).success().out();
    let _ = sandbox.roar(["run", "--dry-run", "@1"]).success();
    assert_eq!(sandbox.roar(["rev-list"]).success().out(), before);
}

#[test]
fn a_build_has_numbers_of_its_own() {
    let sandbox = sandbox();
    let _ = sandbox.roar(["run", "sh", "-c", "echo 1 > a"]).success();
    let _ = sandbox.roar(["build", "sh", "-c", "cat a > b"]).success();
    let dag = sandbox.roar(["dag", "--json"]).success();
    let dag: Value = serde_json::from_slice(&dag.stdout).unwrap();
    assert_eq!(dag["nodes"][1]["step"], "@B1");
    assert_eq!(dag["nodes"][1]["parents"], serde_json::json!(["@1"]));
}
