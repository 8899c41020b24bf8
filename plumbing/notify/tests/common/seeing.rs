//! What holds for every source that watches: what a command does is seen, and what outlives its
//! supervisor is taken care of.
#![expect(clippy::unwrap_used, reason = "tests may panic")]

use std::fs;
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Stdio;

use super::suite::{Room, eventually, program, rest, signal, strs};
use super::{INSIDE, SURVIVES};

#[test]
fn the_command_itself_is_seen_first() {
    let room = Room::new();
    assert_eq!(room.code(&["/bin/sh", "-c", ":"]), Some(0));
    let first = room
        .log()
        .lines()
        .find(|line| line.starts_with("call"))
        .map(str::to_owned);
    assert_eq!(
        first.unwrap(),
        r#"call Execve "/bin/sh" X86_64"#.replace("X86_64", arch())
    );
}

fn arch() -> &'static str {
    if cfg!(target_arch = "aarch64") {
        "Aarch64"
    } else {
        "X86_64"
    }
}

#[test]
fn what_children_of_every_kind_open_is_seen() {
    let room = Room::new();
    for name in ["a", "b", "c", "d", "e"] {
        room.write(name, b"x", 0o644);
    }
    let me = program();
    assert_eq!(room.code(&["sh", "-c", "(cat a); cat b | cat"]), Some(0));
    assert_eq!(room.code(&[&me, "--tracee", "threads", "c", "d"]), Some(0));
    assert_eq!(room.code(&[&me, "--tracee", "spawn", "cat", "e"]), Some(0));
    for name in ["a", "b", "c", "d", "e"] {
        assert!(
            room.saw(&format!("call Openat {name:?}")),
            "{name}: {}",
            room.log()
        );
    }
}

#[test]
fn a_program_that_a_second_thread_executes_is_followed() {
    let room = Room::new();
    room.write("a", b"x", 0o644);
    let me = program();
    let words = ["--tracee", "exec-from-thread", "sh", "-c", "cat a; exit 9"];
    assert_eq!(room.code(&[&[me.as_str()], &words[..]].concat()), Some(9));
    assert!(room.saw(r#"call Openat "a""#));
    assert!(room.saw("exit: Code(9)"));
}

#[test]
#[cfg(target_arch = "x86_64")]
fn calls_by_the_32_bit_table_are_seen() {
    let room = Room::new();
    room.write("a", b"x", 0o644);
    // Not every kernel has that table.
    if room.code(&[&program(), "--tracee", "int80", "a"]) == Some(0) {
        assert!(room.saw(r#"call Open "a" X86"#), "{}", room.log());
    }
}

#[test]
fn a_daemon_is_watched_within_the_grace() {
    let room = Room::new();
    room.write("a", b"x", 0o644);
    let script = "(setsid sh -c 'sleep 0.2; cat a; exec >&-' &) ; exit 4";
    assert_eq!(
        room.watch(20_000, &["sh", "-c", script])
            .output()
            .unwrap()
            .status
            .code(),
        Some(4)
    );
    assert!(room.saw(r#"call Openat "a""#), "{}", room.log());
    assert!(room.saw("outlived: false"));
}

#[test]
fn a_wish_to_end_cuts_the_grace_short() {
    let room = Room::new();
    let script = "exec 3<&0; setsid sh -c 'read x' <&3 & echo ready; exit 4";
    let mut command = room.watch(3_600_000, &["sh", "-c", script]);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    eventually("the command has ended", || room.saw("died"));
    let stdin = child.stdin.take();
    signal(child.id(), "INT");
    assert_eq!(child.wait().unwrap().code(), Some(4));
    assert!(
        room.saw("interrupted: None, outlived: true"),
        "{}",
        room.log()
    );
    drop(stdin);
}

#[test]
fn many_short_processes_at_once_are_all_seen() {
    let room = Room::new();
    let script = "for j in 1 2 3 4; do (for i in 1 2 3 4 5 6 7 8 9 10; do /bin/true; done) & done; \
        wait";
    assert_eq!(room.code(&["sh", "-c", script]), Some(0));
    let log = room.log();
    assert_eq!(log.matches("Execve \"/bin/true\"").count(), 40);
    // One source does not learn of births but the command's.
    let born = log.lines().filter(|line| line.starts_with("born")).count();
    assert!(born == 1 || born == 45, "{born} in {log}");
}

#[test]
fn what_becomes_of_the_command_of_a_killed_supervisor() {
    let room = Room::new();
    room.write("a", b"content", 0o644);
    let mut child = room.start("echo ready; read x; cat a a > b; echo whole > c");
    let mut stdin = child.stdin.take().unwrap();
    signal(child.id(), "KILL");
    assert_eq!(child.wait().unwrap().signal(), Some(libc::SIGKILL));
    // The command may be gone already, with the supervisor.
    let _ = stdin.write_all(b"go\n");
    rest(child.stdout.take().unwrap());
    assert_eq!(exists(&room.file("c")), SURVIVES);
    assert_eq!(exists(&room.file("b")), SURVIVES);
}

#[test]
fn a_call_that_a_killed_supervisor_held_is_let_go() {
    let room = Room::new();
    room.write("held", b"content", 0o644);
    let mut command = room.watch(0, &["sh", "-c", "cat held > b"]);
    let mut child = command
        .env("WATCH_HOLD", "held")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    eventually("the call is held", || room.saw(r#"Openat "held""#));
    signal(child.id(), "KILL");
    // The command has the other end: this waits for its end, whatever that is.
    rest(child.stdout.take().unwrap());
    child.wait().unwrap();
    let content = fs::read(room.file("b")).unwrap();
    assert_eq!(content, if SURVIVES { &b"content"[..] } else { b"" });
}

#[test]
fn a_supervisor_inside_another_is_told_that_there_is_one() {
    let room = Room::new();
    let inner = Room::new();
    let words = [inner.watcher(0), vec!["true".to_owned()]].concat();
    assert_eq!(room.code(&strs(&words)), Some(125));
    assert!(inner.saw(INSIDE), "{}", inner.log());
}

fn exists(path: &Path) -> bool {
    path.try_exists().unwrap()
}
