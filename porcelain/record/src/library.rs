//! Where the library lies that watched programs are given.

use std::path::{Path, PathBuf};

use roar_repo::config::{Config, ConfigError};

/// Where root puts it: a command that root starts may go on as somebody else, who cannot look into
/// root's own cache.
const FOR_ALL: &str = "/var/cache/roar";

/// Returns the library that programs are given, so that they note themselves what they read.
///
/// `None` when the settings are against it or it cannot be put anywhere: then all is watched from
/// outside, which takes longer and shows the same. `cache` is where the user keeps what can be made again.
///
/// # Errors
///
/// When the setting is wrong.
pub fn library(config: &Config, cache: Option<&Path>) -> Result<Option<PathBuf>, ConfigError> {
    if config.word("tracer.accelerate")? == "off" {
        return Ok(None);
    }
    Ok(library_place(cache).and_then(|place| roar_preload::install(place).ok()))
}

/// Returns the directory that the library is put into.
pub fn library_place(cache: Option<&Path>) -> Option<&Path> {
    if nix::unistd::geteuid().is_root() {
        Some(Path::new(FOR_ALL))
    } else {
        cache
    }
}
