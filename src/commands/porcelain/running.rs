//! What `roar run` and `roar build` have in common.

mod again;
mod cached;
mod for_a_shell;
mod redirect;
mod report;

use redirect::{Taken, Word};

use crate::context::Context;
use crate::error::{CommandError, FEW_DESCRIPTORS, Fault, about_interpreter, lacks_descriptors};
use crate::names;
use crate::ui::Ui;
use nix::sys::signal::{Signal, raise};
use roar_object::{JobKind, ObjectId, Outcome, StepName};
use roar_record::{Plan, PlanError, Report, Request, RunError};
use roar_repo::config::{ConfigError, Key};
use roar_repo::{Opening, RepoError, Surroundings, Workspace};
use roar_trace::TraceError;
use std::ffi::{OsStr, OsString};
use std::io::{self, IsTerminal as _};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
pub(super) struct Common {
    /// Call the step NAME in the DAG
    #[arg(short, long, value_name = "NAME", value_parser = step_name)]
    name: Option<String>,

    /// How to watch: auto, notify or ptrace
    #[arg(long, value_name = "HOW", value_parser = ["auto", "notify", "ptrace"], hide_possible_values = true)]
    tracer: Option<String>,

    /// What to do about uncommitted changes: record, warn or refuse
    #[arg(long, value_name = "WHAT", value_parser = ["record", "warn", "refuse"], hide_possible_values = true)]
    dirty: Option<String>,

    /// Keep a copy of what the command writes: every file, or those up to SIZE, such as 10M
    #[arg(long, value_name = "SIZE", num_args = 0..=1, require_equals = true, default_missing_value = "all", value_parser = kept_size)]
    keep: Option<String>,

    /// Do not run it if a recorded job did the same on the same, and what it left is there or kept
    #[arg(long, conflicts_with = "dry_run")]
    cached: bool,

    /// Take note of where it looks: what `--cached` becomes when nothing serves
    #[arg(long, hide = true)]
    looks: bool,

    /// Standard input and output of a step are what they were, whatever they are now: for `roar rerun`
    #[arg(long, hide = true)]
    as_recorded: bool,

    /// Show what would be run, and run nothing
    #[arg(long)]
    dry_run: bool,

    /// The command and its arguments, or a step such as @2 and options to replace
    #[arg(value_name = "COMMAND", required = true, trailing_var_arg = true)]
    command: Vec<OsString>,
}

/// Takes a word for the name of a step.
fn step_name(word: &str) -> Result<String, String> {
    names::fault_of_step_name(word).map_or_else(|| Ok(word.to_owned()), Err)
}

/// Takes a word for the size up to which files are kept.
fn kept_size(word: &str) -> Result<String, String> {
    let key = Key::find("keep.max_size").expect("the setting that the option stands for");
    key.parse(word).map(|_| word.to_owned())
}

/// What is to be run, once it is known.
struct Wanted {
    kind: JobKind,
    argv: Vec<OsString>,
    directory: PathBuf,
    name: Option<String>,
    reruns: Option<ObjectId>,
    looks: bool,
}

/// The workspace, and how it came to be usable.
struct Opened {
    workspace: Workspace,
    /// How it came to be.
    opening: Opening,
    /// Why its store cannot be used, if it cannot.
    trouble: Option<RepoError>,
}

pub(super) fn run(
    ui: &mut Ui,
    context: &Context,
    common: Common,
    kind: JobKind,
) -> Result<ExitCode, CommandError> {
    let around = surroundings(context, &common);
    if common.dry_run {
        return dry_run(ui, context, &around, common, kind);
    }
    // Where nothing is recorded there is no step, and nothing is made to find that out.
    if is_step(&common) && context.find_workspace()?.is_none() {
        return Err(context.no_workspace().with_fault(Fault::Own));
    }
    let opened = open(context, &around)?;
    let ask_first = common.cached;
    let word = match common.as_recorded {
        true => Word::Records,
        false => Word::Callers,
    };
    let wanted = wanted(context, &opened.workspace, common, kind)?;
    let taken = match wanted.reruns {
        Some(job) => redirect::take_over(ui, &opened.workspace, job, word),
        None => Ok(Taken::default()),
    };
    let taken = taken.map_err(|err| err.with_fault(Fault::Own))?;
    if ask_first {
        return cached::or_run(ui, context, &opened.workspace, wanted, &taken);
    }
    if wanted.reruns.is_some() {
        ui.note(format_args!("roar: {}", report::command_line(&wanted.argv)));
    }
    carry_out(ui, context, &opened, wanted, &taken)
}

