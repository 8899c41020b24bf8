//! Processes that are killed, that fight for the lock, that run out of disk.
#![expect(clippy::unwrap_used, reason = "tests may panic")]

mod common;

use common::{commit, copy, name, new_store, object, open, writer};
use roar_object::Objects;
use roar_store::{CommitError, FileError, LockError, Notice, Options, Spool, Store, Wait, fsck};
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, ErrorKind};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The example `committer`, which is built along with the tests.
fn committer() -> Command {
    let deps = std::env::current_exe().unwrap();
    let target: PathBuf = deps.parent().unwrap().parent().unwrap().into();
    let path = target.join("examples/committer");
    assert!(
        path.exists(),
        "`cargo test -p roar-store` builds '{}'",
        path.display()
    );
    Command::new(path)
}

fn start(store: &Store, tag: &str, count: u64) -> Child {
    let mut command = committer();
    command.arg(store.dir()).args([tag, &count.to_string()]);
    command.stdout(Stdio::piped()).spawn().unwrap()
}

fn acknowledged(child: &mut Child) -> impl Iterator<Item = String> + use<> {
    BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map_while(Result::ok)
}

fn assert_sound(store: &Store) {
    let report = fsck(store, Options { full: true }).unwrap();
    let bad: Vec<_> = report
        .findings
        .iter()
        .filter(|found| found.id != "kept-aside")
        .collect();
    assert!(bad.is_empty(), "{bad:?}");
}

