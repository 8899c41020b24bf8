//! Collecting: when it is worth while, and what is in several places at once.
#![expect(clippy::unwrap_used, reason = "tests may panic")]

mod common;

use common::{new_store, object, set, writer};
use roar_object::{Kind, Object, ObjectId, Objects, Session};
use roar_store::{
    Expect, GcOptions, GcReport, Holder, Options, Severity, Store, Wait, fsck, gc_naming, wants_gc,
};
use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

/// Collects, and returns what went besides what is told of it.
fn collect(store: &Store, options: &GcOptions) -> (GcReport, Vec<(ObjectId, Kind)>) {
    let mut on_wait = |_: &Holder| {};
    let wait = Wait {
        up_to: Duration::from_secs(10),
        command: "test",
        on_wait: &mut on_wait,
    };
    let mut gone = Vec::new();
    let report = gc_naming(store, options, wait, &mut |id, kind| gone.push((id, kind)));
    (report.unwrap(), gone)
}

fn assert_sound(store: &Store) {
    let report = fsck(store, Options { full: true }).unwrap();
    let mut findings = report.findings.iter();
    assert!(findings.all(|finding| finding.severity == Severity::Info));
}

#[test]
fn many_objects_are_worth_collecting() {
    let (_dir, store) = new_store();
    let put = |objects: std::ops::Range<u64>| {
        let objects = objects.map(object).collect();
        set(&mut writer(&store), "main", Expect::Any, None, objects).unwrap();
    };
    put(0..19_999);
    put(19_999..20_000);
    assert!(!wants_gc(&store).unwrap());
    put(20_000..20_001);
    assert!(wants_gc(&store).unwrap());
    collect(&store, &GcOptions::automatic());
    assert!(!wants_gc(&store).unwrap());
    put(20_001..40_001);
    assert!(!wants_gc(&store).unwrap());
    // Objects that are counted nowhere are counted by whoever writes next.
    std::fs::remove_file(store.dir().join("refs")).unwrap();
    put(40_001..40_002);
    assert!(wants_gc(&store).unwrap());
    collect(&store, &GcOptions::automatic());
    assert!(!wants_gc(&store).unwrap());
    assert_sound(&store);
}

/// A session link after another.
fn after(parent: &Object, number: i64) -> Object {
    Object::encode(&Session::ran(
        parent.id(),
        1,
        number,
        parent.id(),
        "@1".parse().unwrap(),
    ))
}

#[test]
fn what_is_in_several_packs_stays_or_goes_as_one() {
    let (_dir, store) = new_store();
    let (shared, lost) = (object(1), object(2));
    let (one, two) = (after(&shared, 1), after(&shared, 2));
    // Sinks that are open at once know nothing of one another.
    let mut sinks = [store.new_pack().unwrap(), store.new_pack().unwrap()];
    for (sink, last) in sinks.iter_mut().zip([&one, &two]) {
        for object in [&shared, &lost, last] {
            assert!(sink.add(object).unwrap());
        }
    }
    for sink in sinks {
        sink.finish().unwrap();
    }
    set(
        &mut writer(&store),
        "main",
        Expect::Any,
        Some(two.id()),
        Vec::new(),
    )
    .unwrap();
    let options = GcOptions {
        grace: Duration::ZERO,
        reflog: Duration::ZERO,
        now: SystemTime::now() + Duration::from_secs(100),
        ..GcOptions::asked()
    };
    let (report, gone) = collect(&store, &options);
    let mut expected = vec![(lost.id(), Kind::Session), (one.id(), Kind::Session)];
    expected.sort();
    assert_eq!((report.pruned, gone), (2, expected));
    assert_eq!(
        report.pruned_bytes as usize,
        lost.body().len() + one.body().len()
    );
    for (object, stays) in [(&shared, true), (&two, true), (&lost, false), (&one, false)] {
        assert_eq!(store.reader().has(object.id()).unwrap(), stays);
    }
    assert_eq!(report.packs, 1);
    assert_sound(&store);
}

#[test]
fn what_nobody_finishes_goes_and_what_has_no_index_gets_one() {
    let (_dir, store) = new_store();
    let mut sink = store.new_pack().unwrap();
    sink.add(&object(1)).unwrap();
    sink.finish().unwrap();
    let packs = store.dir().join("packs");
    let names = || {
        let entries = std::fs::read_dir(&packs).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.collect::<BTreeSet<_>>()
    };
    let index = names().into_iter().find(|name| name.ends_with(".rix"));
    let index = packs.join(index.unwrap());
    std::fs::remove_file(&index).unwrap();
    std::fs::write(packs.join("tmp-left"), "half a pack").unwrap();
    let (report, _) = collect(&store, &GcOptions::automatic());
    assert_eq!(report.packs, 1);
    assert!(index.exists());
    assert!(!names().contains("tmp-left"));
    assert_sound(&store);
}
