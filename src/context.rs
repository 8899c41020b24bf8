//! What a command is handed: where it runs, its settings, the workspace when asked for.

use crate::error::{CommandError, Fault, io_error};
use crate::leftovers;
use crate::names;
use crate::nearest::nearest;
use crate::ui::Ui;
use roar_content::HashCache;
use roar_object::{ContentId, Kind};
use roar_repo::config::{Config, KEYS, Key};
use roar_repo::{
    Opening, RepoError, ResolveError, Snapshot, Surroundings, Target, Workspace, place,
};
use roar_store::{Holder, Wait};
use std::cell::OnceCell;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What a command is handed.
pub(crate) struct Context {
    directory: PathBuf,
    around: Surroundings,
    /// The workspace as it was found first: commands ask for it, or for its settings, more than once.
    found: OnceCell<Workspace>,
}

/// What a word says to a session.
#[derive(Default)]
struct Meaning {
    /// The hash of the file or dataset that it names, if it names one.
    what: String,
    /// When the job began that made it, or read it last.
    known_ns: i64,
}

impl Meaning {
    fn of(snapshot: &Snapshot, record: usize, what: String) -> Result<Self, RepoError> {
        let known_ns = snapshot.records()?[record].started_ns;
        Ok(Self { what, known_ns })
    }
}

/// The sessions in which a word has a meaning, the one that knows of it latest first; never none.
struct Known {
    sessions: Vec<(Snapshot, Meaning)>,
}

