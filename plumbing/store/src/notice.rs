//! What the store did by itself, for its caller to pass on.

use roar_object::ObjectId;
use std::path::{Path, PathBuf};

/// Something that happened, or was seen to have happened, beside what was asked for.
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
    /// The journal ends before commits that were acknowledged. Answers are from what is left.
    #[error(
        "the journal ends with commit {reached}, and there was a commit {acknowledged}: what came after {reached} is missing"
    )]
    CommitsMissing {
        /// The last commit that is there.
        reached: u64,
        /// The last one that was acknowledged, as far as is known.
        acknowledged: u64,
    },
    /// A segment that was closed is not there, or is shorter than it was. Answers are from what is left.
    #[error("segment {segment} of the journal is missing, or not as long as it was")]
    SegmentMissing {
        /// Which one.
        segment: u32,
    },
    /// A pack is not there, and what was in it is missing. Answers are from what is left.
    #[error("pack '{pack}' is missing")]
    PackMissing {
        /// Its name.
        pack: String,
    },
    /// A pack cannot be read now, or not by this user. Answers are from what is left.
    #[error("pack '{pack}' cannot be read: {why}")]
    PackUnread {
        /// Its name.
        pack: String,
        /// What the system said.
        why: String,
    },
    /// A pack is not what it should be. Answers are from what is left.
    #[error("pack '{pack}' is damaged: {why}")]
    PackDamaged {
        /// Its name.
        pack: String,
        /// What is wrong with it.
        why: String,
    },
    /// A pack was damaged, and what is whole of it is in another.
    #[error("pack '{pack}' was damaged ({why}): {told}; it was moved to '{aside}'",
        told = brought_over(*.whole, .lost.as_deref()), aside = .aside.display())]
    PackMended {
        /// Its name.
        pack: String,
        /// What was wrong with it.
        why: String,
        /// How many objects of it are whole.
        whole: u64,
        /// Those that are gone, if it is known what was in it.
        lost: Option<Vec<ObjectId>>,
        /// Where it is now.
        aside: PathBuf,
    },
    /// A pack that was needed is not there, and is not asked for any more.
    #[error("pack '{pack}' is gone: {told}", told = brought_over(0, .lost.as_deref()))]
    PackGone {
        /// Its name.
        pack: String,
        /// The objects that are gone with it, if it is known what was in it.
        lost: Option<Vec<ObjectId>>,
    },
    /// The bytes of objects had changed in the journal.
    #[error("the bytes of {all} had changed in the journal: {healed} came back from the index, {damaged} did not",
        all = counted((.healed + .damaged) as u64, "object"))]
    ObjectsHealed {
        /// How many the index had whole; they are in a pack now.
        healed: usize,
        /// How many it had not. A pack or a bundle with them brings them back.
        damaged: usize,
    },
    /// The journal had lost commits that were acknowledged, and what the index had of them is in the
    /// journal again.
    #[error("{lost}: {told}{copied}",
        lost = lost(.commits_back + .commits_lost),
        told = told(*.commits_back, *.commits_lost, *.objects_back, *.objects_lost),
        copied = copied(.aside.as_deref()))]
    Salvaged {
        /// Commits whose every change is there again.
        commits_back: u64,
        /// Commits that are not.
        commits_lost: u64,
        /// Objects that were put in the journal again.
        objects_back: usize,
        /// Objects that are known to have been there, and are gone.
        objects_lost: usize,
        /// A copy of the segment as it was found, if it was.
        aside: Option<PathBuf>,
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

/// Returns how much was gone, in words.
fn lost(commits: u64) -> String {
    match commits {
        0 => "part of the journal was damaged".to_owned(),
        _ => format!("the journal had lost {}", counted(commits, "commit")),
    }
}

/// Returns how a salvage ended, in words.
fn told(commits_back: u64, commits_lost: u64, objects_back: usize, objects_lost: usize) -> String {
    let both = |commits: u64, objects: usize| {
        let objects = counted(objects as u64, "object");
        format!("{} with {objects}", counted(commits, "commit"))
    };
    let back = both(commits_back, objects_back);
    if (commits_back, commits_lost, objects_back, objects_lost) == (0, 0, 0, 0) {
        return "nothing is lost".to_owned();
    }
    if (commits_lost, objects_lost) == (0, 0) {
        return format!("{back} came back, which is all");
    }
    let lost = both(commits_lost, objects_lost);
    format!("{back} came back, {lost} did not")
}

/// Returns where a damaged segment is, in words.
fn copied(aside: Option<&Path>) -> String {
    aside.map_or(String::new(), |aside| {
        format!("; the damaged segment was copied to '{}'", aside.display())
    })
}

/// Returns what became of the objects of a pack, in words.
fn brought_over(whole: u64, lost: Option<&[ObjectId]>) -> String {
    let lost = match lost {
        None => "how many are lost is not known".to_owned(),
        Some([]) => "none is lost".to_owned(),
        Some([_]) => "1 is lost".to_owned(),
        Some(lost) => format!("{} are lost", lost.len()),
    };
    match whole {
        0 => format!("of its objects, {lost}"),
        _ => format!("{} of it are whole, {lost}", counted(whole, "object")),
    }
}

/// Returns how many of something, in words.
fn counted(number: u64, thing: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {thing}{plural}")
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
