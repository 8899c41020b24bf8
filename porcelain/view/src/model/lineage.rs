//! What something came from.

use super::dag::node_of;
use super::{Bytes, FileKind, FileView, NodeView, SCHEMA};
use roar_graph::{Artifact, History, Projection, Written};
use roar_object::{Class, ContentId, DatasetAt, Role};
use serde::{Deserialize, Serialize};
use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};

/// A file or dataset, and the part it plays in a lineage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArtifactView {
    /// The file.
    #[serde(flatten)]
    pub file: FileView,
    /// The steps that read it.
    pub consumers: Vec<String>,
}

/// What was asked about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum TargetView {
    /// A file.
    File(FileView),
    /// A job, by step and name.
    Job {
        /// `@3`, or `@B1` for a build.
        step: String,
        /// The job.
        id: String,
    },
}

impl TargetView {
    /// Names a file that a record wrote.
    pub fn written(history: &History<'_>, target: Written) -> Self {
        let job = history.records()[target.record];
        let mut file = FileView::output(&job.writes[target.output], false);
        file.producer = Some(job.step.to_string());
        Self::File(file)
    }

    /// Names a file that a record read and none wrote.
    pub fn read(history: &History<'_>, record: usize, input: usize) -> Self {
        Self::File(FileView::input(
            &history.records()[record].reads[input],
            None,
        ))
    }

    /// Names a record.
    pub fn job(history: &History<'_>, record: usize) -> Self {
        let job = history.records()[record];
        Self::Job {
            step: job.step.to_string(),
            id: job.job.to_string(),
        }
    }

    pub(crate) fn shown(&self) -> String {
        match self {
            Self::File(file) => file.shown(),
            Self::Job { step, .. } => step.clone(),
        }
    }
}

/// Everything that something came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineageView {
    /// [`SCHEMA`].
    pub schema: u32,
    /// What was asked about.
    pub target: TargetView,
    /// The jobs, parents before children.
    pub jobs: Vec<NodeView>,
    /// What they read, and what was asked about.
    pub artifacts: Vec<ArtifactView>,
}

impl LineageView {
    /// Describes what a written file came from.
    pub fn of_file(projection: &Projection<'_>, target: Written) -> Self {
        let lineage = projection.history().lineage(target);
        let named = TargetView::written(projection.history(), target);
        Self::new(projection, named, &lineage.jobs, lineage.artifacts)
    }

    /// Describes what a job came from.
    pub fn of_job(projection: &Projection<'_>, record: usize) -> Self {
        let lineage = projection.history().lineage_of_job(record);
        let named = TargetView::job(projection.history(), record);
        Self::new(projection, named, &lineage.jobs, lineage.artifacts)
    }

    /// Describes what the members of a dataset that a record read or wrote came from.
    pub fn of_dataset(projection: &Projection<'_>, record: usize, set: &DatasetAt) -> Self {
        let behind = Behind::new(projection.history(), record, set);
        let artifacts = behind.describe(behind.artifacts.clone());
        Self {
            schema: SCHEMA,
            target: behind.target(),
            jobs: nodes(projection, &behind.jobs),
            artifacts,
        }
    }

    /// Describes a file that no recorded job made: it came from nothing that is known.
    pub fn of_root(projection: &Projection<'_>, record: usize, input: usize) -> Self {
        let named = TargetView::read(projection.history(), record, input);
        Self::new(projection, named, &[], Vec::new())
    }

    fn new(
        projection: &Projection<'_>,
        target: TargetView,
        jobs: &[usize],
        artifacts: Vec<Artifact<'_>>,
    ) -> Self {
        Self {
            schema: SCHEMA,
            target,
            jobs: nodes(projection, jobs),
            artifacts: describe(projection.history(), jobs, artifacts, Sets::All),
        }
    }
}

/// Describes jobs, and joins each to those of them whose files it read.
fn nodes(projection: &Projection<'_>, jobs: &[usize]) -> Vec<NodeView> {
    let place = |record| jobs.binary_search(&record).ok();
    let node = |&record: &usize| {
        let mut node = node_of(projection, record);
        let parents = projection.history().parents(record);
        let places = parents.into_iter().filter_map(place);
        node.edges = places
            .map(|parent| super::EdgeView {
                parent,
                ..Default::default()
            })
            .collect();
        node
    };
    jobs.iter().map(node).collect()
}

