//! `roar run --cached`.

use crate::sandbox;
use insta::assert_snapshot;
use roar_testkit::Sandbox;
use serde_json::Value;
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
}

#[test]
fn a_run_that_did_not_tell_where_it_looked_never_serves() {
    let sandbox = sorted();
    sandbox.write("data.csv", "c\n");
    let _ = sandbox
        .sh(&format!("roar -q run {SORT} < /dev/null"))
        .success();
    assert_eq!(
        missed(&sandbox, SORT),
        "the last run of it was without --cached, so where it looked is not known"
    );
    assert_eq!(missed(&sandbox, SORT), "");
    assert_eq!(jobs(&sandbox), 3);
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
    sandbox.write("flag", "");
    assert_eq!(missed(&sandbox, test), "'flag' is there now");
    assert_eq!(sandbox.read("told"), b"1\n");
}

/// Records a command, finds it served, makes a change, and returns why it is not served any more;
/// nothing if it still is.
#[track_caller]
fn after(sandbox: &Sandbox, command: &str, change: &str) -> String {
    let _ = missed(sandbox, command);
    assert_eq!(missed(sandbox, command), "", "{command}");
    let _ = sandbox.sh(change).success();
    missed(sandbox, command)
}

#[test]
fn whatever_is_asked_of_a_name_counts() {
    let sandbox = sandbox();
    let _ = sandbox.roar(["init"]).success();
    sandbox.write("a", "a");
    sandbox.write("b", "b");
    let _ = sandbox.sh("touch -d 2020-01-01 a; touch -d 2020-01-02 b; mkdir dir; ln -s a link");
    for (command, change, why) in [
        (
            "test -f flag && echo yes > out || echo no > out",
            "touch flag",
            "'flag' is there now",
        ),
        (
            "test -f flag && echo yes > out || echo no > out",
            "rm flag",
            "'flag' is gone",
        ),
        (
            "test -d none/flag; echo $? > out",
            "mkdir -p none/flag",
            "'none' is there now",
        ),
        (
            "test -d none/flag; echo $? > out",
            "rmdir none/flag",
            "'none/flag' is gone",
        ),
        ("test -s a; echo $? > out", ": > a", "'a' changed"),
        ("test -x a; echo $? > out", "chmod +x a", "'a' changed"),
        ("[ a -nt b ]; echo $? > out", "touch a", "'a' changed"),
        (
            "test -d dir; echo $? > out",
            "rmdir dir && touch dir",
            "'dir' changed",
        ),
        ("readlink link > out", "ln -sf b link", "'link' changed"),
        (
            "mkdir new/deep 2> err; echo $? > out",
            "mkdir new",
            "'new' is there now",
        ),
        (
            "echo 1 2> err > very/deep; echo $? > out",
            "mkdir very",
            "'very' is there now",
        ),
        ("ls -l b > out", "echo longer > b", "'b' changed"),
    ] {
        let command = format!("sh -c '{command}'");
        assert_eq!(after(&sandbox, &command, change), why, "{command}");
        // What is as it was before serves again, or has been recorded since.
        assert_eq!(missed(&sandbox, &command), "", "{command}");
    }
}

#[test]
fn whatever_is_listed_counts() {
    let sandbox = sandbox();
    let _ = sandbox.roar(["init"]).success();
    for file in ["dir/a.csv", "flat/read.csv", "flat/other", "far/x"] {
        sandbox.write(file, "1\n");
    }
    for (command, change, why) in [
        ("ls dir | wc -l > out", "touch dir/b", "'dir/b' is new"),
        ("ls dir | wc -l > out", "rm dir/b", "'dir/b' is gone"),
        (
            "find far -type f > out",
            "mkdir far/deep",
            "'far/deep' is new",
        ),
        (
            "echo dir/*.csv > out",
            "touch dir/c.csv",
            "'dir/c.csv' is new",
        ),
        // The same where it reads a file, and another step makes one with another ending.
        (
            "cat flat/read.csv > out; ls flat | wc -l >> out",
            "roar -q run sh -c \"echo 1 > flat/made.bin\" < /dev/null",
            "'flat/made.bin' is new",
        ),
    ] {
        let command = format!("sh -c '{command}'");
        assert_eq!(after(&sandbox, &command, change), why, "{command}");
        assert_eq!(missed(&sandbox, &command), "", "{command}");
    }
}

