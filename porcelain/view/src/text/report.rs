//! One job, and one file's origin, as text.

use super::{Clock, Layout, Line, Text, Tone, state_tone};
use crate::model::{
    Bytes, DatasetJob, DatasetView, FileKind, FileView, GitView, JobView, NodeView, OnDiskView,
    RemainderView, StaleView, WhyJob, WhyView,
};
use crate::quote::{columns, prose};
use crate::{ago, change, count, duration, size};
use roar_object::Change;

/// Most lines of a list before the rest is counted.
const LISTED: usize = 20;

/// Returns the report of a job. `all` leaves nothing out.
pub fn job_text(view: &JobView, clock: &Clock, layout: Layout, all: bool) -> Text {
    let mut text = Text::default();
    head(&mut text, view, clock);
    text.push(
        Line::new()
            .dim("$ ")
            .add(Tone::Title, crate::model::command_line(&view.argv)),
    );
    for reason in stale_words(&view.stale) {
        text.push(Line::new().add(Tone::Warn, format!("stale: {reason}")));
    }
    facts(&mut text, view);
    let most = if all { usize::MAX } else { LISTED };
    files(&mut text, "Inputs", &view.inputs, most, layout);
    files(&mut text, "Outputs", &view.outputs, most, layout);
    files(&mut text, "Code", &view.code, most, layout);
    others(&mut text, view);
    environment(&mut text, view, all);
    text
}

fn head(text: &mut Text, view: &JobView, clock: &Clock) {
    let mut line = Line::new().add(Tone::Step, view.step.clone());
    if let Some(name) = &view.name {
        line = line.plain("  ").add(Tone::Title, prose(name));
    }
    line = line.plain("  ").dim(short(&view.id)).plain("  ");
    let ending = crate::model::ending(view.exit, view.signal);
    let words = ending.map_or(view.state.name().to_owned(), |ending| {
        format!("{} ({ending})", view.state.name())
    });
    let tone = if view.exit == Some(0) {
        Tone::Good
    } else {
        Tone::Bad
    };
    line = line.add(tone, words);
    if view.dag_state != "current" && view.dag_state != view.state.name() {
        line = line
            .plain("  ")
            .add(state_tone(&view.dag_state), view.dag_state.clone());
    }
    text.push(line.dim(format!(
        "  {}  {} ({})",
        duration(view.duration_ns),
        clock.shown(view.started_ns),
        ago(view.started_ns, clock.now_ns)
    )));
}

fn facts(text: &mut Text, view: &JobView) {
    let mut fact = |name: &str, words: String| {
        text.push(Line::new().dim(format!("{name}:")).to(11).plain(words));
    };
    if view.cwd.0 != b"." {
        fact("Directory", view.cwd.shown());
    }
    if let Some(git) = &view.git {
        fact("Source", source_words(git));
    }
    if let Some(later) = &view.replaced_by {
        fact("Replaced", format!("by {}", short(later)));
    }
    if let Some(earlier) = &view.found {
        fact("Found", format!("what {} made", short(earlier)));
    }
    if let Some(earlier) = &view.reruns {
        fact("Reruns", short(earlier));
    }
    let coverage = &view.coverage;
    let mut words = coverage.verdict.clone();
    if !coverage.backend.is_empty() {
        words += &format!(" ({})", prose(&coverage.backend));
    }
    for reason in &coverage.reasons {
        words += &format!("; {}", prose(reason));
    }
    fact("Coverage", words);
    if view.processes.count > 1 {
        fact("Processes", count(view.processes.count, "process"));
    }
}

/// Says where the code stood: `main @ 1a2b3c4, uncommitted changes kept as tree 5d6e7f8`.
pub(crate) fn source_words(git: &GitView) -> String {
    if let Some(why) = &git.broken {
        return format!("git could not be asked: {}", prose(why));
    }
    let branch = git.branch.as_deref().map_or("no branch".to_owned(), prose);
    let commit = git
        .commit
        .as_deref()
        .map_or("no commit".to_owned(), |commit| prose(&head_of(commit, 7)));
    let state = match (&git.tree, git.dirty) {
        (_, false) => String::new(),
        (Some(tree), true) => format!(
            ", uncommitted changes kept as tree {}",
            prose(&head_of(tree, 7))
        ),
        (None, true) => ", with uncommitted changes".to_owned(),
    };
    format!("{branch} @ {commit}{state}")
}

/// Says why inputs make their reader stale: once for each thing that happened, however many files it
/// happened to.
pub(crate) fn stale_words(reasons: &[StaleView]) -> Vec<String> {
    let mut groups: Vec<(&StaleView, u64)> = Vec::new();
    for reason in reasons {
        let same = |group: &&mut (&StaleView, u64)| {
            let (a, b) = (group.0, reason);
            (&a.why, &a.step, &a.dataset) == (&b.why, &b.step, &b.dataset)
        };
        match groups.iter_mut().find(same) {
            Some((_, files)) => *files += 1,
            None => groups.push((reason, 1)),
        }
    }
    groups
        .into_iter()
        .map(|(first, files)| stale_phrase(first, files))
        .collect()
}

