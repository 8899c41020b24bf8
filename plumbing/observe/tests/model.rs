//! The fold against a brute-force model of a file system with five names.
//!
//! The model keeps real inodes and knows where every content came from. It does what a tracer does
//! before each call, then carries the call out, or lets it fail. In the end both must agree on what
//! was read and what was changed, and whatever was read must have a digest or still be there.
#![expect(clippy::unwrap_used, reason = "tests may panic")]

use proptest::prelude::*;
use roar_events::{Access, Record, State, Version};
use roar_observe::{Change, Fold, Threat};

const NAMES: usize = 5;

#[derive(Clone, Copy, Debug)]
enum Op {
    Read(usize),
    OpenToWrite {
        at: usize,
        read: bool,
        create: bool,
    },
    Write {
        open: usize,
        same: bool,
    },
    Truncate {
        at: usize,
        fails: bool,
    },
    Create {
        at: usize,
        fails: bool,
    },
    Rename {
        from: usize,
        to: usize,
        exchange: bool,
        fails: bool,
    },
    Link {
        from: usize,
        to: usize,
        fails: bool,
    },
    Unlink {
        at: usize,
        fails: bool,
    },
}

fn op() -> impl Strategy<Value = Op> {
    let at = || 0..NAMES;
    let fails = || prop::bool::weighted(0.2);
    prop_oneof![
        at().prop_map(Op::Read),
        (at(), any::<bool>(), any::<bool>()).prop_map(|(at, read, create)| Op::OpenToWrite {
            at,
            read,
            create
        }),
        (0..8usize, any::<bool>()).prop_map(|(open, same)| Op::Write { open, same }),
        (at(), fails()).prop_map(|(at, fails)| Op::Truncate { at, fails }),
        (at(), fails()).prop_map(|(at, fails)| Op::Create { at, fails }),
        (at(), at(), any::<bool>(), fails()).prop_map(|(from, to, exchange, fails)| Op::Rename {
            from,
            to,
            exchange,
            fails
        }),
        (at(), at(), fails()).prop_map(|(from, to, fails)| Op::Link { from, to, fails }),
        (at(), fails()).prop_map(|(at, fails)| Op::Unlink { at, fails }),
    ]
}

#[derive(Clone, Debug)]
struct Inode {
    version: Version,
    /// What its bytes are, one number for each different content.
    content: u64,
    /// The name at which its content was found, unless it was cut or made since.
    found_at: Option<usize>,
    written: bool,
    cut: bool,
}

struct Model {
    fold: Fold,
    records: Vec<u8>,
    inodes: Vec<Inode>,
    names: [Option<usize>; NAMES],
    first: [Option<Inode>; NAMES],
    first_names: [Option<usize>; NAMES],
    open: Vec<usize>,
    opened: [bool; NAMES],
    clock: i64,
}

fn path(at: usize) -> Vec<u8> {
    format!("/{at}").into_bytes()
}

fn digest(content: u64) -> [u8; 32] {
    let mut digest = [0; 32];
    digest[..8].copy_from_slice(&content.to_le_bytes());
    digest
}

impl Model {
    /// Begins with a file of some size, perhaps none, at some names.
    fn new(sizes: [Option<u64>; NAMES]) -> Self {
        let mut model = Self {
            fold: Fold::new(),
            records: roar_events::HEADER.to_vec(),
            inodes: Vec::new(),
            names: [None; NAMES],
            first: [const { None }; NAMES],
            first_names: [None; NAMES],
            open: Vec::new(),
            opened: [false; NAMES],
            clock: 0,
        };
        for (at, size) in sizes.into_iter().enumerate() {
            if let Some(size) = size {
                let inode = model.make(size, Some(at));
                model.names[at] = Some(inode);
                model.first[at] = Some(model.inodes[inode].clone());
            }
        }
        model.first_names = model.names;
        model
    }

    fn tick(&mut self) -> i64 {
        self.clock += 1;
        self.clock
    }

    /// Makes an inode, with a number that is free.
    fn make(&mut self, size: u64, found_at: Option<usize>) -> usize {
        let now = self.tick();
        let used = |ino| {
            self.names
                .iter()
                .flatten()
                .any(|at| self.inodes[*at].version.ino == ino)
        };
        let ino = (1..).find(|ino| !used(*ino)).unwrap();
        let version = Version {
            dev: 1,
            ino,
            size,
            mtime_ns: now,
            ctime_ns: now,
            mode: 0o100_644,
        };
        let content = now as u64;
        self.inodes.push(Inode {
            version,
            content,
            found_at,
            written: false,
            cut: false,
        });
        self.inodes.len() - 1
    }

