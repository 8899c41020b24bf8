//! What is wrong with a command line, in the words of this program.

use crate::error::CommandError;
use crate::nearest::nearest;
use crate::ui::escape;
use clap::Error;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use std::error::Error as _;
use std::ffi::OsString;
use std::num::{IntErrorKind, ParseIntError};

/// Turns what clap found wrong with `words` into an error with hints; `root` knows all commands.
pub(super) fn explain(err: &Error, root: &clap::Command, words: &[OsString]) -> CommandError {
    let error = CommandError::usage(message(err));
    let error = suggestions(err, root, words)
        .into_iter()
        .fold(error, |error, word| error.maybe_meant(Some(&word)));
    error.hint(usage(root, words))
}

fn message(err: &Error) -> String {
    let text = |kind| text(err, kind).unwrap_or_default();
    match err.kind() {
        ErrorKind::InvalidSubcommand => {
            format!(
                "there is no command '{}'",
                text(ContextKind::InvalidSubcommand)
            )
        }
        ErrorKind::UnknownArgument => unknown(&text(ContextKind::InvalidArg)),
        ErrorKind::MissingSubcommand => "a command is missing".to_owned(),
        ErrorKind::MissingRequiredArgument => {
            format!("{} is missing", plain(&text(ContextKind::InvalidArg)))
        }
        ErrorKind::InvalidValue => invalid_value(err),
        ErrorKind::ValueValidation => refused_value(err),
        ErrorKind::ArgumentConflict => format!(
            "'{}' cannot be used with '{}'",
            text(ContextKind::InvalidArg),
            text(ContextKind::PriorArg)
        ),
        ErrorKind::InvalidUtf8 => "an argument is not UTF-8".to_owned(),
        _ => first_line(err),
    }
}

/// Takes clap's `<FILE>...` for `FILE`.
fn plain(arguments: &str) -> String {
    let marks: &[char] = &['<', '>', '.', '[', ']'];
    arguments.replace(marks, "")
}

fn unknown(argument: &str) -> String {
    if argument.starts_with('-') {
        format!("there is no option '{argument}' here")
    } else {
        format!("'{argument}' is one argument too many")
    }
}

fn invalid_value(err: &Error) -> String {
    let argument = text(err, ContextKind::InvalidArg).unwrap_or_default();
    let value = text(err, ContextKind::InvalidValue).unwrap_or_default();
    if value.is_empty() {
        return format!("'{argument}' needs a value");
    }
    match text(err, ContextKind::ValidValue) {
        Some(valid) => format!("'{argument}' takes one of {valid}, not '{value}'"),
        None => format!("'{argument}' cannot be '{value}'"),
    }
}

/// Says why a value is not taken, which the value's own lines and bytes must not hide.
fn refused_value(err: &Error) -> String {
    let argument = text(err, ContextKind::InvalidArg).unwrap_or_default();
    let value = text(err, ContextKind::InvalidValue).unwrap_or_default();
    let value = escape(value.as_bytes());
    match err.source() {
        Some(why) => format!("'{argument}' cannot be '{value}': {}", reason(why)),
        None => format!("'{argument}' cannot be '{value}'"),
    }
}

fn reason(why: &(dyn std::error::Error + 'static)) -> String {
    match why.downcast_ref::<ParseIntError>().map(ParseIntError::kind) {
        Some(IntErrorKind::PosOverflow | IntErrorKind::NegOverflow) => {
            "the number is too large".to_owned()
        }
        Some(_) => "it is not a whole number".to_owned(),
        None => why.to_string(),
    }
}

/// clap's own first line, without its label.
fn first_line(err: &Error) -> String {
    let text = err.to_string();
    let line = text.lines().next().unwrap_or_default();
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}

fn text(err: &Error, kind: ContextKind) -> Option<String> {
    match err.get(kind)? {
        ContextValue::String(text) => Some(text.clone()),
        ContextValue::Strings(texts) => Some(texts.join(", ")),
        ContextValue::StyledStr(text) => Some(text.to_string()),
        ContextValue::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn suggestions(err: &Error, root: &clap::Command, words: &[OsString]) -> Vec<String> {
    if err.kind() == ErrorKind::InvalidSubcommand {
        return nearest_command(err, root, words).into_iter().collect();
    }
    let kinds = [
        ContextKind::SuggestedSubcommand,
        ContextKind::SuggestedArg,
        ContextKind::SuggestedValue,
    ];
    kinds
        .into_iter()
        .filter_map(|kind| first(err, kind))
        .collect()
}

/// Looks among the commands where one was mistyped, whatever its case.
fn nearest_command(err: &Error, root: &clap::Command, words: &[OsString]) -> Option<String> {
    let word = text(err, ContextKind::InvalidSubcommand)?.to_lowercase();
    let (_, command) = typed(root, words);
    let names = command.get_subcommands().map(clap::Command::get_name);
    nearest(&word, names).map(str::to_owned)
}

/// clap lists the nearest last.
fn first(err: &Error, kind: ContextKind) -> Option<String> {
    match err.get(kind)? {
        ContextValue::Strings(texts) => texts.last().cloned(),
        ContextValue::String(text) => Some(text.clone()),
        _ => None,
    }
}

/// Returns where to read on: the help of the command that was being typed.
fn usage(root: &clap::Command, words: &[OsString]) -> String {
    let (path, _) = typed(root, words);
    match path.is_empty() {
        true => "`roar help` lists the commands".to_owned(),
        false => format!("`roar help {}` shows how it is used", path.join(" ")),
    }
}

/// Returns the command that was being typed, and the names that lead to it.
fn typed<'c>(root: &'c clap::Command, words: &[OsString]) -> (Vec<&'c str>, &'c clap::Command) {
    let mut path = Vec::new();
    let mut command = root;
    for word in words.iter().skip(1) {
        match command.find_subcommand(word) {
            Some(below) => {
                path.push(below.get_name());
                command = below;
            }
            // Options of all commands, and their values, may come first.
            None if path.is_empty() => {}
            None => break,
        }
    }
    (path, command)
}
