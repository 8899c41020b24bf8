//! Where records go: into the fold, and out to whoever keeps them.

use roar_events::{HEADER, Record};
use roar_observe::Fold;

/// How much is gathered before it is written out.
const FULL: usize = 64 * 1024;

/// Something that keeps the records of a run while it lasts.
///
/// What it was given, up to any point, is a stream that [`replay`](crate::replay) accepts.
pub trait Sink {
    /// Takes the next bytes of the stream: whole records, the first time after the header.
    fn write(&mut self, records: &[u8]);

    /// Is told that nothing more will come for a moment.
    fn flush(&mut self);
}

/// Keeps nothing.
impl Sink for () {
    fn write(&mut self, _records: &[u8]) {}

    fn flush(&mut self) {}
}

/// Keeps all in memory.
impl Sink for Vec<u8> {
    fn write(&mut self, records: &[u8]) {
        self.extend_from_slice(records);
    }

    fn flush(&mut self) {}
}

/// The fold of a run, and the stream that it could be folded from again.
pub(crate) struct Spool<'a> {
    pub(crate) fold: Fold,
    sink: &'a mut dyn Sink,
    waiting: Vec<u8>,
}

impl<'a> Spool<'a> {
    pub(crate) fn new(sink: &'a mut dyn Sink) -> Self {
        Self {
            fold: Fold::new(),
            sink,
            waiting: HEADER.to_vec(),
        }
    }

    /// Takes a record, and keeps it if it teaches anything.
    pub(crate) fn take(&mut self, record: &Record<'_>) {
        if !self.fold.take(record) {
            return;
        }
        record.encode(&mut self.waiting);
        if self.waiting.len() >= FULL {
            self.write();
        }
    }

    /// Writes out what is waiting.
    pub(crate) fn flush(&mut self) {
        if !self.waiting.is_empty() {
            self.write();
            self.sink.flush();
        }
    }

    fn write(&mut self) {
        self.sink.write(&self.waiting);
        self.waiting.clear();
    }
}
