//! Checksums made to fit, so that changed bytes get past them to what lies behind.
//!
//! Written from `docs/format/store.md` and the format page of `roar-events`, not from their code.

const FRAME_HEADER: usize = 68;
const FRAME_MAGIC: [u8; 8] = *b"\xf0roarfr\n";

/// Makes a transaction of any bytes: right magic, number, lengths and checksum.
///
/// The first two bytes say how long the head is; a number that is too large takes everything.
pub(crate) fn transaction(bytes: &[u8]) -> Vec<u8> {
    let (len, rest) = match bytes {
        [a, b, rest @ ..] => (usize::from(u16::from_le_bytes([*a, *b])), rest),
        short => (0, short),
    };
    let (head, bodies) = rest.split_at(len.min(rest.len()));
    sealed(&[0; 16], head, bodies)
}

/// Takes a frame apart into what [`transaction`] makes one of.
pub(crate) fn open_transaction(frame: &[u8]) -> Vec<u8> {
    let head_len = &frame[24..26];
    [head_len, &frame[FRAME_HEADER..]].concat()
}

fn sealed(number_and_time: &[u8; 16], head: &[u8], bodies: &[u8]) -> Vec<u8> {
    let mut frame = FRAME_MAGIC.to_vec();
    frame.extend_from_slice(number_and_time);
    frame.extend_from_slice(&(head.len() as u32).to_le_bytes());
    frame.extend_from_slice(&(bodies.len() as u64).to_le_bytes());
    let checksum = checksum("roar 2026 journal frame v1", &[&frame, head]);
    frame.extend_from_slice(&checksum);
    frame.extend_from_slice(head);
    frame.extend_from_slice(bodies);
    frame
}

fn checksum(context: &str, parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_derive_key(context);
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().into()
}

/// Makes a spool frame that stands at offset `at`.
pub(crate) fn spool_frame(at: usize, kind: u8, body: &[u8]) -> Vec<u8> {
    let mut frame = vec![kind];
    frame.extend_from_slice(&(body.len() as u32).to_le_bytes());
    frame.extend_from_slice(body);
    let checksum = checksum(
        "roar 2026 spool frame v1",
        &[&(at as u64).to_le_bytes(), &frame],
    );
    frame.extend_from_slice(&checksum[..8]);
    frame
}

/// Makes a trace record of any kind and body.
pub(crate) fn trace_record(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut record = (body.len() as u32).to_le_bytes().to_vec();
    record.push(kind);
    record.extend_from_slice(body);
    let check = record[4..].iter().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
    });
    record.extend_from_slice(&check.to_le_bytes());
    record
}
