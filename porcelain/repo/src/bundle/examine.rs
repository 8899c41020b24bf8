//! Looking through a bundle, and taking it in.

use super::gather::closure;
use super::{REFS, SESSION_TIP};
use crate::blobs::{BlobError, Blobs, Keeper};
use crate::door;
use crate::{RepoError, Workspace, flatten};
use roar_bundle::{BundleError, Limits, Manifest, Summary, Taken, Taker, read};
use roar_object::{ContentId, FindError, Kind, Object, ObjectId, Objects as _, Session, TreeNode};
use roar_pack::{Contents, PackError, PackFile};
use roar_store::{
    CommitError, Expect, LockError, Notice, OpenError, PackingError, Reader, Received, RefChange,
    RefName, RefNameError, Store, Transaction, Wait,
};
use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, BufReader, Read, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

/// How much of a bundle is read at once.
const BUFFER: usize = 256 << 10;

/// Why a bundle is not taken in. Nothing of it was admitted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// The file cannot be read.
    #[error("cannot read '{}'", .path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// It is not what a bundle should be.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// An object that is needed is not in it.
    #[error("object '{id}' is needed and not in the bundle")]
    Incomplete {
        /// The object.
        id: ObjectId,
    },
    /// An object is in it that nothing leads to.
    #[error("object '{id}' is in the bundle, and nothing leads to it")]
    Stray {
        /// The object.
        id: ObjectId,
    },
    /// A file is in it that no job wrote or read.
    #[error("file '{id}' is in the bundle, and no job in it wrote or read it")]
    StrayFile {
        /// Its bytes.
        id: ContentId,
    },
    /// What it holds contradicts itself.
    #[error("the bundle contradicts itself")]
    Wrong(#[source] FindError),
    /// The tip that should be a session's link is none.
    #[error("the tip 'session' is a {kind}")]
    NoSession {
        /// What it is.
        kind: &'static str,
    },
    /// Another bundle was taken in under this name.
    #[error("there is another bundle called '{name}' here")]
    Taken {
        /// The name.
        name: String,
    },
    /// It cannot be called so.
    #[error(transparent)]
    Name(#[from] RefNameError),
    /// A file cannot be kept.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// The state of the code cannot be kept.
    #[error("cannot write '{}'", .path.display())]
    Code {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// Somebody else writes, and did so for as long as was waited; or the lock cannot be used.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The store did not take the objects.
    #[error(transparent)]
    Packing(#[from] PackingError),
    /// The objects cannot be read where they were a moment ago.
    #[error(transparent)]
    Pack(#[from] PackError),
    /// The store did not take it.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// The workspace cannot be used.
    #[error(transparent)]
    Repo(#[from] RepoError),
}

/// A bundle that was looked through and found right.
#[derive(Debug)]
pub struct Examined {
    path: PathBuf,
    /// What it says of itself.
    pub manifest: Manifest,
    /// What it holds.
    pub summary: Summary,
    /// How many jobs there are.
    pub jobs: usize,
    /// Where its pack begins, and what is in it.
    start: u64,
    contents: Contents,
}

/// What is wanted of an import.
#[derive(Clone, Debug)]
pub struct Terms {
    /// What to call it here.
    pub name: String,
    /// Whether to keep the files that it carries.
    pub files: bool,
    /// When: nanoseconds since 1970.
    pub at_ns: i64,
}

/// What an import came to.
#[derive(Debug)]
pub struct Imported {
    /// The refs, and what they name.
    pub refs: Vec<(RefName, ObjectId)>,
    /// Objects that were not here before.
    pub new_objects: usize,
    /// Files that are kept now.
    pub files: usize,
    /// Where the state of the code is.
    pub code: Option<PathBuf>,
    /// What else happened in the store.
    pub notices: Vec<Notice>,
}

/// Looks through a bundle, and changes nothing.
///
/// Objects stay where they are: memory is for their names and places, whatever is in them.
///
/// # Errors
///
/// When anything in it is not as it must be.
pub fn examine(path: &Path) -> Result<Examined, ImportError> {
    let mut looking = Looking::default();
    let summary = read(
        BufReader::with_capacity(BUFFER, open(path)?),
        &Limits::default(),
        &mut looking,
    )?;
    let manifest = looking.manifest.expect("a bundle that was read had one");
    let (start, contents) = looking.pack.expect("a bundle that was read had one");
    let pack = PackFile::inside(path, start, &contents)?;
    let tips = manifest.tips.iter().map(|tip| tip.id).collect();
    let live = closure(&pack, tips).map_err(incomplete)?;
    require_no_stray(&contents, live)?;
    let jobs = session_jobs(&pack, &manifest)?;
    require_known_files(&pack, &contents, looking.files)?;
    Ok(Examined {
        path: path.to_owned(),
        manifest,
        summary,
        jobs,
        start,
        contents,
    })
}

/// Opens a bundle, which is read more than once: a pipe cannot be.
fn open(path: &Path) -> Result<File, ImportError> {
    let opened = File::open(path).and_then(|file| match file.metadata()?.is_file() {
        true => Ok(file),
        false => {
            let why = "it is no plain file, which can be read twice";
            Err(io::Error::new(io::ErrorKind::InvalidInput, why))
        }
    });
    opened.map_err(|source| ImportError::Open {
        path: path.to_owned(),
        source,
    })
}

fn incomplete(err: FindError) -> ImportError {
    match err {
        FindError::Missing { id } => ImportError::Incomplete { id },
        other => ImportError::Wrong(other),
    }
}

fn require_no_stray(contents: &Contents, mut live: Vec<ObjectId>) -> Result<(), ImportError> {
    live.sort_unstable();
    let mut ids = contents.entries().iter().map(|entry| entry.id);
    match ids.find(|id| live.binary_search(id).is_err()) {
        Some(id) => Err(ImportError::Stray { id }),
        None => Ok(()),
    }
}

/// Goes through the jobs of the session as every question will; returns how many there are.
fn session_jobs(objects: &PackFile, manifest: &Manifest) -> Result<usize, ImportError> {
    let Some(tip) = manifest.tips.iter().find(|tip| tip.name == SESSION_TIP) else {
        return Ok(0);
    };
    let found = roar_object::Objects::find(objects, tip.id).map_err(incomplete)?;
    let kind = found.map_or("missing", |object| object.kind().name());
    if kind != Kind::Session.name() {
        return Err(ImportError::NoSession { kind });
    }
    let (mut at, mut jobs) = (Some(tip.id), 0);
    while let Some(id) = at {
        let link: Session = objects.read(id).map_err(incomplete)?;
        if let Some((job, step)) = link.job.zip(link.step) {
            flatten::record(objects, job, step).map_err(ImportError::Wrong)?;
            jobs += 1;
        }
        at = link.parent;
    }
    Ok(jobs)
}

/// Bytes that no record speaks of have no business here.
fn require_known_files(
    objects: &PackFile,
    contents: &Contents,
    files: Vec<ContentId>,
) -> Result<(), ImportError> {
    let mut unknown: HashSet<ContentId> = files.into_iter().collect();
    let entries = contents.entries().iter();
    let mut trees = entries.filter(|entry| entry.place.kind() == Kind::Tree);
    while !unknown.is_empty()
        && let Some(tree) = trees.next()
    {
        let node: TreeNode = objects.read(tree.id).map_err(ImportError::Wrong)?;
        for entry in &node.entries {
            entry.content_id().map(|id| unknown.remove(&id));
        }
    }
    match unknown.into_iter().min() {
        Some(id) => Err(ImportError::StrayFile { id }),
        None => Ok(()),
    }
}

/// Keeps where things are in a bundle, and of files their names.
#[derive(Default)]
struct Looking {
    manifest: Option<Manifest>,
    pack: Option<(u64, Contents)>,
    files: Vec<ContentId>,
}

impl Taker for Looking {
    fn manifest(&mut self, manifest: &Manifest) -> Taken {
        self.manifest = Some(manifest.clone());
        Ok(())
    }

    fn object(&mut self, _: Object) -> Taken {
        Ok(())
    }

    fn pack(&mut self, start: u64, contents: Contents) -> Taken {
        self.pack = Some((start, contents));
        Ok(())
    }

    fn file(&mut self, id: ContentId, _: u64, _: &mut dyn Read) -> Taken {
        self.files.push(id);
        Ok(())
    }

    fn code(&mut self, _: u64, _: &mut dyn Read) -> Taken {
        Ok(())
    }
}

/// Takes in a bundle that was looked through: files first, then its pack, and then all refs in one commit.
///
/// # Errors
///
/// When it cannot be stored, or the name is taken. At most files and a pack are left behind that nothing
/// names, and that go when somebody collects.
pub fn import(
    workspace: &Workspace,
    examined: &Examined,
    terms: &Terms,
    wait: Wait<'_>,
) -> Result<Imported, ImportError> {
    let store = workspace.store().ok_or_else(|| {
        RepoError::from(OpenError::NotAStore {
            path: workspace.dot(),
        })
    })?;
    let refs = refs(&examined.manifest, &terms.name)?;
    changes(&store.reader(), &refs, terms)?;
    // Nothing waits for this.
    let received = receive(store, examined)?;
    let mut writer = store.writer(wait)?;
    let changes = changes(&writer, &refs, terms)?;
    let (files, code) = store_bytes(workspace, examined, terms)?;
    let new_objects = count_new(&writer, &examined.contents)?;
    if new_objects > 0 {
        received.admit()?;
    }
    let transaction = Transaction {
        refs: changes,
        note: format!("import {}", terms.name),
        at_ns: terms.at_ns,
        ..Transaction::default()
    };
    let receipt = writer.commit(&transaction)?;
    Ok(Imported {
        refs,
        new_objects,
        files,
        code,
        notices: receipt.notices,
    })
}

/// Returns what is to be done to refs.
fn changes(
    reader: &Reader,
    refs: &[(RefName, ObjectId)],
    terms: &Terms,
) -> Result<Vec<RefChange>, ImportError> {
    let mut changes = Vec::new();
    for (name, id) in refs {
        match reader.reference(name).map_err(RepoError::from)? {
            None => changes.push(RefChange {
                name: name.clone(),
                expect: Expect::Absent,
                new: Some(*id),
            }),
            Some(there) if there == *id => {}
            Some(_) => {
                let name = terms.name.clone();
                return Err(ImportError::Taken { name });
            }
        }
    }
    Ok(changes)
}

/// Copies the pack out of the bundle. It is checked once more: the file may be another by now.
fn receive(store: &Store, examined: &Examined) -> Result<Received, ImportError> {
    let unreadable = |source| ImportError::Open {
        path: examined.path.clone(),
        source,
    };
    let (said, length) = (examined.contents.name(), examined.contents.bytes());
    let mut file = open(&examined.path)?;
    file.seek(SeekFrom::Start(examined.start))
        .map_err(unreadable)?;
    let input = BufReader::with_capacity(BUFFER, file).take(length);
    let received = store.receive_pack(input, &Limits::default().pack, &mut |_| Ok(()))?;
    match received.contents().name() {
        found if found == said => Ok(received),
        found => Err(BundleError::from(PackError::Name { said, found }).into()),
    }
}

/// Returns how many objects are not here yet.
fn count_new(reader: &Reader, contents: &Contents) -> Result<usize, ImportError> {
    let mut count = 0;
    for entry in contents.entries() {
        count += usize::from(!reader.has(entry.id).map_err(RepoError::from)?);
    }
    Ok(count)
}

fn refs(manifest: &Manifest, name: &str) -> Result<Vec<(RefName, ObjectId)>, RefNameError> {
    let tips = manifest.tips.iter();
    tips.map(|tip| {
        let name = RefName::new(format!("{REFS}{name}/{}", tip.name))?;
        Ok((name, tip.id))
    })
    .collect()
}

/// Reads the bundle again for its bytes. It is checked again too: the file may be another by now, and
/// what is kept is hashed where it lies.
fn store_bytes(
    workspace: &Workspace,
    examined: &Examined,
    terms: &Terms,
) -> Result<(usize, Option<PathBuf>), ImportError> {
    let wants_files = terms.files && examined.summary.files > 0;
    if !wants_files && examined.summary.code_bytes == 0 {
        return Ok((0, None));
    }
    let blobs = Blobs::within(&workspace.dot());
    let directory = workspace.dot().join("code");
    let name = examined.summary.name.to_string();
    let mut keeping = Keeping {
        keeper: wants_files.then(|| blobs.keeper()).transpose()?,
        files: 0,
        code: directory.join(format!("{name}.{}.new", std::process::id())),
        has_code: false,
    };
    let again = read(
        BufReader::new(open(&examined.path)?),
        &Limits::default(),
        &mut keeping,
    );
    let code = keeping
        .has_code
        .then(|| directory.join(format!("{name}.bundle")));
    let settled = again.map_err(ImportError::from).and_then(|again| {
        require_same(examined, &again)?;
        match &code {
            Some(code) => {
                let named = door::rename(&keeping.code, code);
                let named = named.and_then(|()| door::sync_dir(&directory));
                named.map_err(|source| ImportError::Code {
                    path: code.clone(),
                    source,
                })
            }
            None => Ok(()),
        }
    });
    if settled.is_err() {
        door::clear_away(&keeping.code);
    }
    settled?;
    if let Some(keeper) = keeping.keeper {
        keeper.finish()?;
    }
    Ok((keeping.files, code))
}

fn require_same(examined: &Examined, again: &Summary) -> Result<(), ImportError> {
    let (said, found) = (examined.summary.name, again.name);
    match said == found {
        true => Ok(()),
        false => Err(BundleError::Name { said, found }.into()),
    }
}

/// Keeps the files of a bundle, and the state of the code.
struct Keeping<'b> {
    keeper: Option<Keeper<'b>>,
    files: usize,
    code: PathBuf,
    has_code: bool,
}

impl Taker for Keeping<'_> {
    fn manifest(&mut self, _: &Manifest) -> Taken {
        Ok(())
    }

    fn object(&mut self, _: Object) -> Taken {
        Ok(())
    }

    fn file(&mut self, id: ContentId, _: u64, bytes: &mut dyn Read) -> Taken {
        if let Some(keeper) = &mut self.keeper {
            keeper.keep_from(bytes, id)?;
            self.files += 1;
        }
        Ok(())
    }

    fn code(&mut self, _: u64, bytes: &mut dyn Read) -> Taken {
        if let Some(directory) = self.code.parent() {
            door::make_private_dir(directory)?;
            door::sync_dir(directory.parent().unwrap_or(directory))?;
        }
        // Of an earlier process with this number, which was killed.
        let _ = fs::remove_file(&self.code);
        let file = door::create_new(&self.code, 0o600)?;
        door::copy_from(bytes, &file)?;
        door::sync(&file)?;
        self.has_code = true;
        Ok(())
    }
}
