//! Calls that only look, and what is to be known of the others where a run looks is of interest.

use libc::{AT_SYMLINK_NOFOLLOW, O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_PATH, O_TMPFILE};
use roar_events::{Access, State};

use super::{Name, Tracer};
use crate::place::{Caller, Found, Missed, Text};
use crate::state::is_readable;

/// How something is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct How {
    /// Whether a link at the end is followed.
    pub(super) follow: bool,
    /// Whether size and time are told.
    pub(super) stamped: bool,
}

impl How {
    /// Whether there is something.
    pub(super) const IS_THERE: Self = Self {
        follow: true,
        stamped: false,
    };
    /// All that there is to know.
    pub(super) const ALL: Self = Self {
        follow: true,
        stamped: true,
    };

    /// The same of a link itself.
    pub(super) const fn itself(self) -> Self {
        self.following(false)
    }

    /// The same, with a link at the end followed or not.
    pub(super) const fn following(self, follow: bool) -> Self {
        Self { follow, ..self }
    }

    /// The same, with the flags of an `at` call.
    pub(super) const fn with(self, flags: u64) -> Self {
        self.following(flags & AT_SYMLINK_NOFOLLOW as u64 == 0)
    }
}

impl Tracer<'_> {
    /// A call that asks about a name.
    pub(super) fn look(&mut self, caller: Caller, name: Name, how: How) {
        self.look_and_find(caller, name, how);
    }

    fn look_and_find(&mut self, caller: Caller, name: Name, how: How) -> Option<Found> {
        let text = self.text(caller, name)?;
        let words = self.words(&text);
        let found = self.places.find(text, how.follow);
        self.asked(words, how, found.as_ref());
        self.unless_missed(found)
    }

    /// `chdir`: from here on paths begin where the links lead now, and name them no more.
    pub(super) fn chdir(&mut self, caller: Caller, name: Name) {
        let Some(text) = self.text(caller, name) else {
            return;
        };
        let words = self.words(&text);
        let found = self.places.find(text, true);
        self.came(words.clone(), found.as_ref());
        self.asked(words, How::IS_THERE, found.as_ref());
        if let Some(found) = self.unless_missed(found)
            && found.state == State::Directory
        {
            self.pass(caller, &found.links);
        }
    }

    /// `mkdir` and `mknod`: they tell whether something is there, and make it if not.
    pub(super) fn make(&mut self, caller: Caller, name: Name) {
        let how = How::IS_THERE.itself();
        if let Some(found) = self.look_and_find(caller, name, how)
            && found.state == State::Missing
        {
            self.changes(&found.path);
        }
    }

    /// `rmdir`: of a directory that the run has made, mostly.
    pub(super) fn rmdir(&mut self, caller: Caller, name: Name) {
        let how = How::IS_THERE.itself();
        if let Some(found) = self.look_and_find(caller, name, how) {
            self.changes(&found.path);
        }
    }

    /// An opening that gives no way to any content that has a name, but to names.
    pub(super) fn open_nothing(&mut self, text: Text, flags: i32) {
        let words = self.words(&text);
        let found = self.places.find(text, flags & O_NOFOLLOW == 0);
        self.came(words.clone(), found.as_ref());
        let nameless = flags & O_TMPFILE == O_TMPFILE;
        let lists = flags & O_DIRECTORY != 0 && flags & O_PATH == 0 && !nameless;
        match (&found, &mut self.looks) {
            (Ok(found), Some(looks)) if lists && found.state == State::Directory => {
                looks.list(&found.path, &self.spool.fold);
            }
            _ => self.asked_to_open(words, flags, found.as_ref()),
        }
        let _ = self.unless_missed(found);
    }

    /// Takes note of what an opening tells beside content.
    pub(super) fn learned(&mut self, words: Option<Vec<u8>>, flags: i32, found: &Found) {
        let Some(looks) = &mut self.looks else { return };
        let creates = flags & O_CREAT != 0;
        let tells = match found.state {
            State::Directory => {
                return looks.list(&found.path, &self.spool.fold);
            }
            State::Missing => !creates,
            // It is read or written, unless that is not let through.
            State::File(version) => {
                let reads = super::open::access_of(flags) == Access::READ;
                (creates && flags & O_EXCL != 0) || (reads && !is_readable(&found.path, version))
            }
            State::Symlink | State::Other => true,
        };
        if tells {
            self.asked_to_open(words, flags, Ok(found));
        }
    }

    fn asked_to_open(
        &mut self,
        words: Option<Vec<u8>>,
        flags: i32,
        found: Result<&Found, &Missed>,
    ) {
        let fresh = flags & O_CREAT != 0 && flags & O_EXCL != 0;
        let how = match fresh || flags & O_NOFOLLOW != 0 {
            true => How::IS_THERE.itself(),
            false => How::IS_THERE,
        };
        self.asked(words, how, found);
    }

    /// Returns the words of a question, if questions are of interest and can be asked again.
    pub(super) fn words(&mut self, text: &Text) -> Option<Vec<u8>> {
        let looks = self.looks.as_mut()?;
        let words = text.our_words();
        if words.is_none() {
            looks.give_up("it saw another tree of files than others do");
        }
        words
    }

    /// Takes note of a question.
    pub(super) fn asked(
        &mut self,
        words: Option<Vec<u8>>,
        how: How,
        found: Result<&Found, &Missed>,
    ) {
        let (Some(words), Some(looks)) = (words, &mut self.looks) else {
            return;
        };
        // Were there a directory to make it in, it could be made.
        if let (Err(_), Some(above)) = (found, above(&words)) {
            let how = (true, false);
            looks.ask(above, how, None, &self.spool.fold);
        }
        let how = (how.follow, how.stamped);
        looks.ask(words, how, found.ok(), &self.spool.fold);
    }

    /// Takes note of the links that were gone through.
    pub(super) fn came(&mut self, words: Option<Vec<u8>>, found: Result<&Found, &Missed>) {
        if let (Some(words), Some(looks), Ok(found)) = (words, &mut self.looks, found) {
            looks.came(&words, found);
        }
    }

    /// Takes note that something that is no file is made, moved or removed.
    pub(super) fn changes(&mut self, path: &[u8]) {
        if let Some(looks) = &mut self.looks {
            looks.changes(path);
        }
    }
}

/// Returns the directory that a path is in, if that is not the root.
fn above(words: &[u8]) -> Option<Vec<u8>> {
    let end = words.iter().rposition(|byte| *byte != b'/')?;
    let at = words[..end].iter().rposition(|byte| *byte == b'/')?;
    (at > 0).then(|| words[..at].to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_above_a_path_is_found() {
        for (words, expected) in [
            ("/a/b", Some("/a")),
            ("/a/b/", Some("/a")),
            ("/a", None),
            ("/", None),
        ] {
            let expected = expected.map(|path: &str| path.as_bytes().to_vec());
            assert_eq!(above(words.as_bytes()), expected, "{words}");
        }
    }
}
