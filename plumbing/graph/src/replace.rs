//! Which jobs are later runs of which step.
//!
//! Most take the place of the run before. One without products cannot: what it left in place is still
//! that run's work, from that run's inputs. It is a further run that found all in place, or a step of
//! its own.

use crate::Record;
use crate::candidates::Live;
use crate::codes::NameMap;
use crate::history::{ContentCode, DELETED, History, LastRead, PathCode};
use roar_object::{JobKind, ObjectId, StepName};
use std::collections::{BinaryHeap, HashSet};

/// Returns the step that `new` is a run of, as the next job after `records`.
///
/// As [`next_steps`] for one job.
pub fn next_step(records: &[Record], new: &Record) -> StepName {
    next_steps(records, std::slice::from_ref(new))[0]
}

/// Returns the steps that `new` are runs of, as the next jobs after `records`, in their order.
///
/// The number of the latest run of the same step that nothing has replaced, of one with products
/// before one without; else the next number: builds are counted apart. The steps that `new` themselves name are not looked at.
pub fn next_steps(records: &[Record], new: &[Record]) -> Vec<StepName> {
    let history = History::of(records.iter().chain(new));
    let matches = Replacements::of(&history).matches;
    let mut steps: Vec<_> = records.iter().map(|record| record.step).collect();
    let mut numbers = Numbers::default();
    steps.iter().for_each(|&step| numbers.note(step));
    for (record, matched) in new.iter().zip(&matches[records.len()..]) {
        let step = match matched {
            Some(earlier) => steps[*earlier],
            None => numbers.next(record.kind),
        };
        numbers.note(step);
        steps.push(step);
    }
    steps.split_off(records.len())
}

/// The highest numbers given so far, to runs and to builds.
#[derive(Default)]
struct Numbers([u32; 2]);

impl Numbers {
    fn note(&mut self, step: StepName) {
        let highest = &mut self.0[usize::from(step.build)];
        *highest = step.number.max(*highest);
    }

    fn next(&self, kind: JobKind) -> StepName {
        let build = StepName::new(kind, 1).build;
        StepName::new(kind, self.0[usize::from(build)].saturating_add(1))
    }
}

/// A file that a run left behind, or one it stands for.
#[derive(Clone, Copy)]
pub(crate) struct Made {
    pub(crate) path: PathCode,
    pub(crate) content: ContentCode,
    /// The write, in the history's list.
    pub(crate) write: usize,
}

/// Who replaced whom.
pub(crate) struct Replacements {
    /// The run that took a record's place.
    pub(crate) by: Vec<Option<usize>>,
    /// The end of each record's chain of replacements.
    heirs: Vec<usize>,
    /// The earlier run whose products a record without any found in place.
    pub(crate) found: Vec<Option<usize>>,
    /// Writes of replaced runs that the record found in place and left so.
    pub(crate) inherited: Vec<Vec<usize>>,
    /// The number of each record's program.
    pub(crate) programs: Vec<u32>,
    /// The run whose place each record was to take.
    pub(crate) repeated: Vec<Option<usize>>,
    /// For each record the one before it that it has its step's number from.
    matches: Vec<Option<usize>>,
}

impl Replacements {
    pub(crate) fn of(history: &History<'_>) -> Self {
        let mut finder = Finder::new(history);
        for record in 0..history.records().len() {
            finder.add(record);
        }
        let mut heirs: Vec<usize> = (0..finder.by.len()).collect();
        for record in (0..heirs.len()).rev() {
            // Replacements lead forward, so the later run's heir is known already.
            heirs[record] = finder.by[record].map_or(record, |later| heirs[later]);
        }
        for (record, earlier) in finder.found.iter().enumerate() {
            heirs[record] = earlier.map_or(heirs[record], |earlier| heirs[earlier]);
        }
        Self {
            heirs,
            by: finder.by,
            found: finder.found,
            inherited: finder.inherited,
            programs: finder.programs,
            repeated: finder.repeated,
            matches: finder.last_matches,
        }
    }

    /// Returns the run that now has the place of a record, or of the one whose products it found: itself,
    /// if nothing replaced it.
    pub(crate) fn stands_for(&self, record: usize) -> usize {
        self.heirs[record]
    }

