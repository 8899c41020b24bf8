//! Bases and logs of ref changes, whatever they say: read, checked, made again, written after.

use super::store::{Sound, answers, lay_out, packed, written_again};
use crate::draw::Draw;
use crate::{scratch, seal};
use roar_store::{Holder, Options, Store, Wait, fsck, rebuild};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Files with a checksum of 32 bytes at their end, and its context.
const FILES: [(&str, &str); 3] = [
    ("base", "roar 2026 store base v1"),
    ("reflog/00000001.rl", "roar 2026 ref log v1"),
    ("reflog/00000002.rl", "roar 2026 ref log v1"),
];

pub(super) fn check(data: &[u8]) {
    let sound = packed();
    scratch::within(|dir| {
        let dot = dir.join(".roar");
        drop(fs::remove_dir_all(&dot));
        let mut draw = Draw::new(data);
        let mut files = sound.files.clone();
        let (is_rebuilt, is_written) = (draw.below(8) == 0, draw.below(16) == 0);
        while !draw.is_empty() {
            let (name, context) = draw.pick(&FILES);
            let path = PathBuf::from(name);
            let bytes = changed(&files[&path], context, &mut draw);
            files.insert(path, bytes);
        }
        lay_out(&files, &dot);
        judge(&dot, sound, is_rebuilt, is_written);
    });
}

/// Changes a few bytes, or puts others in their place, and makes the checksum fit.
fn changed(bytes: &[u8], context: &str, draw: &mut Draw<'_>) -> Vec<u8> {
    let mut content = bytes[..bytes.len().saturating_sub(32)].to_vec();
    let at = draw.below(content.len() + 1);
    match draw.below(4) {
        0 => content.truncate(at),
        1 => drop(content.splice(at..at, draw.bytes().to_vec())),
        _ => {
            if let Some(byte) = content.get_mut(at) {
                *byte = draw.byte();
            }
        }
    }
    seal::at_end(context, content)
}

fn judge(dot: &Path, sound: &Sound, is_rebuilt: bool, is_written: bool) {
    let Ok(store) = Store::open(dot) else {
        return;
    };
    // A log may name any object; those that are handed out are right.
    let reader = store.reader();
    drop((reader.references(""), reader.operations(), reader.damage()));
    drop(fsck(&store, Options { full: true }));
    if is_rebuilt {
        let mut on_wait = |_: &Holder| {};
        let wait = Wait {
            up_to: Duration::from_secs(10),
            command: "fuzz",
            on_wait: &mut on_wait,
        };
        drop(rebuild(&store, wait));
    }
    answers(&store, None, &sound.objects);
    if is_written {
        written_again(&store, None, &sound.objects);
    }
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let spread = |factor: u32| (0..24_u32).map(|at| (at * factor % 251) as u8).collect();
    let mut seeds: Vec<Vec<u8>> = (1..24).map(|factor| spread(factor * 7)).collect();
    seeds.push(vec![8, 0]);
    seeds
}
