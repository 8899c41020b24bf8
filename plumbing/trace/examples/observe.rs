//! Runs a command and writes one line for each file that it read or wrote.
//!
//! `observe BACKEND[+notes] OUT COMMAND [ARGUMENT …]`: with `+notes` programs note themselves what they
//! open for reading. `OUT` gets a line of tab-separated fields for
//! each file: `R` or `-`, `C`, `M`, `D` or `-`, further marks, the first digits of what was read and
//! of what is there now, and the path with everything but printable ASCII as `\xNN`; and last
//! `coverage`, the verdict and its reasons. `OUT.spool` gets the records. With `none` for `OUT` nothing is
//! written and nothing hashed, to see what watching alone costs. Ends as the command does,
//! and with 125 when it cannot be run.
#![expect(clippy::print_stderr, reason = "an example says what is wrong")]

use std::ffi::{CString, OsStr, OsString};
use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use roar_trace::{
    Backend, Change, Choice, Command, Digest, Exit, FileSeen, Namer, Options, Sink, State, Trace,
    Version,
};

/// Names files by reading them.
struct Reading;

impl Namer for Reading {
    fn name(&mut self, path: &Path) -> Option<(Digest, Version)> {
        let version = roar_trace::version_of(&path.metadata().ok()?);
        let bytes = std::fs::read(path).ok()?;
        Some((blake3::hash(&bytes).into(), version))
    }
}

/// Keeps records in a file.
struct Spool(std::fs::File);

impl Sink for Spool {
    fn write(&mut self, records: &[u8]) {
        if let Err(error) = std::io::Write::write_all(&mut self.0, records) {
            eprintln!("observe: {error}");
        }
    }

    fn flush(&mut self) {}
}

fn main() -> ExitCode {
    match observe() {
        Ok(Exit::Code(code)) => ExitCode::from(code as u8),
        Ok(Exit::Signal(signal)) => ExitCode::from(128 + signal as u8),
        Err(error) => {
            eprintln!("observe: {error}");
            ExitCode::from(125)
        }
    }
}

fn observe() -> Result<Exit, Box<dyn std::error::Error>> {
    let mut words = std::env::args_os().skip(1);
    let backend = words.next().and_then(|word| word.into_string().ok());
    let backend = backend.ok_or("no backend")?;
    let (backend, library) = match backend.strip_suffix("+notes") {
        Some(backend) => (backend, Some(library()?)),
        None => (backend.as_str(), None),
    };
    let backend = Backend::from_name(backend).ok_or("no such backend")?;
    let library = library.as_deref();
    let out = PathBuf::from(words.next().ok_or("no place for the answer")?);
    let command = command(&words.collect::<Vec<_>>())?;
    if out == Path::new("none") {
        return Ok(roar_trace::run(&command, quiet(backend, library))?
            .finished
            .exit);
    }
    let options = Options {
        choice: Choice::Only(backend),
        grace: Duration::from_secs(2),
        namer: &mut Reading,
        sink: &mut Spool(std::fs::File::create(out.with_added_extension("spool"))?),
        library,
    };
    let trace = roar_trace::run(&command, options)?;
    let exit = trace.finished.exit;
    std::fs::write(out, lines(trace))?;
    Ok(exit)
}

/// Puts the library where the command starts, under a name that is not among the files asked about.
fn library() -> Result<PathBuf, Box<dyn std::error::Error>> {
    Ok(roar_preload::install(
        &std::env::current_dir()?.join(".library"),
    )?)
}

/// Options to watch without writing or hashing.
fn quiet(backend: Backend, library: Option<&Path>) -> Options<'_> {
    let grace = Duration::from_secs(2);
    let (namer, sink) = (Box::leak(Box::new(())), Box::leak(Box::new(())));
    Options {
        choice: Choice::Only(backend),
        grace,
        namer,
        sink,
        library,
    }
}

fn command(words: &[OsString]) -> Result<Command, Box<dyn std::error::Error>> {
    let name = words.first().ok_or("no command")?;
    let path = std::env::var_os("PATH");
    let program = roar_launch::resolve(name, path.as_deref(), Path::new("."))?;
    let argv = words
        .iter()
        .map(|word| CString::new(word.as_bytes()))
        .collect::<Result<_, _>>()?;
    let env = std::env::vars_os().map(|(name, value)| variable(&name, &value));
    Ok(Command {
        program,
        argv,
        env: env.collect::<Result<_, _>>()?,
        directory: None,
        looks: false,
        gate: None,
    })
}

fn variable(name: &OsStr, value: &OsStr) -> Result<CString, std::ffi::NulError> {
    CString::new([name.as_bytes(), b"=", value.as_bytes()].concat())
}

fn lines(trace: Trace) -> String {
    let mut lines = String::new();
    for mut file in trace.observation.files {
        let after = match file.after {
            State::File(_) => Reading.name(Path::new(OsStr::from_bytes(&file.path))),
            _ => None,
        };
        if file.settle(after.map(|(digest, _)| digest)) {
            line(&mut lines, &file, after.map(|(digest, _)| digest));
        }
    }
    let coverage = trace.coverage;
    let _ = writeln!(
        lines,
        "coverage\t{}\t{}",
        coverage.verdict.name(),
        coverage.reasons.join("; ")
    );
    lines
}

fn line(lines: &mut String, file: &FileSeen, after: Option<Digest>) {
    let change = match file.change {
        Some(Change::Created) => "C",
        Some(Change::Modified) => "M",
        Some(Change::Deleted) => "D",
        None => "-",
    };
    let read = if file.read.is_some() { "R" } else { "-" };
    let marks = [
        (file.executed, 'x'),
        (file.truncated, 't'),
        (file.link, 'l'),
    ];
    let marks: String = marks
        .into_iter()
        .filter(|(on, _)| *on)
        .map(|(_, mark)| mark)
        .collect();
    let before = short(file.read.and_then(|seen| seen.digest));
    let after = short(after);
    let path = printable(&file.path);
    let _ = writeln!(
        lines,
        "{read}\t{change}\t{marks}\t{before}\t{after}\t{path}"
    );
}

fn short(digest: Option<Digest>) -> String {
    digest.map_or("-".to_owned(), |digest| {
        format!("{:02x}{:02x}", digest[0], digest[1])
    })
}

fn printable(path: &[u8]) -> String {
    let byte = |byte: &u8| match byte {
        b'\\' => "\\x5c".to_owned(),
        0x20..=0x7e => (*byte as char).to_string(),
        _ => format!("\\x{byte:02x}"),
    };
    path.iter().map(byte).collect()
}
