//! Reading a job from JSON, strictly: a field that is misspelled is an error, not ignored.

use super::json;
use crate::error::{CommandError, Fault};
use crate::names;
use crate::nearest::nearest;
use roar_object::{ByteStr, Change, Class, ContentId, JobKind, Outcome, RecordedPath, Source};
use roar_record::{Declared, DeclaredFile};
use roar_repo::names::Places;
use serde_json::{Map, Value};
use std::collections::HashSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

/// What is wrong with a line.
#[derive(Debug)]
pub(super) struct LineError {
    text: String,
    meant: Option<&'static str>,
    hint: Option<&'static str>,
}

impl LineError {
    fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            meant: None,
            hint: None,
        }
    }

    /// Says where in the job it is.
    fn within(mut self, place: &str) -> Self {
        self.text = format!("{place}: {}", self.text);
        self
    }

    /// Turns this into an error that names the line, counted from 1.
    pub(super) fn at(self, line: usize) -> CommandError {
        let error = CommandError::new(Fault::Usage, format!("line {line}: {}", self.text))
            .maybe_meant(self.meant);
        let error = match self.hint {
            Some(hint) => error.hint(hint),
            None => error,
        };
        error.hint("nothing was recorded; `roar help record-job` lists the fields")
    }
}

type Fields = Map<String, Value>;

/// What a job may say.
const JOB: &[&str] = &[
    "kind",
    "argv",
    "cwd",
    "name",
    "exit",
    "signal",
    "interrupted",
    "started_ns",
    "duration_ns",
    "inputs",
    "outputs",
    "code",
    "git",
    // What `roar show` adds, and what follows from the rest or cannot be known here.
    "schema",
    "id",
    "step",
    "state",
    "dag_state",
    "stale",
    "replaced_by",
    "found",
    "reruns",
    "others",
    "others_written",
    "other_files",
    "coverage",
    "environment",
    "variables",
    "hidden_variables",
    "processes",
];
/// What a file may say. The last ones are of `roar show`.
const FILE: &[&str] = &[
    "path", "hash", "size", "class", "change", "kind", "files", "producer", "dataset", "kept",
];
/// What the state of the code may say.
const GIT: &[&str] = &[
    "commit", "branch", "remote", "dirty", "tree", "prefix", "broken",
];

/// Reads jobs of one project.
pub(super) struct Reader<'a> {
    root: &'a Path,
    here: &'a Path,
    places: Places,
}

impl<'a> Reader<'a> {
    /// Reads jobs for the project at `root`; where they do not say where they ran, it was `here`.
    pub(super) fn new(root: &'a Path, here: &'a Path) -> Self {
        Self {
            root,
            here,
            places: Places::default(),
        }
    }

    /// Reads one line.
    pub(super) fn job(&self, line: &[u8]) -> Result<Declared, LineError> {
        let value = json::parse(line).map_err(|err| not_json(&err))?;
        let Value::Object(fields) = value else {
            return Err(LineError::new("it is not a JSON object"));
        };
        known(&fields, JOB)?;
        let mut inputs = self.files(&fields, "inputs", None, false)?;
        // Code that a recorded job made is listed as an input, too.
        let mut code = self.files(&fields, "code", Some(Class::Code), false)?;
        let listed: HashSet<_> = inputs.iter().map(|file| (&file.path, file.id)).collect();
        code.retain(|file| !listed.contains(&(&file.path, file.id)));
        inputs.extend(code);
        Ok(Declared {
            kind: kind(&fields)?,
            argv: argv(&fields)?,
            directory: self.directory(&fields)?,
            name: name(&fields)?,
            outcome: outcome(&fields)?,
            interrupted: interrupted(&fields)?,
            started_ns: started(&fields)?,
            duration_ns: number(&fields, "duration_ns")?.unwrap_or(0),
            inputs,
            outputs: self.files(&fields, "outputs", None, true)?,
            source: git(&fields)?,
        })
    }

    fn directory(&self, fields: &Fields) -> Result<RecordedPath, LineError> {
        match present(fields, "cwd") {
            None => Ok(self.recorded(self.here)),
            Some(value) => self.path(value).map_err(|err| err.within("cwd")),
        }
    }

    fn files(
        &self,
        fields: &Fields,
        name: &str,
        class: Option<Class>,
        written: bool,
    ) -> Result<Vec<DeclaredFile>, LineError> {
        let Some(value) = present(fields, name) else {
            return Ok(Vec::new());
        };
        let list = value
            .as_array()
            .ok_or_else(|| LineError::new(format!("'{name}' is not a list")))?;
        let each = list
            .iter()
            .enumerate()
            .filter(|(_, file)| counts(file, list));
        each.map(|(at, file)| {
            self.file(file, class, written)
                .map_err(|err| err.within(&format!("{name}[{at}]")))
        })
        .collect()
    }

