//! Looking one object up: in packs, in the journal, in the writer's index.

use super::{ReadError, Reader};
use crate::file::{FileError, open_if_file, read_exactly};
use crate::index::Held as Indexed;
use crate::places::Places;
use crate::segment;
use crate::segment_index::Listed;
use crate::shelf::{LOOKS, Shelf, restless};
use roar_object::{DecodeError, FindError, Kind, Object, ObjectId, Objects};
use std::fs::File;
use std::sync::{Arc, PoisonError};

impl Reader {
    /// Returns the kind and the length in bytes of an object, without reading it.
    ///
    /// # Errors
    ///
    /// As [`Reader::reference`].
    pub fn describe(&self, id: ObjectId) -> Result<Option<(Kind, u32)>, ReadError> {
        if let Some(found) = self.on_packs(|shelf| shelf.packs.describe(id))? {
            return Ok(Some(found));
        }
        let place = self.on_shelf(|_, places| places.find(id))?;
        Ok(place.map(|(_, listed)| (listed.kind, listed.len)))
    }

    pub(crate) fn shelf(&self) -> Result<Arc<Shelf>, ReadError> {
        let mut place = self.shelf.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(shelf) = &*place {
            return Ok(Arc::clone(shelf));
        }
        let shelf = Arc::new(Shelf::read(&self.layout)?);
        *place = Some(Arc::clone(&shelf));
        Ok(shelf)
    }

    /// Forgets where objects are: somebody has moved them.
    fn look_again(&self) {
        *self.shelf.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.files
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }

    /// Asks the packs and the places in the journal, once they are of one moment.
    pub(super) fn on_shelf<T>(&self, ask: impl Fn(&Shelf, &Places) -> T) -> Result<T, ReadError> {
        for _ in 0..LOOKS {
            let shelf = self.shelf()?;
            if let Some(places) = shelf.places(&self.layout, self.state()?.trusted)? {
                let answer = ask(&shelf, places);
                if !shelf.packs.is_moved() {
                    return Ok(answer);
                }
            }
            self.look_again();
        }
        Err(restless(&self.layout).into())
    }

    /// Asks the packs, without a look at the journal.
    pub(super) fn on_packs<T>(&self, ask: impl Fn(&Shelf) -> T) -> Result<T, ReadError> {
        for _ in 0..LOOKS {
            let shelf = self.shelf()?;
            let answer = ask(&shelf);
            if !shelf.packs.is_moved() {
                return Ok(answer);
            }
            self.look_again();
        }
        Err(restless(&self.layout).into())
    }

    /// Returns whether the journal has an object, and has it whole.
    pub(crate) fn is_written_whole(&self, id: ObjectId) -> Result<bool, ReadError> {
        let place = self.on_shelf(|_, places| places.find(id))?;
        Ok(place.is_some_and(|(segment, at)| matches!(self.object_at(segment, &at), Ok(Some(_)))))
    }

    /// Returns whether the journal has an object.
    fn is_written(&self, id: ObjectId) -> Result<bool, ReadError> {
        self.on_shelf(|_, places| places.find(id).is_some())
    }

    /// Returns whether a pack has an object, and has it whole.
    pub(crate) fn is_packed(&self, id: ObjectId) -> bool {
        let found = self.on_packs(|shelf| matches!(shelf.packs.find(id), Ok(Some(_))));
        found.unwrap_or(false)
    }

    /// Looks an object up; returns nothing if what was known of where it is does not hold any more.
    fn seek(&self, id: ObjectId) -> Result<Option<Option<Object>>, FindError> {
        let shelf = self.shelf()?;
        let packed = shelf.packs.find(id);
        if let Ok(Some(object)) = packed {
            return Ok(Some(Some(object)));
        }
        if shelf.packs.is_moved() {
            return Ok(None);
        }
        let trusted = self.state()?.trusted;
        let places = shelf
            .places(&self.layout, trusted)
            .map_err(ReadError::File)?;
        let Some(places) = places else {
            return Ok(None);
        };
        match places.find(id) {
            Some((segment, listed)) => Ok(self.object_at(segment, &listed)?.map(Some)),
            None => packed.map(Some),
        }
    }

    /// Reads an object from its place in the journal, and hashes it; returns nothing if the segment has
    /// gone.
    pub(crate) fn object_at(&self, segment: u32, at: &Listed) -> Result<Option<Object>, FindError> {
        let path = segment::path(&self.layout.journal(), segment);
        let Some(file) = self.file(segment)? else {
            return Ok(None);
        };
        let body = read_exactly(&file, at.offset, at.len as usize);
        let body = body
            .map_err(FileError::at("read", &path))
            .map_err(ReadError::File)?;
        genuine(at.id, at.kind, body.unwrap_or_default()).map(Some)
    }

    fn file(&self, segment: u32) -> Result<Option<Arc<File>>, ReadError> {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = files.get(&segment) {
            return Ok(Some(Arc::clone(file)));
        }
        let path = segment::path(&self.layout.journal(), segment);
        let file = open_if_file(&path).map_err(FileError::at("open", &path))?;
        let file = file.map(Arc::new);
        files.extend(file.clone().map(|file| (segment, file)));
        Ok(file)
    }

    /// Asks the writer's index. What it does not have is looked for in the journal all the same: an
    /// index that lost something costs time then, and nothing else.
    fn ask_index(&self, id: ObjectId) -> Option<Object> {
        match self.hot.as_ref()?.object(id).ok()?? {
            Indexed::Inline(kind, body) => genuine(id, kind, body).ok(),
            Indexed::At {
                kind,
                segment,
                offset,
                len,
            } => self
                .object_at(
                    segment,
                    &Listed {
                        id,
                        kind,
                        offset,
                        len,
                    },
                )
                .ok()
                .flatten(),
        }
    }
}

impl Objects for Reader {
    fn find(&self, id: ObjectId) -> Result<Option<Object>, FindError> {
        if let Some(object) = self.ask_index(id) {
            return Ok(Some(object));
        }
        for _ in 0..LOOKS {
            if let Some(found) = self.seek(id)? {
                return Ok(found);
            }
            self.look_again();
        }
        Err(ReadError::from(restless(&self.layout)).into())
    }

    fn has(&self, id: ObjectId) -> Result<bool, FindError> {
        let indexed = self.hot.as_ref().map(|index| index.has(id));
        if matches!(indexed, Some(Ok(true))) || self.on_packs(|shelf| shelf.packs.has(id))? {
            return Ok(true);
        }
        match indexed {
            Some(Ok(answer)) => Ok(answer),
            _ => Ok(self.is_written(id)?),
        }
    }
}

/// Puts an object together, unless its bytes have changed since they were named.
fn genuine(id: ObjectId, kind: Kind, body: Vec<u8>) -> Result<Object, FindError> {
    let object = Object::from_parts(id, kind, body);
    if object.is_genuine() {
        return Ok(object);
    }
    let why = "its bytes have changed since it was stored".to_owned();
    Err(FindError::Decode(DecodeError::Invalid { id, kind, why }))
}
