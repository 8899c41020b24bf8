//! A real virtual environment, with distributions written by hand.
#![expect(clippy::unwrap_used, reason = "tests may panic")]

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use super::*;

struct Environment {
    root: TempDir,
    cache: TempDir,
}

impl Environment {
    /// Made by the system's Python; none where there is none.
    fn new() -> Option<Self> {
        let (root, cache) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        let made = Command::new("python3")
            .args(["-m", "venv", "--without-pip"])
            .arg(root.path())
            .status();
        made.ok().filter(std::process::ExitStatus::success)?;
        Some(Self { root, cache })
    }

    fn site(&self) -> PathBuf {
        let lib = self.root.path().join("lib");
        let python = fs::read_dir(lib).unwrap().next().unwrap().unwrap().path();
        python.join("site-packages")
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.site().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn metadata(&self, directory: &str, name: &str, version: &str) {
        let text =
            format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n\nVersion: no\n");
        self.write(&format!("{directory}/METADATA"), &text);
    }

    /// The files a program reads, as Python itself names them.
    fn reads_of(&self, program: &str) -> Vec<Vec<u8>> {
        let text = format!(
            "import sys, os\n{program}\nfor m in list(sys.modules.values()):\n    f = getattr(m, '__file__', None)\n    if f: print(f)\nprint(os.path.join(sys.prefix, 'pyvenv.cfg'))"
        );
        let output = Command::new(self.root.path().join("bin/python"))
            .args(["-c", &text])
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        output
            .stdout
            .split(|&byte| byte == b'\n')
            .map(<[u8]>::to_vec)
            .collect()
    }

    fn distributions(&self, reads: &[Vec<u8>]) -> Vec<String> {
        distributions(reads, self.cache.path())
            .into_iter()
            .map(|found| {
                let version = found.version.unwrap_or_default();
                let origin = found
                    .origin
                    .map(|origin| format!(" {origin}"))
                    .unwrap_or_default();
                format!("{} {version}{origin}", found.name)
            })
            .collect()
    }
}

#[test]
fn only_what_was_imported_is_found_with_its_version() {
    let Some(env) = Environment::new() else {
        return;
    };
    env.metadata("Big_Thing-1.0.dist-info", "Big.Thing", "1.0");
    env.write("Big_Thing-1.0.dist-info/RECORD", "big/__init__.py,sha256=x,1\n\"big/a,b.py\",,\n../../../bin/big,,\nBig_Thing-1.0.dist-info/METADATA,,\n");
    env.write("big/__init__.py", "");
    env.metadata("ns_a-2.dist-info", "ns-a", "2");
    env.write("ns_a-2.dist-info/RECORD", "ns/a/__init__.py,,\n");
    env.write("ns/a/__init__.py", "");
    env.metadata("ns_b-3.dist-info", "ns-b", "3");
    env.write("ns_b-3.dist-info/RECORD", "ns/b/__init__.py,,\n");
    env.write("ns/b/__init__.py", "");
    env.write("old-4.egg-info/PKG-INFO", "Name: old\nVersion: 4\n");
    env.write("old-4.egg-info/top_level.txt", "oldmod\n");
    env.write("oldmod.py", "");
    env.metadata("unused-9.dist-info", "unused", "9");
    env.write("unused-9.dist-info/RECORD", "unused.py,,\n");

    let mut reads = env.reads_of("import big, ns.b, oldmod, json");
    let site = env.site().into_os_string().into_encoded_bytes();
    reads.push([&site[..], b"/unused-9.dist-info/METADATA"].concat());
    for _ in 0..2 {
        assert_eq!(
            env.distributions(&reads),
            ["big-thing 1.0", "ns-b 3", "old 4"]
        );
    }
    let compiled = [&site[..], b"/ns/a/__pycache__/__init__.cpython-311.pyc"].concat();
    assert_eq!(env.distributions(&[compiled]), ["ns-a 2"]);
    let data = [&site[..], b"/big/data.csv"].concat();
    assert_eq!(env.distributions(&[data]), ["big-thing 1.0"]);
}

#[test]
fn an_editable_install_is_used_when_its_source_is_read() {
    let Some(env) = Environment::new() else {
        return;
    };
    let source = TempDir::new().unwrap();
    let root = source.path().to_str().unwrap().to_owned();
    env.metadata("mine-0.1.dist-info", "mine", "0.1");
    env.write(
        "mine-0.1.dist-info/RECORD",
        "mine-0.1.dist-info/METADATA,,\n__editable__.mine.pth,,\n",
    );
    env.write(
        "mine-0.1.dist-info/direct_url.json",
        &format!("{{\"url\": \"file://{root}\", \"dir_info\": {{\"editable\": true}}}}"),
    );
    env.write("__editable__.mine.pth", &root);
    fs::write(source.path().join("mine.py"), "").unwrap();
    let pth = env
        .site()
        .join("__editable__.mine.pth")
        .into_os_string()
        .into_encoded_bytes();
    let mut reads = env.reads_of("import mine");
    reads.push(pth.clone());
    assert_eq!(env.distributions(&reads), [format!("mine 0.1 {root}")]);
    let data = format!("{root}/data.csv").into_bytes();
    assert!(env.distributions(&[pth, data]).is_empty());
}

#[test]
fn a_changed_directory_is_read_again() {
    let Some(env) = Environment::new() else {
        return;
    };
    env.metadata("x-1.dist-info", "x", "1");
    env.write("x-1.dist-info/RECORD", "x.py,,\n");
    let read = env
        .site()
        .join("x.py")
        .into_os_string()
        .into_encoded_bytes();
    assert_eq!(env.distributions(std::slice::from_ref(&read)), ["x 1"]);
    fs::remove_dir_all(env.site().join("x-1.dist-info")).unwrap();
    env.metadata("x-2.dist-info", "x", "2");
    env.write("x-2.dist-info/RECORD", "x.py,,\n");
    assert_eq!(env.distributions(&[read]), ["x 2"]);
}

#[test]
fn the_interpreter_is_the_one_that_ran() {
    let Some(env) = Environment::new() else {
        return;
    };
    let said = Command::new(env.root.path().join("bin/python"))
        .args(["-c", "import platform; print(platform.python_version())"])
        .output()
        .unwrap();
    let said = String::from_utf8(said.stdout).unwrap().trim().to_owned();
    let reads = env.reads_of("import json");
    let found = interpreters(&reads, env.cache.path());
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].version.as_deref(), Some(said.as_str()));
    assert_eq!(found[0].environments, [env.root.path()]);
    let library: Vec<_> = reads
        .into_iter()
        .filter(|read| !read.ends_with(b"pyvenv.cfg"))
        .collect();
    let found = interpreters(&library, env.cache.path());
    assert_eq!(
        found[0].version.as_deref(),
        Some(said.as_str()),
        "without the environment"
    );
}

#[test]
fn names_are_normalised() {
    assert_eq!(normalised("Big._-Thing.x"), "big-thing-x");
}
