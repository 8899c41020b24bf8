//! What no commit holds of the code is kept, wherever git has it.

use crate::sandbox;
use roar_testkit::Sandbox;
use serde_json::Value;

fn git_of(sandbox: &Sandbox, step: &str) -> Value {
    let shown = sandbox.roar(["show", "--json", step]).success().out();
    let shown: Value = serde_json::from_str(&shown).unwrap();
    shown["git"].clone()
}

/// Makes a repository with a submodule `sm` that holds `a`.
fn with_submodule() -> Sandbox {
    let sandbox = sandbox();
    let made = "git init -q ../inner && (cd ../inner && echo one > a && git add a && git commit -qm inner) &&
        git init -q . && git -c protocol.file.allow=always submodule --quiet add ../inner sm && git commit -qm outer";
    let _ = sandbox.sh(made).success();
    sandbox
}

#[test]
fn changes_in_a_submodule_are_kept() {
    let sandbox = with_submodule();
    sandbox.write("sm/a", "changed\n");
    let seen = sandbox.roar(["run", "cat", "sm/a"]).success();
    assert!(
        seen.err().contains("git: 1 change uncommitted, kept"),
        "{seen}"
    );
    let git = git_of(&sandbox, "@1");
    assert_eq!(git["dirty"], true);
    let tree = git["tree"].as_str().unwrap();
    let kept = sandbox.sh(&format!("git -C sm show $(git rev-parse {tree}:sm):a"));
    assert_eq!(kept.success().out(), "changed");
}

#[test]
fn untracked_code_in_a_submodule_is_kept_when_it_was_used() {
    let sandbox = with_submodule();
    sandbox.write("sm/u.sh", "echo used\n");
    let _ = sandbox.roar(["run", "true"]).success();
    assert_eq!(git_of(&sandbox, "@1")["dirty"], false);
    let _ = sandbox.roar(["run", "sh", "sm/u.sh"]).success();
    let git = git_of(&sandbox, "@2");
    assert_eq!(git["dirty"], true);
    let tree = git["tree"].as_str().unwrap();
    let kept = sandbox.sh(&format!("git -C sm show $(git rev-parse {tree}:sm):u.sh"));
    assert_eq!(kept.success().out(), "echo used");
}

#[test]
fn a_repository_that_variables_name_is_the_one_that_is_asked() {
    let sandbox = sandbox();
    sandbox.write("a", "one\n");
    let _ = sandbox
        .sh("git init -q . && git add a && git commit -qm first && mv .git ../away.git && echo two > a")
        .success();
    let run = "GIT_DIR=../away.git GIT_WORK_TREE=$PWD roar run cat a";
    let _ = sandbox.sh(run).success();
    let git = git_of(&sandbox, "@1");
    assert_eq!(git["dirty"], true);
    let tree = git["tree"].as_str().unwrap();
    let kept = sandbox.sh(&format!("git --git-dir ../away.git show {tree}:a"));
    assert_eq!(kept.success().out(), "two");
    let _ = sandbox.sh("roar run wc a").success();
    assert_eq!(git_of(&sandbox, "@2"), Value::Null);
}
