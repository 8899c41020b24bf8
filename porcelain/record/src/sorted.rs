//! The files of a run, sorted: by class, by where they lie, by what became of them.

use crate::contents::{self, Content, Settled};
use crate::datasets::{self, Found, Wanted};
use crate::spooled::Head;
use roar_graph::{Input, Output};
use roar_object::{
    Base, Change, Class, DatasetAt, FileSet, MemoryObjects, Mode, RecordedPath, Role, TreeNode,
    WrittenSet,
};
use roar_repo::filters::Filters;
use roar_tree::{Leaf, PathTree, Root};
use std::collections::{BTreeMap, HashSet};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// One file on one side of a job.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) path: RecordedPath,
    pub(crate) class: Class,
    pub(crate) content: Content,
    /// What became of it; nothing for a file that was read.
    pub(crate) change: Option<Change>,
}

impl Item {
    fn leaf(&self) -> Leaf {
        match self.content.id {
            Some(id) => Leaf::Content {
                mode: self.content.mode,
                id,
                size: self.content.size,
            },
            None => Leaf::Unnamed {
                size: self.content.size,
            },
        }
    }
}

/// All files of a job.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sorted {
    pub(crate) reads: Vec<Item>,
    pub(crate) writes: Vec<Item>,
}

/// Sorts settled files by the user's rules. What belongs to roar itself is left out.
///
/// A path that was a file at one time of the run and a directory at another has no place in a tree;
/// such files are left out too, and counted.
pub(crate) fn sort(settled: &[Settled], head: &Head, filters: &Filters) -> (Sorted, usize) {
    let sorter = Sorter {
        head,
        filters,
        environments: environments(settled),
        programs: programs(settled),
    };
    let mut sorted = Sorted::default();
    for file in settled {
        let path = RecordedPath::new(&head.root, &file.seen.path);
        if is_ours(&path) {
            continue;
        }
        let class = sorter.class(file, &path);
        let item = |content, change| Item {
            path: path.clone(),
            class,
            content,
            change,
        };
        sorted
            .reads
            .extend(file.read.map(|content| item(content, None)));
        sorted.writes.extend(
            file.written
                .map(|(change, content)| item(content, Some(of_trace(change)))),
        );
    }
    let left_out = sorted.tidy();
    (sorted, left_out)
}

fn tidy(items: &mut Vec<Item>) -> usize {
    items.sort_by(|a, b| a.path.cmp(&b.path));
    let before = items.len();
    items.dedup_by(|later, earlier| later.path == earlier.path);
    let beside = Beside::of(items);
    items.retain(|item| fits_a_tree(&item.path.path) && !beside.is_directory(item));
    before - items.len()
}

fn is_deleted(item: &Item) -> bool {
    item.change == Some(Change::Deleted)
}

/// Returns the first file that has no place in a tree beside the others, and why.
pub(crate) fn misfit(items: &[Item]) -> Option<(&RecordedPath, &'static str)> {
    let mut seen = HashSet::new();
    let beside = Beside::of(items);
    items.iter().find_map(|item| {
        let path = &item.path;
        let why = match path {
            _ if !seen.insert(path) => "it is listed twice",
            _ if !fits_a_tree(&path.path) => "it is no path that a file can have",
            _ if beside.is_directory(item) => "another file lies in it, as in a directory",
            _ => return None,
        };
        Some((path, why))
    })
}

/// The directories of files. What was deleted has trees of its own: a file may be where it had its directory, and the
/// other way round.
struct Beside([HashSet<RecordedPath>; 2]);

impl Beside {
    fn of(items: &[Item]) -> Self {
        let of = |deleted: bool| items.iter().filter(move |item| is_deleted(item) == deleted);
        Self([false, true].map(|deleted| directories(of(deleted))))
    }

    fn is_directory(&self, item: &Item) -> bool {
        self.0[usize::from(is_deleted(item))].contains(&item.path)
    }
}

