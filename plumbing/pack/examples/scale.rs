//! What packs cost at any size: `cargo run --release -p roar-pack --example scale -- DIR [OBJECTS…]`.
//!
//! For each number of objects (1,000 and 5,000,000 if none is given) a pack of that many is written into
//! DIR, with its index and one over four packs of a quarter each, and then looked into: opened anew for
//! every object that is asked for. Then a dataset of 1,000,000 files is packed. What is printed of memory
//! is the most that the process had so far.
#![allow(
    clippy::print_stdout,
    reason = "an example talks to the person who runs it"
)]

use roar_object::{ContentId, Entry, Mode, Object, ObjectId, Variables};
use roar_pack::{Contents, MultiIndex, PackFile, Writer};
use roar_tree::{Sink, SinkError, write_directory};
use std::error::Error;
use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// How many look-ups a time is the median of.
const LOOKS: u32 = 501;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let directory = PathBuf::from(arguments.next().ok_or("which directory?")?);
    let mut counts: Vec<u32> = arguments
        .map(|it| it.parse())
        .collect::<std::result::Result<_, _>>()?;
    if counts.is_empty() {
        counts = vec![1000, 5_000_000];
    }
    for count in counts {
        one(&directory, count)?;
        several(&directory, count)?;
    }
    dataset(&directory, 1_000_000)
}

/// Returns an object of some 230 bytes, of which 64 cannot be compressed: as records of lineage are.
fn object(number: u32) -> Object {
    let noise = [number, !number].map(|number| *blake3::hash(&number.to_le_bytes()).as_bytes());
    let text = format!("experiments/run-{number:07}/checkpoints/model-weights.safetensors");
    let list = vec![
        ("ARTIFACT_PATH".into(), text.into_bytes().into()),
        ("CUDA_VISIBLE_DEVICES".into(), b"0,1,2,3".to_vec().into()),
        (
            "EXPERIMENT_NAME".into(),
            format!("run {number}").into_bytes().into(),
        ),
        ("TOKEN".into(), noise.as_flattened().to_vec().into()),
    ];
    Object::encode(&Variables::new(list))
}

fn write(
    path: &Path,
    fill: impl FnOnce(&mut Writer<BufWriter<File>>) -> Result<()>,
) -> Result<Contents> {
    let mut writer = Writer::new(BufWriter::with_capacity(1 << 18, File::create(path)?))?;
    fill(&mut writer)?;
    let (_, contents) = writer.finish()?;
    let index = File::create(path.with_extension("rix"))?;
    contents.write_index(BufWriter::new(index))?;
    Ok(contents)
}

fn write_objects(path: &Path, numbers: std::ops::Range<u32>) -> Result<Contents> {
    write(path, |writer| {
        for number in numbers {
            writer.add(&object(number))?;
        }
        Ok(())
    })
}

fn open(path: &Path) -> Result<PackFile> {
    Ok(PackFile::open(path, &path.with_extension("rix"))?)
}

fn one(directory: &Path, count: u32) -> Result<()> {
    let path = directory.join("scale.rpk");
    let began = Instant::now();
    let contents = write_objects(&path, 0..count)?;
    let (took, cpu) = (began.elapsed(), busy()?);
    let index = fs::metadata(path.with_extension("rix"))?.len();
    println!(
        "{count} objects, {} bytes each",
        contents.raw() / u64::from(count)
    );
    let memory = memory()?;
    println!("  written in {took:.1?}, {cpu:.1?} of the processor so far, memory {memory} MB");
    report("pack", contents.bytes(), count);
    report("index", index, count);
    drop(contents);
    let look = looks(count, |id| Ok(open(&path)?.find(id)?.is_some()))?;
    println!("  open and look one up: {look:.1?}");
    let file = open(&path)?;
    let look = looks(count, |id| Ok(file.find(id)?.is_some()))?;
    println!("  look one up: {look:.1?}");
    let look = looks(count, |id| Ok(file.describe(id)?.is_some()))?;
    println!("  look one up, in the index only: {look:.1?}");
    let before = busy()?;
    let damage = file.verify()?.damage.len();
    let took = busy()? - before;
    println!("  verified in {took:.1?} of the processor, {damage} damaged");
    Ok(())
}

