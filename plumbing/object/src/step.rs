//! Steps: the nodes of a DAG, without times.
//!
//! A step is a command in a directory with what it read. Running it twice on the same content gives
//! one step and two jobs, which is what lets a cached run find that it has been done before.

use crate::canonical::ascends;
use crate::code::{Version1, coded};
use crate::{Base, Body, ByteStr, Kind, ObjectId, RecordedPath};
use serde::{Deserialize, Serialize};

coded! {
    /// What sort of work a job is.
    pub enum JobKind {
        /// `roar run`
        Run = 1,
        /// `roar build`
        Build = 2,
        /// `roar get`
        Get = 3,
        /// `roar put`
        Put = 4,
    }
}

impl JobKind {
    /// Returns the word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Build => "build",
            Self::Get => "get",
            Self::Put => "put",
        }
    }

    /// Returns the kind that goes by this word.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Run, Self::Build, Self::Get, Self::Put]
            .into_iter()
            .find(|kind| kind.name() == name)
    }
}

coded! {
    /// What sort of file it is that was read or written, by rules that the user can see.
    pub enum Class {
        /// What the work is about.
        Data = 1,
        /// Programs of the project itself.
        Code = 2,
        /// Programs and data that a package manager brought.
        Package = 3,
        /// What belongs to the machine: its libraries, settings, caches, devices.
        System = 4,
    }
}

impl Class {
    /// Every class, in the order of the codes.
    pub const ALL: [Self; 4] = [Self::Data, Self::Code, Self::Package, Self::System];

    /// Returns the word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Data => "data",
            Self::Code => "code",
            Self::Package => "package",
            Self::System => "system",
        }
    }

    /// Returns the class that goes by this word.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.name() == name)
    }
}

/// The files of one class below one base, as a tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileSet {
    /// What sort of files.
    pub class: Class,
    /// What the tree's root stands for.
    pub base: Base,
    /// The tree of paths.
    pub tree: ObjectId,
    /// How many files are in it.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// What is run on what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    version: Version1,
    /// What sort of work it is.
    pub kind: JobKind,
    /// The command, its name first, after secrets were taken out.
    pub argv: Vec<ByteStr>,
    /// Where it runs.
    pub directory: RecordedPath,
    /// Environment variables that are kept by value, sorted by name.
    pub variables: Vec<(ByteStr, ByteStr)>,
    /// What it read, sorted by class and base; no set is empty.
    pub reads: Vec<FileSet>,
    /// The machine and packages.
    pub environment: Option<ObjectId>,
}

impl Step {
    /// Makes a step; [`Body::check`] tells whether its lists are in order.
    pub fn new(kind: JobKind, argv: Vec<ByteStr>, directory: RecordedPath) -> Self {
        Self {
            version: Version1,
            kind,
            argv,
            directory,
            variables: Vec::new(),
            reads: Vec::new(),
            environment: None,
        }
    }

    /// Returns the files read of one class below one base.
    pub fn reads_of(&self, class: Class, base: Base) -> Option<&FileSet> {
        self.reads
            .iter()
            .find(|set| (set.class, set.base) == (class, base))
    }
}

impl Body for Step {
    const KIND: Kind = Kind::Step;

    fn check(&self) -> Result<(), String> {
        if !ascends(&self.reads, |set| (set.class, set.base)) {
            return Err("its file sets are not in order".to_owned());
        }
        if !ascends(&self.variables, |(name, _)| name.0.as_slice()) {
            return Err("its variables are not in order".to_owned());
        }
        Ok(())
    }
}
