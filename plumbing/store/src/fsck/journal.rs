//! Checking the journal, and what is derived from it.

use super::{Finding, Report, Severity};
use crate::FileError;
use crate::base::Base;
use crate::frame::Head;
use crate::journal::{self, Found};
use crate::reader::{ReadError, Reader};
use crate::recover::claimed_sequence;
use crate::salvage;
use crate::scan::FrameAt;
use crate::segment::{self, Segment};
use crate::segment_index::{Listed, SegmentIndex};
use crate::snapshot::Snapshot;
use crate::state::State;
use crate::store::Layout;
use crate::writer::listed;
use roar_object::ObjectId;
use std::collections::HashMap;

/// Where each object is, by the journal itself.
pub(super) type Places = HashMap<ObjectId, (u32, Listed)>;

/// Goes through every frame: checksums, numbers without gaps, nothing between.
pub(super) fn check_journal(
    layout: &Layout,
    base: &Base,
    reader: &Reader,
    report: &mut Report,
) -> Result<Places, ReadError> {
    let journal = layout.journal();
    let mut since = report.findings.len();
    check_segment_numbers(layout, base, report)?;
    let mut places = Places::new();
    let mut last = base.checkpoint.sequence;
    let trusted = reader.state()?.trusted;
    let tail = journal::walk(&journal, base.checkpoint, trusted, &mut |found| {
        match found {
            Found::Frame(frame, head, _) => {
                let is_mended = salvage::is_salvage(&head, frame.header.sequence, last);
                check_sequence(frame, &mut last, report);
                if is_mended {
                    settle(&mut report.findings[since..]);
                    since = report.findings.len();
                }
                note_places(frame, &head, &mut places);
            }
            Found::Damage {
                segment,
                start,
                end,
            } => {
                let text = format!("{} bytes are no commit", end - start);
                report.error("journal-damaged", place(segment, start), text);
            }
        }
        Ok(())
    })?;
    let acknowledged = claimed_sequence(layout, base)?;
    if tail.last.sequence < acknowledged {
        let text = format!("commit {acknowledged} was acknowledged and is damaged or gone");
        report.error("journal-damaged", place(tail.segment, tail.end), text);
    } else if tail.end < tail.len {
        let text = format!("{} bytes of an unfinished commit", tail.len - tail.end);
        report.info("journal-torn", place(tail.segment, tail.end), text);
    }
    Ok(places)
}

fn place(segment: u32, offset: u64) -> String {
    format!("journal/{segment:08}.rj:{offset}")
}

fn check_segment_numbers(
    layout: &Layout,
    base: &Base,
    report: &mut Report,
) -> Result<(), FileError> {
    let mut expected = base.first_segment();
    for segment in segments(layout, base)? {
        if segment.number != expected {
            let subject = place(expected, 0);
            report.error("segment-missing", subject, "the segment is not there");
        }
        expected = segment.number + 1;
    }
    Ok(())
}

fn check_sequence(frame: &FrameAt, last: &mut u64, report: &mut Report) {
    let sequence = frame.header.sequence;
    if sequence != *last + 1 {
        let text = format!("commit {sequence} comes after commit {last}");
        report.error("journal-gap", place(frame.segment, frame.start), text);
    }
    *last = sequence;
}

/// What a salvage found missing, it brought back as far as it was to be had. What is still missing and
/// needed is found where it is needed.
fn settle(findings: &mut [Finding]) {
    for finding in findings {
        finding.id = "journal-mended";
        finding.severity = Severity::Info;
    }
}

fn note_places(frame: &FrameAt, head: &Head<'_>, places: &mut Places) {
    for object in listed(frame, head) {
        places.entry(object.id).or_insert((frame.segment, object));
    }
}

/// Compares the `refs` file with the journal.
pub(super) fn check_snapshot(
    layout: &Layout,
    reader: &Reader,
    report: &mut Report,
) -> Result<(), ReadError> {
    let state = reader.state()?;
    let truth = State::read_from(None, state.base.clone(), layout, state.trusted)?;
    let snapshot = Snapshot::read(layout, &state.base)?;
    match snapshot {
        None if truth.tail.last.sequence == 0 => {}
        None => report.warning("refs-unreadable", "refs", "it is not there or not right"),
        Some(snapshot) if snapshot.checkpoint != truth.tail.last => {
            report.info("refs-behind", "refs", "it does not know the last commits");
        }
        Some(snapshot) if snapshot.refs != truth.refs => {
            report.error(
                "refs-wrong",
                "refs",
                "it says something that the journal does not",
            );
        }
        Some(_) => {}
    }
    Ok(())
}

/// Checks the lists of closed segments.
pub(super) fn check_lists(
    layout: &Layout,
    base: &Base,
    report: &mut Report,
) -> Result<(), FileError> {
    let journal = layout.journal();
    for segment in segments(layout, base)?.iter().rev().skip(1) {
        let meta = std::fs::metadata(&segment.path);
        let len = meta.map_err(FileError::at("read", &segment.path))?.len();
        if SegmentIndex::read(&journal, segment.number, len)?.is_none() {
            let subject = format!("journal/{:08}.rx", segment.number);
            report.warning("list-unreadable", subject, "it is not there or not right");
        }
    }
    Ok(())
}

/// Returns the segments that count.
fn segments(layout: &Layout, base: &Base) -> Result<Vec<Segment>, FileError> {
    let mut segments = segment::list(&layout.journal())?;
    segments.retain(|segment| segment.number >= base.first_segment());
    Ok(segments)
}
