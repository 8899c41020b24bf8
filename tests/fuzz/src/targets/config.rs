//! Configuration files: whatever is in one is read or refused, and an edit changes what it says.

use crate::draw::Draw;
use crate::scratch;
use roar_repo::config::{Config, ConfigError, KEYS, Key, Layer, Sources, Value};
use std::fs;
use std::path::Path;

pub(super) fn check(data: &[u8]) {
    scratch::within(|dir| {
        let path = dir.join("config");
        fs::write(&path, data).expect("the scratch directory is writable");
        match load(&path) {
            Ok(config) => edit(config, &path, data),
            Err(ConfigError::Syntax { source, .. }) => {
                assert!(source.span().is_some(), "where is '{source}'");
            }
            Err(ConfigError::NotText { .. }) => assert!(std::str::from_utf8(data).is_err()),
            Err(other) => panic!("{other}"),
        }
    });
}

fn load(path: &Path) -> Result<Config, ConfigError> {
    Config::load(Sources {
        files: vec![(Layer::Shared, path.to_owned())],
        ..Sources::default()
    })
}

type Said = Vec<Result<Value, String>>;

fn said(config: &Config) -> Said {
    let one = |key| {
        config
            .get(key)
            .map(|(value, _)| value)
            .map_err(|err| err.to_string())
    };
    KEYS.iter().map(one).collect()
}

/// Sets one value: it is in force then, and all others say what they said.
fn edit(mut config: Config, path: &Path, data: &[u8]) {
    let before = said(&config);
    let (unknown, filters) = (config.unknown(), config.filters().ok());
    let hash = *blake3::hash(data).as_bytes();
    let mut draw = Draw::new(&hash);
    let at = draw.below(KEYS.len());
    let (key, text) = (&KEYS[at], text(&mut draw, data));
    let Ok(value) = key.parse(&text) else {
        assert!(config.set(Layer::Shared, key, &text).is_err());
        return;
    };
    if let Err(err) = config.set(Layer::Shared, key, &text) {
        assert!(matches!(err, ConfigError::Section { .. }), "{err}");
        return;
    }
    let config = load(path).expect("what was written is read");
    let mut meant = before;
    meant[at] = Ok(value);
    assert_eq!(
        said(&config),
        meant,
        "after '{}' was set to '{text}'",
        key.name
    );
    assert_eq!(
        (config.unknown(), config.filters().ok()),
        (unknown, filters)
    );
    unset(config, path, key);
}

fn unset(mut config: Config, path: &Path, key: &Key) {
    assert!(
        config
            .unset(Layer::Shared, key)
            .expect("it is writable")
            .is_some()
    );
    let config = load(path).expect("what was written is read");
    assert_eq!(
        config.get(key).expect("nobody set it").0,
        key.default_value()
    );
}

/// A value that some setting takes, or a piece of the file.
fn text(draw: &mut Draw<'_>, data: &[u8]) -> String {
    let known = [
        "true",
        "off",
        "0",
        "7",
        "18446744073709551615",
        "0.5",
        "1.001",
        "86400",
        "-0",
        "1e-9",
        "warn",
        "refuse",
        "notify",
        "never",
        "quiet",
        "A,B C",
        "\"",
        "a\nb",
        "",
    ];
    match draw.below(known.len() + 4) {
        at if at < known.len() => known[at].to_owned(),
        _ => {
            let from = draw.below(data.len().clamp(1, 256));
            let piece = &data[from..data.len().min(from + 12)];
            String::from_utf8_lossy(piece).into_owned()
        }
    }
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let files = [
        "",
        "# mine\n[run]\n# why\ndirty = 'warn' # for now\ngrace = 3.5\n\n[other]\nx = 1\n",
        "[environment]\nvariables = [\n  'A', # a\n  \"B\",\n]\n[hash]\ncache = false\n",
        "run = { dirty = \"refuse\", grace = 0 }\noutput.color = \"never\"\noutput.pager = false\n",
        "[[filter]]\npattern = \"*.log\"\nclass = \"system\"\n[[filter]]\npattern = 'a'\nclass = 'data'\n[[run]]\nx=1\n",
        "dataset = 1979-05-27T07:32:00Z\nrun.dirty.x = [[1], {}]\nlock.timeout = 1e2\ntracer.default = \"\"\"ptrace\"\"\"\n",
    ];
    files.iter().map(|file| file.as_bytes().to_vec()).collect()
}
