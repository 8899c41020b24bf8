//! `roar doctor`.

mod checks;

use crate::context::Context;
use crate::error::CommandError;
use crate::ui::{Ui, escape_text};
use anstyle::AnsiColor;
use serde_json::{Value, json};
use std::process::ExitCode;

/// Check that everything roar needs works here
///
/// Watches a small command with every way of watching there is, and looks at the kernel, git, the
/// workspace, its store, the disk, the clock and the settings. Says what to do about what does not
/// work. Exit code 1 if something has to be done. Changes nothing.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  $ roar doctor
  $ roar doctor --json")]
pub(crate) struct Args {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What a check found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Good,
    Notable,
    Bad,
}

impl State {
    const fn name(self) -> &'static str {
        match self {
            Self::Good => "ok",
            Self::Notable => "note",
            Self::Bad => "bad",
        }
    }

    const fn color(self) -> AnsiColor {
        match self {
            Self::Good => AnsiColor::Green,
            Self::Notable => AnsiColor::Yellow,
            Self::Bad => AnsiColor::Red,
        }
    }
}

/// One thing that was looked at.
struct Check {
    name: &'static str,
    state: State,
    detail: String,
    hint: Option<String>,
}

impl Check {
    fn new(name: &'static str, state: State, detail: impl Into<String>) -> Self {
        Self {
            name,
            state,
            detail: detail.into(),
            hint: None,
        }
    }

    fn good(name: &'static str, detail: impl Into<String>) -> Self {
        Self::new(name, State::Good, detail)
    }

    fn notable(name: &'static str, detail: impl Into<String>) -> Self {
        Self::new(name, State::Notable, detail)
    }

    fn bad(name: &'static str, detail: impl Into<String>) -> Self {
        Self::new(name, State::Bad, detail)
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

pub(crate) fn run(ui: &mut Ui, context: &Context, args: Args) -> Result<ExitCode, CommandError> {
    let checks = checks::all(context);
    let bad = checks.iter().any(|check| check.state == State::Bad);
    if args.json {
        let list: Vec<Value> = checks.iter().map(as_json).collect();
        ui.json(json!({ "version": env!("CARGO_PKG_VERSION"), "good": !bad, "checks": list }))?;
    } else {
        for check in &checks {
            print(ui, check)?;
        }
    }
    Ok(ExitCode::from(u8::from(bad)))
}

fn print(ui: &mut Ui, check: &Check) -> Result<(), CommandError> {
    let style = match ui.colored() {
        true => check.state.color().on_default(),
        false => anstyle::Style::new(),
    };
    let (state, detail) = (check.state.name(), escape_text(&check.detail));
    ui.data(format_args!(
        "{style}{state:<5}{style:#} {:<10} {detail}",
        check.name
    ))?;
    match &check.hint {
        Some(hint) => ui.data(format_args!("      {:<10} hint: {hint}", "")),
        None => Ok(()),
    }
}

fn as_json(check: &Check) -> Value {
    json!({
        "name": check.name,
        "state": check.state.name(),
        "detail": check.detail,
        "hint": check.hint,
    })
}
