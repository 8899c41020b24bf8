//! The definition of the current DAG written down a second time: slow, literal, for tests alone.

use crate::{Input, Read, Record, Scan, State, program};
use roar_object::{Base, Class, ContentId, RecordedPath, Role};
use std::collections::BTreeSet;

/// What a job left at a path: bytes, or nothing.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Left {
    Bytes(Option<ContentId>),
    Nothing,
}

/// Something that a job left: who left what where.
#[derive(Clone, PartialEq, Eq)]
struct Product {
    path: RecordedPath,
    left: Left,
    record: usize,
}

pub(crate) struct Model<'r> {
    records: &'r [Record],
    pub(crate) by: Vec<Option<usize>>,
    /// The run whose products each one without any found in place.
    pub(crate) found: Vec<Option<usize>>,
    /// The run whose place each was to take.
    asked_for: Vec<Option<usize>>,
    /// The same, where some of the same files were made.
    targets: Vec<Option<usize>>,
    /// Which record each is another run of, whether or not it replaced it.
    pub(crate) same_as: Vec<Option<usize>>,
    /// The products of each record, those included that it stands for.
    products: Vec<Vec<Product>>,
    /// What the files were made from that each record stands for and did not make.
    pub(crate) inherited_reads: Vec<Vec<Read>>,
    /// The directories read as a whole for them.
    pub(crate) inherited_scans: Vec<Vec<Scan>>,
    pub(crate) stale: Vec<bool>,
}

impl<'r> Model<'r> {
    pub(crate) fn new(records: &'r [Record]) -> Self {
        let mut model = Self {
            records,
            by: vec![None; records.len()],
            found: vec![None; records.len()],
            asked_for: vec![None; records.len()],
            targets: vec![None; records.len()],
            same_as: vec![None; records.len()],
            products: records
                .iter()
                .enumerate()
                .map(|(at, record)| own(at, record))
                .collect(),
            inherited_reads: Vec::new(),
            inherited_scans: Vec::new(),
            stale: vec![false; records.len()],
        };
        (0..records.len()).for_each(|later| model.replace_earlier(later));
        let all = 0..records.len();
        model.inherited_reads = all.clone().map(|at| model.reads_behind(at)).collect();
        model.inherited_scans = all.map(|at| model.scans_behind(at)).collect();
        while let Some(more) = (0..records.len()).find(|&at| !model.stale[at] && model.is_stale(at))
        {
            model.stale[more] = true;
        }
        model
    }

    fn replace_earlier(&mut self, later: usize) {
        self.asked_for[later] = self.repeated(later);
        self.targets[later] = self.find_target(later);
        self.found[later] = self.find_done(later);
        if self.found[later].is_some() {
            self.same_as[later] = self.found[later];
            return;
        }
        let own_products = self.products[later].clone();
        let mut same = Vec::new();
        for earlier in (0..later).rev() {
            // By what it inherits from later ones it may have come to descend from earlier ones.
            if !self.is_open(earlier) || !self.same_step(earlier, later, &own_products) {
                continue;
            }
            same.push(earlier);
            let changed = self.products[earlier].iter().any(|theirs| {
                own_products
                    .iter()
                    .any(|mine| mine.path == theirs.path && mine.left != theirs.left)
            });
            let (old, new) = (&self.records[earlier], &self.records[later]);
            if !new.outcome.is_success() && old.outcome.is_success() && !changed {
                continue;
            }
            self.by[earlier] = Some(later);
            for product in self.products[earlier].clone() {
                let untouched = !new.writes.iter().any(|output| output.path == product.path);
                let in_place = self.last_writer(&product.path, later) == Some(product.record);
                if untouched && in_place && product.left != Left::Nothing {
                    self.products[later].push(product);
                }
            }
        }
        let mut latest = same.iter();
        let with_products = latest.find(|&&earlier| !self.products[earlier].is_empty());
        self.same_as[later] = with_products.or(same.first()).copied();
    }

    fn is_open(&self, record: usize) -> bool {
        self.by[record].is_none() && self.found[record].is_none()
    }

