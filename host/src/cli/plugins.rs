//! What a plugin author calls: build, test, inspect.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::json;

use crate::domain::plugin::permission_sentence;
use crate::sandbox::{About, Cache, Compiler, Sandbox};
use crate::turn::limits::Limits;
use crate::workbench::build::{self, plugins_in};
use crate::workbench::play::{Part, Played, play};
use crate::workbench::scenario::Scenario;

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

/// Play plugins' scenarios on a virtual clock.
///
/// Builds each plugin and plays every file in its `scenarios` folder with the real engine, gate and sandbox. Exits with 1 if one
/// fails.
#[derive(Debug, Args)]
pub(super) struct Test {
    /// Plugin folders, or folders of plugins.
    #[arg(default_value = ".")]
    folders: Vec<PathBuf>,
    /// Only scenarios whose file name or name has this in it.
    #[arg(long)]
    filter: Option<String>,
    /// Print what happened in every scenario, not only in failed ones.
    #[arg(long, short)]
    verbose: bool,
    /// How the result is printed.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Show what a component file is, subscribes to and asks for.
#[derive(Debug, Args)]
pub(super) struct Inspect {
    /// The component file.
    file: PathBuf,
    /// How the result is printed.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// The folders of plugins in some folders.
pub(super) fn all_plugins(folders: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for folder in folders {
        let plugins = plugins_in(folder);
        if plugins.is_empty() {
            bail!("{}: no plugin here; a plugin's folder has a plugin.toml", folder.display());
        }
        found.extend(plugins);
    }
    Ok(found)
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
        let sandbox = Sandbox::new(Cache::none(), Compiler::child(&Limits::default()))?;
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

impl Inspect {
    pub(super) fn run(self) -> Result<ExitCode> {
        let wasm = std::fs::read(&self.file).with_context(|| self.file.display().to_string())?;
        let component = Sandbox::new(Cache::none(), Compiler::child(&Limits::default()))?
            .load(&wasm)
            .with_context(|| self.file.display().to_string())?;
        match self.format {
            Format::Text => print!("{}", describe(&component.about, "")),
            Format::Json => println!("{}", about_json(&component.about)),
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn about_json(about: &About) -> serde_json::Value {
    json!({
        "name": about.manifest.name,
        "version": about.manifest.version,
        "description": about.manifest.description,
        "digest": about.digest,
        "size_bytes": about.size_bytes,
        "subscribes_to": about.exports,
        "may": about.wants,
        "imports": about.imports,
    })
}

fn describe(about: &About, indent: &str) -> String {
    let manifest = &about.manifest;
    let mut lines = vec![
        format!("{} {}: {}", manifest.name, manifest.version, manifest.description),
        format!("{} bytes, sha256 {}", about.size_bytes, about.digest),
        "runs when".to_owned(),
    ];
    lines.extend(about.exports.iter().map(|export| format!("  {}", export.sentence())));
    lines.push("may".to_owned());
    lines.extend(
        about.wants.iter().filter_map(|want| permission_sentence(want)).map(|sentence| format!("  {sentence}")),
    );
    lines.into_iter().map(|line| format!("{indent}{line}\n")).collect()
}

impl Test {
    pub(super) fn run(self) -> Result<ExitCode> {
        let sandbox = Sandbox::new(Cache::memory(), Compiler::child(&Limits::default()))?;
        let mut parts: BTreeMap<PathBuf, Part> = BTreeMap::new();
        let mut results = Vec::new();
        for folder in all_plugins(&self.folders)? {
            let part = part(&sandbox, &folder, &mut parts)?;
            let name = part.about.manifest.name.clone();
            let mut ran: Vec<String> = Vec::new();
            for file in scenario_files(&folder)? {
                let scenario = Scenario::read(&file)?;
                let shown = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
                if self.filter.as_ref().is_some_and(|part| !shown.contains(part) && !scenario.name.contains(part)) {
                    continue;
                }
                let mut others = Vec::new();
                for other in scenario.plugins.keys() {
                    let beside = folder.parent().unwrap_or(Path::new(".")).join(other);
                    others.push((other.clone(), self::part(&sandbox, &beside, &mut parts)?));
                }
                let played = play(&sandbox, &scenario, &part, &others).with_context(|| file.display().to_string())?;
                ran.extend(played.ran.get(&name).into_iter().flatten().cloned());
                if self.format == Format::Text {
                    self.print(&name, &shown, &played);
                }
                results.push((name.clone(), shown, played));
            }
            if self.format == Format::Text && self.filter.is_none() {
                for export in part.about.exports.iter().filter(|export| !ran.iter().any(|one| one == export.word())) {
                    println!("{name}: no scenario runs {}", export.word());
                }
            }
        }
        let failed = results.iter().filter(|(_, _, played)| played.failure.is_some()).count();
        let passed = results.len() - failed;
        match self.format {
            Format::Text => println!("\n{passed} passed, {failed} failed"),
            Format::Json => println!("{}", results_json(&results)),
        }
        if results.is_empty() {
            bail!("no scenario was played; put files into the plugin's `scenarios` folder, or change --filter");
        }
        Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    fn print(&self, plugin: &str, file: &str, played: &Played) {
        let color = std::io::stdout().is_terminal();
        let (red, green, plain) = if color { ("\x1b[31m", "\x1b[32m", "\x1b[0m") } else { ("", "", "") };
        match &played.failure {
            None => println!("{green}ok{plain}     {plugin}/{file}: {}", played.name),
            Some(failure) => println!("{red}FAILED{plain} {plugin}/{file}: {}\n  {failure}", played.name),
        }
        if played.failure.is_some() || self.verbose {
            for line in &played.transcript {
                println!("    {line}");
            }
        }
        let _ = std::io::stdout().flush();
    }
}

fn results_json(results: &[(String, String, Played)]) -> serde_json::Value {
    let one = |(plugin, file, played): &(String, String, Played)| {
        json!({
            "plugin": plugin,
            "file": file,
            "name": played.name,
            "passed": played.failure.is_none(),
            "failure": played.failure,
            "transcript": played.transcript,
            "most_fuel": played.most_fuel,
        })
    };
    results.iter().map(one).collect()
}

fn part(sandbox: &Arc<Sandbox>, folder: &Path, parts: &mut BTreeMap<PathBuf, Part>) -> Result<Part> {
    if let Some(part) = parts.get(folder) {
        return Ok(part.clone());
    }
    let built = build::build(folder, None)?;
    let component = sandbox.load(&built.wasm).with_context(|| format!("plugin {}", built.name))?;
    let part = Part { about: component.about.clone(), wasm: Arc::new(built.wasm) };
    parts.insert(folder.to_path_buf(), part.clone());
    Ok(part)
}

fn scenario_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let scenarios = folder.join("scenarios");
    let entries = std::fs::read_dir(&scenarios)
        .with_context(|| format!("{}: a plugin's scenarios stand here", scenarios.display()))?;
    let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    files.sort();
    Ok(files)
}
