//! The state of the code that jobs ran from, as git packs it up.

use crate::{RepoError, Snapshot};
use roar_object::{FindError, Job, Objects as _, Source};
use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Why git did not pack up the code.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GitError {
    /// It cannot be run.
    #[error("cannot run git")]
    Run(#[source] io::Error),
    /// It refused.
    #[error("'git {command}' failed: {words}")]
    Failed {
        /// What was asked of it.
        command: String,
        /// What it said.
        words: String,
    },
}

/// Returns the commits and kept trees that the jobs name as the state of their code.
///
/// # Errors
///
/// When an object of a job cannot be read.
pub fn states(snapshot: &Snapshot, jobs: &[usize]) -> Result<BTreeSet<String>, RepoError> {
    let mut states = BTreeSet::new();
    for &at in jobs {
        let job: Job = snapshot.objects().read(snapshot.records()?[at].job)?;
        let source: Option<Source> = job
            .source
            .map(|id| snapshot.objects().read(id))
            .transpose()
            .map_err(|err: FindError| RepoError::from(err))?;
        if let Some(source) = source {
            states.extend(source.commit.into_iter().chain(source.tree));
        }
    }
    states.retain(|name| is_name(name));
    Ok(states)
}

/// Only the name of an object: nothing that git could take for an option or a path.
fn is_name(name: &str) -> bool {
    matches!(name.len(), 40 | 64) && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

impl Snapshot {
    /// Has git write states of the code to the file `path`; returns those that the repository no
    /// longer has.
    ///
    /// Each gets a ref `refs/roar/bundled/<name>` for as long as that takes: git packs up refs only.
    ///
    /// # Errors
    ///
    /// When git cannot be run, or refuses.
    pub fn pack_code(
        &self,
        states: &BTreeSet<String>,
        path: &Path,
    ) -> Result<Vec<String>, GitError> {
        let git = Git {
            root: self.root().to_owned(),
        };
        let has = |name: &&String| git.run(&["cat-file", "-e", name.as_str()]).is_ok();
        let (there, gone): (Vec<_>, Vec<_>) = states.iter().partition(has);
        let refs: Vec<String> = there
            .iter()
            .map(|name| format!("refs/roar/bundled/{name}"))
            .collect();
        if refs.is_empty() {
            return Ok(gone.into_iter().cloned().collect());
        }
        let mut packed = Ok(());
        for (name, object) in refs.iter().zip(&there) {
            packed = packed.and_then(|()| git.run(&["update-ref", name, object]));
        }
        let file = path.to_string_lossy().into_owned();
        let mut words = vec!["bundle", "create", "--quiet", file.as_str()];
        words.extend(refs.iter().map(String::as_str));
        packed = packed.and_then(|()| git.run(&words));
        for name in &refs {
            // One that stays does no harm: it keeps alive what jobs name.
            let _ = git.run(&["update-ref", "-d", name]);
        }
        packed.map(|()| gone.into_iter().cloned().collect())
    }
}

struct Git {
    root: PathBuf,
}

impl Git {
    fn run(&self, words: &[&str]) -> Result<(), GitError> {
        let output = Command::new("git")
            .arg("-C")
            .arg(&self.root)
            .args(words)
            .env("GIT_TERMINAL_PROMPT", "0")
            .stdin(Stdio::null())
            .output()
            .map_err(GitError::Run)?;
        if output.status.success() {
            return Ok(());
        }
        let words_said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Err(GitError::Failed {
            command: words.first().copied().unwrap_or_default().to_owned(),
            words: words_said,
        })
    }
}
