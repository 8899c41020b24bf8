//! Putting a bundle together.

use super::SESSION_TIP;
use crate::blobs::BlobError;
use crate::door::{self, Out};
use crate::restore::Finder;
use crate::{RepoError, Snapshot};
use roar_bundle::{Asked, BundleError, BundleName, Manifest, Tip, Writer};
use roar_content::reach;
use roar_object::{
    ByteStr, ContentId, FindError, Object, ObjectId, Objects, RecordedPath, Session,
};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs::File;
use std::io::{self, BufWriter, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

/// Why no bundle is made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BundleFailed {
    /// Nothing leads to a job or an object.
    #[error("there is nothing to put into a bundle")]
    Nothing,
    /// The workspace cannot be read.
    #[error(transparent)]
    Repo(#[from] RepoError),
    /// A kept file cannot be had.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// A file cannot be written.
    #[error("cannot write '{}'", .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// It would be no bundle.
    #[error(transparent)]
    Bundle(#[from] BundleError),
}

impl From<FindError> for BundleFailed {
    fn from(err: FindError) -> Self {
        Self::Repo(err.into())
    }
}

/// What a bundle is made for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Goal {
    /// A job, by its place in the session.
    Job(usize),
    /// The bytes of a file, and a job that wrote or read them.
    File {
        /// The job.
        record: usize,
        /// The bytes.
        id: ContentId,
        /// Where they were.
        path: RecordedPath,
    },
    /// Any object.
    Object(ObjectId),
}

/// All that goes into a bundle.
#[derive(Debug)]
pub struct Parts {
    /// What it says of itself.
    pub manifest: Manifest,
    /// The jobs, by their places in the session, parents first.
    pub jobs: Vec<usize>,
    /// Every object that is in the store.
    pub stored: Vec<ObjectId>,
    /// The links of the frozen session.
    links: Vec<Object>,
    /// The artifacts of the lineage whose bytes are known by name, and how many bytes they have.
    pub artifacts: BTreeMap<ContentId, u64>,
}

impl Parts {
    /// Returns how many objects there are.
    pub const fn objects(&self) -> usize {
        self.stored.len() + self.links.len()
    }

    /// Returns the hash of the frozen session.
    pub fn session(&self) -> Option<ObjectId> {
        self.links.last().map(Object::id)
    }
}

/// Finds out what belongs to some goals.
///
/// # Errors
///
/// When the session or an object cannot be read.
pub fn gather(snapshot: &Snapshot, goals: &[Goal], now_ns: i64) -> Result<Parts, BundleFailed> {
    let history = snapshot.history()?;
    let mut jobs = BTreeSet::new();
    let mut roots = Vec::new();
    let mut asked = Vec::new();
    for goal in goals {
        let (kind, hash, path) = match goal {
            Goal::Job(record) => {
                jobs.extend(history.lineage_of_job(*record).jobs);
                (1, *history.records()[*record].job.as_bytes(), Vec::new())
            }
            Goal::File { record, id, path } => {
                jobs.extend(history.lineage_of_job(*record).jobs);
                (2, *id.as_bytes(), path.shown())
            }
            Goal::Object(id) => {
                roots.push(*id);
                (1, *id.as_bytes(), Vec::new())
            }
        };
        let path = ByteStr(path);
        asked.push(Asked { kind, hash, path });
    }
    let jobs: Vec<usize> = jobs.into_iter().collect();
    let links = frozen(snapshot, &jobs)?;
    let mut tips: Vec<Tip> = tips(&roots);
    tips.extend(links.last().map(|link| Tip {
        name: SESSION_TIP.to_owned(),
        id: link.id(),
    }));
    if tips.is_empty() {
        return Err(BundleFailed::Nothing);
    }
    roots.extend(jobs.iter().map(|&at| history.records()[at].job));
    Ok(Parts {
        manifest: Manifest::new(now_ns, tips, asked)?,
        stored: closure(snapshot.objects(), roots)?,
        links,
        artifacts: artifacts(snapshot, &jobs)?,
        jobs,
    })
}

fn tips(roots: &[ObjectId]) -> Vec<Tip> {
    let distinct: BTreeSet<ObjectId> = roots.iter().copied().collect();
    let tip = |(at, id): (usize, ObjectId)| Tip {
        name: format!("object-{}", at + 1),
        id,
    };
    distinct.into_iter().enumerate().map(tip).collect()
}

/// Makes the chain of the jobs. Times are those of the jobs, so that the same lineage has the same head
/// whoever freezes it.
fn frozen(snapshot: &Snapshot, jobs: &[usize]) -> Result<Vec<Object>, RepoError> {
    let records = snapshot.records()?;
    let Some(&first) = jobs.first() else {
        return Ok(Vec::new());
    };
    let begin = Session::begin(crate::SESSION, records[first].started_ns);
    let mut links = vec![Object::encode(&begin)];
    for (sequence, &at) in (1..).zip(jobs) {
        let record = &records[at];
        let parent = links.last().expect("the first link was made above").id();
        let link = Session::ran(parent, sequence, record.started_ns, record.job, record.step);
        links.push(Object::encode(&link));
    }
    Ok(links)
}

/// Returns the objects that some lead to, and themselves, each once. What is optional may be missing.
pub(super) fn closure(
    objects: &impl Objects,
    roots: Vec<ObjectId>,
) -> Result<Vec<ObjectId>, FindError> {
    let mut found = Vec::new();
    let mut open = Open::default();
    for root in roots {
        open.add(root, false)?;
    }
    while let Some(id) = open.todo.pop() {
        match objects.find(id)? {
            Some(object) => {
                found.push(id);
                for link in roar_store::links(&object)? {
                    open.add(link.to, link.optional)?;
                }
            }
            None => open.miss(id)?,
        }
    }
    Ok(found)
}

/// What is still to be looked at: each object once, however often it is named.
#[derive(Default)]
struct Open {
    todo: Vec<ObjectId>,
    seen: HashSet<ObjectId>,
    /// What nothing needs so far.
    optional: HashSet<ObjectId>,
    missing: HashSet<ObjectId>,
}

impl Open {
    fn add(&mut self, id: ObjectId, optional: bool) -> Result<(), FindError> {
        if self.seen.insert(id) {
            self.todo.push(id);
            if optional {
                self.optional.insert(id);
            }
        } else if !optional {
            self.optional.remove(&id);
            if self.missing.contains(&id) {
                return Err(FindError::Missing { id });
            }
        }
        Ok(())
    }

    fn miss(&mut self, id: ObjectId) -> Result<(), FindError> {
        if !self.optional.contains(&id) {
            return Err(FindError::Missing { id });
        }
        self.missing.insert(id);
        Ok(())
    }
}

fn artifacts(snapshot: &Snapshot, jobs: &[usize]) -> Result<BTreeMap<ContentId, u64>, RepoError> {
    let records = snapshot.records()?;
    let mut artifacts = BTreeMap::new();
    for &at in jobs {
        let reads = records[at].reads.iter().map(|file| (file.id, file.size));
        let left = records[at]
            .writes
            .iter()
            .filter(|file| file.remains() && file.is_product());
        let named = reads.chain(left.map(|file| (file.id, file.size)));
        artifacts.extend(named.filter_map(|(id, size)| Some((id?, size))));
    }
    Ok(artifacts)
}

/// A bundle that was made.
#[derive(Clone, Debug)]
pub struct Made {
    /// What it is called.
    pub name: BundleName,
    /// How long it is.
    pub bytes: u64,
    /// How many files are in it.
    pub files: usize,
    /// Artifacts whose bytes are nowhere to be had.
    pub missing: Vec<ContentId>,
}

/// Writes a bundle to `path`, which must not exist unless `force`.
///
/// With a finder, the bytes of all artifacts that it finds are taken along; `code` is a file that git
/// made.
///
/// # Errors
///
/// When something cannot be read or written. Nothing is left at `path` then.
pub fn write(
    snapshot: &Snapshot,
    parts: &Parts,
    bytes: Option<&Finder<'_, '_>>,
    code: Option<&Path>,
    path: &Path,
) -> Result<Made, BundleFailed> {
    let beside = [beside(path, "pack"), beside(path, "new")];
    let made = write_beside(snapshot, parts, bytes, code, &beside).and_then(|made| {
        door::rename(&beside[1], path).map_err(failed(path))?;
        Ok(made)
    });
    for left in &beside {
        door::clear_away(left);
    }
    let directory = path.parent().unwrap_or(Path::new("."));
    made.and_then(|made| {
        door::sync_dir(directory).map_err(failed(path))?;
        Ok(made)
    })
}

fn beside(path: &Path, what: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.{what}", std::process::id()));
    path.with_file_name(name)
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> BundleFailed + use<'_> {
    move |source| BundleFailed::Write {
        path: path.to_owned(),
        source,
    }
}

fn write_beside(
    snapshot: &Snapshot,
    parts: &Parts,
    bytes: Option<&Finder<'_, '_>>,
    code: Option<&Path>,
    [pack_path, path]: &[PathBuf; 2],
) -> Result<Made, BundleFailed> {
    let mut pack = pack(snapshot, parts, pack_path)?;
    let length = pack.metadata().map_err(failed(pack_path))?.len();
    pack.seek(SeekFrom::Start(0)).map_err(failed(pack_path))?;
    let out = BufWriter::new(Out(door::create_new(path, 0o666).map_err(failed(path))?));
    let mut writer = Writer::new(out, &parts.manifest).map_err(failed(path))?;
    writer.pack(length, &mut pack).map_err(failed(path))?;
    let (mut files, mut missing) = (0, Vec::new());
    for &id in parts.artifacts.keys().filter(|_| bytes.is_some()) {
        match bytes.map(|finder| finder.find(id)).transpose()?.flatten() {
            None => missing.push(id),
            Some(source) => {
                add_file(&mut writer, id, &source).map_err(failed(path))?;
                files += 1;
            }
        }
    }
    if let Some(code) = code {
        let mut file = File::open(code).map_err(failed(code))?;
        let length = file.metadata().map_err(failed(code))?.len();
        writer.code(length, &mut file).map_err(failed(path))?;
    }
    let (out, name, bytes) = writer.finish().map_err(failed(path))?;
    let file = out
        .into_inner()
        .map_err(|err| failed(path)(err.into_error()))?;
    door::sync(&file.0).map_err(failed(path))?;
    Ok(Made {
        name,
        bytes,
        files,
        missing,
    })
}

fn add_file(writer: &mut Writer<impl io::Write>, id: ContentId, path: &Path) -> io::Result<()> {
    let mut file = reach(path).and_then(File::open)?;
    let length = file.metadata()?.len();
    writer.file(id, length, &mut file)
}

fn pack(snapshot: &Snapshot, parts: &Parts, path: &Path) -> Result<File, BundleFailed> {
    let file = Out(door::create_new(path, 0o600).map_err(failed(path))?);
    // Nobody needs its name, and so nothing of it is left whatever happens.
    door::clear_away(path);
    let mut pack = roar_pack::Writer::new(BufWriter::new(file)).map_err(failed(path))?;
    for link in &parts.links {
        pack.add(link).map_err(failed(path))?;
    }
    for &id in &parts.stored {
        let object = snapshot
            .objects()
            .find(id)?
            .ok_or(FindError::Missing { id })?;
        pack.add(&object).map_err(failed(path))?;
    }
    let (mut out, _) = pack.finish().map_err(failed(path))?;
    out.flush().map_err(failed(path))?;
    let Out(file) = out
        .into_inner()
        .map_err(|err| failed(path)(err.into_error()))?;
    Ok(file)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests may panic")]
mod tests {
    use super::*;

    #[test]
    fn what_is_optional_may_be_missing_until_something_needs_it() {
        let id = ObjectId::from_bytes([7; 32]);
        let mut later = Open::default();
        later.add(id, true).unwrap();
        assert_eq!(later.todo.pop(), Some(id));
        later.miss(id).unwrap();
        later.add(id, true).unwrap();
        assert!(later.add(id, false).is_err());
        let mut before = Open::default();
        before.add(id, true).unwrap();
        before.add(id, false).unwrap();
        assert_eq!(before.todo, [id], "it is looked at once");
        assert!(before.miss(id).is_err());
    }
}