    /// The latest run of the same command that has products, if the later one has none: if that one
    /// succeeded, only where some of them stood when it ran, and it read no other paths.
    fn find_done(&self, later: usize) -> Option<usize> {
        let new = &self.records[later];
        let done = |&at: &usize| self.products[later].is_empty() && !self.products[at].is_empty();
        if let Some(earlier) = self.repeated(later).filter(done) {
            return Some(earlier);
        }
        let fits = |&earlier: &usize| {
            let old = &self.records[earlier];
            let read = |path: &RecordedPath| old.reads.iter().any(|read| read.path == *path);
            self.is_open(earlier)
                && !self.products[earlier].is_empty()
                && (old.kind, &old.directory, &old.argv) == (new.kind, &new.directory, &new.argv)
                && (!new.outcome.is_success()
                    || new.reads.iter().all(|new| read(&new.path))
                        && self.has_standing(earlier, later))
        };
        let nothing_made = self.products[later].is_empty();
        (0..later).rev().filter(|_| nothing_made).find(fits)
    }

    fn same_command(&self, a: usize, b: usize) -> bool {
        let (a, b) = (&self.records[a], &self.records[b]);
        (a.kind, &a.directory, &a.argv) == (b.kind, &b.directory, &b.argv)
    }

    /// The run that has the place of the one which a job was to repeat, if it is the same whole command.
    fn repeated(&self, later: usize) -> Option<usize> {
        let repeats = self.records[later].repeats?;
        let mut earlier = self.records[..later].iter();
        let earlier = self.stands_for(earlier.rposition(|record| record.job == repeats)?);
        self.same_command(later, earlier).then_some(earlier)
    }

    /// The same, if the job made some of the files that the other stands for.
    fn find_target(&self, later: usize) -> Option<usize> {
        let earlier = self.repeated(later)?;
        let theirs = &self.products[earlier];
        let common = |one: &Product| theirs.iter().any(|other| other.path == one.path);
        self.products[later].iter().any(common).then_some(earlier)
    }

    /// Whether a job that reads what another made is no step further: both are runs of one step already; or
    /// the reader is the later job itself, which repeats that step, or is the same command and leaves the
    /// file as it was.
    fn is_within(&self, later: usize, reader: usize, input: usize, parent: usize) -> bool {
        let step = self.stands_for(parent);
        let repeats = self.targets[later] == Some(step);
        if !repeats && !self.same_command(later, step) {
            return false;
        }
        if reader != later {
            return self.stands_for(reader) == step;
        }
        let path = &self.records[later].reads[input].path;
        repeats || self.leaves(later, path)
    }

    /// Whether a good job with products has read what a failed one of the same command left, and left it so.
    fn mends(&self, earlier: usize, later: usize) -> bool {
        let (old, new) = (&self.records[earlier], &self.records[later]);
        let read_it = |input: usize| {
            let made = self.producer(later, input);
            made.is_some_and(|(writer, _)| self.stands_for(writer) == earlier)
                && self.leaves(later, &new.reads[input].path)
        };
        !old.outcome.is_success()
            && new.outcome.is_success()
            && new.products().next().is_some()
            && self.same_command(earlier, later)
            && (0..new.reads.len()).any(read_it)
    }

    /// Whether a path is not among a job's own products.
    fn leaves(&self, later: usize, path: &RecordedPath) -> bool {
        let mut products = self.records[later].products();
        products.all(|product| product.path != *path)
    }

    /// Same kind, directory and program; products equal or contained, or the same command where the
    /// earlier one has none; and the later one does not build on the earlier one. Without products only
    /// what has none is replaced.
    fn same_step(&self, earlier: usize, later: usize, mine: &[Product]) -> bool {
        let (a, b) = (&self.records[earlier], &self.records[later]);
        let theirs = &self.products[earlier];
        let within = |few: &[Product], many: &[Product]| {
            few.iter()
                .all(|one| many.iter().any(|other| other.path == one.path))
        };
        let fits = match (theirs.is_empty(), mine.is_empty()) {
            (true, _) => a.argv == b.argv,
            (false, true) => false,
            (false, false) => within(mine, theirs) || within(theirs, mine),
        };
        let read_it = theirs.iter().any(|product| {
            b.reads
                .iter()
                .any(|read| read.path == product.path && Left::Bytes(read.id) == product.left)
                && !(self.same_command(earlier, later) && self.leaves(later, &product.path))
        });
        if self.targets[later] == Some(earlier) || self.mends(earlier, later) {
            return !self.descends(later, earlier);
        }
        if self.targets[later].is_some() && !self.same_command(earlier, later) {
            return false;
        }
        a.kind == b.kind
            && a.directory == b.directory
            && program(&a.argv) == program(&b.argv)
            && fits
            && !read_it
            && !self.descends(later, earlier)
    }

