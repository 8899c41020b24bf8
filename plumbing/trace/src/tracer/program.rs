//! What program files need beside themselves, read from the files.

use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::FileExt;

use roar_events::Version;

use crate::state::as_path;

/// How many programs are remembered before all are forgotten.
const REMEMBERED: usize = 1 << 12;

/// How much of a file the kernel looks at to find out what it is.
const HEAD: usize = 256;

/// The longest name that is read from a file.
const LONGEST: usize = 4096;

/// Programs that tell how other programs are loaded, or watch them for themselves: a library of ours would
/// be told of as well. By their names, or by the directory of their parts.
const ONLOOKERS: &[&[u8]] = &[b"/ldd", b"/valgrind", b"/valgrind.bin"];
const ONLOOKERS_PARTS: &[&[u8]] = &[b"/valgrind/"];

/// Libraries that refuse to run unless they are loaded before all others.
const FIRST: &[&[u8]] = &[b"libasan.so", b"libclang_rt.asan"];

/// What programs need beside themselves, by the version of their files.
#[derive(Debug, Default)]
pub(crate) struct Programs(HashMap<(u64, u64, i64, i64), Program>);

impl Programs {
    /// Returns what the program at `path`, a file in state `version`, needs.
    pub(super) fn of(&mut self, path: &[u8], version: Version) -> Program {
        if self.0.len() >= REMEMBERED {
            self.0.clear();
        }
        let key = (version.dev, version.ino, version.mtime_ns, version.ctime_ns);
        let known = self.0.entry(key).or_insert_with(|| Program::read(path));
        known.clone()
    }
}

/// What a program file needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Program {
    /// What executes it, or loads what it consists of.
    pub(super) interpreter: Option<Interpreter>,
    /// Whether it cannot, or should not, load our library.
    pub(super) alone: bool,
}

/// What is loaded into memory when a program is executed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Image {
    /// The file: that of the interpreter, if the program is a script.
    pub(super) file: Version,
    /// Whether it, or the script, cannot or should not load our library.
    pub(super) alone: bool,
}

/// What the kernel executes in the place of a program, or with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Interpreter {
    /// The program that a script begins with.
    Script(Vec<u8>),
    /// The loader of a dynamically linked program.
    Loader(Vec<u8>),
}

impl Program {
    fn read(path: &[u8]) -> Self {
        let program = Self::of_file(path).unwrap_or_default();
        let holds = |part: &&[u8]| path.windows(part.len()).any(|here| here == *part);
        let onlooker =
            ONLOOKERS.iter().any(|name| path.ends_with(name)) || ONLOOKERS_PARTS.iter().any(holds);
        Self {
            alone: program.alone || onlooker,
            ..program
        }
    }

    fn of_file(path: &[u8]) -> Option<Self> {
        let Ok(file) = File::open(as_path(path)) else {
            // It may be anything.
            return Some(Self {
                alone: true,
                ..Self::default()
            });
        };
        let mut head = [0; HEAD];
        let read = file.read_at(&mut head, 0).ok()?;
        let head = &head[..read];
        if let Some(line) = head.strip_prefix(b"#!") {
            return Some(Self {
                interpreter: script(line).map(Interpreter::Script),
                alone: false,
            });
        }
        let elf = Elf::of(&file, head)?;
        Some(Self {
            interpreter: elf.loader().map(Interpreter::Loader),
            alone: !elf.wide || elf.needs(FIRST),
        })
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

/// An ELF file.
///
/// Layout: System V ABI, chapters 4 and 5. Both word sizes, little-endian only.
struct Elf<'a> {
    file: &'a File,
    wide: bool,
    /// Where its program headers are, the size of one, and how many.
    table: u64,
    size: u64,
    count: u64,
}

/// One program header.
struct Segment {
    kind: u64,
    offset: u64,
    address: u64,
    length: u64,
}

const PT_LOAD: u64 = 1;
const PT_DYNAMIC: u64 = 2;
const PT_INTERP: u64 = 3;

const DT_NEEDED: u64 = 1;
const DT_STRTAB: u64 = 5;

/// The most of a dynamic section that is read, in bytes.
const DYNAMIC: u64 = 1 << 16;

impl<'a> Elf<'a> {
    fn of(file: &'a File, head: &[u8]) -> Option<Self> {
        if !head.starts_with(b"\x7fELF") || head.get(5) != Some(&1) {
            return None;
        }
        let wide = head.get(4) == Some(&2);
        let (table, size, count) = if wide {
            ((32, 8), (54, 2), (56, 2))
        } else {
            ((28, 4), (42, 2), (44, 2))
        };
        let field = |(at, size)| number(head, at, size);
        Some(Self {
            file,
            wide,
            table: field(table)?,
            size: field(size)?,
            count: field(count)?,
        })
    }

