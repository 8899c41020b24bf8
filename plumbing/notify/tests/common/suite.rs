//! What holds for every way of running a command: it behaves as if roar were not there.
#![expect(clippy::unwrap_used, reason = "tests may panic")]

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use super::WATCHER;
use tempfile::TempDir;

/// A directory to run in, with the log of what was seen beside it.
pub(super) struct Room(TempDir);

impl Room {
    pub(super) fn new() -> Self {
        let room = Self(tempfile::tempdir().unwrap());
        fs::create_dir(room.dir()).unwrap();
        room
    }

    fn dir(&self) -> PathBuf {
        self.0.path().join("work")
    }

    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.dir().join(name)
    }

    pub(super) fn write(&self, name: &str, content: &[u8], mode: u32) {
        fs::write(self.file(name), content).unwrap();
        fs::set_permissions(self.file(name), fs::Permissions::from_mode(mode)).unwrap();
    }

    fn log_file(&self) -> PathBuf {
        self.0.path().join("log")
    }

    pub(super) fn log(&self) -> String {
        fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    pub(super) fn saw(&self, line: &str) -> bool {
        self.log().contains(line)
    }

    /// The words that start the watcher, the command's own to follow.
    pub(super) fn watcher(&self, grace_ms: u32) -> Vec<String> {
        let log = self.log_file();
        vec![
            program(),
            log.to_str().unwrap().to_owned(),
            grace_ms.to_string(),
        ]
    }

    pub(super) fn watch(&self, grace_ms: u32, words: &[&str]) -> Command {
        let watcher = self.watcher(grace_ms);
        let mut command = Command::new(&watcher[0]);
        command
            .args(&watcher[1..])
            .args(words)
            .current_dir(self.dir())
            .env("LC_ALL", "C");
        command
    }

    fn run(&self, words: &[&str]) -> Output {
        self.watch(5000, words).output().unwrap()
    }

    pub(super) fn code(&self, words: &[&str]) -> Option<i32> {
        self.run(words).status.code()
    }

    /// Starts a watched shell whose script says `ready` when signals may come.
    pub(super) fn start(&self, script: &str) -> Child {
        let mut command = self.watch(5000, &["sh", "-c", script]);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0);
        let mut child = command.spawn().unwrap();
        await_text(child.stdout.as_mut().unwrap(), "ready");
        child
    }
}

pub(super) fn program() -> String {
    let mut path = std::env::current_exe().unwrap();
    path.pop();
    path.pop();
    path.push("examples");
    path.push(WATCHER);
    path.to_str().unwrap().to_owned()
}

/// Reads until `text` has come.
fn await_text(from: &mut impl Read, text: &str) -> String {
    let mut all = String::new();
    let mut byte = [0];
    while !all.contains(text) {
        assert_eq!(from.read(&mut byte).unwrap(), 1, "ended after {all:?}");
        all.push(char::from(byte[0]));
    }
    all
}

pub(super) fn rest(mut from: impl Read) -> String {
    let mut all = String::new();
    from.read_to_string(&mut all).unwrap();
    all
}

