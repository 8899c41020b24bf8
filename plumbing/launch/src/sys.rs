//! Which system calls are interesting, and their number in each table.
//!
//! Numbers are the kernel's own: `arch/x86/entry/syscalls/syscall_{64,32}.tbl` and
//! `include/uapi/asm-generic/unistd.h`.

use crate::call::Arch;

/// What an interesting system call means, whatever its number is.
///
/// Arguments are those of the man page of the same name, in that order. Calls that neither change a
/// file's content nor ask whether there is one, such as `fchmodat`, are not here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Sys {
    /// `open(path, flags, mode)`.
    Open,
    /// `openat(dirfd, path, flags, mode)`.
    Openat,
    /// `openat2(dirfd, path, how, size)`.
    Openat2,
    /// `creat(path, mode)`.
    Creat,
    /// `execve(path, argv, envp)`.
    Execve,
    /// `execveat(dirfd, path, argv, envp, flags)`.
    Execveat,
    /// `rename(from, to)`.
    Rename,
    /// `renameat(from_dirfd, from, to_dirfd, to)`.
    Renameat,
    /// `renameat2(from_dirfd, from, to_dirfd, to, flags)`.
    Renameat2,
    /// `link(from, to)`.
    Link,
    /// `linkat(from_dirfd, from, to_dirfd, to, flags)`.
    Linkat,
    /// `symlink(target, path)`.
    Symlink,
    /// `symlinkat(target, dirfd, path)`.
    Symlinkat,
    /// `unlink(path)`.
    Unlink,
    /// `unlinkat(dirfd, path, flags)`.
    Unlinkat,
    /// `truncate(path, length)`.
    Truncate,
    /// `truncate64(path, low, high)`: the length in two halves, 32-bit tables only.
    Truncate64,
    /// `open_by_handle_at(mount_fd, handle, flags)`.
    OpenByHandleAt,
    /// `io_uring_setup(entries, params)`.
    IoUringSetup,
    /// `pidfd_getfd(pidfd, fd, flags)`.
    PidfdGetfd,
    /// `chroot(path)`.
    Chroot,
    /// `pivot_root(new_root, put_old)`.
    PivotRoot,
    /// `unshare(flags)`.
    Unshare,
    /// `setns(fd, kind)`.
    Setns,
    /// `mount(source, target, type, flags, data)`.
    Mount,
    /// `move_mount(from_dirfd, from, to_dirfd, to, flags)`.
    MoveMount,
    /// `umount2(target, flags)`, and 32-bit `umount(target)`.
    Umount,
    /// `seccomp(operation, flags, args)`.
    Seccomp,
    /// `prctl(option, …)`; only `PR_SET_SECCOMP` is of interest.
    Prctl,
    /// `utime(path, times)` and `utimes`.
    Utime,
    /// `futimesat(dirfd, path, times)`; without a path it is of no interest.
    Futimesat,
    /// `utimensat(dirfd, path, times, flags)` and its 32-bit form for later years; without a path it is of no
    /// interest.
    Utimensat,
    /// `stat(path, answer)` and its 32-bit forms.
    Stat,
    /// `lstat(path, answer)` and its 32-bit forms.
    Lstat,
    /// `newfstatat(dirfd, path, answer, flags)`, and 32-bit `fstatat64`.
    Fstatat,
    /// `statx(dirfd, path, flags, mask, answer)`.
    Statx,
    /// `access(path, mode)`.
    Access,
    /// `faccessat(dirfd, path, mode)`: the call itself knows no flags.
    Faccessat,
    /// `faccessat2(dirfd, path, mode, flags)`.
    Faccessat2,
    /// `readlink(path, answer, size)`.
    Readlink,
    /// `readlinkat(dirfd, path, answer, size)`.
    Readlinkat,
    /// `chdir(path)`.
    Chdir,
    /// `mkdir(path, mode)`.
    Mkdir,
    /// `mkdirat(dirfd, path, mode)`.
    Mkdirat,
    /// `mknod(path, mode, device)`.
    Mknod,
    /// `mknodat(dirfd, path, mode, device)`.
    Mknodat,
    /// `rmdir(path)`.
    Rmdir,
}

