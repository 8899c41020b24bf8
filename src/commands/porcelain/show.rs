//! `roar show`.

use crate::asked;
use crate::context::{Context, cache_in};
use crate::error::{CommandError, Fault};
use crate::json::{self, text};
use crate::ui::{Ui, escape};
use roar_content::reach;
use roar_graph::{Projection, Record};
use roar_object::{
    Change, Class, ContentId, DatasetAt, Environment, FindError, Job, Kind, ObjectId, Objects as _,
    RecordedPath, Role, Source, Step, Variables,
};
use roar_repo::disk::{Disk, Holds, Version};
use roar_repo::{Snapshot, Target, flatten};
use roar_view::{DatasetView, JobFacts, JobView, OnDiskView, WhyView};
use serde_json::{Value, json};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::mem;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::process::ExitCode;

/// Show all that is known of a job, a file, a dataset, any object
///
/// Without a name, of the latest job.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  $ roar show
  $ roar show @3
  $ roar show --all --json @3
  $ roar show model.pkl")]
pub(crate) struct Args {
    /// A step, a file, a directory, a hash or prefix
    #[arg(value_name = "REF")]
    word: Option<OsString>,
    /// Leave nothing out: files of packages, the system and large datasets, every variable
    #[arg(long)]
    all: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Largest dataset whose files are compared with what lies on disk: nobody who asks who made it waits for more.
const MOST_LOOKED_AT: u64 = 10_000;

pub(crate) fn run(ui: &mut Ui, context: &Context, args: Args) -> Result<ExitCode, CommandError> {
    let snapshot = match &args.word {
        Some(word) => context.snapshot_for(ui, word)?,
        None => context.snapshot(ui)?,
    };
    match target(ui, context, &snapshot, &args)? {
        None => {}
        Some(Target::Job { record }) => job(ui, &snapshot, record, &args)?,
        Some(Target::Artifact { id, path, .. }) => {
            return artifact(ui, &snapshot, id, path.as_ref(), &args);
        }
        Some(Target::Dataset { id, path, record }) => {
            dataset(ui, &snapshot, id, &path, record, &args)?;
        }
        Some(Target::Object {
            id,
            kind: Kind::Tree,
        }) => tree(ui, &snapshot, id, &args)?,
        Some(Target::Object { id, kind }) => object(ui, &snapshot, id, kind)?,
    }
    // The process ends now: it need not take apart what it knows of every job.
    mem::forget(snapshot);
    Ok(ExitCode::SUCCESS)
}

fn target(
    ui: &Ui,
    context: &Context,
    snapshot: &Snapshot,
    args: &Args,
) -> Result<Option<Target>, CommandError> {
    if let Some(word) = &args.word {
        return context.resolve(snapshot, word).map(Some);
    }
    asked::tell_if_empty(ui, snapshot)?;
    let last = snapshot.records()?.len().checked_sub(1);
    Ok(last.map(|record| Target::Job { record }))
}

/// The objects that a job names.
struct Looked {
    job: Job,
    step: Step,
    source: Option<Source>,
    environment: Option<Environment>,
    hidden: Option<Variables>,
}

impl Looked {
    fn up(snapshot: &Snapshot, id: ObjectId) -> Result<Self, FindError> {
        let objects = snapshot.objects();
        let job: Job = objects.read(id)?;
        let step: Step = objects.read(job.step)?;
        Ok(Self {
            source: job.source.map(|id| objects.read(id)).transpose()?,
            environment: step.environment.map(|id| objects.read(id)).transpose()?,
            hidden: job.variables.map(|id| objects.read(id)).transpose()?,
            job,
            step,
        })
    }

    fn facts(&self) -> JobFacts<'_> {
        JobFacts {
            coverage: &self.job.coverage,
            source: self.source.as_ref(),
            environment: self.environment.as_ref(),
            variables: &self.step.variables,
            hidden_variables: self.hidden.as_ref(),
            processes: &self.job.processes,
            reads: &self.step.reads,
            reruns: self.job.reruns,
        }
    }
}

