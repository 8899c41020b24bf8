//! What a fold keeps of one name.

use std::sync::Arc;

use roar_events::{Digest, State, Version};

/// How many processes are listed with a file.
const PIDS: usize = 16;

/// Where an [`Entry`] stands in its fold.
pub(crate) type Index = u32;

/// Where the content that a name has now came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holds {
    /// There is nothing.
    Nothing,
    /// The run made it.
    Own,
    /// It is what was first found at the name with this index.
    First(Index),
}

/// A set of things that happened to a name, or to the content first found there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Deeds(u8);

impl Deeds {
    /// The content first found here was opened for writing in place.
    pub(crate) const TOUCHED: Self = Self(1);
    /// The name got other content, or lost its content.
    pub(crate) const REPLACED: Self = Self(2);
    /// The content at this name was cut to nothing.
    pub(crate) const TRUNCATED: Self = Self(4);
    /// The file was executed.
    pub(crate) const EXECUTED: Self = Self(8);
    /// The content first found here got a further name.
    pub(crate) const LINKED: Self = Self(16);

    pub(crate) fn has(self, deeds: Self) -> bool {
        self.0 & deeds.0 == deeds.0
    }

    /// Adds `deeds`; returns whether that was new.
    pub(crate) fn add(&mut self, deeds: Self) -> bool {
        let before = self.0;
        self.0 |= deeds.0;
        self.0 != before
    }
}

/// Which version of the content first found at a name was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Read {
    /// None.
    No,
    /// The one that was first seen.
    First,
    /// A later one, that an outsider had made by then.
    Later(Box<Version>),
}

/// The processes that had to do with a name: nearly always one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Pids {
    One(u32),
    Many(Vec<u32>),
}

impl Pids {
    pub(crate) fn list(&self) -> &[u32] {
        match self {
            Self::One(0) => &[],
            Self::One(pid) => std::slice::from_ref(pid),
            Self::Many(pids) => pids,
        }
    }

    /// Adds `pid`, unless the list is full; returns whether that was new.
    fn add(&mut self, pid: u32) -> bool {
        let list = self.list();
        if pid == 0 || list.len() >= PIDS || list.contains(&pid) {
            return false;
        }
        *self = match self {
            Self::One(0) => Self::One(pid),
            Self::One(first) => Self::Many(vec![*first, pid]),
            Self::Many(pids) => {
                pids.push(pid);
                return true;
            }
        };
        true
    }
}

/// One name and what is known of it.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) path: Arc<[u8]>,
    /// What it was when first seen.
    pub(crate) first: State,
    /// What it has now, as far as the records tell.
    pub(crate) holds: Holds,
    /// Which version of the content first found here was read, under whatever name.
    pub(crate) read: Read,
    /// The digest of a version of the content first found here.
    pub(crate) named: Option<Box<(Version, Digest)>>,
    /// Where the link first found here led.
    pub(crate) target: Option<Box<[u8]>>,
    pub(crate) deeds: Deeds,
    pub(crate) pids: Pids,
}

impl Entry {
    pub(crate) fn new(path: Arc<[u8]>, index: Index, first: State) -> Self {
        let holds = match first {
            State::File(_) | State::Symlink => Holds::First(index),
            State::Missing | State::Directory | State::Other => Holds::Nothing,
        };
        Self {
            path,
            first,
            holds,
            read: Read::No,
            named: None,
            target: None,
            deeds: Deeds::default(),
            pids: Pids::One(0),
        }
    }

    /// Notes that `pid` had to do with the name; returns whether that was new.
    pub(crate) fn by(&mut self, pid: u32) -> bool {
        self.pids.add(pid)
    }

    /// Notes that the content first found here is read, in the state seen; returns whether new.
    ///
    /// The first reading counts. After a change in place the state seen is the run's own work, but
    /// what the run did not make of it is still what was first there.
    pub(crate) fn mark_read(&mut self, seen: State) -> bool {
        if self.read != Read::No {
            return false;
        }
        self.read = match (self.first, seen) {
            (State::File(first), State::File(seen))
                if !self.deeds.has(Deeds::TOUCHED) && !first.same_content(&seen) =>
            {
                Read::Later(Box::new(seen))
            }
            _ => Read::First,
        };
        true
    }

    /// Keeps the first digest that is given for the content first found here.
    pub(crate) fn name(&mut self, version: Version, digest: Digest) -> bool {
        let fits = self
            .version_read()
            .is_some_and(|read| read.same_content(&version));
        if self.named.is_some() || !fits {
            return false;
        }
        self.named = Some(Box::new((version, digest)));
        true
    }

    /// Keeps where the link first found here led; returns whether that was new.
    pub(crate) fn lead(&mut self, target: &[u8]) -> bool {
        let fits = self.first == State::Symlink && self.target.is_none();
        if fits {
            self.target = Some(target.into());
        }
        fits
    }

    /// Returns the version that was read, or would be if it were: `None` for no regular file.
    pub(crate) fn version_read(&self) -> Option<Version> {
        match (&self.read, self.first) {
            (Read::Later(version), _) => Some(**version),
            (_, State::File(first)) => Some(first),
            _ => None,
        }
    }

    /// Returns the digest of `version` of the content first found here, if it was named.
    pub(crate) fn digest_of(&self, version: Version) -> Option<Digest> {
        let (named, digest) = self.named.as_deref()?;
        named.same_content(&version).then_some(*digest)
    }
}