    /// Whether a job descends from the run that now has another's place, by what it read, or by what the
    /// files were made from that it inherited.
    fn descends(&self, later: usize, from: usize) -> bool {
        let repeats = self.targets[later] == Some(from);
        let (mut found, mut followed) = (BTreeSet::new(), BTreeSet::new());
        let mut open = vec![later];
        while let Some(record) = open.pop() {
            if !followed.insert(record) {
                continue;
            }
            let behind = std::iter::once(record).chain(self.makers(record, |_| true));
            for reader in behind {
                for input in 0..self.records[reader].reads.len() {
                    let Some((parent, _)) = self.producer(reader, input) else {
                        continue;
                    };
                    let path = &self.records[reader].reads[input].path;
                    if repeats && reader == later && !self.leaves(later, path) {
                        continue;
                    }
                    if !self.is_within(later, reader, input, parent) {
                        found.insert(parent);
                    }
                    open.push(parent);
                }
            }
        }
        found.into_iter().any(|at| self.stands_for(at) == from)
    }

    /// Those who made what a record stands for and did not make itself, as far as that is `wanted`.
    fn makers(&self, record: usize, wanted: impl Fn(&Product) -> bool) -> BTreeSet<usize> {
        let products = self.products[record].iter();
        let inherited = products.filter(|product| product.record != record);
        inherited
            .filter(|product| wanted(product))
            .map(|product| product.record)
            .collect()
    }

    /// Those who made what still stands of what a record inherited, if nothing has replaced it, each with
    /// the runs from then on whose word counts, latest first.
    fn chains(&self, standing: usize) -> Vec<Vec<usize>> {
        let end = self.records.len();
        let stands =
            |product: &Product| self.stands(product.record, &product.path, product.left, end);
        if self.by[standing].is_some() {
            return Vec::new();
        }
        let chain = |maker: usize| {
            let counts = |at: &usize| {
                [maker, standing].contains(at) || self.records[*at].outcome.is_success()
            };
            let runs = std::iter::successors(Some(maker), |&at| self.by[at]);
            let mut runs: Vec<_> = runs.filter(counts).collect();
            runs.reverse();
            runs
        };
        self.makers(standing, stands)
            .into_iter()
            .map(chain)
            .collect()
    }

    fn reads_behind(&self, standing: usize) -> Vec<Read> {
        let mut found = BTreeSet::new();
        for chain in self.chains(standing) {
            let maker = *chain.last().expect("the maker is in it");
            for read in &self.records[maker].reads {
                let at = |run: usize| {
                    let mut reads = self.records[run].reads.iter();
                    reads.position(|other| other.path == read.path)
                };
                let knows = |&&run: &&usize| {
                    at(run).is_some()
                        || read.class == Class::Data && covering(&self.records[run], &read.path)
                };
                let last = *chain.iter().find(knows).expect("the maker read it");
                let input = at(last).filter(|_| last != standing);
                found.extend(input.map(|input| Read {
                    record: last,
                    input,
                }));
            }
        }
        // The same version of a file once: as it was read last.
        let version = |at: &Read| {
            let Input { path, id, .. } = &self.records[at.record].reads[at.input];
            (path, id)
        };
        let is_last = |at: &&Read| {
            let mut later = found.iter().filter(|other| other.record > at.record);
            later.all(|other| version(other) != version(at))
        };
        found.iter().filter(is_last).copied().collect()
    }