#[test]
fn what_python_asks_and_lists_counts() {
    let sandbox = sandbox();
    let _ = sandbox.roar(["init"]).success();
    sandbox.write(
        "src/exists.py",
        "import os; open('out', 'w').write(str(os.path.exists('flag')))",
    );
    sandbox.write(
        "src/list.py",
        "import os; open('out', 'w').write(str(len(os.listdir('dir'))))",
    );
    sandbox.write(
        "src/glob.py",
        "import glob; open('out', 'w').write(str(glob.glob('dir/*.csv')))",
    );
    sandbox.write(
        "src/size.py",
        "import os; open('out', 'w').write(str(os.stat('sized').st_size))",
    );
    sandbox.write("dir/a.csv", "");
    sandbox.write("sized", "1");
    for (script, change, why) in [
        ("exists", "touch flag", "'flag' is there now"),
        ("list", "touch dir/b", "'dir/b' is new"),
        ("glob", "touch dir/c.csv", "'dir/c.csv' is new"),
        ("size", "echo longer > sized", "'sized' changed"),
        ("list", "touch src/glob.pyc far", ""),
        ("exists", "touch unrelated", ""),
    ] {
        let command = format!("python3 -I src/{script}.py");
        assert_eq!(after(&sandbox, &command, change), why, "{command}");
    }
}

#[test]
fn a_name_that_would_be_found_earlier_counts() {
    let sandbox = sandbox();
    let _ = sandbox.roar(["init"]).success();
    for (file, says) in [("late/tool", "late"), ("early/other", "")] {
        sandbox.write(file, format!("#!/bin/sh\necho {says}\n"));
    }
    let _ = sandbox.sh("chmod +x late/tool; mkdir bin");
    let path = "PATH=$PWD/early:$PWD/late:$PATH";
    let missed = |command: &str| {
        let line = format!("{path} roar run -v --cached {command} < /dev/null");
        sandbox.sh(&line).success().err()
    };
    let inside = "sh -c 'tool > out'";
    for command in [inside, "tool > direct"] {
        assert!(missed(command).contains("not skipped"), "{command}");
        assert!(missed(command).contains("skipped;"), "{command}");
    }
    let _ = sandbox.sh("sed s/late/early/ late/tool > early/tool; chmod +x early/tool");
    assert!(missed(inside).contains("'early/tool' is there now"));
    let why = "its name stands for another program now";
    assert!(missed("tool > direct").contains(why));
    assert_eq!(sandbox.read("out"), b"early\n");
    assert_eq!(sandbox.read("direct"), b"early\n");
}

#[test]
fn where_links_lead_counts() {
    let sandbox = sandbox();
    let _ = sandbox.roar(["init"]).success();
    for (file, text) in [("v1/data", "1"), ("v2/data", "2")] {
        sandbox.write(file, text);
    }
    let _ = sandbox.sh("ln -s v1 current; touch v1/flag");
    for command in [
        "cat current/data > out",
        "test -e current/flag; echo $? > out",
        "cd current && cat data > ../out",
        "ls current/ > out",
        "cat v1/data > current/made",
    ] {
        let command = format!("sh -c '{command}'");
        let why = after(&sandbox, &command, "ln -sfn v2 current");
        assert!(
            why.ends_with("leads elsewhere") || why.ends_with("is gone") || why.contains("changed"),
            "{command}: {why}"
        );
        let _ = sandbox.sh("ln -sfn v1 current; rm -f v2/made");
    }
}

#[test]
fn what_does_not_matter_does_not_count() {
    let sandbox = sandbox();
    let _ = sandbox.roar(["init"]).success();
    sandbox.write("data/a.csv", "b\na\n");
    sandbox.write(
        "make.sh",
        "mkdir -p made; sort data/a.csv > made/out; ls data > made/list",
    );
    let command = "sh make.sh";
    for change in [
        "mkdir far; touch far/file",
        "touch elsewhere",
        // Its bytes were read, and are the same.
        "touch data/a.csv make.sh",
        "cp make.sh other; mv other make.sh",
        // What a file stands for that was read through no link.
        "ln -s data linked",
        "touch .roar/something",
    ] {
        assert_eq!(after(&sandbox, command, change), "", "{change}");
    }
    // What it makes itself is no condition of it.
    assert_ne!(missed(&sandbox, "--keep sh make.sh again"), "");
    sandbox.write("data/b.csv", "");
    assert_ne!(missed(&sandbox, "--keep sh make.sh again"), "");
    let _ = sandbox.sh("rm -r made");
    assert_eq!(missed(&sandbox, "--keep sh make.sh again"), "");
    assert_eq!(sandbox.read("made/list"), b"a.csv\nb.csv\n");
}

