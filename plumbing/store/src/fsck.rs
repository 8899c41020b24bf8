//! Checking: is everything there, is it what its name says, and does what is derived agree.

mod base;
mod index;
mod journal;
mod leftovers;
mod objects;
mod packs;
mod seen;

use crate::base::Base;
use crate::collecting;
use crate::reader::ReadError;
use crate::store::{self, Layout};
use crate::{Counts, Store};

/// How thoroughly to check.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Hash and decode every object, and compare the index row by row.
    pub full: bool,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing; nothing is wrong.
    Info,
    /// Something that can be made again is wrong.
    Warning,
    /// Something is lost or wrong that cannot be made again.
    Error,
}

impl Severity {
    /// Returns the word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// One thing that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What sort of thing, such as `object-missing`: stable, for scripts.
    pub id: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What it is about: an object, a ref, a file and offset.
    pub subject: String,
    /// What is the matter, in words.
    pub text: String,
}

/// What a check found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The findings, in the order in which they were met.
    pub findings: Vec<Finding>,
    /// How much there is.
    pub counts: Counts,
}

impl Report {
    /// Returns the worst severity there is.
    pub fn worst(&self) -> Option<Severity> {
        self.findings.iter().map(|finding| finding.severity).max()
    }

    fn add(
        &mut self,
        severity: Severity,
        id: &'static str,
        subject: impl Into<String>,
        text: impl Into<String>,
    ) {
        self.findings.push(Finding {
            id,
            severity,
            subject: subject.into(),
            text: text.into(),
        });
    }

    fn error(&mut self, id: &'static str, subject: impl Into<String>, text: impl Into<String>) {
        self.add(Severity::Error, id, subject, text);
    }

    fn warning(&mut self, id: &'static str, subject: impl Into<String>, text: impl Into<String>) {
        self.add(Severity::Warning, id, subject, text);
    }

    fn info(&mut self, id: &'static str, subject: impl Into<String>, text: impl Into<String>) {
        self.add(Severity::Info, id, subject, text);
    }
}

/// Checks a store. Nothing is changed, save that sled writes when it is opened.
///
/// # Errors
///
/// When files cannot be read at all; what they hold being wrong is a finding.
pub fn fsck(store: &Store, options: Options) -> Result<Report, ReadError> {
    let layout = store.layout();
    let reader = store.reader();
    // Where this is not to be had, a collection may be told of as damage.
    let _still = collecting::watch(layout);
    let base = Base::find(layout)?;
    let mut report = Report::default();
    check_marker(layout, &mut report)?;
    base::check(layout, &base, &mut report)?;
    let written = journal::check_journal(layout, &base.base, &reader, &mut report)?;
    journal::check_snapshot(layout, &reader, &mut report)?;
    journal::check_lists(layout, &base.base, &mut report)?;
    let sound = packs::check(layout, &base.base, &reader, options, &mut report)?;
    if options.full {
        objects::check_objects(&reader, &sound, &mut report)?;
    }
    objects::check_closure(&reader, &mut report)?;
    index::check_index(layout, &reader, &written, options, &mut report)?;
    leftovers::check_leftovers(layout, &mut report)?;
    report.counts = reader.count()?;
    Ok(report)
}

/// Checks the file that tells what this is. The next writer writes a wrong one again.
fn check_marker(layout: &Layout, report: &mut Report) -> Result<(), ReadError> {
    if store::version(layout)?.is_none() {
        let text =
            "it does not say which version the store has; the next command that writes mends it";
        report.warning("format-wrong", "format", text);
    }
    Ok(())
}
