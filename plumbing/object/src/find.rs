//! Finding objects by name, wherever they are kept.

use crate::{Body, DecodeError, Object, ObjectId};
use std::collections::HashMap;

/// Why an object cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FindError {
    /// It is not there.
    #[error("there is no object '{id}'")]
    Missing {
        /// The object.
        id: ObjectId,
    },
    /// It is there, and is not what it should be.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The place that keeps it does not answer.
    #[error("cannot read the object store")]
    Store(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// A place that objects are found in.
pub trait Objects {
    /// Returns the object of that name, or nothing if it is not here.
    ///
    /// # Errors
    ///
    /// When the place cannot be read, or holds something else under that name.
    fn find(&self, id: ObjectId) -> Result<Option<Object>, FindError>;

    /// Returns whether the object is here.
    ///
    /// # Errors
    ///
    /// As [`Objects::find`].
    fn has(&self, id: ObjectId) -> Result<bool, FindError> {
        self.find(id).map(|found| found.is_some())
    }

    /// Returns the value of an object that must be here.
    ///
    /// # Errors
    ///
    /// As [`Objects::find`], and when it is missing or of another kind.
    fn read<T: Body>(&self, id: ObjectId) -> Result<T, FindError>
    where
        Self: Sized,
    {
        let object = self.find(id)?.ok_or(FindError::Missing { id })?;
        Ok(object.decode()?)
    }
}

impl<O: Objects + ?Sized> Objects for &O {
    fn find(&self, id: ObjectId) -> Result<Option<Object>, FindError> {
        (**self).find(id)
    }

    fn has(&self, id: ObjectId) -> Result<bool, FindError> {
        (**self).has(id)
    }
}

/// Objects in memory: what is about to be stored, and what tests need.
#[derive(Clone, Debug, Default)]
pub struct MemoryObjects {
    objects: HashMap<ObjectId, Object>,
}

impl MemoryObjects {
    /// Encodes `value` and keeps it.
    pub fn put<T: Body>(&mut self, value: &T) -> ObjectId {
        self.insert(Object::encode(value))
    }

    /// Keeps an object.
    pub fn insert(&mut self, object: Object) -> ObjectId {
        let id = object.id();
        self.objects.entry(id).or_insert(object);
        id
    }

    /// Returns how many there are.
    pub fn len(&self) -> usize {
        self.objects.len()
    }

    /// Returns whether there are none.
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    /// Returns the objects, sorted by name.
    pub fn into_sorted(self) -> Vec<Object> {
        let mut objects: Vec<_> = self.objects.into_values().collect();
        objects.sort_by_key(Object::id);
        objects
    }
}

impl Objects for MemoryObjects {
    fn find(&self, id: ObjectId) -> Result<Option<Object>, FindError> {
        Ok(self.objects.get(&id).cloned())
    }

    fn has(&self, id: ObjectId) -> Result<bool, FindError> {
        Ok(self.objects.contains_key(&id))
    }
}
