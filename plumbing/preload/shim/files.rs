//! Opening files.

use core::ffi::{c_char, c_int};
use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicU32, Ordering};

use crate::gate;
use crate::link;
use crate::path::Path;
use crate::ring::{Facts, PATH, Ring, Room};
use crate::sys::{
    self, AT_FDCWD, EFAULT, EINVAL, ELOOP, ENOSYS, EPERM, FSTAT, GETCWD, GETPID, GETPPID,
    NO_MAGICLINKS, NO_SYMLINKS, O_ACCMODE, O_CREAT, O_DIRECTORY, O_PATH, O_TMPFILE, O_TRUNC,
    OPENAT2, READLINK, READLINKAT, Stat,
};

/// A file opened with any of these is more than read, or less.
const NOT_PLAIN: c_int = O_ACCMODE | O_CREAT | O_TRUNC | O_PATH | O_DIRECTORY | O_TMPFILE;

const TYPE: u32 = 0o170_000;
const REGULAR: u32 = 0o100_000;

/// When room is little, how many pass through the gate for one that the watcher is shown.
const REMIND: u64 = 256;

/// The process that wrote last, so that each tells once who started it.
static LAST: AtomicU32 = AtomicU32::new(0);

/// Opens a file as the C library does.
///
/// # Safety
///
/// The path ends with a zero, or the kernel is to refuse it.
pub(crate) unsafe fn open(at: c_int, path: *const c_char, flags: c_int, mode: u32) -> c_int {
    if flags & NOT_PLAIN == 0
        && let Some(ring) = link::ring()
        && let Some(result) = unsafe { pass(ring, at, path, flags) }
    {
        return sys::told(result);
    }
    sys::told(unsafe { sys::open(at, path, flags, mode) })
}

/// Opens a file through the gate and writes it down; `None` when the watcher must see it instead.
///
/// The path is not looked at before the kernel has: if it cannot be read, that is an error for the
/// caller, and not the end of it.
///
/// # Safety
///
/// As for [`open`].
unsafe fn pass(ring: Ring, at: c_int, path: *const c_char, flags: c_int) -> Option<isize> {
    if !has_room(ring) {
        return None;
    }
    let mut linked = false;
    let mut fd = unsafe { through_gate(at, path, flags, NO_SYMLINKS) };
    if fd == -ELOOP {
        // What a link leads to, or one by which the kernel shows something of the process that asks, must
        // be seen at once. Other links to directories may be followed later.
        linked = true;
        if unsafe { is_link(at, path) } {
            return None;
        }
        fd = unsafe { through_gate(at, path, flags, NO_MAGICLINKS) };
    }
    match fd {
        // These may mean that the kernel does not know this way of asking.
        _ if [-ELOOP, -EINVAL, -ENOSYS, -EPERM, -EFAULT].contains(&fd) => return None,
        ..0 => return Some(fd),
        _ => {}
    }
    let stat = status(fd);
    if is_file(&stat) && unsafe { note(ring, at, path, fd, &stat, linked) }.is_none() {
        // It stays open: closing it would end the locks that the process may have on that file.
        unsafe { tell(at, path, flags) };
    }
    Some(fd)
}

/// Opens a file from the gate, if the way to it has no links that `refused` tells of.
///
/// # Safety
///
/// As for [`open`].
unsafe fn through_gate(at: c_int, path: *const c_char, flags: c_int, refused: u64) -> isize {
    let how = [flags as u64, 0, refused];
    let args = [
        at as usize,
        path as usize,
        how.as_ptr() as usize,
        size_of_val(&how),
    ];
    unsafe { gate::call(OPENAT2, args) }
}

/// Whether a path's last part is a link.
///
/// # Safety
///
/// The path ends with a zero.
unsafe fn is_link(at: c_int, path: *const c_char) -> bool {
    let mut byte = 0_u8;
    let args = [at as usize, path as usize, &raw mut byte as usize, 1, 0, 0];
    unsafe { sys::call(READLINKAT, args) >= 0 }
}

/// Lets the watcher see that a file is opened, by a call that is held as any, and then fails: nothing
/// can be as long as it says.
///
/// # Safety
///
/// The path ends with a zero.
unsafe fn tell(at: c_int, path: *const c_char, flags: c_int) {
    let how = [flags as u64, 0, 0];
    let args = [at as usize, path as usize, how.as_ptr() as usize, 0, 0, 0];
    unsafe { sys::call(OPENAT2, args) };
}

/// Whether there is room, and it is not yet time to show the watcher that there is little.
fn has_room(ring: Ring) -> bool {
    match ring.room() {
        (Room::Enough, _) => true,
        (Room::Little, next) => next % REMIND != 0,
        (Room::None, _) => false,
    }
}

/// Asks what an open file is; all zeros, which is no file, if that is refused.
fn status(fd: isize) -> Stat {
    let mut stat = MaybeUninit::<Stat>::zeroed();
    // SAFETY: the kernel writes a `struct stat`, or nothing.
    unsafe { sys::call(FSTAT, [fd as usize, stat.as_mut_ptr() as usize, 0, 0, 0, 0]) };
    // SAFETY: it holds numbers only, and was filled with zeros.
    unsafe { stat.assume_init() }
}

