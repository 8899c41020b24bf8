//! What happens to a store while something goes wrong.

use super::play::{Stage, at_once, transaction};
use crate::{GcOptions, Spool, Store, gc, rebuild};
use roar_object::{Kind, Object, ObjectId, Session};
use std::error::Error;
use std::time::Duration;

/// How a scene ends; where something went wrong, the rest of it is not played.
type End = Result<(), Box<dyn Error>>;

pub(super) struct Scene {
    pub(super) name: &'static str,
    /// Whether sled alone has what was promised, until a writer has put it back.
    pub(super) needs_sled: bool,
    pub(super) before: fn(&mut Stage),
    pub(super) play: fn(&mut Stage) -> End,
}

pub(super) const SCENES: &[Scene] = &[
    Scene {
        name: "a store is made",
        needs_sled: false,
        before: |_| {},
        play: |stage| {
            Store::create(&stage.dir)?;
            commits(stage, 2)
        },
    },
    Scene {
        name: "commits",
        needs_sled: false,
        before: |stage| store_of(stage, 2),
        play: |stage| {
            commits(stage, 2)?;
            commits(stage, 1)
        },
    },
    Scene {
        name: "a segment is full",
        needs_sled: false,
        before: |stage| store_of(stage, 2),
        play: |stage| commits(stage, 7),
    },
    Scene {
        name: "the end is torn",
        needs_sled: false,
        before: |stage| {
            store_of(stage, 2);
            append(stage, b"\xf0roarfr\nrest");
        },
        play: |stage| commits(stage, 1),
    },
    Scene {
        name: "the end is torn and nobody knows how far it went",
        needs_sled: false,
        before: |stage| {
            store_of(stage, 2);
            append(stage, b"\xf0roarfr\nrest");
            std::fs::remove_file(stage.dir.join("refs")).unwrap();
            std::fs::remove_dir_all(stage.dir.join("sled")).unwrap();
        },
        play: |stage| commits(stage, 1),
    },
    Scene {
        name: "the end was lost",
        needs_sled: true,
        before: |stage| {
            store_of(stage, 4);
            let path = newest(stage);
            let len = std::fs::metadata(&path).unwrap().len();
            let file = std::fs::File::options().write(true).open(path).unwrap();
            file.set_len(len - 20).unwrap();
        },
        play: |stage| commits(stage, 1),
    },
    Scene {
        name: "the journal is sealed",
        needs_sled: false,
        before: |stage| store_of(stage, 3),
        play: |stage| {
            collect(stage, &GcOptions::automatic())?;
            commits(stage, 2)
        },
    },
    Scene {
        name: "a journal that was sealed before is sealed",
        needs_sled: false,
        before: |stage| {
            store_of(stage, 3);
            collect(stage, &GcOptions::automatic()).unwrap();
            commits(stage, 6).unwrap();
        },
        play: |stage| {
            collect(stage, &GcOptions::automatic())?;
            commits(stage, 1)
        },
    },
    Scene {
        name: "packs are merged and garbage goes",
        needs_sled: false,
        before: |stage| {
            store_of(stage, 3);
            collect(stage, &GcOptions::automatic()).unwrap();
            garbage(stage).unwrap();
            commits(stage, 3).unwrap();
        },
        play: |stage| {
            collect(stage, &everything())?;
            commits(stage, 1)
        },
    },
    Scene {
        name: "a pack is made",
        needs_sled: false,
        before: |stage| store_of(stage, 1),
        play: |stage| {
            garbage(stage)?;
            commits(stage, 1)
        },
    },
    Scene {
        name: "a pack comes from elsewhere",
        needs_sled: false,
        before: |stage| store_of(stage, 1),
        play: |stage| {
            receive(stage)?;
            commits(stage, 1)
        },
    },
    Scene {
        name: "a run waits in its spool",
        needs_sled: false,
        before: |stage| store_of(stage, 1),
        play: spooled,
    },
    Scene {
        name: "a pack whose end is gone is mended",
        needs_sled: false,
        before: |stage| {
            store_of(stage, 3);
            collect(stage, &GcOptions::automatic()).unwrap();
            let pack = packs(stage).remove(0);
            let len = std::fs::metadata(&pack).unwrap().len();
            let file = std::fs::File::options().write(true).open(pack).unwrap();
            file.set_len(len - 40).unwrap();
            stage.is_damaged = true;
        },
        play: mended,
    },
    Scene {
        name: "packs that were swapped are mended",
        needs_sled: false,
        before: |stage| {
            for _ in 0..2 {
                Store::create(&stage.dir).unwrap();
                commits(stage, 2).unwrap();
                collect(stage, &GcOptions::automatic()).unwrap();
            }
            let (packs, beside) = (packs(stage), stage.dir.join("beside"));
            std::fs::rename(&packs[0], &beside).unwrap();
            std::fs::rename(&packs[1], &packs[0]).unwrap();
            std::fs::rename(&beside, &packs[1]).unwrap();
            stage.is_damaged = true;
        },
        play: mended,
    },
];

