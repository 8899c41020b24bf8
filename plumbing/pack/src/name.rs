//! What packs are called.

use roar_object::{ContentId, Hex, IdError};
use std::fmt;
use std::str::FromStr;

/// The name of a pack: the plain BLAKE3 of all its bytes but the last 32, which are the name.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PackName([u8; Self::LEN]);

impl PackName {
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

    /// Returns a form for people: twelve digits.
    pub fn short(self) -> Hex {
        Hex::of(&self.0[..6])
    }
}

impl fmt::Display for PackName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&Hex::of(&self.0), f)
    }
}

impl fmt::Debug for PackName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PackName({})", self.short())
    }
}

impl FromStr for PackName {
    type Err = IdError;

    /// Reads 64 lower-case digits: names of files, which have one spelling.
    fn from_str(text: &str) -> Result<Self, IdError> {
        let name = Self(*text.parse::<ContentId>()?.as_bytes());
        if Hex::of(&name.0).as_str() == text {
            Ok(name)
        } else {
            Err(IdError::Digit)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_spelling() {
        let name = PackName::from_bytes([0xab; 32]);
        assert_eq!(name.to_string().parse(), Ok(name));
        assert!("AB".repeat(32).parse::<PackName>().is_err());
        assert!("ab".repeat(31).parse::<PackName>().is_err());
    }
}
