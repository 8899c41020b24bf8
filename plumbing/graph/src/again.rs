//! What later runs of the very same command say of steps that still stand.
//!
//! Two runs of one command can be two steps, because they made different files, or because one went on
//! from what the other had left. But whoever runs the one again runs the other again. So what the
//! latest run that went well has seen counts for the earlier step too, if it has to do with that: if it
//! has written any of the step's files, found them in place, or was to repeat that step. To have read them
//! does not suffice: a shell can make a chain of one command by what it redirects.

use crate::codes::{CodeMap, NameMap};
use crate::growth::above;
use crate::history::PathCode;
use crate::replace::Replacements;
use crate::{History, Input, Read, Scan};
use roar_object::{ByteStr, Class, RecordedPath, Role};

/// For steps that stand: the run of the same command whose word counts.
#[derive(Default)]
pub(crate) struct Again {
    of: NameMap<usize, usize>,
    /// Of them those that have written some of the step's files.
    rewrites: NameMap<usize, usize>,
    /// The runs of each command that has several.
    groups: Vec<Vec<usize>>,
    /// The number of its group for each of them.
    group_of: NameMap<usize, usize>,
}

impl Again {
    pub(crate) fn of(history: &History<'_>, replacements: &Replacements) -> Self {
        let mut again = Self::default();
        let groups = groups(history, replacements);
        for runs in &groups {
            let last = runs.last().copied();
            let stands = |&at: &usize| Some(at) != last && replacements.is_head(at);
            let standing: Vec<_> = runs.iter().copied().filter(stands).collect();
            if !standing.is_empty() {
                again.ask(history, replacements, runs, &standing);
            }
        }
        let numbered = groups.iter().enumerate();
        let members = numbered.flat_map(|(group, runs)| runs.iter().map(move |&run| (run, group)));
        again.group_of = members.collect();
        again.groups = groups;
        again
    }

    /// Returns the number of a record's command, and its runs, if there are several.
    pub(crate) fn runs(&self, record: usize) -> Option<(usize, &[usize])> {
        let group = *self.group_of.get(&record)?;
        Some((group, &self.groups[group]))
    }

    /// Finds who has the last word on each step that stands, of all runs of the command.
    fn ask(
        &mut self,
        history: &History<'_>,
        replacements: &Replacements,
        runs: &[usize],
        standing: &[usize],
    ) {
        let mut written: CodeMap<PathCode, Option<usize>> = CodeMap::default();
        for &at in standing {
            written.extend(replacements.paths(history, at).map(|path| (path, None)));
        }
        for &run in runs.iter().filter(|&&at| history.records()[at].succeeded()) {
            for write in &history.writes[history.writes_of(run)] {
                if let Some(last) = written.get_mut(&write.path) {
                    *last = Some(run);
                }
            }
            let repeated = replacements.repeated[run].map(|at| replacements.stands_for(at));
            for earlier in [replacements.found[run], repeated].into_iter().flatten() {
                if earlier < run && standing.binary_search(&earlier).is_ok() {
                    self.of.insert(earlier, run);
                }
            }
        }
        for &at in standing {
            let paths = replacements.paths(history, at);
            let last = paths.filter_map(|path| written[&path]).max();
            let Some(last) = last.filter(|&last| last > at) else {
                continue;
            };
            self.rewrites.insert(at, last);
            let word = self.of.entry(at).or_insert(last);
            *word = last.max(*word);
        }
    }

    /// Returns the later run whose word counts for a record.
    pub(crate) fn word_on(&self, record: usize) -> Option<usize> {
        self.of.get(&record).copied()
    }

    /// Returns the latest such run that has written some of the files of a record's step.
    pub(crate) fn rewritten_by(&self, record: usize) -> Option<usize> {
        self.rewrites.get(&record).copied()
    }

    /// Returns what counts of a read of a record: that of the later run, if it has read there and not written;
    /// nothing if that has seen that nothing is there any more.
    pub(crate) fn read(&self, history: &History<'_>, record: usize, read: Read) -> Option<Read> {
        let Some(later) = self.word_on(record) else {
            return Some(read);
        };
        let Input { path, class, .. } = &history.records()[read.record].reads[read.input];
        let run = history.records()[later];
        if run.writes.binary_search_by(|it| it.path.cmp(path)).is_ok() {
            return Some(read);
        }
        match run.reads.binary_search_by(|it| it.path.cmp(path)) {
            Ok(input) => Some(Read {
                record: later,
                input,
            }),
            Err(_) if *class == Class::Data && covering(history, later, path).is_some() => None,
            Err(_) => Some(read),
        }
    }

    /// Returns what counts of a directory that was read as a whole for a record.
    pub(crate) fn scan(&self, history: &History<'_>, record: usize, scan: Scan) -> Scan {
        let directory = &history.records()[scan.record].datasets[scan.dataset].path;
        let later = self.word_on(record);
        later
            .and_then(|later| scan_of(history, later, directory))
            .unwrap_or(scan)
    }
}

/// Returns the records that are runs of the same whole command, where there are several and an earlier one
/// may stand.
fn groups(history: &History<'_>, replacements: &Replacements) -> Vec<Vec<usize>> {
    let mut groups: NameMap<(u32, &[ByteStr]), Vec<usize>> = NameMap::default();
    for (at, record) in history.records().iter().enumerate() {
        let key = (replacements.programs[at], &*record.argv);
        groups.entry(key).or_default().push(at);
    }
    groups.into_values().filter(|runs| runs.len() > 1).collect()
}

/// Returns the nearest directory above a path that a record read as a whole.
fn covering(history: &History<'_>, record: usize, path: &RecordedPath) -> Option<Scan> {
    let mut directories = above(path);
    directories.find_map(|(base, directory)| {
        let mut sets = history.records()[record].datasets.iter();
        let dataset = sets.position(|set| {
            set.role == Role::Read && set.path.base == base && *set.path.path.0 == *directory
        });
        dataset.map(|dataset| Scan { record, dataset })
    })
}

/// Returns how a record read a directory as a whole, by itself or with one above it.
fn scan_of(history: &History<'_>, record: usize, directory: &RecordedPath) -> Option<Scan> {
    let mut sets = history.records()[record].datasets.iter();
    let itself = sets.position(|set| set.role == Role::Read && set.path == *directory);
    let itself = itself.map(|dataset| Scan { record, dataset });
    itself.or_else(|| covering(history, record, directory))
}
