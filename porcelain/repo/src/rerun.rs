//! Which steps are to be run again, and why.
//!
//! A step of the current DAG is run again if what it reads is not what it read, or what earlier runs of it
//! read for the files that they left; if what it made is gone or was overwritten by a step that was run again, if a directory that it read as a whole holds a new
//! file, or if its last run failed. All is judged by content, and by the disk at the moment when it is
//! the step's turn: a step whose inputs were made again with the same bytes is not run.
//!
//! A file that a step made and somebody changed outside of roar since (*edited*) is no reason to run
//! that step, which would destroy the change; it is one for those that read it.

mod grown;
mod since;

pub use grown::added;

use crate::RepoError;
use crate::disk::{Disk, Holds, Version};
use crate::filters::Filters;
use crate::unmade::Unmade;
use grown::{Idle, made_beside};
use roar_graph::{Input, Output, Projection, Read, Record, Show, State, Why, Written};
use roar_object::{Class, JobKind, Mode, ObjectId, RecordedPath, Role, StepName};
use since::{is_made_no_more, is_named, is_same_command, went_well_since};
use std::collections::{BTreeSet, HashSet};
use std::path::Path;

/// Why a step is to be run again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// What it read there is something else now.
    Changed {
        /// Where.
        path: RecordedPath,
    },
    /// What it read there is gone.
    Gone {
        /// Where.
        path: RecordedPath,
    },
    /// A directory that it read as a whole has a new file.
    New {
        /// The file.
        path: RecordedPath,
    },
    /// What it made is gone.
    Missing {
        /// Where it was.
        path: RecordedPath,
    },
    /// A step that was run again left something else where this one had made its own.
    Overwritten {
        /// Where.
        path: RecordedPath,
    },
    /// Its last run failed.
    Failed,
}

/// A step in its turn.
#[derive(Clone, Debug)]
pub struct Turn {
    /// The run to be repeated; index into the records.
    pub record: usize,
    /// The turns of those that it came from.
    pub parents: Vec<usize>,
    /// What it made and somebody changed since.
    pub edited: Vec<RecordedPath>,
}

/// What can be foreseen of a turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Forecast {
    /// It will be run.
    Runs(Vec<Cause>),
    /// It would have to be run, and cannot be: this is gone, and nothing makes it.
    Blocked(Vec<Cause>, RecordedPath),
    /// It will be run if these turns bring it other inputs.
    Perhaps(Vec<usize>),
    /// It need not be run.
    Fresh,
}

impl Forecast {
    /// Returns whether this is why it would be run.
    fn has(&self, cause: &Cause) -> bool {
        match self {
            Self::Runs(causes) | Self::Blocked(causes, _) => causes.contains(cause),
            Self::Perhaps(_) | Self::Fresh => false,
        }
    }
}

/// The steps that may have to be run again, in order.
pub struct Rerun<'r, 'p> {
    projection: &'p Projection<'r>,
    disk: Disk<'p>,
    filters: &'p Filters,
    unmade: &'p Unmade,
    targets: Option<Vec<usize>>,
    turns: Vec<Turn>,
}

impl<'r, 'p> Rerun<'r, 'p> {
    /// Takes all steps of the current DAG, or if `targets` are given, those and what they came from.
    pub fn new(
        projection: &'p Projection<'r>,
        targets: Option<&[usize]>,
        disk: Disk<'p>,
        filters: &'p Filters,
        unmade: &'p Unmade,
    ) -> Self {
        let mut rerun = Self {
            projection,
            disk,
            filters,
            unmade,
            targets: targets.map(<[usize]>::to_vec),
            turns: turns(projection, targets),
        };
        for at in 0..rerun.turns.len() {
            rerun.turns[at].edited = rerun.edited(rerun.turns[at].record);
        }
        rerun
    }

    /// Takes the steps for the same targets as they are by a later projection of the session.
    pub fn again<'n, 'q>(&'q self, now: &'q Projection<'n>) -> Rerun<'n, 'q> {
        Rerun::new(
            now,
            self.targets.as_deref(),
            self.disk,
            self.filters,
            self.unmade,
        )
    }

