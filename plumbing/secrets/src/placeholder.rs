//! What stands where a secret was: `‹redacted:KIND:TAG›`.
//!
//! TAG is the first two bytes, in hex, of BLAKE3 keyed with the caller's key
//! over a fixed context and the value.

use crate::Kind;
use crate::span::find;

const OPEN: &[u8] = "‹redacted:".as_bytes();
const CLOSE: &[u8] = "›".as_bytes();
const CONTEXT: &[u8] = b"roar secret tag 1\0";

/// Longer is no placeholder of ours.
const LONGEST: usize = 96;

/// Tells whether `value` begins with a placeholder.
pub fn is_placeholder(value: &[u8]) -> bool {
    value.starts_with(OPEN)
}

/// Tells whether a placeholder is anywhere in `value`.
pub(crate) fn holds_placeholder(value: &[u8]) -> bool {
    find(value, OPEN).is_some()
}

/// Appends the placeholder for `secret`.
pub(crate) fn push(out: &mut Vec<u8>, kind: Kind, secret: &[u8], key: &[u8; 32]) {
    let mut hasher = blake3::Hasher::new_keyed(key);
    hasher.update(CONTEXT);
    hasher.update(secret);
    let hash = hasher.finalize();
    let [a, b, ..] = hash.as_bytes();
    out.extend_from_slice(OPEN);
    out.extend_from_slice(format!("{kind}:{a:02x}{b:02x}").as_bytes());
    out.extend_from_slice(CLOSE);
}

/// Returns the placeholders in `text` as (start, end), in order.
pub(crate) fn all(text: &[u8]) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(at) = find(&text[from..], OPEN) {
        let start = from + at;
        let window = &text[start..text.len().min(start + LONGEST)];
        let length = find(window, CLOSE).map_or(OPEN.len(), |at| at + CLOSE.len());
        found.push((start, start + length));
        from = start + length;
    }
    found
}
