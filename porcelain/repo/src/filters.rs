//! Rules that sort files into data, code, packages and system.
//!
//! The tracer drops nothing: every file that a run touched is recorded. What a person sees first is
//! decided here, by the first rule that fits: the user's own, then the built-in list. The built-in
//! rules have a few simple shapes, so that sorting five thousand files costs no pattern compiler.

use crate::config::{Config, ConfigError, Layer};
use globset::{Glob, GlobMatcher};
use roar_object::{Base, Class, RecordedPath};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

/// What a built-in rule looks at.
#[derive(Clone, Copy, Debug)]
enum Shape {
    /// Everything below this absolute directory, except what lies in a project there.
    Outside(&'static str),
    /// Everything below a directory of this name, wherever it is. May be several components.
    Below(&'static str),
    /// Everything below a directory whose name begins like this, itself in a directory called so.
    BelowLike(&'static str, &'static str),
    /// Everything below a directory with this ending.
    BelowEnding(&'static str),
    /// Files with this ending.
    Ending(&'static str),
    /// Files of this name.
    Name(&'static str),
}

use Shape::{Below, BelowEnding, BelowLike, Ending, Name, Outside};

/// The built-in rules, the first that fits counts.
const BUILT_IN: &[(Class, &[Shape])] = &[
    // Models and datasets from a hub are data wherever a library keeps them.
    (
        Class::Data,
        &[
            Below(".cache/huggingface"),
            Below(".cache/torch/hub"),
            Below(".cache/kagglehub"),
        ],
    ),
    (
        Class::System,
        &[
            Below(".git"),
            Below(".roar"),
            Below("__pycache__"),
            Ending(".pyc"),
            Below(".cache"),
            Below(".mypy_cache"),
            Below(".pytest_cache"),
            Below(".ruff_cache"),
            Below(".ipynb_checkpoints"),
            Below(".triton"),
            Below(".config"),
            Below(".ssh"),
            Below(".aws"),
            Below(".gnupg"),
            Below(".docker"),
            Below(".kube"),
            Below(".ipython"),
            Below(".jupyter"),
            Below(".parallel"),
            Below(".kaggle"),
            Below(".matplotlib"),
            Below(".nv"),
            Name(".gitconfig"),
            Name(".npmrc"),
            Name(".condarc"),
            Name(".pypirc"),
            Name(".bash_aliases"),
            Name(".netrc"),
            Name(".wgetrc"),
            Name(".curlrc"),
            Name(".pgpass"),
            Name(".my.cnf"),
            Name(".s3cfg"),
            Name(".boto"),
            Name(".databrickscfg"),
            Name(".Renviron"),
            Name(".bashrc"),
            Name(".profile"),
            Name(".bash_profile"),
            Name(".zshrc"),
            Name(".Rprofile"),
            Name(".DS_Store"),
            // Cargo's own books, which change with every build anywhere.
            Name(".package-cache"),
            Name(".package-cache-mutate"),
            Name(".global-cache"),
            BelowLike("tmp", "pytest-of-"),
            BelowLike("tmp", "torchinductor_"),
        ],
    ),
    (
        Class::Package,
        &[
            Below("site-packages"),
            Below("dist-packages"),
            BelowEnding(".dist-info"),
            BelowEnding(".egg-info"),
            Ending(".egg-link"),
            Below(".venv"),
            Name("pyvenv.cfg"),
            BelowLike("lib", "python3"),
            BelowLike("lib64", "python3"),
            BelowLike("include", "python3"),
            Below(".pyenv"),
            Below(".rbenv"),
            Below(".nvm"),
            Below(".asdf"),
            Below(".conda"),
            Below(".gem"),
            Below(".local/lib"),
            Below(".local/bin"),
            Below("conda-meta"),
            Outside("/opt/conda"),
            Below("miniconda3"),
            Below("anaconda3"),
            Below("node_modules"),
            Below(".npm"),
            Below(".cargo/registry"),
            Below(".cargo/git"),
            Below(".cargo/bin"),
            Below(".rustup"),
            Below("go/pkg/mod"),
            Below(".m2/repository"),
            Below(".julia/packages"),
            Below(".julia/compiled"),
            Below("R/library"),
            Below("R/site-library"),
            Below(".local/share/uv"),
        ],
    ),
    (
        Class::System,
        &[
            Outside("/proc"),
            Outside("/sys"),
            Outside("/dev/mqueue"),
            Outside("/dev/hugepages"),
            Outside("/run"),
            Outside("/etc"),
            Outside("/usr"),
            Outside("/lib"),
            Outside("/lib32"),
            Outside("/lib64"),
            Outside("/libx32"),
            Outside("/bin"),
            Outside("/sbin"),
            Outside("/boot"),
            Outside("/var/lib"),
            Outside("/var/cache"),
            Outside("/var/log"),
            Outside("/var/run"),
            Outside("/nix/store"),
            Outside("/snap"),
            Below(".local/share"),
            Below(".local/state"),
        ],
    ),
    (
        Class::Code,
        &[
            Ending(".py"),
            Ending(".pyi"),
            Ending(".pyx"),
            Ending(".pxd"),
            Ending(".ipynb"),
            Ending(".sh"),
            Ending(".bash"),
            Ending(".zsh"),
            Ending(".R"),
            Ending(".r"),
            Ending(".Rmd"),
            Ending(".jl"),
            Ending(".pl"),
            Ending(".pm"),
            Ending(".rb"),
            Ending(".lua"),
            Ending(".js"),
            Ending(".mjs"),
            Ending(".cjs"),
            Ending(".ts"),
            Ending(".c"),
            Ending(".cc"),
            Ending(".cpp"),
            Ending(".cxx"),
            Ending(".h"),
            Ending(".hh"),
            Ending(".hpp"),
            Ending(".cu"),
            Ending(".cuh"),
            Ending(".rs"),
            Ending(".go"),
            Ending(".java"),
            Ending(".scala"),
            Ending(".kt"),
            Ending(".swift"),
            Ending(".f90"),
            Ending(".sql"),
            Ending(".awk"),
            Ending(".sed"),
            Ending(".cmake"),
            Ending(".mk"),
            Name("Makefile"),
            Name("makefile"),
            Name("GNUmakefile"),
            Name("CMakeLists.txt"),
            Name("Dockerfile"),
            Name("Snakefile"),
            Name("justfile"),
            Name("pyproject.toml"),
            Name("setup.cfg"),
            Name("Cargo.toml"),
            Name(".roarconfig"),
        ],
    ),
];

impl Shape {
    fn fits(self, path: &RecordedPath, root: &Root) -> bool {
        match self {
            Outside(directory) => root.has_outside(path, directory.as_bytes()),
            Below(directory) => is_below(&path.path, directory.as_bytes()),
            BelowLike(parent, like) => {
                is_below_like(&path.path, parent.as_bytes(), like.as_bytes())
            }
            BelowEnding(ending) => {
                let parents = path.path.rsplit(|&byte| byte == b'/').skip(1);
                parents.into_iter().any(|name| has_ending(name, ending))
            }
            Ending(ending) => has_ending(path.name(), ending),
            Name(name) => path.name() == name.as_bytes(),
        }
    }

    /// Returns the shape as the glob that a user would write for it.
    fn glob(self) -> String {
        match self {
            Outside(directory) => format!("{directory}/**"),
            Below(directory) => format!("**/{directory}/**"),
            BelowLike(parent, like) => format!("**/{parent}/{like}*/**"),
            BelowEnding(ending) => format!("**/*{ending}/**"),
            Ending(ending) => format!("*{ending}"),
            Name(name) => name.to_owned(),
        }
    }
}

/// The project's root, if directories of the system lie in it.
#[derive(Clone, Debug, Default)]
struct Root(Option<Vec<u8>>);

impl Root {
    fn of(directory: &Path) -> Self {
        let root = directory.as_os_str().as_bytes();
        let mut shapes = BUILT_IN.iter().flat_map(|(_, shapes)| shapes.iter());
        let has_some = shapes.any(|shape| match shape {
            Outside(directory) => is_strictly_below(directory.as_bytes(), root),
            _ => false,
        });
        Self(has_some.then(|| root.to_vec()))
    }

    /// Returns whether a path lies in an absolute directory in which the project does not lie.
    fn has_outside(&self, path: &RecordedPath, directory: &[u8]) -> bool {
        match (path.base, &self.0) {
            (Base::Root, _) => starts(&path.path, directory.strip_prefix(b"/").unwrap_or_default()),
            (Base::Project, None) => false,
            (Base::Project, Some(root)) => {
                is_strictly_below(directory, root) && starts(&path.absolute(root), directory)
            }
        }
    }
}

fn is_strictly_below(path: &[u8], directory: &[u8]) -> bool {
    path != directory && starts(path, directory.strip_suffix(b"/").unwrap_or(directory))
}

/// Returns whether `path` is `directory` or below it.
fn starts(path: &[u8], directory: &[u8]) -> bool {
    path.strip_prefix(directory)
        .is_some_and(|rest| rest.is_empty() || rest[0] == b'/')
}

/// Returns whether some directory of `path` ends in the components of `directory`.
fn is_below(path: &[u8], directory: &[u8]) -> bool {
    let mut rest = path;
    loop {
        if rest.len() > directory.len()
            && rest.starts_with(directory)
            && rest[directory.len()] == b'/'
        {
            return true;
        }
        match rest.iter().position(|&byte| byte == b'/') {
            Some(slash) => rest = &rest[slash + 1..],
            None => return false,
        }
    }
}

fn has_ending(name: &[u8], ending: &str) -> bool {
    name.len() > ending.len() && name.ends_with(ending.as_bytes())
}

fn is_below_like(path: &[u8], parent: &[u8], like: &[u8]) -> bool {
    let components: Vec<&[u8]> = path.split(|&byte| byte == b'/').collect();
    components
        .windows(3)
        .any(|three| three[0] == parent && three[1].starts_with(like))
}

/// A rule as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The glob.
    pub pattern: String,
    /// What it makes of the files that fit.
    pub class: Class,
    /// The layer it was set in; nothing for a built-in rule.
    pub layer: Option<Layer>,
}

/// Why a filter cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FilterError {
    /// The configuration cannot be read or written.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Not a glob.
    #[error("'{pattern}' is not a pattern")]
    Pattern {
        /// The pattern.
        pattern: String,
        /// What is wrong with it.
        source: globset::Error,
    },
    /// A pattern that nothing, or everything, could fit.
    #[error("'{pattern}' is not a pattern: {why}")]
    Useless {
        /// The pattern.
        pattern: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Not a class.
    #[error("'{class}' is not a class: there are data, code, package and system")]
    Class {
        /// The word.
        class: String,
    },
}

/// A user's rule, ready to be used.
#[derive(Clone, Debug)]
struct UserRule {
    shown: Rule,
    matcher: GlobMatcher,
    absolute: bool,
}

/// Sorts files into classes.
#[derive(Clone, Debug, Default)]
pub struct Filters {
    user: Vec<UserRule>,
    root: Root,
}

impl Filters {
    /// Reads the user's rules from the configuration.
    ///
    /// # Errors
    ///
    /// When a rule there has no class or is no glob.
    pub fn load(config: &Config) -> Result<Self, FilterError> {
        let rules = config.filters()?;
        let user = rules
            .into_iter()
            .map(|(layer, pattern, class)| user_rule(layer, &pattern, &class));
        Ok(Self {
            user: user.collect::<Result<_, _>>()?,
            root: Root::default(),
        })
    }

    /// Returns the same rules for the project with this root, in which directories of the system may lie.
    #[must_use]
    pub fn in_project(self, root: &Path) -> Self {
        let root = Root::of(root);
        Self { root, ..self }
    }

    /// Returns the class of a file, and whether a user's rule decided.
    ///
    /// A program of the project that was executed is code, whatever its name.
    pub fn classify(&self, path: &RecordedPath, executed: bool) -> (Class, bool) {
        if let Some(rule) = self.user.iter().find(|rule| rule.fits(path)) {
            return (rule.shown.class, true);
        }
        let built_in = BUILT_IN
            .iter()
            .find(|(_, shapes)| shapes.iter().any(|shape| shape.fits(path, &self.root)));
        match built_in {
            Some((class, _)) => (*class, false),
            None if executed => (Class::Code, false),
            None => (Class::Data, false),
        }
    }

    /// Returns every rule, the first that fits counts.
    pub fn rules(&self) -> Vec<Rule> {
        let built_in = BUILT_IN.iter().flat_map(|(class, shapes)| {
            shapes.iter().map(|shape| Rule {
                pattern: shape.glob(),
                class: *class,
                layer: None,
            })
        });
        self.user
            .iter()
            .map(|rule| rule.shown.clone())
            .chain(built_in)
            .collect()
    }
}

impl UserRule {
    fn fits(&self, path: &RecordedPath) -> bool {
        match (self.absolute, path.base) {
            (true, Base::Root) => self
                .matcher
                .is_match(Path::new(OsStr::from_bytes(&path.shown()))),
            (false, _) => self
                .matcher
                .is_match(Path::new(OsStr::from_bytes(&path.path))),
            (true, Base::Project) => false,
        }
    }
}

/// Makes a rule of a pattern and the word for a class.
///
/// As in `.gitignore`: a pattern without a slash fits names anywhere, one that ends in a slash fits
/// everything below, one that begins with a slash is absolute, others count from the project's root.
fn user_rule(layer: Layer, pattern: &str, class: &str) -> Result<UserRule, FilterError> {
    let class = parse_class(class)?;
    if let Some(why) = uselessness(pattern) {
        return Err(FilterError::Useless {
            pattern: pattern.to_owned(),
            why,
        });
    }
    let absolute = pattern.starts_with('/');
    let mut glob = pattern.to_owned();
    if !pattern.trim_end_matches('/').contains('/') {
        glob = format!("**/{glob}");
    }
    if pattern.ends_with('/') {
        glob.push_str("**");
    }
    let compiled = globset::GlobBuilder::new(&glob)
        .literal_separator(true)
        .build();
    let matcher = compiled
        .as_ref()
        .map(Glob::compile_matcher)
        .map_err(|source| FilterError::Pattern {
            pattern: pattern.to_owned(),
            source: source.clone(),
        })?;
    let shown = Rule {
        pattern: pattern.to_owned(),
        class,
        layer: Some(layer),
    };
    Ok(UserRule {
        shown,
        matcher,
        absolute,
    })
}

fn uselessness(pattern: &str) -> Option<&'static str> {
    let parts = || pattern.split('/');
    match () {
        () if pattern.trim_matches('/').trim().is_empty() => Some("it is empty"),
        () if parts().any(|part| part == "." || part == "..") => {
            Some("paths have no '.' or '..' in them")
        }
        () if pattern.contains('\0') => Some("paths have no NUL in them"),
        () => None,
    }
}

/// Reads the word for a class.
///
/// # Errors
///
/// When there is no such class.
pub fn parse_class(word: &str) -> Result<Class, FilterError> {
    Class::from_name(word).ok_or_else(|| FilterError::Class {
        class: word.to_owned(),
    })
}

/// Adds a rule in front of a layer's rules; returns whether it was new.
///
/// # Errors
///
/// When the pattern is no glob, or the file cannot be written.
pub fn add(
    config: &mut Config,
    layer: Layer,
    pattern: &str,
    class: Class,
) -> Result<bool, FilterError> {
    user_rule(layer, pattern, class.name())?;
    let new = (pattern.to_owned(), class.name().to_owned());
    let added = config.edit_filters(layer, |filters| {
        if filters.contains(&new) {
            return false;
        }
        filters.retain(|(there, _)| there != pattern);
        filters.insert(0, new);
        true
    })?;
    Ok(added)
}

/// Takes a rule out of a layer; returns whether it was there.
///
/// # Errors
///
/// When the file cannot be written.
pub fn remove(config: &mut Config, layer: Layer, pattern: &str) -> Result<bool, FilterError> {
    let removed = config.edit_filters(layer, |filters| {
        let before = filters.len();
        filters.retain(|(there, _)| there != pattern);
        filters.len() < before
    })?;
    Ok(removed)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests may panic")]
mod tests {
    use super::*;

    fn class(path: &str) -> &'static str {
        let path = RecordedPath::new(b"/srv/p", path.as_bytes());
        Filters::default().classify(&path, false).0.name()
    }

    #[test]
    fn files_are_sorted_by_where_they_are_and_what_they_are_called() {
        for (path, want) in [
            ("/srv/p/data/a.csv", "data"),
            ("/srv/p/train.py", "code"),
            ("/srv/p/Makefile", "code"),
            ("/srv/p/.py", "data"),
            (
                "/srv/p/.venv/lib/python3.11/site-packages/numpy/core.py",
                "package",
            ),
            ("/usr/lib/python3.11/os.py", "package"),
            (
                "/root/.pyenv/versions/3.11.7/lib/python3.11/os.py",
                "package",
            ),
            ("/usr/lib/x86_64-linux-gnu/libc.so.6", "system"),
            ("/etc/ld.so.cache", "system"),
            ("/srv/other/tool.egg-info/PKG-INFO", "package"),
            ("/srv/p/vendor/tool-1.0.dist-info/METADATA", "package"),
            ("/srv/p/.dist-info/x", "data"),
            ("/root/.cargo/.global-cache", "system"),
            ("/opt/data/x.bin", "data"),
            ("/data/imagenet/1.jpg", "data"),
            ("/tmp/stage.csv", "data"),
            ("/tmp/pytest-of-me/pytest-3/test_a0/out.csv", "system"),
            ("/dev/shm/batch/x.npy", "data"),
            ("/dev/shm/train.py", "code"),
            ("/root/.cache/pip/x", "system"),
            ("/root/.parallel/tmp/host/par1", "system"),
            ("/root/.cargo/bin/rustc", "package"),
            ("/root/.cache/huggingface/hub/models--x/blob", "data"),
            ("/srv/p/__pycache__/a.cpython-311.pyc", "system"),
            ("/srv/p/usr/a.csv", "data"),
            ("/srv/p/.git/HEAD", "system"),
            ("/usrdata/a.csv", "data"),
        ] {
            assert_eq!(class(path), want, "{path}");
        }
    }

    #[test]
    fn a_project_in_a_system_directory_is_a_project() {
        let path = RecordedPath::new(b"/usr/src/app", b"/usr/src/app/data.csv");
        assert_eq!(Filters::default().classify(&path, false).0, Class::Data);
        assert_eq!(Filters::default().classify(&path, true).0, Class::Code);
    }

    #[test]
    fn directories_of_the_system_are_not_the_projects_though_it_holds_them() {
        let filters = |root: &str| Filters::default().in_project(Path::new(root));
        for (root, path, want) in [
            ("/", "/etc/ld.so.cache", "system"),
            ("/", "/usr/share/x", "system"),
            ("/", "/app/data.csv", "data"),
            ("/", "/opt/conda/x", "package"),
            ("/var", "/var/lib/x", "system"),
            ("/var", "/var/work/x", "data"),
            ("/var/lib", "/var/lib/x", "data"),
            ("/var/lib/jenkins", "/var/lib/jenkins/x", "data"),
            ("/srv", "/srv/usr/x", "data"),
        ] {
            let path = RecordedPath::new(root.as_bytes(), path.as_bytes());
            let class = filters(root).classify(&path, false).0;
            assert_eq!(class.name(), want, "{root}: {path:?}");
        }
    }

    #[test]
    fn the_users_rules_come_first_and_read_like_gitignore() {
        let rule = |pattern, class| user_rule(Layer::Shared, pattern, class).unwrap();
        let filters = Filters {
            user: vec![
                rule("*.log", "system"),
                rule("data/raw/", "package"),
                rule("/mnt/**/x", "code"),
                rule("notes.txt", "code"),
            ],
            root: Root::default(),
        };
        let class = |path: &str| {
            filters
                .classify(&RecordedPath::new(b"/srv/p", path.as_bytes()), false)
                .0
                .name()
        };
        assert_eq!(class("/srv/p/deep/down/a.log"), "system");
        assert_eq!(class("/srv/p/data/raw/deep/a.csv"), "package");
        assert_eq!(class("/srv/p/other/data/raw/a.csv"), "data");
        assert_eq!(class("/mnt/a/b/x"), "code");
        assert_eq!(class("/srv/p/notes.txt"), "code");
        assert_eq!(class("/srv/p/mynotes.txt"), "data");
        assert!(matches!(
            user_rule(Layer::Shared, "a[", "data"),
            Err(FilterError::Pattern { .. })
        ));
        assert!(matches!(
            user_rule(Layer::Shared, "a", "odd"),
            Err(FilterError::Class { .. })
        ));
    }
}
