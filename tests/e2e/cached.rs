//! `roar run --cached`.

use crate::sandbox;
use insta::assert_snapshot;
use roar_testkit::Sandbox;
use std::fs;

/// Runs a line of shell, with nothing on standard input.
fn cached(sandbox: &Sandbox, command: &str) -> String {
    let line = format!("roar run -v --cached {command} < /dev/null");
    sandbox.sh(&line).success().err()
}

/// Returns why the command was run, or an empty text if it was not.
#[track_caller]
fn missed(sandbox: &Sandbox, command: &str) -> String {
    let said = cached(sandbox, command);
    if said.starts_with("roar: skipped; ") {
        return String::new();
    }
    let why = said
        .lines()
        .find_map(|line| line.strip_prefix("roar: not skipped: "));
    why.unwrap_or_else(|| panic!("{said}")).to_owned()
}

const SORT: &str = "sh -c 'sort data.csv > sorted.csv'";

fn sorted() -> Sandbox {
    let sandbox = sandbox();
    sandbox.write("data.csv", "b\na\n");
    let _ = sandbox.roar(["init"]).success();
    assert_eq!(
        missed(&sandbox, SORT),
        "this command was not run here before"
    );
    sandbox
}

fn jobs(sandbox: &Sandbox) -> usize {
    sandbox.roar(["rev-list"]).success().out().lines().count()
}