    fn scans_behind(&self, standing: usize) -> Vec<Scan> {
        let mut found = BTreeSet::new();
        for chain in self.chains(standing) {
            let maker = *chain.last().expect("the maker is in it");
            for (_, path) in scanned(&self.records[maker]) {
                let at = |run: usize| {
                    let all = scanned(&self.records[run]);
                    let holding = all.filter(|(_, directory)| path.is_under(directory));
                    holding.max_by_key(|(_, directory)| directory.path.len())
                };
                let last = *chain
                    .iter()
                    .find(|&&run| at(run).is_some())
                    .expect("the maker read it");
                let dataset = at(last).filter(|_| last != standing);
                found.extend(dataset.map(|(dataset, _)| Scan {
                    record: last,
                    dataset,
                }));
            }
        }
        found.into_iter().collect()
    }

    /// Whether a job read what another made, or what was made of that, and so on.
    fn comes_of(&self, later: usize, from: usize) -> bool {
        let inputs = 0..self.records[later].reads.len();
        let mut parents = inputs.filter_map(|input| self.producer(later, input));
        parents.any(|(parent, _)| parent == from || self.comes_of(parent, from))
    }

    pub(crate) fn stands_for(&self, record: usize) -> usize {
        let other = self.by[record].or(self.found[record]);
        other.map_or(record, |other| self.stands_for(other))
    }

    /// The last job before the reader that wrote this at that path, else elsewhere; and where. What
    /// was read there before that job was through comes from where it came from then.
    pub(crate) fn producer(&self, reader: usize, input: usize) -> Option<(usize, RecordedPath)> {
        let read = &self.records[reader].reads[input];
        let earlier = || {
            let jobs = self.records[..reader].iter().enumerate().rev();
            jobs.flat_map(|(at, job)| job.writes.iter().rev().map(move |output| (at, output)))
                .filter(|(_, output)| output.remains() && output.id == read.id)
        };
        let here = earlier().find(|(_, output)| output.path == read.path);
        let elsewhere = || {
            earlier()
                .next()
                .filter(|_| read.id.is_some() && read.size > 0)
        };
        let (at, output) = here.or_else(elsewhere)?;
        let known = || {
            let reads = |at: &usize| self.records[*at].reads.iter().enumerate();
            let mut all = (0..=at).flat_map(|at| reads(&at).map(move |(input, _)| (at, input)));
            all.find(|&(at, input)| {
                let earlier = &self.records[at].reads[input];
                (&earlier.path, earlier.id) == (&read.path, read.id)
            })
        };
        match known() {
            Some((first, input)) if output.path != read.path => self.producer(first, input),
            _ => Some((at, output.path.clone())),
        }
    }

    fn last_writer(&self, path: &RecordedPath, before: usize) -> Option<usize> {
        (0..before)
            .rev()
            .find(|&at| self.write_of(at, path).is_some())
    }

    fn write_of(&self, record: usize, path: &RecordedPath) -> Option<Left> {
        own_with_all(&self.records[record])
            .into_iter()
            .find(|(wrote, _)| wrote == path)
            .map(|(_, left)| left)
    }

    fn world(&self, path: &RecordedPath) -> Option<(usize, Left)> {
        let last = self.last_writer(path, self.records.len())?;
        self.write_of(last, path).map(|left| (last, left))
    }

    /// Whether what a record left at a path is there at the turn of another, or lives on in updates in
    /// place.
    fn stands(&self, record: usize, path: &RecordedPath, left: Left, end: usize) -> bool {
        let next = (record + 1..end).find(|&at| self.write_of(at, path).is_some());
        let Some(next) = next else { return true };
        let read_it = self.records[next]
            .reads
            .iter()
            .any(|read| read.path == *path && Left::Bytes(read.id) == left);
        read_it
            && self
                .write_of(next, path)
                .is_some_and(|left| self.stands(next, path, left, end))
    }

    pub(crate) fn superseded(&self, record: usize) -> bool {
        let all = self.records.len();
        let gone = || !self.products[record].is_empty() && !self.has_standing(record, all);
        !self.is_open(record) || gone()
    }

