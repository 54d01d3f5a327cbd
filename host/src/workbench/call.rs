//! One event for one plugin, with a business and a customer made for it: what it asks, is told, and does.

use std::sync::Arc;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::domain::message::Message;
use crate::engine::why::Why;
use crate::sandbox::{Dump, Profile, Sandbox};

use super::play::Part;
use super::scenario::{Person, Scenario};
use super::stage::Stage;
use super::transcript::Line;

/// The customer of an event that names none, by address.
const DEMONSTRATION: &str = "chat:anna";

/// What came of events.
#[derive(Default)]
pub struct Called {
    /// The records of why, in order.
    pub whys: Vec<Why>,
    /// Messages as they were after each entry that changed them.
    pub messages: Vec<Arc<Message>>,
    /// All of it, a line each.
    pub transcript: Vec<Line>,
    /// A WebAssembly core dump for each run that broke off, where the sandbox keeps them.
    pub dumps: Vec<Dump>,
    /// A profile of the plugin, where the sandbox keeps them and it ran.
    pub profile: Option<Profile>,
}

/// Has a plugin handle CloudEvents, one after the other, at the time at which the scenario begins. The scenario gives the business
/// and the plugin's settings. An event of Attune's own that names no customer is about a demonstration customer.
///
/// # Errors
/// When an event is none, or does not fit its schema.
pub fn call(sandbox: &Arc<Sandbox>, part: &Part, mut scenario: Scenario, mut events: Vec<Value>) -> Result<Called> {
    for event in &mut events {
        let kind = event["type"].as_str().unwrap_or_default();
        if kind.starts_with("attune.") && event["data"].get("customer").is_none() {
            let Some(data) = event["data"].as_object_mut() else { bail!("the event's `data` is no object") };
            data.insert("customer".to_owned(), json!({ "addresses": [DEMONSTRATION] }));
        }
        let customer = &event["data"]["customer"];
        let person = serde_json::from_value::<Vec<_>>(customer["addresses"].clone()).unwrap_or_default();
        let word = |name: &str| customer[name].as_str().map(str::to_owned);
        if let Some(first) = person.first().map(ToString::to_string) {
            let alias = word("name").unwrap_or(first);
            if !scenario.customers.iter().any(|known| known.alias == alias) {
                scenario.customers.push(Person {
                    alias,
                    name: word("name"),
                    language: word("language"),
                    zone: word("zone"),
                    postcode: word("postcode"),
                    addresses: person,
                });
            }
        }
    }
    let mut stage = Stage::set(sandbox, &scenario, part, &[])?;
    let mut called = Called::default();
    for event in &events {
        stage.take(event).with_context(|| event["type"].as_str().unwrap_or("the event").to_owned())?;
        let happened = stage.collect()?;
        stage.write_down(&happened);
        called.whys.extend(happened.whys);
        called.messages.extend(happened.messages);
    }
    called.dumps = sandbox.take_dumps();
    called.profile = sandbox.take_profiles().pop();
    called.transcript = stage.transcript().to_vec();
    Ok(called)
}
