//! `roar why`.

use crate::asked;
use crate::commands::plumbing::hash_object::cannot_name;
use crate::context::{Context, snapshot_of};
use crate::error::{CommandError, Fault};
use crate::ui::Ui;
use roar_content::Named;
use roar_repo::{Snapshot, Workspace, names};
use roar_view::WhyView;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Tell what made the bytes of a file, wherever it lies
///
/// Names the file by its content and looks for that: a copy, or a file that was moved or renamed,
/// is known all the same. Asks the workspace that you are in, else the one that the file is in. Exit
/// code 3 if no recorded job wrote or read such bytes.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  $ roar why model.pkl
  $ roar why ~/Downloads/model-copy.pkl")]
pub(crate) struct Args {
    /// The file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(ui: &mut Ui, context: &Context, args: Args) -> Result<ExitCode, CommandError> {
    let path = context.directory().join(&args.file);
    let named = roar_content::name_file(&path).map_err(|mut err| {
        err.path.clone_from(&args.file);
        cannot_name(err)
    })?;
    let view = match snapshot(ui, context, &path)? {
        Some(snapshot) => known(ui, context, &snapshot, &args.file, &named)?,
        None => {
            ui.note("there is no workspace here, nor where the file is");
            let nothing = roar_graph::project(&[]);
            let shown = names::absolute(context.directory(), &args.file);
            let shown = shown.as_os_str().as_bytes();
            WhyView::new(&nothing, shown, None, named.id, named.size)
        }
    };
    print(ui, args.json, &view)?;
    let code = if view.known {
        0
    } else {
        Fault::NotFound.code()
    };
    Ok(ExitCode::from(code))
}

fn snapshot(ui: &Ui, context: &Context, path: &Path) -> Result<Option<Snapshot>, CommandError> {
    let beside = || {
        let directory = path.parent().unwrap_or(path);
        Workspace::discover(directory, context.around())
    };
    let found = match context.find_workspace()? {
        Some(workspace) => Some(workspace),
        None => beside()?,
    };
    let Some(workspace) = found else {
        return Ok(None);
    };
    crate::leftovers::take_in(ui, &workspace);
    Ok(Some(snapshot_of(ui, &workspace)?))
}

/// Asks the workspace's own session, and if that does not know, the others.
fn known(
    ui: &Ui,
    context: &Context,
    snapshot: &Snapshot,
    file: &Path,
    named: &Named,
) -> Result<WhyView, CommandError> {
    let own = described(context, snapshot, file, named)?;
    if own.known {
        return Ok(own);
    }
    for (name, head) in snapshot.others()? {
        let other = snapshot.of_session(&name, head);
        let view = described(context, &other, file, named)?;
        if view.known {
            ui.note(format_args!(
                "this session does not know it, but {name} does"
            ));
            return Ok(view);
        }
    }
    Ok(own)
}

fn described(
    context: &Context,
    snapshot: &Snapshot,
    file: &Path,
    named: &Named,
) -> Result<WhyView, CommandError> {
    let recorded = snapshot.recorded(&names::absolute(context.directory(), file));
    let shown = recorded.shown();
    let projection = snapshot.projection()?;
    Ok(WhyView::new(
        &projection,
        &shown,
        Some(&recorded),
        named.id,
        named.size,
    ))
}

fn print(ui: &mut Ui, json: bool, view: &WhyView) -> Result<(), CommandError> {
    if json {
        return ui.view(view);
    }
    ui.page();
    let text = roar_view::why_text(view, &asked::clock(), ui.layout());
    ui.text(&text)
}
