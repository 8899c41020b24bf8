//! Text that is safe to show.

use std::fmt::Write as _;

/// Longest piece of somebody else's text that is repeated in a message, in characters.
const LONGEST: usize = 2_000;

/// Returns bytes as text: what is not UTF-8 or not printable as `\xNN`, `\n` or `\u{…}`.
pub(crate) fn escape(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        chunk
            .valid()
            .chars()
            .for_each(|character| push(&mut text, character));
        for byte in chunk.invalid() {
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    text
}

/// Returns a path for a line that a script reads: as it is, or in double quotes with escapes as git
/// writes them, if there is something in it that could be mistaken.
pub(crate) fn quote(path: &[u8]) -> String {
    match std::str::from_utf8(path) {
        Ok(text) if !text.chars().any(needs_quotes) => text.to_owned(),
        _ => format!(
            "\"{}\"",
            path.iter().copied().map(quoted).collect::<String>()
        ),
    }
}

fn needs_quotes(character: char) -> bool {
    character.is_control() || misleads(character) || matches!(character, '"' | '\\')
}

fn quoted(byte: u8) -> String {
    match byte {
        b'\n' => "\\n".to_owned(),
        b'\t' => "\\t".to_owned(),
        b'\r' => "\\r".to_owned(),
        b'"' => "\\\"".to_owned(),
        b'\\' => "\\\\".to_owned(),
        b' '..=b'~' => char::from(byte).to_string(),
        _ => format!("\\{byte:03o}"),
    }
}

/// Returns a line with everything in it that is not printable escaped, and cut where it is absurd.
pub(crate) fn escape_text(line: &str) -> String {
    let mut text = String::with_capacity(line.len().min(LONGEST));
    for (at, character) in line.chars().enumerate() {
        if at == LONGEST {
            let _ = write!(text, "… ({} bytes in all)", line.len());
            break;
        }
        push(&mut text, character);
    }
    text
}

fn push(text: &mut String, character: char) {
    match character {
        '\n' => text.push_str("\\n"),
        '\r' => text.push_str("\\r"),
        '\t' => text.push_str("\\t"),
        _ if character.is_ascii_control() => {
            let _ = write!(text, "\\x{:02x}", u32::from(character));
        }
        _ if character.is_control() || misleads(character) => {
            let _ = write!(text, "\\u{{{:x}}}", u32::from(character));
        }
        _ => text.push(character),
    }
}

/// Characters that are not seen and change how others are: direction marks, line separators.
fn misleads(character: char) -> bool {
    matches!(character,
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_moves_the_cursor_gets_through() {
        assert_eq!(escape(b"a\x1b[2Jb\nc\xff"), "a\\x1b[2Jb\\nc\\xff");
        assert_eq!(escape("\u{9b}\u{202e}é".as_bytes()), "\\u{9b}\\u{202e}é");
    }

    #[test]
    fn only_paths_that_could_be_mistaken_are_quoted() {
        assert_eq!(quote("data/é b.csv".as_bytes()), "data/é b.csv");
        assert_eq!(quote(b"a\nb\"c\xff"), "\"a\\nb\\\"c\\377\"");
    }

    #[test]
    fn a_hundred_kilobytes_are_not_repeated() {
        let text = escape_text(&"f".repeat(100_000));
        assert!(text.len() < 2_100 && text.ends_with("… (100000 bytes in all)"));
    }
}
