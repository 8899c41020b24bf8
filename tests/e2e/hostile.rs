//! No word on the command line leads to a panic, a hang, or an error that does not say what is so.

use crate::record_job::history;
use crate::sandbox;
use roar_testkit::{Sandbox, Seen};
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;

/// Words that nobody means.
fn words() -> Vec<OsString> {
    let mut words: Vec<OsString> = [
        "",
        " ",
        "-",
        "--",
        "---",
        "--=",
        "-x",
        "--nope",
        "@",
        "@0",
        "@-1",
        "@B",
        "@B0",
        "@1x",
        "@99999999999999999999",
        "@{1}",
        "..",
        "../..",
        "/",
        "/dev/null",
        "/proc/self/mem",
        "nowhere/../x",
        "a\nb",
        "a\tb",
        "\u{1b}[2J",
        "\u{202e}x",
        "é",
        "0000",
        "ffff",
        "abc",
        "xyz",
        "sessions/main",
        "sessions/",
        "a..b",
        "refs/heads/main",
        "*",
        "[",
        "{}",
        "$(id)",
        "`id`",
        "%s%n",
        "-1",
        "18446744073709551616",
        "1e999",
        "nan",
    ]
    .map(OsString::from)
    .to_vec();
    words.push("f".repeat(100_000).into());
    words.push("a/".repeat(5_000).into());
    words.push(OsString::from_vec(vec![0xff, 0xfe, b'/']));
    words.push(OsString::from_vec(vec![b'@', 0xff]));
    words
}

/// Where a word can stand: `W` is replaced.
const PLACES: &[&[&str]] = &[
    &["W"],
    &["W", "dag"],
    &["help", "W"],
    &["config", "get", "W"],
    &["config", "set", "W", "1"],
    &["config", "set", "run.grace", "W"],
    &["config", "set", "hash.cache", "W"],
    &["config", "unset", "W"],
    &["--config", "W", "log"],
    &["--color", "W", "log"],
    &["-C", "W", "log"],
    &["filter", "add", "W"],
    &["filter", "add", "--as", "W", "x"],
    &["filter", "remove", "W"],
    &["show", "W"],
    &["lineage", "W"],
    &["inputs", "W"],
    &["why", "W"],
    &["log", "-n", "W"],
    &["dag", "--format", "W"],
    &["hash-object", "W"],
    &["cat-object", "-p", "W"],
    &["cat-object", "W", "W"],
    &["ls-tree", "W"],
    &["ls-tree", "data", "W"],
    &["diff-tree", "W", "data"],
    &["diff-tree", "data", "W"],
    &["rev-parse", "W"],
    &["rev-list", "W"],
    &["rev-list", "-n", "W"],
    &["update-ref", "W", "@1"],
    &["update-ref", "notes/x", "W"],
    &["update-ref", "notes/x", "@1", "W"],
    &["update-ref", "-d", "W"],
    &["for-each-ref", "W"],
    &["reflog", "W"],
    &["completions", "W"],
    &["man", "W"],
    &["run", "-n", "W", "--dry-run", "true"],
    &["run", "--tracer", "W", "true"],
    &["run", "--dirty", "W", "true"],
    &["run", "--dry-run", "@1", "W"],
    &["trace", "--tracer", "W", "true"],
];

fn check(place: &[&str], word: &OsString, seen: &Seen) {
    let shown = word.to_string_lossy().chars().take(40).collect::<String>();
    let err = seen.err();
    assert!(
        !err.contains("panicked") && seen.code != 101,
        "{place:?} {shown:?}: {seen}"
    );
    assert!(
        seen.code < 128 || seen.code == 141,
        "{place:?} {shown:?}: {seen}"
    );
    assert!(
        err.len() < 20_000,
        "{place:?} {shown:?}: {} bytes of error",
        err.len()
    );
    assert!(
        !err.contains('\u{1b}') && !err.contains('\u{202e}'),
        "{place:?} {shown:?}: {err:?}"
    );
    if seen.code != 0 && seen.stdout.is_empty() {
        let explained = err.contains("error: ")
            || err.contains("Usage:")
            || err.contains("there is no workspace");
        // A difference, and bytes that nobody knows, are answers.
        assert!(
            explained || matches!(seen.code, 1 | 3),
            "{place:?} {shown:?}: {seen}"
        );
    }
}

/// Commands that look at whole directories, where nobody wants to wait for `/`.
const SCANS: &[&str] = &["ls-tree", "diff-tree"];

fn try_all(sandbox: &Sandbox, place: &[&str]) {
    for word in words() {
        if SCANS.contains(&place[0]) && sandbox.path(&word).is_dir() {
            continue;
        }
        let line = place.iter().map(|part| match *part {
            "W" => word.clone(),
            part => part.into(),
        });
        check(place, &word, &sandbox.roar(line));
    }
}

/// One share of the places, so that the tests run side by side.
fn try_share(share: usize) {
    let sandbox = history();
    for place in PLACES.iter().skip(share).step_by(4) {
        try_all(&sandbox, place);
    }
}

