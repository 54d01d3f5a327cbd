//! What means harm, and the end that each of it must come to: guests in `tests/guests`, whose own first lines say it, and files that
//! are generated (`bombs`). The tests in `hostile` run each once, the soak a thousand times.

use std::path::PathBuf;

use attune_tests::{Shop, event, repository, text, until};
use serde_json::{Value, json};

use crate::bombs::{Bomb, Ends};
use crate::components;

/// A guest, and what its first lines say of it.
pub struct Guest {
    pub name: String,
    /// What has to stand in the outcome of its last run; or, after `refused: `, in the refusal of its file.
    pub expect: String,
    /// The interfaces of the host that it calls.
    imports: Vec<String>,
    /// How often it runs.
    runs: usize,
    /// Which attempt at its last event is judged: a failed one is made again after a quarter of a minute.
    pub attempt: u64,
    source: String,
}

/// Every guest there is, in order.
pub fn guests() -> Vec<Guest> {
    let folder = repository().join("tests/guests");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    files
        .into_iter()
        .map(|file| {
            let source = std::fs::read_to_string(&file).unwrap();
            let said = |name: &str| {
                let line = source.lines().find_map(|line| line.strip_prefix(&format!(";; {name}: ")));
                line.unwrap_or_default().to_owned()
            };
            let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
            let expect = said("expect");
            assert!(!expect.is_empty(), "{name} does not say what has to become of it");
            let imports = said("imports").split_whitespace().map(str::to_owned).collect();
            let number = |name: &str| said(name).parse().unwrap_or(1);
            let (runs, attempt) = (number("runs") as usize, number("attempt"));
            Guest { name, expect, imports, runs, attempt, source }
        })
        .collect()
}

/// One guest by the first letters of its name.
pub fn guest(name: &str) -> Guest {
    guests().into_iter().find(|guest| guest.name.starts_with(name)).unwrap_or_else(|| panic!("no guest {name}"))
}

impl Guest {
    /// Its file.
    pub fn wasm(&self) -> Vec<u8> {
        components::guest(&self.source, &self.imports)
    }

    /// What has to stand in the refusal of its file; none if it is taken and runs.
    pub fn refusal(&self) -> Option<&str> {
        self.expect.strip_prefix("refused: ")
    }

    /// Lets it run as often as it says, for one customer, and judges the last run. It has to be turned on.
    pub fn strike(&self, shop: &Shop, address: &str) {
        let last = self.runs(shop, address);
        self.judge(&last);
    }

    /// Lets it run as often as it says, for one customer; gives the last run, or null if it was not turned on any more.
    pub fn runs(&self, shop: &Shop, address: &str) -> Value {
        let mut last = Value::Null;
        for _ in 0..self.runs {
            last = self.run(shop, address);
        }
        if self.attempt > 1 {
            last = again(shop, address, self.attempt);
        }
        last
    }

    /// Judges a last run.
    pub fn judge(&self, last: &Value) {
        let outcome = last["outcome"].as_str().unwrap_or_default();
        assert!(outcome.contains(&self.expect), "{}: {last:#}", self.name);
        let log = last["log"].as_str().unwrap_or_default();
        assert!(log.chars().all(|c| c == '\n' || !c.is_control()) && log.len() < 20_000, "{}: {log:?}", self.name);
    }

    /// Uploads its file, which has to be refused.
    pub fn is_refused(&self, shop: &Shop, words: &str) {
        let refused = shop.owner.upload("guest", &self.wasm());
        assert_eq!(refused.status, 422, "{}: {}", self.name, refused.text);
        assert!(refused.word("detail").contains(words), "{}: {}", self.name, refused.text);
    }

    /// Lets it handle one event; gives its first run as the record of why has it.
    fn run(&self, shop: &Shop, address: &str) -> Value {
        let event = if self.source.contains("(func $on_message ") {
            event("attune.message.received.v1", json!({ "customer": { "addresses": [address] }, "text": "Hello" }))
        } else {
            weather(address)
        };
        run(shop, &event)
    }
}

/// An event that only guests care about.
pub fn weather(address: &str) -> Value {
    event("com.example.weather", json!({ "customer": { "addresses": [address] }, "weather": "rain" }))
}

/// Sends an event and waits until its step is done; gives the first run in it, or null.
pub fn run(shop: &Shop, event: &Value) -> Value {
    let taken = shop.owner.event(event).with(202);
    let customer = text(&taken["customer"]);
    until("the guest has run", || {
        let whys = shop.owner.get(&format!("/v1/customers/{customer}/whys"));
        let why = whys.body["items"].as_array()?.iter().find(|why| why["entry"] == taken["id"])?.clone();
        Some(why["runs"][0].clone())
    })
}

/// Waits for a later attempt at what failed; gives that run.
fn again(shop: &Shop, address: &str, attempt: u64) -> Value {
    let found = shop.owner.get(&format!("/v1/customers?address={address}")).with(200);
    let customer = text(&found["items"][0]["id"]);
    until("it was tried again", || {
        let whys = shop.owner.get(&format!("/v1/customers/{customer}/whys"));
        let mut runs = whys.body["items"].as_array()?.iter().map(|why| &why["runs"][0]);
        runs.find(|run| run["attempt"] == attempt).cloned()
    })
}

/// Uploads a file and judges the answer; if it is taken, it is turned on, has to handle an event as it says, and is removed.
pub fn drop_bomb(shop: &Shop, bomb: &Bomb, address: &str) {
    let answer = shop.owner.upload("bomb", &bomb.wasm);
    let told = answer.word("detail");
    match bomb.ends {
        Ends::Refused(words) => {
            assert_eq!(answer.status, 422, "{}: {}", bomb.name, answer.text);
            assert!(words.iter().any(|words| told.contains(words)), "{}: {told}", bomb.name);
        }
        Ends::Runs(outcome) => {
            assert!(matches!(answer.status, 200 | 201), "{}: {}", bomb.name, answer.text);
            shop.owner.patch("/v1/plugins/bomb", &json!({ "enabled": true })).with(200);
            let run = run(shop, &weather(address));
            assert!(run["outcome"].as_str().is_some_and(|told| told.contains(outcome)), "{}: {run:#}", bomb.name);
        }
        Ends::StaysOff => {
            assert!(matches!(answer.status, 200 | 201), "{}: {}", bomb.name, answer.text);
            let refused = shop.owner.patch("/v1/plugins/bomb", &json!({ "enabled": true }));
            assert_eq!((refused.status, refused.word("code")), (422, "invalid"), "{}: {}", bomb.name, refused.text);
        }
    }
    if answer.status != 422 {
        assert_eq!(shop.owner.delete("/v1/plugins/bomb").status, 204, "{}", bomb.name);
    }
    assert!(told.len() < 2_000, "{}: the refusal has {} bytes", bomb.name, told.len());
}
