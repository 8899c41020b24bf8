//! Going through a pack as it lies, which unpacks each block once.

use crate::error::PackError;
use crate::file::PackFile;
use crate::place::{Entry, Place};
use crate::table::damaged;
use roar_object::{Object, ObjectId};
use std::ops::{ControlFlow, Range};

/// The objects of a pack are put in order in so many parts: the index is gone through once for each, and
/// no more is in memory at once.
const PARTS: usize = 8;

/// How many objects are put in order at once in any case.
const FEW: usize = 1 << 14;

impl PackFile {
    /// Visits the objects that are wanted in the order in which they lie in the pack, each with its rank
    /// among the sorted names, until it is told to stop.
    ///
    /// Memory: 8 bytes for each object that is wanted, and at least a MiB.
    ///
    /// # Errors
    ///
    /// When the index is damaged or cannot be read.
    pub fn each_by_place<B>(
        &self,
        wanted: impl Fn(u32, Place) -> bool,
        mut visit: impl FnMut(u32, &Entry) -> ControlFlow<B>,
    ) -> Result<ControlFlow<B>, PackError> {
        let counts = self.counts(&wanted)?;
        let most = (counts.iter().sum::<usize>() / PARTS).max(FEW);
        let mut first = 0;
        while first < counts.len() {
            let blocks = first..first + together(&counts[first..], most);
            first = blocks.end;
            let count = counts[blocks.clone()].iter().sum();
            for (rank, entry) in self.in_blocks(&blocks, count, &wanted)? {
                if let ControlFlow::Break(end) = visit(rank, &entry) {
                    return Ok(ControlFlow::Break(end));
                }
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Returns how many objects are wanted of each block.
    fn counts(&self, wanted: &impl Fn(u32, Place) -> bool) -> Result<Vec<usize>, PackError> {
        let mut counts = vec![0; self.blocks() as usize];
        for (rank, place) in (0..).zip(self.places()) {
            let place = place?;
            if wanted(rank, place) {
                counts[place.block() as usize] += 1;
            }
        }
        Ok(counts)
    }

    /// Returns the `count` objects that are wanted of some blocks, as they lie there.
    fn in_blocks(
        &self,
        blocks: &Range<usize>,
        count: usize,
        wanted: &impl Fn(u32, Place) -> bool,
    ) -> Result<Vec<(u32, Entry)>, PackError> {
        let mut places = Vec::with_capacity(count);
        if count > 0 {
            for (rank, place) in (0..).zip(self.places()) {
                let place = place?;
                if blocks.contains(&(place.block() as usize)) && wanted(rank, place) {
                    places.push((rank, place));
                }
            }
        }
        let mut found = self.with_ids(places)?;
        found.sort_unstable_by_key(|(_, entry)| entry.place);
        Ok(found)
    }

    /// Says what is in some places, which ascend by rank.
    fn with_ids(&self, places: Vec<(u32, Place)>) -> Result<Vec<(u32, Entry)>, PackError> {
        let mut found = Vec::with_capacity(places.len());
        let (mut ids, mut next) = (self.id_rows(), 0);
        for (rank, place) in places {
            let row = ids.nth((rank - next) as usize);
            let row = row.unwrap_or(Err(damaged("it ends before its last object")));
            let id = ObjectId::from_bytes(row.map_err(|err| self.about(err))?);
            found.push((rank, Entry { id, place }));
            next = rank + 1;
        }
        Ok(found)
    }

    /// Visits every object in the order in which they lie in the pack, which unpacks each block once.
    ///
    /// # Errors
    ///
    /// When the index is damaged. An object that cannot be read is handed to `visit` as an error, with
    /// its name.
    pub fn each_object(
        &self,
        mut visit: impl FnMut(&Entry, Result<Object, PackError>) -> ControlFlow<()>,
    ) -> Result<(), PackError> {
        let visit = |_, entry: &Entry| visit(entry, self.object(entry));
        self.each_by_place(|_, _| true, visit).map(drop)
    }
}

/// Returns how many blocks, one at least, have no more than `most` objects together.
fn together(counts: &[usize], most: usize) -> usize {
    let mut sum = 0;
    let fits = counts.iter().take_while(|count| {
        sum += **count;
        sum <= most
    });
    fits.count().max(1)
}
