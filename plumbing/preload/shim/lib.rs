//! The library that watched programs load.
//!
//! It takes the place of the C library's `open` and its like. A file that is opened only to be read
//! is opened through the *gate*, a page from which the filter lets calls pass, and written down in
//! the ring. Whatever else a program does, and whatever goes wrong here, is an ordinary system call,
//! which the filter shows to the watcher: nothing depends on this library but speed.
//!
//! Rules: no lock, no allocation, no thread-local, no library but the one that `open` is expected
//! from; all of it can run in a signal handler, and between `vfork` and `exec`. There is no panic.
#![no_std]
#![deny(unsafe_op_in_unsafe_fn)]

mod files;
mod gate;
mod link;
#[path = "../src/ring.rs"]
#[allow(dead_code, reason = "the end that reads is used by the watcher")]
mod ring;
mod sys;

use core::ffi::{c_char, c_int, c_uint};

use sys::{AT_FDCWD, O_CREAT, O_TMPFILE};

/// There is none; the compiler asks for one.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    sys::abort_now()
}

/// # Safety
///
/// As for `open(2)`: the path ends with a zero.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn open(path: *const c_char, flags: c_int, mode: c_uint) -> c_int {
    unsafe { files::open(AT_FDCWD, path, flags, mode) }
}

/// # Safety
///
/// As for [`open`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn open64(path: *const c_char, flags: c_int, mode: c_uint) -> c_int {
    unsafe { files::open(AT_FDCWD, path, flags, mode) }
}

/// # Safety
///
/// As for [`open`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn openat(
    at: c_int,
    path: *const c_char,
    flags: c_int,
    mode: c_uint,
) -> c_int {
    unsafe { files::open(at, path, flags, mode) }
}

/// # Safety
///
/// As for [`open`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn openat64(
    at: c_int,
    path: *const c_char,
    flags: c_int,
    mode: c_uint,
) -> c_int {
    unsafe { files::open(at, path, flags, mode) }
}

/// # Safety
///
/// As for [`open`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __open_2(path: *const c_char, flags: c_int) -> c_int {
    unsafe { fortified(AT_FDCWD, path, flags) }
}

/// # Safety
///
/// As for [`open`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __open64_2(path: *const c_char, flags: c_int) -> c_int {
    unsafe { fortified(AT_FDCWD, path, flags) }
}

/// # Safety
///
/// As for [`open`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __openat_2(at: c_int, path: *const c_char, flags: c_int) -> c_int {
    unsafe { fortified(at, path, flags) }
}

/// # Safety
///
/// As for [`open`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __openat64_2(at: c_int, path: *const c_char, flags: c_int) -> c_int {
    unsafe { fortified(at, path, flags) }
}

/// What programs call that were built to be checked: flags that need a mode must not be there.
unsafe fn fortified(at: c_int, path: *const c_char, flags: c_int) -> c_int {
    if flags & O_CREAT != 0 || flags & O_TMPFILE == O_TMPFILE {
        sys::abort_now();
    }
    unsafe { files::open(at, path, flags, 0) }
}
