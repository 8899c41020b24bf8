//! `roar undo`, `roar op log`.

use crate::sandbox;
use insta::assert_snapshot;
use roar_testkit::Sandbox;
use serde_json::{Value, json};

fn two_runs() -> Sandbox {
    let sandbox = sandbox();
    let _ = sandbox
        .roar(["-q", "run", "sh", "-c", "echo 1 > a"])
        .success();
    let _ = sandbox
        .roar(["-q", "run", "sh", "-c", "cat a > b"])
        .success();
    sandbox
}

fn json_of(sandbox: &Sandbox, words: &[&str]) -> Value {
    serde_json::from_slice(&sandbox.roar(words).success().stdout).unwrap()
}

#[test]
fn an_undo_takes_a_run_back_and_a_redo_brings_it_again() {
    let sandbox = two_runs();
    let head = sandbox.roar(["rev-parse", "sessions/main"]).success().out();
    assert_snapshot!(sandbox.roar(["undo", "--dry-run"]), @r"
    --- stdout
    would undo operation 2: run
      - @2 <short> sh -c 'cat a > b'
    ");
    assert_snapshot!(sandbox.roar(["undo"]), @r"
    --- stdout
    undid operation 2: run
      - @2 <short> sh -c 'cat a > b'
    ");
    assert_eq!(sandbox.roar(["show", "@2"]).code, 3);
    assert_eq!(sandbox.read("b"), b"1\n");
    assert_snapshot!(sandbox.roar(["redo"]), @r"
    --- stdout
    undid operation 3: undo 2
      + @2 <short> sh -c 'cat a > b'
    ");
    assert_eq!(
        sandbox.roar(["rev-parse", "sessions/main"]).success().out(),
        head
    );
    assert_snapshot!(sandbox.roar(["op", "log"]), @r"
    --- stdout
        4  undo 3, just now
           + @2 <short> sh -c 'cat a > b'
        3  undo 2, just now, undone by 4
           - @2 <short> sh -c 'cat a > b'
        2  run, just now
           + @2 <short> sh -c 'cat a > b'
        1  run, just now
           + @1 <short> sh -c 'echo 1 > a'
    ");
}

#[test]
fn what_was_taken_back_is_found_by_its_hash() {
    let sandbox = two_runs();
    let job = sandbox.roar(["rev-parse", "@2"]).success().out();
    let _ = sandbox.roar(["undo"]).success();
    let shown = json_of(&sandbox, &["show", "--json", &job]);
    assert_eq!(
        (&shown["id"], &shown["outputs"][0]["path"]),
        (&json!(job), &json!("b"))
    );
    let lineage = json_of(&sandbox, &["lineage", "--json", &job]);
    assert_eq!(lineage["jobs"].as_array().unwrap().len(), 2);
    // What is run next takes the number, and nothing is lost by it.
    let _ = sandbox
        .roar(["-q", "run", "sh", "-c", "cat a > c"])
        .success();
    assert_eq!(sandbox.roar(["show", &job]).code, 0);
    assert_eq!(sandbox.roar(["fsck", "--full"]).code, 0);
}

#[test]
fn everything_can_be_taken_back_one_after_the_other() {
    let sandbox = two_runs();
    assert_snapshot!(sandbox.roar(["undo", "--op", "1"]), @r"
    --- stderr
    error: operation 1 cannot be undone: 'sessions/main' was changed since, by operation 2
    hint: `roar undo --op 2` takes that one back first
    [exit 1]
    ");
    let _ = sandbox.roar(["undo", "--op", "2"]).success();
    let _ = sandbox.roar(["undo", "--op", "1"]).success();
    assert_eq!(sandbox.roar(["for-each-ref"]).success().out(), "");
    assert_eq!(sandbox.roar(["undo", "--op", "9"]).code, 3);
    let _ = sandbox
        .roar(["-q", "run", "sh", "-c", "echo 3 > d"])
        .success();
    let log = json_of(&sandbox, &["log", "--json"]);
    assert_eq!(log["jobs"].as_array().unwrap().len(), 1);
    assert_eq!(log["jobs"][0]["step"], "@1");
}

#[test]
fn undo_goes_back_step_by_step_and_redo_forth() {
    let sandbox = two_runs();
    let head = |sandbox: &Sandbox| sandbox.roar(["rev-parse", "sessions/main"]).success().out();
    let (second, _) = (head(&sandbox), sandbox.roar(["undo"]).success());
    let (first, _) = (head(&sandbox), sandbox.roar(["undo"]).success());
    assert_eq!(sandbox.roar(["undo"]).code, 1);
    let _ = sandbox.roar(["redo"]).success();
    assert_eq!(head(&sandbox), first);
    let _ = sandbox.roar(["redo"]).success();
    assert_eq!(head(&sandbox), second);
    assert_snapshot!(sandbox.roar(["redo"]), @r"
    --- stderr
    error: there is nothing to redo
    hint: `roar op log` lists the operations
    [exit 1]
    ");
    // What came after an undo is not thrown away by a redo.
    let _ = sandbox.roar(["undo"]).success();
    let _ = sandbox
        .roar(["-q", "run", "sh", "-c", "echo 5 > e"])
        .success();
    assert_eq!(sandbox.roar(["redo"]).code, 1);
    let _ = sandbox.roar(["undo"]).success();
    assert_eq!(head(&sandbox), first);
}

#[test]
fn refs_and_described_jobs_are_taken_back_too() {
    let sandbox = two_runs();
    let _ = sandbox.roar(["update-ref", "notes/best", "@1"]).success();
    let _ = sandbox.roar_with_input(
        ["record-job"],
        "{\"argv\":[\"x\"]}\n{\"argv\":[\"y\"],\"outputs\":[{\"path\":\"b\"}]}\n",
    );
    let undone = json_of(&sandbox, &["undo", "--json"]);
    assert_eq!(undone["undone"]["note"], "record-job");
    assert_eq!(undone["undone"]["added"].as_array().unwrap().len(), 2);
    assert_eq!(undone["number"], 5);
    let _ = sandbox.roar(["undo", "--op", "3"]).success();
    assert_eq!(sandbox.roar(["for-each-ref", "notes/"]).success().out(), "");
    let log = json_of(&sandbox, &["op", "log", "--json", "-n", "1"]);
    assert_eq!(log["operations"][0]["undoes"], 3);
    assert_eq!(log["operations"][0]["refs"][0]["ref"], "notes/best");
}

#[test]
fn nothing_is_nothing_to_undo() {
    let sandbox = sandbox();
    let _ = sandbox.roar(["init"]).success();
    assert_snapshot!(sandbox.roar(["undo"]), @r"
    --- stderr
    error: there is nothing to undo
    hint: `roar op log` lists the operations
    [exit 1]
    ");
}

#[test]
fn of_several_that_take_the_same_back_one_does() {
    let sandbox = two_runs();
    let script =
        "for n in 1 2 3 4 5 6; do roar -q undo --op 2 > /dev/null 2>&1 && echo done & done; wait";
    assert_eq!(sandbox.sh(script).success().out(), "done");
    assert_eq!(
        sandbox.roar(["rev-list"]).success().out().lines().count(),
        1
    );
    assert_eq!(sandbox.roar(["fsck", "--full"]).code, 0);
}

#[test]
fn after_new_work_there_is_nothing_to_redo() {
    let sandbox = two_runs();
    let _ = sandbox.roar(["undo"]).success();
    let _ = sandbox
        .roar(["-q", "run", "sh", "-c", "cat a > c"])
        .success();
    assert_snapshot!(sandbox.roar(["redo"]), @r"
    --- stderr
    error: there is nothing to redo: more was done since operation 3, the last undo that stands
    hint: `roar op log` lists the operations
    [exit 1]
    ");
}
