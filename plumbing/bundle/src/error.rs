//! What can be wrong with a bundle.

use crate::BundleName;
use roar_object::ContentId;
use roar_pack::PackError;
use std::io;

/// Why a bundle is not what it should be, or is not taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// It begins differently.
    #[error("this is no bundle")]
    NotOne,
    /// Written by a later roar.
    #[error("this bundle has version {found}, and versions above 1 are not known")]
    Version {
        /// The version it has.
        found: u16,
    },
    /// Bits that have no meaning are set.
    #[error("what is reserved in the {within} is not zero")]
    Reserved {
        /// Where.
        within: &'static str,
    },
    /// It ends too early.
    #[error("the bundle ends in the middle of {within}")]
    Truncated {
        /// Which part is not whole.
        within: &'static str,
    },
    /// There is no such section.
    #[error("a section has the type {found}, which is not known")]
    Type {
        /// The type.
        found: u8,
    },
    /// A section comes where it may not, or does not come.
    #[error("the {section} is missing, comes twice, or comes out of order")]
    Order {
        /// What sort of section.
        section: &'static str,
    },
    /// A section is longer than it may be, or shorter than it must be.
    #[error("the {section} cannot have {length} bytes")]
    Length {
        /// What sort of section.
        section: &'static str,
        /// What it says.
        length: u64,
    },
    /// More than the receiver takes.
    #[error("the bundle holds more than {limit} {what}")]
    TooMuch {
        /// Of what.
        what: &'static str,
        /// The limit.
        limit: u64,
    },
    /// The manifest does not say what a manifest says.
    #[error("the manifest is malformed: {why}")]
    Manifest {
        /// What is wrong with it.
        why: String,
    },
    /// The pack in it is wrong.
    #[error("the pack in the bundle is wrong")]
    Pack(#[from] PackError),
    /// A file has other bytes than its name says.
    #[error("the bytes of file '{said}' are '{found}'")]
    File {
        /// What it is called.
        said: ContentId,
        /// The name of its bytes.
        found: ContentId,
    },
    /// The bytes have another name than the one that follows them.
    #[error("the bundle calls itself '{said}', and its bytes are '{found}'")]
    Name {
        /// The name at its end.
        said: BundleName,
        /// The name of its bytes.
        found: BundleName,
    },
    /// Something follows after the end.
    #[error("something follows after the end of the bundle")]
    Trailing,
    /// The system does not give the bytes.
    #[error("the bundle cannot be read")]
    Read(#[source] io::Error),
    /// The receiver does not take a part of it.
    #[error("a part of the bundle was not taken")]
    NotTaken(#[source] Box<dyn std::error::Error + Send + Sync>),
}
