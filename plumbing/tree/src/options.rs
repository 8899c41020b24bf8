//! What a caller of [`scan`](crate::scan) says, watches, and is told.

use crate::listing::push_name;
use roar_content::HashCache;
use std::sync::atomic::AtomicU64;

/// Something that a scan has come upon, before it is looked into.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// The path of the directory it is in, from the root of the scan; empty for the root.
    pub directory: &'a [u8],
    /// Its name.
    pub name: &'a [u8],
    /// Whether it is a directory.
    pub is_directory: bool,
}

impl Candidate<'_> {
    /// Returns the path from the root of the scan.
    pub fn path(&self) -> Vec<u8> {
        let mut path = self.directory.to_vec();
        push_name(&mut path, self.name);
        path
    }
}

/// Returns whether this is roar's own directory, which no dataset should hold.
pub fn skip_roar(candidate: Candidate<'_>) -> bool {
    candidate.is_directory && candidate.name == b".roar"
}

/// How far a scan is; any thread may look.
#[derive(Debug, Default)]
pub struct Progress {
    /// Files named so far.
    pub files: AtomicU64,
    /// Their bytes.
    pub bytes: AtomicU64,
}

/// How to scan.
#[derive(Clone, Copy)]
pub struct Options<'a> {
    /// Names that are known already.
    pub cache: &'a HashCache,
    /// Says what to leave out without a word; [`skip_roar`] by default.
    pub skip: &'a (dyn Fn(Candidate<'_>) -> bool + Sync),
    /// Where to count, if anybody wants to know.
    pub progress: Option<&'a Progress>,
}

impl<'a> Options<'a> {
    /// Returns the ordinary way to scan, with a cache, which may be [`HashCache::none`].
    pub fn new(cache: &'a HashCache) -> Self {
        Self {
            cache,
            skip: &skip_roar,
            progress: None,
        }
    }
}

/// Why something is no part of the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum SkipReason {
    /// A named pipe, socket or device: it has no bytes of its own.
    Fifo,
    /// See [`SkipReason::Fifo`].
    Socket,
    /// See [`SkipReason::Fifo`].
    Device,
    /// It was listed, and was gone when it was looked at.
    Gone,
}

impl SkipReason {
    /// Returns the words for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fifo => "named pipe",
            Self::Socket => "socket",
            Self::Device => "device",
            Self::Gone => "gone",
        }
    }
}
