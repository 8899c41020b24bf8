//! A process that may open few files; alone in its program, for the limit is the whole process's.
#![expect(clippy::unwrap_used, reason = "tests may panic")]

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use roar_content::HashCache;
use roar_tree::{Options, scan};
use std::fs;

/// Every directory on the way down has another that waits: a thousand of them at once.
#[test]
fn a_deep_tree_with_branches_needs_few_descriptors() {
    let dir = tempfile::tempdir().unwrap();
    let mut path = dir.path().to_owned();
    for depth in 0..400 {
        for name in ["a", "b"] {
            fs::create_dir(path.join(name)).unwrap();
            fs::write(path.join(name).join("file"), depth.to_string()).unwrap();
        }
        path.push(if depth % 3 == 0 { "b" } else { "a" });
    }
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, 160, hard).unwrap();
    let cache = HashCache::none();
    let found = scan(dir.path(), Options::new(&cache), &mut ()).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).unwrap();
    assert_eq!(found.unreadable.len(), 0, "{:?}", found.unreadable.first());
    assert_eq!(found.root.files, 800);
}
