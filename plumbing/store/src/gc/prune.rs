//! Letting go of what nothing leads to.

use super::merge::{self, Gone, Replaced};
use super::reach::{Graph, Marks};
use super::{GcError, GcOptions, GcReport, Kept};
use crate::base::Base;
use crate::closure;
use crate::journal::{self, Found};
use crate::packs::{self, Listed, Packs, TEMPORARY};
use crate::places::Places;
use crate::reader::{ReadError, Reader};
use crate::store::Layout;
use crate::{Spool, Store, Wait};
use roar_object::{ObjectId, Objects};
use roar_pack::{PackFile, PackName};
use std::fs::File;
use std::time::SystemTime;

/// How many packs may wait for what is in them to grow old.
const WAITING: usize = 4;

/// What is needed, and what is not.
struct Survey {
    reader: Reader,
    packs: Packs,
    graph: Graph,
    /// What refs, past and present, and the journal lead to.
    reachable: Marks,
    /// That, and what is too young to go with all that it leads to.
    kept: Marks,
    /// Packs that are rewritten or go.
    sources: Vec<PackName>,
}

/// Rewrites packs without what nothing leads to, and merges those that are better merged.
pub(super) fn prune(
    store: &Store,
    options: &GcOptions,
    wait: &mut Wait<'_>,
    report: &mut GcReport,
) -> Result<(), GcError> {
    let survey = match survey(store, options)? {
        Ok(survey) => survey,
        Err(kept) => {
            report.kept = Some(kept);
            return merge::merge(store, wait, report);
        }
    };
    if !survey.is_due() {
        return Ok(());
    }
    let sources = merge::readable(&survey.packs, &survey.sources);
    let replaced = survey.rewrite(store.layout(), &sources)?;
    let seen = survey.reader.sequence()?;
    let mut kept = None;
    let is_replaced = merge::replace(store, wait, &replaced, &mut |base| {
        kept = hindrance(store.layout())?;
        if kept.is_none() && survey.is_needed_since(store, base, seen)? {
            kept = Some(Kept::Used);
        }
        Ok(kept.is_none())
    })?;
    if is_replaced {
        survey.tell(&sources, survey.gone(&sources), report);
    } else {
        report.kept = kept.or(Some(Kept::Used));
    }
    Ok(())
}

/// Tells what would go.
pub(super) fn plan(
    store: &Store,
    options: &GcOptions,
    report: &mut GcReport,
) -> Result<(), GcError> {
    match survey(store, options)? {
        Err(kept) => {
            report.kept = Some(kept);
            report.merged = merge::chosen(&packs::list(&store.layout().packs())?);
        }
        Ok(survey) if survey.is_due() => {
            let sources = merge::readable(&survey.packs, &survey.sources);
            survey.tell(&sources, survey.gone(&sources), report);
        }
        Ok(_) => {}
    }
    Ok(())
}

/// Returns why nothing may go now: somebody may need what nothing leads to yet.
fn hindrance(layout: &Layout) -> Result<Option<Kept>, GcError> {
    let runs = Spool::pending(&layout.runs())?.len();
    if runs > 0 {
        return Ok(Some(Kept::Runs { runs }));
    }
    Ok(is_packing(layout).then_some(Kept::Packing))
}

/// Returns whether somebody writes a pack.
fn is_packing(layout: &Layout) -> bool {
    let entries = std::fs::read_dir(layout.packs()).into_iter().flatten();
    let unfinished = entries.flatten().filter(|entry| {
        let name = entry.file_name();
        name.as_encoded_bytes().starts_with(TEMPORARY.as_bytes())
    });
    let is_written =
        |path: &std::path::Path| File::open(path).is_ok_and(|file| file.try_lock_shared().is_err());
    unfinished
        .map(|entry| entry.path())
        .any(|path| is_written(&path))
}

/// Looks at everything.
fn survey(store: &Store, options: &GcOptions) -> Result<Result<Survey, Kept>, GcError> {
    let layout = store.layout();
    if let Some(kept) = hindrance(layout)? {
        return Ok(Err(kept));
    }
    let reader = store.reader();
    if let Some(damage) = reader.damage() {
        let why = damage.to_string();
        return Ok(Err(Kept::Damaged { why }));
    }
    let state = reader.state()?;
    let packs = Packs::look(layout)?;
    let places = Places::read(layout, &state.base, state.trusted)?;
    let mut graph = match Graph::read(&packs, &places, &reader) {
        Ok(graph) => graph,
        Err(why) => return Ok(Err(Kept::Damaged { why })),
    };
    let reachable = graph.reachable(roots(&reader, &places, options)?);
    let mut named = reader.references("")?.into_iter().map(|(_, id)| id);
    let lost = named.find(|id| !graph.has(*id));
    if let Some(id) = lost.or(graph.lost(&reachable)) {
        let why = format!("'{id}' is missing");
        return Ok(Err(Kept::Damaged { why }));
    }
    let cutoff = cutoff(options.now, options.grace);
    let mut kept = reachable.clone();
    for opened in packs.all() {
        if let (true, Some(pack)) = (opened.listed.used >= cutoff, &opened.pack) {
            graph.extend(&mut kept, ids(pack));
        }
    }
    graph.forget_links();
    let mut survey = Survey {
        reader,
        packs,
        graph,
        reachable,
        kept,
        sources: Vec::new(),
    };
    survey.sources = survey.choose(options.merge);
    Ok(Ok(survey))
}

fn cutoff(now: SystemTime, age: std::time::Duration) -> SystemTime {
    now.checked_sub(age).unwrap_or(SystemTime::UNIX_EPOCH)
}

