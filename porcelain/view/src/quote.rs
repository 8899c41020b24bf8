//! Somebody else's bytes, made fit to be shown and to be pasted into a shell.

use crate::model::Bytes;
use roar_object::ByteStr;
use std::fmt::Write as _;

/// Returns bytes as one word of a shell command: as it is where that is safe, else in single quotes,
/// and with what is not printable as `$'\xNN'`.
pub fn word(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.is_empty() && text.chars().all(is_plain) => text.to_owned(),
        Ok(text) if text.chars().all(is_visible) => format!("'{}'", text.replace('\'', r"'\''")),
        _ => escaped(bytes),
    }
}

/// Returns a command as a line that a shell takes back.
pub fn command(argv: &[ByteStr]) -> String {
    let words: Vec<_> = argv.iter().map(|argument| word(argument)).collect();
    words.join(" ")
}

/// Returns text with what is not printable escaped, for prose: names, reasons, facts.
pub(crate) fn prose(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if is_visible(character) {
            shown.push(character);
        } else {
            shown.extend(character.escape_unicode());
        }
    }
    shown
}

fn is_plain(character: char) -> bool {
    if character.is_ascii() {
        character.is_ascii_alphanumeric()
            || matches!(
                character,
                '_' | '@' | '%' | '+' | '=' | ':' | ',' | '.' | '/' | '-'
            )
    } else {
        character.is_alphanumeric() && is_visible(character)
    }
}

/// Returns whether a character shows as itself and changes nothing around it.
fn is_visible(character: char) -> bool {
    let misleads = matches!(character,
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}');
    !character.is_control() && !misleads
}

fn escaped(bytes: &[u8]) -> String {
    let mut shown = String::from("$'");
    for chunk in bytes.utf8_chunks() {
        chunk
            .valid()
            .chars()
            .for_each(|character| push_escaped(&mut shown, character));
        push_bytes(&mut shown, chunk.invalid());
    }
    shown.push('\'');
    shown
}

fn push_escaped(shown: &mut String, character: char) {
    match character {
        '\n' => shown.push_str("\\n"),
        '\t' => shown.push_str("\\t"),
        '\r' => shown.push_str("\\r"),
        '\'' | '\\' => shown.extend(['\\', character]),
        _ if is_visible(character) => shown.push(character),
        _ => push_bytes(shown, character.encode_utf8(&mut [0; 4]).as_bytes()),
    }
}

fn push_bytes(shown: &mut String, bytes: &[u8]) {
    for byte in bytes {
        let _ = write!(shown, "\\x{byte:02x}");
    }
}

/// Returns how many columns a terminal needs for a text.
pub(crate) fn columns(text: &str) -> usize {
    if text.is_ascii() {
        return text.len();
    }
    text.chars().map(columns_of).sum()
}

/// Wide and zero-width characters as East Asian Width (UAX 11) has them, in coarse blocks.
fn columns_of(character: char) -> usize {
    match u32::from(character) {
        0x0300..=0x036f | 0x200d | 0xfe00..=0xfe0f => 0,
        0x1100..=0x115f
        | 0x2e80..=0xa4cf
        | 0xac00..=0xd7a3
        | 0xf900..=0xfaff
        | 0xfe30..=0xfe6f
        | 0xff00..=0xff60
        | 0xffe0..=0xffe6
        | 0x1f300..=0x1faff
        | 0x20000..=0x3fffd => 2,
        _ => 1,
    }
}

/// Returns the beginning of a text that fits, with an ellipsis where something was cut off.
pub(crate) fn cut(text: &str, width: usize, ellipsis: &str) -> String {
    if columns(text) <= width {
        return text.to_owned();
    }
    let room = width.saturating_sub(columns(ellipsis));
    let (mut shown, mut used) = (String::new(), 0);
    for character in text.chars() {
        used += columns_of(character);
        if used > room {
            break;
        }
        shown.push(character);
    }
    shown + ellipsis
}

/// Returns the end of a text that fits.
fn end(text: &str, width: usize) -> &str {
    let mut used = 0;
    let mut from = text.len();
    for (at, character) in text.char_indices().rev() {
        used += columns_of(character);
        if used > width {
            break;
        }
        from = at;
    }
    &text[from..]
}

