//! Collecting where something is damaged: nothing goes for good that would not have gone otherwise.
//!
//! `ROAR_SWEEP=1` tries every byte; without it every few are tried.
#![expect(clippy::unwrap_used, reason = "tests may panic")]

mod common;

use common::{copy, name, new_store, open, set, writer};
use roar_object::{Environment, JobKind, Object, ObjectId, Objects, RecordedPath, Step};
use roar_store::{
    Expect, GcError, GcOptions, GcReport, Holder, Kept, LostLog, Options, Severity, Store, Wait,
    fsck, gc, plan_gc, rebuild,
};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use tempfile::TempDir;

const SEALINGS: u64 = 4;

/// Longer ago than anything.
const EVER: Duration = Duration::from_secs(4_000_000_000);

/// Options by which all goes at once that no ref ever named.
fn at_once() -> GcOptions {
    GcOptions {
        grace: Duration::ZERO,
        reflog: EVER,
        now: SystemTime::now() + Duration::from_secs(100),
        ..GcOptions::asked()
    }
}

fn waiting<T>(work: impl FnOnce(Wait<'_>) -> T) -> T {
    work(Wait {
        up_to: Duration::from_secs(10),
        command: "test",
        on_wait: &mut |_: &Holder| {},
    })
}

fn collect(store: &Store, options: &GcOptions) -> Result<GcReport, GcError> {
    waiting(|wait| gc(store, options, wait))
}

/// A leaf, and a step that needs it.
fn step(number: u64) -> [Object; 2] {
    let facts = vec![("number".to_owned(), number.to_string())];
    let leaf = Object::encode(&Environment::new(facts, Vec::new()));
    let directory = RecordedPath::inside("");
    let argv = vec![format!("command {number}").into_bytes().into()];
    let mut step = Step::new(JobKind::Run, argv, directory);
    step.environment = Some(leaf.id());
    [leaf, Object::encode(&step)]
}

/// What is in a store.
struct Stock {
    /// Where it lies.
    dir: TempDir,
    /// What refs lead to.
    live: Vec<ObjectId>,
    /// What one led to before.
    undone: Vec<ObjectId>,
    /// What none ever led to.
    junk: Vec<ObjectId>,
}

/// Returns a store at rest, with several packs, an index over them and several logs, and in each pack
/// something that may go.
fn stock() -> Stock {
    let (_dir, store) = new_store();
    let (mut live, mut undone, mut junk) = (Vec::new(), Vec::new(), Vec::new());
    let note = |ids: &mut Vec<ObjectId>, objects: &[Object]| {
        ids.extend(objects.iter().map(Object::id));
    };
    for number in 1..=SEALINGS {
        let mut writing = writer(&store);
        let [stays, goes, none] = [10, 20, 30].map(|more| step(number + more));
        note(&mut live, &stays);
        note(&mut undone, &goes);
        note(&mut junk, &none);
        let named = format!("r{number}");
        let mut name_it = |new: &[Object; 2]| {
            set(
                &mut writing,
                &named,
                Expect::Any,
                Some(new[1].id()),
                new.to_vec(),
            )
            .unwrap();
        };
        name_it(&goes);
        name_it(&stays);
        set(&mut writing, "none", Expect::Any, None, none.to_vec()).unwrap();
        drop(writing);
        collect(&store, &GcOptions::automatic()).unwrap();
    }
    let at_rest = tempfile::tempdir().unwrap();
    copy(store.dir(), &at_rest.path().join(".roar"));
    Stock {
        dir: at_rest,
        live,
        undone,
        junk,
    }
}

impl Stock {
    /// Returns another one like it.
    fn copied(&self) -> (TempDir, Store) {
        let room = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
        let room = room.unwrap();
        copy(&self.dir.path().join(".roar"), &room.path().join(".roar"));
        let store = open(&room);
        (room, store)
    }

    /// Returns the files whose names end so.
    fn files(&self, dir: &str, end: &str) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.dir.path().join(".roar").join(dir)).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name());
        let names = names.filter(|name| name.to_str().unwrap().ends_with(end));
        let mut files: Vec<_> = names.map(|name| Path::new(dir).join(name)).collect();
        files.sort();
        files
    }

    /// Flips bits of a file, one in each store that `judge` is shown.
    fn flip_each(&self, file: &Path, stride: usize, judge: &dyn Fn(&Store, &str)) {
        let stride = match std::env::var_os("ROAR_SWEEP") {
            Some(_) => 1,
            None => stride,
        };
        let len = std::fs::metadata(self.dir.path().join(".roar").join(file));
        for at in (0..len.unwrap().len() as usize).step_by(stride) {
            let (_room, store) = self.copied();
            flip(&store.dir().join(file), at);
            judge(&store, &format!("byte {at} of {}", file.display()));
        }
    }
}

