//! What can be wrong with a pack or an index.

use crate::PackName;
use roar_object::{DecodeError, FindError, ObjectId};
use std::io;
use std::path::PathBuf;

/// Why a pack or an index is not what it should be.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PackError {
    /// Something below, with the file that it is about.
    #[error("cannot use '{path}'", path = .path.display())]
    At {
        /// The pack or the index.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: Box<PackError>,
    },
    /// The system does not give the bytes.
    #[error("cannot be read")]
    Read(#[source] io::Error),
    /// The system does not take the bytes.
    #[error("cannot be written")]
    Write(#[source] io::Error),
    /// It begins differently.
    #[error("this is no {what}")]
    NotOne {
        /// What it should be.
        what: &'static str,
    },
    /// Written by a later roar.
    #[error("this {what} has version {found}, and versions above 1 are not known")]
    Version {
        /// What it is.
        what: &'static str,
        /// The version it has.
        found: u16,
    },
    /// Bits that have no meaning are set in the header or the end.
    #[error("what is reserved in the {within} is not zero")]
    Reserved {
        /// Where.
        within: &'static str,
    },
    /// It ends too early.
    #[error("the pack ends in the middle of {within}, after {at} bytes")]
    Truncated {
        /// Which part is not whole.
        within: &'static str,
        /// Its length in bytes.
        at: u64,
    },
    /// A block breaks a rule.
    #[error("block {block} is wrong")]
    Block {
        /// Which block, from 0.
        block: u32,
        /// What is wrong with it.
        #[source]
        source: BlockError,
    },
    /// An object is not a canonical body of its kind.
    #[error("object {nth} in block {block} is not valid")]
    Object {
        /// Which block, from 0.
        block: u32,
        /// Which object of the block, from 0.
        nth: u32,
        /// What is wrong with it.
        #[source]
        source: DecodeError,
    },
    /// An object is not where or what the index says.
    #[error("the bytes of '{id}', in block {block}, have another name")]
    NotGenuine {
        /// The object.
        id: ObjectId,
        /// The block that should hold it.
        block: u32,
    },
    /// An object comes a second time.
    #[error("'{id}' is in the pack twice, the second time in block {block}")]
    Twice {
        /// The object.
        id: ObjectId,
        /// The block with its second coming.
        block: u32,
    },
    /// More objects than the receiver takes, or than a pack may have.
    #[error("the pack holds more than {limit} objects")]
    TooMany {
        /// The limit.
        limit: u32,
    },
    /// More bytes than the receiver takes.
    #[error("the pack unpacks to more than {limit} bytes")]
    TooMuch {
        /// The limit.
        limit: u64,
    },
    /// The end block says something else than what came before it.
    #[error("the end speaks of {said} {what}, and there are {found}")]
    Totals {
        /// Of what.
        what: &'static str,
        /// What the end says.
        said: u64,
        /// What came.
        found: u64,
    },
    /// The bytes have another name than the one that follows them.
    #[error("the pack calls itself '{said}', and its bytes are '{found}'")]
    Name {
        /// The name at its end.
        said: PackName,
        /// The name of its bytes.
        found: PackName,
    },
    /// Bytes follow after the end.
    #[error("something follows after the end of the pack")]
    Trailing,
    /// An index breaks a rule.
    #[error("the index is damaged: {why}")]
    Index {
        /// Which.
        why: &'static str,
    },
    /// An index is right in itself, and is of another pack, or of the same with other objects.
    #[error("the index does not fit the pack: {why}")]
    Unfit {
        /// In what way.
        why: &'static str,
    },
    /// The caller did not take an object.
    #[error("'{id}' was not taken")]
    NotTaken {
        /// The object.
        id: ObjectId,
        /// What the caller said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// What is wrong with one block of a pack.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BlockError {
    /// Neither objects nor the end.
    #[error("type {code} is not known")]
    Type {
        /// The code of the type.
        code: u8,
    },
    /// Neither raw nor zstd.
    #[error("codec {code} is not known")]
    Codec {
        /// The code of the codec.
        code: u8,
    },
    /// It holds no object, or its header says so.
    #[error("it holds nothing")]
    Empty,
    /// Larger than a block may be.
    #[error("{objects} objects of {raw} bytes together are more than a block may hold")]
    Size {
        /// Objects in it.
        objects: u16,
        /// Bytes when unpacked.
        raw: u32,
    },
    /// A length that the codec cannot have made.
    #[error("{stored} stored bytes cannot stand for {raw}")]
    Stored {
        /// Bytes as stored.
        stored: u32,
        /// Bytes when unpacked.
        raw: u32,
    },
    /// A bomb.
    #[error("{stored} stored bytes that stand for {raw} are packed tighter than {limit} to 1")]
    Ratio {
        /// Bytes as stored.
        stored: u32,
        /// Bytes when unpacked.
        raw: u32,
        /// The tightest that is taken.
        limit: u32,
    },
    /// Damaged.
    #[error("its bytes do not fit its checksum")]
    Checksum,
    /// Not the one zstd frame that belongs here.
    #[error("its zstd frame {why}")]
    Frame {
        /// What about it.
        why: &'static str,
    },
    /// An object has no whole kind, length and body.
    #[error("object {nth} is not whole")]
    Layout {
        /// Which object, from 0.
        nth: u32,
    },
    /// A kind that nobody knows.
    #[error("object {nth} is of kind {code}, which is not known")]
    Kind {
        /// Which object, from 0.
        nth: u32,
        /// The code of the kind.
        code: u8,
    },
    /// An object larger than any may be.
    #[error("object {nth} has {len} bytes, more than an object may")]
    Long {
        /// Which object, from 0.
        nth: u32,
        /// Its length.
        len: u32,
    },
    /// More bytes than objects.
    #[error("{len} bytes are left over after its last object")]
    Slack {
        /// How many.
        len: usize,
    },
}

impl PackError {
    /// Returns a function that puts a [`BlockError`] in its place.
    pub(crate) fn in_block(block: u32) -> impl FnOnce(BlockError) -> Self {
        move |source| Self::Block { block, source }
    }

    /// Returns a function that says which file an error is about.
    pub(crate) fn at(path: &std::path::Path) -> impl FnOnce(Self) -> Self {
        let path = path.to_owned();
        move |source| match source {
            named @ Self::At { .. } => named,
            source => Self::At {
                path,
                source: Box::new(source),
            },
        }
    }

    /// Returns what is wrong, without the file that it is about.
    pub fn bare(&self) -> &Self {
        match self {
            Self::At { source, .. } => source.bare(),
            other => other,
        }
    }
}

impl From<io::Error> for PackError {
    fn from(err: io::Error) -> Self {
        Self::Read(err)
    }
}

impl From<PackError> for FindError {
    fn from(err: PackError) -> Self {
        Self::Store(Box::new(err))
    }
}
