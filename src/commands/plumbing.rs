//! Commands for scripts.

pub(crate) mod cat_file;
pub(crate) mod cat_object;
pub(crate) mod command_reference;
pub(crate) mod count_objects;
pub(crate) mod diff_tree;
pub(crate) mod for_each_ref;
pub(crate) mod fsck;
pub(crate) mod hash_dataset;
pub(crate) mod hash_object;
pub(crate) mod index_pack;
pub(crate) mod ls_tree;
pub(crate) mod pack_objects;
pub(crate) mod record_job;
pub(crate) mod reflog;
pub(crate) mod rev_list;
pub(crate) mod rev_parse;
pub(crate) mod trace;
pub(crate) mod unpack_objects;
pub(crate) mod update_ref;
pub(crate) mod verify_member;
pub(crate) mod verify_pack;

use crate::context::Context;
use crate::error::CommandError;
use roar_object::ObjectId;
use roar_repo::{Snapshot, Target};
use std::ffi::OsStr;

/// How lists of paths are printed.
#[derive(Clone, Copy, Debug, clap::Args)]
#[group(multiple = false)]
pub(crate) struct Form {
    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
    /// End lines with NUL, and print paths as they are
    #[arg(short = 'z')]
    nul: bool,
}

/// Returns the object that a word names.
fn object_id(
    context: &Context,
    snapshot: &Snapshot,
    word: &OsStr,
) -> Result<ObjectId, CommandError> {
    match context.resolve(snapshot, word)? {
        Target::Job { record } => Ok(snapshot.records()?[record].job),
        Target::Dataset { id, .. } | Target::Object { id, .. } => Ok(id),
        Target::Artifact { .. } => {
            let message = format!(
                "'{}' is a file's bytes, which are no object",
                word.display()
            );
            Err(CommandError::usage(message).hint("`roar show` tells what is known of a file"))
        }
    }
}
