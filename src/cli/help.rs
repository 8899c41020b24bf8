//! Help: grouped for the whole program, from clap for one command.

use super::{COMMANDS, Entry, Group, whole};
use crate::error::CommandError;
use crate::ui::Ui;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::process::ExitCode;

/// What the program is, in one line.
pub(super) const ABOUT: &str =
    "Put `roar run` before a command, and later ask what made any of its files";

/// The groups in the order they are shown, with their headings. Short help leaves the last out.
const GROUPS: &[(Group, &str)] = &[
    (Group::Start, "Start"),
    (Group::Look, "Look"),
    (Group::Ask, "Ask about a file or a step"),
    (Group::Again, "Go back, and run again"),
    (Group::Share, "Share"),
    (Group::SetUp, "Set up"),
    (Group::Plumbing, "Plumbing, for scripts"),
];

/// Returns what a command is for, in one line.
pub(crate) fn short_about(command: &clap::Command) -> String {
    command
        .get_about()
        .map(ToString::to_string)
        .unwrap_or_default()
}

/// Gives the root its grouped help.
pub(super) fn describe(root: clap::Command) -> clap::Command {
    let text = template(&root, GROUPS);
    root.help_template(text)
}

/// Leaves plumbing out, for `-h`.
fn describe_briefly(root: clap::Command) -> clap::Command {
    let text = template(&root, &GROUPS[..GROUPS.len() - 1]);
    root.help_template(text)
}

fn template(root: &clap::Command, groups: &[(Group, &str)]) -> String {
    let mut text = format!("{ABOUT}\n\nUsage: roar [OPTIONS] COMMAND …\n");
    for (group, heading) in groups {
        let entries: Vec<&Entry> = COMMANDS.iter().filter(|it| it.group == *group).collect();
        if entries.is_empty() {
            continue;
        }
        let _ = writeln!(text, "\n{heading}:");
        for entry in entries {
            let command = root
                .find_subcommand(entry.name)
                .expect("built from the table");
            let _ = writeln!(text, "  {:<14} {}", entry.name, short_about(command));
        }
    }
    text.push_str("\nOptions:\n{options}\n\n");
    text.push_str(
        "`roar help COMMAND` tells more about one, with examples. Topics: `roar help concepts`,\n",
    );
    text.push_str("`roar help references`, `roar help exit-codes`.\n");
    text
}

/// Shows the help of a command, as its `--help` does.
pub(crate) fn show_for(ui: &mut Ui, command: &[String]) -> Result<ExitCode, CommandError> {
    let words = ["roar"]
        .into_iter()
        .chain(command.iter().map(String::as_str));
    let words: Vec<OsString> = words.chain(["--help"]).map(OsString::from).collect();
    show(ui, &words)
}

/// Shows the help that the words ask for.
pub(super) fn show(ui: &mut Ui, words: &[OsString]) -> Result<ExitCode, CommandError> {
    let long = words.iter().any(|word| word == "--help");
    let command = if long {
        whole()
    } else {
        describe_briefly(whole())
    };
    let Err(shown) = command.try_get_matches_from(words) else {
        return Err(CommandError::usage("that command line asks for no help"));
    };
    let text = shown.render();
    if shown.use_stderr() {
        ui.aside(&text.to_string());
        return Ok(ExitCode::from(2));
    }
    let colored = ui.colored();
    ui.page();
    if colored {
        ui.bytes(text.ansi().to_string().as_bytes())?;
    } else {
        ui.bytes(text.to_string().as_bytes())?;
    }
    Ok(ExitCode::SUCCESS)
}
