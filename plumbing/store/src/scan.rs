//! Going through one segment, frame by frame, past damage.
//!
//! Heads are read through a window, bodies are passed over: what a scan costs is the number of frames,
//! and a commit of large bodies is not read at all.

use crate::frame::{self, Head, Header};
use crate::segment::{self, Segment};
use roar_object::Object;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// How much is read at once.
const WINDOW: u64 = 256 << 10;

/// A frame with a right head, and where it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FrameAt {
    pub(crate) header: Header,
    pub(crate) segment: u32,
    pub(crate) start: u64,
}

impl FrameAt {
    /// Returns the offset of the first body.
    pub(crate) fn bodies(&self) -> u64 {
        self.start + (frame::HEADER + self.header.head_len) as u64
    }

    /// Returns the offset after the frame.
    pub(crate) fn end(&self) -> u64 {
        self.bodies() + self.header.bodies_len
    }
}

/// What comes next in a segment.
#[derive(Debug)]
pub(crate) enum Step {
    /// A frame; its head is in [`Scan::head`].
    Frame(FrameAt),
    /// Bytes that are no frame, with a frame after them.
    Damage {
        /// Where they begin.
        start: u64,
        /// Where the frame begins.
        end: u64,
    },
    /// Nothing more. What lies between `start` and the end of the file is no frame.
    End {
        /// Where the last frame ends.
        start: u64,
    },
}

/// A walk through one segment.
#[derive(Debug)]
pub(crate) struct Scan {
    number: u32,
    window: Window,
    position: u64,
    head: std::ops::Range<u64>,
}

impl Scan {
    /// Begins at the first frame, or at `from` if that is given.
    pub(crate) fn open(segment: &Segment, from: Option<u64>) -> io::Result<Self> {
        let mut window = Window::open(crate::file::open(&segment.path)?)?;
        let position = match from {
            Some(position) => position,
            None if has_header(segment.number, &mut window)? => segment::HEADER,
            None => 0,
        };
        Ok(Self {
            number: segment.number,
            window,
            position,
            head: 0..0,
        })
    }

    /// Returns the length of the segment when the walk began.
    pub(crate) const fn len(&self) -> u64 {
        self.window.len
    }

    /// Returns the file.
    pub(crate) const fn file(&self) -> &File {
        &self.window.file
    }

    /// Returns the head of the frame that came last, and the file.
    pub(crate) fn head(&mut self) -> io::Result<(&[u8], &File)> {
        let head = self.head.clone();
        self.window.hold(head.start, head.end - head.start)?;
        let bytes = self.window.held(head.start, head.end - head.start);
        let bytes = bytes.ok_or(io::ErrorKind::UnexpectedEof)?;
        Ok((bytes, &self.window.file))
    }

    /// Goes one step on.
    pub(crate) fn step(&mut self) -> io::Result<Step> {
        let start = self.position;
        if let Some(frame) = self.frame_at(start)? {
            self.position = frame.end();
            self.head = start + frame::HEADER as u64..frame.bodies();
            return Ok(Step::Frame(frame));
        }
        match self.next_frame_after(start)? {
            Some(end) => {
                self.position = end;
                Ok(Step::Damage { start, end })
            }
            None => Ok(Step::End {
                start: start.min(self.len()),
            }),
        }
    }

    /// Returns the frame that begins at `start`, if a right and whole one does.
    fn frame_at(&mut self, start: u64) -> io::Result<Option<FrameAt>> {
        let Some(bytes) = self.window.bytes(start, frame::HEADER as u64)? else {
            return Ok(None);
        };
        let Some(header) = Header::parse(bytes) else {
            return Ok(None);
        };
        let end = header.frame_len().and_then(|len| start.checked_add(len));
        if end.is_none_or(|end| end > self.len()) {
            return Ok(None);
        }
        let front = self
            .window
            .bytes(start, (frame::HEADER + header.head_len) as u64)?;
        let right = front.is_some_and(|front| header.sequence > 0 && header.vouches_for(front));
        Ok(right.then_some(FrameAt {
            header,
            segment: self.number,
            start,
        }))
    }