#[test]
fn no_word_makes_a_command_stumble_1() {
    try_share(0);
}

#[test]
fn no_word_makes_a_command_stumble_2() {
    try_share(1);
}

#[test]
fn no_word_makes_a_command_stumble_3() {
    try_share(2);
}

#[test]
fn no_word_makes_a_command_stumble_4() {
    try_share(3);
}

#[test]
fn no_line_makes_the_readers_of_input_stumble() {
    let sandbox = history();
    for word in words() {
        let line = word.clone().into_vec();
        for command in [
            ["cat-object", "--batch"],
            ["cat-object", "--batch-check"],
            ["record-job", "--json"],
        ] {
            let seen = sandbox.roar_with_input(command, &line);
            check(&command, &word, &seen);
        }
    }
}

#[test]
fn where_memory_is_short_a_run_is_recorded_or_not_begun() {
    let sandbox = sandbox();
    let _ = sandbox.sh("echo a > a; roar -q run cat a").success();
    let (mut recorded, mut refused) = (0, 0);
    for kib in (16_000..160_000).step_by(8_000) {
        let limited = |command: &str| sandbox.sh(&format!("ulimit -v {kib}; {command}"));
        // What the program itself takes up depends on how it was built.
        if limited("exec roar --version").code != 0 {
            continue;
        }
        let ran = limited("exec roar run sh -c 'cat a; exit 7'");
        match ran.code {
            7 => {
                recorded += 1;
                assert_eq!(ran.out(), "a", "{kib}: {ran}");
                let asked = limited("exec timeout 60 roar fsck");
                assert_eq!(asked.code, 0, "{kib}: {asked}");
            }
            125 => {
                refused += 1;
                assert_eq!(ran.out(), "", "{kib}: {ran}");
                assert!(ran.err().contains("not enough memory"), "{kib}: {ran}");
            }
            _ => panic!("{kib}: {ran}"),
        }
    }
    assert!(recorded > 5 && refused < 5, "{recorded} and {refused}");
    let log = sandbox.roar(["log"]).success();
    assert!(!log.out().contains("interrupted"), "{log}");
}

#[test]
fn where_memory_is_short_a_directory_is_named_or_it_is_said() {
    let sandbox = sandbox();
    let _ = sandbox
        .sh("mkdir d; for i in $(seq 200); do echo $i > d/$i; done")
        .success();
    let name = sandbox.roar(["hash-dataset", "d"]).success().out();
    let limited =
        |kib: usize, command: &str| sandbox.sh(&format!("ulimit -v {kib}; exec roar {command}"));
    let (mut named, mut refused) = (0, 0);
    let starts = |&kib: &usize| limited(kib, "--version").code == 0;
    let least = (8_000..400_000).step_by(500).find(starts).unwrap() - 500;
    for kib in (least..least + 3_000).step_by(50).filter(starts) {
        let told = limited(kib, "hash-dataset d");
        match told.code {
            0 => named += usize::from(told.out() == name),
            1 if told.err().contains("not enough memory") => refused += 1,
            _ => panic!("{kib}: {told}"),
        }
    }
    assert!(named > 10 && refused > 3, "{named} and {refused}");
}

#[test]
fn where_files_cannot_be_opened_a_run_is_recorded_or_not_begun() {
    let sandbox = sandbox();
    let _ = sandbox.sh("echo a > a; roar -q run cat a").success();
    for most in 6..20 {
        let ran = sandbox.sh(&format!(
            "ulimit -n {most}; exec roar run sh -c 'cat a; exit 7'"
        ));
        match ran.code {
            7 => assert_eq!(ran.out(), "a", "{most}: {ran}"),
            125 => {
                assert_eq!(ran.out(), "", "{most}: {ran}");
                assert!(
                    most < 14 && ran.err().contains("`ulimit -n`"),
                    "{most}: {ran}"
                );
            }
            _ => panic!("{most}: {ran}"),
        }
    }
    assert_eq!(sandbox.roar(["fsck"]).code, 0);
}

#[test]
fn a_store_is_not_damaged_because_files_cannot_be_opened() {
    let sandbox = sandbox();
    let _ = sandbox
        .sh("echo a > a; roar -q run cat a; roar -q gc; roar -q run sh -c 'cat a > b'")
        .success();
    let mut short = 0;
    for most in 6..24 {
        for command in ["gc", "fsck"] {
            let seen = sandbox.sh(&format!("ulimit -n {most}; exec roar {command}"));
            assert!(!format!("{seen}").contains("damaged"), "{most}: {seen}");
            if seen.code != 0 {
                assert!(
                    seen.code == 1 && seen.err().contains("Too many open files"),
                    "{most}: {seen}"
                );
                short += 1;
            }
        }
    }
    assert!(short > 4, "{short}");
    assert_eq!(sandbox.roar(["fsck", "--full"]).code, 0);
}
