//! Whether a value beside a telling name can be the secret itself.

use crate::name::{self, Strength};
use crate::placeholder::holds_placeholder;

/// Words that say how or whether, in place of what.
const WORDS: [&str; 26] = [
    "true",
    "false",
    "none",
    "null",
    "nil",
    "yes",
    "no",
    "on",
    "off",
    "auto",
    "required",
    "optional",
    "prompt",
    "ask",
    "stdin",
    "env",
    "default",
    "-",
    "hidden",
    "redacted",
    "basic",
    "bearer",
    "digest",
    "token",
    "undefined",
    "str",
];

/// Forms that point to where the secret is kept, or that match one.
const REFERENCES: [&str; 20] = [
    ".*",
    "[^",
    "\\",
    "env:",
    "env.",
    "file:",
    "op://",
    "vault:",
    "vault://",
    "ssm:",
    "arn:",
    "keyring:",
    "keychain:",
    "secretsmanager:",
    "gcp-sm:",
    "@",
    "id=",
    "type=",
    "fd:",
    "sops:",
];

const EXTENSIONS: [&str; 19] = [
    ".json", ".yaml", ".yml", ".toml", ".txt", ".pem", ".key", ".crt", ".cer", ".pub", ".env",
    ".csv", ".ini", ".cfg", ".conf", ".py", ".sh", ".gpg", ".enc",
];

/// Tells whether `value` beside a name of this strength is to be replaced.
pub(crate) fn is_secret(strength: Strength, value: &[u8]) -> bool {
    if strength == Strength::None || value.is_empty() || stands_for_another(value) {
        return false;
    }
    let secret = match strength {
        Strength::None => false,
        Strength::Weak => looks_random(value) && !is_path(value),
        Strength::Mild => is_unlike_a_word(value),
        Strength::Token => !is_number(value) && !is_version(value, 1) && !is_file(value),
        Strength::Password => !is_version(value, 2) && !is_path(value),
    };
    // What an earlier pass left was judged by it as a whole.
    secret && !holds_placeholder(value)
}

fn stands_for_another(value: &[u8]) -> bool {
    let word = |list: &[&str]| {
        list.iter()
            .any(|word| value.eq_ignore_ascii_case(word.as_bytes()))
    };
    let begins = |list: &[&str]| list.iter().any(|start| value.starts_with(start.as_bytes()));
    word(&WORDS) || begins(&REFERENCES) || is_template(value) || is_code(value)
}

/// `$VAR`, `` `cmd` ``, `%VAR%`, `{{ x }}`, `<token>`, `[MASK]`, `****`, `...`.
fn is_template(value: &[u8]) -> bool {
    let first = value[0];
    let last = value[value.len() - 1];
    let same = value.iter().all(|&byte| byte == first);
    matches!(first, b'$' | b'`')
        || (first == b'%' && last == b'%')
        || value.starts_with(b"{{")
        || value.starts_with(b"{")
        || (first == b'<' && last == b'>')
        || (first == b'[' && last == b']')
        || (same && matches!(first, b'*' | b'.' | b'x' | b'X' | b'?' | b'_'))
}

/// `args.password`, `self.config.api_token`: a name, dotted, that tells; also
/// `getpass()` and `os.environ["TOKEN"]`.
fn is_code(value: &[u8]) -> bool {
    is_call(value) || is_attribute(value)
}

fn is_call(value: &[u8]) -> bool {
    let name = value
        .iter()
        .take_while(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'.'))
        .count();
    let (open, close) = (value.get(name), value.last());
    name > 0
        && matches!(
            (open, close),
            (Some(b'('), Some(b')')) | (Some(b'['), Some(b']'))
        )
}

fn is_attribute(value: &[u8]) -> bool {
    let identifier = |part: &[u8]| {
        !part.is_empty()
            && part
                .iter()
                .all(|byte| byte.is_ascii_alphabetic() || *byte == b'_')
    };
    value.len() <= name::LONGEST
        && value.contains(&b'.')
        && value.split(|&byte| byte == b'.').all(identifier)
        && name::strength(value) != Strength::None
}

fn is_number(value: &[u8]) -> bool {
    value
        .iter()
        .all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'+' | b','))
}

/// `1.2.3-final` with at least `dots` dots between digits at its beginning.
fn is_version(value: &[u8], dots: usize) -> bool {
    let digits = value
        .iter()
        .take_while(|byte| byte.is_ascii_digit() || **byte == b'.')
        .count();
    let head = &value[..digits];
    let dotted = head.iter().filter(|&&byte| byte == b'.').count();
    value[0].is_ascii_digit()
        && dotted >= dots
        && value[digits..].len() <= 12
        && !head.windows(2).any(|pair| pair == b"..")
}

