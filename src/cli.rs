//! The list of commands, and how a command line becomes a call.
//!
//! The table below is the only list there is: parsing, help, completions, man pages and
//! `docs/commands.md` are made from it. Commands and their arguments are built only when they are
//! needed: the one command that is used, and all of them only to show help or explain a mistake.

pub(crate) mod help;
mod mistakes;

use crate::collector;
use crate::commands::{plumbing, porcelain};
use crate::context::Context;
use crate::error::{CommandError, Fault};
use crate::ui::{Ui, Verbosity};
use anstream::ColorChoice;
use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Args, FromArgMatches, value_parser};
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::process::ExitCode;

/// A heading of the help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Group {
    Start,
    Look,
    Ask,
    Again,
    Share,
    SetUp,
    Plumbing,
    Hidden,
}

/// One command.
pub(crate) struct Entry {
    pub(crate) name: &'static str,
    pub(crate) group: Group,
    arguments: fn(clap::Command) -> clap::Command,
    run: fn(&mut Ui, &Context, &ArgMatches) -> Result<ExitCode, CommandError>,
}

/// Reads a command's arguments and runs it.
fn call<A: FromArgMatches>(
    ui: &mut Ui,
    context: &Context,
    matches: &ArgMatches,
    run: fn(&mut Ui, &Context, A) -> Result<ExitCode, CommandError>,
) -> Result<ExitCode, CommandError> {
    let arguments = A::from_arg_matches(matches).map_err(CommandError::usage)?;
    run(ui, context, arguments)
}

macro_rules! commands {
    ($($group:ident { $($name:literal => $first:ident :: $module:ident),+ $(,)? })+) => {
        /// Every command, in the order of the help.
        pub(crate) const COMMANDS: &[Entry] = &[$($(Entry {
            name: $name,
            group: Group::$group,
            arguments: <$first::$module::Args as Args>::augment_args,
            run: |ui, context, matches| call(ui, context, matches, $first::$module::run),
        }),+),+];
    };
}

commands! {
    Start {
        "run" => porcelain::run,
        "build" => porcelain::build,
        "demo" => porcelain::demo,
        "init" => porcelain::init,
    }
    Look {
        "dag" => porcelain::dag,
        "show" => porcelain::show,
        "log" => porcelain::log,
        "status" => porcelain::status,
    }
    Ask {
        "why" => porcelain::why,
        "lineage" => porcelain::lineage,
        "inputs" => porcelain::inputs,
    }
    Again {
        "rerun" => porcelain::rerun,
        "restore" => porcelain::restore,
        "undo" => porcelain::undo,
        "redo" => porcelain::redo,
        "op" => porcelain::op,
    }
    Share {
        "bundle" => porcelain::bundle,
    }
    SetUp {
        "config" => porcelain::config,
        "filter" => porcelain::filter,
        "doctor" => porcelain::doctor,
        "gc" => porcelain::gc,
        "completions" => porcelain::completions,
        "man" => porcelain::man,
        "help" => porcelain::help,
    }
    Plumbing {
        "hash-object" => plumbing::hash_object,
        "hash-dataset" => plumbing::hash_dataset,
        "cat-file" => plumbing::cat_file,
        "cat-object" => plumbing::cat_object,
        "ls-tree" => plumbing::ls_tree,
        "diff-tree" => plumbing::diff_tree,
        "verify-member" => plumbing::verify_member,
        "rev-parse" => plumbing::rev_parse,
        "rev-list" => plumbing::rev_list,
        "update-ref" => plumbing::update_ref,
        "for-each-ref" => plumbing::for_each_ref,
        "reflog" => plumbing::reflog,
        "count-objects" => plumbing::count_objects,
        "fsck" => plumbing::fsck,
        "pack-objects" => plumbing::pack_objects,
        "index-pack" => plumbing::index_pack,
        "unpack-objects" => plumbing::unpack_objects,
        "verify-pack" => plumbing::verify_pack,
        "record-job" => plumbing::record_job,
        "trace" => plumbing::trace,
    }
    Hidden {
        "command-reference" => plumbing::command_reference,
    }
}

/// Returns the clap command, with the arguments of every command that is shown.
pub(crate) fn whole() -> clap::Command {
    let shown = COMMANDS.iter().filter(|entry| entry.group != Group::Hidden);
    let commands = shown.map(|entry| (entry.arguments)(clap::Command::new(entry.name)));
    help::describe(root().subcommands(commands))
}

/// Returns the clap command, with those commands that are named among `words`. Which one of them is meant
/// is not known yet, but it is one of them.
fn named(words: &[OsString]) -> clap::Command {
    let is_named = |entry: &&Entry| words.iter().any(|word| word == entry.name);
    let commands = COMMANDS.iter().filter(is_named);
    root().subcommands(commands.map(deferred))
}

fn deferred(entry: &Entry) -> clap::Command {
    clap::Command::new(entry.name).defer(entry.arguments)
}

fn root() -> clap::Command {
    clap::Command::new("roar")
        .version(env!("CARGO_PKG_VERSION"))
        .about(help::ABOUT)
        .subcommand_required(true)
        .arg_required_else_help(true)
        .disable_help_subcommand(true)
        .subcommand_value_name("COMMAND")
        .infer_long_args(false)
        .args(global_arguments())
}

