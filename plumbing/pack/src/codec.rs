//! How the bytes of a block are stored: as they are, or as one zstd frame.
//!
//! A frame is looked at before it is unpacked: it must be the only one, say its length, need no
//! dictionary, and keep to the window that is allowed. Then it is unpacked into exactly the bytes that
//! the block's header speaks of, so that no frame can ask for more memory than that.

use crate::bytes::Fields;
use crate::error::BlockError;
use crate::limits::{MAX_WINDOW, OWN_RATIO};
use zstd::zstd_safe;

/// Code of blocks stored as they are.
pub(crate) const RAW: u8 = 0;

/// Code of blocks stored as one zstd frame.
pub(crate) const ZSTD: u8 = 1;

/// Where speed and size are in balance for small records: a lower level packs them worse, a higher one
/// hardly better.
const LEVEL: i32 = 3;

const MAGIC: u32 = 0xfd2f_b528;

/// Packs blocks, with working memory that is kept.
pub(crate) struct Packer {
    zstd: zstd::bulk::Compressor<'static>,
    packed: Vec<u8>,
}

impl Packer {
    pub(crate) fn new() -> std::io::Result<Self> {
        Ok(Self {
            zstd: zstd::bulk::Compressor::new(LEVEL)?,
            packed: Vec::new(),
        })
    }

    /// Returns the codec for `raw`, and the bytes to be stored: a frame if that saves a sixteenth, for
    /// unpacking takes time, and if it is not so tight that readers would take it for a bomb.
    pub(crate) fn pack<'a>(&'a mut self, raw: &'a [u8]) -> std::io::Result<(u8, &'a [u8])> {
        self.packed.clear();
        self.packed.reserve(zstd_safe::compress_bound(raw.len()));
        let len = self.zstd.compress_to_buffer(raw, &mut self.packed)?;
        let saves = len <= raw.len() - raw.len() / 16;
        let is_bomb = raw.len() > len * OWN_RATIO as usize;
        if saves && !is_bomb && len < raw.len() {
            Ok((ZSTD, &self.packed))
        } else {
            Ok((RAW, raw))
        }
    }
}

/// Returns the `raw_len` bytes that `stored` stands for.
///
/// The caller has checked that `raw_len` is a size that blocks may have.
pub(crate) fn unpack(codec: u8, stored: &[u8], raw_len: u32) -> Result<Vec<u8>, BlockError> {
    let raw_len = raw_len as usize;
    match codec {
        RAW => Ok(stored.to_vec()),
        ZSTD => {
            check_frame(stored, raw_len as u64)?;
            unpack_frame(stored, raw_len)
        }
        code => Err(BlockError::Codec { code }),
    }
}

fn unpack_frame(frame: &[u8], raw_len: usize) -> Result<Vec<u8>, BlockError> {
    let wrong = |why| BlockError::Frame { why };
    let mut raw = Vec::with_capacity(raw_len);
    // Never longer than the capacity, which `with_capacity` may have rounded up.
    let len = zstd_safe::decompress(&mut raw, frame).map_err(|_| wrong("cannot be unpacked"))?;
    if len == raw_len {
        Ok(raw)
    } else {
        Err(wrong("has another length than the block"))
    }
}

/// Checks that `frame` is one whole frame of the right length that asks for nothing unusual.
fn check_frame(frame: &[u8], raw_len: u64) -> Result<(), BlockError> {
    let wrong = |why| Err(BlockError::Frame { why });
    let Some(header) = FrameHeader::read(frame) else {
        return wrong("has no right header");
    };
    if header.has_dictionary {
        return wrong("needs a dictionary");
    }
    if header.content != Some(raw_len) {
        return wrong("has another length than the block");
    }
    if header.window.unwrap_or(raw_len) > MAX_WINDOW {
        return wrong("needs too large a window");
    }
    match zstd_safe::find_frame_compressed_size(frame) {
        Ok(len) if len == frame.len() => Ok(()),
        Ok(_) => wrong("is followed by something"),
        Err(_) => wrong("is not whole"),
    }
}

