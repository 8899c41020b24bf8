//! `roar log`.

use crate::asked;
use crate::context::Context;
use crate::error::CommandError;
use crate::ui::Ui;
use roar_view::LogView;
use std::ffi::OsString;
use std::mem;
use std::process::ExitCode;

/// List what was run, latest first
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  $ roar log
  $ roar log -n 5
  $ roar log --json")]
pub(crate) struct Args {
    /// Only the latest so many
    #[arg(short = 'n', long, value_name = "NUMBER")]
    max_count: Option<usize>,
    /// Of another session: one that came in a bundle, or an earlier head
    #[arg(long, value_name = "SESSION")]
    session: Option<OsString>,
    /// Oldest first
    #[arg(long)]
    reverse: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(ui: &mut Ui, context: &Context, args: Args) -> Result<ExitCode, CommandError> {
    let snapshot = context.session(ui, args.session.as_deref())?;
    let projection = snapshot.projection()?;
    asked::tell_if_empty(ui, &snapshot)?;
    let count = snapshot.records()?.len();
    let mut shown: Vec<usize> = (0..count).rev().collect();
    shown.truncate(args.max_count.unwrap_or(usize::MAX));
    if args.reverse {
        shown.reverse();
    }
    let view = LogView::new(snapshot.session(), &projection, shown);
    if args.json {
        ui.view(&view)?;
    } else {
        ui.page();
        let text = roar_view::log_text(&view, &asked::clock(), ui.layout());
        ui.text(&text)?;
    }
    // The process ends now: it need not take apart what it knows of every job.
    mem::forget(projection);
    mem::forget(snapshot);
    Ok(ExitCode::SUCCESS)
}
