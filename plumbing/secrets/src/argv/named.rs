//! A word that names a secret, and the word after it that is one.

use crate::assign::{is_name_byte, kind_of};
use crate::name::{self, Strength};
use crate::span::Span;
use crate::value;

/// Judges the word after `words[index]`; `configures` says whether an earlier word of the command is one
/// that settings follow.
pub(super) fn value_after(words: &[&[u8]], index: usize, configures: bool) -> Option<Span> {
    let (word, next) = (words[index], *words.get(index + 1)?);
    let flag = next.starts_with(b"--") || (next.len() <= 2 && next.starts_with(b"-"));
    if flag {
        return None;
    }
    if word.starts_with(b"-") {
        return after_option(word, next);
    }
    let set = index > 0 && matches!(words[index - 1], b"set" | b"add" | b"put");
    after_bare(word, next, set, configures)
}

/// Tells whether settings may follow a word: `config NAME VALUE`.
pub(super) fn configures(word: &[u8]) -> bool {
    const VERBS: [&[u8]; 11] = [
        b"set",
        b"add",
        b"put",
        b"create",
        b"modify",
        b"update",
        b"edit",
        b"config",
        b"configure",
        b"connect",
        b"connection",
    ];
    VERBS.contains(&word)
}

/// `--name VALUE`.
fn after_option(word: &[u8], next: &[u8]) -> Option<Span> {
    let dashes = word.iter().take_while(|&&byte| byte == b'-').count();
    let name = &word[dashes..];
    let short = dashes == 1 && name.len() < 3;
    let telling = !short && name.iter().copied().all(is_name_byte);
    let strength = name::strength_of_option(name);
    (telling && value::is_secret(strength, next))
        .then(|| Span::loose(0, next.len(), kind_of(strength, name)))
}

/// `set name VALUE`, as many tools have it, `config remote.secret_access_key VALUE`, and a name that
/// tells before something that looks drawn by lot.
fn after_bare(word: &[u8], next: &[u8], set: bool, configures: bool) -> Option<Span> {
    // The name of a setting may follow an address: `//registry.example.org/:_authToken`.
    let start = word.iter().rposition(|byte| matches!(byte, b'/' | b':'));
    let name = &word[start.map_or(0, |at| at + 1)..];
    if !name.iter().copied().all(is_name_byte) {
        return None;
    }
    let whole = if is_compound(name) {
        name::strength(name)
    } else {
        Strength::None
    };
    let part = || name.split(|&byte| byte == b'.').map(name::strength).max();
    let strength = part().unwrap_or(Strength::None);
    let telling = match strength {
        _ if set && value::is_secret(whole, next) => true,
        Strength::None | Strength::Weak => false,
        _ if configures => is_setting(next),
        Strength::Mild => false,
        _ => is_compound(name) && is_drawn(next),
    };
    telling.then(|| Span::loose(0, next.len(), kind_of(strength.max(whole), name)))
}

/// A lone word after `set` is as likely a verb's object: `set password`.
fn is_compound(name: &[u8]) -> bool {
    name.iter().any(|byte| matches!(byte, b'_' | b'-' | b'.'))
        || name.iter().any(u8::is_ascii_uppercase)
}

/// A word may be the next setting's name, and hexadecimal digits the name of a key, as
/// `git config user.signingkey` takes it.
fn is_setting(value: &[u8]) -> bool {
    let short_hex = value.len() < 32 && value.iter().all(u8::is_ascii_hexdigit);
    let unlike_a_word = value::is_secret(Strength::Mild, value) || value::is_no_spoken_word(value);
    unlike_a_word && !short_hex
}

/// A commit looks like a key of hexadecimal digits.
fn is_drawn(value: &[u8]) -> bool {
    let hex = value.iter().all(u8::is_ascii_hexdigit);
    !hex && value::is_secret(Strength::Weak, value)
}
