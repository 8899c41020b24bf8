//! Calls that execute files.

use libc::AT_EMPTY_PATH;
use roar_events::{Access, Record, State};
use roar_launch::Pause;
use roar_observe::Threat;

use super::look::How;
use super::program::{Image, Interpreter};
use super::{Name, Tracer};
use crate::place::{CWD, Caller, Found, Text};

/// How many interpreters of interpreters the kernel goes through.
const DEPTH: usize = 5;

impl Tracer<'_> {
    /// A program is about to be executed, with the environment at address `env`.
    pub(super) fn exec(
        &mut self,
        caller: Caller,
        name: Name,
        env: u64,
        flags: u64,
        pause: &mut dyn Pause,
    ) {
        if !self.started {
            self.started = true;
            self.take_inherited(caller);
        }
        let empty = flags & AT_EMPTY_PATH as u64 != 0;
        let Some(text) = self.text(caller, name.or_empty(empty)) else {
            return;
        };
        let how = How::IS_THERE.with(flags);
        let words = self.words(&text);
        let Some(found) = self.find_to_read(caller, text, how.follow) else {
            return;
        };
        if !is_program(&found) {
            return self.asked(words, how, Ok(&found));
        }
        self.spool.take(&Record::Process {
            pid: caller.pid,
            parent: 0,
            program: &found.path,
        });
        if let Some(image) = self.executed(caller, &found, DEPTH) {
            self.offer_library(caller, image, env);
        }
        pause.resume();
    }

    /// Notes that a file is executed, and whatever is needed to execute it. Returns what is loaded in the end;
    /// `None` if nothing is.
    fn executed(&mut self, caller: Caller, found: &Found, depth: usize) -> Option<Image> {
        let (path, before) = (found.path.as_slice(), found.state);
        let State::File(version) = before else {
            return None;
        };
        self.name_before(path, version, Threat::Reading);
        self.spool.take(&Record::Exec {
            pid: caller.pid,
            path,
            before,
        });
        let program = self.programs.of(path, version);
        let image = Image {
            file: version,
            alone: program.alone,
        };
        match program.interpreter {
            Some(Interpreter::Script(path)) if depth > 0 => {
                let text = self.text_of(caller, path)?;
                let found = self.find(caller, text, true).filter(is_program)?;
                let of_script = self.executed(caller, &found, depth - 1)?;
                Some(Image {
                    alone: program.alone || of_script.alone,
                    ..of_script
                })
            }
            Some(Interpreter::Loader(path)) => {
                let text = self.text_of(caller, path);
                if let Some(found) = text.and_then(|text| self.find_to_read(caller, text, true)) {
                    self.opened(caller.pid, Access::READ, &found);
                }
                Some(image)
            }
            _ => Some(image),
        }
    }

    fn text_of(&mut self, caller: Caller, path: Vec<u8>) -> Option<Text> {
        let text = self.places.text(caller, CWD, path);
        self.unless_missed(text)
    }
}

/// Returns whether the kernel would execute a file like this.
fn is_program(found: &Found) -> bool {
    matches!(found.state, State::File(version) if version.mode & 0o111 != 0)
}
