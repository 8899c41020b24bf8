//! Names of refs, by the rules of `git check-ref-format`.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

/// The name of a ref, such as `sessions/main`: legal by construction.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RefName(String);

/// Why a text is not the name of a ref.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{name}' cannot be the name of a ref: {why}", name = shown(.name))]
pub struct RefNameError {
    /// The text.
    pub name: String,
    /// The rule that it breaks.
    pub why: &'static str,
}

/// Returns a text as an error shows it: of a long one the beginning.
fn shown(name: &str) -> String {
    const MOST: usize = 60;
    match name.char_indices().nth(MOST) {
        Some((end, _)) if name.len() > RefName::MAX => format!("{}…", name[..end].escape_debug()),
        _ => name.escape_debug().to_string(),
    }
}

impl RefName {
    /// Most bytes in a name.
    pub const MAX: usize = 255;

    /// Takes `name` for a ref.
    ///
    /// # Errors
    ///
    /// When it breaks one of the rules.
    pub fn new(name: impl Into<String>) -> Result<Self, RefNameError> {
        let name = name.into();
        match broken_rule(&name) {
            None => Ok(Self(name)),
            Some(why) => Err(RefNameError { name, why }),
        }
    }

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Returns the first rule that `name` breaks.
pub(crate) fn broken_rule(name: &str) -> Option<&'static str> {
    let rules = [
        (name.is_empty(), "it is empty"),
        (name.len() > RefName::MAX, "it is longer than 255 bytes"),
        (name == "@", "it is '@'"),
        (
            name.contains(is_forbidden),
            "it has a space, a control character or one of ~ ^ : ? * [ \\",
        ),
        (name.contains(".."), "it has two dots in a row"),
        (name.contains("@{"), "it has '@{'"),
        (name.ends_with('.'), "it ends in a dot"),
        (
            name.split('/').any(str::is_empty),
            "a part between slashes is empty",
        ),
        (
            name.split('/').any(|part| part.starts_with('.')),
            "a part begins with a dot",
        ),
        (
            name.split('/').any(|part| part.ends_with(".lock")),
            "a part ends in '.lock'",
        ),
    ];
    rules
        .into_iter()
        .find_map(|(broken, why)| broken.then_some(why))
}

fn is_forbidden(letter: char) -> bool {
    letter.is_ascii_control() || " ~^:?*[\\".contains(letter)
}

impl FromStr for RefName {
    type Err = RefNameError;

    fn from_str(name: &str) -> Result<Self, RefNameError> {
        Self::new(name)
    }
}

impl AsRef<str> for RefName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for RefName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RefName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_names_are_legal() {
        for name in [
            "HEAD",
            "sessions/main",
            "labels/größe",
            "a/b/c.d",
            "x@y",
            "-",
            "@a",
        ] {
            assert!(RefName::new(name).is_ok(), "{name}");
        }
        assert!(RefName::new("x".repeat(255)).is_ok());
    }

    #[test]
    fn what_git_refuses_is_refused() {
        let names = [
            "", "@", "/a", "a/", "a//b", ".a", "a/.b", "a.lock", "a.lock/b", "a..b", "a.", "a@{b",
            "a b", "a~", "a^", "a:b", "a?", "a*", "a[", "a\\b", "a\n", "a\u{7f}", "\0",
        ];
        for name in names {
            assert!(RefName::new(name).is_err(), "{name:?}");
        }
        let long = RefName::new("é".repeat(5000)).expect_err("it is long");
        let long = long.to_string();
        assert!(long.len() < 250 && long.contains("é…'"), "{long}");
    }
}
