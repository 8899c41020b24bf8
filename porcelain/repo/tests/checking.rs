//! Trees that no set of files has.
#![expect(clippy::unwrap_used, reason = "tests may panic")]

use roar_object::{ContentId, Entry, MemoryObjects, Mode, Object, ObjectId, TreeNode};
use roar_repo::{Surroundings, Workspace};
use roar_store::{Expect, Holder, RefChange, RefName, Transaction, Wait};
use roar_tree::{Leaf, PathTree};
use std::time::Duration;

fn leaf(number: usize) -> Leaf {
    Leaf::file(ContentId::of(&number.to_le_bytes()), 8, false)
}

/// Stores objects, and lets a ref name one of them.
fn store(workspace: &Workspace, objects: Vec<Object>, root: ObjectId, name: &str) {
    let wait = Wait {
        up_to: Duration::from_secs(10),
        command: "test",
        on_wait: &mut |_: &Holder| {},
    };
    let refs = vec![RefChange {
        name: RefName::new(name).unwrap(),
        expect: Expect::Any,
        new: Some(root),
    }];
    let transaction = Transaction {
        objects,
        refs,
        note: "test".into(),
        at_ns: 1,
    };
    let mut writer = workspace.store().unwrap().writer(wait).unwrap();
    writer.commit(&transaction).unwrap();
}

#[test]
fn a_directory_that_is_cut_elsewhere_is_told_of_and_the_right_one_is_not() {
    let directory = tempfile::tempdir().unwrap();
    let workspace = Workspace::create_at(directory.path(), &Surroundings::default()).unwrap();
    let mut objects = MemoryObjects::default();
    let leaves = (0..40).map(|number| (format!("{number:02}"), leaf(number)));
    let right = PathTree::build(leaves, &mut objects).unwrap();
    store(
        &workspace,
        objects.clone().into_sorted(),
        right.id,
        "notes/right",
    );
    assert_eq!(workspace.check_trees().unwrap(), []);

    let entries = roar_tree::list(&objects, right.id, false).map(|found| found.unwrap().entry);
    let entries: Vec<Entry> = entries.collect();
    let mut cut = MemoryObjects::default();
    let halves = entries.chunks(7).map(|part| {
        let node = TreeNode::new(0, part.to_vec());
        let (size, files) = (node.size(), node.files());
        Entry::tree(
            part[0].name.clone(),
            Mode::Node,
            cut.put(&node),
            size,
            files,
        )
    });
    let top = TreeNode::new(1, halves.collect());
    let wrong = cut.put(&top);
    store(&workspace, cut.into_sorted(), wrong, "notes/wrong");
    let found = workspace.check_trees().unwrap();
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].root, wrong);
    assert!(found[0].text.contains("no name ends it"), "{found:?}");
    let report = roar_store::fsck(
        workspace.store().unwrap(),
        roar_store::Options { full: true },
    );
    assert_eq!(
        report.unwrap().worst(),
        None,
        "to the store it is well-formed"
    );
}
