//! `roar ls-tree` and `roar diff-tree`.

use crate::record_job::history;
use crate::sandbox;
use insta::assert_snapshot;
use roar_testkit::Sandbox;

fn two() -> Sandbox {
    let sandbox = sandbox();
    for (path, text) in [("one/a", "1"), ("one/d/b", "2"), ("one/d/c", "3")] {
        sandbox.write(path, text);
    }
    for (path, text) in [("two/a", "1"), ("two/d/b", "x"), ("two/e", "4")] {
        sandbox.write(path, text);
    }
    sandbox
}

#[test]
fn a_directory_is_listed_flat_or_deep() {
    let sandbox = two();
    assert_snapshot!(sandbox.roar(["ls-tree", "one"]), @r#"
    --- stdout
    file <id> 1	a
    directory <id> 2	d
    "#);
    assert_snapshot!(sandbox.roar(["ls-tree", "-r", "one", "d"]), @r#"
    --- stdout
    file <id> 1	d/b
    file <id> 1	d/c
    "#);
    assert_snapshot!(sandbox.roar(["ls-tree", "--json", "one"]), @r#"
    --- stdout
    {"path":"a","mode":"file","id":"<id>","size":1,"files":1}
    {"path":"d","mode":"directory","id":"<id>","size":2,"files":2}
    "#);
    assert_eq!(sandbox.roar(["ls-tree", "one", "nowhere"]).code, 3);
    assert_snapshot!(sandbox.roar(["ls-tree", "one", "d/b"]), @r#"
    --- stdout
    file <id> 1	d/b
    "#);
    for whole in ["/", ".", "./"] {
        let listed = sandbox.roar(["ls-tree", "one", whole]).success().out();
        assert_eq!(listed, sandbox.roar(["ls-tree", "one"]).success().out());
    }
}

#[test]
fn paths_that_could_be_mistaken_are_quoted_unless_ended_by_nul() {
    let sandbox = sandbox();
    sandbox.write("set/a\nb", "");
    assert_snapshot!(sandbox.roar(["ls-tree", "set"]), @r#"
    --- stdout
    file <id> 0	"a\nb"
    "#);
    assert!(
        sandbox
            .roar(["ls-tree", "-z", "set"])
            .success()
            .stdout
            .ends_with(b"\ta\nb\0")
    );
}

#[test]
fn what_differs_is_told_and_is_an_exit_code() {
    let sandbox = two();
    assert_snapshot!(sandbox.roar(["diff-tree", "one", "two"]), @r#"
    --- stdout
    M <id> <id>	d/b
    D <id> <id>	d/c
    A <id> <id>	e
    [exit 1]
    "#);
    assert_snapshot!(sandbox.roar(["diff-tree", "--json", "one/d", "two/d"]), @r#"
    --- stdout
    {"path":"b","change":"modified","left":{"mode":"file","id":"<id>","size":1},"right":{"mode":"file","id":"<id>","size":1}}
    {"path":"c","change":"deleted","left":{"mode":"file","id":"<id>","size":1},"right":null}
    [exit 1]
    "#);
    let quiet = sandbox.roar(["-q", "diff-tree", "one", "two"]);
    assert_eq!((quiet.code, quiet.stdout.len()), (1, 0));
    let same = sandbox.roar(["diff-tree", "one", "one"]);
    assert_eq!((same.code, same.stdout.len()), (0, 0));
}

#[test]
fn jobs_are_compared_by_what_they_wrote_or_read() {
    let sandbox = history();
    assert_eq!(sandbox.roar(["diff-tree", "@1", "@1"]).code, 0);
    assert_snapshot!(sandbox.roar(["diff-tree", "@1", "@2"]), @r#"
    --- stdout
    D <id> <id>	data/a.csv
    D <id> <id>	data/b.csv
    A <id> <id>	model.json
    [exit 1]
    "#);
    assert_snapshot!(sandbox.roar(["diff-tree", "--reads", "@1", "@2"]), @r#"
    --- stdout
    A <id> <id>	data/a.csv
    D <id> <id>	raw.csv
    [exit 1]
    "#);
}

#[test]
fn a_job_is_listed_by_what_it_wrote_or_read() {
    let sandbox = history();
    assert_snapshot!(sandbox.roar(["ls-tree", "@1"]), @r#"
    --- stdout
    file <id> 2	data/a.csv
    file <id> 2	data/b.csv
    "#);
    assert_snapshot!(sandbox.roar(["ls-tree", "--reads", "@1"]), @r#"
    --- stdout
    file <id> 4	raw.csv
    "#);
    assert_snapshot!(sandbox.roar(["ls-tree", "--json", "@1", "data/a.csv"]), @r#"
    --- stdout
    {"path":"data/a.csv","mode":"file","id":"<id>","size":2,"files":1}
    "#);
    assert_eq!(sandbox.roar(["ls-tree", "@1", "nowhere"]).code, 3);
}

#[test]
fn what_is_no_tree_is_refused() {
    let sandbox = history();
    assert_snapshot!(sandbox.roar(["ls-tree", "model.json"]), @r#"
    --- stderr
    error: 'model.json' is a file, not a dataset
    [exit 2]
    "#);
    assert_snapshot!(sandbox.roar(["diff-tree", "gone", "data"]), @r#"
    --- stderr
    error: nothing here is called 'gone'
    hint: `roar log` lists what was run here; `roar help references` tells how things are named
    [exit 3]
    "#);
    assert_snapshot!(crate::sandbox().roar(["diff-tree", "gone", "data"]), @r#"
    --- stderr
    error: there is no directory 'gone'
    hint: outside a workspace only directories can be looked at
    [exit 3]
    "#);
}

#[test]
fn what_was_read_is_asked_of_jobs_only() {
    let sandbox = two();
    let listed = sandbox.roar(["ls-tree", "--reads", "."]);
    assert_eq!(listed.code, 2, "{listed}");
    let compared = sandbox.roar(["diff-tree", "--reads", ".", "."]);
    assert_eq!(compared.code, 2, "{compared}");
}
