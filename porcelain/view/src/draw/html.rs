//! The DAG as one page: the drawing, and tables of its steps and files.

use super::{Escaped, push, svg};
use crate::model::{DagView, FileView, NodeView};
use crate::text::hidden_words;
use crate::{duration, size};
use std::collections::HashSet;

const STYLE: &str = "
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem; }
.picture { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; margin: 1rem 0; }
th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid #8886; vertical-align: top; }
code { font: 13px ui-monospace, Menlo, Consolas, monospace; overflow-wrap: anywhere; }
.number { text-align: right; white-space: nowrap; }
";

/// Returns the DAG as an HTML page that loads nothing and runs no script.
pub fn html(view: &DagView) -> String {
    let title = format!("Steps of session {}", view.session);
    let title = Escaped(&title);
    let mut page = String::with_capacity(view.nodes.len() * svg::BYTES_A_NODE);
    push(
        &mut page,
        format_args!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n<title>{title}</title>\n\
         <style>{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n<div class=\"picture\">\n"
        ),
    );
    svg::draw(&mut page, view);
    page.push_str("</div>\n");
    if let Some(hidden) = hidden_words(view.hidden) {
        push(
            &mut page,
            format_args!("<p>Not shown: {}.</p>\n", Escaped(&hidden)),
        );
    }
    steps(&mut page, &view.nodes);
    files(&mut page, &view.nodes);
    page + "</body>\n</html>\n"
}

fn steps(page: &mut String, nodes: &[NodeView]) {
    page.push_str(
        "<h2>Steps</h2>\n<table>\n<thead><tr><th>Step</th><th>State</th><th>Name</th><th>Command</th>\
         <th>From</th><th>Time</th></tr></thead>\n<tbody>\n",
    );
    for node in nodes {
        let command = crate::model::command_line(&node.argv);
        let state = match node.ending() {
            Some(ending) => format!("{} ({ending})", node.state),
            None => node.state.clone(),
        };
        push(
            page,
            format_args!(
                "<tr><td>{}</td><td>{}</td><td>{}</td><td><code>{}</code></td><td>{}</td><td class=\"number\">{}</td></tr>\n",
                Escaped(&node.step),
                Escaped(&state),
                Escaped(node.name.as_deref().unwrap_or_default()),
                Escaped(&command),
                Escaped(&node.parents.join(" ")),
                duration(node.duration_ns)
            ),
        );
    }
    page.push_str("</tbody>\n</table>\n");
}

fn files(page: &mut String, nodes: &[NodeView]) {
    page.push_str(
        "<h2>Files</h2>\n<table>\n<thead><tr><th>Path</th><th>Made by</th><th>Size</th><th>BLAKE3</th></tr>\
         </thead>\n<tbody>\n",
    );
    let mut seen = HashSet::new();
    for node in nodes {
        let made = node
            .outputs
            .iter()
            .map(|file| (file, Some(node.step.as_str())));
        let read = node
            .inputs
            .iter()
            .map(|file| (file, file.producer.as_deref()));
        for (file, maker) in made.chain(read) {
            if seen.insert((&file.path, &file.hash)) {
                row(page, file, maker);
            }
        }
    }
    page.push_str("</tbody>\n</table>\n");
}

fn row(page: &mut String, file: &FileView, maker: Option<&str>) {
    push(
        page,
        format_args!(
            "<tr><td><code>{}</code></td><td>{}</td><td class=\"number\">{}</td><td><code>{}</code></td></tr>\n",
            Escaped(&file.shown()),
            Escaped(maker.unwrap_or("")),
            size(file.size),
            Escaped(file.hash.as_deref().unwrap_or(""))
        ),
    );
}
