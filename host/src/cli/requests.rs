//! What judges a connector or a channel besides scenarios: requests and messages in files, each with what has to come of it.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::domain::plugin::Installed;
use crate::domain::time::Instant;
use crate::intake::schema::Home;
use crate::sandbox::Sandbox;
use crate::turn::config::{Plugin, check_settings};
use crate::turn::limits::Limits;
use crate::workbench::door;
use crate::workbench::moment::moment;
use crate::workbench::play::{Part, Played};
use crate::workbench::transcript::{self, Line};

use super::test::Case;

/// When requests come that do not say so.
const NOW: &str = "2026-03-02T10:00[Europe/Berlin]";

/// The files in a plugin's `requests` folder, in order.
pub(super) fn files(plugin: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(plugin.join("requests")).into_iter().flatten();
    let mut found: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    found.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    found.sort();
    found
}

/// A component that is called with what stands in a file, as a server would.
pub(super) fn plugin(part: &Part, settings: Value) -> Result<Plugin> {
    check_settings(&part.about.manifest, &settings).map_err(anyhow::Error::msg).context("settings")?;
    let about = part.about.clone();
    let name = about.manifest.name.clone();
    let installed = Installed::new(&name, &about.digest, about.manifest, about.exports, about.wants);
    Ok(Plugin::new(Installed { settings, ..installed }, &Limits::default()))
}

/// Calls a door with the request or message in a file, and holds what comes of it against NAME.transcript beside it; with `update`
/// that is written anew. The file may have `name`, `settings`, `zone`, `country` and `now` (as a time) besides.
pub(super) fn judge(sandbox: &Sandbox, part: &Part, path: PathBuf, update: bool) -> Result<Case> {
    let shown = path.display().to_string();
    let text = std::fs::read_to_string(&path).with_context(|| shown.clone())?;
    let mut file: Value = serde_json::from_str(&text).with_context(|| shown.clone())?;
    let mut taken = |name: &str| file.as_object_mut().and_then(|fields| fields.remove(name));
    let mut word = |name: &str| taken(name).and_then(|value| value.as_str().map(str::to_owned));
    let (name, zone, country) = (word("name"), word("zone"), word("country"));
    let now: Instant = moment(&word("now").unwrap_or_else(|| NOW.to_owned())).with_context(|| shown.clone())?;
    let settings = taken("settings").unwrap_or_else(|| json!({}));
    let home = Home { zone: zone.unwrap_or_else(|| "Europe/Berlin".to_owned()), country };
    let component = sandbox.load(&part.wasm)?;
    let plugin = plugin(part, settings).with_context(|| shown.clone())?;
    let called = door::call(sandbox, &component, &plugin, &home, &[], now, file).with_context(|| shown.clone())?;
    let file_name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let name = name.unwrap_or_else(|| file_name.replace('-', " "));
    let told = serde_json::to_string_pretty(&called.told)?;
    let played = Played {
        name: name.clone(),
        transcript: vec![Line::told(told)],
        ran: door::ran(part, &called),
        ..Played::default()
    };
    let is = transcript::reviewed(&name, &played.transcript);
    let beside = path.with_extension("transcript");
    let reviewed = std::fs::read_to_string(&beside).unwrap_or_default();
    let mut case = Case { file: file_name, path, failure: None, differs: None, wrote: Vec::new(), played };
    let differs = transcript::differs(&reviewed, &is);
    if differs.is_some() && update {
        std::fs::write(&beside, &is).with_context(|| beside.display().to_string())?;
        case.wrote.push(beside);
    } else if differs.is_some() {
        case.failure = Some(format!(
            "{}: what comes of it is not what was reviewed; if it is right, run it with --update",
            beside.display()
        ));
        case.differs = differs;
    }
    Ok(case)
}
