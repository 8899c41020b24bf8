use crate::sandbox;
use insta::assert_snapshot;

#[test]
fn a_workspace_is_made_where_it_belongs() {
    let sandbox = sandbox();
    assert_snapshot!(sandbox.roar(["init"]), @r#"
    --- stderr
    '$SANDBOX/work' is a workspace now; put `roar run` before a command
    "#);
    assert_snapshot!(sandbox.roar(["init"]), @r#"
    --- stderr
    '$SANDBOX/work' is a workspace already
    "#);
    assert_eq!(sandbox.read(".roar/.gitignore"), b"*\n");
    sandbox.write("deep/er/.keep", "");
    assert_snapshot!(sandbox.roar_in("deep/er", ["init"]), @r#"
    --- stderr
    '$SANDBOX/work' is a workspace already
    "#);
}

#[test]
fn beside_the_repository_and_out_of_its_sight() {
    let sandbox = sandbox();
    sandbox.write("deep/file", "");
    let _ = sandbox.sh("git init -q .").success();
    let _ = sandbox.roar_in("deep", ["init"]).success();
    assert!(sandbox.path(".roar").is_dir() && !sandbox.path("deep/.roar").exists());
    let status = sandbox.sh("git status --porcelain").success().out();
    assert_eq!(status, "?? deep/");
}

#[test]
fn exactly_where_it_is_wanted() {
    let sandbox = sandbox();
    assert_snapshot!(sandbox.roar(["init", "new/place"]), @r#"
    --- stderr
    '$SANDBOX/work/new/place' is a workspace now; put `roar run` before a command
    "#);
    assert!(sandbox.path("new/place/.roar").is_dir());
    sandbox.write("file", "");
    assert_eq!(sandbox.roar(["init", "file/x"]).code, 3);
}
