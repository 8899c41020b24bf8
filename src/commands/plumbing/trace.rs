//! `roar trace`.

use crate::context::Context;
use crate::error::{CommandError, Fault, about_interpreter, io_error};
use crate::json::Text;
use crate::ui::Ui;
use roar_launch::{LaunchError, ResolveError};
use roar_repo::config::{Config, ConfigError};
use roar_trace::{
    Backend, Change, Choice, Command, Coverage, Digest, Exit, FileSeen, Namer, Options, Trace,
    TraceError, Version,
};
use serde::Serialize;
use serde_json::{Value, json};
use std::env;
use std::ffi::{CString, OsStr, OsString};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// How many bytes of lines are written at once.
const TOGETHER: usize = 1 << 16;

/// Tell which files a command touches, recording nothing
///
/// One JSON object per file, and at the end one that tells how much was seen. They go to standard
/// error, as those of strace do, unless `-o` says where, and all are written when the command has ended.
/// The exit code is the command's, even if they cannot be written, which is said then. Needs no workspace.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  $ roar trace -- make -j2
  $ roar trace -o touched.jsonl -- python train.py --lr 0.1")]
pub(crate) struct Args {
    /// Write there instead of to standard error; `-` is standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// How to watch: auto, notify or ptrace
    #[arg(long, value_name = "HOW", value_parser = choice, default_value = "auto")]
    tracer: Choice,
    /// The command and its arguments
    #[arg(value_name = "COMMAND", required = true, trailing_var_arg = true)]
    command: Vec<OsString>,
}

fn choice(word: &str) -> Result<Choice, String> {
    match Backend::from_name(word) {
        Some(backend) => Ok(Choice::Only(backend)),
        None if word == "auto" => Ok(Choice::Auto),
        None => Err("it is one of auto, notify, ptrace".to_owned()),
    }
}

pub(crate) fn run(ui: &mut Ui, context: &Context, args: Args) -> Result<ExitCode, CommandError> {
    let command = prepare(context, &args.command)?;
    // Before the command runs: where it shall be written to, it would come too late to be refused.
    let mut output = Output::open(args.output)?;
    let own = |err: CommandError| err.with_fault(Fault::Own);
    let config = context.config().map_err(own)?;
    let grace = grace(&config).map_err(|err| own(err.into()))?;
    let library = roar_record::library(&config, context.around().cache.as_deref())
        .map_err(|err| own(err.into()))?;
    let options = Options {
        choice: args.tracer,
        grace,
        namer: &mut Contents,
        sink: &mut (),
        library: library.as_deref(),
    };
    let mut trace = roar_trace::run(&command, options).map_err(not_run)?;
    trace.observation.files.retain_mut(settle);
    if let Err(err) = write(&trace, &mut output) {
        // The command has run; what it returned counts for more than this.
        tell_of_loss(ui, &output, err);
    }
    Ok(code(trace.finished.exit))
}

/// Returns how long processes that outlive the command are watched.
fn grace(config: &Config) -> Result<Duration, ConfigError> {
    config.number("run.grace").map(Duration::from_millis)
}

fn prepare(context: &Context, words: &[OsString]) -> Result<Command, CommandError> {
    let path = env::var_os("PATH");
    let program = roar_launch::resolve(&words[0], path.as_deref(), context.directory())
        .map_err(cannot_run)?;
    let argv = words.iter().map(|word| c_string(word.as_bytes().to_vec()));
    let env = env::vars_os().map(|(mut variable, value)| {
        variable.push("=");
        variable.push(value);
        c_string(variable.into_vec())
    });
    Ok(Command {
        program,
        argv: argv.collect::<Result<_, _>>()?,
        env: env.collect::<Result<_, _>>()?,
        directory: None,
        looks: false,
        gate: None,
    })
}

fn c_string(bytes: Vec<u8>) -> Result<CString, CommandError> {
    CString::new(bytes).map_err(|_| CommandError::new(Fault::Own, "an argument holds a NUL byte"))
}

/// Where the answer goes.
struct Output {
    name: String,
    to: BufWriter<Box<dyn Write>>,
}

