//! Files and datasets as a job's inputs and outputs.

use super::Bytes;
use roar_graph::{History, Input, Output, Projection, Read, Record};
use roar_object::{Change, Class, ContentId, DatasetAt, Hex, RecordedPath, Role};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// What an entry of a list of files is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FileKind {
    /// One file.
    File,
    /// A directory that was read or written as a whole.
    Dataset,
}

/// A file or dataset in one version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileView {
    /// Where it is: relative inside the project, else absolute.
    pub path: Bytes,
    /// The name of its bytes, or of the dataset; null if it is gone or could not be named.
    pub hash: Option<String>,
    /// Its bytes.
    pub size: u64,
    /// File or dataset.
    pub kind: FileKind,
    /// What sort of file: `data`, `code`, `package` or `system`.
    pub class: Cow<'static, str>,
    /// Of an output: `created`, `modified` (written where there was one, be it with the same bytes) or `deleted`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<Cow<'static, str>>,
    /// Of an input: the step that made it, if a recorded job did. Of a dataset made by several, the
    /// latest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub producer: Option<String>,
    /// Of a dataset: how many files it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<u64>,
    /// Of a file: the dataset that it is a member of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset: Option<Bytes>,
    /// Of an output: an earlier run of the step left it, and this one did not change it. Of an input: such
    /// a run read it, for what it left.
    #[serde(default, skip_serializing_if = "is_false")]
    pub kept: bool,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde asks for a reference"
)]
fn is_false(flag: &bool) -> bool {
    !flag
}

impl FileView {
    /// Describes a file that was read.
    pub(crate) fn input(input: &Input, producer: Option<String>) -> Self {
        Self {
            path: Bytes::path(&input.path),
            hash: input.id.map(digits),
            size: input.size,
            kind: FileKind::File,
            class: input.class.name().into(),
            change: None,
            producer,
            files: None,
            dataset: None,
            kept: false,
        }
    }

    /// Marks what an earlier run of the step left, or read for what it left.
    fn kept(self) -> Self {
        Self { kept: true, ..self }
    }

    /// Describes a file that was written.
    pub(crate) fn output(output: &Output, kept: bool) -> Self {
        Self {
            path: Bytes::path(&output.path),
            hash: output.id.filter(|_| output.remains()).map(digits),
            size: output.size,
            kind: FileKind::File,
            class: output.class.name().into(),
            change: Some(output.change.name().into()),
            producer: None,
            files: None,
            dataset: None,
            kept,
        }
    }

    /// Describes a directory that was read, written or deleted as a whole.
    pub(crate) fn dataset(set: &DatasetAt) -> Self {
        let remains = set.role != Role::Deleted;
        Self {
            path: Bytes::path(&set.path),
            hash: remains.then(|| set.tree.to_string()),
            size: set.bytes,
            kind: FileKind::Dataset,
            class: Class::Data.name().into(),
            change: None,
            producer: None,
            files: Some(set.files),
            dataset: None,
            kept: false,
        }
    }

    /// Returns the entry as it is shown in text: `model.bin`, `data/ (5,000 files)`.
    pub(crate) fn shown(&self) -> String {
        match self.files {
            Some(files) => format!(
                "{} ({})",
                self.path.directory(),
                crate::count(files, "file")
            ),
            None => self.path.shown(),
        }
    }
}

/// Writes a name as the formatting machinery would, at a fraction of its cost: lists are long.
fn digits(id: ContentId) -> String {
    Hex::of(id.as_bytes()).as_str().to_owned()
}

/// How the members of a dataset are listed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Members {
    /// Not at all: the dataset stands for them.
    Left,
    /// Beside the dataset, unless it has more than [`LISTED`] files.
    Listed,
    /// Beside the dataset, however many there are.
    All,
}

/// Largest dataset whose members are listed beside it.
pub(crate) const LISTED: u64 = 256;

/// One side of a record's files, with the path by which a dataset may hold it.
struct Sided<'a> {
    path: &'a RecordedPath,
    class: Class,
    is_deleted: bool,
    view: FileView,
}

impl Sided<'_> {
    /// Returns whether a dataset holds the file: one that is gone holds what was deleted, and a file in the
    /// place of a directory is none of its members.
    fn is_in(&self, set: &DatasetAt) -> bool {
        let there =
            self.class == Class::Data && self.path != &set.path && self.path.is_under(&set.path);
        there && (self.is_deleted || set.role != Role::Deleted)
    }

    /// Returns which dataset the file is a member of: of one that is gone before what is still around it.
    fn holder(&self, sets: &[&DatasetAt]) -> Option<usize> {
        let holding = sets.iter().enumerate().filter(|(_, set)| self.is_in(set));
        let nearest = holding.min_by_key(|(_, set)| set.role != Role::Deleted);
        nearest.map(|(at, _)| at)
    }
}

