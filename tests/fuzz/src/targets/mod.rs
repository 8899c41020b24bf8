//! The targets, one to a file.

mod bundle;
mod config;
mod events;
mod filters;
mod history;
mod names;
mod object;
mod pack_index;
mod pack_read;
mod path_tree;
mod paths;
mod proof;
mod ring;
mod sealed;
mod secrets;
mod spool;
mod store;
mod transaction;
mod tree;

/// Something that takes any bytes.
#[derive(Clone, Copy)]
pub struct Target {
    /// The name of its file and of its corpus.
    pub name: &'static str,
    /// Panics if the bytes break a promise.
    pub check: fn(&[u8]),
    /// Inputs that lead deep, made by the library itself.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// How many mutations the driver without coverage tries.
    pub rounds: usize,
}

macro_rules! targets {
    ($($name:ident: $rounds:literal),+ $(,)?) => {
        /// Every target.
        pub const TARGETS: &[Target] = &[$(Target {
            name: stringify!($name),
            check: $name::check,
            seeds: $name::seeds,
            rounds: $rounds,
        }),+];
    };
}

// Those that write files are slower.
targets! {
    bundle: 5_000,
    config: 400,
    events: 20_000,
    filters: 400,
    history: 10_000,
    names: 20_000,
    object: 30_000,
    pack_index: 2_000,
    pack_read: 10_000,
    path_tree: 5_000,
    paths: 20_000,
    proof: 5_000,
    ring: 2_000,
    sealed: 150,
    secrets: 10_000,
    spool: 20_000,
    store: 100,
    transaction: 20_000,
    tree: 10_000,
}

/// Returns the target of that name.
pub fn find(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}
