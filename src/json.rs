//! JSON: how bytes, paths and objects are written in it.

mod object;

pub(crate) use object::{entry_id, mode, object};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use roar_object::RecordedPath;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

/// Bytes as a text, or as `{"bytes": "<base64>"}` when they are not UTF-8.
pub(crate) struct Text<'a>(pub(crate) &'a [u8]);

impl Serialize for Text<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match std::str::from_utf8(self.0) {
            Ok(text) => serializer.serialize_str(text),
            Err(_) => json!({ "bytes": STANDARD.encode(self.0) }).serialize(serializer),
        }
    }
}

/// Returns bytes as [`Text`] has them.
pub(crate) fn text(bytes: &[u8]) -> Value {
    json!(Text(bytes))
}

/// Returns a path: relative inside the project, absolute elsewhere.
pub(crate) fn path(path: &RecordedPath) -> Value {
    text(&path.shown())
}
