//! Every layout a repository comes in, made by the real git.
#![expect(clippy::unwrap_used, reason = "tests may panic")]

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::*;

/// A scratch directory and a git that knows no configuration but its own.
struct Bench {
    root: TempDir,
}

impl Bench {
    fn new() -> Self {
        Self {
            root: TempDir::new().unwrap(),
        }
    }

    fn path(&self) -> PathBuf {
        fs::canonicalize(self.root.path()).unwrap()
    }

    /// A repository with one commit holding `a`, `b/c` and a link.
    fn committed(&self) -> PathBuf {
        let directory = self.path().join("repo");
        fs::create_dir(&directory).unwrap();
        git(&directory, &["init", "-q", "-b", "main"]);
        write(&directory, "a", "one\n");
        write(&directory, "b/c", "two\n");
        symlink("a", directory.join("link")).unwrap();
        git(&directory, &["add", "-A"]);
        git(&directory, &["commit", "-q", "-m", "first"]);
        directory
    }
}

fn git(directory: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .args([
            "-c",
            "user.name=t",
            "-c",
            "user.email=t@t",
            "-c",
            "protocol.file.allow=always",
        ])
        .args(arguments)
        .current_dir(directory)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .output()
        .unwrap();
    assert!(output.status.success(), "git {arguments:?}: {output:?}");
    String::from_utf8_lossy(&output.stdout)
        .trim_end()
        .to_owned()
}

