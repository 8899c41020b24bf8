//! Every setting there is: its name, its type, its default, what it is for.
//!
//! Help, completion, validation and the list that `roar config list` prints are made from this
//! table, so a setting that is not in it does not exist.

use super::Value;

/// As many bytes as there are: what `all` stands for. It fits the files that settings are kept in, whose
/// integers have a sign.
pub const ALL_BYTES: u64 = i64::MAX.unsigned_abs();
/// The word for it.
pub(super) const ALL: &str = "all";

/// What values a setting takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// `true` or `false`.
    Bool,
    /// A whole number from 1 on.
    Count,
    /// A number of bytes: `4096`, `10M`, `1.5G`, or `all` for any number.
    Size,
    /// A number of seconds, fractions allowed, kept in milliseconds.
    Seconds,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A list of names of environment variables; a `*` at the end of one stands for any ending.
    Names,
}

/// One setting.
#[derive(Debug)]
pub struct Key {
    /// Section and name, such as `run.dirty`.
    pub name: &'static str,
    /// What values it takes.
    pub kind: Type,
    /// Its value when nobody set it, as it would be typed.
    pub default: &'static str,
    /// What it is for, one line.
    pub about: &'static str,
}

/// The table, sorted by name.
pub const KEYS: &[Key] = &[
    Key {
        name: "dataset.min_files",
        kind: Type::Count,
        default: "2",
        about: "fewest files in a directory that is read or written as a whole to count it as a dataset",
    },
    Key {
        name: "environment.variables",
        kind: Type::Names,
        default: "",
        about: "environment variables whose values are recorded, beside the built-in list, unless they look secret",
    },
    Key {
        name: "gc.auto",
        kind: Type::Bool,
        default: "true",
        about: "tidy up in the background when there is much to tidy up",
    },
    Key {
        name: "hash.cache",
        kind: Type::Bool,
        default: "true",
        about: "remember the hashes of files that have not changed",
    },
    Key {
        name: "keep.max_size",
        kind: Type::Size,
        default: "0",
        about: "keep the bytes of every output up to this size, such as 10M; 0 keeps none",
    },
    Key {
        name: "keep.total",
        kind: Type::Size,
        default: "10G",
        about: "keep no more bytes than this in all, such as 500M; `all` for no limit",
    },
    Key {
        name: "lock.timeout",
        kind: Type::Seconds,
        default: "10",
        about: "how long to wait while another roar writes",
    },
    Key {
        name: "output.color",
        kind: Type::Choice(&["auto", "always", "never"]),
        default: "auto",
        about: "when to use colour",
    },
    Key {
        name: "output.pager",
        kind: Type::Bool,
        default: "true",
        about: "show long output through $ROAR_PAGER, $PAGER or less, on a terminal",
    },
    Key {
        name: "output.verbosity",
        kind: Type::Choice(&["quiet", "normal", "verbose"]),
        default: "normal",
        about: "how much `roar run` says",
    },
    Key {
        name: "run.dirty",
        kind: Type::Choice(&["record", "warn", "refuse"]),
        default: "warn",
        about: "what to do when git has uncommitted changes: the exact state is recorded unless refused",
    },
    Key {
        name: "run.grace",
        kind: Type::Seconds,
        default: "1",
        about: "how long to go on watching processes that outlive the command",
    },
    Key {
        name: "tracer.accelerate",
        kind: Type::Choice(&["auto", "off"]),
        default: "auto",
        about: "whether programs note themselves what they read (by LD_PRELOAD), so that they need not wait",
    },
    Key {
        name: "tracer.default",
        kind: Type::Choice(&["auto", "notify", "ptrace"]),
        default: "auto",
        about: "how to watch a command",
    },
];

impl Key {
    /// Returns the setting of that name.
    pub fn find(name: &str) -> Option<&'static Self> {
        KEYS.iter().find(|key| key.name == name)
    }

    /// Returns the environment variable that sets it: `ROAR_RUN_DIRTY` for `run.dirty`.
    pub fn variable(&self) -> String {
        format!("ROAR_{}", self.name.replace('.', "_").to_ascii_uppercase())
    }

    /// Returns the variables that set it, the one that counts first: section and name may also be joined
    /// by two underscores.
    pub(super) fn variables(&self) -> [String; 2] {
        let (section, name) = self.parts();
        let doubled = format!("ROAR_{section}__{name}").to_ascii_uppercase();
        [self.variable(), doubled]
    }

    /// Returns section and name.
    pub fn parts(&self) -> (&'static str, &'static str) {
        self.name
            .split_once('.')
            .expect("every key in the table has a section")
    }

    /// Returns the value that stands when nobody set it.
    pub fn default_value(&self) -> Value {
        self.parse(self.default)
            .expect("every default in the table is of its type")
    }

    /// Reads a value as it is typed on a command line or in a variable.
    ///
    /// # Errors
    ///
    /// What the setting takes instead, in words.
    pub fn parse(&self, text: &str) -> Result<Value, String> {
        match self.kind {
            Type::Bool => parse_bool(text).map(Value::Bool),
            Type::Count => parse_count(text).map(Value::Number),
            Type::Size => parse_size(text).map(Value::Bytes),
            Type::Seconds => parse_seconds(text).map(Value::Millis),
            Type::Choice(words) => match words.iter().find(|&&word| word == text) {
                Some(word) => Ok(Value::Word((*word).to_owned())),
                None => Err(expected(&format!("one of {}", words.join(", ")))),
            },
            Type::Names => names(split_words(text)).map(Value::Words),
        }
    }
}

fn expected(what: &str) -> String {
    format!("it takes {what}")
}