    /// Returns whether nothing has a record's place, and it is no further run of another.
    pub(crate) fn is_head(&self, record: usize) -> bool {
        self.heirs[record] == record
    }

    /// Returns the paths of what a record made, and of what it stands for.
    pub(crate) fn paths<'h>(
        &'h self,
        history: &'h History<'_>,
        record: usize,
    ) -> impl Iterator<Item = PathCode> + 'h {
        let outputs = &history.records()[record].writes;
        let own = history.writes_of(record);
        let own = own.filter(|&place| outputs[history.writes[place].output].is_product());
        let all = own.chain(self.inherited[record].iter().copied());
        all.map(|place| history.writes[place].path)
    }
}

/// Goes through a history and finds for each record those that it replaces.
struct Finder<'h, 'r> {
    history: &'h History<'r>,
    by: Vec<Option<usize>>,
    found: Vec<Option<usize>>,
    inherited: Vec<Vec<usize>>,
    /// The records that made what each inherited.
    makers: Vec<Vec<usize>>,
    last_matches: Vec<Option<usize>>,
    /// What each record that is not replaced stands for, sorted by path.
    made: Vec<Vec<Made>>,
    /// The first run in each record's chain of replacements.
    first: Vec<usize>,
    last_read: LastRead,
    world: Vec<Option<usize>>,
    /// Of each write so far: the one that it, or what it updated in place, began with.
    origins: Vec<usize>,
    live: Live<'h>,
    /// The number of each record's program.
    programs: Vec<u32>,
    /// The run that now has each record's place, or one on the way to it.
    heirs: Vec<usize>,
    /// The last record that was found to descend from each itself.
    visited: Vec<usize>,
    /// The last record for which the reads of each were followed.
    followed: Vec<usize>,
    /// The last record that was found to descend from each, or from a run that it replaced.
    ancestor_of: Vec<usize>,
    /// Records that each descends from and whose paths are the very same: whoever descends from it
    /// descends from them too, so they are looked at only when somebody does not.
    under: Vec<Vec<usize>>,
    /// Those that the newest record descends from, of the ones that were looked at.
    passed: Vec<usize>,
    /// Of each job that some record repeats: its record, once that was gone through.
    jobs: NameMap<ObjectId, Option<usize>>,
    /// The run whose place each record was to take.
    repeated: Vec<Option<usize>>,
    /// That of the newest, if it has made some of the same files.
    target: Option<usize>,
}

impl<'h, 'r> Finder<'h, 'r> {
    fn new(history: &'h History<'r>) -> Self {
        let repeated = history.records().iter().filter_map(|record| record.repeats);
        let records = history.records().len();
        Self {
            history,
            by: vec![None; records],
            found: vec![None; records],
            inherited: vec![Vec::new(); records],
            makers: vec![Vec::new(); records],
            last_matches: Vec::with_capacity(records),
            made: Vec::with_capacity(records),
            first: (0..records).collect(),
            last_read: LastRead::default(),
            world: vec![None; history.last.len()],
            origins: Vec::with_capacity(history.writes.len()),
            live: Live::of(history),
            programs: Vec::with_capacity(records),
            heirs: (0..records).collect(),
            visited: vec![0; records],
            followed: vec![0; records],
            ancestor_of: vec![0; records],
            under: vec![Vec::new(); records],
            passed: Vec::new(),
            jobs: repeated.map(|job| (job, None)).collect(),
            repeated: Vec::with_capacity(records),
            target: None,
        }
    }

    fn add(&mut self, new: usize) {
        let program = self.live.program(self.history.records()[new]);
        self.programs.push(program);
        for &version in &self.history.reads[self.history.reads_of(new)] {
            self.last_read.note(new, version);
        }
        let repeated = self.asked_for(new);
        self.repeated.push(repeated);
        let own = self.products(new);
        self.target = repeated.filter(|&at| have_common(&own, &self.made[at]));
        match own.is_empty().then(|| self.in_place(new)).flatten() {
            Some(earlier) => self.set_aside(new, earlier),
            None => self.place(new, own),
        }
        self.note_writes(new);
        if let Some(record) = self.jobs.get_mut(&self.history.records()[new].job) {
            *record = Some(new);
        }
    }

