//! Finding secrets in what a run leaves behind, and writing over them.
//!
//! Arguments, URLs, git remotes, and free text go in; the same bytes come out
//! with each secret replaced by a placeholder that keeps its kind and a short
//! keyed tag, as in `‹redacted:github-pat:7f3a›`. Two placeholders with the same
//! tag stood for the same value, which keeps records comparable; without the
//! key, the tag says nothing about the value.
//!
//! # What counts as a secret
//!
//! * *By its own shape*: tokens with a published prefix, JSON web tokens, private
//!   key blocks, bot tokens ([`token`]).
//! * *By its place in a URL*: a password, a user name that stands alone before an
//!   `@` of an `http` URL, signature parameters ([`url`]).
//! * *By the name beside it*: `--api-key=…`, `DB_PASSWORD=…`, `"secret": "…"`,
//!   `Authorization: Basic …` ([`name`], [`assign`]). Names that could be
//!   harmless (`key`, `signature`) take effect only when the value looks random.
//! * *By the program*: `curl -u user:…`, `mysql -p…`, `docker login -p …`
//!   ([`argv`]).
//! * *By the statement of SQL*: `ALTER USER … PASSWORD '…'`, `IDENTIFIED BY '…'`, `CREATE SECRET …`
//!   ([`sql`]).
//! * *By what the environment says*: the value of `API_TOKEN`, wherever it is
//!   ([`literal`]).
//!
//! # Measured
//!
//! `tests/corpus.rs` prints these numbers on every run and fails below them:
//!
//! * 73 kinds with a shape of their own, in nine places (bare argument, option
//!   value, assignment, file name, running text, telling option, telling
//!   assignment, variable, git remote), and 8 without one wherever the place
//!   tells: 3408 of 3408 found, with nothing around them touched.
//! * 145 ways to pass a secret to a real program: 725 of 725.
//! * 583 innocent command lines, many written to resemble the above: 0 touched.
//! * values of variables with telling names, drawn by lot in eleven forms, in places that tell nothing:
//!   10128 of 10560 (those missed are passwords of small letters that could be a word); 480 pairs of such
//!   a name and an ordinary value: none is looked for.
//!
//! What stays out of reach is a secret without shape in a place that tells
//! nothing: a bare hexadecimal key as an argument looks like a commit.
//!
//! # Invariants
//!
//! Scrubbing twice changes nothing more. Time is linear in the input. Input may
//! be any bytes. There is nothing to compile at start: rules are tables, not regular
//! expressions.
//!
//! # What is not here
//!
//! Nothing is read from the environment or a file: the key and the values known
//! to be secret are given by the caller.
#![forbid(unsafe_code)]

mod argv;
mod assign;
mod literal;
mod name;
mod placeholder;
mod shell;
mod span;
mod sql;
mod token;
mod url;
mod value;

use std::borrow::Cow;

use span::{Span, Spans};

pub use name::is_secret_name;
pub use placeholder::{holds_placeholder, is_placeholder};
pub use value::looks_random;

/// What kind of secret was found, in lower case with dashes: `github-pat`.
pub type Kind = &'static str;

/// Bytes after scrubbing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scrubbed<'a> {
    /// The bytes, borrowed where nothing was found.
    pub bytes: Cow<'a, [u8]>,
    /// The kinds found; those of one pass in order of place.
    pub kinds: Vec<Kind>,
}

/// A secret found in an argument list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Finding {
    /// Which argument, counted from 0.
    pub index: usize,
    /// What kind of secret.
    pub kind: Kind,
}

/// The rules, with the key their tags are made under.
#[derive(Clone)]
pub struct Rules {
    key: [u8; 32],
    literals: Vec<Vec<u8>>,
}

/// How often what was scrubbed is scrubbed again at most. What a pass has found is no text any more, so
/// a second one nearly never finds anything.
const PASSES: usize = 4;

impl Rules {
    /// Returns the standard rules; `key` makes the tags and should stay private
    /// to a store.
    pub fn standard(key: [u8; 32]) -> Self {
        let literals = Vec::new();
        Self { key, literals }
    }

    /// Adds values known to be secret; values shorter than eight bytes are passed over.
    #[must_use]
    pub fn with_literals(mut self, values: impl IntoIterator<Item = Vec<u8>>) -> Self {
        let long = values
            .into_iter()
            .filter(|value| value.len() >= literal::SHORTEST);
        self.literals.extend(long);
        self
    }

