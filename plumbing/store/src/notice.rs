//! What the store did by itself, for its caller to pass on.

use std::path::PathBuf;

/// Something that happened beside what was asked for. Nothing is lost by any of these.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Notice {
    /// The index was damaged, and was made again from the journal.
    #[error("the index was damaged ({why}) and was rebuilt; the old one is in '{aside}'", aside = .aside.display())]
    IndexRebuilt {
        /// What was wrong with it.
        why: String,
        /// Where the damaged one is now.
        aside: PathBuf,
    },
    /// The index was not there, and was made again from the journal.
    #[error("the index was missing and was rebuilt")]
    IndexMade,
    /// The work was done without the index, which the next writer will bring up to date.
    #[error("the index could not be used: {why}")]
    IndexUnused {
        /// Why not.
        why: String,
    },
    /// The `refs` file could not be replaced; readers go through the journal instead.
    #[error("the list of refs could not be written: {why}")]
    SnapshotNotWritten {
        /// Why not.
        why: String,
    },
    /// Part of the journal is damaged.
    #[error("segment {segment} of the journal is damaged from byte {start} to {end}")]
    JournalDamaged {
        /// In which segment.
        segment: u32,
        /// From where.
        start: u64,
        /// To where.
        end: u64,
    },
    /// The end of the journal was not a whole commit, and was cut off.
    #[error("an unfinished commit at the end of segment {segment} was cut off")]
    TailCut {
        /// In which segment.
        segment: u32,
        /// A copy of it, if it may have been acknowledged once.
        aside: Option<PathBuf>,
    },
}

/// Returns an error's words with those of its causes.
pub(crate) fn explain(err: &dyn std::error::Error) -> String {
    let mut text = err.to_string();
    let mut cause = err.source();
    while let Some(err) = cause {
        text.push_str(": ");
        text.push_str(&err.to_string());
        cause = err.source();
    }
    text
}