    /// Returns the run that now has the place of the one which a record repeats.
    fn asked_for(&mut self, new: usize) -> Option<usize> {
        let records = self.history.records();
        let known = (*self.jobs.get(&records[new].repeats?)?)?;
        let known = self.heir(known);
        self.is_same_command(new, known).then_some(known)
    }

    fn is_same_command(&self, a: usize, b: usize) -> bool {
        let records = self.history.records();
        self.programs[a] == self.programs[b] && records[a].argv == records[b].argv
    }

    /// Puts a record among those that later ones can replace, in the place of those that it replaces.
    fn place(&mut self, new: usize, own: Vec<Made>) {
        let matched = self.match_earlier(new, &own);
        self.last_matches.push(matched.step());
        for earlier in matched.all {
            if self.by[earlier].is_some() {
                self.show_again(earlier);
            }
        }
        self.keep(new, own);
    }

    /// Notes a record without products as a further run of an earlier one.
    fn set_aside(&mut self, new: usize, earlier: usize) {
        self.found[new] = Some(earlier);
        self.heirs[new] = earlier;
        self.last_matches.push(Some(earlier));
        self.made.push(Vec::new());
    }

    fn note_writes(&mut self, new: usize) {
        for place in self.history.writes_of(new) {
            let write = &self.history.writes[place];
            let before = self.world[write.path as usize].replace(place);
            let updated = before
                .filter(|&before| write.started_from == Some(self.history.writes[before].content));
            self.origins
                .push(updated.map_or(place, |before| self.origins[before]));
        }
    }

    /// Returns the latest run of the same command whose products a run without any may have found in
    /// place: some still stand, and it read nothing that the earlier one had not read. A run that
    /// failed may have read anything, and need not have come to the products.
    fn in_place(&mut self, new: usize) -> Option<usize> {
        let record = self.history.records()[new];
        if let Some(earlier) = self.repeated[new].filter(|&at| !self.made[at].is_empty()) {
            return Some(earlier);
        }
        let standing = Standing {
            history: self.history,
            world: &self.world,
            origins: &self.origins,
            made: &self.made,
        };
        let by = &self.by;
        let is_out = |at: usize| by[at].is_some() || self.found[at].is_some();
        let runs = self.live.runs_of(self.history, new, |at| {
            !is_out(at) && !self.made[at].is_empty()
        });
        if !record.succeeded() {
            runs.all.retain(|at| by[*at].is_none());
            return runs.all.last().copied();
        }
        let list = runs.that_read(self.history, new)?;
        for place in (0..list.len()).rev() {
            let earlier = list[place];
            if by[earlier].is_some() || !standing.any(earlier) {
                // What is gone does not come back, so it is never looked at again.
                list.remove(place);
            } else if reads_no_more(record, self.history.records()[earlier]) {
                return Some(earlier);
            }
        }
        None
    }

    /// Returns what the record itself wrote and deleted, sorted by path.
    fn products(&self, record: usize) -> Vec<Made> {
        let outputs = &self.history.records()[record].writes;
        let mut made: Vec<_> = self
            .history
            .writes_of(record)
            .map(|write| (write, &self.history.writes[write]))
            .filter(|(_, write)| outputs[write.output].is_product())
            .map(|(place, write)| Made {
                path: write.path,
                content: write.content,
                write: place,
            })
            .collect();
        made.sort_unstable_by_key(|made| made.path);
        made
    }

