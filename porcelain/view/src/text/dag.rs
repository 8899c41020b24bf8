//! The DAG and a lineage as text.

use super::lanes::Lanes;
use super::{Layout, Line, Text, Tone, state_tone};
use crate::model::{ArtifactView, DagView, FileView, HiddenView, LineageView, NodeView};
use crate::quote::columns;
use crate::{duration, size};

/// How many files are named on each side of a step.
const NAMED: usize = 3;

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
    let is_root = |artifact: &&ArtifactView| {
        artifact.file.producer.is_none() && artifact.file.dataset.is_none()
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
    let parents: Vec<Vec<usize>> = nodes
        .iter()
        .map(|node| node.edges.iter().map(|edge| edge.parent).collect())
        .collect();
    let marks: Vec<_> = nodes
        .iter()
        .map(|node| mark(&node.state, layout.ascii))
        .collect();
    let lanes = Lanes::new(&parents, &marks, layout.ascii);
    let narrow = layout.width.unwrap_or(usize::MAX) / 3;
    let lanes = lanes.filter(|lanes| lanes.rows.iter().all(|(row, _)| columns(row) <= narrow));
    let widest = |nodes: &[NodeView]| {
        nodes
            .iter()
            .map(|node| columns(&node.step))
            .max()
            .unwrap_or(0)
    };
    let steps = widest(nodes);
    for (at, node) in nodes.iter().enumerate() {
        let (row, below) = match &lanes {
            Some(lanes) => lanes.rows[at].clone(),
            None => (format!("{} ", marks[at]), String::new()),
        };
        let indent = columns(&row).max(columns(&below));
        text.push(header(node, &row, indent, steps, layout));
        for detail in details(node, layout, indent + steps + 1) {
            let line = Line::new().dim(below.clone()).to(indent + steps + 1);
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
    let title = layout.fit(&node.title(), room);
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
    let all: Vec<_> = files.iter().map(name).collect();
    few(&all, NAMED)
}

fn few(all: &[String], most: usize) -> String {
    let shown = all.len().min(most);
    let text = all[..shown].join(", ");
    match all.len() - shown {
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
