//! `roar pack-objects`, `index-pack`, `unpack-objects`, `verify-pack`.

use crate::record_job::history;
use crate::sandbox;
use insta::assert_snapshot;
use roar_testkit::Sandbox;
use serde_json::Value;
use std::fs;

/// Makes another workspace in the sandbox.
fn other(sandbox: &Sandbox) {
    fs::create_dir(sandbox.path("../other")).unwrap();
    let _ = sandbox.roar_in("../other", ["init"]).success();
}

fn count(sandbox: &Sandbox, directory: &str) -> u64 {
    let counts = sandbox.roar_in(directory, ["count-objects", "--json"]);
    let counts: Value = serde_json::from_slice(&counts.success().stdout).unwrap();
    counts["objects"].as_u64().unwrap()
}

#[test]
fn a_session_goes_into_another_workspace() {
    let sandbox = history();
    let name = sandbox
        .roar(["pack-objects", "-o", "it.rpk", "sessions/main"])
        .success()
        .out();
    let bytes = sandbox.read("it.rpk");
    assert_eq!(name, blake3_of(&bytes[..bytes.len() - 32]));
    other(&sandbox);
    let before = count(&sandbox, "../other");
    let done = sandbox
        .sh("roar -C ../other unpack-objects --json < it.rpk")
        .success();
    let done: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(done["name"], name.as_str());
    assert_eq!(done["objects"], done["new"]);
    let head = sandbox.roar(["rev-parse", "sessions/main"]).success().out();
    let _ = sandbox
        .roar_in("../other", ["update-ref", "sessions/main", &head])
        .success();
    assert_eq!(
        sandbox.roar_in("../other", ["log"]).success().out(),
        sandbox.roar(["log"]).success().out()
    );
    let _ = sandbox.roar_in("../other", ["fsck", "--full"]).success();
    assert!(count(&sandbox, "../other") > before);
    // Once more changes nothing.
    let again = sandbox
        .sh("roar -C ../other unpack-objects --json < it.rpk")
        .success();
    let again: Value = serde_json::from_slice(&again.stdout).unwrap();
    assert_eq!(again["new"], 0);
}

/// The name that the program itself gives these bytes.
fn blake3_of(bytes: &[u8]) -> String {
    sandbox()
        .roar_with_input(["hash-object", "--stdin"], bytes)
        .success()
        .out()
}

#[test]
fn a_pack_goes_through_a_pipe() {
    let sandbox = history();
    other(&sandbox);
    let done = sandbox.sh("roar pack-objects -o - @3 | roar -C ../other unpack-objects");
    let _ = done.success();
    let job = sandbox.roar(["rev-parse", "@3"]).success().out();
    let kind = sandbox.roar_in("../other", ["cat-object", "-t", &job]);
    assert_eq!(kind.success().out(), "job");
}

