//! Plugins in JavaScript and TypeScript: esbuild makes one file of the sources, componentize-qjs puts QuickJS around it.
//!
//! What is imported from the contract (`attune:host/log@0.1.0`) is left as it is; packages from `node_modules` are taken in, as
//! far as they need nothing of Node.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use super::{Compiled, tool};

/// Where a plugin's source begins.
pub(super) const JAVASCRIPT: &str = "main.js";
pub(super) const TYPESCRIPT: &str = "main.ts";

/// The line that installs what is needed; it stands in `package.json` then.
const INSTALL: &str = "npm install --save-dev componentize-qjs esbuild";

/// Makes a component of the sources in a folder, unless it is there already.
pub(super) fn compile(folder: &Path, source: &str) -> Result<Compiled> {
    let target = tool::target(folder)?;
    let component = target.join("component.wasm");
    if !tool::is_fresh(&component, folder)? {
        let bundler = tool::find(folder, "esbuild", INSTALL)?;
        let componentizer = tool::find(folder, "componentize-qjs", INSTALL)?;
        // The name that JavaScript gives in the stack of an exception.
        let bundle = target.join("plugin.js");
        tool::run(
            Command::new(bundler)
                .current_dir(folder)
                .args([
                    source,
                    "--bundle",
                    "--format=esm",
                    "--platform=neutral",
                    "--target=es2023",
                    "--main-fields=module,main",
                ])
                .args(["--external:attune:*", "--log-level=warning", "--charset=utf8", "--sourcemap=external"])
                .arg(format!("--outfile={}", bundle.display())),
        )?;
        tool::run(
            Command::new(componentizer)
                .current_dir(folder)
                .args(["--sync", "--wit", "wit", "--js"])
                .arg(&bundle)
                .arg("--output")
                .arg(&component),
        )?;
    }
    let code = std::fs::read(&component).with_context(|| component.display().to_string())?;
    Ok(Compiled { code, target })
}
