//! `roar rerun`.

use crate::sandbox;
use insta::assert_snapshot;
use roar_testkit::Sandbox;
use serde_json::Value;

/// Three steps: `data.txt` makes `clean.txt`, that makes `sum.txt`, that makes `report.txt`.
fn pipeline() -> Sandbox {
    let sandbox = sandbox();
    sandbox.write("data.txt", "b\na\n");
    sandbox.write("clean.sh", "sort data.txt > clean.txt\n");
    for command in [
        "sh clean.sh",
        "sh -c 'wc -l < clean.txt > sum.txt'",
        "sh -c 'cat sum.txt sum.txt > report.txt'",
    ] {
        let _ = sandbox.sh(&format!("roar -q run {command}")).success();
    }
    sandbox
}

fn jobs(sandbox: &Sandbox) -> usize {
    sandbox.roar(["rev-list"]).success().out().lines().count()
}

fn plan(sandbox: &Sandbox) -> Vec<(String, String)> {
    let plan = sandbox.roar(["rerun", "--dry-run", "--json"]).success();
    let plan: Value = serde_json::from_slice(&plan.stdout).unwrap();
    let word = |step: &Value, field: &str| step[field].as_str().unwrap().to_owned();
    let steps = plan["steps"].as_array().unwrap().iter();
    steps
        .map(|step| (word(step, "step"), word(step, "what")))
        .collect()
}

