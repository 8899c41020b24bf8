//! Where programs find the library: in a variable of the environment that they are executed with.
//!
//! That lies in the memory of whoever executes them, which is often that of the process that started it
//! (`vfork`): what is taken out here is missing there, too, and must be put back for the next program.
//! So it is painted over, and what is painted over is known again.

use crate::memory;

/// What the loader reads.
pub(super) const VARIABLE: &[u8] = b"LD_PRELOAD=";

/// How many variables are looked at together: as many as there are words in a page.
const TOGETHER: usize = 512;

/// How many variables an environment may have.
const MOST: usize = 1 << 16;

/// The size of an address in the memory of a 64-bit program, in bytes.
const WORD: usize = 8;

const PAGE: u64 = 4096;

/// The library's place in environments.
#[derive(Debug)]
pub(super) struct Environ {
    library: Vec<u8>,
    /// What is painted over it: as long, and nothing to the loader, which takes both signs for the space
    /// between two libraries.
    paint: Vec<u8>,
    /// Where it was the last time: many a program is started from where the one before it was.
    last: Option<Spot>,
}

/// What an environment said of the library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// There is no place for it.
    None,
    /// What is wanted.
    AsWanted,
    /// Something else, which was changed.
    Changed,
}

/// Where the library, or paint, is in an environment. Addresses are those of its thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Spot {
    /// Where the address of the variable stands.
    slot: u64,
    /// The variable.
    variable: u64,
    /// How many bytes of the variable come before.
    before: usize,
}

impl Environ {
    pub(super) fn new(library: &[u8]) -> Self {
        let paint = b": ".iter().cycle().take(library.len());
        Self {
            library: library.to_vec(),
            paint: paint.copied().collect(),
            last: None,
        }
    }

    pub(super) fn library(&self) -> &[u8] {
        &self.library
    }

    /// Sees to it that the environment at `address` of a 64-bit thread names the library, or does not.
    pub(super) fn name(&mut self, tid: i32, address: u64, wanted: bool) -> Place {
        let known = self.where_last(tid, address);
        let Some((spot, named)) = known.or_else(|| self.search(tid, address)) else {
            return Place::None;
        };
        self.last = Some(spot);
        if named == wanted {
            return Place::AsWanted;
        }
        let text = if wanted { &self.library } else { &self.paint };
        memory::write(tid, spot.variable + spot.before as u64, text);
        Place::Changed
    }

    /// Looks where the library was the last time; tells whether it is there, and `None` if neither it nor
    /// paint is.
    fn where_last(&self, tid: i32, address: u64) -> Option<(Spot, bool)> {
        let spot = self.last.filter(|spot| spot.slot >= address)?;
        let length = spot.before + self.library.len();
        let mut bytes = vec![0; WORD + length];
        let read = memory::pieces(
            tid,
            &[(spot.slot, WORD), (spot.variable, length)],
            &mut bytes,
        );
        let (slot, text) = bytes.split_at(WORD);
        let same = read == bytes.len()
            && slot == spot.variable.to_ne_bytes()
            && text.starts_with(VARIABLE);
        let named = self.tell(text.get(spot.before..)?)?;
        same.then_some((spot, named))
    }

    /// Whether a text is the library or paint; `None` if it is neither.
    fn tell(&self, text: &[u8]) -> Option<bool> {
        if text == self.library {
            Some(true)
        } else {
            (text == self.paint).then_some(false)
        }
    }

    fn search(&self, tid: i32, address: u64) -> Option<(Spot, bool)> {
        let mut slot = address;
        let mut seen = 0;
        while seen < MOST {
            let variables = variables(tid, slot);
            let end = variables.iter().position(|variable| *variable == 0);
            let here = &variables[..end.unwrap_or(variables.len())];
            if let Some(found) = self.search_in(tid, slot, here) {
                return Some(found);
            }
            if end.is_some() || variables.is_empty() {
                return None;
            }
            seen += variables.len();
            slot = slot.checked_add((variables.len() * WORD) as u64)?;
        }
        None
    }

    /// Searches variables whose addresses stand one behind the other, the first at `slot`.
    fn search_in(&self, tid: i32, slot: u64, variables: &[u64]) -> Option<(Spot, bool)> {
        let mut next = 0;
        while next < variables.len() {
            let heads = heads(tid, &variables[next..]);
            let named = heads.iter().position(|head| head == VARIABLE);
            if let Some(at) = named {
                let slot = slot + ((next + at) * WORD) as u64;
                if let Some(found) = self.search_variable(tid, slot, variables[next + at]) {
                    return Some(found);
                }
                next += at + 1;
            } else {
                // Where reading ended is one that cannot be read that far.
                next += heads.len() + 1;
            }
        }
        None
    }

    fn search_variable(&self, tid: i32, slot: u64, variable: u64) -> Option<(Spot, bool)> {
        let text = memory::path(tid, variable).ok()?;
        let mut parts = text.windows(self.library.len()).enumerate();
        parts.find_map(|(before, part)| {
            let spot = Spot {
                slot,
                variable,
                before,
            };
            self.tell(part).map(|named| (spot, named))
        })
    }
}

