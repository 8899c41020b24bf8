use crate::sandbox;
use insta::assert_snapshot;
use roar_testkit::Sandbox;

/// A sandbox with a workspace in it.
fn workspace() -> Sandbox {
    let sandbox = sandbox();
    let _ = sandbox.roar(["init"]).success();
    sandbox
}

#[test]
fn values_are_shown_with_where_they_come_from() {
    let sandbox = workspace().with("ROAR_RUN_GRACE", "2.5");
    sandbox.write(".roarconfig", "[run]\ndirty = 'refuse'\n");
    assert_snapshot!(sandbox.roar(["config", "list", "run."]), @r#"
    --- stdout
    run.dirty = refuse                    shared, $SANDBOX/work/.roarconfig
        what to do when git has uncommitted changes: the exact state is recorded unless refused
    run.grace = 2.5                       environment, ROAR_RUN_GRACE
        how long to go on watching processes that outlive the command
    "#);
    assert_snapshot!(sandbox.roar(["--config", "run.dirty=warn", "config", "get", "--json", "run.dirty"]), @r#"
    --- stdout
    {
      "schema": 1,
      "name": "run.dirty",
      "value": "warn",
      "default": "warn",
      "origin": {
        "layer": "command line"
      },
      "about": "what to do when git has uncommitted changes: the exact state is recorded unless refused"
    }
    "#);
}

#[test]
fn a_value_is_set_where_it_is_wanted_and_comments_stay() {
    let sandbox = workspace();
    sandbox.write(
        ".roar/config.toml",
        "# mine\n[run]\n# why\ndirty = 'warn'\n",
    );
    assert_snapshot!(sandbox.roar(["config", "set", "run.dirty", "refuse"]), @r#"
    --- stderr
    run.dirty is set in '$SANDBOX/work/.roar/config.toml'
    "#);
    assert_snapshot!(String::from_utf8(sandbox.read(".roar/config.toml")).unwrap(), @r#"
    # mine
    [run]
    # why
    dirty = "refuse"
    "#);
    assert_snapshot!(sandbox.roar(["config", "set", "--user", "run.dirty", "record"]), @r#"
    --- stderr
    run.dirty is set in '$SANDBOX/home/.config/roar/config.toml'
    warning: run.dirty is 'refuse' all the same: project, $SANDBOX/work/.roar/config.toml
    "#);
    assert_snapshot!(sandbox.roar(["config", "unset", "run.dirty"]), @r#"
    --- stderr
    run.dirty is no longer set in '$SANDBOX/work/.roar/config.toml'
    "#);
    assert_eq!(
        sandbox.roar(["config", "get", "run.dirty"]).success().out(),
        "record"
    );
    assert_snapshot!(sandbox.roar(["config", "unset", "run.dirty"]), @r#"
    --- stderr
    error: run.dirty is not set in the project file
    hint: its value comes from: user, $SANDBOX/home/.config/roar/config.toml
    [exit 3]
    "#);
}

#[test]
fn an_unknown_setting_is_guessed() {
    assert_snapshot!(sandbox().roar(["config", "get", "run.dirt"]), @r#"
    --- stderr
    error: there is no setting 'run.dirt'
    hint: did you mean 'run.dirty'?
    hint: `roar config list` shows every setting
    [exit 3]
    "#);
    assert_snapshot!(sandbox().roar(["--config", "run.dirt=warn", "config", "list"]), @r#"
    --- stderr
    error: there is no setting 'run.dirt'
    hint: did you mean 'run.dirty'?
    hint: `roar config list` shows every setting
    [exit 2]
    "#);
    assert_snapshot!(sandbox().roar(["--config", "nonsense", "config", "list"]), @r#"
    --- stderr
    error: 'nonsense' is not a setting and its value
    hint: as in `--config run.dirty=refuse`
    [exit 2]
    "#);
}

#[test]
fn a_wrong_value_says_what_is_right() {
    assert_snapshot!(workspace().roar(["config", "set", "run.dirty", "maybe"]), @r#"
    --- stderr
    error: 'run.dirty' cannot be 'maybe' (the command line): it takes one of record, warn, refuse
    hint: `roar config list` shows every setting and what it is for
    [exit 2]
    "#);
    let wrong = workspace().with("ROAR_HASH_CACHE", "perhaps");
    assert_snapshot!(wrong.roar(["config", "list", "hash"]), @r#"
    --- stderr
    error: 'hash.cache' cannot be 'perhaps' (ROAR_HASH_CACHE): it takes true or false
    hint: `roar config list` shows every setting and what it is for
    [exit 2]
    "#);
    assert!(wrong.roar(["config", "list"]).out().contains("run.dirty"));
    let wrong = workspace().with("ROAR_OUTPUT_PAGER", "perhaps");
    assert_snapshot!(wrong.roar(["log"]), @r#"
    --- stdout
    No jobs yet.
    --- stderr
    warning: 'output.pager' cannot be 'perhaps' (ROAR_OUTPUT_PAGER): it takes true or false
    nothing is recorded yet; put `roar run` before a command
    "#);
}

#[test]
fn a_setting_of_a_new_project_makes_it_a_workspace() {
    assert_snapshot!(sandbox().roar(["config", "set", "run.dirty", "refuse"]), @r#"
    --- stderr
    made '$SANDBOX/work/.roar'
    run.dirty is set in '$SANDBOX/work/.roar/config.toml'
    "#);
    assert_snapshot!(sandbox().roar(["config", "set", "--shared", "run.dirty", "refuse"]), @r#"
    --- stderr
    made '$SANDBOX/work/.roar'
    run.dirty is set in '$SANDBOX/work/.roarconfig'
    "#);
    let sandbox = sandbox();
    assert_eq!(sandbox.roar(["config", "set", "run.dirty", "no"]).code, 2);
    assert_eq!(sandbox.roar(["filter", "add", "a[b"]).code, 2);
    assert!(!sandbox.path(".roar").exists());
    let _ = sandbox.roar(["filter", "add", "*.log"]).success();
    assert!(sandbox.path(".roar/config.toml").exists());
}

#[test]
fn outside_a_workspace_the_user_file_can_be_set() {
    let sandbox = sandbox();
    let _ = sandbox
        .roar(["config", "set", "--user", "run.dirty", "refuse"])
        .success();
    assert_eq!(
        sandbox.roar(["config", "get", "run.dirty"]).success().out(),
        "refuse"
    );
}

#[test]
fn a_broken_file_is_named_with_the_line() {
    let sandbox = workspace();
    sandbox.write(".roarconfig", "[run\n");
    assert_snapshot!(sandbox.roar(["config", "list"]), @r#"
    --- stderr
    error: '$SANDBOX/work/.roarconfig' is not valid TOML
    cause: TOML parse error at line 1, column 5
    cause:   |
    cause: 1 | [run
    cause:   |     ^
    cause: unclosed table, expected `]`
    hint: edit '$SANDBOX/work/.roarconfig', or move it away
    [exit 2]
    "#);
}

#[test]
fn a_slip_is_told_once_a_run_and_what_means_nothing_is_listed() {
    let sandbox = workspace()
        .with("ROAR_RUN_DIRTTY", "refuse")
        .with("ROAR_NOSUCH", "1");
    sandbox.write(".roarconfig", "[run]\ndirtty = 'refuse'\n[zzz]\nx = 1\n");
    let run = sandbox.roar(["run", "true"]).success().err();
    let told: Vec<_> = run
        .lines()
        .filter(|line| line.contains("no setting"))
        .collect();
    assert_eq!(told.len(), 1, "{run}");
    assert!(
        told[0]
            .ends_with("'run.dirtty', did you mean 'run.dirty'? (and 1 more: `roar config list`)"),
        "{run}"
    );
    assert_eq!(sandbox.roar(["run", "-q", "true"]).success().err(), "");
    let listed = sandbox.roar(["config", "list"]).success().err();
    for name in [
        "'run.dirtty'",
        "'zzz.x'",
        "'ROAR_RUN_DIRTTY'",
        "'ROAR_NOSUCH'",
    ] {
        assert!(listed.contains(name), "{listed}");
    }
}

#[test]
fn what_is_added_goes_below_the_comments_at_the_end() {
    let sandbox = workspace();
    let with = |before: &str, words: &[&str]| {
        sandbox.write(".roarconfig", before);
        let _ = sandbox.roar(words).success();
        String::from_utf8(sandbox.read(".roarconfig")).unwrap()
    };
    let color = ["config", "set", "--shared", "output.color", "never"];
    assert_eq!(
        with("[run]\ndirty = 'warn' # a\n# grace = 2\n", &color),
        "[run]\ndirty = 'warn' # a\n# grace = 2\n\n[output]\ncolor = \"never\"\n"
    );
    assert_eq!(
        with("# ours", &color),
        "# ours\n\n[output]\ncolor = \"never\"\n"
    );
    assert_eq!(
        with("[output]\npager = false\n# end\n", &color),
        "[output]\npager = false\ncolor = \"never\"\n# end\n"
    );
    let filter = ["filter", "add", "--shared", "*.tmp"];
    let filtered = with("[run]\ndirty = 'warn'\n# grace = 2\n", &filter);
    assert!(
        filtered.starts_with("[run]\ndirty = 'warn'\n# grace = 2\n\n[[filter]]\n"),
        "{filtered}"
    );
}

#[test]
fn a_variable_with_its_value_and_no_files_at_all_are_refused() {
    assert_snapshot!(workspace().roar(["config", "set", "environment.variables", "A=B"]), @r#"
    --- stderr
    error: 'environment.variables' cannot be 'A=B' (the command line): it takes names of variables such as SEED or MY_*, without values
    hint: `roar config list` shows every setting and what it is for
    [exit 2]
    "#);
    assert_snapshot!(workspace().roar(["config", "set", "dataset.min_files", "0"]), @r#"
    --- stderr
    error: 'dataset.min_files' cannot be '0' (the command line): it takes a whole number from 1 on
    hint: `roar config list` shows every setting and what it is for
    [exit 2]
    "#);
}

#[test]
fn a_file_keeps_its_line_ends_and_its_mark() {
    let sandbox = workspace();
    let set = |before: &str| {
        sandbox.write(".roar/config.toml", before);
        let _ = sandbox
            .roar(["config", "set", "gc.auto", "false"])
            .success();
        String::from_utf8(sandbox.read(".roar/config.toml")).unwrap()
    };
    assert_eq!(
        set("\u{feff}[run]\r\n# c\r\ndirty = \"record\"\r\n"),
        "\u{feff}[run]\r\n# c\r\ndirty = \"record\"\r\n\r\n[gc]\r\nauto = false\r\n"
    );
    assert_eq!(set("# c\n[gc]\n"), "# c\n[gc]\nauto = false\n");
}

#[test]
fn any_size_is_called_by_its_word() {
    let sandbox = workspace();
    let _ = sandbox
        .roar(["config", "set", "keep.total", "all"])
        .success();
    assert_eq!(
        sandbox
            .roar(["config", "get", "keep.total"])
            .success()
            .out(),
        "all"
    );
    let _ = sandbox
        .roar(["config", "set", "keep.total", "1k"])
        .success();
    assert_eq!(
        sandbox
            .roar(["config", "get", "keep.total"])
            .success()
            .out(),
        "1000"
    );
}

#[test]
fn a_file_that_is_no_text_is_told_as_one_that_is_no_toml() {
    let sandbox = workspace();
    sandbox.write(".roar/config.toml", b"[run]\n# \xff\n");
    assert_snapshot!(sandbox.roar(["config", "list"]), @r"
    --- stderr
    error: '$SANDBOX/work/.roar/config.toml' is not UTF-8
    cause: invalid utf-8 sequence of 1 bytes from index 8
    hint: edit '$SANDBOX/work/.roar/config.toml', or move it away
    [exit 2]
    ");
}

#[test]
fn a_file_that_is_kept_elsewhere_is_changed_there() {
    use std::os::unix::fs::PermissionsExt as _;
    let sandbox = sandbox();
    let config = sandbox.root().join("home/.config/roar/config.toml");
    let kept = sandbox.path("dotfiles/roar.toml");
    sandbox.write("dotfiles/roar.toml", "# mine\n");
    std::fs::set_permissions(&kept, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::create_dir_all(config.parent().unwrap()).unwrap();
    std::os::unix::fs::symlink("../../../work/dotfiles/roar.toml", &config).unwrap();
    let set = |grace: &str| sandbox.roar(["config", "set", "--user", "run.grace", grace]);
    let _ = set("4").success();
    assert!(std::fs::symlink_metadata(&config).unwrap().is_symlink());
    assert_eq!(
        sandbox.read("dotfiles/roar.toml"),
        b"# mine\n\n[run]\ngrace = 4\n"
    );
    let mode = std::fs::metadata(&kept).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    // The file that it leads to need not be there.
    std::fs::remove_file(&kept).unwrap();
    let _ = set("5").success();
    assert_eq!(sandbox.read("dotfiles/roar.toml"), b"[run]\ngrace = 5\n");
}

#[test]
fn those_who_change_settings_at_once_lose_nothing_of_each_other() {
    let sandbox = workspace();
    let settings = [
        "run.dirty=record",
        "run.grace=2",
        "gc.auto=false",
        "hash.cache=false",
        "lock.timeout=30",
        "keep.max_size=5",
    ];
    let sets = settings.map(|it| format!("roar config set {} &", it.replace('=', " ")));
    let filters = ["*.a", "*.b"].map(|it| format!("roar filter add '{it}' &"));
    let _ = sandbox
        .sh(&format!("{} {} wait", sets.concat(), filters.concat()))
        .success();
    let text = String::from_utf8(sandbox.read(".roar/config.toml")).unwrap();
    for setting in settings {
        let (name, _) = setting.split_once('=').unwrap();
        let name = name.split_once('.').unwrap().1;
        assert!(text.contains(&format!("{name} = ")), "{name}: {text}");
    }
    assert_eq!(text.matches("[[filter]]").count(), 2, "{text}");
}

#[test]
fn a_file_that_is_not_to_be_written_is_not() {
    use std::os::unix::fs::PermissionsExt as _;
    let sandbox = workspace();
    sandbox.write(".roar/config.toml", "# mine\n");
    let path = sandbox.path(".roar/config.toml");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o444)).unwrap();
    assert_eq!(sandbox.roar(["config", "set", "gc.auto", "false"]).code, 4);
    assert_eq!(sandbox.read(".roar/config.toml"), b"# mine\n");
}
