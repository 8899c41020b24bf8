use crate::sandbox;
use insta::assert_snapshot;

#[test]
fn a_mistyped_command_is_guessed() {
    assert_snapshot!(sandbox().roar(["confg", "list"]), @r#"
    --- stderr
    error: there is no command 'confg'
    hint: did you mean 'config'?
    hint: `roar help` lists the commands
    [exit 2]
    "#);
}

#[test]
fn a_mistyped_option_is_guessed() {
    assert_snapshot!(sandbox().roar(["config", "list", "--jsn"]), @r#"
    --- stderr
    error: there is no option '--jsn' here
    hint: did you mean '--json'?
    hint: `roar help config list` shows how it is used
    [exit 2]
    "#);
}

#[test]
fn one_word_too_many_is_named() {
    assert_snapshot!(sandbox().roar(["config", "get", "run.dirty", "more"]), @r#"
    --- stderr
    error: 'more' is one argument too many
    hint: `roar help config get` shows how it is used
    [exit 2]
    "#);
}

#[test]
fn short_help_leaves_plumbing_out_and_long_help_does_not() {
    let short = sandbox().roar(["-h"]).success().out();
    let long = sandbox().roar(["--help"]).success().out();
    assert!(
        !short.contains("Plumbing") && short.lines().count() < 60,
        "{short}"
    );
    assert!(long.contains("Set up:"), "{long}");
    assert_eq!(sandbox().roar(["help"]).success().out(), long);
}

#[test]
fn help_of_a_command_is_the_same_either_way() {
    let one = sandbox().roar(["help", "config", "set"]).success().out();
    let other = sandbox().roar(["config", "set", "--help"]).success().out();
    assert_eq!(one, other);
}

#[test]
fn only_the_long_form_has_examples() {
    assert!(
        !sandbox()
            .roar(["config", "-h"])
            .success()
            .out()
            .contains("Examples:")
    );
    assert!(
        sandbox()
            .roar(["config", "--help"])
            .success()
            .out()
            .contains("Examples:")
    );
}

#[test]
fn topics_explain_what_is_not_a_command() {
    for topic in ["concepts", "references", "exit-codes"] {
        assert!(sandbox().roar(["help", topic]).success().stdout.len() > 400);
    }
    assert_snapshot!(sandbox().roar(["help", "concept"]), @r#"
    --- stderr
    error: there is no command 'concept'
    hint: did you mean 'concepts'?
    hint: `roar help` lists the commands
    [exit 3]
    "#);
}

#[test]
fn nothing_at_all_gets_help_and_an_error_code() {
    let seen = sandbox().roar::<[&str; 0]>([]);
    assert_eq!(seen.code, 2);
    assert!(seen.stdout.is_empty() && seen.err().contains("Usage: roar"));
}

#[test]
fn the_version_is_one_line() {
    let seen = sandbox().roar(["--version"]).success();
    assert_eq!(seen.out(), format!("roar {}", env!("CARGO_PKG_VERSION")));
}

#[test]
fn a_topic_has_no_parts() {
    assert_snapshot!(sandbox().roar(["help", "references", "more"]), @r"
    --- stderr
    error: 'more' is one argument too many
    hint: `roar help references` shows that topic
    [exit 2]
    ");
}
