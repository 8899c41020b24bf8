use crate::sandbox;
use serde_json::Value;

fn lines(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn every_file_that_is_touched_is_told() {
    let sandbox = sandbox();
    sandbox.write("in", "x");
    sandbox.write("old", "x");
    let script = "cat in > out; rm old; exit 7";
    let seen = sandbox.roar(["trace", "-o", "told.jsonl", "--", "sh", "-c", script]);
    assert_eq!(seen.code, 7, "{seen}");
    let told = lines(&String::from_utf8(sandbox.read("told.jsonl")).unwrap());
    let of = |name: &str| {
        let path = sandbox.path(name).to_str().unwrap().to_owned();
        told.iter()
            .find(|line| line["path"] == path.as_str())
            .unwrap()
            .clone()
    };
    assert_eq!(
        (&of("in")["read"], &of("in")["written"]),
        (&true.into(), &false.into())
    );
    assert_eq!(
        (&of("out")["created"], &of("out")["written"]),
        (&true.into(), &true.into())
    );
    assert_eq!(of("old")["deleted"], true);
    let coverage = &told.last().unwrap()["coverage"];
    assert_eq!(coverage["verdict"], "complete", "{coverage}");
    assert!(!sandbox.path(".roar").exists());
}

#[test]
fn standard_output_is_the_commands_own() {
    let seen = sandbox()
        .roar(["trace", "echo", "--json", "-o", "x"])
        .success();
    assert_eq!(seen.out(), "--json -o x");
    assert!(
        lines(&seen.err())
            .iter()
            .any(|line| line["executed"] == true)
    );
}

#[test]
fn the_ways_to_end_are_those_of_a_shell() {
    let sandbox = sandbox();
    assert_eq!(sandbox.roar(["trace", "sh", "-c", "kill -9 $$"]).code, 137);
    assert_eq!(sandbox.roar(["trace", "no-such-program"]).code, 127);
    sandbox.write("plain", "");
    assert_eq!(sandbox.roar(["trace", "./plain"]).code, 126);
    assert_eq!(sandbox.roar(["trace", "-o", "no/where", "true"]).code, 125);
    assert_eq!(sandbox.roar(["trace", "--bogus", "true"]).code, 2);
    assert_eq!(sandbox.roar(["trace"]).code, 2);
}

#[test]
fn an_answer_that_cannot_be_written_is_said_to_be_lost() {
    let sandbox = sandbox();
    let lost = sandbox.roar([
        "trace",
        "-o",
        "/dev/full",
        "--",
        "sh",
        "-c",
        "echo hi; exit 3",
    ]);
    assert_eq!((lost.code, lost.out().as_str()), (3, "hi"), "{lost}");
    let told =
        "error: what the command touched could not be written to '/dev/full', or not all of it";
    assert!(lost.err().starts_with(told), "{lost}");
    // A reader that wants no more of it loses nothing.
    let cut = sandbox.sh("roar trace -o - -- true | true").success();
    assert_eq!(cut.err(), "");
}

#[test]
fn the_answer_goes_to_standard_output_if_that_is_wanted() {
    let sandbox = sandbox();
    let seen = sandbox
        .roar(["trace", "-o", "-", "--", "echo", "hi"])
        .success();
    let (first, rest) = seen
        .out()
        .split_once('\n')
        .map(|(a, b)| (a.to_owned(), lines(b)))
        .unwrap();
    assert_eq!(first, "hi");
    assert_eq!(rest.last().unwrap()["coverage"]["verdict"], "complete");
    assert_eq!(seen.err(), "");
    assert!(!sandbox.path("-").exists());
}
