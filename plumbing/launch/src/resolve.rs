//! Finding the file that a command's name stands for.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nix::fcntl::{AT_FDCWD, AtFlags};
use nix::unistd::{AccessFlags, faccessat};

/// Where programs are when nothing says where they are; as `execvp` has it.
const DEFAULT_PATH: &str = "/bin:/usr/bin";

/// A command that cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// No such program; a shell's exit code for it is 127.
    #[error("program '{}' was not found", name.display())]
    NotFound {
        /// The name that was looked for.
        name: OsString,
    },
    /// There is such a file but it cannot be executed; a shell's exit code for it is 126.
    #[error("'{}' cannot be executed", path.display())]
    NotExecutable {
        /// The file in question.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

impl ResolveError {
    /// Returns the exit code that a shell gives for this: 127 or 126.
    pub fn exit_code(&self) -> i32 {
        match self {
            Self::NotFound { .. } => 127,
            Self::NotExecutable { .. } => 126,
        }
    }
}

/// Finds the file that `name` stands for when run in `directory`, as a shell does.
///
/// A name with a slash is taken as it is; another is looked for in the directories of `path_var`
/// (the value of `PATH`). The answer is what a shell would hand to `execve`, so it may be relative,
/// to `directory`: a script sees that path as its own name.
pub fn resolve(
    name: &OsStr,
    path_var: Option<&OsStr>,
    directory: &Path,
) -> Result<PathBuf, ResolveError> {
    if name.as_bytes().contains(&b'/') {
        return as_given(name, directory);
    }
    search(
        name,
        path_var.unwrap_or(OsStr::new(DEFAULT_PATH)),
        directory,
    )
}

fn as_given(name: &OsStr, directory: &Path) -> Result<PathBuf, ResolveError> {
    match executable(&directory.join(name)) {
        Ok(()) => Ok(PathBuf::from(name)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(ResolveError::NotFound {
            name: name.to_owned(),
        }),
        Err(source) => Err(ResolveError::NotExecutable {
            path: name.into(),
            source,
        }),
    }
}

fn search(name: &OsStr, path_var: &OsStr, directory: &Path) -> Result<PathBuf, ResolveError> {
    let not_found = || ResolveError::NotFound {
        name: name.to_owned(),
    };
    if name.is_empty() {
        return Err(not_found());
    }
    let mut refused = None;
    for folder in path_var.as_bytes().split(|byte| *byte == b':') {
        let path = candidate(folder, name);
        match executable(&directory.join(&path)) {
            Ok(()) => return Ok(path),
            // A shell goes on looking, and only complains of a file, never of a directory.
            Err(source) if source.kind() == io::ErrorKind::PermissionDenied => {
                let is_file = directory.join(&path).is_file();
                if is_file && refused.is_none() {
                    refused = Some(ResolveError::NotExecutable { path, source });
                }
            }
            Err(_) => {}
        }
    }
    Err(refused.unwrap_or_else(not_found))
}

/// An empty entry of `PATH` is the current directory.
fn candidate(folder: &[u8], name: &OsStr) -> PathBuf {
    let folder = if folder.is_empty() { b"." } else { folder };
    Path::new(OsStr::from_bytes(folder)).join(name)
}

fn executable(path: &Path) -> io::Result<()> {
    if path.metadata()?.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    Ok(faccessat(
        AT_FDCWD,
        path,
        AccessFlags::X_OK,
        AtFlags::AT_EACCESS,
    )?)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests may panic")]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    fn file(path: &Path, mode: u32) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "").unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    fn room() -> tempfile::TempDir {
        let room = tempfile::tempdir().unwrap();
        file(&room.path().join("one/tool"), 0o644);
        file(&room.path().join("two/tool"), 0o755);
        file(&room.path().join("here"), 0o755);
        fs::create_dir_all(room.path().join("one/folder")).unwrap();
        room
    }

    fn code(name: &str, path: &str, room: &Path) -> Result<PathBuf, i32> {
        resolve(OsStr::new(name), Some(OsStr::new(path)), room).map_err(|e| e.exit_code())
    }

    #[test]
    fn the_first_executable_in_the_path_is_found() {
        let room = room();
        assert_eq!(code("tool", "one:two", room.path()), Ok("two/tool".into()));
    }

    #[test]
    fn an_empty_entry_is_the_directory_of_the_command() {
        let room = room();
        assert_eq!(code("here", "one::two", room.path()), Ok("./here".into()));
        assert_eq!(code("here", "", room.path()), Ok("./here".into()));
    }

    #[test]
    fn a_name_with_a_slash_is_kept_as_it_is() {
        let room = room();
        assert_eq!(code("./two/tool", "", room.path()), Ok("./two/tool".into()));
    }

    #[test]
    fn what_is_not_there_is_127() {
        let room = room();
        for name in ["", "nothing", "./nothing", "folder"] {
            assert_eq!(code(name, "one:two", room.path()), Err(127), "{name}");
        }
    }

    #[test]
    fn what_is_there_but_cannot_run_is_126() {
        let room = room();
        for (name, path) in [
            ("tool", "one"),
            ("./one/tool", ""),
            ("./one", ""),
            ("here/x", ""),
        ] {
            assert_eq!(code(name, path, room.path()), Err(126), "{name}");
        }
    }

    #[test]
    fn without_a_path_the_usual_places_are_searched() {
        let found = resolve(OsStr::new("sh"), None, Path::new("/")).unwrap();
        assert_eq!(found, Path::new("/bin/sh"));
    }
}
