//! The DAG as a picture.

mod graph;
mod html;
mod place;
mod svg;

pub use graph::{dot, mermaid};
pub use html::html;
pub use svg::svg;

use crate::model::NodeView;
use crate::quote::{cut, short_command};
use crate::{count, duration};
use std::fmt::{self, Write as _};

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
    [
        first,
        short_command(&node.argv, LINE),
        cut(&sides, LINE, "…"),
    ]
}

/// Text with everything that markup could be made of escaped, fit for XML.
struct Escaped<'t>(&'t str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        while let Some(at) = rest.find(is_special) {
            out.write_str(&rest[..at])?;
            let mut characters = rest[at..].chars();
            out.write_str(characters.next().map_or("", replacement))?;
            rest = characters.as_str();
        }
        out.write_str(rest)
    }
}

fn is_special(character: char) -> bool {
    matches!(
        character,
        '<' | '>' | '&' | '"' | '\'' | '\u{fffe}' | '\u{ffff}'
    ) || character.is_control()
}

fn replacement(character: char) -> &'static str {
    match character {
        '<' => "&lt;",
        '>' => "&gt;",
        '&' => "&amp;",
        '"' => "&quot;",
        '\'' => "&#39;",
        // No escape makes the others fit for XML.
        _ => "\u{fffd}",
    }
}

/// Appends what is formatted: a string takes everything.
fn push(text: &mut String, what: fmt::Arguments<'_>) {
    text.write_fmt(what).expect("a string has room");
}
