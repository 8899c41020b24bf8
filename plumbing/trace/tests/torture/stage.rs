//! Where cases are played.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::cases::{Case, SETUP};

/// A directory with the programs that the cases need.
pub(crate) struct Stage {
    root: TempDir,
}

/// How a case went.
pub(crate) struct Outcome {
    pub(crate) code: Option<i32>,
    pub(crate) output: Vec<u8>,
    pub(crate) errors: Vec<u8>,
    /// The lines of `observe`; empty when nothing was watched.
    pub(crate) lines: String,
    /// The records of the run.
    pub(crate) spool: Vec<u8>,
    /// Where it played.
    pub(crate) directory: PathBuf,
}

impl Outcome {
    /// Returns what was told of files in the case's directory, as cases write it, sorted.
    pub(crate) fn told(&self) -> Vec<String> {
        let here = format!("{}/", self.directory.display());
        let mut told: Vec<String> = self
            .files()
            .filter_map(|fields| line(&fields, &here))
            .collect();
        told.sort();
        told
    }

    /// Returns the digests told of `name`: of what was read, and of what is there now.
    pub(crate) fn digests(&self, name: &str) -> (String, String) {
        let path = self.directory.join(name).display().to_string();
        let fields = self.files().find(|fields| fields[5] == path).unwrap();
        (fields[3].to_owned(), fields[4].to_owned())
    }

    /// Returns the verdict and its reasons.
    pub(crate) fn coverage(&self) -> (&str, &str) {
        let line = self
            .lines
            .lines()
            .find_map(|line| line.strip_prefix("coverage\t"));
        line.and_then(|line| line.split_once('\t'))
            .unwrap_or(("missing", ""))
    }

    fn files(&self) -> impl Iterator<Item = Vec<&str>> {
        self.lines
            .lines()
            .map(|line| line.split('\t').collect())
            .filter(|fields: &Vec<_>| fields.len() == 6)
    }
}

/// Writes fields as cases write them, unless the file lies elsewhere.
fn line(fields: &[&str], here: &str) -> Option<String> {
    let path = fields[5].strip_prefix(here)?;
    let did: String = [fields[0], fields[1]].concat().replace('-', "");
    let marks = fields[2].replace('t', "");
    let plus = if marks.is_empty() { "" } else { "+" };
    Some(format!("{did}{plus}{marks} {path}"))
}

impl Stage {
    /// Compiles the programs.
    pub(crate) fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let stage = Self { root };
        std::fs::create_dir(stage.bin()).unwrap();
        stage.compile("kit.c", "kit", &["-pthread"]);
        stage.compile("kit.c", "kit-static", &["-pthread", "-static"]);
        let bare = [
            "-m32",
            "-static",
            "-nostdlib",
            "-ffreestanding",
            "-no-pie",
            "-fno-pie",
        ];
        stage.compile("tiny32.c", "kit32", &bare);
        stage.compile("env32.c", "kit-env32", &bare);
        let loader = format!(
            "-Wl,--dynamic-linker={}",
            stage.bin().join("kit-env32").display()
        );
        let dynamic = [
            "-m32",
            "-nostdlib",
            "-ffreestanding",
            "-pie",
            "-fPIE",
            &loader,
        ];
        stage.compile("env32.c", "kit-loaded32", &dynamic);
        stage
    }

    /// Returns whether a tool is there; tools of the stage always are.
    pub(crate) fn has(tool: &str) -> bool {
        let paths = std::env::var_os("PATH").unwrap_or_default();
        let found = std::env::split_paths(&paths).any(|path| path.join(tool).exists());
        found || tool.contains('/') || tool.starts_with("kit")
    }

    /// Plays a case, watched in some way or not.
    pub(crate) fn run(&self, case: &Case, way: Option<&str>) -> Outcome {
        let name = format!("{}-{}", case.name, way.unwrap_or("plain"));
        let top = self.root.path().canonicalize().unwrap();
        let directory = top.join(&name);
        std::fs::create_dir(&directory).unwrap();
        let setup = format!("{SETUP}; {}", case.setup);
        assert!(
            self.shell(&setup, &directory, "env")
                .status()
                .unwrap()
                .success(),
            "{name}"
        );
        let told = top.join(format!("{name}.told"));
        let roar = match way {
            Some(way) => format!("{} {way} {}", observe(), told.display()),
            None => "env".to_owned(),
        };
        let script = format!("exec 9>&-; {}", case.script);
        let output = self.shell(&script, &directory, &roar).output().unwrap();
        Outcome {
            code: output.status.code(),
            output: output.stdout,
            errors: output.stderr,
            lines: std::fs::read_to_string(&told).unwrap_or_default(),
            spool: std::fs::read(told.with_added_extension("spool")).unwrap_or_default(),
            directory,
        }
    }

    fn shell(&self, script: &str, directory: &Path, roar: &str) -> Command {
        let mut shell = Command::new("timeout");
        let paths = std::env::var_os("PATH").unwrap_or_default();
        let paths = std::iter::once(self.bin()).chain(std::env::split_paths(&paths));
        shell
            .args(["60", "sh", "-c", script])
            .current_dir(directory);
        shell.env("PATH", std::env::join_paths(paths).unwrap());
        shell
            .env("HOME", self.root.path())
            .env("ROAR", roar)
            .env("LC_ALL", "C")
            .env("TMPDIR", "/tmp");
        shell
            .env_remove("PYTHONDONTWRITEBYTECODE")
            .stdin(Stdio::null());
        shell
    }

    fn bin(&self) -> PathBuf {
        self.root.path().join("bin")
    }

    /// Compiles a program; one that cannot be compiled here makes its cases say so with 77.
    fn compile(&self, source: &str, program: &str, flags: &[&str]) {
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/torture");
        let out = self.bin().join(program);
        let mut gcc = Command::new("gcc");
        gcc.args(["-O1", "-w", "-o"])
            .arg(&out)
            .arg(sources.join(source))
            .args(flags);
        if !gcc
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
        {
            assert!(program != "kit", "the kit cannot be compiled");
            std::fs::write(&out, "#!/bin/sh\nexit 77\n").unwrap();
            let all = std::os::unix::fs::PermissionsExt::from_mode(0o755);
            std::fs::set_permissions(&out, all).unwrap();
        }
    }
}

/// Returns where cargo put the example, which it builds along with the tests.
fn observe() -> String {
    let this = std::env::current_exe().unwrap();
    let target = this
        .ancestors()
        .find(|path| path.file_name() == Some(OsStr::new("deps")))
        .unwrap();
    target
        .parent()
        .unwrap()
        .join("examples/observe")
        .display()
        .to_string()
}