impl Output {
    fn open(path: Option<PathBuf>) -> Result<Self, CommandError> {
        let (name, to): (_, Box<dyn Write>) = match path {
            None => ("standard error".to_owned(), Box::new(io::stderr())),
            Some(path) if path.as_os_str() == "-" => {
                ("standard output".to_owned(), Box::new(io::stdout()))
            }
            Some(path) => {
                let name = format!("'{}'", path.display());
                let file = File::create(&path).map_err(|err| {
                    io_error(format!("cannot write {name}"), err).with_fault(Fault::Own)
                })?;
                (name, Box::new(file))
            }
        };
        Ok(Self {
            name,
            to: BufWriter::with_capacity(TOGETHER, to),
        })
    }
}

/// Says that the answer is lost, unless it is as its reader has gone.
fn tell_of_loss(ui: &Ui, output: &Output, err: io::Error) {
    if err.kind() != io::ErrorKind::BrokenPipe {
        let what = format!(
            "what the command touched could not be written to {}, or not all of it",
            output.name
        );
        ui.error(&io_error(what, err));
    }
}

fn cannot_run(err: ResolveError) -> CommandError {
    let fault = match err {
        ResolveError::NotFound { .. } => Fault::NoProgram,
        ResolveError::NotExecutable { .. } => Fault::NotExecutable,
    };
    CommandError::new(fault, err)
}

fn not_run(err: TraceError) -> CommandError {
    let fault = match &err {
        TraceError::Launch(LaunchError::NotFound { .. } | LaunchError::NoInterpreter { .. }) => {
            Fault::NoProgram
        }
        TraceError::Launch(LaunchError::NotExecutable { .. }) => Fault::NotExecutable,
        _ => Fault::Own,
    };
    let hint = match &err {
        TraceError::Launch(err) => about_interpreter(err),
        TraceError::Preflight(_) => None,
    };
    let error = CommandError::new(fault, err);
    let error = hint.into_iter().fold(error, CommandError::hint);
    match fault {
        Fault::Own => error.hint("`roar doctor` tells what works on this machine"),
        _ => error,
    }
}

/// Names content before it changes, so that a file that was written as it was is not called changed.
struct Contents;

impl Namer for Contents {
    fn name(&mut self, path: &Path) -> Option<(Digest, Version)> {
        let named = roar_content::name_file(path).ok()?;
        let version = Version {
            dev: named.version.dev,
            ino: named.version.ino,
            size: named.version.size,
            mtime_ns: named.version.mtime_ns,
            ctime_ns: named.version.ctime_ns,
            mode: named.version.mode,
        };
        Some((*named.id.as_bytes(), version))
    }
}

/// Takes back what turns out to be no change; returns whether anything is left to tell.
fn settle(file: &mut FileSeen) -> bool {
    let doubtful = file.in_place && file.digest_before.is_some();
    let path = Path::new(OsStr::from_bytes(&file.path));
    let now = doubtful
        .then(|| roar_content::name_file(path).ok())
        .flatten();
    file.settle(now.map(|named| *named.id.as_bytes()))
}

fn write(trace: &Trace, output: &mut Output) -> io::Result<()> {
    let out = &mut output.to;
    for file in &trace.observation.files {
        serde_json::to_writer(&mut *out, &Line::of(file))?;
        out.write_all(b"\n")?;
    }
    writeln!(out, "{}", seen(&trace.coverage))?;
    out.flush()
}

/// What is told of one file. There may be very many: they are written as they are.
#[derive(Serialize)]
struct Line<'a> {
    path: Text<'a>,
    read: bool,
    written: bool,
    created: bool,
    deleted: bool,
    executed: bool,
    pids: &'a [u32],
}

impl<'a> Line<'a> {
    fn of(file: &'a FileSeen) -> Self {
        Self {
            path: Text(&file.path),
            read: file.read.is_some(),
            written: matches!(file.change, Some(Change::Created | Change::Modified)),
            created: file.change == Some(Change::Created),
            deleted: file.change == Some(Change::Deleted),
            executed: file.executed,
            pids: &file.pids,
        }
    }
}

fn seen(coverage: &Coverage) -> Value {
    json!({ "coverage": {
        "verdict": coverage.verdict.name(),
        "backend": coverage.backend,
        "reasons": coverage.reasons,
    } })
}

fn code(exit: Exit) -> ExitCode {
    let code = match exit {
        Exit::Code(code) => code,
        Exit::Signal(signal) => 128 + signal,
    };
    ExitCode::from(u8::try_from(code).unwrap_or(u8::MAX))
}
