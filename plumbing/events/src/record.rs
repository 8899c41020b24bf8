//! The records themselves.

use core::ops::{BitOr, BitOrAssign};

/// A BLAKE3 digest of a file's bytes.
pub type Digest = [u8; 32];

/// What told one state of a regular file from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Version {
    /// The device that holds the file.
    pub dev: u64,
    /// The inode on that device.
    pub ino: u64,
    /// The length in bytes.
    pub size: u64,
    /// The last change of content, nanoseconds since 1970.
    pub mtime_ns: i64,
    /// The last change of content or attributes, nanoseconds since 1970.
    pub ctime_ns: i64,
    /// Type and permission bits, as `st_mode`.
    pub mode: u32,
}

impl Version {
    /// Returns whether both are the same file with, as far as a stat can tell, the same content.
    ///
    /// The time of the last attribute change is left out: renaming and linking move it.
    pub fn same_content(&self, other: &Self) -> bool {
        self.same_file(other) && self.size == other.size && self.mtime_ns == other.mtime_ns
    }

    /// Returns whether both are the same inode.
    pub fn same_file(&self, other: &Self) -> bool {
        self.dev == other.dev && self.ino == other.ino
    }

    /// Returns whether nothing at all happened to the file in between, not even to its attributes.
    pub fn untouched(&self, other: &Self) -> bool {
        self.same_content(other) && self.ctime_ns == other.ctime_ns
    }
}

/// What a name stood for at some moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// Nothing has that name.
    Missing,
    /// A regular file.
    File(Version),
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A pipe, a socket, a device, or an entry of a file system that holds no files.
    Other,
}

/// How a file is opened: a set of flags.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Access(u8);

impl Access {
    /// For reading.
    pub const READ: Self = Self(1);
    /// For writing.
    pub const WRITE: Self = Self(2);
    /// Emptied on opening.
    pub const TRUNCATE: Self = Self(4);
    /// Made when it does not exist.
    pub const CREATE: Self = Self(8);
    /// Written at its end only.
    pub const APPEND: Self = Self(16);

    const ALL: u8 = 31;

    /// Returns the flags as the byte that stands in a record.
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Returns the flags that a byte stands for, if it stands for any.
    pub const fn from_bits(bits: u8) -> Option<Self> {
        if bits & !Self::ALL == 0 {
            Some(Self(bits))
        } else {
            None
        }
    }

    /// Returns whether every flag of `other` is set.
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl BitOr for Access {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for Access {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

/// One thing that a tracer saw.
///
/// Paths are absolute and canonical. States are those before the call had any effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Record<'a> {
    /// A process was seen for the first time, or became another program.
    Process {
        /// The process (thread group).
        pid: u32,
        /// Who started it; 0 when not known.
        parent: u32,
        /// The file it executes; empty when it was seen before it executed anything.
        program: &'a [u8],
    },
    /// A file is executed, as a program or as the interpreter of one.
    Exec {
        /// The process.
        pid: u32,
        /// The file.
        path: &'a [u8],
        /// What it was.
        before: State,
    },
    /// A file is opened, or a symbolic link passed through on the way to one.
    Open {
        /// The process.
        pid: u32,
        /// How.
        access: Access,
        /// The file.
        path: &'a [u8],
        /// What it was.
        before: State,
    },
    /// A name moves, or two names change places.
    Rename {
        /// The process.
        pid: u32,
        /// Whether `from` gets what `to` had.
        exchange: bool,
        /// The old name.
        from: &'a [u8],
        /// What had the old name.
        moved: State,
        /// The new name.
        to: &'a [u8],
        /// What had the new name.
        replaced: State,
    },
    /// A file gets a further name.
    Link {
        /// The process.
        pid: u32,
        /// A name it has; empty when it has none yet.
        from: &'a [u8],
        /// What the file is.
        linked: State,
        /// The new name.
        to: &'a [u8],
    },
    /// A symbolic link is made.
    Symlink {
        /// The process.
        pid: u32,
        /// Its name.
        path: &'a [u8],
    },
    /// A name is removed.
    Unlink {
        /// The process.
        pid: u32,
        /// The name.
        path: &'a [u8],
        /// What had it.
        before: State,
    },
    /// A file is cut or extended by its name.
    Truncate {
        /// The process.
        pid: u32,
        /// Its new length.
        length: u64,
        /// The file.
        path: &'a [u8],
        /// What it was.
        before: State,
    },
    /// Content was named before it could change.
    Named {
        /// The file.
        path: &'a [u8],
        /// The state of the file that had this content.
        version: Version,
        /// The name of the content.
        digest: Digest,
    },
    /// Something was not seen.
    Gap {
        /// What and why, in plain words.
        why: &'a [u8],
    },
    /// Where a symbolic link led when a path went through it.
    Target {
        /// The link.
        path: &'a [u8],
        /// Its text, absolute or not.
        target: &'a [u8],
    },
}
