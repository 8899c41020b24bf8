//! Collecting: what moves, what stays, what goes.
#![expect(clippy::unwrap_used, reason = "tests may panic")]

mod common;

use common::{commit, name, new_store, object, open, set, writer};
use roar_object::{Kind, Object, ObjectId, Objects, Prefix, Session};
use roar_store::{
    Expect, GcError, GcOptions, GcReport, Holder, Kept, Options, PackSink, Severity, Spool, Store,
    Wait, fsck, gc, plan_gc, rebuild, wants_gc,
};
use std::ops::ControlFlow;
use std::time::{Duration, SystemTime};

fn collect(store: &Store, options: &GcOptions) -> Result<GcReport, GcError> {
    let mut on_wait = |_: &Holder| {};
    let wait = Wait {
        up_to: Duration::from_secs(10),
        command: "test",
        on_wait: &mut on_wait,
    };
    gc(store, options, wait)
}

/// Options by which everything is old.
fn at_once() -> GcOptions {
    GcOptions {
        grace: Duration::ZERO,
        reflog: Duration::ZERO,
        now: SystemTime::now() + Duration::from_secs(100),
        ..GcOptions::asked()
    }
}

fn assert_sound(store: &Store) {
    let report = fsck(store, Options { full: true }).unwrap();
    let bad: Vec<_> = report
        .findings
        .iter()
        .filter(|finding| finding.severity > Severity::Info)
        .collect();
    assert!(bad.is_empty(), "{bad:?}");
}

fn sink_of(store: &Store, numbers: std::ops::Range<u64>) -> PackSink {
    let mut sink = store.new_pack().unwrap();
    for number in numbers {
        assert!(sink.add(&object(number)).unwrap());
        assert!(!sink.add(&object(number)).unwrap(), "it has it");
    }
    sink
}

/// A child and a parent that names it.
fn family(number: u64) -> (Object, Object) {
    let child = object(number);
    let step = "@1".parse().unwrap();
    let parent = Session::ran(child.id(), 1, 0, child.id(), step);
    (child, Object::encode(&parent))
}

fn packs(store: &Store) -> usize {
    let entries = std::fs::read_dir(store.dir().join("packs")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name());
    names
        .filter(|name| name.to_str().unwrap().ends_with(".rpk"))
        .count()
}

#[test]
fn what_was_sealed_is_read_as_before() {
    let (_dir, store) = new_store();
    let mut writing = writer(&store);
    let ids: Vec<_> = (1..=5).map(|number| commit(&mut writing, number)).collect();
    set(&mut writing, "gone", Expect::Absent, Some(ids[0]), vec![]).unwrap();
    set(&mut writing, "gone", Expect::Any, None, vec![]).unwrap();
    drop(writing);
    let before = store.reader();
    let (log, operations) = (before.reflog(&name("main")), before.operations());
    let report = collect(&store, &GcOptions::automatic()).unwrap();
    assert_eq!((report.commits, report.objects, report.packs), (7, 5, 1));
    for reader in [store.reader(), open(&_dir).reader()] {
        assert_eq!(reader.sequence().unwrap(), 7);
        assert_eq!(reader.reference(&name("main")).unwrap(), Some(ids[4]));
        assert_eq!(
            &reader.reflog(&name("main")).unwrap(),
            log.as_ref().unwrap()
        );
        assert_eq!(reader.reflog(&name("gone")).unwrap().len(), 2);
        assert_eq!(&reader.operations().unwrap(), operations.as_ref().unwrap());
        for (at, id) in ids.iter().enumerate() {
            let expected = object(at as u64 + 1);
            assert_eq!(
                reader.describe(*id).unwrap(),
                Some((Kind::Session, expected.body().len() as u32))
            );
            assert_eq!(reader.find(*id).unwrap(), Some(expected));
            let prefix: Prefix = id.to_string()[..12].parse().unwrap();
            assert_eq!(reader.find_prefix(&prefix).unwrap(), [(*id, Kind::Session)]);
        }
        let listed: Vec<_> = reader
            .ids(None)
            .unwrap()
            .into_iter()
            .map(|(id, _)| id)
            .collect();
        assert_eq!(listed, ids, "in the order stored");
        let counts = reader.count().unwrap();
        assert_eq!((counts.total(), counts.packs, counts.segments), (5, 1, 1));
        let mut seen = Vec::new();
        reader
            .each_object(Some(Kind::Session), |object| {
                seen.push(object.unwrap().id());
                ControlFlow::Continue(())
            })
            .unwrap();
        assert_eq!(seen, ids);
        assert_eq!(reader.damage(), None);
    }
    assert_eq!(
        before.find(ids[0]).unwrap(),
        Some(object(1)),
        "an old reader finds it too"
    );
    assert_sound(&store);
}

