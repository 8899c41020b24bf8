//! Sealing: commits leave the journal. Their objects go to a pack, what they did to refs to a log, and
//! then the journal begins after them.

use super::{GcError, GcReport};
use crate::base::{Base, Source};
use crate::checkpoint::Checkpoint;
use crate::door;
use crate::file::{self, FileError, FileResult};
use crate::frame::Head;
use crate::journal::{self, Found, checkpoint_of};
use crate::lock::Lock;
use crate::new_pack::PackWriter;
use crate::packs::Packs;
use crate::ref_log::{Commit, RefLog};
use crate::scan::FrameAt;
use crate::segment::{self, Segment};
use crate::shelf::Shelf;
use crate::store::Layout;
use crate::{Store, Wait, recover, salvage, sweep};
use roar_pack::PackName;
use std::fs::File;

/// Commits that are fit to leave the journal.
#[derive(Debug, Default)]
struct Fit {
    segments: Vec<Segment>,
    commits: Vec<Commit>,
    objects: u64,
    bytes: u64,
    last: Option<Checkpoint>,
    /// The first segment that is not sound. It stays, and so does all after it: whoever looks for what is
    /// lost must find where.
    damaged: Option<u32>,
}

/// Moves all that is in the journal out of it.
pub(super) fn seal(
    store: &Store,
    wait: &mut Wait<'_>,
    report: &mut GcReport,
) -> Result<(), GcError> {
    let layout = store.layout();
    close_segment(store, wait)?;
    let base = sound_base(layout)?;
    let mut fit = look(layout, &base)?;
    let pack = write_pack(layout, &base, &mut fit)?;
    report.damaged_segment = fit.damaged;
    let Some(checkpoint) = fit.last else {
        return Ok(());
    };
    let log = RefLog {
        number: base.logs + 1,
        after: base.checkpoint.sequence,
        checkpoint,
        commits: fit.commits,
    };
    log.write(layout)?;
    move_on(store, wait, base, &log, pack)?;
    report.commits = log.commits.len() as u64;
    report.objects = fit.objects;
    report.journal_bytes = fit.bytes;
    Ok(())
}

/// Counts what would leave the journal.
pub(super) fn plan(store: &Store, report: &mut GcReport) -> Result<(), GcError> {
    let layout = store.layout();
    let base = Base::read(layout)?;
    let all = segments(layout, &base)?;
    let newest = journal::newest(&all);
    let fit = fit_of(&base, all, newest)?;
    report.commits = fit.commits.len() as u64;
    report.objects = fit.objects;
    report.journal_bytes = fit.bytes;
    report.damaged_segment = fit.damaged;
    Ok(())
}

/// Begins a new segment, unless the newest has nothing in it, and tidies up: a pack without an index takes
/// much memory.
fn close_segment(store: &Store, wait: &mut Wait<'_>) -> Result<(), GcError> {
    let layout = store.layout();
    let lock = Lock::take(&layout.lock(), wait.again())?;
    let mut writer = recover::open_plainly(layout, lock)?;
    sweep::tidy(layout, &Base::read(layout)?);
    writer.close_segment()?;
    Ok(())
}

/// Returns the base, which must be what it was written as, or never have been.
fn sound_base(layout: &Layout) -> Result<Base, GcError> {
    let found = Base::find(layout)?;
    if found.source == Source::SomeLogs {
        let why = "the file 'base' and a log of ref changes are missing or not right".to_owned();
        return Err(GcError::Damaged { why });
    }
    Ok(found.base)
}

fn segments(layout: &Layout, base: &Base) -> Result<Vec<Segment>, FileError> {
    let mut segments = segment::list(&layout.journal())?;
    segments.retain(|segment| segment.number >= base.first_segment());
    Ok(segments)
}

/// Looks which of the closed segments are fit to leave the journal.
fn look(layout: &Layout, base: &Base) -> Result<Fit, FileError> {
    let mut closed = segments(layout, base)?;
    closed.pop();
    let newest = closed.last().map_or(0, |segment| segment.number) + 1;
    fit_of(base, closed, newest)
}

fn fit_of(base: &Base, segments: Vec<Segment>, newest: u32) -> Result<Fit, FileError> {
    let damaged = first_damage(base, &segments, newest)?;
    let mut fit = Fit {
        damaged,
        segments,
        ..Fit::default()
    };
    fit.keep_before(damaged.unwrap_or(u32::MAX));
    let Fit {
        segments,
        commits,
        objects,
        bytes,
        last,
        ..
    } = &mut fit;
    journal::walk_segments(segments, newest, base.checkpoint, u64::MAX, &mut |found| {
        if let Found::Frame(frame, head, _) = found {
            commits.push(Commit::of(frame, &head));
            *objects += head.count() as u64;
            *bytes += frame.end() - frame.start;
            *last = Some(checkpoint_of(frame));
        }
        Ok(())
    })?;
    Ok(fit)
}

