//! Symbolic links to directories on the way to files: `runs/latest/model` is another file when `latest`
//! leads elsewhere.

use crate::sandbox;
use roar_testkit::{Sandbox, Seen};
use serde_json::Value;
use std::os::unix::fs::symlink;

/// Two versions of a file, and a link to the directory of the first.
fn versions() -> Sandbox {
    let sandbox = sandbox();
    sandbox.write("v1/x", "1\n");
    sandbox.write("v2/x", "2\n");
    symlink("v1", sandbox.path("latest")).unwrap();
    sandbox
}

fn turn(sandbox: &Sandbox, target: &str) {
    std::fs::remove_file(sandbox.path("latest")).unwrap();
    symlink(target, sandbox.path("latest")).unwrap();
}

/// Returns the paths on one side of the latest step, and what their contents are called.
fn side(sandbox: &Sandbox, side: &str) -> Vec<(String, String)> {
    let shown = sandbox.roar(["show", "--json"]).success();
    let shown: Value = serde_json::from_slice(&shown.stdout).unwrap();
    let word = |item: &Value, field: &str| item[field].as_str().unwrap().to_owned();
    let items = shown[side].as_array().unwrap().iter();
    let items = items.filter(|item| item["change"] != "deleted");
    items
        .map(|item| (word(item, "path"), word(item, "hash")))
        .collect()
}

fn paths(items: &[(String, String)]) -> Vec<&str> {
    items.iter().map(|item| item.0.as_str()).collect()
}

fn name(sandbox: &Sandbox, text: &str) -> String {
    let named = sandbox.roar_with_input(["hash-object", "--stdin"], text);
    named.success().out().trim().to_owned()
}

#[test]
fn a_link_that_leads_elsewhere_is_told_and_makes_the_step_run_again() {
    for command in ["cat latest/x > o", "cd latest; cat x > ../o"] {
        let sandbox = versions();
        let _ = sandbox.roar(["-q", "run", "sh", "-c", command]).success();
        assert_eq!(paths(&side(&sandbox, "inputs")), ["latest", "v1/x"]);
        turn(&sandbox, "v2");
        let status = sandbox.roar(["status"]).success().out();
        assert!(status.contains("modified  latest  @1"), "{status}");
        let _ = sandbox.roar(["rerun"]).success();
        assert_eq!(sandbox.read("o"), b"2\n");
        assert!(nothing_to_do(&sandbox.roar(["rerun"]).success()));
    }
}

#[test]
fn who_goes_through_a_link_and_turns_it_has_read_where_it_led() {
    let sandbox = versions();
    let script = "cat latest/x > o; ln -sfn v2 latest";
    let ran = sandbox.roar(["run", "sh", "-c", script]).success();
    assert!(
        !ran.err().contains("not everything was seen"),
        "{}",
        ran.err()
    );
    let inputs = side(&sandbox, "inputs");
    assert_eq!(inputs[0], ("latest".to_owned(), name(&sandbox, "v1")));
    let outputs = side(&sandbox, "outputs");
    assert_eq!(outputs[0], ("latest".to_owned(), name(&sandbox, "v2")));
    assert!(nothing_to_do(&sandbox.roar(["rerun"]).success()));
}

#[test]
fn a_link_that_became_a_directory_has_changed_and_is_not_gone() {
    let sandbox = versions();
    let _ = sandbox
        .roar(["-q", "run", "sh", "-c", "cat latest/x > o"])
        .success();
    std::fs::remove_file(sandbox.path("latest")).unwrap();
    sandbox.write("latest/x", "3\n");
    let _ = sandbox.roar(["rerun"]).success();
    assert_eq!(sandbox.read("o"), b"3\n");
}

#[test]
fn a_directory_that_a_link_took_the_place_of_is_deleted() {
    let sandbox = versions();
    sandbox.write("data/x", "0\n");
    let moved = "mv data old; ln -s v1 data";
    let ran = sandbox.roar(["run", "sh", "-c", moved]).success();
    assert!(!ran.err().contains("not everything"), "{ran}");
    assert_eq!(paths(&side(&sandbox, "outputs")), ["data", "old/x"]);
    let shown = sandbox.roar(["show"]).success().out();
    assert!(shown.contains("data/x  deleted"), "{shown}");
    let status = sandbox.roar(["status"]).success().out();
    assert!(!status.contains("changed outside"), "{status}");
}

#[test]
fn a_link_to_a_directory_is_asked_about_like_a_file() {
    let sandbox = versions();
    turn(&sandbox, "v2");
    let _ = sandbox
        .roar(["-q", "run", "ln", "-sfn", "v1", "latest"])
        .success();
    for question in ["show", "lineage", "why"] {
        let told = sandbox.roar([question, "latest"]).success().out();
        assert!(told.contains("@1"), "{question}: {told}");
    }
}

#[test]
fn the_links_by_which_one_comes_to_the_project_are_no_inputs() {
    let sandbox = versions();
    let way = sandbox.root().join("way");
    symlink(sandbox.work(), &way).unwrap();
    let command = format!("cat {}/v1/x > o", way.display());
    let _ = sandbox.roar(["-q", "run", "sh", "-c", &command]).success();
    assert_eq!(paths(&side(&sandbox, "inputs")), ["v1/x"]);
}

fn nothing_to_do(ran: &Seen) -> bool {
    ran.err().contains("nothing to do")
}