fn flip(file: &Path, at: usize) {
    let mut bytes = std::fs::read(file).unwrap();
    bytes[at] ^= 1 << (at % 8);
    std::fs::write(file, bytes).unwrap();
}

fn has_all(store: &Store, ids: &[ObjectId]) -> bool {
    let reader = store.reader();
    let is_whole = |id: &ObjectId| reader.find(*id).is_ok_and(|found| found.is_some());
    ids.iter().all(is_whole)
}

fn has_any(store: &Store, ids: &[ObjectId]) -> bool {
    let reader = store.reader();
    ids.iter().any(|id| reader.has(*id).unwrap())
}

fn assert_sound(store: &Store, told: &str) {
    let report = fsck(store, Options { full: true }).unwrap();
    let mut findings = report.findings.iter();
    let bad = findings.find(|finding| finding.severity > Severity::Info);
    assert_eq!(bad, None, "{told}");
}

#[test]
fn only_what_no_ref_ever_named_goes() {
    let stock = stock();
    assert_eq!(stock.files("packs", ".rix").len(), 4);
    assert_eq!(stock.files("packs", ".rmx").len(), 1);
    assert_eq!(stock.files("reflog", ".rl").len(), 4);
    let (_room, store) = stock.copied();
    let report = collect(&store, &at_once()).unwrap();
    assert_eq!((report.kept, report.pruned), (None, 2 * SEALINGS));
    assert!(has_all(&store, &stock.live) && has_all(&store, &stock.undone));
    assert!(!has_any(&store, &stock.junk));
    assert_sound(&store, "after collecting");
}

#[test]
fn a_damaged_index_costs_nothing_whatever_is_collected() {
    let stock = stock();
    let mut indexes = stock.files("packs", ".rix");
    indexes.extend(stock.files("packs", ".rmx"));
    for index in indexes {
        stock.flip_each(&index, 41, &|store, told| {
            let report = collect(store, &at_once()).unwrap();
            assert_eq!((report.kept, report.pruned), (None, 8), "{told}");
            waiting(|wait| rebuild(store, wait)).unwrap();
            assert!(has_all(store, &stock.live), "{told}");
            assert!(has_all(store, &stock.undone), "{told}");
            assert_sound(store, told);
        });
    }
}

#[test]
fn a_name_that_is_wrong_in_an_index_is_told_and_mended() {
    let stock = stock();
    let (_room, store) = stock.copied();
    let index = &stock.files("packs", ".rix")[0];
    // In the names: after head, fan-out, and the offset of the one block.
    flip(&store.dir().join(index), 72 + 1024 + 8 + 40);
    let plan = plan_gc(&store, &at_once(), &mut |_, _| {}).unwrap();
    assert!(matches!(plan.kept, Some(Kept::Damaged { .. })), "{plan:?}");
    let report = fsck(&store, Options { full: false }).unwrap();
    let told = |finding: &roar_store::Finding| finding.id == "pack-index-wrong";
    assert!(report.findings.iter().any(told), "{report:?}");
    let report = collect(&store, &GcOptions::automatic()).unwrap();
    let mended = format!("packs/{}.rix", report.reindexed[0]);
    assert_eq!(Path::new(&mended), index);
    assert_sound(&store, "mended");
}

/// Neither goes anything, nor is any of it lost that can be read without collecting.
fn assert_nothing_goes(stock: &Stock, store: &Store, told: &str) {
    let readable = |ids: &[ObjectId]| -> Vec<ObjectId> {
        let reader = store.reader();
        let found = |id: &&ObjectId| reader.find(**id).is_ok_and(|found| found.is_some());
        ids.iter().filter(found).copied().collect()
    };
    let all = [&stock.live[..], &stock.undone, &stock.junk].concat();
    let before = readable(&all);
    match collect(store, &at_once()) {
        Ok(report) => {
            let is_told = matches!(report.kept, Some(Kept::Damaged { .. }));
            assert!(is_told && report.pruned == 0, "{told}: {report:?}");
        }
        Err(err) => assert!(matches!(err, GcError::Damaged { .. }), "{told}: {err}"),
    }
    assert_eq!(readable(&before), before, "{told}");
}

#[test]
fn nothing_goes_while_a_log_of_ref_changes_is_damaged_or_missing() {
    let stock = stock();
    for log in stock.files("reflog", ".rl") {
        stock.flip_each(&log, 53, &|store, told| {
            assert_nothing_goes(&stock, store, told);
        });
        let (_room, store) = stock.copied();
        std::fs::remove_file(store.dir().join(&log)).unwrap();
        assert_nothing_goes(&stock, &store, "removed");
    }
}

