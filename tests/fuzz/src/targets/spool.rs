//! Spool files: a torn or damaged tail costs what is behind it, and nothing else is believed.

use crate::draw::Draw;
use crate::seal;
use roar_store::{SpoolFrame, SpoolFrames};

const MAGIC: &[u8; 8] = b"roarrun\n";

pub(super) fn check(data: &[u8]) {
    agrees_with_itself(data);
    let (bytes, frames, ends) = written(&mut Draw::new(data));
    let read = SpoolFrames::decode(&bytes);
    assert_eq!(
        read,
        SpoolFrames {
            frames: frames.clone(),
            torn: false,
            damaged: false,
        }
    );
    let [a, b, ..] = *blake3::hash(data).as_bytes();
    let at = usize::from(u16::from_le_bytes([a, b])) % bytes.len();
    cut(&bytes[..at], &frames, &ends);
    flipped(&bytes, at, &frames, &ends);
}

/// Whatever was read, written again, is the front of the bytes.
fn agrees_with_itself(bytes: &[u8]) {
    let read = SpoolFrames::decode(bytes);
    let mut again = MAGIC.to_vec();
    for frame in &read.frames {
        again.extend(seal::spool_frame(again.len(), frame.kind, &frame.body));
    }
    assert!(read.torn || again == bytes);
    assert!(read.frames.is_empty() || bytes.starts_with(&again));
}

/// Returns a spool file, what is in it, and where each frame ends.
fn written(draw: &mut Draw<'_>) -> (Vec<u8>, Vec<SpoolFrame>, Vec<usize>) {
    let (mut bytes, mut frames, mut ends) = (MAGIC.to_vec(), Vec::new(), Vec::new());
    while !draw.is_empty() {
        let (kind, body) = (draw.byte(), draw.bytes());
        bytes.extend(seal::spool_frame(bytes.len(), kind, body));
        frames.push(SpoolFrame {
            kind,
            body: body.to_vec(),
        });
        ends.push(bytes.len());
    }
    (bytes, frames, ends)
}

fn cut(bytes: &[u8], frames: &[SpoolFrame], ends: &[usize]) {
    let read = SpoolFrames::decode(bytes);
    let whole = ends.iter().filter(|&&end| end <= bytes.len()).count();
    assert_eq!(read.frames, frames[..whole]);
    let clean = bytes.len() == MAGIC.len() || ends.contains(&bytes.len());
    assert_eq!(read.torn, !clean);
}

fn flipped(bytes: &[u8], at: usize, frames: &[SpoolFrame], ends: &[usize]) {
    let mut bytes = bytes.to_vec();
    bytes[at] ^= 1;
    let read = SpoolFrames::decode(&bytes);
    let before = ends.iter().filter(|&&end| end <= at).count();
    assert!(read.torn);
    assert_eq!(read.frames, frames[..before]);
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let mut bytes = MAGIC.to_vec();
    for (kind, body) in [(1, &b"first"[..]), (2, b""), (255, &[0; 300])] {
        bytes.extend(seal::spool_frame(bytes.len(), kind, body));
    }
    vec![
        bytes,
        MAGIC.to_vec(),
        b"\x01\x03abc\x02\x00\x03\x01x".to_vec(),
    ]
}
