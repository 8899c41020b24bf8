//! Calls that execute files.

use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::FileExt;

use libc::AT_EMPTY_PATH;
use roar_events::{Access, Record, State, Version};
use roar_launch::Pause;
use roar_observe::Threat;

use super::look::How;
use super::{Name, Tracer};
use crate::place::{CWD, Caller, Found, Text};
use crate::state::as_path;

/// How many interpreters of interpreters the kernel goes through.
const DEPTH: usize = 5;

/// How much of a file the kernel looks at to find out what it is.
const HEAD: usize = 256;

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
        let Some(found) = self.find(caller, text, how.follow) else {
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
        let width = self.executed(caller, &found, DEPTH);
        self.keep_from_loading(caller, width, env);
        pause.resume();
    }

    /// Notes that a file is executed, and whatever is needed to execute it. Returns for which machine the
    /// program is that will be loaded in the end, as far as that is known.
    fn executed(&mut self, caller: Caller, found: &Found, depth: usize) -> Option<Width> {
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
        match self.interpreters.of(path, version) {
            Some(Interpreter::Script(path)) if depth > 0 => {
                let text = self.text_of(caller, path)?;
                let found = self.find(caller, text, true).filter(is_program)?;
                self.executed(caller, &found, depth - 1)
            }
            Some(Interpreter::Loader(path, width)) => {
                let text = self.text_of(caller, path);
                if let Some(found) = text.and_then(|text| self.find_to_read(caller, text, true)) {
                    self.opened(caller.pid, Access::READ, &found);
                }
                Some(width)
            }
            _ => None,
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

/// How many programs are remembered before all are forgotten.
const REMEMBERED: usize = 1 << 12;

/// What programs need beside themselves, by the version of their files.
#[derive(Debug, Default)]
pub(crate) struct Interpreters(HashMap<(u64, u64, i64, i64), Option<Interpreter>>);

impl Interpreters {
    /// Returns what the program at `path`, a file in state `version`, needs.
    fn of(&mut self, path: &[u8], version: Version) -> Option<Interpreter> {
        if self.0.len() >= REMEMBERED {
            self.0.clear();
        }
        let key = (version.dev, version.ino, version.mtime_ns, version.ctime_ns);
        let known = self.0.entry(key).or_insert_with(|| interpreter(path));
        known.clone()
    }
}

/// What a program file needs beside itself.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Interpreter {
    /// The program that a script begins with.
    Script(Vec<u8>),
    /// The loader of a dynamically linked program, and what it loads.
    Loader(Vec<u8>, Width),
}

/// The size of a program's addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Width {
    /// 32 bits.
    Narrow,
    /// 64 bits.
    Wide,
}

fn interpreter(path: &[u8]) -> Option<Interpreter> {
    let file = File::open(as_path(path)).ok()?;
    let mut head = [0; HEAD];
    let read = file.read_at(&mut head, 0).ok()?;
    let head = &head[..read];
    match head.strip_prefix(b"#!") {
        Some(line) => script(line).map(Interpreter::Script),
        None => {
            let width = if is_wide(head) {
                Width::Wide
            } else {
                Width::Narrow
            };
            loader(&file, head).map(|path| Interpreter::Loader(path, width))
        }
    }
}

/// Returns the interpreter that a script's first line, without `#!`, names.
fn script(line: &[u8]) -> Option<Vec<u8>> {
    let line = line.split(|byte| matches!(byte, b'\n' | 0)).next()?;
    let mut words = line
        .split(|byte| matches!(byte, b' ' | b'\t'))
        .filter(|word| !word.is_empty());
    words.next().map(<[u8]>::to_vec)
}

/// Returns the loader that an ELF file asks for (its `PT_INTERP` segment).
///
/// Layout: System V ABI, chapter 4 and 5. Both word sizes, little-endian only.
fn loader(file: &File, head: &[u8]) -> Option<Vec<u8>> {
    const PT_INTERP: u64 = 3;
    const LONGEST: usize = 4096;
    if !head.starts_with(b"\x7fELF") || head.get(5) != Some(&1) {
        return None;
    }
    let wide = is_wide(head);
    let (table, size, count) = if wide {
        (
            number(head, 32, 8)?,
            number(head, 54, 2)?,
            number(head, 56, 2)?,
        )
    } else {
        (
            number(head, 28, 4)?,
            number(head, 42, 2)?,
            number(head, 44, 2)?,
        )
    };
    for row in 0..count {
        let mut header = [0; 56];
        let at = table.checked_add(row.checked_mul(size)?)?;
        let read = file.read_at(&mut header, at).ok()?;
        let header = &header[..read];
        if number(header, 0, 4)? != PT_INTERP {
            continue;
        }
        let (offset, length) = if wide {
            (number(header, 8, 8)?, number(header, 32, 8)?)
        } else {
            (number(header, 4, 4)?, number(header, 16, 4)?)
        };
        let mut path = vec![0; LONGEST.min(usize::try_from(length).ok()?)];
        file.read_exact_at(&mut path, offset).ok()?;
        return path.split(|byte| *byte == 0).next().map(<[u8]>::to_vec);
    }
    None
}

fn is_wide(head: &[u8]) -> bool {
    head.get(4) == Some(&2)
}

/// Reads a little-endian number.
fn number(bytes: &[u8], at: usize, size: usize) -> Option<u64> {
    let bytes = bytes.get(at..at + size)?;
    Some(
        bytes
            .iter()
            .rev()
            .fold(0, |number, byte| number << 8 | u64::from(*byte)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_names_its_interpreter_in_its_first_line() {
        assert_eq!(script(b"/bin/sh\necho"), Some(b"/bin/sh".to_vec()));
        assert_eq!(
            script(b" \t/usr/bin/env python3\n"),
            Some(b"/usr/bin/env".to_vec())
        );
        assert_eq!(script(b"/bin/sh"), Some(b"/bin/sh".to_vec()));
        assert_eq!(script(b"\n/bin/sh"), None);
    }

    #[test]
    fn a_dynamic_program_names_its_loader() {
        let this = std::env::current_exe().map(|path| path.into_os_string().into_encoded_bytes());
        let found = this.ok().and_then(|path| interpreter(&path));
        assert!(
            matches!(&found, Some(Interpreter::Loader(path, _)) if path.starts_with(b"/lib")),
            "{found:?}"
        );
    }

    #[test]
    fn what_is_cut_short_has_no_interpreter() {
        assert_eq!(number(b"\x01\x02", 0, 4), None);
        assert_eq!(interpreter(b"/dev/null"), None);
    }
}
