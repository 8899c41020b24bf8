//! What becomes of kept files, restored files and bundles when any one act on the disk goes wrong.
//!
//! In each of four ways (killed, full from then on, full once, failed once) and at each act: nothing
//! half-written has a name that counts, what was there before is there, what was acknowledged is whole,
//! and trying again works.
#![expect(clippy::unwrap_used, reason = "tests may panic")]

use crate::blobs::{BlobError, Blobs};
use crate::bundle::{self, Goal, Terms, examine, gather, import};
use crate::disk::Disk;
use crate::door::fault::{Fault, sweep};
use crate::restore::{self, Finder, Wanted};
use crate::{Surroundings, Workspace};
use roar_bundle::{Manifest, Tip, Writer};
use roar_content::HashCache;
use roar_object::{ContentId, Entry, Mode, Object, Objects as _, TreeNode};
use roar_store::{Holder, Options, Severity, Transaction, Wait, fsck};
use std::error::Error;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

fn room() -> TempDir {
    tempfile::tempdir_in("/dev/shm").unwrap_or_else(|_| tempfile::tempdir().unwrap())
}

const TEXTS: [&str; 3] = ["the first file\n", "the second\n", "and a third one\n"];

fn ids() -> [ContentId; 3] {
    TEXTS.map(|text| ContentId::of(text.as_bytes()))
}

/// Returns whether an error says what the system said.
fn names_the_trouble(err: &(dyn Error + 'static), fault: Fault) -> bool {
    let mut cause = Some(err);
    while let Some(error) = cause {
        let io = error.downcast_ref::<std::io::Error>();
        if io.and_then(std::io::Error::raw_os_error) == Some(fault.errno) {
            return true;
        }
        cause = error.source();
    }
    false
}

/// Nothing is kept that is not what its name says, and what nobody finished can be cleared away.
fn judge_blobs(blobs: &Blobs, fault: Fault) {
    let damaged: Vec<_> = blobs.check(true).unwrap();
    assert!(
        damaged.iter().all(|found| !found.is_damage),
        "{fault:?}: {damaged:?}"
    );
    let left = blobs.remove_unfinished().unwrap();
    assert!(
        fault.is_final || left == 0,
        "{fault:?}: {left} files are left over"
    );
    assert_eq!(blobs.check(true).unwrap(), [], "{fault:?}");
}

fn keep_all(blobs: &Blobs, files: &Path) -> Result<(), BlobError> {
    let mut keeper = blobs.keeper()?;
    for (number, id) in ids().into_iter().enumerate() {
        keeper.keep(&files.join(number.to_string()), Mode::File, id)?;
    }
    let target = files.join("0");
    let link = roar_content::name_link(target.to_str().unwrap().as_bytes());
    keeper.keep(&files.join("link"), Mode::Symlink, link)?;
    keeper.finish()
}

/// Three files and a link.
fn files(directory: &Path) {
    fs::create_dir(directory).unwrap();
    for (number, text) in TEXTS.iter().enumerate() {
        fs::write(directory.join(number.to_string()), text).unwrap();
    }
    std::os::unix::fs::symlink(directory.join("0"), directory.join("link")).unwrap();
}

#[test]
fn whatever_goes_wrong_what_is_kept_is_whole() {
    let tried = sweep(
        || {
            let dir = room();
            let (blobs, from) = (Blobs::within(dir.path()), dir.path().join("files"));
            files(&from);
            (dir, blobs, from)
        },
        |(_, blobs, from)| keep_all(blobs, from),
        |fault, (_, blobs, from), kept| {
            judge_blobs(blobs, fault);
            match kept {
                Ok(()) => assert_eq!(blobs.list().unwrap().len(), 4),
                Err(err) => assert!(names_the_trouble(&err, fault), "{fault:?}: {err}"),
            }
            keep_all(blobs, from).unwrap();
            for id in ids() {
                assert!(blobs.verified(id).unwrap().is_some(), "{fault:?}");
            }
        },
    );
    assert!(tried > 60, "{tried} acts");
}

/// A workspace that has kept the three files, and a tree of them.
fn workspace() -> (TempDir, Workspace, Object) {
    let dir = room();
    let root = dir.path().join("project");
    fs::create_dir(&root).unwrap();
    let workspace = Workspace::create_at(&root, &Surroundings::default()).unwrap();
    let blobs = Blobs::within(&workspace.dot());
    let mut keeper = blobs.keeper().unwrap();
    for (text, id) in TEXTS.iter().zip(ids()) {
        keeper.keep_from(&mut text.as_bytes(), id).unwrap();
    }
    keeper.finish().unwrap();
    let entry = |at: usize| {
        let name = at.to_string().into_bytes();
        Entry::content(name, Mode::File, ids()[at], TEXTS[at].len() as u64)
    };
    let tree = Object::encode(&TreeNode::new(0, (0..3).map(entry).collect()));
    (dir, workspace, tree)
}

fn wait(on_wait: &mut dyn FnMut(&Holder)) -> Wait<'_> {
    Wait {
        up_to: Duration::from_secs(10),
        command: "test",
        on_wait,
    }
}

