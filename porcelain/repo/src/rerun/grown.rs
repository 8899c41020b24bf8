//! New files where a step has read all there was.

use super::since::is_same_command;
use crate::disk::Disk;
use crate::filters::Filters;
use roar_content::reach;
use roar_graph::{Projection, Record, Scan};
use roar_object::{Class, DatasetAt, RecordedPath};
use std::collections::{HashMap, HashSet};
use std::fs;
use std::os::unix::ffi::OsStrExt as _;

/// A run of the very same command as a step's that went well and made nothing.
pub(super) struct Idle<'r> {
    run: &'r Record,
}

impl<'r> Idle<'r> {
    /// Finds the latest such run after a record.
    pub(super) fn after(now: &Projection<'r>, record: usize) -> Option<Self> {
        let records = now.history().records();
        let mut later = (record + 1..records.len()).rev();
        let is_idle = |&run: &usize| {
            let made_nothing = records[run].products().next().is_none();
            made_nothing && records[run].succeeded() && is_same_command(now, record, run)
        };
        later.find(is_idle).map(|run| Self { run: records[run] })
    }

    /// Returns whether a path was already what it is when the run began, and the run did not read it: so what
    /// lies there is no matter of the step's.
    ///
    /// `make` does not ask for all that lies in a directory of sources.
    pub(super) fn has_passed_over(&self, disk: Disk<'_>, path: &RecordedPath) -> bool {
        /// The kernel's clock for files may be behind by a tick.
        const TICK_NS: i64 = 10_000_000;
        let read = self.run.reads.binary_search_by(|read| read.path.cmp(path));
        let changed = disk.changed_ns(path);
        read.is_err() && changed.is_some_and(|at| at < self.run.started_ns - TICK_NS)
    }
}

/// Finds files that no recorded job made, in directories that were read as a whole by a step's run or for what
/// that left; sorted.
pub fn added(
    now: &Projection<'_>,
    disk: Disk<'_>,
    filters: &Filters,
    record: usize,
) -> Vec<RecordedPath> {
    let mut added = Vec::new();
    for scan in now.scans(record) {
        let known = known(now, record, scan);
        let Some(set) = grows(now, disk, scan) else {
            continue;
        };
        each_file(disk, &set.path, &mut |path| {
            let is_new = !known.contains(&path) && now.at(&path).is_none();
            if is_new && filters.classify(&path, false).0 == Class::Data {
                added.push(path);
            }
        });
    }
    // To find such a run takes a look at all that came later.
    let idle = (!added.is_empty()).then(|| Idle::after(now, record));
    if let Some(idle) = idle.flatten() {
        added.retain(|path| !idle.has_passed_over(disk, path));
    }
    added.sort_unstable();
    added.dedup();
    added
}

/// Finds files that the maker of what a step read has made beside it since, in a directory in which it had made
/// that one alone: a directory with a single file in it is no dataset, and may be read as a whole all the same.
pub(super) fn made_beside(now: &Projection<'_>, record: usize) -> Vec<RecordedPath> {
    let records = now.history().records();
    let read: HashSet<&RecordedPath> = now.reads(record).map(|(_, input)| &input.path).collect();
    // What the makers had made, and what they have made since, by directory.
    let mut makers: HashMap<usize, [HashMap<RecordedPath, Vec<&RecordedPath>>; 2]> = HashMap::new();
    let mut beside = Vec::new();
    for (at, input) in now.reads(record) {
        let producer = now.history().producer(at.record, at.input);
        let maker = producer.filter(|producer| !producer.elsewhere);
        let (Some(maker), Some(directory)) = (maker, input.path.parent()) else {
            continue;
        };
        let latest = now.stands_for(maker.record);
        if latest <= record {
            continue;
        }
        let made = |at: usize| by_directory(records[at]);
        let [then, since] = makers
            .entry(maker.record)
            .or_insert_with(|| [made(maker.record), made(latest)]);
        let was_alone = then.get(&directory).is_some_and(|made| made.len() == 1);
        if let Some(since) = since.get(&directory).filter(|_| was_alone) {
            let new = since.iter().filter(|path| !read.contains(*path));
            beside.extend(new.map(|&path| path.clone()));
        }
    }
    beside
}

/// Sorts what a job made by the directories that it lies in.
fn by_directory(record: &Record) -> HashMap<RecordedPath, Vec<&RecordedPath>> {
    let mut sorted: HashMap<_, Vec<_>> = HashMap::new();
    for output in record.products().filter(|output| output.remains()) {
        if let Some(directory) = output.path.parent() {
            sorted.entry(directory).or_default().push(&output.path);
        }
    }
    sorted
}

/// Returns the directory that was read as a whole, if another file in it is of interest. Members of a directory
/// that holds the project would be recorded as members of neither.
fn grows<'r>(now: &Projection<'r>, disk: Disk<'_>, scan: Scan) -> Option<&'r DatasetAt> {
    let records = now.history().records();
    let set = &records[scan.record].datasets[scan.dataset];
    (set.files > 0 && !disk.is_above_project(&set.path)).then_some(set)
}

/// Returns the files that a step's run knew when it read a directory, and those that the very same command has
/// seen since.
fn known<'r>(now: &Projection<'r>, record: usize, scan: Scan) -> HashSet<&'r RecordedPath> {
    let records = now.history().records();
    let again = now.history().runs_of_same_command(record);
    let again = again.filter(|&at| at >= scan.record && records[at].succeeded());
    let mut known = HashSet::new();
    for job in again.chain([record, scan.record]).map(|at| records[at]) {
        known.extend(job.reads.iter().map(|read| &read.path));
        known.extend(job.writes.iter().map(|write| &write.path));
    }
    known
}

fn each_file(disk: Disk<'_>, directory: &RecordedPath, each: &mut dyn FnMut(RecordedPath)) {
    let place = disk.place(directory);
    let Ok(entries) = reach(&place).and_then(fs::read_dir) else {
        return;
    };
    for entry in entries.flatten() {
        let path = directory.join(entry.file_name().as_bytes());
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => each_file(disk, &path, each),
            Ok(kind) if kind.is_file() || kind.is_symlink() => each(path),
            Ok(_) | Err(_) => {}
        }
    }
}
