//! Colour, streams, and readers that go away.

use crate::sandbox;

const COLORED: &str = "\x1b[";

#[test]
fn colour_is_for_those_who_want_it() {
    let wrong = ["confg"];
    let err = |sandbox: roar_testkit::Sandbox| sandbox.roar(wrong).err();
    assert!(!err(sandbox()).contains(COLORED));
    assert!(err(sandbox().with("CLICOLOR_FORCE", "1")).contains(COLORED));
    assert!(!err(sandbox().with("CLICOLOR_FORCE", "1").with("NO_COLOR", "1")).contains(COLORED));
    let always = sandbox().roar(["--color=always", "config", "get", "no.such"]);
    assert!(always.err().contains(COLORED));
    let never = sandbox()
        .with("CLICOLOR_FORCE", "1")
        .roar(["--color=never", "config", "get", "x"]);
    assert!(!never.err().contains(COLORED));
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let seen = sandbox().sh("roar config list | true; roar help | head -n 1");
    assert_eq!(seen.code, 0);
    assert_eq!(seen.err(), "");
    let ignoring = sandbox().sh("trap '' PIPE; (sleep 0.2; roar config list; echo $? >&2) | true");
    assert_eq!(ignoring.err(), "141");
}

#[test]
fn output_that_cannot_be_written_is_an_error() {
    let seen = sandbox().sh("roar config list > /dev/full");
    assert_eq!(seen.code, 1);
    assert!(
        seen.err().contains("cannot write to standard output"),
        "{seen}"
    );
}

#[test]
fn bytes_from_elsewhere_do_not_reach_the_terminal_as_they_are() {
    let seen = sandbox().roar(["config", "get", "a\x1b[2J\nb"]);
    assert!(seen.err().contains("a\\x1b[2J\\nb"), "{seen}");
}

#[test]
fn another_directory_can_be_started_in() {
    let sandbox = sandbox();
    let _ = sandbox.roar(["init", "inner"]).success();
    sandbox.write("inner/.roarconfig", "[run]\ndirty = 'refuse'\n");
    let there = sandbox.roar(["-C", "inner", "config", "get", "run.dirty"]);
    assert_eq!(there.success().out(), "refuse");
    let nowhere = sandbox.roar(["-C", "nowhere", "config", "list"]);
    assert_eq!(nowhere.code, 3, "{nowhere}");
}

/// Runs a line of shell on a terminal of its own; nothing where there is no `script` to make one.
fn on_a_terminal(sandbox: &roar_testkit::Sandbox, line: &str) -> Option<String> {
    let mut command = sandbox.command("script");
    command.args(["-qec", line, "/dev/null"]);
    let output = command
        .env("TERM", "xterm")
        .stdin(std::process::Stdio::null())
        .output()
        .ok()?;
    Some(String::from_utf8_lossy(&output.stdout).replace('\r', ""))
}

#[test]
fn long_output_goes_through_the_pager_on_a_terminal_only() {
    let sandbox = sandbox()
        .with("ROAR_PAGER", "sed s/^/P:/")
        .with("NO_COLOR", "1");
    let Some(paged) = on_a_terminal(&sandbox, "roar config list") else {
        return;
    };
    assert!(paged.lines().all(|line| line.starts_with("P:")), "{paged}");
    for line in [
        "roar --no-pager config list",
        "ROAR_OUTPUT_PAGER=no roar config list",
        "roar config get run.dirty",
    ] {
        let straight = on_a_terminal(&sandbox, line).unwrap();
        assert!(!straight.contains("P:"), "{straight}");
    }
    assert!(!sandbox.roar(["config", "list"]).out().contains("P:"));
    // One that is not there loses nothing.
    for pager in ["/no such", "nosuchpager", " "] {
        let line = format!("ROAR_PAGER='{pager}' roar config list");
        let shown = on_a_terminal(&sandbox, &line).unwrap();
        assert!(
            shown.contains("run.dirty") && !shown.contains("not found"),
            "{pager}: {shown}"
        );
    }
}

#[test]
fn colour_comes_with_a_terminal_unless_it_is_refused() {
    let sandbox = crate::record_job::history();
    let Some(colored) = on_a_terminal(&sandbox, "roar --no-pager dag") else {
        return;
    };
    assert!(colored.contains(COLORED), "{colored}");
    for line in [
        "NO_COLOR=1 roar --no-pager dag",
        "TERM=dumb roar --no-pager dag",
        "roar --color=never --no-pager dag",
    ] {
        let plain = on_a_terminal(&sandbox, line).unwrap();
        assert!(!plain.contains(COLORED), "{line}: {plain:?}");
    }
}

#[test]
fn names_of_files_cannot_play_tricks_on_a_terminal() {
    let sandbox = sandbox();
    sandbox.write("a\x1b]0;title\x07\nb", "x");
    let line = r#"{"argv": ["x\u001b[2J"], "outputs": [{"path": "a\u001b]0;title\u0007\nb"}]}"#;
    let _ = sandbox.roar_with_input(["record-job"], line).success();
    for question in ["dag", "show", "log", "status"] {
        let seen = sandbox.roar([question]).success();
        assert!(
            !seen.out().contains('\x1b') && !seen.out().contains('\x07'),
            "{question}: {seen}"
        );
    }
}

#[test]
fn quiet_and_verbose_exclude_each_other() {
    assert_eq!(sandbox().roar(["-q", "-v", "config", "list"]).code, 2);
}

#[test]
fn a_mistake_is_told_as_plainly_as_all_else() {
    let sandbox = sandbox();
    let Some(colored) = on_a_terminal(&sandbox, "roar nosuch") else {
        return;
    };
    assert!(colored.contains("\x1b["), "{colored}");
    let _ = sandbox.roar(["init", "."]).success();
    sandbox.write("plain/.roarconfig", "[output]\ncolor = 'never'\n");
    let _ = sandbox.roar(["init", "plain"]).success();
    for line in [
        "roar --color never nosuch",
        "roar show --bogus --color=never",
        "roar --config output.color=never config list --bogus",
        "roar --color never --config nosuch=1 show",
        "roar -C plain show --bogus",
        "cd plain; roar --color sometimes show",
    ] {
        let plain = on_a_terminal(&sandbox, line).unwrap();
        assert!(
            plain.contains("error:") && !plain.contains("\x1b["),
            "{line}: {plain:?}"
        );
    }
    let sandbox = sandbox.with("ROAR_PAGER", "sed s/^/P:/");
    let help = on_a_terminal(&sandbox, "roar --no-pager --help").unwrap();
    assert!(!help.contains("P:"), "{help}");
}
