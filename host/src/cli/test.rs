//! `attune test`: which plugins are judged by which scenarios, and when again.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};

use crate::sandbox::{About, Sandbox};
use crate::workbench::play::{Part, Played, play};
use crate::workbench::scenario::Scenario;
use crate::workbench::transcript::{self, Mark};
use crate::workbench::{build, kept};

use super::plugins::{all_plugins, component_file};
use super::requests;
use super::verdict;

/// Play plugins' scenarios on a virtual clock.
///
/// Builds each plugin and plays every file in its `scenarios` folder with the real engine, gate and sandbox; a connector or a channel is
/// called with every request or message in its `requests` folder too, each with its own NAME.transcript. A component file is
/// played as it is. Beside NAME.toml (if that is a link: beside what it leads to) there may be NAME.transcript: what happens has to be what stands there. Exits with 1 if a
/// scenario fails.
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
    /// Write transcripts anew: those that there are, and one for each scenario without any expectation. Look at what changed.
    #[arg(long)]
    update: bool,
    /// Play again whenever a file of the plugins or scenarios changes, until it is stopped.
    #[arg(long)]
    watch: bool,
    /// Keep a WebAssembly core dump of each run that breaks off, in this folder (without one: here), and show files and lines.
    #[arg(long, value_name = "FOLDER", num_args = 0..=1, require_equals = true, default_missing_value = ".")]
    debug: Option<PathBuf>,
    /// Write for each scenario and plugin what the plugin spent its time on, in this folder (without one: here), as the Firefox
    /// Profiler (profiler.firefox.com) opens it. It counts calls and turns of loops, so it is the same every time.
    #[arg(long, value_name = "FOLDER", num_args = 0..=1, require_equals = true, default_missing_value = ".")]
    profile: Option<PathBuf>,
    /// Print what happened in every scenario, not only in failed ones, with the fuel each run used.
    #[arg(long, short)]
    verbose: bool,
    /// How the result is printed.
    #[arg(long, value_enum, default_value_t)]
    format: TestFormat,
}

/// How the result of a test is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(super) enum TestFormat {
    /// For people.
    #[default]
    Text,
    /// For scripts: one JSON document.
    Json,
    /// For build servers: JUnit's XML.
    Junit,
}

/// A plugin that was judged.
pub(super) struct Judged {
    /// What it says of itself.
    pub(super) about: About,
    /// By what, in order.
    pub(super) cases: Vec<Case>,
}

/// A scenario that was played.
pub(super) struct Case {
    /// The file's name without its ending.
    pub(super) file: String,
    /// Where it is.
    pub(super) path: PathBuf,
    /// How it went.
    pub(super) played: Played,
    /// What went wrong, with its place; none if it passed.
    pub(super) failure: Option<String>,
    /// What differs from the reviewed transcript.
    pub(super) differs: Option<Vec<(Mark, String)>>,
    /// Files that were written: a transcript, core dumps, profiles.
    pub(super) wrote: Vec<PathBuf>,
}

impl Judged {
    /// The subscriptions that no scenario made run.
    pub(super) fn never_ran(&self) -> Vec<&'static str> {
        let own = |case: &Case| case.played.ran.get(&self.about.manifest.name).cloned().unwrap_or_default();
        let ran: BTreeSet<String> = self.cases.iter().flat_map(own).collect();
        self.about.exports.iter().map(|export| export.word()).filter(|word| !ran.contains(*word)).collect()
    }
}

impl Test {
    pub(super) fn run(self) -> Result<ExitCode> {
        let looks = self.debug.is_some() || self.profile.is_some();
        let sandbox = if looks { kept::debugging(self.profile.is_some())? } else { kept::sandbox()? };
        if !self.watch {
            return self.once(&sandbox);
        }
        loop {
            let seen = self.changed();
            match self.once(&sandbox) {
                Ok(_) => {}
                Err(error) => eprintln!("error: {error:#}"),
            }
            eprintln!("waiting for a change; Ctrl+C ends it");
            while self.changed() == seen {
                std::thread::sleep(LOOK);
            }
        }
    }

