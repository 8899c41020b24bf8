//! Histories of jobs: every question has an answer, the same each time, and graphs have no circles.

use crate::draw::Draw;
use roar_graph::{
    History, Input, Output, Projection, Record, Show, State, next_step, next_steps, project,
};
use roar_object::{
    ByteStr, Change, Class, JobKind, Kind, Mode, ObjectId, Outcome, RecordedPath, StepName, Verdict,
};

pub(super) fn check(data: &[u8]) {
    let records = records(&mut Draw::new(data));
    steps(&records);
    let projection = project(&records);
    graph(projection.history());
    judged(&projection);
    for show in [Show::Current, Show::Stale, Show::All] {
        drawn(&projection, show);
    }
}

/// Steps told at once are those told one by one.
fn steps(records: &[Record]) {
    let at_once = next_steps(&[], records);
    let mut known: Vec<Record> = Vec::new();
    for (record, step) in records.iter().zip(at_once) {
        let mut record = record.clone();
        record.step = next_step(&known, &record);
        assert_eq!(record.step, step);
        assert_eq!(step.build, record.kind == JobKind::Build);
        known.push(record);
    }
}

/// Producers come before readers, and families agree in both directions.
fn graph(history: &History<'_>) {
    let records = history.records();
    for (at, record) in records.iter().enumerate() {
        for input in 0..record.reads.len() {
            let Some(producer) = history.producer(at, input) else {
                continue;
            };
            assert!(producer.record < at);
            let output = &records[producer.record].writes[producer.output];
            assert!(output.remains() && output.id == record.reads[input].id);
            assert_eq!(producer.elsewhere, output.path != record.reads[input].path);
        }
        let ancestors = history.ancestors(at);
        assert!(
            history
                .parents(at)
                .iter()
                .all(|parent| ancestors.contains(parent))
        );
        for ancestor in ancestors {
            assert!(history.descendants(ancestor).contains(&at));
        }
        asked(history, at, record);
    }
}

fn asked(history: &History<'_>, at: usize, record: &Record) {
    let lineage = history.lineage_of_job(at);
    assert_eq!(lineage.jobs.last(), Some(&at));
    assert!(
        history
            .inputs(at)
            .iter()
            .all(|artifact| artifact.producer.is_none())
    );
    for read in &record.reads {
        assert!(history.latest_read(&read.path).is_some());
    }
    for (output, written) in record.writes.iter().enumerate() {
        assert!(history.latest_write(&written.path).is_some());
        let id = written.id.filter(|_| written.remains());
        if let Some(id) = id {
            let writers = history.writers(id);
            let here = writers
                .iter()
                .find(|writer| (writer.record, writer.output) == (at, output));
            let target = *here.expect("it wrote that");
            assert!(history.lineage(target).jobs.contains(&at));
            history.readers(id);
        }
    }
}

fn judged(projection: &Projection<'_>) {
    for record in 0..projection.history().records().len() {
        let stale = !projection.reasons(record).is_empty();
        let state = projection.state(record);
        assert!(state != State::Stale || stale);
        assert!(state != State::Current || !stale);
        let heir = projection.stands_for(record);
        let from = projection.found(record).unwrap_or(record);
        assert!(heir >= from && projection.replaced_by(heir).is_none());
        projection.holds(record);
        projection.kept(record);
        for read in projection.inherited_reads(record) {
            assert!(read.record < record && projection.stands_for(read.record) == record);
        }
        for scan in projection.inherited_scans(record) {
            assert!(scan.record < record && projection.stands_for(scan.record) == record);
        }
        for (read, input) in projection.inputs(record) {
            let reader = projection.history().records()[read.record];
            assert_eq!(reader.reads[read.input], *input);
        }
        if let Some(later) = projection.word_on(record) {
            assert!(later > record && heir == record);
        }
    }
    for (path, held) in projection.world() {
        assert_eq!(projection.at(path), Some(held));
    }
}

