//! A session as people have them: a pipeline with a dataset, a step that is stale, one that failed,
//! and files with names that nobody expects.

use crate::{Clock, JobFacts, JobView};
use jiff::tz::TimeZone;
use roar_graph::{Input, Output, Projection, Record, next_step, project};
use roar_object::{
    ByteStr, Change, Class, ContentId, Coverage, DatasetAt, Environment, JobKind, Kind, Mode,
    ObjectId, Outcome, Package, Process, Processes, RecordedPath, Role, Source, StepName, Verdict,
};

pub(super) const HOUR: i64 = 3_600_000_000_000;
pub(super) const START: i64 = 1_772_370_000_000_000_000;

fn job(command: &[&str]) -> Record {
    Record {
        job: ObjectId::of(Kind::Job, command.join(" ").as_bytes()),
        step: StepName::new(JobKind::Run, 1),
        kind: JobKind::Run,
        argv: command.iter().map(|word| ByteStr::from(*word)).collect(),
        directory: RecordedPath::inside(""),
        name: None,
        repeats: None,
        outcome: Outcome::Exited(0),
        interrupted: false,
        started_ns: 0,
        duration_ns: 1_230_000_000,
        verdict: Verdict::Complete,
        reads: Vec::new(),
        writes: Vec::new(),
        datasets: Vec::new(),
    }
}

fn reads(job: &mut Record, class: Class, path: &[u8], content: &str) {
    job.reads.push(Input {
        path: RecordedPath::inside(path),
        id: Some(ContentId::of(content.as_bytes())),
        mode: Mode::File,
        size: content.len() as u64 * 1000,
        class,
    });
    job.reads.sort_by(|a, b| a.path.cmp(&b.path));
}

fn writes(job: &mut Record, path: &[u8], content: &str) {
    job.writes.push(Output {
        path: RecordedPath::inside(path),
        change: if content.is_empty() {
            Change::Deleted
        } else {
            Change::Created
        },
        id: Some(ContentId::of(content.as_bytes())).filter(|_| !content.is_empty()),
        mode: Mode::File,
        size: content.len() as u64 * 1000,
        class: Class::Data,
    });
    job.writes.sort_by(|a, b| a.path.cmp(&b.path));
}

fn dataset(job: &mut Record, role: Role, path: &str, files: u64) {
    job.datasets.push(DatasetAt {
        role,
        path: RecordedPath::inside(path),
        tree: ObjectId::of(Kind::Tree, path.as_bytes()),
        files,
        bytes: files * 1000,
    });
}

fn shards(add: fn(&mut Record, &[u8], &str), job: &mut Record) {
    for at in 0..300 {
        add(
            job,
            format!("data/train/{at:03}.npy").as_bytes(),
            &format!("s{at}"),
        );
    }
}

/// Makes the session: prepare, train, evaluate, plot, a failed export, and training again.
pub(super) fn records() -> Vec<Record> {
    let mut prepare = job(&["python", "prepare.py", "--shards", "300"]);
    prepare.name = Some("prepare".to_owned());
    reads(&mut prepare, Class::Data, b"data/raw.csv", "raw");
    reads(&mut prepare, Class::Code, b"prepare.py", "code");
    shards(writes, &mut prepare);
    writes(&mut prepare, b"data/test.csv", "test");
    dataset(&mut prepare, Role::Written, "data/train", 300);
    let mut train = job(&["python", "train.py", "--lr=0.1"]);
    shards(
        |job, path, content| reads(job, Class::Data, path, content),
        &mut train,
    );
    dataset(&mut train, Role::Read, "data/train", 300);
    writes(&mut train, b"model.bin", "model1");
    let mut evaluate = job(&["python", "evaluate.py"]);
    reads(&mut evaluate, Class::Data, b"model.bin", "model1");
    reads(&mut evaluate, Class::Data, b"data/test.csv", "test");
    writes(&mut evaluate, b"metrics.json", "score1");
    let mut plot = job(&["sh", "-c", "cut -d, -f1 < 'a b' > \"$OUT\""]);
    reads(&mut plot, Class::Data, b"data/test.csv", "test");
    reads(&mut plot, Class::Data, b"odd\n\xff<&>\"name", "odd");
    writes(&mut plot, "plot é.svg".as_bytes(), "plot");
    let mut export = job(&["./export.sh", "model.bin"]);
    export.outcome = Outcome::Exited(3);
    reads(&mut export, Class::Data, b"model.bin", "model1");
    writes(&mut export, b"export.tar", "half");
    let mut again = train.clone();
    again.job = ObjectId::of(Kind::Job, b"again");
    again.argv[2] = ByteStr::from("--lr=0.2");
    again.writes.clear();
    writes(&mut again, b"model.bin", "model2");
    let mut records: Vec<Record> = Vec::new();
    for (at, mut job) in [prepare, train, evaluate, plot, export, again]
        .into_iter()
        .enumerate()
    {
        job.started_ns = START + HOUR * at as i64;
        job.step = next_step(&records, &job);
        records.push(job);
    }
    records
}