    /// Finds the earlier records that `new` is a run of the same step as, and puts it in their place.
    ///
    /// They are gone through from the latest to the earliest: by what it inherits from one it may come to
    /// descend from others.
    fn match_earlier(&mut self, new: usize, own: &[Made]) -> Matched {
        let key = (new, self.programs[new]);
        let mut candidates = self.live.candidates(self.history, key, own, &self.by);
        candidates.extend(self.target);
        let mended = self.mended(new, own);
        candidates.extend(&mended);
        let firsts = candidates.iter().map(|&record| self.first[record]);
        let mut ancestors = Ancestors::of(new, firsts.min());
        let mut open = BinaryHeap::from(candidates);
        let mut matched = Matched::default();
        self.passed.clear();
        while let Some(earlier) = open.pop() {
            if open.peek() == Some(&earlier) {
                continue;
            }
            ancestors.reach(self.first[earlier]);
            self.mark_ancestors(new, own, &mut ancestors);
            let descends = self.ancestor_of[earlier] == new;
            if descends && (self.target != Some(earlier) || self.comes_of_target(new, own)) {
                self.passed.push(earlier);
            } else if mended.contains(&earlier) || self.fits(new, own, earlier) {
                matched.note(earlier, !self.made[earlier].is_empty());
                if self.may_replace(earlier, new, own) {
                    self.replace(earlier, new);
                    self.follow_makers(new, new, &mut ancestors);
                }
            }
            // Who descends only from a run that this one replaced passes by those under it. They
            // are out of the lists of paths alone, and those matter where there are products.
            if self.visited[earlier] != new && !own.is_empty() {
                let under = self.under[earlier].iter();
                open.extend(under.filter(|&&other| self.by[other].is_none()));
            }
        }
        matched
    }

    /// Returns whether `new` repeats the earlier run and made some of the same; or whether the paths of one are those of the other or
    /// among them, as far as both have products, and `new` read nothing that the earlier one left, if that
    /// is not the step's own.
    fn fits(&self, new: usize, own: &[Made], earlier: usize) -> bool {
        let theirs = &self.made[earlier];
        // What was asked for by its name is no run of another command.
        let can_be = self.target.is_none() || self.is_same_command(new, earlier);
        self.target == Some(earlier)
            || can_be
                && (own.is_empty() || theirs.is_empty() || one_contains_the_other(own, theirs))
                && !self.reads_any(new, own, earlier)
    }

    fn reads_any(&self, new: usize, own: &[Made], earlier: usize) -> bool {
        let same = self.is_same_command(new, earlier);
        let mut theirs = self.made[earlier].iter();
        theirs.any(|made| {
            self.last_read.by(new, made.path) == Some(made.content)
                && !(same && leaves(own, made.path))
        })
    }

    /// Marks what `new` descends from, by itself or by runs that it replaced, as far back as is asked.
    fn mark_ancestors(&mut self, new: usize, own: &[Made], ancestors: &mut Ancestors) {
        while let Some(reader) = ancestors.next() {
            for (input, producer) in self.history.producers_of(reader) {
                let parent = producer.record;
                let heir = self.heir(parent);
                if self.is_within(new, own, (reader, input), heir) {
                    self.follow(new, parent, ancestors);
                    self.follow_makers(new, parent, ancestors);
                } else if self.visited[parent] != new {
                    // The first record has no ancestors, so `new` is never 0 here.
                    self.visited[parent] = new;
                    self.ancestor_of[heir] = new;
                    self.follow(new, parent, ancestors);
                    self.follow_makers(new, parent, ancestors);
                }
            }
        }
    }

    /// Returns whether a run of the step that `new` may be a run of has read what an earlier run of it made:
    /// nobody descends from a step by what is its own.
    ///
    /// What `new` has read is its own if it repeats that step, or if it is the same command and leaves the
    /// file as it was: so builds read what they need not make again.
    fn is_within(
        &mut self,
        new: usize,
        own: &[Made],
        (reader, input): (usize, usize),
        heir: usize,
    ) -> bool {
        let repeats = self.target == Some(heir);
        if !repeats && !self.is_same_command(new, heir) {
            return false;
        }
        if reader != new {
            return self.heir(reader) == heir;
        }
        repeats || self.leaves_input(own, new, input)
    }

    /// Returns whether `new` descends from the run that it repeats by more than files that it has moved on in
    /// place: those say nothing about what it came from.
    fn comes_of_target(&mut self, new: usize, own: &[Made]) -> bool {
        let (mut open, mut seen) = (vec![new], HashSet::new());
        open.extend_from_slice(&self.makers[new]);
        while let Some(reader) = open.pop() {
            for (input, producer) in self.history.producers_of(reader) {
                let parent = producer.record;
                if reader == new && !self.leaves_input(own, new, input) {
                    continue;
                }
                let heir = self.heir(parent);
                if self.target == Some(heir) && !self.is_within(new, own, (reader, input), heir) {
                    return true;
                }
                if seen.insert(parent) {
                    open.push(parent);
                    open.extend_from_slice(&self.makers[parent]);
                }
            }
        }
        false
    }

