//! The standard input and output that a shell gave a step when it was recorded.

use crate::error::{CommandError, Fault, io_error};
use crate::ui::Ui;
use nix::unistd::{dup2_stdin, dup2_stdout, ftruncate};
use roar_content::reach;
use roar_object::ObjectId;
use roar_record::{Input, Redirected};
use roar_repo::Workspace;
use std::fs::{self, File};
use std::io;
use std::os::fd::AsFd as _;
use std::path::Path;

/// What this process has taken over from a job.
#[derive(Debug, Default)]
pub(super) struct Taken {
    /// Whether its standard output is a file that the job began with empty.
    empties: bool,
}

impl Taken {
    /// Empties the file that the command will write: now it is sure to run.
    pub(super) fn empty(&self) -> Result<(), CommandError> {
        if !self.empties {
            return Ok(());
        }
        let output = io::stdout();
        let emptied = fs::metadata("/proc/self/fd/1").and_then(|found| match found.len() {
            // One that was made for it need not be touched.
            0 => Ok(()),
            _ => Ok(ftruncate(output.as_fd(), 0)?),
        });
        emptied.map_err(|err| {
            io_error("cannot empty standard output".to_owned(), err).with_fault(Fault::Own)
        })
    }
}

/// Whose word counts where both the caller and the record say what standard input and output are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// The caller's, if he gave files; that files were taken from the record is said.
    Callers,
    /// The record's.
    Records,
}

impl Word {
    fn is_given(self, fd: u32) -> bool {
        let found = || fs::metadata(format!("/proc/self/fd/{fd}"));
        self == Self::Callers && found().is_ok_and(|found| found.is_file())
    }
}

/// Gives this process the files that the job had.
pub(super) fn take_over(
    ui: &Ui,
    workspace: &Workspace,
    job: ObjectId,
    word: Word,
) -> Result<Taken, CommandError> {
    let Some(Redirected { input, output }) = roar_record::redirected(&workspace.dot(), job) else {
        return Ok(Taken::default());
    };
    let failed = |what: &str| {
        let what = format!("cannot use standard {what}");
        move |err: nix::Error| io_error(what, err.into())
    };
    let tell = |does: &str, path: &Path| {
        if word == Word::Callers {
            ui.note(format_args!(
                "roar: {does} '{}', as recorded",
                path.display()
            ));
        }
    };
    let input = match input {
        Input::File(path) if !word.is_given(0) => {
            tell("reads", &path);
            Some(read(&path)?)
        }
        Input::Nothing if word == Word::Records => Some(read(Path::new("/dev/null"))?),
        Input::Lost if word == Word::Records => {
            ui.warn("what it had on standard input is lost; it has nothing there now");
            Some(read(Path::new("/dev/null"))?)
        }
        _ => None,
    };
    if let Some(file) = input {
        dup2_stdin(file).map_err(failed("input"))?;
    }
    let mut taken = Taken::default();
    if let Some((path, adds)) = output.filter(|_| !word.is_given(1)) {
        tell("writes", &path);
        dup2_stdout(open_to_write(&path, adds)?).map_err(failed("output"))?;
        taken.empties = !adds;
    }
    Ok(taken)
}

fn read(path: &Path) -> Result<File, CommandError> {
    let file = reach(path).and_then(File::open);
    file.map_err(io_error_of(path))
}

/// Opens a file to be written, as it is.
fn open_to_write(path: &Path, adds: bool) -> Result<File, CommandError> {
    let mut options = File::options();
    options
        .create(true)
        .append(adds)
        .write(true)
        .truncate(false);
    let file = make_directory(path).and_then(|()| reach(path));
    let file = file.and_then(|path| options.open(path));
    file.map_err(io_error_of(path))
}

/// Makes the directory that the file was in, as whoever made it then would have to.
fn make_directory(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), fs::create_dir_all)
}

fn io_error_of(path: &Path) -> impl FnOnce(io::Error) -> CommandError + use<'_> {
    move |err| io_error(format!("cannot open '{}'", path.display()), err)
}