#[test]
fn nothing_goes_while_a_pack_is_damaged_or_missing() {
    let stock = stock();
    for pack in stock.files("packs", ".rpk") {
        stock.flip_each(&pack, 97, &|store, told| {
            assert_nothing_goes(&stock, store, told);
        });
        let (_room, store) = stock.copied();
        std::fs::remove_file(store.dir().join(&pack)).unwrap();
        assert_nothing_goes(&stock, &store, "removed");
    }
}

#[test]
fn nothing_goes_while_a_pack_is_called_as_another() {
    let stock = stock();
    let (_room, store) = stock.copied();
    let packs = stock.files("packs", ".rpk");
    let [one, other] = [0, 1].map(|at| store.dir().join(&packs[at]));
    for end in ["rpk", "rix"] {
        std::fs::copy(one.with_extension(end), other.with_extension(end)).unwrap();
    }
    assert_nothing_goes(&stock, &store, "a copy of another");
}

#[test]
fn nothing_goes_while_the_journal_is_damaged() {
    let stock = stock();
    let (room, store) = stock.copied();
    let mut writing = writer(&store);
    for number in 50..53 {
        let [leaf, step] = step(number);
        let (id, objects) = (step.id(), vec![leaf, step]);
        set(&mut writing, "r1", Expect::Any, Some(id), objects).unwrap();
    }
    drop(writing);
    let newer = Stock { dir: room, ..stock };
    let segments = newer.files("journal", ".rj");
    let segment = segments.last().unwrap();
    newer.flip_each(segment, 71, &|store, told| {
        // A journal that ends early is mended from sled by the next writer, if sled has what is lost.
        match collect(store, &at_once()) {
            Ok(report) if report.kept.is_none() => assert_sound(store, told),
            Ok(report) => assert_eq!(report.pruned, 0, "{told}"),
            Err(_) => {}
        }
        assert!(has_all(store, &newer.live[2..]), "{told}");
        assert!(has_all(store, &newer.undone), "{told}");
    });
}

#[test]
fn a_base_that_is_damaged_or_missing_costs_nothing() {
    let stock = stock();
    let check = |store: &Store, told: &str| {
        let report = collect(store, &at_once()).unwrap();
        assert_eq!(report.kept, None, "{told}: the logs say the same");
        assert!(has_all(store, &stock.live), "{told}");
        assert!(has_all(store, &stock.undone), "{told}");
        assert_sound(store, told);
    };
    stock.flip_each(Path::new("base"), 29, &check);
    let (_room, store) = stock.copied();
    std::fs::remove_file(store.dir().join("base")).unwrap();
    check(&store, "removed");
}

#[test]
fn a_lost_log_is_told() {
    let stock = stock();
    let (_room, store) = stock.copied();
    assert_eq!(store.reader().lost_log().unwrap(), None);
    let all = store.reader().operations().unwrap().len();
    flip(&store.dir().join("reflog/00000002.rl"), 100);
    let lost = LostLog { number: 2 };
    assert_eq!(store.reader().lost_log().unwrap(), Some(lost));
    assert_eq!(
        lost.to_string(),
        "log 2 of ref changes is damaged or missing"
    );
    assert!(store.reader().operations().unwrap().len() < all);
    assert_eq!(store.reader().reflog(&name("r2")).unwrap(), []);
}

#[test]
fn who_is_asked_to_collect_waits_for_who_collects() {
    let stock = stock();
    let (_room, store) = stock.copied();
    let lock = std::fs::File::open(store.dir().join("packs/lock")).unwrap();
    lock.lock().unwrap();
    std::fs::write(store.dir().join("packs/lock"), "77 roar gc\n").unwrap();
    let mut told = None;
    let mut turn = |options: &GcOptions, up_to| {
        let mut on_wait = |holder: &Holder| {
            told = Some(holder.to_string());
            lock.unlock().unwrap();
        };
        let wait = Wait {
            up_to,
            command: "test",
            on_wait: &mut on_wait,
        };
        gc(&store, options, wait)
    };
    let busy = turn(&GcOptions::automatic(), Duration::from_secs(60)).unwrap_err();
    assert_eq!(busy.to_string(), "'roar gc' (process 77) is collecting");
    let busy = turn(&at_once(), Duration::from_millis(1)).unwrap_err();
    assert!(matches!(busy, GcError::Busy { .. }), "{busy}");
    assert_eq!(turn(&at_once(), Duration::from_secs(60)).unwrap().pruned, 8);
    assert_eq!(told.as_deref(), Some("'roar gc' (process 77)"));
}