/// Returns whether a recorded step is to be run again.
fn is_step(common: &Common) -> bool {
    let first = common.command.first().and_then(|word| word.to_str());
    first.is_some_and(|word| word.starts_with('@'))
}

/// Adds the settings that options stand for.
fn surroundings(context: &Context, common: &Common) -> Surroundings {
    let mut around = context.around().clone();
    let options = [
        ("tracer.default", &common.tracer),
        ("run.dirty", &common.dirty),
        ("keep.max_size", &common.keep),
    ];
    for (name, value) in options {
        if let Some(value) = value {
            around.flags.insert(name.to_owned(), value.clone());
        }
    }
    around
}

/// Opens the workspace or makes one. Where that cannot be done, the command runs all the same.
fn open(context: &Context, around: &Surroundings) -> Result<Opened, CommandError> {
    match Workspace::open_or_create(context.directory(), around) {
        Ok((workspace, opening)) => Ok(Opened {
            workspace,
            opening,
            trouble: None,
        }),
        Err(RepoError::Config(err)) if !is_out_of_reach(&err) => {
            Err(CommandError::from(err).with_fault(Fault::Own))
        }
        Err(trouble) => {
            let workspace = Workspace::without_store(context.directory(), around);
            let workspace =
                workspace.map_err(|err| CommandError::from(err).with_fault(Fault::Own))?;
            Ok(Opened {
                workspace,
                opening: Opening::Found,
                trouble: Some(trouble),
            })
        }
    }
}

/// Returns whether a settings file is there and this user may not read it: somebody else's workspace.
fn is_out_of_reach(err: &ConfigError) -> bool {
    matches!(err, ConfigError::Read { source, .. } if source.kind() == io::ErrorKind::PermissionDenied)
}

/// Takes the command as typed, or the one of a recorded step.
fn wanted(
    context: &Context,
    workspace: &Workspace,
    common: Common,
    kind: JobKind,
) -> Result<Wanted, CommandError> {
    let first = common
        .command
        .first()
        .map_or(OsStr::new(""), OsString::as_os_str);
    match first.to_str().filter(|word| word.starts_with('@')) {
        Some(word) => {
            let step: StepName = word.parse().map_err(CommandError::usage)?;
            let looks = common.looks;
            let found = again::find(workspace, step, &common.command[1..], common.name);
            found.map(|wanted| Wanted { looks, ..wanted })
        }
        None => Ok(Wanted {
            kind,
            directory: context.directory().to_owned(),
            argv: common.command,
            name: common.name,
            reruns: None,
            looks: common.looks,
        }),
    }
}

fn dry_run(
    ui: &mut Ui,
    context: &Context,
    around: &Surroundings,
    common: Common,
    kind: JobKind,
) -> Result<ExitCode, CommandError> {
    let found = Workspace::discover(context.directory(), around)?;
    let workspace = match found {
        Some(workspace) => workspace,
        None => Workspace::without_store(context.directory(), around)?,
    };
    let wanted = wanted(context, &workspace, common, kind)?;
    let plan = plan(&workspace, wanted)?;
    report::plan(ui, &workspace, &plan)?;
    Ok(ExitCode::SUCCESS)
}

