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