/// Lists what a record itself read, as far as it counts as input.
pub(crate) fn read_inputs(
    projection: &Projection<'_>,
    record: usize,
    members: Members,
) -> Vec<FileView> {
    let history = projection.history();
    let read = history.inputs_of(record);
    let read = read.map(|(input, file)| (Read { record, input }, file));
    let sided = read.map(|(read, file)| sided(history, read, file));
    let job = history.records()[record];
    in_datasets(&sets(job, Role::Read), sided.collect(), members)
}

/// Lists the inputs of a record: what it read, and what was read for what it stands for; each as a later run
/// of the same command has seen it, if one has.
pub(crate) fn inputs(
    projection: &Projection<'_>,
    record: usize,
    members: Members,
) -> Vec<FileView> {
    let history = projection.history();
    let mut read: Vec<_> = projection.inputs(record).collect();
    read.sort_by_key(|(read, _)| read.record);
    let scans: Vec<_> = projection.scans(record).collect();
    let mut all = Vec::new();
    for of_one in read.chunk_by(|(a, _), (b, _)| a.record == b.record) {
        let reader = of_one[0].0.record;
        let sided = of_one
            .iter()
            .map(|&(read, file)| sided(history, read, file));
        let scans = scans.iter().filter(|scan| scan.record == reader);
        let datasets = &history.records()[reader].datasets;
        let sets: Vec<_> = scans.map(|scan| &datasets[scan.dataset]).collect();
        let views = in_datasets(&sets, sided.collect(), members);
        let is_kept = reader < record;
        all.extend(views.into_iter().map(|view| match is_kept {
            true => view.kept(),
            false => view,
        }));
    }
    all.sort_by(|a, b| a.path.cmp(&b.path));
    all
}

fn sided<'a>(history: &History<'_>, read: Read, input: &'a Input) -> Sided<'a> {
    let producer = history.producer(read.record, read.input);
    let step = producer.map(|producer| history.records()[producer.record].step.to_string());
    Sided {
        path: &input.path,
        class: input.class,
        is_deleted: false,
        view: FileView::input(input, step),
    }
}

fn sets(job: &Record, role: Role) -> Vec<&DatasetAt> {
    job.datasets.iter().filter(|set| set.role == role).collect()
}

/// Lists what a record wrote, and what runs that it replaced had left for it.
pub(crate) fn outputs(
    projection: &Projection<'_>,
    record: usize,
    members: Members,
) -> Vec<FileView> {
    let records = projection.history().records();
    let job = records[record];
    let kept = projection.kept(record);
    let kept = kept
        .iter()
        .map(|written| (&records[written.record].writes[written.output], true));
    let own = job.products().map(|output| (output, false));
    let mut all: Vec<_> = own.chain(kept).collect();
    all.sort_by(|(a, _), (b, _)| a.path.cmp(&b.path));
    let sided = all.into_iter().map(|(output, kept)| Sided {
        path: &output.path,
        class: output.class,
        is_deleted: output.change == Change::Deleted,
        view: FileView::output(output, kept),
    });
    let sets = [sets(job, Role::Written), sets(job, Role::Deleted)].concat();
    in_datasets(&sets, sided.collect(), members)
}

/// Puts each dataset in the place of its members, or before them.
fn in_datasets(sets: &[&DatasetAt], files: Vec<Sided<'_>>, members: Members) -> Vec<FileView> {
    if sets.is_empty() {
        let mut views: Vec<_> = files.into_iter().map(|file| file.view).collect();
        views.sort_by(|a, b| a.path.cmp(&b.path));
        return views;
    }
    let mut views: Vec<_> = sets.iter().map(|set| FileView::dataset(set)).collect();
    let mut list = Vec::new();
    for mut file in files {
        if let Some(at) = file.holder(sets) {
            for (view, _) in views
                .iter_mut()
                .zip(sets)
                .filter(|(_, set)| file.is_in(set))
            {
                join(view, &file.view);
            }
            let is_listed = match members {
                Members::Left => false,
                Members::Listed => sets[at].files <= LISTED,
                Members::All => true,
            };
            if !is_listed {
                continue;
            }
            file.view.dataset = Some(views[at].path.clone());
        }
        list.push(file.view);
    }
    views.append(&mut list);
    views.sort_by(|a, b| a.path.cmp(&b.path));
    views
}

/// Lets a dataset tell what its members have in common.
fn join(set: &mut FileView, member: &FileView) {
    set.producer = latest(set.producer.take(), member.producer.clone());
    set.change = match (set.change.take(), member.change.clone()) {
        (Some(known), Some(change)) if known != change => Some("modified".into()),
        (known, change) => known.or(change),
    };
}

/// Returns the later of two steps.
fn latest(a: Option<String>, b: Option<String>) -> Option<String> {
    let number = |step: &Option<String>| {
        let step = step.as_ref()?;
        step.parse::<roar_object::StepName>()
            .ok()
            .map(|step| step.number)
    };
    if number(&b) > number(&a) { b } else { a }
}

/// Lists the code that a record read.
pub(crate) fn code(job: &Record) -> Vec<FileView> {
    let code = job.reads.iter().filter(|read| read.class == Class::Code);
    code.map(|read| FileView::input(read, None)).collect()
}