    /// Returns whether any of the causes came about after the step was run last: by another recorded job.
    pub fn has_news(&self, turn: usize, now: &Projection<'_>, causes: &[Cause]) -> bool {
        let record = now.stands_for(self.turns[turn].record);
        causes.iter().any(|cause| match cause {
            Cause::Changed { path } | Cause::Gone { path } | Cause::New { path } => {
                now.at(path).is_some_and(|held| held.record > record)
            }
            Cause::Missing { .. } | Cause::Overwritten { .. } | Cause::Failed => false,
        })
    }

    /// Returns whether the directory that a step ran in is not there now, so that it cannot be run yet.
    pub fn lacks_directory(&self, turn: usize) -> bool {
        !self.disk.is_directory(&self.record(turn).directory)
    }

    /// Returns the turns, parents before children.
    pub fn turns(&self) -> &[Turn] {
        &self.turns
    }

    /// Returns the run to be repeated.
    pub fn record(&self, turn: usize) -> &'r Record {
        self.records()[self.turns[turn].record]
    }

    fn records(&self) -> &[&'r Record] {
        self.projection.history().records()
    }

    /// Returns the steps that count as stale by what was recorded, whatever is on the disk.
    pub fn stale(&self) -> Vec<StepName> {
        let turns = (0..self.turns.len())
            .filter(|&turn| self.projection.state(self.turns[turn].record) == State::Stale);
        turns.map(|turn| self.record(turn).step).collect()
    }

    /// Returns why the step has to be run, as things are on disk and in a later projection of the session;
    /// nothing if it need not be.
    pub fn causes(&self, turn: usize, now: &Projection<'_>) -> Vec<Cause> {
        let record = now.stands_for(self.turns[turn].record);
        let mut causes = Vec::new();
        if now.state(record) == State::Failed && !went_well_since(now, record) {
            causes.push(Cause::Failed);
        }
        let inputs = changed(now, self.disk, record);
        causes.extend(inputs.map(|(_, cause)| cause));
        causes.extend(self.grown(now, record));
        let idle = (!causes.is_empty()).then(|| Idle::after(now, record));
        if let Some(idle) = idle.flatten() {
            let links = now.reads(record).map(|(_, input)| input);
            let links = links.filter(|input| input.mode == Mode::Symlink);
            let links: HashSet<_> = links.map(|input| &input.path).collect();
            causes.retain(|cause| match cause {
                Cause::New { path } => !idle.has_passed_over(self.disk, path),
                // A link in a directory that was read as a whole may have been read for that alone. What a
                // file holds was read, whatever the command thinks of its time.
                Cause::Changed { path } | Cause::Gone { path } if links.contains(path) => {
                    !idle.has_passed_over(self.disk, path)
                }
                _ => true,
            });
        }
        causes.extend(self.outputs(turn, now));
        causes
    }

    /// Returns the first turn from `from` on that has to be run, and why, going by a later projection.
    pub fn next(&self, from: usize, now: &Projection<'_>) -> Option<(usize, Vec<Cause>)> {
        let mut turns = (from..self.turns.len()).map(|turn| (turn, self.causes(turn, now)));
        turns.find(|(_, causes)| !causes.is_empty())
    }

    /// Returns the run to be repeated for a turn, going by a later projection: of several steps that are the
    /// very same command the latest, for that goes on from what the others left.
    pub fn to_repeat<'n>(&self, turn: usize, now: &Projection<'n>) -> &'n Record {
        let head = now.stands_for(self.turns[turn].record);
        let later = now.rewritten_by(head).map(|later| now.stands_for(later));
        let later = later.filter(|&later| is_same_command(now, head, later));
        now.history().records()[later.unwrap_or(head)]
    }

    /// Returns whether the step was run again since and made nothing, going by a later projection of the
    /// session: its run still stands for itself.
    pub fn made_nothing(&self, turn: usize, now: &Projection<'_>) -> bool {
        let old = self.record(turn);
        let records = now.history().records();
        let Some(at) = records.iter().position(|record| record.job == old.job) else {
            return false;
        };
        let is_idle = |&new: &usize| {
            is_same_command(now, at, new) && records[new].products().next().is_none()
        };
        now.stands_for(at) == at && (self.records().len()..records.len()).any(|new| is_idle(&new))
    }

    /// Foretells every turn.
    pub fn forecast(&self) -> Vec<Forecast> {
        let mut forecasts: Vec<Forecast> = Vec::new();
        for (at, turn) in self.turns.iter().enumerate() {
            let causes = self.causes(at, self.projection);
            let moving = |&&parent: &&usize| forecasts[parent] != Forecast::Fresh;
            let after: Vec<usize> = turn.parents.iter().filter(moving).copied().collect();
            let lost = self.lost(at, self.projection, &causes).cloned();
            let is_made = |path: &RecordedPath| {
                let missing = Cause::Missing { path: path.clone() };
                forecasts.iter().any(|forecast| forecast.has(&missing))
            };
            let comes_back = |cause: &Cause| match cause {
                Cause::Gone { path } => is_made(path),
                _ => false,
            };
            forecasts.push(match lost {
                Some(path) if !is_made(&path) => Forecast::Blocked(causes, path),
                // Perhaps with the same bytes, or not at all.
                _ if !after.is_empty() && causes.iter().all(comes_back) => Forecast::Perhaps(after),
                _ if !causes.is_empty() => Forecast::Runs(causes),
                _ if !after.is_empty() => Forecast::Perhaps(after),
                _ => Forecast::Fresh,
            });
        }
        forecasts
    }

    /// Returns the run that stands for a step now, and what it did not make though the step had made it: what the
    /// step would be run again for.
    pub fn not_made(&self, turn: usize, now: &Projection<'_>) -> (ObjectId, Vec<RecordedPath>) {
        let run = now.stands_for(self.turns[turn].record);
        let missing = self.outputs(turn, now).into_iter();
        let paths = missing.filter_map(|cause| match cause {
            Cause::Missing { path } => Some(path),
            _ => None,
        });
        (now.history().records()[run].job, paths.collect())
    }

    /// Returns what the step left in place when it was run again, though what that was made from had changed:
    /// the causes, going by a later projection of the session.
    pub fn left(&self, turn: usize, now: &Projection<'_>) -> Vec<Cause> {
        let records = now.history().records();
        let old = self.record(turn).job;
        let Some(at) = records.iter().position(|record| record.job == old) else {
            return Vec::new();
        };
        let standing = now.stands_for(at);
        let changed = changed(now, self.disk, standing);
        let inherited = changed.filter(|(read, _)| read.record != standing);
        let left = inherited.filter(|_| standing != at).map(|(_, cause)| cause);
        left.collect()
    }

    /// Returns what is gone that the step's run has read itself: it cannot be run again then. It has been run
    /// without what only the files that it left were made from; and of a directory that it read as a whole
    /// it reads what is there.
    pub fn lost<'c>(
        &self,
        turn: usize,
        now: &Projection<'_>,
        causes: &'c [Cause],
    ) -> Option<&'c RecordedPath> {
        let record = now.stands_for(self.turns[turn].record);
        let job = now.history().records()[record];
        let is_own = |path: &RecordedPath| {
            let own = job.reads.binary_search_by(|read| read.path.cmp(path));
            own.is_ok()
        };
        let whole = || job.datasets.iter().filter(|set| set.role == Role::Read);
        let is_member = |path: &RecordedPath| whole().any(|set| path.is_under(&set.path));
        // What its own step has made it made without when that was not there yet.
        let is_made = |path: &RecordedPath| {
            let mut here = now.reads(record).filter(|(_, input)| input.path == *path);
            here.any(|(read, _)| {
                let producer = now.history().producer(read.record, read.input);
                producer.is_some_and(|producer| now.stands_for(producer.record) == record)
            })
        };
        // What its maker did not make when it was run again since is not to be had, and was not forgotten.
        let is_dropped = |path: &RecordedPath| {
            let mut here = now.reads(record).filter(|(_, input)| input.path == *path);
            here.any(|(read, _)| {
                let producer = now.history().producer(read.record, read.input);
                producer.is_some_and(|producer| now.stands_for(producer.record) > record)
            })
        };
        // Other code may do without what is gone, and will say so if it cannot.
        let is_code = |path: &RecordedPath| {
            let mut here = now.reads(record).filter(|(_, input)| input.path == *path);
            here.any(|(_, input)| input.class == Class::Code)
        };
        let is_other_code = causes.iter().any(|cause| match cause {
            Cause::Changed { path } => is_code(path),
            _ => false,
        });
        causes.iter().find_map(|cause| match cause {
            Cause::Gone { path } if is_other_code || (is_code(path) && !is_named(job, path)) => {
                None
            }
            Cause::Gone { path } => {
                let is_lost = is_own(path) && !is_member(path) && !is_made(path);
                (is_lost && !is_dropped(path)).then_some(path)
            }
            _ => None,
        })
    }

    fn edited(&self, record: usize) -> Vec<RecordedPath> {
        let other = |output: &&Output| self.disk.holds(written(output)) == Holds::Other;
        let edited = products(self.projection, record).into_iter().filter(other);
        edited.map(|output| output.path.clone()).collect()
    }

    fn outputs(&self, turn: usize, now: &Projection<'_>) -> Vec<Cause> {
        let Turn { record, edited, .. } = &self.turns[turn];
        let heir = now.stands_for(*record);
        let run = now.history().records()[heir].job;
        // The same command has made it again.
        let is_theirs = |path: &RecordedPath| {
            let held = now.at(path);
            held.is_some_and(|held| is_same_command(now, heir, held.record))
        };
        let cause = |output: &Output| {
            let path = output.path.clone();
            match self.disk.holds(written(output)) {
                Holds::Nothing if self.unmade.has(run, &path) => None,
                Holds::Nothing if is_made_no_more(now, heir, &path) => None,
                Holds::Nothing => Some(Cause::Missing { path }),
                Holds::Other if !edited.contains(&path) && !is_theirs(&path) => {
                    Some(Cause::Overwritten { path })
                }
                Holds::Same | Holds::OtherMode | Holds::Other => None,
            }
        };
        // What a step has made whose files were overwritten in this very rerun, it has to make again.
        let made = match heir == *record {
            true => products(self.projection, heir),
            false => products(now, heir),
        };
        let mut causes: Vec<_> = made.into_iter().filter_map(cause).collect();
        // What it updated was made anew in this very rerun, so that it has to be updated again.
        let first = self.records().len();
        let anew = now.cut_off(heir).into_iter();
        let anew = anew.filter(|(_, anew)| anew.record >= first && anew.record > heir);
        let anew = anew.map(|(own, _)| Cause::Overwritten {
            path: output(now, own).path.clone(),
        });
        let anew: Vec<_> = anew.filter(|cause| !causes.contains(cause)).collect();
        causes.extend(anew);
        // Who updates a file in place begins with what was made first.
        let updated = now.updated(heir).into_iter().map(|at| output(now, at));
        let gone = updated.filter(|output| self.disk.holds(written(output)) == Holds::Nothing);
        causes.extend(gone.map(|output| Cause::Missing {
            path: output.path.clone(),
        }));
        causes
    }

    /// Finds new files in directories that were read as a whole: those that later steps made, as the
    /// projection judges, and those that no recorded job did.
    fn grown(&self, now: &Projection<'_>, record: usize) -> Vec<Cause> {
        let made = now.reasons(record).iter();
        let mut grown: Vec<_> = made
            .filter_map(|reason| match reason.why {
                Why::Grown { by, .. } => Some(output(now, by)),
                _ => None,
            })
            .filter(|output| self.disk.holds(written(output)) != Holds::Nothing)
            .map(|output| output.path.clone())
            .collect();
        grown.extend(made_beside(now, record));
        grown.extend(added(now, self.disk, self.filters, record));
        grown.sort_unstable();
        grown.dedup();
        grown.into_iter().map(|path| Cause::New { path }).collect()
    }
}