fn job(ui: &mut Ui, snapshot: &Snapshot, record: usize, args: &Args) -> Result<(), CommandError> {
    let projection = snapshot.projection()?;
    let looked = Looked::up(snapshot, snapshot.records()?[record].job)?;
    let described = if args.all {
        JobView::whole
    } else {
        JobView::new
    };
    let view = described(&projection, record, &looked.facts());
    let others = match args.all {
        true => others(snapshot, record, &looked.step)?,
        false => Vec::new(),
    };
    if args.json {
        return print_json(ui, &view, args.all, &others);
    }
    ui.page();
    let text = roar_view::job_text(&view, &asked::clock(), ui.layout(), args.all);
    ui.text(&text)?;
    for file in &others {
        let path = escape(&file.path.shown());
        let change = file.change.map(roar_view::change).unwrap_or_default();
        let line = format!("{:<8} {path}  {change}", file.class.name());
        ui.data(format_args!("{}", line.trim_end()))?;
    }
    Ok(())
}

/// A file of a package or the system, which no view lists.
struct Other {
    path: RecordedPath,
    id: Option<ContentId>,
    size: u64,
    class: Class,
    /// What became of it; nothing for one that was read.
    change: Option<Change>,
}

/// Returns what was read of such files, and then what was written of them.
fn others(snapshot: &Snapshot, record: usize, step: &Step) -> Result<Vec<Other>, CommandError> {
    let wanted = |class| matches!(class, Class::Package | Class::System);
    let read = flatten::reads(snapshot.objects(), step, wanted)?;
    let read = read.into_iter().map(|file| Other {
        path: file.path,
        id: file.id,
        size: file.size,
        class: file.class,
        change: None,
    });
    let writes = &snapshot.records()?[record].writes;
    let written = writes.iter().filter(|file| wanted(file.class));
    let written = written.map(|file| Other {
        path: file.path.clone(),
        id: file.id,
        size: file.size,
        class: file.class,
        change: Some(file.change),
    });
    Ok(read.chain(written).collect())
}

fn print_json(
    ui: &mut Ui,
    view: &JobView,
    all: bool,
    others: &[Other],
) -> Result<(), CommandError> {
    if !all {
        return ui.view(view);
    }
    let mut whole = serde_json::to_value(view).expect("views have text for keys and no floats");
    let files = others.iter().map(|file| {
        let mut shown = json!({
            "path": json::path(&file.path),
            "hash": file.id.map(|id| id.to_string()),
            "size": file.size,
            "class": file.class.name(),
        });
        if let Some(change) = file.change {
            shown["change"] = change.name().into();
        }
        shown
    });
    whole["other_files"] = files.collect();
    ui.json(whole)
}

/// Tells of a file's bytes. That nobody knows them is an answer, with its own exit code.
fn artifact(
    ui: &mut Ui,
    snapshot: &Snapshot,
    id: ContentId,
    path: Option<&RecordedPath>,
    args: &Args,
) -> Result<ExitCode, CommandError> {
    let projection = snapshot.projection()?;
    let shown = path.map(RecordedPath::shown).unwrap_or_default();
    let size = match size_of(&projection, id) {
        Some(size) => size,
        None => path
            .and_then(|path| size_on_disk(snapshot, path))
            .unwrap_or(0),
    };
    let mut view = WhyView::new(&projection, &shown, path, id, size);
    if let Some(path) = path {
        super::why::ask_beside(snapshot, &projection, &mut view, (path, id))?;
    }
    if args.json {
        ui.view(&view)?;
    } else {
        ui.page();
        let text = roar_view::why_text(&view, &asked::clock(), ui.layout());
        ui.text(&text)?;
    }
    let code = if view.known {
        0
    } else {
        Fault::NotFound.code()
    };
    Ok(ExitCode::from(code))
}