/// The data that everything began with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputsView {
    /// [`SCHEMA`].
    pub schema: u32,
    /// What was asked about.
    pub target: TargetView,
    /// What no recorded job made, and who read it.
    pub inputs: Vec<ArtifactView>,
}

impl InputsView {
    /// Describes what a job and its ancestors read and no recorded job made.
    pub fn new(projection: &Projection<'_>, target: TargetView, record: usize) -> Self {
        let history = projection.history();
        let mut jobs = history.ancestors(record);
        jobs.push(record);
        Self {
            schema: SCHEMA,
            target,
            inputs: describe(history, &jobs, history.inputs(record), Sets::Whole),
        }
    }

    /// Describes what the members of a dataset that a record read or wrote began with: those that no
    /// recorded job made, and the inputs of the jobs that made the others.
    pub fn of_dataset(projection: &Projection<'_>, record: usize, set: &DatasetAt) -> Self {
        let behind = Behind::new(projection.history(), record, set);
        let mut roots = behind.artifacts.clone();
        roots.retain(|artifact| artifact.producer.is_none());
        Self {
            schema: SCHEMA,
            target: behind.target(),
            inputs: behind.describe(roots),
        }
    }

    /// Describes a file that no recorded job made: it is its own root.
    pub fn of_root(projection: &Projection<'_>, record: usize, input: usize) -> Self {
        let history = projection.history();
        let read = &history.records()[record].reads[input];
        let readers = read.id.map(|id| history.readers(id)).unwrap_or_default();
        let mut records: Vec<_> = readers.into_iter().map(|(reader, _)| reader).collect();
        records.dedup();
        Self {
            schema: SCHEMA,
            target: TargetView::read(history, record, input),
            inputs: vec![ArtifactView {
                file: FileView::input(read, None),
                consumers: steps(history, &records),
            }],
        }
    }
}

/// What is behind the members of a dataset.
struct Behind<'h, 'r> {
    history: &'h History<'r>,
    record: usize,
    set: &'h DatasetAt,
    /// The last job that made any.
    latest: Option<usize>,
    /// The jobs that they came from, parents before children.
    jobs: Vec<usize>,
    /// What those read, and the members that nobody made.
    artifacts: Vec<Artifact<'r>>,
}

impl<'h, 'r> Behind<'h, 'r> {
    fn new(history: &'h History<'r>, record: usize, set: &'h DatasetAt) -> Self {
        let (makers, roots) = members(history, record, set);
        let mut jobs = makers.clone();
        for &maker in &makers {
            jobs.extend(history.ancestors(maker));
        }
        let jobs: Vec<usize> = jobs.into_iter().collect();
        let mut artifacts = history.artifacts(&jobs);
        merge(&mut artifacts, roots);
        Self {
            history,
            record,
            set,
            latest: makers.last().copied(),
            jobs,
            artifacts,
        }
    }

    fn target(&self) -> TargetView {
        let mut file = FileView::dataset(self.set);
        let step = |latest: usize| self.history.records()[latest].step.to_string();
        file.producer = self.latest.map(step);
        TargetView::File(file)
    }

    fn describe(&self, artifacts: Vec<Artifact<'_>>) -> Vec<ArtifactView> {
        // Who read the members has them as a dataset.
        let mut jobs = self.jobs.clone();
        jobs.push(self.record);
        describe(self.history, &jobs, artifacts, Sets::Whole)
    }
}

/// Divides the members of a dataset: the jobs that made some of them, ascending, and those that nobody
/// made.
fn members<'r>(
    history: &History<'r>,
    record: usize,
    set: &DatasetAt,
) -> (BTreeSet<usize>, Vec<Artifact<'r>>) {
    if set.role == Role::Written {
        return (BTreeSet::from([record]), Vec::new());
    }
    let (mut makers, mut roots) = (BTreeSet::new(), Vec::new());
    let reads = history.inputs_of(record);
    for (place, read) in reads.filter(|(_, read)| read.path.is_under(&set.path)) {
        match history.producer(record, place) {
            Some(producer) => drop(makers.insert(producer.record)),
            None => roots.push(Artifact {
                path: &read.path,
                id: read.id,
                mode: read.mode,
                size: read.size,
                class: read.class,
                producer: None,
                readers: vec![record],
            }),
        }
    }
    (makers, roots)
}

