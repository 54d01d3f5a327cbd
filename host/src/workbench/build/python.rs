//! Plugins in Python: componentize-py puts CPython around the sources.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use super::{Compiled, tool};

/// Where a plugin's source begins.
pub(super) const SOURCE: &str = "app.py";

/// The line that installs what is needed.
const INSTALL: &str = "python3 -m venv .venv && .venv/bin/pip install componentize-py";

/// Makes a component of the sources in a folder, unless it is there already.
pub(super) fn compile(folder: &Path) -> Result<Compiled> {
    let target = tool::target(folder)?;
    let component = target.join("component.wasm");
    if !tool::is_fresh(&component, folder)? {
        let componentizer = tool::find(folder, "componentize-py", INSTALL)?;
        let module = SOURCE.trim_end_matches(".py");
        tool::run(
            Command::new(componentizer)
                .current_dir(folder)
                // Nothing is left behind in the author's folder.
                .env("PYTHONDONTWRITEBYTECODE", "1")
                .args(["--wit-path", "wit", "componentize", module, "--output"])
                .arg(&component),
        )?;
    }
    let code = std::fs::read(&component).with_context(|| component.display().to_string())?;
    Ok(Compiled { code, target })
}
