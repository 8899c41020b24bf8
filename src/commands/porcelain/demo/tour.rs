//! The tour: each command is shown as it would be typed, and really run.

use super::project::Project;
use crate::error::{CommandError, io_error};
use crate::ui::Ui;
use std::env;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Leads through the project.
pub(super) fn lead(
    ui: &mut Ui,
    project: Project,
    directory: &Path,
    shown: &Path,
) -> Result<(), CommandError> {
    let roar = env::current_exe()
        .map_err(|err| io_error("this program cannot be found again".to_owned(), err))?;
    let called = called(&roar, directory);
    let mut guide = Guide {
        ui,
        roar,
        directory,
    };
    guide.say(&format!(
        "A small project is in '{}' ({}).",
        shown.display(),
        project.language()
    ))?;
    guide.begin()?;
    guide.first_runs(project)?;
    let before = guide.ask(&["hash-dataset", "data/raw"])?;
    guide.other_parameter(project)?;
    guide.other_data(&before)?;
    guide.questions(project)?;
    guide.heading(&format!(
        "All this is in '{}'. Go on there:",
        shown.display()
    ))?;
    guide.say(&format!(
        "  cd {}",
        roar_view::word(shown.as_os_str().as_bytes())
    ))?;
    for words in [
        "show @3",
        "run @3 --degree=1",
        "rerun",
        "dag --format html -o dag.html",
        "help",
    ] {
        guide.say(&format!("  {called} {words}"))?;
    }
    Ok(())
}

/// Returns how a shell finds this very program: by its name, or where that is not so by its path.
fn called(roar: &Path, directory: &Path) -> String {
    let path = env::var_os("PATH");
    let found = roar_launch::resolve(OsStr::new("roar"), path.as_deref(), directory).ok();
    let found = found.and_then(|found| directory.join(found).canonicalize().ok());
    match found == roar.canonicalize().ok() {
        true => "roar".to_owned(),
        false => roar_view::word(roar.as_os_str().as_bytes()),
    }
}

struct Guide<'a> {
    ui: &'a mut Ui,
    roar: PathBuf,
    directory: &'a Path,
}

