//! What a plugin author calls: build.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, anyhow, bail};
use clap::Args;
use serde_json::json;

use crate::domain::plugin::permission_sentence;
use crate::sandbox::About;
use crate::turn::limits::Limits;
use crate::workbench::build::{self, plugins_in};
use crate::workbench::kept;

use super::Format;

/// Build plugins into component files.
///
/// Each folder is a plugin (it has a plugin.toml) or holds plugins. The files go to `plugins` in Cargo's target directory.
#[derive(Debug, Args)]
pub(super) struct Build {
    /// Plugin folders, or folders of plugins.
    #[arg(default_value = ".")]
    folders: Vec<PathBuf>,
    /// Where the files go instead.
    #[arg(long)]
    out: Option<PathBuf>,
    /// How the result is printed.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) fn all_plugins(folders: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for folder in folders {
        let plugins = plugins_in(folder);
        if plugins.is_empty() {
            let at = folder.display();
            if folder.is_file() {
                bail!("{at}: this is a file; name the plugin's folder, which has a plugin.toml");
            }
            bail!("{at}: no plugin here; a plugin's folder has a plugin.toml");
        }
        found.extend(plugins);
    }
    Ok(found)
}

/// Reads a component file.
pub(super) fn component_file(file: &Path) -> Result<Vec<u8>> {
    let at = file.display();
    if file.is_dir() {
        bail!("{at}: this is a folder; name a component file: `attune build {at}` prints where it puts one");
    }
    std::fs::read(file).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => anyhow!("{at}: there is no such file; `attune build` prints where it puts one"),
        _ => anyhow!("{at}: {error}"),
    })
}

/// Builds the plugin in a folder and prints where its file is. Whoever started it holds its input: when that ends they are gone,
/// and nobody wants the file any more.
pub(super) fn build_one(folder: &Path, out: &Path) -> Result<ExitCode> {
    std::thread::spawn(|| {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        std::process::exit(1);
    });
    println!("{}", build::build(folder, Some(out))?.path.display());
    Ok(ExitCode::SUCCESS)
}

impl Build {
    pub(super) fn run(self) -> Result<ExitCode> {
        let sandbox = kept::sandbox()?;
        let mut built = Vec::new();
        for folder in all_plugins(&self.folders)? {
            let one = build::build(&folder, self.out.as_deref())?;
            let component = sandbox.load(&one.wasm).with_context(|| format!("plugin {}", one.name))?;
            if self.format == Format::Text {
                println!("{}", one.path.display());
                print!("{}", describe(&component.about, "  "));
            }
            built.push(json!({ "path": one.path, "about": about_json(&component.about) }));
        }
        if self.format == Format::Json {
            println!("{}", serde_json::Value::from(built));
        }
        Ok(ExitCode::SUCCESS)
    }
}

pub(super) fn about_json(about: &About) -> serde_json::Value {
    json!({
        "name": about.manifest.name,
        "version": about.manifest.version,
        "description": about.manifest.description,
        "digest": about.digest,
        "signer": about.signer,
        "size_bytes": about.size_bytes,
        "subscribes_to": about.exports,
        "runtime": about.runtime,
        "composed": about.composed,
        "may": about.wants,
        "imports": about.imports,
    })
}

pub(super) fn describe(about: &About, indent: &str) -> String {
    let manifest = &about.manifest;
    let mut lines = vec![
        format!("{} {}: {}", manifest.name, manifest.version, manifest.description),
        format!("{} bytes, sha256 {}", about.size_bytes, about.digest),
        super::publish::by_whom(about.signer.as_deref()),
    ];
    if about.is_roomy() {
        let what = if about.runtime { "has the runtime of a language in it" } else { "is several components in one" };
        lines.push(roomy_sentence(what, &Limits::default()));
    }
    lines.push("runs when".to_owned());
    lines.extend(about.exports.iter().map(|export| format!("  {}", export.sentence())));
    lines.push("may".to_owned());
    lines.extend(
        about.wants.iter().filter_map(|want| permission_sentence(want)).map(|sentence| format!("  {sentence}")),
    );
    lines.into_iter().map(|line| format!("{indent}{line}\n")).collect()
}

/// What a component that needs room costs its host.
fn roomy_sentence(what: &str, limits: &Limits) -> String {
    let more = |with: u64, without: u64| with / without.max(1);
    let roomy = limits.with_runtime();
    format!(
        "{what}: may compute {} times as long as others and take {} MiB of memory",
        more(roomy.fuel, limits.fuel),
        roomy.memory_bytes >> 20
    )
}
