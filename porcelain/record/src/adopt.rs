//! Taking in what earlier runs left behind.
//!
//! A sealed run only waits to be added. A run whose roar was killed is put together from what its
//! spool file says, judged by what the files are now, and added as interrupted. A file that nobody can
//! make sense of is kept, under another name, and told of.

use crate::assemble::{self, Parts, Tools};
use crate::key;
use crate::looked::Looked;
use crate::run::{now_ns, open_cache, with_causes};
use crate::setting::Setting;
use crate::spooled::{self, Head, Sealed};
use crate::streams::Streams;
use roar_object::{ByteStr, Coverage, Outcome, StepName, Verdict};
use roar_repo::filters::Filters;
use roar_repo::{AddError, Added, NewJob, Workspace};
use roar_store::{
    Claimed, Holder, LockError, Notice, Pending, Spool, SpoolFrame, SpoolFrames, Transaction, Wait,
};
use roar_trace::{Replay, replay, state_of};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Read as _;
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
    /// It is damaged, and was moved.
    Damaged {
        /// The step that what could be made out was recorded as, if anything could.
        step: Option<StepName>,
        /// Where it is now.
        path: PathBuf,
    },
    /// It could not be taken in; it stays where it is.
    Stays {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
        /// Whether somebody else was writing just then: the next command is likely to take it in.
        busy: bool,
    },
}

/// Returns whether there is anything to take in. Costs a look into two directories, and into the
/// beginnings of those files that any workspace could have left.
pub fn has_leftovers(workspace: &Workspace) -> bool {
    places(workspace).iter().any(|(whose, place)| {
        leftovers(place).any(|pending| *whose == Whose::Own || is_for(workspace, &pending))
    })
}

/// Runs of other workspaces that only those can take in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Elsewhere {
    /// Where the files are.
    pub place: PathBuf,
    /// How many there are.
    pub runs: usize,
    /// How many of them are of projects that are not there any more.
    pub orphans: usize,
}

/// Counts what lies beside this workspace's leftovers and is not for it.
pub fn leftovers_elsewhere(workspace: &Workspace) -> Elsewhere {
    let Some(place) = workspace.away() else {
        return Elsewhere::default();
    };
    let others: Vec<ByteStr> = leftovers(place)
        .filter(|pending| !is_for(workspace, pending))
        .filter_map(|pending| root_of(&pending))
        .collect();
    let is_gone = |root: &&ByteStr| !Path::new(OsStr::from_bytes(root)).is_dir();
    Elsewhere {
        place: place.to_owned(),
        runs: others.len(),
        orphans: others.iter().filter(is_gone).count(),
    }
}

/// Returns where runs of this workspace lie that it had no room for, and how many there are, if there are any.
pub fn leftovers_away(workspace: &Workspace) -> Option<(PathBuf, usize)> {
    let place = workspace.away()?;
    let root = workspace.root().as_os_str().as_bytes();
    let is_of_it = |pending: &Pending| root_of(pending).is_some_and(|of| *of == *root);
    let runs = leftovers(place).filter(is_of_it).count();
    (runs > 0).then(|| (place.to_owned(), runs))
}

/// Returns whether this workspace can do something about a file: it is its own, or nobody's.
fn is_for(workspace: &Workspace, pending: &Pending) -> bool {
    root_of(pending).is_none_or(|root| *root == *workspace.root().as_os_str().as_bytes())
}

/// Returns the root of the project that a run is of, if the file tells.
fn root_of(pending: &Pending) -> Option<ByteStr> {
    root_in(&beginning(&pending.path)).or_else(|| root_in(&pending.read().ok()?))
}

fn root_in(frames: &SpoolFrames) -> Option<ByteStr> {
    frames.frames.iter().find_map(|frame| match frame.kind {
        spooled::HEAD => spooled::decode::<Head>(&frame.body).map(|head| head.root),
        spooled::SEALED => spooled::decode::<Sealed>(&frame.body).map(|sealed| sealed.root),
        _ => None,
    })
}

/// Returns what a run had for standard input and output, if the file tells.
fn streams_in(frames: &SpoolFrames) -> Option<Streams> {
    let mut heads = frames.frames.iter().filter(|it| it.kind == spooled::HEAD);
    spooled::decode::<Head>(&heads.next()?.body)?.streams
}

/// Reads what a file begins with: of a run that was begun in it, who it is of.
fn beginning(path: &Path) -> SpoolFrames {
    const ENOUGH: u64 = 64 << 10;
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(ENOUGH).read_to_end(&mut bytes));
    read.map_or_else(|_| SpoolFrames::default(), |_| SpoolFrames::decode(&bytes))
}

/// Whose runs are in a directory.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Whose {
    /// This workspace's.
    Own,
    /// Those of any workspace of the user.
    Anybodys,
}

fn places(workspace: &Workspace) -> Vec<(Whose, PathBuf)> {
    let inside = workspace.store().map(roar_store::Store::runs);
    let away = workspace.away().map(Path::to_owned);
    let own = inside.map(|place| (Whose::Own, place));
    own.into_iter()
        .chain(away.map(|place| (Whose::Anybodys, place)))
        .collect()
}