impl Guide<'_> {
    /// A workspace of its own, and a first commit where there is git.
    fn begin(&mut self) -> Result<(), CommandError> {
        self.heading(
            "There is no need to set anything up; this keeps the demo's records in its folder.",
        )?;
        self.roar(&["init", "."])?;
        commit(self.directory);
        Ok(())
    }

    fn first_runs(&mut self, project: Project) -> Result<(), CommandError> {
        self.heading(
            "Put `roar run` before each command. What it reads and writes is seen, not declared.",
        )?;
        for (name, program) in [
            ("data", "make_data"),
            ("split", "split"),
            ("train", "train"),
            ("evaluate", "evaluate"),
            ("report", "report"),
        ] {
            let command = project.command(program, &[]);
            let words: Vec<&str> = command.iter().map(String::as_str).collect();
            self.roar(&[&["run", "-n", name], words.as_slice()].concat())?;
        }
        self.heading("Nobody wrote down how the steps depend on each other:")?;
        self.roar(&["dag"])
    }

    fn other_parameter(&mut self, project: Project) -> Result<(), CommandError> {
        self.heading(
            "A straight line cannot tell inside from outside. Run step 3 again, with degree 2:",
        )?;
        self.roar(&["run", "@3", "--degree=2"])?;
        self.heading(&format!(
            "The steps that read the old {} are stale now, and roar knows:",
            project.model
        ))?;
        self.roar(&["dag", "--stale"])?;
        self.heading("So run them again:")?;
        self.roar(&["run", "@4"])?;
        self.roar(&["run", "@5"])?;
        self.roar(&["dag"])
    }

    fn other_data(&mut self, before: &str) -> Result<(), CommandError> {
        self.heading("Now one of the data files is made anew. Of the whole directory, only that file differs:")?;
        self.roar(&["run", "@1", "--redraw=7"])?;
        self.roar(&["diff-tree", before, "data/raw"])?;
        self.heading("What has to be run again?")?;
        self.roar(&["status"])
    }

    fn questions(&mut self, project: Project) -> Result<(), CommandError> {
        self.heading("Where does the report come from?")?;
        self.roar(&["lineage", "report.md"])?;
        self.heading("A file is known by its bytes, wherever it lies and whatever it is called:")?;
        self.shell(&format!("cp {} copy-of-a-model", project.model))?;
        self.roar(&["why", "copy-of-a-model"])
    }

    fn say(&mut self, line: &str) -> Result<(), CommandError> {
        self.ui.data(line)
    }

    fn heading(&mut self, line: &str) -> Result<(), CommandError> {
        self.ui.data("")?;
        self.ui.data(format_args!("{line}"))
    }

    /// Shows a command of roar and runs it.
    fn roar(&mut self, words: &[&str]) -> Result<(), CommandError> {
        let typed = words.iter().map(|word| roar_view::word(word.as_bytes()));
        let typed: Vec<String> = ["roar".to_owned()].into_iter().chain(typed).collect();
        let mut command = Command::new(&self.roar);
        command.args(words);
        self.run(&typed.join(" "), command)
    }

    /// Shows a line of shell and runs it.
    fn shell(&mut self, line: &str) -> Result<(), CommandError> {
        let mut command = Command::new("sh");
        command.args(["-c", line]);
        self.run(line, command)
    }

    fn run(&mut self, typed: &str, mut command: Command) -> Result<(), CommandError> {
        let bold = match self.ui.colored() {
            true => anstyle::Style::new().bold(),
            false => anstyle::Style::new(),
        };
        self.ui.data(format_args!("{bold}$ {typed}{bold:#}"))?;
        // What follows is written by another process.
        self.ui.flush()?;
        let status = here(&mut command, self.directory)
            .status()
            .map_err(|err| io_error(format!("cannot run '{typed}'"), err))?;
        match status.code() {
            // A difference that was found is what was asked for.
            Some(0 | 1) => Ok(()),
            _ => Err(
                CommandError::refused(format!("'{typed}' ended with {status}"))
                    .hint("`roar doctor` tells what works on this machine"),
            ),
        }
    }

    /// Returns the one line that a command answers with.
    fn ask(&mut self, words: &[&str]) -> Result<String, CommandError> {
        let output = here(Command::new(&self.roar).args(words), self.directory)
            .stdout(Stdio::piped())
            .output()
            .map_err(|err| io_error("cannot run this program again".to_owned(), err))?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }
}

/// Whatever is set outside, the demo is the same: plain settings, no pager.
fn here<'c>(command: &'c mut Command, directory: &Path) -> &'c mut Command {
    let ours = env::vars_os().map(|(name, _)| name);
    for name in ours.filter(|name| name.as_encoded_bytes().starts_with(b"ROAR_")) {
        command.env_remove(name);
    }
    command
        .current_dir(directory)
        .env("ROAR_OUTPUT_PAGER", "false")
}

/// Makes the folder a repository with one commit, so that runs record the state of the code. Without
/// git the demo goes on without.
fn commit(directory: &Path) {
    let git = |words: &[&str]| {
        let mut command = Command::new("git");
        command
            .args([
                "-c",
                "user.name=roar demo",
                "-c",
                "user.email=demo@localhost",
            ])
            .args([
                "-c",
                "commit.gpgsign=false",
                "-c",
                "core.hooksPath=/dev/null",
            ])
            .args(["-c", "init.defaultBranch=main"])
            .args(words)
            .current_dir(directory)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    let _ = git(&["init", "-q"])
        && git(&["add", "."])
        && git(&[
            "commit",
            "-q",
            "-m",
            "A model that tells inside from outside",
        ]);
}
