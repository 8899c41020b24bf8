//! The ring's layout, and both ends of it: many programs write, one watcher reads.
//!
//! This file is compiled twice, here and into the library that watched programs load, which has no
//! standard library; so it needs `core` alone.
//!
//! The memory is shared with programs that can write anything into it at any moment. So whatever is
//! read from it is copied first and checked then, and nothing in it is ever trusted to be a place.

use core::ptr;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// The address of the page from which calls are let pass.
///
/// It lies below everything that the kernel places by itself in a 64-bit program, and outside of what
/// sanitizers take for themselves. Where something is there already, the program has no gate.
pub const GATE: u64 = 0x5052_4f41_5000;

/// The path that a program asks for to be given the ring.
pub const QUESTION: &[u8] = b"/proc/self/roar-ring";

/// The longest answer, with its zero: the question stands in memory of this size.
pub const ANSWER: usize = 64;

/// What a ring begins with.
pub(crate) const MAGIC: u64 = u64::from_le_bytes(*b"roarrng1");

/// How many entries there are; a power of two.
pub(crate) const SLOTS: u64 = 1024;

/// The size of an entry in bytes.
pub(crate) const SLOT: usize = 256;

/// The longest path that an entry holds.
pub(crate) const PATH: usize = SLOT - PATH_AT;

/// The size of all in bytes.
pub(crate) const SIZE: usize = HEADER + SLOTS as usize * SLOT;

const HALF: u64 = SLOTS / 2;

const HEADER: usize = 4096;

const HEAD_AT: usize = 64;
const TAIL_AT: usize = 128;
const CLOSED_AT: usize = 192;

const WORDS: usize = SLOT / 8;
const PATH_AT: usize = 64;

/// What an entry's first word says. A *lap* is once round the ring: the lap and the entry's place
/// make its position. Zeros are an entry that is free for the first lap, as memory comes from the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Whoever comes to it in this lap may have it.
    Free {
        /// The lap.
        lap: u64,
    },
    /// A process is writing it.
    Claimed {
        /// The lap.
        lap: u64,
        /// The process.
        pid: u32,
    },
    /// It is written.
    Ready {
        /// The lap.
        lap: u64,
        /// The process.
        pid: u32,
    },
}

/// Bits of the first word: 40 for the lap, 22 for the process, 2 for what it is.
const PID_BITS: u32 = 22;
const PID_MASK: u64 = (1 << PID_BITS) - 1;
const LAP_SHIFT: u32 = PID_BITS + 2;
const LAP_MASK: u64 = (1 << (64 - LAP_SHIFT)) - 1;

impl State {
    const fn word(self) -> u64 {
        let (lap, pid, kind) = match self {
            Self::Free { lap } => (lap, 0, 0),
            Self::Claimed { lap, pid } => (lap, pid, 1),
            Self::Ready { lap, pid } => (lap, pid, 2),
        };
        (lap & LAP_MASK) << LAP_SHIFT | (pid as u64 & PID_MASK) << 2 | kind
    }

    /// Returns the lap that an entry is in, or free for.
    pub(crate) const fn lap(self) -> u64 {
        match self {
            Self::Free { lap } | Self::Claimed { lap, .. } | Self::Ready { lap, .. } => lap,
        }
    }

    const fn of(word: u64) -> Option<Self> {
        let lap = word >> LAP_SHIFT;
        let pid = (word >> 2 & PID_MASK) as u32;
        match word & 3 {
            0 => Some(Self::Free { lap }),
            1 => Some(Self::Claimed { lap, pid }),
            2 => Some(Self::Ready { lap, pid }),
            _ => None,
        }
    }
}

/// Returns the lap that a position is in.
pub(crate) const fn lap_of(position: u64) -> u64 {
    (position / SLOTS) & LAP_MASK
}

