//! `roar bundle`.

use crate::sandbox;
use insta::assert_snapshot;
use roar_testkit::Sandbox;
use serde_json::Value;
use std::fs;

/// Three steps, the last of which has nothing to do with the others.
fn sender() -> Sandbox {
    let sandbox = sandbox();
    sandbox.write("raw.csv", "b\na\n");
    for command in [
        "sh -c 'sort raw.csv > clean.csv'",
        "sh -c 'wc -l < clean.csv > count'",
        "sh -c 'echo private > other'",
    ] {
        let _ = sandbox
            .sh(&format!("roar -q run --keep {command}"))
            .success();
    }
    sandbox
}

/// Another machine, with a history of its own, and the bundle.
fn receiver(sender: &Sandbox, file: &str) -> Sandbox {
    let receiver = sandbox();
    let _ = receiver.sh("roar -q run sh -c 'echo own > own'").success();
    fs::copy(sender.path(file), receiver.path(file)).unwrap();
    receiver
}

fn json_of(sandbox: &Sandbox, words: &[&str]) -> Value {
    serde_json::from_slice(&sandbox.roar(words).success().stdout).unwrap()
}

#[test]
fn a_lineage_is_known_where_the_bundle_was_taken_in() {
    let sender = sender();
    assert_snapshot!(sender.roar(["bundle", "create", "b.roar", "count"]).code.to_string(), @"0");
    let hash = sender.roar(["rev-parse", "count"]).success().out();
    let job = sender.roar(["rev-parse", "@2"]).success().out();
    let receiver = receiver(&sender, "b.roar");
    let before = receiver
        .roar(["rev-parse", "sessions/main"])
        .success()
        .out();
    assert_eq!(receiver.roar(["show", &job]).code, 3);
    let _ = receiver.roar(["bundle", "import", "b.roar"]).success();
    assert_eq!(
        receiver
            .roar(["rev-parse", "sessions/main"])
            .success()
            .out(),
        before
    );
    let lineage = json_of(&receiver, &["lineage", "--json", &hash]);
    assert_eq!(lineage["jobs"].as_array().unwrap().len(), 2);
    assert_eq!(lineage, json_of(&sender, &["lineage", "--json", &hash]));
    assert_eq!(
        json_of(&receiver, &["show", "--json", &job])["id"],
        job.as_str()
    );
    let dag = json_of(
        &receiver,
        &["dag", "--json", "--session", "bundles/b/session"],
    );
    assert_eq!(dag["nodes"].as_array().unwrap().len(), 2);
    receiver.write("copy", "2\n");
    assert_eq!(receiver.roar(["why", "copy"]).code, 0);
    let other = sender.roar(["rev-parse", "@3"]).success().out();
    assert_eq!(
        receiver.roar(["cat-object", &other]).code,
        3,
        "what was not asked for stays"
    );
    assert_eq!(receiver.roar(["fsck", "--full"]).code, 0);
}

#[test]
fn a_bundle_can_be_the_beginning() {
    let sender = sender();
    let _ = sender
        .roar(["bundle", "create", "--with-bytes", "b.roar", "count"])
        .success();
    let hash = sender.roar(["hash-object", "count"]).success().out();
    let receiver = sandbox();
    fs::copy(sender.path("b.roar"), receiver.path("b.roar")).unwrap();
    assert!(!receiver.path(".roar").exists());
    let _ = receiver.roar(["bundle", "import", "b.roar"]).success();
    let lineage = json_of(&receiver, &["lineage", "--json", &hash]);
    assert_eq!(lineage["jobs"].as_array().unwrap().len(), 2);
    let _ = receiver.roar(["restore", &hash, "-o", "count"]).success();
    assert_eq!(receiver.read("count"), sender.read("count"));
}