#[test]
fn what_was_done_is_not_done_again() {
    let sandbox = sorted();
    assert_snapshot!(sandbox.sh(&format!("roar run --cached {SORT} < /dev/null")), @r"
    --- stderr
    roar: skipped; @1 <short> did the same: 1 file in place
    ");
    assert_eq!(jobs(&sandbox), 1);
    // A plain run serves as well.
    sandbox.write("data.csv", "c\n");
    let _ = sandbox
        .sh(&format!("roar -q run {SORT} < /dev/null"))
        .success();
    assert_eq!(missed(&sandbox, SORT), "");
    assert_eq!(jobs(&sandbox), 2);
}

#[test]
fn whatever_it_read_must_be_as_it_was() {
    let sandbox = sorted();
    sandbox.write("data.csv", "c\n");
    assert_eq!(missed(&sandbox, SORT), "input 'data.csv' changed");
    assert_eq!(missed(&sandbox, SORT), "");
    fs::rename(sandbox.path("data.csv"), sandbox.path("other")).unwrap();
    let line = format!("roar run -v --cached {SORT} < /dev/null");
    assert!(sandbox.sh(&line).err().contains("input 'data.csv' is gone"));
}

#[test]
fn its_code_its_arguments_and_its_place_count() {
    let sandbox = sandbox();
    let _ = sandbox.roar(["init"]).success();
    sandbox.write("make.sh", "echo $1 > out");
    assert_ne!(missed(&sandbox, "sh make.sh 1"), "");
    assert_eq!(missed(&sandbox, "sh make.sh 1"), "");
    assert_eq!(
        missed(&sandbox, "sh make.sh 2"),
        "this command was not run here before"
    );
    sandbox.write("make.sh", "echo $1 $1 > out");
    assert_eq!(missed(&sandbox, "sh make.sh 2"), "input 'make.sh' changed");
    sandbox.write("sub/make.sh", "echo $1 > out");
    let line = "cd sub && roar run -v --cached sh make.sh 2 < /dev/null";
    assert!(
        sandbox
            .sh(line)
            .success()
            .err()
            .contains("not run here before")
    );
}

#[test]
fn variables_count_whether_or_not_their_values_are_recorded() {
    let sandbox = sandbox();
    let _ = sandbox.roar(["init"]).success();
    let command = "sh -c 'echo $MODE $SEED > out'";
    assert_ne!(missed(&sandbox, command), "");
    assert_eq!(missed(&sandbox, command), "");
    for variable in ["MODE=fast", "SEED=1"] {
        let line = format!("{variable} roar run -v --cached {command} < /dev/null");
        let said = sandbox.sh(&line).success().err();
        let name = &variable[..4];
        assert!(said.contains(&format!("variable {name} changed")), "{said}");
    }
    let said = sandbox.sh(&format!(
        "SHLVL=7 roar run -v --cached {command} < /dev/null"
    ));
    assert!(said.err().contains("not skipped"), "{said}");
    let said = sandbox.sh(&format!(
        "SHLVL=9 roar run -v --cached {command} < /dev/null"
    ));
    assert!(said.err().contains("skipped;"), "{said}");
}

#[test]
fn what_was_missing_and_is_there_now_is_a_change() {
    let sandbox = sandbox();
    let _ = sandbox.roar(["init"]).success();
    let probe = "sh -c 'cat override.cfg 2>/dev/null > out || echo none > out'";
    let elsewhere = sandbox.root().join("extra.cfg");
    let outside = format!("sh -c 'cat {} > far 2>/dev/null; :'", elsewhere.display());
    let test = "sh -c 'if [ -e flag ]; then echo 1; else echo 0; fi > told'";
    for command in [probe, &outside, test] {
        assert_ne!(missed(&sandbox, command), "");
    }
    for command in [probe, &outside, test] {
        assert_eq!(missed(&sandbox, command), "");
    }
    sandbox.write("override.cfg", "x");
    let why = missed(&sandbox, probe);
    assert!(why.ends_with("override.cfg' is there now"), "{why}");
    fs::write(&elsewhere, "x").unwrap();
    assert!(missed(&sandbox, &outside).contains("is there now"));
    // Asking whether a file exists leaves no trace, so any new file where it ran counts.
    sandbox.write("flag", "");
    assert_ne!(missed(&sandbox, test), "");
    assert_eq!(sandbox.read("told"), b"1\n");
}

#[test]
fn a_directory_that_was_listed_must_hold_the_same_names() {
    let sandbox = sandbox();
    sandbox.write("data/a.csv", "a");
    let _ = sandbox.roar(["init"]).success();
    let list = "sh -c 'ls data > list'";
    let glob = "sh -c 'cat data/*.csv > all'";
    for command in [list, glob] {
        assert_ne!(missed(&sandbox, command), "");
        assert_eq!(missed(&sandbox, command), "", "{command}");
    }
    sandbox.write("data/b.csv", "b");
    assert_eq!(missed(&sandbox, list), "'data/b.csv' is new");
    assert_eq!(missed(&sandbox, glob), "'data/b.csv' is new");
    fs::remove_file(sandbox.path("data/b.csv")).unwrap();
    assert_eq!(missed(&sandbox, list), "'data/b.csv' is gone");
    // What another step makes there counts too, if this one could have used it.
    let _ = sandbox
        .sh("roar -q run sh -c 'echo 1 > data/c.csv'")
        .success();
    assert_eq!(missed(&sandbox, glob), "input 'data/b.csv' is gone");
    let _ = sandbox
        .sh("roar -q run sh -c 'echo 1 > data/d.csv; echo 1 > data/e.bin'")
        .success();
    assert_eq!(missed(&sandbox, glob), "'data/d.csv' is new");
    let _ = sandbox
        .sh("roar -q run sh -c 'echo 1 > data/f.bin'")
        .success();
    assert_eq!(missed(&sandbox, glob), "");
}

#[test]
fn outputs_must_be_in_place_or_kept() {
    let sandbox = sorted();
    fs::remove_file(sandbox.path("sorted.csv")).unwrap();
    assert_eq!(
        missed(&sandbox, SORT),
        "output 'sorted.csv' is not as it was, and was not kept"
    );
    sandbox.write("data.csv", "z\ny\n");
    let _ = sandbox
        .sh(&format!("roar -q run --keep {SORT} < /dev/null"))
        .success();
    for change in ["rm sorted.csv", "echo other > sorted.csv"] {
        let _ = sandbox.sh(change).success();
        let said = cached(&sandbox, SORT);
        assert!(said.contains("1 file in place, 1 put back"), "{said}");
        assert_eq!(sandbox.read("sorted.csv"), b"y\nz\n");
    }
}

#[test]
fn going_back_to_other_arguments_is_told_to_the_session() {
    let sandbox = sandbox();
    let _ = sandbox.roar(["init"]).success();
    sandbox.write("make.sh", "echo $1 > out");
    for rate in ["1", "2"] {
        assert_ne!(missed(&sandbox, &format!("--keep sh make.sh {rate}")), "");
    }
    assert_eq!(missed(&sandbox, "--keep sh make.sh 1"), "");
    assert_eq!(sandbox.read("out"), b"1\n");
    let status = sandbox.roar(["status", "--json"]).success();
    let status: serde_json::Value = serde_json::from_slice(&status.stdout).unwrap();
    assert_eq!(status["drift"].as_array().unwrap().len(), 0, "{status}");
    let dag = sandbox.roar(["dag", "--json"]).success();
    let dag: serde_json::Value = serde_json::from_slice(&dag.stdout).unwrap();
    assert_eq!(dag["nodes"].as_array().unwrap().len(), 1);
    assert_eq!(dag["nodes"][0]["argv"][2], "1");
    let _ = sandbox.roar(["undo"]).success();
    assert_eq!(sandbox.roar(["fsck", "--full"]).code, 0);
}

#[test]
fn failed_runs_and_runs_without_files_never_serve() {
    let sandbox = sandbox();
    let _ = sandbox.roar(["init"]).success();
    let fails = "roar run -v --cached sh -c 'echo 1 > out; exit 3' < /dev/null";
    assert_eq!(sandbox.sh(fails).code, 3);
    let again = sandbox.sh(fails);
    assert_eq!(again.code, 3);
    assert!(
        again
            .err()
            .contains("not skipped: the last run of it failed"),
        "{again}"
    );
    assert_ne!(missed(&sandbox, "echo hello"), "");
    assert!(missed(&sandbox, "echo hello").contains("it left no files"));
}

#[test]
fn where_standard_input_and_output_lead_counts() {
    let sandbox = sandbox();
    let _ = sandbox.roar(["init"]).success();
    sandbox.write("a", "a\n");
    sandbox.write("b", "b\n");
    let run = |redirect: &str| {
        sandbox
            .sh(&format!(
                "{redirect} roar run -v --cached sh -c 'tr a-z A-Z > out'"
            ))
            .err()
    };
    for redirect in ["< a", "< b"] {
        assert!(run(redirect).contains("not skipped"), "{redirect}");
        assert!(run(redirect).contains("skipped;"), "{redirect}");
    }
    assert!(run("< a").contains("not skipped: standard input is another"));
    let piped = sandbox
        .sh("echo x | roar run -v --cached sh -c 'tr a-z A-Z > out'")
        .err();
    assert!(
        piped.contains("what comes through standard input"),
        "{piped}"
    );
    for file in ["one", "two"] {
        let said = sandbox.sh(&format!("roar run -v --cached cat a > {file} < /dev/null"));
        assert!(said.err().contains("not skipped"), "{said}");
        assert_eq!(sandbox.read(file), b"a\n");
    }
}

#[test]
fn options_of_the_command_are_its_own() {
    let sandbox = sandbox();
    let _ = sandbox.roar(["init"]).success();
    let line = "roar -q run --cached sh -c 'echo $0 $1 > out' --cached --cached < /dev/null";
    let _ = sandbox.sh(line).success();
    assert_eq!(sandbox.read("out"), b"--cached --cached\n");
}