    fn once(&self, sandbox: &Arc<Sandbox>) -> Result<ExitCode> {
        let mut parts: BTreeMap<PathBuf, Part> = BTreeMap::new();
        let mut judged = Vec::new();
        for plugin in subjects(&self.plugins)? {
            let part = part(sandbox, &plugin, &mut parts)?;
            let mut cases = Vec::new();
            for path in scenario_files(&plugin, &self.scenarios)? {
                let scenario = Scenario::read(&path)?;
                let file = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
                if self.filter.as_ref().is_some_and(|part| !file.contains(part) && !scenario.name.contains(part)) {
                    continue;
                }
                let others = neighbours(sandbox, &plugin, &path, &scenario, &mut parts)?;
                let case = self.judge(sandbox, &scenario, path, file, &part, &others)?;
                if self.format == TestFormat::Text {
                    verdict::print_case(&part.about, &case, self.verbose);
                }
                cases.push(case);
            }
            for path in requests::files(&plugin) {
                let file = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
                if self.filter.as_ref().is_some_and(|part| !file.contains(part)) {
                    continue;
                }
                let case = requests::judge(sandbox, &part, path, self.update)?;
                if self.format == TestFormat::Text {
                    verdict::print_case(&part.about, &case, self.verbose);
                }
                cases.push(case);
            }
            let one = Judged { about: part.about, cases };
            if self.format == TestFormat::Text && self.filter.is_none() && !one.cases.is_empty() {
                verdict::print_coverage(&one);
            }
            judged.push(one);
        }
        let cases = || judged.iter().flat_map(|one| &one.cases);
        let failed = cases().filter(|case| case.failure.is_some()).count();
        match self.format {
            TestFormat::Text => println!("\n{} passed, {failed} failed", cases().count() - failed),
            TestFormat::Json => println!("{}", verdict::json(&judged)),
            TestFormat::Junit => print!("{}", verdict::junit(&judged)),
        }
        if cases().count() == 0 {
            bail!("no scenario was played; put files into the plugin's `scenarios` folder, or change --filter");
        }
        Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    /// Plays a scenario, and holds what happened against its reviewed transcript, if it has one.
    fn judge(
        &self,
        sandbox: &Arc<Sandbox>,
        scenario: &Scenario,
        path: PathBuf,
        file: String,
        part: &Part,
        others: &[(String, Part)],
    ) -> Result<Case> {
        let shown = path.display().to_string();
        // Where several folders share one scenario by links, they share its transcript too.
        let real = if path.is_symlink() { std::fs::canonicalize(&path).ok() } else { None };
        let beside = real.as_ref().unwrap_or(&path).with_extension("transcript");
        let reviewed = match std::fs::read_to_string(&beside) {
            Ok(text) => Some(text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(error).with_context(|| beside.display().to_string()),
        };
        let without = scenario.steps.iter().all(|step| step.expect.is_empty());
        let judged = reviewed.is_some() || (self.update && without);
        let played = play(sandbox, scenario, part, others, judged).with_context(|| shown.clone())?;
        let hint = if without { HINT } else { "" };
        let failure = played
            .failure
            .as_ref()
            .map(|failure| format!("{}: {}{hint}", scenario.place(&shown, failure.step), failure.words));
        let mut case = Case { file, path, failure, differs: None, wrote: Vec::new(), played };
        if judged && case.failure.is_none() {
            let is = transcript::reviewed(&scenario.name, &case.played.transcript);
            case.differs = transcript::differs(reviewed.as_deref().unwrap_or_default(), &is);
            if case.differs.is_some() && self.update {
                std::fs::write(&beside, &is).with_context(|| beside.display().to_string())?;
                case.wrote.push(beside);
                case.differs = None;
            } else if case.differs.is_some() {
                case.failure = Some(format!(
                    "{}: what happened is not what was reviewed; if it is right, run it with --update",
                    beside.display()
                ));
            }
        }
        self.keep_looks(&mut case)?;
        Ok(case)
    }

    /// Writes core dumps and profiles of what was played.
    fn keep_looks(&self, case: &mut Case) -> Result<()> {
        let Case { file, played, wrote, .. } = case;
        let mut write = |folder: &Path, name: String, bytes: &[u8]| {
            let at = folder.join(name);
            let written = std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&at, bytes));
            written.with_context(|| at.display().to_string())?;
            wrote.push(at);
            anyhow::Ok(())
        };
        for (number, dump) in played.dumps.iter().enumerate() {
            let Some(folder) = &self.debug else { break };
            let name = format!("{}-{file}-{}-{}.coredump", dump.plugin, dump.export.word(), number + 1);
            write(folder, name, &dump.bytes)?;
        }
        for profile in &played.profiles {
            let Some(folder) = &self.profile else { break };
            write(folder, format!("{}-{file}.profile.json", profile.plugin), &profile.json)?;
        }
        Ok(())
    }

    /// What is watched: every file of the plugins and scenarios, with when it was written.
    fn changed(&self) -> BTreeMap<PathBuf, Option<SystemTime>> {
        let mut seen = BTreeMap::new();
        let mut todo: Vec<PathBuf> = self.plugins.iter().chain(&self.scenarios).cloned().collect();
        while let Some(path) = todo.pop() {
            if seen.len() >= WATCHED {
                break;
            }
            match std::fs::read_dir(&path) {
                Ok(entries) => {
                    todo.extend(entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| is_source(path)))
                }
                Err(_) => drop(seen.insert(path.clone(), path.metadata().and_then(|found| found.modified()).ok())),
            }
        }
        seen
    }
}

/// What to do about a scenario that says nothing of what is expected.
const HINT: &str =
    "\n    nothing is expected in this scenario: write what is, or have its transcript written with --update";

/// How often it is looked whether something changed.
const LOOK: Duration = Duration::from_millis(200);

/// The most files that are watched.
const WATCHED: usize = 10_000;

/// Whether somebody writes it by hand: not what compilers and package tools make, and not what `--update`, `--debug` and `--profile` write.
fn is_source(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let made = ["target", "node_modules", "__pycache__", "dist", "build"].contains(&name.as_ref());
    !made
        && !name.starts_with('.')
        && !name.ends_with(".transcript")
        && !name.ends_with(".coredump")
        && !name.ends_with(".profile.json")
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
        (shown.clone(), component_file(plugin)?)
    } else {
        let built = build::build(plugin, None)?;
        (format!("plugin {}", built.name), built.wasm)
    };
    let component = sandbox.load(&wasm).context(name)?;
    let part = Part { about: component.about.clone(), wasm: Arc::new(wasm) };
    parts.insert(plugin.to_path_buf(), part.clone());
    Ok(part)
}

/// The other plugins that a scenario names.
pub(super) fn neighbours(
    sandbox: &Arc<Sandbox>,
    plugin: &Path,
    file: &Path,
    scenario: &Scenario,
    parts: &mut BTreeMap<PathBuf, Part>,
) -> Result<Vec<(String, Part)>> {
    let mut others = Vec::new();
    for other in scenario.plugins.keys() {
        let found = beside(plugin, file, other)?;
        others.push((other.clone(), part(sandbox, &found, parts)?));
    }
    Ok(others)
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
pub(super) fn scenario_files(plugin: &Path, named: &[PathBuf]) -> Result<Vec<PathBuf>> {
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
        if named.is_empty() && !place.exists() && !requests::files(plugin).is_empty() {
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
