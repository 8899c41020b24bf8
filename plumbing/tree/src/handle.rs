//! Open directories, of which a process can have only so many.

use crate::names::DIRECTORY;
use nix::fcntl::{OFlag, open, openat};
use nix::sys::resource::{Resource, getrlimit};
use nix::sys::stat::Mode as Permissions;
use roar_content::reach;
use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts directories that are held open.
#[derive(Clone, Debug)]
pub(crate) struct Handles {
    open: Arc<AtomicUsize>,
    most: usize,
}

/// An open directory.
#[derive(Debug)]
pub(crate) struct Handle {
    fd: OwnedFd,
    open: Arc<AtomicUsize>,
}

impl Handles {
    /// Allows for half of what the process may open.
    pub(crate) fn new() -> Self {
        let limit = getrlimit(Resource::RLIMIT_NOFILE).map_or(1024, |(soft, _)| soft);
        Self {
            open: Arc::default(),
            most: usize::try_from(limit / 2).unwrap_or(usize::MAX),
        }
    }

    /// Takes charge of an open directory.
    pub(crate) fn take(&self, fd: OwnedFd) -> Handle {
        self.open.fetch_add(1, Ordering::Relaxed);
        let open = Arc::clone(&self.open);
        Handle { fd, open }
    }

    /// Returns whether a directory had better be closed than kept open for a task that has to wait.
    pub(crate) fn are_scarce(&self) -> bool {
        self.open.load(Ordering::Relaxed) >= self.most
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }
}

impl AsFd for Handle {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Opens the directory that everything lies in.
pub(crate) fn open_top(top: &Path) -> io::Result<OwnedFd> {
    Ok(open(reach(top)?.as_ref(), DIRECTORY, Permissions::empty())?)
}

/// Opens a directory below `top`, name by name: no path is too long for that.
pub(crate) fn open_below(top: &Path, path: &[u8]) -> io::Result<OwnedFd> {
    let mut fd = open_top(top)?;
    for name in path.split(|&byte| byte == b'/').filter(|it| !it.is_empty()) {
        let name = CString::new(name).expect("names come from the kernel, without NUL");
        let flags = DIRECTORY | OFlag::O_NOFOLLOW;
        fd = openat(&fd, name.as_c_str(), flags, Permissions::empty())?;
    }
    Ok(fd)
}
