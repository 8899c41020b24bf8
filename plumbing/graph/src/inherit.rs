//! What the files were made from that a run stands for and did not make itself.
//!
//! Each such file was made by a run that this one replaced, by itself or by others: there is a *chain*
//! of replacements from its maker to the run that stands. What the maker read counts, in the version
//! that was read last by a run of the chain; one in between that failed does not count, for it may have
//! ended before it came to the file. A directory read as a whole was read at every path below it. What
//! the run that stands has read itself is not listed here.

use crate::History;
use crate::codes::NameMap;
use crate::growth::above;
use crate::history::PathCode;
use crate::lineage::{Read, Scan};
use crate::replace::Replacements;
use roar_object::{Base, Class, RecordedPath, Role};
use std::cmp::Reverse;
use std::collections::hash_map::Entry;

/// Inherited inputs, by the record that stands.
#[derive(Default)]
pub(crate) struct Inheritance {
    of: NameMap<usize, Inputs>,
}

#[derive(Default)]
struct Inputs {
    reads: Vec<Read>,
    scans: Vec<Scan>,
}

impl Inheritance {
    /// Finds what is behind the inherited writes that are `standing`, for each record that nothing
    /// replaced.
    pub(crate) fn of(
        history: &History<'_>,
        replacements: &Replacements,
        standing: &[bool],
    ) -> Self {
        let inherits = |&record: &usize| {
            let mut inherited = replacements.inherited[record].iter();
            replacements.by[record].is_none() && inherited.any(|&write| standing[write])
        };
        let heads: Vec<_> = (0..history.records().len()).filter(inherits).collect();
        if heads.is_empty() {
            return Self::default();
        }
        let mut walk = Walk::new(history, replacements);
        let inputs = |head: usize| {
            let inherited = replacements.inherited[head].iter();
            let stands = inherited.filter(|&&write| standing[write]);
            let makers = stands.map(|&write| history.writes[write].record);
            (head, walk.inputs(head, makers))
        };
        let of = heads.into_iter().map(inputs).collect();
        Self { of }
    }

    /// Returns the reads, none at a path that the record has read itself.
    pub(crate) fn reads(&self, record: usize) -> &[Read] {
        self.of.get(&record).map_or(&[], |inputs| &inputs.reads)
    }

    /// Returns the directories that were read as a whole.
    pub(crate) fn scans(&self, record: usize) -> &[Scan] {
        self.of.get(&record).map_or(&[], |inputs| &inputs.scans)
    }

    /// Returns the directories of all records.
    pub(crate) fn all_scans(&self) -> impl Iterator<Item = (usize, Scan)> {
        let each = |(&record, inputs): (&usize, &'_ Inputs)| {
            let scans = inputs.scans.clone().into_iter();
            scans.map(move |scan| (record, scan))
        };
        self.of.iter().flat_map(each)
    }
}

type Directory<'r> = (Base, &'r [u8]);

/// Goes from a run that stands back through all that it replaced.
struct Walk<'h, 'r> {
    history: &'h History<'r>,
    /// The runs that each took the place of.
    replaced: Vec<Vec<usize>>,
    /// The head that each is a maker for.
    maker_for: Vec<Option<usize>>,
    /// For each path the last read of it by a run between here and the head whose word counts.
    read: Vec<Option<Read>>,
    /// For each directory the last time that such a run read it as a whole.
    scanned: NameMap<Directory<'r>, Scan>,
    /// What was noted in these two, in order.
    noted: Noted<'r>,
}

#[derive(Default)]
struct Noted<'r> {
    paths: Vec<PathCode>,
    directories: Vec<Directory<'r>>,
}

enum Step {
    Enter(usize),
    /// Forget what was noted since there were so many paths and directories.
    Leave(usize, usize),
}

impl<'h, 'r> Walk<'h, 'r> {
    fn new(history: &'h History<'r>, replacements: &Replacements) -> Self {
        let records = history.records().len();
        let mut replaced = vec![Vec::new(); records];
        for (earlier, by) in replacements.by.iter().enumerate() {
            by.map(|later: usize| replaced[later].push(earlier));
        }
        Self {
            history,
            replaced,
            maker_for: vec![None; records],
            read: vec![None; history.last.len()],
            scanned: NameMap::default(),
            noted: Noted::default(),
        }
    }

