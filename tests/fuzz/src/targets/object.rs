//! Bodies of objects: what decodes encodes to the same bytes, and reading its fields is safe.

use crate::draw::Draw;
use roar_object::{
    Base, Body, Change, Class, Coverage, DatasetAt, Environment, FileSet, Job, JobKind, Kind,
    Object, ObjectId, Outcome, Package, Process, RecordedPath, Role, Session, Source, Step,
    StepName, TreeNode, Variables, Verdict, WrittenSet,
};

/// The first byte says of which kind the rest claims to be.
pub(super) fn check(data: &[u8]) {
    let mut draw = Draw::new(data);
    let kind = draw.pick(&Kind::ALL);
    let object = Object::from_body(kind, draw.rest().to_vec());
    assert!(object.is_genuine());
    let verified = object.verify();
    let decoded = [
        again(&object, |node: &TreeNode| {
            node.size();
            node.files();
        }),
        again(&object, read_step),
        again(&object, read_job),
        again(&object, |_: &Session| ()),
        again(&object, |facts: &Environment| {
            facts.fact("os");
        }),
        again(&object, |_: &Source| ()),
        again(&object, |_: &Variables| ()),
    ];
    let as_own_kind = decoded[usize::from(kind.code()) - 1];
    assert_eq!(
        decoded.iter().filter(|&&ok| ok).count(),
        usize::from(as_own_kind)
    );
    assert_eq!(verified.is_ok(), as_own_kind, "{verified:?}");
    if let Err(err) = verified {
        assert!(!err.to_string().is_empty());
    }
    forged(&object);
}

/// Decodes, encodes again, and compares; returns whether it decoded.
fn again<T: Body>(object: &Object, read: impl Fn(&T)) -> bool {
    let Ok(value) = object.decode::<T>() else {
        return false;
    };
    assert_eq!(value.check(), Ok(()));
    assert_eq!(&Object::encode(&value), object);
    read(&value);
    true
}

fn read_step(step: &Step) {
    for set in &step.reads {
        assert!(step.reads_of(set.class, set.base).is_some());
    }
    step.directory.shown();
}

fn read_job(job: &Job) {
    job.outcome.shell_code();
    job.outcome.is_success();
    for set in &job.datasets {
        set.path.absolute(b"/p");
    }
}

/// A name that is not the body's is never let pass.
fn forged(object: &Object) {
    let other = ObjectId::from_bytes([7; 32]);
    let forged = Object::from_parts(other, object.kind(), object.body().to_vec());
    assert!(!forged.is_genuine() && forged.verify().is_err());
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let objects = [
        Object::encode(&tree()),
        Object::encode(&step()),
        Object::encode(&job()),
        Object::encode(&extreme_job()),
        Object::encode(&Session::begin("main", 7)),
        Object::encode(&Session::ran(
            id(1),
            1,
            -1,
            id(2),
            StepName::new(JobKind::Build, 3),
        )),
        Object::encode(&environment()),
        Object::encode(&Source {
            commit: Some("c0ffee".into()),
            ..Source::default()
        }),
        Object::encode(&Variables::new(vec![(b"A".into(), b"tag".into())])),
    ];
    objects.iter().map(with_kind).collect()
}

fn with_kind(object: &Object) -> Vec<u8> {
    [&[object.kind().code() - 1], object.body()].concat()
}

fn id(byte: u8) -> ObjectId {
    ObjectId::from_bytes([byte; 32])
}

fn tree() -> TreeNode {
    use roar_object::{ContentId, Entry, Mode};
    let content = ContentId::of(b"x");
    TreeNode::new(
        0,
        vec![
            Entry::content("a", Mode::File, content, 300),
            Entry::content("b", Mode::Executable, content, 1),
            Entry::tree("d", Mode::Directory, id(3), 1 << 40, 70_000),
            Entry::unnamed("u", 0),
        ],
    )
}

fn step() -> Step {
    let argv = vec![b"python".into(), b"train.py".into()];
    let mut step = Step::new(JobKind::Run, argv, RecordedPath::inside("sub"));
    step.variables = vec![(b"LANG".into(), b"C".into())];
    step.reads = [Class::Data, Class::Code]
        .map(|class| FileSet {
            class,
            base: Base::Project,
            tree: id(4),
            files: 2,
            bytes: 300,
        })
        .to_vec();
    step.environment = Some(id(5));
    step
}

fn job() -> Job {
    let coverage = Coverage {
        verdict: Verdict::Partial,
        backend: "notify".into(),
        reasons: vec!["why".into()],
    };
    let mut job = Job::new(id(6), 1, 2, Outcome::Killed(9), coverage);
    job.name = Some("n".into());
    job.writes = vec![WrittenSet {
        change: Change::Created,
        class: Class::Data,
        base: Base::Root,
        tree: id(7),
        files: 1,
        bytes: 1,
    }];
    job.datasets = vec![DatasetAt {
        role: Role::Read,
        path: RecordedPath::inside("data"),
        tree: id(8),
        files: 3,
        bytes: 4,
    }];
    job.datasets.push(DatasetAt {
        role: Role::Deleted,
        ..job.datasets[0].clone()
    });
    job.processes.count = 1;
    job.processes.list = vec![Process {
        parent: 0,
        program: b"/bin/sh".into(),
    }];
    job
}

/// Numbers at their ends.
fn extreme_job() -> Job {
    let mut job = job();
    (job.started_ns, job.duration_ns) = (i64::MIN, u64::MAX);
    job.outcome = Outcome::Killed(127);
    job.processes.count = u64::MAX;
    job
}

fn environment() -> Environment {
    let package = Package {
        manager: "python".into(),
        name: "n".into(),
        version: "1".into(),
    };
    Environment::new(vec![("os".into(), "linux".into())], vec![package])
}