/// Adds artifacts to others, each version of a file once.
fn merge<'r>(known: &mut Vec<Artifact<'r>>, more: Vec<Artifact<'r>>) {
    let mut places: HashMap<_, _> = known
        .iter()
        .enumerate()
        .map(|(at, artifact)| ((artifact.path, artifact.id), at))
        .collect();
    for artifact in more {
        match places.entry((artifact.path, artifact.id)) {
            Entry::Occupied(at) => known[*at.get()].readers.extend(artifact.readers),
            Entry::Vacant(place) => {
                place.insert(known.len());
                known.push(artifact);
            }
        }
    }
}

/// Which datasets stand for their members.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sets {
    /// All that any artifact is a member of.
    All,
    /// Those whose members are all among the artifacts.
    Whole,
}

/// Returns for each artifact the dataset that stands for it, and whether that is too large for its
/// members to be listed.
fn holders(
    history: &History<'_>,
    jobs: &[usize],
    artifacts: &[Artifact<'_>],
    sets: Sets,
) -> Vec<Option<(FileView, bool)>> {
    let mut holders: Vec<_> = artifacts
        .iter()
        .map(|artifact| holder(history, jobs, artifact))
        .collect();
    if sets == Sets::Whole {
        let key = |set: &FileView| (set.path.clone(), set.hash.clone());
        let mut found: HashMap<_, u64> = HashMap::new();
        for (set, _) in holders.iter().flatten() {
            *found.entry(key(set)).or_default() += 1;
        }
        for holder in &mut holders {
            holder.take_if(|(set, _)| found.get(&key(set)).copied() < set.files);
        }
    }
    holders
}

/// Describes artifacts, with the datasets that they are members of before them.
fn describe(
    history: &History<'_>,
    jobs: &[usize],
    artifacts: Vec<Artifact<'_>>,
    which: Sets,
) -> Vec<ArtifactView> {
    let mut sets: Vec<ArtifactView> = Vec::new();
    let mut files = Vec::new();
    let holders = holders(history, jobs, &artifacts, which);
    for (artifact, holder) in artifacts.into_iter().zip(holders) {
        let mut view = one(history, &artifact);
        if let Some((set, large)) = holder {
            view.file.dataset = Some(set.path.clone());
            add_to_set(&mut sets, set, &view, large);
            if large {
                continue;
            }
        }
        files.push(view);
    }
    sets.append(&mut files);
    sets.sort_by(|a, b| a.file.path.cmp(&b.file.path));
    sets
}

/// Adds a member to its dataset. That has a producer if any member has one, or if it is too `large` for those that
/// nobody made to be listed beside it, if all have one.
fn add_to_set(sets: &mut Vec<ArtifactView>, set: FileView, member: &ArtifactView, large: bool) {
    let same =
        |known: &&mut ArtifactView| known.file.path == set.path && known.file.hash == set.hash;
    if let Some(known) = sets.iter_mut().find(same) {
        let made = [&known.file.producer, &member.file.producer];
        known.file.producer = match made.iter().all(|producer| producer.is_some()) || !large {
            true => made.into_iter().flatten().next().cloned(),
            false => None,
        };
        for step in &member.consumers {
            if !known.consumers.contains(step) {
                known.consumers.push(step.clone());
            }
        }
        return;
    }
    sets.push(ArtifactView {
        file: FileView {
            producer: member.file.producer.clone(),
            ..set
        },
        consumers: member.consumers.clone(),
    });
}

/// Returns the dataset that a reader took an artifact for a part of, and whether it is too large for
/// its members to be listed.
fn holder(
    history: &History<'_>,
    jobs: &[usize],
    artifact: &Artifact<'_>,
) -> Option<(FileView, bool)> {
    let reader = artifact
        .readers
        .iter()
        .find(|reader| jobs.contains(reader))?;
    let sets = history.records()[*reader].datasets.iter();
    let set = sets
        .filter(|set| set.role == Role::Read && artifact.class == Class::Data)
        .find(|set| artifact.path.is_under(&set.path))?;
    let view = FileView {
        path: Bytes::path(&set.path),
        hash: Some(set.tree.to_string()),
        size: set.bytes,
        kind: FileKind::Dataset,
        class: Class::Data.name().into(),
        change: None,
        producer: None,
        files: Some(set.files),
        dataset: None,
        kept: false,
    };
    Some((view, set.files > super::file::LISTED))
}

fn one(history: &History<'_>, artifact: &Artifact<'_>) -> ArtifactView {
    let producer = artifact
        .producer
        .map(|producer| history.records()[producer.record].step.to_string());
    ArtifactView {
        file: FileView {
            path: Bytes::path(artifact.path),
            hash: artifact.id.map(|id| id.to_string()),
            size: artifact.size,
            kind: FileKind::File,
            class: artifact.class.name().into(),
            change: None,
            producer,
            files: None,
            dataset: None,
            kept: false,
        },
        consumers: steps(history, &artifact.readers),
    }
}

fn steps(history: &History<'_>, records: &[usize]) -> Vec<String> {
    let mut steps: Vec<_> = records
        .iter()
        .map(|&record| history.records()[record].step)
        .collect();
    steps.sort_unstable();
    steps.dedup();
    steps.iter().map(ToString::to_string).collect()
}

/// Where the bytes of a file come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WhyView {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The file that was asked about.
    pub path: Bytes,
    /// The name of its bytes.
    pub hash: String,
    /// Its length in bytes.
    pub size: u64,
    /// Whether any recorded job wrote or read these bytes.
    pub known: bool,
    /// Every job that wrote them, first to last.
    pub writers: Vec<WhyJob>,
    /// Every job that read them, first to last.
    pub readers: Vec<WhyJob>,
    /// What the world holds at this path, if that is something else: the step that wrote it.
    pub overwrote: Option<WhyJob>,
}