fn directories<'i>(items: impl Iterator<Item = &'i Item>) -> HashSet<RecordedPath> {
    let parents =
        items.flat_map(|item| std::iter::successors(item.path.parent(), RecordedPath::parent));
    parents.collect()
}

/// Returns whether a tree can hold a path: the kernel's own limits, and trees' depth.
fn fits_a_tree(path: &[u8]) -> bool {
    let is_name =
        |name: &[u8]| !matches!(name, b"" | b"." | b"..") && name.len() <= TreeNode::MAX_NAME;
    let mut names = 0;
    path.split(|&byte| byte == b'/')
        .inspect(|_| names += 1)
        .all(is_name)
        && names <= roar_tree::MAX_DEPTH
}

/// The user's rules, and what only the run itself shows.
struct Sorter<'a> {
    head: &'a Head,
    filters: &'a Filters,
    /// Directories that are virtual environments of Python, whatever they are called.
    environments: Vec<&'a [u8]>,
    /// What was executed.
    programs: HashSet<&'a [u8]>,
}

impl Sorter<'_> {
    /// Returns the class of a file.
    ///
    /// A log that roar was started with is the machine's, as are the links by which one comes to the
    /// project, and what lies in a virtual environment is a package's. A link that a program was found
    /// by is as much code as the program.
    fn class(&self, file: &Settled, path: &RecordedPath) -> Class {
        let (class, by_user) = match self.filters.classify(path, file.seen.executed) {
            (Class::Data, false) if self.leads_to_a_program(file) => {
                self.filters.classify(path, true)
            }
            judged => judged,
        };
        let is_log =
            || file.written.is_some() && self.head.logs.iter().any(|log| **log == *file.seen.path);
        match class {
            _ if by_user => class,
            _ if is_log() => Class::System,
            Class::Data | Class::Code
                if path.base == Base::Root && self.leads_to_the_project(file) =>
            {
                Class::System
            }
            Class::Data | Class::Code if self.is_in_environment(&file.seen.path) => Class::Package,
            _ => class,
        }
    }

    fn leads_to_a_program(&self, file: &Settled) -> bool {
        end_of_link(file).is_some_and(|end| self.programs.contains(end.as_os_str().as_bytes()))
    }

    fn leads_to_the_project(&self, file: &Settled) -> bool {
        let root = Path::new(OsStr::from_bytes(&self.head.root));
        end_of_link(file).is_some_and(|end| root.starts_with(end))
    }

    fn is_in_environment(&self, path: &[u8]) -> bool {
        let below = |top: &&[u8]| {
            path.strip_prefix(*top)
                .is_some_and(|rest| rest.starts_with(b"/"))
        };
        self.environments.iter().any(below)
    }
}

/// Returns where a link that was gone through leads in the end.
fn end_of_link(file: &Settled) -> Option<PathBuf> {
    let is_link = file
        .read
        .is_some_and(|content| content.mode == Mode::Symlink);
    is_link
        .then(|| fs::canonicalize(OsStr::from_bytes(&file.seen.path)).ok())
        .flatten()
}

/// Finds the virtual environments that the run used: Python reads the file that marks one.
fn environments(settled: &[Settled]) -> Vec<&[u8]> {
    settled
        .iter()
        .filter_map(|file| file.seen.path.strip_suffix(b"/pyvenv.cfg"))
        .collect()
}

fn programs(settled: &[Settled]) -> HashSet<&[u8]> {
    let executed = settled.iter().filter(|file| file.seen.executed);
    executed.map(|file| file.seen.path.as_slice()).collect()
}

/// Returns whether a path lies in the project's own `.roar`.
fn is_ours(path: &RecordedPath) -> bool {
    path.is_under(&RecordedPath::inside(roar_repo::place::DOT_ROAR))
}

const fn of_trace(change: roar_trace::Change) -> Change {
    match change {
        roar_trace::Change::Created => Change::Created,
        roar_trace::Change::Modified => Change::Modified,
        roar_trace::Change::Deleted => Change::Deleted,
    }
}

