//! Letting go of what nothing leads to.

use super::merge::{self, Replaced};
use super::numbers::{Sought, Unreadable};
use super::reach::Graph;
use super::{GcError, GcOptions, GcReport, Kept, sound};
use crate::base::Base;
use crate::closure;
use crate::journal::{self, Found};
use crate::new_pack::PackingError;
use crate::notice::explain;
use crate::packs::{self, Listed, Packs, TEMPORARY};
use crate::places::Places;
use crate::reader::{ReadError, Reader};
use crate::store::Layout;
use crate::{Spool, Store, Wait};
use roar_object::{Kind, ObjectId, Objects};
use roar_pack::{Bits, PackError, PackFile, PackName, Union};
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
    reachable: Bits,
    /// That, and what is too young to go with all that it leads to.
    kept: Bits,
    /// Packs that are rewritten or go.
    sources: Vec<PackName>,
}

/// Rewrites packs without what nothing leads to, and merges those that are better merged.
pub(super) fn prune(
    store: &Store,
    options: &GcOptions,
    wait: &mut Wait<'_>,
    report: &mut GcReport,
    gone: &mut dyn FnMut(ObjectId, Kind),
) -> Result<(), GcError> {
    let survey = match survey(store, options, report.damaged_segment)? {
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
    survey.check(store.layout(), &replaced, &sources)?;
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
        survey.tell(&sources, report, gone)?;
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
    gone: &mut dyn FnMut(ObjectId, Kind),
) -> Result<(), GcError> {
    match survey(store, options, report.damaged_segment)? {
        Err(kept) => {
            report.kept = Some(kept);
            report.merged = merge::chosen(&packs::list(&store.layout().packs())?);
        }
        Ok(survey) if survey.is_due() => {
            let sources = merge::readable(&survey.packs, &survey.sources);
            survey.tell(&sources, report, gone)?;
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

/// Looks at everything. One segment may be known to be damaged.
fn survey(
    store: &Store,
    options: &GcOptions,
    damaged: Option<u32>,
) -> Result<Result<Survey, Kept>, GcError> {
    let layout = store.layout();
    if let Some(kept) = hindrance(layout)? {
        return Ok(Err(kept));
    }
    if let Some(segment) = damaged {
        let why = format!("segment {segment} of the journal is damaged");
        return Ok(Err(Kept::Damaged { why }));
    }
    let reader = store.reader();
    reader.shelf()?.packs.within_reach()?;
    if let Some(damage) = reader.damage() {
        let why = damage.to_string();
        return Ok(Err(Kept::Damaged { why }));
    }
    let state = reader.state()?;
    let packs = Packs::look(layout)?;
    packs.within_reach()?;
    if let Some(why) = sound::damage(layout, &state.base, &packs)? {
        return Ok(Err(Kept::Damaged { why }));
    }
    let places = Places::read(layout, &state.base, state.trusted)?;
    let roots = roots(&reader, options)?;
    let cutoff = cutoff(options.now, options.grace);
    let (graph, reachable, kept) = match marks(&packs, &places, &reader, roots, cutoff) {
        Ok(marks) => marks,
        Err(why) => return Ok(Err(Kept::Damaged { why })),
    };
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

/// Marks what the roots lead to, and besides that what is in packs used since then and what that leads to.
fn marks(
    packs: &Packs,
    places: &Places,
    reader: &Reader,
    mut roots: Vec<Sought>,
    since: SystemTime,
) -> Result<(Graph, Bits, Bits), Unreadable> {
    let mut graph = Graph::read(packs, places, reader)?;
    let mut reachable = graph.reachable(packs, &mut roots)?;
    let mut kept = reachable.clone();
    for opened in packs.all() {
        if let (true, Some(pack)) = (opened.listed.used >= since, &opened.pack) {
            let young = graph.numbers.of_pack(pack.name());
            graph.extend(&mut kept, young);
        }
    }
    graph.forget_links();
    let sets = &mut [&mut reachable, &mut kept];
    let added = graph.numbers.add_doubles(packs, sets);
    added.map_err(|err| explain(&err))?;
    Ok((graph, reachable, kept))
}

fn cutoff(now: SystemTime, age: std::time::Duration) -> SystemTime {
    now.checked_sub(age).unwrap_or(SystemTime::UNIX_EPOCH)
}

/// Returns what must stay beside what has just been recorded: what refs name, and what they lately named,
/// if it is there.
fn roots(reader: &Reader, options: &GcOptions) -> Result<Vec<Sought>, ReadError> {
    let since = cutoff(options.now, options.reflog).duration_since(SystemTime::UNIX_EPOCH);
    let since = since.map_or(0, |since| {
        i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
    });
    let refs = reader.references("")?.into_iter();
    let mut roots: Vec<_> = refs.map(|(_, id)| Sought::new(id, 0, true)).collect();
    let named = reader.history(|commit| {
        let moved = commit.refs.iter();
        let ids = moved.flat_map(|change| [crate::index::value_of(change.expect), change.new]);
        (commit.at_ns >= since).then(|| ids.flatten().collect::<Vec<_>>())
    })?;
    let named = named.into_iter().flatten();
    roots.extend(named.map(|id| Sought::new(id, 0, false)));
    Ok(roots)
}

impl Survey {
    /// Returns the packs that are worth rewriting: those with something in them that may go, and those
    /// that are better merged. Those of which nothing is needed wait until all of it may go, and so are
    /// not merged with others unless they become many.
    fn choose(&self, merge: bool) -> Vec<PackName> {
        let needed = self.packs.all().filter_map(|opened| {
            let pack = opened.pack.as_ref()?;
            let numbers = self.graph.numbers.of_pack(pack.name());
            let is_needed = self.reachable.has_any(numbers);
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
            if !chosen.contains(&pack.name()) && self.may_lose(pack) {
                chosen.push(pack.name());
            }
        }
        chosen
    }

    /// Returns whether something in a pack may go.
    fn may_lose(&self, pack: &PackFile) -> bool {
        let numbers = self.graph.numbers.of_pack(pack.name());
        !self.kept.has_all(numbers)
    }

    /// Returns whether there is something to do.
    fn is_due(&self) -> bool {
        let sources = merge::readable(&self.packs, &self.sources);
        sources.len() > 1 || sources.iter().any(|(_, pack)| self.may_lose(pack))
    }

    /// Writes what is needed to one pack, and what is only too young to go to another, which so can grow
    /// old.
    fn rewrite(
        &self,
        layout: &Layout,
        sources: &[(&Listed, &PackFile)],
    ) -> Result<Replaced, GcError> {
        let is_young = |number| self.kept.has(number) && !self.reachable.has(number);
        let firsts = self.firsts(sources);
        let number = |pack: usize, rank: u32| firsts[pack] + rank as usize;
        let mut new = Vec::new();
        new.extend(merge::rewrite(layout, sources, &|pack, rank| {
            self.reachable.has(number(pack, rank))
        })?);
        let mut packs = sources.iter().map(|(_, pack)| pack.name());
        if packs.any(|name| self.graph.numbers.of_pack(name).any(is_young)) {
            new.extend(merge::rewrite(layout, sources, &|pack, rank| {
                is_young(number(pack, rank))
            })?);
        }
        Ok(Replaced {
            old: sources
                .iter()
                .map(|(listed, _)| (*listed).clone())
                .collect(),
            new,
        })
    }

    /// Makes sure that all that stays of some packs is in the new ones.
    fn check(
        &self,
        layout: &Layout,
        replaced: &Replaced,
        sources: &[(&Listed, &PackFile)],
    ) -> Result<(), GcError> {
        let firsts = self.firsts(sources);
        merge::check(layout, replaced, sources, &|pack, rank| {
            self.kept.has(firsts[pack] + rank as usize)
        })
    }

    /// Returns the number of the first object of each pack.
    fn firsts(&self, sources: &[(&Listed, &PackFile)]) -> Vec<usize> {
        let packs = sources.iter().map(|(_, pack)| pack.name());
        packs
            .map(|name| self.graph.numbers.of_pack(name).start)
            .collect()
    }

    /// Tells which packs are replaced, and names what goes with them.
    fn tell(
        &self,
        sources: &[(&Listed, &PackFile)],
        report: &mut GcReport,
        gone: &mut dyn FnMut(ObjectId, Kind),
    ) -> Result<(), GcError> {
        report.merged = sources.iter().map(|(listed, _)| listed.name).collect();
        let named = self.name_gone(sources, &mut |id, kind, len| {
            report.pruned += 1;
            report.pruned_bytes += u64::from(len);
            gone(id, kind);
        });
        Ok(named.map_err(PackingError::Pack)?)
    }

    /// Names what goes with some packs, sorted, and says what it is and how long.
    fn name_gone(
        &self,
        sources: &[(&Listed, &PackFile)],
        gone: &mut dyn FnMut(ObjectId, Kind, u32),
    ) -> Result<(), PackError> {
        let firsts = self.firsts(sources);
        let entries = sources.iter().map(|(_, pack)| {
            let entries = pack.entries();
            entries.map(|entry| entry.map(|entry| (entry.id, entry.place)))
        });
        for met in Union::new(entries.collect())? {
            let met = met?;
            if met.is_first && !self.kept.has(firsts[met.list] + met.rank as usize) {
                gone(met.id, met.with.kind(), met.with.len());
            }
        }
        Ok(())
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
        let number = self.graph.numbers.find(&self.packs, id);
        number.is_some_and(|number| !self.kept.has(number))
    }

    fn leads_to_what_goes(&self, reader: &Reader, id: ObjectId) -> bool {
        let Ok(Some(object)) = reader.find(id) else {
            return true;
        };
        let links = closure::links(&object);
        links.map_or(true, |links| links.iter().any(|link| self.goes(link.to)))
    }
}
