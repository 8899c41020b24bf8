//! Directories that were read, written, moved or deleted as a whole are told as one.

use crate::sandbox;
use roar_testkit::Sandbox;
use serde_json::Value;

fn shown(sandbox: &Sandbox, step: &str) -> Value {
    let shown = sandbox.roar(["show", "--json", step]).success().out();
    serde_json::from_str(&shown).unwrap()
}

/// Returns path, number of files, hash and change of the datasets on one side of a job, a line each.
fn datasets(job: &Value, side: &str) -> Vec<String> {
    let entries = job[side].as_array().unwrap().iter();
    let sets = entries.filter(|entry| entry["kind"] == "dataset");
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    sets.map(|set| {
        let (path, hash, change) = (&set["path"], &set["hash"], &set["change"]);
        format!(
            "{} {} {} {}",
            text(path),
            set["files"],
            text(hash),
            text(change)
        )
    })
    .collect()
}

const TWO_BY_TWO: &str =
    "mkdir -p d/a d/b; for i in 1 2; do echo a$i > d/a/$i; echo b$i > d/b/$i; done";

#[test]
fn links_that_nobody_went_through_do_not_take_a_dataset_apart() {
    let sandbox = sandbox();
    let links = "ln -s a/1 d/link; ln -s nowhere d/a/lost; mkdir d/links; ln -s ../a d/links/a";
    let _ = sandbox.sh(&format!("{TWO_BY_TWO}; {links}")).success();
    let _ = sandbox.sh("roar run tar cf out.tar d").success();
    let hash = sandbox.roar(["hash-dataset", "d"]).success().out();
    let expected = format!("d 7 {} -", hash.trim());
    assert_eq!(datasets(&shown(&sandbox, "@1"), "inputs"), [expected]);
    // They are inputs then, so that nothing is to be done until one of them changes.
    let again = sandbox.roar(["rerun"]).success();
    assert!(!again.err().contains("again"), "{again}");
    let _ = sandbox.sh("ln -sfn a/2 d/link").success();
    let again = sandbox.roar(["rerun"]).success();
    assert!(again.err().contains("'d/link' changed"), "{again}");
}

#[test]
fn a_link_that_the_run_made_itself_is_not_what_it_read() {
    let sandbox = sandbox();
    let _ = sandbox.sh(TWO_BY_TWO).success();
    let _ = sandbox
        .sh("roar run sh -c 'cat d/a/* d/b/* > out; ln -s a d/new'")
        .success();
    let names = datasets(&shown(&sandbox, "@1"), "inputs");
    let places: Vec<_> = names.iter().map(|set| &set[..3]).collect();
    assert_eq!(places, ["d/a", "d/b"]);
}

#[test]
fn a_directory_that_was_moved_or_deleted_is_one_dataset() {
    let sandbox = sandbox();
    let _ = sandbox.sh(TWO_BY_TWO).success();
    let hash = sandbox.roar(["hash-dataset", "d"]).success().out();
    let hash = hash.trim();
    let _ = sandbox.sh("roar run mv d e").success();
    let job = shown(&sandbox, "@1");
    assert_eq!(datasets(&job, "inputs"), [format!("d 4 {hash} -")]);
    assert_eq!(
        datasets(&job, "outputs"),
        ["d 4 - deleted".to_owned(), format!("e 4 {hash} created")]
    );
    let _ = sandbox.sh("roar run rm -r e").success();
    assert_eq!(
        datasets(&shown(&sandbox, "@2"), "outputs"),
        ["e 4 - deleted"]
    );
    let drawn = sandbox.roar(["dag"]).success();
    assert!(drawn.out().contains("e/ (4 files) (deleted)"), "{drawn}");
    assert_eq!(sandbox.roar(["fsck", "--full"]).code, 0);
}

