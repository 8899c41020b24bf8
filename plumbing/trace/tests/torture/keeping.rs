//! What a run read stays named though it changes, and records alone tell the same.

use roar_trace::{replay, state_of};

use crate::cases::{CASES, Case};
use crate::stage::Stage;

/// Both ways in which calls are let go before they are looked at.
const WAYS: [&str; 2] = ["notify", "notify+notes"];

/// First digits of the BLAKE3 of "old\n", which is what `file` holds in every case.
fn old() -> String {
    let digest = blake3::hash(b"old\n");
    digest.to_hex()[..4].to_owned()
}

fn case(name: &str) -> &'static Case {
    CASES.iter().find(|case| case.name == name).unwrap()
}

#[test]
fn both_versions_are_told_of_a_file_read_and_changed() {
    let stage = Stage::new();
    let changing = [
        "update_in_place",
        "append",
        "mmap_write",
        "replace_input",
        "read_unlink_create",
        "sed_i",
        "truncate",
        "tee_a",
        "stdout_appended",
    ];
    for way in WAYS {
        for name in changing {
            let (before, after) = stage.run(case(name), Some(way)).digests("file");
            assert_eq!(before, old(), "{name} {way}");
            assert!(after != before && after != "-", "{name} {way}");
        }
        for name in ["read_then_unlink", "gzip"] {
            let digests = stage.run(case(name), Some(way)).digests("file");
            assert_eq!(digests, (old(), "-".to_owned()), "{name} {way}");
        }
    }
}

#[test]
fn what_was_read_is_told_although_its_times_are_set_afterwards() {
    let stage = Stage::new();
    for way in WAYS {
        let (read, _) = stage.run(case("times_set"), Some(way)).digests("file");
        assert_eq!(read, old(), "{way}");
    }
}

#[test]
fn the_records_alone_tell_the_same_as_the_run() {
    let stage = Stage::new();
    let names = [
        "pipeline",
        "make_j",
        "rename_dir",
        "update_in_place",
        "cp_tree",
    ];
    for (name, way) in names.iter().flat_map(|name| WAYS.map(|way| (name, way))) {
        let outcome = stage.run(case(name), Some(way));
        let replay = replay(&outcome.spool, state_of);
        assert!(replay.started && replay.reasons.is_empty(), "{name} {way}");
        let told = outcome.lines.lines().count() - 1;
        assert_eq!(replay.observation.files.len(), told, "{name} {way}");
    }
}
