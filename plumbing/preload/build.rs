//! Builds the library that watched programs load, so that the program itself can carry it along.
//!
//! It is compiled by itself, and not as a package: it has no standard library, must be position
//! independent code of its own whatever the profile, and has to be there before this package is.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where the library can be had: the only machine for which its system calls are written down.
const TARGET: &str = "x86_64-unknown-linux-gnu";

fn main() {
    println!("cargo::rerun-if-changed=shim");
    println!("cargo::rerun-if-changed=src/ring.rs");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo names it"));
    let library = out.join("shim.so");
    if env::var("TARGET").as_deref() == Ok(TARGET) {
        compile(Path::new("shim/lib.rs"), &library);
    } else {
        fs::write(&library, b"").expect("the directory of this build can be written to");
    }
}

fn compile(source: &Path, library: &Path) {
    let rustc = env::var_os("RUSTC").expect("cargo names it");
    let status = Command::new(rustc)
        .args([
            "--edition=2024",
            "--crate-type=cdylib",
            "--crate-name=roar_shim",
        ])
        .args([
            "--target",
            TARGET,
            "-Copt-level=s",
            "-Cpanic=abort",
            "-Cstrip=symbols",
        ])
        // No library is needed, so that it can be loaded beside any C library; nothing is bound late.
        .args([
            "-Clink-arg=-nostdlib",
            "-Clink-arg=-Wl,-z,now,-z,norelro,--hash-style=gnu",
        ])
        .args(["-Clink-arg=-Wl,--build-id=none,-T,shim/segments.ld"])
        .arg("-o")
        .arg(library)
        .arg(source)
        .status()
        .expect("the compiler can be started");
    assert!(
        status.success(),
        "the library for watched programs does not compile"
    );
}
