use crate::sandbox;
use insta::assert_snapshot;
use roar_testkit::Sandbox;

/// A small history: raw data is cut in two, a model is trained on one half, and evaluated on both.
pub(crate) const JOBS: &str = r#"
{"argv": ["split", "raw.csv"], "inputs": [{"path": "raw.csv"}], "outputs": [{"path": "data/a.csv"}, {"path": "data/b.csv"}], "started_ns": 1000000000, "duration_ns": 500000000, "exit": 0}
{"argv": ["python", "train.py", "--lr", "0.1"], "name": "train", "inputs": [{"path": "data/a.csv"}], "outputs": [{"path": "model.json"}], "started_ns": 2000000000, "duration_ns": 1500000000, "exit": 0}
{"argv": ["evaluate"], "inputs": [{"path": "data/b.csv"}, {"path": "model.json"}], "code": [{"path": "evaluate.py"}], "outputs": [{"path": "report.txt"}], "started_ns": 4000000000, "duration_ns": 100000000, "exit": 0}
"#;

/// A workspace with that history, and its files.
pub(crate) fn history() -> Sandbox {
    let sandbox = sandbox();
    for (path, contents) in [
        ("raw.csv", "1\n2\n"),
        ("data/a.csv", "1\n"),
        ("data/b.csv", "2\n"),
        ("model.json", "{}"),
        ("evaluate.py", "print()"),
        ("report.txt", "good"),
    ] {
        sandbox.write(path, contents);
    }
    let _ = sandbox.roar_with_input(["record-job"], JOBS).success();
    sandbox
}

