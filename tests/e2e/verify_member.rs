//! `roar verify-member`.

use crate::record_job::history;
use crate::sandbox;
use insta::assert_snapshot;
use roar_testkit::Sandbox;

fn data() -> Sandbox {
    let sandbox = sandbox();
    for number in 0..300 {
        sandbox.write(format!("data/d/f{number:03}"), number.to_string());
    }
    sandbox.write("data/top", "1");
    sandbox
}

#[test]
fn what_is_in_a_dataset_is_shown_and_what_is_not_is_an_exit_code() {
    let sandbox = data();
    assert_snapshot!(sandbox.roar(["verify-member", "data", "d/f007"]), @r#"
    --- stdout
    file <id> 1	d/f007
    "#);
    assert_snapshot!(sandbox.roar(["verify-member", "--json", "data", "d"]), @r#"
    --- stdout
    {
      "schema": 1,
      "path": "d",
      "mode": "directory",
      "id": "<id>",
      "size": 790,
      "files": 300,
      "member": true
    }
    "#);
    assert_snapshot!(sandbox.roar(["verify-member", "data", "d/f300"]), @r#"
    --- stderr
    error: 'd/f300' is not in the dataset
    [exit 1]
    "#);
    assert_snapshot!(sandbox.roar(["verify-member", "--json", "data", "d/f300"]), @r#"
    --- stdout
    {
      "schema": 1,
      "path": "d/f300",
      "member": false
    }
    [exit 1]
    "#);
    assert_eq!(sandbox.roar(["verify-member", "data", "top/x"]).code, 1);
    assert!(!sandbox.path(".roar").exists());
}

#[test]
fn a_file_must_hold_what_the_dataset_has() {
    let sandbox = data();
    let same = sandbox.roar(["verify-member", "data", "top", "data/d/f001"]);
    assert_eq!(same.code, 0);
    assert_eq!(
        sandbox.roar(["verify-member", "data", "d", "data/d"]).code,
        0
    );
    assert_snapshot!(sandbox.roar(["verify-member", "data", "top", "data/d/f002"]), @r#"
    --- stderr
    error: 'data/d/f002' is not what the dataset has there
    [exit 1]
    "#);
    assert_eq!(
        sandbox.roar(["verify-member", "data", "top", "gone"]).code,
        3
    );
}

#[test]
fn a_proof_needs_nothing_but_the_name_of_the_dataset() {
    let sandbox = data();
    let root = sandbox.roar(["hash-dataset", "data"]).success().out();
    for path in ["d/f123", "d/f300", "d"] {
        let made = sandbox.roar(["verify-member", "--proof", "proof", "data", path]);
        let checked = sandbox.roar(["verify-member", "--check", "proof", &root]);
        assert_eq!((made.code, &made.stdout), (checked.code, &checked.stdout));
        let told = sandbox.roar(["verify-member", "--check", "proof", &root, path]);
        assert_eq!(told.code, made.code, "{path}");
    }
    let _ = sandbox
        .roar(["verify-member", "--proof", "proof", "data", "d/f123"])
        .success();
    assert!(sandbox.read("proof").len() < 10_000);
    let with_file =
        |file| sandbox.roar(["verify-member", "--check", "proof", &root, "d/f123", file]);
    assert_eq!(with_file("data/d/f123").code, 0);
    assert_eq!(with_file("data/d/f124").code, 1);
    assert_snapshot!(sandbox.roar(["verify-member", "--check", "proof", &root, "d/f124"]), @r#"
    --- stderr
    error: 'proof' is about 'd/f123'
    [exit 1]
    "#);
    let other = sandbox.roar(["hash-dataset", "data/d"]).success().out();
    assert_snapshot!(sandbox.roar(["verify-member", "--check", "proof", &other]), @r#"
    --- stderr
    error: 'proof' proves nothing
    cause: it is about the tree '<id>'
    [exit 1]
    "#);
    assert_snapshot!(sandbox.roar(["verify-member", "--check", "proof", "data"]), @r#"
    --- stderr
    error: 'data' is not the name of a dataset
    hint: a proof is checked against all 64 digits
    [exit 2]
    "#);
}

#[test]
fn a_damaged_proof_is_damage() {
    let sandbox = data();
    let root = sandbox.roar(["hash-dataset", "data"]).success().out();
    let _ = sandbox
        .roar(["verify-member", "--proof", "proof", "data", "d/f123"])
        .success();
    let bytes = std::fs::read(sandbox.path("proof")).expect("it was just written");
    for (name, damaged) in [
        ("short", bytes[..bytes.len() - 1].to_vec()),
        ("long", [&bytes[..], b"x"].concat()),
        ("flipped", {
            let mut bytes = bytes.clone();
            bytes[100] ^= 1;
            bytes
        }),
        ("empty", Vec::new()),
    ] {
        std::fs::write(sandbox.path("proof"), damaged).expect("the sandbox is writable");
        let checked = sandbox.roar(["verify-member", "--check", "proof", &root]);
        assert_eq!(checked.code, 6, "{name}");
    }
    assert_snapshot!(sandbox.roar(["verify-member", "--check", "proof", &root]), @r#"
    --- stderr
    error: 'proof' proves nothing
    cause: it is no proof, or a damaged one: it is cut short
    [exit 6]
    "#);
}

#[test]
fn a_job_is_no_dataset() {
    let sandbox = history();
    assert_snapshot!(sandbox.roar(["verify-member", "@1", "data/a.csv"]), @r#"
    --- stderr
    error: '@1' is a job, not a dataset
    hint: `roar ls-tree` and `roar show` list what a job read and wrote
    [exit 2]
    "#);
}
