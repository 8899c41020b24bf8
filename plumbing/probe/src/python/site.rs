//! One `site-packages`: who owns which file in it.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::normalised;
use crate::packages::Package;
use crate::path_index::{Contents, PathIndex, key_of, place};

/// No file can be called this, so it can name the list of editable installs.
const EDITABLE: &[u8] = b"\0editable";

/// An index over one directory of installed distributions.
pub(super) struct Site {
    index: PathIndex,
}

/// Parts a path at its innermost `site-packages` or `dist-packages`.
pub(super) fn split(path: &[u8]) -> Option<(&[u8], &[u8])> {
    let ends = [&b"/site-packages/"[..], b"/dist-packages/"];
    let at = ends
        .iter()
        .filter_map(|end| path.windows(end.len()).rposition(|window| window == *end));
    let slash = at.max()? + "/site-packages".len();
    Some((&path[..slash], &path[slash + 1..]))
}

impl Site {
    /// Opens the index of `directory`, made anew when that has changed.
    pub(super) fn open(directory: &[u8], cache: &Path) -> Option<Self> {
        let path = Path::new(OsStr::from_bytes(directory));
        let key = key_of(path, 0).ok()?;
        let place = place(cache, "python", directory);
        let index = PathIndex::obtain(&place, key, || contents(path));
        Some(Self { index })
    }

    /// Returns the distribution that owns a file, named from this directory.
    pub(super) fn owner(&self, inside: &[u8]) -> Option<Package> {
        let top = inside.split(|&byte| byte == b'/').next()?;
        if is_metadata(top) {
            return None;
        }
        let source = source_of(inside);
        let fields = self
            .index
            .lookup(&source)
            .or_else(|| self.index.lookup(top))?;
        let [name, version, origin] = <[String; 3]>::try_from(fields).ok()?;
        Some(Package {
            name,
            version: given(version),
            origin: given(origin),
        })
    }

    /// Returns the editable installs: where their source is, and what they are.
    pub(super) fn editable(&self) -> Vec<(String, Package)> {
        let fields = self.index.lookup(EDITABLE).unwrap_or_default();
        fields
            .chunks_exact(3)
            .map(|fields| {
                let (name, version, root) = (&fields[0], &fields[1], &fields[2]);
                let origin = Some(root.clone());
                let package = Package {
                    name: name.clone(),
                    version: given(version.clone()),
                    origin,
                };
                (root.clone(), package)
            })
            .collect()
    }
}

fn given(field: String) -> Option<String> {
    (!field.is_empty()).then_some(field)
}

fn is_metadata(top: &[u8]) -> bool {
    [&b".dist-info"[..], b".egg-info", b".pth", b".egg-link"]
        .iter()
        .any(|end| top.ends_with(end))
}

/// `a/__pycache__/b.cpython-311.pyc` stands for `a/b.py`, which a record has
/// even when its compiled form came later.
fn source_of(inside: &[u8]) -> Vec<u8> {
    const CACHE: &[u8] = b"__pycache__/";
    let compiled = inside.strip_suffix(b".pyc").and_then(|stem| {
        let at = stem
            .windows(CACHE.len())
            .rposition(|window| window == CACHE)?;
        let module = stem[at + CACHE.len()..]
            .split(|&byte| byte == b'.')
            .next()?;
        Some([&stem[..at], module, b".py"].concat())
    });
    compiled.unwrap_or_else(|| inside.to_owned())
}

/// What one metadata directory says.
struct Distribution {
    name: String,
    version: String,
    origin: String,
    files: Vec<String>,
    /// Modules and packages at the top, where there is no list of files.
    tops: Vec<String>,
    editable: Option<String>,
}

fn contents(site: &Path) -> Contents {
    let mut entries: Vec<PathBuf> = fs::read_dir(site)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .collect();
    entries.sort();
    let distributions: Vec<Distribution> = entries
        .iter()
        .filter_map(|entry| read(site, entry))
        .collect();
    let mut contents = Contents::default();
    let mut tops: BTreeMap<&str, Option<u32>> = BTreeMap::new();
    for found in &distributions {
        let owner = contents.owner(&[&found.name, &found.version, &found.origin]);
        for file in &found.files {
            contents.own(file.as_bytes(), owner);
            claim(&mut tops, file.split('/').next().unwrap_or(file), owner);
        }
        for top in &found.tops {
            claim(&mut tops, top, owner);
        }
    }
    for (top, owner) in tops {
        if let Some(owner) = owner {
            contents.own(top.as_bytes(), owner);
        }
    }
    list_editable(&mut contents, &distributions);
    contents
}

/// A top that two distributions share (a namespace) belongs to neither.
fn claim<'a>(tops: &mut BTreeMap<&'a str, Option<u32>>, top: &'a str, owner: u32) {
    let holder = tops.entry(top).or_insert(Some(owner));
    if *holder != Some(owner) {
        *holder = None;
    }
}

fn list_editable(contents: &mut Contents, distributions: &[Distribution]) {
    let fields: Vec<&str> = distributions
        .iter()
        .filter_map(|found| {
            Some([
                found.name.as_str(),
                &found.version,
                found.editable.as_deref()?,
            ])
        })
        .flatten()
        .collect();
    if !fields.is_empty() {
        let owner = contents.owner(&fields);
        contents.own(EDITABLE, owner);
    }
}

