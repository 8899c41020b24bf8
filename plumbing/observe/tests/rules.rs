//! The rules of the crate docs, one test for each.
#![expect(clippy::unwrap_used, reason = "tests may panic")]

use roar_events::{Access, Record, State, Version};
use roar_observe::{Change, FileSeen, Fold, Observation, Threat};

const READ: Access = Access::READ;
const WRITE: Access = Access::WRITE;

/// Inode `ino`, last changed at `time`.
fn file(ino: u64, time: i64) -> State {
    State::File(version(ino, time))
}

fn version(ino: u64, time: i64) -> Version {
    Version {
        dev: 1,
        ino,
        size: 5,
        mtime_ns: time,
        ctime_ns: time,
        mode: 0o100_644,
    }
}

fn open(access: Access, before: State) -> Record<'static> {
    Record::Open {
        pid: 1,
        access,
        path: b"/a",
        before,
    }
}

fn unlink(before: State) -> Record<'static> {
    Record::Unlink {
        pid: 1,
        path: b"/a",
        before,
    }
}

fn rename(
    from: &'static [u8],
    moved: State,
    to: &'static [u8],
    replaced: State,
) -> Record<'static> {
    Record::Rename {
        pid: 1,
        exchange: false,
        from,
        moved,
        to,
        replaced,
    }
}

