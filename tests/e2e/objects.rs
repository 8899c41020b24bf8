//! `roar cat-object`, `rev-parse`, `rev-list`, `count-objects`, `fsck`.

use crate::record_job::history;
use crate::sandbox;
use insta::assert_snapshot;
use std::fs;

#[test]
fn an_object_is_printed_in_each_form() {
    let sandbox = history();
    assert_eq!(
        sandbox.roar(["cat-object", "-t", "@1"]).success().out(),
        "job"
    );
    let size: usize = sandbox
        .roar(["cat-object", "-s", "@1"])
        .success()
        .out()
        .parse()
        .unwrap();
    assert_eq!(
        sandbox.roar(["cat-object", "@1"]).success().stdout.len(),
        size
    );
    assert_snapshot!(sandbox.roar(["cat-object", "-p", "@2"]), @r#"
    --- stdout
    {
      "id": "<id>",
      "object": "job",
      "step": "<id>",
      "name": "train",
      "started_ns": 2000000000,
      "duration_ns": 1500000000,
      "exit": 0,
      "signal": null,
      "interrupted": false,
      "coverage": {
        "verdict": "declared",
        "backend": "none",
        "reasons": []
      },
      "writes": [
        {
          "change": "created",
          "class": "data",
          "base": "project",
          "tree": "<id>",
          "files": 1,
          "bytes": 2
        }
      ],
      "datasets": [],
      "source": null,
      "variables": null,
      "processes": {
        "count": 0,
        "list": []
      },
      "reruns": null
    }
    "#);
    let line = sandbox
        .roar(["cat-object", "--json", "sessions/main"])
        .success()
        .out();
    let link: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(
        (&link["object"], &link["step"]),
        (&"session".into(), &"@3".into())
    );
}

#[test]
fn many_objects_are_asked_for_in_one_go() {
    let sandbox = history();
    let id = sandbox.roar(["rev-parse", "@1"]).success().out();
    let input = format!("{id}\n@1\nnothing\n{}\n@9\n", "0".repeat(64));
    let checked = sandbox
        .roar_with_input(["cat-object", "--batch-check"], &input)
        .success();
    assert_snapshot!(checked, @r#"
    --- stdout
    <id> job 107
    <id> job 107
    nothing missing
    <id> missing
    @9 missing
    "#);
    let full = sandbox
        .roar_with_input(["cat-object", "--batch"], format!("{id}\n"))
        .success();
    let body = sandbox.roar(["cat-object", &id]).success().stdout;
    let mut expected = format!("{id} job {}\n", body.len()).into_bytes();
    expected.extend(body);
    expected.push(b'\n');
    assert_eq!(full.stdout, expected);
}

#[test]
fn words_lead_to_names() {
    let sandbox = history();
    let id = sandbox.roar(["rev-parse", "@2"]).success().out();
    assert_eq!(sandbox.roar(["rev-parse", &id[..10]]).success().out(), id);
    let model = sandbox.roar(["hash-object", "model.json"]).success().out();
    assert_eq!(
        sandbox.roar(["rev-parse", "model.json"]).success().out(),
        model
    );
    assert_eq!(
        sandbox
            .roar_in("data", ["rev-parse", "../model.json"])
            .success()
            .out(),
        model
    );
    assert_snapshot!(sandbox.roar(["rev-parse", "--json", "@3", "model.json", "sessions/main"]), @r#"
    --- stdout
    {"id":"<id>","kind":"job"}
    {"id":"<id>","kind":"artifact"}
    {"id":"<id>","kind":"session"}
    "#);
    assert_snapshot!(sandbox.roar(["rev-parse", "@4"]), @r#"
    --- stderr
    error: this session has no step @4
    hint: the last one is @3; `roar log` lists them all
    [exit 3]
    "#);
    assert_snapshot!(sandbox.roar(["rev-parse", "@0"]), @r#"
    --- stderr
    error: '@0' is not the name of a step, which is '@' and a number, or '@B' and a number
    hint: steps are called @1, @2, … and @B1, @B2, …
    [exit 2]
    "#);
    let step = sandbox.roar(["rev-parse", "@2"]).success().out();
    assert_eq!(sandbox.roar(["rev-parse", "train"]).success().out(), step);
    assert_snapshot!(sandbox.roar(["rev-parse", "modle.json"]), @r#"
    --- stderr
    error: nothing here is called 'modle.json'
    hint: did you mean 'model.json'?
    hint: `roar log` lists what was run here; `roar help references` tells how things are named
    [exit 3]
    "#);
    assert_snapshot!(sandbox.roar(["rev-parse", "trainer"]), @r#"
    --- stderr
    error: nothing here is called 'trainer'
    hint: did you mean 'train'?
    hint: `roar log` lists what was run here; `roar help references` tells how things are named
    [exit 3]
    "#);
}

#[test]
fn jobs_are_listed_with_those_they_came_from() {
    let sandbox = history();
    let json = |words: &[&str]| sandbox.roar(words).success().out();
    assert_eq!(json(&["rev-list"]).lines().count(), 3);
    let steps = json(&["rev-list", "--json", "--reverse", "model.json"]);
    assert!(
        steps.contains("@1") && steps.contains("@2") && !steps.contains("@3"),
        "{steps}"
    );
    assert_eq!(json(&["rev-list", "-n", "1"]), json(&["rev-parse", "@3"]));
    assert_eq!(sandbox.roar(["rev-list", "raw.csv"]).code, 3);
}

#[test]
fn counts_and_checks_agree() {
    let sandbox = history();
    let quick = sandbox.roar(["fsck"]).success().err();
    assert!(
        quick.ends_with("was not read: `--full` does that"),
        "{quick}"
    );
    assert_snapshot!(sandbox.roar(["fsck", "--full"]), @r#"
    --- stderr
    20 objects, nothing wrong
    "#);
    let counts = sandbox.roar(["count-objects"]).success().out();
    assert!(
        counts.contains("job_objects: 3\n") && counts.contains("refs: 1\n"),
        "{counts}"
    );
    let json = sandbox.roar(["fsck", "--json"]).success().out();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["counts"]["job_objects"], 3);
    let _ = sandbox.roar(["fsck", "--rebuild"]).success();
    assert_eq!(
        sandbox.roar(["rev-list"]).success().out().lines().count(),
        3
    );
}

#[test]
fn damage_is_found_and_has_its_exit_code() {
    let sandbox = history();
    let journal = fs::read_dir(sandbox.path(".roar/journal")).unwrap();
    let segment = journal.map(|entry| entry.unwrap().path()).max().unwrap();
    let mut bytes = fs::read(&segment).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x55;
    fs::write(&segment, bytes).unwrap();
    let seen = sandbox.roar(["fsck", "--full"]);
    assert_eq!(seen.code, 6, "{seen}");
}

#[test]
fn without_a_workspace_it_is_said_how_to_begin() {
    assert_snapshot!(sandbox().roar(["rev-list"]), @r#"
    --- stderr
    error: there is no roar workspace in '$SANDBOX/work' or any directory above it
    hint: `roar run COMMAND` makes one and records the command; `roar init` only makes one
    [exit 1]
    "#);
}

#[test]
fn a_name_is_guessed_as_it_is_called_from_where_one_is() {
    let sandbox = history();
    let _ = sandbox.sh("mkdir -p sub").success();
    for (typed, meant) in [
        ("model.json", "../model.json"),
        ("../modle.json", "../model.json"),
    ] {
        let seen = sandbox.roar_in("sub", ["inputs", typed]);
        let hint = format!("did you mean '{meant}'?");
        assert!(seen.code == 3 && seen.err().contains(&hint), "{seen}");
    }
}
