//! System calls and the numbers they take, x86-64: `arch/x86/entry/syscalls/syscall_64.tbl` and
//! `include/uapi/asm-generic/fcntl.h`.

use core::arch::asm;
use core::ffi::{c_char, c_int};

pub(crate) const OPENAT: usize = 257;
pub(crate) const OPENAT2: usize = 437;
pub(crate) const CLOSE: usize = 3;
pub(crate) const STAT: usize = 4;
pub(crate) const FSTAT: usize = 5;
pub(crate) const MMAP: usize = 9;
pub(crate) const MPROTECT: usize = 10;
pub(crate) const MUNMAP: usize = 11;
pub(crate) const GETPID: usize = 39;
pub(crate) const EXECVE: usize = 59;
pub(crate) const GETCWD: usize = 79;
pub(crate) const READLINK: usize = 89;
pub(crate) const READLINKAT: usize = 267;
pub(crate) const GETPPID: usize = 110;

pub(crate) const AT_FDCWD: c_int = -100;

pub(crate) const O_ACCMODE: c_int = 0o3;
pub(crate) const O_RDONLY: c_int = 0;
pub(crate) const O_WRONLY: c_int = 0o1;
pub(crate) const O_RDWR: c_int = 0o2;
pub(crate) const O_CREAT: c_int = 0o100;
pub(crate) const O_EXCL: c_int = 0o200;
pub(crate) const O_TRUNC: c_int = 0o1000;
pub(crate) const O_APPEND: c_int = 0o2000;
pub(crate) const O_DIRECTORY: c_int = 0o200_000;
pub(crate) const O_CLOEXEC: c_int = 0o2_000_000;
pub(crate) const O_PATH: c_int = 0o10_000_000;
pub(crate) const O_TMPFILE: c_int = 0o20_000_000 | O_DIRECTORY;

pub(crate) const EPERM: isize = 1;
pub(crate) const ENOENT: isize = 2;
pub(crate) const EFAULT: isize = 14;
pub(crate) const ENOTDIR: isize = 20;
pub(crate) const EINVAL: isize = 22;
pub(crate) const ENOSYS: isize = 38;
pub(crate) const ELOOP: isize = 40;

/// What `openat2` refuses to go through (`include/uapi/linux/openat2.h`).
pub(crate) const NO_MAGICLINKS: u64 = 0x02;
pub(crate) const NO_SYMLINKS: u64 = 0x04;

unsafe extern "C" {
    fn __errno_location() -> *mut c_int;
    fn abort() -> !;
}

/// What `stat` and `fstat` tell: `struct stat` of `arch/x86/include/uapi/asm/stat.h`.
#[repr(C)]
pub(crate) struct Stat {
    pub(crate) dev: u64,
    pub(crate) ino: u64,
    nlink: u64,
    pub(crate) mode: u32,
    uid: u32,
    gid: u32,
    pad: u32,
    rdev: u64,
    pub(crate) size: i64,
    block_size: i64,
    blocks: i64,
    accessed: [i64; 2],
    pub(crate) modified: [i64; 2],
    pub(crate) changed: [i64; 2],
    unused: [i64; 3],
}

/// Makes a system call; what it returns is its result, or a negative error number.
///
/// # Safety
///
/// As the call with that number asks.
#[inline(always)]
pub(crate) unsafe fn call(number: usize, args: [usize; 6]) -> isize {
    let result;
    // SAFETY: the kernel keeps all registers but these; what it does to memory the caller answers for.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") number => result,
            in("rdi") args[0], in("rsi") args[1], in("rdx") args[2],
            in("r10") args[3], in("r8") args[4], in("r9") args[5],
            lateout("rcx") _, lateout("r11") _,
            options(nostack)
        );
    }
    result
}

/// Opens a file in the ordinary way.
///
/// # Safety
///
/// The path ends with a zero.
pub(crate) unsafe fn open(at: c_int, path: *const c_char, flags: c_int, mode: u32) -> isize {
    unsafe {
        call(
            OPENAT,
            [
                at as usize,
                path as usize,
                flags as usize,
                mode as usize,
                0,
                0,
            ],
        )
    }
}

pub(crate) fn close(fd: c_int) {
    // SAFETY: the descriptor was opened here.
    unsafe { call(CLOSE, [fd as usize, 0, 0, 0, 0, 0]) };
}

/// Turns what a call returned into what the C library returns.
pub(crate) fn told(result: isize) -> c_int {
    if result >= 0 {
        return result as c_int;
    }
    // SAFETY: the C library gives each thread a place for its error number.
    unsafe { *__errno_location() = -result as c_int };
    -1
}

pub(crate) fn abort_now() -> ! {
    // SAFETY: it takes nothing and does not come back.
    unsafe { abort() }
}

/// Copies bytes without calling anybody.
///
/// # Safety
///
/// As for `core::ptr::copy_nonoverlapping`.
#[inline(always)]
pub(crate) unsafe fn copy(from: *const u8, to: *mut u8, length: usize) {
    // SAFETY: the instruction reads and writes that many bytes, and the direction flag is clear as the
    // calling convention has it.
    unsafe {
        asm!(
            "rep movsb",
            inout("rcx") length => _, inout("rsi") from => _, inout("rdi") to => _,
            options(nostack, preserves_flags)
        );
    }
}
