//! Settings that mean nothing: misspelled, or of another version of roar.

use crate::nearest::nearest;
use roar_repo::config::{Config, KEYS, Key};
use std::fmt;

/// Variables of ours that are no settings.
const VARIABLES: &[&str] = &["ROAR_PAGER"];

/// A name that stands where settings stand, and is none.
pub(crate) struct Stray {
    name: String,
    place: String,
    /// What was probably meant.
    pub(crate) meant: Option<String>,
}

impl fmt::Display for Stray {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, place, .. } = self;
        write!(f, "{place} knows no setting '{name}'")?;
        match &self.meant {
            Some(meant) => write!(f, ", did you mean '{meant}'?"),
            None => Ok(()),
        }
    }
}

/// Finds all of them, in files and in the environment.
pub(crate) fn all(config: &Config) -> Vec<Stray> {
    let in_files = config.unknown().into_iter().map(|(name, file)| Stray {
        meant: nearest(&name, KEYS.iter().map(|key| key.name)).map(str::to_owned),
        place: format!("'{}'", file.display()),
        name,
    });
    let variables = config.unknown_variables();
    let variables = variables.filter(|name| !VARIABLES.contains(name));
    let in_environment = variables.map(|name| Stray {
        meant: of_variable(name),
        place: "the environment".to_owned(),
        name: name.to_owned(),
    });
    in_files.chain(in_environment).collect()
}

fn of_variable(name: &str) -> Option<String> {
    let known: Vec<String> = KEYS.iter().map(Key::variable).collect();
    let known = known.iter().map(String::as_str);
    nearest(name, known.chain(VARIABLES.iter().copied())).map(str::to_owned)
}

/// Says in one line, if there is anything to say, which ones look like a slip.
pub(crate) fn slips(config: &Config) -> Option<String> {
    let strays = all(config);
    let mut slips = strays.iter().filter(|stray| stray.meant.is_some());
    let first = slips.next()?;
    Some(match slips.count() {
        0 => first.to_string(),
        more => format!("{first} (and {more} more: `roar config list`)"),
    })
}
