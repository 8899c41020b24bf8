//! What is to be run, and everything that is decided before it runs.
//!
//! A plan is made first: every refusal happens here, and nothing has been run or written yet.

use crate::code_state::{self, CodeState};
use crate::library;
use crate::run::with_causes;
use roar_launch::ResolveError;
use roar_object::{JobKind, ObjectId};
use roar_repo::Workspace;
use roar_repo::config::ConfigError;
use roar_trace::{Choice, Command, PreflightError};
use std::ffi::{CString, OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::PathBuf;
use std::time::Duration;

/// What to run, and where.
#[derive(Clone, Debug)]
pub struct Request {
    /// What sort of work it is.
    pub kind: JobKind,
    /// The command, its name first; never empty.
    pub argv: Vec<OsString>,
    /// The directory to run in: absolute, without links.
    pub directory: PathBuf,
    /// Whether that is another than this process is in. If not, it need not be there any more.
    pub elsewhere: bool,
    /// The whole environment of the command.
    pub environment: Vec<(OsString, OsString)>,
    /// What the user calls the step.
    pub name: Option<String>,
    /// The job whose command this runs again.
    pub reruns: Option<ObjectId>,
    /// Whether it is to be known where the command looks, too, so that the job may serve
    /// [`cached`](crate::cached) later.
    pub looks: bool,
}

/// Why a command is not run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// The program is not there, or cannot be executed.
    #[error(transparent)]
    Program(#[from] ResolveError),
    /// A setting has a value that it does not take.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The way of watching that was asked for does not work here.
    #[error(transparent)]
    Tracer(#[from] PreflightError),
    /// There are uncommitted changes, and the settings refuse to run on them.
    #[error("{} uncommitted changes in '{}'", .changed.len(), .repository.display())]
    Dirty {
        /// The repository.
        repository: PathBuf,
        /// Some of the files, relative to its top.
        changed: Vec<Vec<u8>>,
    },
    /// An argument or a variable holds a NUL byte, which no program can be given.
    #[error("an argument holds a NUL byte")]
    Nul,
}

/// A run that is about to begin.
#[derive(Debug)]
pub struct Plan {
    pub(crate) request: Request,
    pub(crate) command: Command,
    pub(crate) choice: Choice,
    /// Why nothing can watch, when nothing can.
    pub(crate) unwatched: Option<String>,
    pub(crate) grace: Duration,
    /// The library that programs are given, if any.
    pub(crate) library: Option<PathBuf>,
    pub(crate) code: CodeState,
}

impl Plan {
    /// Returns the file that will be executed.
    pub fn program(&self) -> &std::path::Path {
        &self.command.program
    }

    /// Returns the command as it will be given to the program.
    pub fn argv(&self) -> &[OsString] {
        &self.request.argv
    }

    /// Returns the directory that it will run in.
    pub fn directory(&self) -> &std::path::Path {
        &self.request.directory
    }

    /// Returns the variables that it will be given, `NAME=value` each.
    pub(crate) fn environment(&self) -> impl Iterator<Item = &[u8]> {
        self.command.env.iter().map(CString::as_bytes)
    }

    /// Returns the word for the event source.
    pub fn backend_name(&self) -> &'static str {
        match self.choice {
            Choice::Only(backend) => backend.name(),
            Choice::Auto => "none",
        }
    }

    /// Returns how many files git knows of have uncommitted changes, if there are any.
    pub fn dirty(&self) -> Option<usize> {
        self.code.dirty_files()
    }

    /// Returns why nothing can watch this run, when nothing can.
    pub fn unwatched(&self) -> Option<&str> {
        self.unwatched.as_deref()
    }
}

/// Decides how `request` will be run.
///
/// # Errors
///
/// When the program cannot be run, a setting is wrong, or the settings refuse to run here.
pub fn plan(workspace: &Workspace, request: Request) -> Result<Plan, PlanError> {
    let command = command(&request)?;
    let config = workspace.config();
    let (choice, unwatched) = choose(&config.word("tracer.default")?)?;
    let grace = Duration::from_millis(config.number("run.grace")?);
    let code = code_state::before(&request.directory, workspace.root(), &request.environment);
    if config.word("run.dirty")? == "refuse"
        && let Some((repository, changed)) = code.changes()
    {
        return Err(PlanError::Dirty {
            repository,
            changed,
        });
    }
    Ok(Plan {
        request,
        command,
        choice,
        unwatched,
        grace,
        library: library(config, Some(&workspace.machine_cache()))?,
        code,
    })
}

/// Finds a way of watching. When the user left it open and there is none, the command still runs.
fn choose(word: &str) -> Result<(Choice, Option<String>), PreflightError> {
    let choice = match roar_trace::Backend::from_name(word) {
        Some(backend) => Choice::Only(backend),
        None => Choice::Auto,
    };
    match roar_trace::preflight(choice) {
        Ok(backend) => Ok((Choice::Only(backend), None)),
        Err(err) if choice == Choice::Auto => Ok((choice, Some(with_causes(&err)))),
        Err(err) => Err(err),
    }
}

fn command(request: &Request) -> Result<Command, PlanError> {
    let path_var = request
        .environment
        .iter()
        .find(|(name, _)| name == "PATH")
        .map(|(_, value)| value.as_os_str());
    let name: &OsStr = request
        .argv
        .first()
        .map_or(OsStr::new(""), OsString::as_os_str);
    let program = roar_launch::resolve(name, path_var, &request.directory)?;
    let argv = request
        .argv
        .iter()
        .map(|argument| c_string(argument.as_bytes().to_vec()));
    let env = request.environment.iter().map(|(name, value)| {
        let mut variable = name.clone();
        variable.push("=");
        variable.push(value);
        c_string(variable.into_vec())
    });
    Ok(Command {
        program,
        argv: argv.collect::<Result<_, _>>()?,
        env: env.collect::<Result<_, _>>()?,
        directory: request.elsewhere.then(|| request.directory.clone()),
        looks: request.looks,
        gate: None,
    })
}

fn c_string(bytes: Vec<u8>) -> Result<CString, PlanError> {
    CString::new(bytes).map_err(|_| PlanError::Nul)
}
