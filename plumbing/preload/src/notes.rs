//! The watcher's end: a ring in memory of its own, whose entries are taken in their order.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use memmap2::MmapRaw;
use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};

use crate::ring::{Facts, PATH, Ring, SIZE, SLOTS, State, lap_of};

/// A file that a watched program has opened for reading.
#[derive(Clone, Copy, Debug)]
pub struct Noted {
    /// The process.
    pub pid: u32,
    /// What the file was, as its own descriptor told.
    pub facts: Facts,
    path: [u8; PATH],
    length: usize,
}

impl Noted {
    /// Returns the path: absolute, as the program sees it, not resolved further.
    pub fn path(&self) -> &[u8] {
        &self.path[..self.length]
    }
}

/// The ring that watched programs write into, and how far it has been read.
#[derive(Debug)]
pub struct Notes {
    memory: OwnedFd,
    #[cfg_attr(not(test), expect(dead_code, reason = "it keeps the ring's memory"))]
    map: MmapRaw,
    ring: Ring,
    /// The first position that may still have something to tell.
    tail: u64,
    /// Where the present round has come to: past the tail there may be holes, which others are
    /// writing still.
    at: u64,
    /// How many entries made no sense.
    nonsense: u64,
}

impl Notes {
    /// Makes a ring; its memory is taken from the system when it is first written to.
    pub fn begin() -> io::Result<Self> {
        let flags = MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING;
        let file = File::from(memfd_create(c"roar-ring", flags)?);
        file.set_len(SIZE as u64)?;
        // Were it cut short by a program, reading it would end the watcher.
        let size_stays = SealFlag::F_SEAL_SHRINK | SealFlag::F_SEAL_GROW | SealFlag::F_SEAL_SEAL;
        fcntl(&file, FcntlArg::F_ADD_SEALS(size_stays))?;
        let map = MmapRaw::map_raw(&file)?;
        // SAFETY: the map is that long, begins at a page, and lives as long as the ring. What the programs
        // write meanwhile, by whatever means, is read as atomics only.
        let ring = unsafe { Ring::at(map.as_mut_ptr()) };
        ring.begin();
        Ok(Self {
            memory: file.into(),
            map,
            ring,
            tail: 0,
            at: 0,
            nonsense: 0,
        })
    }

    /// Returns the path at which processes of this user find the ring.
    pub fn path(&self) -> String {
        format!(
            "/proc/{}/fd/{}",
            std::process::id(),
            self.memory.as_raw_fd()
        )
    }

    /// Tells programs to write no more. What they have written can still be read.
    pub fn close(&self) {
        self.ring.close();
    }

    /// How many entries made no sense: somebody has written where it should not.
    pub fn nonsense(&self) -> u64 {
        self.nonsense
    }

    /// Takes the next entry; `None` when all that is written has been taken.
    ///
    /// Entries come in the order in which they were claimed. One that is being written still comes
    /// later, and does not keep back those behind it.
    pub fn take(&mut self) -> Option<Noted> {
        while let Some(position) = self.next_position() {
            let Some(State::Ready { lap, pid }) = self.ring.look(position) else {
                continue;
            };
            if lap != lap_of(position) {
                continue;
            }
            let copy = self.ring.copy(position);
            self.ring.free(position);
            match copy {
                Some((facts, path, length)) => {
                    return Some(Noted {
                        pid,
                        facts,
                        path,
                        length,
                    });
                }
                None => self.nonsense += 1,
            }
        }
        self.nonsense += u64::from(self.is_out_of_bounds());
        self.settle();
        None
    }

    /// Gives up the entries of processes that died while they were writing them, as `is_alive` tells.
    ///
    /// There is a need for it only when the ring has no room left, or when all is over.
    pub fn give_up_on(&mut self, is_alive: impl Fn(u32) -> bool) {
        for position in self.tail..self.end() {
            if let Some(State::Claimed { lap, pid }) = self.ring.look(position)
                && lap == lap_of(position)
                && !is_alive(pid)
            {
                self.ring.free(position);
            }
        }
        self.settle();
    }

    /// Whether there is no room left, for all that could be read has been.
    pub fn is_stuck(&self) -> bool {
        self.end() - self.tail >= SLOTS
    }

    fn next_position(&mut self) -> Option<u64> {
        let position = self.at;
        (position < self.end()).then(|| {
            self.at += 1;
            position
        })
    }