/// The options that every command takes.
fn global_arguments() -> Vec<Arg> {
    let global = |id: &'static str| Arg::new(id).global(true).display_order(900);
    vec![
        global("global-directory")
            .short('C')
            .value_name("DIR")
            .value_parser(value_parser!(PathBuf))
            .help("Run as if started in DIR"),
        global("global-quiet")
            .short('q')
            .long("quiet")
            .action(ArgAction::SetTrue)
            .conflicts_with("global-verbose")
            .help("Say nothing but errors"),
        global("global-verbose")
            .short('v')
            .long("verbose")
            .action(ArgAction::Count)
            .help("Say more"),
        global("global-color")
            .long("color")
            .value_name("WHEN")
            .value_parser(["auto", "always", "never"])
            .hide_possible_values(true)
            .help("When to use colour: auto, always or never"),
        global("global-no-pager")
            .long("no-pager")
            .action(ArgAction::SetTrue)
            .help("Write long output straight to the terminal"),
        global("global-config")
            .long("config")
            .value_name("KEY=VALUE")
            .value_parser(value_parser!(OsString))
            .action(ArgAction::Append)
            .help("Use another value for a setting, this once (can be repeated)"),
    ]
}

/// Runs the program; returns its exit code.
pub(crate) fn main(words: impl IntoIterator<Item = OsString>) -> ExitCode {
    let words: Vec<OsString> = words.into_iter().collect();
    let mut ui = Ui::new();
    let done = dispatch(&mut ui, &words);
    let done = done.and_then(|code| ui.finish().map(|()| code));
    done.unwrap_or_else(|err| {
        if err.fault != Fault::BrokenPipe {
            ui.error(&err);
        }
        err.exit_code()
    })
}

/// Commands that run another. They must not end before they have told what it returned, even if
/// nobody reads what they say.
const WATCHERS: &[&str] = &["run", "build", "trace"];

/// Bytes of memory that there should be: for a question, and before another command is started.
const ROOM: usize = 1 << 20;
const ROOM_TO_RECORD: usize = 8 << 20;

/// Refuses to begin what could not be done: for want of memory this process would end without a word, and
/// what another command returned with it.
fn require_room(name: &str) -> Result<(), CommandError> {
    let (room, fault) = match WATCHERS.contains(&name) {
        true => (ROOM_TO_RECORD, Fault::Own),
        false => (ROOM, Fault::Refused),
    };
    match roar_spare::has_room(room) {
        true => Ok(()),
        false => Err(CommandError::new(
            fault,
            format!("there is not enough memory for `roar {name}`"),
        )
        .hint("`ulimit -v` shows how much a process may have, in KiB")),
    }
}

/// Lets a pipeline such as `roar log | head` end quietly, as those of other programs do.
fn end_with_the_reader() {
    // If it cannot be had, writes fail with an error that ends just as quietly.
    let _ = roar_launch::restore_sigpipe();
}

/// Reads a command line.
fn parse(words: &[OsString]) -> Result<ArgMatches, clap::Error> {
    match named(words).try_get_matches_from(words) {
        // What is wrong, and with which word, may depend on the commands that were left out.
        Err(err) if err.kind() != ErrorKind::DisplayVersion => {
            let all = root().subcommands(COMMANDS.iter().map(deferred));
            all.try_get_matches_from(words)
        }
        parsed => parsed,
    }
}

fn dispatch(ui: &mut Ui, words: &[OsString]) -> Result<ExitCode, CommandError> {
    let matches = match parse(words) {
        Ok(matches) => matches,
        Err(err) => {
            end_with_the_reader();
            talk_as_asked(ui, words);
            return explain(ui, words, &err);
        }
    };
    let (name, arguments) = matches.subcommand().expect("clap demands a command");
    if !WATCHERS.contains(&name) {
        end_with_the_reader();
    }
    require_room(name)?;
    // If it cannot be had, only such a limit can still do harm.
    let _ = roar_launch::outlive_file_limits();
    let context = context(ui, arguments).map_err(|err| match err.fault {
        // What kept a command from being run must not look like what it returned.
        fault if fault != Fault::Usage && WATCHERS.contains(&name) => err.with_fault(Fault::Own),
        _ => err,
    })?;
    let entry = COMMANDS
        .iter()
        .find(|entry| entry.name == name)
        .expect("clap knows the commands of the table only");
    let code = (entry.run)(ui, &context, arguments)?;
    collector::begin_after(name, &context);
    Ok(code)
}

/// Applies the options that every command takes.
fn context(ui: &mut Ui, matches: &ArgMatches) -> Result<Context, CommandError> {
    let typed: Vec<OsString> = matches
        .get_many("global-config")
        .map(|settings| settings.cloned().collect())
        .unwrap_or_default();
    if let Some(color) = matches.get_one::<String>("global-color") {
        // What is said before the settings are known, too.
        ui.set_color(color_choice(color));
    }
    let mut context = Context::new(matches.get_one::<PathBuf>("global-directory"), &typed)?;
    if let Some(color) = matches.get_one::<String>("global-color") {
        context.set_flag("output.color", color);
    }
    if matches.get_flag("global-no-pager") {
        context.set_flag("output.pager", "false");
    }
    if matches.get_flag("global-quiet") {
        context.set_flag("output.verbosity", "quiet");
    } else if matches.get_count("global-verbose") > 0 {
        context.set_flag("output.verbosity", "verbose");
    }
    apply(ui, &context);
    Ok(context)
}