    /// Returns whether a record left what it has read there as it was.
    fn leaves_input(&self, own: &[Made], record: usize, input: usize) -> bool {
        let version = self.history.reads[self.history.reads_of(record)][input];
        leaves(own, version.path)
    }

    /// Returns failed runs of the same command of which a good one has read what they left, and left it so,
    /// too: it has brought their work to its end.
    fn mended(&mut self, new: usize, own: &[Made]) -> Vec<usize> {
        let records = self.history.records();
        if own.is_empty() || !records[new].succeeded() {
            return Vec::new();
        }
        let producers: Vec<_> = self.history.producers_of(new).collect();
        let mut mended = Vec::new();
        for (input, producer) in producers {
            let heir = self.heir(producer.record);
            let failed = !records[heir].succeeded() && self.found[heir].is_none();
            if failed && self.is_same_command(new, heir) && self.leaves_input(own, new, input) {
                mended.push(heir);
            }
        }
        mended
    }

    /// Notes that the reads of a record are to be followed, once.
    fn follow(&mut self, new: usize, reader: usize, ancestors: &mut Ancestors) {
        if std::mem::replace(&mut self.followed[reader], new) != new {
            ancestors.add(reader);
        }
    }

    /// Notes that of those who made what a record inherited.
    fn follow_makers(&mut self, new: usize, record: usize, ancestors: &mut Ancestors) {
        for at in 0..self.makers[record].len() {
            self.follow(new, self.makers[record][at], ancestors);
        }
    }

    /// Returns the run that now has a record's place, and shortens the way there.
    fn heir(&mut self, mut record: usize) -> usize {
        while self.heirs[record] != record {
            self.heirs[record] = self.heirs[self.heirs[record]];
            record = self.heirs[record];
        }
        record
    }

    /// Returns whether a run may take the place of an earlier one: a failed run only takes that of
    /// a good one if it changed what that had made.
    fn may_replace(&self, earlier: usize, new: usize, own: &[Made]) -> bool {
        let records = self.history.records();
        let changed = |theirs: &Made| {
            own.binary_search_by_key(&theirs.path, |made| made.path)
                .is_ok_and(|at| own[at].content != theirs.content)
        };
        records[new].succeeded()
            || !records[earlier].succeeded()
            || self.made[earlier].iter().any(changed)
    }

    fn replace(&mut self, earlier: usize, new: usize) {
        self.by[earlier] = Some(new);
        self.heirs[earlier] = new;
        self.first[new] = self.first[new].min(self.first[earlier]);
        let written = &self.history.records()[new].writes;
        for made in std::mem::take(&mut self.made[earlier]) {
            let write = &self.history.writes[made.write];
            let path = &self.history.records()[write.record].writes[write.output].path;
            let untouched = written
                .binary_search_by(|output| output.path.cmp(path))
                .is_err();
            let in_place = self.world[made.path as usize] == Some(made.write);
            if untouched && in_place && made.content != DELETED {
                self.inherited[new].push(made.write);
                self.makers[new].push(write.record);
            }
        }
        self.makers[new].sort_unstable();
        self.makers[new].dedup();
    }

    /// Makes the record one that later ones can replace.
    fn keep(&mut self, new: usize, own: Vec<Made>) {
        let mut made = own;
        made.extend(self.inherited[new].iter().map(|&write| Made {
            path: self.history.writes[write].path,
            content: self.history.writes[write].content,
            write,
        }));
        made.sort_unstable_by_key(|made| made.path);
        made.dedup_by_key(|made| made.path);
        let record: &'h Record = self.history.records()[new];
        self.live.insert(new, record, self.programs[new], &made);
        self.made.push(made);
        self.hide_ancestors(new);
    }

    /// Takes those out of the lists that `new` stands in front of.
    fn hide_ancestors(&mut self, new: usize) {
        for earlier in std::mem::take(&mut self.passed) {
            let descends = self.visited[earlier] == new;
            if descends && same_paths(&self.made[earlier], &self.made[new]) {
                self.live.hidden.insert(earlier);
                self.under[new].push(earlier);
            }
        }
    }

