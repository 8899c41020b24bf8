use crate::sandbox;
use serde_json::Value;

#[test]
fn what_works_is_tried_and_what_does_not_is_told_with_a_way_out() {
    let sandbox = sandbox();
    let _ = sandbox.roar(["init"]).success();
    let seen = sandbox.roar(["doctor", "--json"]).success();
    let report: Value = serde_json::from_slice(&seen.stdout).unwrap();
    let names: Vec<_> = report["checks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|check| check["name"].as_str().unwrap())
        .collect();
    for name in [
        "kernel",
        "watching",
        "git",
        "settings",
        "workspace",
        "store",
        "disk",
        "clock",
    ] {
        assert!(names.contains(&name), "{name} of {names:?}");
    }
    sandbox.write(".roarconfig", "[run]\ndirty = 'maybe'\n");
    let seen = sandbox.roar(["doctor"]);
    assert_eq!(seen.code, 1);
    assert!(
        seen.out().contains("bad   settings") && seen.out().contains("hint:"),
        "{seen}"
    );
}

#[test]
fn it_leaves_nothing_behind() {
    let sandbox = sandbox();
    let _ = sandbox.roar(["doctor"]).success();
    assert_eq!(std::fs::read_dir(sandbox.work()).unwrap().count(), 0);
}

#[test]
fn runs_of_other_projects_are_counted_apart() {
    let sandbox = sandbox();
    let _ = sandbox.roar(["init"]).success();
    let gone = "mkdir ../gone && cd ../gone && rmdir ../gone && roar run echo hi";
    let left = sandbox.sh(gone).success();
    assert!(left.err().contains("kept in"), "{left}");
    let seen = sandbox.roar(["doctor"]).success();
    assert!(
        seen.out()
            .contains("all are recorded; 1 run of other projects"),
        "{seen}"
    );
    assert!(
        seen.out().contains("of 1 run the project is gone"),
        "{seen}"
    );
}

#[test]
fn every_setting_that_there_is_not_is_listed() {
    let sandbox = sandbox().with("ROAR_NOSUCH", "1");
    let _ = sandbox.roar(["init"]).success();
    sandbox.write(".roarconfig", "[run]\ndirtty = 'refuse'\n[zzz]\nx = 1\n");
    let seen = sandbox.roar(["doctor"]).success();
    for name in [
        "'run.dirtty', did you mean 'run.dirty'?",
        "'zzz.x'",
        "'ROAR_NOSUCH'",
    ] {
        assert!(seen.out().contains(name), "{seen}");
    }
}

#[test]
fn a_repository_without_commits_is_said_to_have_none() {
    let sandbox = sandbox();
    let _ = sandbox
        .sh("git -c init.defaultBranch=main init -q .")
        .success();
    let seen = sandbox.roar(["doctor"]).success();
    assert!(seen.out().contains("git: main, no commit yet\n"), "{seen}");
}
