//! Plugins in JavaScript and TypeScript: componentize-qjs puts QuickJS around the sources, which stay as they are, so that the
//! stack of an exception says the author's own lines. Types are taken out of TypeScript first and leave blanks behind.
//!
//! Packages from `node_modules` can be imported from JavaScript, as far as they are modules and need nothing of Node.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use super::{Compiled, tool};

/// Where a plugin's source begins.
pub(super) const JAVASCRIPT: &str = "main.js";
pub(super) const TYPESCRIPT: &str = "main.ts";

/// The lines that install what is needed; it stands in `package.json` then.
const INSTALL: &str = "npm install --save-dev componentize-qjs";
const INSTALL_TYPES: &str = "npm install --save-dev componentize-qjs amaro typescript";

/// Makes a component of JavaScript, unless it is there already.
pub(super) fn javascript(folder: &Path) -> Result<Compiled> {
    tool::once(folder, |component| componentize(folder, Path::new(JAVASCRIPT), Path::new("."), INSTALL, component))
}

/// Makes a component of TypeScript, unless it is there already. Types are checked first.
pub(super) fn typescript(folder: &Path) -> Result<Compiled> {
    tool::once(folder, |component| {
        let checker = tool::find(folder, "tsc", INSTALL_TYPES)?;
        let node = tool::find(folder, "node", "see https://nodejs.org")?;
        tool::package(folder, "amaro", INSTALL_TYPES)?;
        tool::run(Command::new(checker).current_dir(folder).args(["--noEmit", "--pretty", "false"]))?;
        let plain = component.with_file_name("javascript");
        tool::run(
            Command::new(node)
                .current_dir(folder)
                .args(["--no-warnings", "--eval", include_str!("strip.cjs")])
                .arg(&plain)
                .args(tool::NO_SOURCES),
        )?;
        componentize(folder, &plain.join(TYPESCRIPT), &plain, INSTALL_TYPES, component)
    })
}

fn componentize(folder: &Path, source: &Path, root: &Path, install: &str, component: &Path) -> Result<()> {
    let componentizer = tool::find(folder, "componentize-qjs", install)?;
    let mut command = Command::new(componentizer);
    command.current_dir(folder).args(["--sync", "--wit", "wit", "--js"]).arg(source);
    command.arg("--module-root").arg(root).arg("--output").arg(component);
    tool::run(&mut command).context("QuickJS does not take it")
}
