//! The standard input and output that a shell gave a step when it was recorded.

use crate::error::{CommandError, io_error};
use crate::ui::Ui;
use nix::unistd::{dup2_stdin, dup2_stdout};
use roar_content::reach;
use roar_object::{ObjectId, StepName};
use roar_record::{Input, Redirected};
use roar_repo::Workspace;
use std::fs::File;
use std::io;
use std::path::Path;

/// What a step had, opened again.
#[derive(Debug, Default)]
pub(in crate::commands::porcelain) struct Streams {
    /// Its standard input, if that was no terminal.
    pub(in crate::commands::porcelain) input: Option<File>,
    /// Its standard output, if that went to a file of the project.
    pub(in crate::commands::porcelain) output: Option<File>,
}

impl Streams {
    /// Opens what the job had. What was lost is told, and is nothing.
    pub(in crate::commands::porcelain) fn of(
        ui: &Ui,
        workspace: &Workspace,
        step: StepName,
        job: ObjectId,
    ) -> Result<Self, CommandError> {
        let Some(Redirected { input, output }) = roar_record::redirected(&workspace.dot(), job)
        else {
            return Ok(Self::default());
        };
        let input = match input {
            Input::Terminal => None,
            Input::Nothing => Some(nothing()?),
            Input::File(path) => Some(read(&path)?),
            Input::Lost => {
                ui.warn(format_args!(
                    "what {step} had on standard input is lost; it has nothing there now"
                ));
                Some(nothing()?)
            }
        };
        let output = output.map(|(path, adds)| write(&path, adds)).transpose()?;
        Ok(Self { input, output })
    }
}

/// Gives this process the files that the job had, unless it was given others by the one who called it.
pub(super) fn take_over(workspace: &Workspace, job: ObjectId) -> Result<(), CommandError> {
    let Some(Redirected { input, output }) = roar_record::redirected(&workspace.dot(), job) else {
        return Ok(());
    };
    let failed = |what: &str| {
        let what = format!("cannot use standard {what}");
        move |err: nix::Error| io_error(what, err.into())
    };
    if let Input::File(path) = input
        && !is_file(0)
    {
        dup2_stdin(read(&path)?).map_err(failed("input"))?;
    }
    if let Some((path, adds)) = output
        && !is_file(1)
    {
        dup2_stdout(write(&path, adds)?).map_err(failed("output"))?;
    }
    Ok(())
}

fn is_file(fd: u32) -> bool {
    std::fs::metadata(format!("/proc/self/fd/{fd}")).is_ok_and(|found| found.is_file())
}

fn nothing() -> Result<File, CommandError> {
    read(Path::new("/dev/null"))
}

fn read(path: &Path) -> Result<File, CommandError> {
    let file = reach(path).and_then(File::open);
    file.map_err(io_error_of(path))
}

fn write(path: &Path, adds: bool) -> Result<File, CommandError> {
    let mut options = File::options();
    options
        .create(true)
        .append(adds)
        .write(true)
        .truncate(!adds);
    let file = reach(path).and_then(|path| options.open(path));
    file.map_err(io_error_of(path))
}

fn io_error_of(path: &Path) -> impl FnOnce(io::Error) -> CommandError + use<'_> {
    move |err| io_error(format!("cannot open '{}'", path.display()), err)
}
