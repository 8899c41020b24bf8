//! `roar update-ref`, `for-each-ref`, `reflog`.

use crate::record_job::history;
use insta::assert_snapshot;

#[test]
fn a_ref_moves_only_from_where_it_is_said_to_be() {
    let sandbox = history();
    let _ = sandbox.roar(["update-ref", "notes/best", "@1"]).success();
    assert_snapshot!(sandbox.roar(["update-ref", "notes/best", "@2", "@3"]), @r#"
    --- stderr
    error: ref 'notes/best' has been changed meanwhile
    hint: it names <id> now
    [exit 1]
    "#);
    let _ = sandbox
        .roar(["update-ref", "notes/best", "@2", "@1"])
        .success();
    let zeros = "0".repeat(64);
    assert_eq!(
        sandbox
            .roar(["update-ref", "notes/best", "@3", &zeros])
            .code,
        1
    );
    assert_snapshot!(sandbox.roar(["for-each-ref"]), @r#"
    --- stdout
    <id> job	notes/best
    <id> session	sessions/main
    "#);
    assert_eq!(
        sandbox
            .roar(["for-each-ref", "notes/"])
            .success()
            .out()
            .lines()
            .count(),
        1
    );
    let _ = sandbox.roar(["update-ref", "-d", "notes/best"]).success();
    assert_eq!(sandbox.roar(["update-ref", "-d", "notes/best"]).code, 3);
    let log = sandbox.roar(["reflog", "notes/best"]).success().out();
    assert_eq!(log.lines().count(), 3, "{log}");
}

#[test]
fn what_cannot_be_a_ref_is_refused() {
    let sandbox = history();
    assert_snapshot!(sandbox.roar(["update-ref", "a..b", "@1"]), @r#"
    --- stderr
    error: 'a..b' cannot be the name of a ref: it has two dots in a row
    hint: a ref is called like `sessions/main` or `notes/first`
    [exit 2]
    "#);
    assert_snapshot!(sandbox.roar(["update-ref", "sessions/main", "@1"]), @r#"
    --- stderr
    error: 'sessions/main' names a session, not a job
    hint: `roar reflog` lists what it named before
    [exit 1]
    "#);
    assert_snapshot!(sandbox.roar(["update-ref", "notes/x", &"0".repeat(64)]), @r#"
    --- stderr
    error: nothing here is called '<id>'
    hint: `roar log` lists what was run here; `roar help references` tells how things are named
    [exit 3]
    "#);
    assert_snapshot!(sandbox.roar(["reflog", "notes/never"]), @r#"
    --- stderr
    error: there never was a ref 'notes/never'
    hint: `roar for-each-ref` lists those that there are
    [exit 3]
    "#);
}

#[test]
fn the_session_has_a_log() {
    let sandbox = history();
    let log = sandbox.roar(["reflog", "--json"]).success().out();
    let newest: serde_json::Value = serde_json::from_str(log.lines().next().unwrap()).unwrap();
    let head = sandbox.roar(["rev-parse", "sessions/main"]).success().out();
    assert_eq!(newest["new"], head.as_str());
    assert_eq!(newest["note"], "record-job");
}

#[test]
fn what_could_never_be_asked_for_is_no_ref_and_a_long_name_is_not_repeated() {
    let sandbox = history();
    for name in ["@1", "@best", "-x"] {
        let seen = sandbox.roar(["update-ref", "--", name, "@1"]);
        assert!(
            seen.code == 2 && seen.err().contains("would be taken for"),
            "{seen}"
        );
    }
    let _ = sandbox.roar(["update-ref", "HEAD", "@1"]).success();
    let _ = sandbox.roar(["rev-parse", "HEAD"]).success();
    let long = sandbox.roar(["update-ref", &"x".repeat(5000), "@1"]);
    assert!(long.code == 2 && long.err().len() < 250, "{long}");
}
