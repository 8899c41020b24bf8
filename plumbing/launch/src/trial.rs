//! Finding out by trying whether a filter's calls reach whoever is to get them.

use std::io;
use std::ptr;

use crate::filter::{Action, Instruction, program};
use crate::start::install;

/// A filter, and one call that it picks out.
///
/// Made beforehand, because the process that tries may not allocate.
#[derive(Debug)]
pub struct Trial {
    filter: Vec<Instruction>,
    action: Action,
}

impl Trial {
    /// Prepares a trial of `action`.
    pub fn of(action: Action) -> Self {
        let filter = program(action, false, None);
        Self { filter, action }
    }

    /// Installs the filter in this process, for good, and makes the call: an opening without a path,
    /// which fails and touches nothing.
    ///
    /// For a process that ends soon. Allocates nothing, takes no lock.
    pub fn perform(&self) -> io::Result<()> {
        install(&self.filter, self.action)?;
        let no_path = ptr::null::<libc::c_char>();
        // SAFETY: without a path the call fails before it touches anything.
        unsafe { libc::syscall(libc::SYS_openat, libc::AT_FDCWD, no_path, libc::O_RDONLY) };
        Ok(())
    }
}