fn restore_all(
    workspace: &Workspace,
    to: &Path,
) -> Result<Vec<restore::Restored>, restore::RestoreError> {
    let snapshot = workspace.snapshot().unwrap();
    let history = snapshot.history().unwrap();
    let (blobs, cache) = (Blobs::within(&workspace.dot()), HashCache::none());
    let finder = Finder::new(&blobs, Disk::new(workspace.root(), &cache), &history);
    let wanted: Vec<_> = (0..3)
        .map(|at| Wanted {
            place: to.join(at.to_string()),
            id: Some(ids()[at]),
            mode: [Mode::File, Mode::Executable, Mode::Symlink][at],
            size: TEXTS[at].len() as u64,
        })
        .collect();
    let terms = restore::Terms {
        force: true,
        within: None,
    };
    finder.restore(&wanted[..2], terms)
}

#[test]
fn whatever_goes_wrong_a_file_that_is_restored_is_the_old_one_or_the_new_one() {
    let tried = sweep(
        || {
            let (dir, workspace, _) = workspace();
            let to = dir.path().join("to");
            fs::create_dir(&to).unwrap();
            fs::write(to.join("0"), "mine").unwrap();
            (dir, workspace, to)
        },
        |(_, workspace, to)| restore_all(workspace, to),
        |fault, (_, workspace, to), restored| {
            let first = fs::read_to_string(to.join("0")).unwrap();
            assert!(["mine", TEXTS[0]].contains(&&*first), "{fault:?}: {first}");
            if let Ok(second) = fs::read_to_string(to.join("1")) {
                assert_eq!(second, TEXTS[1], "{fault:?}");
            }
            match restored {
                Ok(restored) => assert_eq!((restored.len(), &*first), (2, TEXTS[0])),
                Err(err) => assert!(names_the_trouble(&err, fault), "{fault:?}: {err}"),
            }
            let names = fs::read_dir(to).unwrap().count();
            assert!(fault.is_final || names <= 2, "{fault:?}: {names} files");
            let again = restore_all(workspace, to).unwrap();
            assert_eq!(again.len(), 2, "{fault:?}");
            assert_eq!(fs::read_to_string(to.join("1")).unwrap(), TEXTS[1]);
            let mode = fs::metadata(to.join("1")).unwrap().permissions().mode();
            assert_eq!(mode & 0o100, 0o100);
            assert_eq!(fs::read_dir(to).unwrap().count(), 2, "{fault:?}");
        },
    );
    assert!(tried > 20, "{tried} acts");
}

/// Records the tree, so that it can go into a bundle.
fn record(workspace: &Workspace, tree: &Object) {
    let transaction = Transaction {
        objects: vec![tree.clone()],
        ..Transaction::default()
    };
    let store = workspace.store().unwrap();
    let mut writer = store.writer(wait(&mut |_| {})).unwrap();
    writer.commit(&transaction).unwrap();
    writer.close();
}

fn make_bundle(
    workspace: &Workspace,
    tree: &Object,
    path: &Path,
) -> Result<bundle::Made, bundle::BundleFailed> {
    let snapshot = workspace.snapshot().unwrap();
    let parts = gather(&snapshot, &[Goal::Object(tree.id())], 1).unwrap();
    bundle::write(&snapshot, &parts, None, None, path)
}

