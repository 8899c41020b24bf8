use crate::sandbox;

#[test]
fn every_shell_gets_a_script_that_knows_the_commands() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = sandbox().roar(["completions", shell]).success().out();
        assert!(script.contains("config"), "{shell}");
        assert!(!script.contains("command-reference"), "{shell}");
    }
}

#[test]
fn bash_takes_the_script() {
    let sandbox = sandbox();
    let script = sandbox.roar(["completions", "bash"]).success().stdout;
    sandbox.write("roar.bash", script);
    assert_eq!(sandbox.sh("bash -n roar.bash").success().err(), "");
}