    fn file(
        &self,
        value: &Value,
        class: Option<Class>,
        written: bool,
    ) -> Result<DeclaredFile, LineError> {
        let Value::Object(fields) = value else {
            return Err(LineError::new("it is not an object with a path"));
        };
        known(fields, FILE)?;
        if !written && fields.contains_key("change") {
            return Err(LineError::new("'change' is of outputs only"));
        }
        if fields.get("kind").and_then(Value::as_str) == Some("dataset") {
            return Err(LineError {
                hint: Some("`roar show --all --json` lists the files of large datasets, too"),
                ..LineError::new("a dataset is recorded by its files: list those")
            });
        }
        let path = present(fields, "path").ok_or_else(|| LineError::new("'path' is missing"))?;
        let own = word(fields, "class", Class::from_name)?;
        let change = word(fields, "change", Change::from_name)?;
        Ok(DeclaredFile {
            path: self.path(path).map_err(|err| err.within("path"))?,
            id: hash(fields)?,
            size: number(fields, "size")?,
            class: own.or(class),
            change: written.then(|| change.unwrap_or(Change::Created)),
        })
    }

    /// Relative paths start from the project.
    fn path(&self, value: &Value) -> Result<RecordedPath, LineError> {
        let bytes = bytes(value).ok_or_else(|| LineError::new("it is not a path"))?;
        if bytes.is_empty() || bytes.contains(&0) {
            return Err(LineError::new("it is empty or holds a NUL byte"));
        }
        let path = Path::new(OsStr::from_bytes(&bytes));
        Ok(self.recorded(&self.places.absolute(self.root, path)))
    }

    fn recorded(&self, absolute: &Path) -> RecordedPath {
        let (root, absolute) = (self.root.as_os_str(), absolute.as_os_str());
        RecordedPath::new(root.as_bytes(), absolute.as_bytes())
    }
}

/// Returns whether an entry of a list stands for a file of its own: not a dataset whose files are
/// listed as well, nor what `roar show` lists because an earlier run had left it.
fn counts(file: &Value, list: &[Value]) -> bool {
    let is_dataset = file.get("kind").is_some_and(|kind| kind == "dataset");
    let is_member = |it: &Value| it.get("dataset").is_some_and(|set| *set == file["path"]);
    let kept = file.get("kept").is_some_and(|kept| *kept == true);
    let listed = is_dataset && list.iter().any(is_member);
    !kept && !listed
}

fn interrupted(fields: &Fields) -> Result<bool, LineError> {
    let state = fields
        .get("state")
        .is_some_and(|state| state == "interrupted");
    Ok(flag(fields, "interrupted")? || state)
}

fn not_json(err: &serde_json::Error) -> LineError {
    let text = err.to_string();
    let error = LineError::new(match text.split_once(" at line ") {
        // Where in the line says nothing that the field does not.
        Some((what, _)) if err.is_data() => what.to_owned(),
        _ => format!("it is not JSON: {text}"),
    });
    LineError {
        // It may go on in the next line.
        hint: err
            .is_eof()
            .then_some("each line is a whole JSON object; `jq -c` writes them so"),
        ..error
    }
}

/// Nobody recorded anything before 1970.
fn started(fields: &Fields) -> Result<Option<i64>, LineError> {
    let started: Option<i64> = number(fields, "started_ns")?;
    match started {
        Some(..0) => Err(wrong("started_ns", "nanoseconds since 1970")),
        _ => Ok(started),
    }
}

/// Refuses a field that means nothing.
fn known(fields: &Fields, names: &'static [&'static str]) -> Result<(), LineError> {
    let unknown = fields.keys().find(|name| !names.contains(&name.as_str()));
    unknown.map_or(Ok(()), |name| {
        Err(LineError {
            text: format!("there is no field '{name}'"),
            meant: nearest(name, names.iter().copied()),
            hint: None,
        })
    })
}

/// Returns a field, unless it is missing or null.
fn present<'f>(fields: &'f Fields, name: &str) -> Option<&'f Value> {
    fields.get(name).filter(|value| !value.is_null())
}

fn wrong(name: &str, wanted: &str) -> LineError {
    LineError::new(format!("'{name}' is not {wanted}"))
}

/// Returns a text as bytes, or what `{"bytes": …}` stands for.
fn bytes(value: &Value) -> Option<Vec<u8>> {
    use base64::Engine as _;
    match value {
        Value::String(text) => Some(text.clone().into_bytes()),
        Value::Object(fields) => {
            let encoded = fields.get("bytes")?.as_str()?;
            base64::engine::general_purpose::STANDARD
                .decode(encoded)
                .ok()
        }
        _ => None,
    }
}

fn text(fields: &Fields, name: &str) -> Result<Option<String>, LineError> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    present(fields, name)
        .map(|value| text(value).ok_or_else(|| wrong(name, "a text")))
        .transpose()
}

