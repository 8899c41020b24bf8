//! What a run is given in confidence is nowhere in what is recorded of it.

use crate::sandbox;

const VALUE: &str = "Zx81kqP0vLmN72ab";

#[test]
fn credentials_of_another_program_are_not_recorded_for_how_their_names_begin() {
    let token = format!("A1b2C3d4E5f6G7.atlasv1.{}", "kQ7w".repeat(16));
    let sandbox = sandbox()
        .with("TF_TOKEN_app_terraform_io", &token)
        .with("TF_VAR_word", "horsebattery")
        .with("TF_CPP_MIN_LOG_LEVEL", "2");
    let _ = sandbox.roar(["run", "true"]).success();
    let shown = sandbox.roar(["show", "--json", "@1"]).success().out();
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown["variables"]["TF_CPP_MIN_LOG_LEVEL"], "2");
    let hidden = shown["hidden_variables"].as_array().unwrap();
    for name in ["TF_TOKEN_app_terraform_io", "TF_VAR_word"] {
        assert!(hidden.iter().any(|it| it == name), "{shown}");
    }
    for value in [token.as_str(), "horsebattery"] {
        let _ = sandbox.sh(&format!("! grep -rl '{value}' .roar")).success();
    }
}

#[test]
fn the_value_of_a_secret_variable_is_not_recorded_as_an_argument_either() {
    let sandbox = sandbox()
        .with("API_TOKEN", VALUE)
        .with("DB_PASSWORD", "postgres");
    let _ = sandbox
        .sh("git init -q . && git remote add origin https://h.example/$API_TOKEN/r.git")
        .success();
    let run = "roar run -n step-$API_TOKEN echo --x $API_TOKEN out/$API_TOKEN.txt postgres 1";
    let seen = sandbox.sh(run).success();
    assert!(
        seen.out().contains(VALUE),
        "the command has its own: {seen}"
    );
    let shown = sandbox.roar(["show", "--json", "@1"]).success().out();
    assert!(!shown.contains(VALUE), "{shown}");
    assert!(
        shown.contains("\"postgres\""),
        "an ordinary word stays: {shown}"
    );
    let _ = sandbox.sh(&format!("! grep -rl {VALUE} .roar")).success();
    let again = sandbox
        .sh("roar run --cached echo --x $API_TOKEN")
        .success();
    assert!(again.err().contains("secret"), "{again}");
}

#[test]
fn secrets_in_the_places_where_programs_take_them_are_written_over() {
    let sandbox = sandbox();
    for command in [
        "dvc remote modify --local r secret_access_key",
        "poetry config http-basic.foo me",
        "mc alias set s3 https://h.example AK",
        "nmcli dev wifi connect home password",
    ] {
        let words = ["run", "-q", "echo"].into_iter().chain(command.split(' '));
        let _ = sandbox.roar(words.chain([VALUE])).success();
    }
    let script = format!("true || echo {VALUE} | docker login --password-stdin");
    let _ = sandbox.roar(["run", "-q", "sh", "-c", &script]).success();
    let _ = sandbox.sh(&format!("! grep -rl {VALUE} .roar")).success();
}
