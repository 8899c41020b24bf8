//! Settings: where they come from, which one counts, and how one is changed.
//!
//! A setting is looked for in this order, and the first that has it wins: command line, environment,
//! `.roar/config.toml` (this copy of the project), `.roarconfig` beside it (shared with the project),
//! the user's file, the machine's file, the built-in default.

mod file;
mod keys;

pub use keys::{ALL_BYTES, KEYS, Key, Type};

use file::File;
use keys::ALL;
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The value of a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Yes or no.
    Bool(bool),
    /// A whole number.
    Number(u64),
    /// A number of bytes; [`ALL_BYTES`] for any number.
    Bytes(u64),
    /// A time in milliseconds.
    Millis(u64),
    /// One of the words that the setting takes.
    Word(String),
    /// A list of words.
    Words(Vec<String>),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(flag) => write!(f, "{flag}"),
            Self::Bytes(ALL_BYTES) => f.write_str(ALL),
            Self::Number(number) | Self::Bytes(number) => write!(f, "{number}"),
            Self::Millis(millis) if millis % 1000 == 0 => write!(f, "{}", millis / 1000),
            Self::Millis(millis) => {
                let text = format!("{}.{:03}", millis / 1000, millis % 1000);
                f.write_str(text.trim_end_matches('0'))
            }
            Self::Word(word) => f.write_str(word),
            Self::Words(words) => f.write_str(&words.join(",")),
        }
    }
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The command line.
    Flag,
    /// This environment variable.
    Environment(String),
    /// This file, of that layer.
    File(Layer, PathBuf),
    /// Built in.
    Default,
}

/// A layer of configuration files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Layer {
    /// `.roar/config.toml`: this copy of the project.
    Project,
    /// `.roarconfig`: the project, wherever it is copied.
    Shared,
    /// The user's own file.
    User,
    /// The machine's file.
    System,
}

impl Layer {
    /// Returns the word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Project => "project",
            Self::Shared => "shared",
            Self::User => "user",
            Self::System => "system",
        }
    }
}

/// What is wrong with a setting or the file it stands in.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read '{path}'")]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The file cannot be written.
    #[error("cannot write '{path}'")]
    Write {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The file is no text.
    #[error("'{path}' is not UTF-8")]
    NotText {
        /// The file.
        path: PathBuf,
        /// Where it is not.
        source: std::str::Utf8Error,
    },
    /// The file is not TOML.
    #[error("'{path}' is not valid TOML")]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: Box<toml_edit::TomlError>,
    },
    /// A setting has a value that it does not take.
    #[error("'{name}' cannot be '{value}' ({origin}): {why}")]
    Value {
        /// The setting.
        name: String,
        /// The value.
        value: String,
        /// Where it stands.
        origin: String,
        /// What it takes.
        why: String,
    },
    /// There is no such setting.
    #[error("there is no setting '{name}'")]
    Unknown {
        /// The name.
        name: String,
    },
    /// Something that should be a section is a value.
    #[error("'{section}' in '{path}' is not a section")]
    Section {
        /// The file.
        path: PathBuf,
        /// The name.
        section: String,
    },
    /// A filter is not a pattern and a class.
    #[error("a [[filter]] in '{path}' lacks its pattern or its class")]
    Filter {
        /// The file.
        path: PathBuf,
    },
    /// There is no file for this layer.
    #[error("there is no {} configuration file to write to", .layer.name())]
    NoFile {
        /// The layer.
        layer: Layer,
    },
}

/// Where the configuration files are, and what the environment and the command line say.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// Files by layer.
    pub files: Vec<(Layer, PathBuf)>,
    /// Environment variables that begin with `ROAR_`.
    pub environment: BTreeMap<String, String>,
    /// Settings from the command line.
    pub flags: BTreeMap<String, String>,
}

/// All settings, as they are in force.
#[derive(Clone, Debug)]
pub struct Config {
    sources: Sources,
    files: Vec<(Layer, File)>,
}

impl Config {
    /// Reads every file there is.
    ///
    /// # Errors
    ///
    /// When a file cannot be read or is not TOML. A wrong value is an error where it is asked for.
    pub fn load(sources: Sources) -> Result<Self, ConfigError> {
        let files = sources
            .files
            .iter()
            .map(|(layer, path)| File::read(path).map(|file| (*layer, file)))
            .collect::<Result<_, _>>()?;
        Ok(Self { sources, files })
    }

    /// Returns the value in force and where it comes from.
    ///
    /// # Errors
    ///
    /// When the place that counts holds a value that the setting does not take.
    pub fn get(&self, key: &Key) -> Result<(Value, Origin), ConfigError> {
        if let Some(text) = self.sources.flags.get(key.name) {
            return Ok((typed(key, text, "the command line")?, Origin::Flag));
        }
        if let Some((variable, text)) = self.variable(key) {
            return Ok((
                typed(key, text, variable)?,
                Origin::Environment(variable.clone()),
            ));
        }
        for (layer, file) in &self.files {
            if let Some(value) = file.get(key)? {
                return Ok((value, Origin::File(*layer, file.path().to_owned())));
            }
        }
        Ok((key.default_value(), Origin::Default))
    }