#[test]
fn after_sealing_the_journal_goes_on() {
    let (_dir, store) = new_store();
    for round in 0..4 {
        for number in 0..3 {
            let mut writing = writer(&store);
            assert_eq!(writing.take_notices(), [], "round {round}");
            let id = commit(&mut writing, round * 10 + number);
            assert_eq!(store.reader().reference(&name("main")).unwrap(), Some(id));
        }
        let report = collect(&store, &GcOptions::automatic()).unwrap();
        assert_eq!((report.commits, report.objects), (3, 3));
        assert_sound(&store);
    }
    let writing = writer(&store);
    assert_eq!(writing.reflog(&name("main")).unwrap().len(), 12);
    assert_eq!(writing.sequence().unwrap(), 12);
    for number in [0, 12, 32] {
        assert!(writing.has(object(number).id()).unwrap());
    }
    drop(writing);
    assert_eq!(collect(&store, &GcOptions::automatic()).unwrap().commits, 0);
}

#[test]
fn what_is_in_a_pack_is_not_written_again() {
    let (_dir, store) = new_store();
    commit(&mut writer(&store), 1);
    collect(&store, &GcOptions::automatic()).unwrap();
    let receipt = set(
        &mut writer(&store),
        "again",
        Expect::Any,
        Some(object(1).id()),
        vec![object(1)],
    );
    assert_eq!(receipt.unwrap().objects, 0);
    let mut sink = store.new_pack().unwrap();
    assert!(!sink.add(&object(1)).unwrap());
    assert!(sink.add(&object(2)).unwrap());
    assert!(sink.finish().unwrap().is_some());
    assert_eq!(packs(&store), 2);
}

#[test]
fn an_old_store_gets_a_version_before_it_gets_a_pack() {
    let (_dir, store) = new_store();
    let marker = store.dir().join("format");
    std::fs::write(&marker, "roar store 1\n").unwrap();
    let store = Store::open(store.dir()).unwrap();
    assert_eq!(store.reader().sequence().unwrap(), 0);
    assert_eq!(std::fs::read(&marker).unwrap(), b"roar store 1\n");
    sink_of(&store, 1..2).finish().unwrap();
    assert_eq!(std::fs::read(&marker).unwrap(), b"roar store 2\n");
}

#[test]
fn a_pack_that_was_not_finished_never_counts_and_goes() {
    let (_dir, store) = new_store();
    drop(sink_of(&store, 1..4));
    assert_eq!(store.reader().count().unwrap().total(), 0);
    assert_eq!(
        store.new_pack().unwrap().finish().unwrap(),
        None,
        "an empty one is none"
    );
    let left = store.dir().join("packs/tmp-left");
    std::fs::write(&left, "half a pack").unwrap();
    let alive = sink_of(&store, 4..6);
    commit(&mut writer(&store), 9);
    assert!(!left.exists(), "nobody has it");
    assert!(alive.finish().unwrap().is_some(), "somebody had this one");
    assert!(store.reader().has(object(5).id()).unwrap());
    assert_sound(&store);
}

#[test]
fn what_nothing_leads_to_goes_when_it_is_old() {
    let (_dir, store) = new_store();
    let (child, parent) = family(1);
    let kept = parent.id();
    set(
        &mut writer(&store),
        "main",
        Expect::Any,
        Some(kept),
        vec![child, parent],
    )
    .unwrap();
    sink_of(&store, 10..15).finish().unwrap();
    let young = collect(&store, &GcOptions::asked()).unwrap();
    assert_eq!((young.pruned, young.kept), (0, None));
    assert!(store.reader().has(object(10).id()).unwrap());
    let mut named = Vec::new();
    let plan = plan_gc(&store, &at_once(), &mut |id, _| named.push(id)).unwrap();
    let mut expected: Vec<_> = (10..15).map(|number| object(number).id()).collect();
    expected.sort();
    assert_eq!((plan.pruned, named), (5, expected));
    assert!(
        store.reader().has(object(10).id()).unwrap(),
        "a plan does nothing"
    );
    let report = collect(&store, &at_once()).unwrap();
    assert_eq!(report.pruned, plan.pruned);
    assert!(report.pruned_bytes > 0);
    for number in 10..15 {
        assert!(!store.reader().has(object(number).id()).unwrap());
    }
    assert!(store.reader().has(object(1).id()).unwrap());
    assert!(store.reader().has(kept).unwrap());
    assert_sound(&store);
}