    fn inputs(&mut self, head: usize, makers: impl Iterator<Item = usize>) -> Inputs {
        let mut left = 0;
        for maker in makers {
            left += usize::from(self.maker_for[maker].replace(head) != Some(head));
        }
        let mut inputs = Inputs::default();
        self.note(head);
        let mut open: Vec<_> = self.replaced[head]
            .iter()
            .copied()
            .map(Step::Enter)
            .collect();
        while let Some(step) = open.pop().filter(|_| left > 0) {
            match step {
                Step::Enter(run) => {
                    if self.maker_for[run] == Some(head) {
                        left -= 1;
                        self.take(head, run, &mut inputs);
                    }
                    if self.history.records()[run].succeeded() {
                        let Noted { paths, directories } = &self.noted;
                        open.push(Step::Leave(paths.len(), directories.len()));
                        self.note(run);
                    }
                    open.extend(self.replaced[run].iter().copied().map(Step::Enter));
                }
                Step::Leave(paths, directories) => self.forget(paths, directories),
            }
        }
        self.forget(0, 0);
        inputs.tidy(self.history);
        inputs
    }

    /// Notes what a run read, where none after it has.
    fn note(&mut self, record: usize) {
        let versions = &self.history.reads[self.history.reads_of(record)];
        for (input, version) in versions.iter().enumerate() {
            let last = &mut self.read[version.path as usize];
            if last.is_none() {
                *last = Some(Read { record, input });
                self.noted.paths.push(version.path);
            }
        }
        for (scan, directory) in scans(self.history, record) {
            let key = (directory.base, &*directory.path.0);
            if let Entry::Vacant(place) = self.scanned.entry(key) {
                place.insert(scan);
                self.noted.directories.push(key);
            }
        }
    }

    fn forget(&mut self, paths: usize, directories: usize) {
        for path in self.noted.paths.drain(paths..) {
            self.read[path as usize] = None;
        }
        for directory in self.noted.directories.drain(directories..) {
            self.scanned.remove(&directory);
        }
    }

    /// Takes what a maker read, in the versions that were noted.
    fn take(&self, head: usize, maker: usize, inputs: &mut Inputs) {
        let versions = &self.history.reads[self.history.reads_of(maker)];
        let reads = self.history.records()[maker].reads.iter().zip(versions);
        for (input, (read, version)) in reads.enumerate() {
            let own = Read {
                record: maker,
                input,
            };
            let last = self.read[version.path as usize].unwrap_or(own);
            let is_gone = || {
                let scan = self.scanned_above(above(&read.path));
                read.class == Class::Data && scan.is_some_and(|scan| scan.record > last.record)
            };
            if last.record != head && !is_gone() {
                inputs.reads.push(last);
            }
        }
        for (own, directory) in scans(self.history, maker) {
            let itself = (directory.base, &*directory.path.0);
            let holding = std::iter::once(itself).chain(above(directory));
            let last = self.scanned_above(holding).unwrap_or(own);
            if last.record != head {
                inputs.scans.push(last);
            }
        }
    }

    /// Returns the last time that one of the directories was read as a whole; of several that one run
    /// read the first.
    fn scanned_above<'d>(&self, directories: impl Iterator<Item = Directory<'d>>) -> Option<Scan> {
        if self.scanned.is_empty() {
            return None;
        }
        let found = directories.filter_map(|key| self.scanned.get(&key).copied());
        found.reduce(|last, scan| {
            if scan.record > last.record {
                scan
            } else {
                last
            }
        })
    }
}

impl Inputs {
    /// Leaves each version of a file once, as it was read last.
    fn tidy(&mut self, history: &History<'_>) {
        let version = |read: &Read| {
            let version = history.reads[history.reads_of(read.record)][read.input];
            (version.path, version.content)
        };
        let reads = &mut self.reads;
        reads.sort_unstable_by_key(|read| (version(read), Reverse(read.record)));
        reads.dedup_by_key(|read| version(read));
        reads.sort_unstable();
        self.scans.sort_unstable();
        self.scans.dedup();
    }
}

