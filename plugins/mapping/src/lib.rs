//! Any JSON that a program sends, as Attune's events, by rules in the settings. Each rule says where in the body things stand.

mod bindings;
mod rules;

use attune_vendor::list;
use bindings::attune::host::log;
use bindings::exports::attune::connector::receiving::{Guest, Incoming, Rejection, Request};
use rules::Told;
use serde_json::Value;

struct Mapping;

impl Guest for Mapping {
    fn receive(request: Request) -> Result<Vec<Incoming>, Rejection> {
        attune_guest::on_panic(|text| log::write(log::Level::Error, text));
        let body: Value = serde_json::from_slice(&request.body)
            .map_err(|error| Rejection::Malformed(format!("the body is not JSON: {error}")))?;
        // The schema was checked when they were set.
        let settings: Value = serde_json::from_str(&request.settings).unwrap_or_default();
        let each = settings.get("each").and_then(Value::as_str);
        let news = match each {
            None => std::slice::from_ref(&body),
            Some(place) if body.pointer(place).is_some_and(Value::is_array) => list(&body, place),
            Some(place) => return Err(Rejection::Malformed(format!("there is no list at {place}"))),
        };
        let read = |(at, item): (usize, &Value)| {
            let told = Told { item, headers: &request.headers, zone: &request.zone };
            told.event(&settings, each.map(|_| at))
        };
        let events: Vec<Incoming> = news.iter().enumerate().filter_map(read).collect();
        if events.is_empty() {
            return Err(Rejection::Ignored("a rule says so, or there is no news in it".to_owned()));
        }
        Ok(events)
    }
}
