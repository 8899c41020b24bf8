//! Secrets beside a name: `NAME=value`, `name: value`, `"name": "value"`, and the
//! `Authorization` header.

use crate::Kind;
use crate::name::{self, Strength};
use crate::span::{Span, Spans};
use crate::value;

/// Adds the value of every telling name in `text`.
pub(crate) fn find(text: &[u8], spans: &mut Spans) {
    let mut finder = Finder {
        text,
        bare: (0, 0),
        quoted: [(0, 0); 2],
    };
    let mut at = 0;
    while at < text.len() {
        let end = match text[at] {
            b'=' => finder.equals(at),
            b':' => finder.colon(at),
            _ => None,
        };
        match end {
            Some(span) => {
                spans.add(span);
                at = span.end.max(at + 1);
            }
            None => at += 1,
        }
    }
}

/// Returns the kind to report for a value beside `name`.
pub(crate) fn kind_of(strength: Strength, name: &[u8]) -> Kind {
    let ends = |word: &[u8]| {
        let at = name.len().checked_sub(word.len());
        at.is_some_and(|at| name[at..].eq_ignore_ascii_case(word))
    };
    match strength {
        Strength::Password | Strength::Mild => "password",
        _ if ends(b"token") => "token",
        _ if ends(b"key") => "api-key",
        _ => "secret",
    }
}

/// Judges `name=value; name=value` between `from` and `to`; returns the stretch from the first value
/// that looks like a session's to the end.
///
/// A cookie of a word or a number is a preference.
pub(crate) fn cookies(text: &[u8], from: usize, to: usize) -> Option<Span> {
    const LETTERS: usize = 16;
    let mut start = from;
    for pair in text[from..to].split(|&byte| byte == b';') {
        let equals = pair.iter().position(|&byte| byte == b'=');
        let value = equals.map(|at| &pair[at + 1..]).unwrap_or_default();
        let telling = value::is_secret(Strength::Mild, value)
            || (value.len() >= LETTERS && value::is_secret(Strength::Token, value));
        if let Some(at) = equals.filter(|_| telling) {
            return Some(Span::loose(start + at + 1, to, "cookie"));
        }
        start += pair.len() + 1;
    }
    None
}

/// Text with the ends last found, so that one end is looked for once.
struct Finder<'a> {
    text: &'a [u8],
    /// A stretch without a delimiter.
    bare: (usize, usize),
    /// Stretches without `"`, and without `'`.
    quoted: [(usize, usize); 2],
}

