//! JSON: the shapes that `docs/json.md` promises.

use super::session::{grown, records, turned, view_of};
use crate::*;
use roar_graph::{Show, project};
use roar_object::{ContentId, RecordedPath};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

const PAGE: &str = include_str!("../../../../docs/json.md");

/// Returns the example below a heading.
fn example(heading: &str) -> Value {
    let section = PAGE
        .split("\n## ")
        .find(|section| section.starts_with(heading))
        .expect("a section");
    let after = section.split("```json\n").nth(1).expect("an example");
    let text = after.split("```").next().expect("its end");
    serde_json::from_str(text).expect("JSON")
}

/// Checks that an example is read and written back as it is, and has every field of a real answer.
fn promised<T: DeserializeOwned + Serialize>(heading: &str, real: &T) {
    let example = example(heading);
    let view: T = serde_json::from_value(example.clone()).expect("the shape of the structure");
    assert_eq!(
        serde_json::to_value(view).expect("plain values"),
        example,
        "{heading}"
    );
    let real = serde_json::to_value(real).expect("plain values");
    assert_eq!(keys(&real), keys(&example), "{heading}");
}

fn keys(value: &Value) -> Vec<&String> {
    value.as_object().expect("an object").keys().collect()
}

#[test]
fn every_example_on_the_page_is_what_is_written() {
    let records = records();
    let projection = project(&records);
    let target = projection
        .at(&RecordedPath::inside("metrics.json"))
        .expect("the session writes it");
    let named = TargetView::written(projection.history(), target);
    let model = ContentId::of(b"model1");
    promised("Job:", &view_of(&projection, 2));
    promised("DAG:", &DagView::new("default", &projection, Show::Current));
    promised("Lineage:", &LineageView::of_file(&projection, target));
    promised(
        "Inputs:",
        &InputsView::new(&projection, named, target.record),
    );
    promised("Log:", &LogView::new("default", &projection, 0..3));
    promised(
        "Why:",
        &WhyView::new(&projection, b"copy.bin", None, model, 6),
    );
    let status: StatusView = serde_json::from_value(example("Status:")).expect("a status");
    promised("Status:", &status);
}

#[test]
fn the_target_of_a_lineage_may_be_a_job() {
    let records = records();
    let projection = project(&records);
    let view = serde_json::to_value(LineageView::of_job(&projection, 2)).expect("plain values");
    assert_eq!(
        view["target"],
        json!({"step": "@3", "id": records[2].job.to_string()})
    );
    assert_eq!(
        serde_json::to_value(
            serde_json::from_value::<LineageView>(view.clone()).expect("a lineage")
        )
        .ok(),
        Some(view)
    );
}

#[test]
fn bytes_that_are_no_text_are_base64() {
    let written = serde_json::to_value([Bytes(b"a\n".to_vec()), Bytes(b"\xff".to_vec())])
        .expect("plain values");
    assert_eq!(written, json!(["a\n", {"bytes": "/w=="}]));
    let read: Vec<Bytes> = serde_json::from_value(written).expect("bytes");
    assert_eq!(read[1].0, b"\xff");
    assert!(serde_json::from_value::<Bytes>(json!({"bytes": "?"})).is_err());
}

#[test]
fn small_datasets_list_their_members_and_large_ones_do_not() {
    let mut records = records();
    let members = |view: &JobView| {
        view.inputs
            .iter()
            .filter(|file| file.dataset.is_some())
            .count()
    };
    assert_eq!(members(&view_of(&project(&records), 1)), 0);
    records[1].datasets[0].files = 256;
    let view = view_of(&project(&records), 1);
    assert_eq!((members(&view), view.inputs.len()), (300, 301));
    assert_eq!(view.inputs[0].kind, FileKind::Dataset);
    assert_eq!(view.inputs[0].producer.as_deref(), Some("@1"));
    let dag = DagView::new("default", &project(&records), Show::All);
    assert_eq!(dag.nodes[1].inputs.len(), 1);
    let lineage = LineageView::of_job(&project(&records), 1);
    let sets: Vec<_> = lineage
        .artifacts
        .iter()
        .filter(|one| one.file.kind == FileKind::Dataset)
        .collect();
    assert_eq!((sets.len(), lineage.artifacts.len()), (1, 302));
    assert_eq!(sets[0].consumers, ["@2"]);
}

