//! The DAG.

use super::file::{Members, inputs, outputs, read_inputs};
use super::{Bytes, FileView, SCHEMA};
use roar_graph::{Dag, Hidden, Node, Projection, Read, Reason, Record, Show, State, Why, Written};
use roar_object::Outcome;
use serde::ser::SerializeStruct as _;
use serde::{Deserialize, Serialize, Serializer};

/// Why a step is stale: one of its inputs, or a file that is missing among them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StaleView {
    /// The input, or what was added to a dataset that was read.
    pub path: Bytes,
    /// `overwritten`, `deleted`, `stale-producer`, `superseded-producer` or `added`.
    pub why: String,
    /// The step that overwrote, deleted or added it, or that made it and is stale or superseded
    /// itself.
    pub step: String,
    /// What is there now, if it was overwritten or added and could be named.
    pub now: Option<String>,
    /// The dataset that it was added to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset: Option<Bytes>,
}

/// A line to a parent, for drawing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct EdgeView {
    /// The place of the parent among the nodes.
    pub(crate) parent: usize,
    /// Whether what was read along it has changed since.
    pub(crate) outdated: bool,
    /// What was read along it.
    pub(crate) paths: Vec<Bytes>,
}

/// A step in the DAG.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeView {
    /// `@3`, or `@B1` for a build.
    pub step: String,
    /// The job.
    pub id: String,
    /// `run`, `build`, `get` or `put`.
    pub kind: String,
    /// What the user called it.
    pub name: Option<String>,
    /// The command.
    pub argv: Vec<Bytes>,
    /// Where it ran.
    pub cwd: Bytes,
    /// `current`, `stale`, `superseded` or `failed`.
    pub state: String,
    /// The exit code; null if a signal ended it or nobody saw the end.
    pub exit: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// When it began: nanoseconds since 1970.
    pub started_ns: i64,
    /// How long it took.
    pub duration_ns: u64,
    /// How much was seen of it: `complete`, `partial`, `blind` or `declared`.
    pub verdict: String,
    /// The steps that it came from.
    pub parents: Vec<String>,
    /// The jobs of those steps.
    pub parent_ids: Vec<String>,
    /// What it read, datasets as one; in a DAG also what was read for what it stands for.
    pub inputs: Vec<FileView>,
    /// What it wrote, datasets as one.
    pub outputs: Vec<FileView>,
    /// Why it is stale; empty if it is not.
    pub stale: Vec<StaleView>,
    /// The step's lines, for drawing.
    #[serde(skip)]
    pub(crate) edges: Vec<EdgeView>,
}

impl NodeView {
    /// Returns what the step is called: its name, else its command.
    pub(crate) fn title(&self) -> String {
        let command = super::bytes::command_line(&self.argv);
        match &self.name {
            Some(name) => format!("{}: {command}", crate::quote::prose(name)),
            None => command,
        }
    }

    /// Returns how it ended, if not well.
    pub(crate) fn ending(&self) -> Option<String> {
        ending(self.exit, self.signal)
    }
}

/// Returns how a command ended, if not well.
pub(crate) fn ending(exit: Option<i32>, signal: Option<i32>) -> Option<String> {
    match (exit, signal) {
        (Some(0), _) => None,
        (Some(code), _) => Some(format!("exit {code}")),
        (None, Some(signal)) => Some(format!("signal {signal}")),
        (None, None) => Some("end not seen".to_owned()),
    }
}

pub(crate) fn exit_and_signal(outcome: Outcome) -> (Option<i32>, Option<i32>) {
    match outcome {
        Outcome::Exited(code) => (Some(code), None),
        Outcome::Killed(signal) => (None, Some(signal)),
        Outcome::Unknown => (None, None),
    }
}

/// How many jobs a view does not show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HiddenView {
    /// Stale ones.
    pub stale: usize,
    /// Superseded ones.
    pub superseded: usize,
    /// Failed ones.
    pub failed: usize,
}

impl From<Hidden> for HiddenView {
    fn from(hidden: Hidden) -> Self {
        Self {
            stale: hidden.stale,
            superseded: hidden.superseded,
            failed: hidden.failed,
        }
    }
}

/// The DAG of a session: parents before children.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DagView {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The session's name.
    pub session: String,
    /// The steps.
    pub nodes: Vec<NodeView>,
    /// What is not shown.
    pub hidden: HiddenView,
}

impl DagView {
    /// Describes what `show` shows of a session.
    pub fn new(session: &str, projection: &Projection<'_>, show: Show) -> Self {
        let steps = DagSteps::new(session, projection, show);
        let of_record = steps.dag.nodes.iter().zip(steps.nodes());
        let nodes = of_record.map(|(node, mut view)| {
            view.edges = steps.edges(node);
            view
        });
        Self {
            schema: SCHEMA,
            session: session.to_owned(),
            nodes: nodes.collect(),
            hidden: steps.hidden(),
        }
    }
}

/// The DAG of a session, told step by step: as JSON the same as a [`DagView`], but no more than one
/// step of it is ever there.
pub struct DagSteps<'a, 'r> {
    session: &'a str,
    projection: &'a Projection<'r>,
    dag: Dag,
}

