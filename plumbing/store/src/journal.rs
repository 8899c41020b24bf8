//! The journal: segments read as one sequence of frames, and appended to.

use crate::checkpoint::Checkpoint;
use crate::door;
use crate::file::{self, FileError, FileResult, if_there};
use crate::frame::Head;
use crate::scan::{FrameAt, Scan, Step, bodies_are_genuine};
use crate::segment::{self, Segment};
use std::fs::File;
use std::path::{Path, PathBuf};

/// What a walk through the journal meets.
#[derive(Debug)]
pub(crate) enum Found<'a> {
    /// A commit.
    Frame(&'a FrameAt, Head<'a>, &'a File),
    /// Bytes that are none.
    Damage {
        /// In which segment.
        segment: u32,
        /// From where.
        start: u64,
        /// To where.
        end: u64,
    },
}

/// Where the journal ends.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tail {
    /// The newest segment; 0 if there is none.
    pub(crate) segment: u32,
    /// Where its last frame ends.
    pub(crate) end: u64,
    /// How long it is.
    pub(crate) len: u64,
    /// The last frame of the journal.
    pub(crate) last: Checkpoint,
}

/// A walk through the frames after a checkpoint.
pub(crate) struct Walk<'v> {
    /// Bodies of frames after this one are hashed.
    trusted: u64,
    visit: &'v mut dyn FnMut(Found<'_>) -> FileResult<()>,
    /// A frame whose bodies are wrong: a torn tail if it stays the last, damage if it does not.
    doubtful: Option<(FrameAt, Vec<u8>)>,
    last: Checkpoint,
}

