//! Reading what a waiting thread points at.

use std::fs::File;
use std::io::{ErrorKind, IoSlice, IoSliceMut};
use std::os::unix::fs::FileExt;

use nix::errno::Errno;
use nix::sys::uio::{RemoteIoVec, process_vm_readv, process_vm_writev};
use nix::unistd::Pid;

/// The longest path the kernel takes, with its terminating NUL.
const PATH_MAX: usize = 4096;

/// Pages are at least this large, so a read that ends here never fails for what lies beyond.
const PAGE: u64 = 4096;

/// How much is read at once: most paths are shorter.
const STEP: usize = 512;

/// Why memory was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// There is nothing at that address, or no such thread: the call fails for its caller too.
    Nothing,
    /// It is not for us to read.
    Denied,
}

/// Reads the path at `address` of thread `tid`.
pub(crate) fn path(tid: i32, address: u64) -> Result<Vec<u8>, Fault> {
    let mut path = Vec::with_capacity(STEP);
    while path.len() <= PATH_MAX {
        let at = address
            .checked_add(path.len() as u64)
            .ok_or(Fault::Nothing)?;
        let room = STEP.min((PAGE - at % PAGE) as usize);
        let start = path.len();
        path.resize(start + room, 0);
        let read = read(tid, at, &mut path[start..])?;
        path.truncate(start + read);
        if let Some(end) = path[start..].iter().position(|byte| *byte == 0) {
            path.truncate(start + end);
            return Ok(path);
        }
    }
    // Longer than the kernel takes.
    Err(Fault::Nothing)
}

/// Reads `N` bytes at `address` of thread `tid`.
pub(crate) fn bytes<const N: usize>(tid: i32, address: u64) -> Result<[u8; N], Fault> {
    let mut bytes = [0; N];
    match read(tid, address, &mut bytes)? {
        read if read == N => Ok(bytes),
        _ => Err(Fault::Nothing),
    }
}

/// Reads pieces, each of so many bytes at an address of thread `tid`, one behind the other into `out`, which is as
/// long as all together. Returns how many bytes were read: whole pieces, up to the first that cannot be.
pub(crate) fn pieces(tid: i32, pieces: &[(u64, usize)], out: &mut [u8]) -> usize {
    let remote: Vec<_> = pieces
        .iter()
        .map(|(address, len)| RemoteIoVec {
            base: *address as usize,
            len: *len,
        })
        .collect();
    let read = process_vm_readv(Pid::from_raw(tid), &mut [IoSliceMut::new(out)], &remote);
    read.unwrap_or(0)
}

/// Writes bytes at `address` of thread `tid`, all or perhaps some of them; returns whether all.
pub(crate) fn write(tid: i32, address: u64, bytes: &[u8]) -> bool {
    let Ok(base) = usize::try_from(address) else {
        return false;
    };
    let remote = [RemoteIoVec {
        base,
        len: bytes.len(),
    }];
    process_vm_writev(Pid::from_raw(tid), &[IoSlice::new(bytes)], &remote) == Ok(bytes.len())
}

/// Reads at least one byte.
fn read(tid: i32, address: u64, out: &mut [u8]) -> Result<usize, Fault> {
    let read = match direct(tid, address, out) {
        Err(Fault::Denied) => through_file(tid, address, out)?,
        read => read?,
    };
    if read > 0 {
        Ok(read)
    } else {
        Err(Fault::Nothing)
    }
}

fn direct(tid: i32, address: u64, out: &mut [u8]) -> Result<usize, Fault> {
    let base = usize::try_from(address).map_err(|_| Fault::Nothing)?;
    let remote = [RemoteIoVec {
        base,
        len: out.len(),
    }];
    let read = process_vm_readv(Pid::from_raw(tid), &mut [IoSliceMut::new(out)], &remote);
    read.map_err(|error| match error {
        Errno::EFAULT | Errno::ESRCH => Fault::Nothing,
        _ => Fault::Denied,
    })
}

/// The way that is left where `process_vm_readv` is forbidden, as in some containers.
fn through_file(tid: i32, address: u64, out: &mut [u8]) -> Result<usize, Fault> {
    let file = File::open(format!("/proc/{tid}/mem")).map_err(|error| match error.kind() {
        ErrorKind::NotFound => Fault::Nothing,
        _ => Fault::Denied,
    })?;
    file.read_at(out, address).map_err(|_| Fault::Nothing)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests may panic")]
mod tests {
    use super::*;

    fn own(bytes: &[u8]) -> (i32, u64) {
        (Pid::this().as_raw(), bytes.as_ptr() as u64)
    }

    #[test]
    fn a_path_ends_before_its_nul() {
        let (tid, address) = own(b"/a/\xff\n\0rest");
        assert_eq!(path(tid, address).unwrap(), b"/a/\xff\n");
    }

    #[test]
    fn a_path_longer_than_one_step_is_read_whole() {
        let long = [&[b'x'; 3000][..], b"\0"].concat();
        let (tid, address) = own(&long);
        assert_eq!(path(tid, address).unwrap(), long[..3000]);
    }

    #[test]
    fn what_the_kernel_would_refuse_is_refused() {
        let endless = vec![b'x'; 3 * PATH_MAX];
        let (tid, address) = own(&endless);
        assert_eq!(path(tid, address), Err(Fault::Nothing));
        assert_eq!(path(tid, 8), Err(Fault::Nothing));
    }

    #[test]
    fn the_second_way_reads_the_same() {
        let (tid, address) = own(b"abc");
        let mut bytes = [0; 3];
        assert_eq!(through_file(tid, address, &mut bytes), Ok(3));
        assert_eq!(&bytes, b"abc");
    }
}
