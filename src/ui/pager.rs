//! Long output, through the program that the user reads such things with.

use std::env;
use std::ffi::{OsStr, OsString};
use std::io::{self, BufWriter, Write};
use std::os::unix::ffi::OsStrExt as _;
use std::process::{Child, ChildStdin, Command, Stdio};

/// A pager that is being written to.
pub(super) struct Pager {
    child: Child,
    input: Option<BufWriter<ChildStdin>>,
    pub(super) colored: bool,
}

impl Pager {
    /// Starts `$ROAR_PAGER`, `$PAGER` or `less`; nothing if it cannot be had.
    pub(super) fn start(colored: bool) -> Option<Self> {
        let mut command = chosen()?;
        if env::var_os("LESS").is_none() {
            // Leave at once if it fits on the screen, keep colour, leave the text on the screen.
            command.env("LESS", "FRX");
        }
        let mut child = command.stdin(Stdio::piped()).spawn().ok()?;
        let input = child.stdin.take().map(BufWriter::new);
        Some(Self {
            child,
            input,
            colored,
        })
    }

    /// Ends the input and waits until the reader is done.
    pub(super) fn finish(&mut self) {
        drop(self.input.take());
        let _ = self.child.wait();
    }
}

impl Write for Pager {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = match &mut self.input {
            Some(input) => input.write(bytes),
            None => Ok(bytes.len()),
        };
        self.unless_closed(written, bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let flushed = self.input.as_mut().map_or(Ok(()), Write::flush);
        self.unless_closed(flushed, ())
    }
}

impl Pager {
    /// A reader who has seen enough is no error.
    fn unless_closed<T>(&mut self, result: io::Result<T>, done: T) -> io::Result<T> {
        match result {
            Err(err) if err.kind() == io::ErrorKind::BrokenPipe => {
                self.input = None;
                Ok(done)
            }
            other => other,
        }
    }
}

/// Returns the pager to start; an empty variable or `cat` means none.
fn chosen() -> Option<Command> {
    let words = ["ROAR_PAGER", "PAGER"].into_iter().find_map(env::var_os);
    let words = words.unwrap_or_else(|| OsString::from("less"));
    if words.is_empty() || words == "cat" {
        return None;
    }
    // A pager with arguments (`less -S`) is a line for the shell, as for every other program.
    if words.as_encoded_bytes().contains(&b' ') {
        if is_missing(&words) {
            return None;
        }
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(words);
        return Some(shell);
    }
    Some(Command::new(words))
}

/// Returns whether a line for the shell begins with the name of a program that is not there: the shell would
/// say so, and what was to be shown be lost. What only a shell understands is for the shell to judge.
fn is_missing(line: &OsStr) -> bool {
    let mut words = line.as_bytes().split(|&byte| byte == b' ');
    let Some(first) = words.find(|word| !word.is_empty()) else {
        return true;
    };
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/._-+".contains(byte);
    let is_found = || {
        let mut shell = Command::new("sh");
        shell.args(["-c", "command -v \"$0\" > /dev/null 2>&1"]);
        let found = shell.arg(OsStr::from_bytes(first)).status();
        found.is_ok_and(|status| status.success())
    };
    first.iter().all(is_plain) && !is_found()
}

/// Returns how many columns the terminal has, if that can be told.
pub(super) fn columns() -> Option<usize> {
    let told = env::var("COLUMNS").ok().and_then(|text| text.parse().ok());
    told.or_else(|| terminal_size::terminal_size().map(|(width, _)| usize::from(width.0)))
        .filter(|&width| width > 0)
}
