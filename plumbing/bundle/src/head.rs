//! Fixed parts: the header of a bundle, the head of a section.

use crate::BundleError;

pub(crate) const MAGIC: &[u8; 8] = b"ROARBDL\n";
pub(crate) const VERSION: u16 = 1;
/// Bytes of the header.
pub(crate) const HEADER: usize = 16;
/// Bytes of the head of a section.
pub(crate) const HEAD: usize = 16;

/// What a section holds, in the order in which they come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Type {
    Manifest = 1,
    Pack = 2,
    File = 3,
    Code = 4,
    End = 5,
}

impl Type {
    const ALL: [Self; 5] = [
        Self::Manifest,
        Self::Pack,
        Self::File,
        Self::Code,
        Self::End,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Manifest => "manifest",
            Self::Pack => "pack",
            Self::File => "file",
            Self::Code => "code",
            Self::End => "end",
        }
    }
}

/// The head of a section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) of: Type,
    pub(crate) length: u64,
}

pub(crate) fn header() -> [u8; HEADER] {
    let mut bytes = [0; HEADER];
    bytes[..8].copy_from_slice(MAGIC);
    bytes[8..10].copy_from_slice(&VERSION.to_le_bytes());
    bytes
}

pub(crate) fn check_header(bytes: &[u8; HEADER]) -> Result<(), BundleError> {
    if bytes[..8] != *MAGIC {
        return Err(BundleError::NotOne);
    }
    let found = u16::from_le_bytes([bytes[8], bytes[9]]);
    match found {
        VERSION => {}
        0 => return Err(BundleError::NotOne),
        found => return Err(BundleError::Version { found }),
    }
    require_zero(&bytes[10..], "header")
}

impl Head {
    pub(crate) fn to_bytes(self) -> [u8; HEAD] {
        let mut bytes = [0; HEAD];
        bytes[0] = self.of as u8;
        bytes[8..].copy_from_slice(&self.length.to_le_bytes());
        bytes
    }

    pub(crate) fn parse(bytes: &[u8; HEAD]) -> Result<Self, BundleError> {
        let found = bytes[0];
        let of = Type::ALL.into_iter().find(|it| *it as u8 == found);
        let of = of.ok_or(BundleError::Type { found })?;
        require_zero(&bytes[1..8], "head of a section")?;
        let [.., a, b, c, d, e, f, g, h] = *bytes;
        let length = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
        Ok(Self { of, length })
    }
}

fn require_zero(bytes: &[u8], within: &'static str) -> Result<(), BundleError> {
    match bytes.iter().all(|&byte| byte == 0) {
        true => Ok(()),
        false => Err(BundleError::Reserved { within }),
    }
}
