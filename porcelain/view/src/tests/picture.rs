//! Pictures.

use super::session::records;
use crate::*;
use proptest::test_runner::TestCaseError;
use roar_graph::{Show, project};

/// Checks that a document is XML and holds no script and nothing from elsewhere.
pub(super) fn well_formed(document: &str) -> Result<(), TestCaseError> {
    let options = roxmltree::ParsingOptions {
        allow_dtd: true,
        ..roxmltree::ParsingOptions::default()
    };
    let parsed = roxmltree::Document::parse_with_options(document, options)
        .map_err(|err| TestCaseError::fail(format!("{err} in {document}")))?;
    for node in parsed.descendants().filter(roxmltree::Node::is_element) {
        let tag = node.tag_name().name();
        let loads = ["script", "link", "img", "image", "iframe", "use"].contains(&tag);
        let refers = node
            .attributes()
            .any(|attribute| attribute.name().ends_with("href"));
        if loads || refers {
            return Err(TestCaseError::fail(format!("a picture holds <{tag}>")));
        }
    }
    Ok(())
}

fn stale_view() -> DagView {
    let records = records();
    DagView::new("a <b> & \"c\"", &project(&records), Show::Stale)
}

fn elements(document: &str, tag: &str, class: &str) -> usize {
    let parsed = roxmltree::Document::parse(document).expect("well formed");
    let found = parsed.descendants().filter(|node| {
        node.tag_name().name() == tag
            && node
                .attribute("class")
                .is_some_and(|classes| classes.split(' ').any(|one| one == class))
    });
    found.count()
}

#[test]
fn a_drawing_has_every_node_and_every_line() {
    let view = stale_view();
    let drawn = svg(&view);
    well_formed(&drawn).expect("well formed");
    assert_eq!(elements(&drawn, "rect", "node"), 5);
    assert_eq!(elements(&drawn, "path", "line"), 5);
    assert_eq!(elements(&drawn, "path", "outdated"), 2);
    assert_eq!(elements(&drawn, "rect", "stale"), 1);
    assert_eq!(elements(&drawn, "rect", "failed"), 1);
}

#[test]
fn a_page_has_the_drawing_and_both_tables() {
    let page = html(&stale_view());
    well_formed(&page).expect("well formed");
    assert!(page.contains("<h2>Steps</h2>") && page.contains("<h2>Files</h2>"));
    assert!(page.contains("a &lt;b&gt; &amp; &quot;c&quot;"));
    assert!(page.contains("data/train/ (300 files)"));
    assert!(page.contains("Not shown: 1 superseded."));
}

#[test]
fn an_empty_dag_is_a_picture_too() {
    let view = DagView::new("default", &project(&[]), Show::Current);
    well_formed(&svg(&view)).expect("well formed");
    well_formed(&html(&view)).expect("well formed");
    assert_eq!(mermaid(&view), "flowchart TD\n");
}

#[test]
fn a_large_dag_is_drawn_in_good_time() {
    let mut view = stale_view();
    let node = view.nodes[0].clone();
    for at in view.nodes.len()..3000 {
        let mut node = node.clone();
        let parents = [at - 1, at / 2, at / 3];
        let edge = |parent| crate::model::EdgeView {
            parent,
            ..Default::default()
        };
        node.edges = parents.into_iter().map(edge).collect();
        view.nodes.push(node);
    }
    assert_eq!(elements(&svg(&view), "rect", "node"), 3000);
}

#[test]
fn other_programs_get_every_node_and_every_line_in_their_language() {
    let view = stale_view();
    let text = mermaid(&view);
    assert!(text.starts_with("flowchart TD\n  n0[\"@1 prepare<br/>python prepare.py"));
    assert_eq!(
        (text.matches("-->").count(), text.matches("-.->").count()),
        (3, 2)
    );
    assert!(text.contains(":::stale") && text.contains("classDef failed"));
    assert!(!text.contains("<&>"));
    let text = dot(&view);
    assert!(text.starts_with("digraph roar {") && text.ends_with("}\n"));
    assert_eq!(text.matches(" -> n").count(), 5);
    assert_eq!(text.matches("[label=\"@").count(), 5);
    assert!(text.contains("\\\"$OUT") || text.contains("cut -d"));
}

#[test]
fn a_long_command_stays_in_its_box_and_shows_what_runs() {
    let mut view = stale_view();
    let words = [
        "/home/me/project/.venv/bin/python",
        "steps/train.py",
        "--seed=12",
    ];
    view.nodes[0].argv = words.map(Bytes::from).to_vec();
    view.nodes[1].argv = vec![Bytes::from("表".repeat(40).as_str())];
    view.nodes[1].name = Some("n".repeat(100));
    let shown = "python steps/train.py --seed=12";
    assert!(dot(&view).contains(shown) && mermaid(&view).contains(shown));

    let drawn = svg(&view);
    let parsed = roxmltree::Document::parse(&drawn).expect("well formed");
    let number = |node: &roxmltree::Node<'_, '_>, name| -> Option<i64> {
        node.attribute(name)?.parse().ok()
    };
    let with_tag = |tag| {
        let elements = parsed.descendants();
        elements.filter(move |node| node.tag_name().name() == tag)
    };
    let boxes: Vec<_> = with_tag("rect")
        .filter_map(|node| Some((number(&node, "x")?, number(&node, "width")?)))
        .collect();
    let mut lines = 0;
    for node in with_tag("text") {
        let left = number(&node, "x").expect("has a place");
        let text = node.text().unwrap_or_default();
        // What has no length of its own leaves room for a font of nearly any width.
        let length = number(&node, "textLength");
        let length = length.unwrap_or_else(|| crate::quote::columns(text) as i64 * 10);
        let inside = |&(x, width): &(i64, i64)| x < left && left + length < x + width;
        assert!(boxes.iter().any(inside), "{text} is {length} wide");
        lines += 1;
    }
    assert_eq!((boxes.len(), lines), (5, 15));
}
