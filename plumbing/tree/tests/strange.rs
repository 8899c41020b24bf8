//! What a directory can hold besides plain files, and what can happen while it is read.
#![expect(clippy::unwrap_used, reason = "tests may panic")]

use nix::fcntl::{OFlag, open, openat};
use nix::sys::stat::{Mode as Permissions, SFlag, makedev, mkdirat, mknod};
use roar_content::{HashCache, NameError};
use roar_object::{ContentId, MemoryObjects, Object};
use roar_tree::{
    Leaf, Options, PathTree, Root, Scan, ScanError, Sink, SinkError, SkipReason, list, lookup, scan,
};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

fn scanned(path: &Path) -> (Scan, MemoryObjects) {
    let mut objects = MemoryObjects::default();
    let found = scan(path, Options::new(&HashCache::none()), &mut objects).unwrap();
    (found, objects)
}

fn of(leaves: &[(&[u8], Leaf)]) -> Root {
    let leaves = leaves.iter().map(|(path, leaf)| (*path, *leaf));
    PathTree::build(leaves, &mut MemoryObjects::default()).unwrap()
}

fn file(bytes: &[u8]) -> Leaf {
    Leaf::file(ContentId::of(bytes), bytes.len() as u64, false)
}

#[test]
fn links_to_directories_links_to_themselves_and_links_to_nothing_are_their_text() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("d")).unwrap();
    fs::write(dir.path().join("d/file"), "x").unwrap();
    let links = [
        ("to-d", "d"),
        ("d/loop", "../d"),
        ("self", "self"),
        ("nothing", "/nowhere/at/all"),
        ("root", "/"),
    ];
    let mut expected = vec![(&b"d/file"[..], file(b"x"))];
    for (path, target) in links {
        symlink(target, dir.path().join(path)).unwrap();
        expected.push((path.as_bytes(), Leaf::link(target.as_bytes())));
    }
    let (found, _) = scanned(dir.path());
    assert_eq!(found.root, of(&expected));
    assert_eq!((found.skipped.len(), found.unreadable.len()), (0, 0));
}

#[test]
fn each_name_of_a_file_with_many_is_a_file() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("a"), "same").unwrap();
    fs::hard_link(dir.path().join("a"), dir.path().join("b")).unwrap();
    let (found, _) = scanned(dir.path());
    assert_eq!(
        found.root,
        of(&[(b"a", file(b"same")), (b"b", file(b"same"))])
    );
    assert_eq!((found.root.files, found.root.bytes), (2, 8));
}

#[test]
fn holes_are_zeroes() {
    let dir = tempfile::tempdir().unwrap();
    let mut sparse = File::create(dir.path().join("sparse")).unwrap();
    sparse.seek(SeekFrom::Start(3 << 20)).unwrap();
    sparse.write_all(b"end").unwrap();
    let mut whole = vec![0; 3 << 20];
    whole.extend_from_slice(b"end");
    assert_eq!(scanned(dir.path()).0.root, of(&[(b"sparse", file(&whole))]));
}

#[test]
fn devices_are_left_out_and_listed() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("file"), "x").unwrap();
    let device = dir.path().join("null");
    let made = mknod(&device, SFlag::S_IFCHR, Permissions::S_IRWXU, makedev(1, 3));
    let (found, _) = scanned(dir.path());
    assert_eq!(found.root, of(&[(b"file", file(b"x"))]));
    // Only a privileged user can make one.
    if made.is_ok() {
        assert_eq!(found.skipped, [(b"null".to_vec(), SkipReason::Device)]);
    }
}

#[test]
fn names_are_any_bytes_and_as_long_as_they_may_be() {
    let dir = tempfile::tempdir().unwrap();
    let mut names: Vec<Vec<u8>> = (1..=255u8)
        .filter(|byte| !b"./".contains(byte))
        .map(|byte| vec![byte])
        .collect();
    names.extend([vec![0xff; 255], b"...".to_vec(), b"-rf *".to_vec()]);
    for name in &names {
        fs::write(dir.path().join(OsStr::from_bytes(name)), name).unwrap();
    }
    let expected: Vec<_> = names.iter().map(|name| (&name[..], file(name))).collect();
    let (found, objects) = scanned(dir.path());
    assert_eq!(found.root, of(&expected));
    let entry = lookup(&objects, found.root.id, &[0xff; 255]).unwrap();
    assert!(entry.is_some());
}

