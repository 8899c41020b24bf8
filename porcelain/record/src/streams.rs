//! What standard input and output of a command are, as far as that matters to what it does.

use crate::looked::Looked;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use roar_object::{Base, ByteStr, ObjectId, RecordedPath};
use serde::{Deserialize, Serialize};
use std::ffi::OsStr;
use std::fs;
use std::io::{self, IsTerminal as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};

/// What the command's standard input and output are, as far as that matters to what it does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Streams {
    /// `empty`, `terminal`, `file`, or `other`: something that nobody can look into beforehand.
    pub(crate) input: String,
    /// The file and the place in it, of `file`.
    pub(crate) input_file: ByteStr,
    /// The file of the project that standard output goes to; empty if it goes elsewhere.
    pub(crate) output_file: ByteStr,
    /// Whether that file is added to.
    pub(crate) output_adds: bool,
}

/// Where a recorded run had its standard input and output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirected {
    /// Its standard input.
    pub input: Input,
    /// The file of the project that its standard output went to, and whether it was added to.
    pub output: Option<(PathBuf, bool)>,
}

/// What a recorded run had on standard input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Nothing.
    Nothing,
    /// A terminal.
    Terminal,
    /// A file, from its beginning.
    File(PathBuf),
    /// Something that cannot be had again, such as a pipe.
    Lost,
}

/// Returns where a recorded run had its standard input and output, if that is known.
pub fn redirected(dot: &Path, job: ObjectId) -> Option<Redirected> {
    let Streams {
        input,
        input_file,
        output_file,
        output_adds,
    } = Looked::load(dot, job)?.streams;
    let path = |bytes: &[u8]| PathBuf::from(OsStr::from_bytes(bytes));
    let input = match input.as_str() {
        "empty" => Input::Nothing,
        "terminal" => Input::Terminal,
        "file" => match input_file.strip_suffix(b"\npos:\t0") {
            Some(file) => Input::File(path(file)),
            None => Input::Lost,
        },
        _ => Input::Lost,
    };
    let output = (!output_file.is_empty()).then(|| (path(&output_file), output_adds));
    Some(Redirected { input, output })
}

impl Streams {
    /// Looks at this process's own, which the command has too.
    pub(crate) fn now(root: &[u8]) -> Self {
        let (input, input_file) = input();
        let output = crate::run::target(1).filter(|path| is_project_file(path, root));
        Self {
            input: input.to_owned(),
            input_file: input_file.into(),
            output_adds: output.is_some() && crate::run::appends(1),
            output_file: output.unwrap_or_default().into(),
        }
    }
}

fn is_project_file(path: &[u8], root: &[u8]) -> bool {
    let inside = RecordedPath::new(root, path).base == Base::Project;
    inside && fs::metadata(OsStr::from_bytes(path)).is_ok_and(|found| found.is_file())
}

fn input() -> (&'static str, Vec<u8>) {
    let Ok(found) = fs::metadata("/proc/self/fd/0") else {
        return ("empty", Vec::new());
    };
    let kind = found.file_type();
    if kind.is_file() {
        let place = fs::read_to_string("/proc/self/fdinfo/0").unwrap_or_default();
        let place = place.lines().next().unwrap_or_default().as_bytes().to_vec();
        let path = crate::run::target(0).unwrap_or_default();
        return ("file", [path, place].join(&b'\n'));
    }
    let is_null = || crate::run::target(0).is_some_and(|path| path == b"/dev/null");
    match () {
        () if io::stdin().is_terminal() => ("terminal", Vec::new()),
        () if is_null() || (kind.is_fifo() && is_at_end()) => ("empty", Vec::new()),
        () => ("other", Vec::new()),
    }
}

/// Returns whether nothing is in the pipe and nobody can write to it any more.
fn is_at_end() -> bool {
    let stdin = io::stdin();
    let mut polled = [PollFd::new(
        std::os::fd::AsFd::as_fd(&stdin),
        PollFlags::POLLIN,
    )];
    let answered = poll(&mut polled, PollTimeout::ZERO).is_ok();
    let flags = polled[0].revents().unwrap_or(PollFlags::POLLIN);
    answered && flags.contains(PollFlags::POLLHUP) && !flags.contains(PollFlags::POLLIN)
}
