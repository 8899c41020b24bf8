//! What a run printed, and how it ended.

use std::fmt;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::Output;

/// What a run printed, and how it ended.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The bytes of its standard output.
    pub stdout: Vec<u8>,
    /// The bytes of its standard error.
    pub stderr: Vec<u8>,
    /// Its exit code; 128 and the number of the signal that killed it.
    pub code: i32,
    root: PathBuf,
}

impl Seen {
    pub(crate) fn new(output: Output, root: &Path) -> Self {
        let status = output.status;
        let killed = || 128 + status.signal().unwrap_or_default();
        Self {
            code: status.code().unwrap_or_else(killed),
            stdout: output.stdout,
            stderr: output.stderr,
            root: root.to_owned(),
        }
    }

    /// Returns standard output as text, without the newline at its end.
    pub fn out(&self) -> String {
        String::from_utf8_lossy(&self.stdout)
            .trim_end_matches('\n')
            .to_owned()
    }

    /// Returns standard error as text, without the newline at its end.
    pub fn err(&self) -> String {
        String::from_utf8_lossy(&self.stderr)
            .trim_end_matches('\n')
            .to_owned()
    }

    /// Returns this, if the exit code was 0.
    ///
    /// # Panics
    ///
    /// When it was another, with all that was printed.
    #[must_use]
    #[track_caller]
    pub fn success(self) -> Self {
        assert!(self.code == 0, "{self}");
        self
    }

    /// Replaces what differs from run to run.
    fn tidy(&self, bytes: &[u8]) -> String {
        let text = String::from_utf8_lossy(bytes);
        let text = text.replace(&*self.root.to_string_lossy(), "$SANDBOX");
        words(&text)
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, bytes) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            if !bytes.is_empty() {
                writeln!(f, "--- {name}")?;
                f.write_str(&self.tidy(bytes))?;
            }
        }
        if self.code != 0 {
            writeln!(f, "[exit {}]", self.code)?;
        }
        Ok(())
    }
}

/// Replaces names of objects and times, word by word.
fn words(text: &str) -> String {
    let mut tidy = String::with_capacity(text.len());
    let mut word = String::new();
    for character in text.chars().chain(['\0']) {
        if character.is_ascii_alphanumeric() || (character == '.' && is_number(&word)) {
            word.push(character);
            continue;
        }
        tidy.push_str(replacement(&word).unwrap_or(&word));
        word.clear();
        if character != '\0' {
            tidy.push(character);
        }
    }
    tidy
}

fn is_number(word: &str) -> bool {
    !word.is_empty()
        && word
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.')
}

fn replacement(word: &str) -> Option<&'static str> {
    let hex = word
        .bytes()
        .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let mixed = word.bytes().any(|byte| byte.is_ascii_digit());
    match word.len() {
        64 if hex => Some("<id>"),
        12 if hex && mixed => Some("<short>"),
        _ => duration(word),
    }
}

/// A number with a unit of time and no blank between.
fn duration(word: &str) -> Option<&'static str> {
    let number = ["ns", "us", "ms", "s", "m", "h"]
        .iter()
        .find_map(|unit| word.strip_suffix(unit))?;
    is_number(number).then_some("<time>")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_times_become_words() {
        let id = "a1".repeat(32);
        let text = format!("x {id} (c0ffee123456) took 1.25s, ends. 7 files\n");
        assert_eq!(
            words(&text),
            "x <id> (<short>) took <time>, ends. 7 files\n"
        );
    }
}
