//! What a run leaves in its spool file, so that nothing is lost when roar or the machine dies.
//!
//! Three sorts of frame, each a MessagePack array or a piece of the trace stream:
//!
//! | code | frame | when |
//! |---|---|---|
//! | 1 | [`Head`] | before the command starts, synced |
//! | 2 | a piece of the trace stream, as `roar-trace` writes it | while it runs |
//! | 3 | [`Sealed`] | when the run is over and could not be committed |
//!
//! A file with a sealed frame only waits to be committed. One without belongs to a run that goes on,
//! or whose roar was killed.

use crate::streams::Streams;
use crate::variables::Divided;
use roar_graph::Record;
use roar_object::{ByteStr, JobKind, ObjectId, RecordedPath, Source};
use serde::{Deserialize, Serialize};

/// Frame code of a [`Head`].
pub(crate) const HEAD: u8 = 1;
/// Frame code of a piece of the trace stream.
pub(crate) const TRACE: u8 = 2;
/// Frame code of a [`Sealed`].
pub(crate) const SEALED: u8 = 3;

/// What is known of a run before its command starts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Head {
    /// The project's root, absolute.
    pub(crate) root: ByteStr,
    pub(crate) kind: JobKind,
    /// Scrubbed of secrets.
    pub(crate) argv: Vec<ByteStr>,
    pub(crate) directory: RecordedPath,
    pub(crate) name: Option<String>,
    pub(crate) reruns: Option<ObjectId>,
    /// Nanoseconds since 1970.
    pub(crate) started_ns: i64,
    pub(crate) backend: String,
    /// The code's state, as far as it is known before the command starts.
    pub(crate) source: Option<Source>,
    pub(crate) kept: Vec<(ByteStr, ByteStr)>,
    pub(crate) hidden: Vec<(ByteStr, ByteStr)>,
    /// Files that were open for writing when roar was started and that are a shell's or a scheduler's
    /// logs.
    pub(crate) logs: Vec<ByteStr>,
    /// The file inside the project that standard output goes to, unless that only adds to it.
    pub(crate) redirected: Option<ByteStr>,
    /// Whether that file was made for it, and not emptied.
    #[serde(default)]
    pub(crate) made: bool,
    /// What standard input and output are.
    #[serde(default)]
    pub(crate) streams: Option<Streams>,
}

impl Head {
    /// Takes over the divided environment.
    pub(crate) fn set_variables(&mut self, divided: Divided) {
        self.kept = divided.kept;
        self.hidden = divided.hidden;
    }
}

/// A run that is over, and ready to be committed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sealed {
    pub(crate) root: ByteStr,
    /// The job and all its objects, as a transaction without refs.
    pub(crate) objects: ByteStr,
    /// The job, flattened; its step is decided when it is committed.
    pub(crate) record: Record,
}

/// Encodes a frame.
pub(crate) fn encode<T: Serialize>(frame: &T) -> Vec<u8> {
    rmp_serde::to_vec(frame).expect("frames are made of integers, bytes, text and arrays")
}

/// Decodes a frame; a damaged one is nothing.
pub(crate) fn decode<T: for<'de> Deserialize<'de>>(bytes: &[u8]) -> Option<T> {
    rmp_serde::from_slice(bytes).ok()
}
