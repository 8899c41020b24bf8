//! Running a recorded step again: its command, its directory, its name, and options to replace.
//!
//! Options are replaced token by token. `--lr=1` replaces the value of `--lr`, whether it was given
//! as `--lr=0.1` or `--lr 0.1`, and never touches `--lr-decay`. One that the command does not have is
//! added at its end.

use super::Wanted;
use crate::error::{CommandError, Fault};
use crate::ui::escape_text;
use roar_content::reach;
use roar_object::{ByteStr, Job, Objects as _, Step, StepName};
use roar_repo::{Target, Workspace};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::PathBuf;

/// Finds a step and puts together what to run.
pub(super) fn find(
    workspace: &Workspace,
    step: StepName,
    overrides: &[OsString],
    name: Option<String>,
) -> Result<Wanted, CommandError> {
    let snapshot = workspace.snapshot()?;
    let target = snapshot.resolve(OsStr::new(&step.to_string()), workspace.root(), |_| None)?;
    let Target::Job { record } = target else {
        return Err(CommandError::not_found(format!("{step} is no job")));
    };
    let id = snapshot.records()?[record].job;
    let job: Job = snapshot.objects().read(id)?;
    let recorded: Step = snapshot.objects().read(job.step)?;
    let directory = recorded
        .directory
        .absolute(workspace.root().as_os_str().as_bytes());
    let directory = PathBuf::from(OsString::from_vec(directory));
    let found = reach(&directory).and_then(fs::metadata);
    if !found.is_ok_and(|found| found.is_dir()) {
        let gone = format!(
            "the directory of {step}, '{}', is not there",
            directory.display()
        );
        let make = ["mkdir".into(), "-p".into(), directory.into_os_string()];
        let make = super::report::command_line(&make);
        return Err(CommandError::new(Fault::Own, gone).hint(format!("`{make}` makes it anew")));
    }
    let argv = replaced(recorded.argv, overrides)?;
    refuse_placeholders(step, &argv)?;
    Ok(Wanted {
        kind: recorded.kind,
        argv: argv
            .into_iter()
            .map(|argument| OsString::from_vec(argument.0))
            .collect(),
        directory,
        name: name.or(job.name),
        reruns: Some(id),
        looks: false,
    })
}

fn replaced(mut argv: Vec<ByteStr>, overrides: &[OsString]) -> Result<Vec<ByteStr>, CommandError> {
    for word in overrides {
        let option = parse(word.as_bytes()).ok_or_else(|| not_an_option(word))?;
        if !option.replace_in(&mut argv) {
            if is_shell_text(&argv) {
                let shown = escape_text(&word.to_string_lossy());
                return Err(CommandError::usage(format!(
                    "the step is a text for a shell, which cannot take '{shown}'"
                ))
                .hint("type the whole command again with `roar run`"));
            }
            let at = end_of_options(&argv);
            argv.insert(at, word.as_bytes().to_vec().into());
        }
    }
    Ok(argv)
}

/// Returns where a further option goes: at the end, but before a `--` of the program's own with no options
/// behind it.
fn end_of_options(argv: &[ByteStr]) -> usize {
    let Some(dashes) = argv.iter().position(|word| **word == *b"--") else {
        return argv.len();
    };
    let behind = &argv[dashes + 1..];
    let program = roar_graph::program(argv);
    // A command that another runs may stand behind the other's `--`.
    let is_behind = behind.as_ptr_range().contains(&program.as_ptr());
    match is_behind || behind.iter().any(|word| word.starts_with(b"-")) {
        true => argv.len(),
        false => dashes,
    }
}

fn not_an_option(word: &OsStr) -> CommandError {
    let shown = escape_text(&word.to_string_lossy());
    CommandError::usage(format!("'{shown}' is not an option to replace"))
        .hint("after a step come options with their values, as in `roar run @2 --epochs=20`")
}

/// Returns whether the command is `sh -c TEXT`, in which options are not arguments.
fn is_shell_text(argv: &[ByteStr]) -> bool {
    let shells: [&[u8]; 5] = [b"sh", b"bash", b"dash", b"zsh", b"ksh"];
    let program = argv.first().map(|first| {
        first
            .rsplit(|&byte| byte == b'/')
            .next()
            .unwrap_or_default()
    });
    program.is_some_and(|name| shells.contains(&name))
        && argv.get(1).is_some_and(|flag| **flag == *b"-c")
}

/// `--name=value`, or `--name` alone.
struct Override<'w> {
    word: &'w [u8],
    name: &'w [u8],
    value: Option<&'w [u8]>,
}

