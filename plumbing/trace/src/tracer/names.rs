//! Calls that make, move and remove names, and those that cut a file, or set its times, by its name.

use std::collections::BTreeSet;

use libc::{
    AT_EMPTY_PATH, AT_REMOVEDIR, AT_SYMLINK_FOLLOW, AT_SYMLINK_NOFOLLOW, RENAME_EXCHANGE,
    RENAME_NOREPLACE,
};
use roar_events::{Record, State};
use roar_observe::Threat;

use super::{Name, Tracer};
use crate::place::{Caller, Found, below};
use crate::state::{as_path, look, look_through};

/// One name about to move.
struct Move<'a> {
    exchange: bool,
    from: &'a [u8],
    moved: State,
    to: &'a [u8],
    replaced: State,
}

impl Tracer<'_> {
    /// Times are about to be set: what was read of a file could not be told from what an outsider has made of it
    /// later, so it is named now.
    pub(super) fn set_times(&mut self, caller: Caller, name: Name, flags: u64) {
        let follow = flags & AT_SYMLINK_NOFOLLOW as u64 == 0;
        if let Some(found) = self.find_name(caller, name, follow) {
            self.name_before_loss(&found.path, found.state);
        }
    }

    pub(super) fn rename(&mut self, caller: Caller, from: Name, to: Name, flags: u64) {
        let (Some(from), Some(to)) = (
            self.find_name(caller, from, false),
            self.find_name(caller, to, false),
        ) else {
            return;
        };
        let exchange = flags & u64::from(RENAME_EXCHANGE) != 0;
        let refused = flags & u64::from(RENAME_NOREPLACE) != 0 && to.state != State::Missing;
        let half = exchange && to.state == State::Missing;
        if from.state == State::Missing || refused || half {
            return;
        }
        self.takes_library(&from.path);
        if is_way(from.state) || is_way(to.state) {
            self.places.moves(caller.tid);
        }
        if !(is_file(from.state) && is_file(to.state)) {
            self.changes(&from.path);
            self.changes(&to.path);
        }
        self.move_all(caller.pid, exchange, &from, &to);
    }

    /// Notes a move, file by file when what moves is a directory.
    fn move_all(&mut self, pid: u32, exchange: bool, from: &Found, to: &Found) {
        let whole = [from.state, to.state].contains(&State::Directory);
        if !whole {
            return self.move_one(
                pid,
                &Move {
                    exchange,
                    from: &from.path,
                    moved: from.state,
                    to: &to.path,
                    replaced: to.state,
                },
            );
        }
        let there = self.files_of(&from.path, from.state);
        let back = if exchange {
            self.files_of(&to.path, to.state)
        } else {
            BTreeSet::new()
        };
        for name in there.union(&back) {
            let (here, across) = (under(&from.path, name), under(&to.path, name));
            let (moved, replaced) = (look(&here), look(&across));
            let both = there.contains(name) && back.contains(name);
            let one = if there.contains(name) {
                Move {
                    exchange: both,
                    from: &here,
                    moved,
                    to: &across,
                    replaced,
                }
            } else {
                Move {
                    exchange: false,
                    from: &across,
                    moved: replaced,
                    to: &here,
                    replaced: moved,
                }
            };
            self.move_one(pid, &one);
        }
    }

    /// Returns the files in a directory, by their paths within it; a file has one empty path.
    fn files_of(&mut self, path: &[u8], state: State) -> BTreeSet<Vec<u8>> {
        let mut files = BTreeSet::new();
        if state != State::Directory {
            files.insert(Vec::new());
        } else if !walk(path, b"", &mut files) {
            self.miss("a directory that was renamed could not be looked through");
        }
        files
    }

    fn move_one(&mut self, pid: u32, one: &Move<'_>) {
        self.name_before_loss(one.from, one.moved);
        self.name_before_loss(one.to, one.replaced);
        self.spool.take(&Record::Rename {
            pid,
            exchange: one.exchange,
            from: one.from,
            moved: one.moved,
            to: one.to,
            replaced: one.replaced,
        });
    }

    pub(super) fn link(&mut self, caller: Caller, from: Name, to: Name, flags: u64) {
        let empty = flags & AT_EMPTY_PATH as u64 != 0;
        let follow = flags & AT_SYMLINK_FOLLOW as u64 != 0;
        let Some((from, linked)) = self.link_source(caller, from.or_empty(empty), follow) else {
            return;
        };
        let Some(to) = self.find_name(caller, to, false) else {
            return;
        };
        if to.state == State::Missing {
            self.spool.take(&Record::Link {
                pid: caller.pid,
                from: &from,
                linked,
                to: &to.path,
            });
        }
    }

    /// Returns the file that gets a further name; its path is empty when it has none yet.
    fn link_source(
        &mut self,
        caller: Caller,
        from: Name,
        follow: bool,
    ) -> Option<(Vec<u8>, State)> {
        let words = self.path(caller, from.address)?;
        // An empty path means a descriptor, and that is a link in `/proc` to be followed.
        let follow = follow || words.is_empty();
        let text = self.text(caller, from)?;
        let open = text.words();
        let found = self.find(caller, text, follow)?;
        if found.state != State::Missing {
            return Some((found.path, found.state));
        }
        let nameless = if follow {
            look_through(&open)
        } else {
            State::Missing
        };
        matches!(nameless, State::File(_)).then(|| (Vec::new(), nameless))
    }

    pub(super) fn symlink(&mut self, caller: Caller, name: Name) {
        let Some(found) = self.find_name(caller, name, false) else {
            return;
        };
        self.places.moves(caller.tid);
        if found.state == State::Missing {
            self.spool.take(&Record::Symlink {
                pid: caller.pid,
                path: &found.path,
            });
        }
    }

    pub(super) fn unlink(&mut self, caller: Caller, name: Name, flags: u64) {
        if flags & AT_REMOVEDIR as u64 != 0 {
            if self.looks.is_some() {
                self.rmdir(caller, name);
            }
            return;
        }
        let Some(found) = self.find_name(caller, name, false) else {
            return;
        };
        if self.takes_library(&found.path) {
            return;
        }
        if found.state == State::Symlink {
            self.places.moves(caller.tid);
        }
        if !is_file(found.state) {
            self.changes(&found.path);
        }
        self.name_before_loss(&found.path, found.state);
        let (path, before) = (found.path.as_slice(), found.state);
        self.spool.take(&Record::Unlink {
            pid: caller.pid,
            path,
            before,
        });
    }

    pub(super) fn truncate(&mut self, caller: Caller, name: Name, length: u64) {
        let Some(found) = self.find_name(caller, name, true) else {
            return;
        };
        let State::File(version) = found.state else {
            return;
        };
        let threat = if length == 0 {
            Threat::Away
        } else {
            Threat::InPlace
        };
        self.name_before(&found.path, version, threat);
        let (path, before) = (found.path.as_slice(), found.state);
        self.spool.take(&Record::Truncate {
            pid: caller.pid,
            length,
            path,
            before,
        });
    }
}

/// Returns whether paths can lead through something like this.
fn is_way(state: State) -> bool {
    matches!(state, State::Directory | State::Symlink)
}

/// Returns whether something is told of as a file is.
fn is_file(state: State) -> bool {
    matches!(state, State::File(_) | State::Symlink)
}

fn under(directory: &[u8], name: &[u8]) -> Vec<u8> {
    if name.is_empty() {
        directory.to_vec()
    } else {
        below(directory, name)
    }
}

/// Gathers the files below `top`/`within`; returns whether all could be listed.
fn walk(top: &[u8], within: &[u8], files: &mut BTreeSet<Vec<u8>>) -> bool {
    use std::os::unix::ffi::OsStrExt;
    let Ok(entries) = as_path(&under(top, within)).read_dir() else {
        return false;
    };
    let mut whole = true;
    for entry in entries.flatten() {
        let name = entry.file_name();
        let name = if within.is_empty() {
            name.as_bytes().to_vec()
        } else {
            below(within, name.as_bytes())
        };
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => whole &= walk(top, &name, files),
            _ => {
                files.insert(name);
            }
        }
    }
    whole
}
