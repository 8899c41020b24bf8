//! Every target over its corpus, its seeds, and a number of mutations that is always the same.
//!
//! `FUZZ_ROUNDS=N` tries N mutations of each target instead.

use roar_fuzz::meter::{Meter, peak_of};
use roar_fuzz::mutate::{Lot, mutated};
use roar_fuzz::{TARGETS, Target, find};
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

#[global_allocator]
static METER: Meter = Meter;

/// More than any input of a few kilobytes is worth.
const MEMORY: usize = 64 << 20;
/// Far more than any input takes; what does not end would take longer.
const PATIENCE: Duration = Duration::from_secs(20);

fn corpus(target: &Target) -> Vec<Vec<u8>> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(target.name);
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    files.sort();
    let read = |path: &PathBuf| std::fs::read(path).expect("the corpus is readable");
    files.iter().map(read).collect()
}

fn attempt(target: &Target, input: &[u8]) {
    let began = Instant::now();
    let mut outcome = Ok(());
    let peak = peak_of(|| outcome = catch_unwind(|| (target.check)(input)));
    let fine = outcome.is_ok() && peak < MEMORY && began.elapsed() < PATIENCE;
    assert!(
        fine,
        "'{}' fails ({peak} bytes held, {:?}) on b\"{}\"",
        target.name,
        began.elapsed(),
        input.escape_ascii()
    );
}

fn run(name: &str) {
    let target = find(name).expect("there is such a target");
    let mut seeds = (target.seeds)();
    seeds.extend(corpus(target));
    seeds.push(Vec::new());
    seeds.iter().for_each(|seed| attempt(target, seed));
    let rounds = std::env::var("FUZZ_ROUNDS")
        .ok()
        .and_then(|rounds| rounds.parse().ok());
    let mut lot = Lot::named(name);
    for _ in 0..rounds.unwrap_or(target.rounds) {
        attempt(target, &mutated(&seeds, &mut lot));
    }
}

macro_rules! every {
    ($($name:ident),+ $(,)?) => {
        $(#[test] fn $name() { run(stringify!($name)); })+

        #[test]
        fn no_target_is_left_out() {
            let names: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
            assert_eq!(names, [$(stringify!($name)),+]);
        }
    };
}

every!(
    bundle,
    config,
    events,
    filters,
    history,
    names,
    object,
    pack_index,
    pack_read,
    path_tree,
    paths,
    proof,
    ring,
    sealed,
    secrets,
    spool,
    store,
    transaction,
    tree,
);
