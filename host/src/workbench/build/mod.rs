//! From a plugin's folder to one `.wasm` file: compile with the language's own tool, wrap as a component, embed what
//! `plugin.toml` says.
//!
//! Each language has a file here with one function, `compile`. It gives a core module with its component type in it, or a
//! component; what is common to all languages stands in this file and in `tool`.

mod c;
mod go;
mod javascript;
mod language;
mod python;
mod rust;
mod tool;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Deserialize;
use utoipa::ToSchema;
use wasm_encoder::{ComponentSection, CustomSection};
use wasmparser::Parser;
use wit_bindgen_core::wit_parser::{Resolve, WorldId};
use wit_component::ComponentEncoder;

use crate::domain::plugin::{Channel, Manifest, TemplateDeclaration, WritingBack};
use crate::domain::webhook::Webhook;
use crate::sandbox::SECTION;
use crate::turn::config::{check_manifest, settings_schema};

use super::contract;

pub use language::Language;
pub use tool::locate;

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
    /// The secrets it needs, each with what it is and where the vendor shows it.
    #[serde(default)]
    secrets: BTreeMap<String, String>,
    /// Those of its secrets that the owner chooses, each with how `attune connect` makes a new value: a text with `{random}` (32 random
    /// letters and digits) or `{base64}` (32 random bytes in base64) in it.
    #[serde(default)]
    chosen: BTreeMap<String, String>,
    /// Of a connector: how what a vendor sends is verified.
    webhook: Option<Webhook>,
    /// Of a channel: what it serves, and whom it may reach.
    channel: Option<Channel>,
    /// Of a connector that tells its calendar what customers answer: by which hosts.
    #[serde(rename = "writing-back")]
    writing_back: Option<WritingBack>,
    /// How it is built, where the files of the folder do not say it.
    #[serde(default)]
    build: How,
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

/// How it is built, where the files of the folder do not say it.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct How {
    /// The language it is written in.
    language: Option<Language>,
}

/// What a language made of a plugin's sources.
struct Compiled {
    /// A core module with its component type in it, or a component.
    code: Vec<u8>,
    /// The target directory, in which the plugin's file goes to `plugins`.
    target: PathBuf,
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
    Ok(read(folder)?.0)
}

fn read(folder: &Path) -> Result<(Manifest, How)> {
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
        secrets: toml.secrets,
        chosen: toml.chosen,
        webhook: toml.webhook,
        channel: toml.channel,
        writing_back: toml.writing_back,
    };
    check_manifest(&manifest).map_err(anyhow::Error::msg).with_context(|| path.display().to_string())?;
    Ok((manifest, toml.build))
}

/// Builds the plugin in a folder into `out/NAME.wasm`; without `out`, into `plugins` of the target directory: Cargo's for
/// Rust, `target` in the plugin's folder otherwise.
///
/// # Errors
/// What is wrong: no tool chain, an error in the source (as the language's tool prints it), a module that cannot be wrapped.
pub fn build(folder: &Path, out: Option<&Path>) -> Result<Built> {
    let (manifest, how) = read(folder)?;
    let language = how.language.map_or_else(|| Language::of(folder), Ok)?;
    let wit = folder.join("wit");
    if wit.is_dir() {
        let deps = wit.join("deps");
        contract::write(&deps)?;
        if language == Language::TypeScript {
            contract::write_types(&deps)?;
        }
    }
    let Compiled { code, target } = language.compile(folder)?;
    let wasm = wrap(&code, &manifest).with_context(|| format!("plugin {}", manifest.name))?;
    let out = out.map_or_else(|| target.join("plugins"), Path::to_path_buf);
    std::fs::create_dir_all(&out).with_context(|| out.display().to_string())?;
    let path = out.join(format!("{}.wasm", manifest.name));
    // Written beside and renamed, so that a server that reads it meanwhile never sees half a file.
    let fresh = out.join(format!(".{}.{}.new", manifest.name, std::process::id()));
    std::fs::write(&fresh, &wasm).with_context(|| fresh.display().to_string())?;
    std::fs::rename(&fresh, &path).with_context(|| path.display().to_string())?;
    Ok(Built { name: manifest.name, path, wasm })
}

/// What a project's world is called; bindings are named after it.
const WORLD: &str = "plugin";

/// Reads the world of a plugin, `wit/world.wit`, with the contract beside it.
fn world(folder: &Path) -> Result<(Resolve, WorldId)> {
    let wit = folder.join("wit");
    let wrong = || wit.display().to_string();
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(&wit).with_context(wrong)?;
    let world = resolve.select_world(&[package], Some(WORLD)).with_context(wrong)?;
    Ok((resolve, world))
}

/// Wraps a core module as a component, if it is not one, and embeds the manifest.
///
/// # Errors
/// When the module was built without bindings, or is no module.
pub fn wrap(code: &[u8], manifest: &Manifest) -> Result<Vec<u8>> {
    let mut component = if Parser::is_component(code) {
        code.to_vec()
    } else {
        ComponentEncoder::default()
            .validate(true)
            .module(code)
            .context("the module has no component type; use wit_bindgen::generate! and export a handler")?
            .encode()
            .context("the module cannot be made a component")?
    };
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