    /// Whether the ring says of its end what cannot be.
    fn is_out_of_bounds(&self) -> bool {
        // What was freed a moment ago may be claimed again already.
        !(self.tail..=self.tail + 2 * SLOTS).contains(&self.ring.next())
    }

    /// Where the claimed entries end. What the ring says of it is believed within reason.
    fn end(&self) -> u64 {
        self.ring.next().clamp(self.tail, self.tail + SLOTS)
    }

    /// Ends a round: the next one begins at the first hole.
    fn settle(&mut self) {
        let end = self.end();
        let before = self.tail;
        while self.tail < end && self.is_done(self.tail) {
            self.tail += 1;
        }
        self.at = self.tail;
        if self.tail != before {
            self.ring.read_up_to(self.tail);
        }
    }

    /// Whether the entry at a position was taken: then it is free for the next time round.
    fn is_done(&self, position: u64) -> bool {
        let state = self.ring.look(position);
        state.is_some_and(|state| state.lap() == lap_of(position + SLOTS))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests may panic")]
mod tests {
    use std::collections::BTreeMap;
    use std::thread;

    use super::*;
    use crate::ring::{Claim, Room};

    /// Writes an entry as the library does.
    fn fill(claim: Claim, path: &[u8], size: u64) {
        // SAFETY: there is room for the longest path, and no test has a longer one.
        unsafe { std::ptr::copy_nonoverlapping(path.as_ptr(), claim.path(), path.len()) };
        let facts = Facts {
            size,
            ..Facts::default()
        };
        claim.commit(&facts, path.len());
    }

    fn note(ring: Ring, pid: u32, path: &[u8], size: u64) -> bool {
        ring.claim(pid)
            .map(|claim| fill(claim, path, size))
            .is_some()
    }

    fn sizes(notes: &mut Notes) -> Vec<u64> {
        std::iter::from_fn(|| notes.take())
            .map(|it| it.facts.size)
            .collect()
    }

    #[test]
    fn what_is_written_is_read_as_it_was() {
        let mut notes = Notes::begin().unwrap();
        let claim = notes.ring.claim(4_194_303).unwrap();
        let path = [b'/'; PATH];
        // SAFETY: the path is as long as there is room.
        unsafe { std::ptr::copy_nonoverlapping(path.as_ptr(), claim.path(), PATH) };
        let facts = Facts {
            dev: u64::MAX,
            ino: 2,
            size: 3,
            mtime_ns: -4,
            ctime_ns: i64::MAX,
            mode: 0o100_644,
            parent: u32::MAX,
            linked: true,
        };
        claim.commit(&facts, PATH);
        let noted = notes.take().unwrap();
        assert_eq!((noted.pid, noted.facts), (4_194_303, facts));
        assert_eq!(noted.path(), path);
        assert!(notes.take().is_none());
    }

    #[test]
    fn the_bytes_of_an_entry_are_those_of_the_format() {
        let notes = Notes::begin().unwrap();
        let claim = notes.ring.claim(7).unwrap();
        // SAFETY: there is room for the longest path.
        unsafe { std::ptr::copy_nonoverlapping(b"/a".as_ptr(), claim.path(), 2) };
        let facts = Facts {
            dev: 1,
            ino: 2,
            size: 3,
            mtime_ns: 4,
            ctime_ns: 5,
            mode: 6,
            parent: 7,
            linked: true,
        };
        claim.commit(&facts, 2);
        let file = File::from(notes.memory.try_clone().unwrap());
        let mut bytes = [0; 66];
        std::os::unix::fs::FileExt::read_exact_at(&file, &mut bytes, 4096).unwrap();
        let mut expected = Vec::new();
        for word in [7 << 2 | 2, 1_u64, 2, 3, 4, 5, 7 << 32 | 6, 1 << 32 | 2] {
            expected.extend(word.to_ne_bytes());
        }
        expected.extend(b"/a");
        assert_eq!(bytes.as_slice(), expected);
    }

    #[test]
    fn nobody_can_cut_a_ring_short() {
        let notes = Notes::begin().unwrap();
        let theirs = File::options().read(true).write(true).open(notes.path());
        let theirs = theirs.unwrap();
        assert!(theirs.set_len(0).is_err());
        assert_eq!(theirs.metadata().unwrap().len(), SIZE as u64);
    }

    #[test]
    fn a_full_ring_takes_nothing_until_it_is_read() {
        let mut notes = Notes::begin().unwrap();
        for size in 0..SLOTS {
            assert!(note(notes.ring, 1, b"/a", size));
        }
        assert_eq!(notes.ring.room().0, Room::None);
        assert!(!note(notes.ring, 1, b"/a", 0));
        assert_eq!(sizes(&mut notes), (0..SLOTS).collect::<Vec<_>>());
        assert_eq!(notes.ring.room().0, Room::Enough);
        assert!(note(notes.ring, 1, b"/a", 77));
        assert_eq!(sizes(&mut notes), [77]);
    }

    #[test]
    fn one_who_is_slow_keeps_nobody_back() {
        let mut notes = Notes::begin().unwrap();
        let slow = notes.ring.claim(1).unwrap();
        assert!(note(notes.ring, 2, b"/b", 2));
        assert_eq!(sizes(&mut notes), [2]);
        assert!(note(notes.ring, 2, b"/b", 3));
        fill(slow, b"/a", 1);
        assert_eq!(sizes(&mut notes), [1, 3]);
        assert!(sizes(&mut notes).is_empty(), "nothing is told twice");
    }

    #[test]
    fn one_who_died_while_writing_is_given_up() {
        let mut notes = Notes::begin().unwrap();
        let _dead = notes.ring.claim(1).unwrap();
        let alive = notes.ring.claim(2).unwrap();
        while note(notes.ring, 3, b"/c", 3) {}
        assert_eq!(sizes(&mut notes).len() as u64, SLOTS - 2);
        assert!(notes.is_stuck() && !note(notes.ring, 3, b"/c", 3));
        notes.give_up_on(|pid| pid != 1);
        assert!(!notes.is_stuck());
        assert!(note(notes.ring, 3, b"/c", 4), "there is room for one");
        fill(alive, b"/b", 2);
        assert_eq!(sizes(&mut notes), [2, 4]);
    }

    #[test]
    fn nonsense_is_counted_and_harms_nobody() {
        let mut notes = Notes::begin().unwrap();
        for length in [0, PATH + 1, usize::MAX] {
            let claim = notes.ring.claim(1).unwrap();
            claim.commit(&Facts::default(), length);
        }
        assert!(note(notes.ring, 1, b"/a", 5));
        assert_eq!(sizes(&mut notes), [5]);
        assert_eq!(notes.nonsense(), 3);
    }

    #[test]
    fn memory_that_was_scribbled_over_ends_nothing() {
        use std::os::unix::fs::FileExt;
        for byte in [0x00, 0x02, 0x55, 0xff] {
            let mut notes = Notes::begin().unwrap();
            assert!(note(notes.ring, 1, b"/a", 5));
            let file = File::from(notes.memory.try_clone().unwrap());
            file.write_all_at(&vec![byte; SIZE], 0).unwrap();
            let told = sizes(&mut notes).len() as u64;
            notes.give_up_on(|_| false);
            assert!(told <= SLOTS, "{byte:#x}");
            assert!(byte == 0 || notes.nonsense() > 0, "{byte:#x}");
            let _ = notes.ring.claim(1);
        }
    }

    #[test]
    fn many_writers_lose_nothing_and_each_keeps_its_order() {
        const WRITERS: u32 = 4;
        const EACH: u64 = 20_000;
        let mut notes = Notes::begin().unwrap();
        let ring = notes.map.as_mut_ptr() as usize;
        thread::scope(|scope| {
            for pid in 1..=WRITERS {
                scope.spawn(move || {
                    // SAFETY: the ring lives until all writers have ended.
                    let ring = unsafe { Ring::at(ring as *mut u8) };
                    for size in 0..EACH {
                        let path = format!("/{pid}/{size}");
                        while !note(ring, pid, path.as_bytes(), size) {
                            thread::yield_now();
                        }
                    }
                });
            }
            let mut next = BTreeMap::new();
            let mut left = u64::from(WRITERS) * EACH;
            while left > 0 {
                let Some(noted) = notes.take() else {
                    thread::yield_now();
                    continue;
                };
                let expected = next.entry(noted.pid).or_insert(0);
                assert_eq!(noted.facts.size, *expected);
                assert_eq!(
                    noted.path(),
                    format!("/{}/{expected}", noted.pid).as_bytes()
                );
                *expected += 1;
                left -= 1;
            }
        });
        assert_eq!((sizes(&mut notes).len(), notes.nonsense()), (0, 0));
    }
}