/// Visits the frames after `from`, and returns where the journal ends.
///
/// Frames up to sequence number `trusted` are known to have been synced; the last one after it counts
/// only if its bodies are right.
pub(crate) fn walk(
    journal: &Path,
    from: Checkpoint,
    trusted: u64,
    visit: &mut dyn FnMut(Found<'_>) -> FileResult<()>,
) -> FileResult<Tail> {
    let segments = segment::list(journal)?;
    walk_segments(&segments, newest(&segments), from, trusted, visit)
}

/// Returns the number of the newest segment, the only one that may end in a torn tail.
pub(crate) fn newest(segments: &[Segment]) -> u32 {
    segments.last().map_or(0, |segment| segment.number)
}

/// Visits the frames after `from` in some of the segments.
pub(crate) fn walk_segments(
    segments: &[Segment],
    newest: u32,
    from: Checkpoint,
    trusted: u64,
    visit: &mut dyn FnMut(Found<'_>) -> FileResult<()>,
) -> FileResult<Tail> {
    let mut walk = Walk {
        trusted,
        visit,
        doubtful: None,
        last: from,
    };
    let mut tail = Tail {
        segment: 0,
        end: 0,
        len: 0,
        last: from,
    };
    for segment in segments
        .iter()
        .filter(|segment| segment.number >= from.segment)
    {
        let begin = (segment.number == from.segment).then_some(from.end);
        if let Some((end, len)) = walk.segment(segment, begin, segment.number == newest)? {
            tail = Tail {
                segment: segment.number,
                end,
                len,
                last: walk.last,
            };
        }
    }
    Ok(tail)
}

/// Returns the first bytes of a segment that are no frame, judging by headers and checksums alone. What
/// the newest one ends in may still be being written.
pub(crate) fn damage_of(segment: &Segment, is_newest: bool) -> FileResult<Option<(u64, u64)>> {
    let at = || FileError::at("read", &segment.path);
    let Some(mut scan) = if_there(Scan::open(segment, None)).map_err(at())? else {
        return Ok(None);
    };
    loop {
        match scan.step().map_err(at())? {
            Step::Frame(_) => {}
            Step::Damage { start, end } => return Ok(Some((start, end))),
            Step::End { start } => {
                let rest = (start, scan.len());
                return Ok((!is_newest && start < scan.len()).then_some(rest));
            }
        }
    }
}

impl Walk<'_> {
    /// Walks through one segment; returns the end of its last frame and its length.
    fn segment(
        &mut self,
        segment: &Segment,
        begin: Option<u64>,
        is_newest: bool,
    ) -> FileResult<Option<(u64, u64)>> {
        let at = || FileError::at("read", &segment.path);
        let Some(mut scan) = if_there(Scan::open(segment, begin)).map_err(at())? else {
            return Ok(None);
        };
        loop {
            match scan.step().map_err(at())? {
                Step::Frame(frame) => {
                    self.settle_doubt(scan.file())?;
                    self.frame(&frame, &mut scan).map_err(at())??;
                }
                Step::Damage { start, end } => self.damage(segment.number, start, end)?,
                Step::End { start } if is_newest => {
                    let end = self.doubtful.take().map_or(start, |(frame, _)| frame.start);
                    return Ok(Some((end, scan.len())));
                }
                Step::End { start } => {
                    self.settle_doubt(scan.file())?;
                    if start < scan.len() {
                        self.damage(segment.number, start, scan.len())?;
                    }
                    return Ok(Some((start, scan.len())));
                }
            }
        }
    }

    fn damage(&mut self, segment: u32, start: u64, end: u64) -> FileResult<()> {
        (self.visit)(Found::Damage {
            segment,
            start,
            end,
        })
    }

    fn frame(&mut self, frame: &FrameAt, scan: &mut Scan) -> std::io::Result<FileResult<()>> {
        let (bytes, file) = scan.head()?;
        let Ok(head) = Head::parse(&frame.header, bytes) else {
            return Ok(self.damage(frame.segment, frame.start, frame.end()));
        };
        let is_new = frame.header.sequence > self.trusted;
        if is_new && !bodies_are_genuine(file, frame, &head)? {
            self.doubtful = Some((*frame, bytes.to_vec()));
            return Ok(Ok(()));
        }
        Ok(self.accept(frame, head, file))
    }

    fn accept(&mut self, frame: &FrameAt, head: Head<'_>, file: &File) -> FileResult<()> {
        self.last = checkpoint_of(frame);
        (self.visit)(Found::Frame(frame, head, file))
    }

    /// A frame came after the doubtful one, so that one was synced, and has been damaged since. Its head
    /// is right, and so are perhaps most of its objects, which are hashed when they are read.
    fn settle_doubt(&mut self, file: &File) -> FileResult<()> {
        let Some((frame, bytes)) = self.doubtful.take() else {
            return Ok(());
        };
        match Head::parse(&frame.header, &bytes) {
            Ok(head) => self.accept(&frame, head, file),
            Err(_) => Ok(()),
        }
    }
}

/// Returns the checkpoint that names a frame.
pub(crate) fn checkpoint_of(frame: &FrameAt) -> Checkpoint {
    Checkpoint {
        sequence: frame.header.sequence,
        segment: frame.segment,
        start: frame.start,
        end: frame.end(),
        checksum: frame.header.checksum,
    }
}

/// The end of the journal, as its one writer sees it.
#[derive(Debug)]
pub(crate) struct Appender {
    journal: PathBuf,
    file: Option<File>,
    segment: u32,
    end: u64,
}

impl Appender {
    /// Goes on in segment `tail.segment` after its last frame. What comes after has been cut off.
    pub(crate) fn at(journal: &Path, tail: &Tail) -> Self {
        Self {
            journal: journal.to_owned(),
            file: None,
            segment: tail.segment,
            end: tail.end,
        }
    }

    /// Begins a new segment, the first frame of which will have the sequence number `first`.
    pub(crate) fn begin(journal: &Path, number: u32, first: u64) -> FileResult<Self> {
        begin_segment(&segment::path(journal, number), number, first)?;
        file::sync_dir(journal)?;
        let journal = journal.to_owned();
        Ok(Self {
            journal,
            file: None,
            segment: number,
            end: segment::HEADER,
        })
    }

    /// Returns whether this goes on in a later segment than that.
    pub(crate) const fn is_beyond(&self, segment: u32) -> bool {
        0 < segment && segment < self.segment
    }

    /// Returns the newest segment, if there is something in it.
    pub(crate) fn begun(&self) -> Option<u32> {
        (self.segment > 0 && self.end > segment::HEADER).then_some(self.segment)
    }

    /// Returns the segment that the next frame makes a closed one.
    pub(crate) fn about_to_close(&self) -> Option<u32> {
        (self.segment > 0 && self.end >= segment::FULL).then_some(self.segment)
    }

    /// Appends a frame and waits until it is on the disk; returns segment and offset.
    pub(crate) fn append(&mut self, sequence: u64, frame: &[u8]) -> FileResult<(u32, u64)> {
        if self.segment == 0 || self.end >= segment::FULL {
            *self = Self::begin(&self.journal, self.segment + 1, sequence)?;
        }
        let path = segment::path(&self.journal, self.segment);
        let file = self.open(&path)?;
        let start = self.end;
        if let Err(err) = write_durably(&file, frame, start) {
            // What was written in part was never acknowledged; if even this fails, the next writer
            // cuts it off.
            let _ = door::resize(&file, start);
            return Err(FileError::at("write", &path)(err));
        }
        self.file = Some(file);
        self.end += frame.len() as u64;
        Ok((self.segment, start))
    }

    fn open(&mut self, path: &Path) -> FileResult<File> {
        match self.file.take() {
            Some(file) => Ok(file),
            None => door::open(path).map_err(FileError::at("open", path)),
        }
    }
}

/// Makes an empty segment, and the directory of segments if that was lost. One that is there was begun by a writer that was killed before its first
/// frame: callers know that nothing is in it.
pub(crate) fn begin_segment(path: &Path, number: u32, first: u64) -> FileResult<()> {
    path.parent().map_or(Ok(()), file::make_lasting_dir)?;
    let write = || -> std::io::Result<()> {
        let file = door::create(path)?;
        write_durably(&file, &segment::encode_header(number, first), 0)
    };
    write().map_err(|err| {
        let _ = door::remove(path);
        FileError::at("create", path)(err)
    })
}

fn write_durably(file: &File, bytes: &[u8], at: u64) -> std::io::Result<()> {
    door::write_at(file, bytes, at)?;
    door::sync(file)
}

/// Cuts a segment off after its last frame.
pub(crate) fn cut(journal: &Path, tail: &Tail) -> FileResult<()> {
    let path = segment::path(journal, tail.segment);
    let cut = || -> std::io::Result<()> {
        let file = door::open(&path)?;
        door::resize(&file, tail.end)?;
        door::sync(&file)
    };
    cut().map_err(FileError::at("cut", &path))
}