#[test]
fn when_nothing_changed_there_is_nothing_to_do() {
    let sandbox = pipeline();
    assert_snapshot!(sandbox.roar(["rerun"]), @r"
    --- stderr
    nothing to do: 3 steps are up to date
    ");
    assert_eq!(jobs(&sandbox), 3);
}

#[test]
fn what_was_changed_is_made_again_and_so_is_all_that_comes_of_it() {
    let sandbox = pipeline();
    sandbox.write("data.txt", "c\nb\na\n");
    assert_snapshot!(sandbox.roar(["rerun", "--dry-run"]), @r"
    --- stdout
    run   @1 sh clean.sh
            'data.txt' changed
    maybe @2 sh -c 'wc -l < clean.txt > sum.txt'
            after @1
    maybe @3 sh -c 'cat sum.txt sum.txt > report.txt'
            after @2
    ");
    assert_eq!(jobs(&sandbox), 3);
    let seen = sandbox.roar(["rerun"]).success();
    assert!(
        seen.err().contains("roar: @1 again: 'data.txt' changed"),
        "{seen}"
    );
    assert!(seen.err().ends_with("3 steps run again, 0 fresh"), "{seen}");
    assert_eq!(sandbox.read("report.txt"), b"3\n3\n");
    assert_eq!(jobs(&sandbox), 6);
    assert_eq!(
        sandbox.roar(["rerun"]).success().err(),
        "nothing to do: 3 steps are up to date"
    );
    let dag = sandbox.roar(["dag", "--json"]).success();
    let dag: Value = serde_json::from_slice(&dag.stdout).unwrap();
    assert_eq!(dag["nodes"].as_array().unwrap().len(), 3);
}

#[test]
fn a_step_whose_inputs_come_out_the_same_is_not_run() {
    let sandbox = pipeline();
    sandbox.write("data.txt", "a\nb\n");
    let seen = sandbox.roar(["rerun"]).success();
    assert!(seen.err().ends_with("1 step run again, 2 fresh"), "{seen}");
    sandbox.write("clean.sh", "sort -u data.txt > clean.txt\n");
    let seen = sandbox.roar(["rerun"]).success();
    assert!(seen.err().contains("'clean.sh' changed"), "{seen}");
    assert_eq!(jobs(&sandbox), 5);
}

#[test]
fn what_is_missing_is_made_again_and_no_more_than_asked_for() {
    let sandbox = pipeline();
    std::fs::remove_file(sandbox.path("clean.txt")).unwrap();
    std::fs::remove_file(sandbox.path("report.txt")).unwrap();
    let _ = sandbox.roar(["rerun", "sum.txt"]).success();
    assert_eq!(sandbox.read("clean.txt"), b"a\nb\n");
    assert!(!sandbox.path("report.txt").exists());
    let _ = sandbox.roar(["rerun", "@3"]).success();
    assert_eq!(sandbox.read("report.txt"), b"2\n2\n");
    assert_eq!(jobs(&sandbox), 5);
    assert_eq!(sandbox.roar(["rerun", "data.txt"]).code, 2);
    assert_eq!(sandbox.roar(["rerun", "@9"]).code, 3);
}

#[test]
fn what_the_session_calls_stale_is_run_again() {
    let sandbox = pipeline();
    sandbox.write("data.txt", "d\nc\nb\na\n");
    let _ = sandbox.roar(["-q", "run", "@1"]).success();
    let _ = sandbox.roar(["rerun"]).success();
    assert_eq!(sandbox.read("report.txt"), b"4\n4\n");
    let status = sandbox.roar(["status", "--json"]).success();
    let status: Value = serde_json::from_slice(&status.stdout).unwrap();
    assert_eq!(status["stale"].as_array().unwrap().len(), 0);
}

#[test]
fn the_first_failure_ends_it_with_its_exit_code() {
    let sandbox = pipeline();
    sandbox.write("clean.sh", "echo broken >&2; exit 7\n");
    let seen = sandbox.roar(["rerun"]);
    assert_eq!(seen.code, 7, "{seen}");
    assert!(
        seen.err().contains("what comes after it was not run"),
        "{seen}"
    );
    assert_eq!(sandbox.read("report.txt"), b"2\n2\n");
    sandbox.write("clean.sh", "sort -r data.txt > clean.txt\n");
    let _ = sandbox.roar(["rerun"]).success();
    assert_eq!(sandbox.read("clean.txt"), b"b\na\n");
}

#[test]
fn work_done_by_hand_is_not_overwritten() {
    let sandbox = pipeline();
    sandbox.write("clean.txt", "mine\n");
    // The change counts as an input, and is not taken back.
    let _ = sandbox.roar(["rerun"]).success();
    assert_eq!(sandbox.read("clean.txt"), b"mine\n");
    assert_eq!(sandbox.read("sum.txt"), b"1\n");
    sandbox.write("data.txt", "z\n");
    assert_snapshot!(sandbox.roar(["rerun"]), @r"
    --- stderr
    error: @1 would overwrite 'clean.txt', which is not as the steps that count left it
    hint: `--force` overwrites it; a command that keeps what is there, as `make` does, makes it again when it was removed
    [exit 1]
    ");
    assert_eq!(sandbox.read("clean.txt"), b"mine\n");
    let _ = sandbox.roar(["rerun", "--force"]).success();
    assert_eq!(sandbox.read("clean.txt"), b"z\n");
}

#[test]
fn what_is_gone_and_nobody_makes_is_said() {
    let sandbox = pipeline();
    std::fs::remove_file(sandbox.path("data.txt")).unwrap();
    assert_snapshot!(sandbox.roar(["rerun"]), @r"
    --- stderr
    error: @1 cannot be run again: 'data.txt' is gone, and no step that still counts makes it
    hint: put it back; `roar lineage` tells what it came from
    [exit 1]
    ");
}

#[test]
fn a_new_file_in_a_directory_that_was_read_is_a_change() {
    let sandbox = sandbox();
    for name in ["a", "b"] {
        sandbox.write(format!("data/{name}.csv"), name);
    }
    let _ = sandbox
        .sh("roar -q run sh -c 'cat data/*.csv > all'")
        .success();
    assert_eq!(plan(&sandbox), [("@1".into(), "fresh".into())]);
    sandbox.write("data/c.csv", "c");
    assert_eq!(plan(&sandbox), [("@1".into(), "run".into())]);
    let _ = sandbox.roar(["rerun"]).success();
    assert_eq!(sandbox.read("all"), b"abc");
    assert_eq!(plan(&sandbox), [("@1".into(), "fresh".into())]);
}

#[test]
fn updates_in_place_are_made_from_the_start() {
    let sandbox = sandbox();
    sandbox.write("seed", "1\n");
    let _ = sandbox.sh("roar -q run sh -c 'cat seed > log'").success();
    let _ = sandbox.sh("roar -q run sh -c 'echo two >> log'").success();
    let _ = sandbox.sh("roar -q run sh -c 'cp log copy'").success();
    assert_eq!(
        sandbox.roar(["rerun"]).success().err(),
        "nothing to do: 3 steps are up to date"
    );
    sandbox.write("seed", "9\n");
    let _ = sandbox.roar(["rerun"]).success();
    assert_eq!(sandbox.read("copy"), b"9\ntwo\n");
}

#[test]
fn a_step_runs_where_it_ran() {
    let sandbox = sandbox();
    let _ = sandbox.roar(["init"]).success();
    sandbox.write("sub/in", "1");
    let _ = sandbox
        .roar_in("sub", ["-q", "run", "cp", "in", "out"])
        .success();
    sandbox.write("sub/in", "2");
    let _ = sandbox.roar(["rerun"]).success();
    assert_eq!(sandbox.read("sub/out"), b"2");
}

#[test]
fn what_a_shell_redirected_is_redirected_again() {
    let sandbox = sandbox();
    sandbox.write("in", "b\na\n");
    let _ = sandbox.sh("roar -q run sort < in > sorted").success();
    let _ = sandbox.sh("roar -q run wc -l < sorted > count").success();
    sandbox.write("in", "c\nb\na\n");
    let _ = sandbox.roar(["rerun"]).success();
    assert_eq!(sandbox.read("sorted"), b"a\nb\nc\n");
    assert_eq!(sandbox.read("count"), b"3\n");
    assert!(
        sandbox
            .roar(["rerun"])
            .success()
            .err()
            .starts_with("nothing to do")
    );
    std::fs::remove_file(sandbox.path("count")).unwrap();
    let _ = sandbox.roar(["rerun"]).success();
    assert_eq!(sandbox.read("count"), b"3\n");
}

#[test]
fn the_directory_that_holds_the_project_is_no_dataset() {
    let sandbox = sandbox();
    sandbox.write("g/p/f1", "1\n");
    sandbox.write("g/p/f2", "2\n");
    sandbox.write("g/p/f3", "3\n");
    let at = |command: &str| sandbox.sh(&format!("cd g/p && {command}")).success();
    let _ = at("roar init");
    let told = at("roar run sh -c 'ls .. > /dev/null; cat f1 f2 f3 > /dev/null'");
    assert!(told.err().contains("read 3 files"), "{told}");
    assert!(!told.err().contains(" in "), "{told}");
    let shown = at("roar show --json @1");
    let shown: Value = serde_json::from_slice(&shown.stdout).unwrap();
    let inputs = shown["inputs"].as_array().unwrap();
    assert!(
        inputs.iter().all(|input| input["kind"] == "file"),
        "{shown}"
    );
    assert_eq!(
        at("roar rerun").err(),
        "nothing to do: 1 step is up to date"
    );
}

#[test]
fn a_plan_tells_of_a_directory_that_is_gone() {
    let sandbox = sandbox();
    sandbox.write("in", "1");
    let _ = sandbox
        .sh("roar init; mkdir d; cd d; roar -q run sh -c 'cat ../in > ../out'; cd ..; rmdir d")
        .success();
    sandbox.write("in", "2");
    let plan = sandbox.roar(["rerun", "--dry-run"]).success();
    assert!(
        plan.out().contains("its directory 'd' is not there"),
        "{plan}"
    );
}

/// What the current DAG says: of each step its inputs and outputs, and how much is superseded.
fn dag(sandbox: &Sandbox) -> String {
    let dag = sandbox.roar(["dag", "--json"]).success();
    let dag: Value = serde_json::from_slice(&dag.stdout).unwrap();
    let paths = |node: &Value, of: &str| {
        let files = node[of].as_array().unwrap().iter();
        let paths: Vec<_> = files.map(|file| file["path"].as_str().unwrap()).collect();
        paths.join(",")
    };
    let nodes = dag["nodes"].as_array().unwrap().iter().map(|node| {
        let step = node["step"].as_str().unwrap();
        format!(
            "{step} {}>{}",
            paths(node, "inputs"),
            paths(node, "outputs")
        )
    });
    let superseded = dag["hidden"]["superseded"].as_u64().unwrap();
    format!("{}; {superseded}", nodes.collect::<Vec<_>>().join(", "))
}

fn drift(sandbox: &Sandbox) -> Vec<(String, String)> {
    let status = sandbox.roar(["status", "--json"]).success();
    let status: Value = serde_json::from_slice(&status.stdout).unwrap();
    let word = |drift: &Value, field: &str| drift[field].as_str().unwrap().to_owned();
    let drift = status["drift"].as_array().unwrap().iter();
    drift
        .map(|drift| (word(drift, "path"), word(drift, "step")))
        .collect()
}

#[test]
fn a_run_that_found_all_in_place_hides_nothing_of_the_one_that_made_it() {
    let sandbox = sandbox();
    sandbox.write("build.sh", "[ out -nt in.csv ] || sort in.csv > out\n");
    let write = |text: &str, date: &str| {
        sandbox.write("in.csv", text);
        let _ = sandbox.sh(&format!("touch -d {date} in.csv")).success();
    };
    write("2\n1\n", "2001-01-01");
    for _ in 0..2 {
        let _ = sandbox.roar(["-q", "run", "sh", "build.sh"]).success();
    }
    assert_eq!(dag(&sandbox), "@1 in.csv>out; 1");
    let show = |word: &str| {
        let show = sandbox.roar(["show", word, "--json"]).success();
        serde_json::from_slice::<Value>(&show.stdout).unwrap()
    };
    let first = show("@1");
    assert_eq!(first["dag_state"], "current");
    let ids = sandbox.roar(["rev-list"]).success().out();
    let second = show(ids.lines().next().unwrap());
    assert_eq!(second["found"], first["id"]);
    assert_eq!(second["dag_state"], "superseded");

    write("2\n1\n0\n", "2040-01-01");
    assert_eq!(drift(&sandbox), [("in.csv".to_owned(), "@1".to_owned())]);
    assert_eq!(plan(&sandbox), [("@1".to_owned(), "run".to_owned())]);
    let seen = sandbox.roar(["rerun"]).success();
    assert!(seen.err().ends_with("1 step run again, 0 fresh"), "{seen}");
    assert_eq!(sandbox.read("out"), b"0\n1\n2\n");
    assert_eq!(dag(&sandbox), "@1 in.csv>out; 2");

    write("3\n", "2001-01-01");
    let seen = sandbox.roar(["rerun"]).success();
    let said = "@1 made nothing, though 'in.csv' changed; what it left is from before";
    assert!(seen.err().contains(said), "{seen}");
    assert_eq!(jobs(&sandbox), 4);
    assert_eq!(dag(&sandbox), "@1 in.csv>out; 3");
    assert_eq!(plan(&sandbox), [("@1".to_owned(), "run".to_owned())]);
    let _ = sandbox.roar(["undo"]).success();
    assert_eq!(dag(&sandbox), "@1 in.csv>out; 2");
}

#[test]
fn a_run_without_products_takes_no_other_step_in() {
    let sandbox = sandbox();
    sandbox.write("a", "2\n");
    sandbox.write("b", "3\n");
    for files in ["< a > a.out", "< b > b.out", "< a > /dev/null"] {
        let _ = sandbox.sh(&format!("roar -q run sort {files}")).success();
    }
    assert_eq!(dag(&sandbox), "@1 a>a.out, @2 b>b.out; 1");
    sandbox.write("b", "changed\n");
    assert_eq!(drift(&sandbox), [("b".to_owned(), "@2".to_owned())]);
    let fresh = ("@1".to_owned(), "fresh".to_owned());
    assert_eq!(plan(&sandbox), [fresh, ("@2".to_owned(), "run".to_owned())]);
    let _ = sandbox.roar(["rerun"]).success();
    assert_eq!(sandbox.read("b.out"), b"changed\n");
    assert_eq!(dag(&sandbox), "@1 a>a.out, @2 b>b.out; 2");
}

/// Makes `x` from `a.csv` and `y` from `b.csv`, each unless it is newer.
const SKIPS: [&str; 2] = [
    "[ x -nt a.csv ] || sort a.csv > x\n",
    "[ y -nt b.csv ] || sort b.csv > y\n",
];

/// `fetch.sh` makes `a.csv`; `gen.sh` made `x` and `y`, and then `y` alone, for `b.csv` had changed.
fn skipping() -> Sandbox {
    let sandbox = sandbox();
    sandbox.write("gen.sh", SKIPS.concat());
    sandbox.write("raw", "a\n");
    sandbox.write("fetch.sh", "cat raw > a.csv; touch -d 2001-01-01 a.csv\n");
    dated(&sandbox, "b.csv", "2\n1\n", "2001-01-01");
    for command in ["sh fetch.sh", "sh gen.sh"] {
        let _ = sandbox.sh(&format!("roar -q run {command}")).success();
    }
    dated(&sandbox, "b.csv", "3\n1\n", "2040-01-01");
    let _ = sandbox.sh("roar -q run sh gen.sh").success();
    dated(&sandbox, "b.csv", "3\n1\n", "2001-01-01");
    assert_eq!(sandbox.read("y"), b"1\n3\n");
    sandbox
}

fn dated(sandbox: &Sandbox, path: &str, text: &str, date: &str) {
    sandbox.write(path, text);
    let _ = sandbox.sh(&format!("touch -d {date} {path}")).success();
}

fn json(sandbox: &Sandbox, words: &[&str]) -> Value {
    let seen = sandbox.roar(words).success();
    serde_json::from_slice(&seen.stdout).unwrap()
}

#[test]
fn what_a_run_left_in_place_keeps_its_inputs() {
    let sandbox = skipping();
    assert_eq!(dag(&sandbox), "@1 raw>a.csv, @2 a.csv,b.csv>x,y; 1");
    assert_snapshot!(sandbox.roar(["rerun"]), @r"
    --- stderr
    nothing to do: 2 steps are up to date
    ");
    let node = &json(&sandbox, &["dag", "--json"])["nodes"][1];
    assert_eq!(node["parents"], serde_json::json!(["@1"]));
    let marks = |files: &Value| -> Vec<bool> {
        let files = files.as_array().unwrap().iter();
        files.map(|file| file["kept"] == true).collect()
    };
    let shown = json(&sandbox, &["show", "@2", "--json"]);
    for files in [&node["inputs"], &node["outputs"], &shown["inputs"]] {
        assert_eq!(marks(files), [true, false]);
    }
    // The job itself has read no more than it has, and x comes from the one before.
    let log = json(&sandbox, &["log", "--json"]);
    assert_eq!(log["jobs"][0]["inputs"], 1);
    let lineage = json(&sandbox, &["lineage", "x", "--json"]);
    let made = &lineage["jobs"][1];
    assert_eq!(made["id"], log["jobs"][1]["id"]);
    assert_eq!(
        json(&sandbox, &["show", made["id"].as_str().unwrap(), "--json"])["inputs"][0]["path"],
        "a.csv"
    );
    let own = json(&sandbox, &["lineage", "y", "--json"]);
    assert_eq!(own["jobs"][0]["inputs"].as_array().unwrap().len(), 1);
}

#[test]
fn what_a_run_left_in_place_is_made_again_when_its_inputs_change() {
    let sandbox = skipping();
    dated(&sandbox, "a.csv", "d\nc\n", "2040-01-01");
    assert_eq!(drift(&sandbox), [("a.csv".to_owned(), "@1".to_owned())]);
    let runs = |steps: [&str; 2]| {
        let words = ["@1", "@2"].map(str::to_owned).into_iter();
        words.zip(steps.map(str::to_owned)).collect::<Vec<_>>()
    };
    assert_eq!(plan(&sandbox), runs(["fresh", "run"]));
    let seen = sandbox.roar(["rerun"]).success();
    assert!(seen.err().contains("@2 again: 'a.csv' changed"), "{seen}");
    assert_eq!(sandbox.read("x"), b"c\nd\n");
    assert_eq!(dag(&sandbox), "@1 raw>a.csv, @2 a.csv,b.csv>x,y; 2");
    assert_eq!(plan(&sandbox), runs(["fresh", "fresh"]));
}

#[test]
fn what_a_run_left_in_place_is_stale_when_a_step_makes_its_inputs_anew() {
    let sandbox = skipping();
    sandbox.write("raw", "f\ne\n");
    let word = str::to_owned;
    let moving = [(word("@1"), word("run")), (word("@2"), word("maybe"))];
    assert_eq!(plan(&sandbox), moving);
    let _ = sandbox
        .sh("roar -q run @1; touch -d 2040-01-01 a.csv")
        .success();
    let status = json(&sandbox, &["status", "--json"]);
    assert_eq!(status["stale"], serde_json::json!(["@2"]));
    let seen = sandbox.roar(["dag", "--stale"]).success();
    let why = "because a.csv was overwritten by @1";
    assert!(seen.out().contains(why), "{seen}");
    let _ = sandbox.roar(["rerun"]).success();
    assert_eq!(sandbox.read("x"), b"e\nf\n");
    assert_eq!(dag(&sandbox), "@1 raw>a.csv, @2 a.csv,b.csv>x,y; 3");
}

#[test]
fn what_is_not_made_again_is_told_and_ends_with_the_file() {
    let sandbox = skipping();
    sandbox.write("gen.sh", SKIPS[1]);
    dated(&sandbox, "b.csv", "4\n", "2040-01-01");
    let _ = sandbox.sh("roar -q run sh gen.sh").success();
    std::fs::remove_file(sandbox.path("a.csv")).unwrap();
    sandbox.write("raw", "c\n");
    let seen = sandbox.roar(["rerun", "--dry-run"]).success();
    assert!(seen.out().contains("maybe @2"), "{seen}");
    let seen = sandbox.roar(["rerun"]).success();
    let said = "@2 did not make all again, though 'a.csv' changed; the rest is from before";
    assert!(seen.err().contains(said), "{seen}");
    let _ = sandbox.roar(["-q", "run", "rm", "x"]).success();
    assert_eq!(dag(&sandbox), "@1 raw>a.csv, @2 b.csv>y, @3 >x; 4");
    assert_eq!(
        sandbox.roar(["rerun"]).success().err(),
        "nothing to do: 3 steps are up to date"
    );
}

/// Runs what is to be run, until there is nothing left, and returns how many jobs that took.
fn until_done(sandbox: &Sandbox) -> usize {
    let before = jobs(sandbox);
    for _ in 0..3 {
        let said = sandbox.roar(["rerun"]).success().err();
        if said.contains("nothing to do") {
            return jobs(sandbox) - before;
        }
    }
    panic!("there is always something left to do");
}

fn states(sandbox: &Sandbox) -> Vec<String> {
    let dag = json(sandbox, &["dag", "--stale", "--json"]);
    let nodes = dag["nodes"].as_array().unwrap().iter();
    let state = |node: &Value| {
        let word = |field: &str| node[field].as_str().unwrap().to_owned();
        format!("{} {}", word("step"), word("state"))
    };
    nodes.map(state).collect()
}

#[test]
fn what_adds_to_its_own_files_is_run_once_for_each_change() {
    let sandbox = sandbox();
    sandbox.write("in", "1\n");
    sandbox.write("train.sh", "cp in model; cat in >> history\n");
    let _ = sandbox.sh("roar -q run sh train.sh").success();
    sandbox.write("in", "2\n");
    assert_eq!(until_done(&sandbox), 1);
    assert_eq!(states(&sandbox), ["@1 current"]);
    // Typed again it goes on from what was there: another step, but not another command.
    let _ = sandbox.sh("roar -q run sh train.sh").success();
    sandbox.write("in", "3\n");
    assert_eq!(until_done(&sandbox), 1);
    assert_eq!(states(&sandbox), ["@1 current", "@2 current"]);
    assert_eq!(sandbox.read("history"), b"1\n2\n2\n3\n");
}

#[test]
fn a_build_is_one_step_however_much_of_it_was_made_again() {
    let sandbox = sandbox();
    let make = "make() { if [ \"$(stat -c %Y $1)\" != \"$(stat -c %Y $2 2> /dev/null)\" ]; then \
                cat $1 > $2; touch -r $1 $2; fi; }\nmake a.in a.o; make b.in b.o; cat a.o b.o > all\n";
    sandbox.write("make.sh", make);
    dated(&sandbox, "a.in", "a1\n", "2001-01-01");
    dated(&sandbox, "b.in", "b1\n", "2001-01-01");
    let _ = sandbox
        .sh("roar -q run sh make.sh; roar -q run cp all out")
        .success();
    dated(&sandbox, "b.in", "b2\n", "2002-02-02");
    assert_eq!(until_done(&sandbox), 2);
    assert_eq!(states(&sandbox), ["@1 current", "@2 current"]);
    dated(&sandbox, "a.in", "a2\n", "2003-03-03");
    let _ = sandbox.sh("roar -q run sh make.sh").success();
    assert_eq!(until_done(&sandbox), 1);
    assert_eq!(sandbox.read("out"), b"a2\nb2\n");
    let inputs = json(&sandbox, &["show", "@1", "--json"])["inputs"].clone();
    let inputs = inputs.as_array().unwrap().iter();
    let paths: Vec<_> = inputs
        .map(|input| input["path"].as_str().unwrap())
        .collect();
    assert_eq!(paths, ["a.in", "b.in"]);
}

#[test]
fn what_a_recorded_job_overwrites_is_as_stale_as_what_a_hand_does() {
    let sandbox = sandbox();
    sandbox.write("raw", "raw1\n");
    sandbox.write("fetch.sh", "echo raw2 > raw\n");
    let script = "roar -q run cp raw clean; roar -q run cp clean out; roar -q run sh fetch.sh";
    let _ = sandbox.sh(script).success();
    assert_eq!(states(&sandbox), ["@1 stale", "@2 stale", "@3 current"]);
    assert_eq!(until_done(&sandbox), 2);
    assert_eq!(sandbox.read("out"), b"raw2\n");
    assert_eq!(states(&sandbox), ["@3 current", "@1 current", "@2 current"]);
}

#[test]
fn a_file_that_a_directory_lost_is_a_change_and_no_obstacle() {
    let sandbox = sandbox();
    for name in ["1", "2", "3"] {
        sandbox.write(format!("parts/{name}"), name);
    }
    let _ = sandbox
        .sh("roar -q run sh -c 'cat parts/* > all'")
        .success();
    std::fs::remove_file(sandbox.path("parts/2")).unwrap();
    assert_eq!(plan(&sandbox), [("@1".to_owned(), "run".to_owned())]);
    assert_eq!(until_done(&sandbox), 1);
    assert_eq!(sandbox.read("all"), b"13");
}

#[test]
fn a_plan_tells_what_stands_in_its_way() {
    let sandbox = pipeline();
    std::fs::remove_file(sandbox.path("data.txt")).unwrap();
    std::fs::remove_file(sandbox.path("clean.txt")).unwrap();
    assert_snapshot!(sandbox.roar(["rerun", "--dry-run"]), @r"
    --- stdout
    stuck @1 sh clean.sh
            'data.txt' is gone, 'clean.txt' is missing
            no step that still counts makes 'data.txt'
    maybe @2 sh -c 'wc -l < clean.txt > sum.txt'
            after @1
    maybe @3 sh -c 'cat sum.txt sum.txt > report.txt'
            after @2
    ");
    let all = [("@1", "blocked"), ("@2", "maybe"), ("@3", "maybe")];
    let all = all.map(|(step, what)| (step.to_owned(), what.to_owned()));
    assert_eq!(plan(&sandbox), all);
}

#[test]
fn what_a_recorded_step_adds_to_a_directory_is_as_new_as_what_a_hand_adds() {
    let sandbox = sandbox();
    sandbox.write("d/1", "1\n");
    sandbox.write("d/2", "2\n");
    let script = "roar -q run sh -c 'cat d/* > all'; roar -q run sh -c 'echo 3 > d/3'";
    let _ = sandbox.sh(script).success();
    assert_eq!(states(&sandbox), ["@1 stale", "@2 current"]);
    assert_eq!(until_done(&sandbox), 1);
    sandbox.write("d/4", "4\n");
    let status = json(&sandbox, &["status", "--json"]);
    assert_eq!(status["drift"][0]["path"], "d/4");
    assert_eq!(status["drift"][0]["state"], "added");
    assert_eq!(until_done(&sandbox), 1);
    assert_eq!(sandbox.read("all"), b"1\n2\n3\n4\n");
}

#[test]
fn what_is_taken_back_by_hand_is_a_change_again() {
    let sandbox = sandbox();
    let script =
        "roar -q run sh -c 'echo 1 > a'; roar -q run cp a b; echo 2 > a; roar -q rerun; echo 1 > a";
    let _ = sandbox.sh(script).success();
    assert_eq!(drift(&sandbox), [("a".to_owned(), "@2".to_owned())]);
    assert_eq!(until_done(&sandbox), 1);
    assert_eq!(sandbox.read("b"), b"1\n");
}

#[test]
fn a_chain_of_one_command_is_run_link_by_link() {
    let sandbox = sandbox();
    sandbox.write("a", "2\n1\n");
    let _ = sandbox
        .sh("roar -q run sort < a > b; roar -q run sort < b > c")
        .success();
    sandbox.write("a", "5\n4\n");
    assert_eq!(until_done(&sandbox), 2);
    assert_eq!(sandbox.read("c"), b"4\n5\n");
}

#[test]
fn a_file_that_a_step_moves_on_is_made_again_when_it_is_gone() {
    let sandbox = sandbox();
    sandbox.write("raw", "b\n");
    let script = "roar -q run cp raw data; roar -q run sed -i s/^/clean_/ data; roar -q run cp data model; rm data";
    let _ = sandbox.sh(script).success();
    let _ = until_done(&sandbox);
    assert_eq!(sandbox.read("model"), b"clean_b\n");
    sandbox.write("add.sh", "cat raw > own; echo line >> log\n");
    let _ = sandbox.sh("roar -q run sh add.sh").success();
    sandbox.write("raw", "c\n");
    let _ = until_done(&sandbox);
    std::fs::remove_file(sandbox.path("log")).unwrap();
    let _ = until_done(&sandbox);
    assert_eq!(sandbox.read("log"), b"line\n");
}

#[test]
fn steps_that_share_a_log_stay_the_steps_that_they_are() {
    let sandbox = sandbox();
    sandbox.write("in", "1\n");
    sandbox.write("try.sh", "cat in > m$1; echo $1 >> log\n");
    let _ = sandbox
        .sh("for i in 1 2 3; do roar -q run sh try.sh $i; done")
        .success();
    for n in ["2\n", "3\n"] {
        sandbox.write("in", n);
        assert_eq!(until_done(&sandbox), 3);
    }
    assert_eq!(states(&sandbox), ["@1 current", "@2 current", "@3 current"]);
}

#[test]
fn code_that_was_changed_is_told() {
    let sandbox = sandbox();
    sandbox.write("s.sh", "echo 1 > out\n");
    let _ = sandbox.sh("roar -q run sh s.sh").success();
    sandbox.write("s.sh", "echo 2 > out\n");
    assert_eq!(drift(&sandbox), [("s.sh".to_owned(), "@1".to_owned())]);
}

#[test]
fn a_step_that_came_before_the_maker_of_what_it_reads_is_run_once_more() {
    let sandbox = sandbox();
    sandbox.write("in", "1\n");
    sandbox.write("try.sh", "cat in > m_${1#--lr=}; echo $1 >> m_${1#--lr=}\n");
    let script = "for i in 1 2; do roar -q run sh try.sh --lr=$i; done; \
                  roar -q run sh -c 'cat m_* > all'; roar -q run @2 --lr=9";
    let _ = sandbox.sh(script).success();
    sandbox.write("in", "2\n");
    let said = sandbox.roar(["rerun"]).success().err();
    assert!(said.ends_with("roar: 4 steps run again, 0 fresh"), "{said}");
    assert_eq!(sandbox.read("all"), b"2\n--lr=1\n2\n--lr=2\n2\n--lr=9\n");
    assert_eq!(until_done(&sandbox), 0);
}

#[test]
fn what_somebody_changed_while_a_step_read_it_is_not_what_the_step_has_read() {
    let sandbox = sandbox();
    sandbox.write("a", "1\n");
    // The one who changes it is started outside of the run. Both wait for a sign, which is a directory: those
    // are not recorded.
    let step = "cat a > b; [ ! -d ../first ] || { mkdir ../go; until [ -d ../done ]; do :; done; }";
    let script = format!(
        "mkdir ../first; timeout 60 sh -c 'until [ -d ../go ]; do :; done; echo 3 > a; mkdir ../done' & \
         timeout 60 roar run sh -c '{step}'; wait; rmdir ../first"
    );
    let ran = sandbox.sh(&script).success();
    assert!(ran.err().contains("the contents of"), "{}", ran.err());
    let status = sandbox.roar(["status"]).success().out();
    assert!(status.contains("modified  a  @1"), "{status}");
    let _ = sandbox.roar(["rerun"]).success();
    assert_eq!(sandbox.read("b"), b"3\n");
    let status = sandbox.roar(["status"]).success().out();
    assert!(!status.contains("modified"), "{status}");
}

#[test]
fn what_a_build_passes_over_is_no_matter_of_it() {
    let sandbox = sandbox();
    for name in ["a", "b"] {
        sandbox.write(format!("s/{name}"), "1\n");
    }
    sandbox.write("Makefile", "o: s/a s/b\n\tcat s/a s/b > o\n");
    let _ = sandbox.roar(["-q", "run", "make", "-s"]).success();
    sandbox.write("s/README", "nobody asks for it\n");
    let first = sandbox.roar(["rerun"]).success();
    assert!(first.err().contains("'s/README' is new"), "{first}");
    // Within a tick of the clock nobody knows which of two things was first; then it takes once more.
    let settled = (0..5).any(|_| {
        let again = sandbox.roar(["rerun"]).success();
        again.err().contains("nothing to do")
    });
    assert!(settled);
    sandbox.write("s/b", "2\n");
    let _ = sandbox.roar(["rerun"]).success();
    assert_eq!(sandbox.read("o"), b"1\n2\n");
}

#[test]
fn who_may_do_without_what_is_gone_is_run() {
    let sandbox = sandbox();
    sandbox.write("part.sh", "echo part\n");
    sandbox.write("main.sh", ". ./part.sh > o\n");
    let _ = sandbox.roar(["-q", "run", "sh", "main.sh"]).success();
    sandbox.write("main.sh", "echo whole > o\n");
    std::fs::remove_file(sandbox.path("part.sh")).unwrap();
    let _ = sandbox.roar(["rerun"]).success();
    assert_eq!(sandbox.read("o"), b"whole\n");
    // The script itself is another matter.
    std::fs::remove_file(sandbox.path("main.sh")).unwrap();
    assert_eq!(sandbox.roar(["rerun"]).code, 1);
}

#[test]
fn what_was_put_back_by_hand_is_not_made_again_and_that_is_said() {
    let sandbox = sandbox();
    sandbox.write("a", "1\n");
    for command in ["cp a m", "cp m q"] {
        let _ = sandbox.sh(&format!("roar -q run {command}")).success();
    }
    sandbox.write("a", "2\n");
    let _ = sandbox.sh("cp m kept; roar -q run @1; mv kept m").success();
    assert_snapshot!(sandbox.roar(["rerun"]), @r"
    --- stderr
    nothing to do: 2 steps are up to date
    roar: @2 counts as stale by what was recorded, but what it reads is on the disk as it was read
    ");
}

#[test]
fn the_file_that_a_rerun_writes_to_is_no_output_of_the_steps() {
    let sandbox = sandbox();
    sandbox.write("a", "1\n");
    for command in ["cp a b", "cat b"] {
        let _ = sandbox.sh(&format!("roar -q run {command}")).success();
    }
    sandbox.write("a", "2\n");
    let _ = sandbox.sh("roar rerun > log 2>&1").success();
    let log = String::from_utf8(sandbox.read("log")).unwrap();
    assert!(log.contains("\n2\n"), "{log}");
    let dag = sandbox.roar(["dag"]).success().out();
    assert!(!dag.contains("log"), "{dag}");
}

#[test]
fn a_step_that_is_refused_leaves_what_it_had_made() {
    let sandbox = sandbox();
    sandbox.write("in", "b\na\n");
    let _ = sandbox
        .sh("git init -q . && git add . && git commit -qm first && roar -q run sort < in > sorted")
        .success();
    let _ = sandbox
        .sh("git add sorted; git commit -qm second")
        .success();
    sandbox.write("in", "longer than before\n");
    let refused = sandbox.roar(["run", "--dirty", "refuse", "@1"]);
    assert_eq!(refused.code, 125, "{refused}");
    assert_eq!(sandbox.read("sorted"), b"a\nb\n");
    let _ = sandbox.sh("git commit -qam third").success();
    let _ = sandbox.roar(["run", "--dirty", "refuse", "@1"]).success();
    assert_eq!(sandbox.read("sorted"), b"longer than before\n");
}

#[test]
fn whose_files_have_other_names_each_time_is_not_run_for_ever() {
    let sandbox = sandbox();
    sandbox.write("n", "1\n");
    let _ = sandbox
        .roar(["-q", "run", "sh", "-c", "cat n > out_$(cat n)"])
        .success();
    std::fs::remove_file(sandbox.path("out_1")).unwrap();
    sandbox.write("n", "2\n");
    let _ = sandbox.roar(["rerun"]).success();
    assert_eq!(sandbox.read("out_2"), b"2\n");
    let again = sandbox.roar(["rerun"]).success();
    assert!(again.err().contains("nothing to do"), "{again}");
}

#[test]
fn what_its_maker_makes_no_more_keeps_no_step_from_being_run() {
    let sandbox = sandbox();
    sandbox.write("n", "1\n");
    sandbox.write(
        "s.sh",
        "echo x > a; if [ $(cat n) = 1 ]; then echo 1 > extra; else rm -f extra; fi\n",
    );
    sandbox.write(
        "t.sh",
        "cat a > fin; if [ -e extra ]; then cat extra >> fin; fi\n",
    );
    for step in ["s.sh", "t.sh"] {
        let _ = sandbox.roar(["-q", "run", "sh", step]).success();
    }
    sandbox.write("n", "2\n");
    let _ = sandbox.roar(["rerun"]).success();
    assert_eq!(sandbox.read("fin"), b"x\n");
    let again = sandbox.roar(["rerun"]).success();
    assert!(again.err().contains("nothing to do"), "{again}");
}

#[test]
fn what_failed_and_went_well_since_has_not_failed() {
    let sandbox = sandbox();
    sandbox.write("a", "1\n");
    sandbox.write("s.sh", "cat a > part; exit 1\n");
    assert_eq!(sandbox.roar(["-q", "run", "sh", "s.sh"]).code, 1);
    sandbox.write("s.sh", "cat a > o\n");
    let _ = sandbox.roar(["rerun"]).success();
    assert_eq!(sandbox.read("o"), b"1\n");
    let again = sandbox.roar(["rerun"]).success();
    assert!(again.err().contains("nothing to do"), "{again}");
}

#[test]
fn what_a_script_makes_no_more_is_asked_for_once() {
    let sandbox = sandbox();
    sandbox.write("a", "1\n");
    sandbox.write("s.sh", "cat a > o; cat a > extra\n");
    let _ = sandbox.roar(["-q", "run", "sh", "s.sh"]).success();
    sandbox.write("s.sh", "cat a > o\n");
    std::fs::remove_file(sandbox.path("extra")).unwrap();
    let first = sandbox.roar(["rerun"]).success();
    let said = "@1 did not make 'extra' again";
    assert!(first.err().contains(said), "{first}");
    let again = sandbox.roar(["rerun"]).success();
    assert!(again.err().contains("nothing to do"), "{again}");
    // Another file is another matter.
    std::fs::remove_file(sandbox.path("o")).unwrap();
    let _ = sandbox.roar(["rerun"]).success();
    assert_eq!(sandbox.read("o"), b"1\n");
    assert!(
        sandbox
            .roar(["rerun"])
            .success()
            .err()
            .contains("nothing to do")
    );
}

#[test]
fn a_killed_run_is_run_again_with_the_files_that_a_shell_gave_it() {
    let sandbox = sandbox();
    sandbox.write("in", "b\na\n");
    let step = "sort; if [ -d ../first ]; then mkdir ../go; until [ -d ../done ]; do :; done; fi";
    let script = format!(
        "mkdir ../first; roar -q run sh -c '{step}' < in > sorted & \
         roar=$!; timeout 60 sh -c 'until [ -d ../go ]; do :; done'; \
         kill -9 $roar; wait $roar; mkdir ../done; rmdir ../first"
    );
    let _ = sandbox.sh(&script);
    sandbox.write("in", "d\nc\n");
    let _ = sandbox.roar(["rerun", "--force"]).success();
    assert_eq!(sandbox.read("sorted"), b"c\nd\n");
}

#[test]
fn a_sweep_that_adds_to_one_file_is_made_again_step_by_step() {
    let sandbox = sandbox();
    sandbox.write("a.sh", "echo $1 >> log\n");
    for value in ["1", "2", "3"] {
        let _ = sandbox.roar(["-q", "run", "sh", "a.sh", value]).success();
    }
    std::fs::remove_file(sandbox.path("log")).unwrap();
    let _ = sandbox.roar(["rerun"]).success();
    assert_eq!(sandbox.read("log"), b"1\n2\n3\n");
    let again = sandbox.roar(["rerun"]).success();
    assert!(again.err().contains("nothing to do: 3 steps"), "{again}");
}

#[test]
fn all_who_update_one_file_do_it_again_when_it_is_made_anew() {
    let sandbox = sandbox();
    sandbox.write("raw", "1\n2\n3\n");
    sandbox.write("drop.sh", "grep -v 2 t > u; mv u t\n");
    sandbox.write("scale.sh", "sed -i s/^/x/ t\n");
    for command in ["cp raw t", "sh drop.sh", "sh scale.sh", "cp t final"] {
        let _ = sandbox.sh(&format!("roar -q run {command}")).success();
    }
    sandbox.write("raw", "1\n2\n3\n4\n");
    let _ = sandbox.roar(["rerun"]).success();
    assert_eq!(sandbox.read("final"), b"x1\nx3\nx4\n");
    let again = sandbox.roar(["rerun"]).success();
    assert!(again.err().contains("nothing to do: 4 steps"), "{again}");
}

#[test]
fn who_read_the_only_file_that_a_step_made_somewhere_reads_the_others_that_it_makes() {
    let sandbox = sandbox();
    sandbox.write("n", "1\n");
    sandbox.write(
        "s.sh",
        "rm -rf d; mkdir d; for i in $(seq $(cat n)); do echo $i > d/p$i; done\n",
    );
    let _ = sandbox.sh("roar -q run sh s.sh").success();
    let _ = sandbox.sh("roar -q run sh -c 'cat d/* > all'").success();
    for (n, all) in [("3", "1\n2\n3\n"), ("1", "1\n"), ("2", "1\n2\n")] {
        sandbox.write("n", format!("{n}\n"));
        let _ = sandbox.roar(["rerun"]).success();
        assert_eq!(sandbox.read("all"), all.as_bytes());
        let again = sandbox.roar(["rerun"]).success();
        assert!(again.err().contains("nothing to do"), "{again}");
    }
}
