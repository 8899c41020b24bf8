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