/// Returns the directories that a record read as a whole.
fn scans<'r>(
    history: &History<'r>,
    record: usize,
) -> impl Iterator<Item = (Scan, &'r RecordedPath)> {
    let sets = history.records()[record].datasets.iter().enumerate();
    let read = sets.filter(|(_, set)| set.role == Role::Read);
    read.map(move |(dataset, set)| (Scan { record, dataset }, &set.path))
}

#[cfg(test)]
mod tests {
    use crate::fixture::{job, session};
    use crate::tests::{drawn, states, then};
    use crate::{Reason, Record, Show, State, Why, Written, project};
    use roar_object::{Class, ContentId};

    /// Returns what a record inherited, as path and step or record that made it.
    fn inherited(records: &[Record], at: usize) -> String {
        let projection = project(records);
        let one = |read: &crate::Read| {
            let input = &records[read.record].reads[read.input];
            let path = String::from_utf8_lossy(&input.path.shown()).into_owned();
            format!("{path} of {}", read.record)
        };
        let reads = projection.inherited_reads(at).iter();
        reads.map(one).collect::<Vec<_>>().join(", ")
    }

    fn fetch(content: &str) -> Record {
        job("fetch.py").writes(&format!("a={content}"))
    }

    /// `gen.py` makes x from a, that `fetch.py` made, and y from b; then b changes, and it makes y only.
    fn skipping() -> Vec<Record> {
        session([
            fetch("a1"),
            job("gen.py").reads("a=a1 b=b1").writes("x=x1 y=y1"),
            job("use.py").reads("x=x1").writes("out=o1"),
            job("gen.py").reads("b=b2").writes("y=y2"),
        ])
    }

    #[test]
    fn what_is_left_in_place_keeps_its_inputs() {
        let records = skipping();
        assert_eq!(
            states(&records),
            "@1:current @2:superseded @3:current @2:current"
        );
        assert_eq!(inherited(&records, 3), "a of 1");
        assert_eq!(drawn(&records, Show::Current), "@1< @2<@1 @3<@2");
        let records = then(records, fetch("a2"));
        assert_eq!(
            states(&records),
            "@1:superseded @2:superseded @3:stale @2:stale @1:current"
        );
        let by = Written {
            record: 4,
            output: 0,
        };
        let now = Some(ContentId::of(b"a2"));
        let why = Why::Overwritten { by, now };
        let input = project(&records).inherited_reads(3).first().copied();
        assert_eq!(project(&records).reasons(3), [Reason { input, why }]);
        assert_eq!(drawn(&records, Show::Stale), "@1< @2<@1 @3<@2");
        let dag = project(&records).dag(Show::Stale);
        assert!(dag.nodes[1].parents[0].outdated);
        // Whatever is made of a again, by whichever run, is of a as it was read then.
        let mended = then(records, job("gen.py").reads("a=a2").writes("x=x2"));
        assert_eq!(project(&mended).state(5), State::Current);
        assert_eq!(inherited(&mended, 5), "b of 3");
    }

    #[test]
    fn a_file_is_of_the_version_that_was_read_for_it() {
        let before = session([
            fetch("a1"),
            job("gen.py").reads("a=a1 b=b1").writes("x=x1 y=y1"),
            fetch("a2"),
            job("gen.py").reads("b=b2").writes("y=y2"),
        ]);
        assert_eq!(project(&before).state(3), State::Stale);
        // The original does not come from the run that stands now, though it has the same place.
        let x = before[1].writes[0].path.clone();
        let written = project(&before).at(&x);
        let lineage = written.map(|written| project(&before).history().lineage(written).jobs);
        assert_eq!(lineage, Some(vec![0, 1]));
    }

    #[test]
    fn the_last_run_to_have_read_a_path_tells_of_it() {
        let config = |n: u32| format!("config={n}");
        let made = job("gen.py").reads("a=a1 b=b1").reads(&config(1));
        let first = session([made.writes("x=x1 y=y1")]);
        let looked = |n: u32| job("gen.py").reads("b=b2").reads(&config(n));
        let own = then(first.clone(), looked(2).writes("y=y2"));
        assert_eq!(inherited(&own, 1), "a of 0");
        let chain = then(own, job("gen.py").reads("b=b3").writes("y=y3"));
        assert_eq!(inherited(&chain, 2), "a of 0, config of 1");
        // A failed run may not have come to the file.
        let failed = then(first, looked(2).writes("y=y2").fails());
        let chain = then(failed, job("gen.py").reads("b=b3").writes("y=y3"));
        assert_eq!(inherited(&chain, 2), "a of 0, config of 0");
    }

