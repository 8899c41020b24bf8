//! What becomes of a store when any one act on the disk goes wrong, and when the power fails between
//! any two.
//!
//! `ROAR_SWEEP=1 cargo test -p roar-store --lib sweeps -- --nocapture` tries every act and says how many
//! there were; without it every third is tried, another one in each scene and way.
#![expect(clippy::unwrap_used, reason = "tests may panic")]
#![expect(clippy::print_stdout, reason = "how much was tried is worth telling")]

mod play;
mod scenes;

use crate::door::fault::record;
use crate::door::power::{Dice, Log};
use crate::sled_fence;
use play::{Stage, judge};
use roar_testkit::fault::{Fault, WAYS, watch};
use scenes::{SCENES, Scene};
use std::path::Path;

/// Returns a directory that goes away, in memory if there is one such: nobody waits for a disk there.
fn room() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").unwrap_or_else(|_| tempfile::tempdir().unwrap())
}

/// Returns how many acts are passed over for each that is tried.
fn step() -> usize {
    if std::env::var_os("ROAR_SWEEP").is_some() {
        1
    } else {
        3
    }
}

/// Tries one way to go wrong at the acts of a scene; returns how many were tried.
fn sweep(scene: &Scene, way: &str, fault: Fault) -> usize {
    let first = (scene.name.len() + way.len()) % step();
    for (tried, at) in (first..).step_by(step()).enumerate() {
        let told = format!("'{}', {way} at act {at}", scene.name);
        let dir = room();
        let mut stage = Stage::set(scene, dir.path());
        let ((), acts) = watch(Fault { at, ..fault }, || stage.play(scene));
        if acts <= at {
            return tried;
        }
        stage.move_to(&dir.path().join("judged"));
        judge(&stage, &told);
    }
    unreachable!("scenes end");
}

fn sweep_all(way: usize) {
    let (name, fault) = WAYS[way];
    let mut acts = 0;
    for scene in SCENES {
        acts += sweep(scene, name, fault);
    }
    println!("{name}: {acts} acts of {} scenes", SCENES.len());
}

#[test]
fn killed_at_any_act_nothing_acknowledged_is_lost() {
    sweep_all(0);
}

#[test]
fn on_a_disk_that_is_full_from_any_act_on_nothing_acknowledged_is_lost() {
    sweep_all(1);
}

#[test]
fn on_a_disk_that_is_full_at_any_one_act_nothing_acknowledged_is_lost() {
    sweep_all(2);
}

#[test]
fn where_any_one_act_fails_nothing_acknowledged_is_lost() {
    sweep_all(3);
}

/// How many power cuts are played after each act.
const CUTS: u64 = 4;

#[test]
fn when_the_power_fails_at_any_moment_nothing_acknowledged_is_lost() {
    let mut cuts = 0;
    for scene in SCENES {
        cuts += cut_everywhere(scene);
    }
    println!("{cuts} power cuts in {} scenes", SCENES.len());
}

fn cut_everywhere(scene: &Scene) -> u64 {
    let dir = room();
    let mut stage = Stage::set(scene, dir.path());
    let log = Log::begin(stage.dir.parent().unwrap());
    let ((), log) = record(log, || stage.play(scene));
    let first = scene.name.len() % step();
    let moments = (first..=log.len()).step_by(step());
    let cuts = moments.clone().count() as u64 * CUTS;
    for acts in moments {
        for seed in 0..CUTS {
            let told = format!("'{}', power cut after act {acts}, seed {seed}", scene.name);
            let mut dice = Dice(acts as u64 * 1000 + seed);
            let after = room();
            log.cut(acts, &mut dice, after.path());
            put_sled(&stage, &mut dice, after.path());
            judge(&stage.as_of(acts, after.path()), &told);
        }
    }
    cuts
}

/// Puts what sled may have left: nothing, what was there before, or that in pieces.
fn put_sled(stage: &Stage, dice: &mut Dice, to: &Path) {
    let (before, sled) = (stage.sled_before(), to.join(".roar/sled"));
    let is_gone = !stage.needs_sled && dice.roll(3) == 0;
    if before.is_empty() || !to.join(".roar").is_dir() || is_gone {
        return;
    }
    std::fs::create_dir_all(sled.join("blobs")).unwrap();
    let is_whole = stage.needs_sled || dice.roll(2) == 0;
    for (name, bytes) in before {
        let mut bytes = bytes.clone();
        if !is_whole {
            bytes.truncate(dice.roll(bytes.len() as u64 + 1) as usize);
            let at = dice.roll(bytes.len() as u64) as usize;
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 0x55;
            }
        }
        std::fs::write(sled.join(name), bytes).unwrap();
    }
    sled_fence::close(&sled);
}
