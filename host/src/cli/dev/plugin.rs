//! A plugin that somebody writes while `attune dev` runs it: what of it runs, and why what is in its folder does not.

use std::path::Path;

use crate::sandbox::About;

/// A plugin that is being written.
pub(super) struct Plugin {
    /// What it is called: its own name, and before it was ever built that of its folder.
    pub(super) name: String,
    /// What runs.
    pub(super) about: Option<About>,
    /// Why what is in the folder does not run.
    pub(super) error: Option<String>,
    /// Whether a build of it has ended, well or not.
    pub(super) was_built: bool,
}

impl Plugin {
    /// The plugin in a folder, not built yet.
    pub(super) fn in_folder(folder: &Path) -> Self {
        let folder = std::fs::canonicalize(folder).unwrap_or_else(|_| folder.to_path_buf());
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Self { name, about: None, error: None, was_built: false }
    }

    /// That it does not run as it is written.
    pub(super) fn not_running(&self) -> String {
        match &self.about {
            Some(about) => format!("{} cannot be swapped; {} goes on as it was", self.name, about.manifest.version),
            None => format!("{} does not run yet", self.name),
        }
    }
}