fn plan(workspace: &Workspace, wanted: Wanted) -> Result<Plan, CommandError> {
    let request = Request {
        kind: wanted.kind,
        elsewhere: wanted.reruns.is_some(),
        argv: wanted.argv,
        directory: wanted.directory,
        environment: std::env::vars_os().collect(),
        name: wanted.name,
        reruns: wanted.reruns,
        looks: wanted.looks,
    };
    let (kind, argv) = (request.kind, request.argv.clone());
    roar_record::plan(workspace, request).map_err(|err| {
        let hint = matches!(&err, PlanError::Program(cause) if cause.exit_code() == 127)
            .then(|| for_a_shell::hint(kind, &argv))
            .flatten();
        let err = CommandError::from(err);
        match hint {
            Some(hint) => err.hint(hint),
            None => err,
        }
    })
}

/// Runs the command. From here on its exit code is this program's, whatever becomes of the record.
fn carry_out(
    ui: &mut Ui,
    context: &Context,
    opened: &Opened,
    wanted: Wanted,
    taken: &Taken,
) -> Result<ExitCode, CommandError> {
    let workspace = &opened.workspace;
    crate::leftovers::have_taken_in(ui, workspace);
    let plan = plan(workspace, wanted)?;
    taken.empty()?;
    let config = workspace.config().clone();
    let done = context.waiting(ui, &config, "roar run", |wait| {
        roar_record::run(workspace, &plan, wait)
    });
    let done = done.map_err(|err| err.with_fault(Fault::Own))?;
    let done = done.map_err(CommandError::from)?;
    report::tell(ui, opened, &plan, &done);
    end_as_interrupted(&done);
    let code = done.outcome.shell_code().unwrap_or(125);
    Ok(ExitCode::from(u8::try_from(code & 0xff).unwrap_or(u8::MAX)))
}

/// Ends this process by the interrupt that ended the command, when a person at a terminal meant it.
///
/// A shell that runs a loop or a script goes on to the next command unless this one dies of the
/// signal itself; what `$?` says is the same.
fn end_as_interrupted(done: &Report) {
    let by_interrupt = done.outcome == Outcome::Killed(Signal::SIGINT as i32) && done.interrupted;
    if by_interrupt && (io::stdin().is_terminal() || io::stderr().is_terminal()) {
        // Where even that is refused, the exit code tells.
        let _ = raise(Signal::SIGINT);
    }
}

impl From<PlanError> for CommandError {
    fn from(err: PlanError) -> Self {
        match err {
            PlanError::Program(ref cause) => {
                let fault = if cause.exit_code() == 127 {
                    Fault::NoProgram
                } else {
                    Fault::NotExecutable
                };
                Self::new(fault, err)
            }
            PlanError::Config(err) => Self::from(err).with_fault(Fault::Own),
            PlanError::Tracer(_) => Self::new(Fault::Own, err)
                .hint("`roar doctor` tells which ways of watching work here"),
            PlanError::Dirty { ref changed, .. } => {
                let files = report::some_files(changed);
                Self::new(Fault::Own, err)
                    .hint(format!("commit them ({files}), or use `--dirty record` to keep their exact state with the run"))
            }
            other => Self::new(Fault::Own, other),
        }
    }
}

/// Returns the code that a shell gives for a command that does not start.
fn start_code(err: &TraceError) -> Option<i32> {
    match err {
        TraceError::Launch(err) => err.exit_code(),
        TraceError::Preflight(_) => None,
    }
}

impl From<RunError> for CommandError {
    fn from(err: RunError) -> Self {
        match err {
            RunError::Config(err) => Self::from(err).with_fault(Fault::Own),
            RunError::Filter(err) => Self::from(err).with_fault(Fault::Own),
            RunError::Start(ref cause) => {
                let fault = match start_code(cause) {
                    Some(127) => Fault::NoProgram,
                    Some(126) => Fault::NotExecutable,
                    _ => Fault::Own,
                };
                let lacks = lacks_descriptors(cause);
                let hint = match cause {
                    TraceError::Launch(err) => about_interpreter(err),
                    TraceError::Preflight(_) => None,
                };
                let error = Self::new(fault, err);
                let error = hint.into_iter().fold(error, Self::hint);
                match lacks {
                    true => error.hint(FEW_DESCRIPTORS),
                    false => error,
                }
            }
            other => Self::new(Fault::Own, other),
        }
    }
}
