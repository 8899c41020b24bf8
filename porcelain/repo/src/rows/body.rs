//! How a row is written: small numbers instead of names that were there before.
//!
//! ```text
//! row      link 32 bytes, sequence, job 32 bytes, step, build?, kind, argv, directory, name?,
//!          repeats?, outcome, interrupted?, started, duration, verdict, reads, writes, datasets
//! list     number of items, items
//! read     path, content, size, mode and class
//! write    path, content, size, mode and class, change
//! path     0, base, length, bytes: the next path; else the number of a path, from 1
//! content  0: none; 1, 32 bytes: the next content; else the number of a content, from 2
//! ```
//!
//! Numbers are LEB128, signed ones zigzag first. Paths and contents are counted through the file, as
//! they first appear. Most of what a job reads was written by one before it, so this halves the file,
//! and nothing is read with more work than copying.

use super::Link;
use roar_graph::{Codes, Input, Output, Record, Version};
use roar_object::{
    Base, ByteStr, Change, Class, ContentId, DatasetAt, JobKind, Mode, ObjectId, Outcome,
    RecordedPath, Role, StepName, Verdict,
};
use std::collections::HashMap;

/// Writes rows, one after the other.
#[derive(Default)]
pub(super) struct Encoder<'r> {
    paths: HashMap<&'r RecordedPath, u64>,
    contents: HashMap<ContentId, u64>,
    out: Vec<u8>,
}

impl<'r> Encoder<'r> {
    /// Writes one row and returns its bytes.
    pub(super) fn row(&mut self, link: &Link, record: &'r Record) -> &[u8] {
        self.out.clear();
        self.out.extend_from_slice(link.id.as_bytes());
        self.number(link.sequence);
        self.head(record);
        self.number(record.reads.len() as u64);
        record.reads.iter().for_each(|read| self.read(read));
        self.number(record.writes.len() as u64);
        record.writes.iter().for_each(|write| self.write(write));
        self.number(record.datasets.len() as u64);
        record.datasets.iter().for_each(|set| self.dataset(set));
        &self.out
    }

    fn head(&mut self, record: &'r Record) {
        self.out.extend_from_slice(record.job.as_bytes());
        self.number(record.step.number.into());
        self.out.push(record.step.build.into());
        self.out.push(record.kind.code());
        self.number(record.argv.len() as u64);
        record.argv.iter().for_each(|word| self.bytes(word));
        self.path(&record.directory);
        self.out.push(record.name.is_some().into());
        if let Some(name) = &record.name {
            self.bytes(name.as_bytes());
        }
        self.out.push(record.repeats.is_some().into());
        if let Some(job) = &record.repeats {
            self.out.extend_from_slice(job.as_bytes());
        }
        let (code, value) = record.outcome.into();
        self.out.push(code);
        self.signed(value.into());
        self.out.push(record.interrupted.into());
        self.signed(record.started_ns);
        self.number(record.duration_ns);
        self.out.push(record.verdict.code());
    }

    fn read(&mut self, read: &'r Input) {
        self.path(&read.path);
        self.content(read.id);
        self.number(read.size);
        self.out.push(mode_and_class(read.mode, read.class));
    }

    fn write(&mut self, write: &'r Output) {
        self.path(&write.path);
        self.content(write.id);
        self.number(write.size);
        self.out.push(mode_and_class(write.mode, write.class));
        self.out.push(write.change.code());
    }

    fn dataset(&mut self, set: &'r DatasetAt) {
        self.out.push(set.role.code());
        self.path(&set.path);
        self.out.extend_from_slice(set.tree.as_bytes());
        self.number(set.files);
        self.number(set.bytes);
    }

    fn path(&mut self, path: &'r RecordedPath) {
        let next = self.paths.len() as u64 + 1;
        let number = *self.paths.entry(path).or_insert(next);
        if number < next {
            return self.number(number);
        }
        self.number(0);
        self.out.push(path.base.code());
        self.bytes(&path.path);
    }

    fn content(&mut self, id: Option<ContentId>) {
        let Some(id) = id else {
            return self.number(0);
        };
        let next = self.contents.len() as u64 + 2;
        let number = *self.contents.entry(id).or_insert(next);
        if number < next {
            return self.number(number);
        }
        self.number(1);
        self.out.extend_from_slice(id.as_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.out.extend_from_slice(bytes);
    }

    fn signed(&mut self, number: i64) {
        self.number(((number << 1) ^ (number >> 63)).cast_unsigned());
    }

    fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.out.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.out.push(number as u8);
    }
}

const fn mode_and_class(mode: Mode, class: Class) -> u8 {
    mode.code() << 4 | class.code()
}

/// Reads rows, one after the other. After a row that cannot be read, no other can.
#[derive(Default)]
pub(super) struct Decoder<'b> {
    paths: Vec<(Base, &'b [u8])>,
    contents: Vec<ContentId>,
    codes: Codes,
    rest: &'b [u8],
}

impl<'b> Decoder<'b> {
    /// Reads one row, unless the bytes are none.
    pub(super) fn row(&mut self, bytes: &'b [u8]) -> Option<(Link, Record)> {
        self.rest = bytes;
        let id = ObjectId::from_bytes(self.array()?);
        let sequence = self.number()?;
        let mut record = self.head()?;
        record.reads = self.list(Self::read)?;
        record.writes = self.list(Self::write)?;
        record.datasets = self.list(Self::dataset)?;
        let link = Link { id, sequence };
        self.rest.is_empty().then_some((link, record))
    }

