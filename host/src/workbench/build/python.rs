//! Plugins in Python: componentize-py puts CPython around the sources.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::{Compiled, tool};

/// Where a plugin's source begins.
pub(super) const SOURCE: &str = "app.py";

/// The line that installs what is needed.
const INSTALL: &str = "python3 -m venv .venv && .venv/bin/pip install componentize-py";

/// Makes a component of the sources in a folder, unless it is there already.
pub(super) fn compile(folder: &Path) -> Result<Compiled> {
    tool::once(folder, |component| {
        let componentizer = tool::find(folder, "componentize-py", INSTALL)?;
        let module = SOURCE.trim_end_matches(".py");
        let mut command = Command::new(componentizer);
        // Nothing is left behind in the author's folder.
        command.current_dir(folder).env("PYTHONDONTWRITEBYTECODE", "1");
        command.args(["--wit-path", "wit", "componentize", module, "--output"]).arg(component);
        tool::run(&mut command)
    })
}