fn output<'r>(projection: &Projection<'r>, at: Written) -> &'r Output {
    &projection.history().records()[at.record].writes[at.output]
}

/// Returns the files that the world has from a step.
fn products<'r>(projection: &Projection<'r>, record: usize) -> Vec<&'r Output> {
    let writes = &projection.history().records()[record].writes;
    let own = (0..writes.len()).map(|output| Written { record, output });
    let holds = |at: &Written| projection.at(&writes[at.output].path) == Some(*at);
    let all = own.filter(holds).chain(projection.kept(record));
    let outputs = all.map(|at| output(projection, at));
    outputs
        .filter(|output| output.is_product() && output.remains())
        .collect()
}

/// Finds inputs of a step that are not on the disk as they were read.
fn changed<'p>(
    projection: &'p Projection<'_>,
    disk: Disk<'p>,
    record: usize,
) -> impl Iterator<Item = (Read, Cause)> + 'p {
    let reads = projection.reads(record);
    reads.filter_map(move |(at, input)| {
        let path = || input.path.clone();
        let cause = match disk.holds(read(input)) {
            // Whatever it was: nobody knows that it is the same.
            Holds::Same if input.id.is_none() => Cause::Changed { path: path() },
            Holds::Same | Holds::OtherMode => return None,
            _ if is_in_place(projection, disk, record, at) => return None,
            Holds::Nothing => Cause::Gone { path: path() },
            Holds::Other => Cause::Changed { path: path() },
        };
        Some((at, cause))
    })
}

