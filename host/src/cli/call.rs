//! `attune call`: one event for a component file, and what it does with it.

use std::io::Read;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result};
use clap::Args;
use serde_json::{Value, json};

use crate::domain::message::Author;
use crate::domain::time::Instant;
use crate::engine::why::Run;
use crate::intake::schema::Home;
use crate::sandbox::{Component, Sandbox};
use crate::workbench::call::{Called, call};
use crate::workbench::door;
use crate::workbench::kept;
use crate::workbench::moment::moment;
use crate::workbench::play::Part;
use crate::workbench::scenario::{Scenario, Setting};
use crate::world::Test;

use super::Format;
use super::plugins::component_file;
use super::requests;
use super::stamp::stamp;

/// The most bytes of an event's file.
const EVENT_BYTES: u64 = 4 << 20;

/// Have a component file handle an event, and show what it does; or a connector a request, a channel a message.
///
/// A connector takes files with a vendor's request: `headers`, `body`, and perhaps `url`, `body_encoding` (utf-8 or base64) and
/// `signing` with `secret` and `now` (seconds), by which it is verified. A channel takes files with a message: `channel`, `to`, `text`
/// and perhaps the provider's `response`: `status`, `headers`, `body`. A connector that writes back takes files with an `appointment` too: `id`,
/// `answer`, `starts`, and perhaps `service`, `ends`, `version`, `extra`. Exits with 1 if a server would not have taken it.
///
/// The business is made for it, and so is the customer, out of what the event says of them; nothing is kept and nothing is sent.
/// The permissions that the plugin asks for are granted. Exits with 1 if the plugin failed.
#[derive(Debug, Args)]
pub(super) struct Call {
    /// The component file.
    file: PathBuf,
    /// Files with CloudEvents as JSON, handled in this order; `-` is standard input. `{now}`, `{now+3d}` and `{new}` are filled in.
    #[arg(required = true)]
    events: Vec<PathBuf>,
    /// The plugin's settings, as JSON.
    #[arg(long, default_value = "{}")]
    settings: String,
    /// The business's zone.
    #[arg(long, default_value = "Europe/Berlin")]
    zone: String,
    /// The business's country, for telephone numbers without one: two capital letters.
    #[arg(long)]
    country: Option<String>,
    /// The secret with which a vendor's request is verified, instead of the one in its file; twice for two that are good.
    #[arg(long = "secret", env = "ATTUNE_SIGNING_SECRET", hide_env_values = true)]
    secrets: Vec<String>,
    /// The business's language.
    #[arg(long, default_value = "en")]
    language: String,
    /// What time it is: by itself a Monday morning in the business's zone, so that the same call gives the same answer every day.
    #[arg(long)]
    at: Option<String>,
    /// Keep a WebAssembly core dump here if the plugin breaks off, and show files and lines.
    #[arg(long, value_name = "FILE")]
    debug: Option<PathBuf>,
    /// Write here what the plugin spent its time on, as the Firefox Profiler (profiler.firefox.com) opens it.
    #[arg(long, value_name = "FILE")]
    profile: Option<PathBuf>,
    /// How the result is printed.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Call {
    pub(super) fn run(self) -> Result<ExitCode> {
        let looks = self.debug.is_some() || self.profile.is_some();
        let sandbox = if looks { kept::debugging(self.profile.is_some())? } else { kept::sandbox()? };
        let shown = self.file.display().to_string();
        let wasm = component_file(&self.file)?;
        let component = sandbox.load(&wasm).context(shown)?;
        let part = Part { about: component.about.clone(), wasm: Arc::new(wasm) };
        let start = self.at.clone().unwrap_or_else(|| format!("2026-03-02T10:00[{}]", self.zone));
        let world = Test::new(moment(&start).context("--at")?, 1);
        let mut events = Vec::new();
        for file in &self.events {
            let text = stamp(&read(file)?, &world);
            match serde_json::from_str(&text).with_context(|| file.display().to_string())? {
                Value::Array(several) => events.extend(several),
                one => events.push(one),
            }
        }
        let settings: Value = serde_json::from_str(&self.settings).context("--settings: a JSON object is needed")?;
        if events.iter().any(|event| door::is_for_a_door(&component, event)) {
            let home = Home { zone: self.zone.clone(), country: self.country.clone() };
            return at_the_door(&sandbox, (&component, &part), settings, &home, &self, moment(&start)?, events);
        }
        let scenario = Scenario {
            name: "call".to_owned(),
            business: Setting {
                name: "Demonstration".to_owned(),
                zone: self.zone.clone(),
                language: self.language.clone(),
                hours: None,
                quiet: None,
                promises: None,
                simulation: false,
                notices: Vec::new(),
                contact: None,
                start,
            },
            settings: settings.as_object().cloned().unwrap_or_default(),
            plugins: Default::default(),
            knowledge: Vec::new(),
            customers: Vec::new(),
            steps: Vec::new(),
            lines: Vec::new(),
        };
        let called = call(&sandbox, &part, scenario, events)?;
        let runs: Vec<&Run> = called.whys.iter().flat_map(|why| &why.runs).collect();
        match self.format {
            Format::Json => println!("{}", as_json(&called, &runs)),
            Format::Text => print(&called, &part, &runs),
        }
        let dump = called.dumps.first().map(|dump| &dump.bytes);
        let profile = called.profile.as_ref().map(|profile| &profile.json);
        for (file, bytes, none) in [(&self.debug, dump, "broke off"), (&self.profile, profile, "ran")] {
            let Some(file) = file else { continue };
            let Some(bytes) = bytes else {
                eprintln!("{} is not written: nothing {none}", file.display());
                continue;
            };
            std::fs::write(file, bytes).with_context(|| file.display().to_string())?;
            eprintln!("wrote {}", file.display());
        }
        Ok(if runs.iter().any(|run| run.failed) { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }
}

/// Requests for a connector, or messages for a channel.
fn at_the_door(
    sandbox: &Sandbox,
    (component, part): (&Component, &Part),
    settings: Value,
    home: &Home,
    asked: &Call,
    now: Instant,
    files: Vec<Value>,
) -> Result<ExitCode> {
    let plugin = requests::plugin(part, settings).context("--settings")?;
    let mut fine = true;
    for file in files {
        let called = door::call(sandbox, component, &plugin, home, &asked.secrets, now, file)?;
        fine &= called.fine;
        match asked.format {
            Format::Json => println!("{}", called.told),
            Format::Text => println!("{}", serde_json::to_string_pretty(&called.told)?),
        }
    }
    Ok(if fine { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn read(file: &PathBuf) -> Result<String> {
    let mut text = String::new();
    let shown = || file.display().to_string();
    if file.as_os_str() == "-" {
        std::io::stdin().take(EVENT_BYTES).read_to_string(&mut text).with_context(shown)?;
    } else {
        std::fs::File::open(file)
            .with_context(shown)?
            .take(EVENT_BYTES)
            .read_to_string(&mut text)
            .with_context(shown)?;
    }
    Ok(text)
}

fn print(called: &Called, part: &Part, runs: &[&Run]) {
    if runs.is_empty() {
        let manifest = &part.about.manifest;
        println!("{} {} did not run; it runs when", manifest.name, manifest.version);
        part.about.exports.iter().for_each(|export| println!("  {} ({})", export.sentence(), export.word()));
    }
    for run in runs {
        let outcome = if run.failed { "failed" } else { run.outcome.lines().next().unwrap_or_default() };
        println!("{} {} ran {}: {outcome}, {} fuel", run.plugin, run.version, run.export.word(), run.fuel);
        for asked in &run.calls {
            let Ok(asked) = serde_json::from_str::<Value>(asked.get()) else { continue };
            println!("  {} {} -> {}", asked["call"].as_str().unwrap_or_default(), asked["args"], asked["result"]);
        }
        if run.left_out > 0 {
            println!("  and {} calls more", run.left_out);
        }
    }
    println!("what came of it");
    // That it ran stands above.
    let lines = called.transcript.iter().filter(|line| !line.debug || !line.text.contains(" ran "));
    lines.for_each(|line| println!("  {line}"));
    if called.transcript.is_empty() {
        println!("  nothing");
    }
}

fn as_json(called: &Called, runs: &[&Run]) -> Value {
    // A message is told as it is in the end.
    let last = |at: usize, id| !called.messages.iter().skip(at + 1).any(|later| later.id == id);
    let of_plugins = called.messages.iter().enumerate().filter(|(_, message)| message.author != Author::Customer);
    let messages: Vec<Value> = of_plugins
        .filter(|(at, message)| last(*at, message.id))
        .map(|(_, message)| {
            json!({
                "id": message.id, "channel": message.channel, "author": message.author.word(), "text": message.text,
                "subject": message.subject, "state": message.delivery.word(), "origin": message.origin,
            })
        })
        .collect();
    let refused: Vec<&(String, String)> = called.whys.iter().filter_map(|why| why.refused.as_ref()).collect();
    let noted: Vec<&String> = called.whys.iter().flat_map(|why| &why.host).collect();
    json!({ "runs": runs, "messages": messages, "noted": noted, "refused": refused })
}