/// Reads the addresses that stand from `slot` on, up to the end of the page at most.
fn variables(tid: i32, slot: u64) -> Vec<u64> {
    let room = (PAGE - slot % PAGE) as usize / WORD;
    // One that goes over the end of a page is read by itself.
    let mut bytes = vec![0; room.clamp(1, TOGETHER) * WORD];
    let read = memory::pieces(tid, &[(slot, bytes.len())], &mut bytes);
    let words = bytes[..read].as_chunks::<WORD>().0;
    words.iter().map(|word| u64::from_ne_bytes(*word)).collect()
}

/// Reads as much of each variable as tells which it is, up to the first of which that cannot be read.
fn heads(tid: i32, variables: &[u64]) -> Vec<[u8; VARIABLE.len()]> {
    let pieces: Vec<_> = variables.iter().map(|at| (*at, VARIABLE.len())).collect();
    let mut bytes = vec![0; pieces.len() * VARIABLE.len()];
    let read = memory::pieces(tid, &pieces, &mut bytes);
    bytes[..read].as_chunks().0.to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIBRARY: &[u8] = b"/cache/lib.so";

    /// An environment in memory of our own.
    struct Own {
        texts: Vec<Vec<u8>>,
        slots: Vec<u64>,
    }

    impl Own {
        fn of(variables: &[&str]) -> Self {
            let texts: Vec<_> = variables
                .iter()
                .map(|text| [text.as_bytes(), &[0; VARIABLE.len()]].concat())
                .collect();
            let mut slots: Vec<_> = texts.iter().map(|text| text.as_ptr() as u64).collect();
            slots.push(0);
            Self { texts, slots }
        }

        fn name(&self, environ: &mut Environ, wanted: bool) -> Place {
            let tid = std::process::id().cast_signed();
            environ.name(tid, self.slots.as_ptr() as u64, wanted)
        }

        fn text(&self, at: usize) -> String {
            let text = std::hint::black_box(&self.texts[at]);
            let text = text.strip_suffix(&[0; VARIABLE.len()]).unwrap_or_default();
            String::from_utf8_lossy(text).into_owned()
        }
    }

    #[test]
    fn a_library_is_painted_over_and_put_back() {
        let mut environ = Environ::new(LIBRARY);
        let own = Own::of(&["A=1", "", "LD_PRELOAD=/mine.so:/cache/lib.so", "B=2"]);
        for _ in 0..2 {
            assert_eq!(own.name(&mut environ, false), Place::Changed);
            assert_eq!(own.text(2), "LD_PRELOAD=/mine.so:: : : : : : :");
            assert_eq!(own.name(&mut environ, false), Place::AsWanted);
            assert_eq!(own.name(&mut environ, true), Place::Changed);
            assert_eq!(own.text(2), "LD_PRELOAD=/mine.so:/cache/lib.so");
        }
        assert_eq!(own.text(0), "A=1");
        assert_eq!(own.text(3), "B=2");
    }

    #[test]
    fn what_was_found_once_is_not_believed_to_be_there_still() {
        let mut environ = Environ::new(LIBRARY);
        let mut own = Own::of(&["LD_PRELOAD=/cache/lib.so", "X=/cache/lib.so"]);
        assert_eq!(own.name(&mut environ, true), Place::AsWanted);
        own.slots.swap(0, 1);
        assert_eq!(own.name(&mut environ, false), Place::Changed);
        assert_eq!(own.text(0), "LD_PRELOAD=: : : : : : :");
        assert_eq!(own.text(1), "X=/cache/lib.so");
        own.slots.remove(1);
        assert_eq!(own.name(&mut environ, false), Place::None);
    }

    #[test]
    fn an_environment_without_the_library_is_left_alone() {
        let mut environ = Environ::new(LIBRARY);
        for variables in [&[][..], &["LD_PRELOAD=/other.so"], &["A=/cache/lib.so"]] {
            let own = Own::of(variables);
            assert_eq!(own.name(&mut environ, false), Place::None);
            assert_eq!(own.name(&mut environ, true), Place::None);
            for (at, text) in variables.iter().enumerate() {
                assert_eq!(own.text(at), *text);
            }
        }
        let nobody = std::process::id().cast_signed();
        assert_eq!(environ.name(nobody, 8, false), Place::None);
    }

    #[test]
    fn variables_that_cannot_be_read_hide_none_behind_them() {
        let mut environ = Environ::new(LIBRARY);
        let mut own = Own::of(&["LD_PRELOAD=/cache/lib.so"]);
        own.slots.splice(0..0, [8, 16, 24]);
        assert_eq!(own.name(&mut environ, false), Place::Changed);
        assert_eq!(own.text(0), "LD_PRELOAD=: : : : : : :");
    }

    #[test]
    fn a_library_is_found_behind_a_thousand_variables() {
        let mut environ = Environ::new(LIBRARY);
        let others = (0..1000).map(|number| format!("NUMBER_{number:05}=x"));
        let all: Vec<_> = others.chain(["LD_PRELOAD=/cache/lib.so".into()]).collect();
        let own = Own::of(&all.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(own.name(&mut environ, false), Place::Changed);
        assert_eq!(own.text(1000), "LD_PRELOAD=: : : : : : :");
    }
}
