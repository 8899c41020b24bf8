//! The commit a work tree has checked out, from files alone.

use std::fs;
use std::path::Path;

use super::discover::{Found, Layout, discover};
use super::run::path_of;

/// Symbolic refs git follows before it gives up.
const LINKS: usize = 5;

/// Returns the commit checked out in the work tree at `directory`, in hex.
///
/// Absent before the first commit, and where refs are kept in another form than
/// files (reftable).
pub(super) fn commit(directory: &Path) -> Option<String> {
    match discover(directory) {
        Found::Layout(layout) => follow(&layout, b"HEAD", LINKS),
        _ => None,
    }
}

fn follow(layout: &Layout, name: &[u8], links: usize) -> Option<String> {
    let own = layout.git_dir.join(path_of(name));
    let shared = layout.common_dir.join(path_of(name));
    let Ok(text) = fs::read(own).or_else(|_| fs::read(shared)) else {
        return packed(layout, name);
    };
    match text.strip_prefix(b"ref:") {
        Some(target) if links > 0 => follow(layout, target.trim_ascii(), links - 1),
        Some(_) => None,
        None => object_name(text.trim_ascii()),
    }
}

fn packed(layout: &Layout, name: &[u8]) -> Option<String> {
    let text = fs::read(layout.common_dir.join("packed-refs")).ok()?;
    text.split(|&byte| byte == b'\n')
        .filter_map(|line| {
            let space = line.iter().position(|&byte| byte == b' ')?;
            Some((&line[..space], &line[space + 1..]))
        })
        .find(|(_, ref_name)| *ref_name == name)
        .and_then(|(id, _)| object_name(id))
}

/// Reads 40 or 64 hex digits.
pub(super) fn object_name(text: &[u8]) -> Option<String> {
    let fits = matches!(text.len(), 40 | 64) && text.iter().all(u8::is_ascii_hexdigit);
    fits.then(|| String::from_utf8_lossy(text).into_owned())
}
