//! Collecting: what has been in the journal for long goes to packs, small packs become large ones, and
//! what nothing leads to goes.
//!
//! One process at a time collects. It holds the store's lock only to begin a segment and to let what it
//! made count; everybody else goes on meanwhile. Killed at any moment, it leaves a store that has all
//! that it had, and perhaps some of it twice.

mod merge;
mod numbers;
mod prune;
mod reach;
pub(crate) mod seal;
mod sound;

use crate::collecting::{self, Collecting};
use crate::file::FileError;
use crate::new_pack::PackingError;
use crate::notice::explain;
use crate::reader::ReadError;
use crate::snapshot::Snapshot;
use crate::store::Layout;
use crate::{Holder, LockError, Store, Wait, multi, packs, segment};
use roar_object::{Kind, ObjectId};
use roar_pack::PackName;
use std::time::{Duration, SystemTime};

/// From how many bytes of journal on [`wants_gc`] says so.
const MUCH: u64 = 8 << 20;
/// From how many objects in the journal on it does: sled is opened in the time that these take.
const NUMEROUS: u64 = 20_000;
/// From how many packs on it does.
const MANY: usize = 8;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What to collect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GcOptions {
    /// Whether what nothing leads to goes.
    pub prune: bool,
    /// Whether packs are merged although there are few.
    pub merge: bool,
    /// How long what nothing leads to stays: somebody may be about to lead to it.
    pub grace: Duration,
    /// How long what a ref once named stays.
    pub reflog: Duration,
    /// Whether to wait for somebody else who collects.
    pub waits: bool,
    /// What time it is.
    pub now: SystemTime,
}

impl GcOptions {
    /// Returns what is collected when somebody asks for it.
    pub fn asked() -> Self {
        Self {
            prune: true,
            merge: true,
            grace: 14 * DAY,
            reflog: 90 * DAY,
            waits: true,
            now: SystemTime::now(),
        }
    }

    /// Returns what is collected without being asked for: nothing goes, and only what is many is merged.
    pub fn automatic() -> Self {
        Self {
            prune: false,
            merge: false,
            waits: false,
            ..Self::asked()
        }
    }
}

/// Why it was not collected, or not to the end. Nothing is lost.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GcError {
    /// Somebody else is at it, and was for as long as was waited.
    #[error("{holder} is collecting")]
    Busy {
        /// Who.
        holder: Holder,
    },
    /// The lock is not free.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// A file cannot be read or written.
    #[error(transparent)]
    Io(#[from] FileError),
    /// The store cannot be asked what it has.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A pack cannot be made.
    #[error(transparent)]
    Packing(PackingError),
    /// Something is damaged, and moving it about would hide that.
    #[error("the store is damaged: {why}")]
    Damaged {
        /// What.
        why: String,
    },
}

impl From<PackingError> for GcError {
    fn from(err: PackingError) -> Self {
        match err {
            PackingError::Io(err) => err.into(),
            PackingError::Read(err) => err.into(),
            PackingError::Lock(err) => err.into(),
            err @ PackingError::Pack(_) => Self::Packing(err),
        }
    }
}

/// Why what nothing leads to stayed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Kept {
    /// Runs are going on, or wait to be recorded; what they need is not known.
    #[error("{runs} runs are going on or wait to be recorded")]
    Runs {
        /// How many.
        runs: usize,
    },
    /// Somebody is writing a pack.
    #[error("somebody is writing a pack")]
    Packing,
    /// Not all that there is can be read, so it is not known what leads to what.
    #[error("the store is damaged: {why}")]
    Damaged {
        /// What cannot be read.
        why: String,
    },
    /// Somebody came to need some of it meanwhile.
    #[error("the store was used meanwhile")]
    Used,
}

/// What was collected, or would be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GcReport {
    /// Commits that left the journal.
    pub commits: u64,
    /// Objects that they brought.
    pub objects: u64,
    /// Bytes of journal that became free.
    pub journal_bytes: u64,
    /// Why the journal was not emptied: the segment that is damaged.
    pub damaged_segment: Option<u32>,
    /// Packs whose indexes were not what they were written as, and were made anew.
    pub reindexed: Vec<PackName>,
    /// Packs that were merged or rewritten.
    pub merged: Vec<PackName>,
    /// Packs that there are now.
    pub packs: usize,
    /// Objects that went: nothing led to them.
    pub pruned: u64,
    /// Bytes in their bodies.
    pub pruned_bytes: u64,
    /// Why nothing went, if it might have.
    pub kept: Option<Kept>,
}

