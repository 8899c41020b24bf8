//! Tells what it costs to take in a bundle of a large dataset.
//!
//! `import make FILE FILES` makes a bundle of a dataset of that many files; `import take DIR FILE` takes it
//! in to the workspace in DIR, which is made. Times are of the processor; memory is the most there was.
#![expect(clippy::print_stdout, reason = "telling is its purpose")]

use roar_bundle::{Manifest, Tip, Writer};
use roar_object::{ContentId, MemoryObjects};
use roar_repo::bundle::{Terms, examine, import};
use roar_repo::{Surroundings, Workspace};
use roar_store::{Holder, Wait};
use roar_tree::{Leaf, PathTree};
use std::error::Error;
use std::fs::File;
use std::path::Path;
use std::time::Duration;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let args: Vec<String> = std::env::args().collect();
    match args[1].as_str() {
        "make" => make(Path::new(&args[2]), args[3].parse()?)?,
        _ => take(Path::new(&args[2]), Path::new(&args[3]))?,
    }
    println!("{}", cost()?);
    Ok(())
}

/// Returns processor time and largest memory of this process.
fn cost() -> Outcome<String> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split(' ')
        .collect();
    let ticks: u64 = fields[12].parse::<u64>()? + fields[13].parse::<u64>()?;
    let status = std::fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find(|line| line.starts_with("VmHWM"));
    Ok(format!("{} ms, {}", ticks * 10, peak.unwrap_or_default()))
}

/// A thousand files in each directory.
fn make(path: &Path, files: u64) -> Outcome<()> {
    let mut objects = MemoryObjects::default();
    let leaves = (0..files).map(|number| {
        let id = ContentId::of(&number.to_le_bytes());
        let path = format!("part-{:04}/image-{number:08}.png", number / 1000);
        (path, Leaf::file(id, 1 + number % 100_000, false))
    });
    let root = PathTree::build(leaves, &mut objects)?;
    let tip = Tip {
        name: "object-1".to_owned(),
        id: root.id,
    };
    let mut pack = roar_pack::Writer::new(Vec::new())?;
    for object in objects.into_sorted() {
        pack.add(&object)?;
    }
    let (pack, contents) = pack.finish()?;
    let manifest = Manifest::new(0, vec![tip], Vec::new())?;
    let mut writer = Writer::new(File::create(path)?, &manifest)?;
    writer.pack(pack.len() as u64, &mut pack.as_slice())?;
    let (_, _, bytes) = writer.finish()?;
    println!(
        "{bytes} bytes, {} objects of {} bytes",
        contents.objects(),
        contents.raw()
    );
    Ok(())
}

fn take(directory: &Path, path: &Path) -> Outcome<()> {
    let workspace = Workspace::create_at(directory, &Surroundings::default())?;
    let terms = Terms {
        name: "large".to_owned(),
        files: true,
        at_ns: 1,
    };
    let wait = Wait {
        up_to: Duration::from_secs(10),
        command: "import",
        on_wait: &mut |_: &Holder| {},
    };
    let imported = import(&workspace, &examine(path)?, &terms, wait)?;
    println!("{} objects are new", imported.new_objects);
    Ok(())
}
