//! `roar dag`.

use crate::asked;
use crate::context::Context;
use crate::error::CommandError;
use crate::replacing::{Replacing, cannot_write};
use crate::ui::Ui;
use roar_graph::Show;
use roar_view::{DagSteps, DagView, Layout};
use std::convert::Infallible;
use std::ffi::OsString;
use std::io::Write as _;
use std::mem;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Show what came from what
///
/// The current DAG: the steps whose inputs and outputs are what they were, each with the lines to
/// those that it came from. What was run again since is replaced by the later run; what was read and
/// has changed since makes a step stale.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  $ roar dag
  $ roar dag --stale
  $ roar dag --format svg -o dag.svg
  $ roar dag --json | jq -r '.nodes[].step'")]
pub(crate) struct Args {
    /// Show stale steps as well
    #[arg(long)]
    stale: bool,
    /// Show the whole history
    #[arg(long, conflicts_with = "stale")]
    all: bool,
    /// How to show it
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Short for `--format json`
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// Of another session: one that came in a bundle, or an earlier head
    #[arg(long, value_name = "SESSION")]
    session: Option<OsString>,
    /// Write to a file
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Format {
    Text,
    Json,
    Dot,
    Mermaid,
    Svg,
    Html,
}

pub(crate) fn run(ui: &mut Ui, context: &Context, args: Args) -> Result<ExitCode, CommandError> {
    let snapshot = context.session(ui, args.session.as_deref())?;
    let show = match (args.stale, args.all) {
        (_, true) => Show::All,
        (true, _) => Show::Stale,
        _ => Show::Current,
    };
    let projection = snapshot.projection()?;
    asked::tell_if_empty(ui, &snapshot)?;
    let format = if args.json { Format::Json } else { args.format };
    let steps = DagSteps::new(snapshot.session(), &projection, show);
    let picture = || {
        let view = DagView::new(snapshot.session(), &projection, show);
        let picture = drawn(&view, format);
        mem::forget(view);
        picture
    };
    match (args.output, format) {
        (Some(path), Format::Text) => write(&path, &plain(ui, &steps))?,
        (Some(path), Format::Json) => write(&path, &json(&steps))?,
        (Some(path), _) => write(&path, &picture())?,
        (None, Format::Text) => print(ui, &steps)?,
        (None, Format::Json) => ui.view(&steps)?,
        (None, _) => ui.bytes(picture().as_bytes())?,
    }
    // The process ends now: it need not take apart what it knows of every job.
    mem::forget(projection);
    mem::forget(snapshot);
    Ok(ExitCode::SUCCESS)
}

fn print(ui: &mut Ui, steps: &DagSteps<'_, '_>) -> Result<(), CommandError> {
    ui.page();
    let layout = ui.layout();
    roar_view::dag_lines(steps, layout, |lines| ui.text(lines))
}

/// Returns the DAG as text for a file.
fn plain(ui: &Ui, steps: &DagSteps<'_, '_>) -> String {
    let layout = Layout {
        width: None,
        ascii: ui.layout().ascii,
    };
    let mut text = String::new();
    let Ok(()) = roar_view::dag_lines(steps, layout, |lines| {
        text += &lines.to_string();
        Ok::<(), Infallible>(())
    });
    text
}

fn json(steps: &DagSteps<'_, '_>) -> String {
    let json = serde_json::to_string_pretty(steps);
    json.expect("views have text for keys and no floats") + "\n"
}

/// Returns the DAG as a picture.
fn drawn(view: &DagView, format: Format) -> String {
    match format {
        Format::Dot => roar_view::dot(view),
        Format::Mermaid => roar_view::mermaid(view),
        Format::Svg => roar_view::svg(view),
        Format::Text | Format::Json | Format::Html => roar_view::html(view),
    }
}

fn write(path: &Path, text: &str) -> Result<(), CommandError> {
    let mut out = Replacing::create(path)?;
    out.write_all(text.as_bytes())
        .map_err(|err| cannot_write(path, err))?;
    out.finish()
}
