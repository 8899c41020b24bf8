//! Secrets in statements of SQL, which stand behind a word without any sign: `ALTER USER u PASSWORD '…'`,
//! `CREATE USER u IDENTIFIED BY '…'`, `CREATE SECRET s (TYPE s3, SECRET '…')`.
//!
//! A word before a quote is also prose, a pattern and the alias of a column, so only statements that take
//! secrets are looked into: those that make or alter users, roles, secrets and the like, that grant, copy
//! to or from somewhere, or set a password.

use crate::assign::kind_of;
use crate::name::{self, Strength};
use crate::span::{Span, Spans};
use crate::value;

/// What a statement makes or alters.
const OBJECTS: [&str; 10] = [
    "user",
    "role",
    "login",
    "secret",
    "server",
    "group",
    "credential",
    "link",
    "connection",
    "subscription",
];

/// What may stand between a verb and its object.
const BETWEEN: [&str; 12] = [
    "or",
    "replace",
    "persistent",
    "temporary",
    "temp",
    "public",
    "shared",
    "foreign",
    "database",
    "scoped",
    "external",
    "application",
];

/// What follows `IDENTIFIED BY` in place of the password.
const NO_PASSWORDS: [&str; 3] = ["random", "values", "password"];

/// A longer word is none of a statement's.
const LONGEST_BARE: usize = 128;

/// Adds the secrets of every statement in `text`.
pub(crate) fn find(text: &[u8], spans: &mut Spans) {
    let mut reader = Reader {
        text,
        state: State::Outside,
        around: None,
    };
    let mut at = 0;
    while at < text.len() {
        at = match text[at] {
            byte if is_word_byte(byte) => reader.word(at, spans),
            b';' => {
                reader.state = State::Outside;
                at + 1
            }
            b'=' => reader.equals(at, spans),
            b'\'' | b'"' => reader.quote(at),
            b'\\' => reader.escape(at),
            _ => at + 1,
        };
    }
}

/// How far a statement was read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Outside,
    /// After the verb, which wants one of these words, before which any may stand or only some.
    Wants(&'static [&'static str], bool),
    Inside(Identified),
    /// `SET PASSWORD`: what follows `=` is one.
    Sets,
}

/// How much of `IDENTIFIED BY '…'` was read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Identified {
    No,
    Begun,
    Done,
}

/// A quote of the language that the statement is written in.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Quote {
    sign: u8,
    escaped: bool,
}

struct Reader<'t> {
    text: &'t [u8],
    state: State,
    /// What the statement is quoted with, if it is.
    around: Option<Quote>,
}