fn stale_phrase(first: &StaleView, files: u64) -> String {
    let step = &first.step;
    let (which, were) = match files {
        1 => (first.path.shown(), "was"),
        _ => (
            format!("{} and {} more", first.path.shown(), files - 1),
            "were",
        ),
    };
    match first.why.as_str() {
        "overwritten" => format!("{which} {were} overwritten by {step}"),
        "deleted" => format!("{which} {were} deleted by {step}"),
        "added" => {
            let dataset = first.dataset.as_ref().map(Bytes::directory);
            let to = dataset.map_or(String::new(), |dataset| format!(" to {dataset}"));
            format!("{which} {were} added{to} by {step}")
        }
        "stale-producer" => format!("{step}, which made {which}, is stale"),
        _ => format!("{step}, which made {which}, is superseded"),
    }
}

fn files(text: &mut Text, title: &str, files: &[FileView], most: usize, layout: Layout) {
    let entries: Vec<_> = files.iter().filter(|file| file.dataset.is_none()).collect();
    if entries.is_empty() {
        return;
    }
    text.push(Line::new().plain(format!("{title} ({})", entries.len())));
    for file in entries.iter().take(most) {
        text.push(file_line(file, layout));
    }
    if entries.len() > most {
        text.push(Line::new().dim(format!("  and {} more", entries.len() - most)));
    }
}

/// Writes a file: hash, size, path, and what else is known.
pub(crate) fn file_line(file: &FileView, layout: Layout) -> Line {
    let hash = file.hash.as_deref().map_or("-".repeat(12), short);
    let line = Line::new()
        .plain("  ")
        .dim(format!("{hash:<12}  {:>9}  ", size(file.size)));
    let mut rest = Vec::new();
    rest.extend(change_words(file).map(str::to_owned));
    if file.kept {
        let input = file.change.is_none();
        let words = if input {
            "for what was left"
        } else {
            "left as it was"
        };
        rest.push(words.to_owned());
    }
    if let Some(producer) = &file.producer {
        rest.push(format!("{} {producer}", layout.back_arrow()));
    }
    let tone = if file.kind == FileKind::Dataset {
        Tone::Title
    } else {
        Tone::Plain
    };
    let rest = if rest.is_empty() {
        String::new()
    } else {
        format!("  {}", rest.join(", "))
    };
    line.add(tone, file.shown()).dim(rest)
}

/// Says what became of a file that was not new. In a dataset other files may have been.
fn change_words(file: &FileView) -> Option<&str> {
    let word = file.change.as_deref().filter(|&word| word != "created")?;
    match (file.kind, Change::from_name(word)) {
        (FileKind::File, Some(known)) => Some(change(known)),
        _ => Some(word),
    }
}

fn others(text: &mut Text, view: &JobView) {
    for (what, others) in [("read", &view.others), ("wrote", &view.others_written)] {
        let words: Vec<_> = others.iter().map(rest).collect();
        if !words.is_empty() {
            text.push(Line::new().dim(format!("Also {what}: {}", words.join(", "))));
        }
    }
}

fn rest(rest: &RemainderView) -> String {
    format!(
        "{} ({})",
        count(rest.files, &format!("{} file", rest.class)),
        size(rest.bytes)
    )
}

fn environment(text: &mut Text, view: &JobView, all: bool) {
    let Some(environment) = &view.environment else {
        return;
    };
    if !all {
        let packages = count(environment.packages.len() as u64, "package");
        let known = [("os.name", ""), ("python", "Python ")];
        let facts = known.iter().filter_map(|(name, word)| {
            let fact = environment.facts.get(*name)?;
            Some(format!("{word}{}", prose(fact)))
        });
        let mut words: Vec<_> = facts.collect();
        words.push(packages);
        text.push(Line::new().dim(format!("Environment: {}", words.join(", "))));
        return;
    }
    text.plain("Environment");
    for (name, fact) in &environment.facts {
        text.push(
            Line::new()
                .plain("  ")
                .dim(format!("{}: ", prose(name)))
                .plain(prose(fact)),
        );
    }
    for (name, value) in &view.variables {
        text.push(
            Line::new()
                .plain("  ")
                .dim(format!("${}: ", prose(name)))
                .plain(value.shown()),
        );
    }
    for package in &environment.packages {
        let name = format!("{} {} {}", package.manager, package.name, package.version);
        text.push(Line::new().plain(format!("  {}", prose(&name))));
    }
}