#[test]
fn a_directory_may_be_long() {
    let dir = tempfile::tempdir().unwrap();
    let count = 5_000u64;
    for number in 0..count {
        symlink("t", dir.path().join(format!("entry-{number}"))).unwrap();
    }
    let (found, objects) = scanned(dir.path());
    assert_eq!((found.root.files, found.root.bytes), (count, count));
    let listed = list(&objects, found.root.id, true).map(Result::unwrap);
    assert_eq!(listed.count() as u64, count);
}

/// Directories in each other whose path is longer than any that the kernel takes.
#[test]
fn a_path_may_be_longer_than_the_kernel_takes() {
    let dir = tempfile::tempdir().unwrap();
    let flags = OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let mut fd = open(dir.path(), flags, Permissions::empty()).unwrap();
    let name = "long-name-";
    for _ in 0..1000 {
        mkdirat(&fd, name, Permissions::S_IRWXU).unwrap();
        fd = openat(&fd, name, flags, Permissions::empty()).unwrap();
    }
    let create = OFlag::O_CREAT | OFlag::O_WRONLY;
    let leaf = openat(&fd, "file", create, Permissions::S_IRWXU).unwrap();
    File::from(leaf).write_all(b"x").unwrap();
    let (found, objects) = scanned(dir.path());
    assert_eq!((found.root.files, found.unreadable.len()), (1, 0));
    let path = [name; 1000].join("/") + "/file";
    let entry = lookup(&objects, found.root.id, path.as_bytes()).unwrap();
    assert_eq!(entry.unwrap().content_id(), Some(ContentId::of(b"x")));
}

#[test]
#[expect(
    clippy::print_stderr,
    reason = "a test that cannot be made should be seen"
)]
fn what_is_mounted_inside_is_part_of_it() {
    let dir = tempfile::tempdir().unwrap();
    for path in ["set/in", "elsewhere"] {
        fs::create_dir_all(dir.path().join(path)).unwrap();
    }
    fs::write(dir.path().join("elsewhere/file"), "x").unwrap();
    // The test program again, in a place of its own where it may mount.
    let script = "mount --bind elsewhere set/in && mount --bind . elsewhere && exec \"$@\"";
    let done = Command::new("unshare")
        .args(["-rm", "sh", "-c", script, "sh"])
        .arg(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "part_of_what_is_mounted_inside"])
        .current_dir(dir.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .output();
    let ran = done.is_ok_and(|done| String::from_utf8_lossy(&done.stdout).contains("1 passed"));
    // Not every system lets its users mount.
    if !ran {
        eprintln!("not tested: nothing can be mounted here");
    }
}

#[test]
#[ignore = "needs a mount; `what_is_mounted_inside_is_part_of_it` runs it"]
fn part_of_what_is_mounted_inside() {
    let (found, _) = scanned(Path::new("set"));
    assert_eq!(found.root, of(&[(b"in/file", file(b"x"))]));
    // The whole is mounted inside itself; there it ends.
    let (found, _) = scanned(Path::new("elsewhere"));
    assert_eq!(found.unreadable.len(), 0);
}

/// Lets the other thread end, also when a test fails.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_file_that_never_rests_is_named_as_such() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("still"), "x").unwrap();
    let path = dir.path().join("moving");
    fs::write(&path, vec![0; 8 << 20]).unwrap();
    let done = AtomicBool::new(false);
    let found = thread::scope(|scope| {
        let _end = End(&done);
        scope.spawn(|| {
            let mut moving = File::options().append(true).open(&path).unwrap();
            while !done.load(Ordering::Relaxed) {
                moving.write_all(b"more").unwrap();
            }
        });
        scanned(dir.path())
    });
    let (found, objects) = found;
    let still = lookup(&objects, found.root.id, b"still").unwrap().unwrap();
    assert_eq!(still.content_id(), Some(ContentId::of(b"x")));
    let moving = lookup(&objects, found.root.id, b"moving").unwrap().unwrap();
    // A thread that is never given time to write leaves the file alone.
    if moving.content_id().is_none() {
        let [err] = &found.unreadable[..] else {
            unreachable!("one file moves");
        };
        assert_eq!(err.path, path);
        assert!(matches!(err.source, NameError::Changed), "{err:?}");
    }
}

