//! The kinds of object there are.

use crate::code::coded;

coded! {
    /// What an object is; part of its name and the first byte of its stored form.
    pub enum Kind {
        /// A node of a Merkle tree: a directory, a dataset, a set of files.
        Tree = 1,
        /// What is run, and what it reads; knows no times.
        Step = 2,
        /// One run of a step.
        Job = 3,
        /// One link of a session's chain.
        Session = 4,
        /// The machine and the packages that jobs ran with.
        Environment = 5,
        /// The state of the code that jobs ran from.
        Source = 6,
        /// Names and keyed tags of the environment variables whose values are not kept.
        Variables = 7,
    }
}

impl Kind {
    /// Every kind, in the order of the codes.
    pub const ALL: [Self; 7] = [
        Self::Tree,
        Self::Step,
        Self::Job,
        Self::Session,
        Self::Environment,
        Self::Source,
        Self::Variables,
    ];

    /// Returns the word for this kind, as commands print it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tree => "tree",
            Self::Step => "step",
            Self::Job => "job",
            Self::Session => "session",
            Self::Environment => "environment",
            Self::Source => "source",
            Self::Variables => "variables",
        }
    }

    /// Returns the BLAKE3 key-derivation context that names of this kind are made in.
    pub const fn context(self) -> &'static str {
        match self {
            Self::Tree => "roar 2026 object tree v1",
            Self::Step => "roar 2026 object step v1",
            Self::Job => "roar 2026 object job v1",
            Self::Session => "roar 2026 object session v1",
            Self::Environment => "roar 2026 object environment v1",
            Self::Source => "roar 2026 object source v1",
            Self::Variables => "roar 2026 object variables v1",
        }
    }
}