    /// Puts those back into the lists that a replaced run stood in front of.
    fn show_again(&mut self, replaced: usize) {
        for earlier in std::mem::take(&mut self.under[replaced]) {
            if self.by[earlier].is_none() && self.live.hidden.remove(&earlier) {
                let program = self.programs[earlier];
                self.live.list(earlier, program, &self.made[earlier]);
            }
        }
    }
}

/// The earlier runs of a step that a record is a run of.
#[derive(Default)]
struct Matched {
    /// All of them, latest first.
    all: Vec<usize>,
    with_products: Option<usize>,
}

impl Matched {
    fn note(&mut self, earlier: usize, has_products: bool) {
        self.all.push(earlier);
        self.with_products = self.with_products.or(has_products.then_some(earlier));
    }

    /// Returns the one that gives the step its number.
    fn step(&self) -> Option<usize> {
        self.with_products.or(self.all.first().copied())
    }
}

/// A walk to what a record descends from, that goes no further back than it is asked to.
struct Ancestors {
    /// Whose reads are to be followed.
    open: Vec<usize>,
    /// Those of them that are too old by now.
    older: Vec<usize>,
    oldest: usize,
}

impl Ancestors {
    fn of(record: usize, oldest: Option<usize>) -> Self {
        Self {
            open: vec![record],
            older: Vec::new(),
            oldest: oldest.unwrap_or(record),
        }
    }

    /// Asks for all that are not older than this.
    fn reach(&mut self, oldest: usize) {
        if oldest < self.oldest {
            self.oldest = oldest;
            self.open.append(&mut self.older);
        }
    }

    fn add(&mut self, reader: usize) {
        self.open.push(reader);
    }

    fn next(&mut self) -> Option<usize> {
        while let Some(reader) = self.open.pop() {
            if reader >= self.oldest {
                return Some(reader);
            }
            self.older.push(reader);
        }
        None
    }
}

/// What the world holds before some record.
struct Standing<'f, 'r> {
    history: &'f History<'r>,
    world: &'f [Option<usize>],
    origins: &'f [usize],
    made: &'f [Vec<Made>],
}

impl Standing<'_, '_> {
    /// Returns whether the world holds something of what a record stands for: a file, or if it has left
    /// none, a deletion. What was updated in place since is held.
    fn any(&self, record: usize) -> bool {
        let made = &self.made[record];
        let remains = |made: &&Made| made.content != DELETED;
        let leaves_files = made.iter().any(|made| remains(&made));
        let mut lasting = made.iter().filter(|made| !leaves_files || remains(made));
        lasting.any(|made| self.holds(made.write))
    }

    fn holds(&self, write: usize) -> bool {
        let path = self.history.writes[write].path;
        self.world[path as usize].is_some_and(|last| self.origins[last] == self.origins[write])
    }
}

/// Returns whether two sorted lists have a path in common.
fn have_common(a: &[Made], b: &[Made]) -> bool {
    let (few, many) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    few.iter().any(|made| !leaves(many, made.path))
}

/// Returns whether a path is not among those that were written.
fn leaves(own: &[Made], path: PathCode) -> bool {
    own.binary_search_by_key(&path, |made| made.path).is_err()
}

/// Returns whether two sorted lists have the same paths, and any.
fn same_paths(a: &[Made], b: &[Made]) -> bool {
    let pairs = || a.iter().zip(b);
    !a.is_empty() && a.len() == b.len() && pairs().all(|(a, b)| a.path == b.path)
}

/// Returns whether the paths of one sorted list are all in the other.
fn one_contains_the_other(a: &[Made], b: &[Made]) -> bool {
    let (few, many) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    let mut rest = many.iter();
    few.iter().all(|wanted| {
        rest.by_ref()
            .find(|made| made.path >= wanted.path)
            .is_some_and(|made| made.path == wanted.path)
    })
}

/// Returns whether each path that `later` read was read by `earlier`, too.
pub(crate) fn reads_no_more(later: &Record, earlier: &Record) -> bool {
    let read = |path| earlier.reads.binary_search_by_key(&path, |read| &read.path);
    later.reads.iter().all(|new| read(&new.path).is_ok())
}
