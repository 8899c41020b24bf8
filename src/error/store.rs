//! What to advise when the store does not answer.

use super::{CommandError, FEW_DESCRIPTORS, Fault, fault_below, lacks_descriptors};
use roar_object::FindError;
use roar_store::{
    CommitError, FileError, FrameError, LockError, OpenError, PackingError, ReadError, RefNameError,
};
use roar_tree::TreeError;
use std::io;

impl From<OpenError> for CommandError {
    fn from(err: OpenError) -> Self {
        match err {
            OpenError::Lock(err) => err.into(),
            OpenError::Io(err) => err.into(),
            OpenError::NotAStore { .. } => {
                Self::refused(err).hint("`roar init` makes this directory a workspace")
            }
            OpenError::Missing { .. } => Self::new(Fault::Damaged, err).hint(
                "put its files back from a copy; or move the `.roar` directory away to begin anew",
            ),
            OpenError::Newer { .. } => Self::refused(err).hint("use the newer roar that wrote it"),
            other => Self::new(Fault::Damaged, other).hint("`roar fsck` tells what is wrong"),
        }
    }
}

impl From<LockError> for CommandError {
    fn from(err: LockError) -> Self {
        match err {
            LockError::Io(err) => err.into(),
            busy => {
                Self::refused(busy).hint("wait for it, or wait longer: `--config lock.timeout=60`")
            }
        }
    }
}

impl From<FileError> for CommandError {
    fn from(err: FileError) -> Self {
        let full = err.source.kind() == io::ErrorKind::StorageFull;
        let fault = match fault_below(&err) {
            // A file of the store's own that is gone is damage, not a slip of the user.
            Fault::NotFound => Fault::Damaged,
            other => other,
        };
        let lacks = lacks_descriptors(&err);
        let error = Self::new(fault, err);
        match fault {
            _ if lacks => error.hint(FEW_DESCRIPTORS),
            _ if full => error.hint("make room on the disk and try again"),
            Fault::NotAllowed => error.hint("the files in `.roar` must be yours to write"),
            Fault::Damaged => error.hint("`roar fsck` tells what is wrong"),
            _ => error,
        }
    }
}

impl From<FrameError> for CommandError {
    fn from(err: FrameError) -> Self {
        match err {
            FrameError::TooLarge(_) => Self::refused(err),
            _ => damaged(err),
        }
    }
}

impl From<ReadError> for CommandError {
    fn from(err: ReadError) -> Self {
        match err {
            ReadError::File(err) => err.into(),
            other => damaged(other),
        }
    }
}

impl From<FindError> for CommandError {
    fn from(err: FindError) -> Self {
        match err {
            FindError::Store(err) => match err.downcast::<ReadError>() {
                Ok(err) => (*err).into(),
                Err(err) => Self::new(Fault::Damaged, FindError::Store(err)),
            },
            other => damaged(other),
        }
    }
}

impl From<TreeError> for CommandError {
    fn from(err: TreeError) -> Self {
        match err {
            TreeError::Find(err) => err.into(),
            other => damaged(other),
        }
    }
}

impl From<CommitError> for CommandError {
    fn from(err: CommitError) -> Self {
        match err {
            CommitError::Conflict { ref found, .. } => {
                let hint = match found {
                    Some(id) => format!("it names {id} now"),
                    None => "it does not exist now".to_owned(),
                };
                Self::refused(err).hint(hint)
            }
            CommitError::Frame(err) => err.into(),
            CommitError::Find(err) => err.into(),
            CommitError::Io(err) => err.into(),
            other => Self::refused(other),
        }
    }
}

impl From<PackingError> for CommandError {
    fn from(err: PackingError) -> Self {
        match err {
            PackingError::Io(err) => err.into(),
            PackingError::Read(err) => err.into(),
            PackingError::Lock(err) => err.into(),
            PackingError::Pack(err) => err.into(),
            other => Self::refused(other),
        }
    }
}

impl From<RefNameError> for CommandError {
    fn from(err: RefNameError) -> Self {
        Self::usage(err).hint("a ref is called like `sessions/main` or `notes/first`")
    }
}

fn damaged(err: impl Into<Box<dyn std::error::Error>>) -> CommandError {
    CommandError::new(Fault::Damaged, err).hint("`roar fsck` tells what is damaged")
}