/// Returns whether the disk holds what the session last made of an input that the reader has updated in
/// place itself.
fn is_in_place(projection: &Projection<'_>, disk: Disk<'_>, record: usize, input: Read) -> bool {
    if !projection.updates(record, input) {
        return false;
    }
    let Some(held) = projection.at_input(input) else {
        return false;
    };
    let output = &projection.history().records()[held.record].writes[held.output];
    match output.remains() {
        true => disk.holds(written(output)).bytes(),
        false => {
            let anything = Version {
                id: None,
                ..written(output)
            };
            disk.holds(anything) == Holds::Nothing
        }
    }
}

fn read(input: &Input) -> Version<'_> {
    Version {
        path: &input.path,
        id: input.id,
        mode: input.mode,
        size: input.size,
    }
}

fn written(output: &Output) -> Version<'_> {
    Version {
        path: &output.path,
        id: output.id,
        mode: output.mode,
        size: output.size,
    }
}

/// Chooses the steps: runs and builds of the current DAG, stale ones among them.
fn turns(projection: &Projection<'_>, targets: Option<&[usize]>) -> Vec<Turn> {
    let nodes = projection.dag(Show::Stale).nodes;
    let records = projection.history().records();
    let mut wanted: BTreeSet<usize> = match targets {
        None => (0..nodes.len()).collect(),
        Some(targets) => {
            let standing: Vec<_> = targets
                .iter()
                .map(|&at| projection.stands_for(at))
                .collect();
            let is_target = |at: &usize| standing.contains(&nodes[*at].record);
            (0..nodes.len()).filter(is_target).collect()
        }
    };
    // Parents come before children, so one pass from the end finds all that they came from.
    for at in (0..nodes.len()).rev() {
        if wanted.contains(&at) {
            wanted.extend(nodes[at].parents.iter().map(|edge| edge.parent));
        }
    }
    let runs = |at: &usize| {
        let kind = records[nodes[*at].record].kind;
        matches!(kind, JobKind::Run | JobKind::Build)
    };
    let wanted: Vec<usize> = wanted.into_iter().filter(runs).collect();
    let turn = |&at: &usize| Turn {
        record: nodes[at].record,
        parents: nodes[at]
            .parents
            .iter()
            .filter_map(|edge| wanted.binary_search(&edge.parent).ok())
            .collect(),
        edited: Vec::new(),
    };
    wanted.iter().map(turn).collect()
}

/// Opens the cache that names of files are taken from.
///
/// # Errors
///
/// When the settings are wrong.
pub fn cache_of(workspace: &crate::Workspace) -> Result<roar_content::HashCache, RepoError> {
    let path: &Path = &workspace.hash_cache();
    Ok(match workspace.config().flag("hash.cache")? {
        true => roar_content::HashCache::open(path),
        false => roar_content::HashCache::none(),
    })
}
