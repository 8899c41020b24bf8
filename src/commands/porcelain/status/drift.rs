//! Files that are not on the disk as they were recorded.

use roar_content::HashCache;
use roar_graph::{Projection, State};
use roar_object::{ContentId, Mode, RecordedPath};
use roar_view::{Bytes, DriftKind, DriftView};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// What a path was recorded with.
struct Expected {
    id: Option<ContentId>,
    mode: Mode,
    size: u64,
    /// Whether it should be there.
    there: bool,
    /// The record that says so.
    record: usize,
}

/// Finds files whose bytes are no longer what the last job to touch them wrote, or read.
pub(super) fn find(root: &Path, projection: &Projection<'_>, cache: &HashCache) -> Vec<DriftView> {
    let records = projection.history().records();
    let expected = expected(projection);
    let drifted = expected.iter().filter_map(|(path, expected)| {
        let (state, now) = look(&on_disk(root, path), expected, cache)?;
        Some(DriftView {
            path: Bytes::path(path),
            state,
            step: records[expected.record].step.to_string(),
            recorded: expected.id.map(|id| id.to_string()),
            hash: now.map(|id| id.to_string()),
        })
    });
    drifted.collect()
}

fn on_disk(root: &Path, path: &RecordedPath) -> PathBuf {
    let absolute = path.absolute(root.as_os_str().as_bytes());
    PathBuf::from(OsStr::from_bytes(&absolute))
}

/// Returns what the session says of each path: what was written there last; where nothing was, what
/// a job that counts read there last.
fn expected<'r>(projection: &Projection<'r>) -> BTreeMap<&'r RecordedPath, Expected> {
    let history = projection.history();
    let records = history.records();
    let mut expected = BTreeMap::new();
    for record in 0..records.len() {
        if !matches!(projection.state(record), State::Current | State::Stale) {
            continue;
        }
        for (_, input) in history.inputs_of(record) {
            let (id, mode, size) = (input.id, input.mode, input.size);
            expected.insert(
                &input.path,
                Expected {
                    id,
                    mode,
                    size,
                    there: true,
                    record,
                },
            );
        }
    }
    for (path, held) in projection.world() {
        let output = &records[held.record].writes[held.output];
        if !output.is_product() {
            continue;
        }
        let (id, mode, size) = (output.id, output.mode, output.size);
        let (there, record) = (output.remains(), held.record);
        expected.insert(
            path,
            Expected {
                id,
                mode,
                size,
                there,
                record,
            },
        );
    }
    expected
}

/// Returns how a file differs, and the name of the bytes it has now.
fn look(
    path: &Path,
    expected: &Expected,
    cache: &HashCache,
) -> Option<(DriftKind, Option<ContentId>)> {
    let Ok(now) = fs::symlink_metadata(path) else {
        return expected.there.then_some((DriftKind::Missing, None));
    };
    if !expected.there {
        return Some((DriftKind::Returned, None));
    }
    // What could not be named then cannot be compared now.
    let recorded = expected.id?;
    let named = named(path, &now, expected, cache);
    match named {
        Some(id) if id == recorded => None,
        named => Some((DriftKind::Modified, named)),
    }
}

/// Names what is there, if it could be what was recorded: a file of another length need not be read.
fn named(path: &Path, now: &Metadata, expected: &Expected, cache: &HashCache) -> Option<ContentId> {
    if expected.mode == Mode::Symlink {
        let target = fs::read_link(path).ok()?;
        return Some(roar_content::name_link(target.as_os_str().as_bytes()));
    }
    if !now.is_file() || now.len() != expected.size {
        return None;
    }
    crate::context::name(cache, path)
}