impl Known {
    /// Says which of them is asked, unless it is the own one, and which others mean something else.
    fn tell(&self, ui: &Ui, word: &OsStr, asked: usize) {
        let (snapshot, meant) = &self.sessions[asked];
        if snapshot.is_own() {
            return;
        }
        let others = self.sessions.iter().enumerate();
        let mut others = others.filter(|(_, (_, other))| other.what != meant.what);
        let mut told = String::new();
        if let Some((at, (other, _))) = others.next() {
            let age = if at < asked { "a newer" } else { "an older" };
            told = format!("; {} has {age} one", other.session());
        }
        match others.count() {
            0 => {}
            more => told = format!("{told}, and there are {more} more"),
        }
        ui.note(format_args!(
            "'{}' is not in this session, but in {}{}",
            word.display(),
            snapshot.session(),
            told
        ));
    }
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
        let here = current_directory()
            .map_err(|err| io_error("the current directory is gone".to_owned(), err))
            .map_err(|err| err.hint("`cd` to one that is there, or name one with `-C`"))?;
        let flags = typed.iter().map(|word| setting(word));
        Ok(Self {
            directory: here,
            around: Surroundings {
                user_config: user_directory("XDG_CONFIG_HOME", ".config"),
                state: user_directory("XDG_STATE_HOME", ".local/state").map(|it| it.join("roar")),
                cache: user_directory("XDG_CACHE_HOME", ".cache").map(|it| it.join("roar")),
                environment: roar_variables(),
                flags: flags.collect::<Result<_, _>>()?,
            },
            found: OnceCell::new(),
        })
    }

    /// Takes note of a setting that an option stands for.
    pub(crate) fn set_flag(&mut self, name: &str, value: &str) {
        self.around.flags.insert(name.to_owned(), value.to_owned());
        self.found = OnceCell::new();
    }

    /// Returns the directory that the command runs in: absolute, without links. It may be gone.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Returns what a workspace needs to know.
    pub(crate) const fn around(&self) -> &Surroundings {
        &self.around
    }

    /// Returns the settings in force here, with or without a workspace, and whether or not its store
    /// can be opened.
    pub(crate) fn config(&self) -> Result<Config, CommandError> {
        let root = match self.find_workspace() {
            Ok(Some(workspace)) => return Ok(workspace.config().clone()),
            Ok(None) => None,
            Err(RepoError::Config(err)) => return Err(err.into()),
            Err(_) => place::find(&self.directory, Path::is_dir),
        };
        Ok(self.around.config(root.as_deref())?)
    }

    /// Returns the workspace, if this is in one.
    pub(crate) fn find_workspace(&self) -> Result<Option<Workspace>, RepoError> {
        if let Some(workspace) = self.found.get() {
            return Ok(Some(workspace.clone()));
        }
        let found = self.find_workspace_again()?;
        Ok(found.inspect(|workspace| drop(self.found.set(workspace.clone()))))
    }

    /// Returns the workspace as it is now: what has run since may have changed it.
    pub(crate) fn find_workspace_again(&self) -> Result<Option<Workspace>, RepoError> {
        Workspace::discover(&self.directory, &self.around)
    }

    /// Returns the workspace, with what earlier runs left behind.
    pub(crate) fn workspace(&self, ui: &Ui) -> Result<Workspace, CommandError> {
        let workspace = self.find_workspace()?.ok_or_else(|| self.no_workspace())?;
        leftovers::take_in(ui, &workspace);
        Ok(workspace)
    }

    /// Returns the workspace, which is made and told of if there is none.
    pub(crate) fn workspace_to_add_to(&self, ui: &Ui) -> Result<Workspace, CommandError> {
        let (workspace, opening) = match self.find_workspace()? {
            Some(workspace) => (workspace, Opening::Found),
            None => Workspace::open_or_create(&self.directory, &self.around)?,
        };
        match opening {
            Opening::Found => leftovers::take_in(ui, &workspace),
            Opening::Made | Opening::Refilled => {
                ui.note(format_args!("made '{}'", workspace.dot().display()));
            }
        }
        Ok(workspace)
    }

    pub(crate) fn no_workspace(&self) -> CommandError {
        let dot = place::choose(&self.directory).join(place::DOT_ROAR);
        if fs::symlink_metadata(&dot).is_ok() && !dot.is_dir() {
            let what = format!(
                "'{}' is not a directory, so no workspace is here",
                dot.display()
            );
            return CommandError::refused(what)
                .hint("move it away: roar keeps what it records in a directory of that name");
        }
        let here = self.directory.display();
        let missing = CommandError::refused(format!(
            "there is no roar workspace in '{here}' or any directory above it"
        ));
        let planned = Workspace::without_store(&self.directory, &self.around).ok();
        match planned.as_ref().and_then(roar_record::leftovers_away) {
            Some((place, runs)) => missing.hint(format!(
                "kept in '{}': {} of this project, to be taken in once `roar init` can make '{}'",
                place.display(),
                roar_view::count(runs as u64, "run"),
                dot.display()
            )),
            None => missing.hint(
                "`roar run COMMAND` makes one and records the command; `roar init` only makes one",
            ),
        }
    }

    /// Returns the workspace as it is now, for questions.
    pub(crate) fn snapshot(&self, ui: &Ui) -> Result<Snapshot, CommandError> {
        Ok(snapshot_of(ui, &self.workspace(ui)?)?)
    }

    /// Finds what a word names; where nothing else is called so, the step that the user called so.
    pub(crate) fn resolve(
        &self,
        snapshot: &Snapshot,
        word: &OsStr,
    ) -> Result<Target, CommandError> {
        let cache = cache_in(snapshot.root());
        let found = snapshot.resolve(word, &self.directory, |path| name(&cache, path));
        let Err(err @ ResolveError::Unknown { .. }) = found else {
            return Ok(found?);
        };
        match names::step_called(snapshot, word)? {
            Some(record) => Ok(Target::Job { record }),
            None => {
                let meant = names::nearest_to(snapshot, word, &self.directory)?;
                Err(CommandError::from(err).maybe_meant(meant.as_deref()))
            }
        }
    }

    /// Returns the session in which a word has a meaning: the workspace's own, else of those that came in
    /// bundles, and of the own one before something was taken back, the one that knows of it latest.
    pub(crate) fn snapshot_for(&self, ui: &Ui, word: &OsStr) -> Result<Snapshot, CommandError> {
        let mut known = self.sessions_for(ui, word, &|_| Ok(None))?;
        known.tell(ui, word, 0);
        Ok(known.sessions.swap_remove(0).0)
    }

    /// Returns what `find` finds in the first session, of those in which a word has a meaning, that has
    /// it to offer; if none has, why the first has not. A word has a meaning, too, where `also` returns a
    /// record.
    pub(crate) fn first_with<T>(
        &self,
        ui: &Ui,
        word: &OsStr,
        also: &dyn Fn(&Snapshot) -> Result<Option<usize>, CommandError>,
        find: impl Fn(&Snapshot) -> Result<T, CommandError>,
    ) -> Result<(Snapshot, T), CommandError> {
        let mut known = self.sessions_for(ui, word, also)?;
        let mut missing = None;
        for at in 0..known.sessions.len() {
            match find(&known.sessions[at].0) {
                Err(err) if err.fault == Fault::NotFound => drop(missing.get_or_insert(err)),
                found => {
                    known.tell(ui, word, at);
                    return Ok((known.sessions.swap_remove(at).0, found?));
                }
            }
        }
        known.tell(ui, word, 0);
        Err(missing.expect("there is always a session to ask"))
    }

    /// Returns the sessions in which a word has a meaning: the own one alone if it has one there, or has
    /// none anywhere.
    fn sessions_for(
        &self,
        ui: &Ui,
        word: &OsStr,
        also: &dyn Fn(&Snapshot) -> Result<Option<usize>, CommandError>,
    ) -> Result<Known, CommandError> {
        let meaning = |snapshot: &Snapshot| match self.meaning(snapshot, word)? {
            Some(meaning) => Ok::<_, CommandError>(Some(meaning)),
            None => Ok(match also(snapshot)? {
                Some(record) => Some(Meaning::of(snapshot, record, String::new())?),
                None => None,
            }),
        };
        let own = self.snapshot(ui)?;
        let mut sessions = Vec::new();
        if meaning(&own)?.is_none() {
            for (name, head) in own.others()? {
                let other = own.of_session(&name, head);
                if let Some(meaning) = meaning(&other)? {
                    sessions.push((other, meaning));
                }
            }
        }
        // Those of the same age stay as they are.
        sessions.sort_by_key(|(_, meaning)| Reverse(meaning.known_ns));
        if sessions.is_empty() {
            sessions.push((own, Meaning::default()));
        }
        Ok(Known { sessions })
    }

    /// Returns what a word says to a session, if it says anything.
    fn meaning(&self, snapshot: &Snapshot, word: &OsStr) -> Result<Option<Meaning>, CommandError> {
        let cache = cache_in(snapshot.root());
        let found = snapshot.resolve(word, &self.directory, |path| name(&cache, path));
        let (record, what) = match found {
            Ok(Target::Object { kind, .. }) => {
                return Ok((kind != Kind::Job).then(Meaning::default));
            }
            Ok(Target::Artifact { id, written, .. }) => {
                let history = snapshot.history().map_err(ResolveError::from)?;
                let read = || history.readers(id).last().map(|&(record, _)| record);
                (written.map(|it| it.record).or_else(read), id.to_string())
            }
            Ok(Target::Dataset { id, record, .. }) => (Some(record), id.to_string()),
            Ok(Target::Job { record }) => (Some(record), String::new()),
            Err(ResolveError::Unknown { .. }) => {
                (names::step_called(snapshot, word)?, String::new())
            }
            Err(_) => return Ok(Some(Meaning::default())),
        };
        let meaning = record.map(|record| Meaning::of(snapshot, record, what));
        Ok(meaning.transpose()?)
    }

    /// Returns the session of that name: the workspace's own if none is given, else one that a ref or
    /// a hash names.
    pub(crate) fn session(&self, ui: &Ui, name: Option<&OsStr>) -> Result<Snapshot, CommandError> {
        let own = self.snapshot(ui)?;
        let Some(word) = name else { return Ok(own) };
        match self.resolve(&own, word)? {
            Target::Object {
                id,
                kind: Kind::Session,
            } => Ok(own.of_session(&word.to_string_lossy(), id)),
            _ => Err(
                CommandError::usage(format!("'{}' is not a session", word.display()))
                    .hint("`roar for-each-ref` lists what there is"),
            ),
        }
    }

    /// Opens the cache of hashes of the workspace that a directory is in; an empty one outside of
    /// any, or where there are settings that cannot be read.
    pub(crate) fn cache_for(&self, directory: &Path) -> HashCache {
        let found = Workspace::discover(directory, &self.around).ok().flatten();
        let usable = |workspace: &Workspace| workspace.config().flag("hash.cache").unwrap_or(false);
        match found.filter(usable) {
            Some(workspace) => HashCache::open(workspace.hash_cache()),
            None => HashCache::none(),
        }
    }

    /// Calls `work` with the patience that the settings ask for, and says whom it waits for.
    pub(crate) fn waiting<T>(
        &self,
        ui: &Ui,
        config: &Config,
        command: &str,
        work: impl FnOnce(Wait<'_>) -> T,
    ) -> Result<T, CommandError> {
        let up_to = Duration::from_millis(config.number("lock.timeout")?);
        let mut on_wait =
            |holder: &Holder| ui.note(format_args!("waiting for {holder} to be done"));
        let wait = Wait {
            up_to,
            command,
            on_wait: &mut on_wait,
        };
        Ok(work(wait))
    }
}