    /// Whether any product stands at the turn of another: a file, or if there is none, a deletion.
    fn has_standing(&self, record: usize, end: usize) -> bool {
        let products = &self.products[record];
        let files = products.iter().any(|product| product.left != Left::Nothing);
        let mut counted = products
            .iter()
            .filter(|product| !files || product.left != Left::Nothing);
        counted.any(|product| self.stands(product.record, &product.path, product.left, end))
    }

    /// The latest good run of the same command after a step that stands, if it has written or found something
    /// that the step stands for, or was to repeat it.
    pub(crate) fn word_on(&self, standing: usize) -> Option<usize> {
        let wrote = |later: usize, path: &RecordedPath| self.write_of(later, path).is_some();
        let concerns = |later: &usize| {
            let mut products = self.products[standing].iter();
            self.found[*later] == Some(standing)
                || self.asked_for[*later].map(|at| self.stands_for(at)) == Some(standing)
                || products.any(|product| wrote(*later, &product.path))
        };
        let mut later = (standing + 1..self.records.len()).rev();
        later.find(|later| {
            self.is_open(standing)
                && self.same_command(standing, *later)
                && self.records[*later].outcome.is_success()
                && concerns(later)
        })
    }

    /// What counts of a read: what the later run read there; nothing if it wrote there, so that the step is not
    /// stale for it, or read the directory as a whole and not this.
    fn counted(&self, standing: usize, at: Read) -> Option<Read> {
        let Some(later) = self.word_on(standing) else {
            return Some(at);
        };
        let read = &self.records[at.record].reads[at.input];
        let run = &self.records[later];
        let input = run.reads.iter().position(|it| it.path == read.path);
        match input {
            _ if self.write_of(later, &read.path).is_some() => None,
            Some(input) => Some(Read {
                record: later,
                input,
            }),
            None if read.class == Class::Data && covering(run, &read.path) => None,
            None => Some(at),
        }
    }

    /// What counts of a directory: what the later run read as a whole there, or the nearest above.
    fn counted_scan(&self, standing: usize, at: Scan) -> Scan {
        let directory = &self.records[at.record].datasets[at.dataset].path;
        let later = self.word_on(standing);
        let found = later.and_then(|later| {
            let all = scanned(&self.records[later]);
            let holding = all.filter(|(_, it)| directory.is_under(it));
            let nearest = holding.max_by_key(|(place, it)| (it.path.len(), usize::MAX - place));
            nearest.map(|(dataset, _)| Scan {
                record: later,
                dataset,
            })
        });
        found.unwrap_or(at)
    }

    fn is_stale(&self, standing: usize) -> bool {
        let record = &self.records[standing];
        let own = (0..record.reads.len()).map(|input| Read {
            record: standing,
            input,
        });
        let is_own = |read: &Read| {
            let path = &self.records[read.record].reads[read.input].path;
            let made = self.producer(read.record, read.input);
            let here = made.filter(|(_, place)| place == path);
            let updates = read.record == standing && self.write_of(standing, path).is_some();
            here.is_some_and(|(writer, _)| self.stands_for(writer) == standing) && !updates
        };
        let reads = own.chain(self.inherited_reads[standing].iter().copied());
        let reads = reads.filter(|read| !is_own(read));
        let reads = reads.filter_map(|read| self.counted(standing, read));
        let own = scanned(record).map(|(dataset, _)| Scan {
            record: standing,
            dataset,
        });
        let scans = own.chain(self.inherited_scans[standing].iter().copied());
        let mut scans = scans.map(|scan| self.counted_scan(standing, scan));
        reads.into_iter().any(|read| self.is_bad(standing, read))
            || scans.any(|scan| self.has_grown(standing, scan))
    }