    fn state(&self, at: usize) -> State {
        self.names[at].map_or(State::Missing, |at| State::File(self.inodes[at].version))
    }

    fn take(&mut self, record: &Record<'_>) {
        if self.fold.take(record) {
            record.encode(&mut self.records);
        }
    }

    /// What a tracer does before content is at stake.
    fn name(&mut self, at: usize, threat: Threat) {
        let Some(inode) = self.names[at] else {
            return;
        };
        if self
            .fold
            .must_name(&path(at), self.inodes[inode].version, threat)
        {
            let Inode {
                version, content, ..
            } = self.inodes[inode];
            self.take(&Record::Named {
                path: &path(at),
                version,
                digest: digest(content),
            });
        }
    }

    fn open(&mut self, at: usize, access: Access) {
        let before = self.state(at);
        self.take(&Record::Open {
            pid: 1,
            access,
            path: &path(at),
            before,
        });
    }

    /// A call may only fail where nothing has happened yet: else nobody could tell.
    fn is_pristine(&self, at: usize) -> bool {
        let untouched = match (self.names[at], &self.first[at]) {
            (Some(now), Some(first)) => {
                self.inodes[now].version == first.version && !self.open.contains(&now)
            }
            (None, None) => true,
            _ => false,
        };
        untouched && self.names[at] == self.first_names[at]
    }

    fn reads(&mut self, at: usize) {
        if let Some(found_at) = self.names[at].and_then(|inode| self.inodes[inode].found_at) {
            self.opened[found_at] = true;
        }
    }

    fn touch_names_of(&mut self, inode: usize) {
        self.inodes[inode].version.ctime_ns = self.tick();
    }

    fn play(&mut self, op: Op) {
        match op {
            Op::Read(at) => {
                self.name(at, Threat::Reading);
                self.open(at, Access::READ);
                self.reads(at);
            }
            Op::OpenToWrite { at, read, create } => self.open_to_write(at, read, create),
            Op::Write { open, same } => self.write(open, same),
            Op::Truncate { at, fails } => self.truncate(at, fails && self.is_pristine(at)),
            Op::Create { at, fails } => self.create(at, fails && self.is_pristine(at)),
            Op::Rename {
                from,
                to,
                exchange,
                fails,
            } => {
                let fails = fails && self.is_pristine(from) && self.is_pristine(to);
                self.rename(from, to, exchange, fails);
            }
            Op::Link { from, to, fails } => {
                let fails = fails && self.is_pristine(from) && self.is_pristine(to);
                self.link(from, to, fails);
            }
            Op::Unlink { at, fails } => self.unlink(at, fails && self.is_pristine(at)),
        }
    }

    fn open_to_write(&mut self, at: usize, read: bool, create: bool) {
        let mut access = Access::WRITE;
        if read {
            access |= Access::READ;
        }
        if create {
            access |= Access::CREATE;
        }
        self.name(at, Threat::InPlace);
        self.open(at, access);
        if read {
            self.reads(at);
        }
        if self.names[at].is_none() && create {
            self.names[at] = Some(self.make(0, None));
        }
        self.open.extend(self.names[at]);
    }

    fn write(&mut self, open: usize, same: bool) {
        let Some(inode) = self.open.get(open).copied() else {
            return;
        };
        let now = self.tick();
        let inode = &mut self.inodes[inode];
        if !same {
            inode.version.size += 1;
            inode.content = now as u64;
        }
        (inode.version.mtime_ns, inode.version.ctime_ns) = (now, now);
        inode.written = true;
    }

    fn truncate(&mut self, at: usize, fails: bool) {
        self.name(at, Threat::Away);
        self.open(at, Access::WRITE | Access::TRUNCATE);
        if let Some(inode) = self.names[at].filter(|_| !fails) {
            let now = self.tick();
            let inode = &mut self.inodes[inode];
            inode.version = Version {
                size: 0,
                mtime_ns: now,
                ctime_ns: now,
                ..inode.version
            };
            (inode.content, inode.found_at, inode.cut) = (now as u64, None, true);
        }
    }

    fn create(&mut self, at: usize, fails: bool) {
        if self.names[at].is_some() {
            return;
        }
        self.open(at, Access::WRITE | Access::CREATE);
        if !fails {
            self.names[at] = Some(self.make(0, None));
        }
    }