/// What is told of a file beside its path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// The device that holds it.
    pub dev: u64,
    /// The inode.
    pub ino: u64,
    /// Its length in bytes.
    pub size: u64,
    /// The last change of content, nanoseconds since 1970.
    pub mtime_ns: i64,
    /// The last change of content or attributes, nanoseconds since 1970.
    pub ctime_ns: i64,
    /// Type and permissions, as `st_mode`.
    pub mode: u32,
    /// Who started the process, when it tells for the first time; else 0.
    pub parent: u32,
    /// Whether the path may lead through links to directories.
    pub linked: bool,
}

/// How much room there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Room {
    /// Enough.
    Enough,
    /// Less than half: the watcher should hear of it now and then.
    Little,
    /// None.
    None,
}

/// A ring, somewhere in this process's memory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ring(*mut u8);

/// An entry that this process may write.
#[derive(Debug)]
pub(crate) struct Claim {
    slot: *mut u8,
    position: u64,
    pid: u32,
}

impl Ring {
    /// Takes a ring at `base`.
    ///
    /// # Safety
    ///
    /// There are [`SIZE`] bytes at `base`, aligned to a page, that can be read and written for as
    /// long as the ring is used, and whoever else uses them does it in the way of this file.
    pub(crate) const unsafe fn at(base: *mut u8) -> Self {
        Self(base)
    }

    /// Makes memory that holds zeros a ring.
    pub(crate) fn begin(self) {
        self.magic().store(MAGIC, Ordering::Release);
    }

    /// Whether this is a ring.
    pub(crate) fn is_one(self) -> bool {
        self.magic().load(Ordering::Acquire) == MAGIC
    }

    /// Ends it: nobody shall write any more.
    pub(crate) fn close(self) {
        self.closed().store(1, Ordering::Release);
    }

    /// Whether nobody shall write any more.
    pub(crate) fn is_closed(self) -> bool {
        self.closed().load(Ordering::Acquire) != 0
    }

    /// Tells how much room there is, and the position that comes next.
    pub(crate) fn room(self) -> (Room, u64) {
        let head = self.head().load(Ordering::Relaxed);
        let used = head.wrapping_sub(self.tail().load(Ordering::Relaxed));
        let room = match used {
            0..=HALF => Room::Enough,
            _ if used < SLOTS => Room::Little,
            _ => Room::None,
        };
        (room, head)
    }

    /// Claims the next entry for process `pid`; `None` when all are taken.
    ///
    /// A claim names its process from its first moment: should that die now, the watcher knows.
    pub(crate) fn claim(self, pid: u32) -> Option<Claim> {
        let mut position = self.head().load(Ordering::Acquire);
        loop {
            let lap = lap_of(position);
            let free = State::Free { lap }.word();
            let mine = State::Claimed { lap, pid }.word();
            let state = self.state(position);
            match state.compare_exchange(free, mine, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => {
                    self.pass(position);
                    return Some(Claim {
                        slot: self.slot(position),
                        position,
                        pid,
                    });
                }
                // Somebody was faster, and may not have come to say so.
                Err(word) if word >> LAP_SHIFT == lap => self.pass(position),
                Err(_) if self.head().load(Ordering::Acquire) == position => return None,
                Err(_) => {}
            }
            position = self.head().load(Ordering::Acquire);
        }
    }

    fn pass(self, position: u64) {
        let next = position.wrapping_add(1);
        let order = Ordering::AcqRel;
        let _ = self
            .head()
            .compare_exchange(position, next, order, Ordering::Relaxed);
    }

    /// Returns what the entry at `position` is now.
    pub(crate) fn look(self, position: u64) -> Option<State> {
        State::of(self.state(position).load(Ordering::Acquire))
    }

    /// Frees the entry at `position` for the next lap.
    pub(crate) fn free(self, position: u64) {
        let lap = lap_of(position.wrapping_add(SLOTS));
        self.state(position)
            .store(State::Free { lap }.word(), Ordering::Release);
    }

