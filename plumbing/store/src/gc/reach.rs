//! What leads to what, for all objects at once.
//!
//! Objects are known by their rank among all sorted names, links are pairs of ranks: 32 bytes for an
//! object and 8 for a link, however deep they go. Packs are read from front to back, each block once.

use crate::closure;
use crate::notice::explain;
use crate::packs::Packs;
use crate::places::Places;
use crate::reader::Reader;
use roar_object::{Kind, Object, ObjectId};
use std::ops::ControlFlow;

/// All objects of a store, and what they lead to.
#[derive(Debug)]
pub(super) struct Graph {
    names: Vec<ObjectId>,
    /// How many names begin with less than each 16 bits: names are hashes, so that few are between two.
    fan: Vec<u32>,
    /// From, to; sorted.
    links: Vec<(u32, u32)>,
    /// From where something is needed that is not there.
    open: Vec<(u32, ObjectId)>,
}

/// Some of the objects of a [`Graph`].
#[derive(Clone, Debug)]
pub(super) struct Marks(Vec<u64>);

impl Marks {
    fn none(count: usize) -> Self {
        Self(vec![0; count.div_ceil(64)])
    }

    /// Returns whether it is new.
    fn add(&mut self, rank: u32) -> bool {
        let (word, bit) = (rank as usize / 64, 1 << (rank % 64));
        let is_new = self.0[word] & bit == 0;
        self.0[word] |= bit;
        is_new
    }

    fn has(&self, rank: u32) -> bool {
        self.0[rank as usize / 64] & (1 << (rank % 64)) != 0
    }
}

/// Why not all links are known.
pub(super) type Unreadable = String;

impl Graph {
    /// Goes through all objects of packs and journal.
    pub(super) fn read(
        packs: &Packs,
        places: &Places,
        reader: &Reader,
    ) -> Result<Self, Unreadable> {
        let names = names(packs, places)?;
        let mut graph = Self {
            fan: fan_of(&names),
            names,
            links: Vec::new(),
            open: Vec::new(),
        };
        for pack in packs.readable() {
            let mut wrong = None;
            let gone_through = pack.each_object(|entry, object| {
                if !leads_on(entry.place.kind()) {
                    return ControlFlow::Continue(());
                }
                let object = object.map_err(|err| explain(&err));
                match object.and_then(|object| graph.link(&object)) {
                    Ok(()) => ControlFlow::Continue(()),
                    Err(why) => {
                        wrong = Some(why);
                        ControlFlow::Break(())
                    }
                }
            });
            gone_through.map_err(|err| explain(&err))?;
            wrong.map_or(Ok(()), Err)?;
        }
        for (segment, listed) in places.all() {
            if leads_on(listed.kind) {
                let object = reader.object_at(segment, &listed);
                let object = object.map_err(|err| explain(&err))?;
                let object = object.ok_or("the journal was moved on meanwhile")?;
                graph.link(&object)?;
            }
        }
        graph.links.sort_unstable();
        graph.links.dedup();
        Ok(graph)
    }

    fn link(&mut self, object: &Object) -> Result<(), Unreadable> {
        let Some(from) = self.rank(object.id()) else {
            return Ok(());
        };
        let links = closure::links(object).map_err(|err| explain(&err))?;
        for link in links {
            match self.rank(link.to) {
                Some(to) => self.links.push((from, to)),
                None if link.optional => {}
                None => self.open.push((from, link.to)),
            }
        }
        Ok(())
    }

    fn rank(&self, id: ObjectId) -> Option<u32> {
        let front = usize::from(front(&id));
        let (low, high) = (self.fan[front], self.fan[front + 1]);
        let at = self.names[low as usize..high as usize].binary_search(&id);
        Some(low + at.ok()? as u32)
    }

    /// Returns whether there is such an object.
    pub(super) fn has(&self, id: ObjectId) -> bool {
        self.rank(id).is_some()
    }

    /// Returns what some objects lead to, and they themselves.
    pub(super) fn reachable(&self, roots: impl IntoIterator<Item = ObjectId>) -> Marks {
        let mut marks = Marks::none(self.names.len());
        self.extend(&mut marks, roots);
        marks
    }

    /// Adds what some objects lead to.
    pub(super) fn extend(&self, marks: &mut Marks, roots: impl IntoIterator<Item = ObjectId>) {
        let mut todo = Vec::new();
        for root in roots {
            todo.extend(self.rank(root).filter(|rank| marks.add(*rank)));
            while let Some(from) = todo.pop() {
                let next = self.links_of(from).filter(|to| marks.add(*to));
                todo.extend(next);
            }
        }
    }

    fn links_of(&self, from: u32) -> impl Iterator<Item = u32> {
        let first = self.links.partition_point(|link| link.0 < from);
        let links = self.links[first..].iter();
        links
            .take_while(move |link| link.0 == from)
            .map(|link| link.1)
    }

    /// Returns an object that a marked one needs and that is lost. Nobody knows what it led to.
    pub(super) fn lost(&self, marks: &Marks) -> Option<ObjectId> {
        let mut open = self.open.iter();
        open.find(|(from, _)| marks.has(*from)).map(|(_, id)| *id)
    }

    /// Makes room, when all is marked that is to be.
    pub(super) fn forget_links(&mut self) {
        self.links = Vec::new();
    }

    /// Returns whether an object is marked.
    pub(super) fn is_marked(&self, marks: &Marks, id: ObjectId) -> bool {
        self.rank(id).is_some_and(|rank| marks.has(rank))
    }
}

fn front(id: &ObjectId) -> u16 {
    let [a, b, ..] = *id.as_bytes();
    u16::from_be_bytes([a, b])
}

fn fan_of(names: &[ObjectId]) -> Vec<u32> {
    let mut fan = vec![0; (1 << 16) + 1];
    for name in names {
        fan[usize::from(front(name)) + 1] += 1;
    }
    for at in 1..fan.len() {
        fan[at] += fan[at - 1];
    }
    fan
}

/// Returns the names of all objects, sorted.
fn names(packs: &Packs, places: &Places) -> Result<Vec<ObjectId>, Unreadable> {
    let count: usize = packs.readable().map(|pack| pack.len() as usize).sum();
    let mut names = Vec::with_capacity(count);
    for pack in packs.readable() {
        for entry in pack.entries() {
            names.push(entry.map_err(|err| explain(&err))?.id);
        }
    }
    names.extend(places.all().map(|(_, listed)| listed.id));
    names.sort_unstable();
    names.dedup();
    Ok(names)
}

/// Returns whether objects of a kind name others.
const fn leads_on(kind: Kind) -> bool {
    match kind {
        Kind::Tree | Kind::Step | Kind::Job | Kind::Session => true,
        Kind::Environment | Kind::Source | Kind::Variables => false,
    }
}