    /// Finds the variable for a key; section and name may also be joined by two underscores.
    fn variable(&self, key: &Key) -> Option<(&String, &String)> {
        let environment = &self.sources.environment;
        let mut names = key.variables().into_iter();
        names.find_map(|name| environment.get_key_value(&name))
    }

    /// Returns names that stand in a file and mean nothing, with the file.
    pub fn unknown(&self) -> Vec<(String, PathBuf)> {
        let of = |file: &File| {
            let path = file.path().to_owned();
            file.unknown()
                .into_iter()
                .map(move |name| (name, path.clone()))
        };
        self.files.iter().flat_map(|(_, file)| of(file)).collect()
    }

    /// Returns the variables that begin as those of settings do, and are of none.
    pub fn unknown_variables(&self) -> impl Iterator<Item = &str> {
        let names = self.sources.environment.keys();
        let is_known = |name: &str| {
            KEYS.iter()
                .any(|key| key.variables().iter().any(|it| it == name))
        };
        names
            .map(String::as_str)
            .filter(move |name| !is_known(name))
    }

    /// Returns the filters of every layer, the one that counts most first, with its layer.
    ///
    /// # Errors
    ///
    /// When a filter is not a pattern and a class.
    pub fn filters(&self) -> Result<Vec<(Layer, String, String)>, ConfigError> {
        let mut all = Vec::new();
        for (layer, file) in &self.files {
            all.extend(
                file.filters()?
                    .into_iter()
                    .map(|(pattern, class)| (*layer, pattern, class)),
            );
        }
        Ok(all)
    }

    /// Changes the filters of a layer, if `change` says so, and writes them; returns whether it did.
    ///
    /// # Errors
    ///
    /// When the filters are no patterns and classes, or the file cannot be written.
    pub fn edit_filters(
        &mut self,
        layer: Layer,
        change: impl FnOnce(&mut Vec<(String, String)>) -> bool,
    ) -> Result<bool, ConfigError> {
        let written = self.edit(layer, |file| {
            let mut filters = file.filters()?;
            let is_changed = change(&mut filters);
            if is_changed {
                file.set_filters(&filters);
            }
            Ok(is_changed)
        })?;
        Ok(written.is_some())
    }

    /// Sets a value in the file of a layer; returns the file.
    ///
    /// # Errors
    ///
    /// When the setting does not take the value, or the file cannot be written.
    pub fn set(&mut self, layer: Layer, key: &Key, text: &str) -> Result<PathBuf, ConfigError> {
        let value = typed(key, text, "the command line")?;
        self.edit(layer, |file| file.set(key, &value).map(|()| true))?;
        Ok(self.file_mut(layer)?.path().to_owned())
    }

    /// Takes a value out of the file of a layer; returns the file, or nothing if it was not set there.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn unset(&mut self, layer: Layer, key: &Key) -> Result<Option<PathBuf>, ConfigError> {
        self.edit(layer, |file| Ok(file.unset(key)))
    }

    /// Changes the file of a layer as it is by now, while nobody else does; returns it if `change` says that
    /// it has changed.
    fn edit(
        &mut self,
        layer: Layer,
        change: impl FnOnce(&mut File) -> Result<bool, ConfigError>,
    ) -> Result<Option<PathBuf>, ConfigError> {
        const PATIENCE: Duration = Duration::from_secs(10);
        let patience = self.number("lock.timeout").map(Duration::from_millis);
        let file = self.file_mut(layer)?;
        let _alone = file.locked(patience.unwrap_or(PATIENCE))?;
        *file = File::read(file.path())?;
        if !change(file)? {
            return Ok(None);
        }
        file.save()?;
        Ok(Some(file.path().to_owned()))
    }

    fn file_mut(&mut self, layer: Layer) -> Result<&mut File, ConfigError> {
        let found = self.files.iter_mut().find(|(at, _)| *at == layer);
        found
            .map(|(_, file)| file)
            .ok_or(ConfigError::NoFile { layer })
    }

    /// Returns a setting that is yes or no.
    ///
    /// # Errors
    ///
    /// As [`Config::get`].
    pub fn flag(&self, name: &str) -> Result<bool, ConfigError> {
        match self.known(name)? {
            Value::Bool(flag) => Ok(flag),
            _ => Err(ConfigError::Unknown {
                name: name.to_owned(),
            }),
        }
    }

    /// Returns a setting that is a number, of bytes too, or a time in milliseconds.
    ///
    /// # Errors
    ///
    /// As [`Config::get`].
    pub fn number(&self, name: &str) -> Result<u64, ConfigError> {
        match self.known(name)? {
            Value::Number(number) | Value::Bytes(number) | Value::Millis(number) => Ok(number),
            _ => Err(ConfigError::Unknown {
                name: name.to_owned(),
            }),
        }
    }

    /// Returns a setting that is one of several words.
    ///
    /// # Errors
    ///
    /// As [`Config::get`].
    pub fn word(&self, name: &str) -> Result<String, ConfigError> {
        match self.known(name)? {
            Value::Word(word) => Ok(word),
            _ => Err(ConfigError::Unknown {
                name: name.to_owned(),
            }),
        }
    }

    /// Returns a setting that is a list of words.
    ///
    /// # Errors
    ///
    /// As [`Config::get`].
    pub fn words(&self, name: &str) -> Result<Vec<String>, ConfigError> {
        match self.known(name)? {
            Value::Words(words) => Ok(words),
            _ => Err(ConfigError::Unknown {
                name: name.to_owned(),
            }),
        }
    }

    fn known(&self, name: &str) -> Result<Value, ConfigError> {
        let key = Key::find(name).ok_or_else(|| ConfigError::Unknown {
            name: name.to_owned(),
        })?;
        self.get(key).map(|(value, _)| value)
    }
}

