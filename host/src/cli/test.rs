//! `attune test`: which plugins are judged by which scenarios, and how the result is printed.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::json;

use crate::sandbox::{Cache, Compiler, Sandbox};
use crate::turn::limits::Limits;
use crate::workbench::build;
use crate::workbench::play::{Part, Played, play};
use crate::workbench::scenario::Scenario;

use super::Format;
use super::plugins::all_plugins;

/// Play plugins' scenarios on a virtual clock.
///
/// Builds each plugin and plays every file in its `scenarios` folder with the real engine, gate and sandbox. A component file is
/// played as it is. Exits with 1 if a scenario fails.
#[derive(Debug, Args)]
pub(super) struct Test {
    /// Plugin folders, folders of plugins, or component files.
    #[arg(default_value = ".", value_name = "PLUGIN")]
    plugins: Vec<PathBuf>,
    /// Scenario files, or folders of them, to play instead of those in the plugin's own `scenarios` folder.
    #[arg(long, value_name = "PATH")]
    scenarios: Vec<PathBuf>,
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

impl Test {
    pub(super) fn run(self) -> Result<ExitCode> {
        let sandbox = Sandbox::new(Cache::none(), Compiler::child(&Limits::default()))?;
        let mut parts: BTreeMap<PathBuf, Part> = BTreeMap::new();
        let mut results = Vec::new();
        for plugin in subjects(&self.plugins)? {
            let part = part(&sandbox, &plugin, &mut parts)?;
            let name = part.about.manifest.name.clone();
            let mut ran: Vec<String> = Vec::new();
            for file in scenario_files(&plugin, &self.scenarios)? {
                let scenario = Scenario::read(&file)?;
                let shown = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
                if self.filter.as_ref().is_some_and(|part| !shown.contains(part) && !scenario.name.contains(part)) {
                    continue;
                }
                let mut others = Vec::new();
                for other in scenario.plugins.keys() {
                    let found = beside(&plugin, &file, other)?;
                    others.push((other.clone(), self::part(&sandbox, &found, &mut parts)?));
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

/// What is judged: folders of one plugin each, and component files.
fn subjects(named: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for path in named {
        match is_component(path) {
            true => found.push(path.clone()),
            false => found.extend(all_plugins(std::slice::from_ref(path))?),
        }
    }
    Ok(found)
}

fn is_component(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "wasm") && !path.is_dir()
}

/// A plugin, built if it is a folder, read if it is a file.
fn part(sandbox: &Arc<Sandbox>, plugin: &Path, parts: &mut BTreeMap<PathBuf, Part>) -> Result<Part> {
    if let Some(part) = parts.get(plugin) {
        return Ok(part.clone());
    }
    let (name, wasm) = if is_component(plugin) {
        let shown = plugin.display().to_string();
        (shown.clone(), std::fs::read(plugin).context(shown)?)
    } else {
        let built = build::build(plugin, None)?;
        (format!("plugin {}", built.name), built.wasm)
    };
    let component = sandbox.load(&wasm).context(name)?;
    let part = Part { about: component.about.clone(), wasm: Arc::new(wasm) };
    parts.insert(plugin.to_path_buf(), part.clone());
    Ok(part)
}

/// Another plugin that a scenario names: beside the one that is judged, else beside the folder that holds the scenarios.
fn beside(plugin: &Path, scenario: &Path, other: &str) -> Result<PathBuf> {
    let whole = std::fs::canonicalize(plugin).with_context(|| plugin.display().to_string())?;
    let of_scenario = std::fs::canonicalize(scenario).with_context(|| scenario.display().to_string())?;
    let places = [whole.parent(), of_scenario.ancestors().nth(3)].into_iter().flatten();
    let choices = places.clone().flat_map(|place| [place.join(other), place.join(format!("{other}.wasm"))]);
    let mut found = choices.filter(|path| is_component(path) && path.is_file() || path.join("plugin.toml").is_file());
    found.next().with_context(|| {
        let looked: Vec<String> = places.map(|place| place.display().to_string()).collect();
        format!(
            "{}: plugins.{other}: there is neither a folder `{other}` with a plugin nor `{other}.wasm` in {}",
            scenario.display(),
            looked.join(" or ")
        )
    })
}

/// The scenario files by which a plugin is judged, in order: those named, else its own.
fn scenario_files(plugin: &Path, named: &[PathBuf]) -> Result<Vec<PathBuf>> {
    if named.is_empty() && is_component(plugin) {
        bail!("{}: a component file has no scenarios beside it; name them with --scenarios", plugin.display());
    }
    let own = [plugin.join("scenarios")];
    let mut files = Vec::new();
    for place in if named.is_empty() { &own } else { named } {
        if place.is_file() {
            files.push(place.clone());
            continue;
        }
        let entries = std::fs::read_dir(place)
            .with_context(|| format!("{}: a plugin's scenarios stand here", place.display()))?;
        let mut found: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
        found.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
        found.sort();
        files.extend(found);
    }
    Ok(files)
}
