//! What leads to what, for all objects at once.
//!
//! Objects are known by their [numbers](Numbers), links are pairs of them: a bit for an object and 8 bytes
//! for a link, however deep they go. Packs are read from front to back, each block once.

use super::numbers::{Numbers, Sought, Unreadable};
use crate::closure;
use crate::notice::explain;
use crate::packs::Packs;
use crate::places::Places;
use crate::reader::Reader;
use roar_object::{Kind, Object, ObjectId};
use roar_pack::{Bits, PackFile};
use std::ops::ControlFlow;

/// Links are looked up when they are so many, or one for so many objects.
const FEW: usize = 1 << 14;
const SHARE: usize = 8;

/// All objects of a store, and what they lead to.
#[derive(Debug)]
pub(super) struct Graph {
    pub(super) numbers: Numbers,
    /// From, to; sorted. Of the numbers that an object has, links lead to the first and come from all.
    links: Vec<(u32, u32)>,
    /// From where something is needed that is not there.
    open: Vec<(u32, ObjectId)>,
}

/// A graph that is being made.
struct Reading<'p> {
    graph: Graph,
    packs: &'p Packs,
    /// Links that were come by and lead nobody knows where yet.
    sought: Vec<Sought>,
    most: usize,
}

impl Graph {
    /// Goes through all objects of packs and journal.
    pub(super) fn read(
        packs: &Packs,
        places: &Places,
        reader: &Reader,
    ) -> Result<Self, Unreadable> {
        let numbers = Numbers::of(packs, places)?;
        let most = (numbers.count() / SHARE).max(FEW);
        let mut reading = Reading {
            graph: Self {
                numbers,
                links: Vec::new(),
                open: Vec::new(),
            },
            packs,
            sought: Vec::new(),
            most,
        };
        for pack in packs.readable() {
            reading.add_pack(pack)?;
        }
        reading.add_journal(places, reader)?;
        reading.finish()
    }

    /// Returns what some objects lead to, and they themselves. All that is needed must be there.
    pub(super) fn reachable(
        &self,
        packs: &Packs,
        roots: &mut [Sought],
    ) -> Result<Bits, Unreadable> {
        let found = self.numbers.find_all(packs, roots);
        found.map_err(|err| explain(&err))?;
        let mut marks = Bits::none(self.numbers.count());
        let numbers = roots.iter().filter_map(Sought::found);
        self.extend(&mut marks, numbers.map(|number| number as usize));
        self.extend(&mut marks, self.numbers.of_journal());
        let mut lost = roots.iter().filter(|root| root.is_lost());
        match lost.next().map(|root| root.id).or(self.lost(&marks)) {
            Some(id) => Err(format!("'{id}' is missing")),
            None => Ok(marks),
        }
    }

    /// Adds what some objects lead to, and they themselves.
    pub(super) fn extend(&self, marks: &mut Bits, roots: impl IntoIterator<Item = usize>) {
        let mut todo = Vec::new();
        for root in roots {
            if marks.add(root) {
                todo.push(root as u32);
            }
            while let Some(from) = todo.pop() {
                let next = self.links_of(from).filter(|to| marks.add(*to as usize));
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
    fn lost(&self, marks: &Bits) -> Option<ObjectId> {
        let mut open = self.open.iter();
        open.find(|(from, _)| marks.has(*from as usize))
            .map(|(_, id)| *id)
    }

    /// Makes room, when all is marked that is to be.
    pub(super) fn forget_links(&mut self) {
        self.links = Vec::new();
        self.open = Vec::new();
    }
}

impl Reading<'_> {
    fn add_pack(&mut self, pack: &PackFile) -> Result<(), Unreadable> {
        let first = self.graph.numbers.of_pack(pack.name()).start;
        let ended = pack.each_by_place(
            |_, place| leads_on(place.kind()),
            |rank, entry| {
                let object = pack.object(entry).map_err(|err| explain(&err));
                let added = object.and_then(|object| self.add(first + rank as usize, &object));
                added.map_or_else(ControlFlow::Break, ControlFlow::Continue)
            },
        );
        let ended = ended.map_err(|err| explain(&err))?;
        ended.break_value().map_or(Ok(()), Err)
    }

    fn add_journal(&mut self, places: &Places, reader: &Reader) -> Result<(), Unreadable> {
        for (segment, listed) in places.all().filter(|(_, listed)| leads_on(listed.kind)) {
            let object = reader.object_at(segment, &listed);
            let object = object.map_err(|err| explain(&err))?;
            let object = object.ok_or("the journal was moved on meanwhile")?;
            if let Some(number) = self.graph.numbers.written(listed.id) {
                self.add(number, &object)?;
            }
        }
        Ok(())
    }

    fn add(&mut self, from: usize, object: &Object) -> Result<(), Unreadable> {
        let links = closure::links(object).map_err(|err| explain(&err))?;
        let links = links
            .into_iter()
            .map(|link| Sought::new(link.to, from as u32, !link.optional));
        self.sought.extend(links);
        if self.sought.len() < self.most {
            return Ok(());
        }
        self.settle()
    }

    /// Looks up where links lead.
    fn settle(&mut self) -> Result<(), Unreadable> {
        let Graph {
            numbers,
            links,
            open,
        } = &mut self.graph;
        let found = numbers.find_all(self.packs, &mut self.sought);
        found.map_err(|err| explain(&err))?;
        for link in self.sought.drain(..) {
            match link.found() {
                Some(to) => links.push((link.from, to)),
                None if link.is_lost() => open.push((link.from, link.id)),
                None => {}
            }
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Graph, Unreadable> {
        self.settle()?;
        let mut graph = self.graph;
        graph.links.sort_unstable();
        graph.links.dedup();
        Ok(graph)
    }
}

/// Returns whether objects of a kind name others.
const fn leads_on(kind: Kind) -> bool {
    match kind {
        Kind::Tree | Kind::Step | Kind::Job | Kind::Session => true,
        Kind::Environment | Kind::Source | Kind::Variables => false,
    }
}