impl Fit {
    /// Leaves out what is in that segment or after it.
    fn keep_before(&mut self, number: u32) {
        self.segments.retain(|segment| segment.number < number);
    }
}

/// Returns whether the journal has every commit after the base, as far as it goes.
pub(crate) fn is_whole(layout: &Layout, base: &Base) -> FileResult<bool> {
    let all = segments(layout, base)?;
    Ok(first_damage(base, &all, journal::newest(&all))?.is_none())
}

/// Returns the first segment with damage, or before which a commit is missing, unless a salvage has
/// brought back what there was to bring.
fn first_damage(base: &Base, segments: &[Segment], newest: u32) -> Result<Option<u32>, FileError> {
    let mut damaged = None;
    let mut last = base.checkpoint.sequence;
    journal::walk_segments(segments, newest, base.checkpoint, u64::MAX, &mut |found| {
        match found {
            Found::Damage { segment, .. } => {
                damaged.get_or_insert(segment);
            }
            Found::Frame(frame, head, _) => {
                let sequence = frame.header.sequence;
                if salvage::is_salvage(&head, sequence, last) {
                    damaged = None;
                } else if sequence != last + 1 {
                    damaged.get_or_insert(frame.segment);
                }
                last = sequence;
            }
        }
        Ok(())
    })?;
    Ok(damaged)
}

/// Writes the objects of all fit commits to a pack. A commit with an object that is damaged is not fit.
fn write_pack(layout: &Layout, base: &Base, fit: &mut Fit) -> Result<Option<PackName>, GcError> {
    let mut writer = PackWriter::create(layout)?;
    let packs = Shelf::read(layout)?.packs;
    let mut damaged = None;
    let mut outcome = Ok(());
    journal::walk_segments(
        &fit.segments,
        u32::MAX,
        base.checkpoint,
        u64::MAX,
        &mut |found| {
            if let (Found::Frame(frame, head, file), None, true) = (found, damaged, outcome.is_ok())
            {
                match add_all(&mut writer, &packs, frame, &head, file) {
                    Ok(true) => {}
                    Ok(false) => damaged = Some(frame.segment),
                    Err(err) => outcome = Err(err),
                }
            }
            Ok(())
        },
    )?;
    outcome?;
    if let Some(number) = damaged {
        *fit = fit_before(base, std::mem::take(fit), number)?;
        return write_pack(layout, base, fit);
    }
    Ok(writer.finish()?)
}

fn fit_before(base: &Base, mut fit: Fit, number: u32) -> Result<Fit, FileError> {
    fit.keep_before(number);
    let shorter = fit_of(base, fit.segments, number)?;
    Ok(Fit {
        damaged: Some(number),
        ..shorter
    })
}

/// Adds what a commit brought; returns whether all of it is what its name says, here or in a pack.
fn add_all(
    writer: &mut PackWriter,
    packs: &Packs,
    frame: &FrameAt,
    head: &Head<'_>,
    file: &File,
) -> Result<bool, GcError> {
    for (entry, at) in head.entries() {
        let body = file::read_exactly(file, frame.bodies() + at, entry.len as usize);
        let body = body.map_err(FileError::at("read", writer.path()))?;
        let added = body.map(|body| writer.add_body(entry.kind, entry.id, &body));
        match added {
            Some(Ok(_)) => {}
            Some(Err(err)) if err.source.kind() != std::io::ErrorKind::InvalidData => {
                return Err(err.into());
            }
            _ if matches!(packs.find(entry.id), Ok(Some(_))) => {}
            _ => return Ok(false),
        }
    }
    Ok(true)
}

/// Lets the journal begin after what was sealed, and tidies up.
fn move_on(
    store: &Store,
    wait: &mut Wait<'_>,
    mut base: Base,
    log: &RefLog,
    pack: Option<PackName>,
) -> Result<(), GcError> {
    let layout = store.layout();
    let lock = Lock::take(&layout.lock(), wait.again())?;
    let mut writer = recover::open_plainly(layout, lock)?;
    base.take_in(log);
    base.hold(pack);
    base.generation += 1;
    base.write(layout)?;
    // From here on all that is left can be done by the next writer.
    writer.begin_after(&base);
    sweep::remove_sealed(layout, &base);
    empty_index(layout);
    Ok(())
}

/// Leaves an empty directory for the index, which the next writer fills with what is in the journal now.
fn empty_index(layout: &Layout) {
    if recover::is_index_there(layout) && recover::remove_index(layout).is_ok() {
        let _ = door::make_dir(&layout.sled());
    }
}
