//! The DAG and a lineage as text.

use super::lanes::Lanes;
use super::{Layout, Line, Text, Tone, state_tone};
use crate::model::{
    ArtifactView, DagSteps, DagView, FileKind, FileView, HiddenView, LineageView, NodeView,
};
use crate::quote::columns;
use crate::{duration, size};
use roar_graph::Node;
use std::collections::HashSet;

/// How many files are named on each side of a step.
const NAMED: usize = 3;

/// How many lines are made before they are handed on.
const AT_ONCE: usize = 100;

/// Returns the DAG as text: each step with the lines from all its parents, what it read and wrote,
/// and how many jobs are not shown.
pub fn dag_text(view: &DagView, layout: Layout) -> Text {
    let mut text = Text::default();
    if view.nodes.is_empty() {
        text.plain("No steps yet.");
    }
    draw(&mut text, &view.nodes, layout);
    if let Some(hidden) = hidden_line(view.hidden) {
        text.push(Line::new().dim(hidden));
    }
    text
}

/// Hands on the DAG as [`dag_text`] has it, a few lines at a time.
///
/// # Errors
///
/// What `each` returns.
pub fn dag_lines<E>(
    steps: &DagSteps<'_, '_>,
    layout: Layout,
    mut each: impl FnMut(&Text) -> Result<(), E>,
) -> Result<(), E> {
    let mut text = Text::default();
    if steps.dag().nodes.is_empty() {
        text.plain("No steps yet.");
    }
    let drawing = Drawing::of_steps(steps, layout);
    for (at, node) in steps.nodes().enumerate() {
        drawing.node(&mut text, at, &node);
        if text.lines.len() >= AT_ONCE {
            each(&text)?;
            text.lines.clear();
        }
    }
    if let Some(hidden) = hidden_line(steps.hidden()) {
        text.push(Line::new().dim(hidden));
    }
    each(&text)
}

/// Returns a lineage as text: the jobs as in the DAG, then what all began with.
pub fn lineage_text(view: &LineageView, layout: Layout) -> Text {
    let mut text = Text::default();
    text.push(
        Line::new()
            .plain("Lineage of ")
            .add(Tone::Title, view.target.shown()),
    );
    if view.jobs.is_empty() {
        text.plain("No recorded job made it.");
        return text;
    }
    draw(&mut text, &view.jobs, layout);
    // Where a job has made some of a dataset, the others stand for themselves.
    let files = || view.artifacts.iter().map(|artifact| &artifact.file);
    let made = files().filter(|file| file.kind == FileKind::Dataset && file.producer.is_some());
    let made: HashSet<_> = made.map(|file| &file.path).collect();
    let is_root = |artifact: &&ArtifactView| {
        let set = artifact.file.dataset.as_ref();
        artifact.file.producer.is_none() && set.is_none_or(|set| made.contains(set))
    };
    let roots: Vec<_> = view.artifacts.iter().filter(is_root).collect();
    if !roots.is_empty() {
        text.plain("Began with:");
    }
    for root in roots {
        let readers = root.consumers.join(" ");
        let line = Line::new()
            .plain(format!("  {}", root.file.shown()))
            .dim(format!("  {}  read by {readers}", size(root.file.size)));
        text.push(line);
    }
    text
}

fn draw(text: &mut Text, nodes: &[NodeView], layout: Layout) {
    let drawing = Drawing::of_views(nodes, layout);
    for (at, node) in nodes.iter().enumerate() {
        drawing.node(text, at, node);
    }
}

/// Where everything goes, before anything is drawn.
struct Drawing {
    lanes: Option<Lanes>,
    marks: Vec<char>,
    /// How wide the names of the steps are.
    steps: usize,
    layout: Layout,
}

impl Drawing {
    fn of_views(nodes: &[NodeView], layout: Layout) -> Self {
        let parents = |node: &NodeView| node.edges.iter().map(|edge| edge.parent).collect();
        let parents: Vec<Vec<usize>> = nodes.iter().map(parents).collect();
        let states = nodes.iter().map(|node| &*node.state);
        let steps = nodes.iter().map(|node| columns(&node.step)).max();
        Self::new(&parents, states, steps, layout)
    }

    fn of_steps(steps: &DagSteps<'_, '_>, layout: Layout) -> Self {
        let nodes = &steps.dag().nodes;
        let parents = |node: &Node| node.parents.iter().map(|edge| edge.parent).collect();
        let parents: Vec<Vec<usize>> = nodes.iter().map(parents).collect();
        let states = nodes.iter().map(|node| node.state.name());
        let widths = nodes
            .iter()
            .map(|node| columns(&steps.record(node).step.to_string()));
        Self::new(&parents, states, widths.max(), layout)
    }

