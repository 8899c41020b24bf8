//! `roar update-ref`.

use super::object_id;
use crate::context::Context;
use crate::error::CommandError;
use crate::ui::Ui;
use roar_object::{Kind, ObjectId};
use roar_repo::{Snapshot, Workspace};
use roar_store::{Expect, RefChange, RefName, Transaction};
use std::ffi::OsString;
use std::process::ExitCode;

/// Make a ref name an object, if it still names what is expected
///
/// With OLD, nothing is done unless the ref names that; 64 zeros stand for a ref that does not exist.
/// Refs below `sessions/` name links of a session, and nothing else. A new ref is not called `@…` or `-…`, as
/// steps and options are.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  $ roar update-ref notes/best @3
  $ roar update-ref notes/best @5 @3
  $ roar update-ref -d notes/best")]
pub(crate) struct Args {
    /// The ref, such as `notes/best`
    #[arg(value_name = "REF")]
    name: String,
    /// The object that it shall name
    #[arg(value_name = "NEW", required_unless_present = "delete")]
    new: Option<OsString>,
    /// The object that it must name now
    #[arg(value_name = "OLD")]
    old: Option<OsString>,
    /// Delete the ref; an OLD takes the place of NEW
    #[arg(short, long)]
    delete: bool,
}

pub(crate) fn run(ui: &mut Ui, context: &Context, args: Args) -> Result<ExitCode, CommandError> {
    let workspace = context.workspace(ui)?;
    let change = change(context, &workspace.snapshot()?, args)?;
    commit(ui, context, &workspace, change)?;
    Ok(ExitCode::SUCCESS)
}

fn change(context: &Context, snapshot: &Snapshot, args: Args) -> Result<RefChange, CommandError> {
    let name = RefName::new(args.name)?;
    let (new, old) = match args.delete {
        true if args.old.is_some() => {
            return Err(CommandError::usage("deleting takes no new object"));
        }
        true => (None, args.new),
        false => (args.new, args.old),
    };
    let new = match new {
        Some(word) => Some(object_id(context, snapshot, &word)?),
        None => None,
    };
    if let Some(id) = new {
        refuse_if_unheard(&name)?;
        fits(snapshot, &name, id)?;
    }
    let expect = match old {
        Some(word) => expected(context, snapshot, &word)?,
        None if args.delete => Expect::Is(existing(snapshot, &name)?),
        None => Expect::Any,
    };
    Ok(RefChange { name, expect, new })
}

/// What is taken for a step or an option can never be asked for. One that is there can be deleted.
fn refuse_if_unheard(name: &RefName) -> Result<(), CommandError> {
    let taken_for = match name.as_str().as_bytes().first() {
        Some(b'@') => "a step",
        Some(b'-') => "an option",
        _ => return Ok(()),
    };
    Err(CommandError::usage(format!(
        "'{name}' cannot be the name of a ref: it would be taken for {taken_for}"
    ))
    .hint("a ref is called like `sessions/main` or `notes/first`"))
}

/// A session's ref leads to a session, or every other command would stumble over it.
fn fits(snapshot: &Snapshot, name: &RefName, id: ObjectId) -> Result<(), CommandError> {
    let kind = snapshot.kind_of(id)?;
    let kind = kind.ok_or_else(|| CommandError::not_found(format!("there is no object '{id}'")))?;
    if name.as_str().starts_with("sessions/") && kind != Kind::Session {
        let kind = kind.name();
        return Err(
            CommandError::refused(format!("'{name}' names a session, not a {kind}"))
                .hint("`roar reflog` lists what it named before"),
        );
    }
    Ok(())
}

fn expected(
    context: &Context,
    snapshot: &Snapshot,
    word: &OsString,
) -> Result<Expect, CommandError> {
    if word.is_empty() || word == "0".repeat(64).as_str() {
        return Ok(Expect::Absent);
    }
    Ok(Expect::Is(object_id(context, snapshot, word)?))
}

fn existing(snapshot: &Snapshot, name: &RefName) -> Result<ObjectId, CommandError> {
    snapshot.reference(name.as_str())?.ok_or_else(|| {
        CommandError::not_found(format!("there is no ref '{name}'"))
            .hint("`roar for-each-ref` lists them")
    })
}

fn commit(
    ui: &Ui,
    context: &Context,
    workspace: &Workspace,
    change: RefChange,
) -> Result<(), CommandError> {
    let store = workspace
        .store()
        .ok_or_else(|| CommandError::refused("there is no store"))?;
    let writer = context.waiting(ui, workspace.config(), "roar update-ref", |wait| {
        store.writer(wait)
    })?;
    let transaction = Transaction {
        refs: vec![change],
        note: "update-ref".to_owned(),
        at_ns: crate::asked::now_ns(),
        ..Transaction::default()
    };
    let receipt = writer?.commit(&transaction)?;
    for notice in receipt.notices {
        ui.warn(notice);
    }
    Ok(())
}
