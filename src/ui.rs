//! Talking: data to standard output, everything else to standard error.
//!
//! Bytes that came from elsewhere (names of files, arguments, messages) never reach a terminal as
//! they are: what could move the cursor or change the title is written as an escape.

mod escape;
mod pager;
mod paint;

pub(crate) use escape::{escape, escape_text, quote};

use crate::error::{CommandError, output_error};
use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};
use pager::Pager;
use roar_view::{Layout, Text};
use serde::Serialize;
use std::fmt;
use std::io::{self, BufWriter, IsTerminal as _, Write};

/// How much is said on standard error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verbosity {
    /// Errors only.
    Quiet,
    /// What matters.
    #[default]
    Normal,
    /// Everything.
    Verbose,
}

/// How many bytes of JSON are gathered before they go on: its pieces are small, and many.
const BUFFER: usize = 1 << 16;

const HINT: Style = AnsiColor::Cyan.on_default().bold();

/// Where words go.
pub(crate) struct Ui {
    out: Out,
    color: ColorChoice,
    verbosity: Verbosity,
    pager: bool,
}

enum Out {
    Direct(BufWriter<io::Stdout>),
    Pager(Pager),
}

impl Ui {
    pub(crate) fn new() -> Self {
        Self {
            out: Out::Direct(BufWriter::new(io::stdout())),
            color: ColorChoice::Auto,
            verbosity: Verbosity::default(),
            pager: true,
        }
    }

    pub(crate) fn set_color(&mut self, color: ColorChoice) {
        self.color = color;
    }

    pub(crate) fn set_verbosity(&mut self, verbosity: Verbosity) {
        self.verbosity = verbosity;
    }

    pub(crate) fn set_pager(&mut self, pager: bool) {
        self.pager = pager;
    }

    pub(crate) fn verbosity(&self) -> Verbosity {
        self.verbosity
    }

    /// Returns whether data may be coloured: `NO_COLOR`, `CLICOLOR_FORCE`, `TERM=dumb` and `--color`
    /// decide, else whether a terminal or the pager shows it.
    pub(crate) fn colored(&self) -> bool {
        match &self.out {
            Out::Direct(_) => self.chosen(&io::stdout()),
            Out::Pager(pager) => pager.colored,
        }
    }

    fn chosen(&self, stream: &impl anstream::stream::RawStream) -> bool {
        let choice = match self.color {
            ColorChoice::Auto => AutoStream::choice(stream),
            other => other,
        };
        choice != ColorChoice::Never
    }

    /// Returns how wide text on standard output may be; nothing if it goes to no terminal.
    pub(crate) fn width(&self) -> Option<usize> {
        let shown = matches!(self.out, Out::Pager(_)) || io::stdout().is_terminal();
        shown.then(pager::columns).flatten()
    }

    /// Shows what comes through a pager, if a terminal would show it and nobody minds.
    pub(crate) fn page(&mut self) {
        let direct = matches!(self.out, Out::Direct(_));
        if self.pager && direct && io::stdout().is_terminal() {
            let colored = self.chosen(&io::stdout());
            if let Some(pager) = Pager::start(colored) {
                self.out = Out::Pager(pager);
            }
        }
    }