fn is_file(stat: &Stat) -> bool {
    stat.mode & TYPE == REGULAR
}

/// Writes down a file that was opened as `fd`; `None` when that cannot be done.
///
/// # Safety
///
/// The path ends with a zero.
unsafe fn note(
    ring: Ring,
    at: c_int,
    path: *const c_char,
    fd: isize,
    stat: &Stat,
    linked: bool,
) -> Option<()> {
    // Filled in place: what moves a path would call upon the C library.
    let mut whole = Path::EMPTY;
    unsafe { complete(&mut whole, at, path.cast(), fd) }?;
    let pid = ask(GETPID);
    let parent = if LAST.load(Ordering::Relaxed) == pid {
        0
    } else {
        begin(pid)?
    };
    let claim = ring.claim(pid)?;
    // SAFETY: there is room for the longest path.
    unsafe { sys::copy(whole.bytes.as_ptr().cast(), claim.path(), whole.length) };
    let facts = Facts {
        dev: stat.dev,
        ino: stat.ino,
        size: stat.size as u64,
        mtime_ns: nanoseconds(stat.modified),
        ctime_ns: nanoseconds(stat.changed),
        mode: stat.mode,
        parent,
        linked,
    };
    claim.commit(&facts, whole.length);
    Some(())
}

/// Begins to write for a process, and returns who started it; `None` if the watcher knows the process by
/// another number.
#[cold]
fn begin(pid: u32) -> Option<u32> {
    let mut name = [0; 16];
    let args = [
        c"/proc/self".as_ptr() as usize,
        name.as_mut_ptr() as usize,
        name.len(),
        0,
        0,
        0,
    ];
    // SAFETY: the path ends with a zero; the kernel writes at most as much as there is room for.
    let written = unsafe { sys::call(READLINK, args) };
    let digits = name.get(..usize::try_from(written).ok()?)?;
    let number = digits.iter().fold(0, |number: u32, digit: &u8| {
        number
            .wrapping_mul(10)
            .wrapping_add(u32::from(digit.wrapping_sub(b'0')))
    });
    if number != pid {
        link::leave();
        return None;
    }
    LAST.store(pid, Ordering::Relaxed);
    Some(ask(GETPPID))
}

fn ask(number: usize) -> u32 {
    // SAFETY: these calls take nothing and touch nothing.
    unsafe { sys::call(number, [0; 6]) as u32 }
}

fn nanoseconds([seconds, rest]: [i64; 2]) -> i64 {
    seconds.wrapping_mul(1_000_000_000).wrapping_add(rest)
}

/// Finds the whole path of a file that was opened as `fd`; `None` when it is too long.
///
/// # Safety
///
/// The path ends with a zero.
unsafe fn complete(whole: &mut Path, at: c_int, path: *const u8, fd: isize) -> Option<()> {
    if unsafe { *path } != b'/' {
        if at != AT_FDCWD {
            return by_descriptor(whole, fd);
        }
        directory(whole)?;
    }
    unsafe { whole.append(path) }
}

/// Asks the kernel where an open file is.
fn by_descriptor(whole: &mut Path, fd: isize) -> Option<()> {
    let link = Link::to(fd as usize);
    let args = [
        link.0.as_ptr() as usize,
        whole.bytes.as_mut_ptr() as usize,
        PATH,
        0,
        0,
        0,
    ];
    // SAFETY: the link ends with a zero; the kernel writes at most as much as there is room for.
    let written = unsafe { sys::call(READLINK, args) };
    // One that fills the room may be longer.
    if written <= 0 || written as usize >= PATH {
        return None;
    }
    whole.length = written as usize;
    // Where the name is gone the kernel says so behind it.
    let gone = whole.ends_with(b" (deleted)");
    (whole.starts_with(b"/") && !gone).then_some(())
}

/// Where the kernel shows what a descriptor leads to.
struct Link([u8; 32]);

impl Link {
    fn to(mut fd: usize) -> Self {
        const START: &[u8] = b"/proc/self/fd/";
        const DIGITS: usize = 10;
        let mut link = [0; 32];
        for (byte, start) in link.iter_mut().zip(START) {
            *byte = *start;
        }
        // Leading zeros would be another name; so the digits are counted first.
        let mut count = 1;
        let mut rest = fd;
        while rest > 9 && count < DIGITS {
            rest /= 10;
            count += 1;
        }
        for byte in link.iter_mut().skip(START.len()).take(count).rev() {
            *byte = b'0' + (fd % 10) as u8;
            fd /= 10;
        }
        Self(link)
    }
}

/// Begins a path with the current directory and a slash.
fn directory(whole: &mut Path) -> Option<()> {
    let args = [whole.bytes.as_mut_ptr() as usize, PATH, 0, 0, 0, 0];
    // SAFETY: the kernel writes at most as much as there is room for.
    let written = unsafe { sys::call(GETCWD, args) };
    // What it counts ends with a zero. A directory that cannot be reached does not begin with a slash.
    if written < 2 {
        return None;
    }
    whole.length = written as usize - 1;
    if !whole.starts_with(b"/") {
        return None;
    }
    whole.push(b'/')
}
