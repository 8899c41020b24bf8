//! Checking: is everything there, is it what its name says, and does what is derived agree.

use crate::checkpoint::Checkpoint;
use crate::closure::{self, Link};
use crate::frame::Head;
use crate::index::{Held, Index, Row};
use crate::journal::{self, Found};
use crate::lock::{Lock, Wait};
use crate::notice::explain;
use crate::reader::{ReadError, Reader, State};
use crate::recover::{claimed_sequence, is_index_there, try_open};
use crate::salvage;
use crate::scan::FrameAt;
use crate::segment;
use crate::segment_index::{Listed, SegmentIndex};
use crate::sled_fence::SledError;
use crate::snapshot::Snapshot;
use crate::store::Layout;
use crate::writer::listed;
use crate::{Counts, FileError, Holder, Spool, Store};
use roar_object::{Kind, ObjectId, Objects};
use std::collections::{HashMap, HashSet};
use std::time::Duration;

/// How thoroughly to check.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Hash and decode every object, and compare the index row by row.
    pub full: bool,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing; nothing is wrong.
    Info,
    /// Something that can be made again is wrong.
    Warning,
    /// Something is lost or wrong that cannot be made again.
    Error,
}

impl Severity {
    /// Returns the word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// One thing that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What sort of thing, such as `object-missing`: stable, for scripts.
    pub id: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What it is about: an object, a ref, a file and offset.
    pub subject: String,
    /// What is the matter, in words.
    pub text: String,
}

/// What a check found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The findings, in the order in which they were met.
    pub findings: Vec<Finding>,
    /// How much there is.
    pub counts: Counts,
}

impl Report {
    /// Returns the worst severity there is.
    pub fn worst(&self) -> Option<Severity> {
        self.findings.iter().map(|finding| finding.severity).max()
    }

    fn add(
        &mut self,
        severity: Severity,
        id: &'static str,
        subject: impl Into<String>,
        text: impl Into<String>,
    ) {
        self.findings.push(Finding {
            id,
            severity,
            subject: subject.into(),
            text: text.into(),
        });
    }

    fn error(&mut self, id: &'static str, subject: impl Into<String>, text: impl Into<String>) {
        self.add(Severity::Error, id, subject, text);
    }

    fn warning(&mut self, id: &'static str, subject: impl Into<String>, text: impl Into<String>) {
        self.add(Severity::Warning, id, subject, text);
    }

    fn info(&mut self, id: &'static str, subject: impl Into<String>, text: impl Into<String>) {
        self.add(Severity::Info, id, subject, text);
    }
}

/// Checks a store. Nothing is changed, save that sled writes when it is opened.
///
/// # Errors
///
/// When files cannot be read at all; what they hold being wrong is a finding.
pub fn fsck(store: &Store, options: Options) -> Result<Report, ReadError> {
    let layout = store.layout();
    let reader = store.reader();
    let mut report = Report::default();
    let objects = check_journal(layout, &reader, &mut report)?;
    check_snapshot(layout, &reader, &mut report)?;
    check_lists(layout, &mut report)?;
    if options.full {
        check_objects(&reader, &mut report)?;
    }
    check_closure(&reader, &mut report)?;
    check_index(layout, &reader, &objects, options, &mut report)?;
    check_leftovers(layout, &mut report)?;
    report.counts = reader.count()?;
    Ok(report)
}

/// Where each object is, by the journal itself.
type Places = HashMap<ObjectId, (u32, Listed)>;

