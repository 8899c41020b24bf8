//! What paths were a moment ago, so that the files which every program reads are not looked at again
//! and again.
//!
//! Only what a later look could hardly tell otherwise is kept, for a moment: regular files that all may
//! read, and symbolic links. The run itself does not change them unnoticed: whatever it may change is
//! looked at for that, which forgets it here, and is not kept from then on. What others change they
//! would have to change within that moment, between two readings.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use roar_events::State;

use crate::state::is_hidden;

/// How long a look holds.
const MOMENT: Duration = Duration::from_millis(10);

/// How many paths are kept before all are forgotten.
const KEPT: usize = 1 << 12;

/// What was seen at one path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sight {
    pub(crate) state: State,
    /// Where a symbolic link leads, if that was asked.
    pub(crate) target: Option<Vec<u8>>,
}

/// The sights of a moment.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    sights: HashMap<Box<[u8]>, (Instant, Sight)>,
}

impl Recent {
    /// Returns what was seen at `path` a moment ago.
    pub(crate) fn get(&self, path: &[u8]) -> Option<Sight> {
        let (when, sight) = self.sights.get(path)?;
        (when.elapsed() < MOMENT).then(|| sight.clone())
    }

    /// Keeps what was seen at `path`, a look at which began at `when`, if it may be kept.
    pub(crate) fn keep(&mut self, path: &[u8], when: Instant, sight: &Sight) {
        if !lasts(sight) || is_hidden(path) {
            return;
        }
        if self.sights.len() >= KEPT {
            self.sights.clear();
        }
        let kept = (when, sight.clone());
        match self.sights.get_mut(path) {
            Some(known) => *known = kept,
            None => drop(self.sights.insert(path.into(), kept)),
        }
    }

    pub(crate) fn forget(&mut self, path: &[u8]) {
        self.sights.remove(path);
    }

    pub(crate) fn clear(&mut self) {
        self.sights.clear();
    }
}

/// Whether nothing that is let go unnoticed, such as a change of the mode, would soon be missed.
fn lasts(sight: &Sight) -> bool {
    match sight.state {
        State::File(version) => version.mode & 0o444 == 0o444,
        State::Symlink => sight.target.is_some(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use roar_events::Version;

    fn file(mode: u32) -> Sight {
        let state = State::File(Version {
            dev: 1,
            ino: 2,
            size: 3,
            mtime_ns: 4,
            ctime_ns: 5,
            mode,
        });
        Sight {
            state,
            target: None,
        }
    }

    #[test]
    fn a_sight_holds_for_a_moment() {
        let mut recent = Recent::default();
        let now = Instant::now();
        recent.keep(b"/a", now + MOMENT, &file(0o644));
        assert_eq!(recent.get(b"/a"), Some(file(0o644)));
        let Some(before) = now.checked_sub(MOMENT) else {
            return;
        };
        recent.keep(b"/a", before, &file(0o644));
        assert_eq!(recent.get(b"/a"), None);
    }

    #[test]
    fn what_may_change_unnoticed_is_not_kept() {
        let mut recent = Recent::default();
        let later = Instant::now() + MOMENT;
        let nothing = Sight {
            state: State::Missing,
            target: None,
        };
        for (path, sight) in [
            (&b"/a"[..], file(0o640)),
            (b"/a", nothing),
            (b"/proc/1/maps", file(0o444)),
        ] {
            recent.keep(path, later, &sight);
            assert_eq!(recent.get(path), None, "{sight:?}");
        }
    }

    #[test]
    fn what_is_forgotten_is_looked_at_again() {
        let mut recent = Recent::default();
        recent.keep(b"/a", Instant::now() + MOMENT, &file(0o644));
        recent.forget(b"/a");
        assert_eq!(recent.get(b"/a"), None);
    }
}
