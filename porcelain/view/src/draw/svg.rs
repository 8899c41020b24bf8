//! The DAG as a drawing that needs nothing else: no script, no font, no style from outside.

use super::place::{Place, Placed, place};
use super::{Escaped, LINE, label, push};
use crate::model::{DagView, NodeView};
use crate::quote::columns;

/// Sizes in pixels: a drawing of them in whole numbers is as good, smaller, and made in less time.
const PADDING: i64 = 12;
/// A letter of the size below takes 7.8 pixels in nearly every font of even width.
const NODE_WIDTH: i64 = LINE as i64 * 8 + 2 * PADDING;
const NODE_HEIGHT: i64 = 66;
const COLUMN: f64 = NODE_WIDTH as f64 + 20.0;
const ROW: i64 = 116;
const MARGIN: i64 = 14;

/// About how many bytes of a drawing, and of a page with its tables, stand for a step.
pub(super) const BYTES_A_NODE: usize = 1024;

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
    let mut text = String::with_capacity(view.nodes.len() * BYTES_A_NODE);
    draw(&mut text, view);
    text
}

/// Appends the drawing to a page.
pub(super) fn draw(text: &mut String, view: &DagView) {
    let parents: Vec<Vec<usize>> = view
        .nodes
        .iter()
        .map(|node| node.edges.iter().map(|edge| edge.parent).collect())
        .collect();
    let placed = place(&parents);
    let width = (placed.width * COLUMN).ceil() as i64 + 2 * MARGIN;
    let gaps = placed.layers.saturating_sub(1) as i64;
    let height = gaps * ROW + NODE_HEIGHT + 2 * MARGIN;
    push(
        text,
        format_args!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"roar\" role=\"img\" width=\"{width}\" \
             height=\"{height}\" viewBox=\"0 0 {width} {height}\">\n<title>Steps of session {}</title>\n\
             <style>{STYLE}</style>\n\
             <defs><marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" \
             markerHeight=\"7\" orient=\"auto\"><path class=\"tip\" d=\"M0 0 L8 4 L0 8 z\"/></marker></defs>\n",
            Escaped(&view.session)
        ),
    );
    // A viewer's own ground may be of the other sort than the style that it picks.
    text.push_str("<rect class=\"paper\" width=\"100%\" height=\"100%\"/>\n");
    draw_lines(text, view, &placed);
    for (node, at) in view.nodes.iter().zip(&placed.nodes) {
        draw_node(text, node, *at);
    }
    text.push_str("</svg>\n");
}

fn middle(at: Place) -> i64 {
    MARGIN + (at.x * COLUMN).round() as i64
}

fn top(at: Place) -> i64 {
    MARGIN + at.layer as i64 * ROW
}

fn draw_lines(text: &mut String, view: &DagView, placed: &Placed) {
    for (child, which, bends) in &placed.lines {
        let edge = &view.nodes[*child].edges[*which];
        let class = if edge.outdated {
            "line outdated"
        } else {
            "line"
        };
        push(
            text,
            format_args!("<path class=\"{class}\" marker-end=\"url(#tip)\" d=\""),
        );
        draw_curve(text, placed.nodes[edge.parent], bends, placed.nodes[*child]);
        text.push_str("\"><title>");
        for (at, path) in edge.paths.iter().take(20).enumerate() {
            let comma = if at > 0 { ", " } else { "" };
            push(text, format_args!("{comma}{}", Escaped(&path.shown())));
        }
        text.push_str("</title></path>\n");
    }
}

/// Draws from the bottom of one node through the bends to the top of another.
fn draw_curve(text: &mut String, from: Place, bends: &[Place], to: Place) {
    let (mut x, mut y) = (middle(from), top(from) + NODE_HEIGHT);
    push(text, format_args!("M{x} {y}"));
    let stops = bends
        .iter()
        .map(|&bend| (middle(bend), top(bend) + NODE_HEIGHT / 2))
        .chain([(middle(to), top(to))]);
    for (to_x, to_y) in stops {
        let half = (to_y + y) / 2;
        push(
            text,
            format_args!(" C{x} {half} {to_x} {half} {to_x} {to_y}"),
        );
        (x, y) = (to_x, to_y);
    }
}

fn draw_node(text: &mut String, node: &NodeView, at: Place) {
    let (left, top) = (middle(at) - NODE_WIDTH / 2, top(at));
    push(
        text,
        format_args!(
            "<g><title>{}</title><rect class=\"node {}\" x=\"{left}\" y=\"{top}\" width=\"{NODE_WIDTH}\" \
             height=\"{NODE_HEIGHT}\" rx=\"8\"/>\n",
            Escaped(&node.title()),
            Escaped(&node.state)
        ),
    );
    let lines = [("head", 20), ("", 38), ("faint", 56)];
    for (line, (class, down)) in label(node).iter().zip(lines) {
        let (x, y) = (left + PADDING, top + down);
        push(
            text,
            format_args!(
                "<text class=\"{class}\" x=\"{x}\" y=\"{y}\"{}>{}</text>\n",
                squeezed(line),
                Escaped(line)
            ),
        );
    }
    text.push_str("</g>\n");
}

/// Returns what keeps a line that fills the node inside of it, in a font with wider letters, too.
fn squeezed(line: &str) -> String {
    let columns = columns(line) as i64;
    if columns * 4 < LINE as i64 * 3 {
        return String::new();
    }
    let length = columns * 78 / 10;
    format!(" textLength=\"{length}\" lengthAdjust=\"spacingAndGlyphs\"")
}