/// The bit that marks a number of the x32 table.
pub(crate) const X32_BIT: u32 = 0x4000_0000;

/// 64-bit x86. The x32 table is this one but for the two numbers in [`X32_OWN`].
pub(crate) const X86_64: &[(u32, Sys)] = &[
    (2, Sys::Open),
    (59, Sys::Execve),
    (76, Sys::Truncate),
    (80, Sys::Chdir),
    (82, Sys::Rename),
    (85, Sys::Creat),
    (86, Sys::Link),
    (87, Sys::Unlink),
    (88, Sys::Symlink),
    (132, Sys::Utime),
    (155, Sys::PivotRoot),
    (157, Sys::Prctl),
    (161, Sys::Chroot),
    (165, Sys::Mount),
    (166, Sys::Umount),
    (235, Sys::Utime),
    (257, Sys::Openat),
    (261, Sys::Futimesat),
    (263, Sys::Unlinkat),
    (264, Sys::Renameat),
    (265, Sys::Linkat),
    (266, Sys::Symlinkat),
    (272, Sys::Unshare),
    (280, Sys::Utimensat),
    (304, Sys::OpenByHandleAt),
    (308, Sys::Setns),
    (316, Sys::Renameat2),
    (317, Sys::Seccomp),
    (322, Sys::Execveat),
    (425, Sys::IoUringSetup),
    (429, Sys::MoveMount),
    (437, Sys::Openat2),
    (438, Sys::PidfdGetfd),
];

/// The x32 calls whose numbers differ from the 64-bit ones, with [`X32_BIT`] removed.
pub(crate) const X32_OWN: &[(u32, Sys)] = &[(520, Sys::Execve), (545, Sys::Execveat)];

/// 32-bit x86, also reached by `int 0x80` from 64-bit programs.
pub(crate) const X86: &[(u32, Sys)] = &[
    (5, Sys::Open),
    (8, Sys::Creat),
    (9, Sys::Link),
    (10, Sys::Unlink),
    (11, Sys::Execve),
    (12, Sys::Chdir),
    (21, Sys::Mount),
    (22, Sys::Umount),
    (30, Sys::Utime),
    (38, Sys::Rename),
    (52, Sys::Umount),
    (61, Sys::Chroot),
    (83, Sys::Symlink),
    (92, Sys::Truncate),
    (172, Sys::Prctl),
    (193, Sys::Truncate64),
    (217, Sys::PivotRoot),
    (271, Sys::Utime),
    (295, Sys::Openat),
    (299, Sys::Futimesat),
    (301, Sys::Unlinkat),
    (302, Sys::Renameat),
    (303, Sys::Linkat),
    (304, Sys::Symlinkat),
    (310, Sys::Unshare),
    (320, Sys::Utimensat),
    (342, Sys::OpenByHandleAt),
    (346, Sys::Setns),
    (353, Sys::Renameat2),
    (354, Sys::Seccomp),
    (358, Sys::Execveat),
    (412, Sys::Utimensat),
    (425, Sys::IoUringSetup),
    (429, Sys::MoveMount),
    (437, Sys::Openat2),
    (438, Sys::PidfdGetfd),
];

/// 64-bit ARM: the generic table, which has only the `at` forms.
pub(crate) const AARCH64: &[(u32, Sys)] = &[
    (35, Sys::Unlinkat),
    (36, Sys::Symlinkat),
    (37, Sys::Linkat),
    (38, Sys::Renameat),
    (39, Sys::Umount),
    (40, Sys::Mount),
    (41, Sys::PivotRoot),
    (45, Sys::Truncate),
    (49, Sys::Chdir),
    (51, Sys::Chroot),
    (56, Sys::Openat),
    (88, Sys::Utimensat),
    (97, Sys::Unshare),
    (167, Sys::Prctl),
    (221, Sys::Execve),
    (265, Sys::OpenByHandleAt),
    (268, Sys::Setns),
    (276, Sys::Renameat2),
    (277, Sys::Seccomp),
    (281, Sys::Execveat),
    (425, Sys::IoUringSetup),
    (429, Sys::MoveMount),
    (437, Sys::Openat2),
    (438, Sys::PidfdGetfd),
];

