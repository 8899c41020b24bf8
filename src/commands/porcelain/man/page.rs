//! One manual page. What an option is for is laid out by `clap_mangen`; what stands around that is not.

use clap::{Arg, ArgAction, Command};
use clap_mangen::Man;
use std::io::{self, Write};

/// The version that the pages are of, and its day: pages are the same whenever they are made.
const RELEASE: (&str, &str) = ("0.1.0", "2026-11-23");

/// Returns a command's page, in the form that `man` reads.
pub(super) fn page(command: &Command) -> Vec<u8> {
    let mut page = Vec::new();
    write(command, &mut page).expect("writing to memory does not fail");
    tidy(&String::from_utf8_lossy(&page)).into_bytes()
}

/// Takes out what stands before every part and once is enough, and asks for an empty line as one does.
fn tidy(page: &str) -> String {
    const BEFORE: &str = ".ie \\n(.g .ds Aq \\(aq\n.el .ds Aq '\n";
    let page = page
        .replace(BEFORE, "")
        .replace("\n.br\n\n.br\n", "\n.sp\n");
    format!("{BEFORE}{page}")
}

/// Returns `roar-run` for `roar run`.
pub(super) fn name(command: &Command) -> &str {
    command.get_display_name().unwrap_or(command.get_name())
}

fn write(command: &Command, out: &mut Vec<u8>) -> io::Result<()> {
    let (version, day) = RELEASE;
    let man = Man::new(command.clone())
        .title(name(command).to_uppercase())
        .date(day)
        .source(format!("roar {version}"))
        .manual("roar manual");
    man.render_title(out)?;
    man.render_name_section(out)?;
    synopsis(command, out)?;
    man.render_description_section(out)?;
    man.render_options_section(out)?;
    if command.has_subcommands() {
        man.render_subcommands_section(out)?;
    }
    match command.get_after_long_help() {
        Some(more) => sections(&more.to_string(), out),
        None => Ok(()),
    }
}

/// Writes how the command is called: each option with the value that it takes.
fn synopsis(command: &Command, out: &mut impl Write) -> io::Result<()> {
    let called = command.get_bin_name().unwrap_or(command.get_name());
    writeln!(out, ".SH SYNOPSIS\n{}", bold(called))?;
    let shown = command.get_arguments().filter(|arg| !arg.is_hide_set());
    let (words, mut options): (Vec<_>, Vec<_>) = shown.partition(|arg| arg.is_positional());
    options.sort_by_key(|arg| arg.get_display_order());
    for arg in options.into_iter().chain(words) {
        let called = match arg.is_positional() {
            true => values(arg),
            false => option(arg),
        };
        let again = match takes_more(arg) {
            true => "...",
            false => "",
        };
        match arg.is_required_set() {
            true => writeln!(out, "{called}{again}")?,
            false => writeln!(out, "[{called}]{again}")?,
        }
    }
    match command.has_subcommands() {
        true => writeln!(out, "{}", italic("COMMAND")),
        false => Ok(()),
    }
}

/// Returns an option and what follows it: `-n|--name NAME`, `--keep[=SIZE]`.
fn option(arg: &Arg) -> String {
    let short = arg.get_short().map(|short| bold(&format!("-{short}")));
    let long = arg.get_long().map(|long| bold(&format!("--{long}")));
    let called: Vec<_> = short.into_iter().chain(long).collect();
    let called = called.join("|");
    let takes = arg.get_num_args().unwrap_or_default();
    if !takes.takes_values() || !arg.get_action().takes_values() {
        return called;
    }
    let values = values(arg);
    match (takes.min_values() > 0, arg.is_require_equals_set()) {
        (true, false) => format!("{called} {values}"),
        (true, true) => format!("{called}={values}"),
        (false, false) => format!("{called} [{values}]"),
        (false, true) => format!("{called}[={values}]"),
    }
}

fn values(arg: &Arg) -> String {
    let names = arg.get_value_names().unwrap_or_default().iter();
    let names: Vec<_> = names.map(|name| italic(name)).collect();
    names.join(" ")
}