/// Returns where a file's bytes come from, in words.
pub fn why_text(view: &WhyView, clock: &Clock, layout: Layout) -> Text {
    let mut text = Text::default();
    let line = Line::new().add(Tone::Title, view.path.shown());
    text.push(line.dim(format!("  {}  {}", short(&view.hash), size(view.size))));
    if !view.known {
        text.plain("No recorded job wrote or read these bytes.");
    }
    let listed = |job| Listed::of_file(job, &view.path);
    jobs(
        &mut text,
        "Made by",
        view.writers.iter().map(listed),
        clock,
        layout,
    );
    if view.known && view.writers.is_empty() {
        text.plain("No recorded job made these bytes.");
    }
    jobs(
        &mut text,
        "Read by",
        view.readers.iter().map(listed),
        clock,
        layout,
    );
    if let Some(other) = &view.overwrote {
        let gone =
            |file: &&FileView| file.path == other.path && file.change.as_deref() == Some("deleted");
        let left = match other.node.outputs.iter().find(gone) {
            Some(_) => "nothing",
            None => "something else",
        };
        let words = format!(
            "The last recorded job to write here was {}, and it left {left}.",
            other.node.step
        );
        text.push(Line::new().add(Tone::Warn, words));
    }
    text
}

/// A line of a list of jobs.
struct Listed<'v> {
    node: &'v NodeView,
    /// What it did that the others did not, with two spaces before it.
    apart: String,
}

impl<'v> Listed<'v> {
    fn of_file(job: &'v WhyJob, asked: &Bytes) -> Self {
        Self {
            node: &job.node,
            apart: elsewhere(&job.path, asked),
        }
    }

    fn of_dataset(job: &'v DatasetJob, view: &DatasetView) -> Self {
        let mut apart = elsewhere(&job.path, &view.path);
        if job.files < view.files {
            apart = format!("{apart}  {} of {}", job.files, count(view.files, "file"));
        }
        Self {
            node: &job.node,
            apart,
        }
    }
}

fn elsewhere(path: &Bytes, asked: &Bytes) -> String {
    match path == asked {
        true => String::new(),
        false => format!("  as {}", path.shown()),
    }
}

fn jobs<'v>(
    text: &mut Text,
    title: &str,
    jobs: impl DoubleEndedIterator<Item = Listed<'v>> + ExactSizeIterator,
    clock: &Clock,
    layout: Layout,
) {
    let all = jobs.len();
    if all == 0 {
        return;
    }
    text.plain(title);
    for Listed { node, apart } in jobs.rev().take(LISTED) {
        let mut tail = format!("  {}", ago(node.started_ns, clock.now_ns));
        if node.state != "current" {
            tail = format!("  {}{tail}", node.state);
        }
        let tail = format!("{apart}{tail}");
        let line = Line::new()
            .plain("  ")
            .add(Tone::Step, node.step.clone())
            .dim(format!("  {}  ", short(&node.id)));
        let title = layout.fit_command(&node.title(), line.columns() + columns(&tail));
        text.push(line.add(Tone::Title, title).dim(tail));
    }
    if all > LISTED {
        text.push(Line::new().dim(format!("  and {} more", all - LISTED)));
    }
}

/// Returns where a dataset comes from, in words.
pub fn dataset_text(view: &DatasetView, clock: &Clock, layout: Layout) -> Text {
    let mut text = Text::default();
    let facts = format!(": {}, {}", count(view.files, "file"), size(view.size));
    let line = Line::new().plain("dataset ");
    text.push(line.add(Tone::Title, view.path.directory()).plain(facts));
    text.push(Line::new().dim("  hash   ").plain(view.hash.clone()));
    let listed = |job| Listed::of_dataset(job, view);
    jobs(
        &mut text,
        "Made by",
        view.writers.iter().map(listed),
        clock,
        layout,
    );
    if view.writers.is_empty() {
        text.plain("No recorded job made any of it.");
    }
    jobs(
        &mut text,
        "Read by",
        view.readers.iter().map(listed),
        clock,
        layout,
    );
    if let Some(other) = &view.overwrote {
        let words = format!(
            "The last recorded job to change it here was {}: {}.",
            other.node.step,
            count(other.files, "file")
        );
        text.push(Line::new().add(Tone::Warn, words));
    }
    if let Some(words) = view.on_disk.and_then(on_disk_words) {
        text.push(Line::new().add(Tone::Warn, words));
    }
    text
}

/// Returns in words what of a dataset is not on disk as it was, if anything.
fn on_disk_words(OnDiskView { modified, missing }: OnDiskView) -> Option<String> {
    let told =
        |number: u64, what| (number > 0).then(|| format!("{} {what}", count(number, "file")));
    let told = [told(modified, "modified"), told(missing, "missing")];
    let told: Vec<_> = told.into_iter().flatten().collect();
    (!told.is_empty()).then(|| format!("On disk now: {}.", told.join(", ")))
}

/// Returns the first digits of a name.
pub(crate) fn short(name: &str) -> String {
    head_of(name, 12)
}

fn head_of(name: &str, digits: usize) -> String {
    name.chars().take(digits).collect()
}
