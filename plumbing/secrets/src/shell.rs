//! Words of a shell's text, with where they are in it.
//!
//! Enough of the shell's grammar to see which word follows which: quotes and
//! backslashes hold words together, operators part commands. Nothing is
//! expanded.

/// One word, by the stretch of text it lies in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Word {
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Word {
    /// Returns its bytes.
    pub(crate) fn of(self, text: &[u8]) -> &[u8] {
        &text[self.start..self.end]
    }

    /// Returns the stretch from `start` to `end` without quotes around it, if there is anything in it.
    pub(crate) fn unquoted(text: &[u8], start: usize, end: usize) -> Option<Self> {
        (start < end).then(|| unquoted(text, start, end))
    }
}

/// A simple command.
#[derive(Debug, Default)]
pub(crate) struct Command {
    pub(crate) words: Vec<Word>,
    /// Whether it reads what the command before it writes.
    pub(crate) piped: bool,
}

/// Returns the simple commands of `text`; a word wholly in quotes is given
/// without them.
pub(crate) fn commands(text: &[u8]) -> Vec<Command> {
    let mut commands = vec![Command::default()];
    let mut at = 0;
    while at < text.len() {
        match text[at] {
            b';' | b'|' | b'&' | b'\n' | b'(' | b')' => {
                let end = operator_end(text, at);
                let piped = matches!(&text[at..end], b"|" | b"|&");
                commands.push(Command {
                    piped,
                    ..Command::default()
                });
                at = end;
            }
            byte if byte.is_ascii_whitespace() => at += 1,
            _ => {
                let end = word_end(text, at);
                if let Some(command) = commands.last_mut() {
                    command.words.push(unquoted(text, at, end));
                }
                at = end;
            }
        }
    }
    commands.retain(|command| !command.words.is_empty());
    commands
}

/// `||`, `&&` and `|&` are one operator each.
fn operator_end(text: &[u8], at: usize) -> usize {
    let two = matches!(text.get(at..at + 2), Some(b"||" | b"&&" | b"|&"));
    at + 1 + usize::from(two)
}

fn word_end(text: &[u8], start: usize) -> usize {
    let mut at = start;
    while at < text.len() {
        match text[at] {
            b'\\' => at += 2,
            quote @ (b'"' | b'\'') => at = after_quote(text, at + 1, quote),
            b';' | b'|' | b'&' | b'(' | b')' => break,
            byte if byte.is_ascii_whitespace() => break,
            _ => at += 1,
        }
    }
    at.min(text.len())
}

fn after_quote(text: &[u8], from: usize, quote: u8) -> usize {
    let mut at = from;
    while at < text.len() && text[at] != quote {
        at += if text[at] == b'\\' && quote == b'"' {
            2
        } else {
            1
        };
    }
    at + 1
}

fn unquoted(text: &[u8], start: usize, end: usize) -> Word {
    let word = &text[start..end];
    let quote = word[0];
    let wrapped = matches!(quote, b'"' | b'\'')
        && word.len() >= 2
        && after_quote(word, 1, quote) == word.len()
        && word[word.len() - 1] == quote;
    if wrapped {
        return Word {
            start: start + 1,
            end: end - 1,
        };
    }
    Word { start, end }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str) -> Vec<Vec<&str>> {
        commands(text.as_bytes())
            .into_iter()
            .map(|command| {
                let words = command.words.into_iter();
                words.map(|word| &text[word.start..word.end]).collect()
            })
            .collect()
    }

    #[test]
    fn only_a_pipe_hands_over_what_was_written() {
        let piped = |text: &str| -> Vec<bool> {
            let commands = commands(text.as_bytes());
            commands.iter().map(|command| command.piped).collect()
        };
        assert_eq!(piped("a|b |& c"), [false, true, true]);
        assert_eq!(piped("a||b; c && d & e"), [false; 5]);
    }

    #[test]
    fn operators_part_commands_and_quotes_hold_words() {
        assert_eq!(
            split("A=1 curl -u 'me:x y' u; echo \"a;b\"|cat&&x"),
            [
                vec!["A=1", "curl", "-u", "me:x y", "u"],
                vec!["echo", "a;b"],
                vec!["cat"],
                vec!["x"]
            ]
        );
    }

    #[test]
    fn text_that_ends_early_is_still_words() {
        assert_eq!(split("a 'b c"), [vec!["a", "'b c"]]);
        assert_eq!(split("a\\"), [vec!["a\\"]]);
        assert_eq!(split("'"), [vec!["'"]]);
    }
}
