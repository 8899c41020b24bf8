//! Directories as they are found: odd names, odd files, and files that cannot be read.
#![expect(clippy::unwrap_used, reason = "tests may panic")]

use nix::sys::stat::Mode as Permissions;
use roar_content::HashCache;
use roar_object::{ContentId, MemoryObjects, Mode, Objects};
use roar_tree::{
    Candidate, Leaf, Options, PathTree, Progress, Root, Scan, ScanError, SkipReason, diff, list,
    lookup, scan,
};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::atomic::Ordering;

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

fn put(root: &Path, path: &[u8], bytes: &[u8]) {
    let path = root.join(OsStr::from_bytes(path));
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_directory_has_the_root_that_its_paths_have() {
    let dir = tempfile::tempdir().unwrap();
    let paths: [&[u8]; 7] = [
        b"a/b/c",
        b"a.b",
        b"a0",
        b"with\nnewline",
        b"not utf-8 \xff\xfe",
        b"d/e/f/g/h",
        b" ",
    ];
    for path in paths {
        put(dir.path(), path, path);
    }
    fs::create_dir_all(dir.path().join("empty/within")).unwrap();
    let (found, objects) = scanned(dir.path());
    assert_eq!(found.root, of(&paths.map(|path| (path, file(path)))));
    assert_eq!(found.nodes, 7);
    assert_eq!((found.skipped.len(), found.unreadable.len()), (0, 0));
    let listed = list(&objects, found.root.id, true).map(Result::unwrap);
    assert!(
        listed
            .into_iter()
            .any(|found| found.path == b"not utf-8 \xff\xfe")
    );
}

#[test]
fn links_are_entries_and_never_followed() {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), b"a/file", b"x");
    symlink("..", dir.path().join("a/up")).unwrap();
    symlink("nowhere", dir.path().join("dangling")).unwrap();
    let (found, _) = scanned(dir.path());
    let expected = of(&[
        (b"a/file", file(b"x")),
        (b"a/up", Leaf::link(b"..")),
        (b"dangling", Leaf::link(b"nowhere")),
    ]);
    assert_eq!(found.root, expected);
    // The directory itself may be reached through one.
    let beside = tempfile::tempdir().unwrap();
    let link = beside.path().join("link");
    symlink(dir.path(), &link).unwrap();
    assert_eq!(scanned(&link).0.root, expected);
}

#[test]
fn what_has_no_bytes_is_left_out_and_listed() {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), b"file", b"x");
    fs::create_dir(dir.path().join("d")).unwrap();
    nix::unistd::mkfifo(&dir.path().join("d/fifo"), Permissions::S_IRWXU).unwrap();
    let _listener = UnixListener::bind(dir.path().join("socket")).unwrap();
    let (found, _) = scanned(dir.path());
    assert_eq!(found.root, of(&[(b"file", file(b"x"))]));
    let expected = vec![
        (b"d/fifo".to_vec(), SkipReason::Fifo),
        (b"socket".to_vec(), SkipReason::Socket),
    ];
    assert_eq!(found.skipped, expected);
}

#[test]
fn executables_are_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), b"tool", b"#!");
    let before = scanned(dir.path()).0.root;
    let executable = fs::Permissions::from_mode(0o755);
    fs::set_permissions(dir.path().join("tool"), executable).unwrap();
    let (found, objects) = scanned(dir.path());
    assert_ne!(found.root, before);
    let entry = lookup(&objects, found.root.id, b"tool").unwrap().unwrap();
    assert_eq!(entry.mode, Mode::Executable);
}

#[test]
fn roars_own_directory_is_left_out_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), b"a/.roar/objects", b"x");
    put(dir.path(), b".git/HEAD", b"y");
    put(dir.path(), b"b/.roar", b"a file of that name");
    let expected = of(&[
        (b".git/HEAD", file(b"y")),
        (b"b/.roar", file(b"a file of that name")),
    ]);
    assert_eq!(scanned(dir.path()).0.root, expected);
}