fn flag(fields: &Fields, name: &str) -> Result<bool, LineError> {
    present(fields, name).map_or(Ok(false), |value| {
        value.as_bool().ok_or_else(|| wrong(name, "true or false"))
    })
}

/// Returns a whole number that fits.
fn number<N: TryFrom<i128>>(fields: &Fields, name: &str) -> Result<Option<N>, LineError> {
    let wide = |value: &Value| {
        let signed = value.as_i64().map(i128::from);
        signed.or_else(|| value.as_u64().map(i128::from))
    };
    let whole = |value: &Value| wide(value).and_then(|it| N::try_from(it).ok());
    present(fields, name)
        .map(|value| whole(value).ok_or_else(|| wrong(name, "a whole number in its range")))
        .transpose()
}

/// Returns what a word stands for.
fn word<T>(
    fields: &Fields,
    name: &str,
    from_name: fn(&str) -> Option<T>,
) -> Result<Option<T>, LineError> {
    let Some(word) = text(fields, name)? else {
        return Ok(None);
    };
    match from_name(&word) {
        Some(value) => Ok(Some(value)),
        None => Err(LineError::new(format!("'{name}' cannot be '{word}'"))),
    }
}

fn kind(fields: &Fields) -> Result<JobKind, LineError> {
    Ok(word(fields, "kind", JobKind::from_name)?.unwrap_or(JobKind::Run))
}

/// A step is called what `roar run -n` would call it.
fn name(fields: &Fields) -> Result<Option<String>, LineError> {
    let name = text(fields, "name")?;
    match name.as_deref().and_then(names::fault_of_step_name) {
        Some(why) => Err(LineError::new(format!("'name': {why}"))),
        None => Ok(name),
    }
}

fn argv(fields: &Fields) -> Result<Vec<Vec<u8>>, LineError> {
    let list = fields.get("argv").and_then(Value::as_array);
    let words: Option<Vec<_>> = list.and_then(|list| list.iter().map(bytes).collect());
    match words {
        Some(words) if words.iter().any(|word| word.contains(&0)) => {
            Err(LineError::new("'argv' has a word that holds a NUL byte"))
        }
        Some(words) if !words.is_empty() => Ok(words),
        _ => Err(wrong("argv", "a list of words, the command first")),
    }
}

/// A job that says nothing of its end went well.
fn outcome(fields: &Fields) -> Result<Outcome, LineError> {
    let exit: Option<i32> = number(fields, "exit")?;
    let signal: Option<i32> = number(fields, "signal")?;
    match (exit, signal) {
        (Some(code), None) if (0..=255).contains(&code) => Ok(Outcome::Exited(code)),
        (None, Some(signal)) if (1..=64).contains(&signal) => Ok(Outcome::Killed(signal)),
        (None, None) if fields.contains_key("exit") && fields.contains_key("signal") => {
            Ok(Outcome::Unknown)
        }
        (None, None) => Ok(Outcome::Exited(0)),
        (Some(_), Some(_)) => Err(LineError::new(
            "a job has an exit code or a signal, not both",
        )),
        (Some(_), None) => Err(wrong("exit", "a number from 0 to 255")),
        (None, Some(_)) => Err(wrong("signal", "the number of a signal")),
    }
}

fn hash(fields: &Fields) -> Result<Option<ContentId>, LineError> {
    let Some(text) = text(fields, "hash")? else {
        return Ok(None);
    };
    let id = text.parse();
    id.map(Some).map_err(|_| wrong("hash", "64 hex digits"))
}

/// Returns the id of an object of git, whole.
fn git_id(git: &Fields, name: &str) -> Result<Option<String>, LineError> {
    let is_id = |id: &String| {
        matches!(id.len(), 40 | 64) && id.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    match text(git, name).map_err(|err| err.within("git"))? {
        Some(id) if !is_id(&id) => {
            Err(wrong(name, "the id of a git object: 40 or 64 hex digits").within("git"))
        }
        id => Ok(id.map(|id| id.to_ascii_lowercase())),
    }
}

fn git(fields: &Fields) -> Result<Option<Source>, LineError> {
    let Some(value) = present(fields, "git") else {
        return Ok(None);
    };
    let Value::Object(git) = value else {
        return Err(wrong("git", "an object"));
    };
    known(git, GIT)?;
    let prefix = present(git, "prefix").and_then(bytes).unwrap_or_default();
    let source = Source {
        commit: git_id(git, "commit")?,
        branch: text(git, "branch")?,
        remote: text(git, "remote")?,
        dirty: flag(git, "dirty")?,
        tree: git_id(git, "tree")?,
        broken: text(git, "broken")?,
        prefix: ByteStr(prefix),
        ..Source::default()
    };
    Ok(Some(source))
}