    /// Adds the values of those environment variables (`NAME=value` each) whose
    /// name tells that they are secret, if they are unlike any ordinary word.
    #[must_use]
    pub fn with_variables<'v>(self, environment: impl IntoIterator<Item = &'v [u8]>) -> Self {
        let value = |variable: &'v [u8]| {
            let equals = variable.iter().position(|&byte| byte == b'=')?;
            let (name, value) = (&variable[..equals], &variable[equals + 1..]);
            literal::is_telling(name, value).then(|| value.to_vec())
        };
        let values: Vec<_> = environment.into_iter().filter_map(value).collect();
        self.with_literals(values)
    }

    /// Scrubs one argument whose neighbours are not known.
    ///
    /// With neighbours, [`Self::scrub_argv`] finds more.
    pub fn scrub_argument<'a>(&self, argument: &'a [u8]) -> Scrubbed<'a> {
        self.until_settled(argument, Self::argument_once)
    }

    fn argument_once<'a>(&self, argument: &'a [u8]) -> Scrubbed<'a> {
        let mut spans = self.literals_in(argument);
        argv::whole_assignment(argument, &mut spans);
        find_in_text(argument, &mut spans);
        self.replace(argument, spans)
    }

    /// Scrubs a whole argument list, program first.
    pub fn scrub_argv(&self, argv: &[Vec<u8>]) -> (Vec<Vec<u8>>, Vec<Finding>) {
        let (mut scrubbed, mut findings) = self.argv_once(argv);
        for _ in 1..PASSES {
            let (again, further) = self.argv_once(&scrubbed);
            if further.is_empty() {
                break;
            }
            scrubbed = again;
            findings.extend(further);
        }
        findings.sort_by_key(|finding| finding.index);
        (scrubbed, findings)
    }

    fn argv_once(&self, argv: &[Vec<u8>]) -> (Vec<Vec<u8>>, Vec<Finding>) {
        let words: Vec<&[u8]> = argv.iter().map(Vec::as_slice).collect();
        let mut spans: Vec<Spans> = words.iter().map(|word| self.literals_in(word)).collect();
        argv::find(&words, &mut spans);
        let mut findings = Vec::new();
        let mut scrubbed = Vec::with_capacity(argv.len());
        for (index, (word, mut spans)) in words.into_iter().zip(spans).enumerate() {
            find_in_text(word, &mut spans);
            let result = self.replace(word, spans);
            findings.extend(result.kinds.iter().map(|&kind| Finding { index, kind }));
            scrubbed.push(result.bytes.into_owned());
        }
        (scrubbed, findings)
    }

    /// Scrubs text of a shell: whatever `sh -c` would be given.
    pub fn scrub_shell<'a>(&self, text: &'a [u8]) -> Scrubbed<'a> {
        self.until_settled(text, Self::shell_once)
    }

    fn shell_once<'a>(&self, text: &'a [u8]) -> Scrubbed<'a> {
        let mut spans = self.literals_in(text);
        argv::find_in_shell(text, &mut spans);
        find_in_text(text, &mut spans);
        self.replace(text, spans)
    }

    /// Scrubs free text: a log line, a message, JSON.
    pub fn scrub_text<'a>(&self, text: &'a [u8]) -> Scrubbed<'a> {
        self.until_settled(text, Self::text_once)
    }

    fn text_once<'a>(&self, text: &'a [u8]) -> Scrubbed<'a> {
        let mut spans = self.literals_in(text);
        find_in_text(text, &mut spans);
        self.replace(text, spans)
    }

    /// Scrubs a URL or git remote that is to be shown to others.
    ///
    /// Stricter than text: a fragment goes unless it selects (`egg=`,
    /// `subdirectory=`, or a digest), and so does a user other than `git` in
    /// `user@host:path`.
    pub fn scrub_url<'a>(&self, url: &'a [u8]) -> Scrubbed<'a> {
        self.until_settled(url, Self::url_once)
    }

    fn url_once<'a>(&self, url: &'a [u8]) -> Scrubbed<'a> {
        let mut spans = self.literals_in(url);
        url::find_strict(url, &mut spans);
        find_in_text(url, &mut spans);
        self.replace(url, spans)
    }

    /// Scrubs what was scrubbed until nothing more is found: where a secret has gone, what was a part of
    /// it or of a longer word may stand alone.
    fn until_settled<'a>(
        &self,
        text: &'a [u8],
        once: for<'t> fn(&Self, &'t [u8]) -> Scrubbed<'t>,
    ) -> Scrubbed<'a> {
        let mut scrubbed = once(self, text);
        for _ in 1..PASSES {
            let again = once(self, &scrubbed.bytes);
            let Cow::Owned(bytes) = again.bytes else {
                break;
            };
            scrubbed.kinds.extend(again.kinds);
            scrubbed.bytes = Cow::Owned(bytes);
        }
        scrubbed
    }

    fn literals_in(&self, text: &[u8]) -> Spans {
        let mut spans = Spans::default();
        for literal in &self.literals {
            let mut from = 0;
            while let Some(at) = span::find(&text[from..], literal) {
                let start = from + at;
                from = start + literal.len();
                spans.add(Span::loose(start, from, "secret"));
            }
        }
        spans
    }

    fn replace<'a>(&self, text: &'a [u8], spans: Spans) -> Scrubbed<'a> {
        let spans = spans.settle(&placeholder::all(text));
        let Some(last) = spans.last() else {
            let bytes = Cow::Borrowed(text);
            let kinds = Vec::new();
            return Scrubbed { bytes, kinds };
        };
        let tail = last.end;
        let mut bytes = Vec::with_capacity(text.len() + 32 * spans.len());
        let mut kinds = Vec::with_capacity(spans.len());
        let mut from = 0;
        for span in &spans {
            bytes.extend_from_slice(&text[from..span.start]);
            placeholder::push(
                &mut bytes,
                span.kind,
                &text[span.start..span.end],
                &self.key,
            );
            kinds.push(span.kind);
            from = span.end;
        }
        bytes.extend_from_slice(&text[tail..]);
        let bytes = Cow::Owned(bytes);
        Scrubbed { bytes, kinds }
    }
}

/// Says nothing of the key or of the values known to be secret.
impl std::fmt::Debug for Rules {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rules").finish_non_exhaustive()
    }
}

fn find_in_text(text: &[u8], spans: &mut Spans) {
    token::find(text, spans);
    url::find(text, spans);
    assign::find(text, spans);
    sql::find(text, spans);
}

#[cfg(test)]
mod tests;
