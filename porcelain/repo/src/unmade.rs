//! Files that a step was run again for and did not make.
//!
//! A script may make one file less than before. If that file is then removed, its step is run again for it, in
//! vain; this is where that is noted, so that it happens once. What is noted counts for one run of the step: any
//! later run is a reason to look again.
//!
//! `.roar/unmade` is one MessagePack array of pairs: the name of a job, and the paths. It is a memory only. If it is
//! lost or cannot be read, steps are run once more.

use roar_object::{ObjectId, RecordedPath};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// What was not made, by the run that stands for its step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unmade(BTreeMap<ObjectId, Vec<RecordedPath>>);

impl Unmade {
    /// Reads what a workspace remembers; `dot` is its `.roar`.
    pub fn load(dot: &Path) -> Self {
        let bytes = fs::read(file(dot)).unwrap_or_default();
        Self(rmp_serde::from_slice(&bytes).unwrap_or_default())
    }

    /// Returns whether the step was run for this file, by this run at last, and did not make it.
    pub(crate) fn has(&self, run: ObjectId, path: &RecordedPath) -> bool {
        self.0.get(&run).is_some_and(|paths| paths.contains(path))
    }

    /// Notes that the run did not make these files.
    pub fn note(&mut self, run: ObjectId, paths: Vec<RecordedPath>) {
        self.0.insert(run, paths);
    }

    /// Forgets what is noted of other runs than these, which stand for their steps, and writes down the rest.
    pub fn keep(mut self, dot: &Path, standing: impl Fn(ObjectId) -> bool) {
        self.0.retain(|run, _| standing(*run));
        if self.0.is_empty() {
            // There may be none.
            let _ = fs::remove_file(file(dot));
            return;
        }
        let bytes = rmp_serde::to_vec(&self.0).expect("names and paths have a form as bytes");
        let beside = file(dot).with_extension("new");
        // Where nothing can be written, it is forgotten.
        let written = fs::write(&beside, bytes).and_then(|()| fs::rename(&beside, file(dot)));
        let _ = written;
    }
}

fn file(dot: &Path) -> std::path::PathBuf {
    dot.join("unmade")
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests may panic")]
mod tests {
    use super::*;

    #[test]
    fn what_is_noted_counts_for_one_run_and_is_lost_without_harm() {
        let dot = tempfile::tempdir().unwrap();
        let (a, b) = (ObjectId::from_bytes([1; 32]), ObjectId::from_bytes([2; 32]));
        let path = RecordedPath::inside("extra");
        let mut unmade = Unmade::load(dot.path());
        unmade.note(a, vec![path.clone()]);
        unmade.note(b, vec![path.clone()]);
        unmade.keep(dot.path(), |run| run == a);
        let loaded = Unmade::load(dot.path());
        assert!(loaded.has(a, &path) && !loaded.has(b, &path));
        fs::write(dot.path().join("unmade"), "damaged").unwrap();
        assert_eq!(Unmade::load(dot.path()), Unmade::default());
    }
}
