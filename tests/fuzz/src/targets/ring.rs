//! The ring that watched programs write into: whatever is in it, reading it ends, and what is told is
//! what a program that keeps to the format has written.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;

use crate::draw::Draw;
use roar_preload::Notes;

const HEAD_AT: u64 = 64;
const ENTRIES_AT: u64 = 4096;
const ENTRIES: u64 = 1024;
const ENTRY: u64 = 256;
const PATH_AT: u64 = 64;
const LONGEST: usize = 192;

/// Kept to, and written over with anything.
pub(super) fn check(data: &[u8]) {
    kept_to(&mut Draw::new(data));
    written_over(&mut Draw::new(data));
}

/// A ring, and what a program sees of it.
struct Pair {
    notes: Notes,
    file: File,
    head: u64,
}

impl Pair {
    fn begin() -> Self {
        let notes = Notes::begin().expect("there is memory for a ring");
        let file = OpenOptions::new().read(true).write(true).open(notes.path());
        Self {
            notes,
            file: file.expect("a process may open its own memory"),
            head: 0,
        }
    }

    fn write(&self, at: u64, bytes: &[u8]) {
        self.file
            .write_all_at(bytes, at)
            .expect("memory can be written to");
    }

    /// Writes an entry as `roar_preload` says.
    fn enter(&mut self, pid: u32, path: &[u8]) {
        let at = ENTRIES_AT + self.head % ENTRIES * ENTRY;
        let facts = [1, 2, 3, 4, 5, 6, path.len() as u64];
        let words: Vec<u8> = facts.iter().flat_map(|word| word.to_ne_bytes()).collect();
        self.write(at + 8, &words);
        self.write(at + PATH_AT, path);
        let state = (self.head / ENTRIES) << 24 | u64::from(pid) << 2 | 2;
        self.write(at, &state.to_ne_bytes());
        self.head += 1;
        self.write(HEAD_AT, &self.head.to_ne_bytes());
    }

    /// Takes all that can be taken.
    fn take_all(&mut self) -> Vec<(u32, Vec<u8>)> {
        let mut told = Vec::new();
        while let Some(noted) = self.notes.take() {
            assert!((1..=LONGEST).contains(&noted.path().len()));
            assert!(noted.path().starts_with(b"/"));
            told.push((noted.pid, noted.path().to_vec()));
            assert!(told.len() as u64 <= ENTRIES);
        }
        told
    }
}

/// What is written is told, in its order, and nothing else.
fn kept_to(draw: &mut Draw<'_>) {
    let mut pair = Pair::begin();
    let mut waiting = Vec::new();
    while !draw.is_empty() {
        if draw.below(8) == 0 || waiting.len() as u64 == ENTRIES {
            assert_eq!(pair.take_all(), std::mem::take(&mut waiting));
        }
        let pid = u32::from(draw.byte()) + 1;
        let path = [b"/", draw.bytes()].concat();
        let path: Vec<u8> = path
            .into_iter()
            .filter(|byte| *byte != 0)
            .take(LONGEST)
            .collect();
        pair.enter(pid, &path);
        waiting.push((pid, path));
    }
    assert_eq!(pair.take_all(), waiting);
    assert_eq!(pair.notes.nonsense(), 0);
}

/// Any bytes at any place, between readings.
fn written_over(draw: &mut Draw<'_>) {
    let mut pair = Pair::begin();
    while !draw.is_empty() {
        match draw.below(4) {
            0 => drop(pair.take_all()),
            1 => pair.notes.give_up_on(|pid| pid % 2 == 0),
            2 => pair.enter(u32::from(draw.byte()), b"/a"),
            _ => {
                let bytes = draw.bytes();
                let room = ENTRIES_AT + ENTRIES * ENTRY - bytes.len() as u64;
                // Most of the time where something is decided.
                let at = match draw.below(3) {
                    0 => HEAD_AT,
                    1 => ENTRIES_AT + u64::from(draw.byte()) * 8,
                    _ => draw.number(),
                };
                pair.write(at % room, bytes);
            }
        }
    }
    pair.take_all();
    pair.notes.give_up_on(|_| false);
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let bytes: Vec<u8> = (0..=255).collect();
    let steps = [1_u8, 3, 37, 91];
    let seeds = steps
        .iter()
        .map(|step| bytes.iter().map(|byte| byte.wrapping_mul(*step)).collect());
    seeds.collect()
}
