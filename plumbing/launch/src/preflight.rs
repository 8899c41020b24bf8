//! Questions to the kernel that can be asked before anything is started.

use std::fs;
use std::io;
use std::mem::MaybeUninit;

use crate::error::Unavailable;
use crate::filter::{Action, Instruction};
use crate::nested::{field, has_own_tracer, is_nested};
use crate::start::set_filter;
use crate::sysio::{self, check};

/// Tells whether filters can take `action` here.
///
/// Costs a system call, and a short-lived process where this process is under a filter already.
pub fn can(action: Action) -> Result<(), Unavailable> {
    let (code, oldest, what) = match action {
        Action::Notify => (
            libc::SECCOMP_RET_USER_NOTIF,
            (5, 5),
            "seccomp user notification",
        ),
        // Since then the kernel tells a stopped call's table and arguments.
        Action::Trace => (libc::SECCOMP_RET_TRACE, (5, 3), "seccomp with tracing"),
    };
    if kernel_version() < oldest {
        return Err(Unavailable::Kernel { what });
    }
    match action_known(code) {
        Err(error) if error.raw_os_error() == Some(libc::EOPNOTSUPP) => {
            return Err(Unavailable::Kernel { what });
        }
        answer => answer.map_err(|source| Unavailable::Refused { what, source })?,
    }
    if action == Action::Trace || !is_filtered() {
        return Ok(());
    }
    if has_own_tracer() {
        return Err(Unavailable::Watched);
    }
    no_other_listener()
}

fn action_known(code: u32) -> io::Result<()> {
    let ask = libc::SECCOMP_GET_ACTION_AVAIL;
    // SAFETY: the call reads the four bytes of `code`.
    check(unsafe { libc::syscall(libc::SYS_seccomp, ask, 0, &raw const code) }).map(drop)
}

/// Reads major and minor version of the running kernel; what is not a number counts as 0.
fn kernel_version() -> (u32, u32) {
    let mut names = MaybeUninit::<libc::utsname>::zeroed();
    // SAFETY: the call writes one utsname.
    unsafe { libc::uname(names.as_mut_ptr()) };
    // SAFETY: all-zero bytes are a utsname too: five empty strings.
    let release = unsafe { names.assume_init() }.release;
    let mut numbers = release
        .split(|byte| !byte.cast_unsigned().is_ascii_digit())
        .map(|digits| {
            digits
                .iter()
                .fold(0, |n, d| n * 10 + u32::from(d.cast_unsigned() - b'0'))
        });
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

/// Whether any filter is on this process: only then can there be a listener.
fn is_filtered() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    field(&status, "Seccomp:") != Some("0")
}

/// Finds out whether a listener can be had, in a process that ends at once.
fn no_other_listener() -> Result<(), Unavailable> {
    let refused = |source| Unavailable::Refused {
        what: "a seccomp listener",
        source,
    };
    // SAFETY: the copy makes raw system calls only, and ends.
    let pid = match unsafe { sysio::fork() }.map_err(refused)? {
        0 => sysio::exit_now(
            try_listener()
                .err()
                .and_then(|e| e.raw_os_error())
                .unwrap_or(0),
        ),
        pid => pid,
    };
    match sysio::reap(pid, 0).map_or(libc::ECHILD, |(_, status)| libc::WEXITSTATUS(status)) {
        0 => Ok(()),
        libc::EBUSY if is_nested() => Err(Unavailable::Watched),
        libc::EBUSY => Err(Unavailable::ListenerExists),
        errno => Err(refused(io::Error::from_raw_os_error(errno))),
    }
}

fn try_listener() -> io::Result<()> {
    // SAFETY: prctl with these arguments touches no memory.
    check(unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) }.into())?;
    let code = (libc::BPF_RET | libc::BPF_K) as u16;
    let all_go = [Instruction {
        code,
        jt: 0,
        jf: 0,
        k: libc::SECCOMP_RET_ALLOW,
    }];
    set_filter(&all_go, libc::SECCOMP_FILTER_FLAG_NEW_LISTENER).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_running_kernel_has_a_version() {
        assert!(kernel_version() > (2, 6));
    }

    #[test]
    fn an_action_that_does_not_exist_is_not_known() {
        assert!(action_known(0x1234_0000).is_err());
    }
}
