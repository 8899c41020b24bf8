//! What a watched program may do that a shell script cannot.

use std::ffi::OsString;
use std::fs;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

/// `--tracee KIND ARG…`.
pub(crate) fn main(kind: &str, args: &[OsString]) -> ExitCode {
    match kind {
        "threads" => threads(args),
        "spawn" => ExitCode::from(spawn(args)),
        "exec-from-thread" => exec_from_thread(args),
        #[cfg(target_arch = "x86_64")]
        "int80" => int80(args),
        _ => ExitCode::FAILURE,
    }
}

/// Opens every file in a thread of its own.
fn threads(files: &[OsString]) -> ExitCode {
    std::thread::scope(|scope| {
        for file in files {
            scope.spawn(move || fs::read(file));
        }
    });
    ExitCode::SUCCESS
}

/// Starts a program as the C library's `posix_spawn` does: `clone3` with `CLONE_VFORK`.
fn spawn(words: &[OsString]) -> u8 {
    let status = Command::new(&words[0]).args(&words[1..]).status();
    status
        .ok()
        .and_then(|status| status.code())
        .map_or(255, |code| code.to_le_bytes()[0])
}

/// Executes a program from a thread that is not the first.
fn exec_from_thread(words: &[OsString]) -> ExitCode {
    let words = words.to_vec();
    let thread = std::thread::spawn(move || Command::new(&words[0]).args(&words[1..]).exec());
    let _ = thread.join();
    ExitCode::FAILURE
}

/// Opens a file by the 32-bit system call table.
#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "no safe way leads into the 32-bit table")]
fn int80(files: &[OsString]) -> ExitCode {
    use std::os::unix::ffi::OsStrExt;
    let (access, kind) = (
        libc::PROT_READ | libc::PROT_WRITE,
        libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_32BIT,
    );
    // SAFETY: a new mapping at an address of the kernel's choice overlaps nothing.
    let page = unsafe { libc::mmap(std::ptr::null_mut(), 4096, access, kind, -1, 0) };
    assert_ne!(page, libc::MAP_FAILED);
    let name = files[0].as_bytes();
    assert!(name.len() < 4096);
    // SAFETY: the name is shorter than the page, which is zeroed beyond it.
    unsafe { std::ptr::copy_nonoverlapping(name.as_ptr(), page.cast(), name.len()) };
    let mut answer = 5_u64; // open, in that table
    // SAFETY: the call reads the name, a C string below 4 GiB. The compiler keeps rbx for itself,
    // so it is put back.
    unsafe {
        std::arch::asm!(
            "xchg rbx, {name}", "int 0x80", "xchg rbx, {name}",
            name = inout(reg) page.addr() => _, inout("rax") answer,
            in("rcx") libc::O_RDONLY, in("rdx") 0,
            out("r8") _, out("r9") _, out("r10") _, out("r11") _,
        );
    }
    if answer.cast_signed() < 0 {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}