impl Finder<'_> {
    /// `name=value`, `name = "value"`; a comparison is not one.
    fn equals(&mut self, at: usize) -> Option<Span> {
        let compares = matches!(self.byte(at + 1), Some(b'=' | b'~'))
            || matches!(
                at.checked_sub(1).and_then(|at| self.byte(at)),
                Some(b'=' | b'!' | b'<' | b'>' | b'~')
            );
        if compares {
            return None;
        }
        let (name, inside) = self.name_before(at)?;
        if is_authorization(name) {
            return self.credentials(at + 1);
        }
        let strength = name::strength(name);
        if strength == Strength::None {
            return None;
        }
        let spaced = self.skip_blanks(at + 1);
        let quoted = matches!(self.byte(spaced), Some(b'"' | b'\''));
        let start = if quoted { spaced } else { at + 1 };
        let kind = kind_of(strength, name);
        self.value(start, inside, strength, kind)
    }

    /// `name: value`. A colon is also prose, a port and an image's tag, so an
    /// unquoted value must not look like a word.
    fn colon(&mut self, at: usize) -> Option<Span> {
        let (name, inside) = self.name_before(at)?;
        if is_authorization(name) {
            return self.credentials(at + 1);
        }
        if inside == Some(b'/') {
            // The user of a URL, whose rules know where its password ends.
            return None;
        }
        if is_cookie(name) {
            return self.cookies(at + 1);
        }
        let header = is_header(name);
        let mut strength = name::strength(name);
        if strength == Strength::None {
            return None;
        }
        let kind = kind_of(strength, name);
        let start = self.skip_blanks(at + 1);
        let spaced = start > at + 1;
        let quoted = matches!(self.byte(start), Some(b'"' | b'\'' | b'\\'));
        if !quoted && !header {
            strength = if spaced {
                mild(strength)
            } else {
                Strength::Weak
            };
        }
        self.value(start, inside, strength, kind)
    }

    fn byte(&self, at: usize) -> Option<u8> {
        self.text.get(at).copied()
    }

    fn skip_blanks(&self, from: usize) -> usize {
        let blanks = self.text[from.min(self.text.len())..]
            .iter()
            .take(8)
            .take_while(|byte| matches!(byte, b' ' | b'\t'))
            .count();
        from + blanks
    }

    /// Returns the name that ends before `at`, over blanks and a closing quote,
    /// and the byte before it if the name was not closed.
    fn name_before(&self, at: usize) -> Option<(&[u8], Option<u8>)> {
        let window = &self.text[at.saturating_sub(name::LONGEST + 4)..at];
        let window = trim_end(window, |byte| matches!(byte, b' ' | b'\t'));
        let open = window.len();
        let window = trim_end(window, |byte| matches!(byte, b'"' | b'\'' | b'\\' | b']'));
        let closed = window.len() < open;
        let begin = window
            .iter()
            .rposition(|&byte| !is_name_byte(byte))
            .map_or(0, |at| at + 1);
        let name = &window[begin..];
        let dashes = name.iter().take_while(|&&byte| byte == b'-').count();
        let name = &name[dashes..];
        let before = begin.checked_sub(1).map(|at| window[at]);
        (!name.is_empty()).then_some((name, before.filter(|_| !closed)))
    }

    /// A quote that opened before the name closes here: `grep 'token=' f`.
    fn value(
        &mut self,
        start: usize,
        inside: Option<u8>,
        strength: Strength,
        kind: Kind,
    ) -> Option<Span> {
        let first = self.byte(start);
        if matches!(first, Some(b'"' | b'\'')) && first == inside {
            return None;
        }
        let (start, end) = self.extent(start);
        let value = &self.text[start..end];
        let calls = self.byte(end) == Some(b'(') || value.ends_with(b"[");
        (!calls && value::is_secret(strength, value)).then(|| Span::loose(start, end, kind))
    }

    /// Returns where a value begins and ends, without its quotes.
    fn extent(&mut self, start: usize) -> (usize, usize) {
        let escaped = self.byte(start) == Some(b'\\');
        let open = start + usize::from(escaped);
        match self.byte(open) {
            Some(quote @ (b'"' | b'\'')) => self.quote_end(open + 1, quote, escaped),
            _ => (start, self.delimiter_end(start)),
        }
    }

    /// Escaped quotes close with one: `\"secret\"`, in JSON inside a string.
    fn quote_end(&mut self, from: usize, quote: u8, escaped: bool) -> (usize, usize) {
        let slot = usize::from(quote == b'\'');
        let (known_from, known_end) = self.quoted[slot];
        let end = if escaped || from < known_from || from > known_end {
            let end = self.search_quote(from, quote, escaped);
            if !escaped {
                self.quoted[slot] = (from, end);
            }
            end
        } else {
            known_end
        };
        (from, end)
    }

    fn search_quote(&self, from: usize, quote: u8, escaped: bool) -> usize {
        let mut at = from;
        while let Some(byte) = self.byte(at) {
            match byte {
                b'\\' if escaped && self.byte(at + 1) == Some(quote) => return at,
                b'\\' => at += 2,
                byte if byte == quote => return at,
                _ => at += 1,
            }
        }
        self.text.len()
    }

    fn delimiter_end(&mut self, from: usize) -> usize {
        let (known_from, known_end) = self.bare;
        if from >= known_from && from <= known_end {
            return known_end;
        }
        let mut end = from;
        while self.byte(end).is_some_and(|byte| !self.delimits(byte, end)) {
            end += 1;
        }
        self.bare = (from, end);
        end
    }

    fn delimits(&self, byte: u8, at: usize) -> bool {
        match byte {
            b';' | b'|' | b'<' | b'>' | b'(' | b')' | b']' | b'}' | b'"' | b'\'' | b'`' | b'\n' => {
                true
            }
            b',' | b'&' => self.another_follows(at + 1),
            byte => byte.is_ascii_whitespace(),
        }
    }

    /// A comma or ampersand may be part of a password; it divides when another
    /// setting, a blank, or nothing follows.
    fn another_follows(&self, from: usize) -> bool {
        let rest = &self.text[from..self.text.len().min(from + name::LONGEST)];
        let name = rest.iter().take_while(|byte| is_name_byte(**byte)).count();
        match rest.get(name) {
            None => true,
            Some(byte) if name == 0 => {
                byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\'' | b'&')
            }
            Some(byte) => matches!(byte, b'=' | b':'),
        }
    }

    /// The cookies of a header, to the end of the line or of the quotes.
    ///
    /// Only so many bytes are looked at, so that a text of many headers is walked but a few times.
    fn cookies(&self, from: usize) -> Option<Span> {
        const LONGEST: usize = 1024;
        let ends = |byte: &u8| matches!(byte, b'"' | b'\'' | b'\n' | b'\r');
        let end = |limit: usize| {
            let length = self.text[from..limit].iter().position(ends);
            length.map_or(limit, |length| from + length)
        };
        let near = end(self.text.len().min(from + LONGEST));
        let found = cookies(self.text, from, near)?;
        Some(Span::loose(found.start, end(self.text.len()), found.kind))
    }

    /// `Basic dXNlcjpw`, `Bearer xyz`, or the bare value, to the end of the line
    /// or of the quotes.
    fn credentials(&mut self, from: usize) -> Option<Span> {
        let from = self.skip_blanks(from);
        let quoted = matches!(self.byte(from), Some(b'"' | b'\''));
        let from = from + usize::from(quoted);
        let rest = &self.text[from..];
        let scheme = rest
            .iter()
            .take(20)
            .take_while(|byte| is_name_byte(**byte))
            .count();
        let has_scheme = rest.get(scheme) == Some(&b' ') && scheme > 0;
        let start = if has_scheme {
            self.skip_blanks(from + scheme)
        } else {
            from
        };
        let value = &self.text[start..];
        let length = value
            .iter()
            .position(|byte| matches!(byte, b'"' | b'\'' | b'\n' | b'\r'))
            .unwrap_or(value.len());
        let value = &value[..length];
        value::is_secret(Strength::Mild, value)
            .then(|| Span::loose(start, start + length, "authorization"))
            .or_else(|| self.long_word(start, value))
    }

    /// Base64 of letters alone is a credential too, when it is long.
    fn long_word(&self, start: usize, value: &[u8]) -> Option<Span> {
        let telling = value.len() >= 12 && value::is_secret(Strength::Token, value);
        (telling && !value.contains(&b' '))
            .then(|| Span::loose(start, start + value.len(), "authorization"))
    }
}

fn mild(strength: Strength) -> Strength {
    match strength {
        Strength::Token | Strength::Password => Strength::Mild,
        other => other,
    }
}

fn is_authorization(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(b"authorization") || name.eq_ignore_ascii_case(b"proxy-authorization")
}

fn is_cookie(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(b"cookie") || name.eq_ignore_ascii_case(b"set-cookie")
}

/// Header names are not prose: `X-Api-Key`, `PRIVATE-TOKEN`.
fn is_header(name: &[u8]) -> bool {
    let begins = |start: &[u8]| {
        name.get(..start.len())
            .is_some_and(|head| head.eq_ignore_ascii_case(start))
    };
    begins(b"x-") || begins(b"private-token") || begins(b"api-key") || begins(b"job-token")
}

pub(crate) fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')
}

fn trim_end(bytes: &[u8], drop: impl Fn(u8) -> bool) -> &[u8] {
    let end = bytes
        .iter()
        .rposition(|&byte| !drop(byte))
        .map_or(0, |at| at + 1);
    &bytes[..end]
}