#[test]
fn taking_in_twice_is_taking_in_once_and_names_are_not_taken_over() {
    let sender = sender();
    let _ = sender
        .roar(["bundle", "create", "b.roar", "count"])
        .success();
    let receiver = receiver(&sender, "b.roar");
    let _ = receiver.roar(["bundle", "import", "b.roar"]).success();
    let again = json_of(&receiver, &["bundle", "import", "--json", "b.roar"]);
    assert_eq!(again["new_objects"], 0);
    let _ = sender
        .roar(["bundle", "create", "--force", "b.roar", "other"])
        .success();
    fs::copy(sender.path("b.roar"), receiver.path("b.roar")).unwrap();
    assert_snapshot!(receiver.roar(["bundle", "import", "b.roar"]), @r"
    --- stderr
    error: there is another bundle called 'b' here
    hint: `--name NAME` calls this one otherwise
    [exit 1]
    ");
    let _ = receiver
        .roar(["bundle", "import", "--name", "b2", "b.roar"])
        .success();
    // Taking in is an operation like any other.
    let _ = receiver.roar(["undo"]).success();
    assert_eq!(
        receiver
            .roar(["for-each-ref", "bundles/"])
            .success()
            .out()
            .lines()
            .count(),
        1
    );
}

#[test]
fn bytes_travel_if_asked_for() {
    let sender = sender();
    let _ = sender
        .roar(["bundle", "create", "--with-bytes", "b.roar", "count"])
        .success();
    let receiver = receiver(&sender, "b.roar");
    let taken = json_of(&receiver, &["bundle", "import", "--json", "b.roar"]);
    assert_eq!(
        (taken["files"].as_u64(), taken["kept_files"].as_u64()),
        (Some(3), Some(3))
    );
    let clean = sender.roar(["rev-parse", "clean.csv"]).success().out();
    assert_eq!(receiver.roar(["cat-file", &clean]).success().out(), "a\nb");
    let _ = receiver
        .roar(["restore", &clean, "-o", "got.csv"])
        .success();
    assert_eq!(receiver.read("got.csv"), b"a\nb\n");
    let private = sender.roar(["rev-parse", "other"]).success().out();
    assert_eq!(receiver.roar(["cat-file", &private]).code, 3);
}

/// A bundle of a model, by the name of the model's text.
fn model_bundle(receiver: &Sandbox, name: &str, text: &str, with_bytes: bool) {
    let sender = sandbox();
    let make = format!("mkdir -p set; echo {text} > model; echo {text} > set/a; echo 1 > set/b");
    let _ = sender
        .roar(["-q", "run", "--keep", "sh", "-c", &make])
        .success();
    let option = if with_bytes { "--with-bytes" } else { "" };
    let create = format!("roar bundle create {option} {name} @1");
    let _ = sender.sh(&create).success();
    fs::copy(sender.path(name), receiver.path(name)).unwrap();
    let _ = receiver.roar(["bundle", "import", name]).success();
}

#[test]
fn of_several_bundles_the_one_that_knows_latest_is_asked() {
    let receiver = sandbox();
    let _ = receiver.sh("roar -q run sh -c 'echo own > own'").success();
    model_bundle(&receiver, "b", "old", false);
    model_bundle(&receiver, "d", "new", true);
    let shown = receiver.roar(["show", "model"]).success();
    let note = "'model' is not in this session, but in bundles/d/session; bundles/b/session has an older one";
    assert!(shown.err().contains(note), "{shown}");
    let seen = receiver.roar(["restore", "model"]).success();
    assert!(seen.err().contains(note), "{seen}");
    assert_eq!(receiver.read("model"), b"new\n");
    let _ = receiver.roar(["restore", "set"]).success();
    assert_eq!(receiver.read("set/a"), b"new\n");
}

#[test]
fn of_several_bundles_the_one_with_the_bytes_is_taken() {
    let receiver = sandbox();
    let _ = receiver.sh("roar -q run sh -c 'echo own > own'").success();
    model_bundle(&receiver, "b", "old", true);
    model_bundle(&receiver, "d", "new", false);
    for command in ["cat-file", "restore"] {
        let seen = receiver.roar([command, "model"]).success();
        let note = "but in bundles/b/session; bundles/d/session has a newer one";
        assert!(seen.err().contains(note), "{seen}");
    }
    assert_eq!(receiver.read("model"), b"old\n");
}

#[test]
fn who_lacks_what_a_bundle_names_is_told_what_can_be_done() {
    let receiver = sandbox();
    let _ = receiver.sh("roar -q run sh -c 'echo own > own'").success();
    model_bundle(&receiver, "b", "old", false);
    let seen = receiver.roar(["restore", "model"]);
    assert_eq!(seen.code, 3, "{seen}");
    assert!(seen.err().contains("`roar lineage model` tells"), "{seen}");
    assert!(!seen.err().contains("rerun"), "{seen}");
    let _ = receiver.roar(["lineage", "model"]).success();
}

#[test]
fn the_code_travels_if_asked_for() {
    let sender = sandbox();
    sender.write("make.sh", "echo 1 > out\n");
    sender.write(".gitignore", "out\n*.roar\n");
    let _ = sender
        .sh("git init -q . && git add . && git commit -qm first")
        .success();
    sender.write("make.sh", "echo 2 > out\n");
    let _ = sender.roar(["-q", "run", "sh", "make.sh"]).success();
    let refs = sender.sh("git for-each-ref").success().out();
    let _ = sender
        .roar(["bundle", "create", "--code", "b.roar", "out"])
        .success();
    assert_eq!(sender.sh("git for-each-ref").success().out(), refs);
    let job = json_of(&sender, &["show", "--json", "@1"]);
    let receiver = sandbox();
    let _ = receiver.sh("git init -q .").success();
    let _ = receiver.roar(["init"]).success();
    fs::copy(sender.path("b.roar"), receiver.path("b.roar")).unwrap();
    let taken = json_of(&receiver, &["bundle", "import", "--json", "b.roar"]);
    let code = taken["code"].as_str().unwrap();
    let fetch = format!("git fetch -q {code} 'refs/roar/*:refs/roar/*'");
    let _ = receiver.sh(&fetch).success();
    for (state, text) in [("tree", "echo 2 > out"), ("commit", "echo 1 > out")] {
        let name = job["git"][state].as_str().unwrap();
        let shown = receiver
            .sh(&format!("git show {name}:make.sh"))
            .success()
            .out();
        assert_eq!(shown, text);
    }
}

#[test]
fn what_would_leave_is_told_and_secrets_stay() {
    let sender = sender();
    let plan = sender
        .roar(["bundle", "create", "--dry-run", "b.roar", "count"])
        .success();
    assert!(
        plan.out().contains("@1 sh -c 'sort raw.csv > clean.csv'"),
        "{plan}"
    );
    assert!(!plan.out().contains("private"), "{plan}");
    assert!(!sender.path("b.roar").exists());
    // As an older roar might have let it in.
    let secret = "ghp_0123456789abcdefghijABCDEFGHIJ012345";
    let job = format!("{{\"argv\":[\"curl\",\"--token\",\"{secret}\"],\"outputs\":[]}}");
    let _ = sender.roar_with_input(["record-job"], job);
    let seen = sender.roar(["bundle", "create", "b.roar", "@4"]);
    // Either it was taken out when it was recorded, or it does not leave.
    assert!(
        seen.code == 1
            || !fs::read(sender.path("b.roar"))
                .unwrap()
                .windows(20)
                .any(|it| it == &secret.as_bytes()[..20])
    );
}

#[test]
fn a_bundle_that_was_changed_is_refused_and_leaves_no_trace() {
    let sender = sender();
    let _ = sender
        .roar(["bundle", "create", "--with-bytes", "b.roar", "count"])
        .success();
    let receiver = receiver(&sender, "b.roar");
    assert_eq!(receiver.roar(["bundle", "verify", "b.roar"]).code, 0);
    let good = receiver.read("b.roar");
    let objects = receiver.roar(["count-objects"]).success().out();
    for at in (0..good.len()).step_by(97) {
        let mut bad = good.clone();
        bad[at] ^= 0x10;
        receiver.write("b.roar", bad);
        let seen = receiver.roar(["bundle", "import", "b.roar"]);
        assert_eq!(seen.code, 6, "byte {at}: {seen}");
    }
    receiver.write("b.roar", &good[..good.len() / 2]);
    assert_eq!(receiver.roar(["bundle", "verify", "b.roar"]).code, 6);
    assert_eq!(receiver.roar(["bundle", "verify", "none.roar"]).code, 3);
    assert_eq!(receiver.roar(["count-objects"]).success().out(), objects);
    assert!(!receiver.path(".roar/blobs").exists());
    assert_eq!(
        receiver.roar(["for-each-ref", "bundles/"]).success().out(),
        ""
    );
}

#[test]
fn a_file_that_is_there_is_not_replaced_unasked() {
    let sender = sender();
    sender.write("b.roar", "mine");
    assert_eq!(sender.roar(["bundle", "create", "b.roar", "count"]).code, 1);
    assert_eq!(sender.read("b.roar"), b"mine");
    assert_eq!(
        sender.roar(["bundle", "create", "c.roar", "nothing"]).code,
        3
    );
    let made = json_of(
        &sender,
        &["bundle", "create", "--json", "c.roar", "@2", "clean.csv"],
    );
    let checked = json_of(&sender, &["bundle", "verify", "--json", "c.roar"]);
    assert_eq!(
        (&made["name"], &made["jobs"]),
        (&checked["name"], &checked["jobs"])
    );
    let left = fs::read_dir(sender.work()).unwrap().flatten();
    assert!(
        left.map(|entry| entry.file_name())
            .all(|name| !name.to_string_lossy().contains(".new"))
    );
}
