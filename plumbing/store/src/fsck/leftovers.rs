//! Telling what others left behind.

use super::Report;
use crate::Spool;
use crate::reader::ReadError;
use crate::store::Layout;

/// Tells what was moved aside, and which runs were left behind.
pub(super) fn check_leftovers(layout: &Layout, report: &mut Report) -> Result<(), ReadError> {
    if let Ok(entries) = std::fs::read_dir(layout.aside()) {
        for entry in entries.flatten() {
            let subject = format!("aside/{}", entry.file_name().to_string_lossy());
            report.info("kept-aside", subject, "damaged before, and not needed");
        }
    }
    if let Ok(entries) = std::fs::read_dir(layout.runs()) {
        let names = entries.flatten().map(|entry| entry.file_name());
        for name in names.filter(|name| name.as_encoded_bytes().ends_with(b".damaged")) {
            let subject = format!("runs/{}", name.to_string_lossy());
            let text =
                "what was kept of a run and is damaged; all that could be made out is recorded";
            report.warning("run-damaged", subject, text);
        }
    }
    for run in Spool::pending(&layout.runs())? {
        if !run.alive {
            let name = run.path.file_name().unwrap_or_default().to_string_lossy();
            report.info(
                "run-left",
                format!("runs/{name}"),
                "the next command records it",
            );
        }
    }
    Ok(())
}
