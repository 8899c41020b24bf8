//! JSON: how bytes, paths and objects are written in it.

mod object;

pub(crate) use object::{entry_id, mode, object};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use roar_object::RecordedPath;
use serde_json::{Value, json};

/// Returns bytes as a text, or as `{"bytes": "<base64>"}` when they are not UTF-8.
pub(crate) fn text(bytes: &[u8]) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) => json!(text),
        Err(_) => json!({ "bytes": STANDARD.encode(bytes) }),
    }
}

/// Returns a path: relative inside the project, absolute elsewhere.
pub(crate) fn path(path: &RecordedPath) -> Value {
    text(&path.shown())
}
