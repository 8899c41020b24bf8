//! `roar command-reference`: writes `docs/commands.md`.

use crate::cli::{self, COMMANDS, Group};
use crate::context::Context;
use crate::error::CommandError;
use crate::ui::Ui;
use std::fmt::Write as _;
use std::process::ExitCode;

/// Print `docs/commands.md`
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

const HEADER: &str = "\
# Commands

This page is made from the program by `roar command-reference`, and a test keeps it so.
";

pub(crate) fn run(ui: &mut Ui, _: &Context, _: Args) -> Result<ExitCode, CommandError> {
    let mut root = cli::whole().term_width(100);
    root.build();
    let mut page = HEADER.to_owned();
    section(&mut page, &mut root.clone(), 2);
    for entry in COMMANDS.iter().filter(|entry| entry.group != Group::Hidden) {
        let command = root
            .find_subcommand(entry.name)
            .expect("built from the table");
        section(&mut page, &mut command.clone(), 2);
    }
    ui.bytes(page.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

fn section(page: &mut String, command: &mut clap::Command, level: usize) {
    let name = command
        .get_bin_name()
        .unwrap_or(command.get_name())
        .to_owned();
    let text = command
        .clone()
        .term_width(100)
        .render_long_help()
        .to_string();
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    let _ = write!(
        page,
        "\n{} {name}\n\n```text\n{}\n```\n",
        "#".repeat(level),
        lines.join("\n").trim_end()
    );
    if level == 2 && name == "roar" {
        return;
    }
    for inner in command.clone().get_subcommands() {
        section(page, &mut inner.clone(), level + 1);
    }
}
