//! The DAG as a picture.

mod graph;
mod html;
mod place;
mod svg;

pub use graph::{dot, mermaid};
pub use html::html;
pub use svg::svg;

use crate::model::NodeView;
use crate::quote::cut;
use crate::{count, duration};

/// Longest line in a node of a picture, in characters.
const LINE: usize = 34;

/// Returns the lines that are written in a node of a picture.
fn label(node: &NodeView) -> [String; 3] {
    let state = if node.state == "current" {
        String::new()
    } else {
        format!(" · {}", node.state)
    };
    let name = node
        .name
        .as_deref()
        .map(crate::quote::prose)
        .unwrap_or_default();
    let first = format!("{} {name}", node.step);
    let command = crate::model::command_line(&node.argv);
    let sides = format!(
        "{} → {}, {}",
        count(node.inputs.len() as u64, "input"),
        count(node.outputs.len() as u64, "output"),
        duration(node.duration_ns)
    );
    let first = format!(
        "{}{state}",
        cut(first.trim_end(), LINE - state.chars().count(), "…")
    );
    [first, cut(&command, LINE, "…"), sides]
}

/// Returns text with everything that markup could be made of escaped, fit for XML.
fn escaped(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '<' => shown.push_str("&lt;"),
            '>' => shown.push_str("&gt;"),
            '&' => shown.push_str("&amp;"),
            '"' => shown.push_str("&quot;"),
            '\'' => shown.push_str("&#39;"),
            // No escape makes these fit for XML.
            '\u{fffe}' | '\u{ffff}' => shown.push('\u{fffd}'),
            _ if character.is_control() => shown.push('\u{fffd}'),
            _ => shown.push(character),
        }
    }
    shown
}
