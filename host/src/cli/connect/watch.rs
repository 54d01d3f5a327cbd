//! Waiting for a vendor's requests, and showing each as it was understood or with why it was refused.

use std::collections::HashMap;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};

use crate::domain::time::Instant;
use crate::world::{Serve, World};

use super::super::Format;
use super::super::remote::{Body, Server, segment};
use super::super::troubles::trouble;

/// How often the server is asked.
const PAUSE: Duration = Duration::from_secs(1);

/// How often, and after what time again, a customer is looked up whose event has not had its turn yet.
const LOOKS: u32 = 10;
const LOOK_PAUSE: Duration = Duration::from_millis(100);

/// What had come before, which is not shown.
#[derive(Default)]
pub(super) struct Before {
    /// The number of the last request that was taken.
    taken: u64,
    /// The last refusal for each reason.
    refused: HashMap<String, u64>,
}

impl Before {
    /// What has come until now.
    pub(super) fn now(server: &Server, vendor: &str) -> Result<Self> {
        let mut before = Self::default();
        before.news(&requests(server, vendor)?);
        Ok(before)
    }

    /// What is new: what was refused, then what was taken, oldest first.
    fn news(&mut self, requests: &Value) -> (Vec<Value>, Vec<Value>) {
        let list = |name: &str| requests[name].as_array().cloned().unwrap_or_default().into_iter().rev();
        let number = |taken: &Value| taken["number"].as_u64().unwrap_or_default();
        let last = list("taken").map(|taken| number(&taken)).max().unwrap_or_default();
        if last < self.taken {
            // The server was started anew, and counts anew.
            self.taken = 0;
        }
        let taken = list("taken").filter(|taken| number(taken) > self.taken).collect();
        self.taken = last;
        let refused = list("refused").filter(|one| {
            let (reason, at) = (one["reason"].as_str().unwrap_or_default(), one["at"].as_u64().unwrap_or_default());
            self.refused.insert(reason.to_owned(), at).is_none_or(|before| at > before)
        });
        (refused.collect(), taken)
    }

    /// Shows what comes, until the time is over, or with `once` the first request was taken.
    pub(super) fn watch(mut self, server: &Server, vendor: &str, wait_ms: Option<u64>, once: bool) -> Result<ExitCode> {
        let world = Serve::new();
        let start = world.stopwatch_us();
        let mut any = false;
        if server.format == Format::Text {
            println!("\nWaiting for what {vendor} sends; Ctrl-C ends this.");
        }
        loop {
            let (refused, taken) = self.news(&requests(server, vendor)?);
            for one in refused {
                show(server, "refused", &one, |one| format!("refused: {}", trouble(one)));
            }
            for one in taken {
                any = true;
                let customers = customers(server, &one);
                show(server, "taken", &one, |one| understood(one, &customers));
                if once {
                    return Ok(ExitCode::SUCCESS);
                }
            }
            let waited_ms = world.stopwatch_us().saturating_sub(start) / 1_000;
            match wait_ms {
                Some(wait_ms) if waited_ms >= wait_ms => break,
                Some(wait_ms) => std::thread::sleep(PAUSE.min(Duration::from_millis(wait_ms - waited_ms))),
                None => std::thread::sleep(PAUSE),
            }
        }
        if any {
            return Ok(ExitCode::SUCCESS);
        }
        eprintln!("nothing of {vendor} was taken in that time");
        Ok(ExitCode::FAILURE)
    }
}

fn requests(server: &Server, vendor: &str) -> Result<Value> {
    server.get_or_fail("GET", &format!("/v1/plugins/{}/requests", segment(vendor)), Body::None)
}

fn show(server: &Server, what: &str, one: &Value, text: impl FnOnce(&Value) -> String) {
    match server.format {
        Format::Json => println!("{}", json!({ what: one })),
        Format::Text => println!("\n{}", text(one).trim_end()),
    }
}

/// The customers of a request's events, as far as they are known.
fn customers(server: &Server, taken: &Value) -> HashMap<String, Value> {
    let events = taken["shown"].as_array().into_iter().flatten();
    let ids = events.filter_map(|event| event["customer"].as_str());
    let look = |id: &str| {
        for _ in 0..LOOKS {
            // A customer is there once their event has had its turn.
            if let Ok(customer) = server.get_or_fail("GET", &format!("/v1/customers/{}", segment(id)), Body::None) {
                return Some((id.to_owned(), customer));
            }
            std::thread::sleep(LOOK_PAUSE);
        }
        None
    };
    if server.format == Format::Json { HashMap::new() } else { ids.filter_map(look).collect() }
}

/// A request that was taken: each event with its type, its ids, and whom it is about.
fn understood(taken: &Value, customers: &HashMap<String, Value>) -> String {
    let at = Instant(taken["at"].as_u64().unwrap_or_default());
    if let Some(words) = taken["ignored"].as_str() {
        return format!("taken: {at}  It tells of nothing: {words}");
    }
    let count = taken["events"].as_u64().unwrap_or_default();
    let mut text = format!("taken: {at}  {count} event{}\n", if count == 1 { "" } else { "s" });
    let shown = taken["shown"].as_array().map(Vec::as_slice).unwrap_or_default();
    for event in shown {
        let word = |name: &str| event[name].as_str().unwrap_or_default();
        let again = if word("status") == "repeated" { " (it was there before)" } else { "" };
        text.push_str(&format!("  {}{again}\n    id: {}\n    entry: {}\n", word("type"), word("id"), word("entry")));
        if !word("customer").is_empty() {
            let known = customers.get(word("customer")).map(who).unwrap_or_default();
            text.push_str(&format!("    customer: {}{known}\n", word("customer")));
        }
    }
    let more = count.saturating_sub(u64::try_from(shown.len()).unwrap_or(u64::MAX));
    if more > 0 {
        text.push_str(&format!("  and {more} more\n"));
    }
    text
}

/// What is known of a customer: the name and the addresses.
fn who(customer: &Value) -> String {
    let addresses = customer["addresses"].as_array().into_iter().flatten();
    let known: Vec<&str> = customer["name"].as_str().into_iter().chain(addresses.filter_map(Value::as_str)).collect();
    if known.is_empty() { String::new() } else { format!(" ({})", known.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_new_is_shown() {
        let taken = |number: u64| json!({ "number": number });
        let refused = |reason: &str, at: u64| json!({ "reason": reason, "at": at });
        let mut before = Before::default();
        before.news(&json!({ "taken": [taken(2), taken(1)], "refused": [refused("stale", 5)] }));
        let same = json!({ "taken": [taken(2), taken(1)], "refused": [refused("stale", 5)] });
        assert_eq!(before.news(&same), (vec![], vec![]));
        let more = json!({ "taken": [taken(4), taken(3), taken(2)], "refused": [refused("unsigned", 7), refused("stale", 6)] });
        let wanted = (vec![refused("stale", 6), refused("unsigned", 7)], vec![taken(3), taken(4)]);
        assert_eq!(before.news(&more), wanted);
        // A server that was started anew has forgotten all and counts from 1.
        assert_eq!(before.news(&json!({ "taken": [], "refused": [] })), (vec![], vec![]));
        assert_eq!(before.news(&json!({ "taken": [taken(1)], "refused": [] })), (vec![], vec![taken(1)]));
    }
}
