//! The workspace's own key, under which tags of hidden values are made.
//!
//! It never leaves the machine: tags tell same from other within one workspace and nothing to
//! anybody else.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// Returns the key kept in `directory`, made on first use. Where none can be kept, the key is good
/// for this process alone.
pub(crate) fn load(directory: &Path) -> [u8; 32] {
    let path = directory.join("key");
    if let Some(key) = read(&path) {
        return key;
    }
    let Ok(fresh) = random() else {
        return *blake3::hash(&std::process::id().to_le_bytes()).as_bytes();
    };
    // Of two that make it at once, one wins, and both then use that one.
    let _ = make(&path, &fresh);
    read(&path).unwrap_or(fresh)
}

fn read(path: &Path) -> Option<[u8; 32]> {
    roar_store::read_whole(path).ok()?.try_into().ok()
}

fn random() -> io::Result<[u8; 32]> {
    let mut key = [0; 32];
    File::open("/dev/urandom")?.read_exact(&mut key)?;
    Ok(key)
}

fn make(path: &Path, key: &[u8; 32]) -> io::Result<()> {
    let beside = path.with_extension(std::process::id().to_string());
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&beside)?
        .write_all(key)?;
    let linked = fs::hard_link(&beside, path);
    fs::remove_file(&beside)?;
    linked
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests may panic")]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_kept() {
        let directory = tempfile::tempdir().unwrap();
        let key = load(directory.path());
        assert_eq!(load(directory.path()), key);
        assert_ne!(load(Path::new("/proc/nowhere")), key);
    }
}
