use crate::sandbox;
use insta::assert_snapshot;

#[test]
fn rules_are_added_before_the_others_and_taken_out_again() {
    let sandbox = sandbox();
    let _ = sandbox.roar(["init"]).success();
    assert_snapshot!(sandbox.roar(["filter", "add", "*.log", "tmp/"]), @r#"
    --- stderr
    what fits '*.log', 'tmp/' is system, from the next run on
    "#);
    let _ = sandbox
        .roar([
            "filter",
            "add",
            "--shared",
            "--as",
            "data",
            "/usr/share/d/**",
        ])
        .success();
    assert_snapshot!(sandbox.roar(["filter", "list", "--own"]), @r#"
    --- stdout
    system   *.log                            project
    system   tmp/                             project
    data     /usr/share/d/**                  shared
    "#);
    assert_snapshot!(sandbox.roar(["filter", "add", "*.log"]), @r#"
    --- stderr
    '*.log' was already system
    "#);
    assert_snapshot!(sandbox.roar(["filter", "remove", "*.log", "never"]), @r#"
    --- stderr
    '*.log' is removed, from the next run on
    error: there is no rule 'never' in the project file
    hint: `roar filter list --own` shows your rules and the files they stand in
    [exit 3]
    "#);
    assert!(
        !sandbox
            .roar(["filter", "list"])
            .success()
            .out()
            .contains("*.log")
    );
    assert!(
        sandbox
            .roar(["filter", "list"])
            .success()
            .out()
            .contains("built-in")
    );
}

#[test]
fn what_is_no_pattern_or_class_is_refused() {
    let sandbox = sandbox();
    let _ = sandbox.roar(["init"]).success();
    assert_snapshot!(sandbox.roar(["filter", "add", "a[b"]), @r#"
    --- stderr
    error: 'a[b' is not a pattern
    cause: error parsing glob '**/a[b': unclosed character class; missing ']'
    hint: patterns are as in .gitignore: '*.log', 'cache/', '/abs/path/**'
    [exit 2]
    "#);
    assert_snapshot!(sandbox.roar(["filter", "add", "--as", "datta", "x"]), @r#"
    --- stderr
    error: '--as <CLASS>' cannot be 'datta': 'datta' is not a class: there are data, code, package and system
    hint: `roar help filter add` shows how it is used
    [exit 2]
    "#);
}

#[test]
fn what_a_gitignore_would_read_otherwise_is_not_taken_for_a_name() {
    let sandbox = sandbox();
    let _ = sandbox.roar(["init"]).success();
    for pattern in ["!kept", "# why", " blank"] {
        let seen = sandbox.roar(["filter", "add", pattern]);
        assert_eq!(seen.code, 2, "{seen}");
        assert!(seen.err().contains("is not taken"), "{seen}");
    }
    let _ = sandbox.roar(["filter", "add", "[#]why"]).success();
}