fn ids(pack: &PackFile) -> impl Iterator<Item = ObjectId> {
    pack.entries().filter_map(|entry| Some(entry.ok()?.id))
}

/// Returns what must stay: what refs name and lately named, and what has just been recorded.
fn roots(
    reader: &Reader,
    places: &Places,
    options: &GcOptions,
) -> Result<Vec<ObjectId>, ReadError> {
    let since = cutoff(options.now, options.reflog).duration_since(SystemTime::UNIX_EPOCH);
    let since = since.map_or(0, |since| {
        i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
    });
    let mut roots: Vec<_> = reader
        .references("")?
        .into_iter()
        .map(|(_, id)| id)
        .collect();
    let named = reader.history(|commit| {
        let moved = commit.refs.iter();
        let ids = moved.flat_map(|change| [crate::index::value_of(change.expect), change.new]);
        (commit.at_ns >= since).then(|| ids.flatten().collect::<Vec<_>>())
    })?;
    roots.extend(named.into_iter().flatten());
    roots.extend(places.all().map(|(_, listed)| listed.id));
    Ok(roots)
}

impl Survey {
    /// Returns the packs that are worth rewriting: those with something in them that may go, and those
    /// that are better merged. Those of which nothing is needed wait until all of it may go, and so are
    /// not merged with others unless they become many.
    fn choose(&self, merge: bool) -> Vec<PackName> {
        let needed = self.packs.all().filter_map(|opened| {
            let pack = opened.pack.as_ref()?;
            let is_needed = ids(pack).any(|id| self.graph.is_marked(&self.reachable, id));
            is_needed.then(|| opened.listed.clone())
        });
        let needed = needed.collect::<Vec<Listed>>();
        let is_waiting = |pack: &&PackFile| !needed.iter().any(|other| other.name == pack.name());
        let waiting: Vec<_> = self.packs.readable().filter(is_waiting).collect();
        let mut chosen = if merge {
            merge::chosen(&needed)
        } else {
            Vec::new()
        };
        if merge && waiting.len() > WAITING {
            chosen.extend(waiting.iter().map(|pack| pack.name()));
        }
        for pack in self.packs.readable() {
            if !chosen.contains(&pack.name()) && ids(pack).any(|id| self.may_go(id)) {
                chosen.push(pack.name());
            }
        }
        chosen
    }

    fn may_go(&self, id: ObjectId) -> bool {
        !self.graph.is_marked(&self.kept, id)
    }

    /// Returns whether there is something to do.
    fn is_due(&self) -> bool {
        let goes = |pack: &PackFile| ids(pack).any(|id| self.may_go(id));
        let sources = merge::readable(&self.packs, &self.sources);
        sources.len() > 1 || sources.iter().any(|(_, pack)| goes(pack))
    }

    /// Writes what is needed to one pack, and what is only too young to go to another, which so can grow
    /// old.
    fn rewrite(
        &self,
        layout: &Layout,
        sources: &[(&Listed, &PackFile)],
    ) -> Result<Replaced, GcError> {
        let is_reachable = |id| self.graph.is_marked(&self.reachable, id);
        let is_young = |id| !is_reachable(id) && !self.may_go(id);
        let mut new = Vec::new();
        new.extend(merge::rewrite(layout, sources, &is_reachable)?);
        let mut all = sources.iter().flat_map(|(_, pack)| ids(pack));
        if all.any(is_young) {
            new.extend(merge::rewrite(layout, sources, &is_young)?);
        }
        Ok(Replaced {
            old: sources
                .iter()
                .map(|(listed, _)| (*listed).clone())
                .collect(),
            new,
        })
    }

    /// Returns what goes with some packs.
    fn gone(&self, sources: &[(&Listed, &PackFile)]) -> Vec<Gone> {
        let entries = sources
            .iter()
            .flat_map(|(_, pack)| pack.entries().flatten());
        let gone = entries.filter(|entry| self.may_go(entry.id));
        let mut gone: Vec<_> = gone
            .map(|entry| (entry.id, entry.place.kind(), entry.place.len()))
            .collect();
        gone.sort_unstable();
        gone.dedup();
        gone
    }

    fn tell(&self, sources: &[(&Listed, &PackFile)], gone: Vec<Gone>, report: &mut GcReport) {
        report.merged = sources.iter().map(|(listed, _)| listed.name).collect();
        report.pruned_bytes = gone.iter().map(|(_, _, len)| u64::from(*len)).sum();
        report.pruned = gone.into_iter().map(|(id, kind, _)| (id, kind)).collect();
    }

    /// Returns whether a commit after the one that was seen leads to something that goes. The caller
    /// holds the lock, so that no other comes after.
    fn is_needed_since(&self, store: &Store, base: &Base, seen: u64) -> Result<bool, GcError> {
        let journal = store.layout().journal();
        let mut named = Vec::new();
        journal::walk(&journal, base.checkpoint, 0, &mut |found| {
            if let Found::Frame(frame, head, _) = found
                && frame.header.sequence > seen
            {
                named.extend(head.refs().filter_map(|change| change.new));
                named.extend(head.entries().map(|(entry, _)| entry.id));
            }
            Ok(())
        })?;
        let now = store.reader();
        for id in named {
            if self.goes(id) || self.leads_to_what_goes(&now, id) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn goes(&self, id: ObjectId) -> bool {
        self.graph.has(id) && self.may_go(id)
    }

    fn leads_to_what_goes(&self, reader: &Reader, id: ObjectId) -> bool {
        let Ok(Some(object)) = reader.find(id) else {
            return true;
        };
        let links = closure::links(&object);
        links.map_or(true, |links| links.iter().any(|link| self.goes(link.to)))
    }
}
