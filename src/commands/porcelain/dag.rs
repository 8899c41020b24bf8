//! `roar dag`.

use crate::asked;
use crate::context::Context;
use crate::error::{CommandError, io_error};
use crate::ui::Ui;
use roar_graph::Show;
use roar_view::DagView;
use std::fs;
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
    let snapshot = context.snapshot(ui)?;
    let show = match (args.stale, args.all) {
        (_, true) => Show::All,
        (true, _) => Show::Stale,
        _ => Show::Current,
    };
    let view = DagView::new(snapshot.session(), &snapshot.projection()?, show);
    asked::tell_if_empty(ui, &snapshot)?;
    let format = if args.json { Format::Json } else { args.format };
    match args.output {
        Some(path) => write(&path, &drawn(ui, &view, format))?,
        None => print(ui, &view, format)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn print(ui: &mut Ui, view: &DagView, format: Format) -> Result<(), CommandError> {
    match format {
        Format::Text => {
            ui.page();
            let text = roar_view::dag_text(view, ui.layout());
            ui.text(&text)
        }
        Format::Json => ui.view(view),
        _ => {
            let picture = drawn(ui, view, format);
            ui.bytes(picture.as_bytes())
        }
    }
}

/// Returns the DAG as it goes to a file.
fn drawn(ui: &Ui, view: &DagView, format: Format) -> String {
    match format {
        Format::Text => {
            let ascii = ui.layout().ascii;
            roar_view::dag_text(view, roar_view::Layout { width: None, ascii }).to_string()
        }
        Format::Json => {
            let json = serde_json::to_string_pretty(view);
            json.expect("views have text for keys and no floats") + "\n"
        }
        Format::Dot => roar_view::dot(view),
        Format::Mermaid => roar_view::mermaid(view),
        Format::Svg => roar_view::svg(view),
        Format::Html => roar_view::html(view),
    }
}

fn write(path: &Path, text: &str) -> Result<(), CommandError> {
    fs::write(path, text).map_err(|err| io_error(format!("cannot write '{}'", path.display()), err))
}