/// 64-bit x86, and x32: what is of interest only to those who want to know where a command
/// [looks](crate::Command::looks).
pub(crate) const LOOKS_X86_64: &[(u32, Sys)] = &[
    (4, Sys::Stat),
    (6, Sys::Lstat),
    (21, Sys::Access),
    (83, Sys::Mkdir),
    (84, Sys::Rmdir),
    (89, Sys::Readlink),
    (133, Sys::Mknod),
    (258, Sys::Mkdirat),
    (259, Sys::Mknodat),
    (262, Sys::Fstatat),
    (267, Sys::Readlinkat),
    (269, Sys::Faccessat),
    (332, Sys::Statx),
    (439, Sys::Faccessat2),
];

/// The same of 32-bit x86, with the older forms of `stat`.
pub(crate) const LOOKS_X86: &[(u32, Sys)] = &[
    (14, Sys::Mknod),
    (18, Sys::Stat),
    (33, Sys::Access),
    (39, Sys::Mkdir),
    (40, Sys::Rmdir),
    (84, Sys::Lstat),
    (85, Sys::Readlink),
    (106, Sys::Stat),
    (107, Sys::Lstat),
    (195, Sys::Stat),
    (196, Sys::Lstat),
    (296, Sys::Mkdirat),
    (297, Sys::Mknodat),
    (300, Sys::Fstatat),
    (305, Sys::Readlinkat),
    (307, Sys::Faccessat),
    (383, Sys::Statx),
    (439, Sys::Faccessat2),
];

/// The same of 64-bit ARM.
pub(crate) const LOOKS_AARCH64: &[(u32, Sys)] = &[
    (33, Sys::Mknodat),
    (34, Sys::Mkdirat),
    (48, Sys::Faccessat),
    (78, Sys::Readlinkat),
    (79, Sys::Fstatat),
    (291, Sys::Statx),
    (439, Sys::Faccessat2),
];

/// Tells what `number` of the table of `arch` means, `None` when it is not an interesting call.
///
/// The x32 bit must already be removed from `number`, as it is in a [`Call`](crate::Call).
pub fn meaning(arch: Arch, number: u32) -> Option<Sys> {
    match arch {
        Arch::X86_64 => lookup(X86_64, number).or_else(|| lookup(LOOKS_X86_64, number)),
        Arch::X86 => lookup(X86, number).or_else(|| lookup(LOOKS_X86, number)),
        Arch::Aarch64 => lookup(AARCH64, number).or_else(|| lookup(LOOKS_AARCH64, number)),
        // x32 refuses the 64-bit numbers of the calls that it has under its own.
        Arch::X32 => lookup(X32_OWN, number)
            .or_else(|| meaning(Arch::X86_64, number).filter(|sys| !is_x32_own(*sys))),
    }
}

#[cfg(test)]
impl Sys {
    /// Returns whether this is of interest only to those who want to know where a command looks.
    pub(crate) fn is_look(self) -> bool {
        let mut looks = LOOKS_X86_64.iter().chain(LOOKS_AARCH64);
        looks.any(|row| row.1 == self)
    }
}

fn lookup(table: &[(u32, Sys)], number: u32) -> Option<Sys> {
    let at = table.binary_search_by_key(&number, |row| row.0).ok()?;
    Some(table[at].1)
}

