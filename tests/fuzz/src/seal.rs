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

/// Ends a file of the store with its checksum.
pub(crate) fn at_end(context: &str, content: Vec<u8>) -> Vec<u8> {
    let checksum = checksum(context, &[&content]);
    [&content[..], &checksum].concat()
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

/// Makes the first 16 bytes of a pack.
pub(crate) fn pack_header() -> Vec<u8> {
    b"ROARPK1\n\x01\0\0\0\0\0\0\0".to_vec()
}

/// Makes a block of a pack, with any head.
pub(crate) fn pack_block(codec: u8, objects: u16, raw: u32, stored: &[u8]) -> Vec<u8> {
    let mut block = vec![1, codec];
    block.extend_from_slice(&objects.to_le_bytes());
    block.extend_from_slice(&raw.to_le_bytes());
    block.extend_from_slice(&(stored.len() as u32).to_le_bytes());
    let check = checksum("roar 2026 pack block v1", &[&block, stored]);
    block.extend_from_slice(&check[..8]);
    block.extend_from_slice(stored);
    block
}

/// Ends a pack: objects, blocks, bytes, and the name of it all.
pub(crate) fn pack_end(pack: &mut Vec<u8>, totals: [u64; 3]) {
    pack.extend_from_slice(&[2, 0, 0, 0, 0, 0, 0, 0]);
    pack.extend(totals.iter().flat_map(|total| total.to_le_bytes()));
    let name = blake3::hash(pack);
    pack.extend_from_slice(name.as_bytes());
}

/// Makes the head of a pack's index right again.
pub(crate) fn index_head(index: &mut [u8]) {
    if let Some((head, rest)) = index.split_at_mut_checked(64) {
        let check = checksum("roar 2026 pack index head v1", &[head]);
        if let Some(place) = rest.get_mut(..8) {
            place.copy_from_slice(&check[..8]);
        }
    }
}

/// Makes the head of an index over several packs right again.
pub(crate) fn multi_index_head(index: &mut [u8]) {
    let Some((head, rest)) = index.split_at_mut_checked(32) else {
        return;
    };
    let packs = u32::from_le_bytes([head[16], head[17], head[18], head[19]]) as usize;
    let list = rest.get(..packs.saturating_mul(48)).unwrap_or_default();
    let check = checksum("roar 2026 multi pack index head v1", &[&head[..24], list]);
    head[24..].copy_from_slice(&check[..8]);
}
