//! One object of each kind, whose bytes and name are written down in `docs/format/object.md`.
//!
//! A name that changes is a store that can no longer be read. If a test here fails, either the
//! change is wrong or the version in the body has to move, and the old form be read for ever.
#![expect(clippy::unwrap_used, reason = "tests may panic")]

use roar_object::{
    Base, Body, ByteStr, Change, Class, ContentId, Coverage, DatasetAt, Entry, Environment,
    FileSet, Job, JobKind, Kind, Mode, Object, ObjectId, Outcome, Package, Process, Processes,
    RecordedPath, Role, Session, Source, Step, StepName, TreeNode, Variables, Verdict, WrittenSet,
};

const DOCUMENT: &str = include_str!("../../../docs/format/object.md");

/// Reads the worked example of a kind: the name above it, and its bytes line by line, each line
/// beginning with its offset.
fn example(kind: &str) -> (String, Vec<u8>) {
    let (_, rest) = DOCUMENT
        .split_once(&format!("\n### Example: {kind} `"))
        .unwrap_or_else(|| panic!("no example of a {kind}"));
    let (id, rest) = rest.split_once('`').unwrap();
    let (_, rest) = rest.split_once("```text\n").unwrap();
    let (dump, _) = rest.split_once("```").unwrap();
    let mut bytes = Vec::new();
    for line in dump.lines() {
        let line = line.split('|').next().unwrap();
        let mut words = line.split_whitespace();
        let offset = usize::from_str_radix(words.next().unwrap(), 16).unwrap();
        assert_eq!(offset, bytes.len(), "offset of '{line}'");
        bytes.extend(words.map(|digits| u8::from_str_radix(digits, 16).unwrap()));
    }
    (id.to_owned(), bytes)
}

fn hex(bytes: &[u8]) -> String {
    let digits: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    digits.join(" ")
}

#[track_caller]
fn is_as_documented<T: Body + PartialEq + std::fmt::Debug>(value: &T) {
    let (id, bytes) = example(T::KIND.name());
    let object = Object::encode(value);
    assert_eq!(hex(object.body()), hex(&bytes));
    assert_eq!(object.id().to_string(), id);
    object.verify().unwrap();
    assert_eq!(&object.decode::<T>().unwrap(), value);
}

fn id(byte: u8) -> ObjectId {
    ObjectId::from_bytes([byte; 32])
}

#[test]
fn a_tree_node_never_changes() {
    let hello = ContentId::of(b"hello data\n");
    is_as_documented(&TreeNode::new(
        0,
        vec![
            Entry::content("hello.txt", Mode::File, hello, 11),
            Entry::tree("sub", Mode::Directory, id(0x22), 300, 2),
        ],
    ));
}

fn step() -> Step {
    let argv = ["python", "train.py"].map(ByteStr::from).to_vec();
    let mut step = Step::new(JobKind::Run, argv, RecordedPath::inside(""));
    step.variables = vec![("LANG".into(), "C".into())];
    step.reads = vec![FileSet {
        class: Class::Data,
        base: Base::Project,
        tree: id(0x11),
        files: 1,
        bytes: 11,
    }];
    step.environment = Some(id(0x55));
    step
}

#[test]
fn a_step_never_changes() {
    is_as_documented(&step());
}

#[test]
fn a_job_never_changes() {
    let coverage = Coverage {
        verdict: Verdict::Partial,
        backend: "notify".to_owned(),
        reasons: vec!["a process outlived the run".to_owned()],
    };
    let start = 1_790_000_000_000_000_000;
    let mut job = Job::new(id(0x33), start, 1_500_000_000, Outcome::Killed(9), coverage);
    job.name = Some("train".to_owned());
    job.interrupted = true;
    job.writes = vec![WrittenSet {
        change: Change::Created,
        class: Class::Data,
        base: Base::Project,
        tree: id(0x44),
        files: 2,
        bytes: 70_000,
    }];
    job.datasets = vec![DatasetAt {
        role: Role::Written,
        path: RecordedPath::inside("out"),
        tree: id(0x22),
        files: 2,
        bytes: 70_000,
    }];
    job.source = Some(id(0x66));
    job.processes = Processes {
        count: 1,
        list: vec![Process {
            parent: 0,
            program: "/usr/bin/python3".into(),
        }],
    };
    is_as_documented(&job);
}

