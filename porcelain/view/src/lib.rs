//! How lineage is worded and drawn, for the terminal and for the web.
//!
//! Each thing that can be asked for has one *view*, a plain structure that holds the answer:
//! [`JobView`], [`DagView`], [`LineageView`], [`InputsView`], [`LogView`], [`StatusView`],
//! [`WhyView`]. It is made of facts that the caller has looked up, it is the JSON that scripts read
//! (`docs/json.md`), and every text and picture is made of it. So all forms of an answer say the
//! same.
//!
//! # Invariants
//!
//! * No input or output happens here, and nothing of the environment is read: how wide the text may
//!   be, what time it is and where, are arguments.
//! * Text comes as [`Text`], lines of spans with a [`Tone`] each; whether a tone has a colour is for
//!   the caller to say. No meaning is carried by a tone alone.
//! * Bytes that came from elsewhere are escaped wherever they could do something: control characters
//!   in text, markup in HTML and SVG, quotes in DOT and Mermaid. Commands are quoted so that a shell
//!   takes them back.
//! * Pictures carry everything that they need with them, and load nothing.
#![forbid(unsafe_code)]

mod draw;
mod model;
mod quote;
#[cfg(test)]
mod tests;
mod text;
mod words;

pub use draw::{dot, html, mermaid, svg};
pub use model::{
    ArtifactView, Bytes, CoverageView, DagSteps, DagView, DatasetJob, DatasetView, DriftKind,
    DriftView, EnvironmentView, FileKind, FileView, GitView, HiddenView, InputsView, JobFacts,
    JobState, JobView, LineageView, LogEntry, LogView, NodeView, OnDiskView, PackageView,
    ProcessView, ProcessesView, RemainderView, SCHEMA, StaleView, StatusView, StepCounts,
    TargetView, WhyJob, WhyView,
};
pub use quote::{command, word};
pub use text::{
    Clock, Layout, Span, Text, Tone, dag_lines, dag_text, dataset_text, inputs_text, job_text,
    lineage_text, log_text, status_text, why_text,
};
pub use words::{ago, change, count, duration, size};