fn write(directory: &Path, name: &str, text: &str) {
    let path = directory.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn repository(directory: &Path) -> Repository {
    match state(directory) {
        GitState::Repository(repository) => *repository,
        other => panic!("{other:?}"),
    }
}

fn why_broken(directory: &Path) -> String {
    match state(directory) {
        GitState::Broken { why } => why,
        other => panic!("{other:?}"),
    }
}

fn names(list: &[&str]) -> Vec<Vec<u8>> {
    list.iter().map(|name| name.as_bytes().to_vec()).collect()
}

#[test]
fn no_repository_is_none() {
    let bench = Bench::new();
    assert_eq!(state(&bench.path()), GitState::None);
}

#[test]
fn a_clean_repository_says_commit_branch_and_remote() {
    let bench = Bench::new();
    let directory = bench.committed();
    git(
        &directory,
        &["remote", "add", "origin", "https://u:p@h/r.git"],
    );
    let seen = repository(&directory.join("b"));
    assert_eq!(seen.toplevel, directory);
    assert_eq!(seen.git_dir, directory.join(".git"));
    assert_eq!(seen.commit, Some(git(&directory, &["rev-parse", "HEAD"])));
    assert_eq!(seen.branch.as_deref(), Some("main"));
    assert_eq!(seen.remote.as_deref(), Some("https://u:p@h/r.git"));
    assert!(!seen.dirty && !seen.worktree && seen.changed.is_empty());
    assert_eq!(seen.untracked, Untracked::default());
}

#[test]
fn changes_are_listed_by_their_bytes() {
    let bench = Bench::new();
    let directory = bench.committed();
    write(&directory, "a", "changed\n");
    fs::remove_file(directory.join("b/c")).unwrap();
    let odd = std::ffi::OsStr::from_bytes(b"new\nline \xff");
    fs::write(directory.join(odd), "x").unwrap();
    let seen = repository(&directory);
    assert!(seen.dirty);
    assert_eq!(seen.changed, names(&["a", "b/c"]));
    assert_eq!(seen.untracked.listed, vec![b"new\nline \xff".to_vec()]);
}

#[test]
fn untracked_files_alone_are_counted_but_not_dirt() {
    let bench = Bench::new();
    let directory = bench.committed();
    for number in 0..300 {
        write(&directory, &format!("u{number}"), "");
    }
    write(&directory, "dir/x", "");
    let seen = repository(&directory);
    assert!(!seen.dirty);
    assert_eq!(seen.untracked.count, 301);
    assert_eq!(seen.untracked.listed.len(), UNTRACKED_LISTED);
    assert_eq!(seen.untracked.listed[0], b"dir/");
}

#[test]
fn before_the_first_commit_there_is_a_branch_and_no_commit() {
    let bench = Bench::new();
    git(&bench.path(), &["init", "-q", "-b", "trunk"]);
    let seen = repository(&bench.path());
    assert_eq!((seen.commit, seen.branch.as_deref()), (None, Some("trunk")));
}

#[test]
fn a_detached_head_has_no_branch() {
    let bench = Bench::new();
    let directory = bench.committed();
    git(&directory, &["checkout", "-q", "--detach"]);
    let seen = repository(&directory);
    assert_eq!(seen.branch, None);
    assert!(seen.commit.is_some());
}

#[test]
fn a_linked_work_tree_is_its_own_top_level() {
    let bench = Bench::new();
    let directory = bench.committed();
    git(&directory, &["remote", "add", "origin", "git@h:r"]);
    let linked = bench.path().join("linked");
    git(
        &directory,
        &[
            "worktree",
            "add",
            "-q",
            "-b",
            "side",
            linked.to_str().unwrap(),
        ],
    );
    write(&linked, "a", "changed");
    let seen = repository(&linked);
    assert!(seen.worktree && seen.dirty);
    assert_eq!(seen.toplevel, linked);
    assert_eq!(seen.git_dir, directory.join(".git/worktrees/linked"));
    assert_eq!(seen.remote.as_deref(), Some("git@h:r"));
    let tree = snapshot_tracked(&seen).unwrap();
    assert_eq!(
        git(&directory, &["cat-file", "-p", &format!("{tree}:a")]),
        "changed"
    );
}

#[test]
fn a_submodule_is_a_repository_and_its_parent_names_its_commit() {
    let bench = Bench::new();
    let inner = bench.committed();
    let outer = bench.path().join("outer");
    fs::create_dir(&outer).unwrap();
    git(&outer, &["init", "-q"]);
    git(
        &outer,
        &[
            "submodule",
            "--quiet",
            "add",
            inner.to_str().unwrap(),
            "sub",
        ],
    );
    git(&outer, &["commit", "-q", "-m", "sub"]);
    let commit = git(&inner, &["rev-parse", "HEAD"]);
    let expected = Submodule {
        path: b"sub".to_vec(),
        commit: Some(commit),
        dirty: Some(false),
        changed: Vec::new(),
        untracked: Untracked::default(),
    };
    assert_eq!(repository(&outer).submodules, vec![expected]);
    assert_eq!(repository(&outer.join("sub")).toplevel, outer.join("sub"));

    write(&outer, "sub/a", "changed");
    let seen = repository(&outer);
    assert!(seen.dirty && seen.changed.is_empty());
    assert_eq!(seen.submodules[0].dirty, Some(true));

    git(&outer.join("sub"), &["commit", "-q", "-a", "-m", "second"]);
    let seen = repository(&outer);
    assert_eq!(seen.changed, names(&["sub"]));
    let tree = snapshot_tracked(&seen).unwrap();
    let pinned = git(&outer, &["rev-parse", &format!("{tree}:sub")]);
    assert_eq!(Some(pinned), seen.submodules[0].commit);
}

/// Makes a repository with a submodule `sub` that itself has one, `in ner`.
fn nested(bench: &Bench) -> PathBuf {
    let innermost = bench.committed();
    let make = |name: &str, of: &Path, at: &str| {
        let directory = bench.path().join(name);
        fs::create_dir(&directory).unwrap();
        git(&directory, &["init", "-q"]);
        write(&directory, "own", name);
        git(&directory, &["add", "own"]);
        let add = ["submodule", "--quiet", "add", of.to_str().unwrap(), at];
        git(&directory, &add);
        git(&directory, &["commit", "-q", "-m", "sub"]);
        directory
    };
    let middle = make("middle", &innermost, "in ner");
    let outer = make("outer", &middle, "sub");
    git(
        &outer,
        &["submodule", "--quiet", "update", "--init", "--recursive"],
    );
    outer
}

#[test]
fn what_no_commit_holds_of_submodules_is_kept_in_them() {
    let bench = Bench::new();
    let outer = nested(&bench);
    write(&outer, "sub/own", "changed");
    write(&outer, "sub/in ner/a", "changed too");
    write(&outer, "sub/in ner/u/new", "untracked");
    let seen = repository(&outer);
    let changed: Vec<_> = seen.all_changed().cloned().collect();
    assert!(seen.dirty && seen.changed.is_empty());
    assert_eq!(changed, names(&["sub/own", "sub/in ner/a"]));
    let untracked: Vec<_> = seen.all_untracked().cloned().collect();
    assert_eq!(untracked, names(&["sub/in ner/u/"]));

    let tree = snapshot_tracked(&seen).unwrap();
    assert_eq!(tree, snapshot_tracked(&repository(&outer)).unwrap());
    let held = |tree: &str| {
        let sub = git(&outer, &["rev-parse", &format!("{tree}:sub")]);
        let inner = git(&outer.join("sub"), &["rev-parse", &format!("{sub}:in ner")]);
        (sub, inner)
    };
    let (sub, inner) = held(&tree);
    let at = |directory: &str, name: String| git(&outer.join(directory), &["show", &name]);
    assert_eq!(at("sub", format!("{sub}:own")), "changed");
    assert_eq!(at("sub/in ner", format!("{inner}:a")), "changed too");
    assert_eq!(at("sub/in ner", format!("{inner}:b/c")), "two");
    let parent = git(&outer.join("sub"), &["rev-parse", &format!("{sub}^")]);
    assert_eq!(Some(parent), seen.submodules[0].commit);

    let more = extend(&seen, Some(&tree), &names(&["sub/in ner/u/new"])).unwrap();
    let (_, inner) = held(&more);
    assert_eq!(at("sub/in ner", format!("{inner}:u/new")), "untracked");
    assert_eq!(at("sub/in ner", format!("{inner}:a")), "changed too");
    git(&outer.join("sub/in ner"), &["gc", "-q", "--prune=now"]);
    assert_eq!(at("sub/in ner", format!("{inner}:u/new")), "untracked");
    assert!(git(&outer.join("sub"), &["status", "--porcelain", "own"]).contains('M'));
}

#[test]
fn an_untracked_file_in_a_clean_submodule_can_be_kept() {
    let bench = Bench::new();
    let outer = nested(&bench);
    write(&outer, "sub/u.py", "untracked");
    let seen = repository(&outer);
    assert!(!seen.dirty);
    let tree = extend(&seen, seen.commit.as_deref(), &names(&["sub/u.py"])).unwrap();
    let sub = git(&outer, &["rev-parse", &format!("{tree}:sub")]);
    let sub = |name: &str| git(&outer.join("sub"), &["show", &format!("{sub}:{name}")]);
    assert_eq!(
        (sub("u.py").as_str(), sub("own").as_str()),
        ("untracked", "middle")
    );
    assert_eq!(git(&outer, &["show", &format!("{tree}:own")]), "outer");
}

#[test]
fn a_merge_in_progress_is_recorded_with_its_conflict() {
    let bench = Bench::new();
    let directory = bench.committed();
    git(&directory, &["checkout", "-q", "-b", "side"]);
    write(&directory, "a", "side\n");
    git(&directory, &["commit", "-q", "-a", "-m", "side"]);
    git(&directory, &["checkout", "-q", "main"]);
    write(&directory, "a", "main\n");
    git(&directory, &["commit", "-q", "-a", "-m", "main"]);
    let merge = Command::new("git")
        .args(["merge", "-q", "side"])
        .current_dir(&directory)
        .output();
    assert!(
        !merge.unwrap().status.success(),
        "the merge should conflict"
    );
    let seen = repository(&directory);
    assert_eq!(seen.in_progress, Some("merge"));
    assert_eq!(seen.changed, names(&["a"]));
    let tree = snapshot_tracked(&seen).unwrap();
    let kept = git(&directory, &["cat-file", "-p", &format!("{tree}:a")]);
    assert!(kept.contains("<<<<<<<"), "{kept}");
}

#[test]
fn a_held_index_lock_stops_neither_state_nor_snapshot() {
    let bench = Bench::new();
    let directory = bench.committed();
    write(&directory, "a", "changed");
    write(&directory, ".git/index.lock", "");
    let seen = repository(&directory);
    assert!(seen.dirty);
    snapshot_tracked(&seen).unwrap();
}

#[test]
fn damage_is_broken_and_says_where() {
    let bench = Bench::new();
    let directory = bench.committed();
    write(&directory, ".git/HEAD", "nonsense\n");
    assert!(
        why_broken(&directory).contains("not a git repository"),
        "{}",
        why_broken(&directory)
    );
    fs::remove_file(directory.join(".git/HEAD")).unwrap();
    assert!(
        why_broken(&directory).ends_with("'/repo/.git' has no HEAD")
            || why_broken(&directory).contains("has no HEAD")
    );
    fs::remove_dir_all(directory.join(".git")).unwrap();
    write(&directory, ".git", "gitdir: ../gone\n");
    assert!(
        why_broken(&directory).contains("../gone"),
        "{}",
        why_broken(&directory)
    );
}

#[test]
fn a_bare_repository_is_broken_for_want_of_a_work_tree() {
    let bench = Bench::new();
    git(&bench.path(), &["init", "-q", "--bare", "bare.git"]);
    assert!(why_broken(&bench.path().join("bare.git")).contains("without a work tree"));
}

#[test]
fn a_damaged_configuration_is_reported_in_gits_words() {
    let bench = Bench::new();
    let directory = bench.committed();
    write(&directory, ".git/config", "[core\n");
    assert!(
        why_broken(&directory).contains("bad config line 1"),
        "{}",
        why_broken(&directory)
    );
}

#[test]
fn without_git_a_repository_is_broken_and_nothing_is_none() {
    let bench = Bench::new();
    let missing = Git::at(bench.path().join("no-such-git"));
    assert_eq!(
        state_by(&missing, &bench.path(), &Told::default()),
        GitState::None
    );
    let directory = bench.committed();
    let why = "git is not installed".to_owned();
    let seen = state_by(&missing, &directory, &Told::default());
    assert_eq!(seen, GitState::Broken { why });
}

#[test]
fn a_configuration_that_includes_others_is_left_to_git() {
    let bench = Bench::new();
    let directory = bench.committed();
    write(
        &directory,
        ".git/more",
        "[remote \"origin\"]\nurl = https://h/included\n",
    );
    git(&directory, &["config", "include.path", "more"]);
    assert_eq!(
        repository(&directory).remote.as_deref(),
        Some("https://h/included")
    );
}

#[test]
fn neither_monitors_nor_hooks_nor_filters_of_a_repository_run() {
    let bench = Bench::new();
    let directory = bench.committed();
    let trap = bench.path().join("trap");
    let mark = bench.path().join("sprung");
    write(
        &bench.path(),
        "trap",
        &format!("#!/bin/sh\necho $0 $* >> {}\ncat\n", mark.display()),
    );
    fs::set_permissions(&trap, fs::Permissions::from_mode(0o755)).unwrap();
    for hook in [
        "post-index-change",
        "reference-transaction",
        "fsmonitor-watchman",
    ] {
        fs::copy(&trap, directory.join(".git/hooks").join(hook)).unwrap();
    }
    let trap = trap.to_str().unwrap();
    git(&directory, &["config", "core.fsmonitor", trap]);
    write(&directory, "a", "changed\r\n");
    let seen = repository(&directory);
    write(&directory, ".gitattributes", "* filter=trap text\n");
    git(&directory, &["config", "filter.trap.clean", trap]);
    let _ = fs::remove_file(&mark);
    let tree = snapshot_tracked(&seen).unwrap();
    extend(&seen, Some(&tree), &names(&[".gitattributes"])).unwrap();
    assert_eq!(fs::read_to_string(&mark).unwrap_or_default(), "");
    let blob = Command::new("git")
        .args(["cat-file", "blob", &format!("{tree}:a")])
        .current_dir(&directory)
        .output();
    assert_eq!(blob.unwrap().stdout, b"changed\r\n");
}

/// Leaves `mode path|` of each entry of `ls-tree -z`.
fn modes_and_paths(listing: &str) -> String {
    let line = |entry: &str| {
        let (fields, path) = entry.split_once('\t').unwrap();
        format!("{} {path}|", &fields[..6])
    };
    listing.split_terminator('\0').map(line).collect()
}

/// Everything a person would notice: index bytes, status, stash, HEAD, files.
fn noticeable(directory: &Path) -> (Vec<u8>, String, String, String, Vec<String>) {
    let mut entries: Vec<String> = fs::read_dir(directory.join(".git"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    entries.sort();
    (
        fs::read(directory.join(".git/index")).unwrap(),
        git(
            directory,
            &[
                "--no-optional-locks",
                "status",
                "--porcelain=v2",
                "--branch",
            ],
        ),
        git(directory, &["stash", "list"]),
        git(directory, &["rev-parse", "HEAD"]),
        entries,
    )
}

#[test]
fn a_snapshot_holds_the_work_tree_and_disturbs_nothing() {
    let bench = Bench::new();
    let directory = bench.committed();
    write(&directory, "stashed", "s");
    git(&directory, &["stash", "-q", "-u"]);
    write(&directory, "a", "work tree\n");
    write(&directory, "staged", "then changed again\n");
    git(&directory, &["add", "staged"]);
    write(&directory, "staged", "as it lies\n");
    fs::remove_file(directory.join("b/c")).unwrap();
    fs::remove_file(directory.join("link")).unwrap();
    symlink("elsewhere", directory.join("link")).unwrap();
    write(&directory, "tool.py", "code\n");
    fs::set_permissions(directory.join("tool.py"), fs::Permissions::from_mode(0o755)).unwrap();
    write(&directory, "\"quoted\"", "q\n");
    fs::write(directory.join("new\nline\r"), "n\n").unwrap();

    let before = noticeable(&directory);
    let seen = repository(&directory);
    let tracked = snapshot_tracked(&seen).unwrap();
    let extra = names(&["tool.py", "\"quoted\"", "new\nline\r", "gone"]);
    let full = extend(&seen, Some(&tracked), &extra).unwrap();
    let mut after = noticeable(&directory);
    after.4.retain(|name| name != "objects");
    assert_eq!(
        after.4,
        before
            .4
            .iter()
            .filter(|name| *name != "objects")
            .cloned()
            .collect::<Vec<_>>()
    );
    assert_eq!(
        (&before.0, &before.1, &before.2, &before.3),
        (&after.0, &after.1, &after.2, &after.3)
    );

    git(&directory, &["gc", "-q", "--prune=now"]);
    git(&directory, &["fsck", "--strict"]);
    git(&directory, &["log", "--all", "--oneline"]);
    let list = |tree: &str| modes_and_paths(&git(&directory, &["ls-tree", "-r", "-z", tree]));
    assert_eq!(list(&tracked), "100644 a|120000 link|100644 staged|");
    assert_eq!(
        list(&full),
        "100644 \"quoted\"|100644 a|120000 link|100644 new\nline\r|100644 staged|100755 tool.py|"
    );
    let text = |path: &str| git(&directory, &["cat-file", "-p", &format!("{full}:{path}")]);
    assert_eq!(
        (text("a"), text("staged"), text("link")),
        ("work tree".into(), "as it lies".into(), "elsewhere".into())
    );
}

#[test]
fn a_file_taken_out_of_the_index_stays_out_of_the_snapshot() {
    let bench = Bench::new();
    let directory = bench.committed();
    git(&directory, &["rm", "-q", "--cached", "a"]);
    let tree = snapshot_tracked(&repository(&directory)).unwrap();
    assert_eq!(
        git(&directory, &["ls-tree", "-r", "--name-only", &tree]),
        "b/c\nlink"
    );
}

#[test]
fn before_the_first_commit_a_snapshot_still_works() {
    let bench = Bench::new();
    git(&bench.path(), &["init", "-q"]);
    write(&bench.path(), "x", "x");
    let seen = repository(&bench.path());
    let empty = snapshot_tracked(&seen).unwrap();
    assert_eq!(empty, "4b825dc642cb6eb9a060e54bf8d69288fbee4904");
    let tree = extend(&seen, None, &names(&["x"])).unwrap();
    assert_eq!(git(&bench.path(), &["ls-tree", "--name-only", &tree]), "x");
}

#[test]
fn a_sha256_repository_works_alike() {
    let bench = Bench::new();
    git(&bench.path(), &["init", "-q", "--object-format=sha256"]);
    write(&bench.path(), "x", "x");
    git(&bench.path(), &["add", "x"]);
    git(&bench.path(), &["commit", "-q", "-m", "x"]);
    fs::remove_file(bench.path().join("x")).unwrap();
    let seen = repository(&bench.path());
    assert_eq!(seen.commit.as_ref().unwrap().len(), 64);
    assert_eq!(snapshot_tracked(&seen).unwrap().len(), 64);
}

#[test]
fn paths_outside_the_work_tree_are_refused() {
    let bench = Bench::new();
    let directory = bench.committed();
    symlink("/etc", directory.join("out")).unwrap();
    let seen = repository(&directory);
    for path in [
        "../x",
        "/etc/passwd",
        "b/../../x",
        ".git/config",
        "b/.GIT/x",
        "",
        "out/passwd",
    ] {
        let result = extend(&seen, None, &names(&[path]));
        assert!(
            matches!(result, Err(SnapshotError::Outside { .. })),
            "{path}: {result:?}"
        );
    }
    let base = extend(&seen, Some("--help"), &[]);
    assert!(matches!(base, Err(SnapshotError::BadBase { .. })));
}

#[test]
fn a_repository_elsewhere_is_the_one_that_variables_name() {
    let bench = Bench::new();
    let directory = bench.committed();
    let away = bench.path().join("away.git");
    fs::rename(directory.join(".git"), &away).unwrap();
    assert_eq!(state(&directory), GitState::None);

    let told = Told {
        git_dir: Some("../away.git".into()),
        work_tree: None,
    };
    write(&directory, "a", "changed\n");
    write(&directory, "b/new", "untracked\n");
    let GitState::Repository(seen) = state_told(&directory, &told) else {
        panic!("it is there");
    };
    assert_eq!((&seen.toplevel, &seen.git_dir), (&directory, &away));
    assert_eq!(seen.changed, names(&["a"]));
    let tree = snapshot_tracked(&seen).unwrap();
    let tree = extend(&seen, Some(&tree), &names(&["b/new"])).unwrap();
    let show = |name: &str| git(&away, &["show", &format!("{tree}:{name}")]);
    assert_eq!(
        (show("a").as_str(), show("b/new").as_str()),
        ("changed", "untracked")
    );

    let below = Told {
        git_dir: Some(away.clone()),
        work_tree: Some("..".into()),
    };
    let GitState::Repository(seen) = state_told(&directory.join("b"), &below) else {
        panic!("it is there");
    };
    assert_eq!(seen.toplevel, directory);
    assert_eq!(seen.changed, names(&["a"]));
    let nowhere = Told {
        git_dir: Some("nowhere".into()),
        work_tree: None,
    };
    assert!(matches!(
        state_told(&directory, &nowhere),
        GitState::Broken { .. }
    ));
}

#[test]
fn variables_can_name_the_work_tree_alone() {
    let bench = Bench::new();
    let directory = bench.committed();
    let copy = bench.path().join("copy");
    fs::create_dir(&copy).unwrap();
    write(&copy, "a", "one\n");
    let told = Told {
        git_dir: None,
        work_tree: Some(copy.clone()),
    };
    let GitState::Repository(seen) = state_told(&directory, &told) else {
        panic!("it is there");
    };
    assert_eq!(seen.toplevel, copy);
    assert_eq!(seen.changed, names(&["b/c", "link"]));
}