#[test]
fn the_caller_says_what_to_leave_out() {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), b"a/keep", b"x");
    put(dir.path(), b"a/drop", b"y");
    put(dir.path(), b"b/drop", b"z");
    let cache = HashCache::none();
    let skip = |candidate: Candidate<'_>| candidate.path() == b"a/drop";
    let options = Options {
        skip: &skip,
        ..Options::new(&cache)
    };
    let found = scan(dir.path(), options, &mut MemoryObjects::default()).unwrap();
    let expected = of(&[(b"a/keep", file(b"x")), (b"b/drop", file(b"z"))]);
    assert_eq!(found.root, expected);
}

#[test]
fn what_cannot_be_read_is_named_and_entered_without_a_name() {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), b"open", b"x");
    put(dir.path(), b"shut/file", b"y");
    put(dir.path(), b"locked", b"secret");
    for path in ["locked", "shut"] {
        let shut = fs::Permissions::from_mode(0o000);
        fs::set_permissions(dir.path().join(path), shut).unwrap();
    }
    let may_read_anything = fs::File::open(dir.path().join("locked")).is_ok();
    let (found, _) = scanned(dir.path());
    let open = fs::Permissions::from_mode(0o755);
    fs::set_permissions(dir.path().join("shut"), open).unwrap();
    if may_read_anything {
        assert!(found.unreadable.is_empty());
        return;
    }
    let paths: Vec<_> = found
        .unreadable
        .iter()
        .map(|err| err.path.clone())
        .collect();
    assert_eq!(paths, [dir.path().join("locked"), dir.path().join("shut")]);
    let expected = of(&[
        (b"open", file(b"x")),
        (b"locked", Leaf::Unnamed { size: 6 }),
        (b"shut", Leaf::Unnamed { size: 0 }),
    ]);
    assert_eq!(found.root, expected);
}

#[test]
fn a_directory_that_is_none_is_an_error_that_names_it() {
    let missing = Path::new("/nonexistent/data");
    let cache = HashCache::none();
    let err = scan(missing, Options::new(&cache), &mut MemoryObjects::default()).unwrap_err();
    assert_eq!(err.to_string(), "cannot hash '/nonexistent/data'");
    assert!(matches!(err, ScanError::Directory(err) if err.source.is_missing()));
    let file = tempfile::NamedTempFile::new().unwrap();
    assert!(
        scan(
            file.path(),
            Options::new(&cache),
            &mut MemoryObjects::default()
        )
        .is_err()
    );
}

#[test]
fn an_empty_directory_is_the_empty_tree() {
    let dir = tempfile::tempdir().unwrap();
    let (found, objects) = scanned(dir.path());
    assert_eq!(found.root, of(&[]));
    assert!(objects.has(found.root.id).unwrap());
}

#[test]
fn a_deep_directory_holds_neither_stack_nor_descriptors() {
    let dir = tempfile::tempdir().unwrap();
    let deep = dir.path().join(vec!["d"; 1000].join("/"));
    fs::create_dir_all(&deep).unwrap();
    fs::write(deep.join("file"), b"x").unwrap();
    let (found, _) = scanned(dir.path());
    assert_eq!((found.root.files, found.unreadable.len()), (1, 0));
}

#[test]
fn progress_counts_every_file_and_the_cache_changes_no_name() {
    let dir = tempfile::tempdir().unwrap();
    for number in 0..300u32 {
        let path = format!("d{}/f{number}", number % 7);
        put(dir.path(), path.as_bytes(), &number.to_le_bytes());
    }
    let beside = tempfile::tempdir().unwrap();
    let cache = HashCache::open(beside.path().join("hashes"));
    let (plain, mut objects) = scanned(dir.path());
    for _ in 0..2 {
        let progress = Progress::default();
        let options = Options {
            progress: Some(&progress),
            ..Options::new(&cache)
        };
        let found = scan(dir.path(), options, &mut objects).unwrap();
        assert_eq!(found.root, plain.root);
        assert_eq!(progress.files.load(Ordering::Relaxed), 300);
        assert_eq!(progress.bytes.load(Ordering::Relaxed), 1200);
    }
    fs::write(dir.path().join("d1/f1"), "changed").unwrap();
    let changed = scan(dir.path(), Options::new(&cache), &mut objects).unwrap();
    let found: Vec<_> = diff(&objects, plain.root.id, changed.root.id)
        .map(Result::unwrap)
        .collect();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].path, b"d1/f1");
}
