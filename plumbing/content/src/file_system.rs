//! What can be expected of a file system: whose clock stamps its files, and whether maps are safe.

use nix::sys::statfs::fstatfs;
use std::cell::Cell;
use std::fs::File;

/// A sort of file system, told by the magic number that `statfs` reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileSystem {
    /// On this machine, with stamps of full resolution from this kernel's clock.
    Local,
    /// Files that the kernel makes up as they are read; their sizes mean nothing.
    Pseudo,
    /// Another machine's, or a program's: clocks, inode numbers and maps are theirs.
    Remote,
    /// Anything else.
    Other,
}

impl FileSystem {
    /// Looks at the file system of an open file. One that does not answer is [`Self::Remote`],
    /// which is expected to keep no promise.
    pub fn of(file: &File) -> Self {
        fstatfs(file).map_or(Self::Remote, |found| {
            Self::of_magic(magic(found.filesystem_type()))
        })
    }

    /// Looks at the file system of an open file on device `dev`, unless this thread has just done
    /// so for another file of the device.
    pub(crate) fn of_device(dev: u64, file: &File) -> Self {
        thread_local! {
            static LAST: Cell<Option<(u64, FileSystem)>> = const { Cell::new(None) };
        }
        if let Some((known, found)) = LAST.get()
            && known == dev
        {
            return found;
        }
        let found = Self::of(file);
        LAST.set(Some((dev, found)));
        found
    }

    /// Sorts by the number in `f_type`, as listed in `statfs(2)` and `linux/magic.h`.
    const fn of_magic(magic: u64) -> Self {
        match magic {
            // ext2 to ext4, xfs, btrfs, tmpfs
            0xef53 | 0x5846_5342 | 0x9123_683e | 0x0102_1994 => Self::Local,
            // proc, sysfs, debugfs, tracefs, securityfs, cgroup, cgroup2, configfs, bpf, efivarfs
            0x9fa0 | 0x6265_6572 | 0x6462_6720 | 0x7472_6163 | 0x7363_6673 | 0x0027_e0eb
            | 0x6367_7270 | 0x6265_6570 | 0xcafe_4a11 | 0xde5e_81e4 => Self::Pseudo,
            // nfs, smb (two), cifs, fuse, 9p, lustre, ceph, afs (two), coda, gfs2, ocfs2
            0x6969 | 0x517b | 0xfe53_4d42 | 0xff53_4d42 | 0x6573_5546 | 0x0102_1997
            | 0x0bd0_0bd0 | 0x00c3_6400 | 0x5346_414f | 0x6b41_4653 | 0x7375_7245 | 0x0116_1970
            | 0x7461_636f => Self::Remote,
            _ => Self::Other,
        }
    }

    /// Returns by how many nanoseconds stamps must be past before a version can be relied on, or
    /// nothing if it never can.
    pub const fn slack_ns(self) -> Option<i64> {
        match self {
            Self::Local => Some(20_000_000),
            Self::Other => Some(2_000_000_000),
            Self::Pseudo | Self::Remote => None,
        }
    }

    /// Returns whether large files are worth mapping: a map of a remote file can hang or fail in
    /// ways that a read reports.
    pub(crate) const fn maps_well(self) -> bool {
        matches!(self, Self::Local)
    }
}

/// Returns the 32 bits that matter, whatever width and sign the architecture gives them.
#[allow(
    clippy::unnecessary_cast,
    clippy::cast_sign_loss,
    reason = "the type of `f_type` varies with the architecture"
)]
fn magic(found: nix::sys::statfs::FsType) -> u64 {
    (found.0 as u64) & 0xffff_ffff
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests may panic")]
mod tests {
    use super::*;

    #[test]
    fn made_up_files_are_told_from_kept_ones() {
        let made_up = File::open("/proc/self/status").unwrap();
        assert_eq!(FileSystem::of(&made_up), FileSystem::Pseudo);
        let kept = tempfile::tempfile().unwrap();
        assert_ne!(FileSystem::of(&kept), FileSystem::Pseudo);
    }

    #[test]
    fn only_what_keeps_time_is_relied_on() {
        assert_eq!(FileSystem::of_magic(0xef53), FileSystem::Local);
        assert_eq!(FileSystem::of_magic(0x6969).slack_ns(), None);
        assert_eq!(FileSystem::of_magic(0x4d44).slack_ns(), Some(2_000_000_000));
    }
}
