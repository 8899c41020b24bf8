//! `roar run` and `roar build`, as far as the command line goes.

use crate::sandbox;
use insta::assert_snapshot;
use serde_json::Value;

#[test]
fn the_command_has_its_own_output_and_exit_code() {
    let sandbox = sandbox();
    let seen = sandbox.roar(["run", "sh", "-c", "echo out; echo err >&2; exit 7"]);
    assert_eq!((seen.code, seen.out().as_str()), (7, "out"));
    assert!(seen.err().starts_with("err\n"), "{seen}");
    assert_eq!(sandbox.roar(["run", "sh", "-c", "kill -TERM $$"]).code, 143);
    assert_eq!(sandbox.roar(["run", "no-such-program"]).code, 127);
    sandbox.write("plain", "");
    assert_eq!(sandbox.roar(["run", "./plain"]).code, 126);
}

#[test]
fn what_cannot_be_executed_is_told_as_a_shell_would() {
    let sandbox = sandbox();
    sandbox.write("lost", "#!/no/such/interpreter\n");
    sandbox.write("broken", "\x7fELF and no more\n");
    sandbox.write("words", "exit 3\n");
    for (name, code) in [("lost", 127), ("broken", 126), ("words", 3)] {
        sandbox.sh(&format!("chmod +x {name}"));
        let seen = sandbox.roar(["run", &format!("./{name}")]);
        assert_eq!(seen.code, code, "{seen}");
    }
    let seen = sandbox.roar(["run", "./lost"]);
    assert!(
        seen.err()
            .contains("what executes './lost', '/no/such/interpreter', was not found"),
        "{seen}"
    );
    sandbox.write("lost", "#! /bin/sh\r\nexit 3\r\n");
    for how in ["run", "trace"] {
        let seen = sandbox.roar([how, "./lost"]);
        assert_eq!(seen.code, 127, "{seen}");
        assert!(seen.err().contains("'/bin/sh\\r', was not found"), "{seen}");
        assert!(
            seen.err().contains("hint: its lines end as on Windows"),
            "{seen}"
        );
    }
}

