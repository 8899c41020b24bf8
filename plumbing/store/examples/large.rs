//! Makes a large store, and tells what it costs to make, open, ask, count, collect and check it.
//!
//! `large DIR OBJECTS` adds that many objects in one pack to the store in DIR, which is made. Half of
//! them are led to by nothing. `large DIR ask` opens it and answers one question, `large DIR gc` seals,
//! marks and prunes, `large DIR fsck` checks. Times are of the processor; memory is the most there was.
#![expect(clippy::print_stdout, reason = "telling is its purpose")]

use nix::time::{ClockId, clock_gettime};
use roar_object::{Object, ObjectId, Objects, Session};
use roar_store::{
    Expect, GcOptions, Holder, Options, RefChange, RefName, Store, Transaction, Wait, fsck, gc,
};
use std::error::Error;
use std::path::Path;
use std::time::{Duration, SystemTime};

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let args: Vec<String> = std::env::args().collect();
    let store = Store::create(Path::new(&args[1]))?;
    match args[2].as_str() {
        "ask" => ask(&store)?,
        "gc" => collect(&store)?,
        "fsck" => println!(
            "{} findings",
            fsck(&store, Options { full: true })?.findings.len()
        ),
        count => fill(&store, count.parse()?)?,
    }
    println!("{}", cost()?);
    Ok(())
}

/// Returns processor time and largest memory of this process.
fn cost() -> Outcome<String> {
    let worked = clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID)?;
    let worked = Duration::from(worked).as_secs_f64() * 1000.0;
    let status = std::fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find(|line| line.starts_with("VmHWM"));
    Ok(format!("{worked:.2} ms, {}", peak.unwrap_or_default()))
}

/// Chains of two: the second names the first. The ref `kept` names the last of every other chain.
fn fill(store: &Store, count: u64) -> Outcome<()> {
    let mut sink = store.new_pack()?;
    let mut last = None;
    for number in 0..count / 2 {
        let (first, second) = chain(number, last)?;
        sink.add(&first)?;
        sink.add(&second)?;
        if number % 2 == 0 {
            last = Some(second.id());
        }
    }
    sink.finish()?;
    let mut on_wait = |_: &Holder| {};
    let mut writer = store.writer(wait(&mut on_wait))?;
    let change = RefChange {
        name: RefName::new("kept")?,
        expect: Expect::Any,
        new: last,
    };
    writer.commit(&Transaction {
        refs: vec![change],
        ..Transaction::default()
    })?;
    Ok(())
}

fn chain(number: u64, before: Option<ObjectId>) -> Outcome<(Object, Object)> {
    let note = format!("note {number} {}", "x".repeat(100));
    let first = Object::encode(&Session::begin(&note, number as i64));
    let parent = before.unwrap_or(first.id());
    let second = Session::ran(parent, 1, number as i64, first.id(), "@1".parse()?);
    Ok((first, Object::encode(&second)))
}

fn wait<'w>(on_wait: &'w mut dyn FnMut(&Holder)) -> Wait<'w> {
    Wait {
        up_to: Duration::from_secs(10),
        command: "large",
        on_wait,
    }
}

fn ask(store: &Store) -> Outcome<()> {
    let reader = store.reader();
    let named = reader.reference(&RefName::new("kept")?)?;
    let found = named.map(|id| reader.find(id)).transpose()?.flatten();
    println!("{}", found.is_some());
    Ok(())
}

fn collect(store: &Store) -> Outcome<()> {
    let options = GcOptions {
        grace: Duration::ZERO,
        now: SystemTime::now() + Duration::from_secs(1),
        ..GcOptions::asked()
    };
    let report = gc(store, &options, wait(&mut |_| {}))?;
    println!("{} objects went", report.pruned);
    Ok(())
}
