//! How much is taken from others.

/// Largest number of bytes that a block of several objects unpacks to.
pub const MAX_BLOCK: u32 = 256 << 10;

/// Bytes after which the writer ends a block.
pub(crate) const TARGET_BLOCK: usize = 64 << 10;

/// Largest window that a zstd frame may ask for, in bytes.
pub const MAX_WINDOW: u64 = 8 << 20;

/// Tightest that this room packs.
pub(crate) const OWN_RATIO: u32 = 1000;

/// What a reader takes, beside what the format itself limits. Checked before memory is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Objects in a pack. A reader needs about 55 bytes of memory for each.
    pub objects: u32,
    /// Bytes that all blocks together unpack to.
    pub raw: u64,
    /// Bytes that one stored byte may stand for, in any block.
    pub ratio: u32,
}

impl Default for Limits {
    /// Returns the limits for what comes from elsewhere: 4,194,304 objects, 4 GiB, 1,000 to 1.
    fn default() -> Self {
        Self {
            objects: 1 << 22,
            raw: 4 << 30,
            ratio: OWN_RATIO,
        }
    }
}

impl Limits {
    /// Returns the limits for a pack of one's own: those of the format.
    pub const fn own() -> Self {
        Self {
            objects: u32::MAX,
            raw: u64::MAX,
            ratio: OWN_RATIO,
        }
    }
}