#[test]
fn what_is_too_young_to_go_does_not_stay_young_for_ever() {
    let (_dir, store) = new_store();
    sink_of(&store, 100..102).finish().unwrap();
    for number in 0..12 {
        commit(&mut writer(&store), number);
        collect(&store, &GcOptions::asked()).unwrap();
        assert!(packs(&store) <= 6, "{}", packs(&store));
    }
    assert!(store.reader().has(object(100).id()).unwrap());
    assert_eq!(
        collect(&store, &at_once()).unwrap().pruned,
        2 + 11,
        "and what main named once"
    );
    assert_sound(&store);
}

#[test]
fn what_a_ref_named_lately_stays() {
    let (_dir, store) = new_store();
    let mut writing = writer(&store);
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap();
    for number in 1..3 {
        let refs = vec![roar_store::RefChange {
            name: name("main"),
            expect: Expect::Any,
            new: Some(object(number).id()),
        }];
        let transaction = roar_store::Transaction {
            objects: vec![object(number)],
            refs,
            note: String::new(),
            at_ns: now.as_nanos() as i64,
        };
        writing.commit(&transaction).unwrap();
    }
    drop(writing);
    let lately = GcOptions {
        reflog: Duration::from_secs(3600),
        ..at_once()
    };
    assert_eq!(collect(&store, &lately).unwrap().pruned, 0);
    assert!(store.reader().has(object(1).id()).unwrap());
    assert_eq!(collect(&store, &at_once()).unwrap().pruned, 1);
}

#[test]
fn nothing_goes_while_a_run_goes_on() {
    let (_dir, store) = new_store();
    sink_of(&store, 10..12).finish().unwrap();
    let run = Spool::create(&store.runs()).unwrap();
    let report = collect(&store, &at_once()).unwrap();
    assert_eq!(
        (report.pruned, report.kept),
        (0, Some(Kept::Runs { runs: 1 }))
    );
    run.finish().unwrap();
    let sink = sink_of(&store, 20..21);
    assert_eq!(
        collect(&store, &at_once()).unwrap().kept,
        Some(Kept::Packing)
    );
    drop(sink);
    assert_eq!(collect(&store, &at_once()).unwrap().pruned, 2);
}

#[test]
fn many_packs_become_few() {
    let (_dir, store) = new_store();
    for number in 0..12 {
        sink_of(&store, number * 10..number * 10 + 5)
            .finish()
            .unwrap();
    }
    assert!(wants_gc(&store).unwrap());
    let report = collect(&store, &GcOptions::automatic()).unwrap();
    assert_eq!((report.merged.len(), report.packs), (12, 1));
    assert!(!wants_gc(&store).unwrap());
    for number in 0..12 {
        assert_eq!(
            store.reader().find(object(number * 10 + 4).id()).unwrap(),
            Some(object(number * 10 + 4))
        );
    }
    assert_eq!(store.reader().count().unwrap().total(), 60);
    assert_sound(&store);
}

#[test]
fn a_pack_that_is_received_counts_when_it_is_admitted() {
    let (_dir, store) = new_store();
    let mut made = roar_pack::Writer::new(Vec::new()).unwrap();
    for number in 0..50 {
        made.add(&object(number)).unwrap();
    }
    let (bytes, contents) = made.finish().unwrap();
    let limits = roar_pack::Limits::default();
    let mut shown = 0;
    let received = store
        .receive_pack(&bytes[..], &limits, &mut |_| {
            shown += 1;
            Ok(())
        })
        .unwrap();
    assert_eq!((shown, received.contents().objects()), (50, 50));
    assert_eq!(store.reader().count().unwrap().total(), 0);
    assert_eq!(received.admit().unwrap(), contents.name());
    assert_eq!(store.reader().count().unwrap().total(), 50);
    for at in [10, bytes.len() / 2, bytes.len() - 1] {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        assert!(
            store
                .receive_pack(&changed[..], &limits, &mut |_| Ok(()))
                .is_err()
        );
    }
    assert_eq!(packs(&store), 1);
    assert_eq!(
        std::fs::read_dir(store.dir().join("packs"))
            .unwrap()
            .count(),
        2,
        "nothing is left over"
    );
    assert_sound(&store);
}