/// Finds out how to talk where the command line is not understood as a whole, or asks for help only.
fn talk_as_asked(ui: &mut Ui, words: &[OsString]) {
    let root = root()
        .subcommand_required(false)
        .arg_required_else_help(false);
    let asked = root.clone().try_get_matches_from(on_talking(words));
    // Where even these make no sense, the settings still count.
    if let Ok(matches) = asked.or_else(|_| root.try_get_matches_from(["roar"])) {
        // What is wrong with them is not what was wrong first.
        let _ = context(ui, &matches);
    }
}

/// Returns the options that tell how to talk, wherever they stand.
fn on_talking(words: &[OsString]) -> Vec<&OsStr> {
    const WITH_VALUE: [&str; 3] = ["--color", "--config", "-C"];
    let mut words = words.iter().map(OsString::as_os_str);
    let mut found: Vec<&OsStr> = words.next().into_iter().collect();
    let mut rest = words.take_while(|&word| word != "--");
    while let Some(word) = rest.next() {
        let is_joined = |option: &&str| {
            let value = word.as_encoded_bytes().strip_prefix(option.as_bytes());
            value.is_some_and(|value| value.starts_with(b"="))
        };
        if WITH_VALUE.iter().any(|&option| word == option) {
            found.extend([Some(word), rest.next()].into_iter().flatten());
        } else if word == "--no-pager" || WITH_VALUE.iter().any(is_joined) {
            found.push(word);
        }
    }
    found
}

/// Lets the settings say how to talk. A file that cannot be read is told of by the commands that need
/// it: `roar config` must be able to put it right.
fn apply(ui: &mut Ui, context: &Context) {
    let Ok(config) = context.config() else { return };
    let wrong = [
        config
            .word("output.color")
            .map(|word| ui.set_color(color_choice(&word))),
        config.flag("output.pager").map(|pager| ui.set_pager(pager)),
        config
            .word("output.verbosity")
            .map(|word| ui.set_verbosity(verbosity(&word))),
    ];
    for err in wrong.into_iter().filter_map(Result::err) {
        ui.warn(err);
    }
}

fn verbosity(word: &str) -> Verbosity {
    match word {
        "quiet" => Verbosity::Quiet,
        "verbose" => Verbosity::Verbose,
        _ => Verbosity::Normal,
    }
}

/// Reads the word of the setting.
fn color_choice(word: &str) -> ColorChoice {
    match word {
        "always" => ColorChoice::Always,
        "never" => ColorChoice::Never,
        _ => ColorChoice::Auto,
    }
}

/// Shows help that was asked for, or says what is wrong with the command line.
fn explain(ui: &mut Ui, words: &[OsString], err: &clap::Error) -> Result<ExitCode, CommandError> {
    match err.kind() {
        ErrorKind::DisplayVersion => {
            ui.data(format_args!("roar {}", env!("CARGO_PKG_VERSION")))?;
            Ok(ExitCode::SUCCESS)
        }
        ErrorKind::DisplayHelp | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            help::show(ui, words)
        }
        // Once more with everything built, for suggestions that know every command.
        _ => Err(match whole().try_get_matches_from(words) {
            Err(err) => mistakes::explain(&err, &whole(), words),
            Ok(_) => CommandError::usage(err.to_string()),
        }),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests may panic")]
mod tests {
    use super::*;

    #[test]
    fn the_commands_are_well_formed() {
        whole().debug_assert();
    }

    #[test]
    fn every_command_says_what_it_is_for_and_shows_examples() {
        for command in whole().get_subcommands() {
            let name = command.get_name();
            let about = command.get_about().unwrap().to_string();
            assert!(!about.ends_with('.'), "{name}: {about}");
            assert!(
                command.get_after_long_help().is_some(),
                "{name} has no examples"
            );
        }
    }

    #[test]
    fn a_command_is_the_same_among_those_that_are_named_as_among_all() {
        for example in crate::examples::all(&whole()) {
            let words: Vec<OsString> = example.iter().map(OsString::from).collect();
            let all = root().subcommands(COMMANDS.iter().map(deferred));
            let among_all = all.try_get_matches_from(&words);
            let among_named = named(&words).try_get_matches_from(&words);
            let (among_named, among_all) = (among_named.unwrap(), among_all.unwrap());
            assert_eq!(among_named.subcommand(), among_all.subcommand());
        }
    }

    #[test]
    fn every_example_is_a_command_line_that_parses() {
        for example in crate::examples::all(&whole()) {
            let parsed = whole().try_get_matches_from(&example);
            assert!(parsed.is_ok(), "{example:?}: {}", parsed.unwrap_err());
        }
    }
}
