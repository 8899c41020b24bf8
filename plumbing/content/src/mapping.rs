//! The fence: memory maps of files that others may cut short at any moment.
//!
//! Touching a page of a map beyond the end of its file, or one that the disk cannot deliver or has
//! no room for, raises `SIGBUS`, which kills. Every map made here is entered in a table that the
//! signal handler searches: when the faulting address is in it, the handler puts anonymous zeroes
//! over the map from that page to its end, marks the entry, and returns, so that the reader goes on
//! with zeroes and finds the mark when it is done. Any other fault goes to the handler that was
//! there before, in the end to the death that it deserves. (systemd's journal readers do the same.)
//!
//! A thread that blocks `SIGBUS` is killed by the kernel instead; nobody should.
#![expect(
    unsafe_code,
    reason = "the fence: maps, and the signal handler that guards them"
)]

use memmap2::{MmapOptions, MmapRaw};
use nix::errno::Errno;
use std::fs::File;
use std::io;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

/// Maps that can be guarded at once; whoever gets none has to read.
const SEATS: usize = 128;

/// The table of guarded maps.
static TABLE: [Seat; SEATS] = [const { Seat::new() }; SEATS];

/// The disposition of `SIGBUS` before ours; written before our handler can run.
static BEFORE: OnceLock<libc::sigaction> = OnceLock::new();

/// Bytes in a page; asked for before our handler can run.
static PAGE: AtomicUsize = AtomicUsize::new(4096);

/// A `start` that means: somebody is about to enter a map here.
const TAKEN: usize = 1;

/// One guarded map, as the signal handler sees it.
#[derive(Debug)]
struct Seat {
    /// Its first address; 0 when the seat is free, [`TAKEN`] when it is about to be filled.
    start: AtomicUsize,
    /// The address behind its last.
    end: AtomicUsize,
    /// Whether zeroes had to be put into it.
    faulted: AtomicBool,
}

impl Seat {
    const fn new() -> Self {
        Self {
            start: AtomicUsize::new(0),
            end: AtomicUsize::new(0),
            faulted: AtomicBool::new(false),
        }
    }

    fn take() -> Option<&'static Self> {
        let free = |seat: &&Self| {
            seat.start
                .compare_exchange(0, TAKEN, Ordering::AcqRel, Ordering::Relaxed)
                .is_ok()
        };
        TABLE.iter().find(free)
    }

    fn fill(&self, start: usize, len: usize) {
        self.faulted.store(false, Ordering::Relaxed);
        self.end.store(start + len, Ordering::Relaxed);
        self.start.store(start, Ordering::Release);
    }

    fn leave(&self) {
        self.start.store(0, Ordering::Release);
    }

    /// Returns the end of the map if `address` is in it.
    fn end_if_holds(&self, address: usize) -> Option<usize> {
        let start = self.start.load(Ordering::Acquire);
        let end = self.end.load(Ordering::Relaxed);
        (start > TAKEN && start <= address && address < end).then_some(end)
    }
}

/// A shared map of the beginning of a file, that survives the file's being cut short.
#[derive(Debug)]
pub(crate) struct Mapping {
    seat: &'static Seat,
    map: MmapRaw,
}

impl Mapping {
    /// Maps the first `len` bytes for reading.
    ///
    /// # Errors
    ///
    /// Those of `mmap`, and `ResourceBusy` when too many maps are guarded already.
    pub(crate) fn for_reading(file: &File, len: usize) -> io::Result<Self> {
        Self::guard(|| MmapOptions::new().len(len).map_raw_read_only(file))
    }

    /// Maps the first `len` bytes for reading and writing.
    ///
    /// # Errors
    ///
    /// As [`Mapping::for_reading`].
    pub(crate) fn for_writing(file: &File, len: usize) -> io::Result<Self> {
        Self::guard(|| MmapOptions::new().len(len).map_raw(file))
    }

    fn guard(map: impl FnOnce() -> io::Result<MmapRaw>) -> io::Result<Self> {
        install_handler()?;
        let seat = Seat::take().ok_or(io::ErrorKind::ResourceBusy)?;
        match map() {
            Ok(map) => {
                seat.fill(map.as_ptr().addr(), map.len());
                Ok(Self { seat, map })
            }
            Err(err) => {
                seat.leave();
                Err(err)
            }
        }
    }

