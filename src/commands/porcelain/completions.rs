//! `roar completions`.

use super::help;
use crate::cli;
use crate::context::Context;
use crate::error::CommandError;
use crate::ui::Ui;
use clap::builder::PossibleValuesParser;
use clap::{Arg, Command, ValueHint};
use clap_complete::Shell;
use roar_object::Class;
use roar_repo::config::KEYS;
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
    clap_complete::generate(args.shell, &mut completed(), "roar", &mut script);
    script.extend_from_slice(epilogue(args.shell).as_bytes());
    ui.bytes(&script)?;
    Ok(ExitCode::SUCCESS)
}

/// Returns what a script cannot be told by the list of commands and options.
fn epilogue(shell: Shell) -> String {
    match shell {
        Shell::Bash => include_str!("completions/epilogue.bash").to_owned(),
        Shell::Fish => include_str!("completions/epilogue.fish")
            .replace("HELPED", &helped().join(" "))
            .replace("SETTINGS", &settings().join(" ")),
        _ => String::new(),
    }
}

/// Returns the commands with what words can stand where, and without what is hidden.
fn completed() -> Command {
    let key = one_of("key", settings());
    let class = one_of(
        "class",
        Class::ALL.iter().map(|class| class.name()).collect(),
    );
    let word = one_of("words", helped());
    let mut commands = cli::whole()
        .mut_subcommand("config", |config| {
            let with_key = ["get", "set", "unset"].into_iter();
            with_key.fold(config, |config, name| config.mut_subcommand(name, &key))
        })
        .mut_subcommand("filter", |filter| filter.mut_subcommand("add", class))
        .mut_subcommand("help", word);
    for name in ["run", "build", "trace"] {
        commands = commands.mut_subcommand(name, |command| {
            let hinted = |arg: Arg| arg.value_hint(ValueHint::CommandWithArguments);
            without_hidden(command).mut_arg("command", hinted)
        });
    }
    commands
}

/// Returns what lets an argument be one of some words.
fn one_of(argument: &'static str, words: Vec<&'static str>) -> impl Fn(Command) -> Command {
    move |command| {
        let words = PossibleValuesParser::new(&words);
        command.mut_arg(argument, |arg| arg.value_parser(words))
    }
}

fn settings() -> Vec<&'static str> {
    KEYS.iter().map(|key| key.name).collect()
}

/// Returns what there is help for.
fn helped() -> Vec<&'static str> {
    let shown = cli::COMMANDS
        .iter()
        .filter(|entry| entry.group != cli::Group::Hidden);
    shown
        .map(|entry| entry.name)
        .chain(help::topics())
        .collect()
}

/// Scripts offer hidden options as any other.
fn without_hidden(command: Command) -> Command {
    // Names of commands live as long as the program, which ends now.
    let name: &'static str = command.get_name().to_owned().leak();
    let shown = command.get_arguments().filter(|arg| !arg.is_hide_set());
    let copy = Command::new(name).args(shown.cloned());
    match command.get_about() {
        Some(about) => copy.about(about.clone()),
        None => copy,
    }
}
