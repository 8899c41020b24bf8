//! `roar build`.

use super::running::{self, Common};
use crate::context::Context;
use crate::error::CommandError;
use crate::ui::Ui;
use roar_object::JobKind;
use std::process::ExitCode;

/// Run a set-up command, recorded apart from the steps of the work
///
/// For what prepares the ground: compiling an extension, installing a package. It is watched and
/// recorded as by `roar run`, and its steps are counted apart: @B1, @B2, …
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  $ roar build make -j4
  $ roar build pip install -e .
  $ roar build @B1")]
pub(crate) struct Args {
    #[command(flatten)]
    common: Common,
}

pub(crate) fn run(ui: &mut Ui, context: &Context, args: Args) -> Result<ExitCode, CommandError> {
    running::run(ui, context, args.common, JobKind::Build)
}