impl Reader<'_> {
    /// Reads the word at `at`; returns where to go on.
    fn word(&mut self, at: usize, spans: &mut Spans) -> usize {
        let length = self.text[at..]
            .iter()
            .take_while(|&&byte| is_word_byte(byte));
        let end = at + length.count();
        let word = &self.text[at..end];
        if let Some(state) = verb(word)
            && let Some(around) = self.begins_statement(at)
        {
            self.around = around;
            self.state = state;
            return end;
        }
        match self.state {
            State::Outside | State::Sets => end,
            State::Wants(wanted, any) => {
                self.state = match (is_one(word, wanted), any || is_one(word, &BETWEEN)) {
                    (true, _) if is(word, "password") => State::Sets,
                    (true, _) => State::Inside(Identified::No),
                    (false, true) => self.state,
                    (false, false) => State::Outside,
                };
                end
            }
            State::Inside(identified) => self.inside(identified, at, end, spans),
        }
    }

    /// Reads a word of a statement that takes secrets.
    fn inside(
        &mut self,
        identified: Identified,
        start: usize,
        end: usize,
        spans: &mut Spans,
    ) -> usize {
        let word = &self.text[start..end];
        let by = match identified {
            Identified::No => false,
            Identified::Begun => is(word, "by"),
            Identified::Done => is(word, "replace"),
        };
        if by {
            self.state = State::Inside(Identified::Done);
            return match self.quoted_or_bare(end) {
                Some(value) => self.add(value, Strength::Password, "password", spans),
                None => end,
            };
        }
        if is(word, "identified") {
            self.state = State::Inside(Identified::Begun);
        }
        let strength = name::strength(word);
        let telling = matches!(strength, Strength::Token | Strength::Password);
        match telling.then(|| self.quoted(end)).flatten() {
            Some(value) => self.add(value, strength, kind_of(strength, word), spans),
            None => end,
        }
    }

    /// Reads a quote: with the one that the statement is in, it ends.
    fn quote(&mut self, at: usize) -> usize {
        // A shell's way to write `'` between such quotes.
        for nested in [&br"'\''"[..], br#"'"'"'"#] {
            if self.text[at..].starts_with(nested) {
                return at + nested.len();
            }
        }
        self.close(Quote {
            sign: self.text[at],
            escaped: false,
        });
        at + 1
    }

    /// Reads what a backslash stands before.
    fn escape(&mut self, at: usize) -> usize {
        if let Some(&sign @ (b'\'' | b'"')) = self.text.get(at + 1) {
            self.close(Quote {
                sign,
                escaped: true,
            });
        }
        at + 2
    }

    fn close(&mut self, quote: Quote) {
        if self.around == Some(quote) {
            self.around = None;
            self.state = State::Outside;
        }
    }

    /// `SET PASSWORD FOR u = '…'`, or `= PASSWORD('…')`.
    fn equals(&self, at: usize, spans: &mut Spans) -> usize {
        if self.state != State::Sets {
            return at + 1;
        }
        let mut from = self.skip_blanks(at + 1);
        let call = self.text[from..]
            .iter()
            .take_while(|&&byte| is_word_byte(byte));
        let open = from + call.count();
        if open > from && self.text.get(open) == Some(&b'(') {
            from = open + 1;
        }
        match self.quoted_at(from) {
            Some(value) => self.add(value, Strength::Password, "password", spans),
            None => at + 1,
        }
    }

    fn add(
        &self,
        (start, end): (usize, usize),
        strength: Strength,
        kind: crate::Kind,
        spans: &mut Spans,
    ) -> usize {
        let value = &self.text[start..end];
        if !is_parameter(value) && value::is_secret(strength, value) {
            spans.add(Span::loose(start, end, kind));
        }
        end
    }

    /// Returns what is around a statement that begins at `at`, if one can: where the text begins, a line, or
    /// a string of another language, and after another statement.
    fn begins_statement(&self, at: usize) -> Option<Option<Quote>> {
        let blanks = self.text[..at].iter().rev().take(16);
        let blanks = blanks
            .take_while(|byte| matches!(byte, b' ' | b'\t'))
            .count();
        let before = &self.text[..at - blanks];
        match before.split_last() {
            None => Some(None),
            Some((&sign @ (b'"' | b'\''), rest)) => {
                let escaped = rest.ends_with(b"\\");
                Some(Some(Quote { sign, escaped }))
            }
            Some((b';' | b'`' | b'\n' | b'(', _)) => Some(self.around),
            Some(_) => None,
        }
    }

    fn skip_blanks(&self, from: usize) -> usize {
        let rest = self.text[from..].iter().take(16);
        from + rest.take_while(|byte| byte.is_ascii_whitespace()).count()
    }

    /// Returns where the string is that follows the word before `end`.
    fn quoted(&self, end: usize) -> Option<(usize, usize)> {
        let from = self.skip_blanks(end);
        let escapes = matches!(self.text.get(from..from + 2), Some(b"E'" | b"e'"));
        let from = from + usize::from(escapes);
        (from > end).then(|| self.quoted_at(from)).flatten()
    }

    fn quoted_or_bare(&self, end: usize) -> Option<(usize, usize)> {
        let from = self.skip_blanks(end);
        let ends = |byte: &u8| byte.is_ascii_whitespace() || b";,()'\"`\\".contains(byte);
        let rest = self.text[from..].iter().take(LONGEST_BARE);
        let length = rest.take_while(|&byte| !ends(byte)).count();
        let bare = &self.text[from..from + length];
        match self.quoted(end) {
            Some(found) => Some(found),
            None if bare.is_empty() || is_one(bare, &NO_PASSWORDS) => None,
            None => Some((from, from + length)),
        }
    }

    /// Returns where the inside of a string is whose quotes begin at `from`.
    ///
    /// Where a shell or another language quotes the statement, a quote is written with several signs: `\'`,
    /// `'\''`, `'"'"'`.
    fn quoted_at(&self, from: usize) -> Option<(usize, usize)> {
        let is_sign = |byte: &u8| matches!(byte, b'\'' | b'"' | b'\\');
        let signs = self.text[from..].iter().take(16);
        let length = signs.take_while(|&byte| is_sign(byte)).count();
        let (signs, start) = (&self.text[from..from + length], from + length);
        match signs {
            [] => None,
            [quote @ (b'\'' | b'"')] => Some((start, self.string_end(start, *quote))),
            _ if is_empty(signs) => None,
            _ => {
                let rest = &self.text[start..];
                let length = rest.iter().position(is_sign);
                Some((
                    start,
                    length.map_or(self.text.len(), |length| start + length),
                ))
            }
        }
    }

    /// A quote that is doubled belongs to the string.
    fn string_end(&self, from: usize, quote: u8) -> usize {
        let mut at = from;
        while at < self.text.len() {
            let next = self.text.get(at + 1);
            match self.text[at] {
                b'\\' => at += 2,
                byte if byte != quote => at += 1,
                _ if next == Some(&quote) => at += 2,
                _ => return at,
            }
        }
        self.text.len()
    }
}

