//! Paths followed name by name, where the kernel cannot be asked, or need not.

use nix::errno::Errno;

use crate::long::read_link;
use crate::place::{Caller, LINKS, Link, Missed, below, missed, own};
use crate::state::is_hidden;

/// Where a path leads, and by which links.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Walked {
    /// The canonical path, without the slash of the root.
    pub(crate) end: Vec<u8>,
    /// The links gone through, those of processes left out.
    pub(crate) links: Vec<Link>,
}

/// Follows the path of a directory name by name, as the caller would, also through links by which the
/// kernel shows something of the process that asks.
pub(crate) fn walk(directory: &[u8], caller: Caller) -> Result<Walked, Missed> {
    let names = |path: &[u8]| -> Vec<Vec<u8>> {
        let names = path.split(|byte| *byte == b'/').rev();
        names.map(<[u8]>::to_vec).collect()
    };
    let (mut here, mut rest, mut links) = (Vec::new(), names(directory), Vec::new());
    let mut left = LINKS;
    while let Some(name) = rest.pop() {
        match name.as_slice() {
            b"" | b"." => continue,
            b".." => {
                let end = here.iter().rposition(|byte| *byte == b'/');
                here.truncate(end.unwrap_or(0));
                continue;
            }
            name => here = own(below(&here, name), caller),
        }
        let target = match read_link(&here) {
            Err(Errno::EINVAL) => continue,
            target => target.map_err(missed)?,
        };
        left = left.checked_sub(1).ok_or(Missed::Nothing)?;
        if is_of_a_process(&here) {
            // What it says is where it leads, without further links; or it is no place.
            here = Some(target)
                .filter(|it| it.starts_with(b"/"))
                .ok_or(Missed::Nothing)?;
            continue;
        }
        if !is_hidden(&here) {
            let (path, target) = (here.clone(), target.clone());
            links.push(Link { path, target });
        }
        rest.extend(names(&target));
        if target.starts_with(b"/") {
            here.clear();
        } else {
            let end = here.iter().rposition(|byte| *byte == b'/');
            here.truncate(end.unwrap_or(0));
        }
    }
    let end = here.strip_suffix(b"/").map_or(here.clone(), <[u8]>::to_vec);
    Ok(Walked { end, links })
}

/// Takes out of a path without links what leads nowhere else.
pub(crate) fn clean(words: &[u8]) -> Vec<u8> {
    let mut here = Vec::with_capacity(words.len());
    for name in words.split(|byte| *byte == b'/') {
        match name {
            b"" | b"." => {}
            b".." => {
                let end = here.iter().rposition(|byte| *byte == b'/');
                here.truncate(end.unwrap_or(0));
            }
            name => {
                here.push(b'/');
                here.extend_from_slice(name);
            }
        }
    }
    here
}

/// Whether a path lies where the kernel shows one process.
fn is_of_a_process(path: &[u8]) -> bool {
    let rest = path.strip_prefix(b"/proc/");
    rest.and_then(<[u8]>::first).is_some_and(u8::is_ascii_digit)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests may panic")]
mod tests {
    use std::os::unix::ffi::OsStrExt;

    use super::*;

    #[test]
    fn a_path_without_links_is_cleaned_by_its_words_alone() {
        for (words, clean_words) in [
            ("/a/b", "/a/b"),
            ("//a/./b//c/", "/a/b/c"),
            ("/a/../b/../../c", "/c"),
            ("/..", ""),
        ] {
            assert_eq!(clean(words.as_bytes()), clean_words.as_bytes(), "{words}");
        }
    }

    #[test]
    fn a_walk_comes_to_where_the_kernel_comes() {
        let top = tempfile::tempdir().unwrap();
        let real = top.path().canonicalize().unwrap().join("real");
        std::fs::create_dir_all(real.join("sub")).unwrap();
        std::os::unix::fs::symlink("real", top.path().join("link")).unwrap();
        std::os::unix::fs::symlink(top.path().join("link/sub"), real.join("back")).unwrap();
        std::os::unix::fs::symlink("/proc/self/cwd", real.join("own")).unwrap();
        std::os::unix::fs::symlink("loop", real.join("loop")).unwrap();
        let caller = Caller {
            tid: nix::unistd::gettid().as_raw(),
            pid: std::process::id(),
        };
        let walk = |words: &str| {
            let path = top.path().join(words);
            walk(path.as_os_str().as_bytes(), caller)
        };
        for words in [
            "link",
            "link/sub",
            "link/back/../sub/.",
            "real//back",
            "link/own",
        ] {
            let expected = top.path().join(words).canonicalize().unwrap();
            assert_eq!(
                walk(words).unwrap().end,
                expected.as_os_str().as_bytes(),
                "{words}"
            );
        }
        for words in ["none", "link/loop"] {
            assert_eq!(walk(words), Err(Missed::Nothing), "{words}");
        }
    }
}
