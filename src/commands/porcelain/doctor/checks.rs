//! What is looked at, one function each.

use super::Check;
use crate::asked;
use crate::context::Context;
use crate::error::{CommandError, with_causes};
use crate::strays;
use roar_probe::git::{self, GitState};
use roar_repo::Workspace;
use roar_repo::config::KEYS;
use roar_repo::filters::Filters;
use roar_store::{Severity, Store};
use roar_trace::Backend;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Looks at everything, what matters most first.
pub(super) fn all(context: &Context) -> Vec<Check> {
    let mut checks = vec![kernel()];
    checks.extend(watching());
    checks.push(notes(context));
    checks.push(git_program());
    checks.push(repository(context.directory()));
    checks.push(settings(context));
    let found = context.find_workspace();
    match found {
        Ok(Some(workspace)) => checks.extend(of_workspace(&workspace)),
        Ok(None) => checks.push(no_workspace(context.directory())),
        Err(err) => checks.push(broken(CommandError::from(err))),
    }
    checks
}

fn kernel() -> Check {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let release = release.trim();
    match release
        .split('.')
        .next()
        .and_then(|major| major.parse::<u32>().ok())
    {
        Some(major) if major >= 5 => Check::good("kernel", format!("Linux {release}")),
        Some(_) => Check::notable("kernel", format!("Linux {release} is older than 5.5"))
            .hint("commands can still be watched by ptrace, at a higher cost"),
        None => Check::bad("kernel", "'/proc' cannot be read")
            .hint("mount it: roar reads it while it watches"),
    }
}

/// Whether programs can be given the library with which they note themselves what they read.
fn notes(context: &Context) -> Check {
    let config = context.config();
    if config.is_ok_and(|it| it.word("tracer.accelerate").is_ok_and(|word| word == "off")) {
        return Check::good("notes", "off: programs are only watched from outside");
    }
    let Some(place) = roar_record::library_place(context.around().cache.as_deref()) else {
        return Check::notable("notes", "there is no directory for the library of programs")
            .hint("set HOME or XDG_CACHE_HOME; until then watching takes longer");
    };
    match roar_preload::install(place) {
        Ok(_) => Check::good("notes", "programs note themselves what they only read"),
        Err(err) => Check::notable("notes", with_causes(&err))
            .hint("programs are only watched from outside, which takes longer"),
    }
}

/// Watches a known command in every way; one way that works is enough.
fn watching() -> Vec<Check> {
    let scratch = env::temp_dir().join(format!("roar-doctor-{}", std::process::id()));
    if let Err(err) = fs::create_dir_all(&scratch) {
        let detail = format!("cannot make '{}': {err}", scratch.display());
        return vec![
            Check::bad("watching", detail).hint("set TMPDIR to a directory that can be written to"),
        ];
    }
    let tried: Vec<(Backend, Result<(), String>)> = Backend::ALL
        .into_iter()
        .map(|backend| (backend, try_out(backend, &scratch)))
        .collect();
    // Nothing of value is in it.
    let _ = fs::remove_dir_all(&scratch);
    let any = tried.iter().any(|(_, result)| result.is_ok());
    tried
        .into_iter()
        .map(|(backend, result)| judged(backend, result, any))
        .collect()
}

fn try_out(backend: Backend, scratch: &Path) -> Result<(), String> {
    match roar_trace::check(backend, scratch) {
        Ok(report) if report.is_good() => Ok(()),
        Ok(report) if report.reasons.is_empty() => Err(format!(
            "a known command was not seen whole (executed: {}, read: {}, written: {})",
            report.exec, report.read, report.write
        )),
        Ok(report) => Err(report.reasons.join("; ")),
        Err(err) => Err(with_causes(&err)),
    }
}

fn judged(backend: Backend, result: Result<(), String>, any: bool) -> Check {
    let name = backend.name();
    match result {
        Ok(()) => Check::good(
            "watching",
            format!("{name}: a known command was seen whole"),
        ),
        Err(why) if any => Check::notable("watching", format!("{name}: {why}")),
        Err(why) => Check::bad("watching", format!("{name}: {why}")).hint(
            "in a container, allow one of: seccomp user notification, ptrace \
             (docker: `--cap-add SYS_PTRACE` or `--security-opt seccomp=unconfined`)",
        ),
    }
}

fn git_program() -> Check {
    match Command::new("git").arg("--version").output() {
        Ok(output) if output.status.success() => {
            let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
            Check::good("git", version)
        }
        Ok(output) => Check::notable(
            "git",
            format!("`git --version` ended with {}", output.status),
        ),
        Err(_) => Check::notable("git", "there is no git")
            .hint("install it, and runs record the state of the code"),
    }
}

fn repository(directory: &Path) -> Check {
    match git::state(directory) {
        GitState::None => Check::notable("code", "this is no git repository")
            .hint("`git init`, and runs record the state of the code"),
        GitState::Broken { why } => Check::bad("code", why),
        GitState::Repository(it) => {
            let branch = it.branch.as_deref().unwrap_or("no branch");
            let commit = it.commit.as_deref();
            let commit = commit.map_or("no commit yet", |id| id.get(..12).unwrap_or(id));
            Check::good("code", format!("git: {branch}, {commit}"))
        }
    }
}

