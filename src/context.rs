//! What a command is handed: where it runs, its settings, the workspace when asked for.

use crate::error::{CommandError, io_error};
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

    /// Returns the session in which a word has a meaning: the workspace's own, else one that came in
    /// a bundle, or the own one before something was taken back.
    pub(crate) fn snapshot_for(&self, ui: &Ui, word: &OsStr) -> Result<Snapshot, CommandError> {
        let own = self.snapshot(ui)?;
        if !self.is_strange(&own, word)? {
            return Ok(own);
        }
        for (name, head) in own.others()? {
            let other = own.of_session(&name, head);
            if !self.is_strange(&other, word)? {
                ui.note(format_args!(
                    "'{}' is not in this session, but in {name}",
                    word.display()
                ));
                return Ok(other);
            }
        }
        Ok(own)
    }

    /// Returns whether a hash or a name says nothing to a session.
    fn is_strange(&self, snapshot: &Snapshot, word: &OsStr) -> Result<bool, CommandError> {
        let cache = cache_in(snapshot.root());
        match snapshot.resolve(word, &self.directory, |path| name(&cache, path)) {
            Ok(Target::Object { kind, .. }) => Ok(kind == Kind::Job),
            Ok(Target::Artifact { id, .. }) => {
                let history = snapshot.history().map_err(ResolveError::from)?;
                Ok(history.writers(id).is_empty() && history.readers(id).is_empty())
            }
            Err(ResolveError::Unknown { .. }) => Ok(names::step_called(snapshot, word)?.is_none()),
            Ok(_) | Err(_) => Ok(false),
        }
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
