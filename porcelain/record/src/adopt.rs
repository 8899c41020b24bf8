//! Taking in what earlier runs left behind.
//!
//! A sealed run only waits to be added. A run whose roar was killed is put together from what its
//! spool file says, judged by what the files are now, and added as interrupted. A file that nobody can
//! make sense of is kept, under another name, and told of.

use crate::assemble::{self, Parts, Tools};
use crate::key;
use crate::run::{now_ns, open_cache, with_causes};
use crate::setting::Setting;
use crate::spooled::{self, Head, Sealed};
use roar_object::{Coverage, Outcome, StepName, Verdict};
use roar_repo::filters::Filters;
use roar_repo::{Added, NewJob, Workspace};
use roar_store::{
    Claimed, Holder, Notice, Pending, Spool, SpoolFrame, SpoolFrames, Transaction, Wait,
};
use roar_trace::{Replay, replay, state_of};
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What became of one leftover.
#[derive(Debug)]
pub enum Adopted {
    /// It was finished, and is in the store now.
    Kept {
        /// The step it was recorded as.
        step: StepName,
    },
    /// Its roar had been killed; it is in the store as interrupted.
    Interrupted {
        /// The step it was recorded as.
        step: StepName,
    },
    /// The store did something by itself meanwhile.
    Noticed {
        /// What.
        notice: Notice,
    },
    /// It says nothing that can be understood, and was moved.
    Damaged {
        /// Where it is now.
        path: PathBuf,
    },
    /// It could not be taken in; it stays where it is.
    Stays {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
}

/// Returns whether there is anything to take in. Costs a look into two directories.
pub fn has_leftovers(workspace: &Workspace) -> bool {
    places(workspace)
        .iter()
        .any(|place| leftovers(place).next().is_some())
}

fn places(workspace: &Workspace) -> Vec<PathBuf> {
    let inside = workspace.store().map(roar_store::Store::runs);
    inside
        .into_iter()
        .chain(workspace.away().map(Path::to_owned))
        .collect()
}

fn leftovers(place: &Path) -> impl Iterator<Item = Pending> {
    Spool::pending(place)
        .unwrap_or_default()
        .into_iter()
        .filter(|pending| !pending.alive)
}

/// Takes in every leftover of this workspace, oldest first.
///
/// The other arguments say how to wait for the store, as in [`Wait`].
pub fn adopt(
    workspace: &Workspace,
    up_to: Duration,
    command: &str,
    on_wait: &mut dyn FnMut(&Holder),
) -> Vec<Adopted> {
    let mut adopted = Vec::new();
    for pending in places(workspace).iter().flat_map(|place| leftovers(place)) {
        if let Ok(Some(claimed)) = pending.claim() {
            adopted.extend(adopt_one(
                workspace,
                claimed,
                Wait {
                    up_to,
                    command,
                    on_wait,
                },
            ));
        }
    }
    adopted
}

fn adopt_one(workspace: &Workspace, claimed: Claimed, wait: Wait<'_>) -> Vec<Adopted> {
    let path = claimed.path().to_owned();
    let stays = |why: String| {
        let path = path.clone();
        vec![Adopted::Stays { path, why }]
    };
    let frames = match claimed.read() {
        Ok(frames) => frames,
        Err(err) => return stays(with_causes(&err)),
    };
    let leftover = match understand(workspace, &frames) {
        Understood::Job(leftover) => leftover,
        Understood::NotOurs => return Vec::new(),
        Understood::Nothing if frames.frames.is_empty() && is_stillborn(&path) => {
            // Nothing was ever written to it: the run went on without, and is kept elsewhere.
            let _ = claimed.finish();
            return Vec::new();
        }
        Understood::Nothing => return vec![put_aside(&path)],
    };
    let interrupted = leftover.record.interrupted;
    match workspace.add(vec![*leftover], "adopt", now_ns(), wait) {
        Ok(added) => {
            // If it cannot be removed it is found to be in the store next time.
            let _ = claimed.finish();
            told(&added, interrupted)
        }
        Err(err) => stays(with_causes(&err)),
    }
}

fn told(added: &Added, interrupted: bool) -> Vec<Adopted> {
    let noticed = added.notices.iter().cloned();
    let step = added.steps.first().map(|&step| match interrupted {
        true => Adopted::Interrupted { step },
        false => Adopted::Kept { step },
    });
    noticed
        .map(|notice| Adopted::Noticed { notice })
        .chain(step)
        .collect()
}

/// Returns whether a file holds less than a spool's first words, as a full disk leaves it.
fn is_stillborn(path: &Path) -> bool {
    const MAGIC_BYTES: u64 = 8;
    fs::metadata(path).is_ok_and(|meta| meta.len() <= MAGIC_BYTES)
}

fn put_aside(path: &Path) -> Adopted {
    let aside = path.with_extension("damaged");
    match fs::rename(path, &aside) {
        Ok(()) => Adopted::Damaged { path: aside },
        Err(err) => Adopted::Stays {
            path: path.to_owned(),
            why: err.to_string(),
        },
    }
}

enum Understood {
    Job(Box<NewJob>),
    /// It belongs to another workspace.
    NotOurs,
    Nothing,
}

fn understand(workspace: &Workspace, frames: &SpoolFrames) -> Understood {
    let root = workspace.root().as_os_str().as_bytes();
    let of_kind = |kind: u8| frames.frames.iter().filter(move |frame| frame.kind == kind);
    if let Some(sealed) = of_kind(spooled::SEALED).next_back() {
        return match spooled::decode::<Sealed>(&sealed.body) {
            Some(sealed) if *sealed.root != *root => Understood::NotOurs,
            Some(sealed) => {
                unseal(sealed).map_or(Understood::Nothing, |job| Understood::Job(Box::new(job)))
            }
            None => Understood::Nothing,
        };
    }
    match of_kind(spooled::HEAD)
        .next()
        .and_then(|frame| spooled::decode::<Head>(&frame.body))
    {
        Some(head) if *head.root != *root => Understood::NotOurs,
        Some(head) => {
            let stream: Vec<&[u8]> = of_kind(spooled::TRACE)
                .map(|frame: &SpoolFrame| &*frame.body)
                .collect();
            Understood::Job(Box::new(interrupted(workspace, &head, &stream.concat())))
        }
        None => Understood::Nothing,
    }
}

fn unseal(sealed: Sealed) -> Option<NewJob> {
    let transaction = Transaction::from_bytes(&sealed.objects).ok()?;
    let job = NewJob {
        objects: transaction.objects,
        record: sealed.record,
    };
    assemble::job_of(&job).is_some().then_some(job)
}

/// Puts together a run that nobody saw the end of.
fn interrupted(workspace: &Workspace, head: &Head, stream: &[u8]) -> NewJob {
    let Replay {
        observation,
        reasons,
        ..
    } = replay(stream, state_of);
    let config = workspace.config();
    let filters = Filters::load(config).unwrap_or_default();
    let cache = open_cache(workspace, true);
    let setting = Setting::new(workspace, key::load(&workspace.dot()));
    let min_files = config
        .number("dataset.min_files")
        .ok()
        .and_then(|number| usize::try_from(number).ok());
    let tools = Tools {
        filters: &filters,
        cache: &cache,
        setting: &setting,
        min_files: min_files.unwrap_or(2),
    };
    let mut all = vec!["roar was killed while the command ran".to_owned()];
    all.extend(reasons);
    let parts = Parts {
        head,
        outcome: Outcome::Unknown,
        interrupted: true,
        duration_ns: seen_for(head, &observation.files),
        coverage: Coverage {
            verdict: Verdict::Partial,
            backend: head.backend.clone(),
            reasons: all,
        },
        files: observation.files,
        processes: &observation.processes,
        code: None,
    };
    assemble::assemble(parts, &tools).job
}

/// Returns how long the run was seen to go on: up to the last write of a file that it made.
fn seen_for(head: &Head, files: &[roar_trace::FileSeen]) -> u64 {
    let written = files
        .iter()
        .filter(|file| file.change.is_some())
        .filter_map(|file| match file.after {
            roar_trace::State::File(version) => Some(version.mtime_ns),
            _ => None,
        });
    let last = written.max().unwrap_or(head.started_ns);
    u64::try_from(last.saturating_sub(head.started_ns)).unwrap_or(0)
}
