//! The DAG as a drawing that needs nothing else: no script, no font, no style from outside.

use super::place::{Place, Placed, place};
use super::{escaped, label};
use crate::model::{DagView, NodeView};
use std::fmt::Write as _;

const NODE_WIDTH: f64 = 270.0;
const NODE_HEIGHT: f64 = 66.0;
const COLUMN: f64 = 290.0;
const ROW: f64 = 116.0;
const MARGIN: f64 = 14.0;

/// Colours for light and dark, lines that differ in more than colour.
const STYLE: &str = "
.roar { --ink: #1f2328; --faint: #656d76; --paper: #ffffff; --line: #8c959f; --good: #1a7f37; --warn: #9a6700; --bad: #cf222e; }
@media (prefers-color-scheme: dark) {
  .roar { --ink: #e6edf3; --faint: #9198a1; --paper: #0d1117; --line: #6e7681; --good: #3fb950; --warn: #d29922; --bad: #f85149; }
}
.roar text { font: 13px ui-monospace, Menlo, Consolas, monospace; fill: var(--ink); }
.roar .paper { fill: var(--paper); }
.roar .head { font-weight: 600; }
.roar .faint { fill: var(--faint); }
.roar .node { fill: var(--paper); stroke: var(--good); stroke-width: 1.5; }
.roar .stale { stroke: var(--warn); stroke-dasharray: 6 3; }
.roar .superseded { stroke: var(--line); stroke-dasharray: 2 3; }
.roar .failed { stroke: var(--bad); stroke-width: 2.5; }
.roar .line { fill: none; stroke: var(--line); stroke-width: 1.5; }
.roar .outdated { stroke-dasharray: 5 4; }
.roar .tip { fill: var(--line); }
";

/// Returns the DAG as an SVG document.
pub fn svg(view: &DagView) -> String {
    let parents: Vec<Vec<usize>> = view
        .nodes
        .iter()
        .map(|node| node.edges.iter().map(|edge| edge.parent).collect())
        .collect();
    let placed = place(&parents);
    let width = placed.width * COLUMN + 2.0 * MARGIN;
    let gaps = placed.layers.saturating_sub(1) as f64;
    let height = gaps * ROW + NODE_HEIGHT + 2.0 * MARGIN;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"roar\" role=\"img\" width=\"{width:.0}\" \
         height=\"{height:.0}\" viewBox=\"0 0 {width:.0} {height:.0}\">\n<title>{}</title>\n<style>{STYLE}</style>\n\
         <defs><marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" \
         orient=\"auto\"><path class=\"tip\" d=\"M0 0 L8 4 L0 8 z\"/></marker></defs>\n",
        escaped(&format!("Steps of session {}", view.session))
    );
    // A viewer's own ground may be of the other sort than the style that it picks.
    text.push_str("<rect class=\"paper\" width=\"100%\" height=\"100%\"/>\n");
    draw_lines(&mut text, view, &placed);
    for (node, at) in view.nodes.iter().zip(&placed.nodes) {
        draw_node(&mut text, node, *at);
    }
    text + "</svg>\n"
}

fn left(at: Place) -> f64 {
    MARGIN + at.x * COLUMN - NODE_WIDTH / 2.0
}

fn top(at: Place) -> f64 {
    MARGIN + at.layer as f64 * ROW
}

fn draw_lines(text: &mut String, view: &DagView, placed: &Placed) {
    for (child, which, bends) in &placed.lines {
        let edge = &view.nodes[*child].edges[*which];
        let (from, to) = (placed.nodes[edge.parent], placed.nodes[*child]);
        let class = if edge.outdated {
            "line outdated"
        } else {
            "line"
        };
        let paths: Vec<_> = edge
            .paths
            .iter()
            .take(20)
            .map(crate::Bytes::shown)
            .collect();
        let _ = writeln!(
            text,
            "<path class=\"{class}\" marker-end=\"url(#tip)\" d=\"{}\"><title>{}</title></path>",
            curve(from, bends, to),
            escaped(&paths.join(", "))
        );
    }
}

/// Draws from the bottom of one node through the bends to the top of another.
fn curve(from: Place, bends: &[Place], to: Place) -> String {
    let middle = |at: Place| MARGIN + at.x * COLUMN;
    let (mut x, mut y) = (middle(from), top(from) + NODE_HEIGHT);
    let mut path = format!("M{x:.1} {y:.1}");
    let half = NODE_HEIGHT / 2.0;
    let stops = bends
        .iter()
        .map(|&bend| (middle(bend), top(bend) + half))
        .chain([(middle(to), top(to))]);
    for (to_x, to_y) in stops {
        let bow = (to_y - y) / 2.0;
        let _ = write!(
            path,
            " C{x:.1} {:.1} {to_x:.1} {:.1} {to_x:.1} {to_y:.1}",
            y + bow,
            to_y - bow
        );
        (x, y) = (to_x, to_y);
    }
    path
}

fn draw_node(text: &mut String, node: &NodeView, at: Place) {
    let (left, top) = (left(at), top(at));
    let _ = writeln!(
        text,
        "<g><title>{}</title><rect class=\"node {}\" x=\"{left:.1}\" y=\"{top:.1}\" width=\"{NODE_WIDTH}\" \
         height=\"{NODE_HEIGHT}\" rx=\"8\"/>",
        escaped(&node.title()),
        escaped(&node.state)
    );
    for (line, class) in label(node).iter().zip(["head", "", "faint"]) {
        let place = match class {
            "head" => 20.0,
            "" => 38.0,
            _ => 56.0,
        };
        let (x, y) = (left + 12.0, top + place);
        let _ = writeln!(
            text,
            "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{}</text>",
            escaped(line)
        );
    }
    text.push_str("</g>\n");
}
