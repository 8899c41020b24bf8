//! `roar run --keep`, `roar cat-file`, `roar restore`.

use crate::sandbox;
use insta::assert_snapshot;
use roar_testkit::Sandbox;
use serde_json::Value;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

fn kept() -> Sandbox {
    let sandbox = sandbox();
    let _ = sandbox
        .roar([
            "-q",
            "run",
            "--keep",
            "sh",
            "-c",
            "echo one > out; cp out tool; chmod +x tool",
        ])
        .success();
    sandbox
}

fn blobs(sandbox: &Sandbox) -> usize {
    sandbox
        .sh("find .roar/blobs -type f 2>/dev/null | wc -l")
        .success()
        .out()
        .trim()
        .parse()
        .unwrap()
}

#[test]
fn what_was_kept_is_kept_once_and_comes_back() {
    let sandbox = kept();
    assert_eq!(blobs(&sandbox), 1);
    for name in ["out", "tool"] {
        fs::remove_file(sandbox.path(name)).unwrap();
    }
    let hash = sandbox.roar(["rev-parse", "out"]).success().out();
    assert_eq!(
        sandbox.roar(["cat-file", &hash[..10]]).success().out(),
        "one"
    );
    assert_snapshot!(sandbox.roar(["restore", "@1"]), @r"
    --- stdout
    restored out
    restored tool
    ");
    assert_eq!(sandbox.read("out"), b"one\n");
    let mode = fs::metadata(sandbox.path("tool"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o111, 0o111);
    assert_snapshot!(sandbox.roar(["restore", "@1"]), @r"
    --- stderr
    2 files were there already
    ");
    assert_eq!(sandbox.roar(["fsck", "--full"]).code, 0);
}

#[test]
fn what_differs_is_not_replaced_unasked() {
    let sandbox = kept();
    sandbox.write("out", "mine");
    assert_snapshot!(sandbox.roar(["restore", "out"]), @r"
    --- stderr
    error: '$SANDBOX/work/out' is there and differs
    hint: `--force` replaces it; `-o PATH` writes elsewhere
    [exit 1]
    ");
    let _ = sandbox.roar(["restore", "out", "-o", "sub/copy"]).success();
    assert_eq!(
        (sandbox.read("out"), sandbox.read("sub/copy")),
        (b"mine".to_vec(), b"one\n".to_vec())
    );
    let _ = sandbox.roar(["restore", "--force", "out"]).success();
    assert_eq!(sandbox.read("out"), b"one\n");
}

#[test]
fn a_file_that_may_not_be_executed_any_more_differs() {
    let sandbox = kept();
    let _ = sandbox.sh("chmod -x tool");
    assert_eq!(sandbox.roar(["restore", "tool"]).code, 1);
    let _ = sandbox.roar(["restore", "--force", "tool"]).success();
    let _ = sandbox.sh("test -x tool").success();
}

#[test]
fn an_older_version_is_had_by_its_hash() {
    let sandbox = sandbox();
    let _ = sandbox
        .sh("roar -q run --keep sh -c 'echo 1 > out'")
        .success();
    let first = sandbox.roar(["rev-parse", "out"]).success().out();
    let _ = sandbox
        .sh("roar -q run --keep sh -c 'echo 2 > out'")
        .success();
    assert_eq!(sandbox.roar(["cat-file", &first]).success().out(), "1");
    assert_eq!(sandbox.roar(["cat-file", "out"]).success().out(), "2");
    let _ = sandbox.roar(["restore", "--force", &first]).success();
    assert_eq!(sandbox.read("out"), b"1\n");
}

#[test]
fn what_was_not_kept_is_said_to_be_gone_unless_a_copy_has_it() {
    let sandbox = sandbox();
    let _ = sandbox
        .sh("roar -q run sh -c 'echo 1 > a; cp a b'")
        .success();
    fs::remove_file(sandbox.path("a")).unwrap();
    // The other file still holds the bytes.
    let _ = sandbox.roar(["restore", "a"]).success();
    assert_eq!(sandbox.read("a"), b"1\n");
    for name in ["a", "b"] {
        fs::remove_file(sandbox.path(name)).unwrap();
    }
    assert_snapshot!(sandbox.roar(["restore", "a"]), @r"
    --- stderr
    error: the bytes of '$SANDBOX/work/a' were not kept
    hint: `roar rerun @1` makes it again; `roar run --keep` keeps what is made
    [exit 3]
    ");
    assert_eq!(sandbox.roar(["cat-file", "a"]).code, 3);
}

#[test]
fn a_size_and_settings_say_what_is_kept() {
    let sandbox = sandbox();
    let make = "printf 0123456789 > ten; printf 01 > two";
    let _ = sandbox
        .roar(["-q", "run", "--keep=5", "sh", "-c", make])
        .success();
    assert_eq!(blobs(&sandbox), 1);
    let _ = sandbox
        .roar(["config", "set", "keep.max_size", "1K"])
        .success();
    let _ = sandbox
        .roar(["-q", "run", "sh", "-c", "printf abc > three"])
        .success();
    assert_eq!(blobs(&sandbox), 2);
    let _ = sandbox.roar(["config", "set", "keep.total", "6"]).success();
    let full = sandbox
        .roar(["run", "sh", "-c", "printf abcde > five"])
        .success();
    assert!(full.err().contains("no room below keep.total"), "{full}");
    assert_eq!(blobs(&sandbox), 2);
    assert_eq!(sandbox.roar(["run", "--keep=much", "true"]).code, 2);
}

#[test]
fn a_damaged_copy_is_never_handed_out() {
    let sandbox = kept();
    let _ = sandbox.sh(
        "rm out tool; chmod -R u+w .roar/blobs; for f in .roar/blobs/*/*; do echo bad > $f; done",
    );
    let hash = sandbox.roar(["rev-parse", "out"]).success().out();
    let seen = sandbox.roar(["cat-file", &hash]);
    assert_eq!((seen.code, seen.stdout.len()), (6, 0), "{seen}");
    assert_eq!(sandbox.roar(["restore", "out"]).code, 6);
    assert!(!sandbox.path("out").exists());
}

#[test]
fn a_dataset_comes_back_whole_or_not_at_all() {
    let sandbox = sandbox();
    let make = "mkdir -p set/deep; for n in 1 2 3; do echo $n > set/$n; done; cp set/1 set/deep/1";
    let _ = sandbox
        .roar(["-q", "run", "--keep", "sh", "-c", make])
        .success();
    let name = sandbox.roar(["hash-dataset", "set"]).success().out();
    fs::remove_dir_all(sandbox.path("set")).unwrap();
    let _ = sandbox.roar(["restore", "set"]).success();
    assert_eq!(sandbox.roar(["hash-dataset", "set"]).success().out(), name);
    let _ = sandbox.roar(["restore", &name, "-o", "again"]).success();
    assert_eq!(
        sandbox.roar(["hash-dataset", "again"]).success().out(),
        name
    );
    fs::remove_file(sandbox.path("set/1")).unwrap();
    sandbox.write("set/2", "mine");
    assert_eq!(sandbox.roar(["restore", "set"]).code, 1);
    assert!(!sandbox.path("set/1").exists());
    let seen = sandbox
        .roar(["restore", "--force", "--json", "set"])
        .success();
    let seen: Value = serde_json::from_slice(&seen.stdout).unwrap();
    let written = seen["files"].as_array().unwrap().iter();
    assert_eq!(written.filter(|file| file["written"] == true).count(), 2);
}

/// Runs lines in a shell, each as a job whose files are kept.
fn keep(sandbox: &Sandbox, lines: &[&str]) {
    for line in lines {
        let _ = sandbox
            .roar(["-q", "run", "--keep", "sh", "-c", line])
            .success();
    }
}

/// Deletes a directory behind the recorder's back, restores it, and returns what is in it.
fn restored(sandbox: &Sandbox, directory: &str) -> String {
    let _ = sandbox.sh(&format!("rm -rf {directory}")).success();
    let _ = sandbox.roar(["restore", directory]).success();
    let all = format!("cd {directory}; for f in *; do echo $f=$(cat $f); done");
    sandbox.sh(&all).success().out().replace('\n', " ")
}

#[test]
fn of_a_directory_the_last_version_of_each_file_comes_back() {
    let sandbox = sandbox();
    keep(
        &sandbox,
        &[
            "mkdir d; for n in 1 2 3; do echo $n > d/$n; done",
            "echo 11 > d/1",
            "rm d/3; echo 4 > d/4",
        ],
    );
    assert_eq!(restored(&sandbox, "d"), "1=11 2=2 4=4");
    let status = sandbox.roar(["status"]).success().out();
    assert!(!status.contains("outside"), "{status}");
    let _ = sandbox.roar(["restore", "d", "-o", "copy"]).success();
    assert_eq!(sandbox.sh("cat copy/*").success().out(), "11\n2\n4");
    // What a job deleted as a whole is asked for as it was before.
    keep(&sandbox, &["rm -r d"]);
    assert_eq!(restored(&sandbox, "d"), "1=11 2=2 4=4");
    keep(&sandbox, &["echo 5 > d/5; rm d/1 d/2 d/4"]);
    assert_eq!(restored(&sandbox, "d"), "5=5");
}

#[test]
fn of_a_directory_that_was_read_as_a_whole_what_jobs_made_since_comes_back() {
    let sandbox = sandbox();
    sandbox.write("d/hand", "h\n");
    sandbox.write("d/lost", "l\n");
    sandbox.write("copy", "h\n");
    keep(
        &sandbox,
        &[
            "echo 1 > d/1; cat copy > /dev/null",
            "cat d/* > all",
            "echo 2 > d/1; rm d/lost",
        ],
    );
    assert_eq!(restored(&sandbox, "d"), "1=2 hand=h");
}

#[test]
fn a_file_that_became_a_directory_comes_back_as_that() {
    let sandbox = sandbox();
    keep(&sandbox, &["echo 1 > d", "rm d; mkdir d; echo 2 > d/2"]);
    assert_eq!(restored(&sandbox, "d"), "2=2");
    keep(&sandbox, &["rm -r d; echo 3 > d"]);
    let _ = sandbox.sh("rm d").success();
    let _ = sandbox.roar(["restore", "d"]).success();
    assert_eq!(sandbox.read("d"), b"3\n");
}

#[test]
fn who_lacks_bytes_is_told_what_can_be_done() {
    let sandbox = sandbox();
    sandbox.write("in", "in\n");
    for line in ["cat in > out", "echo 2 > out"] {
        let _ = sandbox.roar(["-q", "run", "sh", "-c", line]).success();
    }
    let first = sandbox.roar(["hash-object", "in"]).success().out();
    let _ = sandbox.sh("rm in out");
    for (word, hint) in [
        ("out", "`roar rerun @2` makes it again"),
        (
            &first,
            &format!("`roar lineage {first}` tells what made it"),
        ),
    ] {
        for command in ["restore", "cat-file"] {
            let seen = sandbox.roar([command, word]);
            assert_eq!(seen.code, 3, "{seen}");
            assert!(seen.err().contains(hint), "{seen}");
        }
    }
}

#[test]
fn what_was_taken_back_is_not_to_be_had_from_a_step() {
    let sandbox = sandbox();
    let _ = sandbox.sh("roar -q run sh -c 'echo 1 > out'").success();
    let _ = sandbox.sh("roar undo; rm out").success();
    let seen = sandbox.roar(["restore", "out"]);
    assert_eq!(seen.code, 3, "{seen}");
    assert!(seen.err().contains("`roar lineage out` tells"), "{seen}");
    assert!(!seen.err().contains("bundle"), "{seen}");
}

#[test]
fn nothing_is_written_through_a_link_that_leads_outside() {
    let sandbox = sandbox();
    let _ = sandbox
        .sh("roar -q run --keep sh -c 'mkdir d; echo 1 > d/f'")
        .success();
    fs::remove_dir_all(sandbox.path("d")).unwrap();
    let outside = sandbox.root().join("outside");
    fs::create_dir(&outside).unwrap();
    symlink(&outside, sandbox.path("d")).unwrap();
    let seen = sandbox.roar(["restore", "d/f", "-o", "d/f"]).code;
    assert_eq!(seen, 3, "the path is another one now");
    let seen = sandbox.roar(["restore", "@1"]);
    assert_eq!(seen.code, 1, "{seen}");
    assert!(seen.err().contains("outside of the project"), "{seen}");
    assert_eq!(fs::read_dir(outside).unwrap().count(), 0);
}

#[test]
fn links_are_kept_and_restored_as_links() {
    let sandbox = sandbox();
    let _ = sandbox
        .sh("roar -q run --keep sh -c 'echo 1 > f; ln -s f l'")
        .success();
    let _ = sandbox.sh("rm f l");
    let _ = sandbox.roar(["restore", "@1"]).success();
    assert_eq!(
        fs::read_link(sandbox.path("l")).unwrap(),
        std::path::Path::new("f")
    );
}

#[test]
fn a_check_finds_damaged_copies() {
    let sandbox = kept();
    let _ =
        sandbox.sh("chmod -R u+w .roar/blobs; for f in .roar/blobs/*/*; do echo bad > $f; done");
    assert_eq!(sandbox.roar(["fsck"]).code, 0);
    let seen = sandbox.roar(["fsck", "--full"]);
    assert_eq!(seen.code, 6, "{seen}");
    assert!(seen.out().contains("error blob-damaged"), "{seen}");
    assert!(seen.err().contains("hint: `roar fsck --rebuild`"), "{seen}");
    // Where no file has the bytes, there is nothing to keep.
    let _ = sandbox.sh("rm out tool");
    let rebuilt = sandbox.roar(["fsck", "--rebuild", "--json"]).success();
    let told: Value = serde_json::from_slice(&rebuilt.stdout).unwrap();
    assert_eq!(told["mended_blobs"][0]["from"], Value::Null);
    assert!(
        rebuilt.err().contains("no recorded file has its bytes"),
        "{rebuilt}"
    );
    assert_eq!(sandbox.roar(["fsck", "--full"]).code, 0);
    assert_eq!(sandbox.roar(["restore", "out"]).code, 3);
}

/// A file that was kept, whose copy is damaged and which is gone; one that was read has its bytes.
fn damaged() -> Sandbox {
    let sandbox = sandbox();
    sandbox.write("in", "in\n");
    let _ = sandbox
        .roar(["-q", "run", "--keep", "cp", "in", "out"])
        .success();
    damage(&sandbox);
    sandbox
}

fn damage(sandbox: &Sandbox) {
    let _ = sandbox
        .sh("rm -f out; for f in $(find .roar/blobs -type f); do chmod u+w $f; echo xx > $f; done")
        .success();
}

#[test]
fn a_damaged_copy_hides_no_file_that_has_the_bytes() {
    let sandbox = damaged();
    assert_eq!(sandbox.roar(["cat-file", "out"]).success().out(), "in");
    let _ = sandbox.roar(["restore", "out"]).success();
    assert_eq!(sandbox.read("out"), b"in\n");
}

#[test]
fn a_damaged_copy_is_kept_anew() {
    let sandbox = damaged();
    let again = sandbox.roar(["run", "--keep", "cp", "in", "out"]).success();
    assert!(!again.err().contains("kept before"), "{again}");
    assert_eq!(sandbox.roar(["fsck", "--full"]).code, 0);
    let once_more = sandbox.roar(["run", "--keep", "cp", "in", "out"]).success();
    assert!(once_more.err().contains("kept before"), "{once_more}");
    damage(&sandbox);
    let rebuilt = sandbox.roar(["fsck", "--rebuild"]).success();
    assert!(
        rebuilt.err().contains("/work/in'; it was moved to"),
        "{rebuilt}"
    );
    assert_eq!(sandbox.roar(["fsck", "--full"]).code, 0);
    let _ = sandbox.sh("rm in").success();
    let _ = sandbox.roar(["restore", "out"]).success();
    assert_eq!(sandbox.read("out"), b"in\n");
    assert_eq!(blobs(&sandbox), 1);
}

#[test]
fn copies_that_nothing_names_go_and_no_others() {
    let sandbox = kept();
    let _ = sandbox
        .sh("roar -q run --keep sh -c 'echo two > out2'")
        .success();
    let stays = sandbox.roar(["rev-parse", "out"]).success().out();
    let goes = sandbox.roar(["rev-parse", "out2"]).success().out();
    let _ = sandbox.roar(["gc", "--prune=now"]).success();
    assert_eq!(blobs(&sandbox), 2);
    let _ = sandbox.roar(["undo"]).success();
    let _ = sandbox.roar(["gc", "--prune=now"]).success();
    assert_eq!(sandbox.roar(["cat-file", "-e", &stays]).code, 0);
    // The log still leads to what was taken back.
    assert_eq!(sandbox.roar(["cat-file", "-e", &goes]).code, 0);
}
