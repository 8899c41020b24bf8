//! What a command is handed: where it runs, and its settings.

use crate::error::{CommandError, io_error};
use crate::nearest::nearest;
use roar_repo::config::{Config, KEYS, Key, Sources, files_for};
use roar_repo::place;
use std::collections::BTreeMap;
use std::env;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// What a command is handed.
pub(crate) struct Context {
    directory: PathBuf,
    environment: BTreeMap<String, String>,
    flags: BTreeMap<String, String>,
}

impl Context {
    /// Goes to `directory` and takes note of the settings that were typed.
    pub(crate) fn new(
        directory: Option<&PathBuf>,
        typed: &[OsString],
    ) -> Result<Self, CommandError> {
        if let Some(directory) = directory {
            env::set_current_dir(directory)
                .map_err(|err| io_error(format!("cannot go to '{}'", directory.display()), err))?;
        }
        let here = env::current_dir()
            .map_err(|err| io_error("the current directory is gone".to_owned(), err))?;
        let flags = typed.iter().map(|word| setting(word));
        Ok(Self {
            directory: here,
            environment: roar_variables(),
            flags: flags.collect::<Result<_, _>>()?,
        })
    }

    /// Takes note of a setting that an option stands for.
    pub(crate) fn set_flag(&mut self, name: &str, value: &str) {
        self.flags.insert(name.to_owned(), value.to_owned());
    }

    /// Returns the directory that the command runs in.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Returns the settings in force here, with or without a workspace.
    pub(crate) fn config(&self) -> Result<Config, CommandError> {
        let root = place::find(&self.directory, Path::is_dir);
        let sources = Sources {
            files: files_for(root.as_deref(), user_directory().as_deref()),
            environment: self.environment.clone(),
            flags: self.flags.clone(),
        };
        Ok(Config::load(sources)?)
    }
}

/// Reads `KEY=VALUE`.
fn setting(word: &OsStr) -> Result<(String, String), CommandError> {
    let text = word.to_str().unwrap_or_default();
    let Some((name, value)) = text.split_once('=') else {
        let shown = word.display();
        return Err(
            CommandError::usage(format!("'{shown}' is not a setting and its value"))
                .hint("as in `--config run.dirty=refuse`"),
        );
    };
    let Some(key) = Key::find(name) else {
        let meant = nearest(name, KEYS.iter().map(|key| key.name));
        return Err(CommandError::usage(format!("there is no setting '{name}'"))
            .maybe_meant(meant)
            .hint("`roar config list` shows every setting"));
    };
    match key.parse(value) {
        Ok(_) => Ok((name.to_owned(), value.to_owned())),
        Err(why) => Err(CommandError::usage(format!(
            "'{name}' cannot be '{value}': {why}"
        ))),
    }
}

/// Returns the environment variables that could be settings.
///
/// A value that is not UTF-8 is refused where it is used: no setting takes one.
fn roar_variables() -> BTreeMap<String, String> {
    env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
        .filter(|(name, _)| name.starts_with("ROAR_"))
        .map(|(name, value)| (name, value.to_string_lossy().into_owned()))
        .collect()
}

/// Returns the user's configuration directory.
fn user_directory() -> Option<PathBuf> {
    let set = |name| {
        env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    set("XDG_CONFIG_HOME").or_else(|| set("HOME").map(|home| home.join(".config")))
}