#[test]
fn just_the_objects_that_are_named_are_packed() {
    let sandbox = history();
    let done = sandbox.sh("roar rev-list | roar pack-objects --stdin --json -o jobs.rpk");
    let done: Value = serde_json::from_slice(&done.success().stdout).unwrap();
    assert_eq!(done["objects"], 3);
    let listed = sandbox
        .roar(["verify-pack", "-v", "jobs.rpk"])
        .success()
        .out();
    let jobs = sandbox.roar(["rev-list"]).success().out();
    let named: Vec<_> = listed.lines().take(3).map(|line| &line[..64]).collect();
    assert_eq!(named, jobs.lines().collect::<Vec<_>>());
    assert!(
        listed
            .lines()
            .take(3)
            .all(|line| line[64..].starts_with(" job ")),
        "{listed}"
    );
    assert_snapshot!(sandbox.roar_with_input(["pack-objects", "--stdin", "-o", "it"], "@9\n"), @r"
    --- stderr
    error: this session has no step @9
    hint: the last one is @3; `roar log` lists them all
    [exit 3]
    ");
    assert!(
        !sandbox.path("it").exists(),
        "nothing is left of what was begun"
    );
}

#[test]
fn a_pack_is_checked_with_its_index() {
    let sandbox = history();
    let name = sandbox
        .roar(["pack-objects", "-o", "it.rpk", "@3"])
        .success()
        .out();
    let alone = sandbox.roar(["verify-pack", "it.rpk"]).success().out();
    assert_eq!(sandbox.roar(["index-pack", "it.rpk"]).success().out(), name);
    assert_eq!(
        sandbox.roar(["verify-pack", "it.rpk"]).success().out(),
        alone
    );
    let size = sandbox.read("it.rpk").len();
    assert_eq!(alone, format!("ok {name} 6 {size}\tit.rpk"));
    let line = sandbox
        .roar(["verify-pack", "--json", "it.rpk"])
        .success()
        .out();
    let line: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(
        (&line["indexed"], &line["name"]),
        (&true.into(), &name.into())
    );

    let mut index = sandbox.read("it.rix");
    let at = index.len() - 40;
    index[at] ^= 1;
    sandbox.write("it.rix", &index);
    assert_snapshot!(sandbox.roar(["verify-pack", "it.rpk"]), @r"
    --- stdout
    damaged the index does not fit the pack: it has other bytes than an index of this pack has	it.rpk
    [exit 6]
    ");
    sandbox.write("it.rix", b"");
    assert_snapshot!(sandbox.roar(["verify-pack", "it.rpk"]), @r"
    --- stdout
    damaged this is no index	it.rpk
    [exit 6]
    ");
}

#[test]
fn a_damaged_pack_gets_nothing_in() {
    let sandbox = history();
    let _ = sandbox
        .roar(["pack-objects", "-o", "it.rpk", "@3"])
        .success();
    let _ = sandbox.roar(["index-pack", "it.rpk"]).success();
    let good = sandbox.read("it.rpk");
    other(&sandbox);
    let before = count(&sandbox, "../other");
    for at in (0..good.len()).step_by(97) {
        let mut bad = good.clone();
        bad[at] ^= 4;
        sandbox.write("bad.rpk", &bad);
        let done = sandbox.sh("roar -C ../other unpack-objects < bad.rpk");
        assert_eq!(done.code, 6, "{done}");
        assert_eq!(sandbox.roar(["verify-pack", "bad.rpk"]).code, 6);
        assert_eq!(sandbox.roar(["index-pack", "bad.rpk"]).code, 6);
    }
    assert!(!sandbox.path("bad.rix").exists());
    assert_eq!(count(&sandbox, "../other"), before);
    let left = sandbox
        .sh("find ../other/.roar -name '*tmp*'")
        .success()
        .out();
    assert_eq!(left, "");
    sandbox.write("it.rpk", &good[..good.len() - 1]);
    let damaged = sandbox.roar(["verify-pack", "it.rpk"]);
    let at = good.len() - 1;
    let expected = format!(
        "damaged the pack ends in the middle of its name, after {at} bytes\tit.rpk\n\
        damaged the index does not fit the pack: they speak of different lengths\tit.rpk"
    );
    assert_eq!((damaged.code, damaged.out()), (6, expected));
    assert_snapshot!(sandbox.roar(["unpack-objects"]), @r"
    --- stderr
    error: the pack ends in the middle of the header, after 0 bytes
    [exit 6]
    ");
    assert_snapshot!(sandbox.roar(["verify-pack", "missing.rpk"]), @r"
    --- stderr
    error: cannot open 'missing.rpk'
    cause: No such file or directory (os error 2)
    [exit 3]
    ");
}

#[test]
fn a_dry_run_needs_no_workspace_and_takes_nothing_in() {
    let sandbox = history();
    let _ = sandbox
        .roar(["pack-objects", "-o", "it.rpk", "@3"])
        .success();
    let done = sandbox
        .sh("cd / && roar unpack-objects -n --json < \"$OLDPWD/it.rpk\"")
        .success();
    let done: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(done["new"], Value::Null);
}

/// The one pack of a history that was collected.
fn only_pack(sandbox: &Sandbox) -> std::path::PathBuf {
    let _ = sandbox.roar(["gc"]).success();
    let packs = fs::read_dir(sandbox.path(".roar/packs")).unwrap();
    let mut packs = packs.map(|entry| entry.unwrap().path());
    packs
        .find(|path| path.extension().is_some_and(|it| it == "rpk"))
        .unwrap()
}

#[test]
fn a_pack_whose_end_is_gone_is_mended_and_nothing_is_lost() {
    let sandbox = history();
    let log = sandbox.roar(["log", "--json"]).success().out();
    let pack = only_pack(&sandbox);
    let bytes = fs::read(&pack).unwrap();
    fs::write(&pack, &bytes[..bytes.len() - 10]).unwrap();
    assert_eq!(sandbox.roar(["fsck"]).code, 6);
    let done = sandbox.roar(["fsck", "--rebuild", "--full"]).success();
    assert!(done.err().contains("none is lost"), "{}", done.err());
    assert!(done.err().contains("aside/"), "{}", done.err());
    assert_eq!(sandbox.roar(["log", "--json"]).success().out(), log);
    let aside = fs::read_dir(sandbox.path(".roar/aside")).unwrap();
    let kept: Vec<_> = aside
        .map(|entry| fs::read(entry.unwrap().path()).unwrap())
        .collect();
    assert_eq!(kept, [&bytes[..bytes.len() - 10]]);
}

#[test]
fn what_is_lost_with_a_pack_is_named_and_what_is_recorded_next_is_kept() {
    let sandbox = history();
    let pack = only_pack(&sandbox);
    let bytes = fs::read(&pack).unwrap();
    fs::write(&pack, vec![0; bytes.len()]).unwrap();
    let done = sandbox.roar(["fsck", "--rebuild", "--json"]);
    assert_eq!(done.code, 6, "what is missing is an error");
    let told: Value = serde_json::from_slice(&done.stdout).unwrap();
    let mended = &told["mended"][0];
    assert_eq!(mended["whole"], 0);
    let lost = mended["lost"].as_array().unwrap();
    assert!(!lost.is_empty());
    let findings = told["findings"].as_array().unwrap();
    let mut wrong = findings.iter().filter(|found| found["severity"] == "error");
    assert!(wrong.all(|found| found["id"] == "ref-dangling"), "{told}");
    let id = lost[0].as_str().unwrap();
    assert!(
        done.err().contains(&format!("lost: {id}")),
        "{}",
        done.err()
    );
    let again = sandbox.roar(["fsck", "--rebuild", "--json"]);
    let again: Value = serde_json::from_slice(&again.stdout).unwrap();
    assert_eq!(again["mended"], Value::Array(Vec::new()));
}
