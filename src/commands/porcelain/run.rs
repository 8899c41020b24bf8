//! `roar run`.

use super::running::{self, Common};
use crate::context::Context;
use crate::error::CommandError;
use crate::ui::Ui;
use roar_object::JobKind;
use std::process::ExitCode;

/// Run a command and record what it read and wrote
///
/// Watches the whole process tree, names every file that was read or written, and adds the run to
/// the workspace's session. The command's input, output, signals and exit code are its own. Options
/// for roar come before the command; everything after the command's first word belongs to it.
///
/// What roar has to say goes to standard error, one line if all is well; nothing where that is the very
/// file that the command's output goes to, and an output of the run.
///
/// `roar run @N` runs a recorded step again, in its directory; what follows are options of the
/// step's own command, to be replaced or added. It reads and writes the files that its standard input and
/// output were, unless you redirect them to others.
///
/// `--cached` skips a command that a recorded job did already: same words, directory, variables and
/// standard input, every file that it read unchanged, every question about a name answered as before, the
/// same names in the directories that it listed, and what it left in place or kept. Only a run with
/// `--cached` takes note of where it looks, which makes it slower, and only such a run serves. What no
/// record can know is not compared: the clock, the network, chance. What it printed is not printed again.
/// `-v` says why it was not skipped.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  $ roar run python train.py --epochs 10
  $ roar run sh -c 'sort data/*.csv | uniq > all.csv'
  $ roar run -n train python train.py
  $ roar run --keep --cached python train.py
  $ roar run @2
  $ roar run @2 --epochs=20

Exit codes:
  the command's own; 128+N if signal N killed it
  127 the command was not found, 126 it cannot be executed
  125 roar itself could not go on, and says so")]
pub(crate) struct Args {
    #[command(flatten)]
    common: Common,
}

pub(crate) fn run(ui: &mut Ui, context: &Context, args: Args) -> Result<ExitCode, CommandError> {
    running::run(ui, context, args.common, JobKind::Run)
}
