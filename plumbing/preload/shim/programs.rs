//! Executing programs.
//!
//! Who looks for a program tries one directory after the other, and each trial would be shown to the
//! watcher, though nothing is there. So it is asked first whether something is there, which is not watched.
//! All that follows is left to the kernel and the C library. Who has no ring is not helped: it may have forbidden
//! itself to ask.

use core::ffi::{c_char, c_int};
use core::mem::MaybeUninit;

use crate::link;
use crate::path::Path;
use crate::sys::{self, ENOENT, ENOTDIR, EXECVE, STAT, Stat};

/// Pointers to words, and a null pointer at the end.
pub(crate) type Words = *const *const c_char;

unsafe extern "C" {
    static environ: Words;
    fn execvpe(file: *const c_char, argv: Words, env: Words) -> c_int;
}

/// Executes a program as the C library does.
///
/// # Safety
///
/// As for `execve(2)`.
pub(crate) unsafe fn execute(path: *const c_char, argv: Words, env: Words) -> c_int {
    let absent = match link::has_ring() {
        true => unsafe { why_absent(path.cast()) },
        false => None,
    };
    let result = match absent {
        Some(error) => error,
        None => {
            let args = [path as usize, argv as usize, env as usize, 0, 0, 0];
            unsafe { sys::call(EXECVE, args) }
        }
    };
    sys::told(result)
}

/// Executes a program with the environment that there is, as the C library does.
///
/// # Safety
///
/// As for [`execute`].
pub(crate) unsafe fn execute_here(path: *const c_char, argv: Words) -> c_int {
    unsafe { execute(path, argv, environ) }
}

/// Looks for a program and executes it as the C library does.
///
/// # Safety
///
/// As for `execvp(3)`.
pub(crate) unsafe fn find_and_execute(file: *const c_char, argv: Words) -> c_int {
    let mut path = Path::EMPTY;
    let env = unsafe { environ };
    if link::has_ring()
        && let Some(found) = unsafe { find(&mut path, file.cast(), env) }
    {
        unsafe { execvpe(found.cast(), argv, env) };
    }
    // It comes here if that could not be executed: there may be others, and why counts.
    unsafe { execvpe(file, argv, env) }
}

/// Finds the first of the program's names at which there is something; `None` if there is none, or if
/// the C library might look elsewhere.
///
/// # Safety
///
/// The name ends with a zero, and the environment with a null pointer.
unsafe fn find(path: &mut Path, file: *const u8, env: Words) -> Option<*const u8> {
    let mut at = unsafe { search_path(env) }?;
    if unsafe { *file == 0 || has_slash(file) } {
        return None;
    }
    loop {
        // One that begins elsewhere depends on where the process is.
        if unsafe { *at } != b'/' {
            return None;
        }
        path.length = 0;
        while !matches!(unsafe { *at }, b':' | 0) {
            path.push(unsafe { *at })?;
            at = unsafe { at.add(1) };
        }
        path.push(b'/')?;
        unsafe { path.append(file) }?;
        let candidate = path.ended()?;
        if unsafe { why_absent(candidate) }.is_none() {
            return Some(candidate);
        }
        if unsafe { *at } == 0 {
            return None;
        }
        at = unsafe { at.add(1) };
    }
}

/// Returns the value of `PATH`.
///
/// # Safety
///
/// The environment ends with a null pointer, and its words with a zero.
unsafe fn search_path(env: Words) -> Option<*const u8> {
    const NAME: &[u8] = b"PATH=";
    let mut at = env;
    if at.is_null() {
        return None;
    }
    loop {
        let word = unsafe { *at }.cast::<u8>();
        if word.is_null() {
            return None;
        }
        // A word that is shorter differs at its end.
        let named = NAME
            .iter()
            .enumerate()
            .all(|(place, byte)| unsafe { *word.add(place) } == *byte);
        if named {
            return Some(unsafe { word.add(NAME.len()) });
        }
        at = unsafe { at.add(1) };
    }
}

/// # Safety
///
/// The name ends with a zero.
unsafe fn has_slash(name: *const u8) -> bool {
    let mut at = name;
    loop {
        match unsafe { *at } {
            0 => return false,
            b'/' => return true,
            _ => at = unsafe { at.add(1) },
        }
    }
}

/// Returns the error of the kernel if there is nothing at a path.
///
/// # Safety
///
/// The path ends with a zero, or the kernel is to refuse it.
unsafe fn why_absent(path: *const u8) -> Option<isize> {
    let mut stat = MaybeUninit::<Stat>::uninit();
    let args = [path as usize, stat.as_mut_ptr() as usize, 0, 0, 0, 0];
    let result = unsafe { sys::call(STAT, args) };
    [-ENOENT, -ENOTDIR].contains(&result).then_some(result)
}
