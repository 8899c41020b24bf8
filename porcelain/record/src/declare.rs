//! Jobs that were not run here, but described: by a script, another tool, another machine.

use crate::assemble;
use crate::contents::Content;
use crate::key;
use crate::run::{now_ns, open_cache};
use crate::scrub;
use crate::setting::Setting;
use crate::sorted::{self, Item, Sorted};
use crate::spooled::Head;
use roar_content::{FileError, FileVersion, name_cached};
use roar_object::{
    Change, Class, ContentId, Coverage, JobKind, Mode, ObjectId, Outcome, RecordedPath, Source,
    Verdict,
};
use roar_repo::filters::{FilterError, Filters};
use roar_repo::{AddError, Added, NewJob, Workspace};
use roar_store::Wait;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

/// A file of a described job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeclaredFile {
    /// Where it is.
    pub path: RecordedPath,
    /// Its bytes; when nothing is given, the file is read.
    pub id: Option<ContentId>,
    /// How many bytes; needed only when the file cannot be looked at.
    pub size: Option<u64>,
    /// What sort of file; by the filters, when nothing is given.
    pub class: Option<Class>,
    /// What became of it; of a file that was written.
    pub change: Option<Change>,
}

/// A described job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declared {
    /// What sort of work it was.
    pub kind: JobKind,
    /// The command, its name first.
    pub argv: Vec<Vec<u8>>,
    /// Where it ran.
    pub directory: RecordedPath,
    /// What it is called.
    pub name: Option<String>,
    /// How it ended.
    pub outcome: Outcome,
    /// Whether it was cut short.
    pub interrupted: bool,
    /// When it began: nanoseconds since 1970; now, if not given.
    pub started_ns: Option<i64>,
    /// How long it took.
    pub duration_ns: u64,
    /// What it read.
    pub inputs: Vec<DeclaredFile>,
    /// What it wrote.
    pub outputs: Vec<DeclaredFile>,
    /// The state of the code.
    pub source: Option<Source>,
}

/// Why described jobs were not added. None of them was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeclareError {
    /// A file without a hash cannot be read.
    #[error("job {number} gives no hash for a file, and it cannot be read")]
    File {
        /// Which job, from 1.
        number: usize,
        /// The file, and why.
        #[source]
        source: FileError,
    },
    /// A path is no path, is there twice, or is a file to one and a directory to another.
    #[error("job {number} cannot have {} '{}': {why}", .side, String::from_utf8_lossy(.path).escape_debug())]
    Path {
        /// Which job, from 1.
        number: usize,
        /// Whether it was read or written.
        side: &'static str,
        /// The path, as it is shown.
        path: Vec<u8>,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A filter is wrong.
    #[error(transparent)]
    Filter(#[from] FilterError),
    /// The store did not take them.
    #[error(transparent)]
    Add(#[from] AddError),
}

/// Adds described jobs to the session, in order, in one commit; returns their ids and steps.
///
/// # Errors
///
/// When one of them cannot be added; then none is.
pub fn declare(
    workspace: &Workspace,
    jobs: Vec<Declared>,
    wait: Wait<'_>,
) -> Result<(Vec<ObjectId>, Added), DeclareError> {
    let filters = Filters::load(workspace.config())?.in_project(workspace.root());
    let cache = open_cache(workspace, true);
    let setting = Setting::new(workspace, key::load(&workspace.dot()));
    let maker = Maker {
        root: workspace.root().as_os_str().as_bytes(),
        filters: &filters,
        cache: &cache,
        setting: &setting,
    };
    let made: Result<Vec<_>, _> = jobs
        .into_iter()
        .enumerate()
        .map(|(at, job)| maker.job(at + 1, job))
        .collect();
    let made: Vec<NewJob> = made?;
    let ids = made.iter().map(|job| job.record.job).collect();
    Ok((ids, workspace.add(made, "record-job", now_ns(), wait)?))
}

struct Maker<'a> {
    root: &'a [u8],
    filters: &'a Filters,
    cache: &'a roar_content::HashCache,
    setting: &'a Setting,
}

impl Maker<'_> {
    fn job(&self, number: usize, declared: Declared) -> Result<NewJob, DeclareError> {
        let named = |source| DeclareError::File { number, source };
        let reads = self.items(&declared.inputs).map_err(named)?;
        let writes = self.items(&declared.outputs).map_err(named)?;
        for (side, items) in [("read", &reads), ("written", &writes)] {
            if let Some((path, why)) = sorted::misfit(items) {
                let path = path.shown();
                return Err(DeclareError::Path {
                    number,
                    side,
                    path,
                    why,
                });
            }
        }
        let mut sorted = Sorted { reads, writes };
        sorted.tidy();
        let head = self.head(&declared);
        let told = assemble::Told {
            head: &head,
            outcome: declared.outcome,
            interrupted: declared.interrupted,
            duration_ns: declared.duration_ns,
            coverage: Coverage {
                verdict: Verdict::Declared,
                backend: "none".to_owned(),
                reasons: Vec::new(),
            },
            processes: roar_object::Processes::default(),
            environment: None,
            source: declared
                .source
                .map(|source| scrub::source(source, self.setting.secrets())),
            datasets: Vec::new(),
        };
        Ok(assemble::make(
            told,
            &sorted,
            roar_object::MemoryObjects::default(),
        ))
    }

    fn head(&self, declared: &Declared) -> Head {
        let secrets = self.setting.secrets();
        let (argv, _) = scrub::argv(&declared.argv, secrets);
        Head {
            root: self.root.to_vec().into(),
            kind: declared.kind,
            argv,
            directory: declared.directory.clone(),
            name: declared
                .name
                .as_deref()
                .map(|name| scrub::name(name, secrets)),
            reruns: None,
            started_ns: declared.started_ns.unwrap_or_else(now_ns),
            backend: "none".to_owned(),
            source: None,
            kept: Vec::new(),
            hidden: Vec::new(),
            logs: Vec::new(),
            redirected: None,
            made: false,
            streams: None,
        }
    }

    fn items(&self, files: &[DeclaredFile]) -> Result<Vec<Item>, FileError> {
        files.iter().map(|file| self.item(file)).collect()
    }

    fn item(&self, file: &DeclaredFile) -> Result<Item, FileError> {
        let class = file
            .class
            .unwrap_or_else(|| self.filters.classify(&file.path, false).0);
        let content = self.content(file)?;
        Ok(Item {
            path: file.path.clone(),
            class,
            content,
            change: file.change,
        })
    }

    fn content(&self, file: &DeclaredFile) -> Result<Content, FileError> {
        let absolute = file.path.absolute(self.root);
        let path = Path::new(OsStr::from_bytes(&absolute));
        match (file.id, file.change) {
            (None, Some(Change::Deleted)) => Ok(Content {
                id: None,
                mode: Mode::Unnamed,
                size: file.size.unwrap_or(0),
            }),
            (None, _) => {
                let named = name_cached(self.cache, path)?;
                Ok(Content {
                    id: Some(named.id),
                    mode: mode(&named.version),
                    size: named.size,
                })
            }
            (Some(id), _) => {
                let on_disk = FileVersion::of_path(path).ok();
                Ok(Content {
                    id: Some(id),
                    mode: on_disk.as_ref().map_or(Mode::File, mode),
                    size: file.size.or(on_disk.map(|found| found.size)).unwrap_or(0),
                })
            }
        }
    }
}

const fn mode(found: &FileVersion) -> Mode {
    match found.is_executable() {
        true => Mode::Executable,
        false => Mode::File,
    }
}
