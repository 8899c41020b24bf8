//! Why a command was not started under observation.

use std::io;
use std::path::{Path, PathBuf};

/// A way of watching that this machine refuses.
#[derive(Debug, thiserror::Error)]
pub enum Unavailable {
    /// The kernel is too old, or was built without it.
    #[error("the kernel does not offer {what}")]
    Kernel {
        /// What is missing.
        what: &'static str,
    },
    /// This process is already under a seccomp listener, and there can only be one.
    #[error("the system calls of this process already have another listener")]
    ListenerExists,
    /// This process is part of a run that another process of this program watches.
    #[error("another roar is already watching")]
    Watched,
    /// The machine's policy refuses.
    #[error("{what} is refused")]
    Refused {
        /// What is refused.
        what: &'static str,
        /// By which error.
        #[source]
        source: io::Error,
    },
}

/// A command that was not started.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// The program is not there.
    #[error("program '{}' was not found", program.display())]
    NotFound {
        /// The file that was to be executed.
        program: PathBuf,
    },
    /// The program is there, but not the interpreter or loader that it names.
    #[error("what executes '{}'{} was not found", program.display(), apposed(interpreter.as_deref()))]
    NoInterpreter {
        /// The file that was to be executed.
        program: PathBuf,
        /// What a script names in its first line.
        interpreter: Option<PathBuf>,
    },
    /// The program is there but cannot be executed.
    #[error("'{}' cannot be executed", program.display())]
    NotExecutable {
        /// The file that was to be executed.
        program: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The directory to start in cannot be entered.
    #[error("directory '{}' cannot be entered", directory.display())]
    Directory {
        /// The directory.
        directory: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// This way of watching is not to be had; the command has not run.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// A path holds a NUL byte.
    #[error("'{}' holds a NUL byte", path.display())]
    Nul {
        /// The path.
        path: PathBuf,
    },
    /// Something that should not fail did.
    #[error("could not {what}")]
    Io {
        /// What was being done.
        what: &'static str,
        /// How it failed.
        #[source]
        source: io::Error,
    },
}

fn apposed(interpreter: Option<&Path>) -> String {
    interpreter.map_or(String::new(), |path| format!(", '{}',", path.display()))
}

impl LaunchError {
    /// Returns the exit code that a shell gives for this (127 or 126), `None` when the fault is not
    /// the command's.
    pub fn exit_code(&self) -> Option<i32> {
        match self {
            Self::NotFound { .. } | Self::NoInterpreter { .. } => Some(127),
            Self::NotExecutable { .. } => Some(126),
            _ => None,
        }
    }

    /// Makes a mapper for the error of a step that should not fail; `what` follows "could not".
    pub fn io<E: Into<io::Error>>(what: &'static str) -> impl FnOnce(E) -> Self {
        move |source| Self::Io {
            what,
            source: source.into(),
        }
    }
}
