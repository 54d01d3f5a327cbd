//! Acting on an engine as a business's owner does, and as the sources of its events do: what scenarios, `attune dev` and the
//! demonstration share. Each waits until what it did is durable.

use std::sync::Arc;

use anyhow::{Result, anyhow};
use serde_json::Value;

use crate::domain::entry::{Change, Input, PluginChange};
use crate::domain::ids::{BusinessId, CustomerId};
use crate::engine::Engine;
use crate::intake::{self, cloudevent};
use crate::sandbox::About;
use crate::store::Batch;

/// Makes a change as the owner, who goes by the name `by`.
///
/// # Errors
/// Why it is refused.
pub fn change(engine: &Arc<Engine>, business: BusinessId, by: &str, change: Change, batch: Batch) -> Result<()> {
    let input = Input::Owner { by: by.to_owned(), change };
    match engine.act_with(business, CustomerId::BUSINESS, input, batch)?.refused {
        Some((code, words)) => Err(anyhow!("{code}: {words}")),
        None => Ok(()),
    }
}

/// Installs a component under its own name, or another version of it, grants all that it asks for, and turns it on. Without
/// `settings` those that there are stay.
///
/// # Errors
/// Why it is refused.
pub fn install(
    engine: &Arc<Engine>,
    business: BusinessId,
    by: &str,
    about: &About,
    wasm: &[u8],
    settings: Option<Value>,
) -> Result<()> {
    let name = about.manifest.name.clone();
    let (install, batch) = crate::engine::config::install(&name, about, wasm);
    change(engine, business, by, install, batch)?;
    let grants = Some(about.wants.iter().cloned().collect());
    let set = PluginChange { enabled: Some(true), grants, settings, ..PluginChange::default() };
    change(engine, business, by, Change::Plugin { name, seen: None, set: Box::new(set) }, Batch::new())
}

/// Takes a structured CloudEvent, and waits until it is in the journal.
///
/// # Errors
/// That it is none, or what does not fit its schema.
pub fn take(engine: &Arc<Engine>, business: BusinessId, event: &[u8]) -> Result<()> {
    let event = cloudevent::structured(event)?;
    let (sender, receiver) = std::sync::mpsc::sync_channel(1);
    intake::take(engine, business, event, move |result| {
        let _ = sender.send(result);
    });
    match receiver.recv()? {
        Ok(_) => Ok(()),
        Err(intake::NotAccepted::Invalid { kind, misfits }) => {
            let misfits: Vec<_> = misfits.iter().map(|one| format!("{}: {}", one.path, one.rule)).collect();
            Err(anyhow!("the data does not fit {kind}: {}", misfits.join("; ")))
        }
        Err(error) => Err(error.into()),
    }
}
