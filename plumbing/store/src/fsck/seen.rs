//! Which objects were come by.

use crate::reader::{ReadError, Reader};
use crate::shelf::Shelf;
use roar_object::ObjectId;
use std::collections::HashSet;
use std::sync::Arc;

/// A set of objects: a bit for each that a pack has, and the names of the others.
#[derive(Debug)]
pub(super) struct Seen {
    /// The packs as they were in the beginning: places mean nothing among others.
    shelf: Arc<Shelf>,
    /// By pack, and by rank among its sorted names.
    packed: Vec<Vec<u64>>,
    others: HashSet<ObjectId>,
}

impl Seen {
    /// Makes an empty set.
    pub(super) fn new(reader: &Reader) -> Result<Self, ReadError> {
        let shelf = reader.shelf()?;
        let bits = |len: u32| vec![0; (len as usize).div_ceil(64)];
        Ok(Self {
            packed: shelf.packs.lens().into_iter().map(bits).collect(),
            shelf,
            others: HashSet::new(),
        })
    }

    /// Adds an object; returns whether it is new.
    pub(super) fn add(&mut self, id: ObjectId) -> bool {
        let place = self.shelf.packs.position(id);
        let word = place.and_then(|(pack, rank)| {
            let bits = self.packed.get_mut(pack)?;
            Some((bits.get_mut(rank as usize / 64)?, 1 << (rank % 64)))
        });
        let Some((word, bit)) = word else {
            // In the journal, or nowhere.
            return self.others.insert(id);
        };
        let is_new = *word & bit == 0;
        *word |= bit;
        is_new
    }
}