#[test]
fn whatever_goes_wrong_a_bundle_is_the_old_one_or_the_new_one() {
    for is_there in [false, true] {
        let tried = sweep(
            || {
                let (dir, workspace, tree) = workspace();
                record(&workspace, &tree);
                let path = dir.path().join("it.roar");
                if is_there {
                    fs::write(&path, "the old one").unwrap();
                }
                (dir, workspace, tree, path)
            },
            |(_, workspace, tree, path)| make_bundle(workspace, tree, path),
            |fault, (dir, workspace, tree, path), made| {
                match fs::read(path) {
                    Err(_) => assert!(!is_there && made.is_err(), "{fault:?}"),
                    Ok(old) if old == b"the old one" => assert!(made.is_err(), "{fault:?}"),
                    Ok(_) => {
                        let _ = examine(path).unwrap();
                    }
                }
                if let Err(err) = &made {
                    assert!(names_the_trouble(err, fault), "{fault:?}: {err}");
                }
                let beside = fs::read_dir(dir.path()).unwrap().count();
                assert!(fault.is_final || beside <= 2, "{fault:?}: {beside} files");
                let other = dir.path().join("other.roar");
                let again = make_bundle(workspace, tree, &other).unwrap();
                assert_eq!(examine(&other).unwrap().summary.name, again.name);
            },
        );
        assert!(tried > 30, "{tried} acts");
    }
}

/// A bundle of the tree, with its files and something for git.
fn bundle_of(directory: &Path) -> (PathBuf, Object) {
    let (_dir, _, tree) = workspace();
    let tip = Tip {
        name: "object-1".to_owned(),
        id: tree.id(),
    };
    let manifest = Manifest::new(0, vec![tip], Vec::new()).unwrap();
    let mut pack = roar_pack::Writer::new(Vec::new()).unwrap();
    pack.add(&tree).unwrap();
    let (pack, _) = pack.finish().unwrap();
    let mut writer = Writer::new(Vec::new(), &manifest).unwrap();
    writer
        .pack(pack.len() as u64, &mut pack.as_slice())
        .unwrap();
    let mut sorted: Vec<_> = ids().into_iter().zip(TEXTS).collect();
    sorted.sort();
    for (id, text) in sorted {
        let mut bytes = text.as_bytes();
        writer.file(id, text.len() as u64, &mut bytes).unwrap();
    }
    writer.code(4, &mut &b"code"[..]).unwrap();
    let path = directory.join("it.roar");
    fs::write(&path, writer.finish().unwrap().0).unwrap();
    (path, tree)
}

fn take_in(
    workspace: &Workspace,
    path: &Path,
) -> Result<crate::bundle::Imported, bundle::ImportError> {
    let terms = Terms {
        name: "it".to_owned(),
        files: true,
        at_ns: 1,
    };
    import(
        workspace,
        &examine(path).unwrap(),
        &terms,
        wait(&mut |_| {}),
    )
}

#[test]
fn whatever_goes_wrong_a_bundle_is_taken_in_as_a_whole_or_not_at_all() {
    let from = room();
    let (path, tree) = bundle_of(from.path());
    let tried = sweep(
        || {
            let dir = room();
            let workspace = Workspace::create_at(dir.path(), &Surroundings::default()).unwrap();
            (dir, workspace)
        },
        |(_, workspace)| take_in(workspace, &path),
        |fault, (_, workspace), taken| {
            let (blobs, store) = (Blobs::within(&workspace.dot()), workspace.store().unwrap());
            judge_blobs(&blobs, fault);
            let refs = store.reader().references("").unwrap();
            assert_eq!(refs.len(), usize::from(taken.is_ok()), "{fault:?}");
            if let Err(err) = &taken {
                assert!(names_the_trouble(err, fault), "{fault:?}: {err}");
            }
            let again = take_in(workspace, &path).unwrap();
            assert_eq!(fs::read(again.code.unwrap()).unwrap(), b"code", "{fault:?}");
            assert!(store.reader().find(tree.id()).unwrap().is_some());
            for id in ids() {
                assert!(blobs.verified(id).unwrap().is_some(), "{fault:?}");
            }
            let report = fsck(store, Options { full: true }).unwrap();
            assert!(
                report.worst() < Some(Severity::Error),
                "{fault:?}: {report:?}"
            );
        },
    );
    assert!(tried > 60, "{tried} acts");
}
