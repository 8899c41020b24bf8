//! The DAG in the languages of other programs: DOT and Mermaid.

use super::label;
use crate::model::{DagView, NodeView};
use std::fmt::Write as _;

/// Returns the DAG in Graphviz's language.
pub fn dot(view: &DagView) -> String {
    let mut text = String::from(
        "digraph roar {\n  rankdir=TB;\n  node [shape=box, style=\"rounded\", fontname=\"monospace\"];\n",
    );
    for (at, node) in view.nodes.iter().enumerate() {
        let lines = label(node).map(|line| quoted(&line)).join("\\n");
        let style = match node.state.as_str() {
            "current" => "",
            "stale" => ", style=\"rounded,dashed\", color=\"#b26a00\"",
            "failed" => ", style=\"rounded,bold\", color=\"#c62828\"",
            _ => ", style=\"rounded,dotted\", color=\"#777777\"",
        };
        let _ = writeln!(text, "  n{at} [label=\"{lines}\"{style}];");
    }
    for (parent, child, outdated, paths) in lines(view) {
        let style = if outdated { ", style=dashed" } else { "" };
        let _ = writeln!(
            text,
            "  n{parent} -> n{child} [label=\"{}\"{style}];",
            quoted(&paths)
        );
    }
    text + "}\n"
}

/// Returns the DAG in Mermaid's language.
pub fn mermaid(view: &DagView) -> String {
    let mut text = String::from("flowchart TD\n");
    for (at, node) in view.nodes.iter().enumerate() {
        let lines = label(node).map(|line| entities(&line)).join("<br/>");
        let _ = writeln!(text, "  n{at}[\"{lines}\"]{}", class(node));
    }
    for (parent, child, outdated, paths) in lines(view) {
        let arrow = if outdated { "-.->" } else { "-->" };
        let _ = writeln!(
            text,
            "  n{parent} {arrow}|\"{}\"| n{child}",
            entities(&paths)
        );
    }
    let styles = [
        ("stale", "stroke:#b26a00,stroke-dasharray:5 3"),
        ("failed", "stroke:#c62828,stroke-width:2px"),
        ("superseded", "stroke:#777777,stroke-dasharray:2 3"),
    ];
    for (state, style) in styles {
        if view.nodes.iter().any(|node| node.state == state) {
            let _ = writeln!(text, "  classDef {state} {style}");
        }
    }
    text
}

fn class(node: &NodeView) -> String {
    match node.state.as_str() {
        "current" => String::new(),
        state => format!(":::{state}"),
    }
}

/// Lists the lines: parent, child, whether outdated, and what ran along.
fn lines(view: &DagView) -> impl Iterator<Item = (usize, usize, bool, String)> {
    view.nodes.iter().enumerate().flat_map(|(child, node)| {
        node.edges.iter().map(move |edge| {
            let first = edge
                .paths
                .first()
                .map(crate::Bytes::shown)
                .unwrap_or_default();
            let paths = match edge.paths.len() {
                0 | 1 => first,
                many => format!("{first} and {} more", many - 1),
            };
            (edge.parent, child, edge.outdated, paths)
        })
    })
}

/// Escapes for a quoted string of DOT.
fn quoted(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

/// Escapes for a quoted string of Mermaid: everything but letters, digits and a few marks.
fn entities(text: &str) -> String {
    let mut shown = String::new();
    for character in text.chars() {
        if character.is_alphanumeric() || " @./_-=,:→…·".contains(character) {
            shown.push(character);
        } else {
            let _ = write!(shown, "#{};", u32::from(character));
        }
    }
    shown
}
