//! `attune:automation/on-event`.

use crate::bindings::attune::host::staff;
use crate::bindings::attune::types::types::Failure;
use crate::bindings::exports::attune::automation::on_event;
use crate::{Plugin, tell_of_panics};

impl on_event::Guest for Plugin {
    fn handle(kind: String, data: String) -> Result<(), Failure> {
        tell_of_panics();
        // Every custom event comes here: pick yours.
        if kind != "bakery.oven.broken.v1" {
            return Ok(());
        }
        let Ok(data) = serde_json::from_str::<serde_json::Value>(&data) else {
            return Err(Failure::Reject("the data is no JSON".into()));
        };
        let Some(oven) = data["oven"].as_str() else {
            return Err(Failure::Reject("the data has no `oven`".into()));
        };
        staff::notify("high", "An oven is broken", oven);
        Ok(())
    }
}
