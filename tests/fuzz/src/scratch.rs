//! A directory for targets that need files: one for each thread, in memory where there is a place.

use std::path::Path;
use tempfile::TempDir;

thread_local! {
    static SCRATCH: TempDir = make();
}

fn make() -> TempDir {
    let in_memory = TempDir::new_in("/dev/shm");
    in_memory
        .or_else(|_| TempDir::new())
        .expect("there is a place for temporary files")
}

/// Calls `work` with the directory; what it leaves there is there the next time.
pub(crate) fn within(work: impl FnOnce(&Path)) {
    SCRATCH.with(|dir| work(dir.path()));
}
