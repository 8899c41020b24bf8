//! Recorded paths: they lead back to where they came from.

use crate::draw::Draw;
use roar_object::RecordedPath;

pub(super) fn check(data: &[u8]) {
    let mut draw = Draw::new(data);
    let root = clean(draw.bytes());
    let path = clean(draw.bytes());
    let below = [&*root, &*path].concat();
    for absolute in [&path, &below] {
        leads_back(&root, absolute);
    }
    let inside = RecordedPath::new(&root, if root == b"/" { &path } else { &below });
    assert!(inside.is_under(&RecordedPath::inside("")));
    family(&inside);
}

/// Makes an absolute path without empty parts, `.` and `..`.
fn clean(bytes: &[u8]) -> Vec<u8> {
    let parts = bytes.split(|&byte| byte == b'/');
    let lawful = parts.filter(|part| !matches!(*part, b"" | b"." | b"..") && !part.contains(&0));
    let path: Vec<u8> = lawful.flat_map(|part| [b"/", part].concat()).collect();
    if path.is_empty() { b"/".to_vec() } else { path }
}

fn leads_back(root: &[u8], absolute: &[u8]) {
    // Below a root other than `/`, `/x` was appended to `/`.
    let absolute = clean(absolute);
    let recorded = RecordedPath::new(root, &absolute);
    assert_eq!(recorded.absolute(root), absolute);
    assert_eq!(RecordedPath::new(root, &recorded.absolute(root)), recorded);
    assert!(!recorded.shown().is_empty());
    assert!(recorded.is_under(&recorded));
}

/// Parents hold their children, and joining a name to a parent gives the child.
fn family(path: &RecordedPath) {
    let mut at = path.clone();
    while let Some(parent) = at.parent() {
        assert!(at.is_under(&parent) && !parent.is_under(&at));
        assert_eq!(parent.join(at.name()), at);
        at = parent;
    }
    assert!(at.path.is_empty());
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let pairs: [(&[u8], &[u8]); 5] = [
        (b"/srv/p", b"/srv/p/data/a.csv"),
        (b"/srv/p", b"/srv/p2/a"),
        (b"", b"/etc/hosts"),
        (b"/a", b""),
        (b"/\xff\xfe", b"/\xff\xfe/b//../c"),
    ];
    let line = |(root, path): (&[u8], &[u8])| {
        [&[root.len() as u8], root, &[path.len() as u8], path].concat()
    };
    pairs.into_iter().map(line).collect()
}