impl<'a, 'r> DagSteps<'a, 'r> {
    /// Chooses what `show` shows of a session.
    pub fn new(session: &'a str, projection: &'a Projection<'r>, show: Show) -> Self {
        Self {
            session,
            projection,
            dag: projection.dag(show),
        }
    }

    /// Describes the steps, without the lines between them.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = NodeView> {
        self.dag.nodes.iter().map(|node| self.describe(node))
    }

    /// Returns what the DAG is made of.
    pub(crate) const fn dag(&self) -> &Dag {
        &self.dag
    }

    /// Returns the record of a node.
    pub(crate) fn record(&self, node: &Node) -> &'r Record {
        self.projection.history().records()[node.record]
    }

    pub(crate) fn hidden(&self) -> HiddenView {
        self.dag.hidden.into()
    }

    fn describe(&self, node: &Node) -> NodeView {
        let parents = || {
            let nodes = node.parents.iter().map(|edge| &self.dag.nodes[edge.parent]);
            nodes.map(|parent| self.record(parent))
        };
        let mut view = alone(self.projection, node.record);
        view.inputs = inputs(self.projection, node.record, Members::Left);
        view.parents = parents().map(|parent| parent.step.to_string()).collect();
        view.parents.dedup();
        view.parent_ids = parents().map(|parent| parent.job.to_string()).collect();
        view
    }

    fn edges(&self, node: &Node) -> Vec<EdgeView> {
        let records = self.projection.history().records();
        let path = |at: &Read| Bytes::path(&records[at.record].reads[at.input].path);
        let edges = node.parents.iter().map(|edge| EdgeView {
            parent: edge.parent,
            outdated: edge.outdated,
            paths: edge.inputs.iter().map(path).collect(),
        });
        edges.collect()
    }
}

impl Serialize for DagSteps<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut view = serializer.serialize_struct("DagView", 4)?;
        view.serialize_field("schema", &SCHEMA)?;
        view.serialize_field("session", self.session)?;
        view.serialize_field("nodes", &Nodes(self))?;
        view.serialize_field("hidden", &self.hidden())?;
        view.end()
    }
}

struct Nodes<'s, 'a, 'r>(&'s DagSteps<'a, 'r>);

impl Serialize for Nodes<'_, '_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.nodes())
    }
}

/// Describes a record without its place in a DAG: its parents are the records that made its inputs.
pub(crate) fn node_of(projection: &Projection<'_>, record: usize) -> NodeView {
    let records = projection.history().records();
    let parents = projection.history().parents(record);
    let mut steps: Vec<_> = parents.iter().map(|&parent| records[parent].step).collect();
    steps.dedup();
    let mut view = alone(projection, record);
    view.parents = steps.iter().map(ToString::to_string).collect();
    view.parent_ids = parents
        .iter()
        .map(|&parent| records[parent].job.to_string())
        .collect();
    view
}

/// Describes a record without what it came from.
fn alone(projection: &Projection<'_>, record: usize) -> NodeView {
    let job = projection.history().records()[record];
    let (exit, signal) = exit_and_signal(job.outcome);
    NodeView {
        step: job.step.to_string(),
        id: job.job.to_string(),
        kind: job.kind.name().to_owned(),
        name: job.name.clone(),
        argv: Bytes::words(&job.argv),
        cwd: Bytes::path(&job.directory),
        state: projection.state(record).name().to_owned(),
        exit,
        signal,
        started_ns: job.started_ns,
        duration_ns: job.duration_ns,
        verdict: job.verdict.name().to_owned(),
        parents: Vec::new(),
        parent_ids: Vec::new(),
        inputs: read_inputs(projection, record, Members::Left),
        outputs: outputs(projection, record, Members::Left),
        stale: stale(projection, record),
        edges: Vec::new(),
    }
}

/// Tells why a record is stale; a superseded one need not be explained.
pub(crate) fn stale(projection: &Projection<'_>, record: usize) -> Vec<StaleView> {
    if projection.state(record) != State::Stale {
        return Vec::new();
    }
    let reasons = projection.reasons(record).iter();
    reasons
        .filter_map(|reason| stale_view(projection, reason))
        .collect()
}

fn stale_view(projection: &Projection<'_>, reason: &Reason) -> Option<StaleView> {
    let records = projection.history().records();
    let output = |at: Written| &records[at.record].writes[at.output];
    let (why, other, now) = match reason.why {
        Why::Overwritten { by, now } => ("overwritten", by.record, now),
        Why::Deleted { by } => ("deleted", by.record, None),
        Why::StaleProducer { record } => ("stale-producer", record, None),
        Why::GoneProducer { record } => ("superseded-producer", record, None),
        Why::Grown { by, .. } => ("added", by.record, output(by).id),
    };
    let (path, dataset) = match (reason.why, reason.input) {
        (Why::Grown { scan, by }, _) => {
            let dataset = &records[scan.record].datasets[scan.dataset];
            (&output(by).path, Some(&dataset.path))
        }
        (_, read) => {
            let read = read?;
            (&records[read.record].reads[read.input].path, None)
        }
    };
    Some(StaleView {
        path: Bytes::path(path),
        why: why.to_owned(),
        step: records[other].step.to_string(),
        now: now.map(|id| id.to_string()),
        dataset: dataset.map(Bytes::path),
    })
}
