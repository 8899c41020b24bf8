//! Processes that are killed at any moment while they record, pack and collect, several at once: nothing
//! that was acknowledged is lost, and the next command goes on.
//!
//! ```sh
//! ROAR_CRASH_KILLS=200 cargo test -p roar --test e2e crash -- --nocapture   # and ROAR_CRASH_SEED=1
//! ```
//!
//! prints how many were killed and what became of them; without the variables, a few are.
//! `ROAR_CRASH_PROGRAM` names another `roar` than the one that was just built.

#![expect(
    clippy::print_stdout,
    reason = "a programme that prints what it has counted"
)]

use roar_testkit::Sandbox;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// What a process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Work {
    Record,
    Pack,
    Collect,
    Prune,
    Ask,
}

const WORKS: [Work; 10] = [
    Work::Record,
    Work::Record,
    Work::Record,
    Work::Record,
    Work::Pack,
    Work::Collect,
    Work::Collect,
    Work::Prune,
    Work::Prune,
    Work::Ask,
];

/// Numbers that a seed leads to (SplitMix64, by Sebastiano Vigna).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % sides
    }
}

/// Returns the program that was just built, or another one.
fn program() -> PathBuf {
    let other = std::env::var_os("ROAR_CRASH_PROGRAM");
    other.map_or_else(|| env!("CARGO_BIN_EXE_roar").into(), PathBuf::from)
}

fn number(variable: &str, otherwise: u64) -> u64 {
    let text = std::env::var(variable).ok();
    text.map_or(otherwise, |text| text.parse().unwrap())
}

/// What was seen so far.
#[derive(Debug, Default)]
struct Tally {
    rounds: u64,
    started: u64,
    ended: BTreeMap<Work, u64>,
    killed: BTreeMap<Work, u64>,
    /// Jobs that were acknowledged, by the beginnings of their names.
    acknowledged: BTreeSet<String>,
    files: u64,
}

#[test]
fn what_was_acknowledged_survives_kills_at_any_moment() {
    let (kills, seed) = (number("ROAR_CRASH_KILLS", 12), number("ROAR_CRASH_SEED", 7));
    let sandbox = Sandbox::new(program());
    let _ = sandbox.roar(["init"]).success();
    let (mut dice, mut tally) = (Dice(seed), Tally::default());
    while tally.killed.values().sum::<u64>() < kills {
        play(&sandbox, &mut dice, &mut tally);
        if tally.rounds.is_multiple_of(4) {
            judge(&sandbox, &tally, tally.rounds.is_multiple_of(20));
        }
    }
    let left = stop_what_is_left(&sandbox);
    judge(&sandbox, &tally, true);
    tell(&sandbox, &tally);
    println!("{left} processes outlived their killed roar");
}

/// Starts some processes, and kills some of them.
fn play(sandbox: &Sandbox, dice: &mut Dice, tally: &mut Tally) {
    tally.rounds += 1;
    let count = 1 + dice.roll(3);
    let works: Vec<_> = (0..count)
        .map(|_| WORKS[dice.roll(WORKS.len() as u64) as usize])
        .collect();
    let started: Vec<_> = works
        .into_iter()
        .map(|work| (work, start(sandbox, work, tally)))
        .collect();
    for (work, (child, told)) in started {
        // A delay from the seed: what it hits, the machine decides.
        std::thread::sleep(Duration::from_micros(dice.roll(60_000)));
        end(work, child, &told, dice.roll(4) > 0, tally);
    }
}

fn start(sandbox: &Sandbox, work: Work, tally: &mut Tally) -> (Child, PathBuf) {
    let mut command = sandbox.command(program());
    match work {
        Work::Record => record(sandbox, &mut command, tally),
        Work::Pack => {
            tally.files += 1;
            sandbox.write(format!("set/{}", tally.files), tally.files.to_string());
            command.args(["hash-dataset", "--write", "set"])
        }
        Work::Collect => command.args(["gc", "--prune=never"]),
        Work::Prune => command.args(["gc", "--prune=now"]),
        Work::Ask => command.args(["log", "--json"]),
    };
    // Not a pipe: what a killed roar was watching goes on, and keeps it open.
    let told = sandbox.root().join(format!("told.{}", tally.started));
    let err = File::create(&told).unwrap();
    tally.started += 1;
    let (input, out) = (Stdio::null(), Stdio::null());
    let child = command.stdin(input).stdout(out).stderr(err).spawn();
    (child.unwrap(), told)
}

