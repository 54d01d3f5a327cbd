//! `attune inspect` and `attune schema`: what a component file is, and what an author's files may have.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use serde_json::json;

use crate::turn::limits::Limits;
use crate::workbench::{kept, schemas, sizes};

use super::Format;
use super::plugins::{about_json, component_file, describe};

/// Show what a component file is, subscribes to and asks for.
#[derive(Debug, Args)]
pub(super) struct Inspect {
    /// The component file.
    file: PathBuf,
    /// How the result is printed.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Inspect {
    pub(super) fn run(self) -> Result<ExitCode> {
        let shown = || self.file.display().to_string();
        let wasm = component_file(&self.file)?;
        let limits = Limits::default();
        let component = kept::sandbox()?.load(&wasm).with_context(shown)?;
        let about = &component.about;
        let limits = if about.is_roomy() { limits.with_runtime() } else { limits };
        let parts = sizes::parts(&wasm).with_context(shown)?;
        match self.format {
            Format::Text => {
                print!("{}", describe(about, ""));
                let manifest = &about.manifest;
                let settings = manifest.settings["properties"].as_object().into_iter().flatten();
                list(
                    "settings",
                    settings.map(|(name, one)| match one["title"].as_str() {
                        Some(title) => format!("{name}: {title}"),
                        None => name.clone(),
                    }),
                );
                list(
                    "templates",
                    manifest.templates.iter().map(|(name, one)| {
                        let languages: Vec<&str> = one.text.keys().map(String::as_str).collect();
                        format!("{name}, for {} messages, in {}", one.purpose.word(), languages.join(", "))
                    }),
                );
                list("counts", manifest.tally.iter().cloned());
                println!("a run may use at the most");
                println!("  {} ms of computing ({} fuel)", limits.fuel / FUEL_PER_MS, limits.fuel);
                println!("  {} MiB of memory", limits.memory_bytes >> 20);
                println!(
                    "  {} calls to Attune, {} messages, {} notices",
                    limits.host_calls, limits.messages, limits.notices
                );
                println!(
                    "  and keep {} values for a customer, {} KiB in all",
                    limits.state_keys,
                    limits.state_bytes >> 10
                );
                println!("bytes");
                parts.iter().for_each(|part| println!("  {:>9}  {}", part.bytes, part.name));
            }
            Format::Json => {
                let mut told = about_json(about);
                let one = |part: &sizes::Part| json!({ "name": part.name, "bytes": part.bytes });
                told["parts"] = parts.iter().map(one).collect();
                told["limits"] = json!(limits.settable());
                told["settings"] = about.manifest.settings.clone();
                told["templates"] = json!(about.manifest.templates);
                println!("{told}");
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// About how much fuel a millisecond takes, for words only; see [`Limits::fuel`].
const FUEL_PER_MS: u64 = 1_000_000;

fn list(what: &str, lines: impl Iterator<Item = String>) {
    for (number, line) in lines.enumerate() {
        if number == 0 {
            println!("{what}");
        }
        println!("  {line}");
    }
}

/// Print the JSON Schema of an author's files, for editors that complete them.
///
/// Name it in a file's first line, `#:schema PATH`, or in the editor's settings. What `attune new` begins has both in `schemas`.
#[derive(Debug, Args)]
pub(super) struct Schema {
    /// Of which file.
    #[arg(value_enum)]
    of: SchemaOf,
}

/// A file that authors write.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum SchemaOf {
    /// plugin.toml.
    Plugin,
    /// A scenario.
    Scenario,
}

impl Schema {
    pub(super) fn run(self) -> Result<ExitCode> {
        let schema = match self.of {
            SchemaOf::Plugin => schemas::plugin(),
            SchemaOf::Scenario => schemas::scenario(),
        };
        println!("{}", serde_json::to_string_pretty(&schema)?);
        Ok(ExitCode::SUCCESS)
    }
}
