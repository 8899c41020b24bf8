//! Secrets that only an argument's neighbours give away.
//!
//! `--api-key` makes the next argument a secret, `-u` does so after `curl` and
//! `-p` after `mysql`. The same rules hold inside the text given to `sh -c`.

mod named;
mod pipes;
mod programs;

use crate::assign::{is_name_byte, kind_of};
use crate::name;
use crate::shell;
use crate::span::{Span, Spans};
use crate::value;

use programs::Program;

/// Adds what the arguments tell about each other; `spans` has one entry each.
pub(crate) fn find(words: &[&[u8]], spans: &mut [Spans]) {
    for (index, word) in words.iter().enumerate() {
        if is_script(words, index) {
            find_in_shell(word, &mut spans[index]);
        } else {
            whole_assignment(word, &mut spans[index]);
        }
    }
    for (index, span) in sequence(words) {
        spans[index].add(span);
    }
}

/// Adds what words inside a shell's text tell about each other.
pub(crate) fn find_in_shell(text: &[u8], spans: &mut Spans) {
    let commands = shell::commands(text);
    for command in &commands {
        let words: Vec<&[u8]> = command.words.iter().map(|word| word.of(text)).collect();
        for (index, span) in sequence(&words) {
            spans.add(span.shifted(command.words[index].start));
        }
    }
    pipes::find(text, &commands, spans);
}

/// An argument that begins with `--name=` or `NAME=` is that value to its end,
/// blanks and all; a form body (`a=1&b=2`) is left to the rules for text.
pub(crate) fn whole_assignment(word: &[u8], spans: &mut Spans) {
    let Some(equals) = word
        .iter()
        .take(name::LONGEST)
        .position(|&byte| byte == b'=')
    else {
        return;
    };
    let dashes = word.iter().take_while(|&&byte| byte == b'-').count();
    let Some(name) = word.get(dashes..equals) else {
        return;
    };
    let plain = name.iter().copied().all(is_name_byte);
    let form = dashes == 0 && word[equals..].contains(&b'&');
    let compares = word.get(equals + 1) == Some(&b'=');
    if !plain || form || compares {
        return;
    }
    let strength = name::strength(name);
    let (start, end) = unquote(word, equals + 1);
    if value::is_secret(strength, &word[start..end]) {
        spans.add(Span::loose(start, end, kind_of(strength, name)));
    }
}

fn unquote(word: &[u8], start: usize) -> (usize, usize) {
    let value = &word[start..];
    match value {
        [b'"', .., b'"'] | [b'\'', .., b'\''] => (start + 1, word.len() - 1),
        _ => (start, word.len()),
    }
}

/// Tells whether an argument is text for a shell: what follows `sh -c`, and what
/// `ssh` is to run.
fn is_script(words: &[&[u8]], index: usize) -> bool {
    const SHELLS: [&[u8]; 11] = [
        b"sh",
        b"bash",
        b"zsh",
        b"dash",
        b"ksh",
        b"ash",
        b"fish",
        b"busybox",
        b"su",
        b"pwsh",
        b"powershell",
    ];
    let before = &words[..index];
    let any = |names: &[&[u8]]| before.iter().any(|word| names.contains(&basename(word)));
    let command_flag = before.last().is_some_and(|flag| {
        flag.len() <= 8
            && flag.starts_with(b"-")
            && !flag.starts_with(b"--")
            && flag.ends_with(b"c")
    });
    let blank = words[index].contains(&b' ');
    (command_flag && any(&SHELLS)) || (blank && any(&[b"ssh", b"eval"]))
}

/// Judges words in order; returns which word a stretch lies in.
fn sequence(words: &[&[u8]]) -> Vec<(usize, Span)> {
    let mut found = Vec::new();
    let mut program: Option<&'static Program> = None;
    let (mut login, mut configures) = (false, false);
    for (index, word) in words.iter().enumerate() {
        if let Some(next) = programs::named(basename(word)) {
            program = Some(next);
            (login, configures) = (false, false);
            found.extend(next.placed(words, index));
            continue;
        }
        let next = words.get(index + 1).copied();
        if let Some(span) = named::value_after(words, index, configures) {
            found.push((index + 1, span));
        }
        if let Some(program) = program {
            found.extend(program.placed(words, index));
            if let Some(span) = program.glued(word) {
                found.push((index, span));
            }
            if let Some(span) = next.and_then(|next| program.after_flag(word, next, login)) {
                found.push((index + 1, span));
            }
            if let Some(span) = program.positional(word, login) {
                found.push((index, span));
            }
        }
        login = login || *word == b"login";
        configures = configures || named::configures(word);
    }
    found
}

fn basename(word: &[u8]) -> &[u8] {
    let start = word
        .iter()
        .rposition(|&byte| byte == b'/')
        .map_or(0, |at| at + 1);
    &word[start..]
}