#[test]
fn a_directory_of_which_something_is_left_was_not_deleted_as_a_whole() {
    let sandbox = sandbox();
    let _ = sandbox.sh(TWO_BY_TWO).success();
    let _ = sandbox.sh("roar run rm -r d/a d/b/1").success();
    assert_eq!(
        datasets(&shown(&sandbox, "@1"), "outputs"),
        ["d/a 2 - deleted"]
    );
}

#[test]
fn of_a_dataset_all_that_made_or_read_any_of_it_are_told() {
    let sandbox = sandbox();
    let made = "mkdir -p data/train data/test; for i in 1 2; do echo $i > data/train/$i; echo t$i > data/test/$i; done";
    for line in [
        made,
        "cat data/test/* > first",
        "cat data/test/* > second",
        "cat data/test/1 > third",
        "cat data/train/1 > apart",
        "cp -r data/test copy",
    ] {
        let _ = sandbox.roar(["-q", "run", "sh", "-c", line]).success();
    }
    let hash = sandbox.roar(["hash-dataset", "data/test"]).success().out();
    let told = || {
        let seen = sandbox.roar(["show", "--json", "data/test"]).success();
        let seen: Value = serde_json::from_slice(&seen.stdout).unwrap();
        assert_eq!(seen["hash"], hash.trim());
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let job = |job: &Value| {
            let (step, path) = (text(&job["step"]), text(&job["path"]));
            format!("{step} {} {path}", job["files"])
        };
        let jobs = |side: &str| {
            let all = seen[side].as_array().unwrap().iter();
            all.map(job).collect::<Vec<_>>().join(", ")
        };
        let overwrote = seen["overwrote"]
            .as_object()
            .map(|_| job(&seen["overwrote"]));
        (jobs("writers"), jobs("readers"), overwrote)
    };
    let writers = "@1 2 data/test, @6 2 copy".to_owned();
    let readers = "@2 2 data/test, @3 2 data/test, @4 1 data/test, @6 2 data/test".to_owned();
    assert_eq!(told(), (writers.clone(), readers.clone(), None));
    let seen = sandbox.roar(["show", "data/test"]).success().out();
    for line in [
        "dataset data/test/: 2 files, 6 B",
        "sh -c 'cat data/test/1 > third'  1 of 2 files  ",
        "sh -c 'cp -r data/test copy'  as copy  ",
    ] {
        assert!(seen.contains(line), "{seen}");
    }
    let _ = sandbox
        .sh("roar run sh -c 'echo t3 > data/test/2'")
        .success();
    let _ = sandbox.sh("roar run sh -c 'echo other > other'").success();
    assert_eq!(told(), (writers, readers, Some("@7 1 data/test".into())));
    let seen = sandbox.roar(["show", "data/test"]).success().out();
    assert!(seen.contains("to change it here was @7: 1 file."), "{seen}");
}

#[test]
fn a_dataset_that_is_another_now_is_told_of() {
    let sandbox = sandbox();
    let _ = sandbox
        .sh("roar run sh -c 'mkdir d; echo 1 > d/a; echo 2 > d/b; echo 3 > d/c'")
        .success();
    let name = sandbox.roar(["hash-dataset", "d"]).success().out();
    let shown = |word: &str| sandbox.roar(["show", word]).success().out();
    assert!(!shown("d").contains("On disk"), "{}", shown("d"));
    let _ = sandbox.sh("echo 4 > d/b; rm d/a").success();
    let expected = "On disk now: 1 file modified, 1 file missing.";
    assert!(shown("d").contains(expected), "{}", shown("d"));
    let _ = sandbox.sh("rm -r d").success();
    let expected = "On disk now: 3 files missing.";
    assert!(shown("d").contains(expected), "{}", shown("d"));
    // By its name the same is told of it, though the path has another one since.
    let _ = sandbox
        .sh("roar run sh -c 'mkdir d; echo 5 > d/a; echo 6 > d/b'")
        .success();
    let old = shown(name.trim());
    assert!(old.starts_with("dataset d/: 3 files"), "{old}");
    assert!(old.contains("to change it here was @2: 2 files."), "{old}");
}
