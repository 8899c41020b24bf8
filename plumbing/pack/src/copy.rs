//! Making one pack of several, in little memory: what the sorted indexes of those say already need not be
//! gathered again.

use crate::bits::{Bits, Numbered};
use crate::blocks::{Blocks, Written};
use crate::error::PackError;
use crate::file::PackFile;
use crate::index_writer::IndexWriter;
use crate::name::PackName;
use crate::place::Place;
use crate::table::Groups;
use crate::union::{Met, Union};
use roar_object::ObjectId;
use std::io::Write;
use std::ops::ControlFlow;

/// Writes what is wanted of some packs to another: pack by pack, in the order in which it lies there, and
/// what is in several of them with the first. `wanted` is asked with the number of a pack and an object's
/// rank among its sorted names, and says the same of one object wherever it is.
///
/// Every object is hashed on the way. Memory: 8 bytes for each object that is wanted, 8 for each of the
/// pack that is being read, and some MiB.
///
/// # Errors
///
/// When a pack or its index cannot be read or is damaged, or `out` does not take the bytes.
pub fn copy<'p, W: Write>(
    packs: &[&'p PackFile],
    wanted: &dyn Fn(usize, u32) -> bool,
    out: W,
) -> Result<Copied<'p>, PackError> {
    let mut groups = Groups::none();
    let mut chosen = choose(packs, wanted, &mut groups)?;
    let mut blocks = Blocks::new(out).map_err(PackError::Write)?;
    for (pack, chosen) in packs.iter().zip(&mut chosen) {
        chosen.write(pack, &mut blocks)?;
    }
    let (_, written) = blocks.finish().map_err(PackError::Write)?;
    Ok(Copied {
        packs: packs.to_vec(),
        chosen,
        groups,
        written,
    })
}

/// Returns which objects are taken from each pack.
fn choose(
    packs: &[&PackFile],
    wanted: &dyn Fn(usize, u32) -> bool,
    groups: &mut Groups,
) -> Result<Vec<Chosen>, PackError> {
    let none = packs.iter().map(|pack| Bits::none(pack.len() as usize));
    let mut ranks: Vec<_> = none.collect();
    let names = packs.iter().map(|pack| pack.ids().map(with_nothing));
    for met in Union::new(names.collect())? {
        let met = met?;
        if met.is_first && wanted(met.list, met.rank) {
            ranks[met.list].add(met.rank as usize);
            groups.add(&met.id);
        }
    }
    Ok(ranks.into_iter().map(Chosen::new).collect())
}

pub(crate) fn with_nothing(id: Result<ObjectId, PackError>) -> Result<(ObjectId, ()), PackError> {
    id.map(|id| (id, ()))
}

/// The objects that are taken from one pack.
#[derive(Debug)]
struct Chosen {
    ranks: Numbered,
    /// Block and place in it where each is now; what else is to be said of them does not change.
    places: Vec<(u32, u32)>,
}

impl Chosen {
    fn new(ranks: Bits) -> Self {
        let ranks = Numbered::new(ranks);
        Self {
            places: vec![(0, 0); ranks.len()],
            ranks,
        }
    }

    fn write(&mut self, pack: &PackFile, blocks: &mut Blocks<impl Write>) -> Result<(), PackError> {
        let Self { ranks, places } = self;
        let written = pack.each_by_place(
            |rank, _| ranks.has(rank as usize),
            |rank, entry| {
                let copied = pack.object(entry).and_then(|object| {
                    let place = blocks.push(object.kind(), object.body());
                    place.map_err(PackError::Write)
                });
                match (copied, ranks.place(rank as usize)) {
                    (Ok(place), Some(at)) => places[at] = (place.block(), place.start()),
                    (Ok(_), None) => {}
                    (Err(err), _) => return ControlFlow::Break(err),
                }
                ControlFlow::Continue(())
            },
        )?;
        written.break_value().map_or(Ok(()), Err)
    }

    /// Returns where an object of the pack is now, if it was taken.
    fn place(&self, rank: u32, before: Place) -> Option<Place> {
        let (block, start) = self.places[self.ranks.place(rank as usize)?];
        Some(Place::new(block, start, before.kind(), before.len()))
    }
}

/// A pack that was made of others, and what is needed to write its index.
#[derive(Debug)]
pub struct Copied<'p> {
    packs: Vec<&'p PackFile>,
    chosen: Vec<Chosen>,
    groups: Groups,
    written: Written,
}

impl Copied<'_> {
    /// Returns what the pack is called.
    pub const fn name(&self) -> PackName {
        self.written.name
    }

    /// Returns how many objects there are.
    pub const fn objects(&self) -> u64 {
        self.written.objects
    }

    /// Writes the index of the pack, going through those of the others again.
    ///
    /// # Errors
    ///
    /// When one of them cannot be read, or `out` does not take the bytes.
    pub fn write_index(&self, out: impl Write) -> Result<(), PackError> {
        let mut index = IndexWriter::begin(out, &self.written, &self.groups)?;
        let names = self.packs.iter().map(|pack| pack.ids().map(with_nothing));
        for met in Union::new(names.collect())? {
            let Met { id, list, rank, .. } = met?;
            if self.chosen[list].ranks.has(rank as usize) {
                index.id(&id)?;
            }
        }
        let entries = self.packs.iter().map(|pack| {
            let entries = pack.entries();
            entries.map(|entry| entry.map(|entry| (entry.id, entry.place)))
        });
        for met in Union::new(entries.collect())? {
            let Met {
                list, rank, with, ..
            } = met?;
            if let Some(place) = self.chosen[list].place(rank, with) {
                index.place(place)?;
            }
        }
        index.finish()
    }
}