    /// Returns the numbers of the names in what was read.
    pub(super) fn codes(self) -> Codes {
        self.codes
    }

    /// Reads what comes before the lists of files.
    fn head(&mut self) -> Option<Record> {
        Some(Record {
            job: ObjectId::from_bytes(self.array()?),
            step: self.step()?,
            kind: JobKind::from_code(self.byte()?)?,
            argv: self.list(|from| Some(ByteStr(from.bytes()?.to_vec())))?,
            directory: self.path()?,
            name: self.name()?,
            repeats: self.repeats()?,
            outcome: self.outcome()?,
            interrupted: self.flag()?,
            started_ns: self.signed()?,
            duration_ns: self.number()?,
            verdict: Verdict::from_code(self.byte()?)?,
            reads: Vec::new(),
            writes: Vec::new(),
            datasets: Vec::new(),
        })
    }

    fn step(&mut self) -> Option<StepName> {
        let number = self.number()?.try_into().ok()?;
        let build = self.flag()?;
        Some(StepName { build, number })
    }

    fn name(&mut self) -> Option<Option<String>> {
        if !self.flag()? {
            return Some(None);
        }
        let text = std::str::from_utf8(self.bytes()?).ok()?;
        Some(Some(text.to_owned()))
    }

    fn repeats(&mut self) -> Option<Option<ObjectId>> {
        if !self.flag()? {
            return Some(None);
        }
        Some(Some(ObjectId::from_bytes(self.array()?)))
    }

    fn outcome(&mut self) -> Option<Outcome> {
        let code = self.byte()?;
        let value = self.signed()?.try_into().ok()?;
        Some((code, value).into())
    }

    fn read(&mut self) -> Option<Input> {
        let (path, id, code) = self.version()?;
        self.codes.reads.push(code);
        let size = self.number()?;
        let (mode, class) = self.mode_and_class()?;
        Some(Input {
            path,
            id,
            mode,
            size,
            class,
        })
    }

    fn write(&mut self) -> Option<Output> {
        let (path, id, code) = self.version()?;
        self.codes.writes.push(code);
        let size = self.number()?;
        let (mode, class) = self.mode_and_class()?;
        Some(Output {
            path,
            change: Change::from_code(self.byte()?)?,
            id,
            mode,
            size,
            class,
        })
    }

    fn dataset(&mut self) -> Option<DatasetAt> {
        Some(DatasetAt {
            role: Role::from_code(self.byte()?)?,
            path: self.path()?,
            tree: ObjectId::from_bytes(self.array()?),
            files: self.number()?,
            bytes: self.number()?,
        })
    }

    fn mode_and_class(&mut self) -> Option<(Mode, Class)> {
        let both = self.byte()?;
        Some((Mode::from_code(both >> 4)?, Class::from_code(both & 15)?))
    }

    /// Reads a path and a content.
    fn version(&mut self) -> Option<(RecordedPath, Option<ContentId>, Version)> {
        let (path, shown) = self.numbered_path()?;
        let (content, id) = self.content()?;
        Some((shown, id, Version { path, content }))
    }

    fn path(&mut self) -> Option<RecordedPath> {
        self.numbered_path().map(|(_, path)| path)
    }

    fn numbered_path(&mut self) -> Option<(u32, RecordedPath)> {
        let number = match u32::try_from(self.number()?).ok()? {
            0 => {
                let new = (Base::from_code(self.byte()?)?, self.bytes()?);
                self.paths.push(new);
                u32::try_from(self.paths.len()).ok()?
            }
            number => number,
        };
        let (base, path) = *self.paths.get(number as usize - 1)?;
        let path = ByteStr(path.to_vec());
        Some((number, RecordedPath { base, path }))
    }

    fn content(&mut self) -> Option<(u32, Option<ContentId>)> {
        let number = match u32::try_from(self.number()?).ok()? {
            0 => return Some((0, None)),
            1 => {
                let new = ContentId::from_bytes(self.array()?);
                self.contents.push(new);
                u32::try_from(self.contents.len()).ok()? + 1
            }
            number => number,
        };
        let id = *self.contents.get(number as usize - 2)?;
        Some((number, Some(id)))
    }

    fn list<T>(&mut self, item: impl Fn(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let count = usize::try_from(self.number()?).ok()?;
        // An item takes a byte at least.
        if count > self.rest.len() {
            return None;
        }
        let mut list = Vec::with_capacity(count);
        for _ in 0..count {
            list.push(item(self)?);
        }
        Some(list)
    }

    fn bytes(&mut self) -> Option<&'b [u8]> {
        let len = usize::try_from(self.number()?).ok()?;
        let (bytes, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        Some(bytes)
    }

    fn array(&mut self) -> Option<[u8; 32]> {
        let (bytes, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(*bytes)
    }

    fn flag(&mut self) -> Option<bool> {
        match self.byte()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    fn byte(&mut self) -> Option<u8> {
        let (&byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(byte)
    }

    fn signed(&mut self) -> Option<i64> {
        let number = self.number()?;
        Some((number >> 1).cast_signed() ^ -((number & 1).cast_signed()))
    }

    fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }
}
