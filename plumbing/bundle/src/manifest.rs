//! What a bundle says of itself.

use crate::BundleError;
use roar_object::{ByteStr, ObjectId, Version1};
use serde::{Deserialize, Serialize};

/// Longest manifest, in bytes.
pub(crate) const MAX_BYTES: u64 = 1 << 20;
/// Most tips.
pub const MAX_TIPS: usize = 1000;
/// Longest name of a tip.
const MAX_NAME: usize = 64;

/// Where to begin in the pack.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Tip {
    /// 1 to 64 of `a`–`z`, `0`–`9` and `-`.
    pub name: String,
    /// An object in the pack.
    pub id: ObjectId,
}

/// What a bundle was made for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// 1 for an object, 2 for the bytes of a file.
    pub kind: u8,
    /// Its name.
    #[serde(with = "hash")]
    pub hash: [u8; 32],
    /// Where the file was; empty for an object.
    pub path: ByteStr,
}

/// What a bundle says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    version: Version1,
    /// When it was made: nanoseconds since 1970.
    pub created_ns: i64,
    /// Sorted by name, no name twice.
    pub tips: Vec<Tip>,
    /// For people.
    pub asked: Vec<Asked>,
}

impl Manifest {
    /// Makes a manifest, sorting the tips.
    ///
    /// # Errors
    ///
    /// When it breaks a rule of the format.
    pub fn new(
        created_ns: i64,
        mut tips: Vec<Tip>,
        asked: Vec<Asked>,
    ) -> Result<Self, BundleError> {
        tips.sort();
        let manifest = Self {
            version: Version1,
            created_ns,
            tips,
            asked,
        };
        manifest.check()?;
        Ok(manifest)
    }

    fn check(&self) -> Result<(), BundleError> {
        let wrong = |why: &str| {
            Err(BundleError::Manifest {
                why: why.to_owned(),
            })
        };
        if self.tips.is_empty() || self.tips.len() > MAX_TIPS {
            return wrong("it has no tips, or too many");
        }
        if !self.tips.iter().all(|tip| is_name(&tip.name)) {
            return wrong("a tip has a name that none may have");
        }
        if !self.tips.windows(2).all(|pair| pair[0].name < pair[1].name) {
            return wrong("its tips are not in order");
        }
        if !self.asked.iter().all(|asked| matches!(asked.kind, 1 | 2)) {
            return wrong("it was asked for something unknown");
        }
        Ok(())
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        rmp_serde::to_vec(self).expect("a manifest is made of integers, bytes, text and arrays")
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, BundleError> {
        let wrong = |why: String| BundleError::Manifest { why };
        let manifest: Self = rmp_serde::from_slice(bytes).map_err(|err| wrong(err.to_string()))?;
        if manifest.to_bytes() != bytes {
            return Err(wrong("it is not in its only form".to_owned()));
        }
        manifest.check()?;
        Ok(manifest)
    }
}

fn is_name(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !name.is_empty() && name.len() <= MAX_NAME && name.bytes().all(fits)
}

/// A hash as bytes, not as a list of numbers.
mod hash {
    use roar_object::ObjectId;
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    pub(super) fn serialize<S: Serializer>(hash: &[u8; 32], to: S) -> Result<S::Ok, S::Error> {
        ObjectId::from_bytes(*hash).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<[u8; 32], D::Error> {
        ObjectId::deserialize(from).map(|id| *id.as_bytes())
    }
}
