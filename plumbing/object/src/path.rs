//! Paths as they are recorded: from the project's root where they lie in it, else from `/`.
//!
//! A project that is moved or copied keeps its records: what lies inside is found where the project
//! is now.

use crate::ByteStr;
use crate::code::coded;
use serde::{Deserialize, Serialize};

coded! {
    /// What a recorded path starts from.
    pub enum Base {
        /// The directory that holds `.roar`.
        Project = 0,
        /// The root of the file system.
        Root = 1,
    }
}

/// A path without `.`, `..`, empty components or a leading slash, and what it starts from.
///
/// The empty path is the base itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RecordedPath {
    /// What the path starts from.
    pub base: Base,
    /// The components, joined by slashes.
    pub path: ByteStr,
}

impl RecordedPath {
    /// Records an absolute, lexically clean path as seen from a project at `root`.
    pub fn new(root: &[u8], absolute: &[u8]) -> Self {
        match strip(root, absolute) {
            Some(inside) => Self {
                base: Base::Project,
                path: inside.to_vec().into(),
            },
            None => {
                let from_root = absolute.strip_prefix(b"/").unwrap_or(absolute);
                Self {
                    base: Base::Root,
                    path: from_root.to_vec().into(),
                }
            }
        }
    }

    /// Returns a path inside the project.
    pub fn inside(path: impl Into<Vec<u8>>) -> Self {
        Self {
            base: Base::Project,
            path: ByteStr(path.into()),
        }
    }

    /// Returns the absolute path, for a project at `root`.
    pub fn absolute(&self, root: &[u8]) -> Vec<u8> {
        let base: &[u8] = match self.base {
            Base::Project => root.strip_suffix(b"/").unwrap_or(root),
            Base::Root => b"",
        };
        if self.path.is_empty() && !base.is_empty() {
            return base.to_vec();
        }
        [base, &self.path].join(&b'/')
    }

    /// Returns the path as it is shown: relative inside the project (the root itself is `.`),
    /// absolute elsewhere.
    pub fn shown(&self) -> Vec<u8> {
        match self.base {
            Base::Project if self.path.is_empty() => b".".to_vec(),
            Base::Project => self.path.0.clone(),
            Base::Root => [b"", &*self.path].join(&b'/'),
        }
    }

    /// Returns whether this is `directory` or lies below it.
    pub fn is_under(&self, directory: &Self) -> bool {
        self.base == directory.base && below(&directory.path, &self.path).is_some()
    }

    /// Returns this path with another component at its end.
    pub fn join(&self, name: &[u8]) -> Self {
        if self.path.is_empty() {
            return Self {
                base: self.base,
                path: name.to_vec().into(),
            };
        }
        Self {
            base: self.base,
            path: [&*self.path, name].join(&b'/').into(),
        }
    }

    /// Returns the last component.
    pub fn name(&self) -> &[u8] {
        self.path
            .rsplit(|&byte| byte == b'/')
            .next()
            .unwrap_or_default()
    }

    /// Returns the directory that holds this, if it is not the base itself.
    pub fn parent(&self) -> Option<Self> {
        if self.path.is_empty() {
            return None;
        }
        let end = self
            .path
            .iter()
            .rposition(|&byte| byte == b'/')
            .unwrap_or(0);
        Some(Self {
            base: self.base,
            path: self.path[..end].to_vec().into(),
        })
    }
}

/// Returns what of `absolute` lies below `root`.
fn strip<'a>(root: &[u8], absolute: &'a [u8]) -> Option<&'a [u8]> {
    below(root.strip_suffix(b"/").unwrap_or(root), absolute)
}

/// Returns `path` without `directory`, if it is that or below it. An empty directory holds all.
fn below<'a>(directory: &[u8], path: &'a [u8]) -> Option<&'a [u8]> {
    if directory.is_empty() {
        return Some(path.strip_prefix(b"/").unwrap_or(path));
    }
    let rest = path.strip_prefix(directory)?;
    if rest.is_empty() {
        Some(rest)
    } else {
        rest.strip_prefix(b"/")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(root: &str, path: &str) -> String {
        let path = RecordedPath::new(root.as_bytes(), path.as_bytes());
        assert_eq!(
            RecordedPath::new(root.as_bytes(), &path.absolute(root.as_bytes())),
            path
        );
        String::from_utf8_lossy(&path.shown()).into_owned()
    }

    #[test]
    fn inside_is_relative_and_outside_absolute() {
        assert_eq!(shown("/srv/p", "/srv/p/data/a.csv"), "data/a.csv");
        assert_eq!(shown("/srv/p", "/srv/p"), ".");
        assert_eq!(shown("/srv/p", "/srv/p2/a"), "/srv/p2/a");
        assert_eq!(shown("/srv/p", "/etc/hosts"), "/etc/hosts");
        assert_eq!(shown("/", "/etc/hosts"), "etc/hosts");
    }

    #[test]
    fn a_directory_holds_what_is_below_it_and_not_its_namesakes() {
        let data = RecordedPath::inside("data");
        assert!(RecordedPath::inside("data/a").is_under(&data));
        assert!(data.is_under(&data));
        assert!(!RecordedPath::inside("data2/a").is_under(&data));
        assert!(data.is_under(&RecordedPath::inside("")));
        assert_eq!(RecordedPath::inside("data/a").parent(), Some(data.clone()));
        assert_eq!(data.parent(), Some(RecordedPath::inside("")));
        assert_eq!(data.join(b"a"), RecordedPath::inside("data/a"));
        assert_eq!(RecordedPath::inside("data/a").name(), b"a");
    }
}
