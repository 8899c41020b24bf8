//! Lists: the log, root inputs, how things stand.

use super::report::{file_line, short, source_words};
use super::{Clock, Layout, Line, Text, Tone};
use crate::model::{DriftKind, InputsView, JobState, LogEntry, LogView, StatusView, command_line};
use crate::quote::{columns, prose};
use crate::{ago, count, duration};

/// Most drifted files that are named.
const DRIFT: usize = 10;

/// Returns the log as a table, latest first.
pub fn log_text(view: &LogView, clock: &Clock, layout: Layout) -> Text {
    let mut text = Text::default();
    if view.total == 0 {
        text.plain("No jobs yet.");
        return text;
    }
    let rows: Vec<_> = view.jobs.iter().map(|job| row(job, clock)).collect();
    let mut widths = [0; 5];
    for row in &rows {
        for (width, (_, cell)) in widths.iter_mut().zip(row) {
            *width = columns(cell).max(*width);
        }
    }
    for (job, row) in view.jobs.iter().zip(rows) {
        let mut line = Line::new();
        for ((tone, cell), width) in row.into_iter().zip(widths) {
            let end = line.columns() + width + 2;
            line = line.add(tone, cell).to(end);
        }
        let title = layout.fit_command(&title(job), line.columns());
        text.push(line.add(Tone::Title, title));
    }
    if view.jobs.len() < view.total {
        let earlier = count((view.total - view.jobs.len()) as u64, "other job");
        text.push(Line::new().dim(format!("{earlier} not shown")));
    }
    text
}

fn row(job: &LogEntry, clock: &Clock) -> [(Tone, String); 5] {
    let ending = crate::model::ending(job.exit, job.signal);
    let state = match (job.state, ending) {
        (JobState::Finished, _) if job.dag_state == "current" => (Tone::Good, "ok".to_owned()),
        (JobState::Finished, _) => (
            super::state_tone(&job.dag_state),
            format!("ok, {}", job.dag_state),
        ),
        (JobState::Interrupted, _) => (Tone::Warn, "interrupted".to_owned()),
        (JobState::Failed, ending) => (Tone::Bad, ending.unwrap_or_else(|| "failed".to_owned())),
    };
    let state = match job.verdict.as_str() {
        "blind" => (Tone::Bad, format!("{}, NOT SEEN", state.1)),
        _ => state,
    };
    [
        (Tone::Step, job.step.clone()),
        (Tone::Dim, short(&job.id)),
        (Tone::Dim, clock.shown(job.started_ns)),
        (Tone::Dim, duration(job.duration_ns)),
        state,
    ]
}

fn title(job: &LogEntry) -> String {
    let command = command_line(&job.argv);
    match &job.name {
        Some(name) => format!("{}: {command}", prose(name)),
        None => command,
    }
}

/// Returns the data that everything began with, as a list.
pub fn inputs_text(view: &InputsView, layout: Layout) -> Text {
    let mut text = Text::default();
    let entries: Vec<_> = view
        .inputs
        .iter()
        .filter(|input| input.file.dataset.is_none())
        .collect();
    let target = view.target.shown();
    if entries.is_empty() {
        text.push(
            Line::new()
                .add(Tone::Title, target)
                .plain(" began with nothing that was recorded."),
        );
        return text;
    }
    text.push(Line::new().plain("Inputs of ").add(Tone::Title, target));
    for input in entries {
        let readers = input.consumers.join(" ");
        text.push(file_line(&input.file, layout).dim(format!("  read by {readers}")));
    }
    text
}

/// Returns how things stand.
pub fn status_text(view: &StatusView, clock: &Clock, layout: Layout) -> Text {
    let mut text = Text::default();
    let mut fact = |name: &str, line: Line| {
        let mut start = Line::new().dim(format!("{name}:")).to(10);
        start.columns += line.columns;
        start.spans.extend(line.spans);
        text.push(start);
    };
    fact("Project", Line::new().plain(view.project.shown()));
    let head = view.head.as_deref().map(short).unwrap_or_default();
    fact(
        "Session",
        Line::new()
            .plain(prose(&view.session))
            .dim(format!("  {head}")),
    );
    let git = view
        .git
        .as_ref()
        .map_or("not a git repository".to_owned(), source_words);
    fact("Git", Line::new().plain(git));
    fact("Jobs", counts(view));
    if let Some(latest) = &view.latest {
        let when = format!("  {}", ago(latest.started_ns, clock.now_ns));
        let ending = crate::model::ending(latest.exit, latest.signal);
        let ending = ending
            .map(|ending| format!("  {ending}"))
            .unwrap_or_default();
        let line = Line::new().add(Tone::Step, latest.step.clone()).plain(" ");
        let used = 10 + line.columns() + columns(&when) + columns(&ending);
        let title = layout.fit_command(&title(latest), used);
        fact(
            "Latest",
            line.add(Tone::Title, title)
                .add(Tone::Bad, ending)
                .dim(when),
        );
    }
    if !view.stale.is_empty() {
        fact(
            "Stale",
            Line::new().add(Tone::Warn, layout.fit(&view.stale.join(" "), 10)),
        );
    }
    drift(&mut text, view);
    for note in &view.notes {
        text.push(Line::new().add(Tone::Warn, prose(note)));
    }
    text
}

fn counts(view: &StatusView) -> Line {
    let jobs = view.jobs;
    let all = [
        (jobs.current, "current", Tone::Good),
        (jobs.stale, "stale", Tone::Warn),
        (jobs.superseded, "superseded", Tone::Dim),
        (jobs.failed, "failed", Tone::Bad),
    ];
    let mut line = Line::new();
    for (number, word, tone) in all.into_iter().filter(|(number, ..)| *number > 0) {
        let comma = if line.columns() > 0 { ", " } else { "" };
        line = line.plain(comma).add(tone, format!("{number} {word}"));
    }
    if line.columns() > 0 {
        line
    } else {
        line.plain("none yet")
    }
}

fn drift(text: &mut Text, view: &StatusView) {
    if view.drift.is_empty() {
        return;
    }
    let files = count(view.drift.len() as u64, "file");
    text.push(Line::new().add(
        Tone::Warn,
        format!("{files} changed outside of recorded jobs:"),
    ));
    for file in view.drift.iter().take(DRIFT) {
        let state = match file.state {
            DriftKind::Modified => "modified",
            DriftKind::Mode => "mode",
            DriftKind::Missing => "missing",
            DriftKind::Returned => "returned",
            DriftKind::Added => "new",
        };
        let line = Line::new().add(Tone::Warn, format!("  {state:<9} "));
        let mode = match file.executable {
            Some(true) => ", executable now",
            Some(false) => ", no longer executable",
            None => "",
        };
        text.push(
            line.plain(file.path.shown())
                .dim(format!("  {}{mode}", file.step)),
        );
    }
    if view.drift.len() > DRIFT {
        text.push(Line::new().dim(format!("  and {} more", view.drift.len() - DRIFT)));
    }
}