/// A store of so many commits.
pub(super) fn store_of(stage: &mut Stage, count: u64) {
    Store::create(&stage.dir).unwrap();
    commits(stage, count).unwrap();
}

pub(super) fn commits(stage: &mut Stage, count: u64) -> End {
    let mut writer = stage.writer().ok_or("no writer")?;
    for _ in 0..count {
        stage.commit(&mut writer)?;
    }
    Ok(())
}

fn collect(stage: &Stage, options: &GcOptions) -> End {
    let store = stage.store().ok_or("no store")?;
    gc(&store, options, at_once(&mut |_| {}))?;
    Ok(())
}

/// Collects all that nothing ever led to, however young.
fn everything() -> GcOptions {
    GcOptions {
        grace: Duration::ZERO,
        reflog: Duration::MAX,
        now: std::time::SystemTime::now() + Duration::from_secs(1),
        ..GcOptions::asked()
    }
}

/// Makes a pack of things that nothing leads to.
fn garbage(stage: &Stage) -> End {
    let mut sink = stage.store().ok_or("no store")?.new_pack()?;
    for number in 1000..1003 {
        sink.add(&super::play::object(number))?;
    }
    sink.finish()?;
    Ok(())
}

/// Takes a pack in, with more in it than is written at once.
fn receive(stage: &Stage) -> End {
    let mut writer = roar_pack::Writer::new(Vec::new())?;
    for number in 2000..2400u64 {
        let id = ObjectId::of(Kind::Job, &number.to_le_bytes());
        let note = id.to_string().repeat(20) + &"x".repeat(2000);
        writer.add(&Object::encode(&Session::begin(&note, number as i64)))?;
    }
    let (bytes, _) = writer.finish()?;
    let store = stage.store().ok_or("no store")?;
    let limits = roar_pack::Limits::default();
    let received = store.receive_pack(&bytes[..], &limits, &mut |_| Ok(()))?;
    received.admit()?;
    Ok(())
}

fn packs(stage: &Stage) -> Vec<std::path::PathBuf> {
    let packs = crate::packs::list(&stage.dir.join("packs")).unwrap();
    packs.into_iter().map(|pack| pack.path).collect()
}

fn mended(stage: &mut Stage) -> End {
    let store = stage.store().ok_or("no store")?;
    rebuild(&store, at_once(&mut |_| {}))?;
    commits(stage, 1)
}

fn newest(stage: &Stage) -> std::path::PathBuf {
    let journal = stage.dir.join("journal");
    crate::segment::list(&journal).unwrap().pop().unwrap().path
}

fn append(stage: &Stage, bytes: &[u8]) {
    let mut path = std::fs::File::options()
        .append(true)
        .open(newest(stage))
        .unwrap();
    std::io::Write::write_all(&mut path, bytes).unwrap();
}

/// A run leaves what it has in its spool file, and somebody takes it in.
fn spooled(stage: &mut Stage) -> End {
    let store = stage.store().ok_or("no store")?;
    let mut spool = Spool::create(&store.runs())?;
    let number = stage.next();
    stage.attempt(number);
    spool.append(1, b"what was seen")?;
    spool.append(2, &transaction(number).to_bytes()?)?;
    spool.sync()?;
    drop(spool);
    for left in Spool::pending(&store.runs())? {
        let Some(claimed) = left.claim()? else {
            continue;
        };
        let frames = claimed.read()?.frames;
        let waiting = crate::Transaction::from_bytes(&frames[1].body)?;
        stage.writer().ok_or("no writer")?.commit(&waiting)?;
        stage.promise(number);
        claimed.finish()?;
    }
    Ok(())
}
