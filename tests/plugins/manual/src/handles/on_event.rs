//! `attune:automation/on-event`.

use crate::bindings::attune::host::{customer_notes, orders, staff};
use crate::bindings::attune::types::types::Failure;
use crate::bindings::exports::attune::automation::on_event;
use crate::{Plugin, failed, tell_of_panics};

impl on_event::Guest for Plugin {
    fn handle(kind: String, data: String) -> Result<(), Failure> {
        tell_of_panics();
        let data: serde_json::Value = serde_json::from_str(&data).unwrap_or_default();
        // Every custom event comes here: pick yours.
        match kind.as_str() {
            "bakery.oven.broken.v1" => staff::notify("high", "An oven is broken", &data["oven"].to_string()),
            "bakery.order.paid.v1" => paid(&data)?,
            _ => {}
        }
        Ok(())
    }
}

fn paid(data: &serde_json::Value) -> Result<(), Failure> {
    let Some(number) = data["number"].as_str() else {
        // It will not get better: a dead letter at once.
        return Err(Failure::Reject("the data has no `number`".into()));
    };
    if orders::get(number).is_none() {
        // The shop may tell of it any moment: the same event again, in a minute at the earliest.
        return Err(Failure::Retry((format!("order {number} is not known yet"), 60_000)));
    }
    customer_notes::tag("has paid").map_err(failed)
}
