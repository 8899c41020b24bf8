//! Secrets that a shell's text hands to a program's standard input.

use crate::name::Strength;
use crate::shell::{Command, Word};
use crate::span::{Span, Spans};
use crate::value;

/// Adds what is printed into, or stands after `<<<` of, a command that reads a secret.
pub(super) fn find(text: &[u8], commands: &[Command], spans: &mut Spans) {
    for (index, command) in commands.iter().enumerate() {
        let words: Vec<&[u8]> = command.words.iter().map(|word| word.of(text)).collect();
        if !reads_a_secret(&words) {
            continue;
        }
        here_string(text, command, spans);
        if command.piped && index > 0 {
            printed(text, &commands[index - 1], spans);
        }
    }
}

/// Tells whether a command takes a password or a token from its standard input.
fn reads_a_secret(words: &[&[u8]]) -> bool {
    const FLAGS: [&[u8]; 5] = [
        b"--password-stdin",
        b"--with-token",
        b"--passphrase-fd",
        b"--api-key-stdin",
        b"--token-stdin",
    ];
    const PROGRAMS: [&[u8]; 3] = [b"chpasswd", b"sshpass", b"cryptsetup"];
    let has = |wanted: &[u8]| words.contains(&wanted);
    let named = |names: &[&[u8]]| {
        let mut bases = words.iter().map(|word| super::basename(word));
        bases.any(|base| names.contains(&base))
    };
    let secret = words.windows(2).any(|pair| {
        matches!(pair[0], b"secret" | b"secrets") && matches!(pair[1], b"put" | b"set" | b"create")
    });
    FLAGS.iter().any(|flag| has(flag))
        || named(&PROGRAMS)
        || secret
        || (named(&[b"sudo"]) && has(b"-S"))
        || (named(&[b"passwd"]) && has(b"--stdin"))
        || (named(&[b"openssl"]) && has(b"stdin"))
}

/// `<<< SECRET`, with or without the blank.
fn here_string(text: &[u8], command: &Command, spans: &mut Spans) {
    let mut words = command.words.iter().peekable();
    while let Some(word) = words.next() {
        let Some(rest) = word.of(text).strip_prefix(b"<<<") else {
            continue;
        };
        let inside = Word::unquoted(text, word.end - rest.len(), word.end);
        let following = words.peek().copied().copied();
        let target = if rest.is_empty() { following } else { inside };
        if let Some(target) = target {
            add(text, target, spans);
        }
    }
}

/// What `echo` and `printf` are given, but for their options and formats.
fn printed(text: &[u8], command: &Command, spans: &mut Spans) {
    let mut words = command.words.iter();
    let prints = words
        .next()
        .is_some_and(|word| matches!(super::basename(word.of(text)), b"echo" | b"printf"));
    if !prints {
        return;
    }
    for word in words {
        let bytes = word.of(text);
        if !bytes.starts_with(b"-") && !bytes.starts_with(b"%") {
            add(text, *word, spans);
        }
    }
}

fn add(text: &[u8], word: Word, spans: &mut Spans) {
    if value::is_secret(Strength::Password, word.of(text)) {
        spans.add(Span::loose(word.start, word.end, "password"));
    }
}
