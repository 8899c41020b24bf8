//! Records of which a later one may be a run of the same step.

use crate::codes::{CodeMap, NameMap};
use crate::history::{History, PathCode};
use crate::replace::Made;
use crate::{Record, program};
use roar_object::{ByteStr, JobKind, RecordedPath};
use smallvec::SmallVec;
use std::collections::HashSet;

/// Records in a list of which most have one.
type List = SmallVec<[usize; 2]>;

type ProgramKey<'h> = (JobKind, &'h RecordedPath, &'h [ByteStr]);

/// Records that nothing has replaced, found by program and product.
///
/// A record is listed under each of its paths, for those that have fewer, and once more under its
/// rarest path alone, for those that have more. So a sweep of thousands of runs that share one log
/// file does not compare each with all.
#[derive(Default)]
pub(crate) struct Live<'h> {
    programs: NameMap<ProgramKey<'h>, u32>,
    by_path: CodeMap<(u32, PathCode), List>,
    by_rarest: CodeMap<(u32, PathCode), List>,
    /// Records with products, up to some place: few runs have none, and only for them is it asked.
    by_command: NameMap<ProgramKey<'h>, Runs>,
    /// How many records were looked at for `by_command`.
    commands: usize,
    empty: NameMap<ProgramKey<'h>, List>,
    /// Records that are not found by their paths for now.
    pub(crate) hidden: HashSet<usize>,
}

fn command_key(record: &Record) -> ProgramKey<'_> {
    (record.kind, &record.directory, &record.argv)
}

impl<'h> Live<'h> {
    pub(crate) fn of(history: &History<'_>) -> Self {
        let mut live = Self::default();
        live.by_path.reserve(history.writes.len());
        live.by_rarest.reserve(history.records().len());
        live
    }

    pub(crate) fn program(&mut self, record: &'h Record) -> u32 {
        let next = u32::try_from(self.programs.len()).expect("records fit in memory");
        let key = (record.kind, &record.directory, program(&record.argv));
        *self.programs.entry(key).or_insert(next)
    }

    pub(crate) fn insert(&mut self, at: usize, record: &'h Record, program: u32, made: &[Made]) {
        if made.is_empty() {
            let command = command_key(record);
            self.empty.entry(command).or_default().push(at);
        } else {
            self.list(at, program, made);
        }
    }

    /// Lists a record under its paths.
    pub(crate) fn list(&mut self, at: usize, program: u32, made: &[Made]) {
        let mut rarest = None;
        for made in made {
            let list = self.by_path.entry((program, made.path)).or_default();
            list.push(at);
            let found = (list.len(), made.path);
            rarest = Some(rarest.map_or(found, |known: (usize, PathCode)| known.min(found)));
        }
        if let Some((_, path)) = rarest {
            self.by_rarest.entry((program, path)).or_default().push(at);
        }
    }

    /// Returns the runs before `new` of the same command that `counts`, as far as that is known by now.
    pub(crate) fn runs_of(
        &mut self,
        history: &'h History<'_>,
        new: usize,
        counts: impl Fn(usize) -> bool,
    ) -> &mut Runs {
        for at in (self.commands..new).filter(|&at| counts(at)) {
            let command = command_key(history.records()[at]);
            self.by_command.entry(command).or_default().all.push(at);
        }
        self.commands = new;
        let command = command_key(history.records()[new]);
        self.by_command.entry(command).or_default()
    }

    /// Returns every live record that may be of the same step, and a few that are not, ascending.
    pub(crate) fn candidates(
        &mut self,
        history: &'h History<'_>,
        (new, program): (usize, u32),
        own: &[Made],
        by: &[Option<usize>],
    ) -> Vec<usize> {
        let command = command_key(history.records()[new]);
        let mut found = Vec::new();
        let hidden = &self.hidden;
        let mut take = |list: Option<&mut List>| {
            if let Some(list) = list {
                list.retain(|at| by[*at].is_none() && !hidden.contains(at));
                found.extend_from_slice(list);
            }
        };
        take(self.empty.get_mut(&command));
        if !own.is_empty() {
            for made in own {
                take(self.by_rarest.get_mut(&(program, made.path)));
            }
            take(shortest(&mut self.by_path, program, own));
        }
        found.sort_unstable();
        found.dedup();
        found
    }
}

/// The runs of one command that have products, ascending.
#[derive(Default)]
pub(crate) struct Runs {
    pub(crate) all: List,
    /// The last one that is in the lists below.
    noted: Option<usize>,
    /// Those whose products may stand.
    standing: List,
    by_read: CodeMap<PathCode, List>,
}

impl Runs {
    /// Returns runs that read one of the paths that `new` read, as few as possible; all if it read
    /// nothing. What read all of its paths is among them.
    pub(crate) fn that_read(&mut self, history: &History<'_>, new: usize) -> Option<&mut List> {
        self.note_reads(history);
        let reads = &history.reads[history.reads_of(new)];
        let length = |path: &PathCode| self.by_read.get(path).map_or(0, List::len);
        match reads.iter().map(|read| read.path).min_by_key(length) {
            Some(path) => self.by_read.get_mut(&path),
            None => Some(&mut self.standing),
        }
    }

    fn note_reads(&mut self, history: &History<'_>) {
        let new = |at: &&usize| self.noted.is_none_or(|noted| **at > noted);
        for &at in self.all.iter().filter(new) {
            self.standing.push(at);
            for read in &history.reads[history.reads_of(at)] {
                self.by_read.entry(read.path).or_default().push(at);
            }
        }
        self.noted = self.all.last().copied().max(self.noted);
    }
}

/// Returns the shortest list of records that made one of the paths; none if a path is in no list,
/// because then no record has them all.
fn shortest<'l>(
    lists: &'l mut CodeMap<(u32, PathCode), List>,
    program: u32,
    own: &[Made],
) -> Option<&'l mut List> {
    let length = |made: &Made| lists.get(&(program, made.path)).map_or(0, List::len);
    let path = own.iter().min_by_key(|made| length(made))?.path;
    lists.get_mut(&(program, path))
}