/// Returns a workspace as it is now, for questions, and warns if answers may lack something.
pub(crate) fn snapshot_of(ui: &Ui, workspace: &Workspace) -> Result<Snapshot, RepoError> {
    let snapshot = workspace.snapshot()?;
    if let Some(damage) = snapshot.objects().damage() {
        ui.warn(damage);
        ui.hint("`roar fsck` tells what is damaged; `roar fsck --rebuild` mends what can be");
    }
    Ok(snapshot)
}

/// Opens the cache of a workspace whose root is known.
pub(crate) fn cache_in(root: &Path) -> HashCache {
    HashCache::open(root.join(".roar/hashes"))
}

/// Names the bytes of a file, if it is one that can be read.
pub(crate) fn name(cache: &HashCache, path: &Path) -> Option<ContentId> {
    let named = roar_content::name_cached(cache, path);
    named.ok().map(|named| named.id)
}

/// Returns the directory that this process is in, or if that was removed, where it was: commands that
/// need nothing of it still work.
fn current_directory() -> io::Result<PathBuf> {
    const REMOVED: &[u8] = b" (deleted)";
    env::current_dir().or_else(|err| {
        let link = fs::read_link("/proc/self/cwd").map(OsString::from).ok();
        let was = link
            .as_ref()
            .and_then(|link| link.as_bytes().strip_suffix(REMOVED));
        was.map(|was| PathBuf::from(OsStr::from_bytes(was)))
            .ok_or(err)
    })
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

/// Returns one of the user's directories.
fn user_directory(variable: &str, below_home: &str) -> Option<PathBuf> {
    let set = |name: &str| {
        env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    set(variable).or_else(|| set("HOME").map(|home| home.join(below_home)))
}