fn leftovers(place: &Path) -> impl Iterator<Item = Pending> + use<> {
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
    let places = places(workspace).into_iter();
    let pending = places.flat_map(|(whose, place)| leftovers(&place).map(move |one| (whose, one)));
    for (whose, pending) in pending {
        if let Ok(Some(claimed)) = pending.claim() {
            adopted.extend(adopt_one(
                workspace,
                whose,
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

fn adopt_one(
    workspace: &Workspace,
    whose: Whose,
    claimed: Claimed,
    wait: Wait<'_>,
) -> Vec<Adopted> {
    let path = claimed.path().to_owned();
    let stays = |why: String, busy: bool| {
        let path = path.clone();
        vec![Adopted::Stays { path, why, busy }]
    };
    let frames = match claimed.read() {
        Ok(frames) => frames,
        Err(err) => return stays(with_causes(&err), false),
    };
    let leftover = match understand(workspace, whose, &frames) {
        Understood::Job(leftover) => leftover,
        Understood::NotOurs => return Vec::new(),
        Understood::Nothing if frames.frames.is_empty() && is_stillborn(&path) => {
            // Nothing was ever written to it: the run went on without, and is kept elsewhere.
            let _ = claimed.finish();
            return Vec::new();
        }
        Understood::Nothing => return vec![put_aside(&path, None)],
    };
    let interrupted = leftover.record.interrupted;
    let job = leftover.record.job;
    let leftover_streams = streams_in(&frames).filter(|_| interrupted);
    match workspace.add(vec![*leftover], "adopt", now_ns(), wait) {
        Ok(added) if frames.damaged => {
            let notices = added.notices.iter().cloned();
            let notices = notices.map(|notice| Adopted::Noticed { notice });
            let aside = put_aside(&path, added.steps.first().copied());
            notices.chain([aside]).collect()
        }
        Ok(added) => {
            if let Some(streams) = leftover_streams {
                Looked::only_begun(streams).save(&workspace.dot(), job);
            }
            // If it cannot be removed it is found to be in the store next time.
            let _ = claimed.finish();
            told(&added, interrupted)
        }
        Err(err) => stays(with_causes(&err), is_busy(&err)),
    }
}

fn is_busy(err: &AddError) -> bool {
    matches!(err, AddError::Lock(LockError::Busy { .. }))
}

fn told(added: &Added, interrupted: bool) -> Vec<Adopted> {
    let noticed = added.notices.iter().cloned();
    let step = added.steps.first().filter(|_| added.new > 0);
    let step = step.map(|&step| match interrupted {
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

fn put_aside(path: &Path, step: Option<StepName>) -> Adopted {
    let aside = path.with_extension("damaged");
    match fs::rename(path, &aside) {
        Ok(()) => Adopted::Damaged { step, path: aside },
        Err(err) => Adopted::Stays {
            path: path.to_owned(),
            why: err.to_string(),
            busy: false,
        },
    }
}

enum Understood {
    Job(Box<NewJob>),
    /// It belongs to another workspace.
    NotOurs,
    Nothing,
}

fn understand(workspace: &Workspace, whose: Whose, frames: &SpoolFrames) -> Understood {
    let root = workspace.root().as_os_str().as_bytes();
    let is_other = |named: &[u8]| whose == Whose::Anybodys && named != root;
    let of_kind = |kind: u8| frames.frames.iter().filter(move |frame| frame.kind == kind);
    if let Some(sealed) = of_kind(spooled::SEALED).next_back() {
        return match spooled::decode::<Sealed>(&sealed.body) {
            Some(sealed) if is_other(&sealed.root) => Understood::NotOurs,
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
        Some(head) if is_other(&head.root) => Understood::NotOurs,
        Some(head) => {
            let stream: Vec<&[u8]> = of_kind(spooled::TRACE)
                .map(|frame: &SpoolFrame| &*frame.body)
                .collect();
            let why = vec![match frames.damaged {
                true => DAMAGED.to_owned(),
                false => KILLED.to_owned(),
            }];
            Understood::Job(Box::new(interrupted(
                workspace,
                head,
                &stream.concat(),
                why,
            )))
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

/// Why nobody knows how a run ended.
const KILLED: &str = "roar was killed while the command ran";
const DAMAGED: &str = "the file that kept the run was damaged afterwards";

/// Puts together a run that nobody saw the end of.
fn interrupted(
    workspace: &Workspace,
    mut head: Head,
    stream: &[u8],
    mut why: Vec<String>,
) -> NewJob {
    let root = workspace.root().as_os_str().as_bytes();
    let was = std::mem::replace(&mut head.root, root.into());
    let is_now = |path: &[u8]| moved(path, &was, root);
    let Replay {
        mut observation,
        reasons,
        ..
    } = replay(stream, |path| state_of(&is_now(path)));
    for file in &mut observation.files {
        file.path = is_now(&file.path);
    }
    let config = workspace.config();
    let filters = Filters::load(config)
        .unwrap_or_default()
        .in_project(workspace.root());
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
    why.extend(reasons);
    let parts = Parts {
        head: &head,
        outcome: Outcome::Unknown,
        interrupted: true,
        duration_ns: seen_for(&head, &observation.files),
        coverage: Coverage {
            verdict: Verdict::Partial,
            backend: head.backend.clone(),
            reasons: why,
        },
        files: observation.files,
        processes: &observation.processes,
        code: None,
    };
    assemble::assemble(parts, &tools).job
}

/// Returns where a file of a project is whose root was moved or copied.
fn moved(path: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    match path.strip_prefix(from) {
        Some(rest) if rest.is_empty() || rest.starts_with(b"/") => [to, rest].concat(),
        _ => path.to_vec(),
    }
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

#[cfg(test)]
mod tests {
    use super::moved;

    #[test]
    fn files_of_a_project_move_with_it_and_others_stay() {
        assert_eq!(moved(b"/a/b/c", b"/a/b", b"/d"), b"/d/c");
        assert_eq!(moved(b"/a/b", b"/a/b", b"/d"), b"/d");
        assert_eq!(moved(b"/a/bc", b"/a/b", b"/d"), b"/a/bc");
        assert_eq!(moved(b"/usr/lib/x", b"/a/b", b"/d"), b"/usr/lib/x");
    }
}
