//! A store that something happens to, and what must be true of it afterwards.

use super::scenes::Scene;
use crate::door::fault;
use crate::lock::Lock;
use crate::{
    CommitError, Expect, GcOptions, Holder, Options, RefChange, RefName, Severity, Store,
    Transaction, Wait, Writer, fsck, gc, rebuild, sled_fence,
};
use roar_object::{Object, ObjectId, Objects, Session};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A store, and what it has promised.
#[derive(Clone, Debug)]
pub(super) struct Stage {
    pub(super) dir: PathBuf,
    pub(super) needs_sled: bool,
    /// Whether a pack is damaged, until it is mended. Nothing that was promised is lost by it.
    pub(super) is_damaged: bool,
    /// Commits that were acknowledged: after which act, and the number.
    acknowledged: Vec<(usize, u64)>,
    /// The highest number that was tried, after which act it was begun.
    tried: Vec<(usize, u64)>,
    /// The files of sled before the scene.
    sled: Vec<(String, Vec<u8>)>,
}

pub(super) fn object(number: u64) -> Object {
    // Some are too large for the index to hold them.
    let long = if number.is_multiple_of(3) { 5000 } else { 10 };
    let text = format!("session {number} {}", "x".repeat(long));
    Object::encode(&Session::begin(&text, number as i64))
}

pub(super) fn name(name: &str) -> RefName {
    RefName::new(name).unwrap()
}

impl Stage {
    /// Makes what is there before the scene.
    pub(super) fn set(scene: &Scene, dir: &Path) -> Self {
        let mut stage = Self {
            dir: dir.join("before/.roar"),
            needs_sled: scene.needs_sled,
            is_damaged: false,
            acknowledged: Vec::new(),
            tried: Vec::new(),
            sled: Vec::new(),
        };
        std::fs::create_dir(dir.join("before")).unwrap();
        (scene.before)(&mut stage);
        stage.move_to(&dir.join("after"));
        // What was promised before holds from the first act on.
        for (act, _) in stage.acknowledged.iter_mut().chain(&mut stage.tried) {
            *act = 0;
        }
        stage.sled = files(&stage.dir.join("sled"));
        stage
    }

    /// Plays the scene as far as it goes.
    pub(super) fn play(&mut self, scene: &Scene) {
        let _ = (scene.play)(self);
    }

    /// Goes on with a copy, as another process would: sled keeps this one locked for a while.
    pub(super) fn move_to(&mut self, dir: &Path) {
        std::fs::create_dir(dir).unwrap();
        if self.dir.exists() {
            copy(&self.dir, &dir.join(".roar"));
        }
        sled_fence::close(&self.dir.join("sled"));
        self.dir = dir.join(".roar");
    }

    pub(super) fn sled_before(&self) -> &[(String, Vec<u8>)] {
        &self.sled
    }

    /// Returns the stage as it was after so many acts, in another place.
    pub(super) fn as_of(&self, acts: usize, dir: &Path) -> Self {
        let mut stage = self.clone();
        stage.acknowledged.retain(|(act, _)| *act <= acts);
        stage.tried.retain(|(act, _)| *act <= acts);
        stage.dir = dir.join(".roar");
        stage
    }

    pub(super) fn store(&self) -> Option<Store> {
        Store::open(&self.dir).ok()
    }

    pub(super) fn writer(&self) -> Option<Writer> {
        self.store()?.writer(at_once(&mut |_| {})).ok()
    }

    pub(super) fn next(&self) -> u64 {
        self.tried.last().map_or(1, |(_, number)| number + 1)
    }

    /// Writes down that something was promised.
    pub(super) fn promise(&mut self, number: u64) {
        self.acknowledged.push((fault::count(), number));
    }

    /// Writes down that something is about to be tried.
    pub(super) fn attempt(&mut self, number: u64) {
        self.tried.push((fault::count(), number));
    }

    /// Commits the next object, and lets the ref `main` name it.
    pub(super) fn commit(&mut self, writer: &mut Writer) -> Result<(), CommitError> {
        let number = self.next();
        self.attempt(number);
        writer.commit(&transaction(number))?;
        self.promise(number);
        Ok(())
    }

