//! Enumerations that are written as one small integer.
//!
//! `serde`'s derive would write the names of variants; a code keeps bodies small and lets a name in
//! the source change without changing what is stored.

use serde::de::{Deserialize, Deserializer, Error};
use serde::{Serialize, Serializer};

/// Declares an enum whose canonical form is its code.
macro_rules! coded {
    ($(#[$meta:meta])* $vis:vis enum $name:ident { $($(#[$vmeta:meta])* $variant:ident = $code:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        $vis enum $name { $($(#[$vmeta])* $variant = $code,)+ }

        impl $name {
            /// Returns the number that stands for this in a canonical body.
            pub const fn code(self) -> u8 { self as u8 }

            /// Returns what `code` stands for, or nothing if it stands for nothing.
            pub const fn from_code(code: u8) -> Option<Self> {
                match code { $($code => Some(Self::$variant),)+ _ => None }
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_u8(self.code())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let code = u8::deserialize(deserializer)?;
                Self::from_code(code).ok_or_else(|| {
                    serde::de::Error::custom(format_args!(concat!("{} is no code of a ", stringify!($name)), code))
                })
            }
        }
    };
}
pub(crate) use coded;

/// The version field of a body's first and so far only layout.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version1;

impl Serialize for Version1 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(1)
    }
}

impl<'de> Deserialize<'de> for Version1 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u8::deserialize(deserializer)? {
            1 => Ok(Self),
            other => Err(D::Error::custom(format_args!(
                "version {other} is newer than this roar"
            ))),
        }
    }
}
