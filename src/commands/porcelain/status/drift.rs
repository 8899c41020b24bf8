//! Files that are not on the disk as they were recorded.

use roar_content::HashCache;
use roar_graph::{Held, Projection, Read, State};
use roar_object::{ContentId, Mode, RecordedPath};
use roar_repo::disk::{Disk, Holds, Version};
use roar_repo::filters::Filters;
use roar_view::{Bytes, DriftKind, DriftView};
use std::collections::BTreeMap;
use std::path::Path;

/// What a record says of a path.
struct Expected {
    id: Option<ContentId>,
    mode: Mode,
    size: u64,
    /// Whether it should be there.
    there: bool,
    /// The output that it is, if it was written.
    written: Option<Held>,
    record: usize,
}

impl Expected {
    fn is_unknown_read(&self) -> bool {
        self.id.is_none() && self.written.is_none()
    }
}

/// Finds files that are no longer what the last job to touch them wrote, or read, and new ones in directories
/// that steps have read as a whole.
pub(super) fn find(
    root: &Path,
    projection: &Projection<'_>,
    filters: &Filters,
    cache: &HashCache,
) -> Vec<DriftView> {
    let records = projection.history().records();
    let disk = Disk::new(root, cache);
    let mut drifted = Vec::new();
    for (path, expected) in expected(projection) {
        let Some((state, now)) = compare(&disk, path, &expected) else {
            continue;
        };
        let found_so = || {
            expected
                .written
                .and_then(|held| later_mode(projection, held))
        };
        if state == DriftKind::Mode && found_so().is_some_and(|mode| mode != expected.mode) {
            continue;
        }
        drifted.push(DriftView {
            path: Bytes::path(path),
            state,
            executable: (state == DriftKind::Mode).then_some(expected.mode == Mode::File),
            step: records[expected.record].step.to_string(),
            recorded: expected.id.map(|id| id.to_string()),
            hash: now.map(|id| id.to_string()),
        });
    }
    drifted.extend(added(projection, disk, filters));
    drifted.sort_by(|a, b| a.path.cmp(&b.path));
    drifted
}

/// Returns the new files in directories that steps have read as a whole, each once.
fn added(projection: &Projection<'_>, disk: Disk<'_>, filters: &Filters) -> Vec<DriftView> {
    let records = projection.history().records();
    let mut found: BTreeMap<RecordedPath, usize> = BTreeMap::new();
    for record in standing(projection) {
        for path in roar_repo::rerun::added(projection, disk, filters, record) {
            found.entry(path).or_insert(record);
        }
    }
    let view = |(path, record): (RecordedPath, usize)| DriftView {
        path: Bytes::path(&path),
        state: DriftKind::Added,
        executable: None,
        step: records[record].step.to_string(),
        recorded: None,
        hash: None,
    };
    found.into_iter().map(view).collect()
}

/// Returns the records whose inputs matter.
fn standing(projection: &Projection<'_>) -> impl Iterator<Item = usize> {
    let counts =
        |&record: &usize| matches!(projection.state(record), State::Current | State::Stale);
    (0..projection.history().records().len()).filter(counts)
}

/// Returns how what is on the disk differs from what was recorded, and the name of the bytes it has now.
fn compare(
    disk: &Disk<'_>,
    path: &RecordedPath,
    expected: &Expected,
) -> Option<(DriftKind, Option<ContentId>)> {
    let version = Version {
        path,
        // What should not be there need not be read.
        id: expected.id.filter(|_| expected.there),
        mode: expected.mode,
        size: expected.size,
    };
    let found = disk.find(version);
    match (found.holds, expected.there) {
        (Holds::Nothing, true) => Some((DriftKind::Missing, None)),
        // What was changed while a job read it: nobody knows that it is what the job has read.
        (Holds::Same, true) if expected.is_unknown_read() => Some((DriftKind::Modified, None)),
        (Holds::Nothing, false) | (Holds::Same, true) => None,
        (_, false) => disk.is_direct(path).then_some((DriftKind::Returned, None)),
        (Holds::Other, true) => Some((DriftKind::Modified, found.id)),
        (Holds::OtherMode, true) => Some((DriftKind::Mode, found.id)),
    }
}

/// Returns what the session says of each path, sorted by path: what was written there last; where
/// nothing was, what each job that counts read there.
fn expected<'r>(projection: &Projection<'r>) -> Vec<(&'r RecordedPath, Expected)> {
    let records = projection.history().records();
    let world = projection.world().into_iter();
    let written = world.filter_map(|(path, held)| {
        let output = &records[held.record].writes[held.output];
        let expected = Expected {
            id: output.id,
            mode: output.mode,
            size: output.size,
            there: output.remains(),
            written: Some(held),
            record: held.record,
        };
        output.is_product().then_some((path, expected))
    });
    let mut expected: Vec<_> = written.collect();
    for (path, versions) in read(projection) {
        expected.extend(versions.into_iter().map(|version| (path, version)));
    }
    expected.sort_by_key(|(path, _)| *path);
    expected
}

/// Returns the mode in which the last job to read an output there found it: that a job changed nothing else
/// is not recorded.
fn later_mode(projection: &Projection<'_>, held: Held) -> Option<Mode> {
    let history = projection.history();
    let records = history.records();
    let output = &records[held.record].writes[held.output];
    let readers = history.readers(output.id?).into_iter();
    let inputs = readers
        .filter(|(record, _)| *record > held.record)
        .map(|(record, read)| &records[record].reads[read]);
    let mut here = inputs.filter(|input| input.path == output.path);
    here.next_back().map(|input| input.mode)
}

/// Returns what was read at each path, once for every version: where no product was written, or where what was
/// read is newer than that, and another.
fn read<'r>(projection: &Projection<'r>) -> BTreeMap<&'r RecordedPath, Vec<Expected>> {
    let history = projection.history();
    let records = history.records();
    let is_product = |held: Held| records[held.record].writes[held.output].is_product();
    let is_outdated = |held: Held, read: Read, id| {
        held.record < read.record && records[held.record].writes[held.output].id != id
    };
    let mut read: BTreeMap<&RecordedPath, Vec<Expected>> = BTreeMap::new();
    for record in standing(projection) {
        for (read_at, input) in projection.reads(record) {
            let held = projection
                .at_input(read_at)
                .filter(|held| is_product(*held));
            let counts = |held| is_outdated(held, read_at, input.id);
            if held.is_some_and(|held| !counts(held)) || projection.updates(record, read_at) {
                continue;
            }
            let versions = read.entry(&input.path).or_default();
            match versions.iter_mut().find(|version| version.id == input.id) {
                Some(known) => known.mode = input.mode,
                None => versions.push(Expected {
                    id: input.id,
                    mode: input.mode,
                    size: input.size,
                    there: true,
                    written: None,
                    record,
                }),
            }
        }
    }
    read
}
