//! `roar completions`.

use crate::cli;
use crate::context::Context;
use crate::error::CommandError;
use crate::ui::Ui;
use clap_complete::Shell;
use std::process::ExitCode;

/// Print the completion script of a shell
///
/// To be loaded by the shell's own start-up file, or put where it looks for such scripts.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  $ roar completions bash > ~/.local/share/bash-completion/completions/roar
  $ roar completions zsh > ~/.zfunc/_roar
  $ roar completions fish > ~/.config/fish/completions/roar.fish")]
pub(crate) struct Args {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

pub(crate) fn run(ui: &mut Ui, _: &Context, args: Args) -> Result<ExitCode, CommandError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut cli::whole(), "roar", &mut script);
    ui.bytes(&script)?;
    Ok(ExitCode::SUCCESS)
}
