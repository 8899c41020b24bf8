//! The hash cache: when it answers, when it keeps silent, and what it survives.
#![expect(clippy::unwrap_used, reason = "tests may panic")]

use proptest::prelude::*;
use roar_content::{
    Checked, FileSystem, FileVersion, HashCache, name_cached, name_cached_at, name_open_file_cached,
};
use roar_object::ContentId;
use std::collections::HashMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// A moment long after every stamp of the versions below.
const LATE: Checked = Checked {
    at_ns: i64::MAX,
    file_system: FileSystem::Local,
};

fn version(ino: u64) -> FileVersion {
    FileVersion {
        dev: 7,
        ino,
        size: 100,
        mtime_ns: 1_000,
        ctime_ns: 2_000,
        mode: 0o100_644,
    }
}

fn id(number: u64) -> ContentId {
    ContentId::of(&number.to_le_bytes())
}

fn temporary() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("hashes");
    (dir, path)
}

#[test]
fn what_was_put_is_found_by_the_next_process() {
    let (_dir, path) = temporary();
    HashCache::open(&path).put(&version(1), LATE, id(1));
    let cache = HashCache::open(&path);
    assert_eq!(cache.get(&version(1)), Some(id(1)));
    assert_eq!(cache.get(&version(2)), None);
}

#[test]
fn an_empty_cache_makes_no_file() {
    let (_dir, path) = temporary();
    assert_eq!(HashCache::open(&path).get(&version(1)), None);
    assert!(!path.exists());
}

#[test]
fn any_change_of_the_version_is_a_miss() {
    let (_dir, path) = temporary();
    let cache = HashCache::open(&path);
    cache.put(&version(1), LATE, id(1));
    for change in [
        FileVersion {
            dev: 8,
            ..version(1)
        },
        FileVersion {
            size: 101,
            ..version(1)
        },
        FileVersion {
            mtime_ns: 1_001,
            ..version(1)
        },
        // The same size with the old time put back, as `touch -r` does: only this tells.
        FileVersion {
            ctime_ns: 2_001,
            ..version(1)
        },
    ] {
        assert_eq!(cache.get(&change), None);
    }
    let readable = FileVersion {
        mode: 0o100_444,
        ..version(1)
    };
    assert_eq!(cache.get(&readable), Some(id(1)));
}

#[test]
fn a_file_that_was_touched_just_before_is_not_kept() {
    let stamps = version(1).ctime_ns;
    for (file_system, slack) in [
        (FileSystem::Local, 20_000_000),
        (FileSystem::Other, 2_000_000_000),
    ] {
        let kept = |at_ns| {
            let (_dir, path) = temporary();
            let cache = HashCache::open(&path);
            cache.put(&version(1), Checked { at_ns, file_system }, id(1));
            cache.get(&version(1)).is_some()
        };
        assert!(!kept(stamps));
        assert!(!kept(stamps + slack));
        assert!(kept(stamps + slack + 1));
        assert!(!kept(i64::MIN));
    }
}

#[test]
fn files_of_other_machines_are_never_kept() {
    let (_dir, path) = temporary();
    let cache = HashCache::open(&path);
    for file_system in [FileSystem::Remote, FileSystem::Pseudo] {
        cache.put(
            &version(1),
            Checked {
                file_system,
                ..LATE
            },
            id(1),
        );
    }
    assert_eq!(cache.get(&version(1)), None);
}

#[test]
fn a_cache_grows_and_forgets_nothing() {
    let (_dir, path) = temporary();
    let cache = HashCache::open(&path);
    for ino in 0..10_000 {
        cache.put(&version(ino), LATE, id(ino));
    }
    let again = HashCache::open(&path);
    for ino in 0..10_000 {
        assert_eq!(again.get(&version(ino)), Some(id(ino)), "{ino}");
    }
}

#[test]
fn a_file_has_one_entry_however_often_it_changes() {
    let (_dir, path) = temporary();
    let cache = HashCache::open(&path);
    for change in 0..10_000 {
        let version = FileVersion {
            mtime_ns: change,
            ..version(1)
        };
        cache.put(&version, LATE, id(1));
    }
    assert_eq!(fs::metadata(&path).unwrap().len(), 64 + 64 * 1024);
}

