//! The walls between the rooms, read from the manifests themselves.

use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A package of the workspace.
struct Package {
    name: String,
    folder: PathBuf,
    /// What it is built from; what only its tests need is left out.
    needs: Vec<String>,
}

fn workspace() -> Vec<Package> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--no-deps", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    packages.iter().map(package).collect()
}

fn package(value: &Value) -> Package {
    let manifest = Path::new(value["manifest_path"].as_str().unwrap());
    let needs = value["dependencies"].as_array().unwrap();
    Package {
        name: value["name"].as_str().unwrap().to_owned(),
        folder: manifest.parent().unwrap().to_owned(),
        needs: needs
            .iter()
            .filter(|need| need["kind"] != "dev")
            .map(|need| need["name"].as_str().unwrap().to_owned())
            .collect(),
    }
}

/// Returns the room that a package is in: `plumbing`, `porcelain`, or nothing for the program.
fn floor(package: &Package) -> Option<String> {
    let inside = package
        .folder
        .strip_prefix(env!("CARGO_MANIFEST_DIR"))
        .unwrap();
    let first = inside.components().next()?;
    Some(first.as_os_str().to_string_lossy().into_owned())
}

#[test]
fn plumbing_never_depends_on_porcelain() {
    let packages = workspace();
    let floors: BTreeMap<_, _> = packages
        .iter()
        .map(|it| (it.name.as_str(), floor(it)))
        .collect();
    for package in packages
        .iter()
        .filter(|it| floor(it).as_deref() == Some("plumbing"))
    {
        for need in &package.needs {
            let above = floors.get(need.as_str()).cloned().flatten();
            assert_ne!(
                above.as_deref(),
                Some("porcelain"),
                "{} needs {need}",
                package.name
            );
        }
    }
}

/// A dependency, and the packages that may have it.
const DOORS: &[(&str, &[&str])] = &[
    ("sled", &["roar-store"]),
    ("zstd", &["roar-pack"]),
    ("clap", &["roar"]),
    ("anstream", &["roar"]),
    ("indicatif", &["roar"]),
    ("toml_edit", &["roar-repo"]),
    ("globset", &["roar-repo", "roar-record"]),
    ("regex", &["roar-secrets"]),
    (
        "memmap2",
        &["roar-content", "roar-store", "roar-preload", "roar-spare"],
    ),
    (
        "libc",
        &[
            "roar-launch",
            "roar-notify",
            "roar-ptrace",
            "roar-content",
            "roar-trace",
        ],
    ),
];

#[test]
fn heavy_dependencies_have_one_door_each() {
    for package in workspace() {
        for (dependency, doors) in DOORS {
            let has = package.needs.iter().any(|need| need == dependency);
            let may = doors.contains(&package.name.as_str());
            assert!(!has || may, "{} needs {dependency}", package.name);
        }
    }
}

/// The packages that may use `unsafe`.
const FENCES: &[&str] = &[
    "roar-launch",
    "roar-notify",
    "roar-ptrace",
    "roar-preload",
    "roar-content",
];

#[test]
fn unsafe_code_is_behind_the_fences() {
    for package in workspace() {
        let front = ["src/lib.rs", "src/main.rs"]
            .iter()
            .find_map(|file| fs::read_to_string(package.folder.join(file)).ok())
            .unwrap();
        let forbids = front.contains("#![forbid(unsafe_code)]");
        let fence = FENCES.contains(&package.name.as_str());
        assert!(
            forbids || fence,
            "{} does not forbid unsafe code",
            package.name
        );
    }
}

#[test]
fn every_package_takes_the_lints_of_the_workspace() {
    for package in workspace() {
        let manifest = fs::read_to_string(package.folder.join("Cargo.toml")).unwrap();
        assert!(
            manifest.contains("[lints]\nworkspace = true"),
            "{}",
            package.name
        );
    }
}
