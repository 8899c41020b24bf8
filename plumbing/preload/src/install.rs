//! Putting the library where programs can load it from.

use std::fs::{self, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::sys::statvfs::{FsFlags, statvfs};
use tempfile::Builder;

/// The library, as `build.rs` made it; empty for machines that have none.
const LIBRARY: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/shim.so"));

/// The mode of the library, and of a directory that is made for it.
const FOR_ALL: u32 = 0o755;

/// Why programs cannot be given the library here.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// There is none for this machine.
    #[error("there is no such library for this processor")]
    Machine,
    /// Programs are not loaded from there.
    #[error("nothing in '{}' can be executed", .0.display())]
    NoExec(PathBuf),
    /// Only root can reach it there, and what root starts may go on as somebody else.
    #[error("'{}' cannot be reached by all users", .0.display())]
    Closed(PathBuf),
    /// The loader would take the path for several.
    #[error("'{}' has a space or a colon in its name", .0.display())]
    Name(PathBuf),
    /// The library could not be written.
    #[error("'{}' cannot be written", path.display())]
    Write {
        /// The library.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

/// Puts the library into `directory`, which is made if it is not there, and returns its path.
///
/// It has the hash of its bytes in its name, so that programs of another version which still run keep
/// theirs. One that is there already stays as it is.
pub fn install(directory: &Path) -> Result<PathBuf, Unusable> {
    if LIBRARY.is_empty() {
        return Err(Unusable::Machine);
    }
    let path = directory.join(name());
    let bytes = path.as_os_str().as_encoded_bytes();
    if bytes.iter().any(|byte| matches!(byte, b':' | b' ' | b'$')) || !path.is_absolute() {
        return Err(Unusable::Name(path));
    }
    if !is_there(&path) {
        write(directory, &path).map_err(|source| Unusable::Write {
            path: path.clone(),
            source,
        })?;
    }
    if nix::unistd::geteuid().is_root() && !is_open_to_all(&path) {
        return Err(Unusable::Closed(path));
    }
    if statvfs(directory).is_ok_and(|stat| stat.flags().contains(FsFlags::ST_NOEXEC)) {
        return Err(Unusable::NoExec(directory.to_owned()));
    }
    Ok(path)
}

fn name() -> String {
    const HASH: u64 = fnv(LIBRARY);
    format!("roar-preload-{HASH:016x}.so")
}

fn is_there(path: &Path) -> bool {
    let for_all = fs::metadata(path).is_ok_and(|meta| meta.mode() & FOR_ALL == FOR_ALL);
    for_all && fs::read(path).is_ok_and(|bytes| bytes == LIBRARY)
}

/// Whether every user can load a library, and reach it.
fn is_open_to_all(path: &Path) -> bool {
    let mut above = path.ancestors().skip(1);
    above.all(|directory| fs::metadata(directory).is_ok_and(|meta| meta.mode() & 0o1 != 0))
}

fn write(directory: &Path, path: &Path) -> io::Result<()> {
    if !directory.is_dir() {
        fs::create_dir_all(directory)?;
        // Whatever the user wants of new files: this is for all that the command becomes on the way.
        fs::set_permissions(directory, Permissions::from_mode(FOR_ALL))?;
    }
    let mut file = Builder::new().prefix(".preload").tempfile_in(directory)?;
    file.write_all(LIBRARY)?;
    file.as_file()
        .set_permissions(Permissions::from_mode(FOR_ALL))?;
    file.persist(path)?;
    Ok(())
}

/// Fowler, Noll and Vo's hash (64 bits), as in draft-eastlake-fnv.
const fn fnv(bytes: &[u8]) -> u64 {
    let (mut hash, mut at) = (0xcbf2_9ce4_8422_2325, 0);
    while at < bytes.len() {
        hash = (hash ^ bytes[at] as u64).wrapping_mul(0x0100_0000_01b3);
        at += 1;
    }
    hash
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests may panic")]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o777
    }

    /// A directory that all can reach.
    fn place() -> tempfile::TempDir {
        let top = tempfile::tempdir().unwrap();
        fs::set_permissions(top.path(), Permissions::from_mode(0o755)).unwrap();
        top
    }

    #[test]
    fn what_is_damaged_or_closed_is_made_anew() {
        let top = place();
        let path = install(&top.path().join("new")).unwrap();
        assert_eq!(mode(path.parent().unwrap()), FOR_ALL);
        for spoil in [
            |path: &Path| fs::write(path, "no library").unwrap(),
            |path: &Path| fs::set_permissions(path, Permissions::from_mode(0o600)).unwrap(),
            |path: &Path| fs::remove_file(path).unwrap(),
            |_: &Path| {},
        ] {
            spoil(&path);
            assert_eq!(install(path.parent().unwrap()).unwrap(), path);
            assert_eq!(
                (fs::read(&path).unwrap(), mode(&path)),
                (LIBRARY.to_vec(), FOR_ALL)
            );
        }
        let left = fs::read_dir(path.parent().unwrap()).unwrap().count();
        assert_eq!(left, 1, "nothing is left over");
    }

    #[test]
    fn a_place_that_the_loader_would_misread_is_refused() {
        let top = place();
        for name in ["a b", "a:b", "$LIB"] {
            let refused = install(&top.path().join(name));
            assert!(matches!(refused, Err(Unusable::Name(_))), "{refused:?}");
            assert!(!top.path().join(name).exists());
        }
        assert!(matches!(install(Path::new("here")), Err(Unusable::Name(_))));
    }

    #[test]
    fn a_file_in_the_way_is_an_error() {
        let top = place();
        let file = top.path().join("file");
        fs::write(&file, "").unwrap();
        assert!(matches!(install(&file), Err(Unusable::Write { .. })));
    }
}