/// Returns whether it is worth while to collect: a look at two directories and the `refs` file, in which it
/// is counted what is in the journal.
///
/// # Errors
///
/// When they cannot be read.
pub fn wants_gc(store: &Store) -> Result<bool, FileError> {
    let layout = store.layout();
    let packs = packs::list(&layout.packs())?;
    if packs.len() > MANY && merge::chosen(&packs).len() > 1 {
        return Ok(true);
    }
    let segments = segment::list(&layout.journal())?;
    let lens = segments
        .iter()
        .filter_map(|segment| std::fs::metadata(&segment.path).ok())
        .map(|meta| meta.len());
    if lens.sum::<u64>() > MUCH {
        return Ok(true);
    }
    let tally = Snapshot::load(&layout.refs())?.and_then(|snapshot| snapshot.tally);
    Ok(tally.is_some_and(|tally| tally.objects > NUMEROUS))
}

/// Collects.
///
/// # Errors
///
/// When somebody else is at it, the store's lock is not free in time, or files cannot be read or written.
pub fn gc(store: &Store, options: &GcOptions, wait: Wait<'_>) -> Result<GcReport, GcError> {
    gc_naming(store, options, wait, &mut |_, _| {})
}

/// As [`gc`], and names every object that went, sorted by name.
///
/// # Errors
///
/// As [`gc`].
pub fn gc_naming(
    store: &Store,
    options: &GcOptions,
    mut wait: Wait<'_>,
    gone: &mut dyn FnMut(ObjectId, Kind),
) -> Result<GcReport, GcError> {
    store.be_fit_for_packs()?;
    crate::file::make_lasting_dir(&store.layout().packs())?;
    let _collecting = take_turn(store.layout(), options, &mut wait)?;
    let mut report = GcReport::default();
    seal::seal(store, &mut wait, &mut report)?;
    report.reindexed = sound::mend_indexes(store.layout())?;
    match rewrite(store, options, &mut wait, &mut report, gone) {
        Err(GcError::Packing(PackingError::Pack(err))) => {
            let why = explain(&err);
            report.kept = Some(Kept::Damaged { why });
        }
        rewritten => rewritten?,
    }
    // It can be made again, so trouble with it is none.
    let _ = multi::renew(store.layout());
    report.packs = packs::list(&store.layout().packs())?.len();
    Ok(report)
}

/// Waits until nobody else collects, if that is to be waited for.
fn take_turn(
    layout: &Layout,
    options: &GcOptions,
    wait: &mut Wait<'_>,
) -> Result<Collecting, GcError> {
    let mut wait = wait.again();
    if !options.waits {
        wait.up_to = Duration::ZERO;
    }
    collecting::take(layout, wait).map_err(|err| match err {
        LockError::Busy { holder } => GcError::Busy { holder },
        LockError::Io(err) => err.into(),
    })
}

/// Writes packs anew.
fn rewrite(
    store: &Store,
    options: &GcOptions,
    wait: &mut Wait<'_>,
    report: &mut GcReport,
    gone: &mut dyn FnMut(ObjectId, Kind),
) -> Result<(), GcError> {
    let all = packs::list(&store.layout().packs())?;
    if options.prune {
        prune::prune(store, options, wait, report, gone)
    } else if options.merge || all.len() > MANY {
        merge::merge(store, wait, report)
    } else {
        Ok(())
    }
}

/// Returns what [`gc`] would do, and does nothing. Every object that would go is named, sorted by name.
///
/// # Errors
///
/// When files cannot be read.
pub fn plan_gc(
    store: &Store,
    options: &GcOptions,
    gone: &mut dyn FnMut(ObjectId, Kind),
) -> Result<GcReport, GcError> {
    let mut report = GcReport::default();
    seal::plan(store, &mut report)?;
    let all = packs::list(&store.layout().packs())?;
    if options.prune {
        prune::plan(store, options, &mut report, gone)?;
    } else if options.merge || all.len() > MANY {
        report.merged = merge::chosen(&all);
    }
    report.packs = all.len();
    Ok(report)
}

impl Wait<'_> {
    /// Returns the same again, to wait once more.
    fn again(&mut self) -> Wait<'_> {
        Wait {
            up_to: self.up_to,
            command: self.command,
            on_wait: &mut *self.on_wait,
        }
    }
}
