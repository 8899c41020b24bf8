//! Kept bytes that nothing names.
#![allow(clippy::unwrap_used, reason = "tests may panic")]

use roar_object::{ContentId, Entry, Mode, Object, TreeNode};
use roar_repo::blobs::Blobs;
use roar_repo::{Surroundings, Workspace};
use roar_store::{Holder, Spool, Transaction, Wait};
use std::time::Duration;

fn wait(on_wait: &mut dyn FnMut(&Holder)) -> Wait<'_> {
    Wait {
        up_to: Duration::from_secs(10),
        command: "test",
        on_wait,
    }
}

#[test]
fn what_no_tree_names_goes_when_it_is_old_enough_and_nobody_runs() {
    let directory = tempfile::tempdir().unwrap();
    let workspace = Workspace::create_at(directory.path(), &Surroundings::default()).unwrap();
    let blobs = Blobs::within(&workspace.dot());
    let [named, stray] = [b"named", b"stray"].map(|bytes: &[u8; 5]| {
        let mut keeper = blobs.keeper().unwrap();
        keeper
            .keep_from(&mut bytes.as_slice(), ContentId::of(bytes))
            .unwrap();
        keeper.finish().unwrap();
        ContentId::of(bytes)
    });
    let entry = Entry::content(b"f".to_vec(), Mode::File, named, 5);
    let tree = Object::encode(&TreeNode::new(0, vec![entry]));
    let transaction = Transaction {
        objects: vec![tree],
        ..Transaction::default()
    };
    let mut on_wait = |_: &Holder| {};
    let store = workspace.store().unwrap();
    let mut writer = store.writer(wait(&mut on_wait)).unwrap();
    writer.commit(&transaction).unwrap();
    writer.close();
    let hour = Duration::from_secs(3600);
    assert!(workspace.unused_blobs(hour).unwrap().is_empty());
    let running = Spool::create(&store.runs()).unwrap();
    assert!(workspace.unused_blobs(Duration::ZERO).unwrap().is_empty());
    running.finish().unwrap();
    let unused = workspace.unused_blobs(Duration::ZERO).unwrap();
    assert_eq!(
        unused.iter().map(|blob| blob.id).collect::<Vec<_>>(),
        [stray]
    );
    let gone = workspace
        .prune_blobs(Duration::ZERO, wait(&mut on_wait))
        .unwrap();
    assert_eq!(gone, unused);
    assert!(blobs.has(named) && !blobs.has(stray));
    assert!(
        workspace
            .prune_blobs(Duration::ZERO, wait(&mut on_wait))
            .unwrap()
            .is_empty()
    );
}

#[test]
fn what_was_left_by_runs_that_are_gone_goes_and_what_is_of_use_stays() {
    let directory = tempfile::tempdir().unwrap();
    let workspace = Workspace::create_at(directory.path(), &Surroundings::default()).unwrap();
    let object = Object::encode(&TreeNode::new(0, Vec::new()));
    let transaction = Transaction {
        objects: vec![object.clone()],
        ..Transaction::default()
    };
    let mut on_wait = |_: &Holder| {};
    let store = workspace.store().unwrap();
    let mut writer = store.writer(wait(&mut on_wait)).unwrap();
    writer.commit(&transaction).unwrap();
    writer.close();
    let days_ago = std::time::SystemTime::now() - Duration::from_secs(3 * 86_400);
    let looked = |name: &str, is_old: bool| {
        let path = workspace.dot().join("looked").join(&name[..2]).join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let file = std::fs::File::create(&path).unwrap();
        if is_old {
            file.set_modified(days_ago).unwrap();
        }
        path
    };
    let stored = looked(&object.id().to_string(), true);
    let gone = looked(&"ab".repeat(32), true);
    let unfinished = looked(&format!("{}.123", "cd".repeat(32)), true);
    let young = looked(&"ef".repeat(32), false);
    let blobs = workspace.dot().join("blobs");
    std::fs::create_dir(&blobs).unwrap();
    std::fs::write(blobs.join("tmp-1-0"), "half").unwrap();
    assert_eq!(workspace.remove_leftovers().unwrap(), 3);
    assert!(stored.exists() && young.exists());
    assert!(!gone.exists() && !unfinished.exists());
    assert!(!blobs.join("tmp-1-0").exists());
    assert_eq!(workspace.remove_leftovers().unwrap(), 0);
}
