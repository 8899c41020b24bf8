//! `roar filter`.

use super::config::{Place, changed};
use crate::context::Context;
use crate::error::CommandError;
use crate::ui::{Ui, escape_text};
use roar_object::Class;
use roar_repo::config::Layer;
use roar_repo::filters::{self, Filters, Rule, parse_class};
use serde_json::{Value as Json, json};
use std::process::ExitCode;

/// Show and change the rules that sort files
///
/// Every file that a run touches is recorded. What it counts as is decided by the first rule that
/// fits: `data` makes up the DAG, `code` is what ran, `package` and `system` are kept in the record
/// and out of sight. Your own rules come before the built-in ones.
///
/// Runs are sorted when they are recorded: what is added or removed counts from the next run on, and what
/// was recorded stays as it is. `roar run @N` runs a step again.
///
/// Patterns are as in `.gitignore`: `*.log` fits names anywhere, `cache/` everything below a
/// directory, `/opt/data/**` is absolute, `out/*.tmp` counts from the project's root.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  $ roar filter list
  $ roar filter add '*.log'
  $ roar filter add --as data '/usr/share/datasets/**'
  $ roar filter add --shared --as code 'params/*.yaml'
  $ roar filter remove '*.log'")]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// List the rules; the first that fits counts
    List {
        /// Your own rules only
        #[arg(long)]
        own: bool,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Add rules before all others
    Add {
        /// What files that fit count as: data, code, package or system
        #[arg(long = "as", value_name = "CLASS", default_value = "system", value_parser = class)]
        class: Class,
        /// What to look for (can be repeated)
        #[arg(value_name = "PATTERN", required = true)]
        patterns: Vec<String>,
        #[command(flatten)]
        place: Place,
    },
    /// Take rules out again
    Remove {
        /// The pattern of a rule, as it was added (can be repeated)
        #[arg(value_name = "PATTERN", required = true)]
        patterns: Vec<String>,
        #[command(flatten)]
        place: Place,
    },
}

fn class(word: &str) -> Result<Class, String> {
    parse_class(word).map_err(|err| err.to_string())
}

pub(crate) fn run(ui: &mut Ui, context: &Context, args: Args) -> Result<ExitCode, CommandError> {
    match args.action {
        Action::List { own, json } => list(ui, context, own, json),
        Action::Add {
            class,
            patterns,
            place,
        } => add(ui, context, class, &patterns, place.layer()),
        Action::Remove { patterns, place } => remove(ui, context, &patterns, place.layer()),
    }
}

/// Files that were recorded before are not sorted again.
const FROM_NOW_ON: &str = "from the next run on";

fn list(ui: &mut Ui, context: &Context, own: bool, json: bool) -> Result<ExitCode, CommandError> {
    let mut rules = Filters::load(&context.config()?)?.rules();
    rules.retain(|rule| !own || rule.layer.is_some());
    if json {
        let rules: Vec<Json> = rules.iter().map(as_json).collect();
        ui.json(json!({ "rules": rules }))?;
        return Ok(ExitCode::SUCCESS);
    }
    ui.page();
    for rule in &rules {
        let (class, pattern) = (rule.class.name(), escape_text(&rule.pattern));
        ui.data(format_args!("{class:<8} {pattern:<32} {}", origin(rule)))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn add(
    ui: &Ui,
    context: &Context,
    class: Class,
    patterns: &[String],
    layer: Layer,
) -> Result<ExitCode, CommandError> {
    if let Some((pattern, why)) = patterns.iter().find_map(|it| Some((it, misread(it)?))) {
        return Err(CommandError::usage(format!(
            "'{pattern}' is not taken: {why}"
        )));
    }
    let mut config = context.config()?;
    let mut added = false;
    // The last one added comes first, so that they stand in the order they were typed.
    for pattern in patterns.iter().rev() {
        let is_new = changed(ui, context, &mut config, |config| {
            filters::add(config, layer, pattern, class)
        })?;
        if !is_new {
            ui.note(format_args!("'{pattern}' was already {}", class.name()));
        }
        added |= is_new;
    }
    if added {
        let (patterns, class) = (patterns.join("', '"), class.name());
        ui.note(format_args!(
            "what fits '{patterns}' is {class}, {FROM_NOW_ON}"
        ));
    }
    Ok(ExitCode::SUCCESS)
}

/// Returns why a pattern would not be what it is in a .gitignore; each is a name to the rules here.
fn misread(pattern: &str) -> Option<&'static str> {
    if pattern.starts_with('!') {
        return Some("what is left out of a rule is given a rule of its own, with another class");
    }
    if pattern.starts_with('#') {
        return Some("it would be a comment; a name that begins so is written '[#]…'");
    }
    let trimmed = pattern.trim();
    (trimmed != pattern).then_some("it begins or ends with a blank")
}

fn remove(
    ui: &Ui,
    context: &Context,
    patterns: &[String],
    layer: Layer,
) -> Result<ExitCode, CommandError> {
    let mut config = context.config()?;
    let mut missing = Vec::new();
    for pattern in patterns {
        if filters::remove(&mut config, layer, pattern)? {
            ui.note(format_args!("'{pattern}' is removed, {FROM_NOW_ON}"));
        } else {
            missing.push(pattern.as_str());
        }
    }
    if missing.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    let (names, layer) = (missing.join("', '"), layer.name());
    Err(
        CommandError::not_found(format!("there is no rule '{names}' in the {layer} file"))
            .hint("`roar filter list --own` shows your rules and the files they stand in"),
    )
}

fn origin(rule: &Rule) -> &'static str {
    rule.layer.map_or("built-in", Layer::name)
}

fn as_json(rule: &Rule) -> Json {
    json!({ "pattern": rule.pattern, "class": rule.class.name(), "origin": origin(rule) })
}