    fn new<'s>(
        parents: &[Vec<usize>],
        states: impl Iterator<Item = &'s str>,
        steps: Option<usize>,
        layout: Layout,
    ) -> Self {
        let marks: Vec<_> = states.map(|state| mark(state, layout.ascii)).collect();
        let lanes = Lanes::new(parents, &marks, layout.ascii);
        let narrow = layout.width.unwrap_or(usize::MAX) / 3;
        Self {
            lanes: lanes.filter(|lanes| lanes.rows.iter().all(|(row, _)| columns(row) <= narrow)),
            marks,
            steps: steps.unwrap_or(0),
            layout,
        }
    }

    /// Draws the node of that place.
    fn node(&self, text: &mut Text, at: usize, node: &NodeView) {
        let (row, below) = match &self.lanes {
            Some(lanes) => lanes.rows[at].clone(),
            None => (format!("{} ", self.marks[at]), String::new()),
        };
        let indent = columns(&row).max(columns(&below));
        text.push(header(node, &row, indent, self.steps, self.layout));
        let used = indent + self.steps + 1;
        for detail in details(node, self.layout, used) {
            let line = Line::new().dim(below.clone()).to(used);
            text.push(line.add(detail.0, detail.1));
        }
    }
}

/// Writes a step's first line: its row, its name, where its lines come from, what it ran.
fn header(node: &NodeView, row: &str, indent: usize, steps: usize, layout: Layout) -> Line {
    let mut line = Line::new().add(state_tone(&node.state), row).to(indent);
    line = line
        .add(Tone::Step, node.step.clone())
        .to(indent + steps + 1);
    if node.state != "current" {
        let ending = node.ending().filter(|_| node.state == "failed");
        let words = ending.map_or(node.state.clone(), |ending| {
            format!("{} ({ending})", node.state)
        });
        line = line.add(state_tone(&node.state), format!("{words}  "));
    }
    let time = duration(node.duration_ns);
    let room = line.columns() + columns(&time) + 2;
    let title = layout.fit_command(&node.title(), room);
    line.add(Tone::Title, title).dim(format!("  {time}"))
}

/// Writes what else is said of a step, a line each.
fn details(node: &NodeView, layout: Layout, used: usize) -> Vec<(Tone, String)> {
    let mut list = Vec::new();
    let from = if node.parents.is_empty() {
        String::new()
    } else {
        format!("  ({} {})", layout.back_arrow(), few(&node.parents, 12))
    };
    if !node.inputs.is_empty() || !node.outputs.is_empty() {
        let (inputs, outputs) = (names(&node.inputs), names(&node.outputs));
        let sides = match (inputs.is_empty(), outputs.is_empty()) {
            (false, false) => format!("{inputs} {} {outputs}", layout.arrow()),
            (false, true) => format!("reads {inputs}"),
            (true, _) => format!("{} {outputs}", layout.arrow()),
        };
        let sides = layout.fit(&sides, used + columns(&from));
        list.push((Tone::Plain, format!("{sides}{from}")));
    }
    if node.verdict == "blind" {
        let words = "NOTHING of it was seen: what it read and wrote is not known";
        list.push((Tone::Bad, layout.fit(words, used)));
    }
    let mut reasons = super::report::stale_words(&node.stale);
    let more = reasons.len().saturating_sub(NAMED);
    reasons.truncate(NAMED);
    if more > 0 {
        reasons.push(format!("{more} more"));
    }
    if !reasons.is_empty() {
        list.push((
            Tone::Warn,
            layout.fit(&format!("because {}", reasons.join("; ")), used),
        ));
    }
    list
}

/// Names a few files: `a, b, c and 4 more`.
fn names(files: &[FileView]) -> String {
    let name = |file: &FileView| match file.change.as_deref() {
        Some("deleted") => format!("{} (deleted)", file.shown()),
        _ => file.shown(),
    };
    let shown: Vec<_> = files.iter().take(NAMED).map(name).collect();
    and_more(&shown, files.len())
}

fn few(all: &[String], most: usize) -> String {
    and_more(&all[..all.len().min(most)], all.len())
}

fn and_more(shown: &[String], all: usize) -> String {
    let text = shown.join(", ");
    match all - shown.len() {
        0 => text,
        more => format!("{text} and {more} more"),
    }
}

fn mark(state: &str, ascii: bool) -> char {
    match (state, ascii) {
        ("current", false) => '●',
        ("current", true) => '*',
        ("stale", false) => '◌',
        ("stale", true) => '~',
        ("failed", false) => '✗',
        ("failed", true) => 'x',
        (_, false) => '○',
        (_, true) => 'o',
    }
}

/// Says how many jobs are not shown, and what shows them.
fn hidden_line(hidden: HiddenView) -> Option<String> {
    let words = hidden_words(hidden)?;
    let flags = match (hidden.stale > 0, hidden.superseded + hidden.failed > 0) {
        (true, true) => "--stale, --all",
        (true, false) => "--stale",
        (false, _) => "--all",
    };
    Some(format!("{words} hidden: {flags}"))
}

/// Counts what is not shown: `2 stale, 3 superseded`.
pub(crate) fn hidden_words(hidden: HiddenView) -> Option<String> {
    let counts = [
        (hidden.stale, "stale"),
        (hidden.superseded, "superseded"),
        (hidden.failed, "failed"),
    ];
    let some = counts.iter().filter(|(count, _)| *count > 0);
    let words: Vec<_> = some
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    (!words.is_empty()).then(|| words.join(", "))
}