    fn promised(&self) -> impl Iterator<Item = u64> {
        self.acknowledged.iter().map(|(_, number)| *number)
    }
}

pub(super) fn at_once<'w>(on_wait: &'w mut dyn FnMut(&Holder)) -> Wait<'w> {
    Wait {
        up_to: Duration::ZERO,
        command: "test",
        on_wait,
    }
}

pub(super) fn transaction(number: u64) -> Transaction {
    let object = object(number);
    let refs = vec![RefChange {
        name: name("main"),
        expect: Expect::Any,
        new: Some(object.id()),
    }];
    Transaction {
        objects: vec![object],
        refs,
        note: format!("number {number}"),
        at_ns: number as i64,
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            std::fs::copy(&path, target).unwrap();
        }
    }
}

/// Returns the plain files in a directory.
fn files(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let Ok(entries) = std::fs::read_dir(dir) else {
        return Vec::new();
    };
    let plain = entries.map(|entry| entry.unwrap().path());
    let plain = plain.filter(|path| path.is_file());
    let read = plain.map(|path| {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        (name, std::fs::read(&path).unwrap())
    });
    read.collect()
}

/// Says what must be true of a store to which anything may have happened.
pub(super) fn judge(stage: &Stage, told: &str) {
    let opened = Store::open(&stage.dir);
    if opened.is_err() && stage.promised().next().is_none() {
        // It may never have become one.
        Store::create(&stage.dir).unwrap_or_else(|err| panic!("{told}: {err}"));
    }
    let store = Store::open(&stage.dir).unwrap_or_else(|err| panic!("{told}: {err}"));
    if !stage.needs_sled {
        judge_promises(stage, &store, told);
        // Who holds the lock keeps the check from opening sled, which takes longer than all else.
        let lock = Lock::take(&store.layout().lock(), at_once(&mut |_| {})).unwrap();
        if !stage.is_damaged {
            judge_report(&store, told);
        }
        drop(lock);
    }
    // Whatever it was that went wrong, the next writer goes on.
    let mut after = stage.clone();
    let mut writer = stage
        .writer()
        .unwrap_or_else(|| panic!("{told}: no writer"));
    after
        .commit(&mut writer)
        .unwrap_or_else(|err| panic!("{told}: {err}"));
    drop(writer);
    // Nor does anything keep it from being moved.
    gc(&store, &GcOptions::automatic(), at_once(&mut |_| {}))
        .unwrap_or_else(|err| panic!("{told}: {err}"));
    if stage.is_damaged {
        judge_promises(&after, &store, told);
        rebuild(&store, at_once(&mut |_| {})).unwrap_or_else(|err| panic!("{told}: {err}"));
    }
    judge_promises(&after, &store, told);
    judge_report(&store, told);
    sled_fence::close(&after.dir.join("sled"));
}

/// Everything that was promised is there, and nothing is that was not tried.
fn judge_promises(stage: &Stage, store: &Store, told: &str) {
    let reader = store.reader();
    for number in stage.promised() {
        let found = reader.find(object(number).id());
        let found = found.unwrap_or_else(|err| panic!("{told}: {number}: {err}"));
        assert_eq!(found, Some(object(number)), "{told}: object {number}");
    }
    let head = reader.reference(&name("main")).unwrap();
    let last = stage.promised().last().unwrap_or(0);
    let highest = stage.next() - 1;
    let is_named = (last..=highest).any(|number| named(number) == head);
    assert!(
        is_named,
        "{told}: main names {head:?}, not {last}..={highest}"
    );
    let log = reader.reflog(&name("main")).unwrap();
    let ids: Vec<_> = log.iter().map(|entry| entry.new).collect();
    for number in stage.promised() {
        assert!(ids.contains(&named(number)), "{told}: {number} in reflog");
    }
}

/// Number 0 stands for nothing.
fn named(number: u64) -> Option<ObjectId> {
    (number > 0).then(|| object(number).id())
}

fn judge_report(store: &Store, told: &str) {
    let report = fsck(store, Options { full: true }).unwrap();
    let errors: Vec<_> = report
        .findings
        .iter()
        .filter(|finding| finding.severity == Severity::Error)
        .collect();
    assert!(errors.is_empty(), "{told}: {errors:?}");
}
