//! The spool file of a run: what keeps the run when the store cannot.
//!
//! It lies in the workspace's own `runs/`; where that cannot be written, in the user's state
//! directory; where that cannot be written either, nowhere, and only the store can keep the run.

use crate::spooled::{self, Head, Sealed};
use roar_repo::{NewJob, Workspace};
use roar_store::{Spool, Transaction};
use roar_trace::Sink;
use std::fs;
use std::path::{Path, PathBuf};

/// Keeps what a run saw while it lasts.
pub(crate) struct Recorder {
    spool: Option<Spool>,
    head: Head,
    away: Option<PathBuf>,
    trouble: Option<String>,
}

/// Where a finished run was left.
pub(crate) enum Left {
    There(PathBuf),
    Nowhere(String),
}

impl Recorder {
    /// Writes down that the run begins, on disk before it does.
    pub(crate) fn begin(workspace: &Workspace, head: &Head) -> Self {
        let away = workspace.away().map(Path::to_owned);
        let mut recorder = Self {
            spool: None,
            head: head.clone(),
            away,
            trouble: None,
        };
        let inside = workspace.store().map(roar_store::Store::runs);
        let places = inside.into_iter().chain(recorder.away.clone());
        for place in places {
            match open(&place, head) {
                Ok(spool) => {
                    recorder.spool = Some(spool);
                    return recorder;
                }
                Err(why) => recorder.trouble = Some(why),
            }
        }
        recorder
    }

    /// Removes the file: the run is in the store, or never was.
    pub(crate) fn forget(self) {
        if let Some(spool) = self.spool {
            // What is left over is found to be in the store by whoever takes it in.
            let _ = spool.finish();
        }
    }

    /// Leaves the finished run in the file.
    pub(crate) fn seal(mut self, job: &NewJob) -> Left {
        let sealed = match self.sealed(job) {
            Ok(sealed) => sealed,
            Err(why) => return Left::Nowhere(why),
        };
        let mut begun = self.spool.take();
        if let Some(spool) = &mut begun {
            match write_sealed(spool, &sealed) {
                // The command may have removed the directory from under it.
                Ok(()) if !is_there(spool) => {
                    self.trouble = Some(format!(
                        "'{}' was removed during the run",
                        spool.path().display()
                    ));
                }
                Ok(()) => return Left::There(spool.path().to_owned()),
                Err(why) => self.trouble = Some(why),
            }
        }
        let left = self.seal_away(&sealed);
        if let (Left::There(_), Some(spool)) = (&left, begun) {
            // What was begun would be taken for another run, whose roar was killed. If it cannot be
            // removed, that is what it will be.
            let _ = spool.finish();
        }
        left
    }

    fn sealed(&self, job: &NewJob) -> Result<Vec<u8>, String> {
        let transaction = Transaction {
            objects: job.objects.clone(),
            ..Transaction::default()
        };
        let objects = transaction.to_bytes().map_err(|err| err.to_string())?;
        let sealed = Sealed {
            root: self.head.root.clone(),
            objects: objects.into(),
            record: job.record.clone(),
        };
        Ok(spooled::encode(&sealed))
    }

    /// The file in the workspace could not take it: the state directory may.
    fn seal_away(&mut self, sealed: &[u8]) -> Left {
        let trouble = self
            .trouble
            .take()
            .unwrap_or_else(|| "there is no state directory".to_owned());
        let Some(away) = &self.away else {
            return Left::Nowhere(trouble);
        };
        let written = open(away, &self.head).and_then(|mut spool| {
            write_sealed(&mut spool, sealed)?;
            Ok(spool.path().to_owned())
        });
        match written {
            Ok(path) => Left::There(path),
            Err(why) => Left::Nowhere(format!("{trouble}; {why}")),
        }
    }
}

fn open(directory: &Path, head: &Head) -> Result<Spool, String> {
    let text = |err: roar_store::FileError| crate::run::with_causes(&err);
    if let Some(parent) = directory.parent() {
        fs::create_dir_all(parent)
            .map_err(|err| format!("cannot make '{}': {err}", parent.display()))?;
    }
    let mut spool = Spool::create(directory).map_err(text)?;
    let began = spool
        .append(spooled::HEAD, &spooled::encode(head))
        .and_then(|()| spool.sync());
    match began {
        Ok(()) => Ok(spool),
        Err(err) => {
            let why = text(err);
            // A file without a whole head says nothing to anybody.
            let _ = spool.finish();
            Err(why)
        }
    }
}

/// Returns whether the file that is written to still goes by its name.
fn is_there(spool: &Spool) -> bool {
    Spool::pending(spool.path().parent().unwrap_or(Path::new(".")))
        .is_ok_and(|pending| pending.iter().any(|pending| pending.path == spool.path()))
}

fn write_sealed(spool: &mut Spool, sealed: &[u8]) -> Result<(), String> {
    let written = spool
        .append(spooled::SEALED, sealed)
        .and_then(|()| spool.sync());
    written.map_err(|err| crate::run::with_causes(&err))
}

impl Sink for Recorder {
    fn write(&mut self, records: &[u8]) {
        let Some(spool) = &mut self.spool else { return };
        if let Err(err) = spool.append(spooled::TRACE, records) {
            self.trouble = Some(crate::run::with_causes(&err));
        }
    }

    fn flush(&mut self) {
        if let Some(spool) = &mut self.spool
            && let Err(err) = spool.flush()
        {
            self.trouble = Some(crate::run::with_causes(&err));
        }
    }
}
