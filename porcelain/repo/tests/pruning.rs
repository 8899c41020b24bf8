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
