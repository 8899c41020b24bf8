//! `roar status`.

mod drift;

use crate::asked;
use crate::context::{Context, cache_in, snapshot_of};
use crate::error::CommandError;
use crate::ui::Ui;
use roar_graph::{Projection, Show, State};
use roar_probe::git::{self, GitState, Repository};
use roar_repo::filters::Filters;
use roar_repo::{Snapshot, Workspace};
use roar_secrets::Rules;
use roar_view::{Bytes, GitView, LogEntry, SCHEMA, StatusView, StepCounts};
use std::mem;
use std::os::unix::ffi::OsStrExt as _;
use std::process::ExitCode;

/// Tell how things stand: what is stale, and what was changed outside of roar
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  $ roar status
  $ roar status --json")]
pub(crate) struct Args {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(ui: &mut Ui, context: &Context, args: Args) -> Result<ExitCode, CommandError> {
    let workspace = context.workspace(ui)?;
    let snapshot = snapshot_of(ui, &workspace)?;
    let view = view(&workspace, &snapshot)?;
    if args.json {
        ui.view(&view)?;
    } else {
        ui.page();
        let text = roar_view::status_text(&view, &asked::clock(), ui.layout());
        ui.text(&text)?;
    }
    // The process ends now: it need not take apart what it knows of every job.
    mem::forget(snapshot);
    Ok(ExitCode::SUCCESS)
}

fn view(workspace: &Workspace, snapshot: &Snapshot) -> Result<StatusView, CommandError> {
    let projection = snapshot.projection()?;
    let latest = snapshot.records()?.len().checked_sub(1);
    let cache = cache_in(workspace.root());
    let filters = Filters::load(workspace.config())?.in_project(workspace.root());
    Ok(StatusView {
        schema: SCHEMA,
        project: Bytes(workspace.root().as_os_str().as_bytes().to_vec()),
        session: snapshot.session().to_owned(),
        head: snapshot.head()?.map(|id| id.to_string()),
        git: git_now(workspace),
        jobs: StepCounts::new(&projection),
        latest: latest.map(|record| LogEntry::new(&projection, record)),
        stale: stale(&projection),
        drift: drift::find(workspace.root(), &projection, &filters, &cache),
        notes: notes(workspace),
    })
}

/// Returns the stale steps, parents first.
fn stale(projection: &Projection<'_>) -> Vec<String> {
    let records = projection.history().records();
    let dag = projection.dag(Show::Stale);
    let stale = dag.nodes.iter().filter(|node| node.state == State::Stale);
    stale
        .map(|node| records[node.record].step.to_string())
        .collect()
}

fn git_now(workspace: &Workspace) -> Option<GitView> {
    match git::state(workspace.root()) {
        GitState::None => None,
        GitState::Broken { why } => Some(GitView {
            commit: None,
            branch: None,
            remote: None,
            dirty: false,
            tree: None,
            broken: Some(why),
        }),
        GitState::Repository(repository) => Some(of_repository(*repository)),
    }
}

fn of_repository(repository: Repository) -> GitView {
    GitView {
        commit: repository.commit,
        branch: repository.branch,
        remote: repository.remote.map(|url| without_secrets(&url)),
        dirty: repository.dirty,
        tree: None,
        broken: None,
    }
}

/// A remote may carry a password. What stands in its place is not kept, so any key will do.
fn without_secrets(url: &str) -> String {
    let rules = Rules::standard([0; 32]);
    String::from_utf8_lossy(&rules.scrub_url(url.as_bytes()).bytes).into_owned()
}

fn notes(workspace: &Workspace) -> Vec<String> {
    let unknown = workspace.config().unknown().into_iter();
    unknown
        .map(|(name, file)| format!("'{}' knows no setting '{name}'", file.display()))
        .collect()
}
