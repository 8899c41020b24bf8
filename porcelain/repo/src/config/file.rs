//! One configuration file: TOML, read strictly, edited in place so that comments stay.

use super::keys::{ALL, ALL_BYTES, names};
use super::{ConfigError, Key, Type, Value};
use std::fs::{self, Permissions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};
use toml_edit::{Array, DocumentMut, Item, Table, value};

/// A configuration file that was read, or is not there yet.
#[derive(Clone, Debug)]
pub(super) struct File {
    path: PathBuf,
    document: DocumentMut,
    marks: Marks,
}

/// What an editor put into the file that is not TOML's, and that the document does not keep.
#[derive(Clone, Copy, Debug)]
struct Marks {
    /// It begins with the mark of UTF-8.
    bom: bool,
    /// Every line ends as on Windows.
    crlf: bool,
}

const BOM: char = '\u{feff}';

impl Marks {
    fn of(text: &str) -> Self {
        let lines = text.matches('\n').count();
        Self {
            bom: text.starts_with(BOM),
            crlf: lines > 0 && text.matches("\r\n").count() == lines,
        }
    }

    /// Puts them back into what the document has become.
    fn put_back(self, text: &str) -> String {
        let text = match self.crlf {
            true => text.replace("\r\n", "\n").replace('\n', "\r\n"),
            false => text.to_owned(),
        };
        match self.bom {
            true => format!("{BOM}{text}"),
            false => text,
        }
    }
}

