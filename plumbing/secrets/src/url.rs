//! Secrets in URLs: user information, signature parameters, fragments.

use crate::name::{self, Strength};
use crate::span::{Span, Spans, find as find_bytes};
use crate::value;

/// Passwords that say the user name is the secret.
const EMPTY_PASSWORDS: [&[u8]; 2] = [b"", b"x-oauth-basic"];

/// Fragments that select a part or name a digest.
const SELECTORS: [&[u8]; 6] = [
    b"egg=",
    b"subdirectory=",
    b"sha256=",
    b"sha512=",
    b"sha1=",
    b"md5=",
];

/// Adds the secrets of every URL in `text`.
pub(crate) fn find(text: &[u8], spans: &mut Spans) {
    let mut from = 0;
    while let Some(at) = find_bytes(&text[from..], b"://") {
        let colon = from + at;
        from = authority(text, colon, spans);
    }
    jdbc(text, spans);
    parameters(text, spans);
}

/// `jdbc:oracle:thin:user/password@where`, which has no `//` before its user.
fn jdbc(text: &[u8], spans: &mut Spans) {
    const BEGIN: &[u8] = b"jdbc:oracle:";
    let mut from = 0;
    while let Some(at) = find_bytes(&text[from..], BEGIN) {
        let driver = from + at + BEGIN.len();
        let ends = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\'' | b'`');
        let length = text[driver..].iter().position(ends);
        from = length.map_or(text.len(), |length| driver + length);
        let colon = text[driver..from].iter().position(|&byte| byte == b':');
        if let Some(span) = colon.and_then(|colon| oracle(text, driver + colon + 1, from)) {
            spans.add(span);
        }
    }
}

/// Judges `user/password@where` between `from` and `to`.
pub(crate) fn oracle(text: &[u8], from: usize, to: usize) -> Option<Span> {
    let word = &text[from..to];
    let user = word
        .iter()
        .take_while(|&&byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | b'#'))
        .count();
    let slash = user > 0 && word.get(user) == Some(&b'/');
    let end = word.iter().rposition(|&byte| byte == b'@');
    let end = end.unwrap_or(word.len());
    let password = word.get(user + 1..end).filter(|_| slash)?;
    value::is_secret(Strength::Password, password)
        .then(|| Span::loose(from + user + 1, from + end, "password"))
}

/// Adds what must also go from a URL that is shown to others.
pub(crate) fn find_strict(url: &[u8], spans: &mut Spans) {
    if find_bytes(url, b"://").is_none() {
        remote_user(url, spans);
    }
    let Some(hash) = url.iter().position(|&byte| byte == b'#') else {
        return;
    };
    let fragment = &url[hash + 1..];
    if !SELECTORS.iter().any(|start| fragment.starts_with(start)) {
        spans.add(Span::loose(hash + 1, url.len(), "url-fragment"));
    }
}

/// `user@host:path`, git's short form of ssh.
fn remote_user(url: &[u8], spans: &mut Spans) {
    let Some(at) = url.iter().position(|&byte| byte == b'@') else {
        return;
    };
    let user = &url[..at];
    let plain = !user.iter().any(|byte| matches!(byte, b'/' | b':' | b' '));
    let host = &url[at + 1..];
    let length = host
        .iter()
        .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'))
        .count();
    if plain && user != b"git" && length > 0 && host.get(length) == Some(&b':') {
        spans.add(Span::loose(0, at, "url-user"));
    }
}

/// Judges what stands before the last `@` of the authority; returns its end.
fn authority(text: &[u8], colon: usize, spans: &mut Spans) -> usize {
    let start = colon + 3;
    let length = text[start..].iter().position(|byte| ends_authority(*byte));
    let end = length.map_or(text.len(), |length| start + length);
    let Some(at) = text[start..end].iter().rposition(|&byte| byte == b'@') else {
        return end;
    };
    let info = &text[start..start + at];
    match info.iter().position(|&byte| byte == b':') {
        Some(split) => user_and_password(info, split, start, spans),
        None if is_web(&text[..colon]) && info != b"git" && is_literal(info) => {
            spans.add(Span::loose(start, start + at, "url-user"));
        }
        None => {}
    }
    end
}

fn user_and_password(info: &[u8], split: usize, start: usize, spans: &mut Spans) {
    let (user, password) = (&info[..split], &info[split + 1..]);
    if EMPTY_PASSWORDS.contains(&password) {
        if is_literal(user) && user.len() >= 8 {
            spans.add(Span::loose(start, start + split, "url-user"));
        }
    } else if is_literal(password) {
        let end = start + info.len();
        spans.add(Span::loose(start + split + 1, end, "url-password"));
    }
}

/// `${TOKEN}` and an earlier placeholder are no secrets.
fn is_literal(value: &[u8]) -> bool {
    value::is_secret(Strength::Password, value)
}

fn ends_authority(byte: u8) -> bool {
    byte.is_ascii_whitespace()
        || matches!(
            byte,
            b'/' | b'?' | b'#' | b'"' | b'\'' | b'`' | b'<' | b'>' | b'\\' | b',' | b';'
        )
}

/// In `http` a lone user is a token; elsewhere (ssh, postgres) it is a name.
fn is_web(before_colon: &[u8]) -> bool {
    let ends = |scheme: &[u8]| {
        let at = before_colon.len().checked_sub(scheme.len());
        at.is_some_and(|at| before_colon[at..].eq_ignore_ascii_case(scheme))
    };
    ends(b"http") || ends(b"https") || ends(b"+git") || ends(b"git")
}

/// Adds values of signature parameters: in a query, `sig` means one thing.
fn parameters(text: &[u8], spans: &mut Spans) {
    for (at, &byte) in text.iter().enumerate() {
        if !matches!(byte, b'?' | b'&') {
            continue;
        }
        let rest = &text[at + 1..text.len().min(at + 2 + name::LONGEST)];
        let Some(equals) = rest.iter().position(|&byte| byte == b'=') else {
            continue;
        };
        if is_signature(&rest[..equals]) {
            let start = at + 1 + equals + 1;
            let end = parameter_end(text, start);
            if value::is_secret(Strength::Token, &text[start..end]) {
                spans.add(Span::loose(start, end, "url-signature"));
            }
        }
    }
}

fn is_signature(parameter: &[u8]) -> bool {
    const NAMES: [&[u8]; 9] = [
        b"sig",
        b"signature",
        b"x-amz-signature",
        b"x-amz-credential",
        b"x-amz-security-token",
        b"x-goog-signature",
        b"x-goog-credential",
        b"x-oss-signature",
        b"googleaccessid",
    ];
    NAMES
        .iter()
        .any(|name| parameter.eq_ignore_ascii_case(name))
}

fn parameter_end(text: &[u8], start: usize) -> usize {
    let ends =
        |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'&' | b'?' | b'#' | b'"' | b'\'');
    let length = text[start..].iter().position(ends);
    length.map_or(text.len(), |length| start + length)
}
