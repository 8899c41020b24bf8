//! Lets watched programs write down themselves which files they open for reading.
//!
//! A thread that is held at each `open` waits for two switches of the processor, which costs ten
//! times what opening costs. So programs are given a small library (`shim/`, loaded by
//! `LD_PRELOAD`) in which `open` and its like, if a file is only read, do two things: the call itself,
//! from a page at a fixed address, the *gate*, which the filter lets pass; and an entry in a *ring*
//! of memory that they share with the watcher.
//!
//! Invariants:
//! - Coverage does not depend on it. A program that does not load the library, calls the kernel
//!   itself, or finds no room in the ring, is held and seen as ever.
//! - What can change a file is never let through the gate. So the watcher, who reads the ring before
//!   it looks at any call, knows what was read before it is changed.
//! - What the ring holds is copied, then checked. Programs can write nonsense into it, and the worst
//!   that comes of it is a wrong entry about themselves.
//!
//! # How a program finds the ring
//!
//! At the first file that it opens to read, the library asks for the file [`QUESTION`], which does not
//! exist. That call is held as any other, and the watcher, if it agrees, writes the path of the ring over
//! the question, in the program's memory, before the call goes on. So nothing but `LD_PRELOAD` stands
//! in the environment, nothing lies on a disk, and who is not watched finds nothing.
//!
//! # The ring
//!
//! | offset | size | what |
//! |---|---|---|
//! | 0 | 8 | magic: `roarrng1` |
//! | 64 | 8 | head: the position that is claimed next |
//! | 128 | 8 | tail: the position up to which all has been read |
//! | 192 | 4 | 1 when nobody shall write any more |
//! | 4096 | 1024 × 256 | the entries; position `p` is in entry `p mod 1024` |
//!
//! Each entry, integers in the machine's own order:
//!
//! | offset | size | what |
//! |---|---|---|
//! | 0 | 8 | state: bits 0–1 what (0 free, 1 claimed, 2 ready), bits 2–23 process, bits 24–63 lap: position ÷ 1024 |
//! | 8 | 8 | device |
//! | 16 | 8 | inode |
//! | 24 | 8 | length of the file in bytes |
//! | 32 | 8 | last change of content, nanoseconds since 1970 |
//! | 40 | 8 | last change of content or attributes, nanoseconds since 1970 |
//! | 48 | 4 | type and permissions |
//! | 52 | 4 | parent process, when the process writes for the first time; else 0 |
//! | 56 | 4 | length of the path in bytes |
//! | 60 | 4 | 1 if the path may lead through links to directories, 0 if it has no links at all |
//! | 64 | 192 | the path, absolute; its last part is the file and no link to it |
//!
//! An entry is claimed by exchanging its state, *free for this lap* for *claimed by this process*;
//! then the head is moved on, by whoever comes first. Whoever has read it frees it for the
//! next lap. (The bounded queue of D. Vyukov, with one reader and claims that name their
//! owner, so that the death of one who is writing can be told from slowness.)
//!
//! # What is not here
//!
//! The filter (`roar-launch`), and what an entry means (`roar-trace`).
#![expect(unsafe_code, reason = "the fence: memory shared with watched programs")]

mod install;
mod notes;
#[allow(dead_code, reason = "the end that writes is used by the library")]
mod ring;

pub use install::{Unusable, install};
pub use notes::{Noted, Notes};
pub use ring::{ANSWER, Facts, GATE, QUESTION};