fn read(site: &Path, entry: &Path) -> Option<Distribution> {
    match entry.extension()?.to_str()? {
        "dist-info" => dist_info(site, entry),
        "egg-info" if entry.is_file() => egg(site, entry, entry),
        "egg-info" => egg(site, &entry.join("PKG-INFO"), entry),
        "egg" => {
            let mut found = egg(site, &entry.join("EGG-INFO/PKG-INFO"), entry)?;
            found.tops = vec![entry.file_name()?.to_str()?.to_owned()];
            Some(found)
        }
        "egg-link" => egg_link(entry),
        _ => None,
    }
}

fn dist_info(site: &Path, directory: &Path) -> Option<Distribution> {
    let (name, version) =
        name_and_version(&directory.join("METADATA")).or_else(|| from_directory_name(directory))?;
    let direct = direct_url(directory);
    let files = record(directory);
    let tops = if files.is_empty() {
        tops(site, directory, &name)
    } else {
        Vec::new()
    };
    Some(Distribution {
        editable: direct.as_ref().and_then(DirectUrl::editable_root),
        origin: direct.map(|direct| direct.url).unwrap_or_default(),
        name: normalised(&name),
        version,
        files,
        tops,
    })
}

fn egg(site: &Path, metadata: &Path, directory: &Path) -> Option<Distribution> {
    let (name, version) = name_and_version(metadata)?;
    Some(Distribution {
        tops: tops(site, directory, &name),
        name: normalised(&name),
        version,
        origin: String::new(),
        files: Vec::new(),
        editable: None,
    })
}

/// `setup.py develop`: the first line is where the source is, and the metadata
/// is beside it.
fn egg_link(link: &Path) -> Option<Distribution> {
    let text = fs::read_to_string(link).ok()?;
    let root = text.lines().next()?.trim().to_owned();
    let stem = link.file_stem()?.to_str()?;
    let metadata = Path::new(&root).join(format!("{}.egg-info/PKG-INFO", stem.replace('-', "_")));
    let (name, version) = name_and_version(&metadata).unwrap_or((stem.to_owned(), String::new()));
    Some(Distribution {
        name: normalised(&name),
        version,
        origin: root.clone(),
        files: Vec::new(),
        tops: Vec::new(),
        editable: Some(root),
    })
}

/// The headers of core metadata end at the first empty line.
fn name_and_version(metadata: &Path) -> Option<(String, String)> {
    let text = fs::read(metadata).ok()?;
    let text = String::from_utf8_lossy(&text);
    let headers = || text.lines().take_while(|line| !line.trim().is_empty());
    let field = |name: &str| headers().find_map(|line| line.strip_prefix(name));
    let name = field("Name:")?.trim().to_owned();
    let version = field("Version:").unwrap_or_default().trim().to_owned();
    Some((name, version))
}

fn from_directory_name(directory: &Path) -> Option<(String, String)> {
    let stem = directory.file_stem()?.to_str()?;
    let (name, version) = stem.split_once('-')?;
    Some((name.to_owned(), version.to_owned()))
}

/// The paths of a `RECORD`, without metadata and without what lies outside.
fn record(directory: &Path) -> Vec<String> {
    let text = fs::read(directory.join("RECORD")).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    text.lines()
        .map(first_field)
        .filter(|path| is_content(path))
        .collect()
}

fn is_content(path: &str) -> bool {
    let top = path.split('/').next().unwrap_or(path);
    !path.is_empty()
        && !path.starts_with("../")
        && !path.starts_with('/')
        && !is_metadata(top.as_bytes())
        && !path.contains("__pycache__/")
}

/// The first field of a line of comma-separated values, quoted or not.
fn first_field(line: &str) -> String {
    match line.strip_prefix('"') {
        Some(rest) => {
            let end = rest.find("\",").unwrap_or(rest.len());
            rest[..end].replace("\"\"", "\"")
        }
        None => line.split(',').next().unwrap_or(line).to_owned(),
    }
}

/// What `top_level.txt` says, else the package called like the distribution.
fn tops(site: &Path, directory: &Path, name: &str) -> Vec<String> {
    let listed = fs::read_to_string(directory.join("top_level.txt")).unwrap_or_default();
    let mut names: Vec<String> = listed.lines().map(|line| line.trim().to_owned()).collect();
    if names.is_empty() {
        names.push(name.replace(['-', '.'], "_"));
        names.push(normalised(name).replace('-', "_"));
    }
    let both = names
        .into_iter()
        .flat_map(|name| [format!("{name}.py"), name]);
    both.filter(|top| !top.is_empty() && site.join(top).exists())
        .collect()
}

/// Where a distribution came from when it was not an index (`direct_url.json`).
#[derive(Deserialize)]
struct DirectUrl {
    url: String,
    dir_info: Option<DirInfo>,
}

#[derive(Deserialize)]
struct DirInfo {
    #[serde(default)]
    editable: bool,
}

fn direct_url(directory: &Path) -> Option<DirectUrl> {
    let text = fs::read(directory.join("direct_url.json")).ok()?;
    serde_json::from_slice(&text).ok()
}

impl DirectUrl {
    fn editable_root(&self) -> Option<String> {
        let path = self.url.strip_prefix("file://")?;
        self.dir_info
            .as_ref()?
            .editable
            .then(|| percent_decoded(path))
    }
}

fn percent_decoded(path: &str) -> String {
    let mut out = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let code = after.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        match code.and_then(|two| u8::from_str_radix(two, 16).ok()) {
            Some(code) if byte == b'%' => {
                out.push(code);
                rest = &after[2..];
            }
            _ => {
                out.push(byte);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}
