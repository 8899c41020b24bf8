//! The two sorts of name: of a file's bytes, and of an object.

use crate::Kind;
use serde::de::{Deserialize, Deserializer, Error};
use serde::{Serialize, Serializer};
use std::fmt;
use std::str::FromStr;
use std::sync::OnceLock;

/// Why a word is not a name or the beginning of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdError {
    /// A byte is not a hex digit.
    #[error("a name consists of the digits 0-9 and a-f")]
    Digit,
    /// Too short, or longer than a whole name.
    #[error("a name has 64 digits, and a prefix of one at least 4")]
    Length,
}

/// Declares a 32-byte name with its hex form.
macro_rules! id {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name([u8; Self::LEN]);

        impl $name {
            /// Bytes in a name.
            pub const LEN: usize = 32;

            /// Takes 32 bytes for a name.
            pub const fn from_bytes(bytes: [u8; Self::LEN]) -> Self {
                Self(bytes)
            }

            /// Returns the name's bytes.
            pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
                &self.0
            }

            /// Returns a form for people: twelve digits. Never parse it back without asking the
            /// store, which may know two.
            pub fn short(self) -> Hex {
                Hex::of(&self.0[..6])
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&Hex::of(&self.0), f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.short())
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                let prefix: Prefix = text.parse()?;
                prefix.whole().map(Self).ok_or(IdError::Length)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_bytes(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let bytes = <&serde_bytes::Bytes>::deserialize(deserializer)?;
                let bytes: [u8; 32] =
                    (**bytes).try_into().map_err(|_| D::Error::invalid_length(bytes.len(), &"32 bytes"))?;
                Ok(Self(bytes))
            }
        }
    };
}

id! {
    /// The name of a file's bytes: their plain BLAKE3, as `b3sum` prints it.
    ContentId
}

id! {
    /// The name of an object: a BLAKE3 of its canonical body in the context of its kind.
    ///
    /// Kinds have different contexts, so a job and a tree that happen to encode alike still have
    /// two names, and a file that happens to hold an encoded object cannot pass for it.
    ObjectId
}

impl ContentId {
    /// Names `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(blake3::hash(bytes).into())
    }
}

impl ObjectId {
    /// Names `body` as an object of `kind`.
    pub fn of(kind: Kind, body: &[u8]) -> Self {
        let mut hasher = keyed(kind).clone();
        hasher.update(body);
        Self(hasher.finalize().into())
    }
}

/// Returns the hasher of a kind; deriving its key costs a compression, so that is done once.
fn keyed(kind: Kind) -> &'static blake3::Hasher {
    static HASHERS: [OnceLock<blake3::Hasher>; Kind::ALL.len()] =
        [const { OnceLock::new() }; Kind::ALL.len()];
    HASHERS[usize::from(kind.code()) - 1]
        .get_or_init(|| blake3::Hasher::new_derive_key(kind.context()))
}

/// Up to 32 bytes on their way to being printed as lower-case hex.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Hex {
    digits: [u8; 64],
    len: usize,
}

impl Hex {
    /// Prepares the first 32 of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut digits = [0; 64];
        let mut len = 0;
        for byte in bytes.iter().take(32) {
            digits[len] = DIGITS[usize::from(byte >> 4)];
            digits[len + 1] = DIGITS[usize::from(byte & 15)];
            len += 2;
        }
        Self { digits, len }
    }

    /// Returns the digits.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.digits[..self.len]).expect("hex digits are ASCII")
    }
}

impl fmt::Display for Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The first 4 to 64 hex digits of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prefix {
    bytes: [u8; 32],
    digits: usize,
}

impl Prefix {
    /// Fewest digits that are taken for a name.
    pub const MIN: usize = 4;

    /// Returns whether a name begins like this.
    pub fn matches(&self, name: &[u8; 32]) -> bool {
        let whole = self.digits / 2;
        let half_agrees =
            self.digits.is_multiple_of(2) || name[whole] >> 4 == self.bytes[whole] >> 4;
        half_agrees && name[..whole] == self.bytes[..whole]
    }

    /// Returns the lowest name that begins like this.
    pub const fn lowest(&self) -> &[u8; 32] {
        &self.bytes
    }

    /// Returns the name itself, when all its digits were given.
    pub fn whole(&self) -> Option<[u8; 32]> {
        (self.digits == 64).then_some(self.bytes)
    }
}

impl FromStr for Prefix {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        if !(Self::MIN..=64).contains(&text.len()) {
            return Err(IdError::Length);
        }
        let mut bytes = [0; 32];
        for (at, digit) in text.bytes().enumerate() {
            let value = char::from(digit).to_digit(16).ok_or(IdError::Digit)?;
            let value = u8::try_from(value).expect("a hex digit is below 16");
            bytes[at / 2] |= if at.is_multiple_of(2) {
                value << 4
            } else {
                value
            };
        }
        Ok(Self {
            bytes,
            digits: text.len(),
        })
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests may panic")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_file_is_named_as_b3sum_names_it() {
        assert_eq!(
            ContentId::of(b"hello data\n").to_string(),
            "6122027782ba276310e4680b459c242b1f74a2c21240d1619c6c84e8da06fbf8"
        );
    }

    #[test]
    fn kinds_keep_equal_bodies_apart() {
        let names: Vec<_> = Kind::ALL.map(|kind| ObjectId::of(kind, b"same")).to_vec();
        for (at, name) in names.iter().enumerate() {
            assert!(!names[at + 1..].contains(name));
        }
    }

    #[test]
    fn what_is_no_prefix_is_refused() {
        assert_eq!("abc".parse::<Prefix>(), Err(IdError::Length));
        assert_eq!("xyzw".parse::<Prefix>(), Err(IdError::Digit));
        assert_eq!("é123".parse::<Prefix>(), Err(IdError::Digit));
        assert_eq!("0".repeat(65).parse::<Prefix>(), Err(IdError::Length));
        assert_eq!("abcd".parse::<ContentId>(), Err(IdError::Length));
    }

    proptest! {
        #[test]
        fn a_name_has_every_prefix_of_its_digits(bytes: [u8; 32], digits in 4usize..=64) {
            let name = ContentId::from_bytes(bytes);
            let text = name.to_string();
            let prefix: Prefix = text[..digits].parse().unwrap();
            prop_assert!(prefix.matches(&bytes));
            prop_assert!(prefix.lowest() <= &bytes);
            let mut other = bytes;
            other[0] ^= 0x80;
            prop_assert!(!prefix.matches(&other));
        }

        #[test]
        fn names_survive_their_text(bytes: [u8; 32]) {
            let name = ObjectId::from_bytes(bytes);
            prop_assert_eq!(name.to_string().parse::<ObjectId>().unwrap(), name);
        }
    }
}