fn is_path(value: &[u8]) -> bool {
    /// Longer is no path the kernel would take.
    const LONGEST: usize = 4096;
    let begins = [&b"/"[..], b"./", b"../", b"~/"]
        .iter()
        .any(|start| value.starts_with(start));
    begins && value.len() <= LONGEST && !value.split(|&byte| byte == b'/').any(looks_random)
}

fn is_file(value: &[u8]) -> bool {
    is_path(value) || (is_named_file(value) && !looks_random(value))
}

/// Tells whether `value` ends as names of files do.
pub(crate) fn is_named_file(value: &[u8]) -> bool {
    EXTENSIONS.iter().any(|end| value.ends_with(end.as_bytes()))
}

/// Long enough for a secret and not letters alone, or letters whose case changes all the time.
fn is_unlike_a_word(value: &[u8]) -> bool {
    let digit = head(value).iter().any(u8::is_ascii_digit);
    let letter = head(value).iter().any(u8::is_ascii_alphabetic);
    let mixed = (digit && letter) || zigzags(head(value));
    value.len() >= 6 && mixed && !is_version(value, 1) && !is_file(value)
}

/// Tells whether `value`, one word of 16 bytes or more, looks drawn by lot rather than written by a person.
///
/// Names change between lower case, upper case and digits at word ends; random
/// text changes all the time, so the share of changes tells them apart. Pure
/// hexadecimal must be 32 digits or more.
pub fn looks_random(value: &[u8]) -> bool {
    let value = head(value);
    let allowed = |byte: &u8| {
        byte.is_ascii_alphanumeric()
            || matches!(byte, b'-' | b'_' | b'+' | b'/' | b'=' | b'.' | b'~')
    };
    if value.len() < 16 || !value.iter().all(allowed) {
        return false;
    }
    let digits = value.iter().filter(|byte| byte.is_ascii_digit()).count();
    if digits < 2 || digits == value.len() || words_share(value) > 60 {
        return false;
    }
    let hex = value.iter().all(u8::is_ascii_hexdigit);
    let enough = if hex { value.len() >= 32 } else { true };
    enough && changes(value) * 4 >= value.len()
}

/// Tells whether a value changes between small letters, capitals and digits at least three times, and so
/// often that no part of it is a word. A capital before small letters begins a word as in `MyProject`.
pub(crate) fn zigzags(value: &[u8]) -> bool {
    let joints = (1..value.len()).filter(|&at| is_joint(value, at)).count();
    joints >= 3 && value.len() < 3 * (joints + 1)
}

/// What parts the words of a name is no joint: `eu-west-3a` has one.
fn is_joint(value: &[u8], at: usize) -> bool {
    let pair = &value[at - 1..=at];
    let both = pair.iter().all(u8::is_ascii_alphanumeric);
    both && (pair[0].is_ascii_digit() != pair[1].is_ascii_digit() || name::hump(value, at))
}

/// Tells whether `value` is letters alone that no word of a command is: 16 or more, or 12 with five in a
/// row that no word has.
pub(crate) fn is_no_spoken_word(value: &[u8]) -> bool {
    let consonant = |byte: &u8| !b"aeiouy".contains(&byte.to_ascii_lowercase());
    let unspoken = || {
        head(value)
            .windows(5)
            .any(|part| part.iter().all(consonant))
    };
    value.iter().all(u8::is_ascii_alphabetic)
        && (value.len() >= 16 || (value.len() >= 12 && unspoken()))
}

/// Enough to judge by, and a bound for long values.
fn head(value: &[u8]) -> &[u8] {
    &value[..value.len().min(256)]
}

/// Separators do not count: dates and paths change at each of theirs.
fn changes(value: &[u8]) -> usize {
    let differ = |pair: &&[u8]| match (class(pair[0]), class(pair[1])) {
        (Some(one), Some(other)) => one != other,
        _ => false,
    };
    value.windows(2).filter(differ).count()
}

/// Per cent of the bytes that lie in lower-case stretches of five or more.
fn words_share(value: &[u8]) -> usize {
    let inside: usize = value
        .split(|byte| !byte.is_ascii_lowercase())
        .filter(|word| word.len() >= 5)
        .map(<[u8]>::len)
        .sum();
    inside * 100 / value.len()
}

fn class(byte: u8) -> Option<u8> {
    match byte {
        b'a'..=b'z' => Some(0),
        b'A'..=b'Z' => Some(1),
        b'0'..=b'9' => Some(2),
        _ => None,
    }
}