    fn rename(&mut self, from: usize, to: usize, exchange: bool, fails: bool) {
        let (moved, replaced) = (self.state(from), self.state(to));
        if moved == State::Missing || (exchange && replaced == State::Missing) {
            return;
        }
        self.name(from, Threat::Away);
        self.name(to, Threat::Away);
        let (from_path, to_path) = (path(from), path(to));
        let (from_path, to_path) = (from_path.as_slice(), to_path.as_slice());
        self.take(&Record::Rename {
            pid: 1,
            exchange,
            from: from_path,
            moved,
            to: to_path,
            replaced,
        });
        if fails || self.names[from] == self.names[to] {
            return;
        }
        let changed: Vec<usize> = [self.names[from], self.names[to]]
            .into_iter()
            .flatten()
            .collect();
        for inode in changed {
            self.touch_names_of(inode);
        }
        let back = self.names[to].filter(|_| exchange);
        self.names[to] = self.names[from];
        self.names[from] = back;
    }

    fn link(&mut self, from: usize, to: usize, fails: bool) {
        let linked = self.state(from);
        if linked == State::Missing || self.state(to) != State::Missing {
            return;
        }
        self.take(&Record::Link {
            pid: 1,
            from: &path(from),
            linked,
            to: &path(to),
        });
        if !fails {
            self.names[to] = self.names[from];
            self.touch_names_of(self.names[from].unwrap());
        }
    }

    fn unlink(&mut self, at: usize, fails: bool) {
        let Some(inode) = self.names[at] else {
            return;
        };
        self.name(at, Threat::Away);
        let before = self.state(at);
        self.take(&Record::Unlink {
            pid: 1,
            path: &path(at),
            before,
        });
        if !fails {
            self.names[at] = None;
            self.touch_names_of(inode);
        }
    }

    /// Returns whether the content found at a name was in part kept where it was overwritten.
    fn is_consumed(&self, at: usize) -> bool {
        let first = self.first[at].as_ref();
        let changed = |name: usize| {
            self.names[name]
                .map(|inode| &self.inodes[inode])
                .is_some_and(|inode| {
                    let same_bytes = first.is_some_and(|first| first.content == inode.content);
                    inode.found_at == Some(at) && inode.written && !(name == at && same_bytes)
                })
        };
        let at_home = self.names[at].is_some_and(|inode| self.inodes[inode].found_at == Some(at));
        let nonempty = first.is_some_and(|first| first.version.size > 0);
        nonempty
            && if at_home {
                changed(at)
            } else {
                (0..NAMES).any(changed)
            }
    }

    fn change(&self, at: usize) -> Option<Change> {
        match (self.first_names[at], self.names[at]) {
            (None, Some(_)) => Some(Change::Created),
            (Some(_), None) => Some(Change::Deleted),
            (None, None) => None,
            (Some(before), Some(now)) => {
                let first = self.first[at].as_ref().unwrap();
                let kept = before == now
                    && !self.inodes[now].cut
                    && self.inodes[now].content == first.content;
                (!kept).then_some(Change::Modified)
            }
        }
    }

    fn now(&self, path: &[u8]) -> State {
        self.state(usize::from(path[1] - b'0'))
    }
}

fn sizes() -> impl Strategy<Value = [Option<u64>; NAMES]> {
    prop::array::uniform5(prop::option::of(0..3u64))
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 2000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_fold_agrees_with_the_model(sizes in sizes(), ops in prop::collection::vec(op(), 0..14)) {
        let mut model = Model::new(sizes);
        for op in ops {
            model.play(op);
        }
        let seen = model.fold.observe(|path| model.now(path));
        for at in 0..NAMES {
            let mut file = seen.files.iter().find(|file| file.path == path(at)).cloned();
            let content = model.names[at].map(|inode| digest(model.inodes[inode].content));
            let kept = file.as_mut().is_some_and(|file| file.settle(content));
            let file = file.filter(|_| kept);
            let change = file.as_ref().and_then(|file| file.change);
            prop_assert_eq!(change, model.change(at), "change of {}", at);
            let read = file.as_ref().is_some_and(|file| file.read.is_some());
            let expected = model.opened[at] || model.is_consumed(at);
            prop_assert_eq!(read, expected, "reading of {}", at);
            if let Some(read) = file.as_ref().and_then(|file| file.read) {
                let first = model.first[at].as_ref().unwrap();
                let there = matches!(
                    model.state(at),
                    State::File(now) if now.same_content(&read.version.unwrap())
                );
                let named = read.digest == Some(digest(first.content));
                prop_assert!(named || (there && read.digest.is_none()), "digest of {}", at);
            }
        }
    }

    #[test]
    fn the_kept_records_alone_tell_the_same(
        sizes in sizes(),
        ops in prop::collection::vec(op(), 0..14),
    ) {
        let mut model = Model::new(sizes);
        for op in ops {
            model.play(op);
        }
        let mut again = Fold::new();
        for record in roar_events::Records::new(&model.records) {
            again.take(&record.unwrap());
        }
        let told = again.observe(|path| model.now(path));
        prop_assert_eq!(told, model.fold.observe(|path| model.now(path)));
    }
}