/// Asks for every setting, for a wrong value is an error only where it is used.
fn settings(context: &Context) -> Check {
    let config = match context.config() {
        Ok(config) => config,
        Err(err) => return broken_settings(&err),
    };
    let wrong = KEYS.iter().find_map(|key| config.get(key).err());
    if let Some(err) = wrong {
        return Check::bad("settings", err.to_string())
            .hint("`roar config list` shows what each takes");
    }
    if let Err(err) = Filters::load(&config) {
        return Check::bad("settings", err.to_string()).hint("`roar filter list` shows the rules");
    }
    let strays = strays::all(&config);
    if strays.is_empty() {
        return Check::good("settings", "every value can be used");
    }
    let strays: Vec<String> = strays.iter().map(ToString::to_string).collect();
    Check::notable("settings", strays.join("; ")).hint("`roar config list` shows every setting")
}

fn broken_settings(err: &CommandError) -> Check {
    let check = Check::bad("settings", err.lines().join(": "));
    match err.hints().first() {
        Some(hint) => check.hint(hint),
        None => check,
    }
}

fn no_workspace(directory: &Path) -> Check {
    let here = directory.display();
    Check::notable(
        "workspace",
        format!("there is none in '{here}' or above it"),
    )
    .hint("`roar run COMMAND` makes one")
}

fn broken(err: CommandError) -> Check {
    let check = Check::bad("workspace", err.lines().join(": "));
    match err.hints().first() {
        Some(hint) => check.hint(hint),
        None => check,
    }
}

fn of_workspace(workspace: &Workspace) -> Vec<Check> {
    let mut checks = vec![writable(workspace)];
    if let Some(found) = workspace.store() {
        checks.push(store(found));
    }
    checks.push(runs(workspace));
    checks.push(disk(workspace.root()));
    checks.push(clock(workspace));
    checks
}

fn writable(workspace: &Workspace) -> Check {
    let root = workspace.root().display();
    let probe = probe_file(workspace);
    match fs::write(&probe, b"") {
        Ok(()) => {
            let _ = fs::remove_file(&probe);
            Check::good("workspace", format!("'{root}'"))
        }
        Err(err) => Check::bad(
            "workspace",
            format!("'{root}/.roar' cannot be written to: {err}"),
        )
        .hint("make it yours to write; until then runs are kept in your state folder"),
    }
}

fn probe_file(workspace: &Workspace) -> PathBuf {
    workspace
        .dot()
        .join(format!("doctor-{}", std::process::id()))
}

fn store(store: &Store) -> Check {
    let report = match roar_store::fsck(store, roar_store::Options { full: false }) {
        Ok(report) => report,
        Err(err) => return broken_store(&with_causes(&err)),
    };
    let worst = report
        .findings
        .iter()
        .max_by_key(|finding| finding.severity);
    match worst {
        Some(finding) if finding.severity == Severity::Error => {
            broken_store(&format!("{}: {}", finding.subject, finding.text))
        }
        _ => {
            let objects = roar_view::count(report.counts.total(), "object");
            let bytes = roar_view::size(report.counts.journal_bytes + report.counts.sled_bytes);
            Check::good("store", format!("{objects}, {bytes}"))
        }
    }
}

fn broken_store(detail: &str) -> Check {
    Check::bad("store", detail)
        .hint("`roar fsck` lists all that is wrong; `--rebuild` makes indexes anew")
}

fn runs(workspace: &Workspace) -> Check {
    if roar_record::has_leftovers(workspace) {
        return Check::notable("runs", "some earlier ones are not recorded yet")
            .hint("the next question takes them in, such as `roar log`");
    }
    let elsewhere = roar_record::leftovers_elsewhere(workspace);
    match elsewhere.runs {
        0 => Check::good("runs", "all are recorded"),
        runs => runs_elsewhere(&elsewhere, runs as u64),
    }
}

/// Other workspaces' runs are nothing that this one can put right.
fn runs_elsewhere(elsewhere: &roar_record::Elsewhere, runs: u64) -> Check {
    let (runs, place) = (roar_view::count(runs, "run"), elsewhere.place.display());
    let check = Check::good(
        "runs",
        format!("all are recorded; {runs} of other projects in '{place}'"),
    );
    match elsewhere.orphans {
        0 => check.hint("a roar command in those projects takes them in"),
        gone => check.hint(format!(
            "a roar command in those projects takes them in; of {} the project is gone",
            roar_view::count(gone as u64, "run")
        )),
    }
}

fn disk(root: &Path) -> Check {
    const LITTLE: u64 = 100 << 20;
    let Ok(stat) = nix::sys::statvfs::statvfs(root) else {
        return Check::notable("disk", "it does not say how full it is");
    };
    let free = stat.blocks_available().saturating_mul(stat.fragment_size());
    let detail = format!("{} free", roar_view::size(free));
    if free < LITTLE {
        return Check::bad("disk", detail)
            .hint("make room: runs can only be recorded where there is some");
    }
    Check::good("disk", detail)
}

/// A clock that runs before what was recorded earlier would tell the order wrong.
fn clock(workspace: &Workspace) -> Check {
    let now = asked::now_ns();
    let snapshot = workspace.snapshot();
    let records = snapshot.as_ref().ok().and_then(|it| it.records().ok());
    let latest = records.and_then(|records| records.iter().map(|it| it.started_ns).max());
    match latest {
        Some(latest) if latest > now => Check::notable("clock", "it shows a time before the latest job began")
            .hint("set it; the order of jobs is kept by number, so nothing is wrong with what is recorded"),
        _ => Check::good("clock", "it agrees with what is recorded"),
    }
}
