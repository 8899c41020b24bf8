//! `roar gc`.

use crate::record_job::history;
use crate::sandbox;
use insta::assert_snapshot;
use serde_json::Value;

#[test]
fn what_was_recorded_moves_and_everything_is_answered_as_before() {
    let sandbox = history();
    let before = sandbox.roar(["log", "--json"]).success().out();
    let dag = sandbox.roar(["dag"]).success().out();
    assert!(
        sandbox
            .roar(["gc", "--dry-run"])
            .success()
            .err()
            .contains("would be moved to a pack")
    );
    assert!(
        sandbox
            .roar(["gc"])
            .success()
            .err()
            .contains("moved to a pack")
    );
    assert_eq!(sandbox.roar(["log", "--json"]).success().out(), before);
    assert_eq!(sandbox.roar(["dag"]).success().out(), dag);
    let counts: Value =
        serde_json::from_str(&sandbox.roar(["count-objects", "--json"]).success().out()).unwrap();
    assert_eq!(
        (&counts["packs"], &counts["segments"]),
        (&1.into(), &1.into())
    );
    let _ = sandbox.roar(["fsck", "--full"]).success();
    assert_snapshot!(sandbox.roar(["gc"]), @r"
    --- stderr
    nothing to tidy up
    ");
}

#[test]
fn what_nothing_leads_to_is_named_before_it_goes() {
    let sandbox = history();
    sandbox.write("set/a", "a");
    sandbox.write("set/b", "b");
    let id = sandbox.roar(["rev-parse", "@1"]).success().out();
    let _ = sandbox.roar(["update-ref", "notes/x", &id]).success();
    let _ = sandbox.roar(["gc"]).success();
    let plan = sandbox.roar(["gc", "--dry-run", "--prune=now"]).success();
    assert_eq!(plan.out(), "", "refs and history lead to everything");
    let run: Value = serde_json::from_str(
        &sandbox
            .roar(["gc", "--prune=now", "--json"])
            .success()
            .out(),
    )
    .unwrap();
    assert_eq!(run["pruned"], Value::Array(vec![]));
    assert_eq!(run["kept"], Value::Null);
}

#[test]
fn collecting_by_itself_is_quiet_and_does_little_for_a_small_store() {
    let sandbox = history();
    assert_snapshot!(sandbox.roar(["gc", "--auto"]), @"");
    assert!(
        !sandbox.path(".roar/packs").exists(),
        "there is little to move"
    );
}

#[test]
fn an_age_that_is_none_is_refused() {
    let sandbox = sandbox();
    let seen = sandbox.roar(["gc", "--prune=soon"]);
    assert_eq!(seen.code, 2);
    assert!(seen.err().contains("`now`"), "{}", seen.err());
}
