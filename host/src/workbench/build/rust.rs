//! Plugins in Rust: Cargo, for a target without WASI. Cargo itself knows what is new.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::Compiled;

/// The target that plugins are compiled for.
const TARGET: &str = "wasm32-unknown-unknown";

/// Compiles the crate in a folder.
pub(super) fn compile(folder: &Path) -> Result<Compiled> {
    let crate_file = folder.join("Cargo.toml");
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args([
            "build",
            "--release",
            "--quiet",
            "--target",
            TARGET,
            "--message-format",
            "json-render-diagnostics",
            "--manifest-path",
        ])
        .arg(&crate_file)
        .stderr(std::process::Stdio::inherit())
        .output()
        .context("cargo cannot be started; install Rust from https://rustup.rs")?;
    if !output.status.success() {
        bail!("{} does not compile; if the target is missing: rustup target add {TARGET}", folder.display());
    }
    let crate_file = std::fs::canonicalize(&crate_file).with_context(|| crate_file.display().to_string())?;
    for line in output.stdout.split(|byte| *byte == b'\n') {
        let Ok(message) = serde_json::from_slice::<serde_json::Value>(line) else { continue };
        let of_this_crate = message["reason"] == "compiler-artifact"
            && message["manifest_path"].as_str().is_some_and(|path| Path::new(path) == crate_file);
        let files = message["filenames"].as_array().filter(|_| of_this_crate);
        for file in files.into_iter().flatten().filter_map(|file| file.as_str()) {
            if let Some(module) = file.strip_suffix(".wasm").map(|_| PathBuf::from(file)) {
                // TARGET_DIR/wasm32-unknown-unknown/release/NAME.wasm
                let target = module.ancestors().nth(3).map(Path::to_path_buf).unwrap_or_default();
                let code = std::fs::read(&module).with_context(|| module.display().to_string())?;
                return Ok(Compiled { code, target });
            }
        }
    }
    bail!("{} gave no .wasm file; its Cargo.toml needs [lib] crate-type = [\"cdylib\"]", folder.display())
}
