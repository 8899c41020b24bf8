//! Files that are not on the disk as they were recorded.

use roar_content::HashCache;
use roar_graph::{Held, Projection, State};
use roar_object::{ContentId, Mode, RecordedPath};
use roar_view::{Bytes, DriftKind, DriftView};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// What a record says of a path.
struct Expected {
    id: Option<ContentId>,
    mode: Mode,
    size: u64,
    /// Whether it should be there.
    there: bool,
    record: usize,
}

/// Finds files whose bytes are no longer what the last job to touch them wrote, or read.
pub(super) fn find(root: &Path, projection: &Projection<'_>, cache: &HashCache) -> Vec<DriftView> {
    let records = projection.history().records();
    let mut drifted = Vec::new();
    for same_path in expected(projection).chunk_by(|(a, _), (b, _)| a == b) {
        let path = same_path[0].0;
        let file = OnDisk::at(on_disk(root, path));
        for (_, expected) in same_path {
            let Some((state, now)) = file.compare(expected, cache) else {
                continue;
            };
            drifted.push(DriftView {
                path: Bytes::path(path),
                state,
                step: records[expected.record].step.to_string(),
                recorded: expected.id.map(|id| id.to_string()),
                hash: now.map(|id| id.to_string()),
            });
        }
    }
    drifted
}

fn on_disk(root: &Path, path: &RecordedPath) -> PathBuf {
    let absolute = path.absolute(root.as_os_str().as_bytes());
    PathBuf::from(OsStr::from_bytes(&absolute))
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

/// Returns what was read at each path that no product was written to, once for every version.
fn read<'r>(projection: &Projection<'r>) -> BTreeMap<&'r RecordedPath, Vec<Expected>> {
    let history = projection.history();
    let records = history.records();
    let counts =
        |&record: &usize| matches!(projection.state(record), State::Current | State::Stale);
    let is_product = |held: Held| records[held.record].writes[held.output].is_product();
    let mut read: BTreeMap<&RecordedPath, Vec<Expected>> = BTreeMap::new();
    for record in (0..records.len()).filter(counts) {
        for (read_at, input) in projection.inputs(record) {
            if projection.at_input(read_at).is_some_and(is_product) {
                continue;
            }
            let versions = read.entry(&input.path).or_default();
            if versions.iter().all(|version| version.id != input.id) {
                versions.push(Expected {
                    id: input.id,
                    mode: input.mode,
                    size: input.size,
                    there: true,
                    record,
                });
            }
        }
    }
    read
}

/// What is at a path now.
struct OnDisk {
    path: PathBuf,
    found: Option<fs::Metadata>,
}

impl OnDisk {
    fn at(path: PathBuf) -> Self {
        let found = fs::symlink_metadata(&path).ok();
        Self { path, found }
    }

    /// Returns how this differs from what was recorded, and the name of the bytes it has now.
    fn compare(
        &self,
        expected: &Expected,
        cache: &HashCache,
    ) -> Option<(DriftKind, Option<ContentId>)> {
        let Some(found) = &self.found else {
            return expected.there.then_some((DriftKind::Missing, None));
        };
        if !expected.there {
            return Some((DriftKind::Returned, None));
        }
        // What could not be named then cannot be compared now.
        let recorded = expected.id?;
        match self.name(found, expected, cache) {
            Some(id) if id == recorded => None,
            named => Some((DriftKind::Modified, named)),
        }
    }

    /// Names what is there, if it could be what was recorded: a file of another length need not be
    /// read.
    fn name(
        &self,
        found: &fs::Metadata,
        expected: &Expected,
        cache: &HashCache,
    ) -> Option<ContentId> {
        if expected.mode == Mode::Symlink {
            let target = fs::read_link(&self.path).ok()?;
            return Some(roar_content::name_link(target.as_os_str().as_bytes()));
        }
        // What was read through a link is what the link leads to.
        let len = match found.is_symlink() {
            true => fs::metadata(&self.path).ok()?.len(),
            false => found.len(),
        };
        if len != expected.size {
            return None;
        }
        crate::context::name(cache, &self.path)
    }
}
