//! Opening files as streams.

use core::arch::asm;
use core::ffi::{c_char, c_int, c_void};
use core::mem::transmute;
use core::ptr;

use crate::files;
use crate::link;
use crate::sys::{
    self, AT_FDCWD, EINVAL, O_ACCMODE, O_APPEND, O_CLOEXEC, O_CREAT, O_EXCL, O_RDONLY, O_RDWR,
    O_TRUNC, O_WRONLY,
};

/// A `FILE` of the C library.
pub(crate) type Stream = *mut c_void;

type Open = unsafe extern "C" fn(*const c_char, *const c_char) -> Stream;

/// What a file is made with, less what the process takes away.
const EVERYBODY: u32 = 0o666;

unsafe extern "C" {
    fn fdopen(fd: c_int, mode: *const c_char) -> Stream;
}

/// Opens a stream as the C library does.
///
/// # Safety
///
/// Both end with a zero; the path may also be one that the kernel is to refuse.
pub(crate) unsafe fn open(path: *const c_char, mode: *const c_char) -> Stream {
    let flags = unsafe { flags_of(mode.cast()) };
    let only_reads = |flags: &c_int| flags & !O_CLOEXEC == 0;
    // Only for the ring's sake is a stream made of a descriptor: that takes calls that `fopen` does not make,
    // and that a program may have forbidden itself.
    if let Some(flags) = flags.filter(only_reads)
        && link::ring().is_some()
        && let Opened::Done(stream) = unsafe { open_as(path, mode, flags) }
    {
        return stream;
    }
    match (original(), flags) {
        (Some(original), _) => unsafe { original(path, mode) },
        (None, Some(flags)) => match unsafe { open_as(path, mode, flags) } {
            Opened::Done(stream) => stream,
            Opened::NoStream => ptr::null_mut(),
        },
        (None, None) => {
            sys::told(-EINVAL);
            ptr::null_mut()
        }
    }
}

/// What became of a file that was to be a stream.
enum Opened {
    /// The stream; null if there is no such file.
    Done(Stream),
    /// The file is there, but no stream is made of it so: that asks more of a file than `fopen` does.
    NoStream,
}

/// # Safety
///
/// As for [`open`].
unsafe fn open_as(path: *const c_char, mode: *const c_char, flags: c_int) -> Opened {
    let fd = unsafe { files::open(AT_FDCWD, path, flags, EVERYBODY) };
    if fd < 0 {
        return Opened::Done(ptr::null_mut());
    }
    let stream = unsafe { fdopen(fd, mode) };
    if stream.is_null() {
        sys::close(fd);
        return Opened::NoStream;
    }
    Opened::Done(stream)
}

/// Returns the C library's own way to open a stream, by its other name. Not every C library has that.
fn original() -> Option<Open> {
    let address: usize;
    // SAFETY: it reads an entry of this library's own table, which is zero if nobody has that name.
    unsafe {
        asm!(
            ".weak _IO_fopen",
            "mov {}, qword ptr [rip + _IO_fopen@GOTPCREL]",
            out(reg) address,
            options(nostack, preserves_flags, pure, readonly)
        );
    }
    // SAFETY: a function of that name is `fopen`; zero is no function, and `None`.
    unsafe { transmute::<usize, Option<Open>>(address) }
}

/// Returns the flags for a mode of POSIX; `None` for any that asks for something else.
///
/// # Safety
///
/// The mode ends with a zero.
unsafe fn flags_of(mode: *const u8) -> Option<c_int> {
    let mut flags = match unsafe { *mode } {
        b'r' => O_RDONLY,
        b'w' => O_WRONLY | O_CREAT | O_TRUNC,
        b'a' => O_WRONLY | O_CREAT | O_APPEND,
        _ => return None,
    };
    let mut at = mode;
    loop {
        // SAFETY: it is not behind the zero yet.
        at = unsafe { at.add(1) };
        match unsafe { *at } {
            0 => return Some(flags),
            b'b' | b't' => {}
            b'+' => flags = flags & !O_ACCMODE | O_RDWR,
            b'x' => flags |= O_EXCL,
            b'e' => flags |= O_CLOEXEC,
            _ => return None,
        }
    }
}