/// Parents come before children, and every record is shown or counted.
fn drawn(projection: &Projection<'_>, show: Show) {
    let dag = projection.dag(show);
    let all = projection.history().records().len();
    assert_eq!(dag.nodes.len() + dag.hidden.total(), all);
    for (place, node) in dag.nodes.iter().enumerate() {
        assert!(node.parents.iter().all(|edge| edge.parent < place));
        assert!(
            node.parents
                .windows(2)
                .all(|pair| pair[0].parent < pair[1].parent)
        );
    }
    assert_eq!(projection.dag(show), dag);
}

fn records(draw: &mut Draw<'_>) -> Vec<Record> {
    let mut records = Vec::new();
    while !draw.is_empty() && records.len() < 40 {
        records.push(record(draw, records.len()));
    }
    records
}

fn record(draw: &mut Draw<'_>, at: usize) -> Record {
    let bits = draw.byte();
    let kind = if bits & 1 == 1 {
        JobKind::Build
    } else {
        JobKind::Run
    };
    let (reads, writes) = (usize::from(bits >> 1 & 3), usize::from(bits >> 3 & 3));
    let (data, packages) = (Class::Data, Class::Package);
    let mut record = Record {
        job: ObjectId::of(Kind::Job, &[at as u8]),
        step: StepName::new(kind, number(draw)),
        kind,
        argv: argv(draw),
        directory: RecordedPath::inside(""),
        name: None,
        repeats: repeats(draw, at),
        outcome: Outcome::Exited(i32::from(bits >> 5 == 7)),
        interrupted: false,
        started_ns: draw.number() as i64,
        duration_ns: draw.number(),
        verdict: Verdict::Complete,
        reads: (0..reads).map(|_| input(draw, data)).collect(),
        writes: (0..writes)
            .map(|_| output(draw, if bits > 250 { packages } else { data }))
            .collect(),
        datasets: Vec::new(),
    };
    record.reads.sort_by(|a, b| a.path.cmp(&b.path));
    record.writes.sort_by(|a, b| a.path.cmp(&b.path));
    record.reads.dedup_by(|a, b| a.path == b.path);
    record.writes.dedup_by(|a, b| a.path == b.path);
    record
}

/// Some earlier job, the record's own, or none.
fn repeats(draw: &mut Draw<'_>, at: usize) -> Option<ObjectId> {
    let back = draw.below(8);
    let job = at.checked_sub(back).filter(|_| back < 4)?;
    Some(ObjectId::of(Kind::Job, &[job as u8]))
}

fn number(draw: &mut Draw<'_>) -> u32 {
    u32::try_from(draw.number()).unwrap_or(u32::MAX)
}

fn argv(draw: &mut Draw<'_>) -> Vec<ByteStr> {
    let known = [
        "python train.py",
        "python eval.py --x 1",
        "env A=1 nice uv run a.py",
        "sh -c x",
        "uv run -m m",
        "env",
    ];
    match draw.below(known.len() + 2) {
        at if at < known.len() => known[at].split(' ').map(ByteStr::from).collect(),
        at if at == known.len() => Vec::new(),
        _ => draw
            .bytes()
            .split(|&byte| byte == b' ')
            .map(ByteStr::from)
            .collect(),
    }
}

fn place(draw: &mut Draw<'_>) -> RecordedPath {
    RecordedPath::inside(draw.pick(&["a", "b", "c", "d", "e"]))
}

fn input(draw: &mut Draw<'_>, class: Class) -> Input {
    let path = place(draw);
    let bits = draw.byte();
    let id = (bits < 250).then(|| draw.content());
    let class = if bits & 8 == 8 { Class::Code } else { class };
    Input {
        path,
        id,
        mode: Mode::File,
        size: u64::from(bits & 3),
        class,
    }
}

fn output(draw: &mut Draw<'_>, class: Class) -> Output {
    let Input {
        path,
        id,
        mode,
        size,
        class,
    } = input(draw, class);
    let change = draw.pick(&[
        Change::Created,
        Change::Modified,
        Change::Modified,
        Change::Deleted,
    ]);
    Output {
        path,
        change,
        id,
        mode,
        size,
        class,
    }
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let spread = |factor: u32| (0..300_u32).map(|at| (at * factor % 241) as u8).collect();
    let chain = [10, 1, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0].repeat(20);
    let mut seeds: Vec<Vec<u8>> = [3, 7, 31, 101].into_iter().map(spread).collect();
    seeds.push(chain);
    seeds
}