    /// Copies what the entry at `position` tells; `None` when that is nonsense.
    pub(crate) fn copy(self, position: u64) -> Option<(Facts, [u8; PATH], usize)> {
        let mut words = [0; WORDS];
        for (at, word) in words.iter_mut().enumerate().skip(1) {
            *word = self.word(position, at).load(Ordering::Relaxed);
        }
        let (length, linked) = (words[7] as u32 as usize, words[7] >> 32);
        if length == 0 || length > PATH || linked > 1 {
            return None;
        }
        let facts = Facts {
            dev: words[1],
            ino: words[2],
            size: words[3],
            mtime_ns: words[4] as i64,
            ctime_ns: words[5] as i64,
            mode: words[6] as u32,
            parent: (words[6] >> 32) as u32,
            linked: linked == 1,
        };
        let mut path = [0; PATH];
        for (bytes, word) in path.chunks_exact_mut(8).zip(&words[PATH_AT / 8..]) {
            bytes.copy_from_slice(&word.to_ne_bytes());
        }
        let told = &path[..length];
        (told[0] == b'/' && !told.contains(&0)).then_some((facts, path, length))
    }

    /// Returns the position after the last one claimed, as far as those who claim have told.
    pub(crate) fn next(self) -> u64 {
        self.head().load(Ordering::Acquire)
    }

    /// Tells those who claim how far the watcher has come.
    pub(crate) fn read_up_to(self, position: u64) {
        self.tail().store(position, Ordering::Release);
    }

    fn magic(self) -> &'static AtomicU64 {
        self.long(0)
    }

    fn head(self) -> &'static AtomicU64 {
        self.long(HEAD_AT)
    }

    fn tail(self) -> &'static AtomicU64 {
        self.long(TAIL_AT)
    }

    fn closed(self) -> &'static AtomicU32 {
        // SAFETY: `at` was promised memory that holds it, and whoever uses a ring keeps that; it is
        // aligned, and everybody uses it as an atomic.
        unsafe { AtomicU32::from_ptr(self.byte(CLOSED_AT).cast()) }
    }

    fn state(self, position: u64) -> &'static AtomicU64 {
        self.word(position, 0)
    }

    fn word(self, position: u64, at: usize) -> &'static AtomicU64 {
        self.long(HEADER + place(position) * SLOT + at * 8)
    }

    fn slot(self, position: u64) -> *mut u8 {
        self.byte(HEADER + place(position) * SLOT)
    }

    /// `at` is a multiple of 8, and at least 8 less than [`SIZE`].
    fn long(self, at: usize) -> &'static AtomicU64 {
        // SAFETY: as for `closed`.
        unsafe { AtomicU64::from_ptr(self.byte(at).cast()) }
    }

    fn byte(self, at: usize) -> *mut u8 {
        debug_assert!(at < SIZE);
        // SAFETY: every caller stays below `SIZE`, which `at` was promised.
        unsafe { self.0.add(at) }
    }
}

/// Returns which entry a position is, by number.
const fn place(position: u64) -> usize {
    (position % SLOTS) as usize
}

impl Claim {
    /// Returns where the path is to be written: [`PATH`] bytes.
    pub(crate) fn path(&self) -> *mut u8 {
        // SAFETY: an entry is longer than that.
        unsafe { self.slot.add(PATH_AT) }
    }

    /// Writes the entry, whose path has been written already; its length is at most [`PATH`].
    pub(crate) fn commit(self, facts: &Facts, length: usize) {
        let words = [
            facts.dev,
            facts.ino,
            facts.size,
            facts.mtime_ns as u64,
            facts.ctime_ns as u64,
            u64::from(facts.mode) | u64::from(facts.parent) << 32,
            length as u64 | u64::from(facts.linked) << 32,
        ];
        // SAFETY: an entry is longer than one word.
        let behind_state = unsafe { self.slot.cast::<u64>().add(1) };
        // SAFETY: the words lie in the entry, behind its state and before its path. It is claimed, so nobody
        // who keeps to the rules writes there; who does not can only make nonsense of it.
        unsafe { ptr::copy_nonoverlapping(words.as_ptr(), behind_state, words.len()) };
        let ready = State::Ready {
            lap: lap_of(self.position),
            pid: self.pid,
        };
        // SAFETY: the entry begins with its state, aligned.
        let state = unsafe { AtomicU64::from_ptr(self.slot.cast()) };
        state.store(ready.word(), Ordering::Release);
    }
}
