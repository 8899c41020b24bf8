//! Where the user is, in time.
//!
//! The library knows how to find that out, and looks through the whole database of zones for it, which
//! takes longer than most questions. The one zone that is needed lies in a file of its own, in the format of
//! RFC 9636; only where it does not is the library asked.

use jiff::tz::TimeZone;
use std::ffi::OsStr;
use std::fs;
use std::path::{Component, Path, PathBuf};

/// The zone of this machine.
const LOCAL: &str = "/etc/localtime";

/// Where the zones are by their names.
const DATABASE: &str = "/usr/share/zoneinfo";

/// Returns the zone in which times are told: that of `TZ`, else that of the machine, else UTC.
pub(crate) fn local() -> TimeZone {
    let named = std::env::var_os("TZ");
    let file = file_of(named.as_deref());
    file.and_then(|file| read(&file))
        .unwrap_or_else(TimeZone::system)
}

/// Returns the file that holds the zone which `TZ` names; nothing if it names none, or none by its name.
fn file_of(named: Option<&OsStr>) -> Option<PathBuf> {
    let Some(named) = named else {
        return Some(LOCAL.into());
    };
    let name = Path::new(named);
    let mut parts = name.components();
    let is_name = parts.all(|part| matches!(part, Component::Normal(_)));
    (is_name && !named.is_empty()).then(|| Path::new(DATABASE).join(name))
}

fn read(file: &Path) -> Option<TimeZone> {
    let bytes = fs::read(file).ok()?;
    TimeZone::tzif("Local", &bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_is_in_the_file_of_its_name() {
        for (named, file) in [
            (None, Some("/etc/localtime")),
            (Some("Asia/Tokyo"), Some("/usr/share/zoneinfo/Asia/Tokyo")),
            (Some("JST-9"), Some("/usr/share/zoneinfo/JST-9")),
            (Some(""), None),
            (Some("/etc/localtime"), None),
            (Some("../secret"), None),
        ] {
            let found = file_of(named.map(OsStr::new));
            assert_eq!(found.as_deref(), file.map(Path::new), "{named:?}");
        }
    }

    #[test]
    fn what_is_no_zone_is_not_read_as_one() {
        assert!(read(Path::new("/etc/passwd")).is_none());
        assert!(read(Path::new("/no/such/file")).is_none());
    }
}
