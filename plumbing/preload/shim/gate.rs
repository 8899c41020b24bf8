//! The gate: a page with one system call in it, at the address from which the filter lets calls pass.

use core::arch::asm;

use crate::ring;
use crate::sys::{self, MMAP, MPROTECT, MUNMAP};

const GATE: usize = ring::GATE as usize;

const PAGE: usize = 4096;
const READ_WRITE: usize = 3;
const READ_EXECUTE: usize = 5;
/// Private, of no file, and only if nothing is there.
const HERE_IF_FREE: usize = 0x02 | 0x20 | 0x10_0000;

/// `syscall; ret`.
const CODE: [u8; 3] = [0x0f, 0x05, 0xc3];

/// Makes the page. Returns whether it is there now.
pub(crate) fn build() -> bool {
    // SAFETY: it asks for new memory at a place where nothing is.
    let page = unsafe { sys::call(MMAP, [GATE, PAGE, READ_WRITE, HERE_IF_FREE, usize::MAX, 0]) };
    if page != GATE as isize {
        // Before Linux 4.17 the place is a wish.
        if page > 0 {
            // SAFETY: the page was given just now, and nobody knows of it.
            unsafe { sys::call(MUNMAP, [page as usize, PAGE, 0, 0, 0, 0]) };
        }
        return false;
    }
    // SAFETY: the page is there, can be written to, and is longer.
    unsafe { sys::copy(CODE.as_ptr(), GATE as *mut u8, CODE.len()) };
    // SAFETY: as before; from now on it can be executed.
    let done = unsafe { sys::call(MPROTECT, [GATE, PAGE, READ_EXECUTE, 0, 0, 0]) };
    done == 0
}

/// Makes a system call of four arguments through the gate.
///
/// # Safety
///
/// The gate was [built](build), and as the call asks.
#[inline(always)]
pub(crate) unsafe fn call(number: usize, args: [usize; 4]) -> isize {
    let result;
    // SAFETY: the page holds a system call and a return; the kernel keeps all registers but these.
    unsafe {
        asm!(
            "call {gate}",
            gate = in(reg) GATE,
            inlateout("rax") number => result,
            in("rdi") args[0], in("rsi") args[1], in("rdx") args[2], in("r10") args[3],
            lateout("rcx") _, lateout("r11") _,
        );
    }
    result
}