fn typed(key: &Key, text: &str, origin: &str) -> Result<Value, ConfigError> {
    key.parse(text).map_err(|why| ConfigError::Value {
        name: key.name.to_owned(),
        value: text.to_owned(),
        origin: origin.to_owned(),
        why,
    })
}

/// Returns the configuration files for a project at `root`, most telling first.
///
/// `user` is the user's configuration directory (`$XDG_CONFIG_HOME` or `~/.config`).
pub fn files_for(root: Option<&Path>, user: Option<&Path>) -> Vec<(Layer, PathBuf)> {
    let mut files = Vec::new();
    if let Some(root) = root {
        files.push((Layer::Project, root.join(".roar/config.toml")));
        files.push((Layer::Shared, root.join(".roarconfig")));
    }
    if let Some(user) = user {
        files.push((Layer::User, user.join("roar/config.toml")));
    }
    files.push((Layer::System, PathBuf::from("/etc/roar/config.toml")));
    files
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests may panic")]
mod tests {
    use super::*;
    use std::fs;

    fn config(root: &Path) -> Config {
        Config::load(Sources {
            files: files_for(Some(root), None),
            ..Sources::default()
        })
        .unwrap()
    }

    fn dirty() -> &'static Key {
        Key::find("run.dirty").unwrap()
    }

    #[test]
    fn the_nearest_source_wins_and_is_named() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(
            config(root.path()).get(dirty()).unwrap(),
            (Value::Word("warn".into()), Origin::Default)
        );
        fs::write(root.path().join(".roarconfig"), "[run]\ndirty = 'refuse'\n").unwrap();
        let (value, origin) = config(root.path()).get(dirty()).unwrap();
        assert_eq!(value.to_string(), "refuse");
        assert_eq!(
            origin,
            Origin::File(Layer::Shared, root.path().join(".roarconfig"))
        );
        config(root.path())
            .set(Layer::Project, dirty(), "record")
            .unwrap();
        assert_eq!(config(root.path()).word("run.dirty").unwrap(), "record");
        let mut sources = Sources {
            files: files_for(Some(root.path()), None),
            ..Sources::default()
        };
        sources
            .environment
            .insert("ROAR_RUN__DIRTY".into(), "warn".into());
        assert_eq!(
            Config::load(sources.clone())
                .unwrap()
                .word("run.dirty")
                .unwrap(),
            "warn"
        );
        sources.flags.insert("run.dirty".into(), "refuse".into());
        assert_eq!(
            Config::load(sources).unwrap().get(dirty()).unwrap().1,
            Origin::Flag
        );
    }

    #[test]
    fn setting_a_value_keeps_comments_and_neighbours() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join(".roar/config.toml");
        fs::create_dir(root.path().join(".roar")).unwrap();
        let before =
            "# mine\n[run]\n# why\ndirty = 'warn' # for now\ngrace = 3\n\n[other]\nx = 1\n";
        fs::write(&path, before).unwrap();
        config(root.path())
            .set(Layer::Project, dirty(), "refuse")
            .unwrap();
        let after = fs::read_to_string(&path).unwrap();
        assert_eq!(after, before.replace("'warn'", "\"refuse\""));
        assert_eq!(
            config(root.path()).unknown(),
            [("other.x".to_owned(), path.clone())]
        );
        assert!(
            config(root.path())
                .unset(Layer::Project, dirty())
                .unwrap()
                .is_some()
        );
        assert!(
            config(root.path())
                .unset(Layer::Project, dirty())
                .unwrap()
                .is_none()
        );
    }

    #[test]
    fn a_wrong_value_or_file_names_its_place() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join(".roarconfig"), "[run]\ndirty = 7\n").unwrap();
        let text = config(root.path())
            .word("run.dirty")
            .unwrap_err()
            .to_string();
        assert!(
            text.contains(".roarconfig") && text.contains("record, warn, refuse"),
            "{text}"
        );
        fs::write(root.path().join(".roarconfig"), "[run\n").unwrap();
        let sources = Sources {
            files: files_for(Some(root.path()), None),
            ..Sources::default()
        };
        assert!(matches!(
            Config::load(sources),
            Err(ConfigError::Syntax { .. })
        ));
    }
}
