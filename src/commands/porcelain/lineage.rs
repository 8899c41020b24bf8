//! `roar lineage`.

use crate::asked::{self, Subject};
use crate::context::Context;
use crate::error::CommandError;
use crate::ui::Ui;
use roar_view::LineageView;
use std::ffi::OsString;
use std::process::ExitCode;

/// Show everything that a file or a step came from
///
/// The jobs, parents before children, back to data that no recorded job made.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  $ roar lineage model.pkl
  $ roar lineage @3
  $ roar lineage --json results/metrics.json")]
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
        Some((record, set)) => LineageView::of_dataset(&projection, record, set),
        None => match asked::subject(context, &snapshot, &args.word)? {
            Subject::Job(record) => LineageView::of_job(&projection, record),
            Subject::Written(written) => LineageView::of_file(&projection, written),
            Subject::Root(record, input) => LineageView::of_root(&projection, record, input),
        },
    };
    if args.json {
        ui.view(&view)?;
    } else {
        ui.page();
        let text = roar_view::lineage_text(&view, ui.layout());
        ui.text(&text)?;
    }
    Ok(ExitCode::SUCCESS)
}