    fn next_frame_after(&mut self, start: u64) -> io::Result<Option<u64>> {
        let mut from = start + 1;
        while let Some(candidate) = self.window.find(&frame::MAGIC, from)? {
            if self.frame_at(candidate)?.is_some() {
                return Ok(Some(candidate));
            }
            from = candidate + 1;
        }
        Ok(None)
    }
}

fn has_header(number: u32, window: &mut Window) -> io::Result<bool> {
    let header = window.bytes(0, segment::HEADER)?;
    Ok(header.is_some_and(|bytes| segment::parse_header(number, bytes).is_some()))
}

/// Returns whether every body of a frame is what its name says.
pub(crate) fn bodies_are_genuine(
    file: &File,
    frame: &FrameAt,
    head: &Head<'_>,
) -> io::Result<bool> {
    for (entry, at) in head.entries() {
        let body = crate::file::read_exactly(file, frame.bodies() + at, entry.len as usize)?;
        let genuine =
            body.is_some_and(|body| Object::from_parts(entry.id, entry.kind, body).is_genuine());
        if !genuine {
            return Ok(false);
        }
    }
    Ok(true)
}

/// A stretch of a file in memory, which moves on when bytes outside are asked for.
#[derive(Debug)]
struct Window {
    file: File,
    len: u64,
    start: u64,
    bytes: Vec<u8>,
}

impl Window {
    fn open(file: File) -> io::Result<Self> {
        let len = file.metadata()?.len();
        Ok(Self {
            file,
            len,
            start: 0,
            bytes: Vec::new(),
        })
    }

    /// Returns `len` bytes at `at`, or nothing if the file ends before.
    fn bytes(&mut self, at: u64, len: u64) -> io::Result<Option<&[u8]>> {
        self.hold(at, len)?;
        Ok(self.held(at, len))
    }

    /// Moves to where `len` bytes at `at` are inside, if the file has them.
    fn hold(&mut self, at: u64, len: u64) -> io::Result<()> {
        let is_in_file = at.checked_add(len).is_some_and(|end| end <= self.len);
        if is_in_file && self.held(at, len).is_none() {
            self.move_to(at, len.max(WINDOW))?;
        }
        Ok(())
    }

    fn held(&self, at: u64, len: u64) -> Option<&[u8]> {
        let from = usize::try_from(at.checked_sub(self.start)?).ok()?;
        self.bytes
            .get(from..from.checked_add(usize::try_from(len).ok()?)?)
    }

    fn move_to(&mut self, at: u64, len: u64) -> io::Result<()> {
        self.start = at;
        self.bytes.resize(len.min(self.len - at) as usize, 0);
        let mut filled = 0;
        while filled < self.bytes.len() {
            match self
                .file
                .read_at(&mut self.bytes[filled..], at + filled as u64)
            {
                // A writer has cut a torn tail off since the length was taken.
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(err) if err.kind() == io::ErrorKind::Interrupted => {}
                Err(err) => return Err(err),
            }
        }
        self.bytes.truncate(filled);
        Ok(())
    }

    /// Returns where `needle` next begins, from `from` on.
    fn find(&mut self, needle: &[u8; 8], from: u64) -> io::Result<Option<u64>> {
        let mut at = from;
        while at + needle.len() as u64 <= self.len {
            let len = WINDOW.min(self.len - at);
            let Some(bytes) = self.bytes(at, len)? else {
                return Ok(None);
            };
            if let Some(found) = bytes
                .windows(needle.len())
                .position(|bytes| bytes == needle)
            {
                return Ok(Some(at + found as u64));
            }
            at += len - (needle.len() as u64 - 1);
        }
        Ok(None)
    }
}
