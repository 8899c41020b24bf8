//! The sandbox that end-to-end tests run the program in.
//!
//! A temporary directory with its own home, no configuration from outside, a clean environment and
//! a fixed time zone. What a run printed comes back as [`Seen`], whose text form fits a snapshot:
//! the sandbox's path, names of objects and times are replaced by words.
//!
//! For the tests of crates that keep files there is [`fault`].
//!
//! # What is not here
//!
//! No assertion: tests say what they expect themselves.
#![forbid(unsafe_code)]

pub mod fault;
mod seen;

pub use seen::Seen;

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// A directory of its own for one test.
#[derive(Debug)]
pub struct Sandbox {
    directory: TempDir,
    root: PathBuf,
    program: PathBuf,
    variables: Vec<(OsString, OsString)>,
}

impl Sandbox {
    /// Makes a sandbox for this program, with an empty directory `work` in it.
    ///
    /// # Panics
    ///
    /// When the directory cannot be made.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        let directory = TempDir::with_prefix("roar-").expect("a temporary directory");
        let root = directory.path().canonicalize().expect("it was just made");
        for name in ["work", "home"] {
            fs::create_dir(root.join(name)).expect("the sandbox is empty");
        }
        Self {
            directory,
            root,
            program: program.into(),
            variables: Vec::new(),
        }
    }

    /// Sets an environment variable for everything that is run from now on.
    #[must_use]
    pub fn with(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.variables.push((name.into(), value.into()));
        self
    }

    /// Returns the sandbox itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Returns the directory that commands run in.
    pub fn work(&self) -> PathBuf {
        self.root.join("work")
    }

    /// Returns a path in the working directory.
    pub fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        self.work().join(path)
    }

    /// Writes a file in the working directory, with the directories above it.
    ///
    /// # Panics
    ///
    /// When it cannot be written.
    pub fn write(&self, path: impl AsRef<Path>, contents: impl AsRef<[u8]>) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().expect("a file is in a directory")).expect("writable");
        fs::write(path, contents).expect("writable");
    }

    /// Returns the contents of a file in the working directory.
    ///
    /// # Panics
    ///
    /// When it cannot be read.
    pub fn read(&self, path: impl AsRef<Path>) -> Vec<u8> {
        fs::read(self.path(path)).expect("readable")
    }

    /// Runs the program.
    pub fn roar<I: IntoIterator<Item: AsRef<OsStr>>>(&self, words: I) -> Seen {
        self.roar_in(".", words)
    }

    /// Runs the program in a directory below the working directory.
    ///
    /// # Panics
    ///
    /// When it cannot be started.
    pub fn roar_in<I>(&self, directory: impl AsRef<Path>, words: I) -> Seen
    where
        I: IntoIterator<Item: AsRef<OsStr>>,
    {
        let mut command = self.command(&self.program);
        command.current_dir(self.path(directory)).args(words);
        self.finish(&mut command, b"")
    }

    /// Runs the program with something to read.
    pub fn roar_with_input<I>(&self, words: I, input: impl AsRef<[u8]>) -> Seen
    where
        I: IntoIterator<Item: AsRef<OsStr>>,
    {
        let mut command = self.command(&self.program);
        command.args(words);
        self.finish(&mut command, input.as_ref())
    }

    /// Runs lines of shell; `roar` in them is the program.
    pub fn sh(&self, script: &str) -> Seen {
        let mut command = self.command("sh");
        command.arg("-c").arg(script);
        self.finish(&mut command, b"")
    }

    /// Prepares any program in the sandbox's environment, without running it.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.work())
            .env_clear()
            .env("HOME", self.root.join("home"))
            .env("XDG_CONFIG_HOME", self.root.join("home/.config"))
            .env("XDG_STATE_HOME", self.root.join("home/.local/state"))
            .env("XDG_CACHE_HOME", self.root.join("home/.cache"))
            .env("PATH", self.search_path())
            .env("TZ", "UTC")
            .env("LC_ALL", "C.UTF-8")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_AUTHOR_NAME", "A")
            .env("GIT_AUTHOR_EMAIL", "a@example.com")
            .env("GIT_COMMITTER_NAME", "A")
            .env("GIT_COMMITTER_EMAIL", "a@example.com")
            // Nothing above the sandbox is anybody's repository.
            .env("GIT_CEILING_DIRECTORIES", &self.root)
            .envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    /// The program's own directory first, so that scripts find `roar`.
    fn search_path(&self) -> OsString {
        let mut path = self
            .program
            .parent()
            .unwrap_or(Path::new("/"))
            .as_os_str()
            .to_owned();
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap_or_else(|| "/usr/bin:/bin".into()));
        path
    }

    fn finish(&self, command: &mut Command, input: &[u8]) -> Seen {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program can be started");
        let mut stdin = child.stdin.take().expect("it was asked for");
        let input = input.to_vec();
        // A program that does not read all of it is no failure of the test.
        let writer = std::thread::spawn(move || stdin.write_all(&input));
        let output = child.wait_with_output().expect("it was started");
        drop(writer.join());
        Seen::new(output, &self.root)
    }

    /// Keeps the directory for a person to look at, and returns it.
    pub fn keep(self) -> PathBuf {
        self.directory.keep()
    }
}