    /// Whether a directory that was read as a whole, by the record or for what it inherited, holds a later
    /// file that neither of them touched.
    ///
    /// In the project itself only where a recorded job made some of what was read there; and not if the later
    /// file came of that reading, or a later run of the same command has seen it.
    fn has_grown(&self, standing: usize, scan: Scan) -> bool {
        let reader = scan.record;
        let record = &self.records[reader];
        let directory = &record.datasets[scan.dataset].path;
        let inside = |input: &usize| record.reads[*input].path.is_under(directory);
        let is_made = (0..record.reads.len())
            .filter(inside)
            .any(|input| self.producer(reader, input).is_some());
        let is_project = directory.base == Base::Project && directory.path.is_empty();
        let again = (reader..self.records.len())
            .filter(|&at| self.same_command(standing, at) && self.records[at].outcome.is_success());
        let seen: Vec<_> = again.chain([standing, reader]).collect();
        let touched = |path: &RecordedPath| {
            seen.iter().copied().any(|at| {
                let record = &self.records[at];
                record.reads.iter().any(|read| read.path == *path)
                    || record.writes.iter().any(|output| output.path == *path)
            })
        };
        let unrelated =
            |later: &usize| !self.comes_of(*later, reader) && !self.comes_of(*later, standing);
        (is_made || !is_project)
            && (reader + 1..self.records.len())
                .filter(unrelated)
                .any(|later| {
                    self.records[later].writes.iter().any(|output| {
                        let path = &output.path;
                        let last = self.last_writer(path, self.records.len()) == Some(later);
                        let data = output.remains() && output.class == Class::Data;
                        let inside = path != directory && path.is_under(directory);
                        last && data && inside && !touched(path)
                    })
                })
    }

    fn is_bad(&self, standing: usize, at: Read) -> bool {
        let read = &self.records[at.record].reads[at.input];
        let content = Left::Bytes(read.id);
        let updates = self.write_of(at.record, &read.path).is_some();
        let overwritten = |since: usize| {
            let held = self.world(&read.path);
            !updates && held.is_some_and(|(writer, left)| left != content && writer >= since)
        };
        let Some((writer, place)) = self.producer(at.record, at.input) else {
            return overwritten(at.record + 1);
        };
        if overwritten(0) {
            return true;
        }
        let in_place = self.world(&place).filter(|&(_, left)| left == content);
        let heir = self.stands_for(writer);
        match in_place.map(|(holder, _)| self.stands_for(holder)) {
            Some(holder) if holder != standing => self.stale[holder],
            Some(_) => self.stale[heir],
            None => {
                let own = self.write_of(at.record, &read.path);
                let end = self.records.len();
                let lives_on =
                    own.is_some_and(|left| self.stands(at.record, &read.path, left, end));
                heir != standing && self.superseded(writer) && !lives_on || self.stale[heir]
            }
        }
    }

    pub(crate) fn state(&self, record: usize) -> State {
        let went_well = |at: usize| self.records[at].outcome.is_success();
        let mut found_by = (0..self.records.len()).filter(|&at| self.found[at] == Some(record));
        if !went_well(record) && !found_by.any(went_well) {
            State::Failed
        } else if self.superseded(record) {
            State::Superseded
        } else if self.stale[record] {
            State::Stale
        } else {
            State::Current
        }
    }
}

/// The directories that a record read as a whole, and their places among its datasets.
fn scanned(record: &Record) -> impl Iterator<Item = (usize, &RecordedPath)> {
    let sets = record.datasets.iter().enumerate();
    let read = sets.filter(|(_, set)| set.role == Role::Read);
    read.map(|(at, set)| (at, &set.path))
}

/// Whether a record read as a whole a directory that holds a path.
fn covering(record: &Record, path: &RecordedPath) -> bool {
    scanned(record).any(|(_, directory)| directory != path && path.is_under(directory))
}

fn own_with_all(record: &Record) -> Vec<(RecordedPath, Left)> {
    let left = |output: &crate::Output| {
        if output.remains() {
            Left::Bytes(output.id)
        } else {
            Left::Nothing
        }
    };
    record
        .writes
        .iter()
        .map(|output| (output.path.clone(), left(output)))
        .collect()
}

fn own(at: usize, record: &Record) -> Vec<Product> {
    let products = record.writes.iter().filter(|output| output.is_product());
    let of = |output: &crate::Output| Product {
        path: output.path.clone(),
        left: if output.remains() {
            Left::Bytes(output.id)
        } else {
            Left::Nothing
        },
        record: at,
    };
    products.map(of).collect()
}
