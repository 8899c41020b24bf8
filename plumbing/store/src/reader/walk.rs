//! Going through all objects.

use super::{ReadError, Reader};
use crate::held::Held;
use roar_object::{FindError, Kind, Object, ObjectId, Objects, Prefix};
use roar_pack::PackName;
use std::ops::ControlFlow;

impl Reader {
    /// Returns the objects whose names begin like this, sorted by name.
    ///
    /// # Errors
    ///
    /// As [`Reader::reference`].
    pub fn find_prefix(&self, prefix: &Prefix) -> Result<Vec<(ObjectId, Kind)>, ReadError> {
        let mut found = self.on_shelf(|shelf, places| {
            let written = places.with_prefix(prefix).map(|at| (at.id, at.kind));
            shelf
                .packs
                .with_prefix(prefix)
                .chain(written)
                .collect::<Vec<_>>()
        })?;
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }

    /// Visits every object, of one kind if that is given, in the order in which they were stored.
    ///
    /// # Errors
    ///
    /// As [`Reader::reference`]. An object that cannot be read is handed to `visit` as an error.
    pub fn each_object(
        &self,
        kind: Option<Kind>,
        mut visit: impl FnMut(Result<Object, FindError>) -> ControlFlow<()>,
    ) -> Result<(), ReadError> {
        let mut is_over = false;
        self.each_held(&mut |held| {
            if !is_over && kind.is_none_or(|kind| kind == held.kind()) {
                is_over = visit(self.object_of(&held)).is_break();
            }
        })
    }

    /// Returns the name and kind of every object, of one kind if that is given, in the order in which
    /// they were stored.
    ///
    /// # Errors
    ///
    /// As [`Reader::reference`].
    pub fn ids(&self, kind: Option<Kind>) -> Result<Vec<(ObjectId, Kind)>, ReadError> {
        let mut ids = Vec::new();
        self.each_held(&mut |held| {
            if kind.is_none_or(|kind| kind == held.kind()) {
                ids.push((held.id(), held.kind()));
            }
        })?;
        Ok(ids)
    }

    /// Visits the kind and the length of every object once, in no order.
    pub(crate) fn each_listed(&self, visit: &mut dyn FnMut(Kind, u32)) -> Result<(), ReadError> {
        let written = self.on_shelf(|shelf, places| {
            shelf.packs.readable().for_each(drop);
            places.all().map(|(_, listed)| listed).collect::<Vec<_>>()
        })?;
        let packs = &self.shelf()?.packs;
        packs.each_listed(&mut |entry| visit(entry.place.kind(), entry.place.len()));
        for listed in written.iter().filter(|listed| !packs.has(listed.id)) {
            visit(listed.kind, listed.len);
        }
        Ok(())
    }

    /// Visits every object once, in the order in which they were stored.
    pub(crate) fn each_held(&self, visit: &mut dyn FnMut(Held<'_>)) -> Result<(), ReadError> {
        self.each_held_beside(&[], visit)
    }

    /// As [`Reader::each_held`], without what some packs have.
    pub(crate) fn each_held_beside(
        &self,
        beside: &[PackName],
        visit: &mut dyn FnMut(Held<'_>),
    ) -> Result<(), ReadError> {
        let mut written = self.on_shelf(|shelf, places| {
            // Opens all of them, which then stay.
            shelf.packs.readable().for_each(drop);
            places.all().collect::<Vec<_>>()
        })?;
        let shelf = self.shelf()?;
        shelf
            .packs
            .each_entry(beside, &mut |pack, entry| visit(Held::Packed(pack, entry)));
        written.sort_unstable_by_key(|(segment, at)| (*segment, at.offset));
        for (segment, listed) in &written {
            if !shelf.packs.has(listed.id) {
                visit(Held::Written(*segment, listed));
            }
        }
        Ok(())
    }

    /// Reads an object that [`Reader::each_held`] came by; from elsewhere if it has been moved since, or
    /// is damaged there.
    pub(crate) fn object_of(&self, held: &Held<'_>) -> Result<Object, FindError> {
        let read = match held {
            Held::Packed(pack, entry) => pack.object(entry).ok(),
            Held::Written(segment, listed) => self.object_at(*segment, listed).ok().flatten(),
        };
        let id = held.id();
        match read {
            Some(object) => Ok(object),
            None => self.find(id)?.ok_or(FindError::Missing { id }),
        }
    }
}
