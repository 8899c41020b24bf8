//! `roar config`.

use crate::context::Context;
use crate::error::CommandError;
use crate::strays;
use crate::ui::{Ui, escape_text};
use roar_repo::config::{Config, ConfigError, KEYS, Key, Layer, Origin, Value};
use roar_repo::filters::FilterError;
use serde_json::{Value as Json, json};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Show and change settings
///
/// A setting is looked for on the command line (`--config`), in the environment (`ROAR_RUN_DIRTY`
/// for `run.dirty`), in `.roar/config.toml` (this copy of the project), in `.roarconfig` beside it
/// (shared with the project), in the user's file, in `/etc/roar/config.toml`. The first that has it
/// wins.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  $ roar config list
  $ roar config get run.dirty
  $ roar config set run.dirty refuse
  $ roar config set --user output.color never
  $ roar config unset run.dirty")]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// List every setting: its value, where that comes from, what it is for
    List {
        /// Only settings whose name begins like this
        #[arg(value_name = "PREFIX")]
        prefix: Option<String>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Print the value of one setting
    Get {
        /// The setting, such as `run.dirty`
        #[arg(value_name = "KEY")]
        key: String,
        /// Print JSON, with the origin
        #[arg(long)]
        json: bool,
    },
    /// Set a value
    Set {
        /// The setting, such as `run.dirty`
        #[arg(value_name = "KEY")]
        key: String,
        /// The value; a list is separated by commas
        #[arg(value_name = "VALUE", allow_hyphen_values = true)]
        value: String,
        #[command(flatten)]
        place: Place,
    },
    /// Take a value out again
    Unset {
        /// The setting, such as `run.dirty`
        #[arg(value_name = "KEY")]
        key: String,
        #[command(flatten)]
        place: Place,
    },
}

/// Which file is meant.
#[derive(Clone, Debug, clap::Args)]
#[group(multiple = false)]
pub(crate) struct Place {
    /// In `.roar/config.toml`: this copy of the project only (the default)
    #[arg(long)]
    project: bool,
    /// In `.roarconfig`: the project, wherever it is copied
    #[arg(long)]
    shared: bool,
    /// In the user's own file
    #[arg(long, visible_alias = "global")]
    user: bool,
    /// In the machine's file
    #[arg(long)]
    system: bool,
}

impl Place {
    pub(crate) fn layer(&self) -> Layer {
        match self {
            Self { shared: true, .. } => Layer::Shared,
            Self { user: true, .. } => Layer::User,
            Self { system: true, .. } => Layer::System,
            _ => Layer::Project,
        }
    }
}

pub(crate) fn run(ui: &mut Ui, context: &Context, args: Args) -> Result<ExitCode, CommandError> {
    let mut config = context.config()?;
    match args.action {
        Action::List { prefix, json } => list(ui, &config, &prefix.unwrap_or_default(), json),
        Action::Get { key, json } => get(ui, &config, find(&key)?, json),
        Action::Set { key, value, place } => {
            let file = set(ui, context, &mut config, &key, &value, place.layer())?;
            tell_of_set(ui, &config, find(&key)?, place.layer(), &file)
        }
        Action::Unset { key, place } => unset(ui, &mut config, &key, place.layer()),
    }
}

fn find(name: &str) -> Result<&'static Key, CommandError> {
    Ok(Key::find(name).ok_or_else(|| ConfigError::Unknown {
        name: name.to_owned(),
    })?)
}

/// Lists what can be listed; a wrong value is an error afterwards.
fn list(ui: &mut Ui, config: &Config, prefix: &str, json: bool) -> Result<ExitCode, CommandError> {
    let keys = KEYS.iter().filter(|key| key.name.starts_with(prefix));
    let (mut rows, mut wrong) = (Vec::new(), None);
    for key in keys {
        match config.get(key) {
            Ok((value, origin)) => rows.push((key, value, origin)),
            Err(err) => wrong = wrong.or(Some(err)),
        }
    }
    for stray in strays::all(config) {
        ui.warn(stray);
    }
    if json {
        let settings: Vec<Json> = rows.iter().map(|(key, v, o)| as_json(key, v, o)).collect();
        ui.json(json!({ "settings": settings }))?;
    } else {
        print(ui, &rows)?;
    }
    match wrong {
        Some(err) => Err(err.into()),
        None => Ok(ExitCode::SUCCESS),
    }
}

