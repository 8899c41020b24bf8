//! The objects of a store by number: those of each pack in the order of their names, pack after pack, and
//! then those of the journal.
//!
//! The names themselves stay in the indexes of the packs. Many are looked up at once: sorted, they are
//! compared with the sorted names of each pack, which are gone through from front to back.

use crate::packs::Packs;
use crate::places::Places;
use roar_object::ObjectId;
use roar_pack::bytes::order;
use roar_pack::{Bits, PackError, PackName, Union};
use std::ops::Range;

/// Why not all objects are known, or all that they lead to.
pub(super) type Unreadable = String;

/// What stands for the number of an object that is not there.
const NOWHERE: u32 = u32::MAX;

/// How the objects of a store are numbered. One that is in several places has several numbers.
#[derive(Debug)]
pub(super) struct Numbers {
    packs: Vec<(PackName, Range<usize>)>,
    /// What is in the journal, sorted, each once.
    written: Vec<ObjectId>,
    count: usize,
}

/// A name that is looked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sought {
    pub(super) id: ObjectId,
    /// Where it was come by.
    pub(super) from: u32,
    is_needed: bool,
    found: u32,
}

impl Sought {
    pub(super) const fn new(id: ObjectId, from: u32, is_needed: bool) -> Self {
        Self {
            id,
            from,
            is_needed,
            found: NOWHERE,
        }
    }

    /// Returns whether it is needed and was not found.
    pub(super) fn is_lost(&self) -> bool {
        self.is_needed && self.found().is_none()
    }

    /// Returns the first number that the object has.
    pub(super) fn found(&self) -> Option<u32> {
        Some(self.found).filter(|found| *found != NOWHERE)
    }
}

type Names<'n> = Box<dyn Iterator<Item = Result<ObjectId, PackError>> + 'n>;

impl Numbers {
    pub(super) fn of(packs: &Packs, places: &Places) -> Result<Self, Unreadable> {
        let mut count = 0;
        let ranges = packs.readable().map(|pack| {
            let first = count;
            count += pack.len() as usize;
            (pack.name(), first..count)
        });
        let packs = ranges.collect();
        let mut written: Vec<_> = places.all().map(|(_, listed)| listed.id).collect();
        written.sort_unstable();
        written.dedup();
        count += written.len();
        if count >= NOWHERE as usize {
            return Err("it has more objects than can be counted".to_owned());
        }
        Ok(Self {
            packs,
            written,
            count,
        })
    }

    /// Returns how many numbers there are.
    pub(super) const fn count(&self) -> usize {
        self.count
    }

    /// Returns the numbers of the objects of a pack.
    pub(super) fn of_pack(&self, name: PackName) -> Range<usize> {
        let mut packs = self.packs.iter();
        let found = packs.find(|(other, _)| *other == name);
        found.map_or(0..0, |(_, range)| range.clone())
    }

    /// Returns the numbers of the objects in the journal.
    pub(super) fn of_journal(&self) -> Range<usize> {
        self.count - self.written.len()..self.count
    }

    /// Returns the number of an object in the journal.
    pub(super) fn written(&self, id: ObjectId) -> Option<usize> {
        let at = self.written.binary_search(&id).ok()?;
        Some(self.of_journal().start + at)
    }

    /// Returns the first number of one object.
    pub(super) fn find(&self, packs: &Packs, id: ObjectId) -> Option<usize> {
        let mut all = packs.readable().zip(&self.packs);
        let packed = all.find_map(|(pack, (_, range))| {
            let rank = pack.rank(id).ok()??;
            Some(range.start + rank as usize)
        });
        packed.or_else(|| self.written(id))
    }

    /// Looks up many names at once, and leaves them sorted.
    pub(super) fn find_all(&self, packs: &Packs, sought: &mut [Sought]) -> Result<(), PackError> {
        sought.sort_unstable_by(|one, other| order(&one.id, &other.id));
        let mut lists = self.lists(packs);
        lists.try_for_each(|(first, names)| find_in(first, names, sought))
    }

    /// Adds to sets of numbers all that those in them have besides.
    pub(super) fn add_doubles(
        &self,
        packs: &Packs,
        sets: &mut [&mut Bits],
    ) -> Result<(), PackError> {
        let (firsts, lists): (Vec<_>, Vec<_>) = self.lists(packs).unzip();
        let lists = lists.into_iter().map(|names| names.map(with_nothing));
        let mut same = Vec::new();
        for met in Union::new(lists.collect())? {
            let met = met?;
            if met.is_first {
                spread(&same, sets);
                same.clear();
            }
            same.push(firsts[met.list] + met.rank as usize);
        }
        spread(&same, sets);
        Ok(())
    }

    /// Returns the sorted names of every place that objects are in, with the number of the first of each.
    fn lists<'n>(&'n self, packs: &'n Packs) -> impl Iterator<Item = (usize, Names<'n>)> {
        let packed = packs.readable().zip(&self.packs);
        let packed =
            packed.map(|(pack, (_, range))| (range.start, Box::new(pack.ids()) as Names<'_>));
        let written: Names<'_> = Box::new(self.written.iter().copied().map(Ok));
        packed.chain([(self.of_journal().start, written)])
    }
}

/// Takes note of what is found in one place and was not found before.
fn find_in(first: usize, names: Names<'_>, sought: &mut [Sought]) -> Result<(), PackError> {
    let mut rest = sought;
    for (rank, name) in names.enumerate() {
        let name = name?;
        let is_below = |one: &&Sought| order(&one.id, &name).is_lt();
        let below = rest.iter().take_while(is_below).count();
        rest = &mut rest[below..];
        for one in rest.iter_mut().take_while(|one| one.id == name) {
            if one.found == NOWHERE {
                // Numbers were counted, and are below 2^32.
                one.found = (first + rank) as u32;
            }
        }
        if rest.is_empty() {
            break;
        }
    }
    Ok(())
}

/// Adds all numbers of one object to the sets that have one of them.
fn spread(same: &[usize], sets: &mut [&mut Bits]) {
    if same.len() < 2 {
        return;
    }
    for set in sets {
        if same.iter().any(|number| set.has(*number)) {
            for number in same {
                set.add(*number);
            }
        }
    }
}

fn with_nothing(id: Result<ObjectId, PackError>) -> Result<(ObjectId, ()), PackError> {
    id.map(|id| (id, ()))
}
