//! `roar unpack-objects`.

use super::pack_objects::fields;
use crate::context::Context;
use crate::error::CommandError;
use crate::ui::Ui;
use roar_object::Objects as _;
use roar_pack::{Contents, Limits};
use std::io::{self, IsTerminal as _, Read};
use std::process::ExitCode;

/// Take the objects of a pack into the store
///
/// Reads a pack from standard input. Nothing is taken in before all of it was read and every byte was
/// checked; what the store has already is left as it is. No ref is changed: see `roar update-ref`. What
/// the pack is called is printed.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  $ roar unpack-objects < history.rpk
  $ roar unpack-objects --dry-run --json < history.rpk")]
pub(crate) struct Args {
    /// Check the pack, and take nothing in; needs no workspace
    #[arg(short = 'n', long)]
    dry_run: bool,
    /// Take a pack of any size, not only up to 4,194,304 objects and 4 GiB
    #[arg(long)]
    no_limits: bool,
    /// Print JSON: name, objects, bytes, raw, new
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(ui: &mut Ui, context: &Context, args: Args) -> Result<ExitCode, CommandError> {
    let input = io::stdin().lock();
    if input.is_terminal() {
        return Err(
            CommandError::usage("standard input is a terminal, not a pack")
                .hint("`roar unpack-objects < FILE` reads one"),
        );
    }
    let limits = match args.no_limits {
        true => Limits::own(),
        false => Limits::default(),
    };
    let (contents, new) = match args.dry_run {
        true => (roar_pack::read(input, &limits, &mut |_| Ok(()))?, None),
        false => {
            let (contents, new) = take_in(ui, context, input, &limits)?;
            (contents, Some(new))
        }
    };
    if !args.json {
        ui.data(contents.name())?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut fields = fields(&contents);
    fields["new"] = new.into();
    ui.json_line(&fields)?;
    Ok(ExitCode::SUCCESS)
}

/// Checks a pack and takes its objects in; returns how many of them are new.
fn take_in(
    ui: &Ui,
    context: &Context,
    input: impl Read,
    limits: &Limits,
) -> Result<(Contents, u64), CommandError> {
    let workspace = context.workspace_to_add_to(ui)?;
    let store = workspace
        .store()
        .ok_or_else(|| CommandError::refused("there is no store"))?;
    let received = store.receive_pack(input, limits, &mut |_| Ok(()))?;
    let (contents, reader) = (received.contents().clone(), store.reader());
    let mut new = 0;
    for entry in contents.entries() {
        // One that is here and damaged is new as well: this one takes its place.
        new += u64::from(!matches!(reader.find(entry.id), Ok(Some(_))));
    }
    // A pack of what is here already would only take up room.
    if new > 0 {
        received.admit()?;
    }
    Ok((contents, new))
}