fn print(ui: &mut Ui, rows: &[(&Key, Value, Origin)]) -> Result<(), CommandError> {
    ui.page();
    for (key, value, origin) in rows {
        let setting = format!("{} = {}", key.name, escape_text(&value.to_string()));
        ui.data(format_args!("{setting:<36}  {}", origin_text(origin)))?;
        ui.data(format_args!("    {}", key.about))?;
    }
    Ok(())
}

fn get(ui: &mut Ui, config: &Config, key: &Key, json: bool) -> Result<ExitCode, CommandError> {
    let (value, origin) = config.get(key)?;
    if json {
        ui.json(as_json(key, &value, &origin))?;
    } else {
        ui.data(value)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn set(
    ui: &Ui,
    context: &Context,
    config: &mut Config,
    key: &str,
    value: &str,
    layer: Layer,
) -> Result<PathBuf, CommandError> {
    let key = find(key)?;
    changed(ui, context, config, |config| {
        Ok(config.set(layer, key, value)?)
    })
}

/// Changes a file of settings. A file of the project is in a workspace, which is made for it.
pub(super) fn changed<T>(
    ui: &Ui,
    context: &Context,
    config: &mut Config,
    change: impl Fn(&mut Config) -> Result<T, FilterError>,
) -> Result<T, CommandError> {
    let of_project = |layer: &Layer| matches!(layer, Layer::Project | Layer::Shared);
    match change(config) {
        Err(FilterError::Config(ConfigError::NoFile { layer })) if of_project(&layer) => {
            *config = context.workspace_to_add_to(ui)?.config().clone();
            Ok(change(config)?)
        }
        done => Ok(done?),
    }
}

fn tell_of_set(
    ui: &Ui,
    config: &Config,
    key: &Key,
    layer: Layer,
    file: &Path,
) -> Result<ExitCode, CommandError> {
    ui.note(format_args!("{} is set in '{}'", key.name, file.display()));
    tell_if_hidden(ui, config, key, layer)?;
    Ok(ExitCode::SUCCESS)
}

/// Says so when what was set is not what counts.
fn tell_if_hidden(ui: &Ui, config: &Config, key: &Key, layer: Layer) -> Result<(), CommandError> {
    let (value, origin) = config.get(key)?;
    if !matches!(&origin, Origin::File(at, _) if *at == layer) {
        let origin = origin_text(&origin);
        ui.warn(format_args!(
            "{} is '{value}' all the same: {origin}",
            key.name
        ));
    }
    Ok(())
}

fn unset(
    ui: &mut Ui,
    config: &mut Config,
    key: &str,
    layer: Layer,
) -> Result<ExitCode, CommandError> {
    let key = find(key)?;
    let Some(file) = config.unset(layer, key)? else {
        let (_, origin) = config.get(key)?;
        let origin = origin_text(&origin);
        let message = format!("{} is not set in the {} file", key.name, layer.name());
        return Err(
            CommandError::not_found(message).hint(format!("its value comes from: {origin}"))
        );
    };
    ui.note(format_args!(
        "{} is no longer set in '{}'",
        key.name,
        file.display()
    ));
    Ok(ExitCode::SUCCESS)
}

fn origin_text(origin: &Origin) -> String {
    match origin {
        Origin::Flag => "command line".to_owned(),
        Origin::Environment(variable) => format!("environment, {variable}"),
        Origin::File(layer, path) => format!("{}, {}", layer.name(), path.display()),
        Origin::Default => "default".to_owned(),
    }
}

fn as_json(key: &Key, value: &Value, origin: &Origin) -> Json {
    json!({
        "name": key.name,
        "value": value_json(value),
        "default": value_json(&key.default_value()),
        "origin": origin_json(origin),
        "about": key.about,
    })
}

fn value_json(value: &Value) -> Json {
    match value {
        Value::Bool(flag) => json!(flag),
        Value::Number(number) | Value::Bytes(number) => json!(number),
        Value::Millis(millis) => json!(*millis as f64 / 1000.0),
        Value::Word(word) => json!(word),
        Value::Words(words) => json!(words),
    }
}

fn origin_json(origin: &Origin) -> Json {
    match origin {
        Origin::Flag => json!({ "layer": "command line" }),
        Origin::Environment(variable) => json!({ "layer": "environment", "variable": variable }),
        Origin::File(layer, path) => json!({ "layer": layer.name(), "file": path }),
        Origin::Default => json!({ "layer": "default" }),
    }
}