/// Returns a command as a line that fits: of a program and of what it is given first, which may be a
/// script, the name goes before the directory that it is in, and what else is too much is left out of the
/// middle. So both what runs and what it is given last are seen.
pub(crate) fn short_command(argv: &[Bytes], width: usize) -> String {
    let mut words: Vec<_> = argv.iter().map(Bytes::shown).collect();
    let script = argv
        .iter()
        .skip(1)
        .position(|word| !word.0.starts_with(b"-"));
    let script = script.map(|at| at + 1);
    for at in [Some(0), script].into_iter().flatten() {
        if at < argv.len() && columns(&words.join(" ")) > width {
            words[at] = word(base_name(&argv[at].0));
        }
    }
    let line = words.join(" ");
    if columns(&line) <= width {
        return line;
    }
    let room = width.saturating_sub(1);
    let program = script.map_or(0, |script| columns(&words[..=script].join(" ")));
    let head = program.clamp(room / 2, room * 2 / 3);
    format!("{}…{}", cut(&line, head, ""), end(&line, room - head))
}

/// Returns the last part of a path. What is not the name of a file, as the text after `-c`, is left as it is.
fn base_name(path: &[u8]) -> &[u8] {
    let name = path.rsplit(|&byte| byte == b'/').next();
    match name {
        Some(name) if !name.is_empty() && !path.iter().any(u8::is_ascii_whitespace) => name,
        _ => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_takes_back_what_is_shown() {
        let argv = [
            "python", "a b.py", "--x=1", "it's", "", "$HOME", "*", "é", "~",
        ];
        let argv: Vec<_> = argv.map(ByteStr::from).to_vec();
        assert_eq!(
            command(&argv),
            r"python 'a b.py' --x=1 'it'\''s' '' '$HOME' '*' é '~'"
        );
    }

    #[test]
    fn nothing_that_moves_the_cursor_is_shown() {
        assert_eq!(word(b"a\x1b[2J\n\xff'\\"), r"$'a\x1b[2J\n\xff\'\\'");
        assert_eq!(word("a\u{202e}b".as_bytes()), r"$'a\xe2\x80\xaeb'");
        assert_eq!(prose("a\u{1b}b"), "a\\u{1b}b");
    }

    #[test]
    fn what_is_cut_fits() {
        assert_eq!(cut("abcdef", 4, "…"), "abc…");
        assert_eq!(cut("abcdef", 6, "…"), "abcdef");
        assert_eq!(cut("表表表", 5, "…"), "表表…");
        assert_eq!(cut("abcdef", 2, "..."), "...");
    }

    fn short(words: &str) -> String {
        let argv: Vec<_> = words.split('|').map(Bytes::from).collect();
        let line = short_command(&argv, 34);
        assert!(columns(&line) <= 34, "{line}");
        line
    }

    #[test]
    fn of_a_command_that_is_cut_the_program_the_script_and_the_end_are_seen() {
        assert_eq!(
            short("/usr/bin/python3|train.py"),
            "/usr/bin/python3 train.py"
        );
        let python = "/home/me/project/.venv/bin/python";
        assert_eq!(short(&format!("{python}|train.py")), "python train.py");
        assert_eq!(
            short(&format!("{python}|-u|/home/me/project/train.py|--seed=3")),
            "python -u train.py --seed=3"
        );
        assert_eq!(
            short(&format!(
                "{python}|train.py|--lr=0.1|--epochs=20|--out=models/a.bin"
            )),
            "python train.py …-out=models/a.bin"
        );
        assert_eq!(
            short("sh|-c|cat data/raw/one.csv > t1; cat t1 | sort > out/t2.csv"),
            "sh -c 'cat data/raw/on…out/t2.csv'"
        );
        assert_eq!(
            short("cat|表表表表表表表表表表表表表表表表表表表表")
                .matches('表')
                .count(),
            14
        );
        assert_eq!(short(""), "''");
        assert_eq!(short_command(&[], 34), "");
    }
}
