//! From a plugin's folder to one `.wasm` file: compile, wrap as a component, embed what `plugin.toml` says, check.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use utoipa::ToSchema;
use wasm_encoder::{ComponentSection, CustomSection};
use wit_component::ComponentEncoder;

use crate::domain::plugin::{Manifest, TemplateDeclaration};
use crate::sandbox::SECTION;
use crate::turn::config::{check_manifest, settings_schema};

/// The target that plugins in Rust are compiled for.
const TARGET: &str = "wasm32-unknown-unknown";

/// What `plugin.toml` says.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PluginToml {
    /// What it is.
    plugin: About,
    /// What it may say, by template name.
    #[serde(default)]
    templates: BTreeMap<String, TemplateDeclaration>,
    /// What it counts across customers.
    #[serde(default)]
    tally: Tally,
}

/// What a plugin is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct About {
    /// Its own name: 1 to 64 lower-case letters, digits and hyphens.
    name: String,
    /// Its version, such as 0.1.0.
    version: String,
    /// One sentence for owners.
    description: String,
}

/// What a plugin counts across customers.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Tally {
    /// The keys that it may count under.
    #[serde(default)]
    keys: Vec<String>,
}

/// A plugin that was built.
pub struct Built {
    /// Its own name.
    pub name: String,
    /// Where its file is.
    pub path: PathBuf,
    /// The file.
    pub wasm: Vec<u8>,
}

/// Reads `plugin.toml` and `settings.schema.json` of a folder.
///
/// # Errors
/// What is wrong, with the file.
pub fn manifest(folder: &Path) -> Result<Manifest> {
    let path = folder.join("plugin.toml");
    let text = std::fs::read_to_string(&path)
        .with_context(|| format!("{}: a plugin's folder has a plugin.toml", path.display()))?;
    let toml: PluginToml = super::place::read(&path, &text)?;
    let schema = folder.join("settings.schema.json");
    let settings = match std::fs::read_to_string(&schema) {
        Ok(text) => serde_json::from_str(&text).with_context(|| schema.display().to_string())?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            serde_json::json!({ "type": "object", "additionalProperties": false })
        }
        Err(error) => return Err(error).with_context(|| schema.display().to_string()),
    };
    settings_schema(&toml.plugin.name, &settings)
        .map_err(anyhow::Error::msg)
        .with_context(|| schema.display().to_string())?;
    let manifest = Manifest {
        name: toml.plugin.name,
        version: toml.plugin.version,
        description: toml.plugin.description,
        settings,
        templates: toml.templates,
        tally: toml.tally.keys,
    };
    check_manifest(&manifest).map_err(anyhow::Error::msg).with_context(|| path.display().to_string())?;
    Ok(manifest)
}

/// Builds the plugin in a folder into `out/NAME.wasm`; without `out`, into `plugins` in Cargo's target directory.
///
/// # Errors
/// What is wrong: no tool chain, an error in the source (as Cargo prints it), a component that does not fit.
pub fn build(folder: &Path, out: Option<&Path>) -> Result<Built> {
    let manifest = manifest(folder)?;
    let (module_path, target) = compile(folder)?;
    let module = std::fs::read(&module_path).with_context(|| module_path.display().to_string())?;
    let wasm = wrap(&module, &manifest).with_context(|| format!("plugin {}", manifest.name))?;
    let out = out.map_or_else(|| target.join("plugins"), Path::to_path_buf);
    std::fs::create_dir_all(&out).with_context(|| out.display().to_string())?;
    let path = out.join(format!("{}.wasm", manifest.name));
    // Written beside and renamed, so that a server that reads it meanwhile never sees half a file.
    let fresh = out.join(format!(".{}.{}.new", manifest.name, std::process::id()));
    std::fs::write(&fresh, &wasm).with_context(|| fresh.display().to_string())?;
    std::fs::rename(&fresh, &path).with_context(|| path.display().to_string())?;
    Ok(Built { name: manifest.name, path, wasm })
}

/// Compiles the crate in a folder. Gives the module and Cargo's target directory.
fn compile(folder: &Path) -> Result<(PathBuf, PathBuf)> {
    let crate_file = folder.join("Cargo.toml");
    if !crate_file.is_file() {
        bail!("{}: no Cargo.toml here; `attune build` builds plugins in Rust", folder.display());
    }
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
                return Ok((module, target));
            }
        }
    }
    bail!("{} gave no .wasm file; its Cargo.toml needs [lib] crate-type = [\"cdylib\"]", folder.display())
}

/// Wraps a core module as a component and embeds the manifest.
///
/// # Errors
/// When the module was built without bindings, or is no module.
pub fn wrap(module: &[u8], manifest: &Manifest) -> Result<Vec<u8>> {
    let mut component = ComponentEncoder::default()
        .validate(true)
        .module(module)
        .context("the module has no component type; use wit_bindgen::generate! and export a handler")?
        .encode()
        .context("the module cannot be made a component")?;
    let data = serde_json::to_vec(manifest)?;
    let section = CustomSection { name: SECTION.into(), data: data.into() };
    section.append_to_component(&mut component);
    Ok(component)
}

/// The folders of plugins below a folder: itself, or its children with a `plugin.toml`.
pub fn plugins_in(folder: &Path) -> Vec<PathBuf> {
    if folder.join("plugin.toml").is_file() {
        return vec![folder.to_path_buf()];
    }
    let mut found: Vec<PathBuf> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.join("plugin.toml").is_file())
        .collect();
    found.sort();
    found
}