fn several(directory: &Path, count: u32) -> Result<()> {
    let paths: Vec<_> = (0..4)
        .map(|it| directory.join(format!("part-{it}.rpk")))
        .collect();
    for (number, path) in (0..).zip(&paths) {
        write_objects(path, count / 4 * number..count / 4 * (number + 1))?;
    }
    let files: Vec<_> = paths.iter().map(|path| open(path)).collect::<Result<_>>()?;
    let files: Vec<_> = files.iter().collect();
    let multi = directory.join("multi.rmx");
    let began = Instant::now();
    MultiIndex::write(&files, BufWriter::new(File::create(&multi)?))?;
    println!("  index over four packs written in {:.1?}", began.elapsed());
    report("index over four packs", fs::metadata(&multi)?.len(), count);
    let look = looks(count / 4 * 4, |id| {
        let found = MultiIndex::open(&multi)?.find(id)?.ok_or("it is there")?;
        let file = open(&paths[found.pack])?;
        Ok(file.object(&file.entry_found(&found)?)?.id() == id)
    })?;
    println!("  open it and one pack, and look one up: {look:.1?}");
    Ok(())
}

/// Returns the median time of looking objects up.
fn looks(count: u32, look: impl Fn(ObjectId) -> Result<bool>) -> Result<Duration> {
    let mut times = Vec::new();
    for turn in 0..LOOKS {
        let number = (u64::from(turn) * 2_654_435_761 % u64::from(count)) as u32;
        let id = object(number).id();
        let began = Instant::now();
        let found = look(id)?;
        times.push(began.elapsed());
        assert!(found, "object {number} is there");
    }
    times.sort();
    Ok(times[times.len() / 2])
}

struct Packing<'w>(&'w mut Writer<BufWriter<File>>);

impl Sink for Packing<'_> {
    fn put(&mut self, object: Object) -> std::result::Result<(), SinkError> {
        self.0.add(&object).map(drop).map_err(SinkError::new)
    }
}

fn dataset(directory: &Path, files: u32) -> Result<()> {
    let path = directory.join("dataset.rpk");
    let entries = (0..files).map(|number| {
        let content = ContentId::of(&number.to_le_bytes());
        let name = format!("n{:08}_{number:06}.JPEG", number / 1300 + 1_440_764);
        Entry::content(
            name.as_str(),
            Mode::File,
            content,
            90_000 + u64::from(number % 50_000),
        )
    });
    let began = Instant::now();
    let entries: Vec<_> = entries.collect();
    let contents = write(&path, |writer| {
        write_directory(entries, &mut Packing(writer))?;
        Ok(())
    })?;
    println!(
        "{files} files, {} objects, in {:.1?}",
        contents.objects(),
        began.elapsed()
    );
    report("raw", contents.raw(), files);
    report("pack", contents.bytes(), files);
    report(
        "index",
        fs::metadata(path.with_extension("rix"))?.len(),
        files,
    );
    Ok(())
}

fn report(what: &str, bytes: u64, count: u32) {
    let each = bytes as f64 / f64::from(count);
    println!(
        "  {what}: {:.1} MB, {each:.1} bytes each",
        bytes as f64 / 1e6
    );
}

/// Returns the time that this thread has had a processor for.
fn busy() -> Result<Duration> {
    let line = fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanoseconds = line.split_whitespace().next();
    let nanoseconds = nanoseconds.ok_or("the kernel does not say")?.parse()?;
    Ok(Duration::from_nanos(nanoseconds))
}

/// Returns the most memory that this process had so far, in MB.
fn memory() -> Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes: u64 = line
        .and_then(|line| line.split_whitespace().next())
        .ok_or("the kernel does not say")?
        .parse()?;
    Ok(kilobytes / 1024)
}