fn size_on_disk(snapshot: &Snapshot, path: &RecordedPath) -> Option<u64> {
    let absolute = path.absolute(snapshot.root().as_os_str().as_bytes());
    let place = Path::new(OsStr::from_bytes(&absolute));
    let found = reach(place).and_then(fs::metadata).ok()?;
    Some(found.len())
}

/// Returns the length of bytes that a job wrote or read.
fn size_of(projection: &Projection<'_>, id: ContentId) -> Option<u64> {
    let history = projection.history();
    let records = history.records();
    let written = history.writers(id).into_iter().next();
    let read = || history.readers(id).into_iter().next();
    let written = written.map(|written| records[written.record].writes[written.output].size);
    written.or_else(|| read().map(|(record, read)| records[record].reads[read].size))
}

/// Tells of a dataset by its name, or of any other tree as it is stored.
fn tree(ui: &mut Ui, snapshot: &Snapshot, id: ObjectId, args: &Args) -> Result<(), CommandError> {
    let is_it = |set: &&DatasetAt| set.tree == id && set.role != Role::Deleted;
    let records = snapshot.records()?.iter().enumerate().rev();
    let mut found = records.filter_map(|(at, job)| Some((at, job.datasets.iter().find(is_it)?)));
    match found.next() {
        Some((record, set)) => dataset(ui, snapshot, id, &set.path, record, args),
        None => object(ui, snapshot, id, Kind::Tree),
    }
}

fn dataset(
    ui: &mut Ui,
    snapshot: &Snapshot,
    id: ObjectId,
    path: &RecordedPath,
    record: usize,
    args: &Args,
) -> Result<(), CommandError> {
    let job = &snapshot.records()?[record];
    let set = job
        .datasets
        .iter()
        .find(|set| set.tree == id && set.path == *path);
    let Some(set) = set else {
        return object(ui, snapshot, id, Kind::Tree);
    };
    let mut view = DatasetView::new(&snapshot.projection()?, record, set);
    view.on_disk = (set.files <= MOST_LOOKED_AT).then(|| on_disk(snapshot, job, set));
    if args.json {
        return ui.view(&view);
    }
    ui.page();
    let text = roar_view::dataset_text(&view, &asked::clock(), ui.layout());
    ui.text(&text)
}

/// Compares the files of a dataset with what lies there now.
fn on_disk(snapshot: &Snapshot, job: &Record, set: &DatasetAt) -> OnDiskView {
    let cache = cache_in(snapshot.root());
    let disk = Disk::new(snapshot.root(), &cache);
    let mut differ = OnDiskView::default();
    for version in versions(job, set) {
        match disk.holds(version) {
            Holds::Same => {}
            Holds::OtherMode | Holds::Other => differ.modified += 1,
            Holds::Nothing => differ.missing += 1,
        }
    }
    differ
}

/// Returns the files of a dataset as the job had them that read or left it.
fn versions<'r>(job: &'r Record, set: &DatasetAt) -> Vec<Version<'r>> {
    let is_data = |path: &RecordedPath, class| class == Class::Data && path.is_under(&set.path);
    match set.role {
        Role::Read => {
            let read = job.reads.iter();
            let read = read.filter(|file| is_data(&file.path, file.class));
            read.map(|file| Version {
                path: &file.path,
                id: file.id,
                mode: file.mode,
                size: file.size,
            })
            .collect()
        }
        _ => {
            let left = job.writes.iter().filter(|file| file.remains());
            let left = left.filter(|file| is_data(&file.path, file.class));
            left.map(|file| Version {
                path: &file.path,
                id: file.id,
                mode: file.mode,
                size: file.size,
            })
            .collect()
        }
    }
}

/// Any other object, as it is stored.
fn object(ui: &mut Ui, snapshot: &Snapshot, id: ObjectId, kind: Kind) -> Result<(), CommandError> {
    let object = snapshot
        .objects()
        .find(id)?
        .ok_or(FindError::Missing { id })?;
    let whole: Value = json::object(&object).map_err(FindError::from)?;
    debug_assert_eq!(whole["object"], text(kind.name().as_bytes()));
    ui.page();
    ui.json(whole)
}