#[test]
fn a_file_that_was_added_to_a_dataset_is_named_with_the_dataset() {
    let records = grown();
    let projection = project(&records);
    let view = DagView::new("default", &projection, Show::Stale);
    let stale = view.nodes.iter().find(|node| node.step == "@2");
    let stale = stale.map(|node| serde_json::to_value(&node.stale).expect("plain values"));
    let now = records[6].writes[0].id.map(|id| id.to_string());
    assert_eq!(
        stale,
        Some(json!([{
            "path": "data/train/extra.npy",
            "why": "added",
            "step": "@6",
            "now": now,
            "dataset": "data/train",
        }]))
    );
}

#[test]
fn deleted_outputs_have_no_hash_and_kept_ones_say_so() {
    let mut records = records();
    let output = &mut records[4].writes[0];
    output.change = roar_object::Change::Deleted;
    output.id = Some(ContentId::of(b"lost"));
    let view = view_of(&project(&records), 4);
    let written = serde_json::to_value(&view.outputs[0]).expect("plain values");
    assert_eq!(
        (&written["hash"], &written["change"]),
        (&Value::Null, &json!("deleted"))
    );
    let mut again = records[0].clone();
    again.writes.truncate(1);
    again
        .datasets
        .retain(|set| set.role == roar_object::Role::Read);
    records.push(again);
    let projection = project(&records);
    let view = view_of(&projection, 6);
    assert_eq!(view.outputs.len(), 301);
    let kept = view.outputs.iter().filter(|output| output.kept);
    assert_eq!(kept.count(), 300);
    let mut idle = records[6].clone();
    idle.writes.clear();
    records.push(idle);
    let projection = project(&records);
    let view = view_of(&projection, 7);
    assert!(view.outputs.is_empty());
    assert_eq!(view.found, Some(records[6].job.to_string()));
}

#[test]
fn a_file_in_the_place_of_a_directory_is_none_of_its_members() {
    let records = turned();
    let outputs = |record: usize| {
        let view = view_of(&project(&records), record);
        let told = |file: &FileView| {
            let text = |bytes: &Bytes| String::from_utf8_lossy(&bytes.0).into_owned();
            let dataset = file.dataset.as_ref().map(text).unwrap_or_default();
            let change = file.change.as_deref().unwrap_or_default();
            format!("{:?} {} {change} {dataset}", file.kind, text(&file.path))
        };
        view.outputs.iter().map(told).collect::<Vec<_>>()
    };
    assert_eq!(
        outputs(0),
        [
            "Dataset o modified ",
            "Dataset o/d deleted ",
            "File o/d created o",
            "File o/d/a deleted o/d",
            "File o/d/b deleted o/d",
        ]
    );
    assert_eq!(
        outputs(1),
        [
            "Dataset d created ",
            "File d deleted ",
            "File d/a created d"
        ]
    );
}

#[test]
fn what_was_read_for_files_left_in_place_is_marked_and_grouped() {
    let mut records = records();
    let mut report = records[5].writes[0].clone();
    report.path = RecordedPath::inside("report.txt");
    records[5].writes.push(report);
    let mut part = records[5].clone();
    part.writes.remove(0);
    part.reads.truncate(1);
    part.reads[0].path = RecordedPath::inside("notes.txt");
    part.reads[0].id = Some(ContentId::of(b"notes"));
    part.datasets.clear();
    records.push(part);
    let projection = project(&records);
    let listed = |files: &[FileView]| -> Vec<_> {
        let one = |file: &FileView| (file.path.shown(), file.kind, file.kept);
        files.iter().map(one).collect()
    };
    let dag = DagView::new("default", &projection, Show::Current);
    let node = dag.nodes.iter().find(|node| node.step == "@2");
    let node = node.expect("it is current");
    let own = ("notes.txt".to_owned(), FileKind::File, false);
    let set = ("data/train".to_owned(), FileKind::Dataset, true);
    assert_eq!(listed(&node.inputs), [set.clone(), own.clone()]);
    assert_eq!(node.inputs[0].producer.as_deref(), Some("@1"));
    assert_eq!(node.parents, ["@1"]);
    assert_eq!(node.edges[0].paths.len(), 300);
    assert_eq!(listed(&view_of(&projection, 6).inputs), [set, own.clone()]);
    // As a job it has read no more than it has.
    let lineage = LineageView::of_job(&projection, 6);
    assert_eq!(listed(&lineage.jobs[0].inputs), [own]);
    assert!(lineage.jobs[0].parents.is_empty());
}
