//! Where the nodes of a new tree go.

use roar_object::{MemoryObjects, Object};
use std::error::Error;
use std::sync::Arc;

/// A place that new objects go to.
pub trait Sink {
    /// Takes an object. The same one may come more than once, and what an object names has come
    /// before it.
    ///
    /// # Errors
    ///
    /// When it cannot be kept; whoever makes the tree stops then, and hands the error on.
    fn put(&mut self, object: Object) -> Result<(), SinkError>;
}

/// Why a node could not be kept: whatever its place says.
#[derive(Clone, Debug, thiserror::Error)]
#[error("cannot keep the nodes of a tree")]
pub struct SinkError(#[source] Arc<dyn Error + Send + Sync>);

impl SinkError {
    /// Wraps what a place says.
    pub fn new(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(Arc::from(cause.into()))
    }

    /// Returns what the place said.
    pub fn cause(&self) -> &(dyn Error + Send + Sync + 'static) {
        &*self.0
    }
}

/// For those who want no more than the root.
impl Sink for () {
    fn put(&mut self, _: Object) -> Result<(), SinkError> {
        Ok(())
    }
}

impl Sink for MemoryObjects {
    fn put(&mut self, object: Object) -> Result<(), SinkError> {
        // What encoding left over is as much again, which adds up in a million files.
        let (id, kind) = (object.id(), object.kind());
        let mut body = object.into_body();
        body.shrink_to_fit();
        self.insert(Object::from_parts(id, kind, body));
        Ok(())
    }
}

impl<S: Sink + ?Sized> Sink for &mut S {
    fn put(&mut self, object: Object) -> Result<(), SinkError> {
        (**self).put(object)
    }
}
