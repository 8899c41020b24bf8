//! Putting the library where programs can load it from.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use nix::sys::statvfs::{FsFlags, statvfs};
use tempfile::Builder;

/// The library, as `build.rs` made it; empty for machines that have none.
const LIBRARY: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/shim.so"));

/// Why programs cannot be given the library here.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// There is none for this machine.
    #[error("there is no such library for this processor")]
    Machine,
    /// Programs are not loaded from there.
    #[error("nothing in '{}' can be executed", .0.display())]
    NoExec(PathBuf),
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
    if statvfs(directory).is_ok_and(|stat| stat.flags().contains(FsFlags::ST_NOEXEC)) {
        return Err(Unusable::NoExec(directory.to_owned()));
    }
    Ok(path)
}

fn name() -> String {
    format!("roar-preload-{:016x}.so", fnv(LIBRARY))
}

fn is_there(path: &Path) -> bool {
    fs::read(path).is_ok_and(|bytes| bytes == LIBRARY)
}

fn write(directory: &Path, path: &Path) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    let mut file = Builder::new().prefix(".preload").tempfile_in(directory)?;
    file.write_all(LIBRARY)?;
    // Whoever the command becomes on the way must be able to load it.
    file.as_file()
        .set_permissions(fs::Permissions::from_mode(0o755))?;
    file.persist(path)?;
    Ok(())
}

/// Fowler, Noll and Vo's hash (64 bits), as in draft-eastlake-fnv.
fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
