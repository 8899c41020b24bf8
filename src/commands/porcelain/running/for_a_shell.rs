//! What a shell would understand and a kernel does not, and how it is said instead.

use super::report::command_line;
use roar_object::JobKind;
use std::ffi::{OsStr, OsString};

/// Longest command that is shown whole, in bytes.
const LONG: usize = 120;

/// Commands that are no programs: a shell does them itself.
const BUILT_IN: &[&str] = &[
    ".", ":", "alias", "bg", "cd", "command", "declare", "eval", "exec", "exit", "export", "fg",
    "jobs", "let", "local", "popd", "pushd", "read", "set", "shift", "shopt", "source", "trap",
    "type", "typeset", "ulimit", "umask", "unalias", "unset", "wait",
];

/// Returns how to run a command whose program was not found, if a shell would have known what to do.
pub(super) fn hint(kind: JobKind, argv: &[OsString]) -> Option<String> {
    let first = argv.first()?.to_str()?;
    if is_assignment(first) && argv.len() > 1 {
        let told = shown(kind, ["env"], argv)?;
        return Some(format!("{told} sets a variable for the command"));
    }
    if BUILT_IN.contains(&first) {
        let text = OsString::from(format!("{}; …", command_line(argv)));
        let told = shown(kind, ["sh", "-c"], &[text])?;
        return Some(format!("'{first}' is a shell's own command; as in {told}"));
    }
    if argv.len() == 1 && is_shell_text(first) {
        let told = shown(kind, ["sh", "-c"], argv)?;
        return Some(format!("{told} has a shell read that text"));
    }
    None
}

/// Returns `NAME=value` words that a shell takes off a command.
fn is_assignment(word: &str) -> bool {
    let Some((name, _)) = word.split_once('=') else {
        return false;
    };
    let is_letter = |letter: char| letter.is_ascii_alphabetic() || letter == '_';
    name.starts_with(is_letter) && name.chars().all(|it| is_letter(it) || it.is_ascii_digit())
}

fn is_shell_text(word: &str) -> bool {
    word.contains(|letter: char| letter.is_whitespace() || "|&;<>()$`*?".contains(letter))
}

/// Returns the command line with other words before the command, if it is not too long to be shown.
fn shown<const N: usize>(kind: JobKind, before: [&str; N], argv: &[OsString]) -> Option<String> {
    let before = before.iter().map(OsStr::new).map(OsStr::to_owned);
    let words: Vec<_> = before.chain(argv.iter().cloned()).collect();
    let line = command_line(&words);
    (line.len() <= LONG).then(|| format!("`roar {} {line}`", kind.name()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(words: &[&str]) -> Option<String> {
        let argv: Vec<_> = words.iter().map(OsString::from).collect();
        hint(JobKind::Run, &argv)
    }

    #[test]
    fn what_a_shell_would_do_is_said_in_words_that_work() {
        for (words, wanted) in [
            (
                &["echo a | cat"][..],
                "`roar run sh -c 'echo a | cat'` has a shell read that text",
            ),
            (
                &["python train.py"],
                "`roar run sh -c 'python train.py'` has a shell read that text",
            ),
            (
                &["FOO=1", "cmd", "a b"],
                "`roar run env FOO=1 cmd 'a b'` sets a variable for the command",
            ),
            (
                &["cd", "x"],
                "'cd' is a shell's own command; as in `roar run sh -c 'cd x; …'`",
            ),
        ] {
            assert_eq!(told(words).as_deref(), Some(wanted));
        }
        for words in [
            &["no-such-program"][..],
            &["a b", "c"],
            &["1=2", "x"],
            &["A=1"],
            &[],
        ] {
            assert_eq!(told(words), None);
        }
        assert_eq!(told(&["a | b".repeat(100).as_str()]), None);
    }
}