    fn segments(&self) -> impl Iterator<Item = Segment> + '_ {
        (0..self.count).map_while(|row| self.segment(row))
    }

    fn segment(&self, row: u64) -> Option<Segment> {
        let mut header = [0; 56];
        let at = self.table.checked_add(row.checked_mul(self.size)?)?;
        let read = self.file.read_at(&mut header, at).ok()?;
        let (offset, address, length, word) = if self.wide {
            (8, 16, 32, 8)
        } else {
            (4, 8, 16, 4)
        };
        let field = |at, size| number(&header[..read], at, size);
        Some(Segment {
            kind: field(0, 4)?,
            offset: field(offset, word)?,
            address: field(address, word)?,
            length: field(length, word)?,
        })
    }

    /// Returns the loader that it asks for.
    fn loader(&self) -> Option<Vec<u8>> {
        let segment = self.segments().find(|it| it.kind == PT_INTERP)?;
        let mut path = vec![0; LONGEST.min(usize::try_from(segment.length).ok()?)];
        self.file.read_exact_at(&mut path, segment.offset).ok()?;
        path.split(|byte| *byte == 0).next().map(<[u8]>::to_vec)
    }

    /// Whether it is linked to a library whose name begins in one of these ways. 64 bits only.
    fn needs(&self, names: &[&[u8]]) -> bool {
        let entries = self.dynamic().unwrap_or_default();
        let strings = entries.iter().find(|(tag, _)| *tag == DT_STRTAB);
        let Some(strings) = strings.and_then(|(_, address)| self.offset_of(*address)) else {
            return false;
        };
        let needed = entries.iter().filter(|(tag, _)| *tag == DT_NEEDED);
        needed.into_iter().any(|(_, at)| {
            let mut name = [0; 32];
            let read = self.file.read_at(&mut name, strings.saturating_add(*at));
            let name = &name[..read.unwrap_or(0)];
            names.iter().any(|start| name.starts_with(start))
        })
    }

    /// Returns the tags and values of the dynamic section.
    fn dynamic(&self) -> Option<Vec<(u64, u64)>> {
        let segment = self.segments().find(|it| it.kind == PT_DYNAMIC)?;
        let mut bytes = vec![0; usize::try_from(segment.length.min(DYNAMIC)).ok()?];
        self.file.read_exact_at(&mut bytes, segment.offset).ok()?;
        let entries = bytes.chunks_exact(16);
        entries
            .map(|entry| Some((number(entry, 0, 8)?, number(entry, 8, 8)?)))
            .collect()
    }

    /// Returns where in the file lies what will be loaded at an address.
    fn offset_of(&self, address: u64) -> Option<u64> {
        let mut loaded = self.segments().filter(|it| it.kind == PT_LOAD);
        let segment =
            loaded.find(|it| address >= it.address && address - it.address < it.length)?;
        segment.offset.checked_add(address - segment.address)
    }
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
#[expect(clippy::unwrap_used, reason = "tests may panic")]
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
    fn a_dynamic_program_names_its_loader_and_its_libraries() {
        let this = std::env::current_exe().unwrap().into_os_string();
        let this = this.into_encoded_bytes();
        let found = Program::read(&this);
        assert!(
            matches!(&found.interpreter, Some(Interpreter::Loader(path)) if path.starts_with(b"/lib")),
            "{found:?}"
        );
        assert!(!found.alone, "{found:?}");
        let file = File::open(as_path(&this)).unwrap();
        let mut head = [0; HEAD];
        file.read_exact_at(&mut head, 0).unwrap();
        let elf = Elf::of(&file, &head).unwrap();
        assert!(elf.needs(&[b"libnone.so", b"libc.so"]));
        assert!(!elf.needs(&[b"libnone.so"]));
    }

    #[test]
    fn what_is_cut_short_has_no_interpreter() {
        assert_eq!(number(b"\x01\x02", 0, 4), None);
        assert_eq!(Program::read(b"/dev/null"), Program::default());
        let unknown = Program::read(b"/nonexistent");
        assert!(unknown.alone && unknown.interpreter.is_none());
    }
}
