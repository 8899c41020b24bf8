//! What looks like a secret in what is about to leave.
//!
//! Everything was looked through before it was recorded. The rules may be better by now.

use crate::error::CommandError;
use crate::ui::escape_text;
use roar_object::{Job, Objects as _, Source, Step};
use roar_repo::{RepoError, Snapshot};
use roar_secrets::Rules;

/// Returns a line for each thing that looks like a secret.
pub(super) fn find(snapshot: &Snapshot, jobs: &[usize]) -> Result<Vec<String>, RepoError> {
    // What would stand in its place is not kept, so any key will do.
    let rules = Rules::standard([0; 32]);
    let mut found = Vec::new();
    for &at in jobs {
        let record = &snapshot.records()?[at];
        let job: Job = snapshot.objects().read(record.job)?;
        let step: Step = snapshot.objects().read(job.step)?;
        let words: Vec<Vec<u8>> = step.argv.iter().map(|word| word.0.clone()).collect();
        if !rules.scrub_argv(&words).1.is_empty() {
            found.push(format!(
                "an argument of {} looks like a secret",
                record.step
            ));
        }
        let suspect = |(name, value): &&(roar_object::ByteStr, roar_object::ByteStr)| {
            roar_secrets::is_secret_name(name) || !rules.scrub_argument(value).kinds.is_empty()
        };
        if let Some((name, _)) = step.variables.iter().find(suspect) {
            let name = escape_text(&String::from_utf8_lossy(name)).to_string();
            found.push(format!(
                "variable {name} of {} looks like a secret",
                record.step
            ));
        }
        let source: Option<Source> = job
            .source
            .map(|id| snapshot.objects().read(id))
            .transpose()?;
        let remote = source.and_then(|source| source.remote);
        if remote.is_some_and(|url| rules.scrub_url(url.as_bytes()).bytes != url.as_bytes()) {
            found.push(format!("the remote of {} has a secret in it", record.step));
        }
    }
    Ok(found)
}

/// Refuses to let out what looks like a secret.
pub(super) fn refuse(snapshot: &Snapshot, jobs: &[usize]) -> Result<(), CommandError> {
    match find(snapshot, jobs)?.into_iter().next() {
        Some(first) => Err(CommandError::refused(first)
            .hint("`--dry-run` lists all that would leave; `--force` lets it out")),
        None => Ok(()),
    }
}
