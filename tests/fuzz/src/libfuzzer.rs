//! The driver with coverage. The variable `FUZZ_TARGET` says which target runs.
#![no_main]

use std::sync::LazyLock;

static TARGET: LazyLock<&roar_fuzz::Target> = LazyLock::new(|| {
    let name = std::env::var("FUZZ_TARGET").expect("FUZZ_TARGET is the name of a target");
    roar_fuzz::find(&name).expect("FUZZ_TARGET is the name of a target")
});

libfuzzer_sys::fuzz_target!(|data: &[u8]| (TARGET.check)(data));
