//! `roar why`.

use crate::asked;
use crate::commands::plumbing::hash_object::cannot_name;
use crate::context::{Context, snapshot_of};
use crate::error::{CommandError, Fault};
use crate::ui::Ui;
use roar_content::reach;
use roar_graph::Projection;
use roar_object::{ContentId, RecordedPath};
use roar_repo::{Snapshot, Workspace, names};
use roar_view::WhyView;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Tell what made the bytes of a file, wherever it lies
///
/// Names the file by its content and looks for that: a copy, or a file that was moved or renamed,
/// is known all the same. A link to a file stands for that file, any other link for itself: it holds the
/// text of its target. Asks the workspace that you are in, else the one that the file is in. Exit
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
    let asked = Asked::about(ui, context, &args.file)?;
    let view = match snapshot(ui, context, &path)? {
        Some(snapshot) => known(ui, &snapshot, &asked)?,
        None => {
            ui.note("there is no workspace here, nor where the file is");
            let nothing = roar_graph::project(&[]);
            let shown = asked.place.as_os_str().as_bytes();
            WhyView::new(&nothing, shown, None, asked.id, asked.size)
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

/// The file that is asked about.
struct Asked {
    /// Where it is, without links.
    place: PathBuf,
    id: ContentId,
    size: u64,
}

impl Asked {
    fn about(ui: &Ui, context: &Context, file: &Path) -> Result<Self, CommandError> {
        let path = context.directory().join(file);
        if let Some(target) = target_that_is_no_file(&path) {
            ui.note(format_args!(
                "'{}' is a link to '{}', which is no file: this is about the link",
                file.display(),
                target.display()
            ));
            return Ok(Self::link(&path, &target));
        }
        if reach(&path)
            .and_then(fs::metadata)
            .is_ok_and(|it| it.is_dir())
        {
            return Err(is_a_directory(file));
        }
        let named = roar_content::name_file(&path).map_err(|mut err| {
            err.path = file.to_owned();
            cannot_name(err)
        })?;
        Ok(Self {
            place: names::absolute(context.directory(), file),
            id: named.id,
            size: named.size,
        })
    }

    /// A link holds the text of its target.
    fn link(path: &Path, target: &Path) -> Self {
        let above = path.parent().unwrap_or(path);
        let above = above.canonicalize().unwrap_or_else(|_| above.to_owned());
        let target = target.as_os_str().as_bytes();
        Self {
            place: above.join(path.file_name().unwrap_or_default()),
            id: roar_content::name_link(target),
            size: target.len() as u64,
        }
    }
}

fn is_a_directory(path: &Path) -> CommandError {
    let word = roar_view::word(path.as_os_str().as_bytes());
    CommandError::usage(format!("'{}' is a directory, not a file", path.display())).hint(format!(
        "`roar lineage {word}` tells what it came from; `roar show {word}` who made and read it"
    ))
}

/// Returns where a link leads, if that is a directory, or nothing is there.
fn target_that_is_no_file(path: &Path) -> Option<PathBuf> {
    // With a slash at its end, a link stands for the directory.
    if path.as_os_str().as_bytes().ends_with(b"/") {
        return None;
    }
    let target = reach(path).and_then(fs::read_link).ok()?;
    match reach(path).and_then(fs::metadata) {
        Ok(found) if !found.is_dir() => None,
        Err(err) if err.kind() != io::ErrorKind::NotFound => None,
        _ => Some(target),
    }
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
fn known(ui: &Ui, snapshot: &Snapshot, asked: &Asked) -> Result<WhyView, CommandError> {
    let own = described(snapshot, asked)?;
    if own.known {
        return Ok(own);
    }
    for (name, head) in snapshot.others()? {
        let other = snapshot.of_session(&name, head);
        let view = described(&other, asked)?;
        if view.known {
            ui.note(format_args!(
                "this session does not know it, but {name} does"
            ));
            return Ok(view);
        }
    }
    Ok(own)
}

fn described(snapshot: &Snapshot, asked: &Asked) -> Result<WhyView, CommandError> {
    let recorded = snapshot.recorded(&asked.place);
    let shown = recorded.shown();
    let projection = snapshot.projection()?;
    let (id, size) = (asked.id, asked.size);
    let mut view = WhyView::new(&projection, &shown, Some(&recorded), id, size);
    ask_beside(snapshot, &projection, &mut view, (&recorded, id))?;
    Ok(view)
}

/// Asks who read a file of a package or the system, if nobody is known to have had to do with its bytes.
pub(super) fn ask_beside(
    snapshot: &Snapshot,
    projection: &Projection<'_>,
    view: &mut WhyView,
    (path, id): (&RecordedPath, ContentId),
) -> Result<(), CommandError> {
    if !view.known {
        let readers = snapshot.readers_beside(path, id)?;
        view.add_readers(projection, path, &readers);
    }
    Ok(())
}

fn print(ui: &mut Ui, json: bool, view: &WhyView) -> Result<(), CommandError> {
    if json {
        return ui.view(view);
    }
    ui.page();
    let text = roar_view::why_text(view, &asked::clock(), ui.layout());
    ui.text(&text)
}
