//! Where every object is: the lists of closed segments, and the frames of the rest.

use crate::base::Base;
use crate::checkpoint::Checkpoint;
use crate::file::{FileError, if_there};
use crate::frame::Head;
use crate::journal::{self, Found};
use crate::scan::FrameAt;
use crate::segment::{self, Segment};
use crate::segment_index::{Listed, SegmentIndex};
use crate::store::Layout;
use roar_object::{Kind, ObjectId, Prefix};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::path::Path;

/// Bytes that an object takes up in the journal, more or less: how much room to make for the places of
/// those in a segment.
const TYPICAL: u64 = 640;

/// Returns the length of a segment; 0 if it has gone.
fn length(segment: &Segment) -> Result<u64, FileError> {
    let meta = if_there(std::fs::metadata(&segment.path));
    let meta = meta.map_err(FileError::at("read", &segment.path))?;
    Ok(meta.map_or(0, |meta| meta.len()))
}

/// Where every object is.
#[derive(Debug, Default)]
pub(crate) struct Places {
    closed: Vec<SegmentIndex>,
    places: HashMap<ObjectId, Place, BuildHasherDefault<NameHasher>>,
    damage: Option<Damage>,
}

/// Bytes of a segment that are no commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Damage {
    pub(crate) segment: u32,
    pub(crate) start: u64,
    pub(crate) end: u64,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    segment: u32,
    kind: Kind,
    len: u32,
    offset: u64,
}

impl Place {
    const fn listed(self, id: ObjectId) -> (u32, Listed) {
        (
            self.segment,
            Listed {
                id,
                kind: self.kind,
                offset: self.offset,
                len: self.len,
            },
        )
    }
}

impl Places {
    /// Reads the lists of closed segments, and goes through the segments that have none.
    pub(crate) fn read(layout: &Layout, base: &Base, trusted: u64) -> Result<Self, FileError> {
        let journal = layout.journal();
        let mut segments = segment::list(&journal)?;
        let newest = journal::newest(&segments);
        segments.retain(|segment| segment.number >= base.first_segment());
        let mut index = Self::default();
        let mut unlisted = Vec::new();
        for segment in segments {
            let len = length(&segment)?;
            if segment.number == newest || !index.take_list(&journal, &segment, len)? {
                index.places.reserve((len / TYPICAL) as usize);
                unlisted.push(segment);
            }
        }
        index.walk_through(&unlisted, newest, trusted)?;
        Ok(index)
    }

    /// Goes through all segments, whatever their lists say.
    pub(crate) fn walk(layout: &Layout, base: &Base, trusted: u64) -> Result<Self, FileError> {
        let mut segments = segment::list(&layout.journal())?;
        let newest = journal::newest(&segments);
        segments.retain(|segment| segment.number >= base.first_segment());
        let mut index = Self::default();
        index.walk_through(&segments, newest, trusted)?;
        Ok(index)
    }

    /// Returns the first damage that [`read`](Self::read) would meet, without looking at what commits hold.
    pub(crate) fn first_damage(layout: &Layout, base: &Base) -> Result<Option<Damage>, FileError> {
        let journal = layout.journal();
        let mut segments = segment::list(&journal)?;
        let newest = journal::newest(&segments);
        segments.retain(|segment| segment.number >= base.first_segment());
        for segment in segments {
            let len = length(&segment)?;
            let is_newest = segment.number == newest;
            if !is_newest && SegmentIndex::read(&journal, segment.number, len)?.is_some() {
                continue;
            }
            let damage = journal::damage_of(&segment, is_newest)?;
            if let Some((start, end)) = damage {
                let segment = segment.number;
                return Ok(Some(Damage {
                    segment,
                    start,
                    end,
                }));
            }
        }
        Ok(None)
    }

    fn walk_through(
        &mut self,
        segments: &[Segment],
        newest: u32,
        trusted: u64,
    ) -> Result<(), FileError> {
        journal::walk_segments(segments, newest, Checkpoint::ZERO, trusted, &mut |found| {
            match found {
                Found::Frame(frame, head, _) => self.add(frame, &head),
                Found::Damage {
                    segment,
                    start,
                    end,
                } => {
                    let damage = Damage {
                        segment,
                        start,
                        end,
                    };
                    self.damage.get_or_insert(damage);
                }
            }
            Ok(())
        })?;
        Ok(())
    }

    /// Returns the first damage that was met on the way.
    pub(crate) const fn damage(&self) -> Option<Damage> {
        self.damage
    }

    fn take_list(
        &mut self,
        journal: &Path,
        segment: &Segment,
        len: u64,
    ) -> Result<bool, FileError> {
        let list = SegmentIndex::read(journal, segment.number, len)?;
        let taken = list.is_some();
        self.closed.extend(list);
        Ok(taken)
    }

    pub(crate) fn add(&mut self, frame: &FrameAt, head: &Head<'_>) {
        self.places.reserve(head.count());
        let (segment, bodies) = (frame.segment, frame.bodies());
        for (entry, at) in head.entries() {
            let place = Place {
                segment,
                kind: entry.kind,
                len: entry.len,
                offset: bodies + at,
            };
            self.places.entry(entry.id).or_insert(place);
        }
    }

    pub(crate) fn find(&self, id: ObjectId) -> Option<(u32, Listed)> {
        if let Some(place) = self.places.get(&id) {
            return Some(place.listed(id));
        }
        // What is asked for is mostly new.
        let mut lists = self.closed.iter().rev();
        lists.find_map(|list| list.find(id).map(|listed| (list.segment, listed)))
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = (u32, Listed)> {
        let closed = self.closed.iter();
        let closed = closed.flat_map(|list| list.objects().map(|listed| (list.segment, listed)));
        closed.chain(self.places.iter().map(|(id, place)| place.listed(*id)))
    }

    pub(crate) fn with_prefix(&self, prefix: &Prefix) -> impl Iterator<Item = Listed> {
        let lists = self.closed.iter();
        let closed = lists.flat_map(move |list| {
            list.from(prefix.lowest())
                .take_while(|listed| prefix.matches(listed.id.as_bytes()))
        });
        let places = self
            .places
            .iter()
            .filter(|(id, _)| prefix.matches(id.as_bytes()));
        closed.chain(places.map(|(id, place)| place.listed(*id).1))
    }
}

/// Takes the first bytes of a name for its hash, which they are.
#[derive(Debug, Default)]
struct NameHasher(u64);

impl Hasher for NameHasher {
    fn write(&mut self, bytes: &[u8]) {
        if let Some(first) = bytes.first_chunk::<8>() {
            self.0 ^= u64::from_le_bytes(*first);
        }
    }

    // The length, which is always the same.
    fn write_usize(&mut self, _: usize) {}

    fn finish(&self) -> u64 {
        self.0
    }
}
