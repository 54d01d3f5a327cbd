//! `attune diff`: what changes for an owner from one component file to another.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result};
use clap::Args;
use serde_json::json;

use crate::workbench::changes::{Change, changes};
use crate::workbench::kept;
use crate::workbench::play::{Part, play};
use crate::workbench::scenario::Scenario;
use crate::workbench::transcript::{self, Mark};

use super::Format;
use super::plugins::component_file;
use super::test::{neighbours, scenario_files};

/// The exit code where the plugin does not run again before its owner has agreed.
const NEEDS_APPROVAL: u8 = 3;

/// Show what changes from one component file to another.
///
/// Permissions, subscriptions, settings and templates, and with --scenarios what happens differently in them. Exits with 0 if the new
/// one may take the place of the old one as it is, with 3 if the owner has to agree to permissions first.
#[derive(Debug, Args)]
pub(super) struct Diff {
    /// The component file that runs now.
    old: PathBuf,
    /// The component file that is to take its place.
    new: PathBuf,
    /// Scenario files, or folders of them, to play with both.
    #[arg(long, value_name = "PATH")]
    scenarios: Vec<PathBuf>,
    /// How the result is printed.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// A scenario in which the two behave differently.
struct Behaves {
    file: PathBuf,
    name: String,
    lines: Vec<(Mark, String)>,
}

impl Diff {
    pub(super) fn run(self) -> Result<ExitCode> {
        let sandbox = kept::sandbox()?;
        let part = |file: &PathBuf| -> Result<Part> {
            let wasm = component_file(file)?;
            let component = sandbox.load(&wasm).with_context(|| file.display().to_string())?;
            Ok(Part { about: component.about.clone(), wasm: Arc::new(wasm) })
        };
        let (old, new) = (part(&self.old)?, part(&self.new)?);
        let changes = changes(&old.about, &new.about);
        let mut behaves = Vec::new();
        if !self.scenarios.is_empty() {
            for file in scenario_files(&self.new, &self.scenarios)? {
                let scenario = Scenario::read(&file)?;
                let others = neighbours(&sandbox, &self.new, &file, &scenario, &mut Default::default())?;
                // What is expected is of no concern here: steps run to the end with both.
                let scenario = scenario.without_expectations();
                let text = |part: &Part| -> Result<String> {
                    let played =
                        play(&sandbox, &scenario, part, &others, true).with_context(|| file.display().to_string())?;
                    let mut text = transcript::reviewed(&scenario.name, &played.transcript);
                    text.extend(
                        played.failure.map(|failure| format!("step {}: {}\n", failure.step + 1, failure.words)),
                    );
                    Ok(text)
                };
                if let Some(lines) = transcript::differs(&text(&old)?, &text(&new)?) {
                    behaves.push(Behaves { file, name: scenario.name.clone(), lines });
                }
            }
        }
        let approval = changes.iter().any(|change| change.needs_approval);
        match self.format {
            Format::Text => print(&changes, &behaves, approval),
            Format::Json => println!("{}", as_json(&changes, &behaves, approval)),
        }
        Ok(if approval { ExitCode::from(NEEDS_APPROVAL) } else { ExitCode::SUCCESS })
    }
}

fn print(changes: &[Change], behaves: &[Behaves], approval: bool) {
    for change in changes {
        let words =
            if change.words.is_empty() { String::new() } else { format!(": {}", change.words.replace('\n', " / ")) };
        println!("{} {} {}{words}", change.sign, change.of, change.name);
    }
    for one in behaves {
        println!("~ behaviour {}: {}", one.file.display(), one.name);
        for (mark, line) in &one.lines {
            println!("{}", format!("    {} {line}", mark.sign()).trim_end());
        }
    }
    if changes.is_empty() && behaves.is_empty() {
        println!("nothing changes for the owner");
    }
    println!("{}", if approval { "the owner has to approve the new permissions" } else { "no approval is needed" });
}

fn as_json(changes: &[Change], behaves: &[Behaves], approval: bool) -> serde_json::Value {
    let change = |one: &Change| {
        json!({
            "sign": one.sign, "of": one.of, "name": one.name, "words": one.words, "needs_approval": one.needs_approval,
        })
    };
    let behaviour = |one: &Behaves| {
        let lines: Vec<String> = one.lines.iter().map(|(mark, line)| format!("{}{line}", mark.sign())).collect();
        json!({ "file": one.file, "name": one.name, "lines": lines })
    };
    json!({
        "needs_approval": approval,
        "changes": changes.iter().map(change).collect::<Vec<_>>(),
        "behaviour": behaves.iter().map(behaviour).collect::<Vec<_>>(),
    })
}
