use crate::sandbox;
use serde_json::Value;

/// Runs the demo and looks at what is left of it.
fn demo(sandbox: &roar_testkit::Sandbox) {
    let seen = sandbox.roar(["demo"]).success();
    let said = seen.out();
    assert!(said.contains("$ roar run @3 --degree=2"), "{seen}");
    assert!(
        said.contains("stale") && said.contains("copy-of-a-model"),
        "{seen}"
    );
    let dag = sandbox
        .roar_in("roar-demo", ["dag", "--all", "--json"])
        .success();
    let dag: Value = serde_json::from_slice(&dag.stdout).unwrap();
    assert_eq!(dag["nodes"].as_array().unwrap().len(), 9);
    let status = sandbox.roar_in("roar-demo", ["status", "--json"]).success();
    let status: Value = serde_json::from_slice(&status.stdout).unwrap();
    assert_eq!(status["stale"], serde_json::json!(["@2", "@3", "@4", "@5"]));
    assert_eq!(status["drift"], serde_json::json!([]));
    let fsck = sandbox.roar_in("roar-demo", ["fsck", "--full"]);
    assert_eq!(fsck.code, 0, "{fsck}");
}

#[test]
fn the_tour_is_real() {
    demo(&sandbox());
}

#[test]
fn without_python_it_is_made_in_shell() {
    let sandbox = sandbox();
    // Every program but Python.
    let tools = "mkdir bin; for tool in sh awk cat cp git ls mkdir printf wc true rm env; do \
                 ln -s \"$(command -v $tool)\" bin/; done";
    let _ = sandbox.sh(tools).success();
    let path = sandbox.path("bin").into_os_string();
    let sandbox = sandbox.with("PATH", path);
    demo(&sandbox);
    assert!(sandbox.path("roar-demo/train.sh").exists());
}

/// Returns the commands that the demo ends with.
fn last_lines(said: &str) -> String {
    let (_, last) = said.split_once("Go on there:\n").unwrap();
    last.to_owned()
}

#[test]
fn what_it_ends_with_can_be_typed_where_it_was_started() {
    let sandbox = sandbox();
    // Found by its name, then by its path only; the second time in another folder.
    let by_name = last_lines(&sandbox.sh("roar demo").success().out());
    assert!(
        by_name.starts_with("  cd roar-demo\n  roar show @3\n"),
        "{by_name}"
    );
    let _ = sandbox.sh(&format!("set -e\n{by_name}")).success();
    let elsewhere = "roar=$(command -v roar); PATH=$(echo \"$PATH\" | cut -d: -f2-); ";
    let by_path = sandbox.sh(&format!("{elsewhere} $roar demo")).success();
    let by_path = last_lines(&by_path.out());
    assert!(by_path.starts_with("  cd roar-demo-2\n  /"), "{by_path}");
    let _ = sandbox
        .sh(&format!("{elsewhere} set -e\n{by_path}"))
        .success();
    assert!(sandbox.path("roar-demo-2/dag.html").exists());
}

#[test]
fn a_folder_with_something_in_it_is_left_alone() {
    let sandbox = sandbox();
    sandbox.write("mine/precious", "x");
    let seen = sandbox.roar(["demo", "mine"]);
    assert_eq!(seen.code, 1);
    assert!(
        seen.err().contains("not empty") && seen.err().contains("hint:"),
        "{seen}"
    );
    assert_eq!(std::fs::read_dir(sandbox.path("mine")).unwrap().count(), 1);
}