impl Sorted {
    /// Puts files in order and takes out those that no tree can hold beside the others; returns how
    /// many.
    pub(crate) fn tidy(&mut self) -> usize {
        [&mut self.reads, &mut self.writes]
            .into_iter()
            .map(tidy)
            .sum()
    }

    /// Returns the job's inputs as graphs know them: data and code.
    pub(crate) fn inputs(&self) -> Vec<Input> {
        let matters = self
            .reads
            .iter()
            .filter(|item| roar_repo::flatten::matters(item.class));
        matters
            .map(|item| Input {
                path: item.path.clone(),
                id: item.content.id,
                mode: item.content.mode,
                size: item.content.size,
                class: item.class,
            })
            .collect()
    }

    /// Returns all that the job wrote, as graphs know it.
    pub(crate) fn outputs(&self) -> Vec<Output> {
        let output = |item: &Item| {
            Some(Output {
                path: item.path.clone(),
                change: item.change?,
                id: item.content.id,
                mode: item.content.mode,
                size: item.content.size,
                class: item.class,
            })
        };
        self.writes.iter().filter_map(output).collect()
    }

    /// Makes the trees of what was read.
    pub(crate) fn read_sets(&self, objects: &mut MemoryObjects) -> Vec<FileSet> {
        let groups = grouped(&self.reads, |item| (item.class, item.path.base));
        let set = |((class, base), items): ((Class, Base), Vec<&Item>)| {
            let root = tree(
                items.iter().map(|item| (&*item.path.path, item.leaf())),
                objects,
            );
            FileSet {
                class,
                base,
                tree: root.id,
                files: root.files,
                bytes: root.bytes,
            }
        };
        groups.into_iter().map(set).collect()
    }

    /// Makes the trees of what was written.
    pub(crate) fn written_sets(&self, objects: &mut MemoryObjects) -> Vec<WrittenSet> {
        let changed = self
            .writes
            .iter()
            .filter_map(|item| item.change.map(|change| (change, item)));
        let mut groups: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (change, item) in changed {
            groups
                .entry((change, item.class, item.path.base))
                .or_default()
                .push(item);
        }
        let set = |((change, class, base), items): ((Change, Class, Base), Vec<&Item>)| {
            let root = tree(
                items.iter().map(|item| (&*item.path.path, item.leaf())),
                objects,
            );
            WrittenSet {
                change,
                class,
                base,
                tree: root.id,
                files: root.files,
                bytes: root.bytes,
            }
        };
        groups.into_iter().map(set).collect()
    }

    /// Finds the directories that were read, written or deleted as a whole, and makes their trees.
    ///
    /// Links in what was read as a whole that the run did not go through are read from now on.
    pub(crate) fn datasets(
        &mut self,
        root: &[u8],
        filters: &Filters,
        min_files: usize,
        objects: &mut MemoryObjects,
    ) -> Vec<DatasetAt> {
        let search = Search {
            root,
            filters,
            min_files,
        };
        let is_deleted = |item: &&Item| item.change == Some(Change::Deleted);
        let deleted: Vec<_> = self.writes.iter().filter(is_deleted).collect();
        // Nobody needs the bytes of what is gone to know that all of it is.
        let lost: Vec<_> = deleted.iter().copied().filter(is_data).collect();
        let left: Vec<_> = known_data(&self.writes)
            .filter(|item| !is_deleted(item))
            .collect();
        let touched: HashSet<_> = self.writes.iter().map(|item| &item.path).collect();
        let goes_with = |path: &RecordedPath| !touched.contains(path);

        let reads: Vec<_> = known_data(&self.reads).collect();
        let read = search.directories(&reads, &deleted, Wanted::Both, &goes_with);
        let wrote = search.directories(&left, &[], Wanted::There, &|_| false);
        let deleted = search.directories(&lost, &deleted, Wanted::Gone, &|_| false);

        let mut found = search.sets(Role::Written, &left, &wrote.directories, objects);
        found.extend(search.sets(Role::Deleted, &lost, &deleted.directories, objects));
        let known: HashSet<_> = self.reads.iter().map(|item| &item.path).collect();
        let links = read.links.iter().filter_map(|link| search.link(link));
        let is_new = |link: &Item| !known.contains(&link.path) && fits_a_tree(&link.path.path);
        let links: Vec<_> = links.filter(is_new).collect();
        self.reads.extend(links);
        self.reads.sort_by(|a, b| a.path.cmp(&b.path));
        let reads: Vec<_> = known_data(&self.reads).collect();
        found.extend(search.sets(Role::Read, &reads, &read.directories, objects));
        found.sort_by(|a, b| (a.role, &a.path).cmp(&(b.role, &b.path)));
        found
    }
}

