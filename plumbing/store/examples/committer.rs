//! Commits to a store again and again, and tells of each commit once it is acknowledged: the process
//! that the crash and concurrency tests run, kill and time.
//!
//! `committer DIR TAG COUNT [OBJECTS]` opens the lock anew for each commit and prints one line, tag,
//! number and sequence number, when it returned. It also adds one to the ref `counter`, by
//! compare-and-swap.
//!
//! `committer DIR read LINKS` follows the chain that `counter` heads, as a reader does.
#![expect(clippy::print_stdout, reason = "telling of commits is its purpose")]

use roar_object::{Object, ObjectId, Objects, Session, SessionEvent};
use roar_store::{Expect, Holder, RefChange, RefName, Store, Transaction, Wait, Writer};
use std::error::Error;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let args: Vec<String> = std::env::args().collect();
    let store = Store::create(Path::new(&args[1]))?;
    if args[2] == "read" {
        return read(&store, args[3].parse()?);
    }
    let count: u64 = args[3].parse()?;
    let objects: u64 = args.get(4).map_or(Ok(1), |number| number.parse())?;
    for number in 0..count {
        let sequence = commit(&store, &args[2], number, objects)?;
        let mut out = std::io::stdout().lock();
        writeln!(out, "{} {number} {sequence}", args[2])?;
        out.flush()?;
    }
    Ok(())
}

fn read(store: &Store, most: u64) -> Outcome<()> {
    let reader = store.reader();
    let mut links = 0_u64;
    let mut next = reader.reference(&RefName::new("counter")?)?;
    while let (Some(id), true) = (next, links < most) {
        links += 1;
        next = reader.read::<Session>(id)?.parent;
    }
    println!("{links}");
    Ok(())
}

fn commit(store: &Store, tag: &str, number: u64, objects: u64) -> Outcome<u64> {
    let mut on_wait = |_: &Holder| {};
    let up_to = Duration::from_secs(120);
    let mut writer = store.writer(Wait {
        up_to,
        command: "committer",
        on_wait: &mut on_wait,
    })?;
    let mut added: Vec<_> = (0..objects).map(|at| payload(tag, number, at)).collect();
    let mine = RefChange {
        name: RefName::new(format!("tags/{tag}"))?,
        expect: Expect::Any,
        new: added.first().map(Object::id),
    };
    let (head, counter) = next_link(&writer, number)?;
    added.push(head);
    let transaction = Transaction {
        objects: added,
        refs: vec![mine, counter],
        note: format!("{tag} {number}"),
        at_ns: number as i64,
    };
    Ok(writer.commit(&transaction)?.sequence)
}

fn payload(tag: &str, number: u64, at: u64) -> Object {
    let filling = "x".repeat(500);
    Object::encode(&Session::begin(
        &format!("{tag} {number} {at} {filling}"),
        0,
    ))
}

/// Returns the next link of the chain that the ref `counter` names, and the change that moves it.
fn next_link(writer: &Writer, number: u64) -> Outcome<(Object, RefChange)> {
    let name = RefName::new("counter")?;
    let before = writer.reference(&name)?;
    let link = match before {
        None => Session::begin("counter", 0),
        Some(id) => link_after(writer, id, number)?,
    };
    let object = Object::encode(&link);
    let expect = before.map_or(Expect::Absent, Expect::Is);
    let new = Some(object.id());
    Ok((object, RefChange { name, expect, new }))
}

fn link_after(writer: &Writer, id: ObjectId, number: u64) -> Outcome<Session> {
    let last: Session = writer.read(id)?;
    let job = if last.event == SessionEvent::Begin {
        id
    } else {
        last.job.unwrap_or(id)
    };
    let step = "@1".parse()?;
    Ok(Session::ran(
        id,
        last.sequence + 1,
        number as i64,
        job,
        step,
    ))
}
