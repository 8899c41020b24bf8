//! `roar hash-object` and `roar hash-dataset`.

use crate::sandbox;
use insta::assert_snapshot;
use std::os::unix::fs::symlink;

#[test]
fn a_file_is_named_as_b3sum_names_it() {
    let sandbox = sandbox();
    sandbox.write("hello", "hello data\n");
    sandbox.write("empty", "");
    let names = "6122027782ba276310e4680b459c242b1f74a2c21240d1619c6c84e8da06fbf8\n\
                 af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262";
    assert_eq!(
        sandbox
            .roar(["hash-object", "hello", "empty"])
            .success()
            .out(),
        names
    );
    let stdin = sandbox.roar_with_input(["hash-object", "--stdin"], "hello data\n");
    assert_eq!(stdin.success().out(), names.lines().next().unwrap());
    assert_snapshot!(sandbox.roar(["hash-object", "--json", "hello"]), @r#"
    --- stdout
    {"path":"hello","hash":"<id>","size":11}
    "#);
    assert!(!sandbox.path(".roar").exists());
}

#[test]
fn what_is_no_file_is_refused() {
    let sandbox = sandbox();
    sandbox.write("dir/a", "");
    assert_snapshot!(sandbox.roar(["hash-object", "dir"]), @r#"
    --- stderr
    error: cannot hash 'dir'
    cause: it is a directory
    hint: `roar hash-dataset DIR` names a directory
    [exit 2]
    "#);
    assert_snapshot!(sandbox.roar(["hash-object", "gone"]), @r#"
    --- stderr
    error: cannot hash 'gone'
    cause: it cannot be opened
    cause: No such file or directory (os error 2)
    [exit 3]
    "#);
    assert_snapshot!(sandbox.sh("mkfifo p; roar hash-object p"), @r#"
    --- stderr
    error: cannot hash 'p'
    cause: it is a named pipe
    hint: `roar hash-object --stdin < FILE` reads what is no file
    [exit 2]
    "#);
    assert_snapshot!(sandbox.roar(["hash-object"]), @r#"
    --- stderr
    error: FILE is missing
    hint: `roar help hash-object` shows how it is used
    [exit 2]
    "#);
}

#[test]
fn a_dataset_is_named_by_what_is_in_it() {
    let sandbox = sandbox();
    sandbox.write("one/a", "1");
    sandbox.write("one/sub/b", "2");
    let before = sandbox.roar(["hash-dataset", "one"]).success();
    assert_eq!(before.stdout.len(), 65);
    let _ = sandbox
        .sh("cp -r one two; mkdir two/empty; touch -d 2001-01-01 two/a")
        .success();
    assert_eq!(
        sandbox.roar(["hash-dataset", "two"]).success().out(),
        before.out()
    );
    sandbox.write("two/a", "x");
    assert_ne!(
        sandbox.roar(["hash-dataset", "two"]).success().out(),
        before.out()
    );
    assert!(!sandbox.path(".roar").exists());
}

#[test]
fn the_digest_that_others_know_stands_beside_it() {
    let sandbox = sandbox();
    for (path, text) in [
        ("a.parquet", "alpha\n"),
        ("b.parquet", "beta\n"),
        ("sub/c.parquet", "gamma\n"),
    ] {
        sandbox.write(format!("set/{path}"), text);
    }
    let seen = sandbox
        .roar(["hash-dataset", "--json", "set"])
        .success()
        .out();
    assert!(
        seen.contains("9bda8a8776c0598d1afeb3de93813fab1f1281365ef5f23c0a05bb24dd410813"),
        "{seen}"
    );
    assert!(
        seen.contains("\"files\": 3") && seen.contains("\"bytes\": 17"),
        "{seen}"
    );
}

#[test]
fn pipes_are_left_out_and_links_are_not_followed() {
    let sandbox = sandbox();
    sandbox.write("set/a", "1");
    symlink("/nowhere", sandbox.path("set/link")).unwrap();
    let _ = sandbox.sh("mkfifo set/pipe").success();
    let seen = sandbox.roar(["hash-dataset", "set"]).success();
    assert_eq!(seen.err(), "left out: 'pipe', named pipe");
}

#[test]
fn what_is_no_directory_is_refused() {
    let sandbox = sandbox();
    sandbox.write("file", "");
    assert_snapshot!(sandbox.roar(["hash-dataset", "file"]), @r#"
    --- stderr
    error: 'file' is a file
    hint: `roar hash-object FILE` names a file
    [exit 2]
    "#);
    assert_snapshot!(sandbox.roar(["hash-dataset", "gone"]), @r#"
    --- stderr
    error: cannot hash '$SANDBOX/work/gone'
    cause: it cannot be opened
    cause: No such file or directory (os error 2)
    [exit 3]
    "#);
}

#[test]
fn a_dataset_that_is_kept_can_be_asked_about_when_its_files_are_gone() {
    let sandbox = sandbox();
    let _ = sandbox.roar(["init"]).success();
    for number in 0..200 {
        sandbox.write(format!("data/d/{number:03}"), number.to_string());
    }
    let old = sandbox.roar(["hash-dataset", "-w", "data"]).success().out();
    assert_eq!(sandbox.roar(["hash-dataset", "data"]).success().out(), old);
    sandbox.write("data/d/077", "changed");
    let new = sandbox.roar(["hash-dataset", "--write", "data"]).success();
    let new = new.out();
    std::fs::remove_dir_all(sandbox.path("data")).expect("it was just written");
    assert_snapshot!(sandbox.roar(["diff-tree", &old, &new]), @r#"
    --- stdout
    M <id> <id>	d/077
    [exit 1]
    "#);
    assert_snapshot!(sandbox.roar(["verify-member", &new, "d/077"]), @r#"
    --- stdout
    file <id> 7	d/077
    "#);
    let listed = sandbox.roar(["ls-tree", "-r", &old]).success().out();
    assert_eq!(listed.lines().count(), 200);
    assert_eq!(sandbox.roar(["fsck", "--full"]).code, 0);
    assert_eq!(
        sandbox
            .roar(["cat-object", "-t", &old[..12]])
            .success()
            .out(),
        "tree"
    );
}

#[test]
fn a_dataset_that_is_kept_needs_a_workspace_and_is_described_from_there() {
    let sandbox = sandbox();
    sandbox.write("data/a", "1");
    sandbox.write("data/b", "2");
    assert_eq!(sandbox.roar(["hash-dataset", "-w", "data"]).code, 1);
    let _ = sandbox.roar(["init"]).success();
    let kept = sandbox
        .roar(["hash-dataset", "-w", "--json", "data"])
        .success()
        .out();
    assert_eq!(
        kept,
        sandbox
            .roar(["hash-dataset", "--json", "data"])
            .success()
            .out()
    );
}
