//! Bundles that keep every rule of the format and are wrong all the same.
#![allow(clippy::unwrap_used, reason = "tests may panic")]

use roar_bundle::{Manifest, Tip, Writer};
use roar_object::{
    Class, ContentId, Coverage, Entry, FileSet, Job, JobKind, Mode, Object, ObjectId, Outcome,
    RecordedPath, Session, Step, StepName, TreeNode, Verdict,
};
use roar_repo::bundle::{ImportError, Terms, examine, import};
use roar_repo::{Surroundings, Workspace};
use roar_store::Wait;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

fn step() -> Step {
    Step::new(
        JobKind::Run,
        vec![b"x".to_vec().into()],
        RecordedPath::inside(""),
    )
}

fn job(step: ObjectId) -> Job {
    let coverage = Coverage {
        verdict: Verdict::Complete,
        backend: "notify".to_owned(),
        reasons: Vec::new(),
    };
    Job::new(step, 1, 1, Outcome::Exited(0), coverage)
}

/// The objects of a session with one job, its head last.
fn session(step: &Step) -> Vec<Object> {
    let step = Object::encode(step);
    let job = Object::encode(&job(step.id()));
    let begin = Object::encode(&Session::begin("main", 0));
    let name = StepName::new(JobKind::Run, 1);
    let ran = Object::encode(&Session::ran(begin.id(), 1, 0, job.id(), name));
    vec![step, job, begin, ran]
}

fn write(
    directory: &Path,
    tips: &[(&str, ObjectId)],
    objects: &[Object],
    files: &[&[u8]],
) -> PathBuf {
    let tip = |(name, id): &(&str, ObjectId)| Tip {
        name: (*name).to_owned(),
        id: *id,
    };
    let manifest = Manifest::new(0, tips.iter().map(tip).collect(), Vec::new()).unwrap();
    let mut pack = roar_pack::Writer::new(Vec::new()).unwrap();
    for object in objects {
        pack.add(object).unwrap();
    }
    let (pack, _) = pack.finish().unwrap();
    let mut writer = Writer::new(Vec::new(), &manifest).unwrap();
    writer
        .pack(pack.len() as u64, &mut pack.as_slice())
        .unwrap();
    for mut file in files.iter().copied() {
        writer
            .file(ContentId::of(file), file.len() as u64, &mut file)
            .unwrap();
    }
    let path = directory.join("b.roar");
    fs::write(&path, writer.finish().unwrap().0).unwrap();
    path
}

fn examined(
    tips: &[(&str, ObjectId)],
    objects: &[Object],
    files: &[&[u8]],
) -> Result<usize, ImportError> {
    let directory = tempfile::tempdir().unwrap();
    examine(&write(directory.path(), tips, objects, files)).map(|examined| examined.jobs)
}

#[test]
fn what_is_whole_is_taken() {
    let objects = session(&step());
    let tip = [("session", objects[3].id())];
    assert_eq!(examined(&tip, &objects, &[]).unwrap(), 1);
}

#[test]
fn every_object_that_is_needed_must_be_there() {
    let objects = session(&step());
    let tip = [("session", objects[3].id())];
    for missing in 0..objects.len() {
        let mut fewer = objects.clone();
        let gone = fewer.remove(missing).id();
        let refused = examined(&tip, &fewer, &[]);
        assert!(
            matches!(refused, Err(ImportError::Incomplete { id }) if id == gone),
            "{refused:?}"
        );
    }
    let mut reading = step();
    reading.reads = vec![FileSet {
        class: Class::Data,
        base: roar_object::Base::Project,
        tree: ObjectId::from_bytes([7; 32]),
        files: 1,
        bytes: 1,
    }];
    let objects = session(&reading);
    let tip = [("session", objects[3].id())];
    assert!(matches!(
        examined(&tip, &objects, &[]),
        Err(ImportError::Incomplete { .. })
    ));
}

