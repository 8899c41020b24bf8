//! `roar gc`.

use crate::record_job::history;
use crate::sandbox;
use insta::assert_snapshot;
use roar_testkit::Sandbox;
use serde_json::Value;
use std::path::Path;

#[test]
fn what_was_recorded_moves_and_everything_is_answered_as_before() {
    let sandbox = history();
    let before = sandbox.roar(["log", "--json"]).success().out();
    let dag = sandbox.roar(["dag"]).success().out();
    assert!(
        sandbox
            .roar(["gc", "--dry-run"])
            .success()
            .err()
            .contains("would be moved to a pack")
    );
    assert!(
        sandbox
            .roar(["gc"])
            .success()
            .err()
            .contains("moved to a pack")
    );
    assert_eq!(sandbox.roar(["log", "--json"]).success().out(), before);
    assert_eq!(sandbox.roar(["dag"]).success().out(), dag);
    let counts: Value =
        serde_json::from_str(&sandbox.roar(["count-objects", "--json"]).success().out()).unwrap();
    assert_eq!(
        (&counts["packs"], &counts["segments"]),
        (&1.into(), &1.into())
    );
    let _ = sandbox.roar(["fsck", "--full"]).success();
    assert_snapshot!(sandbox.roar(["gc"]), @r"
    --- stderr
    nothing to tidy up
    ");
}

#[test]
fn what_nothing_leads_to_is_named_before_it_goes() {
    let sandbox = history();
    sandbox.write("set/a", "a");
    sandbox.write("set/b", "b");
    let id = sandbox.roar(["rev-parse", "@1"]).success().out();
    let _ = sandbox.roar(["update-ref", "notes/x", &id]).success();
    let _ = sandbox.roar(["gc"]).success();
    let plan = sandbox.roar(["gc", "--dry-run", "--prune=now"]).success();
    assert_eq!(plan.out(), "", "refs and history lead to everything");
    let run: Value = serde_json::from_str(
        &sandbox
            .roar(["gc", "--prune=now", "--json"])
            .success()
            .out(),
    )
    .unwrap();
    assert_eq!(run["pruned"], Value::Array(vec![]));
    assert_eq!(run["kept"], Value::Null);
}

#[test]
fn collecting_by_itself_is_quiet_and_does_little_for_a_small_store() {
    let sandbox = history();
    assert_snapshot!(sandbox.roar(["gc", "--auto"]), @"");
    assert!(
        !sandbox.path(".roar/packs").exists(),
        "there is little to move"
    );
}

#[test]
fn an_age_that_is_none_is_refused() {
    let sandbox = sandbox();
    let seen = sandbox.roar(["gc", "--prune=soon"]);
    assert_eq!(seen.code, 2);
    assert!(seen.err().contains("`now`"), "{}", seen.err());
}

/// Flips a bit of a file.
fn flip(file: &Path, at: usize) {
    let mut bytes = std::fs::read(file).unwrap();
    bytes[at] ^= 4;
    std::fs::write(file, bytes).unwrap();
}

/// Returns a project whose history was moved to a pack, with a run that was taken back, and that.
fn with_something_undone() -> (Sandbox, String) {
    let sandbox = history();
    let undone = sandbox.roar(["rev-parse", "@1"]).success().out();
    for _ in sandbox.roar(["op", "log"]).success().out().lines() {
        let _ = sandbox.roar(["undo"]);
    }
    let _ = sandbox.roar(["gc"]).success();
    (sandbox, undone.trim().to_owned())
}

#[test]
fn what_was_undone_stays_while_its_log_is_damaged_and_it_is_said_why() {
    let (sandbox, undone) = with_something_undone();
    flip(&sandbox.path(".roar/reflog/00000001.rl"), 100);
    let seen = sandbox.roar(["gc", "--prune=now"]).success();
    assert_snapshot!(seen, @r"
    --- stderr
    nothing to tidy up
    what nothing leads to stays: the store is damaged: log 1 of ref changes is damaged or missing
    ");
    let _ = sandbox.roar(["cat-object", "-t", &undone]).success();
    assert_snapshot!(sandbox.roar(["reflog"]), @r"
    --- stderr
    warning: log 1 of ref changes is damaged or missing: what was done then is not listed
    hint: `roar fsck` tells what is damaged
    ");
    let listed = sandbox.roar(["op", "log"]).success();
    assert!(listed.err().contains("warning: log 1"), "{}", listed.err());
}

#[test]
fn a_damaged_index_of_a_pack_is_made_anew_before_anything_goes() {
    let (sandbox, undone) = with_something_undone();
    let packs = std::fs::read_dir(sandbox.path(".roar/packs")).unwrap();
    let paths = packs.map(|entry| entry.unwrap().path());
    let mut indexes = paths.filter(|path| path.extension().is_some_and(|end| end == "rix"));
    flip(&indexes.next().unwrap(), 72 + 1024 + 8 + 20);
    let seen = sandbox.roar(["gc", "--prune=now"]).success();
    assert!(seen.err().contains("made anew"), "{}", seen.err());
    let _ = sandbox.roar(["cat-object", "-t", &undone]).success();
    let _ = sandbox.roar(["fsck", "--full"]).success();
}

#[test]
fn who_collects_is_waited_for_and_named_unless_it_is_automatic() {
    let (sandbox, _) = with_something_undone();
    let path = sandbox.path(".roar/packs/lock");
    let lock = std::fs::File::options().write(true).open(&path).unwrap();
    lock.lock().unwrap();
    std::fs::write(&path, "77 roar gc\n").unwrap();
    let seen = sandbox.roar(["--config", "lock.timeout=1", "gc"]);
    assert_eq!(seen.code, 1);
    assert_snapshot!(seen, @r"
    --- stderr
    waiting for 'roar gc' (process 77) to be done
    error: 'roar gc' (process 77) is collecting
    hint: wait for it, or wait longer: `--config lock.timeout=60`
    [exit 1]
    ");
    lock.unlock().unwrap();
    let _ = sandbox.roar(["gc"]).success();
    // A journal so long is worth collecting.
    let segments = std::fs::read_dir(sandbox.path(".roar/journal")).unwrap();
    let segments = segments.map(|entry| entry.unwrap().path());
    let mut segments = segments.filter(|path| path.extension().is_some_and(|end| end == "rj"));
    let segment = std::fs::File::options()
        .write(true)
        .open(segments.next().unwrap());
    segment.unwrap().set_len(9 << 20).unwrap();
    lock.lock().unwrap();
    assert_snapshot!(sandbox.roar(["gc", "--auto"]), @"");
}

#[test]
fn kept_bytes_stay_while_what_names_them_cannot_be_read() {
    let sandbox = sandbox();
    let _ = sandbox
        .roar(["run", "--keep", "sh", "-c", "echo kept > out"])
        .success();
    let _ = sandbox.roar(["gc"]).success();
    let packs = std::fs::read_dir(sandbox.path(".roar/packs")).unwrap();
    let paths = packs.map(|entry| entry.unwrap().path());
    let mut packs = paths.filter(|path| path.extension().is_some_and(|end| end == "rpk"));
    let (pack, away) = (packs.next().unwrap(), sandbox.path("away"));
    std::fs::rename(&pack, &away).unwrap();
    let seen = sandbox.roar(["gc", "--prune=now"]);
    assert!(seen.err().contains("is missing"), "{}", seen.err());
    std::fs::rename(&away, &pack).unwrap();
    std::fs::remove_file(sandbox.path("out")).unwrap();
    let _ = sandbox.roar(["restore", "out"]).success();
    assert_eq!(sandbox.read("out"), b"kept\n");
}