pub(super) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !holds() {
        assert!(Instant::now() < deadline, "in vain: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

pub(super) fn signal(pid: u32, name: &str) {
    let status = Command::new("kill")
        .args(["-s", name, &pid.to_string()])
        .status();
    assert!(status.unwrap().success());
}

/// The letter of a process's state in `/proc`.
fn state(pid: u32) -> char {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    stat.rsplit(')')
        .next()
        .unwrap()
        .trim_start()
        .chars()
        .next()
        .unwrap()
}

/// The command's own process: the first that the watcher has made. (A janitor comes after it.)
fn command_of(watcher: u32) -> u32 {
    let list = format!("/proc/{watcher}/task/{watcher}/children");
    let children = fs::read_to_string(list).unwrap();
    children.split(' ').next().unwrap().parse().unwrap()
}

#[test]
fn the_command_ends_as_it_ends() {
    let room = Room::new();
    for code in [0, 1, 3, 126, 255] {
        assert_eq!(
            room.code(&["sh", "-c", &format!("exit {code}")]),
            Some(code)
        );
        assert!(room.saw(&format!("exit: Code({code})")));
    }
    for signal in [
        libc::SIGKILL,
        libc::SIGTERM,
        libc::SIGINT,
        libc::SIGSEGV,
        libc::SIGPIPE,
    ] {
        let script = format!("ulimit -c 0; kill -{signal} $$");
        assert_eq!(room.code(&["sh", "-c", &script]), Some(128 + signal));
        assert!(room.saw(&format!("exit: Signal({signal})")));
    }
}

#[test]
fn what_cannot_be_executed_says_so_as_a_shell_does() {
    let room = Room::new();
    room.write("no_x", b"#!/bin/sh\n", 0o644);
    room.write("no_interpreter", b"#!/no/such/thing\n", 0o755);
    room.write("garbage", b"\x7fELF\0\0\0\0garbage", 0o755);
    for (word, code) in [
        ("no-such-program-anywhere", 127),
        ("./missing", 127),
        ("./no_interpreter", 127),
        ("./no_x", 126),
        ("./garbage", 126),
        (".", 127),
        ("./", 126),
    ] {
        assert_eq!(room.code(&[word]), Some(code), "{word}");
    }
    assert!(room.saw("NotExecutable"));
}

#[test]
fn a_script_that_names_no_interpreter_is_run_by_a_shell() {
    let room = Room::new();
    room.write("script", b"echo \"$0 $#\"; exit 5", 0o755);
    let output = room.run(&["./script", "a b", "c"]);
    assert_eq!(output.stdout, b"./script 2\n");
    assert_eq!(output.status.code(), Some(5));
}

#[test]
fn the_command_begins_in_the_state_that_a_shell_gives() {
    let probe = "grep -E 'Sig(Blk|Ign|Cgt)' /proc/self/status; ls /proc/self/fd; env | sort; \
        cut -d' ' -f5,6,7 /proc/self/stat; pwd; umask";
    for before in [
        "exec 7</dev/null",
        "trap '' PIPE",
        "trap '' HUP CHLD; exec 7</dev/null 9>/dev/null",
        "exec <&-",
        "exec <&- 2>&-",
    ] {
        let room = Room::new();
        let outer = format!("{before}; exec \"$@\"");
        let state = |words: &[String]| {
            let mut command = Command::new("sh");
            command
                .args(["-c", &outer, "sh"])
                .args(words)
                .args(["sh", "-c", probe]);
            let command = command
                .current_dir(room.dir())
                .env("LC_ALL", "C")
                .stdin(Stdio::null());
            String::from_utf8(command.output().unwrap().stdout).unwrap()
        };
        assert_eq!(state(&room.watcher(0)), state(&[]), "after {before:?}");
    }
}

#[test]
fn ten_megabytes_pass_unchanged() {
    let room = Room::new();
    let mut x = 1_u32;
    let mut next = || {
        x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        x.to_be_bytes()[0]
    };
    let bytes: Vec<u8> = (0..10 << 20).map(|_| next()).collect();
    let mut command = room.watch(5000, &["cat"]);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let sent = bytes.clone();
    let writer = std::thread::spawn(move || stdin.write_all(&sent).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.stdout == bytes);
}

#[test]
fn a_reader_that_goes_away_ends_the_command() {
    let room = Room::new();
    let mut child = room
        .watch(5000, &["yes"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(128 + libc::SIGPIPE));
}

#[test]
fn a_signal_to_the_supervisor_alone_is_handed_on() {
    for (name, number) in [
        ("TERM", 15),
        ("INT", 2),
        ("HUP", 1),
        ("QUIT", 3),
        ("USR1", 10),
    ] {
        let room = Room::new();
        let script = format!("trap 'exit 9' {name}; echo ready; while :; do sleep 0.01; done");
        let mut child = room.start(&script);
        signal(child.id(), name);
        assert_eq!(child.wait().unwrap().code(), Some(9), "{name}");
        let expected = if name == "USR1" {
            "None".to_owned()
        } else {
            format!("Some({number})")
        };
        assert!(
            room.saw(&format!("interrupted: {expected}")),
            "{name}: {}",
            room.log()
        );
    }
}

#[test]
fn a_signal_by_the_command_to_its_group_does_not_come_back() {
    let room = Room::new();
    let mut child = room.start(
        "n=0; trap 'n=$((n+1)); [ $n = 1 ] && kill -TERM 0' TERM; echo ready; \
         while [ $n -lt 2 ]; do sleep 0.01; done; sleep 0.2; exit $n",
    );
    signal(child.id(), "TERM");
    assert_eq!(child.wait().unwrap().code(), Some(2));
}

#[test]
fn a_command_that_others_stop_and_continue_goes_on() {
    let room = Room::new();
    let mut child = room.start("echo ready; read word; cat /dev/null; exit 6");
    let command = command_of(child.id());
    signal(command, "STOP");
    eventually("the command is stopped", || {
        matches!(state(command), 'T' | 't')
    });
    signal(command, "CONT");
    child.stdin.take().unwrap().write_all(b"go\n").unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(6));
}

#[test]
fn a_supervisor_that_stops_with_its_command_takes_it_along_again() {
    let room = Room::new();
    let mut child = room.start("echo ready; read word; cat /dev/null; exit 6");
    let (command, own) = (command_of(child.id()), child.id());
    signal(own, "TSTP");
    eventually("both are stopped", || {
        state(own) == 'T' && matches!(state(command), 'T' | 't')
    });
    signal(own, "CONT");
    child.stdin.take().unwrap().write_all(b"go\n").unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(6));
}

/// A terminal with a command on it, as a terminal window would have one.
struct Terminal {
    master: File,
    child: Child,
}

impl Terminal {
    fn open(room: &Room, words: &[&str]) -> Self {
        let pty = nix::pty::openpty(None, None).unwrap();
        let end = || Stdio::from(pty.slave.try_clone().unwrap());
        let mut command = Command::new("setsid");
        command.args(["--ctty", "--wait"]).args(words);
        command
            .current_dir(room.dir())
            .stdin(end())
            .stdout(end())
            .stderr(end());
        let child = command.spawn().unwrap();
        Self {
            master: File::from(pty.master),
            child,
        }
    }

    fn expect(&mut self, text: &str) {
        await_text(&mut self.master, text);
    }

    fn send(&mut self, keys: &[u8]) {
        self.master.write_all(keys).unwrap();
    }
}

pub(super) fn strs(words: &[String]) -> Vec<&str> {
    words.iter().map(String::as_str).collect()
}

#[test]
fn control_c_is_for_the_command() {
    for (script, code) in [
        (
            "trap 'exit 3' INT; echo re''ady; while :; do sleep 0.01; done",
            3,
        ),
        ("echo re''ady; exec sleep 100", 130),
    ] {
        let room = Room::new();
        let watcher = room.watcher(5000);
        let mut terminal = Terminal::open(
            &room,
            &[&strs(&watcher), &["sh", "-c", script][..]].concat(),
        );
        terminal.expect("ready");
        terminal.send(b"\x03");
        assert_eq!(terminal.child.wait().unwrap().code(), Some(code));
        assert!(room.saw("interrupted: Some(2)"), "{}", room.log());
    }
}

#[test]
fn control_z_stops_the_job_and_fg_continues_it() {
    let room = Room::new();
    let watcher = room.watcher(5000).join(" ");
    let script = format!(
        "set -m; {watcher} sh -c 'echo re\"\"ady; read x; echo got:$x'; echo stopped:$?; \
         fg >/dev/null; echo done:$?"
    );
    let mut terminal = Terminal::open(&room, &["sh", "-c", &script]);
    terminal.expect("ready");
    terminal.send(b"\x1a");
    terminal.expect(&format!("stopped:{}", 128 + libc::SIGTSTP));
    terminal.send(b"hello\n");
    terminal.expect("got:hello");
    terminal.expect("done:0");
    assert!(terminal.child.wait().unwrap().success());
}

#[test]
fn a_daemon_outlives_the_grace_and_finishes_its_work() {
    let room = Room::new();
    room.write("a", b"content", 0o644);
    let script = "setsid sh -c 'read x; cat a a > b' <&3 & exit 4";
    let mut command = room.watch(50, &["sh", "-c", &format!("exec 3<&0; {script}")]);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(4));
    assert!(room.saw("outlived: true"), "{}", room.log());
    stdin.write_all(b"go\n").unwrap();
    // The daemon has the other end: this waits for its end.
    rest(child.stdout.take().unwrap());
    assert_eq!(fs::read(room.file("b")).unwrap(), b"contentcontent");
}

#[test]
fn the_command_begins_in_its_directory() {
    let room = Room::new();
    let output = room
        .watch(0, &["pwd"])
        .env("WATCH_DIRECTORY", "/usr")
        .output()
        .unwrap();
    assert_eq!(output.stdout, b"/usr\n");
    let nowhere = room
        .watch(0, &["pwd"])
        .env("WATCH_DIRECTORY", "/no/such")
        .output()
        .unwrap();
    assert_eq!(nowhere.status.code(), Some(125));
    assert!(room.saw("Directory { directory: \"/no/such\""));
}