/// Goes through every frame: checksums, numbers without gaps, nothing between.
fn check_journal(
    layout: &Layout,
    reader: &Reader,
    report: &mut Report,
) -> Result<Places, ReadError> {
    let journal = layout.journal();
    check_segment_numbers(layout, report)?;
    let mut places = Places::new();
    let mut last = 0;
    let mut since = report.findings.len();
    let trusted = reader.state()?.trusted;
    let tail = journal::walk(&journal, Checkpoint::ZERO, trusted, &mut |found| {
        match found {
            Found::Frame(frame, head, _) => {
                check_sequence(frame, &mut last, report);
                if head.note == salvage::NOTE {
                    settle(&mut report.findings[since..]);
                }
                since = report.findings.len();
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
    let acknowledged = claimed_sequence(layout)?;
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

fn check_segment_numbers(layout: &Layout, report: &mut Report) -> Result<(), FileError> {
    let segments = segment::list(&layout.journal())?;
    for pair in segments.windows(2) {
        if pair[1].number != pair[0].number + 1 {
            let subject = place(pair[0].number + 1, 0);
            report.error("segment-missing", subject, "the segment is not there");
        }
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

/// What a salvage found missing at the journal's end, it brought back as far as it was to be had. What is
/// still missing and needed is found where it is needed.
fn settle(findings: &mut [Finding]) {
    let is_gap = |finding: &Finding| finding.id == "journal-gap";
    if findings.iter().any(is_gap) {
        for finding in findings {
            finding.id = "journal-mended";
            finding.severity = Severity::Info;
        }
    }
}

fn note_places(frame: &FrameAt, head: &Head<'_>, places: &mut Places) {
    for object in listed(frame, head) {
        places.entry(object.id).or_insert((frame.segment, object));
    }
}

/// Compares the `refs` file with the journal.
fn check_snapshot(layout: &Layout, reader: &Reader, report: &mut Report) -> Result<(), ReadError> {
    let state = reader.state()?;
    let truth = State::read_from(None, layout, state.trusted)?;
    let snapshot = Snapshot::read(&layout.refs(), &layout.journal())?;
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
fn check_lists(layout: &Layout, report: &mut Report) -> Result<(), FileError> {
    let journal = layout.journal();
    let segments = segment::list(&journal)?;
    for segment in segments.iter().rev().skip(1) {
        let meta = std::fs::metadata(&segment.path);
        let len = meta.map_err(FileError::at("read", &segment.path))?.len();
        if SegmentIndex::read(&journal, segment.number, len)?.is_none() {
            let subject = format!("journal/{:08}.rx", segment.number);
            report.warning("list-unreadable", subject, "it is not there or not right");
        }
    }
    Ok(())
}

/// Hashes and decodes every object.
fn check_objects(reader: &Reader, report: &mut Report) -> Result<(), ReadError> {
    for (segment, listed) in reader.listed(None)? {
        match reader.object_at(segment, &listed) {
            Err(err) => report.error("object-damaged", listed.id.to_string(), explain(&err)),
            Ok(object) => {
                if let Err(err) = object.verify() {
                    report.error("object-malformed", listed.id.to_string(), explain(&err));
                }
            }
        }
    }
    Ok(())
}

/// Follows every ref, and every object from there.
fn check_closure(reader: &Reader, report: &mut Report) -> Result<(), ReadError> {
    let mut seen = HashSet::new();
    let mut todo = Vec::new();
    for (name, id) in reader.references("")? {
        if has(reader, id)? {
            todo.push((id, name.to_string()));
        } else {
            report.error(
                "ref-dangling",
                name.as_str(),
                format!("it names '{id}', which is not there"),
            );
        }
    }
    while let Some((id, from)) = todo.pop() {
        if seen.insert(id) {
            follow(reader, id, &from, &mut todo, report)?;
        }
    }
    Ok(())
}

fn has(reader: &Reader, id: ObjectId) -> Result<bool, ReadError> {
    Ok(reader.describe(id)?.is_some())
}

fn follow(
    reader: &Reader,
    id: ObjectId,
    from: &str,
    todo: &mut Vec<(ObjectId, String)>,
    report: &mut Report,
) -> Result<(), ReadError> {
    let object = match reader.find(id) {
        Ok(object) => object,
        Err(err) => {
            report_once(report, "object-damaged", id, explain(&err));
            return Ok(());
        }
    };
    let Some(object) = object else {
        report.error(
            "object-missing",
            id.to_string(),
            format!("'{from}' names it"),
        );
        return Ok(());
    };
    match closure::links(&object) {
        Ok(links) => queue(reader, id, links, todo, report),
        Err(err) => {
            report_once(report, "object-malformed", id, explain(&err));
            Ok(())
        }
    }
}

/// Reports an object that the full check may have reported already.
fn report_once(report: &mut Report, id: &'static str, object: ObjectId, text: String) {
    let subject = object.to_string();
    if !report
        .findings
        .iter()
        .any(|known| known.id == id && known.subject == subject)
    {
        report.error(id, subject, text);
    }
}

fn queue(
    reader: &Reader,
    from: ObjectId,
    links: Vec<Link>,
    todo: &mut Vec<(ObjectId, String)>,
    report: &mut Report,
) -> Result<(), ReadError> {
    for Link { to, optional } in links {
        if !optional || has(reader, to)? {
            todo.push((to, from.to_string()));
        } else {
            report.info(
                "dataset-not-kept",
                to.to_string(),
                format!("'{from}' names it"),
            );
        }
    }
    Ok(())
}

/// Compares the writers' index with the journal.
fn check_index(
    layout: &Layout,
    reader: &Reader,
    places: &Places,
    options: Options,
    report: &mut Report,
) -> Result<(), ReadError> {
    if !is_index_there(layout) {
        report.info("index-missing", "sled", "the next commit makes it");
        return Ok(());
    }
    let mut on_wait = |_: &Holder| {};
    let wait = Wait {
        up_to: Duration::ZERO,
        command: "roar fsck",
        on_wait: &mut on_wait,
    };
    let _lock = match Lock::take(&layout.lock(), wait) {
        Ok(lock) => lock,
        Err(err) => {
            report.info("index-unchecked", "sled", explain(&err));
            return Ok(());
        }
    };
    match compare_index(layout, reader, places, options, report) {
        Ok(()) => {}
        Err(err) if err.is_outer() => report.info("index-unchecked", "sled", explain(&err)),
        Err(err) => report.warning("index-damaged", "sled", explain(&err)),
    }
    Ok(())
}

fn compare_index(
    layout: &Layout,
    reader: &Reader,
    places: &Places,
    options: Options,
    report: &mut Report,
) -> Result<(), SledError> {
    let (index, applied) = try_open(layout)?;
    let Ok(state) = reader.state() else {
        return Ok(());
    };
    if applied != state.tail.last {
        let text = format!("it knows {} commits", applied.sequence);
        report.info("index-behind", "sled", text);
        return Ok(());
    }
    for (name, id) in &state.refs {
        if index.reference(name)? != Some(*id) {
            report.warning(
                "index-wrong",
                name.as_str(),
                "the index has another value of this ref",
            );
        }
    }
    if options.full {
        compare_rows(&index, state, places, report)?;
    }
    Ok(())
}

fn compare_rows(
    index: &Index,
    state: &State,
    places: &Places,
    report: &mut Report,
) -> Result<(), SledError> {
    let mut objects = 0;
    index.each(&mut |row| match row {
        Row::Object(id, held) => {
            objects += 1;
            if !agrees(id, &held, places) {
                report.warning(
                    "index-wrong",
                    id.to_string(),
                    "the index has something else under this name",
                );
            }
        }
        Row::Ref(name, _) if !state.refs.contains_key(&name) => {
            report.warning(
                "index-wrong",
                name.as_str(),
                "the index has a ref that is not there",
            );
        }
        Row::Ref(..) | Row::Other => {}
        Row::Unreadable => {
            report.warning("index-wrong", "sled", "it has a row that makes no sense");
        }
    })?;
    if objects != places.len() {
        let text = format!("it has {objects} objects, the journal {}", places.len());
        report.warning("index-wrong", "sled", text);
    }
    Ok(())
}

fn agrees(id: ObjectId, held: &Held, places: &Places) -> bool {
    let Some((segment, listed)) = places.get(&id) else {
        return false;
    };
    match held {
        Held::Inline(kind, body) => *kind == listed.kind && named(*kind, body) == id,
        Held::At {
            kind,
            segment: in_segment,
            offset,
            len,
        } => {
            let there = Listed {
                id,
                kind: *kind,
                offset: *offset,
                len: *len,
            };
            (*in_segment, there) == (*segment, *listed)
        }
    }
}

fn named(kind: Kind, body: &[u8]) -> ObjectId {
    ObjectId::of(kind, body)
}

/// Tells what was moved aside, and which runs were left behind.
fn check_leftovers(layout: &Layout, report: &mut Report) -> Result<(), ReadError> {
    if let Ok(entries) = std::fs::read_dir(layout.aside()) {
        for entry in entries.flatten() {
            let subject = format!("aside/{}", entry.file_name().to_string_lossy());
            report.info("kept-aside", subject, "damaged before, and not needed");
        }
    }
    for run in Spool::pending(&layout.runs())? {
        if !run.alive {
            let name = run.path.file_name().unwrap_or_default().to_string_lossy();
            report.info(
                "run-left",
                format!("runs/{name}"),
                "the next command records it",
            );
        }
    }
    Ok(())
}
