//! The files of the project, in Python and in shell.

use crate::error::{CommandError, io_error};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// A project that can be made.
#[derive(Clone, Copy)]
pub(super) struct Project {
    /// What runs its programs.
    interpreter: &'static str,
    /// How their names end.
    ending: &'static str,
    files: &'static [(&'static str, &'static str)],
    /// What its model is called.
    pub(super) model: &'static str,
}

const PYTHON: Project = Project {
    interpreter: "python3",
    ending: "py",
    model: "model.json",
    files: &[
        ("make_data.py", include_str!("python/make_data.py")),
        ("split.py", include_str!("python/split.py")),
        ("features.py", include_str!("python/features.py")),
        ("train.py", include_str!("python/train.py")),
        ("evaluate.py", include_str!("python/evaluate.py")),
        ("report.py", include_str!("python/report.py")),
        (
            ".gitignore",
            "/data/\n/model.json\n/metrics.json\n/report.md\n__pycache__/\n",
        ),
    ],
};

const SHELL: Project = Project {
    interpreter: "sh",
    ending: "sh",
    model: "model.txt",
    files: &[
        ("make_data.sh", include_str!("shell/make_data.sh")),
        ("split.sh", include_str!("shell/split.sh")),
        ("train.sh", include_str!("shell/train.sh")),
        ("evaluate.sh", include_str!("shell/evaluate.sh")),
        ("report.sh", include_str!("shell/report.sh")),
        (
            ".gitignore",
            "/data/\n/model.txt\n/metrics.txt\n/report.md\n",
        ),
    ],
};

impl Project {
    /// Chooses Python where there is one that works.
    pub(super) fn choose() -> Self {
        let mut python = Command::new("python3");
        python.args(["-c", "import argparse, json, pathlib, zlib"]);
        python
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        match python.status() {
            Ok(status) if status.success() => PYTHON,
            _ => SHELL,
        }
    }

    /// Returns the command that runs one of the project's programs.
    pub(super) fn command(self, program: &str, arguments: &[&str]) -> Vec<String> {
        let file = format!("{program}.{}", self.ending);
        let words = [self.interpreter.to_owned(), file];
        words
            .into_iter()
            .chain(arguments.iter().map(|&word| word.to_owned()))
            .collect()
    }

    /// Returns what it is written in.
    pub(super) fn language(self) -> &'static str {
        match self.ending {
            "py" => "Python, its standard library only",
            _ => "shell and awk, for there is no python3",
        }
    }

    /// Writes the files.
    pub(super) fn write(self, directory: &Path) -> Result<(), CommandError> {
        for (name, text) in self.files {
            let path = directory.join(name);
            fs::write(&path, text)
                .map_err(|err| io_error(format!("cannot write '{}'", path.display()), err))?;
        }
        Ok(())
    }
}
