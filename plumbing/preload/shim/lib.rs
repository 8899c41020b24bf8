//! The library that watched programs load.
//!
//! It takes the place of the C library's `open`, `fopen` and their like. A file that is opened only to be
//! read is opened through the *gate*, a page from which the filter lets calls pass, and written down in
//! the ring. And it takes the place of `execve`, `execv` and `execvp`, so that looking for a program where it is not
//! is no call that is watched. Whatever else a program does, and whatever goes wrong here, is an ordinary system call,
//! which the filter shows to the watcher: nothing depends on this library but speed.
//!
//! Rules: no lock, no allocation, no thread-local, no library but the one that `open` is expected
//! from; all of it can run in a signal handler, and between `vfork` and `exec`. There is no panic.
#![no_std]
#![deny(unsafe_op_in_unsafe_fn)]

mod files;
mod gate;
mod link;
mod path;
mod programs;
#[path = "../src/ring.rs"]
#[allow(dead_code, reason = "the end that reads is used by the watcher")]
mod ring;
mod streams;
mod sys;

use core::ffi::{c_char, c_int, c_uint};

use programs::Words;
use streams::Stream;
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

/// # Safety
///
/// As for `fopen(3)`: path and mode end with a zero.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fopen(path: *const c_char, mode: *const c_char) -> Stream {
    unsafe { streams::open(path, mode) }
}

/// # Safety
///
/// As for [`fopen`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fopen64(path: *const c_char, mode: *const c_char) -> Stream {
    unsafe { streams::open(path, mode) }
}

/// # Safety
///
/// As for `execve(2)`: what the kernel reads is there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn execve(path: *const c_char, argv: Words, env: Words) -> c_int {
    unsafe { programs::execute(path, argv, env) }
}

/// # Safety
///
/// As for [`execve`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn execv(path: *const c_char, argv: Words) -> c_int {
    unsafe { programs::execute_here(path, argv) }
}

/// # Safety
///
/// As for `execvp(3)`: the name ends with a zero, the words with a null pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn execvp(file: *const c_char, argv: Words) -> c_int {
    unsafe { programs::find_and_execute(file, argv) }
}

/// What programs call that were built to be checked: flags that need a mode must not be there.
unsafe fn fortified(at: c_int, path: *const c_char, flags: c_int) -> c_int {
    if flags & O_CREAT != 0 || flags & O_TMPFILE == O_TMPFILE {
        sys::abort_now();
    }
    unsafe { files::open(at, path, flags, 0) }
}