/// Tells whether what was written as quotes is a string with nothing in it: the same one twice.
fn is_empty(signs: &[u8]) -> bool {
    let plain: Vec<u8> = signs
        .iter()
        .copied()
        .filter(|&byte| byte != b'\\')
        .collect();
    plain.len().is_multiple_of(2) && plain.iter().all(|byte| Some(byte) == plain.first())
}

/// What a program fills in: `%s`, `%(password)s`, `?`, `:password`.
fn is_parameter(value: &[u8]) -> bool {
    matches!(value, b"%s" | b"?") || value.starts_with(b"%(") || value.starts_with(b":")
}

/// Returns what is to follow a statement's first word.
fn verb(word: &[u8]) -> Option<State> {
    const TARGETS: &[&str] = &["from", "to"];
    match word.len() {
        6 if is(word, "create") => Some(State::Wants(&OBJECTS, false)),
        5 if is(word, "alter") => Some(State::Wants(&OBJECTS, false)),
        5 if is(word, "grant") => Some(State::Wants(&["to"], true)),
        4 if is(word, "copy") => Some(State::Wants(TARGETS, true)),
        6 if is(word, "unload") => Some(State::Wants(TARGETS, true)),
        3 if is(word, "set") => Some(State::Wants(&["password"], false)),
        _ => None,
    }
}

fn is(word: &[u8], wanted: &str) -> bool {
    word.eq_ignore_ascii_case(wanted.as_bytes())
}

fn is_one(word: &[u8], list: &[&str]) -> bool {
    list.iter().any(|wanted| is(word, wanted))
}

fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes `#` for every secret that is found.
    fn scrubbed(text: &str) -> String {
        let mut spans = Spans::default();
        find(text.as_bytes(), &mut spans);
        let mut text = text.to_owned();
        for span in spans.settle(&[]).iter().rev() {
            text.replace_range(span.start..span.end, "#");
        }
        text
    }

    #[test]
    fn what_quotes_the_statement_is_told_from_what_quotes_the_secret() {
        for text in [
            r#"psql -c "ALTER USER u PASSWORD '@'" db; grep password 'f'"#,
            r#"echo 'CREATE USER a IDENTIFIED BY "@"' | mysql; grep token 'f'"#,
            r"mysql -e 'CREATE USER '\''a'\'' IDENTIFIED BY '\''@'\'''; grep token 'f'",
            r#"mysql -e 'ALTER USER '"'"'a'"'"' IDENTIFIED BY '"'"'@'"'"''; x token 'f'"#,
            r#"sh -c "psql -c \"ALTER USER u PASSWORD '@'\"; grep token 'f'""#,
            r#"execute("ALTER USER u PASSWORD \"@\" LOGIN", token 'f')"#,
            r#"execute("ALTER USER u PASSWORD \"\" LOGIN")"#,
            "alter user u password '' valid until 'infinity'",
            "alter user u password '@",
            "set password = x; set\npassword for u = '@'",
        ] {
            assert_eq!(
                scrubbed(&text.replace('@', "it is")),
                text.replace('@', "#")
            );
        }
        let doubled = "alter user u password 'it''s' login";
        assert_eq!(scrubbed(doubled), "alter user u password '#' login");
    }

    #[test]
    fn only_statements_that_take_secrets_are_looked_into() {
        for text in [
            "select password 'a' from t",
            "we create user pages: password 'a'",
            "create table user (password 'a')",
            "create secret 'a'",
            "alter user u; select password 'a'",
            "alter user u identified by values 'a'",
            "alter user u identified by random password",
            "alter user u password '%s'",
            "alter user u password null",
        ] {
            assert_eq!(scrubbed(text), text);
        }
    }
}