impl File {
    /// Reads the file; one that does not exist is empty.
    pub(super) fn read(path: &Path) -> Result<Self, ConfigError> {
        let bytes = match read_regular(path) {
            Ok(bytes) => bytes,
            Err(err) if is_absent(&err) => Vec::new(),
            Err(source) => {
                return Err(ConfigError::Read {
                    path: path.to_owned(),
                    source,
                });
            }
        };
        let text = std::str::from_utf8(&bytes).map_err(|source| ConfigError::NotText {
            path: path.to_owned(),
            source,
        })?;
        let marks = Marks::of(text);
        let text = text.strip_prefix(BOM).unwrap_or(text);
        let document = text.parse().map_err(|source| ConfigError::Syntax {
            path: path.to_owned(),
            source: Box::new(source),
        })?;
        Ok(Self {
            path: path.to_owned(),
            document,
            marks,
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns what the file says of `key`.
    pub(super) fn get(&self, key: &Key) -> Result<Option<Value>, ConfigError> {
        let (section, name) = key.parts();
        let Some(item) = self.document.get(section).and_then(|table| table.get(name)) else {
            return Ok(None);
        };
        from_item(key, item)
            .map(Some)
            .map_err(|why| ConfigError::Value {
                name: key.name.to_owned(),
                value: item.to_string().trim().to_owned(),
                origin: self.path.display().to_string(),
                why,
            })
    }

    /// Returns the names in the file that are no settings, as `section.name`.
    pub(super) fn unknown(&self) -> Vec<String> {
        let mut unknown = Vec::new();
        for (section, item) in self
            .document
            .iter()
            .filter(|(section, _)| *section != "filter")
        {
            match item.as_table_like() {
                Some(table) => unknown.extend(
                    table
                        .iter()
                        .map(|(name, _)| format!("{section}.{name}"))
                        .filter(|name| Key::find(name).is_none()),
                ),
                None => unknown.push(section.to_owned()),
            }
        }
        unknown
    }

    /// Returns the `[[filter]]` tables as pattern and class, with the file's own words.
    pub(super) fn filters(&self) -> Result<Vec<(String, String)>, ConfigError> {
        let Some(item) = self.document.get("filter") else {
            return Ok(Vec::new());
        };
        let malformed = || ConfigError::Filter {
            path: self.path.clone(),
        };
        let tables = item.as_array_of_tables().ok_or_else(malformed)?;
        let text =
            |table: &Table, name: &str| table.get(name).and_then(Item::as_str).map(str::to_owned);
        tables
            .iter()
            .map(|table| Some((text(table, "pattern")?, text(table, "class")?)))
            .collect::<Option<_>>()
            .ok_or_else(malformed)
    }

    /// Writes `[[filter]]` tables anew.
    pub(super) fn set_filters(&mut self, filters: &[(String, String)]) {
        if filters.is_empty() {
            self.document.remove("filter");
            return;
        }
        let mut tables = toml_edit::ArrayOfTables::new();
        let mut above = match self.document.contains_key("filter") {
            true => None,
            false => self.take_end(),
        };
        for (pattern, class) in filters {
            let mut table = Table::new();
            table.insert("pattern", value(pattern));
            table.insert("class", value(class));
            put_below(&mut table, above.take());
            tables.push(table);
        }
        self.document.insert("filter", Item::ArrayOfTables(tables));
    }

    pub(super) fn set(&mut self, key: &Key, new: &Value) -> Result<(), ConfigError> {
        let (section, name) = key.parts();
        if !self.document.contains_key(section) {
            let mut table = Table::new();
            put_below(&mut table, self.take_end());
            self.document.insert(section, Item::Table(table));
        }
        let table =
            self.document[section]
                .as_table_like_mut()
                .ok_or_else(|| ConfigError::Section {
                    path: self.path.clone(),
                    section: section.to_owned(),
                })?;
        let mut item = to_item(new);
        match table.get_mut(name) {
            Some(old) => {
                // Comments before and behind the old value belong to the setting, not to the value.
                if let (Some(old), Some(fresh)) = (old.as_value(), item.as_value_mut()) {
                    *fresh.decor_mut() = old.decor().clone();
                }
                *old = item;
            }
            None => drop(table.insert(name, item)),
        }
        Ok(())
    }

    /// Takes the comments away that the file ends with, as what is added goes before them: they belong to
    /// what they stand below.
    fn take_end(&mut self) -> Option<String> {
        let end = self.document.trailing().as_str()?.to_owned();
        self.document.set_trailing("");
        (!end.trim().is_empty()).then_some(end)
    }

    /// Takes the setting out; returns whether it was there.
    pub(super) fn unset(&mut self, key: &Key) -> bool {
        let (section, name) = key.parts();
        let table = self
            .document
            .get_mut(section)
            .and_then(Item::as_table_like_mut);
        table.is_some_and(|table| table.remove(name).is_some())
    }

    /// Waits until nobody else changes files in its directory, and sees to it that nobody does before what is
    /// returned goes. Where there are no locks, nobody is waited for.
    pub(super) fn locked(&self, up_to: Duration) -> Result<Option<fs::File>, ConfigError> {
        let failed = |source| ConfigError::Write {
            path: self.path.clone(),
            source,
        };
        lock_directory(&self.path, up_to).map_err(failed)
    }

    /// Replaces the file by what is in memory, in one rename.
    pub(super) fn save(&self) -> Result<(), ConfigError> {
        let failed = |source| ConfigError::Write {
            path: self.path.clone(),
            source,
        };
        let text = self.marks.put_back(&self.document.to_string());
        replace(&self.path, text.as_bytes()).map_err(failed)
    }
}

/// Reads a file, and never waits for a pipe that bears its name.
fn read_regular(path: &Path) -> io::Result<Vec<u8>> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "it is not a file",
        ));
    }
    fs::read(path)
}