fn parse(word: &[u8]) -> Option<Override<'_>> {
    let named = word.len() > 2 && word.starts_with(b"--");
    let (name, value) = match word.iter().position(|&byte| byte == b'=') {
        Some(at) => (&word[..at], Some(&word[at + 1..])),
        None => (word, None),
    };
    (named && name.len() > 2).then_some(Override { word, name, value })
}

impl Override<'_> {
    /// Replaces the last place where the command has the option; returns whether it has it.
    fn replace_in(&self, argv: &mut [ByteStr]) -> bool {
        let joined = |token: &[u8]| {
            token
                .strip_prefix(self.name)
                .is_some_and(|rest| rest.starts_with(b"="))
        };
        let found = argv
            .iter()
            .skip(1)
            .rposition(|token| **token == *self.name || joined(token));
        let Some(at) = found.map(|at| at + 1) else {
            return false;
        };
        let has_own_token =
            *argv[at] == *self.name && argv.get(at + 1).is_some_and(|next| is_value(next));
        match self.value {
            Some(value) if has_own_token => argv[at + 1] = value.to_vec().into(),
            _ => argv[at] = self.word.to_vec().into(),
        }
        true
    }
}

/// A token behind an option is its value, unless it is another option; `-1` and `-.5` are numbers.
fn is_value(token: &[u8]) -> bool {
    match token.strip_prefix(b"-") {
        Some(rest) => rest
            .first()
            .is_none_or(|byte| byte.is_ascii_digit() || *byte == b'.'),
        None => true,
    }
}

/// A secret that was taken out before the command was recorded cannot be put back.
fn refuse_placeholders(step: StepName, argv: &[ByteStr]) -> Result<(), CommandError> {
    let Some(at) = argv
        .iter()
        .position(|argument| roar_secrets::holds_placeholder(argument))
    else {
        return Ok(());
    };
    let shown = escape_text(&String::from_utf8_lossy(&argv[at]));
    Err(CommandError::new(
        Fault::Own,
        format!("argument {at} of {step} was a secret and is not recorded: {shown}"),
    )
    .hint("type the whole command again with `roar run`, or give the option: `--token=…`"))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests may panic")]
mod tests {
    use super::*;

    fn after(argv: &str, overrides: &[&str]) -> String {
        let argv = argv
            .split(' ')
            .map(|word| word.as_bytes().to_vec().into())
            .collect();
        let overrides: Vec<OsString> = overrides.iter().map(OsString::from).collect();
        let argv = replaced(argv, &overrides).unwrap();
        let words: Vec<_> = argv
            .iter()
            .map(|word| String::from_utf8_lossy(word).into_owned())
            .collect();
        words.join(" ")
    }

    #[test]
    fn options_are_replaced_token_by_token() {
        assert_eq!(
            after("t --lr-decay 0.1 --lr 2", &["--lr=1"]),
            "t --lr-decay 0.1 --lr 1"
        );
        assert_eq!(
            after("t --lr-decay 0.1", &["--lr=1"]),
            "t --lr-decay 0.1 --lr=1"
        );
        assert_eq!(after("t --lr=2 in.csv", &["--lr=1"]), "t --lr=1 in.csv");
        assert_eq!(
            after("t --flag --other x", &["--flag=1"]),
            "t --flag=1 --other x"
        );
        assert_eq!(after("t --n -1 x", &["--n=-2"]), "t --n -2 x");
        assert_eq!(after("t --lr 1 --lr 2", &["--lr=3"]), "t --lr 1 --lr 3");
        assert_eq!(
            after("t", &["--name=a b", "--verbose"]),
            "t --name=a b --verbose"
        );
        assert_eq!(after("t --verbose x", &["--verbose"]), "t --verbose x");
        assert_eq!(after("t -a -- x", &["--lr=1"]), "t -a --lr=1 -- x");
        assert_eq!(
            after("npm run t -- --lr 2", &["--n=1"]),
            "npm run t -- --lr 2 --n=1"
        );
        assert_eq!(
            after("uv run -- python t.py x", &["--lr=1"]),
            "uv run -- python t.py x --lr=1"
        );
    }

    #[test]
    fn what_is_no_option_is_refused() {
        for word in ["x", "-k", "--", "--=1", ""] {
            assert!(
                replaced(vec![b"t".to_vec().into()], &[OsString::from(word)]).is_err(),
                "{word}"
            );
        }
        let shell = ["sh", "-c", "t --lr 1"].map(|word| word.as_bytes().to_vec().into());
        assert!(replaced(shell.to_vec(), &[OsString::from("--lr=2")]).is_err());
    }
}