#[test]
fn eight_processes_commit_at_once_and_nothing_is_lost() {
    let (_dir, store) = new_store();
    let mut children: Vec<_> = (0..8)
        .map(|tag| start(&store, &format!("p{tag}"), 50))
        .collect();
    let mut sequences = BTreeSet::new();
    for child in &mut children {
        let lines: Vec<_> = acknowledged(child).collect();
        assert_eq!(lines.len(), 50);
        for line in lines {
            sequences.insert(line.rsplit(' ').next().unwrap().parse::<u64>().unwrap());
        }
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(
        sequences,
        (1..=400).collect(),
        "each number once, none left out"
    );
    let reader = store.reader();
    assert_eq!(reader.sequence().unwrap(), 400);
    assert_eq!(reader.reflog(&name("counter")).unwrap().len(), 400);
    for tag in 0..8 {
        assert_eq!(
            reader.reflog(&name(&format!("tags/p{tag}"))).unwrap().len(),
            50
        );
    }
    let head = reader.reference(&name("counter")).unwrap().unwrap();
    assert_eq!(
        reader.read::<roar_object::Session>(head).unwrap().sequence,
        399
    );
    drop(writer(&store));
    assert_sound(&store);
}

#[test]
fn what_was_acknowledged_survives_a_kill_at_any_moment() {
    let (_dir, store) = new_store();
    let mut total = 0;
    for round in 0..50_u64 {
        let tag = format!("r{round}");
        let mut child = start(&store, &tag, 1_000_000);
        let mut lines = acknowledged(&mut child);
        let mut seen: Vec<_> = lines.by_ref().take(round as usize % 3).collect();
        spin(Duration::from_micros(round * 7919 % 9000));
        child.kill().unwrap();
        child.wait().unwrap();
        seen.extend(lines);
        total += seen.len();
        let reader = Store::open(store.dir()).unwrap().reader();
        let log = reader.reflog(&name(&format!("tags/{tag}"))).unwrap();
        assert!(
            log.len() >= seen.len(),
            "round {round}: {} of {}",
            log.len(),
            seen.len()
        );
        assert!(
            log.len() <= seen.len() + 1,
            "only the last one may be untold"
        );
        for entry in &log {
            assert!(reader.has(entry.new.unwrap()).unwrap());
        }
        let mut writing = writer(&store);
        let odd = writing.take_notices();
        assert!(
            odd.iter().all(|notice| matches!(
                notice,
                Notice::IndexUnused { .. } | Notice::TailCut { .. }
            )),
            "{odd:?}"
        );
        assert_eq!(writing.sequence().unwrap(), reader.sequence().unwrap());
        writing.close();
    }
    assert!(total > 30, "{total} commits");
}

/// Lets time pass without giving the processor away.
fn spin(time: Duration) {
    let begun = Instant::now();
    while begun.elapsed() < time {
        std::hint::spin_loop();
    }
}

#[test]
fn readers_see_whole_commits_while_others_write() {
    let (_dir, store) = new_store();
    let mut child = start(&store, "w", 60);
    let mut last = 0;
    while last < 60 {
        let reader = store.reader();
        let sequence = reader.sequence().unwrap();
        assert!(sequence >= last);
        last = sequence;
        if let Some(head) = reader.reference(&name("counter")).unwrap() {
            let link: roar_object::Session = reader.read(head).unwrap();
            assert_eq!(link.sequence + 1, sequence);
        }
    }
    assert!(child.wait().unwrap().success());
}

#[test]
fn one_who_holds_the_lock_is_named_to_those_who_wait() {
    let (_dir, store) = new_store();
    let _writing = writer(&store);
    let mut on_wait = |_: &roar_store::Holder| {};
    let wait = Wait {
        up_to: Duration::ZERO,
        command: "second",
        on_wait: &mut on_wait,
    };
    let Err(LockError::Busy { holder }) = store.writer(wait) else {
        panic!("two writers at once");
    };
    assert_eq!(holder.command, "test");
    assert!(store.reader().sequence().is_ok(), "readers do not wait");
}

/// A file system of its own in a mount namespace of its own, if this process may make one: a script that
/// runs the test of that name again inside.
fn in_namespace(test: &str, script: &str) -> bool {
    const INSIDE: &str = "ROAR_STORE_TEST_INSIDE";
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    let dir = tempfile::tempdir().unwrap();
    let script = format!("cd '{}' && {script} && exec \"$@\"", dir.path().display());
    let exe = std::env::current_exe().unwrap();
    let able = Command::new("unshare").args(["-m", "true"]).output();
    if !able.is_ok_and(|out| out.status.success()) {
        return false;
    }
    let out = Command::new("unshare")
        .args(["-m", "--propagation", "private", "sh", "-ec", &script, "sh"])
        .arg(exe)
        .args(["--exact", test, "--nocapture"])
        .env(INSIDE, dir.path())
        .output()
        .unwrap();
    assert!(
        out.status.success(),
        "{}",
        String::from_utf8_lossy(&out.stdout)
    );
    false
}

fn inside() -> PathBuf {
    std::env::var_os("ROAR_STORE_TEST_INSIDE").unwrap().into()
}

#[test]
fn questions_are_answered_on_a_read_only_disk() {
    let test = "questions_are_answered_on_a_read_only_disk";
    if !in_namespace(test, "mkdir rw ro && mount -t tmpfs none rw") {
        return;
    }
    let rw = inside().join("rw");
    let (dir, store) = new_store();
    commit(&mut writer(&store), 1);
    copy(&dir.path().join(".roar"), &rw.join(".roar"));
    let mount =
        |args: &[&str]| assert!(Command::new("mount").args(args).status().unwrap().success());
    mount(&["-o", "remount,ro", rw.to_str().unwrap()]);
    let store = Store::open(&rw.join(".roar")).unwrap();
    let reader = store.reader();
    assert_eq!(reader.find(object(1).id()).unwrap(), Some(object(1)));
    assert_eq!(
        reader.reference(&name("main")).unwrap(),
        Some(object(1).id())
    );
    assert!(
        fsck(&store, Options { full: true }).unwrap().worst() < Some(roar_store::Severity::Warning)
    );
    let mut on_wait = |_: &roar_store::Holder| {};
    let wait = Wait {
        up_to: Duration::ZERO,
        command: "test",
        on_wait: &mut on_wait,
    };
    assert!(
        matches!(store.writer(wait), Err(LockError::Io(err)) if is(&err, ErrorKind::ReadOnlyFilesystem))
    );
    assert!(is(
        &Spool::create(&store.runs()).unwrap_err(),
        ErrorKind::ReadOnlyFilesystem
    ));
}

fn is(err: &FileError, kind: ErrorKind) -> bool {
    err.source.kind() == kind
}

#[test]
fn a_full_disk_refuses_a_commit_and_loses_none() {
    let test = "a_full_disk_refuses_a_commit_and_loses_none";
    if !in_namespace(
        test,
        "mkdir small && mount -t tmpfs -o size=1500k none small",
    ) {
        return;
    }
    let small = inside().join("small");
    let store = Store::create(&small.join(".roar")).unwrap();
    let mut writing = writer(&store);
    commit(&mut writing, 1);
    fill(&small.join("filler"));
    let mut last = 1;
    let refused = loop {
        let next = object(last + 1);
        let (id, body) = (next.id(), vec![next]);
        match common::set(
            &mut writing,
            "main",
            roar_store::Expect::Any,
            Some(id),
            body,
        ) {
            Ok(_) => last += 1,
            Err(refused) => break refused,
        }
    };
    assert!(
        matches!(&refused, CommitError::Io(err) if is(err, ErrorKind::StorageFull)),
        "{refused:?}"
    );
    drop(writing);
    let reader = store.reader();
    assert_eq!(reader.sequence().unwrap(), last);
    assert_eq!(
        reader.reference(&name("main")).unwrap(),
        Some(object(last).id())
    );
    for number in 1..=last {
        assert!(reader.find(object(number).id()).unwrap().is_some());
    }
    std::fs::remove_file(small.join("filler")).unwrap();
    let mut writing = writer(&store);
    commit(&mut writing, last + 1);
    assert_eq!(store.reader().sequence().unwrap(), last + 1);
    assert!(store.reader().has(object(last + 1).id()).unwrap());
}

/// Takes up all the room that is left.
fn fill(path: &Path) {
    let mut file = std::fs::File::create(path).unwrap();
    for size in [64 << 10, 4 << 10, 1] {
        while std::io::Write::write(&mut file, &vec![0; size]).is_ok_and(|written| written > 0) {}
    }
}

#[test]
fn making_a_store_that_was_cut_short_is_finished() {
    let (dir, store) = new_store();
    commit(&mut writer(&store), 1);
    let path = store.dir().to_owned();
    std::fs::remove_file(path.join("format")).unwrap();
    let store = Store::create(&path).unwrap();
    assert!(path.join("format").exists());
    assert!(
        store.reader().has(object(1).id()).unwrap(),
        "what was there is there again"
    );
    for removed in ["journal", "runs", ".gitignore"] {
        let half = tempfile::tempdir().unwrap();
        copy(&path, &half.path().join(".roar"));
        std::fs::remove_file(half.path().join(".roar/format")).unwrap();
        let victim = half.path().join(".roar").join(removed);
        if victim.is_dir() {
            std::fs::remove_dir_all(victim).unwrap();
        } else {
            std::fs::remove_file(victim).unwrap();
        }
        Store::create(&half.path().join(".roar")).unwrap();
        commit(&mut writer(&open(&half)), 2);
    }
    drop(dir);
}

#[test]
fn a_segment_that_was_begun_and_not_finished_is_begun_again() {
    let (_dir, store) = new_store();
    commit(&mut writer(&store), 1);
    for len in [0, 7, 31] {
        let copied = tempfile::tempdir().unwrap();
        copy(store.dir(), &copied.path().join(".roar"));
        let store = open(&copied);
        let header = std::fs::read(store.dir().join("journal/00000001.rj")).unwrap();
        std::fs::write(store.dir().join("journal/00000002.rj"), &header[..len]).unwrap();
        assert_eq!(store.reader().sequence().unwrap(), 1);
        let id = commit(&mut writer(&store), 2);
        assert_eq!(store.reader().reference(&name("main")).unwrap(), Some(id));
        assert!(store.reader().has(object(1).id()).unwrap());
        let report = fsck(&store, Options { full: true }).unwrap();
        let ids: Vec<_> = report.findings.iter().map(|found| found.id).collect();
        assert_eq!(ids, ["list-unreadable"]);
    }
}
