use crate::sandbox;
use roar_testkit::Sandbox;

#[test]
fn every_shell_gets_a_script_that_knows_the_commands() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = sandbox().roar(["completions", shell]).success().out();
        assert!(script.contains("config"), "{shell}");
        assert!(!script.contains("command-reference"), "{shell}");
        if ["bash", "zsh", "fish"].contains(&shell) {
            assert!(
                script.contains("run.dirty") && script.contains("concepts"),
                "{shell}"
            );
            assert!(
                !script.contains("SETTINGS") && !script.contains("HELPED"),
                "{shell}"
            );
        }
    }
}

#[test]
fn bash_takes_the_script() {
    let sandbox = sandbox();
    let script = sandbox.roar(["completions", "bash"]).success().stdout;
    sandbox.write("roar.bash", script);
    assert_eq!(sandbox.sh("bash -n roar.bash").success().err(), "");
}

/// Returns what bash offers for the last of some words.
fn offered(sandbox: &Sandbox, words: &[&str]) -> Vec<String> {
    let quoted: Vec<_> = words.iter().map(|word| format!("'{word}'")).collect();
    let (at, last) = (words.len() - 1, words[words.len() - 1]);
    let script = format!(
        "COMP_WORDS=({}); COMP_CWORD={at}; . ./roar.bash; \
         _roar_words roar '{last}' '{}'; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        quoted.join(" "),
        words[at - 1],
    );
    sandbox.write("ask.bash", script);
    let seen = sandbox.sh("bash ask.bash").success();
    seen.out().lines().map(str::to_owned).collect()
}

#[test]
fn bash_offers_what_can_stand_there_and_nothing_that_cannot() {
    let sandbox = sandbox();
    let script = sandbox.roar(["completions", "bash"]).success().stdout;
    sandbox.write("roar.bash", script);
    let _ = sandbox.roar(["-q", "run", "true"]).success();
    let offered = |words: &[&str]| offered(&sandbox, words);
    let has = |words: &[&str], wanted: &str| offered(words).iter().any(|word| word == wanted);

    assert!(has(&["roar", "run", "--"], "--name"));
    assert!(!has(&["roar", "run", "--"], "--looks"));
    assert!(has(&["roar", "run", "tru"], "true"));
    assert!(has(&["roar", "run", "-n", "x", "tru"], "true"));
    // From here on it is the command's own: files, if bash knows no better.
    for words in [
        &["roar", "run", "cp", "--"][..],
        &["roar", "-C", "x", "run", "--name", "=", "x", "cp", ""],
        &["roar", "trace", "-o", "f", "--", "cp", "-"],
    ] {
        assert!(offered(words).concat().is_empty(), "{words:?}");
    }
    assert!(has(&["roar", "help", "ru"], "run") && has(&["roar", "help", "con"], "concepts"));
    assert_eq!(
        offered(&["roar", "filter", "add", "--as", "p"]),
        ["package"]
    );
    assert_eq!(offered(&["roar", "config", "get", "run.d"]), ["run.dirty"]);
    assert_eq!(offered(&["roar", "show", "@"]), ["@1"]);
    assert_eq!(offered(&["roar", "run", "@"]), ["@1"]);
}

#[test]
fn no_script_offers_what_is_hidden() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = sandbox().roar(["completions", shell]).success().out();
        assert!(
            !script.contains("--looks") && !script.contains("-l looks"),
            "{shell}"
        );
    }
}
