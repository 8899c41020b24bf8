//! `roar inputs`.

use crate::asked::{self, Subject};
use crate::context::Context;
use crate::error::CommandError;
use crate::ui::Ui;
use roar_graph::Projection;
use roar_repo::Snapshot;
use roar_view::{InputsView, TargetView};
use std::ffi::OsString;
use std::process::ExitCode;

/// List the data that a file or a step began with
///
/// What was read along its whole lineage and no recorded job made.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  $ roar inputs model.pkl
  $ roar inputs --json @3")]
pub(crate) struct Args {
    /// A file, a directory, a step, a hash or prefix
    #[arg(value_name = "REF")]
    word: OsString,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(ui: &mut Ui, context: &Context, args: Args) -> Result<ExitCode, CommandError> {
    let snapshot = context.snapshot_for(ui, &args.word)?;
    let projection = snapshot.projection()?;
    let view = match asked::dataset_called(context, &snapshot, &args.word)? {
        Some((record, set)) => InputsView::of_dataset(&projection, record, set),
        None => of_subject(context, &snapshot, &projection, &args)?,
    };
    if args.json {
        ui.view(&view)?;
    } else {
        ui.page();
        let text = roar_view::inputs_text(&view, ui.layout());
        ui.text(&text)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn of_subject(
    context: &Context,
    snapshot: &Snapshot,
    projection: &Projection<'_>,
    args: &Args,
) -> Result<InputsView, CommandError> {
    let history = projection.history();
    Ok(match asked::subject(context, snapshot, &args.word)? {
        Subject::Job(record) => {
            InputsView::new(projection, TargetView::job(history, record), record)
        }
        Subject::Written(written) => {
            let target = TargetView::written(history, written);
            InputsView::new(projection, target, written.record)
        }
        Subject::Root(record, input) => InputsView::of_root(projection, record, input),
    })
}