#[test]
fn options_before_the_command_are_ours_and_those_after_it_are_its_own() {
    let sandbox = sandbox();
    assert_snapshot!(sandbox.roar(["run", "--bogus", "true"]), @r#"
    --- stderr
    error: there is no option '--bogus' here
    hint: `roar help run` shows how it is used
    [exit 2]
    "#);
    assert_snapshot!(sandbox.roar(["run"]), @r#"
    --- stderr
    error: COMMAND is missing
    hint: `roar help run` shows how it is used
    [exit 2]
    "#);
    let echoed = sandbox
        .roar(["-q", "run", "echo", "-q", "--help", "--", "-x"])
        .success();
    assert_eq!(
        (echoed.out().as_str(), echoed.err().as_str()),
        ("-q --help -- -x", "")
    );
    assert_eq!(
        sandbox
            .roar(["-q", "run", "--", "echo", "--"])
            .success()
            .out(),
        "--"
    );
}

#[test]
fn little_is_said_and_that_on_standard_error() {
    let sandbox = sandbox();
    sandbox.write("in", "x");
    let first = sandbox.roar(["run", "sh", "-c", "cat in > out"]).success();
    assert_eq!(first.stdout, b"");
    assert!(first.err().lines().count() <= 3, "{first}");
    assert_eq!(sandbox.roar(["run", "-q", "true"]).success().err(), "");
    let verbose = sandbox
        .roar(["run", "-v", "sh", "-c", "cat in > out2"])
        .success()
        .err();
    assert!(verbose.contains("out2"), "{verbose}");
}

#[test]
fn nothing_is_said_into_an_output_of_the_run_and_all_into_a_log() {
    let sandbox = sandbox();
    let _ = sandbox.roar(["init"]).success();
    for command in ["echo hi", "true"] {
        let _ = sandbox
            .sh(&format!("roar run -v {command} > both 2>&1"))
            .success();
        let said = String::from_utf8(sandbox.read("both")).unwrap();
        assert!(["hi\n", ""].contains(&said.as_str()), "{command}: {said}");
        let outside = sandbox.sh(&format!("roar run {command} > ../both 2>&1; cat ../both"));
        assert!(
            outside.out().contains("read 0 files"),
            "{command}: {outside}"
        );
    }
    let _ = sandbox
        .roar(["filter", "add", "--as", "system", "*.log"])
        .success();
    let log = sandbox.sh("roar run echo hi > x.log 2>&1; cat x.log");
    assert!(log.out().contains("wrote 0 files"), "{log}");
    let status = sandbox.roar(["status"]).success();
    assert!(!status.out().contains("changed"), "{status}");
}

#[test]
fn a_step_is_run_again_with_other_arguments() {
    let sandbox = sandbox();
    sandbox.write("make.sh", "echo \"$*\" > made");
    let first = ["run", "-n", "make", "sh", "make.sh", "--rate=1", "--keep"];
    let _ = sandbox.roar(first).success();
    let _ = sandbox.roar(["run", "@1", "--rate=2", "--new=3"]).success();
    assert_eq!(sandbox.read("made"), b"--rate=2 --keep --new=3\n");
    let shown = sandbox.roar(["show", "--json", "@1"]).success();
    let shown: Value = serde_json::from_slice(&shown.stdout).unwrap();
    assert_eq!(
        (&shown["name"], &shown["step"]),
        (&"make".into(), &"@1".into())
    );
    assert_eq!(sandbox.roar(["run", "@1", "stray"]).code, 2);
    assert_eq!(sandbox.roar(["run", "@7"]).code, 3);
    let before = sandbox.roar(["rev-list"]).success().out();
    let _ = sandbox.roar(["run", "--dry-run", "@1"]).success();
    assert_eq!(sandbox.roar(["rev-list"]).success().out(), before);
}

#[test]
fn a_build_has_numbers_of_its_own() {
    let sandbox = sandbox();
    let _ = sandbox.roar(["run", "sh", "-c", "echo 1 > a"]).success();
    let _ = sandbox.roar(["build", "sh", "-c", "cat a > b"]).success();
    let dag = sandbox.roar(["dag", "--json"]).success();
    let dag: Value = serde_json::from_slice(&dag.stdout).unwrap();
    assert_eq!(dag["nodes"][1]["step"], "@B1");
    assert_eq!(dag["nodes"][1]["parents"], serde_json::json!(["@1"]));
}

#[test]
fn the_exit_code_is_told_even_if_nobody_reads_what_is_said() {
    let sandbox = sandbox();
    let script = "for how in run trace; do \
                  { roar $how sh -c 'cat in; exit 7'; echo $? > code-$how; } 2>&1 | true; done";
    sandbox.write("in", "x");
    let _ = sandbox.sh(script);
    for how in ["run", "trace"] {
        assert_eq!(sandbox.read(format!("code-{how}")), b"7\n", "{how}");
    }
    assert_eq!(
        sandbox.roar(["rev-list"]).success().out().lines().count(),
        1
    );
}

#[test]
fn eight_runs_at_once_are_all_recorded() {
    let sandbox = sandbox();
    let runs = "for n in 1 2 3 4 5 6 7 8; do roar run sh -c \"echo $n > out-$n\" & done; wait";
    let said = sandbox.sh(runs).success().err();
    assert!(!said.contains("warning"), "{said}");
    assert_eq!(said.matches("roar: made ").count(), 1, "{said}");
    assert!(
        !sandbox
            .sh("ls -A | grep roar-new")
            .out()
            .contains("roar-new")
    );
    assert_eq!(
        sandbox.roar(["rev-list"]).success().out().lines().count(),
        8
    );
    let dag = sandbox.roar(["dag", "--json"]).success();
    let dag: Value = serde_json::from_slice(&dag.stdout).unwrap();
    let outputs = dag["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|node| &node["outputs"][0]["path"]);
    let outputs: std::collections::BTreeSet<_> =
        outputs.map(|path| path.as_str().unwrap()).collect();
    assert_eq!(outputs.len(), 8);
    assert_eq!(sandbox.roar(["fsck", "--full"]).code, 0);
}

#[test]
fn shared_memory_is_a_place_for_data() {
    let sandbox = sandbox();
    let script = "between=$(mktemp -d /dev/shm/roar-XXXXXX); trap 'rm -r $between' EXIT; echo 1 > in; \
                  roar -q run cp in $between/x; roar -q run cp $between/x out; \
                  roar dag --json; echo 2 > in; roar -q rerun";
    let dag = sandbox.sh(script).success();
    let dag: Value = serde_json::from_slice(&dag.stdout).unwrap();
    assert_eq!(dag["nodes"][1]["parents"], serde_json::json!(["@1"]));
    assert_eq!(sandbox.read("out"), b"2\n");
}

#[test]
fn a_run_whose_roar_is_killed_is_recorded_as_interrupted() {
    let sandbox = sandbox();
    let script = "mkfifo started go; \
                  roar -q run sh -c 'echo seen > out; echo $$ > started; cat go' & \
                  roar=$!; cat started > /dev/null; kill -9 $roar; wait $roar; echo > go";
    let _ = sandbox.sh(script);
    let log = sandbox.roar(["log", "--json"]).success();
    assert!(log.err().contains("killed"), "{log}");
    let log: Value = serde_json::from_slice(&log.stdout).unwrap();
    assert_eq!(log["jobs"][0]["state"], "interrupted");
}

#[test]
fn a_run_whose_roar_is_killed_when_it_has_recorded_it_is_recorded_once() {
    let sandbox = sandbox();
    // What the run began with lies there again, as if nobody had come to remove it.
    let script = "roar -q run sh -c 'echo seen > out; cp -r .roar/runs ../begun'; cp ../begun/*.run .roar/runs";
    let _ = sandbox.sh(script).success();
    let log = sandbox.roar(["log", "--json"]).success();
    assert_eq!(log.err(), "");
    let log: Value = serde_json::from_slice(&log.stdout).unwrap();
    let states = log["jobs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|job| &job["state"]);
    assert_eq!(states.collect::<Vec<_>>(), ["finished"]);
    assert_eq!(sandbox.sh("ls .roar/runs").success().out(), "");
}

#[test]
fn a_killed_run_is_taken_in_where_its_project_was_moved_to() {
    let sandbox = sandbox();
    let script = "mkdir before; cd before; roar -q run true; mkfifo started go; \
                  roar -q run sh -c 'echo seen > out; echo $$ > started; cat go' & \
                  roar=$!; cat started > /dev/null; \
                  until grep -qa before/out .roar/runs/*.run; do :; done; \
                  kill -9 $roar; wait $roar; echo > go; cd ..; mv before after";
    let _ = sandbox.sh(script);
    let log = sandbox.roar(["-C", "after", "log", "--json"]).success();
    assert!(log.err().contains("killed"), "{log}");
    let log: Value = serde_json::from_slice(&log.stdout).unwrap();
    let job = &log["jobs"][0];
    assert_eq!(job["state"], "interrupted");
    let shown = sandbox.roar(["-C", "after", "show", "--json"]).success();
    let shown: Value = serde_json::from_slice(&shown.stdout).unwrap();
    assert_eq!(shown["outputs"][0]["path"], "out", "{shown}");
}

#[test]
fn a_kept_run_whose_file_is_damaged_is_told_and_stays_as_evidence() {
    let sandbox = sandbox();
    // What has the lock keeps the run from being committed.
    let script = "roar -q run true; exec 9> .roar/lock; flock 9; \
                  roar --config lock.timeout=0 run sh -c 'echo seen > out'";
    let ran = sandbox.sh(script);
    assert!(ran.err().contains("kept in"), "{ran}");
    let kept = sandbox.sh("ls .roar/runs/*.run").success().out();
    let mut bytes = sandbox.read(kept.trim());
    let at = bytes.len() - 3;
    bytes[at] ^= 1;
    sandbox.write(kept.trim(), bytes);
    let log = sandbox.roar(["log"]).success();
    assert!(log.err().contains("is damaged; it was moved"), "{log}");
    assert!(log.out().contains("interrupted"), "{log}");
    let found = sandbox.roar(["fsck"]).success();
    assert!(found.out().contains("run-damaged"), "{found}");
}

#[test]
fn a_dirty_tree_is_recorded_or_refused_and_never_touched() {
    let sandbox = sandbox();
    sandbox.write("code.sh", "echo 1 > out");
    sandbox.write(".gitignore", "out\n");
    let _ = sandbox
        .sh("git init -q . && git add . && git commit -qm first")
        .success();
    sandbox.write("code.sh", "echo 2 > out");
    let before = sandbox
        .sh("git status --porcelain; git stash list")
        .success()
        .out();
    let _ = sandbox.roar(["run", "sh", "code.sh"]).success();
    let shown = sandbox.roar(["show", "--json"]).success();
    let shown: Value = serde_json::from_slice(&shown.stdout).unwrap();
    assert_eq!(shown["git"]["dirty"], true);
    let tree = shown["git"]["tree"].as_str().unwrap();
    let kept = sandbox
        .sh(&format!("git show {tree}:code.sh"))
        .success()
        .out();
    assert_eq!(kept, "echo 2 > out");
    assert_eq!(
        sandbox
            .sh("git status --porcelain; git stash list")
            .success()
            .out(),
        before
    );
    let refused = sandbox.roar(["run", "--dirty", "refuse", "sh", "code.sh"]);
    assert_eq!(refused.code, 125, "{refused}");
    assert!(refused.err().contains("hint:"), "{refused}");
}

#[test]
fn names_are_bytes_from_end_to_end() {
    let sandbox = sandbox();
    let _ = sandbox
        .roar(["run", "sh", "-c", "printf x > \"$(printf 'a\\nb\\377')\""])
        .success();
    let shown = sandbox.roar(["show", "--json"]).success();
    let shown: Value = serde_json::from_slice(&shown.stdout).unwrap();
    assert_eq!(
        shown["outputs"][0]["path"],
        serde_json::json!({ "bytes": "YQpi/w==" })
    );
    let text = sandbox.roar(["show"]).success().out();
    assert!(text.contains(r"$'a\nb\xff'"), "{text}");
}

#[test]
fn shell_redirections_and_pipes_are_seen() {
    let sandbox = sandbox();
    sandbox.write("in", "b\na\n");
    let _ = sandbox.sh("roar -q run sort < in > sorted").success();
    let shown = sandbox.roar(["show", "--json"]).success();
    let shown: Value = serde_json::from_slice(&shown.stdout).unwrap();
    assert_eq!(shown["inputs"][0]["path"], "in");
    assert_eq!(shown["outputs"][0]["path"], "sorted");
    assert_eq!(sandbox.read("sorted"), b"a\nb\n");
    if std::fs::metadata(sandbox.path("in"))
        .unwrap()
        .created()
        .is_err()
    {
        // This file system does not know when a file was made.
        return;
    }
    // The shell had made it; the next time it empties it.
    let change = |command: &str| {
        let _ = sandbox.sh(command).success();
        let shown = sandbox.roar(["show", "--json"]).success();
        let shown: Value = serde_json::from_slice(&shown.stdout).unwrap();
        shown["outputs"][0]["change"].as_str().unwrap().to_owned()
    };
    assert_eq!(change("roar -q run cat in > made"), "created");
    assert_eq!(change("roar -q run cat in > made"), "modified");
    assert_eq!(change("roar -q run true > empty"), "created");
}

#[test]
fn a_step_that_is_run_again_has_the_files_that_a_shell_gave_it() {
    let sandbox = sandbox();
    sandbox.write("in", "b\na\n");
    let _ = sandbox.sh("roar -q run sort < in > sorted").success();
    sandbox.write("in", "d\nc\n");
    let _ = sandbox.sh("roar -q run @1 < /dev/null").success();
    assert_eq!(sandbox.read("sorted"), b"c\nd\n");
    sandbox.write("other", "z\ny\n");
    let _ = sandbox.sh("roar -q run @1 < other > o").success();
    assert_eq!(sandbox.read("o"), b"y\nz\n");
    assert_eq!(sandbox.read("sorted"), b"c\nd\n");
    let _ = sandbox.sh("rm in");
    let lost = sandbox.sh("roar run @1 < /dev/null");
    assert_eq!(lost.code, 125, "{lost}");
    // Nothing was emptied for a command that did not run.
    assert_eq!(sandbox.read("sorted"), b"c\nd\n");
}

#[test]
fn a_directory_that_is_gone_keeps_no_command_from_running() {
    let sandbox = sandbox();
    let gone = |command: &str| {
        sandbox.sh(&format!(
            "mkdir -p a/b && cd a/b && rm -r ../../a && {command}"
        ))
    };
    let outside = gone("roar run sh -c 'echo hi; exit 7'");
    assert_eq!(
        (outside.code, outside.out().as_str()),
        (7, "hi"),
        "{outside}"
    );
    assert!(outside.err().contains("kept in"), "{outside}");
    for command in [
        "roar hash-object /etc/passwd",
        "roar trace -o /dev/null -- true",
        "roar --help",
    ] {
        let _ = gone(command).success();
    }
    let asked = gone("roar log");
    assert_eq!(asked.code, 1, "{asked}");
    let nowhere = sandbox.roar(["-C", "nowhere", "run", "true"]);
    assert_eq!(nowhere.code, 125, "{nowhere}");
    let _ = sandbox.roar(["init"]).success();
    let inside = gone("roar run echo hi").success();
    assert!(inside.err().contains("roar: @1"), "{inside}");
    let shown = sandbox.roar(["show", "@1"]).success();
    assert!(shown.out().contains("a/b"), "{shown}");
    let again = sandbox.roar(["run", "@1"]);
    assert_eq!(again.code, 125);
    assert!(again.err().contains("hint: `mkdir -p "), "{again}");
}

#[test]
fn a_value_that_is_refused_does_not_hide_why() {
    let sandbox = sandbox();
    let name = sandbox.roar(["run", "-n", "a\nb", "true"]);
    assert_eq!(name.code, 2, "{name}");
    assert!(
        name.err()
            .contains(r"cannot be 'a\nb': a name has 1 to 200 bytes"),
        "{name}"
    );
    let step = sandbox.roar(["run", "-n", "@3", "true"]);
    assert!(step.err().contains("does not begin with '@'"), "{step}");
    let number = sandbox.roar(["rev-list", "-n", "x"]);
    assert!(
        number
            .err()
            .contains("cannot be 'x': it is not a whole number"),
        "{number}"
    );
    for (word, meant) in [("rnu", "run"), ("LOG", "log")] {
        let seen = sandbox.roar([word]);
        assert!(
            seen.err().contains(&format!("did you mean '{meant}'?")),
            "{seen}"
        );
    }
}

#[test]
fn a_file_that_was_there_is_rewritten_whatever_its_bytes() {
    let sandbox = sandbox();
    sandbox.write("same", "same\n");
    let script = "rm same; echo same > same; echo new > new";
    let run = sandbox.roar(["run", "-v", "sh", "-c", script]).success();
    assert!(run.err().contains("  rewritten same\n"), "{}", run.err());
    assert!(run.err().contains("  created   new\n"), "{}", run.err());
    let shown = sandbox.roar(["show"]).success().out();
    assert!(shown.contains("  same  rewritten\n"), "{shown}");
}

#[test]
fn what_only_a_shell_understands_is_told_how_to_be_run() {
    let sandbox = sandbox();
    for (words, hint) in [
        (
            &["run", "echo a | cat"][..],
            "`roar run sh -c 'echo a | cat'`",
        ),
        (&["build", "FOO=1", "make"], "`roar build env FOO=1 make`"),
        (&["run", "cd", "x"], "`roar run sh -c 'cd x; …'`"),
    ] {
        let seen = sandbox.roar(words);
        assert!(seen.code == 127 && seen.err().contains(hint), "{seen}");
    }
    assert!(
        !sandbox
            .roar(["run", "no-such-program"])
            .err()
            .contains("hint")
    );
}

#[test]
fn a_link_that_a_program_is_found_by_is_as_much_code_as_the_program() {
    let sandbox = sandbox();
    let _ =
        sandbox.sh("mkdir ../tools && cp /bin/true ../tools/multi && ln -s multi ../tools/tool");
    let _ = sandbox
        .sh("cp /bin/true prog && ln -s prog link && ln -s a b && echo > a")
        .success();
    let _ = sandbox
        .sh("roar -q run sh -c '../tools/tool; ./link; cat b > /dev/null'")
        .success();
    let job: Value =
        serde_json::from_slice(&sandbox.roar(["show", "--json", "@1"]).stdout).unwrap();
    let paths = |side: &str| {
        let list = job[side].as_array().unwrap().iter();
        let names = list.map(|file| {
            file["path"]
                .as_str()
                .unwrap()
                .rsplit('/')
                .next()
                .unwrap()
                .to_owned()
        });
        let mut names: Vec<_> = names.collect();
        names.sort();
        names
    };
    assert_eq!(paths("inputs"), ["a", "b"]);
    assert_eq!(paths("code"), ["link", "multi", "prog", "tool"]);
}

#[test]
fn a_run_that_waits_for_a_workspace_is_told_of_where_there_is_none() {
    let sandbox = sandbox();
    sandbox.write(".roar", "in the way");
    let ran = sandbox.roar(["run", "true"]).success();
    assert!(ran.err().contains("kept in '"), "{ran}");
    let _ = sandbox.sh("rm .roar").success();
    assert_snapshot!(sandbox.roar(["log"]), @r"
    --- stderr
    error: there is no roar workspace in '$SANDBOX/work' or any directory above it
    hint: kept in '$SANDBOX/home/.local/state/roar/runs': 1 run of this project, to be taken in once `roar init` can make '$SANDBOX/work/.roar'
    [exit 1]
    ");
    let _ = sandbox.roar(["init"]).success();
    let log = sandbox.roar(["log"]).success();
    assert!(
        log.out().contains("@1") && log.err().contains("recorded now, as @1"),
        "{log}"
    );
}

#[test]
fn who_reads_a_compiled_module_has_read_its_source() {
    let sandbox = sandbox();
    sandbox.write(
        "main.py",
        "import helper\nopen('o', 'w').write(str(helper.x))\n",
    );
    sandbox.write("helper.py", "x = 1\n");
    let code = || {
        let script =
            "unset PYTHONDONTWRITEBYTECODE PYTHONPYCACHEPREFIX; roar -q run python3 main.py";
        let _ = sandbox.sh(script).success();
        let shown = sandbox.roar(["show", "--json"]).success();
        let shown: Value = serde_json::from_slice(&shown.stdout).unwrap();
        let code = shown["code"].as_array().unwrap().iter();
        code.map(|file| file["path"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(code(), ["helper.py", "main.py"]);
    assert!(sandbox.path("__pycache__").exists());
    assert_eq!(code(), ["helper.py", "main.py"]);
    sandbox.write("helper.py", "x = 22\n");
    let _ = sandbox.roar(["rerun"]).success();
    assert_eq!(sandbox.read("o"), b"22");
}

#[test]
fn whichever_setting_is_wrong_it_does_not_look_like_the_commands_own_code() {
    let sandbox = sandbox();
    let _ = sandbox.roar(["init"]).success();
    for wrong in [
        "[lock]\ntimeout = -1",
        "[run]\ngrace = 'inf'",
        "[keep]\ntotal = 'x'",
    ] {
        sandbox.write(".roar/config.toml", wrong);
        for words in [&["run", "true"][..], &["run", "--cached", "true"]] {
            assert_eq!(sandbox.roar(words).code, 125, "{wrong}");
        }
    }
    sandbox.write(".roar/config.toml", "[tracer]\naccelerate = 'x'");
    assert_eq!(sandbox.roar(["trace", "true"]).code, 125);
}

#[test]
fn runs_that_wait_where_no_workspace_can_be_are_no_trouble_of_the_next_one() {
    let sandbox = sandbox();
    sandbox.write(".roar", "");
    for _ in 0..2 {
        let seen = sandbox.roar(["run", "echo", "hi"]).success();
        assert!(!seen.err().contains("error:"), "{seen}");
    }
}

#[test]
fn a_directory_that_becomes_a_file_is_told_and_so_is_the_other_way_round() {
    let sandbox = sandbox();
    sandbox.write("out/a", "1\n");
    let outputs = |script: &str| {
        let ran = sandbox.roar(["run", "sh", "-c", script]).success();
        assert!(!ran.err().contains("not everything"), "{ran}");
        let shown = sandbox.roar(["show", "--json"]).success();
        let shown: Value = serde_json::from_slice(&shown.stdout).unwrap();
        let outputs = shown["outputs"].as_array().unwrap().iter();
        let told = |output: &Value| format!("{} {}", output["change"], output["path"]);
        outputs.map(told).collect::<Vec<_>>().join(", ")
    };
    let there = outputs("rm -r out; echo 3 > out");
    assert_eq!(there, r#""created" "out", "deleted" "out/a""#);
    let back = outputs("rm out; mkdir out; echo 4 > out/b");
    assert_eq!(back, r#""deleted" "out", "created" "out/b""#);
    let status = sandbox.roar(["status"]).success().out();
    assert!(!status.contains("changed outside"), "{status}");
}

#[test]
fn code_that_git_ignores_is_kept_when_it_ran() {
    let sandbox = sandbox();
    sandbox.write(".gitignore", "local.sh\n");
    sandbox.write("data", "1\n");
    let _ = sandbox
        .sh("git init -q . && git add . && git commit -qm first")
        .success();
    sandbox.write("local.sh", "cat data\n");
    let git = |command: &[&str]| {
        let words = ["-q", "run"].iter().chain(command);
        let _ = sandbox.roar(words).success();
        let shown = sandbox.roar(["show", "--json"]).success();
        let shown: Value = serde_json::from_slice(&shown.stdout).unwrap();
        shown["git"].clone()
    };
    let kept = git(&["sh", "local.sh"]);
    assert_eq!(kept["dirty"], true);
    let show = format!("git show {}:local.sh", kept["tree"].as_str().unwrap());
    assert_eq!(sandbox.sh(&show).success().out(), "cat data");
    assert_eq!(git(&["cat", "data"])["dirty"], false);
}

#[test]
fn a_dataset_that_becomes_a_file_is_deleted_and_one_that_was_a_file_is_created() {
    let sandbox = sandbox();
    sandbox.write("out/a", "1\n");
    sandbox.write("out/b", "2\n");
    let outputs = |script: &str| {
        let _ = sandbox.roar(["run", "sh", "-c", script]).success();
        let shown = sandbox.roar(["show", "--json"]).success();
        let shown: Value = serde_json::from_slice(&shown.stdout).unwrap();
        let outputs = shown["outputs"].as_array().unwrap().iter();
        let told = |output: &Value| {
            let fields = ["path", "kind", "change", "dataset"].map(|field| &output[field]);
            fields
                .map(|field| field.as_str().unwrap_or("-").to_owned())
                .join(" ")
        };
        outputs.map(told).collect::<Vec<_>>()
    };
    assert_eq!(
        outputs("rm -r out; echo 3 > out"),
        [
            "out dataset deleted -",
            "out file created -",
            "out/a file deleted out",
            "out/b file deleted out",
        ]
    );
    let dag = sandbox.roar(["dag"]).success().out();
    assert!(dag.contains("→ out/ (2 files) (deleted), out"), "{dag}");
    assert_eq!(
        outputs("rm out; mkdir out; echo 4 > out/a; echo 5 > out/b"),
        [
            "out dataset created -",
            "out file deleted -",
            "out/a file created out",
            "out/b file created out",
        ]
    );
}