#[test]
fn jobs_are_recorded_and_their_ids_printed() {
    let sandbox = sandbox();
    sandbox.write("a", "a");
    let line = r#"{"argv": ["make"], "inputs": [{"path": "a"}]}"#;
    assert_snapshot!(sandbox.roar_with_input(["record-job"], line), @r#"
    --- stdout
    <id>
    --- stderr
    made '$SANDBOX/work/.roar'
    "#);
    let ids = sandbox.roar_with_input(["record-job", "--json"], format!("{line}\n\n{line}\n"));
    assert_eq!(ids.success().out().lines().count(), 2);
}

#[test]
fn a_job_that_is_shown_can_be_recorded_elsewhere() {
    let (from, to) = (history(), sandbox());
    let shown = |sandbox: &Sandbox| -> serde_json::Value {
        let text = sandbox.roar(["show", "--json", "@1"]).success().out();
        serde_json::from_str(&text).unwrap()
    };
    let line = shown(&from).to_string();
    let _ = to.roar_with_input(["record-job"], line).success();
    for field in [
        "argv",
        "inputs",
        "outputs",
        "started_ns",
        "duration_ns",
        "exit",
    ] {
        assert_eq!(shown(&from)[field], shown(&to)[field], "{field}");
    }
}

#[test]
fn a_bad_line_is_named_and_nothing_is_recorded() {
    let sandbox = sandbox();
    let _ = sandbox.roar(["init"]).success();
    let good = r#"{"argv": ["good"]}"#;
    let bad = |line: &str| sandbox.roar_with_input(["record-job"], format!("{good}\n{line}\n"));
    assert_snapshot!(bad("{"), @r#"
    --- stderr
    error: line 2: it is not JSON: EOF while parsing an object at line 1 column 1
    hint: each line is a whole JSON object; `jq -c` writes them so
    hint: nothing was recorded; `roar help record-job` lists the fields
    [exit 2]
    "#);
    assert_snapshot!(bad("[]"), @r#"
    --- stderr
    error: line 2: it is not a JSON object
    hint: nothing was recorded; `roar help record-job` lists the fields
    [exit 2]
    "#);
    assert_snapshot!(bad("{}"), @r#"
    --- stderr
    error: line 2: 'argv' is not a list of words, the command first
    hint: nothing was recorded; `roar help record-job` lists the fields
    [exit 2]
    "#);
    assert_snapshot!(bad(r#"{"argv": ["x"], "output": []}"#), @r#"
    --- stderr
    error: line 2: there is no field 'output'
    hint: did you mean 'outputs'?
    hint: nothing was recorded; `roar help record-job` lists the fields
    [exit 2]
    "#);
    assert_snapshot!(bad(r#"{"argv": ["x"], "inputs": [{"path": "a", "hash": "abcd"}]}"#), @r#"
    --- stderr
    error: line 2: inputs[0]: 'hash' is not 64 hex digits
    hint: nothing was recorded; `roar help record-job` lists the fields
    [exit 2]
    "#);
    assert_snapshot!(bad(r#"{"argv": ["x"], "inputs": [{"path": "gone"}]}"#), @r#"
    --- stderr
    error: job 2 gives no hash for a file, and it cannot be read
    cause: cannot hash '$SANDBOX/work/gone'
    cause: it cannot be opened
    cause: No such file or directory (os error 2)
    hint: give its "hash" and "size" if the file is not here any more
    [exit 3]
    "#);
    assert_snapshot!(bad(r#"{"argv": ["x"], "exit": 1000}"#), @r#"
    --- stderr
    error: line 2: 'exit' is not a number from 0 to 255
    hint: nothing was recorded; `roar help record-job` lists the fields
    [exit 2]
    "#);
    assert_snapshot!(bad(r#"{"argv": ["x"], "outputs": [{"path": "a", "change": "moved"}]}"#), @r#"
    --- stderr
    error: line 2: outputs[0]: 'change' cannot be 'moved'
    hint: nothing was recorded; `roar help record-job` lists the fields
    [exit 2]
    "#);
    assert_eq!(sandbox.roar(["rev-list"]).success().out(), "");
}

#[test]
fn names_of_files_are_bytes() {
    let sandbox = sandbox();
    let id = "ab".repeat(32);
    let line = format!(
        r#"{{"argv": ["x"], "outputs": [{{"path": {{"bytes": "YQpi/w=="}}, "hash": "{id}", "size": 3}}]}}"#
    );
    let _ = sandbox.roar_with_input(["record-job"], line).success();
    let listed = sandbox.roar(["diff-tree", "--json", "@1", "."]);
    assert!(listed.out().contains("YQpi/w=="), "{listed}");
}

#[test]
fn secrets_in_described_jobs_are_written_over() {
    const TOKEN: &str = "ghp_0123456789abcdefghijABCDEFGHIJ012345";
    let sandbox = sandbox();
    let line = format!(
        r#"{{"argv": ["curl", "{TOKEN}"], "name": "{TOKEN}", "git": {{"branch": "{TOKEN}",
        "remote": "https://bob:{TOKEN}@example.com/x.git", "broken": "no {TOKEN}"}}}}"#
    );
    let line = line.replace('\n', " ");
    let _ = sandbox.roar_with_input(["record-job"], line).success();
    let shown = sandbox.roar(["show", "--json", "@1"]).success().out();
    assert!(!shown.contains(TOKEN), "{shown}");
    assert!(shown.contains("@example.com/x.git"), "{shown}");
    let found = sandbox.sh(&format!("! grep -rl {TOKEN} .roar"));
    let _ = found.success();
}

#[test]
fn what_no_run_could_be_is_refused() {
    let sandbox = sandbox();
    let _ = sandbox.roar(["init"]).success();
    let id = "ab".repeat(20);
    let long = "x".repeat(201);
    for (fields, expected) in [
        (
            r#""name": """#.to_owned(),
            "'name': a name has 1 to 200 bytes",
        ),
        (
            r#""name": "a\nb""#.to_owned(),
            "'name': a name has 1 to 200 bytes",
        ),
        (
            format!(r#""name": "{long}""#),
            "'name': a name has 1 to 200 bytes",
        ),
        (
            r#""name": "@1""#.to_owned(),
            "'name': a name does not begin with '@'",
        ),
        (
            r#""name": "x", "name": "y""#.to_owned(),
            "'name' is there twice",
        ),
        (
            r#""git": {"commit": "zz"}"#.to_owned(),
            "git: 'commit' is not the id of a git object",
        ),
        (
            r#""git": {"tree": "abcd"}"#.to_owned(),
            "git: 'tree' is not the id of a git object",
        ),
        (
            format!(r#""git": {{"dirty": true, "dirty": true, "commit": "{id}"}}"#),
            "'dirty' is there twice",
        ),
        (
            r#""started_ns": 18446744073709551615"#.to_owned(),
            "'started_ns' is not a whole number",
        ),
    ] {
        let line = format!(r#"{{"argv": ["x"], {fields}}}"#);
        let seen =
            sandbox.roar_with_input(["record-job"], format!("{{\"argv\": [\"ok\"]}}\n{line}\n"));
        assert_eq!(seen.code, 2, "{seen}");
        assert!(
            seen.err().contains(&format!("error: line 2: {expected}")),
            "{seen}"
        );
    }
    let nul = r#"{"argv": ["x\u0000y"]}"#;
    let seen = sandbox.roar_with_input(["record-job"], nul);
    assert!(
        seen.err()
            .contains("line 1: 'argv' has a word that holds a NUL byte"),
        "{seen}"
    );
    assert_eq!(sandbox.roar(["rev-list"]).success().out(), "");
    let good =
        format!(r#"{{"argv": ["x"], "name": "n", "git": {{"commit": "{id}", "tree": null}}}}"#);
    let _ = sandbox.roar_with_input(["record-job"], good).success();
}

#[test]
fn what_cannot_be_is_named_with_the_file_and_the_reason() {
    let sandbox = sandbox();
    let _ = sandbox.roar(["init"]).success();
    let hash = "0".repeat(64);
    let file = |path: &str| format!(r#"{{"path": "{path}", "hash": "{hash}"}}"#);
    let job = |side: &str, files: &[String]| {
        format!(r#"{{"argv": ["x"], "{side}": [{}]}}"#, files.join(", "))
    };
    for (line, told) in [
        (
            job("inputs", &[file("a"), file("b"), file("a")]),
            "job 1 cannot have read 'a': it is listed twice",
        ),
        (
            job("outputs", &[file("d"), file("d/e")]),
            "job 1 cannot have written 'd': another file lies in it",
        ),
        (
            r#"{"argv": ["x"], "started_ns": -5}"#.to_owned(),
            "line 1: 'started_ns' is not nanoseconds since 1970",
        ),
        (
            "{\n  \"argv\": [\"x\"]\n}".to_owned(),
            "each line is a whole JSON object; `jq -c` writes them so",
        ),
    ] {
        let seen = sandbox.roar_with_input(["record-job"], &line);
        assert!(seen.code == 2 && seen.err().contains(told), "{seen}");
    }
}

#[test]
fn a_job_with_a_large_dataset_can_be_recorded_elsewhere() {
    let (from, to) = (sandbox(), sandbox());
    let _ = from
        .sh("mkdir d; for i in $(seq 300); do echo $i > d/$i; done; roar -q run sh -c 'cat d/* > all'")
        .success();
    let shown = |words: &[&str]| {
        let text = from.roar(words).success().out();
        serde_json::from_str::<serde_json::Value>(&text)
            .unwrap()
            .to_string()
    };
    let brief = to.roar_with_input(["record-job"], shown(&["show", "--json", "@1"]));
    assert!(
        brief.err().contains("hint: `roar show --all --json`"),
        "{brief}"
    );
    let whole = shown(&["show", "--all", "--json", "@1"]);
    let _ = to.roar_with_input(["record-job"], whole).success();
    let listed = |sandbox: &Sandbox, reads: &[&str]| {
        let words = [&["ls-tree", "@1"], reads].concat();
        sandbox.roar(words).success().out()
    };
    let reads = listed(&to, &["--reads"]);
    assert_eq!(reads, listed(&from, &["d", "--reads"]));
    assert_eq!(reads.lines().count(), 300);
}

#[test]
fn what_was_read_was_not_changed() {
    let line = r#"{"argv": ["x"], "inputs": [{"path": "a", "change": "created"}]}"#;
    let seen = sandbox().roar_with_input(["record-job"], line);
    assert_eq!(seen.code, 2);
    assert!(
        seen.err()
            .contains("inputs[0]: 'change' is of outputs only"),
        "{seen}"
    );
}

#[test]
fn a_job_that_ran_what_a_job_made_can_be_recorded_elsewhere() {
    let sandbox = crate::sandbox();
    let make = "printf '#!/bin/sh\\necho hi\\n' > p; chmod +x p";
    let _ = sandbox.roar(["-q", "run", "sh", "-c", make]).success();
    let _ = sandbox.roar(["-q", "run", "./p"]).success();
    let shown = sandbox.roar(["show", "--all", "--json"]).success().out();
    let line: serde_json::Value = serde_json::from_str(&shown).unwrap();
    let _ = sandbox.roar(["init", "elsewhere"]).success();
    let words = ["-C", "elsewhere", "record-job"];
    let _ = sandbox.roar_with_input(words, line.to_string()).success();
}