/// Returns whether an option may be given, or a word stand there, more than once.
fn takes_more(arg: &Arg) -> bool {
    let takes = arg.get_num_args().unwrap_or_default();
    match arg.get_action() {
        ArgAction::Count => true,
        ArgAction::Append => !arg.is_positional() || takes.max_values() > 1,
        _ => takes.max_values() > 1,
    }
}

/// Writes what a command's help ends with: sections, each under a line that ends in a colon.
fn sections(text: &str, out: &mut impl Write) -> io::Result<()> {
    let is_title = |line: &&str| !line.starts_with(' ') && line.ends_with(':');
    let mut lines = text.lines().peekable();
    while let Some(title) = lines.next() {
        let title = title.trim_end_matches(':').to_uppercase();
        writeln!(out, ".SH {}\n.nf", plain(&title))?;
        let mut body = Vec::new();
        while let Some(line) = lines.next_if(|line| !is_title(line)) {
            body.push(plain(line.strip_prefix("  ").unwrap_or(line)));
        }
        writeln!(out, "{}\n.fi", body.join("\n").trim_end())?;
    }
    Ok(())
}

fn bold(text: &str) -> String {
    format!("\\fB{}\\fR", escape(text))
}

fn italic(text: &str) -> String {
    format!("\\fI{}\\fR", escape(text))
}

/// Returns a line of text, which is not taken for a request whatever it begins with.
fn plain(line: &str) -> String {
    match line.starts_with(['.', '\'']) {
        true => format!("\\&{}", escape(line)),
        false => escape(line),
    }
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\e")
        .replace('-', "\\-")
        .replace('\'', "\\(aq")
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::value_parser;

    #[test]
    fn pages_are_of_the_version_that_is_built() {
        assert_eq!(RELEASE.0, env!("CARGO_PKG_VERSION"));
    }

    #[test]
    fn a_synopsis_has_every_option_with_its_values() {
        let flag = |name: &'static str| Arg::new(name).long(name);
        let command = Command::new("x")
            .bin_name("roar x")
            .disable_help_flag(true)
            .arg(flag("all").action(ArgAction::SetTrue))
            .arg(flag("dir").short('C').value_name("DIR").required(true))
            .arg(
                flag("keep")
                    .value_name("SIZE")
                    .num_args(0..=1)
                    .require_equals(true),
            )
            .arg(flag("more").short('v').action(ArgAction::Count))
            .arg(flag("set").value_name("A=B").action(ArgAction::Append))
            .arg(flag("hidden").hide(true))
            .arg(Arg::new("ref").value_name("REF").required(true))
            .arg(Arg::new("path").value_name("PATH").num_args(0..))
            .arg(
                flag("depth")
                    .value_name("N")
                    .value_parser(value_parser!(u32)),
            );
        let mut command = command;
        command.build();
        let mut out = Vec::new();
        assert!(synopsis(&command, &mut out).is_ok());
        let text = String::from_utf8_lossy(&out)
            .replace("\\fB", "")
            .replace("\\fI", "");
        assert_eq!(
            text.replace("\\fR", "").replace("\\-", "-"),
            ".SH SYNOPSIS\nroar x\n[--all]\n-C|--dir DIR\n[--keep[=SIZE]]\n[-v|--more]...\n[--set A=B]...\n\
             [--depth N]\nREF\n[PATH]...\n"
        );
    }

    #[test]
    fn lines_of_text_are_no_requests() {
        let mut out = Vec::new();
        assert!(sections("Examples:\n  $ a -b\n  .x\n\nMore:\n  'y \\", &mut out).is_ok());
        assert_eq!(
            String::from_utf8_lossy(&out),
            ".SH EXAMPLES\n.nf\n$ a \\-b\n\\&.x\n.fi\n.SH MORE\n.nf\n\\&\\(aqy \\e\n.fi\n"
        );
    }
}
