//! Naming files: what is named, what is refused, and what changes meanwhile.
#![expect(clippy::unwrap_used, reason = "tests may panic")]

use nix::sys::stat::Mode;
use roar_content::{
    FileKind, MAP_FROM, NameError, name_file, name_file_at, name_file_itself, name_open_file,
    name_reader,
};
use roar_object::ContentId;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::sync::atomic::{AtomicBool, Ordering};

fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at % 251) as u8).collect()
}

#[test]
fn files_of_every_size_are_named_as_b3sum_names_them() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    let edge = usize::try_from(MAP_FROM).unwrap();
    for len in [
        0,
        1,
        1023,
        1024,
        4096,
        edge - 1,
        edge,
        edge + 1,
        3 * edge + 17,
        17 << 20,
    ] {
        let bytes = pattern(len);
        fs::write(&path, &bytes).unwrap();
        let named = name_file(&path).unwrap();
        assert_eq!(named.id, ContentId::of(&bytes), "{len} bytes");
        assert_eq!((named.size, named.version.size), (len as u64, len as u64));
    }
}

#[test]
fn a_reader_is_named_as_the_file_would_be() {
    let bytes = pattern(300_000);
    let (id, size) = name_reader(&bytes[..]).unwrap();
    assert_eq!((id, size), (ContentId::of(&bytes), 300_000));
}

#[test]
fn naming_an_open_file_leaves_its_offset_alone() {
    let mut file = tempfile::tempfile().unwrap();
    std::io::Write::write_all(&mut file, b"head and tail").unwrap();
    file.seek(SeekFrom::Start(9)).unwrap();
    assert_eq!(
        name_open_file(&file).unwrap().id,
        ContentId::of(b"head and tail")
    );
    let mut rest = String::new();
    file.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "tail");
}

#[test]
fn whether_a_file_may_be_executed_is_seen() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tool");
    fs::write(&path, "#!").unwrap();
    assert!(!name_file(&path).unwrap().executable());
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    assert!(name_file(&path).unwrap().executable());
}

#[test]
fn what_is_no_regular_file_is_said_so_and_never_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let fifo = dir.path().join("fifo");
    nix::unistd::mkfifo(&fifo, Mode::S_IRWXU).unwrap();
    let socket = dir.path().join("socket");
    let _listener = UnixListener::bind(&socket).unwrap();
    let link = dir.path().join("link");
    symlink("fifo", &link).unwrap();
    let root = File::open(dir.path()).unwrap();

    for (path, name, kind) in [
        (&fifo, c"fifo", FileKind::Fifo),
        (&socket, c"socket", FileKind::Socket),
        (&link, c"link", FileKind::Symlink),
    ] {
        let by_path = name_file_itself(path).unwrap_err().source;
        assert!(
            matches!(by_path, NameError::Kind(found) if found == kind),
            "{by_path:?}"
        );
        let by_name = name_file_at(&root, name).unwrap_err();
        assert!(
            matches!(by_name, NameError::Kind(found) if found == kind),
            "{by_name:?}"
        );
    }
    let through = name_file(&link).unwrap_err();
    assert!(matches!(through.source, NameError::Kind(FileKind::Fifo)));
    let directory = name_file(dir.path()).unwrap_err();
    assert!(matches!(
        directory.source,
        NameError::Kind(FileKind::Directory)
    ));
}

#[test]
fn a_missing_file_is_named_in_the_error() {
    let err = name_file("/nonexistent/é".as_ref()).unwrap_err();
    assert_eq!(err.to_string(), "cannot hash '/nonexistent/é'");
    assert!(err.source.is_missing());
}

#[test]
fn files_that_the_kernel_makes_up_are_read_to_their_end() {
    let named = name_file("/proc/version".as_ref()).unwrap();
    let bytes = fs::read("/proc/version").unwrap();
    assert_eq!(
        (named.id, named.size),
        (ContentId::of(&bytes), bytes.len() as u64)
    );
}

/// Whatever the timing, the outcome is a name of one of the two contents, or `Changed`, or a
/// refusal to read; never a signal, never a name of neither.
#[test]
fn a_file_that_is_cut_and_grown_while_it_is_hashed_never_kills_or_lies() {
    const LEN: usize = 4 << 20;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    let lawful: Vec<_> = [0, 4096, LEN]
        .map(|len| ContentId::of(&vec![0; len]))
        .to_vec();
    fs::write(&path, vec![0; LEN]).unwrap();
    let file = File::options().write(true).open(&path).unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                for len in [0, 4096, LEN as u64] {
                    file.set_len(len).unwrap();
                }
            }
        });
        for _ in 0..200 {
            match name_file(&path) {
                Ok(named) => assert!(lawful.contains(&named.id), "{} bytes", named.size),
                Err(err) => assert!(matches!(err.source, NameError::Changed), "{err:?}"),
            }
        }
        done.store(true, Ordering::Relaxed);
    });
}
