//! What stands where a secret was: `‹redacted:KIND:TAG›`.
//!
//! TAG is the first two bytes, in hex, of BLAKE3 keyed with the caller's key
//! over a fixed context and the value.

use crate::Kind;
use crate::span::find;

const OPEN: &[u8] = "‹redacted:".as_bytes();
const CLOSE: &[u8] = "›".as_bytes();
const CONTEXT: &[u8] = b"roar secret tag 1\0";

/// Digits in a tag.
const TAG_DIGITS: usize = 4;

/// Tells whether `value` begins with a placeholder.
pub fn is_placeholder(value: &[u8]) -> bool {
    length(value).is_some()
}

/// Tells whether a placeholder is anywhere in `value`.
pub fn holds_placeholder(value: &[u8]) -> bool {
    !all(value).is_empty()
}

/// Returns the length of the placeholder that `text` begins with.
///
/// Only the very form that [`push`] writes is one: whatever else stands between the brackets could be
/// a secret that hides there.
fn length(text: &[u8]) -> Option<usize> {
    let rest = text.strip_prefix(OPEN)?;
    let kind = rest
        .iter()
        .take_while(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
        .count();
    let tag = rest[kind..].strip_prefix(b":")?;
    let digits = tag
        .iter()
        .take_while(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        .count();
    let closed = tag.get(digits..)?.starts_with(CLOSE);
    let whole = kind > 0 && kind <= LONGEST_KIND && digits == TAG_DIGITS && closed;
    whole.then_some(OPEN.len() + kind + 1 + digits + CLOSE.len())
}

/// Longer is no kind of ours.
const LONGEST_KIND: usize = 40;

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
        from = match length(&text[start..]) {
            Some(length) => {
                found.push((start, start + length));
                start + length
            }
            None => start + OPEN.len(),
        };
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_hides_in_what_only_looks_like_a_placeholder() {
        let mut ours = Vec::new();
        push(&mut ours, "github-pat", b"x", &[7; 32]);
        assert!(is_placeholder(&ours));
        assert_eq!(
            all(&[b"--token=", ours.as_slice(), b" x"].concat()),
            [(8, 8 + ours.len())]
        );
        for text in [
            "‹redacted:›",
            "‹redacted:a b:0000›",
            "‹redacted:ghp:xyz0›",
            "‹redacted:a:00000›",
            "‹redacted:a:0000",
        ] {
            assert!(!holds_placeholder(text.as_bytes()), "{text}");
        }
    }
}