    #[test]
    fn only_what_still_stands_has_inputs() {
        let again = then(skipping(), job("gen.py").reads("a=a2").writes("x=x2 y=y3"));
        assert_eq!(inherited(&again, 4), "");
        let gone = then(skipping(), job("rm x").writes("x="));
        assert_eq!(inherited(&gone, 3), "");
        let taken = then(skipping(), job("other.py").writes("x=z"));
        assert_eq!(inherited(&taken, 3), "");
        let update = then(skipping(), job("append.py").reads("x=x1").writes("x=xx"));
        assert_eq!(inherited(&update, 3), "a of 1");
    }

    #[test]
    fn what_a_run_in_between_read_for_what_was_made_again_is_no_input() {
        let again = |reads: &str, y: &str| job("gen.py").reads(reads).writes(y);
        let records = then(
            then(skipping(), again("c=c1", "y=y3")),
            again("d=d1", "y=y4"),
        );
        assert_eq!(records[5].step.to_string(), "@2");
        // Perhaps x is of b, too: in which version was told last by the run that made y of it.
        assert_eq!(inherited(&records, 5), "a of 1, b of 3");
    }

    #[test]
    fn of_several_makers_each_counts() {
        let records = session([
            job("gen.py").reads("a=1 b=1 c=1").writes("x=1 y=1 z=1"),
            job("gen.py").reads("b=2").writes("y=2"),
            job("gen.py").reads("c=3").writes("z=3"),
        ]);
        assert_eq!(inherited(&records, 2), "a of 0, b of 1");
    }

    #[test]
    fn a_run_does_not_replace_what_its_inherited_files_were_made_from() {
        let records = session([
            job("p").reads("raw=r").writes("x=1 y=1"),
            job("p").reads("x=1").writes("x=2 y=2"),
            job("p").reads("b=b").writes("y=3"),
        ]);
        assert_eq!(states(&records), "@1:current @2:superseded @2:current");
        assert_eq!(drawn(&records, Show::Current), "@1< @2<@1");
        let reader = job("fetch.py").reads("y=y2").writes("a=a2");
        let records = then(skipping(), reader);
        // It descends from the run that has the place of what was made from its earlier run.
        assert_eq!(records[4].step.to_string(), "@4");
    }

    #[test]
    fn code_is_inherited_and_an_input_only_where_a_job_made_it() {
        let mut records = session([
            job("gen.py").reads("a=a lib.py=l").writes("x=x y=y"),
            job("gen.py").reads("b=b").writes("y=y2"),
        ]);
        records[0].reads[1].class = Class::Code;
        assert_eq!(inherited(&records, 1), "a of 0, lib.py of 0");
        let projection = project(&records);
        let inputs = projection.inputs(1).map(|(_, input)| input.path.shown());
        assert!(inputs.eq([b"b", b"a"]));
    }

    #[test]
    fn long_chains_of_partial_runs_cost_as_much_as_they_are_long() {
        let run = |at: usize| {
            let (path, content) = (at % 50, at / 50);
            job("gen.py")
                .reads(&format!("in{path}=i{content}"))
                .writes(&format!("out{path}=o{content}"))
        };
        let files = |side: &str| {
            (0..50)
                .map(|at| format!("{side}{at}=0 "))
                .collect::<String>()
        };
        let first = job("gen.py").reads(&files("in")).writes(&files("out"));
        let mut records: Vec<_> = std::iter::once(first).chain((50..3000).map(run)).collect();
        let steps = crate::next_steps(&[], &records);
        for (record, step) in records.iter_mut().zip(steps) {
            record.step = step;
        }
        assert!(records.iter().all(|record| record.step.number == 1));
        let projection = project(&records);
        assert_eq!(projection.inherited_reads(records.len() - 1).len(), 49);
        let before = records.len() - 2;
        assert_eq!(projection.inherited_reads(before), []);
    }
}
