//! Canonical bodies: one byte form for every value.
//!
//! A body is one MessagePack array, the schema version first and the fields in the order of the
//! type's declaration. Integers take their shortest form, paths are `bin`, absent values are `nil`,
//! enumerations are integers. `rmp-serde` writes just that, but reads more than it writes (longer
//! integers, trailing bytes), so decoding encodes again and compares.

use crate::{Kind, ObjectId};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Largest body that is accepted, in bytes.
pub const MAX_BODY: usize = 16 << 20;

/// Deepest nesting that is accepted.
const MAX_DEPTH: usize = 16;

/// A type that is the body of an object.
pub trait Body: Serialize + DeserializeOwned {
    /// The kind of object that this is the body of.
    const KIND: Kind;

    /// Checks what the type system does not: order, uniqueness, sums.
    fn check(&self) -> Result<(), String> {
        Ok(())
    }
}

/// Why bytes are not a canonical body of their kind.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The object is of another kind than the one asked for.
    #[error("'{id}' is a {found}, not a {wanted}", found = .found.name(), wanted = .wanted.name())]
    Kind {
        /// The object.
        id: ObjectId,
        /// What it is.
        found: Kind,
        /// What was asked for.
        wanted: Kind,
    },
    /// Too large to be looked at.
    #[error("'{id}' has {len} bytes, more than an object may")]
    Size {
        /// The object.
        id: ObjectId,
        /// Its length.
        len: usize,
    },
    /// Not the MessagePack of this kind.
    #[error("'{id}' does not hold a {kind}", kind = .kind.name())]
    Malformed {
        /// The object.
        id: ObjectId,
        /// What it should be.
        kind: Kind,
        /// What the decoder met.
        #[source]
        source: rmp_serde::decode::Error,
    },
    /// A value with another byte form than the canonical one.
    #[error("'{id}' is not in canonical form")]
    NotCanonical {
        /// The object.
        id: ObjectId,
    },
    /// Well formed, but it breaks a rule of its kind.
    #[error("'{id}' is no valid {kind}: {why}", kind = .kind.name())]
    Invalid {
        /// The object.
        id: ObjectId,
        /// What it should be.
        kind: Kind,
        /// The rule.
        why: String,
    },
}

/// An object: its kind, its canonical body, and the name of the two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    id: ObjectId,
    kind: Kind,
    body: Vec<u8>,
}

impl Object {
    /// Encodes `value` and names it.
    pub fn encode<T: Body>(value: &T) -> Self {
        debug_assert_eq!(
            value.check(),
            Ok(()),
            "an object that no decoder would take"
        );
        let body = to_bytes(value);
        Self {
            id: ObjectId::of(T::KIND, &body),
            kind: T::KIND,
            body,
        }
    }

    /// Names bytes that claim to be a body; [`Object::decode`] tells whether they are.
    pub fn from_body(kind: Kind, body: Vec<u8>) -> Self {
        Self {
            id: ObjectId::of(kind, &body),
            kind,
            body,
        }
    }

    /// Puts an object back together from a place that keeps names beside bodies.
    ///
    /// The caller has checked, or will, that `id` is right: see [`Object::is_genuine`].
    pub fn from_parts(id: ObjectId, kind: Kind, body: Vec<u8>) -> Self {
        Self { id, kind, body }
    }

    /// Returns whether the name is the name of kind and body.
    pub fn is_genuine(&self) -> bool {
        ObjectId::of(self.kind, &self.body) == self.id
    }

    /// Returns the object's name.
    pub const fn id(&self) -> ObjectId {
        self.id
    }

    /// Returns what the object is.
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// Returns the canonical body.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Gives up everything but the body.
    pub fn into_body(self) -> Vec<u8> {
        self.body
    }

    /// Reads the body as a `T`.
    ///
    /// # Errors
    ///
    /// When the object is of another kind, or its body is not the one canonical form of a valid
    /// value.
    pub fn decode<T: Body>(&self) -> Result<T, DecodeError> {
        let (id, kind) = (self.id, T::KIND);
        if self.kind != kind {
            return Err(DecodeError::Kind {
                id,
                found: self.kind,
                wanted: kind,
            });
        }
        if self.body.len() > MAX_BODY {
            return Err(DecodeError::Size {
                id,
                len: self.body.len(),
            });
        }
        let value: T =
            from_bytes(&self.body).map_err(|source| DecodeError::Malformed { id, kind, source })?;
        if to_bytes(&value) != self.body {
            return Err(DecodeError::NotCanonical { id });
        }
        value
            .check()
            .map_err(|why| DecodeError::Invalid { id, kind, why })?;
        Ok(value)
    }

    /// Checks that the body is a valid one of the object's own kind, and that the name is right.
    ///
    /// # Errors
    ///
    /// As [`Object::decode`]; a wrong name is an [`DecodeError::Invalid`].
    pub fn verify(&self) -> Result<(), DecodeError> {
        if !self.is_genuine() {
            let why = "its bytes have another name".to_owned();
            return Err(DecodeError::Invalid {
                id: self.id,
                kind: self.kind,
                why,
            });
        }
        match self.kind {
            Kind::Tree => self.decode::<crate::TreeNode>().map(drop),
            Kind::Step => self.decode::<crate::Step>().map(drop),
            Kind::Job => self.decode::<crate::Job>().map(drop),
            Kind::Session => self.decode::<crate::Session>().map(drop),
            Kind::Environment => self.decode::<crate::Environment>().map(drop),
            Kind::Source => self.decode::<crate::Source>().map(drop),
            Kind::Variables => self.decode::<crate::Variables>().map(drop),
        }
    }
}

fn to_bytes<T: Serialize>(value: &T) -> Vec<u8> {
    rmp_serde::to_vec(value).expect("bodies are made of integers, bytes, text and arrays")
}

fn from_bytes<T: DeserializeOwned>(body: &[u8]) -> Result<T, rmp_serde::decode::Error> {
    let mut decoder = rmp_serde::Deserializer::from_read_ref(body);
    decoder.set_max_depth(MAX_DEPTH);
    T::deserialize(&mut decoder)
}

/// Returns whether `items` ascend strictly by `key`.
pub(crate) fn ascends<'a, T, K: Ord>(items: &'a [T], key: impl Fn(&'a T) -> K) -> bool {
    items.windows(2).all(|pair| key(&pair[0]) < key(&pair[1]))
}