fn is_absent(err: &io::Error) -> bool {
    matches!(
        err.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

/// Returns the file that a path leads to, be it there or not: who keeps settings elsewhere and has links to them
/// wants those changed.
fn led_to(path: &Path) -> io::Result<PathBuf> {
    /// As many links as the kernel follows.
    const MOST: usize = 40;
    let mut path = path.to_owned();
    for _ in 0..MOST {
        match fs::read_link(&path) {
            Ok(target) => path = path.parent().unwrap_or(Path::new(".")).join(target),
            Err(_) => return Ok(path),
        }
    }
    // They lead round in a circle, which the kernel has a word for.
    path.canonicalize()
}

/// Locks the directory of a file: the file itself is another one after each change.
fn lock_directory(path: &Path, up_to: Duration) -> io::Result<Option<fs::File>> {
    const PAUSE: Duration = Duration::from_millis(5);
    let path = led_to(path)?;
    let directory = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(directory)?;
    let directory = fs::File::open(directory)?;
    let begun = Instant::now();
    loop {
        match directory.try_lock() {
            Ok(()) => return Ok(Some(directory)),
            Err(TryLockError::Error(_)) => return Ok(None),
            Err(TryLockError::WouldBlock) if begun.elapsed() < up_to => thread::sleep(PAUSE),
            Err(TryLockError::WouldBlock) => {
                let busy = "somebody else is about to change it";
                return Err(io::Error::new(io::ErrorKind::TimedOut, busy));
            }
        }
    }
}

/// Writes beside the file and renames, so that no reader sees half of it.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let path = &led_to(path)?;
    let old = fs::metadata(path).ok().map(|old| old.permissions());
    if old.as_ref().is_some_and(Permissions::readonly) {
        // A rename would not ask.
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    let directory = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(directory)?;
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}.new", std::process::id()));
    // Nobody else reads what he may not, not even for the moment until it has the mode of the old one.
    let mode = if old.is_some() { 0o600 } else { 0o666 };
    let mut options = fs::File::options();
    options.write(true).create(true).truncate(true).mode(mode);
    let mut file = options.open(&beside)?;
    let written = file.write_all(bytes).and_then(|()| match old {
        // Who may read it was decided by somebody.
        Some(old) => file.set_permissions(old),
        None => Ok(()),
    });
    let written = written.and_then(|()| file.sync_all());
    let renamed = written.and_then(|()| fs::rename(&beside, path));
    if renamed.is_err() {
        // The error that matters is the one above.
        let _ = fs::remove_file(&beside);
    }
    renamed
}

fn from_item(key: &Key, item: &Item) -> Result<Value, String> {
    match key.kind {
        Type::Names => {
            let array = item
                .as_array()
                .ok_or_else(|| "it takes a list of words".to_owned())?;
            let words = array
                .iter()
                .map(|word| word.as_str().map(str::to_owned))
                .collect::<Option<_>>();
            let words: Vec<String> = words.ok_or_else(|| "it takes a list of words".to_owned())?;
            names(words).map(Value::Words)
        }
        _ => key.parse(&plain(item)),
    }
}

/// Returns a scalar as it would be typed.
fn plain(item: &Item) -> String {
    match item.as_str() {
        Some(text) => text.to_owned(),
        None => item
            .as_value()
            .map(|value| value.clone().decorated("", "").to_string())
            .unwrap_or_default(),
    }
}

/// Has a table begin below comments that the file ended with.
fn put_below(table: &mut Table, comments: Option<String>) {
    if let Some(comments) = comments {
        let comments = comments.trim_end_matches('\n');
        table.decor_mut().set_prefix(format!("{comments}\n\n"));
    }
}

fn to_item(new: &Value) -> Item {
    match new {
        Value::Bool(flag) => value(*flag),
        Value::Bytes(ALL_BYTES) => value(ALL),
        Value::Number(number) | Value::Bytes(number) => {
            value(i64::try_from(*number).unwrap_or(i64::MAX))
        }
        Value::Millis(millis) if millis % 1000 == 0 => {
            value(i64::try_from(millis / 1000).unwrap_or(i64::MAX))
        }
        Value::Millis(millis) => {
            value(f64::from(u32::try_from(*millis).unwrap_or(u32::MAX)) / 1000.0)
        }
        Value::Word(word) => value(word),
        Value::Words(words) => value(words.iter().collect::<Array>()),
    }
}