fn is_x32_own(sys: Sys) -> bool {
    X32_OWN.iter().any(|row| row.1 == sys)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_is_sorted_and_has_no_number_twice() {
        for table in [
            X86_64,
            X32_OWN,
            X86,
            AARCH64,
            LOOKS_X86_64,
            LOOKS_X86,
            LOOKS_AARCH64,
        ] {
            assert!(
                table.windows(2).all(|pair| pair[0].0 < pair[1].0),
                "{table:?}"
            );
        }
    }

    #[test]
    fn the_same_number_means_different_calls_in_different_tables() {
        assert_eq!(meaning(Arch::X86_64, 2), Some(Sys::Open));
        assert_eq!(meaning(Arch::X86, 2), None);
        assert_eq!(meaning(Arch::X86, 5), Some(Sys::Open));
        assert_eq!(meaning(Arch::Aarch64, 56), Some(Sys::Openat));
        assert_eq!(meaning(Arch::X86_64, 56), None);
    }

    #[test]
    fn x32_execs_by_its_own_numbers_only() {
        assert_eq!(meaning(Arch::X32, 520), Some(Sys::Execve));
        assert_eq!(meaning(Arch::X32, 545), Some(Sys::Execveat));
        assert_eq!(meaning(Arch::X32, 59), None);
        assert_eq!(meaning(Arch::X32, 257), Some(Sys::Openat));
    }

    #[test]
    fn a_number_is_in_one_table_of_a_machine_only() {
        for (table, looks) in [
            (X86_64, LOOKS_X86_64),
            (X86, LOOKS_X86),
            (AARCH64, LOOKS_AARCH64),
        ] {
            assert!(table.iter().all(|row| lookup(looks, row.0).is_none()));
            assert!(table.iter().all(|row| !row.1.is_look()));
            assert!(looks.iter().all(|row| row.1.is_look()));
        }
    }

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn the_tables_agree_with_the_numbers_of_libc() {
        for (number, sys) in [
            (libc::SYS_open, Sys::Open),
            (libc::SYS_openat, Sys::Openat),
            (libc::SYS_openat2, Sys::Openat2),
            (libc::SYS_creat, Sys::Creat),
            (libc::SYS_execve, Sys::Execve),
            (libc::SYS_execveat, Sys::Execveat),
            (libc::SYS_rename, Sys::Rename),
            (libc::SYS_renameat, Sys::Renameat),
            (libc::SYS_renameat2, Sys::Renameat2),
            (libc::SYS_link, Sys::Link),
            (libc::SYS_linkat, Sys::Linkat),
            (libc::SYS_symlink, Sys::Symlink),
            (libc::SYS_symlinkat, Sys::Symlinkat),
            (libc::SYS_unlink, Sys::Unlink),
            (libc::SYS_unlinkat, Sys::Unlinkat),
            (libc::SYS_truncate, Sys::Truncate),
            (libc::SYS_open_by_handle_at, Sys::OpenByHandleAt),
            (libc::SYS_io_uring_setup, Sys::IoUringSetup),
            (libc::SYS_pidfd_getfd, Sys::PidfdGetfd),
            (libc::SYS_chroot, Sys::Chroot),
            (libc::SYS_pivot_root, Sys::PivotRoot),
            (libc::SYS_unshare, Sys::Unshare),
            (libc::SYS_setns, Sys::Setns),
            (libc::SYS_mount, Sys::Mount),
            (libc::SYS_move_mount, Sys::MoveMount),
            (libc::SYS_umount2, Sys::Umount),
            (libc::SYS_stat, Sys::Stat),
            (libc::SYS_lstat, Sys::Lstat),
            (libc::SYS_newfstatat, Sys::Fstatat),
            (libc::SYS_statx, Sys::Statx),
            (libc::SYS_access, Sys::Access),
            (libc::SYS_faccessat, Sys::Faccessat),
            (libc::SYS_faccessat2, Sys::Faccessat2),
            (libc::SYS_readlink, Sys::Readlink),
            (libc::SYS_readlinkat, Sys::Readlinkat),
            (libc::SYS_chdir, Sys::Chdir),
            (libc::SYS_mkdir, Sys::Mkdir),
            (libc::SYS_mkdirat, Sys::Mkdirat),
            (libc::SYS_mknod, Sys::Mknod),
            (libc::SYS_mknodat, Sys::Mknodat),
            (libc::SYS_rmdir, Sys::Rmdir),
        ] {
            assert_eq!(
                meaning(Arch::X86_64, u32::try_from(number).unwrap_or(0)),
                Some(sys)
            );
        }
    }
}