/// Makes the session, and adds another shard in the end.
pub(super) fn grown() -> Vec<Record> {
    let mut records = records();
    let mut fetch = job(&["fetch", "extra"]);
    writes(&mut fetch, b"data/train/extra.npy", "extra");
    fetch.step = next_step(&records, &fetch);
    records.push(fetch);
    records
}

/// Makes a run that deletes a directory as a whole and puts a file in its place, and one that does it the other
/// way round, in a directory that each writes as a whole.
pub(super) fn turned() -> Vec<Record> {
    let mut there = job(&["sh", "there.sh"]);
    writes(&mut there, b"o/d", "file");
    writes(&mut there, b"o/d/a", "");
    writes(&mut there, b"o/d/b", "");
    dataset(&mut there, Role::Written, "o", 1);
    dataset(&mut there, Role::Deleted, "o/d", 2);
    let mut back = job(&["sh", "back.sh"]);
    writes(&mut back, b"d", "");
    writes(&mut back, b"d/a", "new");
    dataset(&mut back, Role::Written, "d", 1);
    back.step = next_step(std::slice::from_ref(&there), &back);
    vec![there, back]
}

pub(super) fn clock() -> Clock {
    Clock {
        now_ns: START + 7 * HOUR,
        zone: TimeZone::UTC,
    }
}

#[expect(
    clippy::field_reassign_with_default,
    reason = "a source has a field of its own making"
)]
pub(super) fn view_of(projection: &Projection<'_>, record: usize) -> JobView {
    let coverage = Coverage {
        verdict: Verdict::Partial,
        backend: "notify".to_owned(),
        reasons: vec!["a process outlived the run".to_owned()],
    };
    let mut source = Source::default();
    source.commit = Some("0123456789abcdef0123456789abcdef01234567".to_owned());
    source.branch = Some("main".to_owned());
    source.dirty = true;
    source.tree = Some("89abcdef0123456789abcdef0123456789abcdef".to_owned());
    let package = Package {
        manager: "python".to_owned(),
        name: "numpy".to_owned(),
        version: "2.1.0".to_owned(),
    };
    let facts = vec![
        ("os.name".to_owned(), "Debian GNU/Linux 12".to_owned()),
        ("python".to_owned(), "3.11.7".to_owned()),
    ];
    let environment = Environment::new(facts, vec![package]);
    let processes = Processes {
        count: 2,
        list: vec![Process {
            parent: 0,
            program: ByteStr::from("/usr/bin/python3.11"),
        }],
    };
    let facts = JobFacts {
        coverage: &coverage,
        source: Some(&source),
        environment: Some(&environment),
        variables: &[(ByteStr::from("LANG"), ByteStr::from("C.UTF-8"))],
        hidden_variables: None,
        processes: &processes,
        reads: &[],
        reruns: None,
    };
    JobView::new(projection, record, &facts)
}

#[test]
fn the_session_is_as_it_is_meant_to_be() {
    let records = records();
    let projection = project(&records);
    let states: Vec<_> = (0..records.len())
        .map(|at| format!("{} {}", records[at].step, projection.state(at).name()))
        .collect();
    assert_eq!(
        states,
        [
            "@1 current",
            "@2 superseded",
            "@3 stale",
            "@4 current",
            "@5 failed",
            "@2 current"
        ]
    );
}