#[test]
fn what_became_of_a_dataset_is_a_number_that_never_changes() {
    for (role, number) in [(Role::Read, 1), (Role::Written, 2), (Role::Deleted, 3)] {
        let mut job = Job::new(
            id(0x11),
            0,
            0,
            Outcome::Exited(0),
            Coverage {
                verdict: Verdict::Complete,
                backend: "notify".to_owned(),
                reasons: Vec::new(),
            },
        );
        job.datasets = vec![DatasetAt {
            role,
            path: RecordedPath::inside("d"),
            tree: id(0x22),
            files: 1,
            bytes: 1,
        }];
        let object = Object::encode(&job);
        // One dataset, of five fields, the first of which this is.
        let expected = [0x91, 0x95, number];
        assert!(
            object.body().windows(3).any(|three| three == expected),
            "{role:?}"
        );
    }
}

#[test]
fn a_session_link_never_changes() {
    let step = StepName::new(JobKind::Run, 1);
    is_as_documented(&Session::ran(id(0x77), 1, -1, id(0x88), step));
}

#[test]
fn an_environment_never_changes() {
    let package = Package {
        manager: "python".to_owned(),
        name: "numpy".to_owned(),
        version: "2.3.1".to_owned(),
    };
    let facts = [("os", "linux"), ("cpu.model", "é")];
    let facts = facts.map(|(name, value)| (name.to_owned(), value.to_owned()));
    is_as_documented(&Environment::new(facts.to_vec(), vec![package]));
}

#[test]
#[expect(
    clippy::field_reassign_with_default,
    reason = "the version is nobody's to set"
)]
fn a_source_never_changes() {
    let mut source = Source::default();
    source.commit = Some("c0ffee".to_owned());
    source.branch = Some("main".to_owned());
    source.dirty = true;
    source.prefix = "sub/dir".into();
    is_as_documented(&source);
}

#[test]
fn variables_never_change() {
    let list = vec![(ByteStr::from("TOKEN"), ByteStr::from(vec![0xde, 0xad]))];
    is_as_documented(&Variables::new(list));
}

#[test]
fn every_kind_is_documented_with_its_code_and_context() {
    for kind in Kind::ALL {
        let row = format!(
            "| {} | {} | `{}` |",
            kind.code(),
            kind.name(),
            kind.context()
        );
        assert!(DOCUMENT.contains(&row), "{row}");
        example(kind.name());
    }
}

/// Everything that is one byte away from an example is refused or is another, valid, object; and
/// no such thing panics.
#[test]
fn no_other_bytes_pass_for_the_same_object() {
    for kind in Kind::ALL {
        let (name, bytes) = example(kind.name());
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut other = bytes.clone();
                other[at] ^= 1 << bit;
                let object = Object::from_body(kind, other);
                assert_ne!(object.id().to_string(), name);
                let _ = object.verify();
            }
            let cut = Object::from_body(kind, bytes[..at].to_vec());
            assert!(cut.verify().is_err(), "{} cut at {at}", kind.name());
        }
        let mut longer = bytes;
        longer.push(0xc0);
        assert!(Object::from_body(kind, longer).verify().is_err());
    }
}

/// What MessagePack allows and the canonical form does not.
#[test]
fn a_second_spelling_is_refused() {
    let (_, bytes) = example("variables");
    let long_version = [&bytes[..1], &[0xcc, 0x01], &bytes[2..]].concat();
    let long_list = [&bytes[..2], &[0xdc, 0x00, 0x01], &bytes[3..]].concat();
    let long_bytes = [&bytes[..4], &[0xc5, 0x00], &bytes[5..]].concat();
    let text = [&bytes[..4], &[0xa5], &bytes[6..]].concat();
    for other in [long_version, long_list, long_bytes, text] {
        let object = Object::from_body(Kind::Variables, other);
        assert!(object.verify().is_err(), "{}", hex(object.body()));
    }
}
