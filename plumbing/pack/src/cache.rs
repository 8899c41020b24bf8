//! The last few blocks that were unpacked.

use std::sync::{Arc, Mutex, PoisonError};

/// Blocks that are kept; with the largest that are, 2 MiB.
const SEATS: usize = 8;

/// Unpacked blocks by number, the last one used in front.
#[derive(Debug, Default)]
pub(crate) struct Cache(Mutex<Vec<(u32, Arc<Vec<u8>>)>>);

impl Cache {
    pub(crate) fn get(&self, block: u32) -> Option<Arc<Vec<u8>>> {
        let mut blocks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = blocks.iter().position(|(number, _)| *number == block)?;
        blocks[..=at].rotate_right(1);
        Some(Arc::clone(&blocks[0].1))
    }

    /// Keeps a block, unless it is one of the large ones that hold a single object.
    pub(crate) fn put(&self, block: u32, raw: &Arc<Vec<u8>>) {
        if raw.len() > crate::limits::MAX_BLOCK as usize {
            return;
        }
        let mut blocks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        blocks.retain(|(number, _)| *number != block);
        blocks.truncate(SEATS - 1);
        blocks.insert(0, (block, Arc::clone(raw)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_block_that_was_not_used_for_longest_goes() {
        let cache = Cache::default();
        let block = Arc::new(vec![7]);
        for number in 0..8 {
            cache.put(number, &block);
        }
        assert!(cache.get(0).is_some());
        cache.put(8, &block);
        assert!(cache.get(0).is_some() && cache.get(8).is_some());
        assert!(cache.get(1).is_none());
    }

    #[test]
    fn large_blocks_are_not_kept() {
        let cache = Cache::default();
        cache.put(1, &Arc::new(vec![0; 300 << 10]));
        assert!(cache.get(1).is_none());
    }
}
