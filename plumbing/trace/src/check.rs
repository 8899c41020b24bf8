//! Finding out whether watching works, by watching.

use std::ffi::CString;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use roar_launch::{Command, Exit};
use roar_observe::{Change, FileSeen};

use crate::backend::{Backend, Choice};
use crate::run::{Options, Trace, TraceError, Unread, run};

/// The shell that every system has.
const SHELL: &str = "/bin/sh";

/// Reads one file and writes another, by the shell's own means.
const SCRIPT: &str = "read -r line < \"$1\" && printf '%s' \"$line\" > \"$2\"";

/// What was seen of a command whose doings are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Whether its execution was seen.
    pub exec: bool,
    /// Whether its reading was seen.
    pub read: bool,
    /// Whether its writing was seen.
    pub write: bool,
    /// What was said not to be seen.
    pub reasons: Vec<String>,
}

impl Report {
    /// Returns whether all was seen.
    pub fn is_good(&self) -> bool {
        self.exec && self.read && self.write
    }
}

/// A check that could not be made.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The files to try with could not be made.
    #[error("cannot make a file in '{}' to try with", directory.display())]
    Scratch {
        /// Where.
        directory: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The command could not be watched at all.
    #[error(transparent)]
    Trace(#[from] TraceError),
    /// The command failed, which it does not do by itself.
    #[error("the command to try with ended with {exit:?}")]
    Exit {
        /// How it ended.
        exit: Exit,
    },
}

/// Watches a small known command with `backend`, and compares.
///
/// Two files are made in the existing directory `scratch` and stay there.
///
/// # Errors
///
/// When the command could not be watched at all, or failed.
pub fn check(backend: Backend, scratch: &Path) -> Result<Report, CheckError> {
    let trouble = |source| CheckError::Scratch {
        directory: scratch.to_owned(),
        source,
    };
    let scratch = scratch.canonicalize().map_err(trouble)?;
    let (input, output) = (scratch.join("input"), scratch.join("output"));
    let trouble = |source| CheckError::Scratch {
        directory: scratch.clone(),
        source,
    };
    std::fs::write(&input, "known\n").map_err(trouble)?;
    match std::fs::remove_file(&output) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(trouble(error)),
        _ => {}
    }
    let trace = run(
        &command(&input, &output),
        Options {
            choice: Choice::Only(backend),
            grace: Duration::ZERO,
            namer: &mut Unread,
            sink: &mut (),
            library: None,
        },
    )?;
    if trace.finished.exit != Exit::Code(0) {
        return Err(CheckError::Exit {
            exit: trace.finished.exit,
        });
    }
    Ok(report(trace, &input, &output))
}

fn report(trace: Trace, input: &Path, output: &Path) -> Report {
    let files = trace.observation.files;
    let seen = |path: &Path| {
        files
            .iter()
            .find(|file| file.path == path.as_os_str().as_bytes())
    };
    Report {
        exec: files.iter().any(|file| file.executed),
        read: seen(input).is_some_and(|file| file.read.is_some()),
        write: seen(output).and_then(|file: &FileSeen| file.change) == Some(Change::Created),
        reasons: trace.coverage.reasons,
    }
}

fn command(input: &Path, output: &Path) -> Command {
    let word = |word: &[u8]| CString::new(word).expect("no word here holds a NUL");
    let path = |path: &Path| word(path.as_os_str().as_bytes());
    Command {
        program: PathBuf::from(SHELL),
        argv: vec![
            word(SHELL.as_bytes()),
            word(b"-c"),
            word(SCRIPT.as_bytes()),
            word(SHELL.as_bytes()),
            path(input),
            path(output),
        ],
        env: Vec::new(),
        directory: None,
        looks: false,
        gate: None,
    }
}
