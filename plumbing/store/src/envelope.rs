//! What begins and ends the small files that are written whole: eight bytes that say what it is, and a
//! checksum of all before it.

use roar_pack::bytes::{Context, Fields};

const CHECKSUM: usize = 32;

/// What every file of one kind begins and ends with.
#[derive(Debug)]
pub(crate) struct Envelope {
    magic: [u8; 8],
    checksums: Context,
}

impl Envelope {
    pub(crate) const fn new(magic: &[u8; 8], context: &'static str) -> Self {
        Self {
            magic: *magic,
            checksums: Context::new(context),
        }
    }

    /// Begins a file.
    pub(crate) fn begin(&self) -> Vec<u8> {
        self.magic.to_vec()
    }

    /// Ends a file.
    pub(crate) fn close(&self, mut bytes: Vec<u8>) -> Vec<u8> {
        let checksum = self.checksums.checksum(&[&bytes]);
        bytes.extend_from_slice(&checksum);
        bytes
    }

    /// Returns what is between beginning and end, if both are right.
    pub(crate) fn open<'b>(&self, bytes: &'b [u8]) -> Option<Fields<'b>> {
        let (content, checksum) = bytes.split_last_chunk::<CHECKSUM>()?;
        let mut fields = Fields(content);
        let is_right =
            fields.array()? == self.magic && self.checksums.checksum(&[content]) == *checksum;
        is_right.then_some(fields)
    }
}