/// What RFC 8878, section 3.1.1.1, puts at the front of a frame.
struct FrameHeader {
    /// Nothing if the window is as long as the content.
    window: Option<u64>,
    content: Option<u64>,
    has_dictionary: bool,
}

impl FrameHeader {
    fn read(frame: &[u8]) -> Option<Self> {
        let mut fields = Fields(frame);
        if fields.u32()? != MAGIC {
            return None;
        }
        let descriptor = fields.u8()?;
        let is_single = descriptor & 0x20 != 0;
        let window = match is_single {
            true => None,
            false => Some(window_size(fields.u8()?)),
        };
        let has_dictionary = descriptor & 0b11 != 0;
        // With a dictionary its number comes next; that frame is refused, whatever its length.
        let content = match (descriptor >> 6, is_single) {
            (0, false) => None,
            (0, true) => Some(fields.u8()?.into()),
            (1, _) => Some(u64::from(fields.u16()?) + 256),
            (2, _) => Some(fields.u32()?.into()),
            _ => Some(fields.u64()?),
        };
        Some(Self {
            window,
            content,
            has_dictionary,
        })
    }
}

fn window_size(descriptor: u8) -> u64 {
    let base = 1u64 << (10 + (descriptor >> 3));
    base + base / 8 * u64::from(descriptor & 7)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests may panic")]
mod tests {
    use super::*;

    fn frame(raw: &[u8]) -> Vec<u8> {
        zstd::bulk::compress(raw, LEVEL).unwrap()
    }

    fn why(stored: &[u8], raw_len: usize) -> String {
        unpack(ZSTD, stored, raw_len.try_into().unwrap())
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn what_gains_is_packed_and_what_does_not_is_left() {
        let mut packer = Packer::new().unwrap();
        let text = b"the same words again and again, ".repeat(100);
        let (codec, stored) = packer.pack(&text).unwrap();
        assert_eq!(codec, ZSTD);
        assert_eq!(unpack(codec, stored, 3200).unwrap(), text);
        let noise: Vec<u8> = (0..64u8)
            .flat_map(|at| *blake3::hash(&[at]).as_bytes())
            .collect();
        assert_eq!(packer.pack(&noise).unwrap(), (RAW, &noise[..]));
        let bomb = vec![0; 1 << 20];
        assert_eq!(packer.pack(&bomb).unwrap().0, RAW);
    }

    #[test]
    fn a_frame_that_is_not_alone_is_refused() {
        let one = frame(&[7; 500]);
        assert_eq!(unpack(ZSTD, &one, 500).unwrap(), [7; 500]);
        let two = [&one[..], &one].concat();
        assert_eq!(why(&two, 500), "its zstd frame is followed by something");
        let skippable = [0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0];
        assert_eq!(
            why(&[&skippable[..], &one].concat(), 500),
            "its zstd frame has no right header"
        );
        assert_eq!(
            why(&one[..one.len() - 1], 500),
            "its zstd frame is not whole"
        );
    }

    #[test]
    fn a_frame_of_another_length_is_refused() {
        let one = frame(&[7; 500]);
        let message = "its zstd frame has another length than the block";
        assert_eq!(
            (why(&one, 499), why(&one, 501)),
            (message.into(), message.into())
        );
    }

    #[test]
    fn a_frame_that_asks_for_much_is_refused() {
        let mut compressor = zstd::bulk::Compressor::new(LEVEL).unwrap();
        compressor.window_log(24).unwrap();
        let raw: Vec<u8> = (0..3_000_000u32).flat_map(u32::to_le_bytes).collect();
        let large = compressor.compress(&raw).unwrap();
        assert_eq!(
            why(&large, raw.len()),
            "its zstd frame needs too large a window"
        );
    }
}
