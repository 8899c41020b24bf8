//! `roar unpack-objects`.

use super::pack_objects::fields;
use crate::context::Context;
use crate::error::{CommandError, io_error};
use crate::ui::Ui;
use roar_object::Object;
use roar_pack::{Contents, Limits, NotTaken, PackError};
use roar_repo::Workspace;
use roar_store::{CommitError, Transaction, Writer};
use std::fs::File;
use std::io::{self, BufReader, IsTerminal as _, Read, Seek as _, SeekFrom, Write as _};
use std::path::Path;
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

/// Bytes and objects that are committed at once.
const BATCH: (usize, usize) = (4 << 20, 10_000);

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
) -> Result<(Contents, usize), CommandError> {
    let workspace = context.workspace(ui)?;
    let store = workspace
        .store()
        .ok_or_else(|| CommandError::refused("there is no store"))?;
    let mut kept = nameless_file(store.dir())?;
    let tee = Tee {
        input,
        copy: &mut kept,
    };
    let input = BufReader::with_capacity(1 << 18, tee);
    let contents = roar_pack::read(input, limits, &mut |_| Ok(()))?;
    let new = commit_all(ui, context, &workspace, kept, limits)?;
    Ok((contents, new))
}

/// Makes a file that is gone when it is closed, whatever happens.
fn nameless_file(directory: &Path) -> Result<File, CommandError> {
    let path = directory.join(format!("unpack-{}.tmp", std::process::id()));
    let make = || -> io::Result<File> {
        let file = File::options()
            .read(true)
            .write(true)
            .create_new(true)
            .open(&path)?;
        std::fs::remove_file(&path)?;
        Ok(file)
    };
    make().map_err(|err| io_error(format!("cannot write '{}'", path.display()), err))
}

/// Input that is copied while it is read.
struct Tee<'c, R> {
    input: R,
    copy: &'c mut File,
}

impl<R: Read> Read for Tee<'_, R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let len = self.input.read(bytes)?;
        self.copy.write_all(&bytes[..len])?;
        Ok(len)
    }
}

fn commit_all(
    ui: &Ui,
    context: &Context,
    workspace: &Workspace,
    mut pack: File,
    limits: &Limits,
) -> Result<usize, CommandError> {
    let store = workspace
        .store()
        .ok_or_else(|| CommandError::refused("there is no store"))?;
    pack.seek(SeekFrom::Start(0)).map_err(PackError::Read)?;
    let writer = context.waiting(ui, workspace.config(), "roar unpack-objects", |wait| {
        store.writer(wait)
    })??;
    let mut batches = Batches {
        writer,
        objects: Vec::new(),
        bytes: 0,
        new: 0,
    };
    roar_pack::read(BufReader::new(pack), limits, &mut |object| {
        batches.add(object).map_err(NotTaken::from)
    })?;
    Ok(batches.finish()?)
}

/// Objects on their way into the store.
struct Batches {
    writer: Writer,
    objects: Vec<Object>,
    bytes: usize,
    new: usize,
}

impl Batches {
    fn add(&mut self, object: Object) -> Result<(), CommitError> {
        self.bytes += object.body().len();
        self.objects.push(object);
        if self.bytes >= BATCH.0 || self.objects.len() >= BATCH.1 {
            self.commit()?;
        }
        Ok(())
    }

    fn commit(&mut self) -> Result<(), CommitError> {
        let transaction = Transaction {
            objects: std::mem::take(&mut self.objects),
            note: "unpack-objects".to_owned(),
            at_ns: crate::asked::now_ns(),
            ..Transaction::default()
        };
        self.bytes = 0;
        self.new += self.writer.commit(&transaction)?.objects;
        Ok(())
    }

    fn finish(mut self) -> Result<usize, CommitError> {
        self.commit()?;
        Ok(self.new)
    }
}
