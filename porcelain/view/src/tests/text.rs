//! Text.

use super::session::{clock, grown, records, view_of};
use crate::*;
use proptest::prelude::*;
use roar_graph::{Record, Show, Written, project};
use roar_object::{ByteStr, ContentId, RecordedPath};

const WIDE: Layout = Layout {
    width: Some(100),
    ascii: false,
};

fn metrics(records: &[Record]) -> Written {
    let found = project(records).at(&RecordedPath::inside("metrics.json"));
    found.expect("the session writes it")
}

#[test]
fn the_current_dag_shows_every_edge_and_counts_what_it_hides() {
    let records = records();
    let projection = project(&records);
    insta::assert_snapshot!(dag_text(&DagView::new("default", &projection, Show::Current), WIDE), @r####"
    ● @1 prepare: python prepare.py --shards 300  1.23 s
    │    data/raw.csv → data/test.csv, data/train/ (300 files)
    ├─● @2 python train.py --lr=0.2  1.23 s
    │ │    data/train/ (300 files) → model.bin  (← @1)
    ● │ @4 sh -c 'cut -d, -f1 < '\''a b'\'' > "$OUT"'  1.23 s
      │    data/test.csv, $'odd\n\xff<&>"name' → 'plot é.svg'  (← @1)
      ✗ @5 failed (exit 3)  ./export.sh model.bin  1.23 s
           model.bin → export.tar  (← @2)
    1 stale, 1 superseded hidden: --stale, --all
    "####);
}

#[test]
fn stale_steps_say_why() {
    let records = records();
    let projection = project(&records);
    insta::assert_snapshot!(dag_text(&DagView::new("default", &projection, Show::Stale), WIDE), @r####"
    ● @1 prepare: python prepare.py --shards 300  1.23 s
    │    data/raw.csv → data/test.csv, data/train/ (300 files)
    ├─● @2 python train.py --lr=0.2  1.23 s
    │ │    data/train/ (300 files) → model.bin  (← @1)
    ├─┼─◌ @3 stale  python evaluate.py  1.23 s
    │ │      data/test.csv, model.bin → metrics.json  (← @1, @2)
    │ │      because model.bin was overwritten by @2
    ● │ @4 sh -c 'cut -d, -f1 < '\''a b'\'' > "$OUT"'  1.23 s
      │    data/test.csv, $'odd\n\xff<&>"name' → 'plot é.svg'  (← @1)
      ✗ @5 failed (exit 3)  ./export.sh model.bin  1.23 s
           model.bin → export.tar  (← @2)
    1 superseded hidden: --all
    "####);
    let narrow = Layout {
        width: Some(60),
        ascii: true,
    };
    let view = DagView::new("default", &projection, Show::Stale);
    insta::assert_snapshot!(dag_text(&view, narrow), @r####"
    * @1 prepare: python prepare.py --shards 300  1.23 s
    |    data/raw.csv -> data/test.csv, data/train/ (300 files)
    +-* @2 python train.py --lr=0.2  1.23 s
    | |    data/train/ (300 files) -> model.bin  (<- @1)
    +-+-~ @3 stale  python evaluate.py  1.23 s
    | |      data/test.csv, model.bin -> metrics...  (<- @1, @2)
    | |      because model.bin was overwritten by @2
    * | @4 sh -c 'cut -d, -f1 < '\''a b'\'' > "$OUT"'  1.23 s
      |    data/test.csv, $'odd\n\xff<&>"name' -> 'p...  (<- @1)
      x @5 failed (exit 3)  ./export.sh model.bin  1.23 s
           model.bin -> export.tar  (<- @2)
    1 superseded hidden: --all
    "####);
    assert!(
        dag_text(&view, narrow)
            .to_string()
            .replace('é', "e")
            .is_ascii()
    );
}

#[test]
fn the_whole_history_leads_to_the_runs_that_were_read() {
    let records = records();
    let projection = project(&records);
    insta::assert_snapshot!(dag_text(&DagView::new("default", &projection, Show::All), WIDE), @r####"
    ● @1 prepare: python prepare.py --shards 300  1.23 s
    │    data/raw.csv → data/test.csv, data/train/ (300 files)
    ├─○ @2 superseded  python train.py --lr=0.1  1.23 s
    │ │    data/train/ (300 files) → model.bin  (← @1)
    ├─┼─◌ @3 stale  python evaluate.py  1.23 s
    │ │      data/test.csv, model.bin → metrics.json  (← @1, @2)
    │ │      because model.bin was overwritten by @2
    ├─│─● @4 sh -c 'cut -d, -f1 < '\''a b'\'' > "$OUT"'  1.23 s
    │ │      data/test.csv, $'odd\n\xff<&>"name' → 'plot é.svg'  (← @1)
    │ ✗ @5 failed (exit 3)  ./export.sh model.bin  1.23 s
    │      model.bin → export.tar  (← @2)
    ● @2 python train.py --lr=0.2  1.23 s
         data/train/ (300 files) → model.bin  (← @1)
    "####);
}

#[test]
fn a_lineage_ends_at_what_it_began_with() {
    let records = records();
    let projection = project(&records);
    let view = LineageView::of_file(&projection, metrics(&records));
    insta::assert_snapshot!(lineage_text(&view, WIDE), @r####"
    Lineage of metrics.json
    ● @1 prepare: python prepare.py --shards 300  1.23 s
    │    data/raw.csv → data/test.csv, data/train/ (300 files)
    ├─○ @2 superseded  python train.py --lr=0.1  1.23 s
    │ │    data/train/ (300 files) → model.bin  (← @1)
    ◌─╯ @3 stale  python evaluate.py  1.23 s
           data/test.csv, model.bin → metrics.json  (← @1, @2)
           because model.bin was overwritten by @2
    Began with:
      data/raw.csv  3.0 KB  read by @1
    "####);
    let target = TargetView::written(projection.history(), metrics(&records));
    let view = InputsView::new(&projection, target, 2);
    insta::assert_snapshot!(inputs_text(&view, WIDE), @r####"
    Inputs of metrics.json
      d4d4d19bd64b     3.0 KB  data/raw.csv  read by @1
    "####);
}

#[test]
fn a_dataset_that_has_grown_is_named_with_the_file_that_was_added() {
    let records = grown();
    let projection = project(&records);
    let view = DagView::new("default", &projection, Show::Stale);
    let shown = dag_text(&view, WIDE).to_string();
    assert!(
        shown.contains("because data/train/extra.npy was added to data/train/ by @6"),
        "{shown}"
    );
}

#[test]
fn a_job_tells_what_it_was_and_how_it_stands() {
    let records = records();
    let projection = project(&records);
    insta::assert_snapshot!(job_text(&view_of(&projection, 2), &clock(), WIDE, false), @r####"
    @3  3147d715c4e1  finished  stale  1.23 s  2026-03-01 15:00:00 +0000 (5 hours ago)
    $ python evaluate.py
    stale: model.bin was overwritten by @2
    Source:    main @ 0123456, uncommitted changes kept as tree 89abcde
    Coverage:  partial (notify); a process outlived the run
    Processes: 2 processes
    Inputs (2)
      4878ca0425c7     4.0 KB  data/test.csv  ← @1
      d2d6f55e87cb     6.0 KB  model.bin  ← @2
    Outputs (1)
      94f004cb5813     6.0 KB  metrics.json
    Environment: Debian GNU/Linux 12, Python 3.11.7, 1 package
    "####);
    insta::assert_snapshot!(job_text(&view_of(&projection, 4), &clock(), WIDE, true), @r####"
    @5  7448e0cac115  failed (exit 3)  1.23 s  2026-03-01 17:00:00 +0000 (3 hours ago)
    $ ./export.sh model.bin
    Source:    main @ 0123456, uncommitted changes kept as tree 89abcde
    Coverage:  partial (notify); a process outlived the run
    Processes: 2 processes
    Inputs (1)
      d2d6f55e87cb     6.0 KB  model.bin  ← @2
    Outputs (1)
      2e5dc63e743b     4.0 KB  export.tar
    Environment
      os.name: Debian GNU/Linux 12
      python: 3.11.7
      $LANG: C.UTF-8
      python numpy 2.1.0
    "####);
}

#[test]
fn times_are_those_of_where_one_is_and_say_so() {
    let records = records();
    let projection = project(&records);
    let view = LogView::new("default", &projection, [2]);
    let clock = Clock {
        zone: jiff::tz::TimeZone::fixed(jiff::tz::offset(-3)),
        ..clock()
    };
    let log = log_text(&view, &clock, WIDE).to_string();
    assert!(log.contains("  2026-03-01 12:00:00 -0300  "), "{log}");
}

#[test]
fn the_log_is_a_table() {
    let records = records();
    let projection = project(&records);
    let view = LogView::new("default", &projection, (1..records.len()).rev());
    insta::assert_snapshot!(log_text(&view, &clock(), WIDE), @r####"
    @2  3b0ce33ba8b5  2026-03-01 18:00:00 +0000  1.23 s  ok              python train.py --lr=0.2
    @5  7448e0cac115  2026-03-01 17:00:00 +0000  1.23 s  exit 3          ./export.sh model.bin
    @4  37a90f0a7235  2026-03-01 16:00:00 +0000  1.23 s  ok              sh -c 'cut -d, -f1 < '\''a b'\…
    @3  3147d715c4e1  2026-03-01 15:00:00 +0000  1.23 s  ok, stale       python evaluate.py
    @2  849a8d921454  2026-03-01 14:00:00 +0000  1.23 s  ok, superseded  python train.py --lr=0.1
    1 other job not shown
    "####);
}

#[test]
fn a_blind_run_is_told_in_every_list() {
    let mut records = records();
    let last = records.len() - 1;
    records[last].verdict = roar_object::Verdict::Blind;
    records[last].outcome = roar_object::Outcome::Exited(0);
    let projection = project(&records);
    let view = LogView::new("default", &projection, Some(last));
    let log = log_text(&view, &clock(), WIDE).to_string();
    assert!(log.contains("ok, NOT SEEN"), "{log}");
    let dag = DagView::new("main", &projection, Show::All);
    let dag = dag_text(&dag, WIDE).to_string();
    assert!(dag.contains("NOTHING of it was seen"), "{dag}");
}

#[test]
fn a_copy_is_known_by_its_bytes() {
    let records = records();
    let projection = project(&records);
    let model = ContentId::of(b"model1");
    let view = WhyView::new(&projection, b"copy.bin", None, model, 6000);
    insta::assert_snapshot!(why_text(&view, &clock(), WIDE), @r####"
    copy.bin  d2d6f55e87cb  6.0 KB
    Made by
      @2  849a8d921454  python train.py --lr=0.1  as model.bin  superseded  6 hours ago
    Read by
      @5  7448e0cac115  ./export.sh model.bin  as model.bin  failed  3 hours ago
      @3  3147d715c4e1  python evaluate.py  as model.bin  stale  5 hours ago
    "####);
    let path = RecordedPath::inside("model.bin");
    let edited = ContentId::of(b"edited");
    let view = WhyView::new(&projection, b"model.bin", Some(&path), edited, 6000);
    insta::assert_snapshot!(why_text(&view, &clock(), WIDE), @r####"
    model.bin  69da6dbe23d4  6.0 KB
    No recorded job wrote or read these bytes.
    The last recorded job to write here was @2, and it left something else.
    "####);
}

#[test]
fn the_status_names_what_needs_a_look() {
    let records = records();
    let projection = project(&records);
    let drifted = DriftView {
        path: "data/test.csv".into(),
        state: DriftKind::Modified,
        executable: None,
        step: "@1".into(),
        recorded: None,
        hash: None,
    };
    let view = StatusView {
        schema: SCHEMA,
        project: "/home/ada/project".into(),
        session: "default".into(),
        head: Some("0123456789abcdef".repeat(4)),
        git: None,
        jobs: StepCounts::new(&projection),
        latest: Some(LogEntry::new(&projection, 5)),
        stale: vec!["@3".into()],
        drift: vec![drifted],
        notes: Vec::new(),
    };
    insta::assert_snapshot!(status_text(&view, &clock(), WIDE), @r####"
    Project:  /home/ada/project
    Session:  default  0123456789ab
    Git:      not a git repository
    Jobs:     3 current, 1 stale, 1 superseded, 1 failed
    Latest:   @2 python train.py --lr=0.2  2 hours ago
    Stale:    @3
    1 file changed outside of recorded jobs:
      modified  data/test.csv  @1
    "####);
}

#[test]
fn nothing_recorded_is_said_as_such() {
    let projection = project(&[]);
    let dag = DagView::new("default", &projection, Show::Current);
    assert_eq!(dag_text(&dag, WIDE).to_string(), "No steps yet.\n");
    let log = LogView::new("default", &projection, []);
    assert_eq!(log_text(&log, &clock(), WIDE).to_string(), "No jobs yet.\n");
}

#[test]
fn a_thousand_runs_read_by_one_are_listed_instead_of_drawn() {
    let one = records().swap_remove(2);
    let mut records: Vec<Record> = (0..1000).map(|at| sweep(&one, at)).collect();
    let mut collect = records[0].clone();
    collect.argv = vec![ByteStr::from("collect.py")];
    collect.step.number = 1001;
    collect.reads = records.iter().map(read_back).collect();
    collect.reads.sort_by(|a, b| a.path.cmp(&b.path));
    collect.writes.clear();
    records.push(collect);
    let projection = project(&records);
    let text = dag_text(&DagView::new("default", &projection, Show::Current), WIDE).to_string();
    assert!(
        text.lines().all(|line| line.chars().count() <= 200),
        "{text}"
    );
    assert!(text.contains("and 988 more)"), "{text}");
}

fn sweep(one: &Record, at: u32) -> Record {
    let mut record = one.clone();
    record.step.number = at + 1;
    record.reads.clear();
    record.writes[0].path = RecordedPath::inside(format!("out/{at:04}"));
    record.writes[0].id = Some(ContentId::of(&at.to_le_bytes()));
    record
}

fn read_back(record: &Record) -> roar_graph::Input {
    let output = &record.writes[0];
    roar_graph::Input {
        path: output.path.clone(),
        id: output.id,
        mode: output.mode,
        size: output.size,
        class: output.class,
    }
}

proptest! {
    // Each case draws a session of hundreds of files in every form.
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_name_breaks_a_line_or_a_picture(argument: Vec<u8>, path in prop::collection::vec(1u8..=255, 1..40), name: String) {
        let mut records = records();
        records[2].argv.push(ByteStr(argument));
        records[2].name = Some(name);
        records[2].writes[0].path = RecordedPath::inside(path);
        let projection = project(&records);
        let view = DagView::new("default", &projection, Show::All);
        let log = LogView::new("default", &projection, 0..records.len());
        let job = view_of(&projection, 2);
        for text in [dag_text(&view, WIDE), log_text(&log, &clock(), WIDE), job_text(&job, &clock(), WIDE, true)] {
            let lines = text.lines.iter().flatten();
            prop_assert!(lines.flat_map(|span| span.text.chars()).all(|character| !character.is_control()));
        }
        super::picture::well_formed(&svg(&view))?;
        super::picture::well_formed(&html(&view))?;
        let json = serde_json::to_string(&view).map_err(|err| TestCaseError::fail(err.to_string()))?;
        let back: DagView = serde_json::from_str(&json).map_err(|err| TestCaseError::fail(err.to_string()))?;
        prop_assert_eq!(serde_json::to_string(&back).ok(), Some(json));
    }
}