fn fold(records: &[Record<'_>]) -> Fold {
    let mut fold = Fold::new();
    for record in records {
        fold.take(record);
    }
    fold
}

/// Judges `records` when `/a` is `after` and nothing else is there.
fn judge(records: &[Record<'_>], after: State) -> Observation {
    fold(records).observe(|path| if path == b"/a" { after } else { State::Missing })
}

/// Returns what is told of `/a`: whether it was read, and what became of it.
fn told(records: &[Record<'_>], after: State) -> Option<(bool, Option<Change>)> {
    let seen = judge(records, after);
    let file: Option<&FileSeen> = seen.files.iter().find(|file| file.path == b"/a");
    file.map(|file| (file.read.is_some(), file.change))
}

#[test]
fn a_file_opened_for_reading_was_read() {
    assert_eq!(
        told(&[open(READ, file(1, 1))], file(1, 1)),
        Some((true, None))
    );
    assert_eq!(
        told(&[open(READ | WRITE, file(1, 1))], file(1, 1)),
        Some((true, None))
    );
}

#[test]
fn a_failed_open_is_not_a_read() {
    assert_eq!(told(&[open(READ, State::Missing)], State::Missing), None);
}

#[test]
fn an_executed_file_was_read_and_says_so() {
    let exec = Record::Exec {
        pid: 1,
        path: b"/a",
        before: file(1, 1),
    };
    let seen = judge(&[exec], file(1, 1));
    assert!(seen.files[0].executed && seen.files[0].read.is_some());
}

#[test]
fn a_file_opened_for_writing_and_left_alone_is_not_mentioned() {
    assert_eq!(told(&[open(WRITE, file(1, 1))], file(1, 1)), None);
}

#[test]
fn a_file_changed_in_place_was_read_in_its_version_before() {
    let records = [open(WRITE, file(1, 1))];
    let seen = judge(&records, file(1, 2));
    let read = seen.files[0].read.unwrap();
    assert_eq!(seen.files[0].change, Some(Change::Modified));
    assert_eq!(read.version, Some(version(1, 1)));
    assert!(!seen.files[0].opened);
}

#[test]
fn an_empty_file_changed_in_place_had_nothing_to_read() {
    let empty = State::File(Version {
        size: 0,
        ..version(1, 1)
    });
    assert_eq!(
        told(&[open(WRITE, empty)], file(1, 2)),
        Some((false, Some(Change::Modified)))
    );
}

#[test]
fn the_same_bytes_written_in_place_are_no_change() {
    let named = Record::Named {
        path: b"/a",
        version: version(1, 1),
        digest: [7; 32],
    };
    let mut seen = judge(&[named, open(WRITE, file(1, 1))], file(1, 2));
    assert!(!seen.files[0].settle(Some([7; 32])));
    let mut seen = judge(&[named, open(READ | WRITE, file(1, 1))], file(1, 2));
    assert!(seen.files[0].settle(Some([7; 32])));
    assert_eq!(
        (seen.files[0].change, seen.files[0].read.is_some()),
        (None, true)
    );
}

#[test]
fn a_truncated_file_was_modified_whatever_its_bytes_and_not_read() {
    let records = [open(WRITE | Access::TRUNCATE, file(1, 1))];
    let mut seen = judge(&records, file(1, 2));
    assert!(seen.files[0].truncated && seen.files[0].read.is_none());
    let before = seen.files[0].digest_before;
    assert!(seen.files[0].settle(before));
    assert_eq!(seen.files[0].change, Some(Change::Modified));
}

#[test]
fn a_truncation_that_failed_leaves_no_trace() {
    assert_eq!(
        told(&[open(WRITE | Access::TRUNCATE, file(1, 1))], file(1, 1)),
        None
    );
}

#[test]
fn a_new_file_was_created_even_when_empty() {
    let records = [open(WRITE | Access::CREATE, State::Missing)];
    let empty = State::File(Version {
        size: 0,
        ..version(1, 1)
    });
    assert_eq!(told(&records, empty), Some((false, Some(Change::Created))));
    assert_eq!(told(&records, State::Missing), None);
}

#[test]
fn reading_what_the_run_made_is_not_reading() {
    let records = [
        open(WRITE | Access::CREATE, State::Missing),
        open(READ, file(1, 1)),
    ];
    assert_eq!(
        told(&records, file(1, 1)),
        Some((false, Some(Change::Created)))
    );
}

#[test]
fn a_file_removed_was_deleted_and_one_made_and_removed_is_not_mentioned() {
    assert_eq!(
        told(&[unlink(file(1, 1))], State::Missing),
        Some((false, Some(Change::Deleted)))
    );
    let records = [
        open(WRITE | Access::CREATE, State::Missing),
        unlink(file(1, 1)),
    ];
    assert_eq!(told(&records, State::Missing), None);
}

#[test]
fn a_file_made_elsewhere_and_moved_here_is_an_output_under_its_final_name() {
    let made = Record::Open {
        pid: 1,
        access: WRITE | Access::CREATE,
        path: b"/tmp",
        before: State::Missing,
    };
    let fresh = rename(b"/tmp", file(2, 2), b"/a", State::Missing);
    assert_eq!(
        told(&[made, fresh], file(2, 2)),
        Some((false, Some(Change::Created)))
    );
    let over = rename(b"/tmp", file(2, 2), b"/a", file(1, 1));
    assert_eq!(judge(&[made, over], file(2, 2)).files.len(), 1);
    assert_eq!(
        told(&[made, over], file(2, 2)),
        Some((false, Some(Change::Modified)))
    );
}

#[test]
fn a_file_that_was_here_before_and_is_moved_is_deleted_here_and_created_there() {
    let seen = judge(
        &[rename(b"/b", file(1, 1), b"/a", State::Missing)],
        file(1, 1),
    );
    let changes: Vec<_> = seen
        .files
        .iter()
        .map(|file| (&file.path[..], file.change))
        .collect();
    let expected = [
        (&b"/b"[..], Some(Change::Deleted)),
        (&b"/a"[..], Some(Change::Created)),
    ];
    assert_eq!(changes, expected);
    assert_eq!(seen.files[1].origin.as_deref(), Some(&b"/b"[..]));
}

#[test]
fn two_files_that_change_places_are_both_modified() {
    let exchange = Record::Rename {
        pid: 1,
        exchange: true,
        from: b"/a",
        moved: file(1, 1),
        to: b"/b",
        replaced: file(2, 1),
    };
    let seen = fold(&[exchange]).observe(|path| file(if path == b"/a" { 2 } else { 1 }, 1));
    assert!(
        seen.files
            .iter()
            .all(|file| file.change == Some(Change::Modified))
    );
    assert_eq!(seen.files.len(), 2);
}

#[test]
fn a_file_that_gets_a_name_is_created_there() {
    let linked = file(3, 1);
    let link = Record::Link {
        pid: 1,
        from: b"",
        linked,
        to: b"/a",
    };
    assert_eq!(told(&[link], linked), Some((false, Some(Change::Created))));
}

#[test]
fn symbolic_links_are_files_of_their_own() {
    let made = judge(
        &[Record::Symlink {
            pid: 1,
            path: b"/a",
        }],
        State::Symlink,
    );
    assert!(made.files[0].link && made.files[0].change == Some(Change::Created));
    let passed = judge(&[open(READ, State::Symlink)], State::Symlink);
    assert!(passed.files[0].link && passed.files[0].read.unwrap().version.is_none());
}

#[test]
fn where_a_link_led_is_known_when_the_run_has_turned_it() {
    let turned = [
        open(READ, State::Symlink),
        target(b"old"),
        unlink(State::Symlink),
        Record::Symlink {
            pid: 1,
            path: b"/a",
        },
        open(READ, State::Symlink),
        target(b"new"),
    ];
    let turned = judge(&turned, State::Symlink);
    let only = &turned.files[0];
    assert_eq!(only.target_before.as_deref(), Some(&b"old"[..]));
    assert!(only.read.is_some() && only.change == Some(Change::Modified));
}

#[test]
fn where_a_link_of_the_runs_own_led_is_not_read() {
    let made = [
        Record::Symlink {
            pid: 1,
            path: b"/a",
        },
        open(READ, State::Symlink),
        target(b"new"),
    ];
    let made = judge(&made, State::Symlink);
    assert!(made.files[0].read.is_none() && made.files[0].target_before.is_none());
}

const fn target(target: &[u8]) -> Record<'_> {
    Record::Target {
        path: b"/a",
        target,
    }
}

#[test]
fn what_is_no_file_is_not_mentioned() {
    for state in [State::Directory, State::Other] {
        assert_eq!(
            told(&[open(READ | WRITE | Access::CREATE, state)], state),
            None
        );
    }
}

#[test]
fn what_an_outsider_changed_keeps_the_version_that_was_read_without_a_name() {
    let seen = judge(&[open(READ, file(1, 1))], file(2, 2));
    let only = &seen.files[0];
    assert_eq!(
        (only.change, only.read.unwrap().version),
        (None, Some(version(1, 1)))
    );
    assert_eq!(only.digest_read(Some(([7; 32], version(2, 2)))), None);
    assert_eq!(
        only.digest_read(Some(([7; 32], version(1, 1)))),
        Some([7; 32])
    );
    assert_eq!(only.digest_read(None), None);
}

#[test]
fn a_file_that_was_only_read_is_not_looked_at_again() {
    let seen = fold(&[open(READ, file(1, 1))]).observe(|_| panic!("looked"));
    assert_eq!(seen.files[0].after, file(1, 1));
}

#[test]
fn content_is_named_before_it_is_lost() {
    let fresh = Fold::new();
    assert!(fresh.must_name(b"/a", version(1, 1), Threat::InPlace));
    assert!(!fresh.must_name(b"/a", version(1, 1), Threat::Away));
    let mut read = fold(&[open(READ, file(1, 1))]);
    assert!(
        read.must_name(b"/a", version(1, 1), Threat::Away)
            && !read.must_name(b"/a", version(1, 1), Threat::Reading)
    );
    read.take(&Record::Named {
        path: b"/a",
        version: version(1, 1),
        digest: [7; 32],
    });
    assert!(
        !read.must_name(b"/a", version(1, 1), Threat::Away)
            && !read.must_name(b"/a", version(1, 1), Threat::InPlace)
    );
    read.take(&unlink(file(1, 1)));
    let seen = read.observe(|_| State::Missing);
    assert_eq!(seen.files[0].read.unwrap().digest, Some([7; 32]));
}

#[test]
fn content_is_named_when_it_is_read_where_the_run_has_moved_it() {
    let moved = fold(&[rename(b"/b", file(1, 1), b"/a", State::Missing)]);
    assert!(moved.must_name(b"/a", version(1, 1), Threat::Reading));
    assert!(!moved.must_name(b"/a", version(1, 1), Threat::Away));
}

#[test]
fn a_record_that_says_nothing_new_is_not_worth_keeping() {
    let mut fold = Fold::new();
    assert!(fold.take(&open(READ, file(1, 1))));
    assert!(!fold.take(&open(READ, file(1, 1))));
    assert!(fold.take(&open(READ | WRITE, file(1, 1))));
    assert!(fold.take(&Record::Gap { why: b"lost" }));
    assert!(!fold.take(&Record::Gap { why: b"lost" }));
}

#[test]
fn processes_are_listed_with_a_file_up_to_sixteen() {
    let path = b"/a";
    let before = file(1, 1);
    let by = |pid| Record::Open {
        pid,
        access: READ,
        path,
        before,
    };
    let records: Vec<_> = (1..40).map(by).collect();
    let seen = judge(&records, before);
    assert_eq!(seen.files[0].pids, (1..17).collect::<Vec<_>>());
}

#[test]
fn a_process_is_told_with_its_parent_and_what_it_executed() {
    let seen = fold(&[
        Record::Process {
            pid: 7,
            parent: 1,
            program: b"",
        },
        Record::Process {
            pid: 7,
            parent: 0,
            program: b"/bin/sh",
        },
        Record::Process {
            pid: 7,
            parent: 0,
            program: b"/bin/cat",
        },
    ]);
    let seen = seen.observe(|_| State::Missing);
    assert_eq!(seen.processes.len(), 1);
    assert_eq!(seen.processes[0].parent, 1);
    assert_eq!(
        seen.processes[0].programs,
        [b"/bin/sh".to_vec(), b"/bin/cat".to_vec()]
    );
}