/// A job that wrote or read some bytes, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WhyJob {
    /// Where it wrote or read them.
    pub path: Bytes,
    /// The job.
    #[serde(flatten)]
    pub node: NodeView,
}

impl WhyView {
    /// Adds jobs that are known to have read the bytes at `path`, though no list of inputs has them.
    pub fn add_readers(
        &mut self,
        projection: &Projection<'_>,
        path: &roar_object::RecordedPath,
        records: &[usize],
    ) {
        let jobs = records.iter().map(|&record| WhyJob {
            path: Bytes::path(path),
            node: super::dag::node_of(projection, record),
        });
        self.readers.extend(jobs);
        self.known |= !records.is_empty();
    }

    /// Describes where bytes come from that lie at `shown` now; `recorded` is that path as records
    /// have it, if it can be told.
    pub fn new(
        projection: &Projection<'_>,
        shown: &[u8],
        recorded: Option<&roar_object::RecordedPath>,
        id: ContentId,
        size: u64,
    ) -> Self {
        let history = projection.history();
        let of = |record: usize, path: &roar_object::RecordedPath| WhyJob {
            path: Bytes::path(path),
            node: node_of(projection, record),
        };
        let written = |written: Written| {
            of(
                written.record,
                &history.records()[written.record].writes[written.output].path,
            )
        };
        let read = |(record, input): (usize, usize)| {
            of(record, &history.records()[record].reads[input].path)
        };
        let writers: Vec<_> = history.writers(id).into_iter().map(written).collect();
        let readers: Vec<_> = history.readers(id).into_iter().map(read).collect();
        let held = recorded.and_then(|path| projection.at(path));
        let other =
            held.filter(|held| history.records()[held.record].writes[held.output].id != Some(id));
        Self {
            schema: SCHEMA,
            path: Bytes(shown.to_vec()),
            hash: id.to_string(),
            size,
            known: !writers.is_empty() || !readers.is_empty(),
            writers,
            readers,
            overwrote: other.map(written),
        }
    }
}
