//! The questions: `dag`, `show`, `log`, `status`, `lineage`, `inputs`, `why`.

use crate::record_job::{JOBS, history};
use crate::sandbox;
use insta::assert_snapshot;
use roar_content::reach;
use roar_testkit::{Sandbox, Seen};
use serde_json::Value;

fn json(seen: &Seen) -> Value {
    serde_json::from_slice(&seen.stdout).unwrap()
}

/// The history, and then its second step once more with another outcome.
fn retrained() -> Sandbox {
    let sandbox = history();
    sandbox.write("model.json", "{1}");
    let train = JOBS
        .lines()
        .nth(2)
        .unwrap()
        .replace("0.1", "0.2")
        .replace("2000000000", "6000000000");
    let _ = sandbox.roar_with_input(["record-job"], train).success();
    sandbox
}

#[test]
fn the_dag_shows_every_edge() {
    assert_snapshot!(history().roar(["dag"]), @r#"
    --- stdout
    ● @1 split raw.csv  0.50 s
    │    raw.csv → data/a.csv, data/b.csv
    ├─● @2 train: python train.py --lr 0.1  1.50 s
    │ │    data/a.csv → model.json  (← @1)
    ●─╯ @3 evaluate  0.10 s
           data/b.csv, model.json → report.txt  (← @1, @2)
    "#);
}

#[test]
fn what_read_something_older_is_stale_and_hidden_unless_asked_for() {
    let sandbox = retrained();
    assert_snapshot!(sandbox.roar(["dag"]), @r#"
    --- stdout
    ● @1 split raw.csv  0.50 s
    │    raw.csv → data/a.csv, data/b.csv
    ● @2 train: python train.py --lr 0.2  1.50 s
         data/a.csv → model.json  (← @1)
    1 stale, 1 superseded hidden: --stale, --all
    "#);
    assert_snapshot!(sandbox.roar(["dag", "--stale"]), @r#"
    --- stdout
    ● @1 split raw.csv  0.50 s
    │    raw.csv → data/a.csv, data/b.csv
    ├─● @2 train: python train.py --lr 0.2  1.50 s
    │ │    data/a.csv → model.json  (← @1)
    ◌─╯ @3 stale  evaluate  0.10 s
           data/b.csv, model.json → report.txt  (← @1, @2)
           because model.json was overwritten by @2
    1 superseded hidden: --all
    "#);
    assert_snapshot!(sandbox.roar(["dag", "--all"]), @r#"
    --- stdout
    ● @1 split raw.csv  0.50 s
    │    raw.csv → data/a.csv, data/b.csv
    ├─○ @2 superseded  train: python train.py --lr 0.1  1.50 s
    │ │    data/a.csv → model.json  (← @1)
    ├─◌ @3 stale  evaluate  0.10 s
    │      data/b.csv, model.json → report.txt  (← @1, @2)
    │      because model.json was overwritten by @2
    ● @2 train: python train.py --lr 0.2  1.50 s
         data/a.csv → model.json  (← @1)
    "#);
    let dag = json(&sandbox.roar(["dag", "--json", "--stale"]));
    assert_eq!(dag["schema"], 1);
    let states: Vec<_> = dag["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|node| &node["state"])
        .collect();
    assert_eq!(states, ["current", "current", "stale"]);
}

#[test]
fn the_dag_is_drawn_in_every_format() {
    let sandbox = history();
    for (format, sign) in [
        ("dot", "digraph"),
        ("mermaid", "flowchart"),
        ("svg", "<svg"),
        ("html", "<!doctype html>"),
    ] {
        let drawn = sandbox.roar(["dag", "--format", format]).success().out();
        assert!(drawn.to_lowercase().contains(sign), "{format}: {drawn}");
        let file = format!("dag.{format}");
        let _ = sandbox
            .roar(["dag", "--format", format, "-o", &file])
            .success();
        assert_eq!(
            String::from_utf8(sandbox.read(file)).unwrap().trim_end(),
            drawn
        );
    }
    assert_eq!(sandbox.roar(["dag", "-o", "no/where"]).code, 3);
    assert_eq!(sandbox.roar(["dag", "--format", "png"]).code, 2);
}

#[test]
fn a_job_is_shown_with_all_that_is_known() {
    let sandbox = history();
    assert_snapshot!(sandbox.sh("roar show @3 | grep -v '^@3'"), @r#"
    --- stdout
    $ evaluate
    Coverage:  declared (none)
    Inputs (2)
      <short>        2 B  data/b.csv  ← @1
      <short>        2 B  model.json  ← @2
    Outputs (1)
      <short>        4 B  report.txt
    Code (1)
      <short>        7 B  evaluate.py
    "#);
    let latest = json(&sandbox.roar(["show", "--json"]));
    assert_eq!(latest, json(&sandbox.roar(["show", "--json", "@3"])));
    assert_eq!(latest["inputs"][1]["producer"], "@2");
    assert!(latest["coverage"]["verdict"] == "declared" && latest["schema"] == 1);
    let all = json(&sandbox.roar(["show", "--json", "--all"]));
    assert_eq!(all["other_files"], Value::Array(Vec::new()));
}

#[test]
fn a_file_is_shown_by_who_made_and_read_it() {
    let sandbox = history();
    let shown = json(&sandbox.roar(["show", "--json", "model.json"]));
    assert_eq!(shown["writers"][0]["step"], "@2");
    assert_eq!(shown["readers"][0]["step"], "@3");
    assert_eq!(shown["size"], 2);
    let hash = shown["hash"].as_str().unwrap();
    assert_eq!(
        json(&sandbox.roar(["show", "--json", &hash[..8]]))["hash"],
        hash
    );
}

#[test]
fn the_log_is_newest_first() {
    let sandbox = retrained();
    let steps = |words: &[&str]| -> Vec<String> {
        let log = json(&sandbox.roar(words));
        let jobs = log["jobs"].as_array().unwrap().clone();
        jobs.iter()
            .map(|job| job["step"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(steps(&["log", "--json"]), ["@2", "@3", "@2", "@1"]);
    assert_eq!(steps(&["log", "--json", "-n", "2"]), ["@2", "@3"]);
    assert_eq!(
        steps(&["log", "--json", "--reverse"]),
        ["@1", "@2", "@3", "@2"]
    );
    assert_eq!(sandbox.roar(["log"]).success().out().lines().count(), 4);
}

#[test]
fn the_status_tells_what_is_stale_and_what_was_changed_outside() {
    let sandbox = retrained();
    sandbox.write("data/a.csv", "9\n");
    sandbox.write("raw.csv", "");
    std::fs::remove_file(sandbox.path("data/b.csv")).unwrap();
    let status = json(&sandbox.roar(["status", "--json"]));
    assert_eq!(status["stale"], serde_json::json!(["@3"]));
    let drift: Vec<_> = status["drift"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| {
            (
                it["path"].as_str().unwrap(),
                it["state"].as_str().unwrap(),
                it["step"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        drift,
        [
            ("data/a.csv", "modified", "@1"),
            ("data/b.csv", "missing", "@1"),
            ("raw.csv", "modified", "@1"),
        ]
    );
    let text = sandbox.roar(["status"]).success().out();
    assert!(text.contains("data/b.csv") && text.contains("@3"), "{text}");
}

#[test]
fn lineage_goes_back_to_what_nobody_made() {
    let sandbox = history();
    assert_snapshot!(sandbox.roar(["lineage", "report.txt"]), @r#"
    --- stdout
    Lineage of report.txt
    ● @1 split raw.csv  0.50 s
    │    raw.csv → data/a.csv, data/b.csv
    ├─● @2 train: python train.py --lr 0.1  1.50 s
    │ │    data/a.csv → model.json  (← @1)
    ●─╯ @3 evaluate  0.10 s
           data/b.csv, model.json → report.txt  (← @1, @2)
    Began with:
      raw.csv  4 B  read by @1
    "#);
    let lineage = json(&sandbox.roar(["lineage", "--json", "model.json"]));
    assert_eq!(lineage["jobs"].as_array().unwrap().len(), 2);
    assert_snapshot!(sandbox.roar(["lineage", "raw.csv"]), @r#"
    --- stdout
    Lineage of raw.csv
    No recorded job made it.
    "#);
    assert_snapshot!(sandbox.roar(["inputs", "report.txt"]), @r#"
    --- stdout
    Inputs of report.txt
      <short>        4 B  raw.csv  read by @1
    "#);
    assert_eq!(
        json(&sandbox.roar(["inputs", "--json", "@3"]))["inputs"][0]["path"],
        "raw.csv"
    );
    assert_eq!(sandbox.roar(["lineage", "nothing.txt"]).code, 3);
    assert_eq!(sandbox.roar(["lineage"]).code, 2);
}

#[test]
fn a_file_that_was_changed_since_is_not_mistaken_for_what_was_recorded() {
    let sandbox = history();
    sandbox.write("model.json", "something else");
    assert_snapshot!(sandbox.roar(["lineage", "model.json"]), @r#"
    --- stderr
    error: no recorded job wrote or read 'model.json' as it is now
    hint: `roar status` tells which files were changed outside of recorded jobs
    [exit 3]
    "#);
}

#[test]
fn bytes_are_known_wherever_they_lie() {
    let sandbox = history();
    std::fs::write(sandbox.root().join("copy"), "{}").unwrap();
    let why = json(&sandbox.roar(["why", "--json", "../copy"]));
    assert_eq!(why["writers"][0]["path"], "model.json");
    assert_eq!(why["known"], true);
    let elsewhere = sandbox.roar([
        "-C",
        "/",
        "why",
        "--json",
        sandbox.path("model.json").to_str().unwrap(),
    ]);
    assert_eq!(json(&elsewhere)["writers"][0]["step"], "@2");
    sandbox.write("new", "never seen");
    let unknown = sandbox.roar(["why", "new"]);
    assert_eq!(unknown.code, 3, "{unknown}");
    assert_eq!(sandbox.roar(["why", "gone"]).code, 3);
    let directory = sandbox.roar(["why", "data"]);
    assert_eq!(directory.code, 2);
    assert!(
        directory.err().contains("`roar lineage data` tells"),
        "{directory}"
    );
}

#[test]
fn where_nothing_is_recorded_it_is_said() {
    let sandbox = sandbox();
    let _ = sandbox.roar(["init"]).success();
    for question in ["dag", "log", "show"] {
        let seen = sandbox.roar([question]).success();
        assert_eq!(
            seen.err(),
            "nothing is recorded yet; put `roar run` before a command",
            "{question}"
        );
    }
    let _ = sandbox.roar(["status"]).success();
}

#[test]
fn a_dataset_that_was_edited_in_one_place_is_no_input_as_a_whole() {
    let sandbox = crate::sandbox();
    sandbox.write("seed", "1");
    sandbox.write("data/other", "o");
    let _ = sandbox
        .sh("roar -q run sh -c 'mkdir data/x; for i in 1 2 3; do cat seed - < seed > data/x/$i; echo $i >> data/x/$i; done'")
        .success();
    sandbox.write("data/x/2", "edited");
    let _ = sandbox
        .sh("roar -q run sh -c 'cat data/x/* > all'")
        .success();
    let paths = |word: &str| -> Vec<String> {
        let inputs = json(&sandbox.roar(["inputs", "--json", word]));
        let inputs = inputs["inputs"].as_array().unwrap().iter();
        inputs
            .map(|input| input["path"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(paths("all"), ["data/x/2", "seed"]);
    let text = sandbox.roar(["inputs", "all"]).success().out();
    assert!(
        text.contains("data/x/2") && !text.contains("(3 files)"),
        "{text}"
    );
    assert_eq!(paths("data/x"), ["seed"]);
    let target = json(&sandbox.roar(["inputs", "--json", "data/x"]))["target"].clone();
    assert_eq!(
        (&target["kind"], &target["files"]),
        (&"dataset".into(), &3.into())
    );
}

#[test]
fn a_list_that_is_cut_short_says_so_and_a_long_command_is_cut() {
    let sandbox = crate::sandbox();
    let _ = sandbox.sh("roar -q run echo $(seq 1 5000)").success();
    let none = sandbox.roar(["log", "-n", "0"]).success();
    assert_eq!(none.out(), "1 other job not shown");
    for question in ["log", "dag"] {
        let length = sandbox.roar([question]).success().out().len();
        assert!(length < 1500, "{question}: {length}");
    }
}

#[test]
fn a_file_has_one_name_however_it_was_asked_about() {
    let sandbox = crate::sandbox();
    let _ = sandbox
        .sh("mkdir d; roar -q run sh -c 'echo 1 > f'")
        .success();
    for words in [["why", "--json", "./f"], ["why", "--json", "d/../f"]] {
        assert_eq!(json(&sandbox.roar(words))["path"], "f");
    }
    let text = sandbox.roar(["why", "./f"]).success().out();
    assert!(!text.contains("as f"), "{text}");
}

#[test]
fn a_file_in_the_place_of_the_workspace_is_told_of() {
    let sandbox = crate::sandbox();
    sandbox.write(".roar", "");
    let seen = sandbox.roar(["log"]);
    assert!(seen.err().contains("is not a directory"), "{seen}");
    assert!(seen.err().contains("hint: move it away"), "{seen}");
}

#[test]
fn a_file_is_found_again_however_long_its_path_is() {
    let sandbox = sandbox();
    let half = vec!["d".repeat(200); 15].join("/");
    let bottom = sandbox.work().join(&half).join(&half);
    let mut directory = sandbox.work();
    for name in bottom.strip_prefix(sandbox.work()).unwrap() {
        directory.push(name);
        std::fs::create_dir(reach(&directory).unwrap()).unwrap();
    }
    std::fs::write(reach(&bottom.join("in")).unwrap(), "deep").unwrap();
    let script = format!("cd -P {half} && cd -P {half} && cat in > out");
    let run = sandbox
        .roar(["run", "--keep=all", "sh", "-c", &script])
        .success();
    assert!(!run.err().contains("not everything"), "{}", run.err());
    let drift = || json(&sandbox.roar(["status", "--json"]))["drift"].clone();
    assert_eq!(drift(), serde_json::json!([]));
    let up_to_date = sandbox.roar(["rerun", "--dry-run"]).success();
    assert!(up_to_date.err().contains("nothing to do"));
    let output = bottom.join("out");
    // It has the bytes, even were nothing kept.
    let _ = sandbox.sh("mv .roar/blobs aside").success();
    let job = json(&sandbox.roar(["show", "--json"]));
    let id = job["outputs"][0]["hash"].as_str().unwrap().to_owned();
    assert_eq!(sandbox.roar(["cat-file", &id]).success().out(), "deep");
    let _ = sandbox.roar(["restore", &id, "-o", "copy"]).success();
    assert_eq!(sandbox.read("copy"), b"deep");
    let words = ["bundle", "create", "--with-bytes", "made.roar", "@1"];
    let _ = sandbox.roar(words).success();
    let _ = sandbox.sh("mv aside .roar/blobs").success();
    std::fs::remove_file(reach(&output).unwrap()).unwrap();
    assert_eq!(drift()[0]["state"], "missing");
    let _ = sandbox.roar(["restore", "@1"]).success();
    assert_eq!(std::fs::read(reach(&output).unwrap()).unwrap(), b"deep");
    let _ = sandbox.roar(["hash-dataset", "."]).success();
}

#[test]
fn a_file_that_may_be_executed_no_longer_has_drifted() {
    let sandbox = sandbox();
    let script = "mkdir d; echo 1 > d/a; echo 2 > d/b; chmod +x d/a";
    let _ = sandbox.roar(["run", "sh", "-c", script]).success();
    let drift = || json(&sandbox.roar(["status", "--json"]))["drift"].clone();
    assert_eq!(drift(), serde_json::json!([]));
    let _ = sandbox.sh("chmod -x d/a; chmod +x d/b");
    let drifted = drift();
    for (at, path, executable) in [(0, "d/a", false), (1, "d/b", true)] {
        assert_eq!(drifted[at]["path"], path);
        assert_eq!(drifted[at]["state"], "mode");
        assert_eq!(drifted[at]["executable"], executable);
        assert_eq!(drifted[at]["hash"], drifted[at]["recorded"]);
    }
    let text = sandbox.roar(["status"]).success().out();
    assert!(
        text.contains("  mode      d/a  @1, no longer executable\n"),
        "{text}"
    );
    // Its content is what it was.
    let again = sandbox.roar(["rerun", "--dry-run"]).success();
    assert!(again.err().contains("nothing to do"));
    // A later run that reads it finds it so.
    let _ = sandbox
        .roar(["run", "sh", "-c", "cat d/a d/b > c"])
        .success();
    assert_eq!(drift(), serde_json::json!([]));
}

#[test]
fn the_lineage_of_a_directory_is_that_of_its_members() {
    let sandbox = sandbox();
    sandbox.write("in/a", "1");
    sandbox.write("in/b", "2");
    sandbox.write("m/y", "3");
    for script in [
        "mkdir out; cp in/a in/b out",
        "echo x > first",
        "cp first m/x",
        "cat m/x m/y > both",
    ] {
        let _ = sandbox.roar(["-q", "run", "sh", "-c", script]).success();
    }
    let told = |name: &str| {
        let text = sandbox.roar(["lineage", name]).success().out();
        let lines = text
            .lines()
            .filter(|line| !line.contains('@') || line.contains("read by"));
        lines.map(|line| format!("{line}\n")).collect::<String>()
    };
    assert_eq!(
        told("out"),
        "Lineage of out/ (2 files)\n     in/ (2 files) → out/ (2 files)\nBegan with:\n  in/ (2 files)  2 B  read by @1\n"
    );
    assert_eq!(
        told("in"),
        "Lineage of in/ (2 files)\nNo recorded job made it.\n"
    );
    assert!(told("m").ends_with("Began with:\n  m/y  1 B  read by @4\n"));
    let lineage = json(&sandbox.roar(["lineage", "m", "--json"]));
    let target = &lineage["target"];
    assert_eq!(
        (&target["path"], &target["kind"]),
        (&"m".into(), &"dataset".into())
    );
    let steps = |jobs: &Value| -> Vec<_> {
        let jobs = jobs.as_array().unwrap().iter();
        jobs.map(|job| job["step"].clone()).collect()
    };
    assert_eq!(steps(&lineage["jobs"]), ["@2", "@3"]);
    let inputs = json(&sandbox.roar(["inputs", "m", "--json"]));
    assert_eq!(inputs["target"], *target);
}

#[test]
fn a_file_that_a_job_deleted_is_known_by_what_was_there() {
    let sandbox = sandbox();
    sandbox.write("in", "abc\n");
    let _ = sandbox.roar(["-q", "run", "cp", "in", "out"]).success();
    let _ = sandbox.roar(["-q", "run", "rm", "out"]).success();
    let named = sandbox.roar(["rev-parse", "out"]).success().out();
    assert_eq!(named, sandbox.roar(["hash-object", "in"]).success().out());
    let shown = sandbox.roar(["show", "out"]).success().out();
    assert!(
        shown.contains("write here was @2, and it left nothing."),
        "{shown}"
    );
    // The same bytes lie in `in`.
    let _ = sandbox.roar(["restore", "out"]).success();
    assert_eq!(sandbox.read("out"), b"abc\n");
}

#[test]
fn of_a_dataset_that_a_job_made_in_part_the_rest_is_what_all_began_with() {
    let sandbox = sandbox();
    sandbox.write("d/hand", "h\n");
    let _ = sandbox.sh("roar -q run sh -c 'echo 1 > d/one'").success();
    let _ = sandbox.sh("roar -q run sh -c 'cat d/* > all'").success();
    let lineage = sandbox.roar(["lineage", "all"]).success().out();
    let began = lineage.split_once("Began with:").unwrap().1;
    assert_eq!(began.trim(), "d/hand  2 B  read by @2");
    let inputs = sandbox.roar(["inputs", "all"]).success().out();
    assert!(
        inputs.contains("d/hand") && !inputs.contains("one"),
        "{inputs}"
    );
}

#[test]
fn what_a_job_deleted_is_known_as_it_was_last() {
    let sandbox = crate::sandbox();
    sandbox.write("in", "abc");
    for line in ["cat in > out", "rm out", "rm in"] {
        let _ = sandbox.roar(["-q", "run", "sh", "-c", line]).success();
    }
    let id = "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85";
    for word in ["out", "in"] {
        let named = sandbox.roar(["rev-parse", word]).success();
        assert_eq!(named.out(), id, "{word}");
    }
    assert!(sandbox.roar(["show", "out"]).success().out().contains("@1"));
    let lineage = sandbox.roar(["lineage", "out"]).success();
    assert!(lineage.out().contains("in → out"), "{lineage}");
    assert_eq!(
        sandbox.roar(["restore", "out"]).code,
        3,
        "nobody has its bytes"
    );
    sandbox.write("in", "abc");
    let _ = sandbox.roar(["restore", "out"]).success();
    assert_eq!(sandbox.read("out"), b"abc");
}

#[test]
fn a_link_that_leads_to_no_file_is_asked_about_itself() {
    let sandbox = crate::sandbox();
    let line = "mkdir d e; echo a > d/a; ln -s d link; ln -s nowhere e/dangling; ln -s d/a file";
    let _ = sandbox.roar(["-q", "run", "sh", "-c", line]).success();
    for (word, path, hash) in [
        ("link", "link", roar_content::name_link(b"d")),
        (
            "e/dangling",
            "e/dangling",
            roar_content::name_link(b"nowhere"),
        ),
        ("file", "d/a", roar_object::ContentId::of(b"a\n")),
    ] {
        let why = json(&sandbox.roar(["why", "--json", word]).success());
        assert_eq!(why["hash"], hash.to_string(), "{why}");
        assert_eq!(
            (&why["path"], &why["writers"][0]["step"]),
            (&path.into(), &"@1".into()),
            "{why}"
        );
    }
    let told = sandbox.roar(["why", "link"]).success();
    assert!(told.err().contains("'link' is a link to 'd'"), "{told}");
    assert_eq!(sandbox.roar(["why", "link/"]).code, 2);
}

#[test]
fn a_whole_name_means_what_it_names_whatever_files_are_called() {
    let sandbox = history();
    let job = sandbox.roar(["rev-parse", "@1"]).success().out();
    let tree = sandbox
        .roar(["hash-dataset", "--write", "data"])
        .success()
        .out();
    sandbox.write(&job, "a file");
    sandbox.write(format!("{tree}/else"), "a directory");
    for name in [&job, &tree] {
        assert_eq!(&sandbox.roar(["rev-parse", name]).success().out(), name);
    }
    assert_eq!(
        sandbox.roar(["cat-object", "-t", &job]).success().out(),
        "job"
    );
    let listed = sandbox.roar(["ls-tree", &tree]).success().out();
    assert_eq!(listed, sandbox.roar(["ls-tree", "data"]).success().out());
    let file = sandbox
        .roar(["rev-parse", &format!("./{job}")])
        .success()
        .out();
    assert_eq!(file, roar_object::ContentId::of(b"a file").to_string());
}

#[test]
fn a_picture_is_written_whole_or_not_at_all_and_never_in_the_place_of_a_pipe() {
    use std::os::unix::fs::{FileTypeExt as _, symlink};
    let sandbox = history();
    let draw = |to: &str| format!("roar dag --format dot -o {to}");
    let small = format!("ulimit -f 0; {}", draw("cut.dot"));
    assert_eq!(sandbox.sh(&small).code, 1);
    let left = sandbox.sh("ls").success().out();
    assert!(!left.contains("cut.dot"), "{left}");
    symlink("real.dot", sandbox.path("link.dot")).unwrap();
    sandbox.write("real.dot", "old");
    let _ = sandbox.sh(&draw("link.dot")).success();
    assert!(sandbox.read("real.dot").starts_with(b"digraph"));
    let piped = sandbox
        .sh(&format!("mkfifo pipe; cat pipe & {}; wait", draw("pipe")))
        .success();
    assert!(piped.out().starts_with("digraph"), "{piped}");
    let pipe = std::fs::metadata(sandbox.path("pipe")).unwrap();
    assert!(pipe.file_type().is_fifo());
}

#[test]
fn a_file_of_the_system_is_known_by_who_read_it() {
    let sandbox = crate::sandbox();
    sandbox.write("in", "b\na\n");
    let _ = sandbox.roar(["-q", "run", "sort", "in"]).success();
    let sort = sandbox.sh("command -v sort").success().out();
    for question in ["why", "show"] {
        let told = sandbox.roar([question, sort.trim()]).success().out();
        assert!(told.contains("Read by\n  @1"), "{told}");
    }
    // Nobody read this one.
    sandbox.write("other", "odd\n");
    assert_eq!(sandbox.roar(["why", "other"]).code, 3);
}
