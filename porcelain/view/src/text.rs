//! Text: lines of spans, and the answers as text.

mod dag;
mod lanes;
mod report;
mod tables;

pub(crate) use dag::hidden_words;
pub use dag::{dag_lines, dag_text, lineage_text};
pub use report::{dataset_text, job_text, why_text};
pub use tables::{inputs_text, log_text, status_text};

use crate::quote::{columns, cut};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::fmt;

/// What a piece of text is, for a caller who may give it a colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tone {
    /// Nothing special.
    Plain,
    /// The name of a step.
    Step,
    /// What matters most in its line.
    Title,
    /// What can be skipped.
    Dim,
    /// Good news.
    Good,
    /// Something to look at.
    Warn,
    /// Bad news.
    Bad,
}

/// A piece of text of one tone. Holds no control characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// What it is.
    pub tone: Tone,
    /// The text.
    pub text: String,
}

/// Lines of spans.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text {
    /// The lines, without their ends.
    pub lines: Vec<Vec<Span>>,
}

/// How text is laid out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// How many columns there are; without a limit nothing is cut.
    pub width: Option<usize>,
    /// Whether to draw with ASCII characters only.
    pub ascii: bool,
}

/// What time it is, and where.
#[derive(Clone, Debug)]
pub struct Clock {
    /// Nanoseconds since 1970.
    pub now_ns: i64,
    /// Where times are told.
    pub zone: TimeZone,
}

impl Clock {
    /// Returns a time to the second, and how far clocks there are from UTC: `2026-03-01 14:05:09 +0900`.
    pub(crate) fn shown(&self, ns: i64) -> String {
        let stamp = Timestamp::from_nanosecond(ns.into()).unwrap_or_default();
        stamp
            .to_zoned(self.zone.clone())
            .strftime("%Y-%m-%d %H:%M:%S %z")
            .to_string()
    }
}

impl Text {
    /// Returns the text with every span changed as the caller says, each line ended.
    pub fn paint(&self, mut paint: impl FnMut(Tone, &str) -> String) -> String {
        let mut shown = String::new();
        for line in &self.lines {
            for span in line {
                shown += &paint(span.tone, &span.text);
            }
            shown.push('\n');
        }
        shown
    }

    pub(crate) fn push(&mut self, line: Line) {
        self.lines.push(line.end());
    }

    pub(crate) fn plain(&mut self, text: impl Into<String>) {
        self.push(Line::new().plain(text));
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.lines {
            line.iter().try_for_each(|span| f.write_str(&span.text))?;
            f.write_str("\n")?;
        }
        Ok(())
    }
}

impl Layout {
    /// Returns what marks that something was cut off.
    pub(crate) const fn ellipsis(self) -> &'static str {
        if self.ascii { "..." } else { "…" }
    }

    pub(crate) const fn arrow(self) -> &'static str {
        if self.ascii { "->" } else { "→" }
    }

    pub(crate) const fn back_arrow(self) -> &'static str {
        if self.ascii { "<-" } else { "←" }
    }

    /// Returns the beginning of a text that fits beside `used` columns.
    pub(crate) fn fit(self, text: &str, used: usize) -> String {
        match self.width {
            // Below some width cutting takes away more than a broken line does.
            Some(width) => cut(text, width.saturating_sub(used).max(16), self.ellipsis()),
            None => text.to_owned(),
        }
    }

    /// Returns the beginning of a command for a line of a list. Even where no terminal sets a width, the
    /// thousands of words that a shell may make of one pattern are of no use there.
    pub(crate) fn fit_command(self, command: &str, used: usize) -> String {
        const LONGEST: usize = 1000;
        match self.width {
            Some(_) => self.fit(command, used),
            None => cut(command, LONGEST, self.ellipsis()),
        }
    }
}

/// A line in the making.
#[derive(Default)]
pub(crate) struct Line {
    spans: Vec<Span>,
    columns: usize,
}

impl Line {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn add(mut self, tone: Tone, text: impl Into<String>) -> Self {
        let text = text.into();
        self.columns += columns(&text);
        if !text.is_empty() {
            self.spans.push(Span { tone, text });
        }
        self
    }

    pub(crate) fn plain(self, text: impl Into<String>) -> Self {
        self.add(Tone::Plain, text)
    }

    pub(crate) fn dim(self, text: impl Into<String>) -> Self {
        self.add(Tone::Dim, text)
    }

    /// Fills with spaces up to a column.
    pub(crate) fn to(self, column: usize) -> Self {
        let missing = column.saturating_sub(self.columns);
        self.plain(" ".repeat(missing))
    }

    pub(crate) const fn columns(&self) -> usize {
        self.columns
    }

    /// Returns the spans, without spaces at the end.
    fn end(mut self) -> Vec<Span> {
        while let Some(last) = self.spans.last_mut() {
            last.text.truncate(last.text.trim_end_matches(' ').len());
            if !last.text.is_empty() {
                break;
            }
            self.spans.pop();
        }
        self.spans
    }
}

/// Returns the tone of a state of the DAG.
pub(crate) fn state_tone(state: &str) -> Tone {
    match state {
        "current" => Tone::Good,
        "stale" => Tone::Warn,
        "failed" => Tone::Bad,
        _ => Tone::Dim,
    }
}
