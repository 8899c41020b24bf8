//! Trace records: a torn tail is tolerated, a wrong record never told, and any stream is judged.

use crate::draw::Draw;
use crate::seal;
use roar_events::{Access, HEADER, Record, Records, State, Version};

/// As they come, with every check made to fit, and as records.
pub(super) fn check(data: &[u8]) {
    exact(data);
    replays(data, data);
    let resealed = resealed(data);
    exact(&resealed);
    replays(&resealed, data);
    let (stream, ends) = told(&mut Draw::new(data));
    exact(&stream);
    replays(&stream, data);
    torn(&stream, &ends, data);
}

/// What was read, written again, is just the part of the stream that was read.
fn exact(stream: &[u8]) {
    let mut records = Records::new(stream);
    let mut again = Vec::new();
    let mut failed = None;
    for record in records.by_ref() {
        match record {
            Ok(record) => record.encode(&mut again),
            Err(corrupt) => failed = Some(corrupt.offset),
        }
    }
    let read = records.offset();
    if read > 0 {
        assert_eq!([&HEADER, again.as_slice()].concat(), stream[..read]);
    }
    assert!(failed.is_none_or(|offset| offset == read && read < stream.len()));
    assert!(records.next().is_none());
}

/// Judges the stream against a world that is drawn from the same bytes.
fn replays(stream: &[u8], data: &[u8]) {
    let mut draw = Draw::new(data);
    let replay = roar_trace::replay(stream, |_| state(&mut draw));
    for mut file in replay.observation.files {
        assert!(file.read.is_some() || file.change.is_some());
        file.digest_read(None);
        file.settle(file.digest_before);
    }
    let read = Records::new(stream).filter_map(Result::ok).count();
    assert!(replay.started || read == 0 || !has_exec(stream));
}

fn has_exec(stream: &[u8]) -> bool {
    Records::new(stream).any(|record| matches!(record, Ok(Record::Exec { .. })))
}

/// Cut anywhere, the stream tells the whole records before; a flipped bit ends it.
fn torn(stream: &[u8], ends: &[usize], data: &[u8]) {
    let [a, b, ..] = *blake3::hash(data).as_bytes();
    let at = usize::from(u16::from_le_bytes([a, b])) % stream.len();
    let whole = ends.iter().filter(|&&end| end <= at).count();
    let read: Result<Vec<_>, _> = Records::new(&stream[..at]).collect();
    assert_eq!(read.map(|records| records.len()), Ok(whole));
    let mut flipped = stream.to_vec();
    flipped[at] ^= 1;
    let told: Vec<_> = Records::new(&flipped).filter_map(Result::ok).collect();
    let meant: Vec<_> = Records::new(stream).filter_map(Result::ok).collect();
    assert_eq!(told, meant[..told.len()]);
    assert_eq!(told.len(), whole);
}

/// Makes records of pieces of any bytes, each a kind, a length and a body.
fn resealed(data: &[u8]) -> Vec<u8> {
    let mut draw = Draw::new(data);
    let mut stream = HEADER.to_vec();
    while !draw.is_empty() {
        let (kind, body) = (draw.byte() % 12, draw.bytes());
        stream.extend(seal::trace_record(kind, body));
    }
    stream
}

fn told(draw: &mut Draw<'_>) -> (Vec<u8>, Vec<usize>) {
    let (mut stream, mut ends) = (HEADER.to_vec(), Vec::new());
    while !draw.is_empty() {
        record(draw).encode(&mut stream);
        ends.push(stream.len());
    }
    (stream, ends)
}

fn record<'a>(draw: &mut Draw<'a>) -> Record<'a> {
    let kind = draw.below(11);
    let pid = u32::from(draw.byte() % 4);
    match kind {
        0 => Record::Process {
            pid,
            parent: u32::from(draw.byte() % 4),
            program: path(draw),
        },
        1 => Record::Exec {
            pid,
            path: path(draw),
            before: state(draw),
        },
        2 => Record::Open {
            pid,
            access: access(draw),
            path: path(draw),
            before: state(draw),
        },
        3 => Record::Rename {
            pid,
            exchange: draw.flag(),
            from: path(draw),
            moved: state(draw),
            to: path(draw),
            replaced: state(draw),
        },
        4 => Record::Link {
            pid,
            from: path(draw),
            linked: state(draw),
            to: path(draw),
        },
        5 => Record::Symlink {
            pid,
            path: path(draw),
        },
        6 => Record::Unlink {
            pid,
            path: path(draw),
            before: state(draw),
        },
        7 => Record::Truncate {
            pid,
            length: draw.number(),
            path: path(draw),
            before: state(draw),
        },
        8 => Record::Named {
            path: path(draw),
            version: version(draw),
            digest: [draw.byte() % 4; 32],
        },
        9 => Record::Gap { why: draw.bytes() },
        _ => Record::Target {
            path: path(draw),
            target: path(draw),
        },
    }
}

fn access(draw: &mut Draw<'_>) -> Access {
    Access::from_bits(draw.byte() & 31).expect("five flags")
}

/// One of few paths, so that they meet.
fn path<'a>(draw: &mut Draw<'a>) -> &'a [u8] {
    match draw.below(8) {
        0 => b"",
        1 => draw.bytes(),
        2 => b"/d",
        3 => b"/d/a",
        4 => b"/d/b",
        5 => b"/a",
        6 => b"/b",
        _ => b"/",
    }
}

fn state(draw: &mut Draw<'_>) -> State {
    match draw.below(8) {
        0 => State::Missing,
        1 => State::Directory,
        2 => State::Symlink,
        3 => State::Other,
        _ => State::File(version(draw)),
    }
}

fn version(draw: &mut Draw<'_>) -> Version {
    let bits = draw.byte();
    Version {
        dev: 1,
        ino: u64::from(bits & 3),
        size: u64::from(bits >> 2 & 1),
        mtime_ns: i64::from(bits >> 3 & 3),
        ctime_ns: i64::from(bits >> 5 & 1),
        mode: 0o100_644,
    }
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let drawn: Vec<u8> = (0..=255).collect();
    let mut seeds: Vec<_> = (0..6).map(|step| shuffled(&drawn, step)).collect();
    let streams: Vec<_> = seeds
        .iter()
        .map(|seed| told(&mut Draw::new(seed)).0)
        .collect();
    seeds.extend(streams);
    seeds.push(HEADER.to_vec());
    seeds
}

fn shuffled(bytes: &[u8], step: u8) -> Vec<u8> {
    bytes
        .iter()
        .map(|byte| byte.wrapping_mul(2 * step + 1).wrapping_add(step * 37))
        .collect()
}
