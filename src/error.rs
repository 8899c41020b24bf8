//! What went wrong, whose fault it is, and what to do about it.
//!
//! Libraries say what is so. Here is added the exit code, and a `hint:` that names the command to
//! try: only the binary knows what its commands are called.

mod pack;
mod repo;
mod store;

use nix::errno::Errno;
use roar_launch::LaunchError;
use roar_repo::config::{ConfigError, KEYS, Layer};
use roar_repo::filters::FilterError;
use std::error::Error;
use std::io;
use std::process::ExitCode;

/// Whose fault it is; decides the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It cannot or may not be done as things stand.
    Refused,
    /// The command line or a setting makes no sense.
    Usage,
    /// What was named is not here.
    NotFound,
    /// The system does not permit it.
    NotAllowed,
    /// What is stored is damaged.
    Damaged,
    /// roar itself could not go on, where otherwise a command would have run.
    Own,
    /// The command is there and cannot be executed.
    NotExecutable,
    /// The command is not there.
    NoProgram,
    /// Nobody reads the output any more. Not worth a word.
    BrokenPipe,
}

impl Fault {
    /// Returns the exit code; they are listed under `roar help exit-codes`.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Refused => 1,
            Self::Usage => 2,
            Self::NotFound => 3,
            Self::NotAllowed => 4,
            Self::Damaged => 6,
            Self::Own => 125,
            Self::NotExecutable => 126,
            Self::NoProgram => 127,
            // As if the signal had come: 128 and SIGPIPE.
            Self::BrokenPipe => 141,
        }
    }
}

/// An error on its way to a person.
#[derive(Debug)]
pub(crate) struct CommandError {
    pub(crate) fault: Fault,
    error: Box<dyn Error>,
    hints: Vec<String>,
}

impl CommandError {
    pub(crate) fn new(fault: Fault, error: impl Into<Box<dyn Error>>) -> Self {
        Self {
            fault,
            error: error.into(),
            hints: Vec::new(),
        }
    }

    pub(crate) fn refused(error: impl Into<Box<dyn Error>>) -> Self {
        Self::new(Fault::Refused, error)
    }

    pub(crate) fn usage(error: impl Into<Box<dyn Error>>) -> Self {
        Self::new(Fault::Usage, error)
    }

    pub(crate) fn not_found(error: impl Into<Box<dyn Error>>) -> Self {
        Self::new(Fault::NotFound, error)
    }

    /// Judges it differently.
    pub(crate) fn with_fault(self, fault: Fault) -> Self {
        Self { fault, ..self }
    }

    /// Adds a line of advice.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Puts "did you mean" before other advice, when something is near.
    pub(crate) fn maybe_meant(mut self, nearest: Option<&str>) -> Self {
        match nearest {
            Some(word) => {
                self.hints.insert(0, format!("did you mean '{word}'?"));
                self
            }
            None => self,
        }
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.fault.code())
    }

    /// Returns the error and its causes, outermost first, each once.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut lines = vec![self.error.to_string()];
        let mut cause = self.error.source();
        while let Some(error) = cause {
            let line = error.to_string();
            if lines.last() != Some(&line) {
                lines.push(line);
            }
            cause = error.source();
        }
        lines
    }

    pub(crate) fn hints(&self) -> &[String] {
        &self.hints
    }
}

/// Returns an error and its causes in one line, each once.
pub(crate) fn with_causes(error: &(dyn Error + 'static)) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !line.ends_with(&text) {
            line = format!("{line}: {text}");
        }
        cause = error.source();
    }
    line
}

/// Something that has a cause, said in the binary's own words.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub(crate) struct Caused {
    what: String,
    source: Box<dyn Error + Send + Sync>,
}

impl Caused {
    pub(crate) fn new(what: String, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            what,
            source: source.into(),
        }
    }
}

/// Judges a failed system call on something that the user named.
pub(crate) fn io_error(what: String, source: io::Error) -> CommandError {
    let fault = fault_of(&source);
    CommandError::new(fault, Caused::new(what, source))
}

/// Judges a failure to write to standard output.
pub(crate) fn output_error(source: io::Error) -> CommandError {
    if source.kind() == io::ErrorKind::BrokenPipe {
        return CommandError::new(Fault::BrokenPipe, source);
    }
    let what = "cannot write to standard output".to_owned();
    CommandError::refused(Caused::new(what, source))
}

impl From<ConfigError> for CommandError {
    fn from(err: ConfigError) -> Self {
        match &err {
            ConfigError::Unknown { name } => {
                let meant = crate::nearest::nearest(name, KEYS.iter().map(|key| key.name));
                Self::not_found(err)
                    .maybe_meant(meant)
                    .hint("`roar config list` shows every setting")
            }
            ConfigError::Read { .. } | ConfigError::Write { .. } => {
                Self::new(fault_below(&err), err)
            }
            ConfigError::Syntax { path, .. } | ConfigError::NotText { path, .. } => {
                let hint = format!("edit '{}', or move it away", path.display());
                Self::usage(err).hint(hint)
            }
            ConfigError::NoFile {
                layer: Layer::Project | Layer::Shared,
            } => Self::refused(err).hint("`roar init` makes this directory a workspace"),
            ConfigError::NoFile { .. } => {
                Self::refused(err).hint("`HOME` or `XDG_CONFIG_HOME` tells where the file belongs")
            }
            _ => Self::usage(err).hint("`roar config list` shows every setting and what it is for"),
        }
    }
}

/// Judges an error by the system call that refused, if one did.
pub(crate) fn fault_below(err: &(dyn Error + 'static)) -> Fault {
    let mut cause = Some(err);
    while let Some(error) = cause {
        if let Some(io) = error.downcast_ref::<io::Error>() {
            return fault_of(io);
        }
        cause = error.source();
    }
    Fault::Refused
}

/// What to look at where no more files can be opened.
pub(crate) const FEW_DESCRIPTORS: &str = "`ulimit -n` shows how many files a process may have open";

/// Returns whether something failed as the process may have no more files open.
pub(crate) fn lacks_descriptors(err: &(dyn Error + 'static)) -> bool {
    let code = err.downcast_ref().and_then(io::Error::raw_os_error);
    code == Some(Errno::EMFILE as i32) || err.source().is_some_and(lacks_descriptors)
}

/// Returns what to advise where the interpreter of a script was not found.
pub(crate) fn about_interpreter(err: &LaunchError) -> Option<&'static str> {
    let LaunchError::NoInterpreter { interpreter, .. } = err else {
        return None;
    };
    let named = interpreter.as_ref()?.as_os_str().as_encoded_bytes();
    named.ends_with(b"\r").then_some(
        "its lines end as on Windows, and the end became part of the name: `sed -i 's/\\r$//' SCRIPT`",
    )
}

fn fault_of(io: &io::Error) -> Fault {
    match io.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Fault::NotFound,
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Fault::NotAllowed,
        _ => Fault::Refused,
    }
}

impl From<FilterError> for CommandError {
    fn from(err: FilterError) -> Self {
        match err {
            FilterError::Config(err) => err.into(),
            FilterError::Pattern { .. } => Self::usage(err)
                .hint("patterns are as in .gitignore: '*.log', 'cache/', '/abs/path/**'"),
            _ => Self::usage(err),
        }
    }
}
