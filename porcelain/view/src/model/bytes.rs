//! Byte strings in JSON.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use roar_object::{ByteStr, RecordedPath};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Any bytes: a JSON string where they are UTF-8, else `{"bytes": "<base64>"}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bytes(pub Vec<u8>);

impl Bytes {
    /// Takes a path as it is shown: relative inside the project, else absolute.
    pub fn path(path: &RecordedPath) -> Self {
        Self(path.shown())
    }

    /// Takes each word of a command.
    pub fn words(argv: &[ByteStr]) -> Vec<Self> {
        argv.iter().map(|word| Self(word.0.clone())).collect()
    }

    /// Returns the bytes as one word of a shell command.
    pub fn shown(&self) -> String {
        crate::word(&self.0)
    }

    /// As [`Bytes::shown`], with a slash at the end.
    pub(crate) fn directory(&self) -> String {
        let mut path = self.0.clone();
        if !path.ends_with(b"/") {
            path.push(b'/');
        }
        crate::word(&path)
    }
}

impl From<&str> for Bytes {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().to_vec())
    }
}

/// Returns a command as a line that a shell takes back.
pub(crate) fn command_line(argv: &[Bytes]) -> String {
    let words: Vec<_> = argv.iter().map(Bytes::shown).collect();
    words.join(" ")
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Form {
    Text(String),
    Other { bytes: String },
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match std::str::from_utf8(&self.0) {
            Ok(text) => serializer.serialize_str(text),
            Err(_) => Form::Other {
                bytes: STANDARD.encode(&self.0),
            }
            .serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Form::deserialize(deserializer)? {
            Form::Text(text) => Ok(Self(text.into_bytes())),
            Form::Other { bytes } => STANDARD
                .decode(bytes)
                .map(Self)
                .map_err(serde::de::Error::custom),
        }
    }
}