#[test]
fn what_is_made_and_removed_again_does_not_count() {
    let sandbox = sandbox();
    let _ = sandbox.roar(["init"]).success();
    let script = "mkdir tmp; touch tmp/x; test -f tmp/x; ls tmp > tmp/list; mkfifo tmp/p; test -p tmp/p; \
                  mv tmp/list tmp/y; mv tmp tmp2; test -d tmp2; cat tmp2/y > out; rm -r tmp2";
    let command = format!("sh -c '{script}'");
    assert_ne!(missed(&sandbox, &command), "");
    assert_eq!(missed(&sandbox, &command), "");
}

#[test]
fn what_a_run_takes_away_would_be_missed_the_next_time() {
    let sandbox = sandbox();
    let _ = sandbox.roar(["init"]).success();
    sandbox.write("flag", "");
    let command = "sh -c 'if test -e flag; then rm flag; echo had > out; else echo none > out; fi'";
    assert_ne!(missed(&sandbox, command), "");
    assert_eq!(missed(&sandbox, command), "'flag' is gone");
    assert_eq!(missed(&sandbox, command), "");
    assert_eq!(sandbox.read("out"), b"none\n");
}

#[test]
fn what_others_change_meanwhile_is_not_known() {
    let sandbox = sandbox();
    let _ = sandbox.roar(["init"]).success();
    let _ = sandbox.sh("mkfifo go ready");
    // Not the run's own doing: it only waits for it.
    let line = "(cat ready > /dev/null; touch flag; echo > go) & \
                roar -q run --cached sh -c 'test -e flag; echo > ready; cat go > out' < /dev/null; wait";
    let _ = sandbox.sh(line).success();
    let said = sandbox.sh("timeout 20 roar run -v --cached --dirty=record \
                sh -c 'test -e flag; echo > ready; cat go > out' < /dev/null & \
                cat ready > /dev/null; echo > go; wait");
    assert!(said.err().contains("flag' changed while it ran"), "{said}");
}

#[test]
fn both_ways_of_watching_tell_where_it_looks() {
    let sandbox = sandbox();
    let _ = sandbox.roar(["init"]).success();
    sandbox.write("dir/a", "");
    for tracer in ["notify", "ptrace"] {
        let command = format!("--tracer {tracer} sh -c 'test -f {tracer}; ls dir > out'");
        assert_eq!(
            after(&sandbox, &command, &format!("touch {tracer}")),
            format!("'{tracer}' is there now")
        );
        let change = format!("touch dir/{tracer}");
        assert_eq!(
            after(&sandbox, &command, &change),
            format!("'dir/{tracer}' is new")
        );
    }
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
    // What it left of the names of before lies here still, in the file that it read.
    assert_eq!(missed(&sandbox, glob), "");
    assert_eq!(sandbox.read("all"), b"a");
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
        .sh(&format!("roar -q run --cached --keep {SORT} < /dev/null"))
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

#[test]
fn what_would_leave_all_in_place_again_is_not_run() {
    let sandbox = sandbox();
    let _ = sandbox.roar(["init"]).success();
    let script = "sort b > y; [ -z \"$1\" ] || sort a > x\n";
    sandbox.write("gen.sh", script);
    sandbox.write("raw", "1\n");
    sandbox.write("b", "2\n");
    let fetch = || sandbox.sh("roar -q run cp raw a").success();
    let _ = fetch();
    let _ = missed(&sandbox, "sh gen.sh all");
    sandbox.write("b", "3\n");
    let _ = missed(&sandbox, "sh gen.sh");
    sandbox.write("raw", "4\n");
    let _ = fetch();
    let status = sandbox.roar(["status", "--json"]).success();
    let status: Value = serde_json::from_slice(&status.stdout).unwrap();
    assert_eq!(status["stale"], serde_json::json!(["@2"]));
    // It would read b alone, and x would be what it is.
    for _ in 0..2 {
        assert_eq!(missed(&sandbox, "sh gen.sh"), "");
    }
    assert_eq!(jobs(&sandbox), 4);
    let log = sandbox.roar(["log", "--json"]).success();
    let log: Value = serde_json::from_slice(&log.stdout).unwrap();
    assert_eq!(log["total"], 4);
}
