//! Views: the answers themselves, as structures that are also their JSON.
//!
//! Fields may be added beside those that are there; none changes its meaning while [`SCHEMA`] stays
//! the same.

mod bytes;
mod dag;
mod dataset;
mod facts;
mod file;
mod job;
mod lineage;
mod status;

pub use bytes::Bytes;
pub use dag::{DagSteps, DagView, HiddenView, NodeView, StaleView};
pub use dataset::{DatasetJob, DatasetView, OnDiskView};
pub use facts::JobFacts;
pub use file::{FileKind, FileView};
pub use job::{
    CoverageView, EnvironmentView, GitView, JobState, JobView, PackageView, ProcessView,
    ProcessesView, RemainderView,
};
pub use lineage::{ArtifactView, InputsView, LineageView, TargetView, WhyJob, WhyView};
pub use status::{DriftKind, DriftView, LogEntry, LogView, StatusView, StepCounts};

pub(crate) use bytes::command_line;
pub(crate) use dag::{EdgeView, ending};

/// The version of the JSON shapes.
pub const SCHEMA: u32 = 1;