fn record<'c>(sandbox: &Sandbox, command: &'c mut Command, tally: &mut Tally) -> &'c mut Command {
    tally.files += 1;
    let (from, to) = (
        format!("in/{}", tally.files),
        format!("out.{}", tally.files % 7),
    );
    sandbox.write(&from, tally.files.to_string());
    command.args(["run", "sh", "-c", &format!("cat {from} > {to}")])
}

fn end(work: Work, mut child: Child, told: &Path, is_killed: bool, tally: &mut Tally) {
    if is_killed {
        // It may have ended by itself.
        let _ = child.kill();
    }
    let status = child.wait().unwrap();
    let told = std::fs::read_to_string(told).unwrap();
    match status.code() {
        None => *tally.killed.entry(work).or_default() += 1,
        Some(0) => *tally.ended.entry(work).or_default() += 1,
        // Somebody else collects, or holds the lock for long.
        Some(1) if work != Work::Record => *tally.ended.entry(work).or_default() += 1,
        Some(code) => panic!("{work:?} ended with {code}: {told}"),
    }
    if work == Work::Record {
        tally.acknowledged.extend(acknowledged(&told));
    }
}

/// Returns the job that a run said was recorded: `roar: @3 1f2e… · …`. Half a line says nothing.
fn acknowledged(told: &str) -> Option<String> {
    let line = told.lines().find(|line| line.starts_with("roar: @"))?;
    let hash = line.split(' ').nth(2)?;
    let is_whole = hash.len() == 12 && line.contains('·');
    is_whole.then(|| hash.to_owned())
}

/// Ends what killed roars were watching and what goes on in the background; returns how many there were.
fn stop_what_is_left(sandbox: &Sandbox) -> usize {
    let root = sandbox.root().canonicalize().unwrap();
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let ours = processes.filter(|process| {
        let place = std::fs::read_link(process.path().join("cwd"));
        place.is_ok_and(|place| place.starts_with(&root))
    });
    let stopped = ours.filter(|process| {
        let mut kill = Command::new("kill");
        kill.arg("-9").arg(process.file_name());
        kill.status().is_ok_and(|status| status.success())
    });
    stopped.count()
}

/// Every job that was acknowledged is in the log, and nothing is damaged.
fn judge(sandbox: &Sandbox, tally: &Tally, is_full: bool) {
    let log: Value =
        serde_json::from_str(&sandbox.roar(["log", "--json"]).success().out()).unwrap();
    let jobs: Vec<_> = log["jobs"].as_array().unwrap().iter().collect();
    let ids: BTreeSet<_> = jobs
        .iter()
        .map(|job| &job["id"].as_str().unwrap()[..12])
        .collect();
    for job in &tally.acknowledged {
        assert!(ids.contains(job.as_str()), "{job} is lost");
    }
    let words: &[&str] = if is_full {
        &["fsck", "--full"]
    } else {
        &["fsck"]
    };
    let _ = sandbox.roar(words).success();
}

fn tell(sandbox: &Sandbox, tally: &Tally) {
    let log: Value =
        serde_json::from_str(&sandbox.roar(["log", "--json"]).success().out()).unwrap();
    let interrupted = log["jobs"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|job| job["state"] == "interrupted")
        .count();
    println!("{} rounds", tally.rounds);
    println!("killed:   {:?}", tally.killed);
    println!("ended:    {:?}", tally.ended);
    println!("{} runs acknowledged, 0 lost", tally.acknowledged.len());
    println!("{interrupted} runs that were killed are recorded as interrupted");
    println!("{}", sandbox.roar(["count-objects"]).success().out());
}