#[test]
fn a_damaged_cache_is_an_empty_one_and_is_replaced() {
    type Damage = fn(&Path);
    let damages: [Damage; 5] = [
        |path| fs::write(path, b"").unwrap(),
        |path| fs::write(path, b"not a cache").unwrap(),
        |path| fs::write(path, vec![0; 200_000]).unwrap(),
        |path| {
            let mut bytes = fs::read(path).unwrap();
            bytes.truncate(5_000);
            fs::write(path, bytes).unwrap();
        },
        |path| {
            let mut bytes = fs::read(path).unwrap();
            bytes[8] = 1;
            fs::write(path, bytes).unwrap();
        },
    ];
    for damage in damages {
        let (_dir, path) = temporary();
        HashCache::open(&path).put(&version(1), LATE, id(1));
        damage(&path);
        let cache = HashCache::open(&path);
        assert_eq!(cache.get(&version(1)), None);
        cache.put(&version(2), LATE, id(2));
        assert_eq!(HashCache::open(&path).get(&version(2)), Some(id(2)));
    }
}

#[test]
fn a_flipped_bit_is_a_miss_and_never_another_name() {
    let (_dir, path) = temporary();
    HashCache::open(&path).put(&version(1), LATE, id(1));
    let good = fs::read(&path).unwrap();
    let slot = good[64..].iter().position(|&byte| byte != 0).unwrap() / 64 * 64 + 64;
    for bit in 0..64 * 8 {
        let mut bytes = good.clone();
        bytes[slot + bit / 8] ^= 1 << (bit % 8);
        fs::write(&path, bytes).unwrap();
        assert_eq!(HashCache::open(&path).get(&version(1)), None, "bit {bit}");
    }
}

#[test]
fn a_cache_that_is_cut_short_under_its_readers_is_an_empty_one() {
    let (_dir, path) = temporary();
    let cache = HashCache::open(&path);
    cache.put(&version(1), LATE, id(1));
    File::options()
        .write(true)
        .open(&path)
        .unwrap()
        .set_len(0)
        .unwrap();
    assert_eq!(cache.get(&version(1)), None);
    cache.put(&version(1), LATE, id(1));
}

#[test]
fn a_cache_that_cannot_be_written_is_still_read() {
    let (_dir, path) = temporary();
    HashCache::open(&path).put(&version(1), LATE, id(1));
    let mut permissions = fs::metadata(&path).unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(&path, permissions).unwrap();
    let cache = HashCache::open(&path);
    cache.put(&version(2), LATE, id(2));
    assert_eq!(cache.get(&version(1)), Some(id(1)));
}

#[test]
fn a_cache_without_a_place_keeps_nothing_and_says_nothing() {
    for cache in [HashCache::none(), HashCache::open("/proc/nowhere/hashes")] {
        cache.put(&version(1), LATE, id(1));
        assert_eq!(cache.get(&version(1)), None);
    }
}

#[test]
fn threads_and_handles_write_at_once_and_nothing_wrong_is_read() {
    let (_dir, path) = temporary();
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let path = &path;
            scope.spawn(move || {
                let cache = HashCache::open(path);
                for round in 0..3_000 {
                    let ino = (round * 7 + writer) % 2_000;
                    cache.put(&version(ino), LATE, id(ino));
                    let found = cache.get(&version(ino * 3 % 2_000));
                    assert!(found.is_none_or(|found| found == id(ino * 3 % 2_000)));
                }
            });
        }
    });
}

#[test]
fn a_known_version_is_not_read_again() {
    let (dir, path) = temporary();
    let cache = HashCache::open(&path);
    let file = dir.path().join("file");
    fs::write(&file, "bytes").unwrap();
    let truth = name_cached(&cache, &file).unwrap();
    assert_eq!(truth.id, ContentId::of(b"bytes"));
    // A wrong answer shows who gives it.
    cache.put(&truth.version, LATE, id(1));
    assert_eq!(name_cached(&cache, &file).unwrap().id, id(1));
    let root = File::open(dir.path()).unwrap();
    assert_eq!(name_cached_at(&cache, &root, c"file").unwrap().id, id(1));
    assert_eq!(
        name_open_file_cached(&cache, &File::open(&file).unwrap())
            .unwrap()
            .id,
        id(1)
    );
    fs::write(&file, "other").unwrap();
    assert_eq!(
        name_cached(&cache, &file).unwrap().id,
        ContentId::of(b"other")
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn a_cache_answers_as_a_map_of_last_versions_would(steps in prop::collection::vec((0u64..50, 0i64..4, any::<u64>()), 1..300)) {
        let (_dir, path) = temporary();
        let cache = HashCache::open(&path);
        let mut model = HashMap::new();
        for (ino, mtime_ns, number) in steps {
            let version = FileVersion { mtime_ns, ..version(ino) };
            let expected = model.get(&ino).filter(|(known, _)| *known == mtime_ns).map(|(_, id)| *id);
            prop_assert_eq!(cache.get(&version), expected);
            cache.put(&version, LATE, id(number));
            model.insert(ino, (mtime_ns, id(number)));
        }
    }
}