    /// Writes bytes to standard output.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> Result<(), CommandError> {
        self.writer().write_all(bytes).map_err(output_error)
    }

    /// Writes a line to standard output.
    pub(crate) fn data(&mut self, line: impl fmt::Display) -> Result<(), CommandError> {
        writeln!(self.writer(), "{line}").map_err(output_error)
    }

    /// Writes laid-out text to standard output, in colour where that is wanted.
    pub(crate) fn text(&mut self, text: &Text) -> Result<(), CommandError> {
        let shown = match self.colored() {
            true => text.paint(paint::styled),
            false => text.to_string(),
        };
        self.bytes(shown.as_bytes())
    }

    /// Returns how text on standard output is to be laid out.
    pub(crate) fn layout(&self) -> Layout {
        Layout {
            width: self.width(),
            ascii: !paint::locale_is_utf8(),
        }
    }

    /// Writes a view as a JSON document to standard output.
    pub(crate) fn view(&mut self, view: &impl Serialize) -> Result<(), CommandError> {
        // Views have text for keys and no floats, so only the writing can fail.
        let mut out = BufWriter::with_capacity(BUFFER, self.writer());
        serde_json::to_writer_pretty(&mut out, view)
            .map_err(io::Error::from)
            .and_then(|()| out.write_all(b"\n"))
            .and_then(|()| out.flush())
            .map_err(output_error)
    }

    /// Writes a JSON document to standard output, with the number of its schema in front.
    pub(crate) fn json(&mut self, value: serde_json::Value) -> Result<(), CommandError> {
        self.data(format_args!("{:#}", with_schema(value)))
    }

    /// Writes one line of JSON to standard output.
    pub(crate) fn json_line(&mut self, value: &serde_json::Value) -> Result<(), CommandError> {
        self.data(value)
    }

    /// Writes out what is ready.
    pub(crate) fn flush(&mut self) -> Result<(), CommandError> {
        self.writer().flush().map_err(output_error)
    }

    fn writer(&mut self) -> &mut dyn Write {
        match &mut self.out {
            Out::Direct(out) => out,
            Out::Pager(pager) => pager,
        }
    }

    /// Says something in passing, unless told to be quiet.
    pub(crate) fn note(&self, text: impl fmt::Display) {
        if self.verbosity >= Verbosity::Normal {
            self.say(Style::new(), "", &text.to_string());
        }
    }

    /// Says something that should not be overlooked, unless told to be quiet.
    pub(crate) fn warn(&self, text: impl fmt::Display) {
        if self.verbosity >= Verbosity::Normal {
            let style = AnsiColor::Yellow.on_default().bold();
            self.say(style, "warning:", &text.to_string());
        }
    }

    /// Writes a text of several lines to standard error as it is.
    pub(crate) fn aside(&self, text: &str) {
        let _ = io::stderr().write_all(text.as_bytes());
    }

    /// Tells what went wrong, why, and what to try.
    pub(crate) fn error(&self, error: &CommandError) {
        let red = AnsiColor::Red.on_default().bold();
        let mut lines = error.lines();
        self.say(red, "error:", &lines.remove(0));
        for cause in lines.iter().flat_map(|cause| cause.lines()) {
            self.say(red, "cause:", cause);
        }
        for hint in error.hints() {
            self.say(HINT, "hint:", hint);
        }
    }

    /// Tells what to try after a warning, unless told to be quiet.
    pub(crate) fn hint(&self, text: &str) {
        if self.verbosity >= Verbosity::Normal {
            self.say(HINT, "hint:", text);
        }
    }

    /// Writes one line to standard error. If even that fails, nobody can be told.
    fn say(&self, style: Style, label: &str, text: &str) {
        let text = escape_text(text);
        let space = if label.is_empty() { "" } else { " " };
        let line = if self.chosen(&io::stderr()) {
            format!("{style}{label}{style:#}{space}{text}\n")
        } else {
            format!("{label}{space}{text}\n")
        };
        let _ = io::stderr().write_all(line.as_bytes());
    }

    /// Sees to it that all data was written, and waits for the pager.
    pub(crate) fn finish(&mut self) -> Result<(), CommandError> {
        match &mut self.out {
            Out::Direct(out) => out.flush().map_err(output_error),
            Out::Pager(pager) => {
                pager.finish();
                Ok(())
            }
        }
    }
}

/// Scripts look at this before they believe that they understand the rest.
fn with_schema(value: serde_json::Value) -> serde_json::Value {
    let mut document = serde_json::Map::new();
    document.insert("schema".to_owned(), serde_json::json!(1));
    match value {
        serde_json::Value::Object(fields) => document.extend(fields),
        other => return other,
    }
    serde_json::Value::Object(document)
}
