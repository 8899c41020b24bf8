//! Checking where the journal begins, and the logs of what came before.

use super::Report;
use crate::FileError;
use crate::base::{Base, FoundBase, Source};
use crate::ref_log::{self, RefLog};
use crate::store::Layout;

/// Checks the base against the logs that it was made of.
pub(super) fn check(
    layout: &Layout,
    found: &FoundBase,
    report: &mut Report,
) -> Result<(), FileError> {
    match found.source {
        Source::Nothing => return Ok(()),
        Source::Logs | Source::SomeLogs => {
            report.warning("base-unreadable", "base", "it is not there or not right");
        }
        Source::File => {}
    }
    let base = &found.base;
    if let Some(told) = check_logs(layout, base, report)?
        && (told.checkpoint, &told.refs) != (base.checkpoint, &base.refs)
    {
        let text = "it says something that the logs of ref changes do not";
        report.error("base-wrong", "base", text);
    }
    Ok(())
}

/// Reads the logs that there should be; returns what they come to, if all are there.
fn check_logs(
    layout: &Layout,
    base: &Base,
    report: &mut Report,
) -> Result<Option<Base>, FileError> {
    let mut told = Some(Base::NONE);
    let highest = ref_log::highest(&layout.ref_logs())?;
    for number in 1..=base.logs.min(highest) {
        let log = RefLog::read(layout, number)?;
        let fits = log.filter(|log| {
            told.as_ref()
                .is_none_or(|told| told.checkpoint.sequence == log.after)
        });
        match (fits, &mut told) {
            (Some(log), Some(told)) => told.take_in(&log),
            (Some(_), None) => {}
            (None, _) => {
                let subject = format!("reflog/{number:08}.rl");
                let text = "it is not there or not right: how refs changed then is lost";
                report.error("log-damaged", subject, text);
                told = None;
            }
        }
    }
    if base.logs > highest {
        let (first, last) = (highest + 1, base.logs);
        let subject = format!("reflog/{first:08}.rl to {last:08}.rl");
        let text = "these are not there: how refs changed then is lost";
        report.error("log-damaged", subject, text);
        told = None;
    }
    Ok(told)
}