    /// Returns the mapped bytes. They are whatever the file holds when they are looked at, and
    /// zeroes where it holds nothing any more.
    pub(crate) fn bytes(&self) -> &[u8] {
        // SAFETY: the map is readable, `len` bytes long, and lives as long as `self`; faults in it
        // are answered with zeroes. Others may write to the file meanwhile, so two reads of one
        // byte may differ, which Rust's rules for `&[u8]` do not foresee. The bytes go only into
        // BLAKE3, whose control flow does not depend on them (as `blake3::Hasher::update_mmap`
        // argues), so a race gives another digest and nothing else, and the stat that follows
        // finds it out.
        unsafe { std::slice::from_raw_parts(self.map.as_ptr(), self.map.len()) }
    }

    /// Returns the map as words that any thread and process may read, and write if the map is for
    /// writing.
    pub(crate) fn words(&self) -> &[AtomicU64] {
        let words = self.map.len() / size_of::<AtomicU64>();
        // SAFETY: maps begin at a page, which is aligned for words; the length is rounded down;
        // `AtomicU64` has no invalid bits and takes concurrent writers. Only maps for writing are
        // written to: `Table` keeps the two apart.
        unsafe { std::slice::from_raw_parts(self.map.as_ptr().cast(), words) }
    }

    /// Returns whether some of the bytes were not there and zeroes were read instead.
    pub(crate) fn has_faulted(&self) -> bool {
        self.seat.faulted.load(Ordering::Acquire)
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // Before the map goes, lest the handler answer for whoever gets the addresses next.
        self.seat.leave();
    }
}

/// Installs the handler once per process.
fn install_handler() -> io::Result<()> {
    static INSTALLED: OnceLock<Result<(), i32>> = OnceLock::new();
    let installed = INSTALLED.get_or_init(|| {
        replace_handler().map_err(|err| err.raw_os_error().unwrap_or(libc::EINVAL))
    });
    installed.map_err(io::Error::from_raw_os_error)
}

fn replace_handler() -> io::Result<()> {
    BEFORE.get_or_init(current_handler);
    PAGE.store(page_size(), Ordering::Relaxed);
    // SAFETY: all-zero is a valid `sigaction`: no flags, an empty mask, the default disposition.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = on_bus_error as *const () as usize;
    // On the alternative stack, where the runtime's own handler expects to be called.
    action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_RESTART;
    // SAFETY: `action` is a whole `sigaction` with a handler of the `SA_SIGINFO` signature, and
    // the handler calls nothing that is not safe in a signal handler.
    let done = unsafe { libc::sigaction(libc::SIGBUS, &raw const action, std::ptr::null_mut()) };
    if done == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

fn page_size() -> usize {
    // SAFETY: `sysconf` reads a number and writes nothing.
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(size).unwrap_or(4096)
}

fn current_handler() -> libc::sigaction {
    // SAFETY: as in `replace_handler`.
    let mut current: libc::sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: no new action is given, and `current` has room for the old one. The call cannot fail
    // for a signal that exists; if it did, the default disposition would stand in `current`.
    unsafe { libc::sigaction(libc::SIGBUS, std::ptr::null(), &raw mut current) };
    current
}

/// Answers `SIGBUS`. Runs in the faulting thread, at any moment of its life: no locks, no memory.
extern "C" fn on_bus_error(
    signal: libc::c_int,
    info: *mut libc::siginfo_t,
    context: *mut libc::c_void,
) {
    // SAFETY: the kernel hands a valid `siginfo_t` to handlers with SA_SIGINFO.
    let info_ref = unsafe { &*info };
    // SAFETY: for a SIGBUS that the kernel raises `si_addr` is set. For one that was sent by `kill`
    // the bytes are the sender's numbers, which the check of `si_code` keeps out.
    let address = unsafe { info_ref.si_addr() }.addr();
    let from_kernel = info_ref.si_code > 0;
    if !(from_kernel && answer(address)) {
        pass_on(signal, info, context);
    }
}

/// Puts zeroes under the address if it is in a guarded map, and returns whether it is.
fn answer(address: usize) -> bool {
    let held = |seat: &'static Seat| seat.end_if_holds(address).map(|end| (seat, end));
    let Some((seat, end)) = TABLE.iter().find_map(held) else {
        return false;
    };
    seat.faulted.store(true, Ordering::Release);
    put_zeroes(address, end)
}

/// Maps zeroes from the page of `address` to `end`, and returns whether that could be done.
fn put_zeroes(address: usize, end: usize) -> bool {
    let page = address & !(PAGE.load(Ordering::Relaxed) - 1);
    let errno = Errno::last_raw();
    // SAFETY: the range lies in a map that is alive, for its seat is filled only while it is, and
    // that only `Mapping` refers to; replacing its pages by zeroes changes what is read from it
    // and nothing else. `mmap` is a bare system call.
    let zeroes = unsafe {
        libc::mmap(
            std::ptr::without_provenance_mut(page),
            end - page,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED | libc::MAP_NORESERVE,
            -1,
            0,
        )
    };
    // The interrupted code must not find that anything happened.
    Errno::set_raw(errno);
    zeroes != libc::MAP_FAILED
}

/// Does what would have been done without our handler.
fn pass_on(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    let Some(before) = BEFORE.get() else { return };
    match before.sa_sigaction {
        libc::SIG_DFL | libc::SIG_IGN => put_back(signal, before),
        handler if before.sa_flags & libc::SA_SIGINFO != 0 => {
            type Handler = extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void);
            // SAFETY: a handler that was installed with SA_SIGINFO has this signature.
            let handler = unsafe { std::mem::transmute::<usize, Handler>(handler) };
            handler(signal, info, context);
        }
        handler => {
            // SAFETY: a handler that was installed without SA_SIGINFO has this signature.
            let handler =
                unsafe { std::mem::transmute::<usize, extern "C" fn(libc::c_int)>(handler) };
            handler(signal);
        }
    }
}