#[test]
fn nothing_else_may_be_there() {
    let mut objects = session(&step());
    let tip = [("session", objects[3].id())];
    let stray = Object::encode(&Session::begin("stray", 0));
    objects.push(stray.clone());
    let refused = examined(&tip, &objects, &[]);
    assert!(matches!(refused, Err(ImportError::Stray { id }) if id == stray.id()));
    objects.pop();
    let refused = examined(&tip, &objects, &[b"bytes"]);
    assert!(
        matches!(refused, Err(ImportError::StrayFile { .. })),
        "{refused:?}"
    );
}

#[test]
fn a_session_is_a_session_and_its_jobs_are_jobs() {
    let objects = session(&step());
    let refused = examined(&[("session", objects[1].id())], &objects[..2], &[]);
    assert!(
        matches!(refused, Err(ImportError::NoSession { kind: "job" })),
        "{refused:?}"
    );
    let begin = objects[2].clone();
    let name = StepName::new(JobKind::Run, 1);
    // The link calls a step a job.
    let ran = Object::encode(&Session::ran(begin.id(), 1, 0, objects[0].id(), name));
    let tip = [("session", ran.id())];
    let refused = examined(&tip, &[objects[0].clone(), begin, ran], &[]);
    assert!(matches!(refused, Err(ImportError::Wrong(_))), "{refused:?}");
}

#[test]
fn a_tree_that_lies_about_what_is_below_it_is_refused() {
    let name = |text: &str| text.as_bytes().to_vec();
    let leaf = Entry::content(name("f"), Mode::File, ContentId::of(b"x"), 1);
    let leaf = Object::encode(&TreeNode::new(0, vec![leaf]));
    // It says ten files, and there is one.
    let lying = Entry::tree(name("d"), Mode::Directory, leaf.id(), 1, 10);
    let lying = TreeNode::new(0, vec![lying]);
    let lying = Object::encode(&lying);
    let mut reading = step();
    reading.reads = vec![FileSet {
        class: Class::Data,
        base: roar_object::Base::Project,
        tree: lying.id(),
        files: 10,
        bytes: 1,
    }];
    let mut objects = session(&reading);
    let tip = [("session", objects[3].id())];
    objects.extend([leaf, lying]);
    let refused = examined(&tip, &objects, &[]);
    assert!(matches!(refused, Err(ImportError::Wrong(_))), "{refused:?}");
}

#[test]
fn an_import_is_one_commit_and_can_be_repeated() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("project");
    fs::create_dir(&root).unwrap();
    let workspace = Workspace::create_at(&root, &Surroundings::default()).unwrap();
    let objects = session(&step());
    let tip = [("session", objects[3].id())];
    let path = write(directory.path(), &tip, &objects, &[]);
    let mut on_wait = |_: &roar_store::Holder| {};
    let mut take = |name: &str| {
        let terms = Terms {
            name: name.to_owned(),
            files: true,
            at_ns: 0,
        };
        let wait = Wait {
            up_to: Duration::from_secs(10),
            command: "test",
            on_wait: &mut on_wait,
        };
        import(&workspace, &examine(&path).unwrap(), &terms, wait)
    };
    assert_eq!(take("a").unwrap().new_objects, 4);
    assert_eq!(take("a").unwrap().new_objects, 0);
    for name in ["..", "a..b", "x.lock", ""] {
        assert!(matches!(take(name), Err(ImportError::Name(_))), "{name:?}");
    }
    let snapshot = workspace.snapshot().unwrap();
    let refs = snapshot.objects().references("").unwrap();
    assert_eq!(refs.len(), 1);
    assert_eq!(refs[0].0.as_str(), "bundles/a/session");
    assert_eq!(snapshot.head().unwrap(), None);
}

#[test]
fn what_cannot_be_read_twice_is_refused_before_it_is_read() {
    let refused = examine(Path::new("/dev/null"));
    assert!(
        matches!(&refused, Err(ImportError::Open { source, .. })
            if source.kind() == std::io::ErrorKind::InvalidInput),
        "{refused:?}"
    );
}