#[test]
fn a_directory_that_changes_meanwhile_gives_what_was_there_at_some_moment() {
    let dir = tempfile::tempdir().unwrap();
    for number in 0..50 {
        fs::create_dir(dir.path().join(format!("d{number}"))).unwrap();
        fs::write(dir.path().join(format!("d{number}/stays")), "x").unwrap();
    }
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let _end = End(&done);
        scope.spawn(|| {
            let mut round = 0u32;
            while !done.load(Ordering::Relaxed) {
                shuffle(&dir.path().join(format!("d{}", round % 50)), round);
                round += 1;
            }
        });
        for _ in 0..20 {
            let (found, objects) = scanned(dir.path());
            for number in 0..50 {
                let path = format!("d{number}/stays");
                let entry = lookup(&objects, found.root.id, path.as_bytes()).unwrap();
                assert_eq!(entry.unwrap().content_id(), Some(ContentId::of(b"x")));
            }
            for err in &found.unreadable {
                assert!(matches!(err.source, NameError::Changed), "{err:?}");
            }
            assert!(
                found
                    .skipped
                    .iter()
                    .all(|(_, reason)| *reason == SkipReason::Gone)
            );
        }
    });
}

/// Makes one name a file, a link, a directory, and nothing, by turns.
fn shuffle(folder: &Path, round: u32) {
    let path = folder.join("moves");
    let _ = fs::remove_file(&path);
    let _ = fs::remove_dir_all(&path);
    // Nobody else touches the folder, so each of these can be done.
    match round / 50 % 4 {
        0 => fs::write(&path, "file").unwrap(),
        1 => symlink("stays", &path).unwrap(),
        2 => {
            fs::create_dir(&path).unwrap();
            fs::write(path.join("inside"), "y").unwrap();
        }
        _ => {}
    }
}

#[test]
fn a_change_right_after_a_scan_is_never_missed() {
    let dir = tempfile::tempdir().unwrap();
    let beside = tempfile::tempdir().unwrap();
    let cache = HashCache::open(beside.path().join("hashes"));
    let path = dir.path().join("file");
    for round in 0..200u32 {
        let bytes = round.to_le_bytes();
        fs::write(&path, bytes).unwrap();
        let found = scan(dir.path(), Options::new(&cache), &mut ()).unwrap();
        assert_eq!(found.root, of(&[(b"file", file(&bytes))]), "round {round}");
    }
}

/// Takes a few nodes and then no more.
struct Full(usize);

impl Sink for Full {
    fn put(&mut self, _: Object) -> Result<(), SinkError> {
        match self.0.checked_sub(1) {
            Some(left) => {
                self.0 = left;
                Ok(())
            }
            None => Err(SinkError::new("no room")),
        }
    }
}

#[test]
fn a_sink_that_takes_no_more_ends_the_scan() {
    let dir = tempfile::tempdir().unwrap();
    for number in 0..30 {
        let folder = dir.path().join(number.to_string());
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("file"), "x").unwrap();
    }
    let cache = HashCache::none();
    for room in [0, 5, 30] {
        let err = scan(dir.path(), Options::new(&cache), &mut Full(room)).unwrap_err();
        let ScanError::Sink(err) = err else {
            unreachable!("the directory can be read: {err}");
        };
        assert_eq!(err.cause().to_string(), "no room");
    }
    assert!(scan(dir.path(), Options::new(&cache), &mut Full(100)).is_ok());
}

#[test]
fn directories_that_cannot_be_entered_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let shut = dir.path().join("shut");
    fs::create_dir(&shut).unwrap();
    fs::write(shut.join("file"), "x").unwrap();
    // It can be listed, and nothing in it can be looked at.
    fs::set_permissions(&shut, fs::Permissions::from_mode(0o400)).unwrap();
    let privileged = fs::metadata(shut.join("file")).is_ok();
    let (found, _) = scanned(dir.path());
    fs::set_permissions(&shut, fs::Permissions::from_mode(0o700)).unwrap();
    if !privileged {
        assert_eq!(found.unreadable[0].path, shut.join("file"));
        assert_eq!(found.root, of(&[(b"shut/file", Leaf::Unnamed { size: 0 })]));
    }
}