/// Puts the old disposition back and lets the signal happen again.
fn put_back(signal: libc::c_int, before: &libc::sigaction) {
    // SAFETY: `before` is what the kernel reported as its own.
    unsafe { libc::sigaction(signal, before, std::ptr::null_mut()) };
    // A fault comes back by itself when its instruction runs again; a signal that was sent by
    // somebody does not, and so is raised. It stays pending until this handler returns.
    // SAFETY: `raise` may be called in signal handlers.
    unsafe { libc::raise(signal) };
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests may panic")]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt;
    use std::process::Command;

    const LEN: usize = 1 << 20;

    fn file_of(byte: u8) -> File {
        use std::io::Write;
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&vec![byte; LEN]).unwrap();
        file
    }

    #[test]
    fn a_map_of_a_file_that_stays_shows_its_bytes() {
        let map = Mapping::for_reading(&file_of(7), LEN).unwrap();
        assert!(map.bytes().iter().all(|&byte| byte == 7));
        assert!(!map.has_faulted());
    }

    #[test]
    fn a_map_of_a_file_that_is_cut_short_reads_as_zeroes_and_says_so() {
        let file = file_of(7);
        let map = Mapping::for_reading(&file, LEN).unwrap();
        file.set_len(8192).unwrap();
        let kept = map.bytes().iter().filter(|&&byte| byte == 7).count();
        assert!((8192..LEN).contains(&kept));
        assert!(map.has_faulted());
    }

    #[test]
    fn writing_to_a_map_of_a_file_that_is_cut_short_is_forgotten() {
        let file = file_of(0);
        let map = Mapping::for_writing(&file, LEN).unwrap();
        file.set_len(0).unwrap();
        map.words()[5].store(1, Ordering::Relaxed);
        assert!(map.has_faulted());
        assert_eq!(file.metadata().unwrap().len(), 0);
    }

    #[test]
    fn many_threads_may_fault_in_one_map() {
        let file = file_of(1);
        let map = Mapping::for_reading(&file, LEN).unwrap();
        file.set_len(0).unwrap();
        std::thread::scope(|scope| {
            for part in map.bytes().chunks(LEN / 4) {
                scope.spawn(move || assert!(part.iter().all(|&byte| byte == 0)));
            }
        });
        assert!(map.has_faulted());
    }

    #[test]
    fn seats_are_given_back() {
        let file = file_of(1);
        for _ in 0..2 * SEATS {
            Mapping::for_reading(&file, LEN).unwrap();
        }
    }

    /// Not a test by itself: what `a_fault_elsewhere_still_kills` runs in a process of its own.
    #[test]
    #[ignore = "dies, and is meant to"]
    fn victim_of_a_fault_elsewhere() {
        let file = file_of(1);
        let _guarded = Mapping::for_reading(&file, LEN).unwrap();
        let other = file_of(2);
        let unguarded = MmapOptions::new().map_raw_read_only(&other).unwrap();
        other.set_len(0).unwrap();
        // SAFETY: the map is alive; the read faults, which is the point.
        let byte = unsafe { unguarded.as_ptr().read_volatile() };
        unreachable!("read {byte} from nowhere");
    }

    #[test]
    fn a_fault_elsewhere_still_kills() {
        let done = Command::new(std::env::current_exe().unwrap())
            .args([
                "--ignored",
                "--exact",
                "mapping::tests::victim_of_a_fault_elsewhere",
            ])
            .output()
            .unwrap();
        assert_eq!(done.status.signal(), Some(libc::SIGBUS), "{done:?}");
    }
}
