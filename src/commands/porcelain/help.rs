//! `roar help`.

use crate::cli;
use crate::context::Context;
use crate::error::CommandError;
use crate::nearest::nearest;
use crate::ui::Ui;
use std::process::ExitCode;

/// Tell more about a command or a topic
///
/// Topics are `concepts` (the words that roar uses), `references` (how steps, files and objects are
/// named) and `exit-codes`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  $ roar help
  $ roar help config set
  $ roar help concepts")]
pub(crate) struct Args {
    /// A command, or a topic
    #[arg(value_name = "COMMAND")]
    words: Vec<String>,
}

const TOPICS: &[(&str, &str)] = &[
    ("concepts", include_str!("help/concepts.txt")),
    ("references", include_str!("help/references.txt")),
    ("exit-codes", include_str!("help/exit-codes.txt")),
];

/// Returns the names of the topics.
pub(super) fn topics<'n>() -> impl Iterator<Item = &'n str> {
    TOPICS.iter().map(|(name, _)| *name)
}

pub(crate) fn run(ui: &mut Ui, _: &Context, args: Args) -> Result<ExitCode, CommandError> {
    let topic = TOPICS.iter().find(|(name, _)| args.words == [*name]);
    if let Some((_, text)) = topic {
        ui.page();
        ui.bytes(text.as_bytes())?;
        return Ok(ExitCode::SUCCESS);
    }
    if let [first, more, ..] = args.words.as_slice()
        && topics().any(|topic| topic == first)
    {
        let error = CommandError::usage(format!("'{more}' is one argument too many"));
        return Err(error.hint(format!("`roar help {first}` shows that topic")));
    }
    let mut command = cli::whole();
    for word in &args.words {
        command = find(command, word)?;
    }
    cli::help::show_for(ui, &args.words)
}

/// Returns a command's subcommand.
pub(super) fn find(command: clap::Command, name: &str) -> Result<clap::Command, CommandError> {
    if let Some(found) = command.find_subcommand(name) {
        return Ok(found.clone());
    }
    let known = command.get_subcommands().map(clap::Command::get_name);
    let meant = nearest(name, known.chain(topics()));
    Err(
        CommandError::not_found(format!("there is no command '{name}'"))
            .maybe_meant(meant)
            .hint("`roar help` lists the commands"),
    )
}
