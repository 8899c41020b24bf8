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