fn grouped<K: Ord>(items: &[Item], key: impl Fn(&Item) -> K) -> BTreeMap<K, Vec<&Item>> {
    let mut groups: BTreeMap<K, Vec<&Item>> = BTreeMap::new();
    for item in items {
        groups.entry(key(item)).or_default().push(item);
    }
    groups
}

fn tree<'i>(leaves: impl Iterator<Item = (&'i [u8], Leaf)>, objects: &mut MemoryObjects) -> Root {
    PathTree::build(leaves, objects)
        .expect("paths are clean, differ, and none is another's directory")
}

/// How datasets are looked for.
struct Search<'a> {
    root: &'a [u8],
    filters: &'a Filters,
    min_files: usize,
}

impl Search<'_> {
    fn directories(
        &self,
        touched: &[&Item],
        deleted: &[&Item],
        wanted: Wanted,
        goes_with: &dyn Fn(&RecordedPath) -> bool,
    ) -> Found {
        let absolute = |item: &&Item| item.path.absolute(self.root);
        let touched: Vec<_> = touched.iter().map(absolute).collect();
        let counts = |item: &&&Item| item.class != Class::System;
        let deleted: Vec<_> = deleted.iter().filter(counts).map(absolute).collect();
        let class = |path: &RecordedPath| self.filters.classify(path, false).0;
        let rules = datasets::Rules {
            root: self.root,
            min_files: self.min_files,
            beside_the_point: &|path| class(&RecordedPath::new(self.root, path)) == Class::System,
            goes_with: &|path| {
                let path = RecordedPath::new(self.root, path);
                class(&path) == Class::Data && goes_with(&path)
            },
            wanted,
        };
        datasets::whole(
            touched.iter().map(Vec::as_slice),
            deleted.iter().map(Vec::as_slice),
            &rules,
        )
    }

    /// Describes a link that counts as read, if it is still there.
    fn link(&self, path: &[u8]) -> Option<Item> {
        Some(Item {
            path: RecordedPath::new(self.root, path),
            class: Class::Data,
            content: contents::link_at(path).ok()?,
            change: None,
        })
    }

    fn sets(
        &self,
        role: Role,
        items: &[&Item],
        directories: &[Vec<u8>],
        objects: &mut MemoryObjects,
    ) -> Vec<DatasetAt> {
        let set = |directory: &Vec<u8>| {
            let path = RecordedPath::new(self.root, directory);
            let inside = items.iter().filter(|item| item.path.is_under(&path));
            let prefix = path.path.len() + 1;
            let leaves = inside.map(|item| (&item.path.path[prefix..], item.leaf()));
            let Root { id, files, bytes } = tree(leaves, objects);
            DatasetAt {
                role,
                path,
                tree: id,
                files,
                bytes,
            }
        };
        directories.iter().map(set).collect()
    }
}

/// Returns the data among files whose bytes are known.
fn known_data(items: &[Item]) -> impl Iterator<Item = &Item> {
    let known = |item: &&Item| is_data(item) && item.content.id.is_some();
    items.iter().filter(known)
}

fn is_data(item: &&Item) -> bool {
    item.class == Class::Data
}