#[test]
fn one_at_a_time_collects() {
    let (_dir, store) = new_store();
    collect(&store, &GcOptions::automatic()).unwrap();
    let lock = std::fs::File::open(store.dir().join("packs/lock")).unwrap();
    lock.lock().unwrap();
    assert!(matches!(
        collect(&store, &GcOptions::automatic()),
        Err(GcError::Busy { .. })
    ));
    commit(&mut writer(&store), 1);
}

#[test]
fn a_lost_index_is_made_again() {
    let (_dir, store) = new_store();
    sink_of(&store, 0..20).finish().unwrap();
    for entry in std::fs::read_dir(store.dir().join("packs")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "rix") {
            std::fs::write(&path, "nonsense").unwrap();
        }
    }
    assert!(store.reader().has(object(7).id()).unwrap());
    let report = fsck(&store, Options::default()).unwrap();
    let ids: Vec<_> = report.findings.iter().map(|finding| finding.id).collect();
    assert!(ids.contains(&"pack-index-unreadable"), "{ids:?}");
    drop(writer(&store));
    assert_sound(&store);
}

#[test]
fn a_lost_base_is_made_of_the_logs() {
    let (dir, store) = new_store();
    let mut ids: Vec<ObjectId> = Vec::new();
    for number in 0..6 {
        ids.push(commit(&mut writer(&store), number));
        if number % 2 == 0 {
            collect(&store, &GcOptions::automatic()).unwrap();
        }
    }
    let log = store.reader().reflog(&name("main")).unwrap();
    let path = store.dir().join("base");
    let bytes = std::fs::read(&path).unwrap();
    for broken in [
        None,
        Some(Vec::new()),
        Some(bytes[..bytes.len() - 1].to_vec()),
    ] {
        match &broken {
            None => std::fs::remove_file(&path).unwrap(),
            Some(bytes) => std::fs::write(&path, bytes).unwrap(),
        }
        let store = open(&dir);
        let reader = store.reader();
        assert_eq!(reader.reference(&name("main")).unwrap(), Some(ids[5]));
        assert_eq!(reader.reflog(&name("main")).unwrap(), log);
        assert!(ids.iter().all(|id| reader.has(*id).unwrap()));
        let report = fsck(&store, Options { full: true }).unwrap();
        assert_eq!(
            report.worst(),
            Some(Severity::Warning),
            "{:?}",
            report.findings
        );
    }
    let mut on_wait = |_: &Holder| {};
    let wait = Wait {
        up_to: Duration::from_secs(10),
        command: "test",
        on_wait: &mut on_wait,
    };
    rebuild(&store, wait).unwrap();
    assert_sound(&store);
    assert_eq!(collect(&store, &GcOptions::automatic()).unwrap().commits, 1);
    assert_sound(&store);
}

#[test]
fn readers_find_everything_while_others_commit_and_collect() {
    let (_dir, store) = new_store();
    let acknowledged = std::sync::atomic::AtomicU64::new(0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for number in 1..=40 {
                commit(&mut writer(&store), number);
                acknowledged.store(number, std::sync::atomic::Ordering::SeqCst);
                if number % 3 == 0 {
                    collect(&store, &GcOptions::automatic()).unwrap();
                }
                if number % 10 == 0 {
                    let all = GcOptions {
                        reflog: Duration::MAX,
                        ..at_once()
                    };
                    collect(&store, &all).unwrap();
                }
            }
        });
        let old = store.reader();
        loop {
            let known = acknowledged.load(std::sync::atomic::Ordering::SeqCst);
            let reader = store.reader();
            assert!(reader.sequence().unwrap() >= known);
            assert!(reader.reflog(&name("main")).unwrap().len() as u64 >= known);
            for number in 1..=known {
                let found = reader.find(object(number).id()).unwrap();
                assert_eq!(found, Some(object(number)));
                // What came later than it, it may know or not; it must not be at a loss.
                old.find(object(number).id()).unwrap();
            }
            assert_eq!(reader.damage(), None);
            if known == 40 {
                break;
            }
        }
    });
    assert_sound(&store);
}
