//! What a store does whose files were damaged, lost, or replaced by something that is none.

use crate::sandbox;
use roar_testkit::Sandbox;
use std::path::PathBuf;

/// A project with three runs in packs, and two in the journal and the index.
fn project() -> Sandbox {
    let sandbox = sandbox();
    let script = "for i in 1 2 3; do roar -q run sh -c \"echo $i > f$i\"; done; roar -q gc; \
                  for i in 4 5; do roar -q run sh -c \"echo $i > f$i\"; done";
    let _ = sandbox.sh(script).success();
    sandbox
}

fn steps(sandbox: &Sandbox) -> usize {
    sandbox.roar(["log"]).success().out().lines().count()
}

fn newest_segment(sandbox: &Sandbox) -> PathBuf {
    let entries = std::fs::read_dir(sandbox.path(".roar/journal")).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let segments = paths.filter(|path| path.extension().is_some_and(|ext| ext == "rj"));
    segments.max().unwrap()
}

#[test]
fn what_is_no_file_stops_nobody() {
    for make in ["mkdir", "mkfifo"] {
        for victim in ["base", "format", "refs", "index/main.rows"] {
            let sandbox = project();
            let script = format!("rm -r .roar/{victim}; {make} .roar/{victim}");
            let _ = sandbox.sh(&script).success();
            assert_eq!(steps(&sandbox), 5, "{script}");
            let _ = sandbox.roar(["fsck"]).success();
            let _ = sandbox.roar(["run", "sh", "-c", "echo 6 > f6"]).success();
            let _ = sandbox.roar(["fsck", "--rebuild"]).success();
            assert_eq!(steps(&sandbox), 6, "{script}");
        }
    }
}

#[test]
fn a_lost_or_damaged_marker_is_told_of_and_written_again() {
    for harm in [
        "rm .roar/format",
        "echo x >> .roar/format",
        ": > .roar/format",
    ] {
        let sandbox = project();
        let _ = sandbox.sh(harm).success();
        let found = sandbox.roar(["fsck"]).success();
        assert!(found.out().contains("format-wrong"), "{harm}: {found}");
        assert_eq!(steps(&sandbox), 5);
        let ran = sandbox.roar(["run", "true"]).success();
        assert!(!ran.err().contains("new history"), "{ran}");
        assert_eq!(steps(&sandbox), 6);
        let found = sandbox.roar(["fsck"]).success();
        assert!(!found.out().contains("format-wrong"), "{harm}: {found}");
    }
}

#[test]
fn what_the_index_and_the_packs_have_is_there_when_the_journal_is_gone() {
    let sandbox = project();
    let _ = sandbox.sh("rm .roar/journal/*").success();
    let _ = sandbox.roar(["run", "true"]).success();
    assert_eq!(steps(&sandbox), 6);
    let _ = sandbox.roar(["fsck", "--full"]).success();
}

/// Changes a byte of the body of the newest job where the journal has it.
fn harm_newest_job(sandbox: &Sandbox) -> String {
    let id = sandbox.roar(["rev-parse", "@5"]).success().out();
    let object = sandbox.roar(["cat-object", id.trim()]).success().stdout;
    let segment = newest_segment(sandbox);
    let mut bytes = std::fs::read(&segment).unwrap();
    let windows = bytes.windows(object.len());
    let at = windows.into_iter().position(|window| window == object);
    bytes[at.expect("the journal has it as it is") + object.len() / 2] ^= 1;
    std::fs::write(&segment, bytes).unwrap();
    id.trim().to_owned()
}

#[test]
fn an_object_that_the_journal_has_damaged_comes_back_from_the_index() {
    let sandbox = project();
    let id = harm_newest_job(&sandbox);
    let found = sandbox.roar(["fsck"]);
    assert_eq!(found.code, 6, "{found}");
    assert!(found.out().contains(&id), "{found}");
    let mended = sandbox.roar(["fsck", "--rebuild"]).success();
    assert!(
        mended.err().contains("1 came back from the index"),
        "{mended}"
    );
    let _ = sandbox.roar(["show", &id]).success();
    let _ = sandbox.roar(["gc"]).success();
    let _ = sandbox.roar(["fsck", "--full"]).success();
    assert_eq!(steps(&sandbox), 5);
}

#[test]
fn a_good_copy_takes_the_place_of_a_damaged_object() {
    let sandbox = project();
    let _ = sandbox
        .sh("roar pack-objects -o all.rpk sessions/main; roar bundle create all.bundle @5")
        .success();
    for take_in in ["unpack-objects < all.rpk", "bundle import all.bundle"] {
        let _ = sandbox.sh("rm -rf .before; cp -a .roar .before").success();
        let id = harm_newest_job(&sandbox);
        let _ = sandbox.sh("rm -r .roar/sled").success();
        assert_eq!(sandbox.roar(["fsck"]).code, 6);
        let _ = sandbox.sh(&format!("roar {take_in}")).success();
        let _ = sandbox.roar(["show", &id]).success();
        let _ = sandbox.roar(["fsck", "--full"]).success();
        let _ = sandbox.sh("rm -r .roar; mv .before .roar").success();
    }
}

#[test]
fn a_journal_that_is_damaged_in_the_middle_is_told_of_and_loses_nothing() {
    let script = "for i in 1 2 3; do roar -q run sh -c \"echo $i > f$i\"; done";
    for at in [40, 300, 500] {
        for mend in ["fsck --rebuild", "run -q true"] {
            let sandbox = sandbox();
            let _ = sandbox.sh(script).success();
            let _ = sandbox.sh("roar show @1 > before").success();
            let segment = newest_segment(&sandbox);
            let mut bytes = std::fs::read(&segment).unwrap();
            bytes[at] ^= 1;
            std::fs::write(&segment, &bytes).unwrap();
            for question in ["log", "dag", "status", "show @3"] {
                let words: Vec<_> = question.split(' ').collect();
                let told = sandbox.roar(words).err();
                assert!(
                    told.contains("the journal is damaged"),
                    "{question}: {told}"
                );
                assert!(told.contains("`roar fsck --rebuild`"), "{question}: {told}");
            }
            let words: Vec<_> = mend.split(' ').collect();
            let _ = sandbox.roar(words).success();
            let _ = sandbox.sh("roar show @1 | cmp - before").success();
            let _ = sandbox.roar(["fsck", "--full"]).success();
            let log = sandbox.roar(["log"]).success();
            assert!(log.err().is_empty(), "{log}");
            let kept = std::fs::read(sandbox.path(".roar/aside/00000001.rj")).unwrap();
            assert_eq!(kept, bytes);
            assert!(sandbox.path(".roar/aside/sled/db").exists());
        }
    }
}

#[test]
fn a_limit_on_the_size_of_files_is_no_damage() {
    let sandbox = sandbox();
    let script = "roar -q run true; (ulimit -f 64; roar -q run true; roar -q run true)";
    let _ = sandbox.sh(script).success();
    assert!(!sandbox.path(".roar/aside").exists());
    let log = sandbox.roar(["log", "--json"]).success();
    let log: serde_json::Value = serde_json::from_slice(&log.stdout).unwrap();
    assert_eq!(log["jobs"].as_array().unwrap().len(), 3);
}