/// A number must fit the files it is kept in, whose integers have a sign.
fn parse_count(text: &str) -> Result<u64, String> {
    let wrong = || expected("a whole number from 1 on");
    let number: u64 = text.parse().map_err(|_| wrong())?;
    match i64::try_from(number) {
        Ok(0) => Err(wrong()),
        Ok(_) => Ok(number),
        Err(_) => Err(expected("a whole number below 2^63")),
    }
}

/// Reads a number of bytes as people write it; units are powers of 1000.
///
/// # Errors
///
/// What it takes instead, in words.
pub(super) fn parse_size(text: &str) -> Result<u64, String> {
    let wrong = || expected("a size such as 4096, 10M or 1.5G, or `all`");
    if text == ALL {
        return Ok(ALL_BYTES);
    }
    let text = text.strip_suffix(['B', 'b']).unwrap_or(text);
    let end = text.find(|at: char| !at.is_ascii_digit() && at != '.');
    let (number, unit) = text.split_at(end.unwrap_or(text.len()));
    let unit: u64 = match unit.trim().to_ascii_uppercase().as_str() {
        "" => 1,
        "K" => 1_000,
        "M" => 1_000_000,
        "G" => 1_000_000_000,
        "T" => 1_000_000_000_000,
        _ => return Err(wrong()),
    };
    let number = number.trim();
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let digits = |text: &str| text.parse::<u64>().map_err(|_| wrong());
    let part_of_unit = match part.len() {
        0 if number.ends_with('.') => return Err(wrong()),
        0 => 0,
        // There is no part of a byte.
        _ if unit == 1 => return Err(wrong()),
        // What is below a byte is cut off; what is longer says no more.
        length => digits(&part[..length.min(6)])? * unit / 10_u64.pow(length.min(6) as u32),
    };
    let bytes = digits(whole)?.checked_mul(unit);
    let bytes = bytes.and_then(|bytes| bytes.checked_add(part_of_unit));
    bytes.filter(|&bytes| bytes <= ALL_BYTES).ok_or_else(wrong)
}

fn parse_bool(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => Err(expected("true or false")),
    }
}

/// Longest time that makes sense to wait for anything: a day.
const MAX_SECONDS: f64 = 86_400.0;

#[expect(clippy::cast_possible_truncation, reason = "the range was checked")]
#[expect(clippy::cast_sign_loss, reason = "the range was checked")]
fn parse_seconds(text: &str) -> Result<u64, String> {
    let seconds: f64 = text.parse().map_err(|_| expected("a number of seconds"))?;
    if !(0.0..=MAX_SECONDS).contains(&seconds) {
        return Err(expected("a number of seconds from 0 to 86400"));
    }
    Ok((seconds * 1000.0).round() as u64)
}

fn split_words(text: &str) -> Vec<String> {
    text.split([',', ' '])
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Returns the names if all are such as environment variables have.
///
/// # Errors
///
/// What the setting takes instead, in words.
pub(super) fn names(words: Vec<String>) -> Result<Vec<String>, String> {
    match words.iter().all(|word| is_name(word)) {
        true => Ok(words),
        false => Err(expected(
            "names of variables such as SEED or MY_*, without values",
        )),
    }
}

/// Returns whether a variable can have that name: shells allow letters, digits and `_`, other programs also
/// some marks within.
fn is_name(word: &str) -> bool {
    let name = word.strip_suffix('*').unwrap_or(word);
    let begins_well = |at: char| at.is_alphabetic() || at == '_';
    let goes_on_well = |at: char| at.is_alphanumeric() || "_-.()%".contains(at);
    name.starts_with(begins_well) && name.chars().all(goes_on_well)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_its_defaults_are_of_their_types() {
        assert!(KEYS.windows(2).all(|pair| pair[0].name < pair[1].name));
        for key in KEYS {
            key.default_value();
            key.parts();
        }
    }

    #[test]
    fn wrong_values_say_what_is_right() {
        let refusal = |name: &str, text: &str| Key::find(name).map(|key| key.parse(text).err());
        assert_eq!(
            refusal("run.dirty", "maybe"),
            Some(Some("it takes one of record, warn, refuse".into()))
        );
        assert_eq!(
            refusal("hash.cache", "maybe"),
            Some(Some("it takes true or false".into()))
        );
        for (text, bytes) in [
            ("0", 0),
            ("4096", 4096),
            ("10M", 10_000_000),
            ("1.5GB", 1_500_000_000),
            ("2 k", 2000),
            ("all", i64::MAX.unsigned_abs()),
        ] {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
        for text in [
            "",
            "M",
            "-1",
            "1.",
            "1.5",
            ".5",
            "1.x",
            "1E",
            "99999999T",
            "1 2",
        ] {
            assert!(parse_size(text).is_err(), "{text}");
        }
        for text in ["-1", "nan", "inf", "1e9", "soon"] {
            assert!(refusal("run.grace", text).flatten().is_some(), "{text}");
        }
        for text in ["0", "-1", "1.5", "", "9223372036854775808"] {
            assert!(
                refusal("dataset.min_files", text).flatten().is_some(),
                "{text}"
            );
        }
        for text in ["A=B", "-1", "1A", "*", "A,B=1", "$A", "A*B"] {
            assert!(
                refusal("environment.variables", text).flatten().is_some(),
                "{text}"
            );
        }
        for text in ["", "A", "_A9 b,MY_*", "my.var", "MY-VAR", "BASH_FUNC_f%%"] {
            assert_eq!(refusal("environment.variables", text), Some(None), "{text}");
        }
        assert_eq!(refusal("run.grace", "0.25"), Some(None));
    }
}
